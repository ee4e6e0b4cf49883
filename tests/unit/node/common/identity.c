#include "node/common/identity.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
    ck_assert_uint_eq(st.st_nlink, 1);
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

START_TEST(test_leftovers_of_crashes_go) {
    static const char *const names[] = {"identity.0123abcd",  "identity.old",
                                        "identity.0123abcde", "identity.0123ABCD",
                                        "identity0123abcd",   "identity"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        scratch_write(dir, names[i], "x", 0600);
    identity_tidy(dir_fd);
    ck_assert_int_ne(faccessat(dir_fd, names[0], F_OK, 0), 0);
    for (size_t i = 1; i < sizeof names / sizeof *names; i++)
        ck_assert_int_eq(faccessat(dir_fd, names[i], F_OK, 0), 0);
}
END_TEST

/* What a crash has left may be another name of a key that was moved away since. */
START_TEST(test_a_key_moved_away_stays_as_it_is) {
    struct identity first, second;
    struct fail fail;
    ck_assert_int_eq(identity_load(&first, dir_fd, dir, &fail), 0);
    ck_assert_int_eq(renameat(dir_fd, "identity", dir_fd, "kept"), 0);
    ck_assert_int_eq(linkat(dir_fd, "kept", dir_fd, "identity.new", 0), 0);
    ck_assert_int_eq(identity_load(&second, dir_fd, dir, &fail), 0);
    ck_assert_mem_ne(first.secret, second.secret, LIMIT_KEY);
    ck_assert_int_eq(renameat(dir_fd, "kept", dir_fd, "identity"), 0);
    identity_clear(&second);
    ck_assert_int_eq(identity_load(&second, dir_fd, dir, &fail), 0);
    ck_assert_mem_eq(first.secret, second.secret, LIMIT_KEY);
    identity_clear(&first);
    identity_clear(&second);
}
END_TEST

/* Loads the identity and tells its public key; for a process of its own. */
_Noreturn static void load_and_tell(int start, int out) {
    struct identity identity;
    struct fail fail;
    char byte;
    if (read(start, &byte, 1) != 0 || identity_load(&identity, dir_fd, dir, &fail) < 0)
        _exit(1);
    identity_tidy(dir_fd); /* as a node does, whoever is just writing */
    if (write(out, identity.public_key, LIMIT_KEY) != LIMIT_KEY)
        _exit(1);
    _exit(0);
}

#define AT_ONCE 8

/* A command may make the identity at the moment a node does: both have to get the one that stays.
 */
START_TEST(test_two_at_once_get_the_same) {
    struct identity stays;
    struct fail fail;
    int start[2], told[2], status;
    ck_assert_int_eq(pipe(start), 0);
    ck_assert_int_eq(pipe(told), 0);
    for (int i = 0; i < AT_ONCE; i++) {
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            close(start[1]);
            load_and_tell(start[0], told[1]);
        }
    }
    close(start[1]); /* all of them go on at the end of file */
    for (int i = 0; i < AT_ONCE; i++) {
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(identity_load(&stays, dir_fd, dir, &fail), 0);
    for (int i = 0; i < AT_ONCE; i++) {
        uint8_t key[LIMIT_KEY];
        ck_assert_int_eq(read(told[0], key, sizeof key), LIMIT_KEY);
        ck_assert_mem_eq(key, stays.public_key, LIMIT_KEY);
    }
    identity_clear(&stays);
    close(start[0]);
    close(told[0]);
    close(told[1]);
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
    tcase_add_test(test, test_leftovers_of_crashes_go);
    tcase_add_test(test, test_a_key_moved_away_stays_as_it_is);
    tcase_add_loop_test(test, test_two_at_once_get_the_same, 0, 8);
    tcase_add_loop_test(test, test_a_damaged_one_is_refused_and_kept, 0,
                        (int)(sizeof damages / sizeof *damages));
    tcase_add_test(test, test_one_that_others_can_read_is_refused);
    tcase_add_test(test, test_no_link_is_followed);
    suite_add_tcase(suite, test);
    return suite;
}
