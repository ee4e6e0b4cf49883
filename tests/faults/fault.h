/*
 * What fault-preload is told, and what it tells: a file that all processes of a node map, and the
 * test with them (control.py has the same layout). A process counts the calls of each kind that it
 * makes; those of one role are counted together, in the order in which they come. The one that was
 * asked for fails, once.
 */
#ifndef TESTS_FAULTS_FAULT_H
#define TESTS_FAULTS_FAULT_H

#include <stdatomic.h>
#include <stdint.h>

#define FAULT_FILE "FXNODE_FAULT_FILE" /* the variable that names the file */
#define FAULT_SHORT (-1)               /* in place of an errno: half the length is done */
#define FAULT_FRAMES 24
#define FAULT_NAME 104
#define FAULT_RECORDS 65536

enum fault_role { FAULT_COMMAND, FAULT_DAEMON, FAULT_SESSION, FAULT_DISCOVERY, FAULT_ROLES };

/* In the order of control.py's CALLS. */
enum fault_call {
    FAULT_MEMORY,
    FAULT_MAP,
    FAULT_OPEN,
    FAULT_CLOSE,
    FAULT_READ,
    FAULT_PREAD,
    FAULT_WRITE,
    FAULT_PWRITE,
    FAULT_COPY,
    FAULT_SEEK,
    FAULT_SYNC,
    FAULT_RENAME,
    FAULT_LINK,
    FAULT_UNLINK,
    FAULT_MKDIR,
    FAULT_TRUNCATE,
    FAULT_ALLOCATE,
    FAULT_MODE,
    FAULT_TIMES,
    FAULT_SETXATTR,
    FAULT_GETXATTR,
    FAULT_STAT,
    FAULT_READLINK,
    FAULT_READDIR,
    FAULT_LOCK,
    FAULT_DUP,
    FAULT_SOCKET,
    FAULT_SOCKETPAIR,
    FAULT_EVENTS,
    FAULT_WATCH,
    FAULT_ACCEPT,
    FAULT_CONNECT,
    FAULT_BIND,
    FAULT_OPTION,
    FAULT_SEND,
    FAULT_RECEIVE,
    FAULT_POLL,
    FAULT_WAIT,
    FAULT_THREAD,
    FAULT_FORK,
    FAULT_EXEC,
    FAULT_CALLS
};

struct fault_frame {
    uint64_t offset; /* of the return address in the file */
    char file[FAULT_NAME];
};

/* One call, and a number that stands for those who made it. */
struct fault_record {
    uint32_t which; /* role * 256 + call */
    uint32_t n;
    uint64_t callers;
};

struct fault_control {
    uint32_t role;
    uint32_t call;
    _Atomic uint64_t n; /* which one fails, from 1; 0: none */
    int32_t error;
    _Atomic uint32_t fired;
    _Atomic uint64_t counts[FAULT_ROLES][FAULT_CALLS];
    struct fault_frame frames[FAULT_FRAMES]; /* who made the call that failed */
    uint32_t recording;                      /* all calls are written down */
    _Atomic uint32_t recorded;
    struct fault_record records[FAULT_RECORDS];
};

/* Counts a call. 0 where it is to be made, an errno where it fails, or FAULT_SHORT. */
int fault_strike(enum fault_call call);

#endif
