#include "node/common/address.h"
#include "suites.h"

#include <string.h>

static const struct {
    const char *text;
    const char *host; /* NULL: not an address */
    uint16_t port;
} splits[] = {
    {"10.0.0.1", "10.0.0.1", ADDRESS_PORT},
    {"10.0.0.1:99", "10.0.0.1", 99},
    {"host", "host", ADDRESS_PORT},
    {"host.local:65535", "host.local", 65535},
    {"fd77::1", "fd77::1", ADDRESS_PORT},
    {"[fd77::1]", "fd77::1", ADDRESS_PORT},
    {"[fd77::1]:8", "fd77::1", 8},
    {"[fe80::1%eth0]:8", "fe80::1%eth0", 8},
    {"", NULL, 0},
    {":8", NULL, 0},
    {"host:", NULL, 0},
    {"host:0", NULL, 0},
    {"host:65536", NULL, 0},
    {"host:-1", NULL, 0},
    {"host:+1", NULL, 0},
    {"host:8x", NULL, 0},
    {"[fd77::1", NULL, 0},
    {"[]:8", NULL, 0},
    {"[fd77::1]8", NULL, 0},
};

START_TEST(test_split) {
    char host[ADDRESS_HOST_MAX + 1];
    uint16_t port;
    bool split = address_split(splits[_i].text, host, &port);
    ck_assert_int_eq(split, splits[_i].host != NULL);
    if (!split)
        return;
    ck_assert_str_eq(host, splits[_i].host);
    ck_assert_uint_eq(port, splits[_i].port);
}
END_TEST

START_TEST(test_split_refuses_a_long_host) {
    char text[400];
    char host[ADDRESS_HOST_MAX + 1];
    uint16_t port;
    memset(text, 'a', sizeof text);
    text[ADDRESS_HOST_MAX] = '\0';
    ck_assert(address_split(text, host, &port));
    ck_assert_uint_eq(strlen(host), ADDRESS_HOST_MAX);
    text[ADDRESS_HOST_MAX] = 'a';
    text[ADDRESS_HOST_MAX + 1] = '\0';
    ck_assert(!address_split(text, host, &port));
}
END_TEST

START_TEST(test_text_round_trip) {
    static const char *const hosts[] = {"127.0.0.1", "::1", "fe80::1%lo"};
    static const char *const shown[] = {"127.0.0.1:7", "[::1]:7", "[fe80::1%lo]:7"};
    for (size_t i = 0; i < 3; i++) {
        struct address address;
        char text[ADDRESS_ROOM];
        ck_assert(address_parse(&address, hosts[i], 7, ""));
        address_format(text, &address);
        ck_assert_str_eq(text, shown[i]);
        address_format_host(text, &address);
        ck_assert_str_eq(text, hosts[i]);
    }
}
END_TEST

START_TEST(test_interface_gives_the_scope) {
    struct address address;
    ck_assert(address_parse(&address, "fe80::2", 7, "lo"));
    ck_assert_uint_eq(address.at.v6.sin6_scope_id, if_nametoindex("lo"));
    ck_assert(!address_parse(&address, "fe80::2%no-such-link", 7, ""));
    ck_assert(!address_parse(&address, "10.0.0.1", 7, "a-name-that-is-too-long"));
    ck_assert(!address_parse(&address, "host", 7, ""));
}
END_TEST

START_TEST(test_bytes) {
    static const uint8_t v4[4] = {10, 0, 0, 1};
    static const uint8_t v6[16] = {0xfe, 0x80, [15] = 1};
    struct address address;
    char text[ADDRESS_ROOM];
    unsigned lo = if_nametoindex("lo");
    ck_assert(address_from_bytes(&address, v4, 4, 5, 0));
    address_format(text, &address);
    ck_assert_str_eq(text, "10.0.0.1:5");
    ck_assert(address_from_bytes(&address, v6, 16, 5, lo));
    ck_assert_uint_eq(address.at.v6.sin6_scope_id, lo);
    ck_assert_str_eq(address.interface, "lo");
    ck_assert(!address_from_bytes(&address, v6, 15, 5, lo));
    ck_assert(!address_from_bytes(&address, v4, 0, 5, 0));
    ck_assert(!address_from_bytes(&address, v4, 4, 5, 0x7fffffff));
}
END_TEST

/* What anybody may announce, and nobody should call. */
START_TEST(test_bytes_of_no_host) {
    static const struct {
        uint8_t bytes[16];
        size_t length;
    } none[] = {
        {{0}, 4},  {{0, 0, 0, 1}, 4},           {{224, 0, 0, 251}, 4}, {{255, 255, 255, 255}, 4},
        {{0}, 16}, {{0xff, 2, [15] = 0xfb}, 16}};
    struct address address;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        ck_assert(!address_from_bytes(&address, none[i].bytes, none[i].length, 5, 0));
}
END_TEST

START_TEST(test_mapped_becomes_v4) {
    struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    struct sockaddr other = {.sa_family = AF_UNIX};
    struct address address;
    char text[ADDRESS_ROOM];
    from.sin6_addr.s6_addr[10] = from.sin6_addr.s6_addr[11] = 0xff;
    from.sin6_addr.s6_addr[12] = 127;
    from.sin6_addr.s6_addr[15] = 1;
    ck_assert(address_from_sockaddr(&address, (struct sockaddr *)&from));
    address_format(text, &address);
    ck_assert_str_eq(text, "127.0.0.1:9");
    ck_assert(!address_from_sockaddr(&address, &other));
}
END_TEST

START_TEST(test_equality) {
    struct address a, b;
    ck_assert(address_parse(&a, "10.0.0.1", 1, ""));
    ck_assert(address_parse(&b, "10.0.0.1", 2, ""));
    ck_assert(address_same_host(&a, &b));
    ck_assert(!address_equal(&a, &b));
    address_set_port(&b, 1);
    ck_assert(address_equal(&a, &b));
    ck_assert(address_parse(&b, "::1", 1, ""));
    ck_assert(!address_same_host(&a, &b));
}
END_TEST

Suite *suite_address(void) {
    Suite *suite = suite_create("address");
    TCase *test = tcase_create("address");
    tcase_add_loop_test(test, test_split, 0, (int)(sizeof splits / sizeof *splits));
    tcase_add_test(test, test_split_refuses_a_long_host);
    tcase_add_test(test, test_text_round_trip);
    tcase_add_test(test, test_interface_gives_the_scope);
    tcase_add_test(test, test_bytes);
    tcase_add_test(test, test_bytes_of_no_host);
    tcase_add_test(test, test_mapped_becomes_v4);
    tcase_add_test(test, test_equality);
    suite_add_tcase(suite, test);
    return suite;
}
