#include "base/pattern.h"

#include "base/limits.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* A component that stands for any number of them. */
#define ANY "**"

struct pattern {
    bool directories; /* it matches nothing else */
    size_t count;
    const char *parts[LIMIT_DEPTH + 1]; /* one for each component, in `text`; NULL for ANY, which
                                           never is the last one */
    char text[];
};

/* What stands at a place: fnmatch() takes some faulty expressions for ones that match nothing. */

static const char *const classes[] = {"[:alnum:]", "[:alpha:]", "[:blank:]", "[:cntrl:]",
                                      "[:digit:]", "[:graph:]", "[:lower:]", "[:print:]",
                                      "[:punct:]", "[:space:]", "[:upper:]", "[:xdigit:]"};

static size_t class_length(const char *at, size_t length) {
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        size_t size = strlen(classes[i]);
        if (size <= length && memcmp(at, classes[i], size) == 0)
            return size;
    }
    return 0;
}

/* Length of one member of a bracket expression: a class, a quoted byte or a byte. 0: it is faulty,
 * as are collating symbols, which bytes do not have. */
static size_t member_length(const char *at, size_t length) {
    if (at[0] == '[' && length > 1 && strchr(":.=", at[1]) != NULL)
        return class_length(at, length);
    if (at[0] == '\\')
        return length > 1 ? 2 : 0;
    return 1;
}

/* Length of the bracket expression at the '[' at `at`; 0 where it is none. */
static size_t bracket_length(const char *at, size_t length) {
    size_t used = 1;
    if (used < length && (at[used] == '!' || at[used] == '^'))
        used++;
    for (size_t first = used; used < length;) {
        if (at[used] == ']' && used > first)
            return used + 1;
        size_t member = member_length(at + used, length - used);
        if (member == 0)
            return 0;
        used += member;
    }
    return 0;
}

/* Length of what is matched as one: a byte, a quoted byte, a bracket expression; 0: it is faulty.
 */
static size_t unit_length(const char *at, size_t length) {
    if (at[0] == '[')
        return bracket_length(at, length);
    return member_length(at, length);
}

static const char *component_fault(const char *at, size_t length) {
    if (length == 0)
        return "has an empty component";
    if ((length == 1 && at[0] == '.') || (length == 2 && memcmp(at, "..", 2) == 0))
        return "has a component that is . or .., and no path that is sent has one";
    for (size_t used = 0; used < length;) {
        size_t unit = unit_length(at + used, length - used);
        if (unit == 0)
            return at[used] == '['
                       ? "has a [ that begins no bracket expression (\\[ is the character)"
                       : "has a \\ with nothing behind it (\\\\ is the character)";
        used += unit;
    }
    return NULL;
}

/* Length of the component at `at`. */
static size_t component_length(const char *at, size_t length) {
    const char *slash = length > 0 ? memchr(at, '/', length) : NULL;
    return slash == NULL ? length : (size_t)(slash - at);
}

/* What is left of a text without one '/' at each end. */
static size_t trim(const char **text, size_t length) {
    if (length > 0 && (*text)[0] == '/') {
        (*text)++;
        length--;
    }
    return length > 0 && (*text)[length - 1] == '/' ? length - 1 : length;
}

const char *pattern_fault(const char *text, size_t length) {
    size_t components = 0;
    if (length == 0)
        return "is empty";
    if (length > LIMIT_PATTERN)
        return "is too long";
    if (memchr(text, '\0', length) != NULL)
        return "has a NUL in it";
    length = trim(&text, length);
    for (size_t used = 0; used <= length; components++) {
        size_t component = component_length(text + used, length - used);
        const char *fault = component_fault(text + used, component);
        if (fault != NULL)
            return fault;
        used += component + 1;
    }
    return components > LIMIT_DEPTH ? "has more components than any path" : NULL;
}

/* Copies a component, terminated, with one '*' for each run of them; returns what is behind it. */
static char *copy_component(char *out, const char *at, size_t length) {
    bool star = false;
    for (size_t used = 0; used < length;) {
        size_t unit = unit_length(at + used, length - used);
        if (!star || at[used] != '*') {
            memcpy(out, at + used, unit);
            out += unit;
        }
        star = at[used] == '*';
        used += unit;
    }
    *out++ = '\0';
    return out;
}

static void add_any(struct pattern *pattern) {
    if (pattern->count == 0 || pattern->parts[pattern->count - 1] != NULL)
        pattern->parts[pattern->count++] = NULL;
}

int pattern_new(struct pattern **out, const char *text, size_t length) {
    struct pattern *pattern = calloc(1, sizeof *pattern + length + 1);
    if (pattern == NULL)
        return -ENOMEM;
    pattern->directories = text[length - 1] == '/';
    if (text[0] != '/')
        add_any(pattern);
    length = trim(&text, length);
    char *at = pattern->text;
    for (size_t used = 0; used < length;) {
        size_t component = component_length(text + used, length - used);
        bool last = used + component == length;
        if (component == strlen(ANY) && memcmp(text + used, ANY, component) == 0 && !last) {
            add_any(pattern);
        } else {
            pattern->parts[pattern->count++] = at;
            at = copy_component(at, text + used, component);
        }
        used += component + 1;
    }
    *out = pattern;
    return 0;
}

void pattern_free(struct pattern *pattern) {
    free(pattern);
}

/* Whether a part matches the first component of `path`. */
static bool part_matches(const char *part, const char *path) {
    char name[LIMIT_COMPONENT + 1];
    size_t length = strcspn(path, "/");
    if (length > LIMIT_COMPONENT)
        return false;
    memcpy(name, path, length);
    name[length] = '\0';
    return fnmatch(part, name, 0) == 0;
}

/* What is behind the first component; NULL where nothing is. */
static const char *next_component(const char *path) {
    const char *slash = strchr(path, '/');
    return slash == NULL ? NULL : slash + 1;
}

bool pattern_matches(const struct pattern *pattern, const char *path, bool directory) {
    const char *again = NULL; /* where what is behind the last ANY was tried */
    size_t after = 0;
    size_t part = 0;
    if (pattern->directories && !directory)
        return false;
    /* Names are what most patterns are for. */
    if (pattern->count == 2 && pattern->parts[0] == NULL) {
        const char *slash = strrchr(path, '/');
        return part_matches(pattern->parts[1], slash == NULL ? path : slash + 1);
    }
    for (const char *at = path; at != NULL;) {
        if (part < pattern->count && pattern->parts[part] == NULL) {
            after = ++part;
            again = at;
        } else if (part < pattern->count && part_matches(pattern->parts[part], at)) {
            part++;
            at = next_component(at);
        } else if (again != NULL) { /* ANY takes one more; an earlier one need not */
            part = after;
            at = again = next_component(again);
        } else {
            return false;
        }
    }
    return part == pattern->count;
}
