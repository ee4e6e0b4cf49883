#include "base/id.h"
#include "base/escape.h"
#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/json.h"
#include "node/cli/own.h"

#include <stdio.h>

static const struct options_spec spec = {
    .command = "id",
    .usage = "[--json]\n\n"
             "Shows this node's name and id.\n",
};

int cli_id(int argc, char **argv) {
    char id[ID_GROUPED_ROOM];
    char shown[ESCAPE_ROOM(LIMIT_NAME)];
    struct options options;
    struct own own;
    int status;

    if (!options_parse(&options, &spec, argc, argv, &status))
        return status;
    status = own_find(&own, &options);
    if (status != CLI_DONE)
        return status;
    if (options.json) {
        json_identity(own.key, own.name);
    } else {
        id_format_grouped(id, own.key);
        printf("%s  %s\n", escape_text(shown, sizeof shown, own.name), id);
    }
    return command_end(options.json, CLI_DONE, "");
}
