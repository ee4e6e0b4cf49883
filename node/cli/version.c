/* fxnode --version */
#include "node/cli/cli.h"
#include "node/common/config.h"
#include "node/common/locations.h"
#include "node/common/record_layer.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

static int read_config(struct config *config, const char *given, struct fail *fail) {
    struct locations where;
    int r = locations_find(&where, &(struct location_options){.config = given}, fail);

    config_defaults(config);
    return r < 0 ? r : config_read(config, where.config, where.config_given, fail);
}

/* As the configuration has it that was given, or the one in its usual place. */
static int show_record_layer(const char *given) {
    struct config config;
    struct record_layer layer;
    struct fail fail;

    if (read_config(&config, given, &fail) < 0) {
        fprintf(stderr, "fxnode: %s\n", fail.text);
        return CLI_FAILED;
    }
    record_layer_choose(&layer, config.record_layer);
    printf("record layer: %s (%s)\n", layer.code->name, layer.why);
    return CLI_DONE;
}

int cli_version(int argc, char **argv) {
    static const struct option known[] = {
        {"verbose", no_argument, NULL, 'v'}, {"config", required_argument, NULL, 'c'}, {0}};
    const char *given = NULL;
    bool verbose = false;
    bool wrong = false;
    int letter = 0;

    opterr = 0;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        verbose = verbose || letter == 'v';
        given = letter == 'c' ? optarg : given;
        wrong = wrong || letter == '?';
    }
    if (wrong || optind < argc || (given != NULL && !verbose)) {
        fprintf(stderr, "fxnode: after --version comes nothing, or --verbose [--config FILE]\n");
        return CLI_USAGE;
    }
    printf("fxnode %s\n", FXNODE_VERSION);
    return verbose ? show_record_layer(given) : CLI_DONE;
}
