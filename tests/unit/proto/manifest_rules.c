/* The rules that entries of a manifest obey, and every way to be against them. */
#include "proto/manifest.h"
#include "proto/transfer.pb-c.h"

#include "entries.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER 16

static ProtobufCBinaryData data(const char *text, size_t length) {
    return (ProtobufCBinaryData){length, (uint8_t *)(uintptr_t)text};
}

/* An entry as it goes over the wire, whatever it is. */
struct wired {
    Fxnode__Wire__Entry entry;
    Fxnode__Wire__Attribute attributes[LIMIT_ATTRIBUTES + 1];
    Fxnode__Wire__Attribute *pointers[LIMIT_ATTRIBUTES + 1];
};

static void wire(struct wired *to, const struct entry *from) {
    fxnode__wire__entry__init(&to->entry);
    to->entry.type = (Fxnode__Wire__Entry__Type)from->type;
    to->entry.mode = from->mode;
    to->entry.size = from->size;
    to->entry.mtime_s = from->mtime_s;
    to->entry.mtime_ns = from->mtime_ns;
    to->entry.original = from->original;
    to->entry.path = data(from->path, from->path_length);
    to->entry.target = data(from->target, from->target_length);
    to->entry.n_attributes = from->attribute_count;
    to->entry.attributes = to->pointers;
    for (size_t i = 0; i < from->attribute_count; i++) {
        const struct entry_attribute *attribute = &from->attributes[i];
        fxnode__wire__attribute__init(&to->attributes[i]);
        to->attributes[i].name = data(attribute->name, attribute->name_length);
        to->attributes[i].value = data(attribute->value, attribute->value_length);
        to->pointers[i] = &to->attributes[i];
    }
}

/* One batch of these entries, judged alone. */
static int outcome_of(const struct entry *entries, size_t count) {
    static struct wired wired[TOGETHER];
    static uint8_t bytes[LIMIT_MANIFEST_BATCH];
    Fxnode__Wire__Entry *list[TOGETHER];
    Fxnode__Wire__ManifestBatch batch = FXNODE__WIRE__MANIFEST_BATCH__INIT;
    struct manifest_checker *checker = NULL;
    struct manifest_summary any = {.length = LIMIT_MANIFEST,
                                   .entries = LIMIT_ENTRIES,
                                   .bytes = LIMIT_FILE_SIZE,
                                   .units = LIMIT_ENTRIES};
    struct fail why;
    ck_assert_uint_le(count, TOGETHER);
    for (size_t i = 0; i < count; i++) {
        wire(&wired[i], &entries[i]);
        list[i] = &wired[i].entry;
    }
    batch.n_entries = count;
    batch.entries = list;
    int size = msg_encode(&batch.base, bytes, sizeof bytes);
    ck_assert_int_gt(size, -1);
    ck_assert_int_eq(manifest_checker_new(&checker, &any), 0);
    int rc = manifest_checker_add(checker, bytes, (size_t)size, &why);
    manifest_checker_free(checker);
    return rc;
}

/* A target of `size` bytes, which leads outside. */
static struct entry long_link_to(const char *path, size_t size) {
    static char target[LIMIT_PATH + 1];
    struct entry entry = entries_link(path, "");
    memset(target, '/', sizeof target);
    entry.target = target;
    entry.target_length = size;
    return entry;
}

START_TEST(entries_against_the_rules_are_refused) {
    struct entry wrong[][3] = {
        {entries_file("../x", 1)},
        {entries_file("/x", 1)},
        {entries_file("x/", 1)},
        {entries_file("", 1)},
        {entries_file("d/x", 1)},                       /* no directory */
        {entries_file("b", 1), entries_file("a", 1)},   /* order */
        {entries_file("a", 1), entries_file("a", 1)},   /* twice */
        {entries_file("a", 1), entries_file("a/b", 1)}, /* below a file */
        {entries_directory("a"), entries_link("a/l", "b"),
         entries_file("a/l/x", 1)}, /* through a link */
        {entries_directory("ab"), entries_file("a/x", 1)},
        {entries_directory("a"), entries_link("a/l", "/b"),
         entries_file("a/l/x", 1)}, /* or one that leads outside */
        {entries_directory("a"), entries_link("a/l", "")},
        {entries_directory("a"), long_link_to("a/l", LIMIT_PATH + 1)},
        {entries_directory("a"),
         {.type = ENTRY_SYMLINK,
          .path = "a/l",
          .path_length = 3,
          .target = "/b\0c",
          .target_length = 4}},
        {entries_link("l", "x")},
        {entries_link("l", "/x")},
        {entries_file("a", LIMIT_FILE_SIZE), entries_file("b", 1)}, /* the sum */
        {entries_file("a", LIMIT_FILE_SIZE + 1)},
        {{.type = ENTRY_DIRECTORY, .size = 1, .path = "a", .path_length = 1}},
        {{.type = ENTRY_FILE, .mode = 01777, .path = "a", .path_length = 1}},
        {{.type = ENTRY_FILE, .mtime_ns = 1000000000, .path = "a", .path_length = 1}},
        {{.type = (enum entry_type)5, .path = "a", .path_length = 1}},
        {{.type = ENTRY_FILE, .path = "a", .path_length = 1, .target = "x", .target_length = 1}},
        {{.type = ENTRY_FILE, .path = "a\0b", .path_length = 3}},
        {entries_directory(".fxnode")},
        {entries_directory("a"), entries_directory("a/.fxnode")},
    };
    ck_assert_uint_lt((size_t)_i, sizeof wrong / sizeof wrong[0]);
    size_t count = 1;
    while (count < 3 && wrong[_i][count].path != NULL)
        count++;
    ck_assert_int_eq(outcome_of(wrong[_i], count), MSG_INVALID);
}
END_TEST

START_TEST(hard_links_against_the_rules_are_refused) {
    struct entry wrong[][3] = {
        {entries_hardlink("a", 0)},                                             /* itself */
        {entries_file("a", 1), entries_hardlink("b", 2), entries_file("c", 1)}, /* forward */
        {entries_file("a", 1), entries_hardlink("b", UINT32_MAX)},              /* far beyond */
        {entries_directory("a"), entries_hardlink("b", 0)},                     /* a directory */
        {entries_directory("a"), entries_link("a/l", "x"),
         entries_hardlink("b", 1)}, /* a symbolic link */
        {entries_file("a", 1), entries_hardlink("b", 0),
         entries_hardlink("c", 1)}, /* a hard link */
        {entries_file("a", 1), entries_hardlink("b", 0),
         entries_file("b/c", 1)}, /* as a directory */
        {entries_file("a", 1), {.type = ENTRY_HARDLINK, .path = "b", .path_length = 1, .size = 1}},
        {entries_file("a", 1), {.type = ENTRY_HARDLINK, .path = "b", .path_length = 1, .mode = 1}},
        {entries_file("a", 1),
         {.type = ENTRY_HARDLINK, .path = "b", .path_length = 1, .mtime_s = 1}},
        {entries_file("a", 1),
         {.type = ENTRY_HARDLINK, .path = "b", .path_length = 1, .mtime_ns = 1}},
        {entries_file("a", 1),
         {.type = ENTRY_HARDLINK,
          .path = "b",
          .path_length = 1,
          .target = "a",
          .target_length = 1}},
        {entries_file("a", 1),
         entries_file("b", 1),
         {.type = ENTRY_FILE, .path = "c", .path_length = 1, .original = 1}},
    };
    ck_assert_uint_lt((size_t)_i, sizeof wrong / sizeof wrong[0]);
    size_t count = 1;
    while (count < 3 && wrong[_i][count].path != NULL)
        count++;
    ck_assert_int_eq(outcome_of(wrong[_i], count), MSG_INVALID);
}
END_TEST

static const char large[LIMIT_ATTRIBUTE_VALUE + 1];

START_TEST(attributes_against_the_rules_are_refused) {
    const struct entry_attribute wrong[][3] = {
        {{.name = "", .name_length = 0}},
        {{.name = "user.", .name_length = 5}},
        {{.name = "security.x", .name_length = 10}},
        {{.name = "trusted.x", .name_length = 9}},
        {{.name = "userx", .name_length = 5}},
        {{.name = "user.a\0b", .name_length = 8}},
        {{.name = entries_long_name(), .name_length = LIMIT_ATTRIBUTE_NAME + 1}},
        {{.name = "user.a", .name_length = 6, .value = large, .value_length = sizeof large}},
        {{.name = "user.a", .name_length = 6}, {.name = "user.a", .name_length = 6}},
        {{.name = "user.ab", .name_length = 7}, {.name = "user.a", .name_length = 6}},
        {{.name = "user.a", .name_length = 6, .value = large, .value_length = sizeof large - 1},
         {.name = "user.b", .name_length = 6, .value = large, .value_length = sizeof large - 7},
         {.name = "user.c", .name_length = 6}},
    };
    ck_assert_uint_lt((size_t)_i, sizeof wrong / sizeof wrong[0]);
    size_t count = 1;
    while (count < 3 && wrong[_i][count].name != NULL)
        count++;
    struct entry entry = entries_with(wrong[_i], count);
    ck_assert_int_eq(outcome_of(&entry, 1), MSG_INVALID);
}
END_TEST

/* As many as can be, and one more; on what has none. */
START_TEST(attributes_are_counted) {
    static struct entry_attribute many[LIMIT_ATTRIBUTES + 1];
    static char names[LIMIT_ATTRIBUTES + 1][16];
    for (unsigned i = 0; i <= LIMIT_ATTRIBUTES; i++) {
        snprintf(names[i], sizeof names[i], "user.%05u", i);
        many[i] = (struct entry_attribute){.name = names[i], .name_length = 10};
    }
    struct entry entry = entries_with(many, LIMIT_ATTRIBUTES);
    ck_assert_int_eq(outcome_of(&entry, 1), 0);
    entry.attribute_count++;
    ck_assert_int_eq(outcome_of(&entry, 1), MSG_INVALID);
    struct entry links[] = {entries_directory("d"), entries_link("d/l", "x"), entries_file("e", 1),
                            entries_hardlink("f", 2)};
    ck_assert_int_eq(outcome_of(links, 4), 0);
    links[1].attributes = links[3].attributes = many;
    links[1].attribute_count = 1;
    ck_assert_int_eq(outcome_of(links, 2), MSG_INVALID);
    links[1].attribute_count = 0;
    links[3].attribute_count = 1;
    ck_assert_int_eq(outcome_of(links, 4), MSG_INVALID);
    links[3].attribute_count = 0;
    links[0].attributes = many;
    links[0].attribute_count = 1;
    ck_assert_int_eq(outcome_of(links, 4), 0);
}
END_TEST

START_TEST(right_entries_are_accepted) {
    struct entry right[] = {entries_file(".fxnode", 1),    entries_directory("a"),
                            entries_file("a/.fxnode", 1),  entries_file("a/b", 0),
                            entries_directory("a/c"),      entries_directory("a/c/.fxnode2"),
                            entries_link("a/c/l", "../b"), entries_file("a/c.txt", 5),
                            entries_hardlink("a.txt", 3)};
    ck_assert_int_eq(outcome_of(right, sizeof right / sizeof right[0]), 0);
    ck_assert_int_eq(outcome_of(right, 0), MSG_INVALID);
}
END_TEST

START_TEST(links_may_lead_anywhere) {
    struct entry right[] = {entries_directory("a"),          entries_link("a/b", "../../x"),
                            entries_link("a/c", "/etc"),     entries_link("a/d", "\xff\n"),
                            long_link_to("a/e", LIMIT_PATH), entries_link("a/f", "b/../..")};
    ck_assert_int_eq(outcome_of(right, sizeof right / sizeof right[0]), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("manifest-rules");
    TCase *tests = tcase_create("manifest-rules");
    tcase_add_loop_test(tests, entries_against_the_rules_are_refused, 0, 26);
    tcase_add_loop_test(tests, hard_links_against_the_rules_are_refused, 0, 13);
    tcase_add_loop_test(tests, attributes_against_the_rules_are_refused, 0, 11);
    tcase_add_test(tests, attributes_are_counted);
    tcase_add_test(tests, right_entries_are_accepted);
    tcase_add_test(tests, links_may_lead_anywhere);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
