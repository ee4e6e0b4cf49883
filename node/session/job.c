#include "node/session/job.h"

#include "base/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void job_init(struct job *job) {
    *job = (struct job){.receipt = -1};
    rangeset_init(&job->extents);
    rangeset_init(&job->replaced_extents);
}

static void free_texts(char **texts, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

void job_clear(struct job *job) {
    free_texts(job->paths, job->path_count);
    free_texts(job->exclude, job->exclude_count);
    free(job->names);
    free(job->work);
    free(job->state);
    free(job->destination);
    free(job->directory);
    rangeset_clear(&job->extents);
    rangeset_clear(&job->replaced_extents);
    io_close(&job->receipt);
    job_init(job);
}

static char *text_of(const ProtobufCBinaryData *bytes) {
    return strndup(bytes->len > 0 ? (const char *)bytes->data : "", bytes->len);
}

/* Fixed sizes were checked where the message was decoded; a field that a job has not is empty. */
static void copy_fixed(uint8_t *out, size_t room, const ProtobufCBinaryData *bytes) {
    if (bytes->len == room)
        memcpy(out, bytes->data, room);
}

static int add_texts(char ***texts, size_t *count, const ProtobufCBinaryData *from, size_t more) {
    char **grown = reallocarray(*texts, *count + more, sizeof *grown);

    if (grown == NULL)
        return more == 0 ? 0 : -ENOMEM;
    *texts = grown;
    for (size_t i = 0; i < more; i++) {
        char *text = text_of(&from[i]);

        if (text == NULL)
            return -ENOMEM;
        grown[(*count)++] = text;
    }
    return 0;
}

static int add_job(struct job *job, const Fxnode__Helper__Job *from) {
    job->kind = from->kind;
    job->number = from->number;
    copy_fixed(job->transfer_id, sizeof job->transfer_id, &from->transfer_id);
    copy_fixed(job->manifest.hash, sizeof job->manifest.hash, &from->manifest_hash);
    job->manifest.length = from->manifest_length;
    job->manifest.entries = from->entries;
    job->manifest.bytes = from->bytes;
    job->manifest.units = from->units;
    job->lanes = from->lanes;
    job->lanes_near = from->lanes_near;
    job->rate = from->rate;
    job->batch_bytes = from->batch_bytes;
    job->batch_ms = from->batch_ms;
    job->known = from->known;
    job->failed = from->failed;
    job->exact = from->exact;
    job->one_file_system = from->one_file_system;
    job->replaces = from->replaces;
    job->moves = from->moves;
    job->outside_links = from->outside_links;
    job->exists = from->exists;
    job->record_layer = from->record_layer;
    for (size_t i = 0; i < from->n_lineage; i++)
        lineage_add(&job->lineage, from->lineage[i].data);
    free(job->work);
    free(job->state);
    free(job->destination);
    free(job->directory);
    job->work = text_of(&from->work);
    job->state = text_of(&from->state);
    job->destination = text_of(&from->destination);
    job->directory = text_of(&from->directory);
    if (job->work == NULL || job->state == NULL || job->destination == NULL ||
        job->directory == NULL)
        return -ENOMEM;
    return add_texts(&job->exclude, &job->exclude_count, from->exclude, from->n_exclude);
}

static int add_names(struct job *job, const Fxnode__Helper__Names *from) {
    struct job_name *names =
        reallocarray(job->names, job->name_count + from->n_items, sizeof *names);

    if (names == NULL)
        return from->n_items == 0 ? 0 : -ENOMEM;
    job->names = names;
    for (size_t i = 0; i < from->n_items; i++) {
        const Fxnode__Helper__PlacedItem *item = from->items[i];
        struct job_name *name = &names[job->name_count];

        if (item->name.len > LIMIT_COMPONENT)
            continue;
        *name = (struct job_name){.item = item->item, .device = item->device, .inode = item->inode};
        name->name.length = (uint8_t)item->name.len;
        if (item->name.len > 0)
            memcpy(name->name.bytes, item->name.data, item->name.len);
        job->name_count++;
    }
    return 0;
}

static int add_extents(struct job *job, const Fxnode__Helper__Extents *from) {
    struct rangeset *extents = from->replaced ? &job->replaced_extents : &job->extents;
    int r = 0;

    for (size_t i = 0; i < from->n_extents && r == 0; i++)
        r = rangeset_add(extents, from->extents[i]->first, from->extents[i]->count);
    return r == -ERANGE ? 0 : r;
}

void job_replace(struct job *job, const Fxnode__Helper__Replaced *replaced) {
    struct manifest_summary *manifest = &job->replaced_manifest;

    job->replaced = replaced->number;
    copy_fixed(manifest->hash, sizeof manifest->hash, &replaced->manifest_hash);
    manifest->length = replaced->manifest_length;
    manifest->entries = replaced->entries;
    manifest->bytes = replaced->bytes;
    manifest->units = replaced->units;
}

int job_add(struct job *job, struct uplink_message *from) {
    const Fxnode__Helper__ToSession *message = from->body;

    switch (message->body_case) {
    case FXNODE__HELPER__TO_SESSION__BODY_PATHS:
        return add_texts(&job->paths, &job->path_count, message->paths->paths,
                         message->paths->n_paths);
    case FXNODE__HELPER__TO_SESSION__BODY_EXTENTS:
        return add_extents(job, message->extents);
    case FXNODE__HELPER__TO_SESSION__BODY_NAMES:
        return add_names(job, message->names);
    case FXNODE__HELPER__TO_SESSION__BODY_JOB:
        io_close(&job->receipt);
        job->receipt = from->fd;
        from->fd = -1;
        return add_job(job, message->job);
    default:
        return 0;
    }
}
