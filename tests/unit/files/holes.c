#include "files/holes.h"
#include "arrival.h"
#include "base/limits.h"
#include "files/hash.h"
#include "files/source.h"
#include "files/walk.h"
#include "room.h"
#include "suites.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* The file systems that tests run on have blocks of this size, or smaller ones. */
#define BLOCK 4096u
#define BIG (32u << 20) /* large enough to be given room in advance */

static uint8_t block[BLOCK];
static uint8_t room[LIMIT_CHUNK];

/* A file of `size` bytes that has data only where room_data puts it. */
static int make_sparse(const char *path, uint64_t size) {
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
    return fd;
}

static void put_block(int fd, uint64_t offset) {
    memset(block, 'x', sizeof block);
    ck_assert_int_eq(pwrite(fd, block, sizeof block, (off_t)offset), BLOCK);
}

static struct holes_map map;

/* As if nothing had been looked for before. */
static void find(int fd, uint64_t offset, uint32_t length) {
    struct holes_memory memory = {0};
    holes_find(fd, &memory, offset, length, &map);
}

static uint64_t stored(const char *path) {
    return (uint64_t)room_stat(path).st_blocks * 512;
}

static void expect_piece(uint32_t at, uint32_t offset, uint32_t length, bool is_hole) {
    ck_assert_uint_lt(at, map.count);
    ck_assert_uint_eq(map.pieces[at].offset, offset);
    ck_assert_uint_eq(map.pieces[at].length, length);
    ck_assert(map.pieces[at].is_hole == is_hole);
}

/* data, hole, data, hole, seen from a place in the middle of its first hole */
START_TEST(test_holes_are_found) {
    int fd = make_sparse("f", 16 * BLOCK);
    put_block(fd, 0);
    put_block(fd, 8 * BLOCK);
    find(fd, 0, 16 * BLOCK);
    ck_assert_uint_eq(map.count, 4);
    expect_piece(0, 0, BLOCK, false);
    expect_piece(1, BLOCK, 7 * BLOCK, true);
    expect_piece(2, 8 * BLOCK, BLOCK, false);
    expect_piece(3, 9 * BLOCK, 7 * BLOCK, true);
    ck_assert(!holes_is_all(&map));
    find(fd, 4 * BLOCK + 1, 4 * BLOCK + 1);
    ck_assert_uint_eq(map.count, 2);
    expect_piece(0, 0, 4 * BLOCK - 1, true);
    expect_piece(1, 4 * BLOCK - 1, 2, false);
    find(fd, BLOCK, 7 * BLOCK);
    ck_assert(holes_is_all(&map));
    ck_assert(holes_is_hole(fd, BLOCK, 7 * BLOCK));
    ck_assert(!holes_is_hole(fd, BLOCK, 7 * BLOCK + 1));
    ck_assert(!holes_is_hole(fd, 0, BLOCK + 1));
    close(fd);
}
END_TEST

START_TEST(test_ends_of_files) {
    int fd = make_sparse("f", 0);
    find(fd, 0, 0);
    ck_assert_uint_eq(map.count, 1);
    expect_piece(0, 0, 0, false);
    ck_assert(!holes_is_all(&map));
    put_block(fd, 0);
    find(fd, 0, BLOCK);
    ck_assert_uint_eq(map.count, 1);
    expect_piece(0, 0, BLOCK, false);
    find(fd, 0, 3 * BLOCK); /* it has become shorter */
    ck_assert_uint_eq(map.count, 2);
    expect_piece(1, BLOCK, 2 * BLOCK, true);
    close(fd);
}
END_TEST

/* What was found goes on in the next stretch, without looking for its end again: here it would be
 * another one by now. */
START_TEST(test_what_was_found_is_remembered) {
    struct holes_memory memory = {0};
    int fd = make_sparse("f", 16 * BLOCK);
    put_block(fd, 0);
    put_block(fd, BLOCK);
    for (int changed = 0; changed < 2; changed++) {
        holes_find(fd, &memory, 0, BLOCK, &map);
        ck_assert_uint_eq(map.count, 1);
        expect_piece(0, 0, BLOCK, false);
        put_block(fd, 2 * BLOCK);
    }
    holes_find(fd, &memory, BLOCK, BLOCK, &map);
    expect_piece(0, 0, BLOCK, false);
    ck_assert_uint_eq(memory.from, 0);
    ck_assert_uint_eq(memory.to, 2 * BLOCK);
    holes_find(fd, &memory, 3 * BLOCK, BLOCK, &map);
    expect_piece(0, 0, BLOCK, true);
    put_block(fd, 5 * BLOCK);
    holes_find(fd, &memory, 4 * BLOCK, 4 * BLOCK, &map);
    ck_assert_uint_eq(map.count, 1);
    expect_piece(0, 0, 4 * BLOCK, true);
    close(fd);
}
END_TEST

/* More than fit: the pieces still cover everything, the last ones as data. */
START_TEST(test_many_holes) {
    const uint32_t blocks = 4 * HOLES_PIECES;
    uint32_t at = 0;
    int fd = make_sparse("f", (uint64_t)blocks * BLOCK);
    for (uint32_t i = 0; i < blocks; i += 2)
        put_block(fd, (uint64_t)i * BLOCK);
    find(fd, 0, blocks * BLOCK);
    ck_assert_uint_le(map.count, HOLES_PIECES);
    ck_assert_uint_ge(map.count, HOLES_PIECES - 2);
    for (uint32_t i = 0; i < map.count; i++) {
        ck_assert_uint_eq(map.pieces[i].offset, at);
        at += map.pieces[i].length;
    }
    ck_assert_uint_eq(at, blocks * BLOCK);
    ck_assert(!map.pieces[map.count - 1].is_hole);
    /* A chunk never has that many. */
    find(fd, 0, LIMIT_CHUNK);
    ck_assert_uint_eq(map.count, LIMIT_CHUNK / BLOCK);
    close(fd);
}
END_TEST

START_TEST(test_holes_are_made) {
    int fd = make_sparse("f", 8 * BLOCK);
    for (uint64_t at = 0; at < 8; at++)
        put_block(fd, at * BLOCK);
    uint64_t before = stored("f");
    ck_assert_int_eq(holes_make(fd, BLOCK - 1, 2 * BLOCK + 2), 0);
    ck_assert_uint_eq(stored("f"), before - 2 * BLOCK);
    ck_assert_int_eq(pread(fd, room, 8 * BLOCK, 0), 8 * BLOCK);
    for (size_t i = 0; i < 8 * BLOCK; i++)
        ck_assert_uint_eq(room[i], i >= BLOCK - 1 && i < 3 * BLOCK + 1 ? 0 : 'x');
    ck_assert_int_eq(room_stat("f").st_size, 8 * BLOCK);
    close(fd);
}
END_TEST

START_TEST(test_what_keeps_holes_is_known) {
    int fd = make_sparse("f", 0);
    ck_assert(holes_are_kept(fd));
    ck_assert_uint_eq(stored("f"), 0);
    close(fd);
    arrival_open(false);
    ck_assert(staging_keeps_holes(arrival));
    ck_assert_int_lt(access(".fxnode/7/probe", F_OK), 0);
    arrival_close();
}
END_TEST

/* A file system that has none: all of it is data, and zeros are written. */
START_TEST(test_without_holes) {
    room_directory("in");
    if (!room_mount("in", LIMIT_CHUNK))
        return;
    ck_assert_int_eq(mount("ramfs", "in", "ramfs", 0, NULL), 0);
    int fd = make_sparse("in/f", 0);
    ck_assert(!holes_are_kept(fd));
    ck_assert_int_eq(ftruncate(fd, 100 * BLOCK), 0);
    find(fd, 0, 100 * BLOCK);
    ck_assert_uint_eq(map.count, 1);
    ck_assert(!map.pieces[0].is_hole);
    put_block(fd, 0);
    put_block(fd, 99 * BLOCK);
    ck_assert_int_eq(holes_make(fd, 1, 99 * BLOCK), 0);
    ck_assert_int_eq(pread(fd, room, 100 * BLOCK, 0), 100 * BLOCK);
    for (size_t i = 0; i < 100 * BLOCK; i++)
        ck_assert_uint_eq(room[i], i == 0 || i > 99 * BLOCK ? 'x' : 0);
    close(fd);
}
END_TEST

/* Reading what is sent: `entry` and `stamp` of the file "f", as the walk saw it. */
static struct entry entry;
static struct stamp stamp;
static struct items *items;
static struct source *source;

static int on_entry(void *context, const struct entry *found, const struct stamp *seen) {
    (void)context;
    entry = *found;
    entry.path = "f";
    stamp = *seen;
    return 0;
}

static void look(void) {
    static const struct walk_sink sink = {NULL, on_entry, NULL};
    const char *path = room_path("f");
    ck_assert_int_eq(items_new(&items, &path, 1, &room_fail), 0);
    ck_assert_int_eq(walk_items(items, &(struct walk_rules){0}, &sink, &room_fail), 0);
    ck_assert_int_eq(source_new(&source, items), 0);
}

static int read_chunk(uint64_t number) {
    int outcome = source_begin(source, &entry, &stamp, number, &map, &room_fail);
    for (uint32_t i = 0; source_may_be_sent(outcome) && i < map.count; i++)
        if (!map.pieces[i].is_hole)
            outcome = source_read(source, &entry, number * LIMIT_CHUNK + map.pieces[i].offset,
                                  room + map.pieces[i].offset, map.pieces[i].length, &room_fail);
    return source_may_be_sent(outcome) ? source_end(source, &entry, &stamp, &room_fail) : outcome;
}

static void stop(void) {
    source_free(source);
    items_free(items);
}

START_TEST(test_holes_are_read_as_such) {
    int fd = make_sparse("f", 3 * LIMIT_CHUNK + 5);
    put_block(fd, LIMIT_CHUNK + BLOCK);
    close(fd);
    look();
    ck_assert_uint_eq(stamp.holes_mib, 2); /* and 5 bytes and 1 MiB without a block */
    ck_assert_int_eq(read_chunk(0), SOURCE_SAME);
    ck_assert(holes_is_all(&map));
    expect_piece(0, 0, LIMIT_CHUNK, true);
    ck_assert_int_eq(read_chunk(1), SOURCE_SAME);
    ck_assert_uint_eq(map.count, 3);
    expect_piece(1, BLOCK, BLOCK, false);
    for (size_t i = BLOCK; i < 2 * BLOCK; i++)
        ck_assert_uint_eq(room[i], 'x');
    ck_assert_int_eq(read_chunk(3), SOURCE_SAME);
    ck_assert(holes_is_all(&map));
    expect_piece(0, 0, 5, true);
    stop();
}
END_TEST

/* How many blocks a file has says nothing: some are behind its end, or hold its attributes. */
START_TEST(test_holes_of_small_files) {
    bool whole = _i == 1;
    int fd = make_sparse("f", 3 * BLOCK);
    put_block(fd, BLOCK);
    if (whole) {
        put_block(fd, 0);
        put_block(fd, 2 * BLOCK);
    }
    if (_i == 2 && fallocate(fd, FALLOC_FL_KEEP_SIZE, 3 * BLOCK, 8 * BLOCK) == 0)
        ck_assert_uint_gt(stored("f"), 3 * BLOCK);
    close(fd);
    look();
    ck_assert_int_eq(read_chunk(0), SOURCE_SAME);
    ck_assert_uint_eq(map.count, whole ? 1 : 3);
    expect_piece(0, 0, whole ? 3 * BLOCK : BLOCK, !whole);
    stop();
}
END_TEST

static void fill(int fd) {
    put_block(fd, LIMIT_CHUNK);
}
static void shorten(int fd) {
    ck_assert_int_eq(ftruncate(fd, LIMIT_CHUNK), 0);
}
static void (*const CHANGES[])(int fd) = {fill, shorten};

/* Nobody gets zeros for what is no longer a hole, or no longer there. */
START_TEST(test_changed_holes_are_not_sent) {
    int fd = make_sparse("f", 2 * LIMIT_CHUNK);
    room_time("f", 1000, 1);
    look();
    ck_assert_int_eq(read_chunk(1), SOURCE_SAME);
    CHANGES[_i](fd);
    ck_assert_int_eq(read_chunk(1), SOURCE_CHANGED);
    close(fd);
    stop();
}
END_TEST

/* Filled by somebody who gave it its time back: what was known of its holes is no longer used. */
START_TEST(test_touched_holes_are_looked_for_again) {
    int fd = make_sparse("f", 2 * LIMIT_CHUNK);
    room_time("f", 1000, 1);
    look();
    ck_assert_int_eq(read_chunk(0), SOURCE_SAME);
    ck_assert(holes_is_all(&map));
    put_block(fd, LIMIT_CHUNK);
    room_time("f", 1000, 1);
    ck_assert_int_eq(read_chunk(1), SOURCE_SOFT);
    ck_assert(!holes_is_all(&map));
    ck_assert_uint_eq(room[0], 'x');
    close(fd);
    stop();
}
END_TEST

/* Writing what arrives. */

static int put_hole(const char *path, uint64_t size, uint64_t offset, uint64_t length) {
    struct entry wanted = room_file(path, size);
    return stage_writer_hole(arrival_writer, &wanted, offset, length, &room_fail);
}

static int put_data(const char *path, uint64_t size, uint64_t offset) {
    struct entry wanted = room_file(path, size);
    memset(block, 'x', sizeof block);
    return stage_writer_write(arrival_writer, &wanted, offset, block, sizeof block, &room_fail);
}

/* Whether the staged file has this size, 'x' in the one block at `data`, and zeros elsewhere. */
static void expect_staged(const char *path, uint64_t size, uint64_t data) {
    uint8_t *expected = calloc(1, size);
    ck_assert_ptr_nonnull(expected);
    memset(expected + data, 'x', BLOCK);
    ck_assert(room_holds(path, expected, size));
    free(expected);
}

START_TEST(test_holes_are_not_written) {
    arrival_open(false);
    stage_writer_expect_holes(arrival_writer);
    ck_assert_int_eq(put_hole("a", BIG, 0, BLOCK), 0);
    ck_assert_int_eq(put_data("a", BIG, BLOCK), 0);
    ck_assert_int_eq(put_hole("a", BIG, 2 * BLOCK, BIG - 2 * BLOCK), 0);
    expect_staged(ARRIVAL_TREE "a", BIG, BLOCK);
    ck_assert_uint_lt(stored(ARRIVAL_TREE "a"), LIMIT_CHUNK);
    ck_assert_int_eq(staging_sync_batch(arrival, &room_fail), 0);
    arrival_close();
}
END_TEST

START_TEST(test_a_file_that_is_one_hole_is_whole) {
    arrival_open(false);
    ck_assert_int_eq(put_hole("a", 3 * BLOCK, 0, 3 * BLOCK), 0);
    struct stat st = room_stat(ARRIVAL_TREE "a");
    ck_assert_int_eq(st.st_size, 3 * BLOCK);
    ck_assert_int_eq(st.st_blocks, 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0640);
    ck_assert_int_eq(st.st_mtim.tv_nsec, 123456789);
    arrival_close();
}
END_TEST

/* What an interrupted session left there, or what was reserved because no holes were announced. */
START_TEST(test_what_is_under_a_hole_goes) {
    arrival_open(false);
    if (_i == 0)
        stage_writer_expect_holes(arrival_writer);
    ck_assert_int_eq(put_data("a", BIG, 0), 0);
    ck_assert_int_eq(put_data("a", BIG, 5 * BLOCK), 0);
    ck_assert_int_eq(put_data("a", BIG, BIG - BLOCK), 0);
    arrival_close();
    arrival_open(false);
    if (_i == 0)
        stage_writer_expect_holes(arrival_writer);
    ck_assert_int_eq(put_hole("a", BIG, BLOCK, BIG - BLOCK), 0);
    expect_staged(ARRIVAL_TREE "a", BIG, 0);
    ck_assert_uint_lt(stored(ARRIVAL_TREE "a"), LIMIT_CHUNK);
    arrival_close();
}
END_TEST

static int verify(uint64_t size, uint64_t number) {
    struct entry wanted = room_file("a", size);
    return stage_writer_verify(arrival_writer, &wanted, number, number, room, &room_fail);
}

START_TEST(test_holes_are_verified) {
    const uint64_t size = 2 * LIMIT_CHUNK;
    uint8_t hash[LIMIT_CHUNK_HASH];
    arrival_open(false);
    stage_writer_expect_holes(arrival_writer);
    ck_assert_int_eq(put_hole("a", size, 0, size), 0);
    hash_zeros(hash, LIMIT_CHUNK);
    ck_assert_int_eq(hashes_set(staging_hashes(arrival), 0, hash), 0);
    memset(room, 'r', sizeof room);
    ck_assert_int_eq(verify(size, 0), 0);
    ck_assert_uint_eq(room[0], 'r');                    /* not even read */
    ck_assert_int_eq(verify(size, 1), STAGING_DIFFERS); /* no hash is known */
    ck_assert_int_eq(hashes_set(staging_hashes(arrival), 1, hash), 0);
    ck_assert_int_eq(verify(size, 1), 0);
    ck_assert_int_eq(put_data("a", size, LIMIT_CHUNK), 0);
    ck_assert_int_eq(verify(size, 1), STAGING_DIFFERS);
    ck_assert_int_eq(truncate(ARRIVAL_TREE "a", LIMIT_CHUNK), 0);
    ck_assert_int_eq(verify(size, 0), 0);
    ck_assert_int_eq(verify(size, 1), STAGING_DIFFERS); /* what lies behind the end is no hole */
    arrival_close();
}
END_TEST

Suite *suite_holes(void) {
    Suite *suite = suite_create("holes");
    TCase *tc = room_case("holes");
    tcase_add_test(tc, test_holes_are_found);
    tcase_add_test(tc, test_ends_of_files);
    tcase_add_test(tc, test_what_was_found_is_remembered);
    tcase_add_test(tc, test_many_holes);
    tcase_add_test(tc, test_holes_are_made);
    tcase_add_test(tc, test_what_keeps_holes_is_known);
    tcase_add_test(tc, test_without_holes);
    tcase_add_test(tc, test_holes_are_read_as_such);
    tcase_add_loop_test(tc, test_holes_of_small_files, 0, 3);
    tcase_add_loop_test(tc, test_changed_holes_are_not_sent, 0, 2);
    tcase_add_test(tc, test_touched_holes_are_looked_for_again);
    tcase_add_test(tc, test_holes_are_not_written);
    tcase_add_test(tc, test_a_file_that_is_one_hole_is_whole);
    tcase_add_loop_test(tc, test_what_is_under_a_hole_goes, 0, 2);
    tcase_add_test(tc, test_holes_are_verified);
    suite_add_tcase(suite, tc);
    return suite;
}
