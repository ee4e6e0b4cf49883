/*
 * A line that names a peer, as somebody sent it by mail, and a name that a peer gave itself. What
 * is taken has to be what is written again, and every alias that is made has to be valid.
 */
#include "base/alias.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact) {
    if (!fact) {
        abort();
    }
}

static void read_line(const char *line, size_t length) {
    uint8_t key[LIMIT_KEY];
    uint8_t again[LIMIT_KEY];
    char alias[ALIAS_ROOM];
    char alias_again[ALIAS_ROOM];
    char written[ALIAS_LINE_ROOM];
    if (alias_line_parse(line, length, key, alias) == NULL) {
        must(alias_fault(alias) == NULL);
        alias_line_format(written, key, alias);
        must(alias_line_parse(written, strlen(written), again, alias_again) == NULL);
        must(memcmp(key, again, LIMIT_KEY) == 0 && strcmp(alias, alias_again) == 0);
    }
}

static void take_name(const char *name) {
    static const uint8_t key[LIMIT_KEY] = "whose name it is";
    char alias[ALIAS_ROOM];
    char again[ALIAS_ROOM];
    char numbered[ALIAS_ROOM];
    must(alias_fault(alias_make(alias, name, key)) == NULL);
    must(strcmp(alias_make(again, alias, key), alias) == 0);
    must(alias_fault(alias_number(numbered, alias, 2)) == NULL);
    must(alias_fault(alias_number(numbered, alias, 4000000000u)) == NULL);
    must(alias_fault(name) != NULL || strcmp(alias, name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *copy = malloc(size + 1); /* of its exact size, so that reading further is seen */
    char *bytes = malloc(size > 0 ? size : 1);
    must(copy != NULL && bytes != NULL);
    memcpy(copy, data, size);
    memcpy(bytes, data, size);
    copy[size] = '\0';
    read_line(bytes, size);
    take_name(copy);
    free(bytes);
    free(copy);
    return 0;
}
