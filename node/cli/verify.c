/*
 * verify: reads again what a delivered transfer has brought, or sent.
 */
#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/json.h"
#include "node/cli/term.h"
#include "node/common/human.h"

#include <limits.h>
#include <stdio.h>

/* What stands on the terminal. */
struct view {
    bool drawn;
};

static void clear(struct view *view) {
    if (view->drawn)
        term_clear();
    view->drawn = false;
}

static void draw(struct view *view, const Fxnode__Control__Checking *checking) {
    char done[HUMAN_ROOM], total[HUMAN_ROOM], line[2 * HUMAN_ROOM + 32];
    uint64_t all = checking->total > checking->done ? checking->total : checking->done;
    unsigned share = all == 0 ? 100 : (unsigned)((double)checking->done * 100 / (double)all);

    if (!term_can_draw())
        return;
    snprintf(line, sizeof line, "%3u %%  %s of %s read", share, human_bytes(done, checking->done),
             human_bytes(total, all));
    term_redraw(line);
    view->drawn = true;
}

static void show(void *context, bool json, const Fxnode__Control__Event *event) {
    struct view *view = context;

    switch (event->body_case) {
    case FXNODE__CONTROL__EVENT__BODY_CHECKING:
        if (json)
            json_checking(event->checking);
        else
            draw(view, event->checking);
        break;
    case FXNODE__CONTROL__EVENT__BODY_FINDING:
        clear(view);
        if (json)
            json_finding(event->finding);
        else
            printf("%s\n", event->finding->text);
        fflush(stdout);
        break;
    case FXNODE__CONTROL__EVENT__BODY_CHECKED:
        clear(view);
        if (json)
            json_checked(event->checked);
        break;
    default:
        break;
    }
}

static const struct options_spec spec = {
    .command = "verify",
    .usage = "TRANSFER [--json]\n\n"
             "Reads again what a delivered transfer has brought, or what it sent, and names what\n"
             "is no longer as it was: missing, modified since, or damaged, which is to say other\n"
             "content with the same size and time. Delivered transfers are remembered for 30 days\n"
             "(fxnode transfers --all).\n",
    .least = 1,
    .most = 1,
};

int cli_verify(int argc, char **argv) {
    Fxnode__Control__Verify body = FXNODE__CONTROL__VERIFY__INIT;
    Fxnode__Control__Request request = FXNODE__CONTROL__REQUEST__INIT;
    struct options options;
    struct view view = {0};
    unsigned long number;
    int status;

    if (!options_parse(&options, &spec, argc, argv, &status))
        return status;
    if (!options_number(&number, options.operands[0], LONG_MAX) || number == 0)
        return options_wrong(&spec, "TRANSFER is a number that fxnode transfers --all shows");
    body.number = number;
    request.body_case = FXNODE__CONTROL__REQUEST__BODY_VERIFY;
    request.verify = &body;
    return command_run(&options, CLIENT_MAY_START, &request, show, &view);
}
