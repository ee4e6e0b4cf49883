#include "node/common/landing.h"
#include "suites.h"

#include <string.h>

static const struct row {
    const char *base;
    const char *directory;
    const char *path;
    const char *plain;
} rows[] = {
    {"/srv/in", "", "/srv/in", "/srv/in"},
    {"/srv/in", "phone", "/srv/in/./phone", "/srv/in/phone"},
    {"/srv/in", "a/b", "/srv/in/./a/b", "/srv/in/a/b"},
    {"/srv/./in", "", "/srv/in", "/srv/in"},
    {"/srv/./././in", "phone", "/srv/in/./phone", "/srv/in/phone"},
    {"/srv/.in", "...", "/srv/.in/./...", "/srv/.in/..."},
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

START_TEST(a_path_is_made_and_split) {
    const struct row *row = &rows[_i];
    char path[PATH_MAX];
    char plain[PATH_MAX];
    ck_assert(landing_make(path, row->base, row->directory));
    ck_assert_str_eq(path, row->path);
    ck_assert_str_eq(landing_plain(plain, path), row->plain);
    struct landing landing = landing_split(path);
    ck_assert_str_eq(landing.directory, row->directory);
    ck_assert_uint_eq(landing.base,
                      strlen(row->plain) -
                          (row->directory[0] != '\0' ? strlen(row->directory) + 1 : 0));
}
END_TEST

/* Of a node that did not know of directories of peers. */
static const char *const others[] = {"/srv/./", "/./srv", "/srv/./../x", "/srv/.",
                                     "/srv/./.fxnode"};
#define OTHERS ((int)(sizeof others / sizeof *others))

START_TEST(another_path_is_all_base) {
    char plain[PATH_MAX];
    ck_assert_uint_eq(landing_split(others[_i]).base, strlen(others[_i]));
    ck_assert_str_eq(landing_plain(plain, others[_i]), others[_i]);
}
END_TEST

START_TEST(what_does_not_fit_is_none) {
    static char base[PATH_MAX];
    char path[PATH_MAX];
    memset(base, 'b', sizeof base - 1);
    base[0] = '/';
    ck_assert(landing_make(path, base, ""));
    ck_assert(!landing_make(path, base, "a"));
    base[PATH_MAX - 5] = '\0';
    ck_assert(landing_make(path, base, "a"));
    ck_assert(!landing_make(path, base, "ab"));
}
END_TEST

Suite *suite_landing(void) {
    Suite *suite = suite_create("landing");
    TCase *tests = tcase_create("landing");
    tcase_add_loop_test(tests, a_path_is_made_and_split, 0, ROWS);
    tcase_add_loop_test(tests, another_path_is_all_base, 0, OTHERS);
    tcase_add_test(tests, what_does_not_fit_is_none);
    suite_add_tcase(suite, tests);
    return suite;
}
