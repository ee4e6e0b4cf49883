#include "node/daemon/database.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct job {
    struct job *next;
    database_run run;
    database_done done;
    void *arg;
};

struct job_list {
    struct job *first;
    struct job **last;
};

struct database {
    struct store *store;
    uv_async_t wake; /* thread -> loop: something has finished */
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t given;
    struct job_list waiting;
    struct job_list finished;
    bool stopping;
};

static void list_init(struct job_list *list) {
    list->first = NULL;
    list->last = &list->first;
}

static void list_append(struct job_list *list, struct job *job) {
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

static struct job *list_take(struct job_list *list) {
    struct job *job = list->first;
    if (job != NULL && (list->first = job->next) == NULL)
        list->last = &list->first;
    return job;
}

static struct job *wait_for_job(struct database *database) {
    pthread_mutex_lock(&database->lock);
    while (database->waiting.first == NULL && !database->stopping)
        pthread_cond_wait(&database->given, &database->lock);
    struct job *job = list_take(&database->waiting);
    pthread_mutex_unlock(&database->lock);
    return job;
}

static void *work(void *arg) {
    struct database *database = arg;
    for (;;) {
        struct job *job = wait_for_job(database);
        if (job == NULL)
            return NULL;
        job->run(database->store, job->arg);
        pthread_mutex_lock(&database->lock);
        list_append(&database->finished, job);
        pthread_mutex_unlock(&database->lock);
        uv_async_send(&database->wake);
    }
}

static void report_finished(struct database *database) {
    for (;;) {
        pthread_mutex_lock(&database->lock);
        struct job *job = list_take(&database->finished);
        pthread_mutex_unlock(&database->lock);
        if (job == NULL)
            return;
        if (job->done != NULL)
            job->done(job->arg);
        free(job);
    }
}

static void on_wake(uv_async_t *wake) {
    report_finished(wake->data);
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

/* Signals belong to the loop's thread. */
static int start_thread(struct database *database) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = -pthread_create(&database->thread, NULL, work, database);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

int database_open(struct database **out, uv_loop_t *loop, const char *path, struct fail *fail) {
    struct database *database = calloc(1, sizeof *database);
    if (database == NULL)
        return fail_set(fail, -ENOMEM, "cannot open %s", path);
    list_init(&database->waiting);
    list_init(&database->finished);
    pthread_mutex_init(&database->lock, NULL);
    pthread_cond_init(&database->given, NULL);

    int error = store_open(&database->store, path, fail);
    if (error != 0) {
        free(database);
        return error;
    }
    error = uv_async_init(loop, &database->wake, on_wake);
    database->wake.data = database;
    if (error == 0 && (error = start_thread(database)) != 0)
        uv_close((uv_handle_t *)&database->wake, on_closed);
    if (error != 0) {
        store_close(database->store);
        return fail_set(fail, error, "cannot start the database's thread");
    }
    *out = database;
    return 0;
}

struct store *database_store(struct database *database) {
    return database->store;
}

int database_submit(struct database *database, database_run run, database_done done, void *arg) {
    struct job *job = malloc(sizeof *job);
    if (job == NULL)
        return -ENOMEM;
    *job = (struct job){.run = run, .done = done, .arg = arg};
    pthread_mutex_lock(&database->lock);
    list_append(&database->waiting, job);
    pthread_cond_signal(&database->given);
    pthread_mutex_unlock(&database->lock);
    return 0;
}

/* What completions gave while the thread ended is run here. */
static void run_left(struct database *database) {
    for (struct job *job = NULL; (job = list_take(&database->waiting)) != NULL;) {
        job->run(database->store, job->arg);
        list_append(&database->finished, job);
        report_finished(database);
    }
}

void database_close(struct database *database) {
    if (database == NULL)
        return;
    pthread_mutex_lock(&database->lock);
    database->stopping = true;
    pthread_cond_signal(&database->given);
    pthread_mutex_unlock(&database->lock);
    pthread_join(database->thread, NULL);
    report_finished(database);
    run_left(database);
    store_close(database->store);
    database->store = NULL;
    uv_close((uv_handle_t *)&database->wake, on_closed);
}
