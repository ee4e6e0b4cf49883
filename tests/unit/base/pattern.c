#include "base/pattern.h"
#include "base/limits.h"
#include "suites.h"

#include <string.h>

static bool matches(const char *text, const char *path, bool directory) {
    struct pattern *pattern = NULL;
    ck_assert_msg(pattern_fault(text, strlen(text)) == NULL, "%s is no pattern", text);
    ck_assert_int_eq(pattern_new(&pattern, text, strlen(text)), 0);
    bool result = pattern_matches(pattern, path, directory);
    pattern_free(pattern);
    return result;
}

/* What matches, with paths of files; then what does not. */
static const char *const pairs[][2] = {
    {"*.o", "main.o"},
    {"*.o", "src/deep/main.o"},
    {"*.o", "src/.o"},
    {"*", ".hidden"},
    {"?at", "a/cat"},
    {"[bc]at", "cat"},
    {"[!b]at", "cat"},
    {"[^b]at", "cat"},
    {"[]-]x", "]x"},
    {"[[:digit:]]", "d/7"},
    {"\\*", "d/*"},
    {"\\**", "*more"},
    {"**", "d/x"},
    {"***x", "d/x"},
    {"a**b**", "axxbxx"},
    {"raw/*.tif", "photos/raw/1.tif"},
    {"raw/*.tif", "raw/1.tif"},
    {"photos/raw", "photos/raw"},
    {"photos/raw", "old/photos/raw"},
    {"/photos/raw", "photos/raw"},
    {"/photos", "photos"},
    {"/*/raw", "photos/raw"},
    {"/photos/**/raw", "photos/raw"},
    {"/photos/**/raw", "photos/a/raw"},
    {"/photos/**/raw", "photos/a/b/raw/c/raw"},
    {"/a/**/b/**/c", "a/x/b/b/y/c"},
    {"/a/**/**/c", "a/c"},
    {"**/c", "a/b/c"},
    {"/**/c", "c"},
    {"/photos/**", "photos/a"},
    {"a/b", "a/a/a/b"},
    {"a/*/a/b", "a/a/x/a/x/a/b"},
    {"*\xff", "d/not\xff"},
    {"?", "\xff"},
    {"[\x80-\xff]?", "\xc3\xa4"},
    {"line\nfeed", "line\nfeed"},
};

START_TEST(test_matches) {
    ck_assert_msg(matches(pairs[_i][0], pairs[_i][1], false), "%s, %s", pairs[_i][0], pairs[_i][1]);
}
END_TEST

static const char *const strangers[][2] = {
    {"*.o", "main.c"},
    {"*.o", "src.o/main.c"},
    {"raw", "rawer"},
    {"raw", "photos/raw/1"},
    {"RAW", "raw"},
    {"\\*", "x"},
    {"\\**", "x*"},
    {"[*][*]", "*"},
    {"src/*.o", "src/deep/main.o"},
    {"src/**.o", "src/deep/main.o"},
    {"/raw", "photos/raw"},
    {"/photos/raw", "old/photos/raw"},
    {"/photos/raw", "photos/raw/1"},
    {"/photos/**", "photos"},
    {"/photos/**/raw", "old/photos/raw"},
    {"/a/**/b/**/c", "a/x/y/c"},
    {"a/b", "a"},
    {"a/b", "b"},
    {"a/b", "a/x/b"},
    {"?", "\xc3\xa4"},
};

START_TEST(test_does_not_match) {
    ck_assert_msg(!matches(strangers[_i][0], strangers[_i][1], false), "%s, %s", strangers[_i][0],
                  strangers[_i][1]);
}
END_TEST

START_TEST(test_a_slash_behind_asks_for_a_directory) {
    ck_assert(matches("cache/", "a/cache", true));
    ck_assert(!matches("cache/", "a/cache", false));
    ck_assert(matches("/a/cache/", "a/cache", true));
    ck_assert(!matches("/a/cache/", "a/cache", false));
    ck_assert(matches("cache", "a/cache", true));
}
END_TEST

static const char *const faults[][2] = {
    {"", "is empty"},
    {"/", "has an empty component"},
    {"//", "has an empty component"},
    {"a//b", "has an empty component"},
    {"//a", "has an empty component"},
    {"a//", "has an empty component"},
    {"./a", "has a component that is . or .."},
    {"a/..", "has a component that is . or .."},
    {"../a/", "has a component that is . or .."},
    {"a[b", "has a [ that begins no bracket expression"},
    {"[", "has a [ that begins no bracket expression"},
    {"[]", "has a [ that begins no bracket expression"},
    {"[!]", "has a [ that begins no bracket expression"},
    {"[a\\]", "has a [ that begins no bracket expression"},
    {"[[:none:]]", "has a [ that begins no bracket expression"},
    {"[[:digit:]", "has a [ that begins no bracket expression"},
    {"[[.a.]]", "has a [ that begins no bracket expression"},
    {"[[=a=]]", "has a [ that begins no bracket expression"},
    {"a[/]b", "has a [ that begins no bracket expression"},
    {"a\\", "has a \\ with nothing behind it"},
    {"a\\/b", "has a \\ with nothing behind it"},
};

START_TEST(test_faults_are_named) {
    const char *fault = pattern_fault(faults[_i][0], strlen(faults[_i][0]));
    ck_assert_ptr_nonnull(fault);
    ck_assert_msg(strncmp(fault, faults[_i][1], strlen(faults[_i][1])) == 0, "%s %s", faults[_i][0],
                  fault);
}
END_TEST

START_TEST(test_limits) {
    char text[LIMIT_PATTERN + 1];
    memset(text, 'x', sizeof text);
    ck_assert_ptr_null(pattern_fault(text, LIMIT_PATTERN));
    ck_assert_ptr_nonnull(pattern_fault(text, LIMIT_PATTERN + 1));
    ck_assert_ptr_nonnull(pattern_fault("a\0b", 3));
    for (size_t i = 1; i < sizeof text; i += 2)
        text[i] = '/';
    size_t deepest = 2 * (size_t)LIMIT_DEPTH - 1;
    ck_assert_ptr_null(pattern_fault(text, deepest));
    ck_assert_ptr_nonnull(pattern_fault(text, deepest + 2));
    text[deepest] = '\0';
    ck_assert(matches(text, text, false));
}
END_TEST

START_TEST(test_paths_of_any_length) {
    char path[2 * LIMIT_PATH];
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    ck_assert(!matches("*", path, false)); /* no name is as long */
    path[LIMIT_COMPONENT] = '\0';
    ck_assert(matches("x*x", path, false));
    for (size_t i = 1; i < sizeof path; i += 2)
        path[i] = '/';
    path[sizeof path - 1] = '\0';
    ck_assert(matches("x/x", path, false));
    ck_assert(matches("/**/x/**/x/x/**/x", path, false));
}
END_TEST

/* Each would take longer than the world lasts, where every star multiplied the work. */
START_TEST(test_many_stars_take_no_time) {
    char text[LIMIT_PATTERN + 1] = "";
    char path[LIMIT_PATH + 1];
    for (size_t i = 0; i < 120; i++)
        strcat(text, i % 2 == 0 ? "*a" : "**a*");
    strcat(text, "b");
    memset(path, 'a', sizeof path);
    path[LIMIT_COMPONENT] = '\0';
    ck_assert(!matches(text, path, false));

    text[0] = '\0';
    for (size_t i = 0; i < 60; i++)
        strcat(text, "a/**/");
    strcat(text, "b");
    memset(path, 'a', sizeof path);
    for (size_t i = 1; i < 2 * (size_t)LIMIT_DEPTH; i += 2)
        path[i] = '/';
    path[2 * LIMIT_DEPTH - 1] = '\0';
    ck_assert(!matches(text, path, false));
}
END_TEST

Suite *suite_pattern(void) {
    Suite *suite = suite_create("pattern");
    TCase *tests = tcase_create("pattern");
    tcase_add_loop_test(tests, test_matches, 0, sizeof pairs / sizeof *pairs);
    tcase_add_loop_test(tests, test_does_not_match, 0, sizeof strangers / sizeof *strangers);
    tcase_add_test(tests, test_a_slash_behind_asks_for_a_directory);
    tcase_add_loop_test(tests, test_faults_are_named, 0, sizeof faults / sizeof *faults);
    tcase_add_test(tests, test_limits);
    tcase_add_test(tests, test_paths_of_any_length);
    tcase_add_test(tests, test_many_stars_take_no_time);
    suite_add_tcase(suite, tests);
    return suite;
}
