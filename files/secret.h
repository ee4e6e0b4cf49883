/*
 * What is never sent: a directory with the key and the memory of the node that sends. It is told by
 * device and inode, so that symbolic links, bind mounts and other names of a file hide nothing.
 *
 * Immutable once made; any thread may read it. Everything blocks on the file system.
 */
#ifndef FILES_SECRET_H
#define FILES_SECRET_H

#include <stdbool.h>
#include <sys/stat.h>

struct secret;

/* Looks at `directory` and what is directly in it; where there is none nothing is secret. 0 or
 * -errno. */
int secret_new(struct secret **out, const char *directory);
void secret_free(struct secret *secret);

/* Whether `st` describes the directory itself, or something directly in it. */
bool secret_has(const struct secret *secret, const struct stat *st);

/* Whether `path`, which is followed, is such a thing or lies below one, however deep. */
bool secret_holds(const struct secret *secret, const char *path);

#endif
