#include "base/escape.h"
#include "base/io.h"
#include "base/pattern.h"
#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/failed.h"
#include "node/cli/interrupt.h"
#include "node/cli/json.h"
#include "node/cli/progress.h"
#include "node/common/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define RECONNECTS 30 /* a second apart, when the node goes away: another may be taking over */

enum { OPTION_DETACH, OPTION_LIMIT, OPTION_MOVE, OPTION_ONE_FILE_SYSTEM, OPTION_WAIT };

static const struct options_own own[] = {{"detach", false},
                                         {"limit", true},
                                         {"move", false},
                                         {"one-file-system", false},
                                         {"wait", true}};

static const struct options_spec spec = {
    .command = "send",
    .usage = "[--exclude PATTERN]... [--one-file-system] [--move] [--detach] [--wait SECONDS] "
             "[--limit RATE] [--json] PEER PATH...\n\n"
             "Sends files and whole trees to a peer and returns when it has confirmed delivery.\n\n"
             "      --exclude PATTERN\n"
             "                       leave out what it matches: *.o by its name, cache/ only\n"
             "                       directories, raw/*.tif the end of a path, /photos/raw a path\n"
             "                       from the name of a PATH on; up to 64 times\n"
             "      --one-file-system\n"
             "                       send directories on which another one is mounted empty\n"
             "      --move           remove here what was delivered, once it is, and only what is\n"
             "                       unchanged since; names what stays\n"
             "      --detach         return as soon as the daemon has it in its queue\n"
             "      --wait SECONDS   give up waiting for a peer that is away\n"
             "      --limit RATE     bytes a second at most; k, M, G are powers of 1000\n",
    .own = own,
    .own_count = 5,
    .repeats = "exclude",
    .least = 2,
    .most = -1,
};

struct sending {
    struct options options;
    struct locations where;
    Fxnode__Control__Send body;
    char **paths; /* absolute, owned */
    size_t path_count;
    ProtobufCBinaryData exclude[OPTIONS_REPEATED_MAX];
    uint8_t id[LIMIT_TRANSFER_ID]; /* what is sent is known by, should the node go away */
    struct progress progress;
    struct failed failed;
    bool detaching; /* Ctrl-C was passed on */
};

static int set_patterns(struct sending *sending) {
    const struct options *options = &sending->options;
    size_t bytes = 0;

    for (size_t i = 0; i < options->repeated_count; i++) {
        const char *text = options->repeated[i];
        size_t length = strlen(text);
        const char *fault = pattern_fault(text, length);
        char shown[256];
        if (fault != NULL)
            return options_wrong(&spec, "--exclude: `%s` %s",
                                 escape_text(shown, sizeof shown, text), fault);
        sending->exclude[i] = (ProtobufCBinaryData){length, (uint8_t *)text};
        bytes += length;
    }
    if (bytes > LIMIT_PATTERN_BYTES)
        return options_wrong(&spec, "--exclude: the patterns are too long, all together");
    sending->body.exclude = sending->exclude;
    sending->body.n_exclude = options->repeated_count;
    sending->body.one_file_system = options->values[OPTION_ONE_FILE_SYSTEM] != NULL;
    return CLI_DONE;
}

static int set_arguments(struct sending *sending) {
    const char *wait = sending->options.values[OPTION_WAIT];
    const char *limit = sending->options.values[OPTION_LIMIT];
    unsigned long seconds = 0;

    /* An unset variable of a script must not stand for the current directory. */
    for (int i = 0; i < sending->options.operand_count; i++)
        if (sending->options.operands[i][0] == '\0')
            return options_wrong(&spec, i == 0 ? "PEER is empty" : "a PATH is empty");
    sending->body.peer = sending->options.operands[0];
    sending->body.move = sending->options.values[OPTION_MOVE] != NULL;
    sending->body.detach = sending->options.values[OPTION_DETACH] != NULL;
    sending->progress.detached = sending->body.detach;
    if (wait != NULL && !options_number(&seconds, wait, UINT32_MAX / 1000))
        return options_wrong(&spec, "--wait takes a number of seconds");
    sending->body.has_wait = wait != NULL;
    sending->body.wait = (uint32_t)seconds;
    if (limit != NULL &&
        (!config_parse_size(&sending->body.rate, limit, 1000) || sending->body.rate == 0))
        return options_wrong(&spec, "--limit takes bytes a second, such as 500k or 20M");
    return set_patterns(sending);
}

/* Removes "." and empty components and trailing slashes, so that one path has one spelling. ".."
 * stays: what it means depends on links. */
static void tidy_path(char *path) {
    char *out = path;
    for (const char *at = path; *at != '\0';) {
        size_t length = strcspn(at, "/");
        if (length > 0 && !(length == 1 && at[0] == '.')) {
            *out++ = '/';
            memmove(out, at, length);
            out += length;
        }
        at += length + (at[length] == '/');
    }
    if (out == path)
        *out++ = '/';
    *out = '\0';
}

static int make_paths(struct sending *sending, struct fail *fail) {
    size_t count = (size_t)sending->options.operand_count - 1;
    char absolute[PATH_MAX];

    sending->paths = calloc(count + 1, sizeof *sending->paths);
    if (sending->paths == NULL)
        return fail_set(fail, -ENOMEM, "cannot send");
    for (size_t i = 0; i < count; i++) {
        int rc = locations_absolute(absolute, sending->options.operands[i + 1], fail);
        if (rc < 0)
            return rc;
        tidy_path(absolute);
        sending->paths[i] = strdup(absolute);
        if (sending->paths[i] == NULL)
            return fail_set(fail, -ENOMEM, "cannot send");
        sending->path_count++;
    }
    return 0;
}

static int ask(struct sending *sending, struct client *client, struct fail *fail) {
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_SEND;
    request.send = &sending->body;
    int rc = client_paths(client, sending->paths, sending->path_count, fail);
    return rc == 0 ? client_request(client, &request, fail) : rc;
}

static int ask_to_pause(struct sending *sending, struct client *client, struct fail *fail) {
    Fxnode__Control__Detach body = FXNODE__CONTROL__DETACH__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_DETACH;
    request.detach = &body;
    sending->detaching = true;
    return client_request(client, &request, fail);
}

/* Another node would be asked for this transfer, not for a new one. */
static void remember(struct sending *sending, const Fxnode__Control__Transfer *transfer) {
    if (transfer->number == 0 || transfer->id.len != sizeof sending->id)
        return;
    memcpy(sending->id, transfer->id.data, sizeof sending->id);
    sending->body.skipped = transfer->skipped;
    sending->body.partial = transfer->partial;
}

static void show(struct sending *sending, const Fxnode__Control__Event *event) {
    bool json = sending->options.json;
    if (event->body_case == FXNODE__CONTROL__EVENT__BODY_TRANSFER)
        remember(sending, event->transfer);
    if (event->body_case == FXNODE__CONTROL__EVENT__BODY_TRANSFER && json) {
        json_transfer(event->transfer);
    } else if (event->body_case == FXNODE__CONTROL__EVENT__BODY_TRANSFER) {
        progress_show(&sending->progress, event->transfer, io_now_ms());
    } else if (event->body_case == FXNODE__CONTROL__EVENT__BODY_NOTE) {
        progress_clear(&sending->progress);
        command_note(json, event->note);
        failed_add(&sending->failed, event->note);
    }
}

/* What was announced as queued says it all to a person. */
static int end(const struct sending *sending, const Fxnode__Control__Result *result) {
    bool said = sending->progress.detached && sending->progress.announced;
    bool silent = said && result->status == CLI_DONE && !sending->options.json;
    if (result->status != CLI_DONE && !sending->options.json)
        failed_print(&sending->failed);
    return command_end(sending->options.json, result->status, silent ? "" : result->text);
}

/* Follows until the result (its status), or CLIENT_CLOSED as a negative outcome: -1. */
static int follow(struct sending *sending, struct client *client, const sigset_t *unblocked) {
    const struct client_wait wait = {.unblocked = unblocked};
    const Fxnode__Control__Event *event = NULL;
    struct fail fail;

    for (;;) {
        int rc = client_next(client, &event, &wait, &fail);
        bool interrupted = rc == CLIENT_SIGNAL && interrupt_taken();
        if (interrupted && !sending->detaching) {
            sending->progress.drawn = sending->progress.terminal; /* "^C" stands there */
            progress_clear(&sending->progress);
            rc = ask_to_pause(sending, client, &fail);
            if (rc == 0)
                continue;
        } else if (interrupted) {
            return command_end(sending->options.json, CLI_STOPPED,
                               "left alone: the same command goes on with it");
        } else if (rc == CLIENT_SIGNAL) {
            continue;
        }
        if (rc == CLIENT_CLOSED)
            return -1;
        if (rc != 0)
            return command_fail(sending->options.json, &fail);
        if (event->body_case == FXNODE__CONTROL__EVENT__BODY_RESULT) {
            progress_clear(&sending->progress);
            return end(sending, event->result);
        }
        show(sending, event);
    }
}

/* One connection to a node; -1 where the node went away before the result. */
static int attempt(struct sending *sending) {
    struct client *client = NULL;
    sigset_t unblocked;
    struct fail fail;
    enum client_start start = sending->body.detach ? CLIENT_NEVER_START : CLIENT_MAY_START;
    int status;

    int rc = client_open(&client, &sending->where, start, &fail);
    interrupt_catch(&unblocked);
    if (rc == 0)
        rc = ask(sending, client, &fail);
    if (rc == CLIENT_NO_NODE ||
        (rc == 0 && sending->body.detach && client_welcome(client)->transient))
        status = command_end(sending->options.json, CLI_USAGE,
                             "--detach needs a running daemon: start one with fxnode daemon");
    else if (rc == CLIENT_CLOSED)
        status = -1;
    else if (rc != 0)
        status = command_fail(sending->options.json, &fail);
    else
        status = follow(sending, client, &unblocked);
    client_close(client);
    if (status < 0 && !sending->detaching)
        interrupt_release(&unblocked);
    return status;
}

static int run(struct sending *sending) {
    int status = -1;

    if (getrandom(sending->id, sizeof sending->id, 0) == (ssize_t)sizeof sending->id)
        sending->body.id = (ProtobufCBinaryData){sizeof sending->id, sending->id};
    for (int i = 0; i < RECONNECTS && status < 0 && !sending->detaching; i++) {
        if (i > 0)
            nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        sending->body.again = i > 0;
        status = attempt(sending);
    }
    if (status >= 0)
        return status;
    progress_clear(&sending->progress);
    return command_end(sending->options.json, CLI_STOPPED,
                       "the node went away: the same command goes on with it");
}

int cli_send(int argc, char **argv) {
    struct sending sending = {.body = FXNODE__CONTROL__SEND__INIT};
    struct fail fail;
    int status;

    if (!options_parse(&sending.options, &spec, argc, argv, &status))
        return status;
    status = set_arguments(&sending);
    if (status != CLI_DONE)
        return status;
    if (locations_find(&sending.where, &sending.options.where, &fail) < 0 ||
        make_paths(&sending, &fail) < 0)
        status = command_fail(sending.options.json, &fail);
    else
        status = run(&sending);
    for (size_t i = 0; i < sending.path_count; i++)
        free(sending.paths[i]);
    free(sending.paths);
    failed_clear(&sending.failed);
    return status;
}
