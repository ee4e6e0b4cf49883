#include "node/daemon/daemon_options.h"

#include "base/escape.h"
#include "base/log.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: fxnode daemon [--name NAME] [--files DIR] [--listen ADDR[:PORT]]... [--no-discovery]\n"
    "                     [--accept ask|paired|all] [--state DIR] [--socket PATH]\n"
    "                     [--config FILE]\n\n"
    "Runs a node: receives what peers send, sends what is queued, and is found by others.\n\n"
    "      --name NAME           what this node is called (default: the host's name)\n"
    "      --files DIR           directory for received files\n"
    "      --listen ADDR[:PORT]  listen on this address only; may be given several times\n"
    "      --no-discovery        neither announce this node nor look for others\n"
    "      --accept HOW          offers of peers that are not paired: ask (default), paired\n"
    "                            (refuse them) or all (take them)\n"
    "      --state DIR           identity, database and lock\n"
    "      --socket PATH         control socket\n"
    "      --config FILE         configuration\n";

enum {
    OPTION_NAME = 256,
    OPTION_FILES,
    OPTION_LISTEN,
    OPTION_NO_DISCOVERY,
    OPTION_ACCEPT,
    OPTION_TRANSIENT,
    OPTION_STATE,
    OPTION_SOCKET,
    OPTION_CONFIG,
    OPTION_HELP
};

static const struct option options[] = {
    {"name", required_argument, NULL, OPTION_NAME},
    {"files", required_argument, NULL, OPTION_FILES},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"no-discovery", no_argument, NULL, OPTION_NO_DISCOVERY},
    {"accept", required_argument, NULL, OPTION_ACCEPT},
    {"transient", no_argument, NULL, OPTION_TRANSIENT},
    {"state", required_argument, NULL, OPTION_STATE},
    {"socket", required_argument, NULL, OPTION_SOCKET},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

/* What goes on top of the configuration: kept until that has been read. */
struct given {
    struct location_options where;
    const char *name;
    const char *files;
    const char *accept;
    const char *listen[CONFIG_LISTEN_MAX + 1];
    size_t listen_count;
    bool no_discovery;
    bool transient;
    bool help;
};

static void take(struct given *given, int option, const char *value) {
    switch (option) {
    case OPTION_NAME:
        given->name = value;
        break;
    case OPTION_FILES:
        given->files = value;
        break;
    case OPTION_LISTEN:
        if (given->listen_count <= CONFIG_LISTEN_MAX)
            given->listen[given->listen_count++] = value;
        break;
    case OPTION_NO_DISCOVERY:
        given->no_discovery = true;
        break;
    case OPTION_ACCEPT:
        given->accept = value;
        break;
    case OPTION_TRANSIENT:
        given->transient = true;
        break;
    case OPTION_STATE:
        given->where.state = value;
        break;
    case OPTION_SOCKET:
        given->where.socket = value;
        break;
    case OPTION_CONFIG:
        given->where.config = value;
        break;
    default:
        given->help = true;
        break;
    }
}

static bool parse(struct given *given, int argc, char **argv) {
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
        if (option == '?' || option == ':') {
            char shown[ESCAPE_ROOM(80)];
            escape_text(shown, sizeof shown, argv[optind - 1]);
            log_error(option == ':' ? "daemon: %s needs a value (fxnode daemon --help)"
                                    : "daemon: there is no option %s here (fxnode daemon --help)",
                      shown);
            return false;
        }
        take(given, option, optarg);
    }
    if (optind < argc)
        log_error("daemon: it takes no operands (fxnode daemon --help)");
    return optind >= argc;
}

static int set_if(struct config *config, const char *key, const char *value, struct fail *fail) {
    return value == NULL ? 0 : config_set(config, key, value, fail);
}

static int set_files(struct config *config, const char *files, struct fail *fail) {
    char absolute[PATH_MAX];
    if (files == NULL)
        return 0;
    int error = locations_absolute(absolute, files, fail);
    return error != 0 ? error : config_set(config, "files", absolute, fail);
}

static int apply(struct config *config, const struct given *given, struct fail *fail) {
    int error = set_if(config, "name", given->name, fail);
    if (error == 0)
        error = set_files(config, given->files, fail);
    if (error == 0)
        error = set_if(config, "accept", given->accept, fail);
    if (error == 0)
        error = set_if(config, "discovery", given->no_discovery ? "off" : NULL, fail);
    if (given->listen_count > 0)
        config->listen_count = 0;
    for (size_t i = 0; error == 0 && i < given->listen_count; i++)
        error = config_set(config, "listen", given->listen[i], fail);
    return error;
}

static int configure(struct node *node, const struct given *given, struct fail *fail) {
    int error = locations_find(&node->locations, &given->where, fail);
    config_defaults(&node->config);
    if (error == 0)
        error =
            config_read(&node->config, node->locations.config, node->locations.config_given, fail);
    return error;
}

static int choose_files(struct node *node, struct fail *fail) {
    if (node->config.files[0] == '\0')
        return locations_default_files(node->files, fail);
    memcpy(node->files, node->config.files, sizeof node->files);
    return 0;
}

bool daemon_options_parse(struct node *node, int argc, char **argv, int *status) {
    struct given given = {0};
    struct fail fail;

    *status = 2;
    if (!parse(&given, argc, argv))
        return false;
    if (given.help) {
        fputs(usage, stdout);
        *status = 0;
        return false;
    }
    node->transient = given.transient;
    if (configure(node, &given, &fail) != 0) {
        log_error("%s", fail.text);
        *status = 1;
        return false;
    }
    if (apply(&node->config, &given, &fail) != 0) {
        log_error("daemon: %s", fail.text);
        return false;
    }
    if (choose_files(node, &fail) != 0) {
        log_error("%s", fail.text);
        *status = 1;
        return false;
    }
    return true;
}
