/*
 * The configuration file (fxnode.conf(5)): `key = value` lines without sections, read by inih, and
 * the defaults. Command-line options are applied on top by the daemon with the same functions, so
 * that both take the same values.
 */
#ifndef NODE_COMMON_CONFIG_H
#define NODE_COMMON_CONFIG_H

#include "base/fail.h"
#include "base/limits.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_LISTEN_MAX 8
#define CONFIG_BATCH_DEFAULT (64u << 20)
#define CONFIG_BATCH_MIN (256u << 10)
#define CONFIG_BATCH_MS 1000u

enum config_discovery { CONFIG_DISCOVERY_ON, CONFIG_DISCOVERY_QUIET, CONFIG_DISCOVERY_OFF };
enum config_accept { CONFIG_ACCEPT_ASK, CONFIG_ACCEPT_PAIRED, CONFIG_ACCEPT_ALL };
enum config_send_to { CONFIG_SEND_TO_ANY, CONFIG_SEND_TO_KNOWN, CONFIG_SEND_TO_PAIRED };
enum config_exists {
    CONFIG_EXISTS_RENAME,
    CONFIG_EXISTS_SKIP,
    CONFIG_EXISTS_OVERWRITE,
    CONFIG_EXISTS_ASK,
    CONFIG_EXISTS_REFUSE,
};

enum config_links { CONFIG_LINKS_INSIDE, CONFIG_LINKS_ALL };
enum config_record_layer {
    CONFIG_RECORD_LAYER_AUTO,
    CONFIG_RECORD_LAYER_LIBSODIUM,
    CONFIG_RECORD_LAYER_LIBCRYPTO,
};

enum config_compress { CONFIG_COMPRESS_AUTO, CONFIG_COMPRESS_OFF };

struct config {
    char name[LIMIT_NAME];              /* device name: 1 to 63 bytes of UTF-8 */
    char files[PATH_MAX];               /* directory for received files; empty: the default */
    char listen[CONFIG_LISTEN_MAX][64]; /* ADDR or ADDR:PORT, checked */
    size_t listen_count;                /* 0: all addresses, default port */
    enum config_discovery discovery;
    enum config_accept accept;   /* what is done with offers of peers that are not paired */
    enum config_exists exists;   /* what becomes of names that exist already */
    enum config_links links;     /* which symbolic links are kept of what is received */
    enum config_send_to send_to; /* to whom files may be sent */
    uint32_t lanes;              /* 1 to LIMIT_LANES; 0: not set */
    uint64_t batch;              /* bytes received and not yet durable */
    enum config_record_layer record_layer; /* what encrypts */
    enum config_compress compress;         /* whether content may be sent compressed */
};

/* Defaults: name from the host name, discovery on, accept ask, exists rename, links inside,
 * send-to any, lanes not set, batch 64 MiB, record-layer auto, compress auto. */
void config_defaults(struct config *config);

/* What this node can do by its configuration, as bits of proto/features.h. */
uint32_t config_features(const struct config *config);

/* Sets one key from text, as in the file. 0, or -EINVAL with `fail` filled: unknown key or a value
 * that it does not take. */
int config_set(struct config *config, const char *key, const char *value, struct fail *fail);

/* Reads the file at `path` into `config`. `required`: a missing file is an error too. 0, or -errno
 * with `fail` filled: file, line, what is wrong. */
int config_read(struct config *config, const char *path, bool required, struct fail *fail);

/* A size or rate: digits and an optional k, M, G (`unit` 1000, or 1024 for the batch). False where
 * it is none or overflows. */
bool config_parse_size(uint64_t *out, const char *text, uint64_t unit);

#endif
