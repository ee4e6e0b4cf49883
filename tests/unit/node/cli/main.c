#include "suites.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *captured;
static int outputs[2]; /* standard output and error, as they were */

static void redirect(const int to[2]) {
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++)
        ck_assert_int_ge(dup2(to[i], STDOUT_FILENO + i), 0);
}

void capture_begin(void) {
    captured = tmpfile();
    ck_assert_ptr_nonnull(captured);
    for (int i = 0; i < 2; i++)
        ck_assert_int_ge(outputs[i] = dup(STDOUT_FILENO + i), 0);
    redirect((const int[]){fileno(captured), fileno(captured)});
}

const char *capture_end(void) {
    static char text[65536];
    redirect(outputs);
    for (int i = 0; i < 2; i++)
        close(outputs[i]);
    rewind(captured);
    size_t length = fread(text, 1, sizeof text - 1, captured);
    ck_assert_int_eq(fclose(captured), 0);
    text[length] = '\0';
    ck_assert_uint_eq(strlen(text), length);
    return text;
}

void type_in(const char *bytes, size_t length) {
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], bytes, length), (ssize_t)length);
    ck_assert_int_ge(dup2(ends[0], STDIN_FILENO), 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    SRunner *runner = srunner_create(suite_columns());
    srunner_add_suite(runner, suite_digits());
    srunner_add_suite(runner, suite_failed());
    srunner_add_suite(runner, suite_json());
    srunner_add_suite(runner, suite_options());
    srunner_add_suite(runner, suite_pair_ask());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
