/*
 * Telling a service manager how the node is doing (sd_notify(3)): a datagram to $NOTIFY_SOCKET.
 */
#ifndef NODE_DAEMON_NOTIFY_H
#define NODE_DAEMON_NOTIFY_H

/* Sends `state`, such as "READY=1"; nothing where nobody asked for it. Does not block. */
void notify_send(const char *state);

#endif
