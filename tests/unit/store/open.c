/* Opening: creation, migration, and every refusal, which leaves all bytes as they are. */
#include "fixture.h"
#include "store/store_schema.h"
#include "store/store_setting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void overwrite(off_t offset, const void *bytes, size_t length) {
    int fd = open(fixture_path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes, length, offset), (ssize_t)length);
    close(fd);
}

static void write_file(const char *path, const void *bytes, size_t length) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
    close(fd);
}

/* A closed database with something in it. */
static void fill(void) {
    fixture_open();
    FIXTURE_OK(store_begin(fixture, &fixture_fail));
    for (uint8_t i = 1; i < 100; i++) {
        struct store_transfer_new with = fixture_incoming(i, STORE_RUNNING);
        fixture_create(&with);
    }
    FIXTURE_OK(store_end(fixture, 0, &fixture_fail));
    fixture_close();
}

START_TEST(test_creates_private_file) {
    struct stat st;
    mode_t mask = umask(0);
    fixture_open();
    umask(mask);
    fixture_close();
    ck_assert_int_eq(stat(fixture_path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(fixture_number("PRAGMA application_id"), STORE_SCHEMA_APPLICATION);
    ck_assert_int_eq(fixture_number("PRAGMA user_version"), store_schema_version);
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM pragma_journal_mode"
                                    " WHERE journal_mode = 'wal'"),
                     1);
}
END_TEST

START_TEST(test_keeps_what_was_stored) {
    int64_t value = 0;
    fixture_open();
    ck_assert_int_eq(store_setting_set(fixture, "port", 42420, &fixture_fail), 0);
    fixture_close();
    fixture_open();
    ck_assert_int_eq(store_setting_get(fixture, "port", &value, &fixture_fail), 0);
    ck_assert_int_eq(value, 42420);
    ck_assert_int_eq(store_setting_get(fixture, "other", &value, &fixture_fail), STORE_NONE);
}
END_TEST

/* A path is only a path: characters that mean something in a URI do not. */
START_TEST(test_odd_path) {
    snprintf(fixture_path, sizeof(fixture_path), "%s/a ?#%%20&\xff.db", fixture_dir);
    fixture_open();
    fixture_close();
    ck_assert_int_eq(access(fixture_path, F_OK), 0);
    fixture_open();
}
END_TEST

START_TEST(test_unfinished_creation_is_replaced) {
    char made[112];
    snprintf(made, sizeof(made), "%s.new", fixture_path);
    write_file(made, "half", 4);
    fixture_open();
    ck_assert_int_ne(access(made, F_OK), 0);
}
END_TEST

/* The write of this number fails, counted from 0; for SQLite's files are written by it alone. */
static int writes_until_failure;

static ssize_t failing_pwrite(int fd, const void *data, size_t length, off_t offset) {
    if (writes_until_failure-- == 0) {
        errno = EIO;
        return -1;
    }
    return pwrite(fd, data, length, offset);
}

/* Unlinks what has this suffix; whether it was there. */
static bool remove_one(const char *suffix) {
    char path[sizeof(fixture_path) + 16];
    snprintf(path, sizeof(path), "%s%s", fixture_path, suffix);
    return unlink(path) == 0;
}

/* The directory is where nothing waits for a disk, if there is such a place. */
static void use_memory(void) {
    char name[] = "/dev/shm/fxnode-store-XXXXXX";
    if (mkdtemp(name) == NULL)
        return;
    fixture_remove();
    snprintf(fixture_dir, sizeof(fixture_dir), "%s", name);
    snprintf(fixture_path, sizeof(fixture_path), "%s/fxnode.db", fixture_dir);
}

/* Whatever cannot be written, also when SQLite puts its log into the file: nothing stays of a
 * database that is not made, and what was written of its log is never left out of it. */
START_TEST(test_creation_that_cannot_be_written) {
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_syscall_ptr failing = (sqlite3_syscall_ptr)failing_pwrite;
    int failed = 0;
    use_memory(); /* so many times */
    for (int rc = -1; rc < 0;) {
        writes_until_failure = failed;
        ck_assert_int_eq(vfs->xSetSystemCall(vfs, "pwrite64", failing), SQLITE_OK);
        ck_assert_int_eq(vfs->xSetSystemCall(vfs, "pwrite", failing), SQLITE_OK);
        rc = store_open(&fixture, fixture_path, &fixture_fail);
        vfs->xSetSystemCall(vfs, NULL, NULL);
        ck_assert(!remove_one(".new") && !remove_one(".new-wal") && !remove_one(".new-journal"));
        failed += rc < 0;
    }
    ck_assert_int_gt(failed, 10);
    ck_assert_msg(writes_until_failure >= 0, "opened though write %d failed", failed);
    fixture_close();
}
END_TEST

START_TEST(test_refuses_newer) {
    fill();
    fixture_sql("PRAGMA user_version = 99");
    fixture_refused(-ENOTSUP, "newer fxnode (format 99");
}
END_TEST

/* Changes the version and dies with the change in the log only. */
static int newer_in_log(void) {
    sqlite3 *db = NULL;
    int code = sqlite3_open(fixture_path, &db);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db,
                            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                            "PRAGMA user_version = 99",
                            NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : 1;
}

START_TEST(test_refuses_newer_in_log) {
    char log[112];
    struct stat st;
    fill();
    fixture_in_child(newer_in_log);
    snprintf(log, sizeof(log), "%s-wal", fixture_path);
    ck_assert_int_eq(stat(log, &st), 0);
    ck_assert_int_gt(st.st_size, 0);
    fixture_refused(-ENOTSUP, "newer fxnode (format 99");
}
END_TEST

START_TEST(test_refuses_foreign) {
    fixture_sql("CREATE TABLE bookmark (url TEXT)");
    fixture_refused(-ENOTSUP, "another program");
}
END_TEST

START_TEST(test_refuses_foreign_application) {
    fill();
    fixture_sql("PRAGMA application_id = 7");
    fixture_refused(-ENOTSUP, "another program");
}
END_TEST

START_TEST(test_refuses_no_database) {
    static const struct {
        const char *bytes;
        size_t length;
    } files[] = {{"", 0}, {"SQLite format 3", 16}, {"#!/bin/sh\n", 10}};
    write_file(fixture_path, files[_i].bytes, files[_i].length);
    fixture_refused(-EBADMSG, "not a database");
}
END_TEST

START_TEST(test_refuses_garbage_header) {
    fill();
    overwrite(0, "0123456789abcdef", 16);
    fixture_refused(-EBADMSG, "is damaged (file is not a database)");
}
END_TEST

START_TEST(test_refuses_garbage_page_size) {
    fill();
    overwrite(16, "\x12\x34", 2);
    fixture_refused(-EBADMSG, "is damaged");
}
END_TEST

START_TEST(test_refuses_truncated) {
    static const off_t lengths[] = {99, 100, 4096, 6000, 3 * 4096};
    fill();
    ck_assert_int_eq(truncate(fixture_path, lengths[_i]), 0);
    fixture_refused(-EBADMSG, "is damaged");
}
END_TEST

START_TEST(test_refuses_damaged_page) {
    uint8_t noise[4096];
    fill();
    memset(noise, 0xa5, sizeof(noise));
    int64_t root = fixture_number("SELECT rootpage FROM sqlite_schema WHERE name = 'transfer'");
    overwrite((off_t)(root - 1) * 4096, noise, sizeof(noise));
    fixture_refused(-EBADMSG, "is damaged");
}
END_TEST

START_TEST(test_refuses_directory) {
    ck_assert_int_eq(mkdir(fixture_path, 0700), 0);
    fixture_refused(-EBADMSG, "not a regular file");
}
END_TEST

START_TEST(test_refuses_log_without_database) {
    char log[112];
    snprintf(log, sizeof(log), "%s-wal", fixture_path);
    write_file(log, "x", 1);
    fixture_refused(-EBADMSG, "its log is there");
}
END_TEST

START_TEST(test_refuses_locked) {
    int ready[2], done[2];
    char byte;
    fill();
    ck_assert_int_eq(pipe(ready), 0);
    ck_assert_int_eq(pipe(done), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(done[1]);
        fixture_open();
        if (write(ready[1], "r", 1) == 1 && read(done[0], &byte, 1) == 0)
            _exit(0);
        _exit(1);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    fixture_refused(-EBUSY, "in use by process");
    close(done[1]);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    fixture_open(); /* the log that the other one left is replayed */
}
END_TEST

/* As somebody who may not write; root may always. */
static int refused_as_nobody(void) {
    if (geteuid() == 0 &&
        (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
        return 1;
    fixture_refused(-EACCES, "make them writable");
    return 0;
}

START_TEST(test_refuses_read_only) {
    fill();
    ck_assert_int_eq(chmod(fixture_path, _i == 0 ? 0444 : 0666), 0);
    ck_assert_int_eq(chmod(fixture_dir, _i == 0 ? 0777 : 0555), 0);
    fixture_in_child(refused_as_nobody);
    ck_assert_int_eq(chmod(fixture_dir, 0700), 0);
}
END_TEST

static int not_created_as_nobody(void) {
    struct store *store = NULL;
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
        return 1;
    int rc = store_open(&store, fixture_path, &fixture_fail);
    return rc == -EACCES && strstr(fixture_fail.text, "cannot create") != NULL ? 0 : 1;
}

START_TEST(test_cannot_create) {
    ck_assert_int_eq(chmod(fixture_dir, 0555), 0);
    fixture_in_child(not_created_as_nobody);
    ck_assert_int_eq(chmod(fixture_dir, 0700), 0);
}
END_TEST

/* Migrations of a made-up history; migrate.c has the real one. */
static const char *const STEPS[] = {
    "CREATE TABLE one (a INTEGER) STRICT; INSERT INTO one VALUES (1)",
    "ALTER TABLE one ADD COLUMN b INTEGER; UPDATE one SET b = a + 1",
    "CREATE TABLE three (c INTEGER) STRICT; INSERT INTO three SELECT a + b FROM one",
};

static int migrate(const char *const *steps, uint32_t count) {
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
    int code = store_schema_migrate(db, steps, count);
    ck_assert_int_eq(sqlite3_get_autocommit(db), 1);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    return code;
}

START_TEST(test_migrates_from_each_version) {
    ck_assert_int_eq(migrate(STEPS, (uint32_t)_i), SQLITE_OK);
    ck_assert_int_eq(fixture_number("PRAGMA user_version"), _i);
    ck_assert_int_eq(migrate(STEPS, 3), SQLITE_OK);
    ck_assert_int_eq(fixture_number("PRAGMA user_version"), 3);
    ck_assert_int_eq(fixture_number("PRAGMA application_id"), STORE_SCHEMA_APPLICATION);
    ck_assert_int_eq(fixture_number("SELECT c FROM three"), 3);
    ck_assert_int_eq(migrate(STEPS, 2), SQLITE_MISMATCH);
}
END_TEST

START_TEST(test_failed_migration_changes_nothing) {
    const char *const broken[] = {STEPS[0], STEPS[1],
                                  "CREATE TABLE three (c INTEGER) STRICT; nonsense"};
    ck_assert_int_eq(migrate(STEPS, 1), SQLITE_OK);
    ck_assert_int_eq(migrate(broken, 3), SQLITE_ERROR);
    ck_assert_int_eq(fixture_number("PRAGMA user_version"), 1);
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM sqlite_schema WHERE name = 'three'"), 0);
    ck_assert_int_eq(fixture_number("SELECT count(*) FROM pragma_table_info('one')"), 1);
}
END_TEST

/* A file of ours that has no tables yet becomes the present version when it is opened. */
START_TEST(test_opens_version_0) {
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", STORE_SCHEMA_APPLICATION);
    fixture_sql(sql);
    fixture_open();
    ck_assert_int_eq(store_setting_set(fixture, "port", 1, &fixture_fail), 0);
    fixture_close();
    ck_assert_int_eq(fixture_number("PRAGMA user_version"), store_schema_version);
}
END_TEST

static Suite *suite(void) {
    Suite *s = suite_create("store-open");
    TCase *t = tcase_create("open");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_dir, fixture_remove);
    tcase_add_test(t, test_creates_private_file);
    tcase_add_test(t, test_keeps_what_was_stored);
    tcase_add_test(t, test_odd_path);
    tcase_add_test(t, test_unfinished_creation_is_replaced);
    tcase_add_test(t, test_creation_that_cannot_be_written);
    suite_add_tcase(s, t);

    t = tcase_create("refuse");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_dir, fixture_remove);
    tcase_add_test(t, test_refuses_newer);
    tcase_add_test(t, test_refuses_newer_in_log);
    tcase_add_test(t, test_refuses_foreign);
    tcase_add_test(t, test_refuses_foreign_application);
    tcase_add_loop_test(t, test_refuses_no_database, 0, 3);
    tcase_add_test(t, test_refuses_garbage_header);
    tcase_add_test(t, test_refuses_garbage_page_size);
    tcase_add_loop_test(t, test_refuses_truncated, 0, 5);
    tcase_add_test(t, test_refuses_damaged_page);
    tcase_add_test(t, test_refuses_directory);
    tcase_add_test(t, test_refuses_log_without_database);
    tcase_add_test(t, test_refuses_locked);
    tcase_add_loop_test(t, test_refuses_read_only, 0, 2);
    tcase_add_test(t, test_cannot_create);
    suite_add_tcase(s, t);

    t = tcase_create("migrate");
    tcase_set_timeout(t, 60); /* a sync can take long beside others */
    tcase_add_checked_fixture(t, fixture_make_dir, fixture_remove);
    tcase_add_loop_test(t, test_migrates_from_each_version, 0, 4);
    tcase_add_test(t, test_failed_migration_changes_nothing);
    tcase_add_test(t, test_opens_version_0);
    suite_add_tcase(s, t);
    return s;
}

int main(void) {
    return fixture_run(suite());
}
