#include "node/common/ask.h"

#include "base/chan.h"
#include "base/limits.h"
#include "proto/msg.h"

#include <sodium.h>

int ask_send(int fd, const Fxnode__Control__Request *request) {
    uint8_t packet[LIMIT_PACKET];
    int length = msg_encode(&request->base, packet, sizeof packet);
    if (length < 0)
        return length;
    int rc = chan_send(fd, packet, (size_t)length, NULL, 0, 0);
    sodium_memzero(packet, (size_t)length); /* it may have held a code */
    return rc;
}

int ask_hello(int fd) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    Fxnode__Control__Hello hello = FXNODE__CONTROL__HELLO__INIT;
    hello.version = ASK_VERSION;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_HELLO;
    request.hello = &hello;
    return ask_send(fd, &request);
}
