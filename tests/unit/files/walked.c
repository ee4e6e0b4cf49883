#include "walked.h"
#include "room.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walked walked[WALKED_MAX];
size_t walked_count;
size_t walked_limit = WALKED_MAX;
char walked_lines[WALKED_LINES_MAX][512];
enum walk_loss walked_losses[WALKED_LINES_MAX];
size_t walked_line_count;
struct walk_rules walked_rules;

static int on_entry(void *context, const struct entry *entry, const struct stamp *stamp) {
    ck_assert_ptr_eq(context, walked);
    if (walked_count == walked_limit)
        return -ECANCELED;
    struct walked *slot = &walked[walked_count++];
    slot->entry = *entry;
    slot->stamp = *stamp;
    slot->path = strndup(entry->path, entry->path_length);
    slot->entry.path = slot->path;
    slot->target = entry->target != NULL ? strndup(entry->target, entry->target_length) : NULL;
    slot->entry.target = slot->target;
    slot->attribute_count = entry->attribute_count;
    for (size_t i = 0; i < entry->attribute_count && i < 4; i++) {
        const struct entry_attribute *attribute = &entry->attributes[i];
        snprintf(slot->attributes[i], sizeof(slot->attributes[0]), "%.*s=%.*s",
                 (int)attribute->name_length, attribute->name, (int)attribute->value_length,
                 (const char *)attribute->value);
    }
    return 0;
}

static void on_skipped(void *context, const char *path, size_t length, const char *line,
                       enum walk_loss loss) {
    ck_assert_ptr_eq(context, walked);
    ck_assert_uint_gt(length, 0);
    ck_assert_uint_eq(strlen(path), length);
    ck_assert_uint_lt(walked_line_count, WALKED_LINES_MAX);
    snprintf(walked_lines[walked_line_count], sizeof(walked_lines[0]), "%s", line);
    walked_losses[walked_line_count++] = loss;
}

int walked_items(const char *const *paths, size_t count) {
    static const struct walk_sink sink = {walked, on_entry, on_skipped};
    struct items *items = NULL;
    walked_count = walked_line_count = 0;
    ck_assert_int_eq(items_new(&items, paths, count, &room_fail), 0);
    int result = walk_items(items, &walked_rules, &sink, &room_fail);
    items_free(items);
    return result;
}

int walked_one(const char *path) {
    path = room_path(path);
    return walked_items(&path, 1);
}

int walked_without(const char *path, const char *const patterns[3]) {
    struct filter *filter = NULL;
    size_t count = 0;
    while (count < 3 && patterns[count] != NULL)
        count++;
    ck_assert_int_eq(filter_new(&filter, patterns, count), 0);
    walked_rules.exclude = filter;
    int result = walked_one(path);
    walked_rules.exclude = NULL;
    filter_free(filter);
    return result;
}

void walked_forget(void) {
    for (size_t i = 0; i < walked_count; i++) {
        free(walked[i].path);
        free(walked[i].target);
    }
    walked_count = 0;
}

const char *walked_all(void) {
    static char text[8192];
    text[0] = '\0';
    for (size_t i = 0; i < walked_count; i++) {
        strcat(text, i > 0 ? " " : "");
        strcat(text, walked[i].path);
    }
    return text;
}
