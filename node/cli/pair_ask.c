#include "node/cli/pair_ask.h"

#include "base/escape.h"
#include "base/id.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void prompt(struct pair_ask *ask) {
    fputs("code: ", stderr);
    fflush(stderr);
    ask->prompted = true;
}

static void say_whose(const Fxnode__Control__PairAsk *whose) {
    char name[ESCAPE_ROOM(LIMIT_NAME)];
    char id[ID_GROUPED_ROOM];

    escape_text(name, sizeof name, whose->name);
    if (whose->again) {
        fprintf(stderr, "That is not the code: %u %s left.\n", (unsigned)whose->left,
                whose->left == 1 ? "try" : "tries");
    } else if (whose->key.len == LIMIT_KEY) {
        id_format_grouped(id, whose->key.data);
        fprintf(stderr, "Run `fxnode pair` on %s (%s)\nand type the code that it shows.\n", name,
                id);
    } else {
        fprintf(stderr, "Run `fxnode pair` on %s and type the code that it shows.\n", name);
    }
}

void pair_ask_begin(struct pair_ask *ask, const Fxnode__Control__PairAsk *whose) {
    pair_ask_forget(ask);
    ask->waits = true;
    ask->terminal = isatty(STDIN_FILENO) == 1;
    if (!ask->terminal)
        return;
    say_whose(whose);
    prompt(ask);
}

/* Digits with spaces and dashes between them. */
static bool read_code(char code[PAIRING_CODE + 1], const char *line, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        if (line[i] == ' ' || line[i] == '-' || line[i] == '\t' || line[i] == '\r')
            continue;
        if (line[i] < '0' || line[i] > '9' || count == PAIRING_CODE)
            return false;
        code[count++] = line[i];
    }
    code[count] = '\0';
    return count == PAIRING_CODE;
}

static enum pair_ask_outcome judge(struct pair_ask *ask) {
    ask->prompted = false;
    if (!ask->too_long && read_code(ask->code, ask->line, ask->length)) {
        ask->waits = false;
        return PAIR_ASK_CODE;
    }
    pair_ask_forget(ask);
    if (!ask->terminal)
        return PAIR_ASK_WRONG;
    fprintf(stderr, "A code has %d digits.\n", PAIRING_CODE);
    prompt(ask);
    return PAIR_ASK_MORE;
}

enum pair_ask_outcome pair_ask_take(struct pair_ask *ask) {
    char byte;
    ssize_t got = read(STDIN_FILENO, &byte, 1);

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return PAIR_ASK_MORE;
    if (got <= 0 && ask->length == 0)
        return PAIR_ASK_ENDED;
    if (got <= 0 || byte == '\n')
        return judge(ask);
    if (ask->length < sizeof ask->line)
        ask->line[ask->length++] = byte;
    else
        ask->too_long = true;
    sodium_memzero(&byte, sizeof byte);
    /* A person's line is read to its end; what else comes without one may have none. */
    return ask->too_long && !ask->terminal ? judge(ask) : PAIR_ASK_MORE;
}

void pair_ask_clear(struct pair_ask *ask) {
    if (ask->prompted)
        fputc('\n', stderr);
    ask->prompted = false;
}

void pair_ask_forget(struct pair_ask *ask) {
    sodium_memzero(ask->line, sizeof ask->line);
    sodium_memzero(ask->code, sizeof ask->code);
    ask->length = 0;
    ask->too_long = false;
}
