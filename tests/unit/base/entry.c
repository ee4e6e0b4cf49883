#include "base/entry.h"
#include "suites.h"

START_TEST(test_units_of_a_file) {
    ck_assert_uint_eq(entry_units(ENTRY_FILE, 0), 1);
    ck_assert_uint_eq(entry_units(ENTRY_FILE, 1), 1);
    ck_assert_uint_eq(entry_units(ENTRY_FILE, LIMIT_CHUNK), 1);
    ck_assert_uint_eq(entry_units(ENTRY_FILE, LIMIT_CHUNK + 1), 2);
    ck_assert_uint_eq(entry_units(ENTRY_FILE, LIMIT_FILE_SIZE), 1ull << 43);
    ck_assert_uint_eq(entry_units(ENTRY_DIRECTORY, 0), 0);
    ck_assert_uint_eq(entry_units(ENTRY_SYMLINK, 0), 0);
}
END_TEST

START_TEST(test_chunks_cover_the_file) {
    static const uint64_t sizes[] = {
        0, 1, LIMIT_CHUNK - 1, LIMIT_CHUNK, LIMIT_CHUNK + 1, 5ull * LIMIT_CHUNK + 77};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t covered = 0;
        for (uint64_t chunk = 0; chunk < entry_units(ENTRY_FILE, sizes[i]); chunk++)
            covered += entry_chunk_size(sizes[i], chunk);
        ck_assert_uint_eq(covered, sizes[i]);
    }
}
END_TEST

Suite *suite_entry(void) {
    Suite *suite = suite_create("entry");
    TCase *tc = tcase_create("entry");
    tcase_add_test(tc, test_units_of_a_file);
    tcase_add_test(tc, test_chunks_cover_the_file);
    suite_add_tcase(suite, tc);
    return suite;
}
