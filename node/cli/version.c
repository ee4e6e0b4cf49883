/* fxnode --version */
#include "node/cli/cli.h"
#include "node/common/config.h"
#include "node/common/locations.h"
#include "node/common/record_layer.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* As the configuration in its usual place has it: a daemon may have been given another. */
static int read_config(struct config *config, struct fail *fail) {
    const struct location_options none = {0};
    struct locations where;
    int r = locations_find(&where, &none, fail);

    config_defaults(config);
    return r < 0 ? r : config_read(config, where.config, false, fail);
}

static int show_record_layer(void) {
    struct config config;
    struct record_layer layer;
    struct fail fail;

    if (read_config(&config, &fail) < 0) {
        fprintf(stderr, "fxnode: %s\n", fail.text);
        return CLI_FAILED;
    }
    record_layer_choose(&layer, config.record_layer);
    printf("record layer: %s (%s)\n", layer.code->name, layer.why);
    return CLI_DONE;
}

int cli_version(int argc, char **argv) {
    bool verbose = argc == 2 && strcmp(argv[1], "--verbose") == 0;

    if (argc > 1 && !verbose) {
        fprintf(stderr, "fxnode: after --version comes nothing, or --verbose\n");
        return CLI_USAGE;
    }
    printf("fxnode %s\n", FXNODE_VERSION);
    return verbose ? show_record_layer() : CLI_DONE;
}
