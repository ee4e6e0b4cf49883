#include "node/cli/pair_show.h"

#include "base/escape.h"
#include "base/id.h"
#include "base/io.h"
#include "node/cli/digits.h"
#include "node/cli/term.h"
#include "node/common/human.h"
#include "proto/pairing.h"

#include <stdio.h>
#include <string.h>

static bool is_code(const char *code) {
    return strspn(code, "0123456789") == PAIRING_CODE && code[PAIRING_CODE] == '\0';
}

/* The name where it can be typed as it is, else the beginning of the id. */
static const char *what_to_type(char id[ID_SHORT_ROOM], const struct client_welcome *own) {
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
    if (own->name[0] != '\0' && own->name[0] != '-' && own->name[strspn(own->name, plain)] == '\0')
        return own->name;
    id_format_short(id, own->key);
    return id;
}

static void show_to_person(const char *code, const struct client_welcome *own) {
    char id[ID_SHORT_ROOM];
    putchar('\n');
    if (term_columns() >= DIGITS_COLUMNS + 2) {
        digits_draw(code);
        putchar('\n');
    }
    printf("  %.4s %.4s\n\n", code, code + PAIRING_CODE / 2);
    printf("On the other machine, type this and then the code:\n\n");
    printf("  fxnode pair %s\n\n", what_to_type(id, own));
    printf("or, with the address of this one: fxnode pair HOST:%u\n\n", (unsigned)own->port);
}

bool pair_show_begin(struct pair_show *show, const Fxnode__Control__PairShow *shown,
                     const struct client_welcome *own) {
    if (!is_code(shown->code))
        return false;
    if (!term_can_draw()) {
        printf("%.4s %.4s\n", shown->code, shown->code + PAIRING_CODE / 2);
        fflush(stdout);
        return true;
    }
    show_to_person(shown->code, own);
    show->counts = true;
    show->ends_ms = io_now_ms() + (uint64_t)shown->seconds * 1000;
    pair_show_count(show);
    return true;
}

static uint64_t left_ms(const struct pair_show *show) {
    uint64_t now = io_now_ms();
    return show->ends_ms > now ? show->ends_ms - now : 0;
}

void pair_show_count(struct pair_show *show) {
    char left[HUMAN_ROOM];
    char line[HUMAN_ROOM + 16];
    if (!show->counts)
        return;
    snprintf(line, sizeof line, "%s left", human_duration(left, (left_ms(show) + 999) / 1000));
    term_redraw(line);
}

uint64_t pair_show_next(const struct pair_show *show) {
    uint64_t left = left_ms(show);
    if (!show->counts || left == 0)
        return 0;
    return show->ends_ms - (left - 1) / 1000 * 1000;
}

void pair_show_tried(const Fxnode__Control__PairTried *tried) {
    if (tried->left > 0)
        fprintf(stderr, "fxnode: a wrong code was tried: %u %s left\n", (unsigned)tried->left,
                tried->left == 1 ? "try" : "tries");
}

void pair_show_clear(const struct pair_show *show) {
    if (show->counts)
        term_clear();
}
