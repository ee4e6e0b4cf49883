/* Thousands of manifests, legal ones and changed ones: a checker and a second opinion agree on
 * each. FXNODE_MUTANTS says how many, FXNODE_MUTANTS_SEED which is the first. */
#include "mutant.h"

#include "base/escape.h"

#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTANTS 8000

static struct mutant mutant;
static struct fail why;

static unsigned long setting(const char *name, unsigned long otherwise) {
    const char *text = getenv(name);
    return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

static void expect_equal(const struct entry *read, const struct entry *meant) {
    ck_assert_int_eq(read->type, meant->type);
    ck_assert_uint_eq(read->mode, meant->mode);
    ck_assert_uint_eq(read->size, meant->size);
    ck_assert_int_eq(read->mtime_s, meant->mtime_s);
    ck_assert_uint_eq(read->mtime_ns, meant->mtime_ns);
    ck_assert_uint_eq(read->original, meant->original);
    ck_assert_uint_eq(read->path_length, meant->path_length);
    ck_assert_mem_eq(read->path, meant->path, meant->path_length);
    ck_assert_uint_eq(read->target_length, meant->target_length);
    if (meant->target_length > 0)
        ck_assert_mem_eq(read->target, meant->target, meant->target_length);
}

/* What was accepted is found again as it was meant. */
static void expect_read(const struct manifest_checker *checker) {
    const struct manifest_index *index = manifest_checker_index(checker);
    const struct manifest_row *row = manifest_index_row(index, 0);
    struct manifest_batch *batch = NULL;

    ck_assert_uint_eq(manifest_index_rows(index), 1);
    ck_assert_int_eq(manifest_batch_new(&batch), 0);
    ck_assert_int_eq(manifest_batch_load(batch, row, mutant.batch, &why), 0);
    for (uint32_t i = 0; i < mutant.count; i++)
        expect_equal(&manifest_batch_by_entry(batch, i)->entry, &mutant.entries[i]);
    manifest_batch_free(batch);
}

/* A line that a person can be shown. */
static void expect_clear_line(void) {
    ck_assert_uint_gt(strlen(why.text), 10);
    char mended[sizeof why.text];
    strcpy(mended, why.text);
    escape_mend(mended);
    ck_assert_str_eq(mended, why.text);
}

/* Whether it was accepted. */
static bool judge(unsigned long seed) {
    struct manifest_checker *checker = NULL;
    bool legal = mutant_is_legal(&mutant);

    why = (struct fail){0};
    ck_assert_int_eq(manifest_checker_new(&checker, &mutant.summary), 0);
    int rc = manifest_checker_add(checker, mutant.batch, mutant.length, &why);
    if (rc == 0)
        rc = manifest_checker_end(checker, &why);
    ck_assert_msg(rc == (legal ? 0 : MSG_INVALID),
                  "FXNODE_MUTANTS_SEED=%lu (%s) is %s, and the checker says %d %s", seed,
                  mutant.what == NULL ? "unchanged" : mutant.what, legal ? "legal" : "not legal",
                  rc, why.text);
    if (legal)
        expect_read(checker);
    else
        expect_clear_line();
    manifest_checker_free(checker);
    return legal;
}

START_TEST(a_checker_and_a_second_opinion_agree) {
    unsigned long count = setting("FXNODE_MUTANTS", MUTANTS);
    unsigned long first = setting("FXNODE_MUTANTS_SEED", 1);
    unsigned long legal = 0;

    for (unsigned long seed = first; seed < first + count; seed++) {
        mutant_make(&mutant, seed, (unsigned)(seed % 3));
        legal += judge(seed);
    }
    printf("%lu of %lu were legal\n", legal, count);
    /* Enough of both. */
    if (count >= 1000) {
        ck_assert_uint_gt(legal, count / 3);
        ck_assert_uint_lt(legal, count - count / 3);
    }
}
END_TEST

/* As many as fit into the largest batch: refused before anything of it is gone through. A million
 * do not fit into a message. */
START_TEST(a_path_of_very_many_components_is_refused) {
    static uint8_t batch[LIMIT_MANIFEST_BATCH + 1];
    const size_t length = LIMIT_MANIFEST_BATCH - 10;
    const uint8_t begin[] = {0x0a,
                             (uint8_t)((length + 6) | 0x80),
                             (uint8_t)((length + 6) >> 7 | 0x80),
                             (uint8_t)((length + 6) >> 14),
                             0x08,
                             0x01,
                             0x12,
                             (uint8_t)(length | 0x80),
                             (uint8_t)(length >> 7 | 0x80),
                             (uint8_t)(length >> 14)};
    struct manifest_checker *checker = NULL;
    struct manifest_summary any = {.length = 4ull << 20, .entries = 1, .units = 1};

    memcpy(batch, begin, sizeof begin);
    for (size_t i = 0; i < length; i++)
        batch[sizeof begin + i] = i % 2 == 0 ? 'x' : '/';
    ck_assert_int_eq(manifest_checker_new(&checker, &any), 0);
    ck_assert_int_eq(manifest_checker_add(checker, batch, LIMIT_MANIFEST_BATCH, &why), MSG_INVALID);
    ck_assert_ptr_nonnull(strstr(why.text, "more than 4095 bytes"));
    expect_clear_line();
    manifest_checker_free(checker);
    ck_assert_int_eq(manifest_checker_new(&checker, &any), 0);
    ck_assert_int_eq(manifest_checker_add(checker, batch, sizeof batch, &why), MSG_INVALID);
    ck_assert_ptr_nonnull(strstr(why.text, "a batch of an impossible length"));
    manifest_checker_free(checker);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("mutants");
    TCase *tests = tcase_create("mutants");

    if (sodium_init() < 0)
        return EXIT_FAILURE;
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_checker_and_a_second_opinion_agree);
    tcase_add_test(tests, a_path_of_very_many_components_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
