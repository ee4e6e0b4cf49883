#include "node/session/confine.h"

#include "base/io.h"
#include "base/log.h"
#include "node/session/call_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

/* Rights newer than the headers of older systems, by the kernel's own numbers
 * (Documentation/userspace-api/landlock.rst). */
#define FS_REFER (1ULL << 13)     /* ABI 2 */
#define FS_TRUNCATE (1ULL << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define NET_BIND_TCP (1ULL << 0)  /* ABI 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_SOCKET (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL (1ULL << 1)

struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

#define FS_FILE                                                                                    \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     FS_TRUNCATE | FS_IOCTL_DEV)
#define FS_CREATE                                                                                  \
    (LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM |     \
     FS_REFER)
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_PLACE (LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | FS_CREATE)
#define FS_OWN                                                                                     \
    (FS_READ | FS_PLACE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |         \
     FS_TRUNCATE)

static const uint64_t rights[] = {
    [CONFINE_READ] = FS_READ,
    [CONFINE_OWN] = FS_OWN,
    [CONFINE_PLACE] = FS_PLACE,
    [CONFINE_REMOVE] = LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR,
    [CONFINE_REPLACE] = FS_PLACE | LANDLOCK_ACCESS_FS_REMOVE_FILE,
};

/* Everything that a kernel of this ABI can deny: a right that is not handled stays allowed. */
static size_t everything(long abi, struct ruleset *set) {
    *set = (struct ruleset){.fs = (1ULL << 13) - 1};
    if (abi >= 2)
        set->fs |= FS_REFER;
    if (abi >= 3)
        set->fs |= FS_TRUNCATE;
    if (abi >= 5)
        set->fs |= FS_IOCTL_DEV;
    if (abi >= 4)
        set->net = NET_BIND_TCP | NET_CONNECT_TCP;
    if (abi >= 6)
        set->scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
    if (abi >= 6)
        return sizeof *set;
    return abi >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
}

static int add_rule(int ruleset, uint64_t handled, int fd, uint64_t allowed) {
    struct landlock_path_beneath_attr rule = {.parent_fd = fd};
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    rule.allowed_access = allowed & handled;
    if (!S_ISDIR(st.st_mode))
        rule.allowed_access &= FS_FILE;
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        return -errno;
    return 0;
}

/* One path at a time is open: there may be more of them than descriptors. What is not there is left
 * out, so that it fails later, by name. */
static int add_path(int ruleset, uint64_t handled, const char *path, uint64_t allowed) {
    int fd = open(path, O_PATH | O_CLOEXEC);
    int r;

    if (fd < 0)
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;
    r = add_rule(ruleset, handled, fd, allowed);
    io_close(&fd);
    return r;
}

#ifdef SANITIZED
/* A leak check at exit looks at its own process. */
static int add_rules_of_build(int ruleset, uint64_t handled) {
    int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? 0 : add_rule(ruleset, handled, fd, FS_READ);

    io_close(&fd);
    return r;
}
#else
static int add_rules_of_build(int ruleset, uint64_t handled) {
    (void)ruleset;
    (void)handled;
    return 0;
}
#endif

int confine_files(const struct confine_rule *rules, size_t count) {
    struct ruleset set;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    size_t size;
    int fd = -1;
    int r = 0;

    /* ABI 1 cannot move anything between directories, so nothing could be placed. */
    if (abi < 2) {
        log_debug("this kernel cannot restrict the paths of a session");
        return 0;
    }
    size = everything(abi, &set);
    fd = (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
    if (fd < 0)
        return -errno;
    for (size_t i = 0; i < count && r == 0; i++)
        r = rules[i].path != NULL ? add_path(fd, set.fs, rules[i].path, rights[rules[i].right])
                                  : add_rule(fd, set.fs, rules[i].fd, rights[rules[i].right]);
    if (r == 0)
        r = add_rules_of_build(fd, set.fs);
    if (r == 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                   syscall(SYS_landlock_restrict_self, fd, 0) < 0))
        r = -errno;
    io_close(&fd);
    return r;
}

#ifdef SANITIZED
int confine_calls(void) {
    return 0;
}

int confine_calls_but_leases(void) {
    return 0;
}
#else
static const char *const allowed[] = {
    /* descriptors */
    "read", "write", "readv", "writev", "pread64", "pwrite64", "close", "lseek", "_llseek", "dup",
    "dup3", "poll", "ppoll", "eventfd2", "recvmsg", "recvfrom", "recv", "sendto", "send",
    "shutdown", "getsockopt",
    /* files, within what Landlock leaves */
    "openat", "openat2", "fstat", "fstat64", "newfstatat", "fstatat64", "statx", "getdents64",
    "readlinkat", "faccessat", "faccessat2", "mkdirat", "unlinkat", "renameat", "renameat2",
    "linkat", "symlinkat", "copy_file_range", "fsetxattr", "flistxattr", "fremovexattr", "fchmod",
    "utimensat", "utimensat_time64", "ftruncate", "ftruncate64", "fallocate", "fadvise64",
    "fadvise64_64", "fsync", "fdatasync", "syncfs", "sync_file_range", "sync_file_range2",
    "fstatfs", "fstatfs64", "flock", "umask", "open", "stat", "lstat", "access", "mkdir", "rmdir",
    "unlink", "rename", "link", "symlink", "readlink",
    /* memory, threads, time */
    "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "mlock", "munlock", "brk", "futex",
    "futex_time64", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "gettid",
    "getpid", "getppid", "getuid", "geteuid", "clock_gettime", "clock_gettime64", "clock_getres",
    "clock_nanosleep", "clock_nanosleep_time64", "nanosleep", "gettimeofday", "getrandom",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack", "restart_syscall",
    "exit", "exit_group",
    /* the second Landlock layer */
    "prctl", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"};

static const char *const deadly[] = {"execve",
                                     "execveat",
                                     "fork",
                                     "vfork",
                                     "ptrace",
                                     "process_vm_readv",
                                     "process_vm_writev",
                                     "socket",
                                     "socketpair",
                                     "connect",
                                     "bind",
                                     "listen",
                                     "accept",
                                     "accept4",
                                     "mount",
                                     "umount2",
                                     "pivot_root",
                                     "chroot",
                                     "unshare",
                                     "setns",
                                     "bpf",
                                     "perf_event_open",
                                     "userfaultfd",
                                     "io_uring_setup",
                                     "open_by_handle_at",
                                     "pidfd_open",
                                     "pidfd_getfd",
                                     "add_key",
                                     "request_key",
                                     "keyctl",
                                     "kexec_load",
                                     "kexec_file_load",
                                     "init_module",
                                     "finit_module",
                                     "delete_module",
                                     "reboot",
                                     "swapon",
                                     "setuid",
                                     "setgid",
                                     "setresuid",
                                     "setresgid",
                                     "setreuid",
                                     "setregid"};

/* Looks into tables only: no memory is taken. Negative where this architecture or the library does
 * not know the name, which is none to rule on then. */
static int number_of(const char *name) {
    return seccomp_syscall_resolve_name(name);
}

static void add_calls(struct call_filter *filter, uint32_t action, const char *const *names,
                      size_t n) {
    for (size_t i = 0; i < n; i++)
        call_filter_add(filter, number_of(names[i]), action);
}

/* A call that is allowed with one value of an argument, or of two. Of arguments the kernel reads 32
 * bits. */
struct condition {
    const char *call;
    unsigned count;
    struct {
        unsigned argument;
        int value;
    } is[2];
};

/* Landlock does not rule on modes: by path they are only set so that nobody else gains by it, as
 * files/ does to open again what is staged. Descriptors may not be told whom to send signals to,
 * nor be made to close slowly at whoever gets them; sendmsg is missing, so nobody gets any. */
static const struct condition conditions[] = {
    {"chmod", 1, {{1, 0600}}},
    {"chmod", 1, {{1, 0700}}},
    {"fchmodat", 1, {{2, 0600}}},
    {"fchmodat", 1, {{2, 0700}}},
    {"fchmodat2", 1, {{2, 0600}}},
    {"fchmodat2", 1, {{2, 0700}}},
    {"fcntl", 1, {{1, F_DUPFD}}},
    {"fcntl", 1, {{1, F_DUPFD_CLOEXEC}}},
    {"fcntl", 1, {{1, F_GETFD}}},
    {"fcntl", 1, {{1, F_SETFD}}},
    {"fcntl", 1, {{1, F_GETFL}}},
    {"fcntl", 1, {{1, F_SETFL}}},
    {"fcntl64", 1, {{1, F_DUPFD}}},
    {"fcntl64", 1, {{1, F_DUPFD_CLOEXEC}}},
    {"fcntl64", 1, {{1, F_GETFD}}},
    {"fcntl64", 1, {{1, F_SETFD}}},
    {"fcntl64", 1, {{1, F_GETFL}}},
    {"fcntl64", 1, {{1, F_SETFL}}},
    /* The call behind those of sockets where they have none of their own (i386, s390). */
    {"socketcall", 1, {{0, SYS_SEND}}},
    {"socketcall", 1, {{0, SYS_RECV}}},
    {"socketcall", 1, {{0, SYS_SENDTO}}},
    {"socketcall", 1, {{0, SYS_RECVFROM}}},
    {"socketcall", 1, {{0, SYS_SHUTDOWN}}},
    {"socketcall", 1, {{0, SYS_GETSOCKOPT}}},
    {"socketcall", 1, {{0, SYS_RECVMSG}}},
    {"setpriority", 2, {{0, PRIO_PROCESS}, {1, 0}}},
    {"setsockopt", 2, {{1, SOL_SOCKET}, {2, SO_SNDTIMEO}}},
    {"setsockopt", 2, {{1, IPPROTO_TCP}, {2, TCP_NODELAY}}},
    {"setsockopt", 2, {{1, IPPROTO_TCP}, {2, TCP_CONGESTION}}},
};

static void add_condition(struct call_filter *filter, const struct condition *condition) {
    struct call_check checks[2];

    for (unsigned i = 0; i < condition->count; i++)
        checks[i] = (struct call_check){.argument = condition->is[i].argument,
                                        .mask = UINT32_MAX,
                                        .value = (uint32_t)condition->is[i].value};
    call_filter_add_if(filter, number_of(condition->call), SECCOMP_RET_ALLOW, checks,
                       condition->count);
}

/* New threads but no new processes (clone3 hides its flags, so the C library is sent back to
 * clone), signals to itself only. */
static void add_conditions(struct call_filter *filter) {
    const struct call_check thread = {.mask = CLONE_THREAD, .value = CLONE_THREAD};
    const struct call_check self = {.mask = UINT32_MAX, .value = (uint32_t)getpid()};

    call_filter_add_if(filter, number_of("clone"), SECCOMP_RET_ALLOW, &thread, 1);
    call_filter_add(filter, number_of("clone3"), SECCOMP_RET_ERRNO | ENOSYS);
    call_filter_add_if(filter, number_of("kill"), SECCOMP_RET_ALLOW, &self, 1);
    call_filter_add_if(filter, number_of("tgkill"), SECCOMP_RET_ALLOW, &self, 1);
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++)
        add_condition(filter, &conditions[i]);
}

static const struct condition leases[] = {
    {"fcntl", 1, {{1, F_SETLEASE}}},
    {"fcntl64", 1, {{1, F_SETLEASE}}},
};

/* What is called most comes first. */
static int confine_calls_to(const struct condition *more, size_t count) {
    struct call_filter filter;

    if (prctl(PR_GET_SECCOMP) < 0) {
        log_debug("this kernel cannot restrict the system calls of a session");
        return 0;
    }
    call_filter_begin(&filter);
    add_calls(&filter, SECCOMP_RET_ALLOW, allowed, sizeof allowed / sizeof *allowed);
    add_conditions(&filter);
    for (size_t i = 0; i < count; i++)
        add_condition(&filter, &more[i]);
    add_calls(&filter, SECCOMP_RET_KILL_PROCESS, deadly, sizeof deadly / sizeof *deadly);
    return call_filter_load(&filter);
}

int confine_calls(void) {
    return confine_calls_to(NULL, 0);
}

int confine_calls_but_leases(void) {
    return confine_calls_to(leases, sizeof leases / sizeof *leases);
}
#endif
