/* What the files that stand for the system's calls share. The linker leads the calls of the
 * program's objects to functions __wrap_NAME (--wrap of ld(1)); each behaves as its manual page
 * says, as far as the program asks for it. */
#ifndef TESTS_SIM_CALLS_H
#define TESTS_SIM_CALLS_H

#include <stddef.h>
#include <sys/types.h>

struct inode;

/* A result that is not negative as it is; -1 with errno set for the others. */
int calls_fail(int error);

/* The file or directory that a descriptor stands for; NULL with errno. */
struct inode *calls_inode(int fd);

#endif
