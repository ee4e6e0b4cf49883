#include "files/hash.h"
#include "node/session/send.h"

#include <errno.h>
#include <stdlib.h>

int send_reader_init(struct send_reader *reader, struct send *send) {
    *reader = (struct send_reader){.send = send};
    reader->room = malloc(SEND_PIECE);
    if (reader->room == NULL || source_new(&reader->source, send->items) < 0 ||
        catalog_new(&reader->catalog, send->manifest, send->index) < 0 ||
        stamps_new(&reader->stamps, send->stat) < 0 || hash_new(&reader->hash) < 0)
        return -ENOMEM;
    return 0;
}

void send_reader_clear(struct send_reader *reader) {
    source_free(reader->source);
    catalog_free(reader->catalog);
    stamps_free(reader->stamps);
    hash_free(reader->hash);
    free(reader->room);
}

int send_reader_begin(struct send_reader *reader, const struct manifest_item *item, uint64_t chunk,
                      struct fail *fail) {
    int r = 0;

    hash_reset(reader->hash);
    if (item->entry.size == 0) {
        holes_none(0, &reader->map);
        return SOURCE_SAME;
    }
    r = stamps_get(reader->stamps, item->number, &reader->stamp);
    if (r < 0)
        return fail_set(fail, r, "cannot read what was noted of the files");
    return source_begin(reader->source, &item->entry, &reader->stamp, chunk, &reader->map, fail);
}

int send_reader_bytes(struct send_reader *reader, const struct manifest_item *item, uint64_t offset,
                      void *data, size_t length, struct fail *fail) {
    int r = SOURCE_SAME;

    if (length > 0)
        r = source_read(reader->source, &item->entry, offset, data, length, fail);
    if (r == SOURCE_SAME)
        hash_add(reader->hash, data, length);
    return r;
}

void send_reader_hole(struct send_reader *reader, uint32_t length) {
    /* Nothing is done byte by byte for a chunk that is one hole. */
    if (!holes_is_all(&reader->map))
        hash_add_zeros(reader->hash, length);
}

int send_reader_end(struct send_reader *reader, const struct manifest_item *item,
                    uint8_t hash[LIMIT_CHUNK_HASH], struct fail *fail) {
    if (holes_is_all(&reader->map))
        hash_zeros(hash, reader->map.pieces[0].length);
    else
        hash_end(reader->hash, hash);
    return item->entry.size == 0 ? SOURCE_SAME
                                 : source_end(reader->source, &item->entry, &reader->stamp, fail);
}

/* Reads and hashes a stretch that is not a hole. An outcome; negative. */
static int hash_stretch(struct send_reader *reader, const struct manifest_item *item,
                        uint64_t offset, uint32_t length, struct fail *fail) {
    int r = SOURCE_SAME;

    for (uint32_t done = 0, n; r == SOURCE_SAME && done < length; done += n) {
        n = length - done < SEND_PIECE ? length - done : SEND_PIECE;
        r = send_reader_bytes(reader, item, offset + done, reader->room, n, fail);
    }
    return r;
}

int send_reader_hash(struct send_reader *reader, const struct manifest_item *item, uint64_t chunk,
                     uint8_t hash[LIMIT_CHUNK_HASH], struct fail *fail) {
    int r = send_reader_begin(reader, item, chunk, fail);

    for (uint32_t i = 0; source_may_be_sent(r) && i < reader->map.count; i++) {
        const struct holes_piece *piece = &reader->map.pieces[i];

        if (piece->is_hole)
            send_reader_hole(reader, piece->length);
        else
            r = hash_stretch(reader, item, chunk * LIMIT_CHUNK + piece->offset, piece->length,
                             fail);
    }
    return source_may_be_sent(r) ? send_reader_end(reader, item, hash, fail) : r;
}
