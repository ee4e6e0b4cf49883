#include "node/helper/discovery_confine.h"

#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights newer than the headers of Debian 12 (landlock(7), ABI 3). */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

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
    struct landlock_ruleset_attr attr = {.handled_access_fs = rights_of(abi)};
    int result = 0;
    int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
    if (ruleset < 0)
        return -errno;
    for (size_t i = 0; i < sizeof READABLE / sizeof *READABLE && result == 0; i++)
        result = allow_reading(ruleset, READABLE[i]);
    if (result == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        result = -errno;
    io_close(&ruleset);
    return result;
}

int discovery_confine(void) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    int abi = abi_version();
    if (abi < 1) {
        log_debug("no Landlock here: %s", strerror(errno));
        return 0;
    }
    return restrict_files(abi);
}
