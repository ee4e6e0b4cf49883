#include "files/direct.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

void direct_ask(struct direct *direct, int fd) {
    struct statx st;
    *direct = (struct direct){.flags = fcntl(fd, F_GETFL)};
    if (direct->flags < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &st) < 0 ||
        !(st.stx_mask & STATX_DIOALIGN) || st.stx_dio_mem_align == 0 ||
        st.stx_dio_offset_align == 0)
        return;
    direct->memory = st.stx_dio_mem_align;
    direct->offset = st.stx_dio_offset_align;
}

/* Whether the descriptor is set so now. */
static bool set(struct direct *direct, int fd, bool on) {
    if (direct->on == on)
        return true;
    if (fcntl(fd, F_SETFL, on ? direct->flags | O_DIRECT : direct->flags) < 0)
        return false;
    direct->on = on;
    return true;
}

static bool is_aligned(const struct direct *direct, const void *data, size_t length,
                       uint64_t offset) {
    return direct->memory > 0 && length > 0 && (uintptr_t)data % direct->memory == 0 &&
           length % direct->offset == 0 && offset % direct->offset == 0;
}

int direct_write(struct direct *direct, int fd, const void *data, size_t length, uint64_t offset) {
    if (is_aligned(direct, data, length, offset) && set(direct, fd, true)) {
        int error = io_pwrite_full(fd, data, length, offset);
        if (error != -EINVAL)
            return error;
        direct->memory = 0;
    }
    direct_off(direct, fd);
    return io_pwrite_full(fd, data, length, offset);
}

void direct_off(struct direct *direct, int fd) {
    (void)set(direct, fd, false);
}
