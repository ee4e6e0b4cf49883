/*
 * Where things are: state directory, control socket, configuration file, received files. Made of
 * options, environment and defaults; nothing is touched on the disk here.
 */
#ifndef NODE_COMMON_LOCATIONS_H
#define NODE_COMMON_LOCATIONS_H

#include "base/fail.h"

#include <limits.h>
#include <stdbool.h>

/* What --state, --socket and --config said, or NULL each. Borrowed. */
struct location_options {
    const char *state;
    const char *socket;
    const char *config;
};

/* Absolute paths, NUL-terminated. */
struct locations {
    char state[PATH_MAX];
    char socket[108]; /* as long as sun_path */
    char config[PATH_MAX];
    bool socket_given; /* by option or environment; else what the lock file names comes first */
    bool config_given; /* by option: then it has to exist */
};

/*
 * Fills `out`. state: --state, FXNODE_STATE, $XDG_STATE_HOME/fxnode, ~/.local/state/fxnode. socket:
 * --socket, FXNODE_SOCKET, $XDG_RUNTIME_DIR/fxnode/control, STATE/control. config: --config,
 * $XDG_CONFIG_HOME/fxnode/fxnode.conf, ~/.config/fxnode/fxnode.conf. Where --state or FXNODE_STATE
 * was given and no socket, the socket is STATE/control, so that two states never share one.
 * Relative paths are taken from the working directory. 0, or -errno with `fail` filled (no home,
 * too long).
 */
int locations_find(struct locations *out, const struct location_options *options,
                   struct fail *fail);

/* The default directory for received files: XDG_DOWNLOAD_DIR of user-dirs.dirs, else ~/Downloads,
 * and "fxnode" in it. Reads that one file. 0, or -errno with `fail` filled. */
int locations_default_files(char out[PATH_MAX], struct fail *fail);

/* `path` made absolute with the working directory, without touching its links. 0, or -errno
 * with `fail` filled where the working directory is gone or the result too long. */
int locations_absolute(char out[PATH_MAX], const char *path, struct fail *fail);

#endif
