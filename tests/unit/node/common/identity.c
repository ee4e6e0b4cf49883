#include "node/common/identity.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *dir;
static int dir_fd;

static void setup(void) {
    dir = scratch_make();
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    ck_assert_int_ge(dir_fd, 0);
}

static void teardown(void) {
    close(dir_fd);
    scratch_remove(dir);
}

START_TEST(test_is_made_once_and_kept) {
    struct identity first, second;
    struct fail fail;
    struct stat st;
    uint8_t expected[LIMIT_KEY];
    ck_assert_int_eq(identity_load(&first, dir_fd, dir, &fail), 0);
    ck_assert_int_eq(fstatat(dir_fd, "identity", &st, 0), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_ne(faccessat(dir_fd, "identity.new", F_OK, 0), 0);
    ck_assert_int_eq(identity_load(&second, dir_fd, dir, &fail), 0);
    ck_assert_mem_eq(first.secret, second.secret, LIMIT_KEY);
    ck_assert_int_eq(crypto_scalarmult_base(expected, first.secret), 0);
    ck_assert_mem_eq(second.public_key, expected, LIMIT_KEY);
    identity_clear(&first);
    identity_clear(&second);
    ck_assert_ptr_null(second.secret);
}
END_TEST

START_TEST(test_a_leftover_of_a_crash_is_no_identity) {
    struct identity identity;
    struct fail fail;
    scratch_write(dir, "identity.new", "fxnode-ident", 0600);
    ck_assert_int_eq(identity_load(&identity, dir_fd, dir, &fail), 0);
    identity_clear(&identity);
}
END_TEST

static const char *const damages[] = {
    "",
    "fxnode-identity-1 00\n",
    "fxnode-identity-2 000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f\n",
    "fxnode-identity-1 000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0eXX\n",
    "fxnode-identity-1 000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f",
    "fxnode-identity-1 000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f\n\n",
};

START_TEST(test_a_damaged_one_is_refused_and_kept) {
    struct identity identity;
    struct fail fail;
    char text[128] = "";
    scratch_write(dir, "identity", damages[_i], 0600);
    ck_assert_int_lt(identity_load(&identity, dir_fd, dir, &fail), 0);
    ck_assert_ptr_nonnull(strstr(fail.text, "is damaged"));
    int fd = openat(dir_fd, "identity", O_RDONLY);
    ck_assert_int_eq(read(fd, text, sizeof text - 1), (ssize_t)strlen(damages[_i]));
    ck_assert_str_eq(text, damages[_i]);
    close(fd);
}
END_TEST

START_TEST(test_one_that_others_can_read_is_refused) {
    struct identity identity;
    struct fail fail;
    ck_assert_int_eq(identity_load(&identity, dir_fd, dir, &fail), 0);
    identity_clear(&identity);
    ck_assert_int_eq(fchmodat(dir_fd, "identity", 0640, 0), 0);
    ck_assert_int_lt(identity_load(&identity, dir_fd, dir, &fail), 0);
    ck_assert_ptr_nonnull(strstr(fail.text, "chmod 600"));
}
END_TEST

START_TEST(test_no_link_is_followed) {
    struct identity identity;
    struct fail fail;
    scratch_write(dir, "elsewhere", "x", 0600);
    ck_assert_int_eq(symlinkat("elsewhere", dir_fd, "identity"), 0);
    ck_assert_int_eq(identity_load(&identity, dir_fd, dir, &fail), -ELOOP);
}
END_TEST

Suite *suite_identity(void) {
    Suite *suite = suite_create("identity");
    TCase *test = tcase_create("identity");
    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_test(test, test_is_made_once_and_kept);
    tcase_add_test(test, test_a_leftover_of_a_crash_is_no_identity);
    tcase_add_loop_test(test, test_a_damaged_one_is_refused_and_kept, 0,
                        (int)(sizeof damages / sizeof *damages));
    tcase_add_test(test, test_one_that_others_can_read_is_refused);
    tcase_add_test(test, test_no_link_is_followed);
    suite_add_tcase(suite, test);
    return suite;
}
