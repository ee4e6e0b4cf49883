#include "tests/sim/database_files.h"

#include "tests/sim/disk.h"
#include "tests/sim/machine.h"
#include "tests/sim/task.h"
#include "tests/sim/trace.h"
#include "tests/sim/weaken.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct file {
    sqlite3_file base;
    struct inode *inode;
    struct inode *directory; /* to be flushed with it: its name may be new */
};

/* The directory that holds the last component, which is *name. */
static struct inode *find_directory(const char *path, const char **name) {
    struct inode *at = disk_root(process_now()->machine->disk);

    for (path++; at != NULL && strchr(path, '/') != NULL; path = strchr(path, '/') + 1) {
        char part[256];
        snprintf(part, sizeof part, "%.*s", (int)strcspn(path, "/"), path);
        at = disk_find(at, part);
    }
    *name = path;
    return at;
}

static int close_file(sqlite3_file *base) {
    (void)base;
    return SQLITE_OK;
}

static int read_file(sqlite3_file *base, void *data, int length, sqlite3_int64 offset) {
    struct file *file = (struct file *)base;
    size_t got = disk_read(file->inode, data, (size_t)length, (uint64_t)offset);

    if (got == (size_t)length)
        return SQLITE_OK;
    memset((char *)data + got, 0, (size_t)length - got);
    return SQLITE_IOERR_SHORT_READ;
}

static int write_file(sqlite3_file *base, const void *data, int length, sqlite3_int64 offset) {
    struct file *file = (struct file *)base;

    task_call("db-write");
    trace("database: %d bytes at %lld", length, (long long)offset);
    disk_write(file->inode, data, (size_t)length, (uint64_t)offset);
    return SQLITE_OK;
}

static int truncate_file(sqlite3_file *base, sqlite3_int64 length) {
    task_call("db-truncate");
    disk_truncate(((struct file *)base)->inode, (uint64_t)length);
    return SQLITE_OK;
}

static int sync_file(sqlite3_file *base, int flags) {
    struct file *file = (struct file *)base;

    (void)flags;
    task_call("db-sync");
    trace("database: sync");
    if (weaken_flushes_log(file->inode))
        disk_sync(file->inode);
    if (file->directory != NULL)
        disk_sync(file->directory);
    file->directory = NULL;
    task_call("db-synced");
    return SQLITE_OK;
}

static int size_of_file(sqlite3_file *base, sqlite3_int64 *size) {
    *size = (sqlite3_int64)disk_size(((struct file *)base)->inode);
    return SQLITE_OK;
}

/* One process has it: the node's own lock says so. */
static int lock_file(sqlite3_file *base, int kind) {
    (void)base;
    (void)kind;
    return SQLITE_OK;
}

static int is_reserved(sqlite3_file *base, int *result) {
    (void)base;
    *result = 0;
    return SQLITE_OK;
}

static int control_file(sqlite3_file *base, int operation, void *arg) {
    (void)base;
    (void)operation;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int sector_size(sqlite3_file *base) {
    (void)base;
    return 4096;
}

static int characteristics(sqlite3_file *base) {
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int open_file(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out) {
    static const sqlite3_io_methods methods = {.iVersion = 1,
                                               .xClose = close_file,
                                               .xRead = read_file,
                                               .xWrite = write_file,
                                               .xTruncate = truncate_file,
                                               .xSync = sync_file,
                                               .xFileSize = size_of_file,
                                               .xLock = lock_file,
                                               .xUnlock = lock_file,
                                               .xCheckReservedLock = is_reserved,
                                               .xFileControl = control_file,
                                               .xSectorSize = sector_size,
                                               .xDeviceCharacteristics = characteristics};
    struct file *file = (struct file *)base;
    const char *name = NULL;
    struct inode *directory = NULL;

    (void)vfs;
    task_call("db-open");
    *file = (struct file){0};
    directory = path == NULL ? NULL : find_directory(path, &name);
    if (directory == NULL)
        return SQLITE_CANTOPEN;
    file->inode = disk_find(directory, name);
    if (file->inode == NULL &&
        ((flags & SQLITE_OPEN_CREATE) == 0 ||
         disk_create(&file->inode, directory, name, S_IFREG | 0600, NULL) < 0))
        return SQLITE_CANTOPEN;
    /* As SQLite does: who made it may have been killed before its name was flushed. */
    if ((flags & SQLITE_OPEN_CREATE) != 0 &&
        (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0)
        file->directory = directory;
    if (out != NULL)
        *out = flags;
    file->base.pMethods = &methods;
    return SQLITE_OK;
}

static int delete_file(sqlite3_vfs *vfs, const char *path, int sync) {
    const char *name = NULL;
    struct inode *directory = find_directory(path, &name);

    (void)vfs;
    task_call("db-delete");
    if (directory == NULL || disk_unlink(directory, name, false) < 0)
        return SQLITE_IOERR_DELETE_NOENT;
    if (sync != 0)
        disk_sync(directory);
    return SQLITE_OK;
}

static int access_file(sqlite3_vfs *vfs, const char *path, int flags, int *result) {
    const char *name = NULL;
    struct inode *directory = find_directory(path, &name);
    struct inode *inode = directory == NULL ? NULL : disk_find(directory, name);

    (void)vfs;
    *result = inode != NULL && (flags != SQLITE_ACCESS_EXISTS || disk_size(inode) > 0);
    return SQLITE_OK;
}

static int full_path(sqlite3_vfs *vfs, const char *path, int room, char *out) {
    (void)vfs;
    snprintf(out, (size_t)room, "%s", path);
    return SQLITE_OK;
}

static int draw(sqlite3_vfs *vfs, int length, char *out) {
    (void)vfs;
    for (int i = 0; i < length; i++)
        out[i] = (char)task_draw(256);
    return length;
}

static int rest(sqlite3_vfs *vfs, int us) {
    (void)vfs;
    return us;
}

static int clock_ms(sqlite3_vfs *vfs, sqlite3_int64 *ms) {
    (void)vfs;
    *ms = 0;
    return SQLITE_OK;
}

static int last_error(sqlite3_vfs *vfs, int room, char *out) {
    (void)vfs;
    (void)room;
    (void)out;
    return 0;
}

void database_files_init(void) {
    static sqlite3_vfs vfs = {.iVersion = 2,
                              .szOsFile = sizeof(struct file),
                              .mxPathname = 512,
                              .zName = "sim",
                              .xOpen = open_file,
                              .xDelete = delete_file,
                              .xAccess = access_file,
                              .xFullPathname = full_path,
                              .xRandomness = draw,
                              .xSleep = rest,
                              .xGetLastError = last_error,
                              .xCurrentTimeInt64 = clock_ms};

    if (sqlite3_initialize() != SQLITE_OK || sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
}
