/*
 * Opening again what an earlier step or session put into a staging tree.
 */
#ifndef FILES_STAGED_H
#define FILES_STAGED_H

#include <stdbool.h>
#include <sys/stat.h>

/* Whether `st` is a regular file of this user's with one name; or with any number of them, for a
 * tree in which hard links were made. */
bool staged_is_file(const struct stat *st);
bool staged_is_linked_file(const struct stat *st);

/*
 * Opens the file or directory `name` in `parent` with access `access` (O_RDONLY or O_RDWR),
 * following no link. It must be this user's own, and a file must have no other name, unless it is
 * opened as a linked one. Where it has its final mode and that forbids opening it, the owner's bits
 * are set first. The descriptor (close-on-exec) or -errno; -EEXIST where something else has the
 * name.
 */
int staged_open_file(int parent, const char *name, int access);
int staged_open_linked_file(int parent, const char *name, int access);
int staged_open_directory(int parent, const char *name);

#endif
