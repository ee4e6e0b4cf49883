/*
 * Holes: stretches of a file that the file system keeps no blocks for and that read as zeros
 * (lseek(2): SEEK_DATA, SEEK_HOLE). Where a file system does not know of holes everything is data,
 * so nothing here has to be supported. All calls move the file's position and block.
 */
#ifndef FILES_HOLES_H
#define FILES_HOLES_H

#include <stdbool.h>
#include <stdint.h>

/* Every other block of 4 KiB of a chunk can be a hole; where there are more, the rest of the
 * stretch counts as data. */
#define HOLES_PIECES 258u

struct holes_piece {
    uint32_t offset; /* within the stretch */
    uint32_t length;
    bool is_hole;
};

/* A stretch in pieces: in order, without gaps. Plain value. */
struct holes_map {
    uint32_t count; /* 1 at least; a stretch of nothing is one piece of data of no bytes */
    struct holes_piece pieces[HOLES_PIECES];
};

/* What was found last in one open file: to find the end of data takes some file systems as long as
 * it would take to read it, so that is done once for all stretches it goes through. Plain value;
 * zeroed it knows nothing, and what it knows holds as long as the file is not changed. */
struct holes_memory {
    uint64_t from;
    uint64_t to;
    bool is_hole;
};

/* Makes *memory, zeroed at first, that of the stretch that `at` lies in: one that is all hole or
 * all data from there on. The last one ends behind the file. */
void holes_look(int fd, struct holes_memory *memory, uint64_t at);

/* Finds the holes of [offset, offset + length) of the open file. What lies behind the end of the
 * file counts as a hole. */
void holes_find(int fd, struct holes_memory *memory, uint64_t offset, uint32_t length,
                struct holes_map *map);

/* Makes *map that of a stretch without holes. */
void holes_none(uint32_t length, struct holes_map *map);

/* Whether all of the stretch that was mapped, which is not empty, is one hole. */
bool holes_is_all(const struct holes_map *map);

/* Whether [offset, offset + length) is known to be without any data. */
bool holes_is_hole(int fd, uint64_t offset, uint64_t length);

/* Makes [offset, offset + length), within the file, read as zeros: as a hole where that is
 * possible, else by writing zeros. 0 or -errno. */
int holes_make(int fd, uint64_t offset, uint64_t length);

/* Whether the file system keeps holes and does not store the zeros in them. `fd`: an empty file,
 * open for reading and writing, that gets a size. */
bool holes_are_kept(int fd);

#endif
