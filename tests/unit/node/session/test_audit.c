/* A receipt as it comes from a database that may be damaged, and where its entries lie. */

#include "../../files/room.h"
#include "base/io.h"
#include "delivered.h"
#include "node/session/audit.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const tree[] = {"tree", NULL};
static struct delivered delivered;
static struct audit audit;
static struct job job;

/* tree, tree/a, tree/sub, tree/sub/b */
static void make(bool sent) {
    room_directory("tree");
    room_text("tree/a", "a\n");
    room_directory("tree/sub");
    room_text("tree/sub/b", "b\n");
    delivered_open(&delivered, sent, tree);
    delivered_mark(&delivered);
    job_init(&job);
    job.manifest = delivered.summary;
    job.manifest.name_count = 0;
    job.receipt = dup(delivered.receipt);
    job.destination = strdup(room_path(NULL));
    job.directory = strdup("");
    if (!sent)
        return;
    job.paths = calloc(1, sizeof *job.paths);
    job.paths[job.path_count++] = strdup(delivered.paths[0]);
}

static void tear_down(void) {
    job_clear(&job);
    delivered_close(&delivered);
}

static int try(void) {
    int r = audit_open(&audit, &job, NULL, &room_fail);

    if (r != 0)
        ck_assert_uint_gt(strlen(room_fail.text), 0);
    audit_close(&audit);
    return r;
}

START_TEST(all_of_it) {
    uint8_t hashes[2 * LIMIT_CHUNK_HASH];
    uint8_t kept[sizeof hashes];

    make(_i == 1);
    ck_assert_int_eq(audit_open(&audit, &job, NULL, &room_fail), 0);
    ck_assert(audit.sent == (_i == 1));
    ck_assert_uint_eq(audit.layout.marks, delivered.layout.marks);
    ck_assert_int_eq(audit_hashes(&audit, 0, 2, hashes), 0);
    io_pread_full(delivered.receipt, kept, sizeof kept, delivered.layout.hashes);
    ck_assert_mem_eq(hashes, kept, sizeof kept);
    ck_assert_int_eq(audit_hashes(&audit, 1u << 20, 2, hashes), -EBADMSG);
    audit_close(&audit);
}
END_TEST

START_TEST(no_receipt) {
    make(false);
    io_close(&job.receipt);
    ck_assert_int_lt(try(), 0);
}
END_TEST

/* Cut anywhere it is none, and neither is it with more. */
START_TEST(a_receipt_that_is_cut) {
    struct stat st;
    off_t length = 0;

    make(_i == 1);
    ck_assert_int_eq(fstat(delivered.receipt, &st), 0);
    length = st.st_size;
    ck_assert_int_eq(try(), 0);
    ck_assert_int_eq(ftruncate(delivered.receipt, length + 1), 0);
    ck_assert_int_ne(try(), 0);
    ck_assert_int_eq(ftruncate(delivered.receipt, LIMIT_RECEIPT + 1), 0);
    ck_assert_int_ne(try(), 0);
    for (off_t cut = length - 1; cut >= 0; cut--) {
        ck_assert_int_eq(ftruncate(delivered.receipt, cut), 0);
        ck_assert_int_ne(try(), 0);
    }
}
END_TEST

/* The manifest is known by its hash, and marks that are none are not believed; of hashes and stamps
 * any bytes may be right. */
START_TEST(a_receipt_that_is_bent) {
    struct stat st;

    make(true);
    ck_assert_int_eq(fstat(delivered.receipt, &st), 0);
    for (off_t at = 0; at < st.st_size; at++) {
        uint8_t byte = 0;
        uint8_t bent = 0;
        bool free_form =
            (uint64_t)at >= delivered.layout.hashes && (uint64_t)at < delivered.layout.marks;
        int r = 0;

        ck_assert_int_eq(pread(delivered.receipt, &byte, 1, at), 1);
        bent = byte ^ 0x10;
        ck_assert_int_eq(pwrite(delivered.receipt, &bent, 1, at), 1);
        r = try();
        ck_assert_msg(free_form ? r == 0 : r != 0, "byte %lld: %d", (long long)at, r);
        ck_assert_int_eq(pwrite(delivered.receipt, &byte, 1, at), 1);
    }
}
END_TEST

/* What is said of the manifest beside it, and is not true of it. */
START_TEST(another_manifest) {
    make(true);
    job.manifest.length += _i == 0;
    job.manifest.length -= _i == 1;
    job.manifest.entries += _i == 2;
    job.manifest.entries -= _i == 3;
    job.manifest.units += _i == 4;
    job.manifest.units = _i == 5 ? UINT64_MAX : job.manifest.units;
    job.manifest.bytes += _i == 6;
    job.manifest.hash[0] ^= _i == 7;
    ck_assert_int_ne(try(), 0);
}
END_TEST

/* A receipt of the other side has its marks elsewhere. */
START_TEST(of_the_other_side) {
    make(true);
    free(job.paths[--job.path_count]);
    ck_assert_int_ne(try(), 0);
}
END_TEST

static const struct manifest_item *item_of(const char *path) {
    const struct manifest_item *item = NULL;

    ck_assert_int_eq(
        catalog_by_entry(audit.catalog, delivered_number(&delivered, path), &item, &room_fail), 0);
    return item;
}

/* Whether an entry is found to be the file `path` of the room. */
static bool leads_to(const char *entry, const char *path) {
    struct spot spot;
    struct stat st;
    struct stat there = room_stat(path);

    ck_assert_int_eq(spots_find(audit.spots, item_of(entry), &spot), 0);
    ck_assert_int_eq(fstatat(spot.parent, spot.name, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st.st_ino == there.st_ino;
}

static int find(const char *entry) {
    struct spot spot;

    return spots_find(audit.spots, item_of(entry), &spot);
}

START_TEST(below_other_names) {
    size_t length = 0;

    make(false);
    receipt_marks_add_name(&delivered.marks, delivered_number(&delivered, "tree/sub"), "sub (2)",
                           7);
    receipt_marks_add_name(&delivered.marks, delivered_number(&delivered, "tree/sub/b"), "c", 1);
    delivered_mark(&delivered);
    ck_assert_int_eq(rename("tree/sub", "tree/sub (2)"), 0);
    ck_assert_int_eq(rename("tree/sub (2)/b", "tree/sub (2)/c"), 0);
    ck_assert_int_eq(audit_open(&audit, &job, NULL, &room_fail), 0);
    ck_assert(leads_to("tree", "tree"));
    ck_assert(leads_to("tree/a", "tree/a"));
    ck_assert_ptr_null(spots_path_here(audit.spots, &length));
    ck_assert(leads_to("tree/sub", "tree/sub (2)"));
    ck_assert(leads_to("tree/sub/b", "tree/sub (2)/c"));
    ck_assert_mem_eq(spots_path_here(audit.spots, &length), "tree/sub (2)/c", 14);
    ck_assert_uint_eq(length, 14);
    audit_close(&audit);
}
END_TEST

/* Names are longer here than they were: the path no longer fits. */
START_TEST(below_a_name_that_is_too_long) {
    char name[LIMIT_COMPONENT];
    struct manifest_item deep = {.entry = {.type = ENTRY_FILE}};
    char path[LIMIT_PATH];
    struct spot spot;

    make(false);
    memset(name, 'x', sizeof name);
    receipt_marks_add_name(&delivered.marks, delivered_number(&delivered, "tree"), name,
                           sizeof name);
    delivered_mark(&delivered);
    ck_assert_int_eq(audit_open(&audit, &job, NULL, &room_fail), 0);
    ck_assert_int_eq(find("tree"), 0);
    ck_assert_int_eq(find("tree/a"), -ENOENT);
    for (size_t i = 0; i < sizeof path; i++)
        path[i] = i % 200 == 4 ? '/' : 'y';
    memcpy(path, "tree/", 5);
    deep.entry.path = path;
    deep.number = 3;
    for (deep.entry.path_length = LIMIT_PATH - 255; deep.entry.path_length <= LIMIT_PATH;
         deep.entry.path_length++) {
        size_t here = deep.entry.path_length - 4 + sizeof name;
        int r = 0;

        if (path[deep.entry.path_length - 1] == '/')
            continue;
        r = spots_find(audit.spots, &deep, &spot);
        ck_assert_msg(r == (here <= LIMIT_PATH ? -ENOENT : -ENAMETOOLONG), "%zu: %d", here, r);
    }
    audit_close(&audit);
}
END_TEST

START_TEST(through_links) {
    make(_i == 1);
    ck_assert_int_eq(rename("tree/sub", "sub"), 0);
    room_link("../sub", "tree/sub");
    ck_assert_int_eq(audit_open(&audit, &job, NULL, &room_fail), 0);
    int r = find("tree/sub/b");
    ck_assert_msg(r == -ELOOP || r == -ENOTDIR, "%d", r);
    ck_assert(leads_to("tree/a", "tree/a"));
    audit_close(&audit);
}
END_TEST

/* What the user named may itself be a link, and of what was not sent nothing is found. */
START_TEST(below_what_was_sent) {
    struct manifest_item other = {.entry = {.type = ENTRY_FILE, .path = "other", .path_length = 5}};
    struct spot spot;

    make(true);
    ck_assert_int_eq(rename("tree", "real"), 0);
    room_link("real", "tree");
    ck_assert_int_eq(audit_open(&audit, &job, NULL, &room_fail), 0);
    ck_assert(leads_to("tree/sub/b", "real/sub/b"));
    ck_assert_int_eq(spots_find(audit.spots, item_of("tree"), &spot), 0);
    ck_assert(spot.follow);
    ck_assert_int_eq(spots_find(audit.spots, &other, &spot), -ENOENT);
    audit_close(&audit);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("session-audit");
    TCase *tests = room_case("audit");
    SRunner *runner = srunner_create(suite);
    int failed = 0;

    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_loop_test(tests, all_of_it, 0, 2);
    tcase_add_test(tests, no_receipt);
    tcase_add_loop_test(tests, a_receipt_that_is_cut, 0, 2);
    tcase_add_test(tests, a_receipt_that_is_bent);
    tcase_add_loop_test(tests, another_manifest, 0, 8);
    tcase_add_test(tests, of_the_other_side);
    tcase_add_test(tests, below_other_names);
    tcase_add_test(tests, below_a_name_that_is_too_long);
    tcase_add_loop_test(tests, through_links, 0, 2);
    tcase_add_test(tests, below_what_was_sent);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
