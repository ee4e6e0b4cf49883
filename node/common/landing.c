#include "node/common/landing.h"

#include "base/path.h"

#include <stdio.h>
#include <string.h>

#define MARK "/./"

/* Where the last mark begins, or NULL. */
static const char *last_mark(const char *path) {
    const char *last = NULL;
    for (const char *at = strstr(path, MARK); at != NULL; at = strstr(at + 1, MARK))
        last = at;
    return last;
}

static void remove_marks(char *path) {
    for (char *at = strstr(path, MARK); at != NULL; at = strstr(path, MARK))
        memmove(at, at + 2, strlen(at + 2) + 1);
}

bool landing_make(char out[PATH_MAX], const char *base, const char *directory) {
    char plain[PATH_MAX];
    int length = snprintf(plain, sizeof plain, "%s", base);
    if (length < 0 || length >= PATH_MAX)
        return false;
    remove_marks(plain);
    length = snprintf(out, PATH_MAX, "%s%s%s", plain, directory[0] != '\0' ? MARK : "", directory);
    return length >= 0 && length < PATH_MAX;
}

struct landing landing_split(const char *path) {
    const char *mark = last_mark(path);
    const char *directory = mark != NULL ? mark + strlen(MARK) : NULL;
    /* What landing_make() did not write is all the user's. */
    if (mark == NULL || mark == path || path_directory_fault(directory, strlen(directory)) != NULL)
        return (struct landing){strlen(path), ""};
    return (struct landing){(size_t)(mark - path), directory};
}

char *landing_plain(char out[PATH_MAX], const char *path) {
    struct landing landing = landing_split(path);
    snprintf(out, PATH_MAX, "%.*s%s%s", (int)landing.base, path,
             landing.directory[0] != '\0' ? "/" : "", landing.directory);
    return out;
}
