/*
 * A directory of its own for each test, which is the working directory while the test runs, and
 * small helpers that fail the test when they cannot do what they say. Paths are relative to the
 * room.
 */
#ifndef TESTS_UNIT_FILES_ROOM_H
#define TESTS_UNIT_FILES_ROOM_H

#include "base/entry.h"
#include "base/fail.h"

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

extern struct fail room_fail;

/* A test case whose tests each get a room. */
TCase *room_case(const char *name);

/* The room's absolute path, with '/' and `path` where that is not NULL. In one of four buffers that
 * take turns. */
const char *room_path(const char *path);

void room_directory(const char *path);
void room_write(const char *path, const void *data, size_t length);
void room_text(const char *path, const char *text);
void room_link(const char *target, const char *path);

/* One more name, `path`, for the file `original`. */
void room_name(const char *original, const char *path);

/* Sets an attribute to a text. False, with a line that says why, where the file system of the room
 * has none: then the test ends. */
bool room_attribute(const char *path, const char *name, const char *text);

/* Whether it has exactly this attribute. */
bool room_has_attribute(const char *path, const char *name, const char *text);

/* Sets the modification time. */
void room_time(const char *path, int64_t seconds, uint32_t nanoseconds);

bool room_exists(const char *path);
struct stat room_stat(const char *path);

/* Whether the file holds exactly this. */
bool room_holds(const char *path, const void *data, size_t length);
bool room_says(const char *path, const char *text);

/* The number of names in a directory. */
size_t room_count(const char *path);

/* Entries as a manifest has them. Texts are borrowed. */
struct entry room_file(const char *path, uint64_t size);
struct entry room_folder(const char *path, uint32_t mode);
struct entry room_symlink(const char *path, const char *target);

/* Gives the room to a user without privileges and becomes that user, when running as root. */
void room_become_user(void);

/* From now on the system call `number` fails with `error` in this test, as on a system that lacks
 * it or forbids it. */
void room_forbid(long number, int error);

/* The same, only where the second argument is `second`, such as a command of fcntl(2). */
void room_forbid_one(long number, uint32_t second, int error);

/* Mounts an empty tmpfs of `bytes` at the directory `path`, in a mount namespace of this test
 * alone. False, with a line that says why, where the system does not allow it: then the test ends.
 */
bool room_mount(const char *path, size_t bytes);

#endif
