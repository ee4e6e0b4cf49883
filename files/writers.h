/*
 * Who may be writing into a file that is about to be removed, as the kernel knows it: what is
 * written by then has a name no more. One thread; nothing blocks.
 */
#ifndef FILES_WRITERS_H
#define FILES_WRITERS_H

#include <stdbool.h>

/*
 * Keeps writers from the file that is open, for reading only, as `fd`, by a lease (fcntl(2)):
 * whoever opens it for writing from now on waits until `fd` is closed or writers_let_in(), or for
 * a while. Whether there is one already, who has it open or in memory. False also where that is not
 * to be known: the file is somebody else's, or on a server. The process must ignore SIGIO.
 */
bool writers_keep_out(int fd);
void writers_let_in(int fd);

/* Whether the file lies in memory only, where what is written through a mapping changes no time but
 * at first. */
bool writers_leave_no_trace(int fd);

#endif
