/*
 * Small I/O helpers. All retry EINTR, any thread may call them; the "full" ones block.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Writes all of it. For sockets no SIGPIPE is raised. 0 or -errno. */
int io_write_full(int fd, const void *data, size_t length);

#define IO_AGAIN 1 /* not all of it yet: call again when the socket is ready */

/* Sends *data of *length bytes to a socket that does not block; both move on with what has left.
 * No SIGPIPE. 0 where nothing is left, IO_AGAIN, or -errno. */
int io_send_on(int fd, const uint8_t **data, size_t *length);

/* Goes on receiving from such a socket until *got of `length` bytes are all of them. 0, IO_AGAIN,
 * or -errno; -ECONNRESET where the stream ends before. */
int io_receive_on(int fd, uint8_t *data, size_t length, size_t *got);

/* Reads up to `length` bytes at `offset`; less only at end of file. Bytes read, or -errno. */
ssize_t io_pread_full(int fd, void *data, size_t length, uint64_t offset);

/* Writes all of it at `offset`. 0 or -errno (-ENOSPC where the system wrote nothing). */
int io_pwrite_full(int fd, const void *data, size_t length, uint64_t offset);

/* Closes *fd if it is not negative and sets it to -1; errno is kept. */
void io_close(int *fd);

/* Milliseconds and nanoseconds of CLOCK_MONOTONIC, and seconds of CLOCK_REALTIME since 1970, 1
 * where that clock is set to before: no time is 0, which stands for never. */
uint64_t io_now_ms(void);
uint64_t io_now_ns(void);
int64_t io_wall_s(void);

#endif
