#include "node/cli/failed.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_kept(const struct failed *failed, const char *text) {
    for (size_t i = 0; i < FAILED_SHOWN && failed->lines[i] != NULL; i++)
        if (strcmp(failed->lines[i], text) == 0)
            return true;
    return false;
}

void failed_add(struct failed *failed, const Fxnode__Control__Note *note) {
    if (!note->warning || note->path.len == 0 || is_kept(failed, note->text))
        return;
    for (size_t i = 0; i < FAILED_SHOWN; i++)
        if (failed->lines[i] == NULL) {
            failed->lines[i] = strdup(note->text);
            break;
        }
    failed->count++;
}

void failed_print(const struct failed *failed) {
    unsigned long shown = 0;
    if (failed->count == 0)
        return;
    fprintf(stderr, "fxnode: once more, what went wrong:\n");
    for (; shown < FAILED_SHOWN && failed->lines[shown] != NULL; shown++)
        fprintf(stderr, "  %s\n", failed->lines[shown]);
    if (failed->count > shown)
        fprintf(stderr, "  and %lu more, named above\n", failed->count - shown);
}

void failed_clear(struct failed *failed) {
    for (size_t i = 0; i < FAILED_SHOWN; i++)
        free(failed->lines[i]);
    *failed = (struct failed){0};
}
