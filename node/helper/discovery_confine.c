#include "node/helper/discovery_confine.h"

#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights newer than the headers of Debian 12 (landlock(7), ABI 3). */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

/* struct landlock_ruleset_attr of ABI 6, which those headers do not have whole. */
struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};
#define SCOPE_SIGNAL (1ULL << 1)

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_1 ((1ULL << 13) - 1) /* all that the first version knows */

static int abi_version(void) {
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static uint64_t rights_of(int abi) {
    uint64_t rights = RIGHTS_1;
    if (abi >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
    return rights;
}

static int allow_reading(int ruleset, const char *path) {
    struct landlock_path_beneath_attr rule = {.allowed_access = READING};
    rule.parent_fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
    if (rule.parent_fd < 0)
        return 0; /* not there: nothing to allow */
    long result = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int error = result < 0 ? -errno : 0;
    close(rule.parent_fd);
    return error;
}

static int restrict_files(int abi) {
    static const char *const READABLE[] = {"/dev", "/etc", "/lib", "/lib64",       "/proc",
                                           "/run", "/sys", "/usr", "/var/lib/dbus"};
    struct ruleset attr = {.fs = rights_of(abi), .scoped = abi >= 6 ? SCOPE_SIGNAL : 0};
    size_t size = abi >= 6 ? sizeof attr : sizeof attr.fs;
    int result = 0;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        return -errno;
    for (size_t i = 0; i < sizeof READABLE / sizeof *READABLE && result == 0; i++)
        result = allow_reading(ruleset, READABLE[i]);
    if (result == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        result = -errno;
    io_close(&ruleset);
    return result;
}

/* System calls. D-Bus and the C library may use many, so what is taken away is named: what reaches
 * other processes and programs, and parts of the kernel that finding nodes has no use for. */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#ifdef SANITIZED
/* The run-time of a sanitizer looks at its own process from another. */
static int restrict_calls(void) {
    return 0;
}
#else
static const char *const denied[] = {
    /* processes and programs */
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
    "process_madvise", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "kcmp", "pidfd_open",
    "pidfd_getfd", "pidfd_send_signal",
    /* the kernel */
    "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "bpf", "userfaultfd",
    "perf_event_open", "io_uring_setup", "add_key", "request_key", "keyctl", "open_by_handle_at",
    "setpriority", "sched_setscheduler", "sched_setattr", "sched_setaffinity", "sched_setparam"};

/* Calls that are denied with one value of an argument, of which the kernel reads 32 bits: a
 * descriptor must not send signals to whom this process may not. */
static const struct {
    const char *call;
    unsigned argument;
    unsigned value;
} denied_with[] = {{"fcntl", 1, F_SETOWN},   {"fcntl", 1, F_SETSIG},   {"fcntl", 1, F_SETOWN_EX},
                   {"fcntl64", 1, F_SETOWN}, {"fcntl64", 1, F_SETSIG}, {"fcntl64", 1, F_SETOWN_EX},
                   {"ioctl", 1, FIOSETOWN},  {"ioctl", 1, SIOCSPGRP}};

/* Names that this architecture or library does not have are none to rule on. */
static int deny(scmp_filter_ctx filter, const char *name, unsigned count,
                const struct scmp_arg_cmp *compare) {
    int call = seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR)
        return 0;
    int result = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), call, count, compare);
    return result == -EDOM ? 0 : result;
}

static int deny_values(scmp_filter_ctx filter) {
    int result = 0;
    for (size_t i = 0; i < sizeof denied_with / sizeof *denied_with && result == 0; i++) {
        struct scmp_arg_cmp is =
            SCMP_CMP(denied_with[i].argument, SCMP_CMP_MASKED_EQ, UINT32_MAX, denied_with[i].value);
        result = deny(filter, denied_with[i].call, 1, &is);
    }
    return result;
}

/* New threads but no new processes (clone3 hides its flags, so the C library is sent back to
 * clone), signals to itself only. */
static int deny_others(scmp_filter_ctx filter) {
    struct scmp_arg_cmp process = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
    struct scmp_arg_cmp other = SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid(), 0);
    int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (result == 0)
        result = deny(filter, "clone", 1, &process);
    if (result == 0)
        result = deny(filter, "kill", 1, &other);
    return result == 0 ? deny(filter, "tgkill", 1, &other) : result;
}

static int restrict_calls(void) {
    scmp_filter_ctx filter = NULL;
    int result = 0;
    if (prctl(PR_GET_SECCOMP) < 0) {
        log_debug("this kernel cannot restrict system calls");
        return 0;
    }
    filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < sizeof denied / sizeof *denied && result == 0; i++)
        result = deny(filter, denied[i], 0, NULL);
    if (result == 0)
        result = deny_values(filter);
    if (result == 0)
        result = deny_others(filter);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    return result;
}
#endif

int discovery_confine(void) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    int abi = abi_version();
    int result = 0;
    if (abi < 1)
        log_debug("no Landlock here: %s", strerror(errno));
    else
        result = restrict_files(abi);
    return result == 0 ? restrict_calls() : result;
}
