#include "base/fail.h"
#include "suites.h"

#include <errno.h>
#include <string.h>

START_TEST(test_says_what_and_why) {
    struct fail fail = {0};
    ck_assert_int_eq(fail_set(&fail, -ENOSPC, "cannot write %s", "/srv/in/a"), -ENOSPC);
    ck_assert_int_eq(fail.code, -ENOSPC);
    ck_assert_str_eq(fail.text, "cannot write /srv/in/a: No space left on device");
}
END_TEST

START_TEST(test_without_a_system_error) {
    struct fail fail = {0};
    ck_assert_int_eq(fail_set(&fail, 0, "the manifest is %d bytes short", 7), -EINVAL);
    ck_assert_int_eq(fail.code, 0);
    ck_assert_str_eq(fail.text, "the manifest is 7 bytes short");
}
END_TEST

START_TEST(test_longer_than_the_room) {
    struct fail fail;
    char name[1024];
    memset(&fail, '#', sizeof fail);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_int_eq(fail_set(&fail, -EIO, "cannot read %s", name), -EIO);
    ck_assert_ptr_nonnull(memchr(fail.text, '\0', sizeof fail.text));
    ck_assert_int_eq(strncmp(fail.text, "cannot read nnn", 15), 0);
}
END_TEST

/* Two threads or nested calls must not share a static buffer of strerror. */
START_TEST(test_an_unknown_error_has_a_text) {
    struct fail fail = {0};
    ck_assert_int_eq(fail_set(&fail, -4000, "odd"), -4000);
    ck_assert_int_eq(strncmp(fail.text, "odd: ", 5), 0);
    ck_assert_uint_gt(strlen(fail.text), 5);
}
END_TEST

Suite *suite_fail(void) {
    Suite *suite = suite_create("fail");
    TCase *tc = tcase_create("fail");
    tcase_add_test(tc, test_says_what_and_why);
    tcase_add_test(tc, test_without_a_system_error);
    tcase_add_test(tc, test_longer_than_the_room);
    tcase_add_test(tc, test_an_unknown_error_has_a_text);
    suite_add_tcase(suite, tc);
    return suite;
}
