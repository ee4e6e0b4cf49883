#include "node/cli/own.h"

#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/common/config.h"
#include "node/common/identity.h"
#include "node/common/statedir.h"

#include <stdio.h>
#include <string.h>

static int read_files(struct own *own, const struct locations *where, struct fail *fail) {
    struct statedir dir;
    struct identity identity;
    struct config config;

    config_defaults(&config);
    int rc = config_read(&config, where->config, where->config_given, fail);
    if (rc == 0)
        rc = statedir_open(&dir, where->state, fail);
    if (rc != 0)
        return rc;
    rc = identity_load(&identity, dir.fd, where->state, fail);
    if (rc == 0) {
        memcpy(own->key, identity.public_key, LIMIT_KEY);
        snprintf(own->name, sizeof own->name, "%s", config.name);
        identity_clear(&identity);
    }
    statedir_close(&dir);
    return rc;
}

int own_find(struct own *own, const struct options *options) {
    struct locations where;
    struct client *client = NULL;
    struct fail fail;

    int rc = locations_find(&where, &options->where, &fail);
    if (rc == 0)
        rc = client_open(&client, &where, CLIENT_NEVER_START, &fail);
    if (rc == CLIENT_NO_NODE)
        rc = read_files(own, &where, &fail);
    else if (rc == 0) {
        memcpy(own->key, client_welcome(client)->key, LIMIT_KEY);
        snprintf(own->name, sizeof own->name, "%s", client_welcome(client)->name);
        client_close(client);
    }
    return rc == 0 ? CLI_DONE : command_lost(options->json, rc, &fail);
}
