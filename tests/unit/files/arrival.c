#include "arrival.h"

#include "files/finish.h"
#include "files/hash.h"
#include "room.h"

#include <stdio.h>
#include <string.h>

struct destination *arrival_destination;
struct staging *arrival;
struct stage_writer *arrival_writer;

void arrival_open(bool old) {
    int result = destination_open(&arrival_destination, room_path("in"), "", &room_fail);
    ck_assert_msg(result == 0, "%s", room_fail.text);
    if (old)
        destination_without_new_calls(arrival_destination);
    result = staging_open(&arrival, arrival_destination, 7, true, &room_fail);
    ck_assert_msg(result == 0, "%s", room_fail.text);
    ck_assert_int_eq(stage_writer_open(&arrival_writer, arrival), 0);
}

void arrival_close(void) {
    stage_writer_close(arrival_writer);
    staging_close(arrival);
    destination_close(arrival_destination);
}

void arrival_file(struct entry entry, uint64_t unit, const char *text) {
    uint8_t hash[LIMIT_CHUNK_HASH];
    size_t length = strlen(text);
    int result = stage_writer_write(arrival_writer, &entry, 0, text, length, &room_fail);
    ck_assert_msg(result == 0, "%s", room_fail.text);
    hash_buffer(hash, text, length);
    ck_assert_int_eq(hashes_set(staging_hashes(arrival), unit, hash), 0);
}

void arrival_folder(struct entry entry) {
    int result = stage_writer_directory(arrival_writer, &entry, &room_fail);
    ck_assert_msg(result == 0, "%s", room_fail.text);
}

char arrival_notes[ARRIVAL_NOTES][512];
size_t arrival_note_count;

static void note(void *context, const char *line) {
    ck_assert_ptr_eq(context, arrival_notes);
    ck_assert_uint_lt(arrival_note_count, ARRIVAL_NOTES);
    snprintf(arrival_notes[arrival_note_count++], sizeof(arrival_notes[0]), "%s", line);
}

uint64_t arrival_copies = UINT64_MAX;

int arrival_finish(const struct entry *entries, size_t count) {
    const struct finish_sink sink = {arrival_notes, note};
    struct finish *finish = NULL;
    arrival_note_count = 0;
    int result = finish_new(&finish, arrival, &sink, arrival_copies);
    for (size_t i = 0; result == 0 && i < count; i++)
        if (entries[i].type == ENTRY_HARDLINK)
            result =
                finish_hardlink(finish, &entries[i], &entries[entries[i].original], &room_fail);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = finish_entry(finish, &entries[i], &room_fail);
    if (result == 0)
        result = finish_end(finish, &room_fail);
    finish_free(finish);
    return result;
}

struct place_item arrival_item(const struct entry *entry) {
    return (struct place_item){
        .name = entry->path,
        .name_length = entry->path_length,
        .type = entry->type,
        .mode = entry->mode,
    };
}
