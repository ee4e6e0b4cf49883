#include "base/id.h"
#include "base/escape.h"
#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/json.h"
#include "node/common/config.h"
#include "node/common/identity.h"
#include "node/common/statedir.h"

#include <stdio.h>
#include <string.h>

static const struct options_spec spec = {
    .command = "id",
    .usage = "[--json]\n\n"
             "Shows this node's name and id.\n",
};

static int show(bool json, const uint8_t *key, const char *name) {
    char id[ID_GROUPED_ROOM];
    char shown[ESCAPE_ROOM(LIMIT_NAME)];
    if (json) {
        json_identity(key, name);
    } else {
        id_format_grouped(id, key);
        printf("%s  %s\n", escape_text(shown, sizeof shown, name), id);
    }
    return command_end(json, CLI_DONE, "");
}

/* With no node about: the name of the configuration, the key of the state directory, which is
 * made where there is none yet. */
static int show_own(const struct options *options, const struct locations *where) {
    struct statedir dir;
    struct identity identity;
    struct config config;
    struct fail fail;
    int status;

    config_defaults(&config);
    if (config_read(&config, where->config, where->config_given, &fail) < 0 ||
        statedir_open(&dir, where->state, &fail) < 0)
        return command_fail(options->json, &fail);
    if (identity_load(&identity, dir.fd, where->state, &fail) < 0) {
        status = command_fail(options->json, &fail);
    } else {
        status = show(options->json, identity.public_key, config.name);
        identity_clear(&identity);
    }
    statedir_close(&dir);
    return status;
}

int cli_id(int argc, char **argv) {
    struct options options;
    struct locations where;
    struct client *client = NULL;
    struct fail fail;
    int status;

    if (!options_parse(&options, &spec, argc, argv, &status))
        return status;
    if (locations_find(&where, &options.where, &fail) < 0)
        return command_fail(options.json, &fail);
    int rc = client_open(&client, &where, CLIENT_NEVER_START, &fail);
    if (rc == CLIENT_NO_NODE)
        return show_own(&options, &where);
    if (rc != 0)
        return command_fail(options.json, &fail);
    status = show(options.json, client_welcome(client)->key, client_welcome(client)->name);
    client_close(client);
    return status;
}
