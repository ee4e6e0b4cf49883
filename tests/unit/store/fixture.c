#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

char fixture_dir[64];
char fixture_path[96];
struct store *fixture;
struct fail fixture_fail;
struct store_transfer_list fixture_listed;

void fixture_make_dir(void) {
    snprintf(fixture_dir, sizeof(fixture_dir), "/tmp/fxnode-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fixture_dir));
    snprintf(fixture_path, sizeof(fixture_path), "%s/fxnode.db", fixture_dir);
    fixture = NULL;
}

void fixture_make_store(void) {
    fixture_make_dir();
    fixture_open();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void fixture_remove(void) {
    store_transfer_list_clear(&fixture_listed);
    fixture_close();
    nftw(fixture_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void fixture_open(void) {
    int rc = store_open(&fixture, fixture_path, &fixture_fail);
    ck_assert_msg(rc == 0, "%s", fixture_fail.text);
}

void fixture_close(void) {
    store_close(fixture);
    fixture = NULL;
}

void fixture_sql(const char *sql) {
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

int64_t fixture_number(const char *sql) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

static void hash_file(crypto_generichash_state *state, int fd) {
    static uint8_t block[65536];
    ssize_t got;
    while ((got = read(fd, block, sizeof(block))) > 0)
        crypto_generichash_update(state, block, (unsigned long long)got);
    close(fd);
}

void fixture_hash(uint8_t hash[32]) {
    struct dirent **names = NULL;
    crypto_generichash_state state;
    int count = scandir(fixture_dir, &names, NULL, alphasort);
    ck_assert_int_ge(count, 2);
    crypto_generichash_init(&state, NULL, 0, 32);
    for (int i = 0; i < count; i++) {
        char path[512];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", fixture_dir, names[i]->d_name);
        ck_assert_int_eq(lstat(path, &st), 0);
        if (strcmp(names[i]->d_name, "..") != 0) {
            crypto_generichash_update(&state, (uint8_t *)path, strlen(path));
            crypto_generichash_update(&state, (uint8_t *)&st.st_mode, sizeof(st.st_mode));
            crypto_generichash_update(&state, (uint8_t *)&st.st_ino, sizeof(st.st_ino));
            crypto_generichash_update(&state, (uint8_t *)&st.st_mtim, sizeof(st.st_mtim));
            if (S_ISREG(st.st_mode))
                hash_file(&state, open(path, O_RDONLY | O_CLOEXEC));
        }
        free(names[i]);
    }
    free(names);
    crypto_generichash_final(&state, hash, 32);
}

void fixture_refused(int code, const char *words) {
    uint8_t before[32], after[32];
    struct store *store = NULL;
    fixture_hash(before);
    fixture_fail = (struct fail){0};
    int rc = store_open(&store, fixture_path, &fixture_fail);
    fixture_hash(after);
    ck_assert_msg(rc == code, "%d: %s", rc, fixture_fail.text);
    ck_assert_int_eq(fixture_fail.code, code);
    ck_assert_ptr_null(store);
    ck_assert_msg(strstr(fixture_fail.text, words) != NULL, "%s", fixture_fail.text);
    ck_assert_ptr_nonnull(strstr(fixture_fail.text, fixture_path));
    ck_assert_ptr_null(strchr(fixture_fail.text, '\n'));
    ck_assert_mem_eq(before, after, sizeof(before));
}

void fixture_in_child(int (*body)(void)) {
    int status = 0;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(body());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: status %#x", status);
}

struct store_name fixture_name(const char *text) {
    return (struct store_name){.bytes = text, .length = strlen(text)};
}

const uint8_t *fixture_key(uint8_t byte) {
    static uint8_t keys[8][32];
    static unsigned next;
    uint8_t *key = keys[next++ % 8];
    memset(key, byte, 32);
    return key;
}

static struct store_transfer_new any(uint8_t byte) {
    static const struct store_name names[2] = {{.bytes = "a\nb", .length = 3},
                                               {.bytes = "\xff\xfe", .length = 2}};
    return (struct store_transfer_new){
        .state = STORE_QUEUED,
        .peer_key = fixture_key(byte),
        .peer_name = "box",
        .transfer_id = fixture_key(byte),
        .manifest_hash = fixture_key(0x77),
        .manifest_length = 5000000000,
        .entries = 12,
        .bytes = 1ull << 40,
        .units = 1 << 20,
        .names = names,
        .names_length = 2,
        .name_count = 3,
        .rate = 1000,
        .now = 1000,
    };
}

struct store_transfer_new fixture_outgoing(uint8_t byte, const struct store_name *paths,
                                           size_t count) {
    struct store_transfer_new with = any(byte);
    with.direction = STORE_OUTGOING;
    with.paths = paths;
    with.paths_length = count;
    return with;
}

struct store_transfer_new fixture_incoming(uint8_t byte, enum store_state state) {
    struct store_transfer_new with = any(byte);
    with.direction = STORE_INCOMING;
    with.state = state;
    with.destination = "/srv/in";
    return with;
}

uint64_t fixture_create(const struct store_transfer_new *with) {
    uint64_t number = 0;
    int rc = store_transfer_create(fixture, with, &number, &fixture_fail);
    ck_assert_msg(rc == 0, "%d: %s", rc, fixture_fail.text);
    return number;
}

enum store_state fixture_state(uint64_t number) {
    struct store_transfer transfer;
    ck_assert_int_eq(store_transfer_get(fixture, number, &transfer, &fixture_fail), 0);
    enum store_state state = transfer.state;
    store_transfer_clear(&transfer);
    return state;
}

size_t fixture_list(enum store_transfer_which which, size_t limit) {
    store_transfer_list_clear(&fixture_listed);
    FIXTURE_OK(store_transfer_list(fixture, which, limit, &fixture_listed, &fixture_fail));
    return fixture_listed.length;
}

void fixture_set_state(uint64_t number, enum store_state state, int64_t now) {
    FIXTURE_OK(store_transfer_set_state(fixture, number, state, "because", now, &fixture_fail));
}

void fixture_check_names(const struct store_names *names, const struct store_name *expected,
                         size_t count) {
    ck_assert_uint_eq(names->length, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(names->items[i].length, expected[i].length);
        ck_assert_mem_eq(names->items[i].bytes, expected[i].bytes, expected[i].length);
    }
}

int fixture_run(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
