/*
 * Standard output of a program that people and scripts run: what it says there is part of what it
 * was asked for.
 */
#ifndef NODE_COMMON_OUTPUT_H
#define NODE_COMMON_OUTPUT_H

/* Before anything is opened: fills those of the three standard descriptors that are closed, so that
 * no file or socket gets their number and is written into by what prints. */
void output_begin(void);

/* At the end. `status`, or 1 in place of 0 where not all that was printed has come out, which is
 * said on standard error. */
int output_end(int status);

#endif
