/*
 * Small I/O helpers. All retry EINTR, all block, any thread may call them.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads exactly `length` bytes. 0; -errno; -EPIPE where the stream ends before the first byte;
 * -ECONNRESET where it ends in between. */
int io_read_full(int fd, void *data, size_t length);

/* Writes all of it. For sockets no SIGPIPE is raised. 0 or -errno. */
int io_write_full(int fd, const void *data, size_t length);

/* Reads up to `length` bytes at `offset`; less only at end of file. Bytes read, or -errno. */
ssize_t io_pread_full(int fd, void *data, size_t length, uint64_t offset);

/* Writes all of it at `offset`. 0 or -errno (-ENOSPC where the system wrote nothing). */
int io_pwrite_full(int fd, const void *data, size_t length, uint64_t offset);

/* Closes *fd if it is not negative and sets it to -1; errno is kept. */
void io_close(int *fd);

/* Milliseconds of CLOCK_MONOTONIC, and seconds of CLOCK_REALTIME since 1970. */
uint64_t io_now_ms(void);
int64_t io_wall_s(void);

#endif
