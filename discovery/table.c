#include "discovery/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct row {
    struct discovery_found found;
    bool present;  /* the network has it */
    bool told;     /* reported and not yet lost */
    bool changed;  /* differs from what was told */
    bool doubtful; /* seen through an earlier backend only */
};

struct table {
    struct row rows[DISCOVERY_ADDRESSES_MAX];
    size_t length;
    size_t pending; /* rows whose change is to be reported */
    size_t cursor;  /* where to look for the next one: round robin, so that none starves */
};

struct table *table_new(void) {
    return calloc(1, sizeof(struct table));
}

void table_free(struct table *table) {
    free(table);
}

static uint8_t family_of(const struct discovery_found *found) {
    return found->address_length == 4 ? 4 : 6;
}

static bool matches(const struct row *row, const struct table_key *key) {
    const struct discovery_found *found = &row->found;
    return found->interface == key->interface && family_of(found) == key->family &&
           strcmp(found->instance, key->instance) == 0 &&
           (key->address_length == 0 ||
            (found->address_length == key->address_length &&
             memcmp(found->address, key->address, key->address_length) == 0));
}

static bool is_pending(const struct row *row) {
    return row->present ? (!row->told || row->changed) : row->told;
}

/* Row `index` may have become pending, or no longer be, or be of no use at all. `was` is
 * is_pending() before the change. Returns false where the row is gone and the last one is in its
 * place. */
static bool settle_row(struct table *table, size_t index, bool was) {
    struct row *row = &table->rows[index];
    bool is = is_pending(row);
    if (is && !was)
        table->pending++;
    else if (!is && was)
        table->pending--;
    if (row->present || row->told)
        return true;
    *row = table->rows[--table->length];
    return false;
}

static struct row *find(struct table *table, const struct table_key *key, size_t *in_group) {
    *in_group = 0;
    for (size_t i = 0; i < table->length; i++) {
        struct table_key group = *key;
        group.address_length = 0;
        if (!matches(&table->rows[i], &group))
            continue;
        ++*in_group;
        if (matches(&table->rows[i], key))
            return &table->rows[i];
    }
    return NULL;
}

/* Equal in what is reported; both were zeroed before they were filled. */
static bool same(const struct discovery_found *a, const struct discovery_found *b) {
    return a->version == b->version && a->port == b->port && a->own == b->own &&
           strcmp(a->id, b->id) == 0;
}

int table_put(struct table *table, const struct discovery_found *found) {
    struct table_key key = {found->instance, found->interface, family_of(found), found->address,
                            found->address_length};
    size_t in_group = 0;
    struct row *row = find(table, &key, &in_group);
    if (!row) {
        if (table->length == DISCOVERY_ADDRESSES_MAX || in_group >= TABLE_PER_INSTANCE)
            return -ENOSPC;
        row = &table->rows[table->length++];
        memset(row, 0, sizeof *row);
    }
    bool was = is_pending(row);
    if (row->told && !same(&row->found, found))
        row->changed = true;
    row->found = *found;
    row->present = true;
    row->doubtful = false;
    settle_row(table, (size_t)(row - table->rows), was);
    return 0;
}

static bool drop_row(struct table *table, size_t index) {
    struct row *row = &table->rows[index];
    bool was = is_pending(row);
    row->present = false;
    return settle_row(table, index, was);
}

void table_drop(struct table *table, const struct table_key *key) {
    for (size_t i = 0; i < table->length;)
        if (!matches(&table->rows[i], key) || drop_row(table, i))
            i++;
}

void table_doubt(struct table *table) {
    for (size_t i = 0; i < table->length; i++)
        table->rows[i].doubtful = true;
}

void table_sweep(struct table *table) {
    for (size_t i = 0; i < table->length;)
        if (!table->rows[i].doubtful || drop_row(table, i))
            i++;
}

static void fill_lost(struct discovery_lost *lost, const struct discovery_found *found) {
    memset(lost, 0, sizeof *lost);
    strcpy(lost->instance, found->instance);
    lost->interface = found->interface;
    lost->family = family_of(found);
    lost->address_length = found->address_length;
    memcpy(lost->address, found->address, sizeof lost->address);
}

enum table_change table_next(struct table *table, struct discovery_found *found,
                             struct discovery_lost *lost) {
    if (table->pending == 0)
        return TABLE_NOTHING;
    do {
        table->cursor = table->cursor + 1 < table->length ? table->cursor + 1 : 0;
    } while (!is_pending(&table->rows[table->cursor]));
    struct row *row = &table->rows[table->cursor];
    bool present = row->present;
    if (present)
        *found = row->found;
    else
        fill_lost(lost, &row->found);
    row->told = present;
    row->changed = false;
    settle_row(table, table->cursor, true);
    return present ? TABLE_FOUND : TABLE_LOST;
}
