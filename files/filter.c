#include "files/filter.h"

#include "base/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct filter {
    size_t count;
    struct pattern *patterns[];
};

int filter_new(struct filter **out, const char *const *patterns, size_t count) {
    struct filter *filter = calloc(1, sizeof *filter + count * sizeof(struct pattern *));
    int error = filter == NULL ? -ENOMEM : 0;
    for (size_t i = 0; error == 0 && i < count; i++) {
        error = pattern_new(&filter->patterns[i], patterns[i], strlen(patterns[i]));
        if (error == 0)
            filter->count++;
    }
    if (error < 0)
        filter_free(filter);
    else
        *out = filter;
    return error;
}

void filter_free(struct filter *filter) {
    if (filter == NULL)
        return;
    for (size_t i = 0; i < filter->count; i++)
        pattern_free(filter->patterns[i]);
    free(filter);
}

bool filter_excludes(const struct filter *filter, const char *path, bool directory) {
    if (filter == NULL)
        return false;
    for (size_t i = 0; i < filter->count; i++)
        if (pattern_matches(filter->patterns[i], path, directory))
            return true;
    return false;
}
