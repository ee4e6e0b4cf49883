/* Manifests: built, judged, looked up; and every way to be wrong. */
#include "proto/manifest.h"
#include "proto/transfer.pb-c.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES 5000u

static struct fail why;

static struct entry file(const char *path, uint64_t size) {
    return (struct entry){
        .type = ENTRY_FILE, .mode = 0644, .size = size, .path = path, .path_length = strlen(path)};
}

static struct entry directory(const char *path) {
    return (struct entry){
        .type = ENTRY_DIRECTORY, .mode = 0755, .path = path, .path_length = strlen(path)};
}

static struct entry link_to(const char *path, const char *target) {
    return (struct entry){.type = ENTRY_SYMLINK,
                          .mode = 0777,
                          .path = path,
                          .path_length = strlen(path),
                          .target = target,
                          .target_length = strlen(target)};
}

static struct entry hardlink(const char *path, uint32_t original) {
    return (struct entry){
        .type = ENTRY_HARDLINK, .path = path, .path_length = strlen(path), .original = original};
}

/* The file "a" with these attributes. */
static struct entry with(const struct entry_attribute *attributes, size_t count) {
    struct entry entry = file("a", 1);
    entry.attributes = attributes;
    entry.attribute_count = count;
    return entry;
}

/* A manifest of FILES files in one directory, as a file in memory. */
static uint8_t bytes[1024 * 1024];
static size_t length;
static struct manifest_summary summary;

static void take(struct manifest_builder *builder) {
    const uint8_t *data = NULL;
    size_t taken = manifest_builder_take(builder, &data);
    ck_assert_uint_le(taken, MANIFEST_PREFIX + LIMIT_MANIFEST_BATCH);
    memcpy(bytes + length, data, taken);
    length += taken;
}

static void build(void) {
    struct manifest_builder *builder = NULL;
    char path[64];
    struct entry top = directory("top");
    length = 0;
    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    ck_assert_int_eq(manifest_builder_add(builder, &top, &why), MANIFEST_ADDED);
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "top/a rather long name of a file %06u", i);
        struct entry entry = file(path, i % 3 * LIMIT_CHUNK);
        if (manifest_builder_add(builder, &entry, &why) == MANIFEST_BATCH_READY)
            take(builder);
    }
    ck_assert_int_eq(manifest_builder_end(builder, &why), MANIFEST_BATCH_READY);
    take(builder);
    manifest_builder_summary(builder, &summary);
    manifest_builder_free(builder);
}

static uint32_t prefix_at(size_t offset) {
    return (uint32_t)bytes[offset] << 24 | (uint32_t)bytes[offset + 1] << 16 |
           (uint32_t)bytes[offset + 2] << 8 | bytes[offset + 3];
}

/* Checks the whole file against `expected`. The first outcome that is not 0, of end too. */
static int check_all(struct manifest_checker *checker) {
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < length;) {
        uint32_t size = prefix_at(at);
        rc = manifest_checker_add(checker, bytes + at + MANIFEST_PREFIX, size, &why);
        at += MANIFEST_PREFIX + size;
    }
    return rc != 0 ? rc : manifest_checker_end(checker, &why);
}

static int outcome_for(const struct manifest_summary *expected) {
    struct manifest_checker *checker = NULL;
    ck_assert_int_eq(manifest_checker_new(&checker, expected), 0);
    int rc = check_all(checker);
    manifest_checker_free(checker);
    return rc;
}

START_TEST(what_was_built_is_accepted) {
    struct manifest_checker *checker = NULL;
    struct manifest_batch *batch = NULL;
    build();
    ck_assert_uint_eq(summary.entries, FILES + 1);
    ck_assert_uint_eq(summary.length, length);
    ck_assert_int_eq(manifest_checker_new(&checker, &summary), 0);
    ck_assert_int_eq(manifest_batch_new(&batch), 0);
    ck_assert_int_eq(check_all(checker), 0);
    ck_assert(manifest_checker_is_full(checker));
    ck_assert_mem_eq(manifest_checker_summary(checker)->hash, summary.hash, LIMIT_HASH);
    const struct manifest_index *index = manifest_checker_index(checker);
    ck_assert_uint_gt(manifest_index_rows(index), 2);
    /* Every unit is found, in the file that it belongs to. */
    const struct manifest_row *loaded = NULL;
    for (uint64_t unit = 0; unit < summary.units; unit++) {
        const struct manifest_row *row = manifest_index_by_unit(index, unit);
        ck_assert_ptr_nonnull(row);
        if (row != loaded)
            ck_assert_int_eq(manifest_batch_load(batch, row, bytes + row->offset, &why), 0);
        loaded = row;
        const struct manifest_item *item = manifest_batch_by_unit(batch, unit);
        ck_assert_ptr_nonnull(item);
        ck_assert(item == manifest_batch_by_entry(batch, item->number));
        ck_assert(row == manifest_index_by_entry(index, item->number));
        ck_assert(unit - item->first_unit < entry_units(item->entry.type, item->entry.size));
    }
    ck_assert_ptr_null(manifest_index_by_unit(index, summary.units));
    ck_assert_ptr_null(manifest_index_by_entry(index, summary.entries));
    ck_assert_ptr_null(manifest_batch_by_unit(batch, summary.units));
    manifest_batch_free(batch);
    manifest_checker_free(checker);
}
END_TEST

START_TEST(another_than_offered_is_refused) {
    build();
    struct manifest_summary other = summary;
    switch (_i) {
    case 0:
        other.hash[0] ^= 1;
        break;
    case 1:
        other.length--;
        break;
    case 2:
        other.length++;
        break;
    case 3:
        other.entries--;
        break;
    case 4:
        other.bytes--;
        break;
    case 5:
        other.units++;
        break;
    case 6:
        other.names[0].bytes[0] ^= 1;
        break;
    default:
        bytes[length - 3] ^= 1;
    }
    ck_assert_int_eq(outcome_for(&other), MSG_INVALID);
    ck_assert_uint_gt(strlen(why.text), 0);
}
END_TEST

#define TOGETHER 16

/* One batch of these entries, whatever they are, judged alone. */
static int outcome_of(const struct entry *entries, size_t count) {
    static Fxnode__Wire__Entry wire[TOGETHER];
    static Fxnode__Wire__Attribute attributes[TOGETHER][LIMIT_ATTRIBUTES + 1];
    static Fxnode__Wire__Attribute *pointers[TOGETHER][LIMIT_ATTRIBUTES + 1];
    Fxnode__Wire__Entry *list[TOGETHER];
    Fxnode__Wire__ManifestBatch batch = FXNODE__WIRE__MANIFEST_BATCH__INIT;
    struct manifest_checker *checker = NULL;
    struct manifest_summary any = {.length = LIMIT_MANIFEST,
                                   .entries = LIMIT_ENTRIES,
                                   .bytes = LIMIT_FILE_SIZE,
                                   .units = LIMIT_ENTRIES};
    ck_assert_uint_le(count, TOGETHER);
    for (size_t i = 0; i < count; i++) {
        fxnode__wire__entry__init(&wire[i]);
        wire[i].type = (Fxnode__Wire__Entry__Type)entries[i].type;
        wire[i].mode = entries[i].mode;
        wire[i].size = entries[i].size;
        wire[i].mtime_s = entries[i].mtime_s;
        wire[i].mtime_ns = entries[i].mtime_ns;
        wire[i].original = entries[i].original;
        wire[i].n_attributes = entries[i].attribute_count;
        wire[i].attributes = pointers[i];
        for (size_t j = 0; j < entries[i].attribute_count; j++) {
            const struct entry_attribute *from = &entries[i].attributes[j];
            fxnode__wire__attribute__init(&attributes[i][j]);
            attributes[i][j].name =
                (ProtobufCBinaryData){from->name_length, (uint8_t *)(uintptr_t)from->name};
            attributes[i][j].value =
                (ProtobufCBinaryData){from->value_length, (uint8_t *)(uintptr_t)from->value};
            pointers[i][j] = &attributes[i][j];
        }
        wire[i].path =
            (ProtobufCBinaryData){entries[i].path_length, (uint8_t *)(uintptr_t)entries[i].path};
        wire[i].target = (ProtobufCBinaryData){entries[i].target_length,
                                               (uint8_t *)(uintptr_t)entries[i].target};
        list[i] = &wire[i];
    }
    batch.n_entries = count;
    batch.entries = list;
    int size = msg_encode(&batch.base, bytes, sizeof bytes);
    ck_assert_int_eq(manifest_checker_new(&checker, &any), 0);
    int rc = manifest_checker_add(checker, bytes, (size_t)size, &why);
    manifest_checker_free(checker);
    return rc;
}

/* A target of `size` bytes, which leads outside. */
static struct entry long_link_to(const char *path, size_t size) {
    static char target[LIMIT_PATH + 1];
    struct entry entry = link_to(path, "");
    memset(target, '/', sizeof target);
    entry.target = target;
    entry.target_length = size;
    return entry;
}

START_TEST(entries_against_the_rules_are_refused) {
    struct entry wrong[][3] = {
        {file("../x", 1)},
        {file("/x", 1)},
        {file("x/", 1)},
        {file("", 1)},
        {file("d/x", 1)},                                        /* no directory */
        {file("b", 1), file("a", 1)},                            /* order */
        {file("a", 1), file("a", 1)},                            /* twice */
        {file("a", 1), file("a/b", 1)},                          /* below a file */
        {directory("a"), link_to("a/l", "b"), file("a/l/x", 1)}, /* through a link */
        {directory("ab"), file("a/x", 1)},
        {directory("a"), link_to("a/l", "/b"), file("a/l/x", 1)}, /* or one that leads outside */
        {directory("a"), link_to("a/l", "")},
        {directory("a"), long_link_to("a/l", LIMIT_PATH + 1)},
        {directory("a"),
         {.type = ENTRY_SYMLINK,
          .path = "a/l",
          .path_length = 3,
          .target = "/b\0c",
          .target_length = 4}},
        {link_to("l", "x")},
        {link_to("l", "/x")},
        {file("a", LIMIT_FILE_SIZE), file("b", 1)}, /* the sum */
        {file("a", LIMIT_FILE_SIZE + 1)},
        {{.type = ENTRY_DIRECTORY, .size = 1, .path = "a", .path_length = 1}},
        {{.type = ENTRY_FILE, .mode = 01777, .path = "a", .path_length = 1}},
        {{.type = ENTRY_FILE, .mtime_ns = 1000000000, .path = "a", .path_length = 1}},
        {{.type = (enum entry_type)5, .path = "a", .path_length = 1}},
        {{.type = ENTRY_FILE, .path = "a", .path_length = 1, .target = "x", .target_length = 1}},
        {{.type = ENTRY_FILE, .path = "a\0b", .path_length = 3}},
        {directory(".fxnode")},
        {directory("a"), directory("a/.fxnode")},
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
        {hardlink("a", 0)},                                      /* itself */
        {file("a", 1), hardlink("b", 2), file("c", 1)},          /* forward */
        {file("a", 1), hardlink("b", UINT32_MAX)},               /* far beyond */
        {directory("a"), hardlink("b", 0)},                      /* a directory */
        {directory("a"), link_to("a/l", "x"), hardlink("b", 1)}, /* a symbolic link */
        {file("a", 1), hardlink("b", 0), hardlink("c", 1)},      /* a hard link */
        {file("a", 1), hardlink("b", 0), file("b/c", 1)},        /* as a directory */
        {file("a", 1), {.type = ENTRY_HARDLINK, .path = "b", .path_length = 1, .size = 1}},
        {file("a", 1), {.type = ENTRY_HARDLINK, .path = "b", .path_length = 1, .mode = 1}},
        {file("a", 1), {.type = ENTRY_HARDLINK, .path = "b", .path_length = 1, .mtime_s = 1}},
        {file("a", 1), {.type = ENTRY_HARDLINK, .path = "b", .path_length = 1, .mtime_ns = 1}},
        {file("a", 1),
         {.type = ENTRY_HARDLINK,
          .path = "b",
          .path_length = 1,
          .target = "a",
          .target_length = 1}},
        {file("a", 1),
         file("b", 1),
         {.type = ENTRY_FILE, .path = "c", .path_length = 1, .original = 1}},
    };
    ck_assert_uint_lt((size_t)_i, sizeof wrong / sizeof wrong[0]);
    size_t count = 1;
    while (count < 3 && wrong[_i][count].path != NULL)
        count++;
    ck_assert_int_eq(outcome_of(wrong[_i], count), MSG_INVALID);
}
END_TEST

static char large[LIMIT_ATTRIBUTE_VALUE + 1];
static char name_max[] =
    "user." /* 250 bytes follow */
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

START_TEST(attributes_against_the_rules_are_refused) {
    const struct entry_attribute wrong[][3] = {
        {{.name = "", .name_length = 0}},
        {{.name = "user.", .name_length = 5}},
        {{.name = "security.x", .name_length = 10}},
        {{.name = "trusted.x", .name_length = 9}},
        {{.name = "userx", .name_length = 5}},
        {{.name = "user.a\0b", .name_length = 8}},
        {{.name = name_max, .name_length = LIMIT_ATTRIBUTE_NAME + 1}},
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
    struct entry entry = with(wrong[_i], count);
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
    struct entry entry = with(many, LIMIT_ATTRIBUTES);
    ck_assert_int_eq(outcome_of(&entry, 1), 0);
    entry.attribute_count++;
    ck_assert_int_eq(outcome_of(&entry, 1), MSG_INVALID);
    struct entry links[] = {directory("d"), link_to("d/l", "x"), file("e", 1), hardlink("f", 2)};
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

/* The largest that an entry may be, behind others that nearly fill a batch, and back. */
START_TEST(attributes_and_links_are_read_as_written) {
    struct manifest_builder *builder = NULL;
    struct manifest_checker *checker = NULL;
    struct manifest_batch *batch = NULL;
    char path[64];
    const struct entry_attribute values[] = {
        {name_max, LIMIT_ATTRIBUTE_NAME, large, LIMIT_ATTRIBUTE_VALUE},
        {"user.z", 6, large,
         LIMIT_ATTRIBUTE_BYTES - LIMIT_ATTRIBUTE_VALUE - LIMIT_ATTRIBUTE_NAME - 6}};
    struct entry first = with(values, 2);
    size_t before = 0;
    length = 0;
    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    do {
        snprintf(path, sizeof path, "Entry %06zu", before);
        struct entry entry = before == 0 ? file(path, 1) : hardlink(path, 0);
        ck_assert_int_eq(manifest_builder_add(builder, &entry, &why), MANIFEST_ADDED);
    } while (++before < MANIFEST_BATCH_TARGET / 30);
    ck_assert_int_eq(manifest_builder_add(builder, &first, &why), MANIFEST_BATCH_READY);
    take(builder);
    ck_assert_int_eq(manifest_builder_end(builder, &why), MANIFEST_ADDED);
    manifest_builder_summary(builder, &summary);
    manifest_builder_free(builder);
    ck_assert_uint_eq(summary.bytes, 2);
    ck_assert_uint_eq(summary.units, 2);
    ck_assert_int_eq(manifest_checker_new(&checker, &summary), 0);
    ck_assert_msg(check_all(checker) == 0, "%s", why.text);
    const struct manifest_index *index = manifest_checker_index(checker);
    const struct manifest_row *row = manifest_index_row(index, 0);
    ck_assert_uint_eq(manifest_index_has(index), MANIFEST_HARDLINKS | MANIFEST_ATTRIBUTES);
    ck_assert_int_eq(manifest_batch_new(&batch), 0);
    ck_assert_int_eq(manifest_batch_load(batch, row, bytes + row->offset, &why), 0);
    const struct entry *found = &manifest_batch_by_entry(batch, (uint32_t)before)->entry;
    ck_assert_uint_eq(found->attribute_count, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(found->attributes[i].name_length, values[i].name_length);
        ck_assert_mem_eq(found->attributes[i].name, values[i].name, values[i].name_length);
        ck_assert_uint_eq(found->attributes[i].value_length, values[i].value_length);
        ck_assert_mem_eq(found->attributes[i].value, values[i].value, values[i].value_length);
    }
    found = &manifest_batch_by_entry(batch, 1)->entry;
    ck_assert_int_eq(found->type, ENTRY_HARDLINK);
    ck_assert_uint_eq(found->original, 0);
    manifest_batch_free(batch);
    manifest_checker_free(checker);
}
END_TEST

START_TEST(right_entries_are_accepted) {
    struct entry right[] = {file(".fxnode", 1),       directory("a"),     file("a/.fxnode", 1),
                            file("a/b", 0),           directory("a/c"),   directory("a/c/.fxnode2"),
                            link_to("a/c/l", "../b"), file("a/c.txt", 5), hardlink("a.txt", 3)};
    ck_assert_int_eq(outcome_of(right, sizeof right / sizeof right[0]), 0);
    ck_assert_int_eq(outcome_of(right, 0), MSG_INVALID);
}
END_TEST

START_TEST(links_may_lead_anywhere) {
    struct entry right[] = {
        directory("a"),           link_to("a/b", "../../x"),       link_to("a/c", "/etc"),
        link_to("a/d", "\xff\n"), long_link_to("a/e", LIMIT_PATH), link_to("a/f", "b/../..")};
    ck_assert_int_eq(outcome_of(right, sizeof right / sizeof right[0]), 0);
}
END_TEST

/* That some do is seen without looking at the entries. */
START_TEST(links_that_lead_outside_show) {
    struct manifest_builder *builder = NULL;
    struct manifest_checker *checker = NULL;
    struct manifest_summary sums;
    struct entry entries[] = {directory("a"), link_to("a/b", _i == 0 ? "x" : "/x")};
    const uint8_t *data = NULL;
    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(manifest_builder_add(builder, &entries[i], &why), MANIFEST_ADDED);
    ck_assert_int_eq(manifest_builder_end(builder, &why), MANIFEST_BATCH_READY);
    size_t taken = manifest_builder_take(builder, &data);
    manifest_builder_summary(builder, &sums);
    ck_assert_int_eq(manifest_checker_new(&checker, &sums), 0);
    ck_assert_int_eq(
        manifest_checker_add(checker, data + MANIFEST_PREFIX, taken - MANIFEST_PREFIX, &why), 0);
    ck_assert_uint_eq(manifest_index_has(manifest_checker_index(checker)),
                      _i == 0 ? 0 : MANIFEST_OUTSIDE);
    manifest_checker_free(checker);
    manifest_builder_free(builder);
}
END_TEST

START_TEST(builder_refuses_what_a_checker_would) {
    struct manifest_builder *builder = NULL;
    struct entry second = file("b", 1);
    struct entry first = file("a", 1);
    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    ck_assert_int_eq(manifest_builder_end(builder, &why), -EINVAL);
    ck_assert_int_eq(manifest_builder_add(builder, &second, &why), MANIFEST_ADDED);
    ck_assert_int_eq(manifest_builder_add(builder, &first, &why), -EINVAL);
    ck_assert_str_eq(why.text, "a: out of order");
    manifest_builder_free(builder);
}
END_TEST

START_TEST(short_batches_are_refused) {
    struct manifest_checker *checker = NULL;
    struct manifest_summary any = {.length = LIMIT_MANIFEST, .entries = 2, .bytes = 2, .units = 2};
    Fxnode__Wire__Entry entry = FXNODE__WIRE__ENTRY__INIT;
    Fxnode__Wire__Entry *list[] = {&entry};
    Fxnode__Wire__ManifestBatch batch = FXNODE__WIRE__MANIFEST_BATCH__INIT;
    uint8_t name = 'a';
    entry.type = FXNODE__WIRE__ENTRY__TYPE__FILE;
    entry.path = (ProtobufCBinaryData){1, &name};
    batch.n_entries = 1;
    batch.entries = list;
    ck_assert_int_eq(manifest_checker_new(&checker, &any), 0);
    int size = msg_encode(&batch.base, bytes, sizeof bytes);
    ck_assert_int_eq(manifest_checker_add(checker, bytes, (size_t)size, &why), 0);
    name = 'b';
    size = msg_encode(&batch.base, bytes, sizeof bytes);
    ck_assert_int_eq(manifest_checker_add(checker, bytes, (size_t)size, &why), MSG_INVALID);
    manifest_checker_free(checker);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("manifest");
    TCase *tests = tcase_create("manifest");
    tcase_add_test(tests, what_was_built_is_accepted);
    tcase_add_loop_test(tests, another_than_offered_is_refused, 0, 8);
    tcase_add_loop_test(tests, entries_against_the_rules_are_refused, 0, 26);
    tcase_add_loop_test(tests, hard_links_against_the_rules_are_refused, 0, 13);
    tcase_add_loop_test(tests, attributes_against_the_rules_are_refused, 0, 11);
    tcase_add_test(tests, attributes_are_counted);
    tcase_add_test(tests, attributes_and_links_are_read_as_written);
    tcase_add_test(tests, right_entries_are_accepted);
    tcase_add_test(tests, links_may_lead_anywhere);
    tcase_add_loop_test(tests, links_that_lead_outside_show, 0, 2);
    tcase_add_test(tests, builder_refuses_what_a_checker_would);
    tcase_add_test(tests, short_batches_are_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
