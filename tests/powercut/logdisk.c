/*
 * Disks whose power can be cut: a file system of a few files, each of which becomes a disk (a loop
 * device on it) or takes notes, and one log of all that was done to them, in order.
 *
 *   logdisk MOUNTPOINT LOG DISK=IMAGE... MARK...
 *
 * DISK is a file as large as IMAGE, which is read and written in its place. MARK is a file without
 * end: what is written to it is a promise that somebody made, and is also put out as a line. The
 * log gets a record for every write, for every range that is emptied, for every flush, and for
 * every mark. An operation is in the log before it is answered, and one is served at a time:
 * whatever somebody did because an earlier operation had been answered comes after it in the log.
 *
 * "KIND COUNT" written to a MARK of the name `hold` (KIND 0: any) makes it stop, once, at the
 * COUNT-th record of that kind from then on, before that is answered: it says "logdisk: held at
 * RECORDS", how many there are in the log, and goes on when a line comes in on its standard input.
 * Who is killed meanwhile is so at that place in the log.
 *
 * A record is a struct entry, as it lies in memory, and the bytes that were written.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 16

#define HOLD "hold"

enum kind { WRITE = 1, EMPTY = 2, FLUSH = 3, MARK = 4 };

struct entry {
    uint64_t offset;
    uint64_t length;
    uint32_t kind;
    uint32_t file; /* its place among the arguments */
};

struct file {
    char *name;
    int image; /* -1: takes marks */
    off_t size;
};

static struct file files[FILES];
static size_t count;
static int log_fd = -1;
static uint64_t records;

/* Where to stop. */
static struct {
    unsigned long kind;
    unsigned long left; /* 0: nowhere */
    bool over;
} hold;

static void maybe_hold(enum kind kind) {
    if (hold.left == 0 || (hold.kind != 0 && hold.kind != kind) || --hold.left > 0)
        return;
    hold.over = true;
    printf("logdisk: held at %" PRIu64 "\n", records);
    fflush(stdout);
    for (int c = getchar(); c != '\n' && c != EOF; c = getchar())
        continue;
}

/* A log with a gap is worse than none. */
static void record(enum kind kind, const struct file *file, uint64_t offset, const void *data,
                   uint64_t length) {
    struct entry entry = {offset, length, kind, (uint32_t)(file - files)};
    struct iovec parts[2] = {{&entry, sizeof entry}, {(void *)data, data != NULL ? length : 0}};
    ssize_t wanted = (ssize_t)(sizeof entry + parts[1].iov_len);

    if (writev(log_fd, parts, 2) != wanted) {
        perror("logdisk: the log");
        abort();
    }
    records++;
    maybe_hold(kind);
}

static struct file *find(const char *path) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(path + 1, files[i].name) == 0)
            return &files[i];
    return NULL;
}

/* What open() found, later. */
static struct file *opened(const struct fuse_file_info *info) {
    return &files[info->fh];
}

/* Now the files can be opened. */
static void *do_init(struct fuse_conn_info *connection, struct fuse_config *config) {
    (void)connection;
    (void)config;
    puts("logdisk: ready");
    fflush(stdout);
    return NULL;
}

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *info) {
    const struct file *file = find(path);

    (void)info;
    if (strcmp(path, "/") == 0)
        *st = (struct stat){.st_mode = S_IFDIR | 0755, .st_nlink = 2};
    else if (file != NULL)
        *st = (struct stat){.st_mode = S_IFREG | 0600, .st_nlink = 1, .st_size = file->size};
    else
        return -ENOENT;
    return 0;
}

static int do_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *info, enum fuse_readdir_flags flags) {
    (void)path;
    (void)offset;
    (void)info;
    (void)flags;
    for (size_t i = 0; i < count; i++)
        if (fill(buffer, files[i].name, NULL, 0, 0) != 0)
            return -ENOMEM;
    return 0;
}

/* Nothing may stay in a cache between the loop device and the log. */
static int do_open(const char *path, struct fuse_file_info *info) {
    const struct file *file = find(path);

    if (file == NULL)
        return -ENOENT;
    info->fh = (uint64_t)(file - files);
    info->direct_io = 1;
    return 0;
}

/* Programs may open a file for marks as they open any log. */
static int do_truncate(const char *path, off_t size, struct fuse_file_info *info) {
    const struct file *file = find(path);

    (void)info;
    return file != NULL && file->image < 0 && size == 0 ? 0 : -EPERM;
}

static int do_read(const char *path, char *buffer, size_t size, off_t offset,
                   struct fuse_file_info *info) {
    const struct file *file = opened(info);
    ssize_t got = file->image < 0 ? 0 : pread(file->image, buffer, size, offset);

    (void)path;
    return got < 0 ? -errno : (int)got;
}

static int set_hold(const char *text, size_t size) {
    char line[32] = "";
    char *end = line;

    if (hold.over)
        return -EBUSY;
    if (size >= sizeof line)
        return -EINVAL;
    memcpy(line, text, size);
    hold.kind = strtoul(line, &end, 10);
    hold.left = strtoul(end, NULL, 10);
    return (int)size;
}

/* Each line with the name of its file before it. */
static void put_out(const struct file *file, const char *text, size_t size) {
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t length = end != NULL ? (size_t)(end - text) : size;

        printf("%s: %.*s\n", file->name, (int)length, text);
        text += length + (end != NULL);
        size -= length + (end != NULL);
    }
    fflush(stdout);
}

static int do_write(const char *path, const char *data, size_t size, off_t offset,
                    struct fuse_file_info *info) {
    const struct file *file = opened(info);
    ssize_t done = (ssize_t)size;

    (void)path;
    if (strcmp(file->name, HOLD) == 0)
        return set_hold(data, size);
    if (file->image >= 0)
        done = pwrite(file->image, data, size, offset);
    if (done < 0)
        return -errno;
    record(file->image >= 0 ? WRITE : MARK, file, (uint64_t)offset, data, (uint64_t)done);
    if (file->image < 0)
        put_out(file, data, size);
    return (int)done;
}

static int do_fsync(const char *path, int only_data, struct fuse_file_info *info) {
    const struct file *file = opened(info);

    (void)path;
    (void)only_data;
    if (file->image >= 0)
        record(FLUSH, file, 0, NULL, 0);
    return 0;
}

static int do_fallocate(const char *path, int mode, off_t offset, off_t length,
                        struct fuse_file_info *info) {
    const struct file *file = opened(info);
    int empties = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;

    (void)path;
    if (file->image < 0 || (mode & empties) == 0)
        return -EOPNOTSUPP;
    if (fallocate(file->image, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) < 0)
        return -errno;
    record(EMPTY, file, (uint64_t)offset, NULL, (uint64_t)length);
    return 0;
}

/* "DISK=IMAGE" or "MARK". */
static int add(char *argument) {
    char *image = strchr(argument, '=');
    struct file *file = &files[count];
    struct stat st = {0};

    if (count == FILES)
        return -1;
    *file = (struct file){.name = argument, .image = -1};
    if (image != NULL) {
        *image++ = '\0';
        file->image = open(image, O_RDWR | O_CLOEXEC);
        if (file->image < 0 || fstat(file->image, &st) < 0) {
            perror(image);
            return -1;
        }
        file->size = st.st_size;
    }
    count++;
    return 0;
}

int main(int argc, char **argv) {
    static const struct fuse_operations operations = {
        .init = do_init,
        .getattr = do_getattr,
        .readdir = do_readdir,
        .open = do_open,
        .truncate = do_truncate,
        .read = do_read,
        .write = do_write,
        .fsync = do_fsync,
        .fallocate = do_fallocate,
    };

    if (argc < 4) {
        fprintf(stderr, "usage: logdisk MOUNTPOINT LOG DISK=IMAGE... MARK...\n");
        return 2;
    }
    log_fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) {
        perror(argv[2]);
        return 1;
    }
    for (int i = 3; i < argc; i++)
        if (add(argv[i]) < 0)
            return 1;
    /* In the foreground, one operation at a time. */
    char *mount[] = {argv[0], "-f", "-s", argv[1], NULL};
    return fuse_main(4, mount, &operations, NULL);
}
