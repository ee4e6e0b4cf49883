#include "base/path.h"
#include "base/limits.h"
#include "suites.h"

#include <string.h>

static bool is_fine(const char *path) {
    return path_fault(path, strlen(path)) == NULL;
}

static const char *const FINE[] = {
    "a", "a/b", "a/b/c", "...", "..a",     "a..",     ".a", "a\\b",      "a:b",    "\xff\xfe",
    " ", "-rf", "a\nb",  "CON", ".fxnode", "a/.../b", "~",  "a b/\x01c", "a/..b/c"};

START_TEST(test_legal_names_are_bytes) {
    ck_assert_msg(is_fine(FINE[_i]), "%s", FINE[_i]);
}
END_TEST

static const char *const FAULTY[] = {"",
                                     "/",
                                     "/a",
                                     "a/",
                                     "a//b",
                                     ".",
                                     "..",
                                     "./a",
                                     "../a",
                                     "a/.",
                                     "a/..",
                                     "a/./b",
                                     "a/../b",
                                     "a/b/../c",
                                     "//",
                                     "/..",
                                     "a/../../etc/passwd",
                                     "a/b/"};

START_TEST(test_paths_that_lead_elsewhere) {
    ck_assert_msg(!is_fine(FAULTY[_i]), "%s", FAULTY[_i]);
}
END_TEST

START_TEST(test_nul_anywhere) {
    ck_assert_ptr_nonnull(path_fault("\0", 1));
    ck_assert_ptr_nonnull(path_fault("a\0b", 3));
    ck_assert_ptr_nonnull(path_fault("a/b\0", 4));
    ck_assert_ptr_null(path_fault("a/b\0", 3));
}
END_TEST

START_TEST(test_component_length) {
    char path[LIMIT_COMPONENT + 4];
    memset(path, 'x', sizeof path);
    ck_assert_ptr_null(path_fault(path, LIMIT_COMPONENT));
    ck_assert_ptr_nonnull(path_fault(path, LIMIT_COMPONENT + 1));
    path[1] = '/';
    ck_assert_ptr_null(path_fault(path, LIMIT_COMPONENT + 2));
    ck_assert_ptr_nonnull(path_fault(path, LIMIT_COMPONENT + 3));
}
END_TEST

START_TEST(test_depth) {
    char path[2 * (LIMIT_DEPTH + 1)];
    for (size_t i = 0; i < sizeof path; i++)
        path[i] = i % 2 == 0 ? 'd' : '/';
    ck_assert_ptr_null(path_fault(path, 2 * LIMIT_DEPTH - 1));
    ck_assert_ptr_nonnull(path_fault(path, 2 * LIMIT_DEPTH + 1));
}
END_TEST

START_TEST(test_whole_length) {
    static char path[LIMIT_PATH + 2];
    for (size_t i = 0; i < sizeof path; i++)
        path[i] = i % 200 == 199 ? '/' : 'p';
    ck_assert_ptr_null(path_fault(path, LIMIT_PATH));
    ck_assert_ptr_nonnull(path_fault(path, LIMIT_PATH + 1));
}
END_TEST

/* In canonical order; "a-b" before "a/b" in bytes, after it in a manifest. */
static const char *const ORDER[] = {"\x01", "A",     "a",   "a/\x01", "a/b",  "a/b/c", "a/b-c",
                                    "a/c",  "a\x01", "a-b", "aa",     "\x7f", "\x80",  "\xff"};
#define ORDER_COUNT (sizeof ORDER / sizeof *ORDER)

static int sign(int value) {
    return (value > 0) - (value < 0);
}

START_TEST(test_order_of_a_manifest) {
    for (size_t i = 0; i < ORDER_COUNT; i++)
        for (size_t j = 0; j < ORDER_COUNT; j++) {
            int got = path_compare(ORDER[i], strlen(ORDER[i]), ORDER[j], strlen(ORDER[j]));
            ck_assert_msg(sign(got) == (i > j) - (i < j), "%zu %zu", i, j);
        }
}
END_TEST

START_TEST(test_parent_and_top) {
    ck_assert_uint_eq(path_parent("a/b/c", 5), 3);
    ck_assert_uint_eq(path_parent("a/b", 3), 1);
    ck_assert_uint_eq(path_parent("abc", 3), 0);
    ck_assert_uint_eq(path_top("abc", 3), 3);
    ck_assert_uint_eq(path_top("ab/c/d", 6), 2);
    ck_assert_uint_eq(path_top("ab/c/d", 2), 2);
}
END_TEST

START_TEST(test_what_is_in_a_directory) {
    ck_assert(path_is_below("a/b", 3, "a", 1));
    ck_assert(path_is_below("a/b/c", 5, "a", 1));
    ck_assert(path_is_below("a/b/c", 5, "a/b", 3));
    ck_assert(!path_is_below("a", 1, "a", 1));
    ck_assert(!path_is_below("ab", 2, "a", 1));
    ck_assert(!path_is_below("b/b", 3, "a", 1));
    ck_assert(!path_is_below("a", 1, "a/b", 3));
    ck_assert(!path_is_below("a", 1, "", 0));
}
END_TEST

static const char *const OF_A_PEER[] = {"phone", "a/b", ".fxnode2", "fxnode", "a.fxnode"};

START_TEST(test_directories_of_peers) {
    ck_assert_ptr_null(path_directory_fault(OF_A_PEER[_i], strlen(OF_A_PEER[_i])));
}
END_TEST

static const char *const OF_NO_PEER[] = {"",        "/",       "/etc",        "..",
                                         "a/../..", ".fxnode", "a/.fxnode",   ".fxnode/a",
                                         "a/",      "a//b",    "a/.fxnode/b", "./a"};

START_TEST(test_directories_of_no_peer) {
    ck_assert_ptr_nonnull(path_directory_fault(OF_NO_PEER[_i], strlen(OF_NO_PEER[_i])));
}
END_TEST

struct link_row {
    const char *path;
    const char *target;
    bool inside;
};

static const struct link_row LINKS[] = {
    {"top/link", "file", true},
    {"top/link", "sub/file", true},
    {"top/link", ".", true},
    {"top/link", "./file", true},
    {"top/link", "sub/../file", false},
    {"top/link", "sub//file", true},
    {"top/sub/link", "..", true},
    {"top/sub/link", "../file", true},
    {"top/sub/link", "../../file", false},
    {"top/sub/link", "../../top/file", false},
    {"top/sub/deep/link", "../../file", true},
    {"top/sub/deep/link", "../../../file", false},
    {"top/link", "..", false},
    {"top/link", "../file", false},
    {"top/link", "sub/../../file", false},
    {"top/link", "/etc/passwd", false},
    {"top/link", "/", false},
    {"top/link", "", false},
    {"link", "file", false},
    {"link", ".", false},
    {"link", "..", false},
};

START_TEST(test_links_stay_inside) {
    const struct link_row *row = &LINKS[_i];
    bool inside =
        path_link_is_inside(row->path, strlen(row->path), row->target, strlen(row->target));
    ck_assert_msg(inside == row->inside, "%s -> %s", row->path, row->target);
}
END_TEST

START_TEST(test_link_targets_with_nul_or_too_long) {
    static char target[LIMIT_PATH + 1];
    ck_assert(!path_link_is_inside("top/link", 8, "a\0b", 3));
    memset(target, 'x', sizeof target);
    for (size_t i = 100; i < sizeof target; i += 101)
        target[i] = '/';
    ck_assert(path_link_is_inside("top/link", 8, target, LIMIT_PATH));
    ck_assert(!path_link_is_inside("top/link", 8, target, LIMIT_PATH + 1));
}
END_TEST

Suite *suite_path(void) {
    Suite *suite = suite_create("path");
    TCase *tc = tcase_create("path");
    tcase_add_loop_test(tc, test_legal_names_are_bytes, 0, sizeof FINE / sizeof *FINE);
    tcase_add_loop_test(tc, test_paths_that_lead_elsewhere, 0, sizeof FAULTY / sizeof *FAULTY);
    tcase_add_test(tc, test_nul_anywhere);
    tcase_add_test(tc, test_component_length);
    tcase_add_test(tc, test_depth);
    tcase_add_test(tc, test_whole_length);
    tcase_add_test(tc, test_order_of_a_manifest);
    tcase_add_test(tc, test_parent_and_top);
    tcase_add_test(tc, test_what_is_in_a_directory);
    tcase_add_loop_test(tc, test_directories_of_peers, 0, sizeof OF_A_PEER / sizeof *OF_A_PEER);
    tcase_add_loop_test(tc, test_directories_of_no_peer, 0, sizeof OF_NO_PEER / sizeof *OF_NO_PEER);
    tcase_add_loop_test(tc, test_links_stay_inside, 0, sizeof LINKS / sizeof *LINKS);
    tcase_add_test(tc, test_link_targets_with_nul_or_too_long);
    suite_add_tcase(suite, tc);
    return suite;
}
