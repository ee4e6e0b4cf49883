/*
 * An incoming transfer in a room: DEST is "in", and one staging of number 7 in it.
 */
#ifndef TESTS_UNIT_FILES_ARRIVAL_H
#define TESTS_UNIT_FILES_ARRIVAL_H

#include "base/entry.h"
#include "files/destination.h"
#include "files/place.h"
#include "files/stage_writer.h"
#include "files/staging.h"

#include <stdbool.h>

#define ARRIVAL "in/.fxnode/7"
#define ARRIVAL_TREE ARRIVAL "/tree/"

extern struct destination *arrival_destination;
extern struct staging *arrival;
extern struct stage_writer *arrival_writer;

/* Opens all three; `old`: as on a system without openat2 and renameat2. */
void arrival_open(bool old);
void arrival_close(void);

/* Writes a file of this text (shorter than a chunk) and sets the hash of `unit`. */
void arrival_file(struct entry entry, uint64_t unit, const char *text);
void arrival_folder(struct entry entry);

/* What copies in place of hard links may have; as much as they like where no test says otherwise.
 */
extern uint64_t arrival_copies;

/* Finishes `count` entries, which are a whole manifest where there are hard links. The outcome of
 * the first that is not 0, or of the end. */
int arrival_finish(const struct entry *entries, size_t count);

/* What was noted by the last arrival_finish(). */
#define ARRIVAL_NOTES 4
extern char arrival_notes[ARRIVAL_NOTES][512];
extern size_t arrival_note_count;

/* The place_item of a top-level entry. */
struct place_item arrival_item(const struct entry *entry);

#endif
