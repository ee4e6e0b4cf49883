#include "node/common/config.h"

#include "proto/features.h"
#include "suites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int read_text(struct config *config, const char *text, struct fail *fail) {
    const char *dir = scratch_make();
    char path[128];
    snprintf(path, sizeof path, "%s/c", dir);
    scratch_write(dir, "c", text, 0600);
    config_defaults(config);
    int rc = config_read(config, path, true, fail);
    scratch_remove(dir);
    return rc;
}

START_TEST(test_reads_every_setting) {
    struct config config;
    struct fail fail;
    ck_assert_int_eq(read_text(&config,
                               "# a comment\n"
                               "name = my \xc3\xa4 machine ; not a comment\n"
                               "files=/srv/in\nlisten = 10.0.0.1:99\nlisten = [::1]\n"
                               "discovery = quiet\naccept = all\nexists = overwrite\nlinks = all\n"
                               "send-to = known\nlanes = 2\nbatch = 8M\nrecord-layer = libcrypto\n"
                               "compress = off\n",
                               &fail),
                     0);
    ck_assert_str_eq(config.name, "my \xc3\xa4 machine ; not a comment");
    ck_assert_str_eq(config.files, "/srv/in");
    ck_assert_uint_eq(config.listen_count, 2);
    ck_assert_str_eq(config.listen[1], "[::1]");
    ck_assert_int_eq(config.discovery, CONFIG_DISCOVERY_QUIET);
    ck_assert_int_eq(config.accept, CONFIG_ACCEPT_ALL);
    ck_assert_int_eq(config.exists, CONFIG_EXISTS_OVERWRITE);
    ck_assert_int_eq(config.links, CONFIG_LINKS_ALL);
    ck_assert_int_eq(config.send_to, CONFIG_SEND_TO_KNOWN);
    ck_assert_uint_eq(config.lanes, 2);
    ck_assert_uint_eq(config.batch, 8u << 20);
    ck_assert_int_eq(config.record_layer, CONFIG_RECORD_LAYER_LIBCRYPTO);
    ck_assert_uint_eq(config_features(&config), FEATURES & ~FEATURE_PACKED);
    config_defaults(&config);
    ck_assert_uint_eq(config_features(&config), FEATURES);
}
END_TEST

static const struct {
    const char *text;
    const char *said;
} wrongs[] = {
    {"nmae = x\n", "line 1: there is no setting \"nmae\""},
    {"\naccept = maybe\n", "line 2: accept is ask, paired or all"},
    {"send-to = friends\n", "line 1: send-to is any, known or paired"},
    {"discovery = yes\n", "line 1: discovery is on, quiet or off"},
    {"lanes = 0\n", "line 1: lanes is a number"},
    {"lanes = 9\n", "line 1: lanes is a number"},
    {"batch = 1K\n", "line 1: batch is a size"},
    {"batch = 8Q\n", "line 1: batch is a size"},
    {"files = here\n", "line 1: the directory for received files has to be an absolute path"},
    {"listen = somewhere\n", "line 1: \"somewhere\" is no address"},
    {"name =\n", "line 1: a name has 1 to 63 bytes"},
    {"name = \xff\n", "line 1: a name has 1 to 63 bytes"},
    {"[node]\nname = x\n", "line 2: there are no [sections]"},
    {"exists = keep\n", "line 1: exists is rename, skip, overwrite, ask or refuse"},
    {"links = outside\n", "line 1: links is inside or all"},
    {"record-layer = openssl\n", "line 1: record-layer is auto, libsodium or libcrypto"},
    {"compress = on\n", "line 1: compress is auto or off"},
    {"just words\n", "line 1: it is not KEY = VALUE"},
    {"n\x1bme = x\n", "there is no setting \"n\\eme\""},
};

START_TEST(test_names_what_is_wrong) {
    struct config config;
    struct fail fail;
    ck_assert_int_lt(read_text(&config, wrongs[_i].text, &fail), 0);
    ck_assert_msg(strstr(fail.text, wrongs[_i].said) != NULL, "said: %s", fail.text);
}
END_TEST

START_TEST(test_long_lines_are_whole) {
    struct config config;
    struct fail fail;
    char text[1200] = "files = /";
    memset(text + 9, 'x', 1000);
    ck_assert_int_eq(read_text(&config, text, &fail), 0);
    ck_assert_uint_eq(strlen(config.files), 1001);
}
END_TEST

START_TEST(test_missing_file) {
    struct config config;
    struct fail fail;
    config_defaults(&config);
    ck_assert_int_eq(config_read(&config, "/no/such/file", false, &fail), 0);
    ck_assert_int_eq(config_read(&config, "/no/such/file", true, &fail), -ENOENT);
    ck_assert_str_eq(fail.text,
                     "cannot read the configuration /no/such/file: No such file or directory");
}
END_TEST

START_TEST(test_too_many_listeners) {
    struct config config;
    struct fail fail;
    config_defaults(&config);
    for (int i = 0; i < CONFIG_LISTEN_MAX; i++)
        ck_assert_int_eq(config_set(&config, "listen", "10.0.0.1", &fail), 0);
    ck_assert_int_lt(config_set(&config, "listen", "10.0.0.1", &fail), 0);
}
END_TEST

static const struct {
    const char *text;
    uint64_t unit;
    bool valid;
    uint64_t value;
} sizes[] = {
    {"0", 1000, true, 0},
    {"12", 1000, true, 12},
    {"2k", 1000, true, 2000},
    {"2K", 1024, true, 2048},
    {"3M", 1000, true, 3000000},
    {"4G", 1000, true, 4000000000},
    {"18446744073709551615", 1000, true, UINT64_MAX},
    {"18446744073709551616", 1000, false, 0},
    {"18446744073709551615k", 1000, false, 0},
    {"", 1000, false, 0},
    {"k", 1000, false, 0},
    {"1kk", 1000, false, 0},
    {"-1", 1000, false, 0},
    {" 1", 1000, false, 0},
    {"1T", 1000, false, 0},
};

START_TEST(test_sizes) {
    uint64_t value = 0;
    ck_assert_int_eq(config_parse_size(&value, sizes[_i].text, sizes[_i].unit), sizes[_i].valid);
    if (sizes[_i].valid)
        ck_assert_uint_eq(value, sizes[_i].value);
}
END_TEST

Suite *suite_config(void) {
    Suite *suite = suite_create("config");
    TCase *test = tcase_create("config");
    tcase_add_test(test, test_reads_every_setting);
    tcase_add_loop_test(test, test_names_what_is_wrong, 0, (int)(sizeof wrongs / sizeof *wrongs));
    tcase_add_test(test, test_long_lines_are_whole);
    tcase_add_test(test, test_missing_file);
    tcase_add_test(test, test_too_many_listeners);
    tcase_add_loop_test(test, test_sizes, 0, (int)(sizeof sizes / sizeof *sizes));
    suite_add_tcase(suite, test);
    return suite;
}
