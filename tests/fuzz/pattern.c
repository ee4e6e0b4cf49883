/*
 * A pattern and the path of an entry, with a NUL between. Whatever is taken for a pattern can be
 * matched with any path; and a path with a '\' before each byte is a pattern that matches it.
 */
#include "base/pattern.h"
#include "base/limits.h"
#include "base/path.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact) {
    if (!fact) {
        abort();
    }
}

static void match_itself(const char *path) {
    char quoted[LIMIT_PATTERN + 1] = "/";
    struct pattern *pattern = NULL;
    size_t length = 1;
    if (strlen(path) > (LIMIT_PATTERN - 1) / 2) {
        return;
    }
    for (const char *at = path; *at != '\0'; at++) {
        if (*at != '/') {
            quoted[length++] = '\\';
        }
        quoted[length++] = *at;
    }
    must(pattern_fault(quoted, length) == NULL);
    must(pattern_new(&pattern, quoted, length) == 0);
    must(pattern_matches(pattern, path, false));
    must(pattern_matches(pattern, path, true));
    pattern_free(pattern);
}

static void match(const char *text, size_t length, const char *path) {
    struct pattern *pattern = NULL;
    if (pattern_fault(text, length) != NULL) {
        return;
    }
    must(pattern_new(&pattern, text, length) == 0);
    must(pattern_matches(pattern, path, true) || !pattern_matches(pattern, path, false));
    pattern_free(pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\0', size);
    size_t length = end == NULL ? size : (size_t)(end - data);
    char *text =
        malloc(length > 0 ? length : 1); /* of its exact size, so that reading further is seen */
    char *path = malloc(size - length + 1);
    must(text != NULL && path != NULL);
    memcpy(text, data, length);
    memcpy(path, data + length, size - length);
    path[size - length] = '\0';
    const char *second = size == length ? path : path + 1;
    if (path_fault(second, strlen(second)) == NULL) {
        match(text, length, second);
        match_itself(second);
    }
    free(text);
    free(path);
    return 0;
}
