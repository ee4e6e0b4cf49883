#include "discovery/bus.h"
#include "node/helper/discovery_confine.h"
#include "suites.h"

#include <avahi-common/simple-watch.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char *root;
static AvahiSimplePoll *loop;
static struct bus bus;
static int appeared;
static char text[PATH_MAX];

static const char *under(const char *name) {
    snprintf(text, sizeof text, "%s/%s", root, name);
    return text;
}

static void count(void *context) {
    (void)context;
    appeared++;
}

static void set_up(void) {
    static char pattern[] = "/tmp/fxnode-bus-XXXXXX";
    root = mkdtemp(pattern);
    ck_assert_ptr_nonnull(root);
    loop = avahi_simple_poll_new();
    ck_assert_ptr_nonnull(loop);
}

static void tear_down(void) {
    bus_clear(&bus);
    avahi_simple_poll_free(loop);
    unlink(under("a/b/bus"));
    rmdir(under("a/b"));
    rmdir(under("a"));
    ck_assert_int_eq(rmdir(root), 0);
}

static void start(const char *address) {
    ck_assert_int_eq(setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1), 0);
    bus_init(&bus, avahi_simple_poll_get(loop), count, NULL);
}

/* The bus whose socket is at a/b/bus. */
static void start_at_root(void) {
    char address[PATH_MAX];
    snprintf(address, sizeof address, "tcp:host=localhost,port=1;unix:path=%s/a/b/bus", root);
    start(address);
    ck_assert(bus_watched(&bus));
}

static void make_directories(void) {
    ck_assert_int_eq(mkdir(under("a"), 0700), 0);
    ck_assert_int_eq(mkdir(under("a/b"), 0700), 0);
}

static void make_socket(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_uint_lt(strlen(under("a/b/bus")), sizeof address.sun_path);
    strcpy(address.sun_path, text);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

/* Lets the loop handle what has happened so far: inotify tells at once. Its first rounds may be
 * spent on its own wake-ups. */
static void look(void) {
    for (int round = 0; round < 10; round++)
        ck_assert_int_eq(avahi_simple_poll_iterate(loop, 0), 0);
}

START_TEST(test_socket_comes_anew) {
    make_directories();
    start_at_root();
    ck_assert(!bus_exists(&bus));
    make_socket();
    look();
    ck_assert_int_eq(appeared, 1);
    ck_assert(bus_exists(&bus));
    ck_assert_int_eq(unlink(under("a/b/bus")), 0);
    look();
    ck_assert_int_eq(appeared, 1);
    make_socket();
    look();
    ck_assert_int_eq(appeared, 2);
}
END_TEST

START_TEST(test_socket_that_is_there_is_no_news) {
    make_directories();
    make_socket();
    start_at_root();
    ck_assert(bus_exists(&bus));
    look();
    ck_assert_int_eq(appeared, 0);
    ck_assert_int_eq(chmod(under("a/b/bus"), 0600), 0);
    look();
    ck_assert_int_eq(appeared, 1);
}
END_TEST

START_TEST(test_directories_come_later) {
    start_at_root();
    make_directories(); /* both between two looks */
    look();
    ck_assert_int_eq(appeared, 0);
    make_socket();
    look();
    ck_assert_int_eq(appeared, 1);
}
END_TEST

START_TEST(test_everything_comes_at_once) {
    start_at_root();
    make_directories();
    make_socket();
    look();
    ck_assert_int_eq(appeared, 1);
}
END_TEST

START_TEST(test_directory_goes_and_comes_back) {
    make_directories();
    start_at_root();
    ck_assert_int_eq(rmdir(under("a/b")), 0);
    look();
    ck_assert(bus_watched(&bus));
    ck_assert_int_eq(mkdir(under("a/b"), 0700), 0);
    look();
    make_socket();
    look();
    ck_assert_int_eq(appeared, 1);
}
END_TEST

START_TEST(test_others_do_not_matter) {
    make_directories();
    start_at_root();
    int fd = open(under("a/b/pid"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    look();
    ck_assert_int_eq(appeared, 0);
    ck_assert_int_eq(unlink(under("a/b/pid")), 0);
}
END_TEST

/* Another process, since this one may not make anything any more. */
START_TEST(test_when_confined) {
    int gate[2];
    ck_assert_int_eq(pipe(gate), 0);
    pid_t maker = fork();
    ck_assert_int_ge(maker, 0);
    if (maker == 0) {
        char byte;
        close(gate[1]);
        if (read(gate[0], &byte, 1) == 0) {
            make_directories();
            make_socket();
        }
        _exit(EXIT_SUCCESS);
    }
    ck_assert_int_eq(discovery_confine(), 0);
    start_at_root();
    close(gate[1]);
    ck_assert_int_eq(waitpid(maker, NULL, 0), maker);
    look();
    ck_assert_int_eq(appeared, 1);
    close(gate[0]);
}
END_TEST

START_TEST(test_escaped_address) {
    make_directories();
    make_socket();
    char address[PATH_MAX];
    snprintf(address, sizeof address, "unix:path=%s/a%%2fb/bus,guid=00", root);
    start(address);
    ck_assert_str_eq(bus.path, under("a/b/bus"));
}
END_TEST

static const char *const UNWATCHED[] = {"unix:abstract=fxnode", "tcp:host=localhost,port=1",
                                        "nonsense", "unix:path=relative", ""};

START_TEST(test_address_without_a_path) {
    start(UNWATCHED[_i]);
    ck_assert(!bus_watched(&bus));
    ck_assert(!bus_exists(&bus));
}
END_TEST

START_TEST(test_default_address) {
    ck_assert_int_eq(unsetenv("DBUS_SYSTEM_BUS_ADDRESS"), 0);
    bus_init(&bus, avahi_simple_poll_get(loop), count, NULL);
    ck_assert_str_eq(bus.path, "/run/dbus/system_bus_socket");
}
END_TEST

Suite *suite_bus(void) {
    Suite *suite = suite_create("bus");
    TCase *tc = tcase_create("bus");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, test_socket_comes_anew);
    tcase_add_test(tc, test_socket_that_is_there_is_no_news);
    tcase_add_test(tc, test_directories_come_later);
    tcase_add_test(tc, test_everything_comes_at_once);
    tcase_add_test(tc, test_directory_goes_and_comes_back);
    tcase_add_test(tc, test_others_do_not_matter);
    tcase_add_test(tc, test_escaped_address);
    tcase_add_loop_test(tc, test_address_without_a_path, 0, sizeof UNWATCHED / sizeof *UNWATCHED);
    tcase_add_test(tc, test_default_address);
    suite_add_tcase(suite, tc);
    /* Its fixture is of the process that is not confined, so that it can tidy up. */
    TCase *confined = tcase_create("confined");
    tcase_add_unchecked_fixture(confined, set_up, tear_down);
    tcase_add_test(confined, test_when_confined);
    suite_add_tcase(suite, confined);
    return suite;
}
