#include "base/io.h"
#include "files/hash.h"
#include "node/session/send.h"

#include <errno.h>
#include <stdlib.h>

int send_reader_init(struct send_reader *reader, struct send *send) {
    *reader = (struct send_reader){.send = send};
    reader->chunk.data = malloc(LIMIT_CHUNK);
    if (reader->chunk.data == NULL || source_new(&reader->source, send->items) < 0 ||
        catalog_new(&reader->catalog, send->manifest, send->index) < 0 ||
        stamps_new(&reader->stamps, send->stat) < 0)
        return -ENOMEM;
    return 0;
}

void send_reader_clear(struct send_reader *reader) {
    source_free(reader->source);
    catalog_free(reader->catalog);
    stamps_free(reader->stamps);
    free(reader->chunk.data);
}

int send_reader_chunk(struct send_reader *reader, const struct manifest_item *item, uint64_t chunk,
                      uint8_t hash[LIMIT_CHUNK_HASH], struct fail *fail) {
    struct stamp stamp;
    int r = stamps_get(reader->stamps, item->number, &stamp);

    if (r < 0)
        return fail_set(fail, r, "cannot read what was noted of the files");
    r = source_read(reader->source, &item->entry, &stamp, chunk, &reader->chunk, fail);
    if (r != SOURCE_SAME && r != SOURCE_SOFT)
        return r;
    if (holes_is_all(&reader->chunk.map))
        hash_zeros(hash, reader->chunk.length);
    else
        hash_buffer(hash, reader->chunk.data, reader->chunk.length);
    return r;
}

void send_reader_nothing(struct send_reader *reader, uint8_t hash[LIMIT_CHUNK_HASH]) {
    source_nothing(&reader->chunk);
    hash_buffer(hash, reader->chunk.data, 0);
}
