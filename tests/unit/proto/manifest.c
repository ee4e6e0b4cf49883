/* Manifests: built, judged, looked up; and not as offered. */
#include "proto/manifest.h"
#include "proto/transfer.pb-c.h"

#include "entries.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES 5000u

static struct fail why;

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
    struct entry top = entries_directory("top");
    length = 0;
    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    ck_assert_int_eq(manifest_builder_add(builder, &top, &why), MANIFEST_ADDED);
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "top/a rather long name of a file %06u", i);
        struct entry entry = entries_file(path, i % 3 * LIMIT_CHUNK);
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

/* The largest that an entry may be, behind others that nearly fill a batch, and back. */
START_TEST(attributes_and_links_are_read_as_written) {
    struct manifest_builder *builder = NULL;
    struct manifest_checker *checker = NULL;
    struct manifest_batch *batch = NULL;
    static const char large[LIMIT_ATTRIBUTE_VALUE];
    char path[64];
    const struct entry_attribute values[] = {
        {entries_long_name(), LIMIT_ATTRIBUTE_NAME, large, LIMIT_ATTRIBUTE_VALUE},
        {"user.z", 6, large,
         LIMIT_ATTRIBUTE_BYTES - LIMIT_ATTRIBUTE_VALUE - LIMIT_ATTRIBUTE_NAME - 6}};
    struct entry first = entries_with(values, 2);
    size_t before = 0;
    length = 0;
    ck_assert_int_eq(manifest_builder_new(&builder), 0);
    do {
        snprintf(path, sizeof path, "Entry %06zu", before);
        struct entry entry = before == 0 ? entries_file(path, 1) : entries_hardlink(path, 0);
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

/* That some do is seen without looking at the entries. */
START_TEST(links_that_lead_outside_show) {
    struct manifest_builder *builder = NULL;
    struct manifest_checker *checker = NULL;
    struct manifest_summary sums;
    struct entry entries[] = {entries_directory("a"), entries_link("a/b", _i == 0 ? "x" : "/x")};
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
    struct entry second = entries_file("b", 1);
    struct entry first = entries_file("a", 1);
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
    tcase_add_test(tests, attributes_and_links_are_read_as_written);
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
