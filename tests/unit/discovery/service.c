#include "discovery/service.h"
#include "suites.h"

#include <stdio.h>
#include <string.h>

static const uint8_t KEY[LIMIT_KEY] = {1, 2, 3};

static AvahiStringList *list_of(const char *const *items) {
    AvahiStringList *list = NULL;
    for (; *items; items++)
        list = avahi_string_list_add(list, *items);
    return avahi_string_list_reverse(list);
}

static struct service_txt read_items(const char *const *items) {
    struct service_txt txt;
    AvahiStringList *list = list_of(items);
    service_read_txt(&txt, list);
    avahi_string_list_free(list);
    return txt;
}

START_TEST(test_txt_round_trip) {
    char id[ID_TEXT_ROOM];
    struct service_txt txt;
    id_format(id, KEY);
    AvahiStringList *list = service_write_txt(id);
    ck_assert_ptr_nonnull(list);
    service_read_txt(&txt, list);
    avahi_string_list_free(list);
    ck_assert_uint_eq(txt.version, SERVICE_VERSION);
    ck_assert_str_eq(txt.id, id);
}
END_TEST

START_TEST(test_txt_keys_in_any_case_first_counts) {
    char upper[ID_TEXT_ROOM + 3] = "ID=";
    char id[ID_TEXT_ROOM];
    id_format(id, KEY);
    for (size_t i = 0; i <= ID_TEXT; i++)
        upper[3 + i] = (char)(id[i] >= 'a' ? id[i] - 'a' + 'A' : id[i]);
    const char *const items[] = {"x=1", "V=7", "v=8", upper, "id=nonsense", NULL};
    struct service_txt txt = read_items(items);
    ck_assert_uint_eq(txt.version, 7);
    ck_assert_str_eq(txt.id, id);
}
END_TEST

static const char *const BAD_VERSIONS[] = {"v",    "v=",           "v=x", "v=-1",
                                           "v=1x", "v=4294967296", "vv=3"};

START_TEST(test_txt_bad_versions_are_missing) {
    const char *const items[] = {BAD_VERSIONS[_i], NULL};
    ck_assert_uint_eq(read_items(items).version, 0);
}
END_TEST

START_TEST(test_txt_bad_ids_are_missing) {
    char changed[ID_TEXT_ROOM + 3] = "id=";
    id_format(changed + 3, KEY);
    changed[3] = changed[3] == 'a' ? 'b' : 'a';
    const char *const bad[] = {"id=", "id", "id=abc", changed, NULL};
    for (size_t i = 0; bad[i]; i++) {
        const char *const items[] = {bad[i], NULL};
        ck_assert_str_eq(read_items(items).id, "");
    }
}
END_TEST

START_TEST(test_txt_values_are_bytes) {
    /* A NUL within an id of the right length, and no text at all. */
    struct service_txt txt;
    uint8_t value[3 + ID_TEXT] = "id=a";
    AvahiStringList *list = avahi_string_list_add_arbitrary(NULL, value, sizeof value);
    service_read_txt(&txt, list);
    avahi_string_list_free(list);
    ck_assert_str_eq(txt.id, "");
    service_read_txt(&txt, NULL);
    ck_assert_uint_eq(txt.version, 0);
}
END_TEST

START_TEST(test_names) {
    char longest[DISCOVERY_NAME_ROOM + 1];
    memset(longest, 'x', sizeof longest);
    longest[DISCOVERY_NAME_ROOM] = '\0';
    ck_assert(!service_name_ok(longest));
    longest[DISCOVERY_NAME_ROOM - 1] = '\0';
    ck_assert(service_name_ok(longest));
    ck_assert(service_name_ok("J\xc3\xb6rg's laptop"));
    ck_assert(!service_name_ok(""));
    ck_assert(!service_name_ok("a\x1b[2J"));
    ck_assert(!service_name_ok("a\x7f"));
    ck_assert(!service_name_ok("a\xff"));
}
END_TEST

START_TEST(test_next_names_differ_and_fit) {
    char name[DISCOVERY_NAME_ROOM] = "node";
    ck_assert(service_next_name(name));
    ck_assert_str_eq(name, "node #2");
    memset(name, 'x', sizeof name - 1);
    for (int i = 0; i < 20; i++) {
        char before[DISCOVERY_NAME_ROOM];
        strcpy(before, name);
        ck_assert(service_next_name(name));
        ck_assert_str_ne(before, name);
        ck_assert(service_name_ok(name));
    }
}
END_TEST

START_TEST(test_quarrels_slow_down) {
    ck_assert_uint_eq(service_collision_delay_ms(0), 0);
    ck_assert_uint_ge(service_collision_delay_ms(15), 5000);
}
END_TEST

START_TEST(test_host_label_is_one_label) {
    char label[SERVICE_LABEL_ROOM];
    char id[ID_TEXT_ROOM];
    id_format(id, KEY);
    service_host_label(label, id);
    ck_assert_int_eq(strncmp(label, "fxnode-", 7), 0);
    ck_assert_int_eq(strncmp(label + 7, id, 8), 0);
    ck_assert_uint_eq(strlen(label), 15);
}
END_TEST

START_TEST(test_setup_must_be_publishable) {
    struct discovery_setup setup = {.publish = true, .name = "node", .port = 42420};
    ck_assert(!service_setup_ok(&setup));
    id_format(setup.id, KEY);
    ck_assert(service_setup_ok(&setup));
    setup.port = 0;
    ck_assert(!service_setup_ok(&setup));
    setup.publish = false;
    ck_assert(service_setup_ok(&setup));
    setup.name[0] = '\0';
    ck_assert(service_setup_ok(&setup));
    setup.id[0] ^= 1;
    ck_assert(!service_setup_ok(&setup));
}
END_TEST

Suite *suite_service(void) {
    Suite *suite = suite_create("service");
    TCase *tc = tcase_create("service");
    tcase_add_test(tc, test_txt_round_trip);
    tcase_add_test(tc, test_txt_keys_in_any_case_first_counts);
    tcase_add_loop_test(tc, test_txt_bad_versions_are_missing, 0,
                        sizeof BAD_VERSIONS / sizeof *BAD_VERSIONS);
    tcase_add_test(tc, test_txt_bad_ids_are_missing);
    tcase_add_test(tc, test_txt_values_are_bytes);
    tcase_add_test(tc, test_names);
    tcase_add_test(tc, test_next_names_differ_and_fit);
    tcase_add_test(tc, test_quarrels_slow_down);
    tcase_add_test(tc, test_host_label_is_one_label);
    tcase_add_test(tc, test_setup_must_be_publishable);
    suite_add_tcase(suite, tc);
    return suite;
}
