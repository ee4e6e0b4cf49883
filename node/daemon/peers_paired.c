/* Peers that are paired: how they become so, their aliases and settings. */
#include "node/daemon/peers.h"

#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "node/daemon/database.h"
#include "node/daemon/peers_mirror.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pairing: recorded first, mirrored when that is durable. */

struct pairing {
    struct pairing *next;
    struct peers *peers;
    struct peers_imported *list;
    bool *abandoned; /* of each in the list: it was forgotten meanwhile */
    size_t count;
    size_t reserved;
    /* Of the only one, where they are known. */
    char name[LIMIT_NAME + 1]; /* what it calls itself, else "" */
    bool has_address;
    struct store_peer_address address;
    int64_t now;
    int error;
    struct fail fail;
    /* One of them. */
    void (*paired)(void *context, int error);
    void (*imported)(void *context, int error, const struct fail *fail);
    void *context;
};

static void pairing_free(struct pairing *pairing) {
    if (pairing == NULL)
        return;
    free(pairing->list);
    free(pairing->abandoned);
    free(pairing);
}

static struct pairing *pairing_new(struct peers *peers, const struct peers_imported *list,
                                   size_t count) {
    struct pairing *pairing = calloc(1, sizeof *pairing);
    if (pairing == NULL)
        return NULL;
    pairing->peers = peers;
    pairing->count = count;
    pairing->now = io_wall_s();
    pairing->list = calloc(count + 1, sizeof *pairing->list);
    pairing->abandoned = calloc(count + 1, sizeof *pairing->abandoned);
    if (pairing->list == NULL || pairing->abandoned == NULL) {
        pairing_free(pairing);
        return NULL;
    }
    if (count > 0)
        memcpy(pairing->list, list, count * sizeof *list);
    return pairing;
}

/* Tells how it ended, and is gone. */
static void finish(struct pairing *pairing) {
    if (pairing->paired != NULL)
        pairing->paired(pairing->context, pairing->error);
    else
        pairing->imported(pairing->context, pairing->error, &pairing->fail);
    pairing_free(pairing);
}

static void leave(struct pairing *pairing) {
    struct pairing **at = &pairing->peers->pairings;
    while (*at != pairing)
        at = &(*at)->next;
    *at = pairing->next;
}

void peers_mirror_abandon(struct peers *peers, const uint8_t *key) {
    for (struct pairing *at = peers->pairings; at != NULL; at = at->next)
        for (size_t i = 0; i < at->count; i++)
            if (id_equal(at->list[i].key, key))
                at->abandoned[i] = true;
}

static int record_one(struct store *store, struct pairing *pairing, size_t i) {
    const struct peers_imported *one = &pairing->list[i];
    int result =
        store_peer_pair(store, one->key, one->alias, pairing->name, pairing->now, &pairing->fail);
    if (result == STORE_EXISTS)
        return fail_set(&pairing->fail, -EEXIST, "another peer has that alias: %s", one->alias);
    return result;
}

/* On the database's thread; the loop leaves what is used here alone meanwhile. */
static void run_pair(struct store *store, void *arg) {
    struct pairing *pairing = arg;
    int error = store_begin(store, &pairing->fail);
    if (error == 0) {
        for (size_t i = 0; error == 0 && i < pairing->count; i++)
            error = record_one(store, pairing, i);
        if (error == 0 && pairing->has_address)
            error = store_peer_note_address(store, pairing->list[0].key, &pairing->address,
                                            &pairing->fail);
        error = store_end(store, error, &pairing->fail);
    }
    pairing->error = error;
    if (error != 0)
        log_error("cannot record a paired peer: %s", pairing->fail.text);
}

static void mirror_one(struct pairing *pairing, size_t i) {
    const struct peers_imported *one = &pairing->list[i];
    struct store_peer *peer = peers_mirror_find(pairing->peers, one->key);
    if (peer == NULL && pairing->reserved > 0) {
        peer = peers_mirror_add(pairing->peers, one->key, pairing->now);
        pairing->reserved--;
    }
    if (peer == NULL)
        return;
    if (peer->paired == 0) {
        peer->paired = pairing->now > 0 ? pairing->now : 1;
        peer->settings = (struct store_peer_settings){.accept = STORE_PEER_TAKE};
    }
    peer->last_used = pairing->now;
    memcpy(peer->alias, one->alias, sizeof peer->alias);
    peers_mirror_name(peer->name, pairing->name);
    if (pairing->has_address)
        peers_mirror_address(peer, &pairing->address);
}

static void recorded(void *arg) {
    struct pairing *pairing = arg;
    leave(pairing);
    for (size_t i = 0; pairing->error == 0 && i < pairing->count; i++)
        if (!pairing->abandoned[i])
            mirror_one(pairing, i);
    peers_mirror_release(pairing->peers, pairing->reserved);
    finish(pairing);
}

/* Keeps places in the mirror for those that are not remembered yet. */
static bool reserve(struct pairing *pairing) {
    size_t fresh = 0;
    for (size_t i = 0; i < pairing->count; i++)
        fresh += !peers_is_known(pairing->peers, pairing->list[i].key);
    if (!peers_mirror_reserve(pairing->peers, fresh))
        return false;
    pairing->reserved = fresh;
    return true;
}

static void begin(struct pairing *pairing) {
    struct peers *peers = pairing->peers;
    if (!reserve(pairing)) {
        fail_set(&pairing->fail, 0, "too many peers are remembered (fxnode unpair makes room)");
        pairing->error = pairing->fail.code = -ENOSPC;
        finish(pairing);
        return;
    }
    pairing->next = peers->pairings;
    peers->pairings = pairing;
    if (database_submit(peers->node->database, run_pair, recorded, pairing) == 0)
        return;
    leave(pairing);
    peers_mirror_release(peers, pairing->reserved);
    pairing->error = fail_set(&pairing->fail, -ENOMEM, "cannot record a paired peer");
    finish(pairing);
}

/* Aliases. */

static bool is_of(const struct peers_imported *one, const char *alias) {
    return strcmp(one->alias, alias) == 0;
}

/* Whether another peer than `key` has the alias, or is about to have it. */
static bool is_taken(const struct peers *peers, const char *alias, const uint8_t *key) {
    for (size_t i = 0; i < peers->count; i++)
        if (strcmp(peers->known[i].alias, alias) == 0 && !id_equal(peers->known[i].key, key))
            return true;
    for (const struct pairing *at = peers->pairings; at != NULL; at = at->next)
        for (size_t i = 0; i < at->count; i++)
            if (!at->abandoned[i] && is_of(&at->list[i], alias) && !id_equal(at->list[i].key, key))
                return true;
    return false;
}

/* The alias that a peer has or is about to have; NULL where there is none. */
static const char *present_alias(const struct peers *peers, const uint8_t *key) {
    for (const struct pairing *at = peers->pairings; at != NULL; at = at->next)
        for (size_t i = 0; i < at->count; i++)
            if (!at->abandoned[i] && id_equal(at->list[i].key, key))
                return at->list[i].alias;
    const struct store_peer *peer = peers_mirror_find(peers, key);
    return peer == NULL || peer->paired == 0 ? NULL : peer->alias;
}

static void choose_alias(const struct peers *peers, const uint8_t *key, const char *name,
                         char out[ALIAS_ROOM]) {
    char made[ALIAS_ROOM];
    const char *present = present_alias(peers, key);
    alias_make(made, name, key);
    snprintf(out, ALIAS_ROOM, "%s", present != NULL ? present : made);
    for (unsigned number = 2; present == NULL && is_taken(peers, out, key); number++)
        alias_number(out, made, number);
}

void peers_pair(struct peers *peers, const struct peers_met *met,
                void (*done)(void *context, int error), void *context) {
    struct peers_imported one = {0};
    memcpy(one.key, met->key, LIMIT_KEY);
    choose_alias(peers, met->key, met->name, one.alias);
    struct pairing *pairing = pairing_new(peers, &one, 1);
    if (pairing == NULL) {
        done(context, -ENOMEM);
        return;
    }
    peers_mirror_name(pairing->name, met->name);
    pairing->has_address = peers_mirror_met(&pairing->address, met, pairing->now);
    pairing->paired = done;
    pairing->context = context;
    begin(pairing);
}

/* Import. */

/* `what` goes before the alias. */
static int refuse_import(struct fail *fail, int code, const char *what, const char *alias) {
    fail_set(fail, 0, "%s: %s", what, alias);
    return fail->code = code;
}

/* 0, or -errno with `fail` filled. Quadratic in a list that people exchange by hand. */
static int check_import(const struct peers *peers, const struct peers_imported *list, size_t count,
                        struct fail *fail) {
    for (size_t i = 0; i < count; i++) {
        const struct peers_imported *one = &list[i];
        if (id_equal(one->key, peers->node->identity.public_key))
            return refuse_import(fail, -EINVAL, "this node itself is among them", one->alias);
        if (is_taken(peers, one->alias, one->key))
            return refuse_import(
                fail, -EEXIST,
                "another peer is called so here: rename it (fxnode rename), or change the line",
                one->alias);
        for (size_t k = 0; k < i; k++) {
            if (id_equal(list[k].key, one->key))
                return refuse_import(fail, -EINVAL, "a key is there twice", one->alias);
            if (is_of(&list[k], one->alias))
                return refuse_import(fail, -EEXIST, "two peers have one alias", one->alias);
        }
    }
    return 0;
}

void peers_import(struct peers *peers, const struct peers_imported *list, size_t count,
                  void (*done)(void *context, int error, const struct fail *fail), void *context) {
    struct fail fail = {0};
    int error = check_import(peers, list, count, &fail);
    struct pairing *pairing = error == 0 ? pairing_new(peers, list, count) : NULL;
    if (pairing == NULL) {
        if (error == 0)
            error = fail_set(&fail, -ENOMEM, "cannot import");
        done(context, error, &fail);
        return;
    }
    pairing->imported = done;
    pairing->context = context;
    begin(pairing);
}

/* Changes of one that is paired: mirrored at once, and taken back where they cannot be recorded. */

struct change {
    struct peers *peers;
    uint8_t key[LIMIT_KEY];
    bool renames; /* else it sets */
    char alias[ALIAS_ROOM], alias_before[ALIAS_ROOM];
    struct store_peer_settings settings, settings_before;
    int error;
    void (*done)(void *context, int error);
    void *context;
};

static void run_change(struct store *store, void *arg) {
    struct change *change = arg;
    struct fail fail;
    int result = change->renames
                     ? store_peer_set_alias(store, change->key, change->alias, &fail)
                     : store_peer_set_settings(store, change->key, &change->settings, &fail);
    if (result < 0)
        log_error("cannot change a paired peer: %s", fail.text);
    change->error = result > 0 ? -ENOENT : result;
}

static bool is_same(const struct store_peer_settings *a, const struct store_peer_settings *b) {
    return a->accept == b->accept && a->limit == b->limit && a->day_limit == b->day_limit &&
           a->exists == b->exists && strcmp(a->directory, b->directory) == 0;
}

/* Unless another change has followed. */
static void take_back(const struct change *change) {
    struct store_peer *peer = peers_mirror_find(change->peers, change->key);
    if (peer == NULL || peer->paired == 0)
        return;
    if (!change->renames && is_same(&peer->settings, &change->settings))
        peer->settings = change->settings_before;
    else if (change->renames && strcmp(peer->alias, change->alias) == 0 &&
             !is_taken(change->peers, change->alias_before, change->key))
        memcpy(peer->alias, change->alias_before, sizeof peer->alias);
}

static void changed(void *arg) {
    struct change *change = arg;
    if (change->error != 0)
        take_back(change);
    change->done(change->context, change->error);
    free(change);
}

/* Fills in what is there before; NULL where memory is short. */
static struct change *change_new(struct peers *peers, const struct store_peer *peer,
                                 void (*done)(void *context, int error), void *context) {
    struct change *change = calloc(1, sizeof *change);
    if (change == NULL)
        return NULL;
    *change = (struct change){.peers = peers, .done = done, .context = context};
    memcpy(change->key, peer->key, LIMIT_KEY);
    memcpy(change->alias_before, peer->alias, sizeof change->alias_before);
    change->settings = change->settings_before = peer->settings;
    return change;
}

static void submit(struct change *change) {
    if (database_submit(change->peers->node->database, run_change, changed, change) == 0)
        return;
    change->error = -ENOMEM;
    changed(change);
}

bool peers_set_alias(struct peers *peers, const uint8_t *key, const char *alias,
                     void (*done)(void *context, int error), void *context) {
    struct store_peer *peer = peers_mirror_find(peers, key);
    if (peer == NULL || peer->paired == 0 || is_taken(peers, alias, key))
        return false;
    struct change *change = change_new(peers, peer, done, context);
    if (change == NULL) {
        done(context, -ENOMEM);
        return true;
    }
    change->renames = true;
    snprintf(change->alias, sizeof change->alias, "%s", alias);
    memcpy(peer->alias, change->alias, sizeof peer->alias);
    submit(change);
    return true;
}

bool peers_set(struct peers *peers, const uint8_t *key, const struct store_peer_settings *settings,
               void (*done)(void *context, int error), void *context) {
    struct store_peer *peer = peers_mirror_find(peers, key);
    if (peer == NULL || peer->paired == 0)
        return false;
    struct change *change = change_new(peers, peer, done, context);
    if (change == NULL) {
        done(context, -ENOMEM);
        return true;
    }
    change->settings = *settings;
    peer->settings = change->settings;
    submit(change);
    return true;
}
