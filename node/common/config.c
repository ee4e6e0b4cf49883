#include "node/common/config.h"

#include "base/escape.h"
#include "node/common/address.h"
#include "proto/features.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_FILE_MAX (256u * 1024u)

void config_defaults(struct config *config) {
    *config = (struct config){
        .discovery = CONFIG_DISCOVERY_ON,
        .accept = CONFIG_ACCEPT_ASK,
        .batch = CONFIG_BATCH_DEFAULT,
    };
    if (gethostname(config->name, sizeof config->name - 1) != 0 || config->name[0] == '\0')
        strcpy(config->name, "fxnode");
}

uint32_t config_features(const struct config *config) {
    return config->compress == CONFIG_COMPRESS_OFF ? FEATURES & ~FEATURE_PACKED : FEATURES;
}

bool config_parse_size(uint64_t *out, const char *text, uint64_t unit) {
    static const char letters[] = "kKmMgG"; /* two for each power */
    uint64_t value = 0;
    uint64_t factor = 1;
    const char *at = text;
    const char *letter = NULL;

    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    if (at == text)
        return false;
    letter = *at != '\0' ? strchr(letters, *at) : NULL;
    if (letter != NULL) {
        for (ptrdiff_t power = (letter - letters) / 2; power >= 0; power--)
            factor *= unit;
        at++;
    }
    return *at == '\0' && !__builtin_mul_overflow(value, factor, out);
}

static int set_name(struct config *config, const char *value, struct fail *fail) {
    size_t length = strlen(value);
    if (length == 0 || length >= sizeof config->name || !escape_is_utf8(value, length))
        return fail_set(fail, 0, "a name has 1 to %zu bytes of UTF-8", sizeof config->name - 1);
    memcpy(config->name, value, length + 1);
    return 0;
}

static int set_files(struct config *config, const char *value, struct fail *fail) {
    size_t length = strlen(value);
    if (value[0] != '/')
        return fail_set(fail, 0, "the directory for received files has to be an absolute path");
    if (length >= sizeof config->files)
        return fail_set(fail, 0, "the path has %zu bytes, at most %zu are possible", length,
                        sizeof config->files - 1);
    memcpy(config->files, value, length + 1);
    return 0;
}

static int set_listen(struct config *config, const char *value, struct fail *fail) {
    char host[ADDRESS_HOST_MAX + 1];
    char shown[ESCAPE_ROOM(80)];
    struct address address;
    uint16_t port;

    if (strlen(value) >= sizeof config->listen[0] || !address_split(value, host, &port) ||
        !address_parse(&address, host, port, ""))
        return fail_set(fail, 0, "\"%s\" is no address to listen on (ADDR or ADDR:PORT, [V6]:PORT)",
                        escape_text(shown, sizeof shown, value));
    if (config->listen_count == CONFIG_LISTEN_MAX)
        return fail_set(fail, 0, "more than %d addresses to listen on", CONFIG_LISTEN_MAX);
    strcpy(config->listen[config->listen_count++], value);
    return 0;
}

/* Index of `value` among `words`, which end with NULL; -1 where it is none. */
static int choose(const char *value, const char *const *words) {
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(value, words[i]) == 0)
            return i;
    return -1;
}

static int set_discovery(struct config *config, const char *value, struct fail *fail) {
    static const char *const words[] = {"on", "quiet", "off", NULL};
    int chosen = choose(value, words);
    if (chosen < 0)
        return fail_set(fail, 0, "discovery is on, quiet or off");
    config->discovery = (enum config_discovery)chosen;
    return 0;
}

static int set_accept(struct config *config, const char *value, struct fail *fail) {
    static const char *const words[] = {"ask", "paired", "all", NULL};
    int chosen = choose(value, words);
    if (chosen < 0)
        return fail_set(fail, 0, "accept is ask, paired or all");
    config->accept = (enum config_accept)chosen;
    return 0;
}

static int set_exists(struct config *config, const char *value, struct fail *fail) {
    static const char *const words[] = {"rename", "skip", "overwrite", "ask", "refuse", NULL};
    int chosen = choose(value, words);
    if (chosen < 0)
        return fail_set(fail, 0, "exists is rename, skip, overwrite, ask or refuse");
    config->exists = (enum config_exists)chosen;
    return 0;
}

static int set_links(struct config *config, const char *value, struct fail *fail) {
    static const char *const words[] = {"inside", "all", NULL};
    int chosen = choose(value, words);
    if (chosen < 0)
        return fail_set(fail, 0, "links is inside or all");
    config->links = (enum config_links)chosen;
    return 0;
}

static int set_record_layer(struct config *config, const char *value, struct fail *fail) {
    static const char *const words[] = {"auto", "libsodium", "libcrypto", NULL};
    int chosen = choose(value, words);
    if (chosen < 0)
        return fail_set(fail, 0, "record-layer is auto, libsodium or libcrypto");
    config->record_layer = (enum config_record_layer)chosen;
    return 0;
}

static int set_compress(struct config *config, const char *value, struct fail *fail) {
    static const char *const words[] = {"auto", "off", NULL};
    int chosen = choose(value, words);
    if (chosen < 0)
        return fail_set(fail, 0, "compress is auto or off");
    config->compress = (enum config_compress)chosen;
    return 0;
}

static int set_send_to(struct config *config, const char *value, struct fail *fail) {
    static const char *const words[] = {"any", "known", "paired", NULL};
    int chosen = choose(value, words);
    if (chosen < 0)
        return fail_set(fail, 0, "send-to is any, known or paired");
    config->send_to = (enum config_send_to)chosen;
    return 0;
}

static int set_lanes(struct config *config, const char *value, struct fail *fail) {
    uint64_t lanes;
    if (!config_parse_size(&lanes, value, 1000) || lanes < 1 || lanes > LIMIT_LANES)
        return fail_set(fail, 0, "lanes is a number from 1 to %u", LIMIT_LANES);
    config->lanes = (uint32_t)lanes;
    return 0;
}

static int set_batch(struct config *config, const char *value, struct fail *fail) {
    uint64_t batch;
    if (!config_parse_size(&batch, value, 1024) || batch < CONFIG_BATCH_MIN || batch > UINT32_MAX)
        return fail_set(fail, 0, "batch is a size from %uK to 4095M", CONFIG_BATCH_MIN >> 10);
    config->batch = batch;
    return 0;
}

int config_set(struct config *config, const char *key, const char *value, struct fail *fail) {
    static const struct {
        const char *key;
        int (*set)(struct config *, const char *, struct fail *);
    } keys[] = {
        {"accept", set_accept},
        {"batch", set_batch},
        {"compress", set_compress},
        {"discovery", set_discovery},
        {"exists", set_exists},
        {"files", set_files},
        {"lanes", set_lanes},
        {"links", set_links},
        {"listen", set_listen},
        {"name", set_name},
        {"record-layer", set_record_layer},
        {"send-to", set_send_to},
    };
    char shown[ESCAPE_ROOM(40)];

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i].key) == 0)
            return keys[i].set(config, value, fail);
    return fail_set(fail, 0, "there is no setting \"%s\"", escape_text(shown, sizeof shown, key));
}

struct reading {
    struct config *config;
    struct fail *fail; /* of the first wrong line */
    bool failed;
};

static int handle(void *context, const char *section, const char *key, const char *value) {
    struct reading *reading = context;
    struct fail fail = {0};
    int rc = section[0] != '\0' ? fail_set(&fail, 0, "there are no [sections]")
                                : config_set(reading->config, key, value, &fail);
    if (rc < 0 && !reading->failed) {
        *reading->fail = fail;
        reading->failed = true;
    }
    return rc == 0;
}

/* The whole file, NUL-terminated, for free(). */
static int load(char **out, const char *path, struct fail *fail) {
    char shown[256];
    FILE *file = fopen(path, "re");
    size_t length = 0;
    char *text = NULL;
    int rc = 0;

    escape_text(shown, sizeof shown, path);
    if (file == NULL)
        return fail_set(fail, -errno, "cannot read the configuration %s", shown);
    text = malloc(CONFIG_FILE_MAX + 1);
    if (text != NULL)
        length = fread(text, 1, CONFIG_FILE_MAX + 1, file);
    if (text == NULL || ferror(file))
        rc = fail_set(fail, text == NULL ? -ENOMEM : -EIO, "cannot read the configuration %s",
                      shown);
    else if (length > CONFIG_FILE_MAX || memchr(text, '\0', length) != NULL)
        rc = fail_set(fail, 0, "the configuration %s is no text of at most 256 KiB", shown);
    fclose(file);
    if (rc < 0 || text == NULL) {
        free(text);
        return rc;
    }
    text[length] = '\0';
    *out = text;
    return 0;
}

int config_read(struct config *config, const char *path, bool required, struct fail *fail) {
    struct fail wrong = {.text = "it is not KEY = VALUE"};
    struct reading reading = {.config = config, .fail = &wrong};
    char shown[256];
    char *text = NULL;
    int rc = load(&text, path, fail);

    if (rc == -ENOENT && !required)
        return 0;
    if (rc < 0)
        return rc;
    /* inih would cut lines at 199 bytes, join indented ones and end values at " ;". */
    ini_use_stack = false;
    ini_allow_realloc = true;
    ini_max_line = CONFIG_FILE_MAX;
    ini_allow_multiline = false;
    ini_allow_inline_comments = false;
    int line = ini_parse_string(text, handle, &reading);
    free(text);
    escape_text(shown, sizeof shown, path);
    if (line < 0)
        return fail_set(fail, -ENOMEM, "cannot read the configuration %s", shown);
    if (line > 0)
        return fail_set(fail, 0, "%s, line %d: %s", shown, line, wrong.text);
    return 0;
}
