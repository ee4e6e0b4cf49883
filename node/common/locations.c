#include "node/common/locations.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int format_path(char *out, size_t room, struct fail *fail, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int format_path(char *out, size_t room, struct fail *fail, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(out, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room)
        return fail_set(fail, -ENAMETOOLONG, "cannot use a path of %d bytes where %zu fit", length,
                        room - 1);
    return 0;
}

/* An environment variable that is set and not empty, or NULL. */
static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *home(void) {
    const char *value = variable("HOME");
    if (value != NULL)
        return value;
    const struct passwd *user = getpwuid(getuid());
    return user != NULL ? user->pw_dir : NULL;
}

int locations_absolute(char out[PATH_MAX], const char *path, struct fail *fail) {
    char here[PATH_MAX];
    if (path[0] == '/')
        return format_path(out, PATH_MAX, fail, "%s", path);
    if (getcwd(here, sizeof here) == NULL)
        return fail_set(fail, -errno, "cannot tell the working directory");
    return format_path(out, PATH_MAX, fail, "%s/%s", strcmp(here, "/") == 0 ? "" : here, path);
}

/* $VARIABLE/fxnode/TAIL, or ~/FALLBACK/fxnode/TAIL; the XDG specification ignores relative ones. */
static int xdg_path(char out[PATH_MAX], const char *name, const char *fallback, const char *tail,
                    struct fail *fail) {
    const char *base = variable(name);
    if (base != NULL && base[0] == '/')
        return format_path(out, PATH_MAX, fail, "%s/fxnode%s", base, tail);
    if (home() == NULL)
        return fail_set(fail, 0, "no home directory is known: set HOME or %s", name);
    return format_path(out, PATH_MAX, fail, "%s/%s/fxnode%s", home(), fallback, tail);
}

static int find_socket(struct locations *out, const char *given, bool own_state,
                       struct fail *fail) {
    char absolute[PATH_MAX];
    const char *runtime = variable("XDG_RUNTIME_DIR");
    int rc;

    out->socket_given = given != NULL;
    if (given != NULL)
        rc = locations_absolute(absolute, given, fail);
    else if (runtime != NULL && runtime[0] == '/' && !own_state)
        rc = format_path(absolute, sizeof absolute, fail, "%s/fxnode/control", runtime);
    else
        rc = format_path(absolute, sizeof absolute, fail, "%s/control", out->state);
    if (rc == 0 && format_path(out->socket, sizeof out->socket, fail, "%s", absolute) < 0)
        rc = fail_set(fail, 0,
                      "the control socket's path has %zu bytes, a socket takes 107: choose a "
                      "shorter one with --socket",
                      strlen(absolute));
    return rc;
}

int locations_find(struct locations *out, const struct location_options *options,
                   struct fail *fail) {
    const char *state = options->state != NULL ? options->state : variable("FXNODE_STATE");
    const char *given = options->socket != NULL ? options->socket : variable("FXNODE_SOCKET");
    int rc;

    *out = (struct locations){.config_given = options->config != NULL};
    rc = state != NULL ? locations_absolute(out->state, state, fail)
                       : xdg_path(out->state, "XDG_STATE_HOME", ".local/state", "", fail);
    if (rc < 0)
        return rc;
    rc = options->config != NULL
             ? locations_absolute(out->config, options->config, fail)
             : xdg_path(out->config, "XDG_CONFIG_HOME", ".config", "/fxnode.conf", fail);
    if (rc < 0)
        return rc;
    return find_socket(out, given, state != NULL, fail);
}

/* The value of XDG_DOWNLOAD_DIR="$HOME/..." or ="/..." in user-dirs.dirs; false where it has none.
 */
static bool read_download_dir(char out[PATH_MAX], FILE *file) {
    char line[PATH_MAX + 64];
    static const char key[] = "XDG_DOWNLOAD_DIR=\"";
    bool found = false;

    while (fgets(line, sizeof line, file) != NULL) {
        char *end = strrchr(line, '"');
        const char *value = line + sizeof key - 1;
        if (strncmp(line, key, sizeof key - 1) != 0 || end <= value)
            continue;
        *end = '\0';
        int length = -1;
        if (strncmp(value, "$HOME/", 6) == 0)
            length = snprintf(out, PATH_MAX, "%s/%s", home(), value + 6);
        else if (value[0] == '/')
            length = snprintf(out, PATH_MAX, "%s", value);
        found = length > 0 && length < PATH_MAX;
    }
    return found;
}

int locations_default_files(char out[PATH_MAX], struct fail *fail) {
    const char *base = variable("XDG_CONFIG_HOME");
    char path[PATH_MAX];
    char download[PATH_MAX];
    bool found = false;
    int rc;

    if (home() == NULL)
        return fail_set(fail, 0, "no home directory is known: set HOME or use --files");
    rc = base != NULL ? format_path(path, sizeof path, fail, "%s/user-dirs.dirs", base)
                      : format_path(path, sizeof path, fail, "%s/.config/user-dirs.dirs", home());
    if (rc < 0)
        return rc;
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        found = read_download_dir(download, file);
        fclose(file);
    }
    if (found)
        return format_path(out, PATH_MAX, fail, "%s/fxnode", download);
    return format_path(out, PATH_MAX, fail, "%s/Downloads/fxnode", home());
}
