#include "peers_fixture.h"

#include "node/daemon/database.h"
#include "node/daemon/discover.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANNOUNCED 8

struct node fixture_node;
int fixture_error;
int fixture_done;

static uv_loop_t loop;
static char directory[32];
static struct discover_entry announced[ANNOUNCED];
static size_t announced_count;

const struct discover_entry *discover_entries(const struct discover *discover, size_t *count) {
    (void)discover;
    *count = announced_count;
    return announced;
}

bool discover_is_settled(const struct discover *discover) {
    (void)discover;
    return true;
}

void fixture_announce(uint8_t byte, const char *instance) {
    char host[16];
    ck_assert_uint_lt(announced_count, ANNOUNCED);
    struct discover_entry *entry = &announced[announced_count++];
    snprintf(entry->instance, sizeof entry->instance, "%s", instance);
    entry->has_key = true;
    memcpy(entry->key, fixture_key(byte), LIMIT_KEY);
    snprintf(host, sizeof host, "10.0.0.%u", byte);
    ck_assert(address_parse(&entry->address, host, 42420, ""));
}

static void start(void) {
    char path[64];
    struct fail fail;
    snprintf(path, sizeof path, "%s/db", directory);
    ck_assert_int_eq(database_open(&fixture_node.database, &loop, path, &fail), 0);
    ck_assert_int_eq(peers_load(&fixture_node.peers, &fixture_node,
                                database_store(fixture_node.database), &fail),
                     0);
}

static void stop(void) {
    database_close(fixture_node.database);
    peers_free(fixture_node.peers);
}

void fixture_set_up(void) {
    snprintf(directory, sizeof directory, "/tmp/fxnode-peers-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    fixture_node = (struct node){.loop = &loop};
    memset(fixture_node.identity.public_key, 0xee, LIMIT_KEY);
    announced_count = 0;
    memset(announced, 0, sizeof announced);
    fixture_error = fixture_done = 0;
    start();
}

void fixture_tear_down(void) {
    char command[64];
    stop();
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    snprintf(command, sizeof command, "rm -r %s", directory);
    ck_assert_int_eq(system(command), 0);
}

void fixture_restart(void) {
    stop();
    start();
}

void fixture_finished(void *context, int error) {
    (void)context;
    fixture_error = error;
    fixture_done++;
}

void fixture_wait(int count) {
    while (fixture_done < count)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_int_eq(fixture_done, count);
}

const uint8_t *fixture_key(uint8_t byte) {
    static uint8_t keys[8][LIMIT_KEY];
    static unsigned next;
    uint8_t *key = keys[next++ % 8];
    memset(key, byte, LIMIT_KEY);
    return key;
}

static void paired(void *context, int error) {
    *(int *)context = error;
}

int fixture_pair(uint8_t byte, const char *name) {
    int error = 1;
    peers_pair(fixture_node.peers, &(struct peers_met){.key = fixture_key(byte), .name = name},
               paired, &error);
    while (error == 1)
        uv_run(&loop, UV_RUN_ONCE);
    return error;
}
