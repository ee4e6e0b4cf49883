#include "store/store_transfer.h"

#include "store/store_row.h"
#include "store/store_sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char SQL_INSERT[] =
    "INSERT INTO transfer (direction, state, peer_key, peer_name, transfer_id, manifest_hash,"
    " manifest_length, entries, bytes, units, names, name_count, destination, rate, created_at,"
    " changed_at, has_work, paths_digest, accepted_at, on_exists, existing,"
    " lineage, moving)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, CAST(?13 AS BLOB), ?14, ?15,"
    " ?15, ?1 = 1 OR ?2 = 3, ?19, CASE WHEN ?1 = 2 AND ?2 = 3 THEN ?15 END, ?16, ?17, ?18, ?20)";
static const char SQL_INSERT_SOURCE[] =
    "INSERT INTO source (transfer, position, path) VALUES (?, ?, ?)";
static const char SQL_EXISTS[] =
    "SELECT 1 FROM transfer WHERE direction = ? AND peer_key = ? AND transfer_id = ?";
static const char SQL_GET[] = "SELECT " STORE_ROW_COLUMNS " FROM transfer WHERE number = ?";
static const char SQL_FIND[] =
    "SELECT " STORE_ROW_COLUMNS
    " FROM transfer WHERE direction = ? AND peer_key = ? AND transfer_id = ?";
static const char SQL_FIND_SENT[] =
    "SELECT " STORE_ROW_COLUMNS " FROM transfer WHERE direction = 1 AND transfer_id = ?"
    " ORDER BY number DESC LIMIT 1";
static const char SQL_ACTIVE[] =
    "SELECT " STORE_ROW_COLUMNS " FROM transfer WHERE state < 6 ORDER BY number LIMIT ?";
static const char SQL_ALL[] =
    "SELECT " STORE_ROW_COLUMNS " FROM transfer ORDER BY number DESC LIMIT ?";
static const char SQL_LEFT[] =
    "SELECT " STORE_ROW_COLUMNS " FROM transfer WHERE state >= 6 AND has_work"
    " ORDER BY number LIMIT ?";
static const char SQL_MOVING[] =
    "SELECT " STORE_ROW_COLUMNS " FROM transfer WHERE state = 6 AND moving = 1"
    " ORDER BY number LIMIT ?";
static const char SQL_RATE[] = "UPDATE transfer SET rate = ? WHERE number = ?";
static const char SQL_EXISTS_HERE[] = "UPDATE transfer SET on_exists = ? WHERE number = ?";
static const char SQL_CONFIRM[] =
    "UPDATE transfer SET confirmed = 1, changed_at = ? WHERE number = ?";
static const char SQL_FORGET[] = "DELETE FROM transfer WHERE number = ?";
/* Columns behind the names are looked at last: they cost a walk through them. */
static const char SQL_TRIM[] =
    "DELETE FROM transfer WHERE direction = 2 AND state > 6 AND number <="
    " (SELECT number FROM transfer WHERE direction = 2 AND state > 6"
    " ORDER BY number DESC LIMIT 1 OFFSET ?) AND NOT has_work"
    " AND (accepted_at IS NULL OR accepted_at <= ?)";
/* In halves: a sum of SQLite fails where it does not fit. */
static const char SQL_TAKEN[] =
    "SELECT coalesce(sum(max(bytes, manifest_length) >> 32), 0),"
    " coalesce(sum(max(bytes, manifest_length) & 4294967295), 0) FROM transfer"
    " WHERE peer_key = ? AND accepted_at >= ?";
static const char SQL_CLEANED[] = "UPDATE transfer SET has_work = 0 WHERE number = ?";

#define BIT(state) (1u << (state))
#define OPEN_STATES                                                                                \
    (BIT(STORE_QUEUED) | BIT(STORE_OFFERED) | BIT(STORE_RUNNING) | BIT(STORE_PAUSED))
#define ENDS (BIT(STORE_FAILED) | BIT(STORE_REFUSED) | BIT(STORE_CANCELLED))

/* What store_transfer_set_state() may make of a state. */
static const unsigned ALLOWED[] = {
    [STORE_QUEUED] = OPEN_STATES | ENDS,
    [STORE_OFFERED] = OPEN_STATES | ENDS,
    [STORE_RUNNING] = OPEN_STATES | ENDS,
    [STORE_PAUSED] = OPEN_STATES | ENDS,
    [STORE_PLACING] = BIT(STORE_FAILED),
    [STORE_DELIVERED] = 0,
    [STORE_FAILED] = 0,
    [STORE_REFUSED] = 0,
    [STORE_CANCELLED] = 0,
};

bool store_transfer_is_finished(enum store_state state) {
    return state >= STORE_DELIVERED;
}

void store_transfer_clear(struct store_transfer *transfer) {
    store_names_clear(&transfer->names);
    store_names_clear(&transfer->final_names);
    free(transfer->reason);
    free(transfer->destination);
    *transfer = (struct store_transfer){0};
}

void store_transfer_list_clear(struct store_transfer_list *list) {
    for (size_t i = 0; i < list->length; i++)
        store_transfer_clear(&list->items[i]);
    free(list->items);
    *list = (struct store_transfer_list){0};
}

/* 0 where there is none; STORE_EXISTS. */
static int check_new(struct store *store, const struct store_transfer_new *with,
                     struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_EXISTS, fail);
    store_sql_i64(&use, with->direction);
    store_sql_blob(&use, with->peer_key, LIMIT_KEY);
    store_sql_blob(&use, with->transfer_id, LIMIT_TRANSFER_ID);
    int rc = store_sql_step(&use);
    store_sql_end(&use);
    return rc == 1 ? STORE_EXISTS : rc;
}

static void bind_new(struct store_sql *use, const struct store_transfer_new *with) {
    store_sql_i64(use, with->direction);
    store_sql_i64(use, with->state);
    store_sql_blob(use, with->peer_key, LIMIT_KEY);
    store_sql_blob(use, with->peer_name, strlen(with->peer_name));
    store_sql_blob(use, with->transfer_id, LIMIT_TRANSFER_ID);
    store_sql_blob(use, with->manifest_hash, LIMIT_HASH);
    store_sql_u64(use, with->manifest_length);
    store_sql_u64(use, with->entries);
    store_sql_u64(use, with->bytes);
    store_sql_u64(use, with->units);
}

static int insert(struct store *store, const struct store_transfer_new *with, uint64_t *number,
                  struct fail *fail) {
    static const struct lineage none = {0};
    const struct lineage *lineage = with->lineage != NULL ? with->lineage : &none;
    struct store_sql use;
    uint8_t *names = NULL, digest[STORE_NAMES_DIGEST];
    size_t names_length = 0;
    int rc = store_names_encode(with->names, with->names_length, &names, &names_length);
    if (rc == 0 && with->direction == STORE_OUTGOING)
        rc = store_names_digest(with->paths, with->paths_length, digest);
    if (rc < 0) {
        fail_set(fail, rc, "cannot record a transfer");
        goto out;
    }
    store_sql_use(&use, store, SQL_INSERT, fail);
    bind_new(&use, with);
    store_sql_blob(&use, names, names_length);
    store_sql_u64(&use, with->name_count);
    store_sql_text(&use, with->destination);
    store_sql_u64(&use, with->rate);
    store_sql_time(&use, with->now);
    store_sql_i64(&use, with->exists == STORE_EXISTS_DEFAULT ? STORE_EXISTS_RENAME : with->exists);
    store_sql_i64(&use, (int64_t)with->existing);
    store_sql_blob(&use, lineage->ids, lineage->count * sizeof(lineage->ids[0]));
    if (with->direction == STORE_OUTGOING)
        store_sql_blob(&use, digest, sizeof(digest));
    else
        store_sql_text(&use, NULL);
    store_sql_i64(&use, with->moves ? STORE_MOVING_WANTED : STORE_MOVING_NO);
    rc = store_sql_run(&use);
    if (rc == 0)
        *number = (uint64_t)sqlite3_last_insert_rowid(store->db);
out:
    free(names);
    return rc;
}

/* Makes room for another incoming one. */
static int trim(struct store *store, const struct store_transfer_new *with, struct fail *fail) {
    struct store_sql use;
    if (with->direction != STORE_INCOMING)
        return 0;
    store_sql_use(&use, store, SQL_TRIM, fail);
    store_sql_u64(&use, STORE_TRANSFER_ENDED);
    store_sql_i64(&use, with->now - STORE_TRANSFER_DAY_S);
    return store_sql_run(&use);
}

static int insert_sources(struct store *store, const struct store_transfer_new *with,
                          uint64_t number, struct fail *fail) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < with->paths_length; i++) {
        struct store_sql use;
        store_sql_use(&use, store, SQL_INSERT_SOURCE, fail);
        store_sql_u64(&use, number);
        store_sql_u64(&use, i);
        store_sql_blob(&use, with->paths[i].bytes, with->paths[i].length);
        rc = store_sql_run(&use);
    }
    return rc;
}

static int before_commit(const struct store_transfer_new *with, uint64_t number,
                         struct fail *fail) {
    int rc = with->before_commit != NULL ? with->before_commit(number, with->context) : 0;
    if (rc == 0)
        return 0;
    fail_set(fail, rc < 0 ? rc : -EINVAL, "cannot prepare the directory of transfer %llu",
             (unsigned long long)number);
    return rc < 0 ? rc : -EINVAL;
}

int store_transfer_create(struct store *store, const struct store_transfer_new *with,
                          uint64_t *number, struct fail *fail) {
    uint64_t made = 0;
    if ((BIT(with->state) & OPEN_STATES) == 0)
        return fail_set(fail, -EINVAL, "a transfer cannot begin in state %d", (int)with->state);
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = check_new(store, with, fail);
    if (rc == 0)
        rc = trim(store, with, fail);
    if (rc == 0)
        rc = insert(store, with, &made, fail);
    if (rc == 0)
        rc = insert_sources(store, with, made, fail);
    if (rc == 0)
        rc = before_commit(with, made, fail);
    rc = store_sql_leave(store, rc, fail);
    if (rc == 0)
        *number = made;
    return rc;
}

/* The only row of a use whose parameters are bound. */
static int read_one(struct store_sql *use, struct store_transfer *out) {
    int rc = store_sql_step(use);
    if (rc == 0)
        return STORE_NONE;
    if (rc == 1)
        rc = store_row_read(use, out);
    store_sql_end(use);
    return rc;
}

int store_transfer_get(struct store *store, uint64_t number, struct store_transfer *out,
                       struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_GET, fail);
    store_sql_u64(&use, number);
    return read_one(&use, out);
}

int store_transfer_find(struct store *store, enum store_direction direction,
                        const uint8_t peer_key[LIMIT_KEY],
                        const uint8_t transfer_id[LIMIT_TRANSFER_ID], struct store_transfer *out,
                        struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_FIND, fail);
    store_sql_i64(&use, direction);
    store_sql_blob(&use, peer_key, LIMIT_KEY);
    store_sql_blob(&use, transfer_id, LIMIT_TRANSFER_ID);
    return read_one(&use, out);
}

int store_transfer_find_sent(struct store *store, const uint8_t transfer_id[LIMIT_TRANSFER_ID],
                             struct store_transfer *out, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_FIND_SENT, fail);
    store_sql_blob(&use, transfer_id, LIMIT_TRANSFER_ID);
    return read_one(&use, out);
}

/* Makes room for one more: 16, then twice as many each time. */
static int grow(struct store_transfer_list *list, struct fail *fail) {
    size_t room = list->length == 0 ? 16 : list->length * 2;
    if (list->length != 0 && (list->length < 16 || (list->length & (list->length - 1)) != 0))
        return 0;
    struct store_transfer *items = realloc(list->items, room * sizeof(*items));
    if (items == NULL)
        return fail_set(fail, -ENOMEM, "cannot list the transfers");
    list->items = items;
    return 0;
}

int store_transfer_list(struct store *store, enum store_transfer_which which, size_t limit,
                        struct store_transfer_list *list, struct fail *fail) {
    static const char *const queries[] = {[STORE_TRANSFERS_ACTIVE] = SQL_ACTIVE,
                                          [STORE_TRANSFERS_ALL] = SQL_ALL,
                                          [STORE_TRANSFERS_MOVING] = SQL_MOVING,
                                          [STORE_TRANSFERS_LEFT] = SQL_LEFT};
    struct store_sql use;
    int rc;
    *list = (struct store_transfer_list){0};
    store_sql_use(&use, store, queries[which], fail);
    store_sql_i64(&use, limit == 0 || limit > INT64_MAX ? -1 : (int64_t)limit);
    while ((rc = store_sql_step(&use)) == 1) {
        rc = grow(list, fail);
        if (rc == 0)
            rc = store_row_read(&use, &list->items[list->length]);
        if (rc < 0)
            break;
        list->length++;
    }
    store_sql_end(&use);
    if (rc < 0)
        store_transfer_list_clear(list);
    return rc;
}

int store_transfer_set_state(struct store *store, uint64_t number, enum store_state state,
                             const char *reason, int64_t now, struct fail *fail) {
    struct store_row_brief brief = {0};
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = store_row_brief(store, number, &brief, fail);
    if (rc == 0 && (ALLOWED[brief.state] & BIT(state)) == 0)
        rc = STORE_STATE;
    if (rc == 0)
        rc = store_row_set_state(store, number, state, reason, now, fail);
    return store_sql_leave(store, rc, fail);
}

int store_transfer_set_rate(struct store *store, uint64_t number, uint64_t rate,
                            struct fail *fail) {
    struct store_row_brief brief = {0};
    struct store_sql use;
    int rc = store_row_brief(store, number, &brief, fail);
    if (rc != 0)
        return rc;
    if (store_transfer_is_finished(brief.state))
        return STORE_STATE;
    store_sql_use(&use, store, SQL_RATE, fail);
    store_sql_u64(&use, rate);
    store_sql_u64(&use, number);
    return store_sql_run(&use);
}

int store_transfer_set_exists(struct store *store, uint64_t number, enum store_exists exists,
                              struct fail *fail) {
    struct store_row_brief brief = {0};
    struct store_sql use;
    int rc = store_row_brief(store, number, &brief, fail);
    if (rc != 0)
        return rc;
    if (brief.direction != STORE_INCOMING || brief.state != STORE_OFFERED)
        return STORE_STATE;
    store_sql_use(&use, store, SQL_EXISTS_HERE, fail);
    store_sql_i64(&use, exists);
    store_sql_u64(&use, number);
    return store_sql_run(&use);
}

int store_transfer_deliver(struct store *store, uint64_t number,
                           const struct store_transfer_delivery *delivery, struct fail *fail) {
    struct store_row_brief brief = {0};
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = store_row_brief(store, number, &brief, fail);
    if (rc == 0 && (brief.direction != STORE_OUTGOING || store_transfer_is_finished(brief.state)))
        rc = STORE_STATE;
    if (rc == 0)
        rc = store_row_set_state(store, number, STORE_DELIVERED, NULL, delivery->now, fail);
    if (rc == 0)
        rc = store_row_set_result(store, number, delivery, fail);
    return store_sql_leave(store, rc, fail);
}

int store_transfer_confirm(struct store *store, uint64_t number, int64_t now, struct fail *fail) {
    struct store_row_brief brief = {0};
    struct store_sql use;
    int rc = store_row_brief(store, number, &brief, fail);
    if (rc != 0)
        return rc;
    if (brief.direction != STORE_INCOMING || brief.state != STORE_DELIVERED)
        return STORE_STATE;
    store_sql_use(&use, store, SQL_CONFIRM, fail);
    store_sql_time(&use, now);
    store_sql_u64(&use, number);
    return store_sql_run(&use);
}

int store_transfer_forget(struct store *store, uint64_t number, struct fail *fail) {
    struct store_row_brief brief = {0};
    struct store_sql use;
    int rc = store_row_brief(store, number, &brief, fail);
    if (rc != 0)
        return rc;
    if (brief.direction != STORE_INCOMING || brief.state != STORE_OFFERED)
        return STORE_STATE;
    store_sql_use(&use, store, SQL_FORGET, fail);
    store_sql_u64(&use, number);
    return store_sql_run(&use);
}

int store_transfer_taken(struct store *store, const uint8_t peer_key[LIMIT_KEY], int64_t since,
                         uint64_t *bytes, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_TAKEN, fail);
    store_sql_blob(&use, peer_key, LIMIT_KEY);
    store_sql_i64(&use, since);
    int rc = store_sql_step(&use);
    if (rc < 0)
        return rc;
    uint64_t low = store_sql_get_u64(&use, 1);
    uint64_t high = store_sql_get_u64(&use, 0) + (low >> 32);
    *bytes = high > UINT32_MAX ? UINT64_MAX : high << 32 | (low & UINT32_MAX);
    store_sql_end(&use);
    return 0;
}

int store_transfer_cleaned(struct store *store, uint64_t number, struct fail *fail) {
    struct store_row_brief brief = {0};
    struct store_sql use;
    int rc = store_row_brief(store, number, &brief, fail);
    if (rc != 0)
        return rc;
    if (!store_transfer_is_finished(brief.state))
        return STORE_STATE;
    store_sql_use(&use, store, SQL_CLEANED, fail);
    store_sql_u64(&use, number);
    return store_sql_run(&use);
}
