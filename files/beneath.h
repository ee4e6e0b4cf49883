/*
 * Opening and making things below a held directory, so that no symbolic link, no ".." and no race
 * with either leads out of it.
 *
 * Every path is relative and has passed path_fault() (base/path.h); it need not be terminated.
 * Parents are opened by one openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
 * where the system has no openat2 (ENOSYS) or a filter forbids it (EPERM), component by component
 * with O_NOFOLLOW | O_DIRECTORY from the descriptor before. The last component is then one name
 * relative to its parent, which no call here follows. The parent opened last is kept, so files
 * that come in the order of their directories cost one look-up each; it may be renamed or removed
 * meanwhile, and is the same directory then.
 *
 * A `struct beneath` belongs to one thread; several may share a root. All calls may block on the
 * file system. All return 0 or a descriptor, or -errno: -ELOOP, -ENOTDIR or -EXDEV where a symbolic
 * link stands in the way. All descriptors are close-on-exec.
 */
#ifndef FILES_BENEATH_H
#define FILES_BENEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct beneath;

/* Prepares look-ups below the directory `root` (borrowed, must stay open as long). `walk`: never
 * use openat2, as if the system had none. 0 or -ENOMEM. */
int beneath_new(struct beneath **out, int root, bool walk);
void beneath_free(struct beneath *beneath);

/* The parent directory of `path` and its last component. *parent is a borrowed O_PATH descriptor
 * and *name a terminated string, both valid until the next call. */
int beneath_parent(struct beneath *beneath, const char *path, size_t length, int *parent,
                   const char **name);

/* Opens `path` with openat flags `flags` (O_NOFOLLOW and O_CLOEXEC are added) and, with O_CREAT,
 * `mode`. Returns the descriptor, owned by the caller. Length 0 means the root itself. */
int beneath_open(struct beneath *beneath, const char *path, size_t length, int flags, mode_t mode);

/* Removes what is no directory. */
int beneath_unlink(struct beneath *beneath, const char *path, size_t length);

#endif
