#include "node/session/catalog.h"

#include "base/bytes.h"
#include "base/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct catalog {
    int fd;
    const struct manifest_index *index;
    const struct manifest_row *row; /* of the loaded batch */
    struct manifest_batch *batch;
    uint8_t *buffer; /* for the longest batch */
};

/* Reads one batch at *offset into `buffer` and moves on. 1; 0 at the end of the file; -EBADMSG;
 * -errno. */
static int read_batch(int fd, uint64_t *offset, uint8_t *buffer, uint32_t *length) {
    uint8_t prefix[MANIFEST_PREFIX];
    ssize_t n = io_pread_full(fd, prefix, sizeof prefix, *offset);

    if (n <= 0)
        return (int)n;
    *length = (uint32_t)bytes_get(prefix, sizeof prefix);
    if (n < (ssize_t)sizeof prefix || *length > LIMIT_MANIFEST_BATCH)
        return -EBADMSG;
    n = io_pread_full(fd, buffer, *length, *offset + sizeof prefix);
    if (n < 0)
        return (int)n;
    if ((size_t)n < *length)
        return -EBADMSG;
    *offset += sizeof prefix + *length;
    return 1;
}

/* Of a file that may go on behind its first `end` bytes. */
static int read_until(int fd, uint64_t end, catalog_sink *sink, void *context, struct fail *fail) {
    uint8_t *buffer = malloc(LIMIT_MANIFEST_BATCH);
    uint64_t offset = 0;
    uint32_t length = 0;
    int given = 0;
    int r = 0;

    if (buffer == NULL)
        return fail_set(fail, -ENOMEM, "cannot read the list of files");
    while (given == 0 && offset < end && (r = read_batch(fd, &offset, buffer, &length)) == 1)
        given = sink(context, buffer, length, fail);
    free(buffer);
    if (given != 0)
        return given;
    if (r == -EBADMSG)
        return msg_invalid(fail, "the stored list of files is damaged");
    return r < 0 ? fail_set(fail, r, "cannot read the stored list of files") : 0;
}

int catalog_read(int fd, catalog_sink *sink, void *context, struct fail *fail) {
    return read_until(fd, UINT64_MAX, sink, context, fail);
}

static int check_batch(void *context, const void *batch, size_t length, struct fail *fail) {
    return manifest_checker_add(context, batch, length, fail);
}

static int check_until(struct manifest_checker **checker, int fd, uint64_t end,
                       const struct manifest_summary *expected, struct fail *fail) {
    struct manifest_checker *made = NULL;
    int r = manifest_checker_new(&made, expected);

    if (r < 0)
        return fail_set(fail, r, "cannot read the list of files");
    r = read_until(fd, end, check_batch, made, fail);
    if (r == 0)
        r = manifest_checker_end(made, fail);
    if (r != 0) {
        manifest_checker_free(made);
        return r;
    }
    *checker = made;
    return 0;
}

int catalog_check(struct manifest_checker **checker, int fd,
                  const struct manifest_summary *expected, struct fail *fail) {
    return check_until(checker, fd, UINT64_MAX, expected, fail);
}

int catalog_check_first(struct manifest_checker **checker, int fd,
                        const struct manifest_summary *expected, struct fail *fail) {
    return check_until(checker, fd, expected->length, expected, fail);
}

int catalog_new(struct catalog **out, int fd, const struct manifest_index *index) {
    struct catalog *catalog = calloc(1, sizeof *catalog);
    uint32_t longest = 1;

    if (catalog == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < manifest_index_rows(index); i++)
        if (manifest_index_row(index, i)->length > longest)
            longest = manifest_index_row(index, i)->length;
    catalog->fd = fd;
    catalog->index = index;
    catalog->buffer = malloc(longest);
    if (catalog->buffer == NULL || manifest_batch_new(&catalog->batch) < 0) {
        catalog_free(catalog);
        return -ENOMEM;
    }
    *out = catalog;
    return 0;
}

int catalog_again(struct catalog **out, const struct catalog *catalog) {
    return catalog_new(out, catalog->fd, catalog->index);
}

void catalog_free(struct catalog *catalog) {
    if (catalog == NULL)
        return;
    manifest_batch_free(catalog->batch);
    free(catalog->buffer);
    free(catalog);
}

static int load(struct catalog *catalog, const struct manifest_row *row, struct fail *fail) {
    ssize_t n = 0;
    int r = 0;

    if (row == NULL)
        return msg_invalid(fail, "there is no such entry");
    if (row == catalog->row)
        return 0;
    catalog->row = NULL;
    n = io_pread_full(catalog->fd, catalog->buffer, row->length, row->offset);
    if (n < 0)
        return fail_set(fail, (int)n, "cannot read the stored list of files");
    if ((size_t)n < row->length)
        return msg_invalid(fail, "the stored list of files was cut");
    r = manifest_batch_load(catalog->batch, row, catalog->buffer, fail);
    if (r == 0)
        catalog->row = row;
    return r;
}

int catalog_by_entry(struct catalog *catalog, uint32_t entry, const struct manifest_item **item,
                     struct fail *fail) {
    int r = load(catalog, manifest_index_by_entry(catalog->index, entry), fail);

    if (r != 0)
        return r;
    *item = manifest_batch_by_entry(catalog->batch, entry);
    return *item == NULL ? msg_invalid(fail, "there is no such entry") : 0;
}

int catalog_by_unit(struct catalog *catalog, uint64_t unit, const struct manifest_item **item,
                    struct fail *fail) {
    int r = load(catalog, manifest_index_by_unit(catalog->index, unit), fail);

    if (r != 0)
        return r;
    *item = manifest_batch_by_unit(catalog->batch, unit);
    return *item == NULL ? msg_invalid(fail, "there is no such chunk") : 0;
}

/* The first hard link of the loaded batch, that of `row`, from entry `from` on, or NULL. */
static const struct manifest_item *find_hardlink(const struct catalog *catalog,
                                                 const struct manifest_row *row, uint32_t from) {
    uint32_t entry = from > row->first_entry ? from : row->first_entry;

    for (; entry - row->first_entry < row->entries; entry++) {
        const struct manifest_item *item = manifest_batch_by_entry(catalog->batch, entry);

        if (item->entry.type == ENTRY_HARDLINK)
            return item;
    }
    return NULL;
}

int catalog_next_hardlink(struct catalog *catalog, uint32_t from, const struct manifest_item **item,
                          struct fail *fail) {
    const struct manifest_row *row = manifest_index_by_entry(catalog->index, from);
    const struct manifest_row *end =
        manifest_index_row(catalog->index, 0) + manifest_index_rows(catalog->index);
    int r = 0;

    *item = NULL;
    for (; row != NULL && row < end && r == 0 && *item == NULL; row++) {
        if ((row->has & MANIFEST_HARDLINKS) == 0)
            continue;
        r = load(catalog, row, fail);
        if (r == 0)
            *item = find_hardlink(catalog, row, from);
    }
    return r;
}

bool catalog_has_hardlinks(const struct catalog *catalog) {
    return (manifest_index_has(catalog->index) & MANIFEST_HARDLINKS) != 0;
}

/* Content bytes of the units of the loaded batch, that of `row`, that come before `unit`, which is
 * one of them. */
static uint64_t bytes_in_batch(const struct catalog *catalog, const struct manifest_row *row,
                               uint64_t unit) {
    const struct manifest_item *at = manifest_batch_by_unit(catalog->batch, unit);
    uint64_t bytes = 0;

    for (uint32_t i = row->first_entry; at != NULL && i < at->number; i++)
        bytes += manifest_batch_by_entry(catalog->batch, i)->entry.size;
    return at == NULL ? bytes : bytes + (unit - at->first_unit) * LIMIT_CHUNK;
}

/* Content bytes of all units before `unit`: one batch is read at most. */
static int bytes_before(struct catalog *catalog, uint64_t unit, uint64_t *bytes,
                        struct fail *fail) {
    const struct manifest_row *at = manifest_index_by_unit(catalog->index, unit);
    const struct manifest_row *row = manifest_index_row(catalog->index, 0);
    const struct manifest_row *end = at != NULL ? at : row + manifest_index_rows(catalog->index);
    int r = 0;

    *bytes = 0;
    for (; row < end; row++)
        *bytes += row->bytes;
    if (at == NULL || unit == at->first_unit)
        return 0;
    r = load(catalog, at, fail);
    if (r == 0)
        *bytes += bytes_in_batch(catalog, at, unit);
    return r;
}

int catalog_bytes(struct catalog *catalog, const struct rangeset *set, uint64_t *bytes,
                  struct fail *fail) {
    int r = 0;

    *bytes = 0;
    for (size_t i = 0; i < set->length && r == 0; i++) {
        uint64_t from = 0;
        uint64_t to = 0;

        r = bytes_before(catalog, set->ranges[i].first, &from, fail);
        if (r == 0)
            r = bytes_before(catalog, set->ranges[i].first + set->ranges[i].count, &to, fail);
        *bytes += to - from;
    }
    return r;
}
