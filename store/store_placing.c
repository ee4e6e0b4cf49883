#include "store/store_placing.h"

#include "base/limits.h"
#include "store/store_row.h"
#include "store/store_sql.h"

#include <errno.h>
#include <stdlib.h>

static const char SQL_EXACT[] = "UPDATE transfer SET exact = ? WHERE number = ?";
static const char SQL_DROP[] = "DELETE FROM placing WHERE transfer = ?";
static const char SQL_PUT[] =
    "INSERT INTO placing (transfer, item, name, device, inode) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (transfer, item) DO UPDATE SET name = excluded.name,"
    " device = excluded.device, inode = excluded.inode";
static const char SQL_COUNT[] =
    "SELECT count(*), sum(length(name)) FROM placing WHERE transfer = ?";
static const char SQL_LOAD[] =
    "SELECT item, name, device, inode FROM placing WHERE transfer = ? ORDER BY item LIMIT ?";

/* STORE_STATE unless the transfer is incoming and in one of two states. */
static int require(struct store *store, uint64_t number, enum store_state one,
                   enum store_state other, struct fail *fail) {
    struct store_row_brief brief = {0};
    int rc = store_row_brief(store, number, &brief, fail);
    if (rc != 0)
        return rc;
    if (brief.direction != STORE_INCOMING || (brief.state != one && brief.state != other))
        return STORE_STATE;
    return 0;
}

static int put_items(struct store *store, uint64_t number, const struct store_placing_item *items,
                     size_t count, struct fail *fail) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct store_sql use;
        store_sql_use(&use, store, SQL_PUT, fail);
        store_sql_u64(&use, number);
        store_sql_u64(&use, items[i].item);
        store_sql_blob(&use, items[i].name.bytes, items[i].name.length);
        store_sql_i64(&use, (int64_t)items[i].device);
        store_sql_i64(&use, (int64_t)items[i].inode);
        rc = store_sql_run(&use);
    }
    return rc;
}

static int drop_items(struct store *store, uint64_t number, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_DROP, fail);
    store_sql_u64(&use, number);
    return store_sql_run(&use);
}

int store_placing_start(struct store *store, uint64_t number, const struct store_placing *placing,
                        int64_t now, struct fail *fail) {
    const struct store_transfer_delivery result = {.failed = placing->failed};
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = require(store, number, STORE_RUNNING, STORE_PLACING, fail);
    if (rc == 0)
        rc = drop_items(store, number, fail);
    if (rc == 0)
        rc = put_items(store, number, placing->items, placing->length, fail);
    if (rc == 0)
        rc = store_row_set_result(store, number, &result, fail);
    if (rc == 0)
        rc = store_row_set_state(store, number, STORE_PLACING, NULL, now, fail);
    return store_sql_leave(store, rc, fail);
}

int store_placing_update(struct store *store, uint64_t number,
                         const struct store_placing_item *items, size_t count, struct fail *fail) {
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = require(store, number, STORE_PLACING, STORE_PLACING, fail);
    if (rc == 0)
        rc = put_items(store, number, items, count, fail);
    return store_sql_leave(store, rc, fail);
}

void store_placing_clear(struct store_placing_list *list) {
    free(list->items);
    *list = (struct store_placing_list){0};
}

/* How many items there are and how many bytes their names have. */
static int measure(struct store *store, uint64_t number, size_t *count, size_t *bytes,
                   struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_COUNT, fail);
    store_sql_u64(&use, number);
    int rc = store_sql_step(&use);
    if (rc != 1)
        return rc;
    *count = (size_t)store_sql_get_u64(&use, 0);
    *bytes = (size_t)store_sql_get_u64(&use, 1);
    store_sql_end(&use);
    return 0;
}

/* The current row, its name copied to `at`, which has `room` bytes. */
static int read_item(struct store_sql *use, struct store_placing_item *out, char *at, size_t room) {
    size_t length = (size_t)sqlite3_column_bytes(use->stmt, 1);
    *out = (struct store_placing_item){
        .item = (uint32_t)store_sql_get_u64(use, 0),
        .name = {.bytes = at, .length = length},
        .device = (uint64_t)store_sql_get_i64(use, 2),
        .inode = (uint64_t)store_sql_get_i64(use, 3),
    };
    return store_sql_get_string(use, 1, at, room);
}

/* The first `limit` items. */
static int load(struct store *store, uint64_t number, size_t limit, struct store_placing_list *list,
                struct fail *fail) {
    struct store_sql use;
    size_t count = 0, room = 0;
    *list = (struct store_placing_list){0};
    int rc = measure(store, number, &count, &room, fail);
    if (rc < 0 || count == 0)
        return rc;
    room++; /* the NUL of the last name */
    list->items = malloc(count * sizeof(*list->items) + room);
    if (list->items == NULL)
        return fail_set(fail, -ENOMEM, "cannot list the names of transfer %llu",
                        (unsigned long long)number);
    char *at = (char *)(list->items + count);
    store_sql_use(&use, store, SQL_LOAD, fail);
    store_sql_u64(&use, number);
    store_sql_u64(&use, limit < count ? limit : count);
    while ((rc = store_sql_step(&use)) == 1) {
        struct store_placing_item *item = &list->items[list->length];
        rc = read_item(&use, item, at, room);
        if (rc < 0)
            break;
        at += item->name.length;
        room -= item->name.length;
        list->length++;
    }
    store_sql_end(&use);
    if (rc < 0)
        store_placing_clear(list);
    return rc;
}

int store_placing_load(struct store *store, uint64_t number, struct store_placing_list *list,
                       struct fail *fail) {
    return load(store, number, SIZE_MAX, list, fail);
}

/* Makes the first names of the list the final names. */
static int keep_names(struct store *store, uint64_t number, uint32_t failed, struct fail *fail) {
    struct store_placing_list list;
    struct store_name names[LIMIT_OFFER_NAMES];
    int rc = load(store, number, LIMIT_OFFER_NAMES, &list, fail);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < list.length; i++)
        names[i] = list.items[i].name;
    struct store_transfer_delivery result = {
        .names = names, .names_length = list.length, .failed = failed};
    rc = store_row_set_result(store, number, &result, fail);
    store_placing_clear(&list);
    return rc;
}

int store_placing_set_exact(struct store *store, uint64_t number, bool exact, struct fail *fail) {
    struct store_sql use;
    store_sql_use(&use, store, SQL_EXACT, fail);
    store_sql_i64(&use, exact);
    store_sql_u64(&use, number);
    return store_sql_run(&use);
}

int store_placing_done(struct store *store, uint64_t number, uint32_t failed, int64_t now,
                       struct fail *fail) {
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = require(store, number, STORE_PLACING, STORE_PLACING, fail);
    if (rc == 0)
        rc = keep_names(store, number, failed, fail);
    if (rc == 0)
        rc = store_row_set_state(store, number, STORE_DELIVERED, NULL, now, fail);
    return store_sql_leave(store, rc, fail);
}
