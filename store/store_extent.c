#include "store/store_extent.h"

#include "store/store_row.h"
#include "store/store_sql.h"

#include <errno.h>

/* The rows of a transfer neither overlap nor touch, so of those that begin in an interval only the
 * last can reach beyond it. */
static const char SQL_LAST[] = "SELECT first, count FROM extent WHERE transfer = ? AND first"
                               " BETWEEN ? AND ? ORDER BY first DESC LIMIT 1";
static const char SQL_DELETE[] = "DELETE FROM extent WHERE transfer = ? AND first BETWEEN ? AND ?";
static const char SQL_INSERT[] = "INSERT INTO extent (transfer, first, count) VALUES (?, ?, ?)";
static const char SQL_CHANGED[] = "UPDATE transfer SET changed_at = ? WHERE number = ?";
static const char SQL_LOAD[] = "SELECT first, count FROM extent WHERE transfer = ? ORDER BY first";
static const char SQL_EXCESS[] = "SELECT 1 FROM extent WHERE transfer = ? LIMIT 1 OFFSET ?";

/* One transfer whose rows are being changed. */
struct target {
    struct store *store;
    struct fail *fail;
    uint64_t number;
};

/* Units [first, end). */
struct span {
    uint64_t first;
    uint64_t end;
};

/* The last row that begins in [low, high]: 1 and *row, 0 where there is none, -errno. */
static int last_row(const struct target *at, uint64_t low, uint64_t high, struct span *row) {
    struct store_sql use;
    store_sql_use(&use, at->store, SQL_LAST, at->fail);
    store_sql_u64(&use, at->number);
    store_sql_u64(&use, low);
    store_sql_u64(&use, high);
    int rc = store_sql_step(&use);
    if (rc == 1) {
        row->first = store_sql_get_u64(&use, 0);
        row->end = row->first + store_sql_get_u64(&use, 1);
    }
    store_sql_end(&use);
    return rc;
}

static int delete_rows(const struct target *at, uint64_t low, uint64_t high) {
    struct store_sql use;
    store_sql_use(&use, at->store, SQL_DELETE, at->fail);
    store_sql_u64(&use, at->number);
    store_sql_u64(&use, low);
    store_sql_u64(&use, high);
    return store_sql_run(&use);
}

static int insert_row(const struct target *at, struct span row) {
    struct store_sql use;
    if (row.first == row.end)
        return 0;
    store_sql_use(&use, at->store, SQL_INSERT, at->fail);
    store_sql_u64(&use, at->number);
    store_sql_u64(&use, row.first);
    store_sql_u64(&use, row.end - row.first);
    return store_sql_run(&use);
}

/* Joins a span with every row that it overlaps or touches. */
static int add(const struct target *at, struct span span) {
    struct span before = {0}, last = {0};
    int rc = last_row(at, 0, span.first, &before);
    if (rc == 1 && before.end >= span.end)
        return 0;
    if (rc == 1 && before.end >= span.first)
        span.first = before.first;
    if (rc >= 0)
        rc = last_row(at, span.first, span.end, &last);
    if (rc == 1 && last.end > span.end)
        span.end = last.end;
    if (rc >= 0)
        rc = delete_rows(at, span.first, span.end);
    return rc < 0 ? rc : insert_row(at, span);
}

/* Cuts a span out; what rows have before and behind it stays. */
static int forget(const struct target *at, struct span span) {
    struct span before = {0}, last = {0};
    int rc = last_row(at, 0, span.first, &before);
    if (rc == 0 || (rc == 1 && before.end <= span.first))
        before = (struct span){.first = span.first, .end = span.first};
    if (rc >= 0)
        rc = last_row(at, before.first, span.end - 1, &last);
    if (rc == 0 || (rc == 1 && last.end < span.end))
        last.end = span.end;
    if (rc >= 0)
        rc = delete_rows(at, before.first, span.end - 1);
    if (rc >= 0)
        rc = insert_row(at, (struct span){.first = before.first, .end = span.first});
    return rc < 0 ? rc : insert_row(at, (struct span){.first = span.end, .end = last.end});
}

/* Applies `change` to each of the ranges, which lie below `units`. */
static int each(const struct target *at, const struct range *ranges, size_t count, uint64_t units,
                int (*change)(const struct target *, struct span)) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (ranges[i].first > units || ranges[i].count > units - ranges[i].first)
            return fail_set(at->fail, -ERANGE, "transfer %llu has no such units",
                            (unsigned long long)at->number);
        if (ranges[i].count > 0)
            rc = change(at, (struct span){.first = ranges[i].first,
                                          .end = ranges[i].first + ranges[i].count});
    }
    return rc;
}

static int check_rows(const struct target *at) {
    struct store_sql use;
    store_sql_use(&use, at->store, SQL_EXCESS, at->fail);
    store_sql_u64(&use, at->number);
    store_sql_u64(&use, STORE_EXTENT_ROWS);
    int rc = store_sql_step(&use);
    store_sql_end(&use);
    if (rc == 1)
        return fail_set(at->fail, -ERANGE, "transfer %llu comes in too many pieces",
                        (unsigned long long)at->number);
    return rc;
}

static int note_changed(const struct target *at, int64_t now) {
    struct store_sql use;
    store_sql_use(&use, at->store, SQL_CHANGED, at->fail);
    store_sql_time(&use, now);
    store_sql_u64(&use, at->number);
    return store_sql_run(&use);
}

int store_extent_commit(struct store *store, uint64_t number,
                        const struct store_extent_change *change, int64_t now, struct fail *fail) {
    struct store_row_brief brief = {0};
    struct target at = {.store = store, .fail = fail, .number = number};
    int rc = store_sql_enter(store, fail);
    if (rc < 0)
        return rc;
    rc = store_row_brief(store, number, &brief, fail);
    if (rc == 0 && (brief.direction != STORE_INCOMING || store_transfer_is_finished(brief.state)))
        rc = STORE_STATE;
    if (rc == 0)
        rc = each(&at, change->add, change->add_count, brief.units, add);
    if (rc == 0)
        rc = each(&at, change->forget, change->forget_count, brief.units, forget);
    if (rc == 0)
        rc = check_rows(&at);
    if (rc == 0)
        rc = note_changed(&at, now);
    return store_sql_leave(store, rc, fail);
}

int store_extent_load(struct store *store, uint64_t number, struct rangeset *set,
                      struct fail *fail) {
    struct store_sql use;
    int rc;
    store_sql_use(&use, store, SQL_LOAD, fail);
    store_sql_u64(&use, number);
    while ((rc = store_sql_step(&use)) == 1) {
        rc = rangeset_add(set, store_sql_get_u64(&use, 0), store_sql_get_u64(&use, 1));
        if (rc < 0) {
            fail_set(fail, rc, "cannot load what transfer %llu has", (unsigned long long)number);
            break;
        }
    }
    store_sql_end(&use);
    return rc;
}
