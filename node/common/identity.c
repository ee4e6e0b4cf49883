#include "node/common/identity.h"

#include "base/escape.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "identity"
#define FILE_HEAD "fxnode-identity-1 "
#define NEW_DIGITS 8 /* behind the name and a dot, while it is written */
#define FILE_LENGTH (sizeof FILE_HEAD - 1 + 2 * LIMIT_KEY + 1)

static int parse(struct identity *identity, const char *text, size_t length) {
    size_t head = sizeof FILE_HEAD - 1;
    size_t got = 0;
    if (length != FILE_LENGTH || memcmp(text, FILE_HEAD, head) != 0 || text[length - 1] != '\n' ||
        sodium_hex2bin(identity->secret, LIMIT_KEY, text + head, 2 * LIMIT_KEY, NULL, &got, NULL) !=
            0 ||
        got != LIMIT_KEY)
        return -EBADMSG;
    return crypto_scalarmult_base(identity->public_key, identity->secret) == 0 ? 0 : -EBADMSG;
}

static int read_key(struct identity *identity, int fd, const char *shown, struct fail *fail) {
    char text[FILE_LENGTH + 1];
    struct stat st;
    int rc = 0;

    if (fstat(fd, &st) != 0)
        return fail_set(fail, -errno, "cannot examine %s/" FILE_NAME, shown);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return fail_set(fail, 0,
                        "%s/" FILE_NAME " is not a private file of this user: make it one with "
                        "chown and chmod 600, or restore it",
                        shown);
    ssize_t got = io_pread_full(fd, text, sizeof text, 0);
    if (got < 0)
        rc = fail_set(fail, (int)got, "cannot read %s/" FILE_NAME, shown);
    else if (parse(identity, text, (size_t)got) < 0)
        rc = fail_set(fail, 0,
                      "%s/" FILE_NAME " is damaged: restore it from a backup, or move it away to "
                      "become a new node that peers do not know",
                      shown);
    sodium_memzero(text, sizeof text);
    return rc;
}

/* A private file under a name that nothing has yet, so that neither another process at the same
 * moment nor what a crash has left is written to. */
static int open_new(int state_fd, char name[32]) {
    snprintf(name, 32, FILE_NAME ".%0*x", NEW_DIGITS, (unsigned)randombytes_random());
    int fd = openat(state_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

static int write_text(const struct identity *identity, int fd) {
    char text[FILE_LENGTH + 1] = FILE_HEAD;
    sodium_bin2hex(text + sizeof FILE_HEAD - 1, 2 * LIMIT_KEY + 1, identity->secret, LIMIT_KEY);
    text[FILE_LENGTH - 1] = '\n';
    int rc = io_write_full(fd, text, FILE_LENGTH);
    sodium_memzero(text, sizeof text);
    if (rc == 0 && fsync(fd) != 0)
        rc = -errno;
    return rc;
}

/* Written under another name, synced, linked into place and the directory synced: at no moment can
 * a half-written key be taken for the identity. -EEXIST where another process was first, -ENOENT
 * where that has tidied up already. */
static int write_key(const struct identity *identity, int state_fd) {
    char name[32];
    int fd = open_new(state_fd, name);
    if (fd < 0)
        return fd;
    int rc = write_text(identity, fd);
    io_close(&fd);
    if (rc == 0 && linkat(state_fd, name, state_fd, FILE_NAME, 0) != 0)
        rc = -errno;
    unlinkat(state_fd, name, 0);
    if (rc == 0 && fsync(state_fd) != 0)
        rc = -errno;
    return rc;
}

/* 0, or -errno: -ENOENT, `fail` untouched, where there is none. */
static int load(struct identity *identity, int state_fd, const char *shown, struct fail *fail) {
    int fd = openat(state_fd, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ENOENT
                               : fail_set(fail, -errno, "cannot open %s/" FILE_NAME, shown);
    int rc = read_key(identity, fd, shown, fail);
    io_close(&fd);
    return rc;
}

static int create(struct identity *identity, int state_fd, const char *shown, struct fail *fail) {
    if (crypto_box_keypair(identity->public_key, identity->secret) != 0)
        return fail_set(fail, -EIO, "cannot make a key");
    int rc = write_key(identity, state_fd);
    if (rc == -EEXIST || rc == -ENOENT) /* then that one's key is the node's */
        rc = load(identity, state_fd, shown, fail);
    else if (rc < 0)
        fail_set(fail, rc, "cannot write %s/" FILE_NAME, shown);
    return rc;
}

int identity_load(struct identity *identity, int state_fd, const char *state, struct fail *fail) {
    char shown[256];

    escape_text(shown, sizeof shown, state);
    *identity = (struct identity){.secret = sodium_malloc(LIMIT_KEY)};
    if (identity->secret == NULL)
        return fail_set(fail, -ENOMEM, "cannot hold a key");
    int rc = load(identity, state_fd, shown, fail);
    if (rc == -ENOENT)
        rc = create(identity, state_fd, shown, fail);
    if (rc < 0)
        identity_clear(identity);
    return rc;
}

static bool is_new(const char *name) {
    size_t head = strlen(FILE_NAME ".");
    return strncmp(name, FILE_NAME ".", head) == 0 && strlen(name) == head + NEW_DIGITS &&
           strspn(name + head, "0123456789abcdef") == NEW_DIGITS;
}

void identity_tidy(int state_fd) {
    int fd = openat(state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (listing == NULL) {
        io_close(&fd);
        return;
    }
    while ((entry = readdir(listing)) != NULL)
        if (is_new(entry->d_name))
            unlinkat(state_fd, entry->d_name, 0);
    closedir(listing);
}

void identity_clear(struct identity *identity) {
    sodium_free(identity->secret);
    *identity = (struct identity){0};
}
