/*
 * The session: one job of one transfer, in a process of its own (the part
 * fxnode-session).
 */
#ifndef NODE_SESSION_MAIN_H
#define NODE_SESSION_MAIN_H

/* Does the job that the node sends over `chan`, a SOCK_SEQPACKET socket (owned from now on), and
 * returns the exit status of the process: 0, or 1 where not even its course could be reported. It
 * ends early when the node closes the channel, and the process is killed when its parent ends. */
int session_main(int chan);

#endif
