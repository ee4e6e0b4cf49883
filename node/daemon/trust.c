#include "node/daemon/trust.h"

#include "base/escape.h"
#include "base/id.h"

#include <stdio.h>
#include <string.h>

#define NAME_ROOM ESCAPE_ROOM(LIMIT_NAME)

enum trust_level trust_of(const struct peers *peers, const uint8_t *key) {
    if (peers_paired(peers, key) != NULL)
        return TRUST_PAIRED;
    return peers_is_known(peers, key) ? TRUST_SEEN : TRUST_STRANGER;
}

bool trust_may_send(enum config_send_to send_to, enum trust_level level) {
    switch (send_to) {
    case CONFIG_SEND_TO_ANY:
        return true;
    case CONFIG_SEND_TO_KNOWN:
        return level != TRUST_STRANGER;
    default:
        return level == TRUST_PAIRED;
    }
}

/* How to name the peer in a command that people copy. A name is foreign and may say anything to a
 * shell: one that needs more than plain quotes gives way to the beginning of the id. */
static void name_for_command(char out[NAME_ROOM], const char *name, const uint8_t *key) {
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "._:%@+-";
    char shown[NAME_ROOM];
    size_t length = strlen(name);
    escape_text(shown, sizeof shown, name);
    bool same = strcmp(shown, name) == 0 && length > 0 && name[0] != '-';
    if (same && strspn(name, PLAIN) == length)
        snprintf(out, NAME_ROOM, "%s", name);
    else if (same && strchr(name, '\'') == NULL && strchr(name, '`') == NULL)
        snprintf(out, NAME_ROOM, "'%s'", name);
    else
        id_format_short(out, key);
}

char *trust_warning(char out[TRUST_TEXT], enum trust_level level, const char *name,
                    const uint8_t *key) {
    char shown[NAME_ROOM];
    char id[ID_GROUPED_ROOM];
    id_format_grouped(id, key);
    snprintf(out, TRUST_TEXT, "%s (%s) is not paired: %s", escape_text(shown, sizeof shown, name),
             id,
             level == TRUST_SEEN ? "it is only known from before"
                                 : "whoever answers to that name gets the files");
    return out;
}

char *trust_refusal(char out[TRUST_TEXT], enum config_send_to send_to, const char *name,
                    const uint8_t *key) {
    char shown[NAME_ROOM];
    char command[NAME_ROOM];
    char id[ID_GROUPED_ROOM];
    bool paired = send_to == CONFIG_SEND_TO_PAIRED;
    name_for_command(command, name, key);
    id_format_grouped(id, key);
    snprintf(out, TRUST_TEXT,
             "%s (%s) is not %s, and the configuration has send-to = %s: `fxnode pair %s` first",
             escape_text(shown, sizeof shown, name), id, paired ? "paired" : "known",
             paired ? "paired" : "known", command);
    return out;
}

static void say_way_out(char *out, size_t room, const struct trust_change *change) {
    char unpair[NAME_ROOM];
    char pair[NAME_ROOM];
    char where[ADDRESS_ROOM];
    char before[ID_SHORT_ROOM];
    /* With the alias the name may be gone: what has answered is called where it did. */
    if (change->where != NULL)
        address_format(where, change->where);
    name_for_command(unpair, change->name, change->before);
    name_for_command(pair, change->where != NULL ? where : change->name, change->now);
    id_format_short(before, change->before);
    if (change->level == TRUST_STRANGER)
        snprintf(out, room, "Nothing is sent");
    else if (change->level == TRUST_SEEN)
        snprintf(out, room,
                 "`fxnode unpair %s` forgets the remembered key; or name the new one by its id",
                 unpair);
    else if (change->where == NULL)
        snprintf(out, room,
                 "Once you know why it changed, `fxnode unpair %s`, then `fxnode pair %s`; or "
                 "name the paired one by its id (%s) to wait for it",
                 unpair, pair, before);
    else
        snprintf(out, room,
                 "Once you know why it changed, `fxnode unpair %s`, then `fxnode pair %s`", unpair,
                 pair);
}

char *trust_changed(char out[TRUST_TEXT], const struct trust_change *change) {
    static const char *const KINDS[] = {
        [TRUST_STRANGER] = "expected", [TRUST_SEEN] = "remembered", [TRUST_PAIRED] = "paired"};
    char shown[NAME_ROOM];
    char before[ID_GROUPED_ROOM];
    char now[ID_GROUPED_ROOM];
    char way_out[TRUST_TEXT / 2];
    id_format_grouped(before, change->before);
    id_format_grouped(now, change->now);
    escape_text(shown, sizeof shown, change->name);
    say_way_out(way_out, sizeof way_out, change);
    snprintf(out, TRUST_TEXT,
             "whoever %s %s now has another key (%s) than the %s one (%s): it is another machine, "
             "was set up anew, or somebody pretends to be it. %s",
             change->where == NULL ? "is announced as" : "answers for", shown, now,
             KINDS[change->level], before, way_out);
    return out;
}

char *trust_awaited(char out[TRUST_TEXT], const struct trust_change *change) {
    char shown[NAME_ROOM];
    char command[NAME_ROOM];
    char where[ADDRESS_ROOM] = "under its name";
    char before[ID_SHORT_ROOM];
    char now[ID_SHORT_ROOM];
    if (change->where != NULL)
        address_format(where, change->where);
    name_for_command(command, change->name, change->before);
    escape_text(shown, sizeof shown, change->name);
    id_format_short(before, change->before);
    id_format_short(now, change->now);
    snprintf(out, TRUST_TEXT,
             "%s %s there is another key (%s) than that of %s (%s): another machine, one that was "
             "set up anew, or somebody who pretends to be it. It waits for the right one; once you "
             "know why it changed, cancel it, `fxnode unpair %s`, and send to the new one",
             change->where != NULL ? "at" : "announced", where, now, shown, before, command);
    return out;
}
