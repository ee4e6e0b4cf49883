/*
 * What the lab's nodes tell their sessions, one message each from what the lab knows. A session
 * that is gone does not hear it.
 */
#ifndef TESTS_SESSION_LAB_TELL_H
#define TESTS_SESSION_LAB_TELL_H

#include "lab.h"

#include <stdbool.h>
#include <stdint.h>

void lab_tell_job(struct lab *lab, struct lab_session *session, Fxnode__Helper__Job__Kind kind);

/* What is sent; what is durable at the receiver; what its placing has chosen. */
void lab_tell_paths(struct lab *lab, struct lab_session *session);
void lab_tell_extents(struct lab *lab, struct lab_session *session);
void lab_tell_names(struct lab *lab, struct lab_session *session);

/* Hands over a connection, and closes `fd` here. */
void lab_tell_connection(const struct lab *lab, struct lab_session *session, uint32_t lane, int fd,
                         const uint8_t *send_key, const uint8_t *receive_key);

void lab_tell_committed(struct lab_session *session, uint64_t ticket);
void lab_tell_admit(struct lab *lab, lab_answer answer, bool placing);
void lab_tell_stop(struct lab_session *session, Fxnode__Helper__Stop__Reason reason);

#endif
