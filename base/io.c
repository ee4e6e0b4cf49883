#include "base/io.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* send() so that a closed socket is an error and no signal; write() where it is no socket. */
static ssize_t write_some(int fd, const void *data, size_t length) {
    ssize_t put = send(fd, data, length, MSG_NOSIGNAL);
    return put < 0 && errno == ENOTSOCK ? write(fd, data, length) : put;
}

int io_write_full(int fd, const void *data, size_t length) {
    const char *from = data;
    while (length > 0) {
        ssize_t put = write_some(fd, from, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        from += put;
        length -= (size_t)put;
    }
    return 0;
}

int io_send_on(int fd, const uint8_t **data, size_t *length) {
    while (*length > 0) {
        ssize_t put = send(fd, *data, *length, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno == EAGAIN ? IO_AGAIN : -errno;
        *data += put;
        *length -= (size_t)put;
    }
    return 0;
}

int io_receive_on(int fd, uint8_t *data, size_t length, size_t *got) {
    while (*got < length) {
        ssize_t more = recv(fd, data + *got, length - *got, 0);
        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return errno == EAGAIN ? IO_AGAIN : -errno;
        if (more == 0)
            return -ECONNRESET;
        *got += (size_t)more;
    }
    return 0;
}

ssize_t io_pread_full(int fd, void *data, size_t length, uint64_t offset) {
    char *to = data;
    size_t done = 0;
    while (done < length) {
        ssize_t got = pread(fd, to + done, length - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

int io_pwrite_full(int fd, const void *data, size_t length, uint64_t offset) {
    const char *from = data;
    while (length > 0) {
        ssize_t put = pwrite(fd, from, length, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        if (put == 0)
            return -ENOSPC;
        from += put;
        offset += (uint64_t)put;
        length -= (size_t)put;
    }
    return 0;
}

void io_close(int *fd) {
    int kept = errno;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = kept;
}

uint64_t io_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t io_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int64_t io_wall_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec > 0 ? now.tv_sec : 1;
}
