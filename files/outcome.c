#include "files/outcome.h"

#include "base/escape.h"

#include <errno.h>

#define SHOWN 256 /* room for an entry's path in a message */

int outcome_of(int error, struct fail *fail, const char *what, const char *shown) {
    fail_set(fail, error, "cannot %s %s", what, shown);
    return error == -ENOSPC || error == -EDQUOT ? STAGING_NO_SPACE : error;
}

int outcome_of_entry(int error, struct fail *fail, const char *what, const struct staging *staging,
                     const struct entry *entry) {
    char shown[SHOWN];
    escape_bytes(shown, sizeof(shown), entry->path, entry->path_length);
    fail_set(fail, error, "cannot %s %s in %s", what, shown, staging_shown(staging));
    switch (error) {
    case -ENOSPC:
    case -EDQUOT:
        return STAGING_NO_SPACE;
    case -ENAMETOOLONG:
    case -EILSEQ:
    case -EINVAL:
        return STAGING_BAD_NAME;
    case -ENOENT:
    case -EEXIST:
    case -ENOTDIR:
    case -EISDIR:
    case -ELOOP:
    case -EXDEV:
        return STAGING_DIFFERS;
    default:
        return error;
    }
}

int outcome_differs(struct fail *fail, const struct staging *staging, const struct entry *entry,
                    const char *how) {
    char shown[SHOWN];
    escape_bytes(shown, sizeof(shown), entry->path, entry->path_length);
    fail_set(fail, 0, "%s in %s %s", shown, staging_shown(staging), how);
    return STAGING_DIFFERS;
}
