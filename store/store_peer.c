#include "store/store_peer.h"

#include "store/store_sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char SQL_REMEMBER[] =
    "INSERT INTO peer (key, name, remembered_at, last_used_at) VALUES (?1, ?2, ?3, ?3)"
    " ON CONFLICT (key) DO UPDATE SET name = excluded.name, last_used_at = excluded.last_used_at";
/* A clock may stand at its beginning, and 0 means that it is not paired. */
static const char SQL_PAIR[] =
    "INSERT INTO peer (key, name, remembered_at, last_used_at, paired_at, alias)"
    " VALUES (?1, ?2, ?3, ?3, max(?3, 1), ?4)"
    " ON CONFLICT (key) DO UPDATE SET"
    " name = CASE excluded.name WHEN x'' THEN name ELSE excluded.name END,"
    " last_used_at = excluded.last_used_at, alias = excluded.alias,"
    " paired_at = CASE paired_at WHEN 0 THEN excluded.paired_at ELSE paired_at END";
static const char SQL_ALIAS_TAKEN[] = "SELECT 1 FROM peer WHERE alias = ? AND key <> ?";
static const char SQL_SET_ALIAS[] = "UPDATE peer SET alias = ? WHERE key = ? AND paired_at <> 0";
static const char SQL_SET_SETTINGS[] =
    "UPDATE peer SET accept = ?, directory = ?, byte_limit = ?, day_limit = ?, on_exists = ?"
    " WHERE key = ? AND paired_at <> 0";
static const char SQL_FORGET[] = "DELETE FROM peer WHERE key = ?";
static const char SQL_ID[] = "SELECT id FROM peer WHERE key = ?";
static const char SQL_NOTE[] =
    "INSERT INTO peer_address (peer, host, port, interface, typed, last_good_at, sequence)"
    " VALUES (?, ?, ?, ?, ?, ?, (SELECT coalesce(max(sequence), 0) + 1 FROM peer_address))"
    " ON CONFLICT (peer, host, port, interface) DO UPDATE SET"
    " typed = CASE excluded.typed WHEN '' THEN typed ELSE excluded.typed END,"
    " last_good_at = excluded.last_good_at, sequence = excluded.sequence";
static const char SQL_TRIM[] =
    "DELETE FROM peer_address WHERE peer = ?1 AND sequence NOT IN"
    " (SELECT sequence FROM peer_address WHERE peer = ?1 ORDER BY sequence DESC LIMIT ?2)";
static const char SQL_LIST[] =
    "SELECT id, key, name, remembered_at, last_used_at, paired_at, alias, accept, directory,"
    " byte_limit, day_limit, on_exists FROM peer ORDER BY id";
static const char SQL_ADDRESSES[] =
    "SELECT host, port, interface, typed, last_good_at FROM peer_address WHERE peer = ?"
    " ORDER BY sequence DESC LIMIT ?";

int store_peer_remember(struct store *store, const uint8_t key[LIMIT_KEY], const char *name,
                        int64_t now, struct fail *fail) {
    struct store_sql use;
    if (strlen(name) > LIMIT_NAME)
        return fail_set(fail, -EINVAL, "the name of a peer is too long");
    store_sql_use(&use, store, SQL_REMEMBER, fail);
    store_sql_blob(&use, key, LIMIT_KEY);
    store_sql_blob(&use, name, strlen(name));
    store_sql_i64(&use, now);
    return store_sql_run(&use);
}

/* 0 where no other peer has the alias; STORE_EXISTS. */
static int check_alias(struct store *store, const uint8_t *key, const char *alias,
                       struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_ALIAS_TAKEN, fail);
    store_sql_text(&use, alias);
    store_sql_blob(&use, key, LIMIT_KEY);
    int rc = store_sql_step(&use);
    store_sql_end(&use);
    return rc == 1 ? STORE_EXISTS : rc;
}

int store_peer_pair(struct store *store, const uint8_t key[LIMIT_KEY], const char *alias,
                    const char *name, int64_t now, struct fail *fail) {
    struct store_sql use;
    if (strlen(name) > LIMIT_NAME)
        return fail_set(fail, -EINVAL, "the name of a peer is too long");
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = check_alias(store, key, alias, fail);
    if (rc == 0) {
        store_sql_use(&use, store, SQL_PAIR, fail);
        store_sql_blob(&use, key, LIMIT_KEY);
        store_sql_blob(&use, name, strlen(name));
        store_sql_i64(&use, now);
        store_sql_text(&use, alias);
        rc = store_sql_run(&use);
    }
    return store_sql_leave(store, rc, fail);
}

/* Runs a change of one paired peer: STORE_NONE where there was none. */
static int run_change(struct store_sql *use) {
    int rc = store_sql_run(use);
    if (rc < 0)
        return rc;
    return sqlite3_changes(use->store->db) > 0 ? 0 : STORE_NONE;
}

int store_peer_set_alias(struct store *store, const uint8_t key[LIMIT_KEY], const char *alias,
                         struct fail *fail) {
    struct store_sql use;
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = check_alias(store, key, alias, fail);
    if (rc == 0) {
        store_sql_use(&use, store, SQL_SET_ALIAS, fail);
        store_sql_text(&use, alias);
        store_sql_blob(&use, key, LIMIT_KEY);
        rc = run_change(&use);
    }
    return store_sql_leave(store, rc, fail);
}

int store_peer_set_settings(struct store *store, const uint8_t key[LIMIT_KEY],
                            const struct store_peer_settings *settings, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_SET_SETTINGS, fail);
    store_sql_i64(&use, settings->accept);
    store_sql_blob(&use, settings->directory, strlen(settings->directory));
    store_sql_i64(&use, (int64_t)settings->limit);
    store_sql_i64(&use, (int64_t)settings->day_limit);
    store_sql_i64(&use, settings->exists);
    store_sql_blob(&use, key, LIMIT_KEY);
    return run_change(&use);
}

int store_peer_forget(struct store *store, const uint8_t key[LIMIT_KEY], struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_FORGET, fail);
    store_sql_blob(&use, key, LIMIT_KEY);
    return run_change(&use);
}

static int find_id(struct store *store, const uint8_t *key, uint64_t *id, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_ID, fail);
    store_sql_blob(&use, key, LIMIT_KEY);
    int rc = store_sql_step(&use);
    if (rc != 1)
        return rc < 0 ? rc : STORE_NONE;
    *id = store_sql_get_u64(&use, 0);
    store_sql_end(&use);
    return 0;
}

static int put_address(struct store *store, uint64_t id, const struct store_peer_address *address,
                       struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_NOTE, fail);
    store_sql_u64(&use, id);
    store_sql_text(&use, address->host);
    store_sql_u64(&use, address->port);
    store_sql_text(&use, address->interface);
    store_sql_text(&use, address->typed);
    store_sql_i64(&use, address->last_good);
    return store_sql_run(&use);
}

static int trim_addresses(struct store *store, uint64_t id, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_TRIM, fail);
    store_sql_u64(&use, id);
    store_sql_u64(&use, STORE_PEER_ADDRESSES);
    return store_sql_run(&use);
}

int store_peer_note_address(struct store *store, const uint8_t key[LIMIT_KEY],
                            const struct store_peer_address *address, struct fail *fail) {
    uint64_t id = 0;
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = find_id(store, key, &id, fail);
    if (rc == 0)
        rc = put_address(store, id, address, fail);
    if (rc == 0)
        rc = trim_addresses(store, id, fail);
    return store_sql_leave(store, rc, fail);
}

static int read_address(struct store_sql *use, struct store_peer_address *out) {
    int rc = store_sql_get_string(use, 0, out->host, sizeof(out->host));
    if (rc == 0)
        rc = store_sql_get_string(use, 2, out->interface, sizeof(out->interface));
    if (rc == 0)
        rc = store_sql_get_string(use, 3, out->typed, sizeof(out->typed));
    out->port = (uint16_t)store_sql_get_u64(use, 1);
    out->last_good = store_sql_get_i64(use, 4);
    return rc;
}

static int read_addresses(struct store *store, uint64_t id, struct store_peer *peer,
                          struct fail *fail) {
    struct store_sql use;
    int rc;
    store_sql_use(&use, store, SQL_ADDRESSES, fail);
    store_sql_u64(&use, id);
    store_sql_u64(&use, STORE_PEER_ADDRESSES);
    while ((rc = store_sql_step(&use)) == 1) {
        rc = read_address(&use, &peer->addresses[peer->address_count]);
        if (rc < 0)
            break;
        peer->address_count++;
    }
    store_sql_end(&use);
    return rc;
}

static int read_settings(struct store_sql *use, struct store_peer_settings *settings) {
    settings->accept = (enum store_peer_accept)store_sql_get_i64(use, 7);
    settings->limit = store_sql_get_u64(use, 9);
    settings->day_limit = store_sql_get_u64(use, 10);
    settings->exists = (enum store_exists)store_sql_get_i64(use, 11);
    return store_sql_get_string(use, 8, settings->directory, sizeof(settings->directory));
}

/* The peer in the current row, with its addresses. */
static int read_peer(struct store_sql *use, struct store_peer *peer) {
    *peer = (struct store_peer){0};
    int rc = store_sql_get_blob(use, 1, peer->key, sizeof(peer->key));
    if (rc == 0)
        rc = store_sql_get_string(use, 2, peer->name, sizeof(peer->name));
    peer->paired = store_sql_get_i64(use, 5);
    if (rc == 0 && peer->paired != 0)
        rc = store_sql_get_string(use, 6, peer->alias, sizeof(peer->alias));
    if (rc == 0 && peer->paired != 0)
        rc = read_settings(use, &peer->settings);
    if (rc < 0)
        return rc;
    peer->remembered = store_sql_get_i64(use, 3);
    peer->last_used = store_sql_get_i64(use, 4);
    return read_addresses(use->store, store_sql_get_u64(use, 0), peer, use->fail);
}

int store_peer_list(struct store *store, struct store_peer **peers, size_t *count,
                    struct fail *fail) {
    struct store_sql use;
    struct store_peer *list = NULL;
    size_t length = 0, room = 0;
    int rc;
    store_sql_use(&use, store, SQL_LIST, fail);
    while ((rc = store_sql_step(&use)) == 1) {
        if (length == room) {
            room = room == 0 ? 8 : room * 2;
            struct store_peer *grown = realloc(list, room * sizeof(*list));
            if (grown == NULL) {
                rc = fail_set(fail, -ENOMEM, "cannot list the peers");
                break;
            }
            list = grown;
        }
        rc = read_peer(&use, &list[length]);
        if (rc < 0)
            break;
        length++;
    }
    store_sql_end(&use);
    if (rc < 0) {
        free(list);
        return rc;
    }
    *peers = list;
    *count = length;
    return 0;
}
