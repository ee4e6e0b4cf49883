#include "files/receipt.h"

#include "base/bytes.h"
#include "base/io.h"
#include "base/path.h"
#include "files/stamps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum kind {
    KIND_END,
    KIND_NAME,
    KIND_FAILED,
    KIND_THEIRS,
    KIND_LEFT_OUT,
    KIND_UNSURE,
    KIND_LACKING,
    KIND_EXACT
};

/* What each record begins with. */
#define HEAD 12u

struct receipt_layout receipt_lay_out(uint64_t length, uint64_t units, uint32_t entries,
                                      bool stamped) {
    struct receipt_layout layout = {.hashes = length};

    layout.stamps = layout.hashes + units * LIMIT_CHUNK_HASH;
    layout.marks = layout.stamps + (stamped ? (uint64_t)entries * STAMP_SIZE : 0);
    return layout;
}

void receipt_marks_init(struct receipt_marks *marks) {
    *marks = (struct receipt_marks){0};
    rangeset_init(&marks->failed);
    rangeset_init(&marks->theirs);
    rangeset_init(&marks->left_out);
}

void receipt_marks_clear(struct receipt_marks *marks) {
    rangeset_clear(&marks->failed);
    rangeset_clear(&marks->theirs);
    rangeset_clear(&marks->left_out);
    free(marks->names);
    receipt_marks_init(marks);
}

int receipt_marks_add_name(struct receipt_marks *marks, uint32_t entry, const char *name,
                           size_t length) {
    struct receipt_name *names =
        reallocarray(marks->names, marks->name_count + 1, sizeof(*marks->names));
    if (names == NULL)
        return -ENOMEM;
    marks->names = names;
    names[marks->name_count] = (struct receipt_name){.entry = entry, .length = (uint8_t)length};
    memcpy(names[marks->name_count].bytes, name, length);
    marks->name_count++;
    return 0;
}

static int compare(const void *a, const void *b) {
    const struct receipt_name *left = a;
    const struct receipt_name *right = b;
    return (left->entry > right->entry) - (left->entry < right->entry);
}

const struct receipt_name *receipt_marks_name(const struct receipt_marks *marks, uint32_t entry) {
    const struct receipt_name key = {.entry = entry};
    if (marks->name_count == 0)
        return NULL;
    return bsearch(&key, marks->names, marks->name_count, sizeof(*marks->names), compare);
}

/* Encoding: the caller has made room. */

static uint8_t *put(uint8_t *at, enum kind kind, uint32_t entry, uint32_t count) {
    memset(at, 0, HEAD);
    at[0] = (uint8_t)kind;
    bytes_put(at + 4, entry, 4);
    bytes_put(at + 8, count, 4);
    return at + HEAD;
}

static uint8_t *put_ranges(uint8_t *at, enum kind kind, const struct rangeset *set) {
    for (size_t i = 0; i < set->length; i++)
        at = put(at, kind, (uint32_t)set->ranges[i].first, (uint32_t)set->ranges[i].count);
    return at;
}

static uint8_t *put_names(uint8_t *at, const struct receipt_marks *marks) {
    for (size_t i = 0; i < marks->name_count; i++) {
        const struct receipt_name *name = &marks->names[i];
        at = put(at, KIND_NAME, name->entry, name->length);
        memcpy(at, name->bytes, name->length);
        at += name->length;
    }
    return at;
}

int receipt_marks_encode(struct receipt_marks *marks, uint8_t **out, size_t *length) {
    size_t records = marks->failed.length + marks->theirs.length + marks->left_out.length + 4;
    uint8_t *bytes = malloc(records * HEAD + marks->name_count * (HEAD + LIMIT_COMPONENT));
    uint8_t *at = bytes;
    if (bytes == NULL)
        return -ENOMEM;
    if (marks->name_count > 0)
        qsort(marks->names, marks->name_count, sizeof(*marks->names), compare);
    at = put_names(at, marks);
    at = put_ranges(at, KIND_FAILED, &marks->failed);
    at = put_ranges(at, KIND_THEIRS, &marks->theirs);
    at = put_ranges(at, KIND_LEFT_OUT, &marks->left_out);
    if (marks->unsure)
        at = put(at, KIND_UNSURE, 0, 0);
    if (marks->lacking > 0)
        at = put(at, KIND_LACKING, 0, marks->lacking);
    if (marks->exact)
        at = put(at, KIND_EXACT, 0, 0);
    at = put(at, KIND_END, 0, 0);
    *out = bytes;
    *length = (size_t)(at - bytes);
    return 0;
}

/* Decoding. */

struct cursor {
    const uint8_t *at;
    size_t left;
    uint32_t entries;
};

struct head {
    enum kind kind;
    uint32_t entry;
    uint32_t count;
};

static int next(struct cursor *cursor, struct head *head) {
    if (cursor->left < HEAD || memcmp(cursor->at + 1, "\0\0", 3) != 0)
        return -EBADMSG;
    *head = (struct head){cursor->at[0], (uint32_t)bytes_get(cursor->at + 4, 4),
                          (uint32_t)bytes_get(cursor->at + 8, 4)};
    cursor->at += HEAD;
    cursor->left -= HEAD;
    return 0;
}

/* The name of a component, of an entry that comes after those before. */
static int take_name(struct receipt_marks *marks, struct cursor *cursor, const struct head *head) {
    const char *name = (const char *)cursor->at;
    size_t length = head->count;
    if (length == 0 || length > LIMIT_COMPONENT || length > cursor->left ||
        head->entry >= cursor->entries || path_fault(name, length) != NULL ||
        path_top(name, length) != length)
        return -EBADMSG;
    if (marks->name_count > 0 && marks->names[marks->name_count - 1].entry >= head->entry)
        return -EBADMSG;
    cursor->at += length;
    cursor->left -= length;
    return receipt_marks_add_name(marks, head->entry, name, length);
}

static int take_range(struct rangeset *set, const struct cursor *cursor, const struct head *head) {
    if (head->entry >= cursor->entries || head->count == 0 ||
        head->count > cursor->entries - head->entry)
        return -EBADMSG;
    return rangeset_add(set, head->entry, head->count);
}

static int take(struct receipt_marks *marks, struct cursor *cursor, const struct head *head) {
    switch (head->kind) {
    case KIND_NAME:
        return take_name(marks, cursor, head);
    case KIND_FAILED:
        return take_range(&marks->failed, cursor, head);
    case KIND_THEIRS:
        return take_range(&marks->theirs, cursor, head);
    case KIND_LEFT_OUT:
        return take_range(&marks->left_out, cursor, head);
    case KIND_UNSURE:
        marks->unsure = true;
        return head->entry == 0 && head->count == 0 ? 0 : -EBADMSG;
    case KIND_LACKING:
        marks->lacking = head->count;
        return head->entry == 0 && head->count > 0 ? 0 : -EBADMSG;
    case KIND_EXACT:
        marks->exact = true;
        return head->entry == 0 && head->count == 0 ? 0 : -EBADMSG;
    default:
        return -EBADMSG;
    }
}

int receipt_marks_decode(struct receipt_marks *marks, const uint8_t *data, size_t length,
                         uint32_t entries) {
    struct cursor cursor = {data, length, entries};
    struct head head = {KIND_NAME, 0, 0};
    int r = next(&cursor, &head);
    while (r == 0 && head.kind != KIND_END) {
        r = take(marks, &cursor, &head);
        if (r == 0)
            r = next(&cursor, &head);
    }
    if (r == 0 && (head.entry != 0 || head.count != 0 || cursor.left != 0))
        r = -EBADMSG;
    return r;
}

int receipt_marks_read(struct receipt_marks *marks, int fd, uint64_t from, uint32_t entries) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size > LIMIT_RECEIPT || (uint64_t)st.st_size <= from)
        return -EBADMSG;
    size_t length = (size_t)((uint64_t)st.st_size - from);
    uint8_t *bytes = malloc(length);
    if (bytes == NULL)
        return -ENOMEM;
    ssize_t got = io_pread_full(fd, bytes, length, from);
    int r = got < 0 ? (int)got : receipt_marks_decode(marks, bytes, (size_t)got, entries);
    free(bytes);
    return r;
}
