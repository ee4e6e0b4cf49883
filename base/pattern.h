/*
 * Patterns that name what is not to be sent, as a user types them, matched with manifest paths.
 *
 * Components are shell patterns as in fnmatch(3): `*`, `?`, `[...]` and `\`; none of them matches a
 * '/', and all match a leading dot. "**" as a component stands for any number of components.
 * Without a leading '/' a pattern matches the end of a path, so that one without any '/' is for
 * names; with one it matches the path from its first component on. A trailing '/' asks for a
 * directory.
 *
 * Names are bytes: the program never calls setlocale(), so fnmatch() takes no two for one.
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

struct pattern;

/* Why `text` (need not be terminated) is no pattern, for people, to be put behind it: "is empty".
 * NULL where it is one: it could match some path. */
const char *pattern_fault(const char *text, size_t length);

/* The pattern in a text without fault, which is copied; immutable, any thread may use it. In *out,
 * for pattern_free(). 0 or -ENOMEM. */
int pattern_new(struct pattern **out, const char *text, size_t length);
void pattern_free(struct pattern *pattern);

/* Whether it matches `path`: relative, terminated, without "." and empty components, of any length.
 * Takes time of the order of the product of both lengths at most. */
bool pattern_matches(const struct pattern *pattern, const char *path, bool directory);

#endif
