#include "store/store_peer.h"

#include "store/store_sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char SQL_REMEMBER[] =
    "INSERT INTO peer (key, name, remembered_at, last_used_at) VALUES (?1, ?2, ?3, ?3)"
    " ON CONFLICT (key) DO UPDATE SET name = excluded.name, last_used_at = excluded.last_used_at";
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
static const char SQL_TYPED[] =
    "SELECT peer.key FROM peer_address JOIN peer ON peer.id = peer_address.peer"
    " WHERE typed = ?1 AND typed <> '' ORDER BY sequence DESC LIMIT 1";
static const char SQL_LIST[] =
    "SELECT id, key, name, remembered_at, last_used_at FROM peer ORDER BY id";
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

int store_peer_forget(struct store *store, const uint8_t key[LIMIT_KEY], struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_FORGET, fail);
    store_sql_blob(&use, key, LIMIT_KEY);
    int rc = store_sql_run(&use);
    if (rc < 0)
        return rc;
    return sqlite3_changes(store->db) > 0 ? 0 : STORE_NONE;
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

int store_peer_find_typed(struct store *store, const char *typed, uint8_t key[LIMIT_KEY],
                          struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_TYPED, fail);
    store_sql_text(&use, typed);
    int rc = store_sql_step(&use);
    if (rc != 1)
        return rc < 0 ? rc : STORE_NONE;
    rc = store_sql_get_blob(&use, 0, key, LIMIT_KEY);
    store_sql_end(&use);
    return rc;
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

/* The peer in the current row, with its addresses. */
static int read_peer(struct store_sql *use, struct store_peer *peer) {
    *peer = (struct store_peer){0};
    int rc = store_sql_get_blob(use, 1, peer->key, sizeof(peer->key));
    if (rc == 0)
        rc = store_sql_get_string(use, 2, peer->name, sizeof(peer->name));
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
