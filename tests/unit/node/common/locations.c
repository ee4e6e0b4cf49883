#include "node/common/locations.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct location_options none;
static struct locations found;
static struct fail fail;

/* Each test runs in a process of its own, so the environment is its own too. */
static void setup(void) {
    unsetenv("FXNODE_STATE");
    unsetenv("FXNODE_SOCKET");
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("XDG_CONFIG_HOME");
    setenv("HOME", "/home/me", 1);
}

START_TEST(test_defaults) {
    ck_assert_int_eq(locations_find(&found, &none, &fail), 0);
    ck_assert_str_eq(found.state, "/home/me/.local/state/fxnode");
    ck_assert_str_eq(found.socket, "/home/me/.local/state/fxnode/control");
    ck_assert_str_eq(found.config, "/home/me/.config/fxnode/fxnode.conf");
    ck_assert(!found.socket_given && !found.config_given);
}
END_TEST

START_TEST(test_xdg) {
    setenv("XDG_STATE_HOME", "/s", 1);
    setenv("XDG_RUNTIME_DIR", "/r", 1);
    setenv("XDG_CONFIG_HOME", "/c", 1);
    ck_assert_int_eq(locations_find(&found, &none, &fail), 0);
    ck_assert_str_eq(found.state, "/s/fxnode");
    ck_assert_str_eq(found.socket, "/r/fxnode/control");
    ck_assert_str_eq(found.config, "/c/fxnode/fxnode.conf");
    setenv("XDG_STATE_HOME", "relative", 1);
    ck_assert_int_eq(locations_find(&found, &none, &fail), 0);
    ck_assert_str_eq(found.state, "/home/me/.local/state/fxnode");
}
END_TEST

START_TEST(test_environment_and_options) {
    struct location_options options = {.state = "/o", .config = "/o/conf"};
    setenv("XDG_RUNTIME_DIR", "/r", 1);
    setenv("FXNODE_STATE", "/e", 1);
    ck_assert_int_eq(locations_find(&found, &none, &fail), 0);
    ck_assert_str_eq(found.state, "/e");
    ck_assert_str_eq(found.socket, "/e/control");
    setenv("FXNODE_SOCKET", "/e/sock", 1);
    ck_assert_int_eq(locations_find(&found, &options, &fail), 0);
    ck_assert_str_eq(found.state, "/o");
    ck_assert_str_eq(found.socket, "/e/sock");
    ck_assert_str_eq(found.config, "/o/conf");
    ck_assert(found.socket_given && found.config_given);
}
END_TEST

START_TEST(test_relative_paths) {
    struct location_options options = {.state = "s"};
    ck_assert_int_eq(chdir("/tmp"), 0);
    ck_assert_int_eq(locations_find(&found, &options, &fail), 0);
    ck_assert_str_eq(found.state, "/tmp/s");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(locations_find(&found, &options, &fail), 0);
    ck_assert_str_eq(found.state, "/s");
}
END_TEST

START_TEST(test_long_paths_are_refused) {
    char path[200] = "/";
    struct location_options options = {.socket = path};
    memset(path + 1, 'x', sizeof path - 2);
    path[sizeof path - 1] = '\0';
    ck_assert_int_lt(locations_find(&found, &options, &fail), 0);
    ck_assert_ptr_nonnull(strstr(fail.text, "--socket"));
}
END_TEST

START_TEST(test_default_files) {
    const char *dir = scratch_make();
    char path[PATH_MAX];
    ck_assert_int_eq(locations_default_files(path, &fail), 0);
    ck_assert_str_eq(path, "/home/me/Downloads/fxnode");
    setenv("XDG_CONFIG_HOME", dir, 1);
    scratch_write(dir, "user-dirs.dirs",
                  "# made by a tool\nXDG_DESKTOP_DIR=\"$HOME/D\"\nXDG_DOWNLOAD_DIR=\"$HOME/Get\"\n",
                  0600);
    ck_assert_int_eq(locations_default_files(path, &fail), 0);
    ck_assert_str_eq(path, "/home/me/Get/fxnode");
    scratch_write(dir, "user-dirs.dirs", "XDG_DOWNLOAD_DIR=\"/srv/get\"\n", 0600);
    ck_assert_int_eq(locations_default_files(path, &fail), 0);
    ck_assert_str_eq(path, "/srv/get/fxnode");
    scratch_write(dir, "user-dirs.dirs", "XDG_DOWNLOAD_DIR=\"relative\"\n", 0600);
    ck_assert_int_eq(locations_default_files(path, &fail), 0);
    ck_assert_str_eq(path, "/home/me/Downloads/fxnode");
    scratch_remove(dir);
}
END_TEST

Suite *suite_locations(void) {
    Suite *suite = suite_create("locations");
    TCase *test = tcase_create("locations");
    tcase_add_checked_fixture(test, setup, NULL);
    tcase_add_test(test, test_defaults);
    tcase_add_test(test, test_xdg);
    tcase_add_test(test, test_environment_and_options);
    tcase_add_test(test, test_relative_paths);
    tcase_add_test(test, test_long_paths_are_refused);
    tcase_add_test(test, test_default_files);
    suite_add_tcase(suite, test);
    return suite;
}
