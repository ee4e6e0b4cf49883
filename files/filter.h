/*
 * What is left out of what is sent because the user asked for that: a list of patterns
 * (base/pattern.h). Immutable once made; any thread may use it.
 */
#ifndef FILES_FILTER_H
#define FILES_FILTER_H

#include <stdbool.h>
#include <stddef.h>

struct filter;

/* A filter of `count` terminated patterns without fault, copied. In *out, for filter_free(). 0 or
 * -ENOMEM. */
int filter_new(struct filter **out, const char *const *patterns, size_t count);
void filter_free(struct filter *filter);

/* Whether one of the patterns matches what is at `path` in the manifest, terminated. A NULL filter
 * excludes nothing. */
bool filter_excludes(const struct filter *filter, const char *path, bool directory);

#endif
