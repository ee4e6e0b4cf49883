#include "tests/faults/tracees.h"

#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 512 /* of all processes together */
#define NAMES 16    /* programs by different names */
#define PREFIX "fxnode-"

static struct {
    pid_t thread;
    struct tracee *tracee;
} table[THREADS];
static size_t count;
static struct tracee *all;
static struct {
    char name[TRACEES_NAME];
    unsigned started;
} numbers[NAMES];

/* "session" becomes "session.1", then "session.2". */
static void give_name(struct tracee *tracee, const char *name) {
    size_t i = 0;

    while (i < NAMES && numbers[i].started > 0 && strcmp(numbers[i].name, name) != 0)
        i++;
    if (i == NAMES)
        errx(EXIT_FAILURE, "more programs than there is room for");
    snprintf(numbers[i].name, sizeof numbers[i].name, "%s", name);
    snprintf(tracee->name, sizeof tracee->name, "%.20s.%u", name, ++numbers[i].started);
}

/* The process that a thread belongs to, from the kernel; 0 where it is gone. */
static pid_t process_of(pid_t thread) {
    char path[64];
    char line[128];
    pid_t pid = 0;
    FILE *file = NULL;

    snprintf(path, sizeof path, "/proc/%d/status", thread);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    while (pid == 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "Tgid:", 5) == 0)
            pid = (pid_t)strtol(line + 5, NULL, 10);
    fclose(file);
    return pid;
}

static struct tracee *find(pid_t pid) {
    struct tracee *tracee = all;

    while (tracee != NULL && tracee->pid != pid)
        tracee = tracee->next;
    if (tracee != NULL)
        return tracee;
    tracee = calloc(1, sizeof *tracee);
    if (tracee == NULL)
        err(EXIT_FAILURE, "a process");
    tracee->pid = pid;
    tracee->next = all;
    all = tracee;
    give_name(tracee, "spawn");
    return tracee;
}

struct tracee *tracees_of(pid_t thread) {
    pid_t pid;

    for (size_t i = 0; i < count; i++)
        if (table[i].thread == thread)
            return table[i].tracee;
    pid = process_of(thread);
    if (pid == 0)
        return NULL;
    if (count == THREADS)
        errx(EXIT_FAILURE, "more threads than there is room for");
    table[count].thread = thread;
    table[count].tracee = find(pid);
    return table[count++].tracee;
}

void tracees_started(struct tracee *tracee) {
    char link[64];
    char path[PATH_MAX];
    const char *base = NULL;
    ssize_t length;

    snprintf(link, sizeof link, "/proc/%d/exe", tracee->pid);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return;
    path[length] = '\0';
    base = strrchr(path, '/') + 1;
    if (strncmp(base, PREFIX, strlen(PREFIX)) == 0)
        base += strlen(PREFIX);
    /* Its other threads ended without a word of their own. */
    for (size_t i = count; i-- > 0;)
        if (table[i].tracee == tracee && table[i].thread != tracee->pid)
            table[i] = table[--count];
    memset(tracee->calls, 0, sizeof tracee->calls);
    give_name(tracee, base);
}

static void forget_if_unused(struct tracee *tracee) {
    struct tracee **link = &all;

    for (size_t i = 0; i < count; i++)
        if (table[i].tracee == tracee)
            return;
    while (*link != tracee)
        link = &(*link)->next;
    *link = tracee->next;
    free(tracee);
}

void tracees_drop(pid_t thread) {
    for (size_t i = 0; i < count; i++) {
        struct tracee *tracee = table[i].tracee;

        if (table[i].thread != thread)
            continue;
        table[i] = table[--count];
        forget_if_unused(tracee);
        return;
    }
}

void tracees_each(void (*act)(pid_t thread)) {
    for (size_t i = 0; i < count; i++)
        act(table[i].thread);
}

size_t tracees_count(void) {
    return count;
}
