/*
 * How somebody who asks a node begins, at its control socket (proto/control.proto).
 */
#ifndef NODE_COMMON_ASK_H
#define NODE_COMMON_ASK_H

#include "proto/control.pb-c.h"

#define ASK_VERSION 1 /* of what is asked and answered */

/* Sends a request. Blocks where the socket does. 0 or -errno. */
int ask_send(int fd, const Fxnode__Control__Request *request);

/* Says hello; the node answers with Welcome. As ask_send(). */
int ask_hello(int fd);

#endif
