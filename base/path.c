#include "base/path.h"

#include "base/limits.h"

#include <stdint.h>
#include <string.h>

static const char *component_fault(const char *name, size_t length) {
    if (length == 0)
        return "an empty component";
    if (length > LIMIT_COMPONENT)
        return "a component of more than 255 bytes";
    if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
        return "a component \".\" or \"..\"";
    if (memchr(name, '\0', length) != NULL)
        return "a NUL byte";
    return NULL;
}

const char *path_fault(const char *path, size_t length) {
    size_t depth = 0;
    size_t from = 0;

    if (length > LIMIT_PATH)
        return "more than 4095 bytes";
    do {
        const char *slash = length > from ? memchr(path + from, '/', length - from) : NULL;
        size_t end = slash != NULL ? (size_t)(slash - path) : length;
        const char *fault = component_fault(path + from, end - from);
        if (fault != NULL)
            return fault;
        if (++depth > LIMIT_DEPTH)
            return "more than 128 levels";
        from = end + 1;
    } while (from <= length);
    return NULL;
}

bool path_is_area(const char *path, size_t length) {
    size_t above = path_parent(path, length);
    size_t from = above == 0 ? 0 : above + 1;
    return length - from == strlen(PATH_AREA) && memcmp(path + from, PATH_AREA, length - from) == 0;
}

const char *path_directory_fault(const char *path, size_t length) {
    const char *fault = path_fault(path, length);
    for (size_t end = length; fault == NULL && end > 0; end = path_parent(path, end))
        if (path_is_area(path, end))
            fault = "a component \"" PATH_AREA "\", which is kept for what is coming in";
    return fault;
}

int path_compare(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t shared = a_length < b_length ? a_length : b_length;
    for (size_t i = 0; i < shared; i++) {
        if (a[i] == b[i])
            continue;
        /* NUL is in no path, so '/' may take its place as the lowest byte. */
        int left = a[i] == '/' ? 0 : (uint8_t)a[i];
        int right = b[i] == '/' ? 0 : (uint8_t)b[i];
        return left - right;
    }
    return a_length == b_length ? 0 : a_length < b_length ? -1 : 1;
}

size_t path_parent(const char *path, size_t length) {
    const char *slash = length > 0 ? memrchr(path, '/', length) : NULL;
    return slash != NULL ? (size_t)(slash - path) : 0;
}

size_t path_top(const char *path, size_t length) {
    const char *slash = length > 0 ? memchr(path, '/', length) : NULL;
    return slash != NULL ? (size_t)(slash - path) : length;
}

bool path_is_below(const char *path, size_t length, const char *top, size_t top_length) {
    return length > top_length && path[top_length] == '/' && memcmp(path, top, top_length) == 0;
}

bool path_is_target(const char *target, size_t length) {
    return length > 0 && length <= LIMIT_PATH && memchr(target, '\0', length) == NULL;
}

bool path_link_is_inside(const char *path, size_t length, const char *target,
                         size_t target_length) {
    size_t depth = 0; /* directories below the top-level item where the link stands */
    size_t from = 0;
    bool down = false;

    if (!path_is_target(target, target_length) || target[0] == '/' ||
        path_parent(path, length) == 0)
        return false;
    for (size_t i = path_top(path, length) + 1; i < length; i++)
        depth += path[i] == '/';
    while (from < target_length) {
        const char *slash = memchr(target + from, '/', target_length - from);
        size_t end = slash != NULL ? (size_t)(slash - target) : target_length;
        size_t size = end - from;
        if (size == 2 && target[from] == '.' && target[from + 1] == '.') {
            if (down || depth-- == 0)
                return false;
        } else if (size > 0 && !(size == 1 && target[from] == '.')) {
            down = true;
        }
        from = end + 1;
    }
    return true;
}
