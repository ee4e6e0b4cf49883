#include "discovery/addresses.h"
#include "suites.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A datagram of the kernel, built by hand. */
static _Alignas(struct nlmsghdr) uint8_t data[4096];
static size_t length;
static struct addresses result;

static void set_up(void) {
    memset(data, 0, sizeof data);
    memset(&result, 0, sizeof result);
    length = 0;
}

static struct nlmsghdr *begin(uint16_t type) {
    struct nlmsghdr *header = (struct nlmsghdr *)(data + length);
    header->nlmsg_type = type;
    header->nlmsg_len = sizeof *header;
    return header;
}

static void finish(const struct nlmsghdr *header) {
    length += NLMSG_ALIGN(header->nlmsg_len);
}

static void attribute(struct nlmsghdr *header, uint16_t type, const void *value, size_t size) {
    struct rtattr *at = (struct rtattr *)((uint8_t *)header + NLMSG_ALIGN(header->nlmsg_len));
    at->rta_type = type;
    at->rta_len = (uint16_t)RTA_LENGTH(size);
    memcpy(RTA_DATA(at), value, size);
    header->nlmsg_len = NLMSG_ALIGN(header->nlmsg_len) + (uint32_t)RTA_LENGTH(size);
}

static struct nlmsghdr *begin_address(uint8_t family, uint8_t scope, uint8_t flags) {
    struct nlmsghdr *header = begin(RTM_NEWADDR);
    struct ifaddrmsg info = {
        .ifa_family = family, .ifa_scope = scope, .ifa_flags = flags, .ifa_index = 2};
    memcpy(NLMSG_DATA(header), &info, sizeof info);
    header->nlmsg_len = NLMSG_LENGTH(sizeof info);
    return header;
}

static void add_v4(uint8_t last, uint8_t scope, uint8_t flags) {
    struct nlmsghdr *header = begin_address(AF_INET, scope, flags);
    attribute(header, IFA_LOCAL, (uint8_t[]){10, 0, 0, last}, 4);
    finish(header);
}

static void add_v6(uint8_t first, uint8_t scope, uint32_t flags) {
    struct nlmsghdr *header = begin_address(AF_INET6, scope, (uint8_t)flags);
    attribute(header, IFA_ADDRESS, (uint8_t[16]){first, 0x80, [15] = 1}, 16);
    attribute(header, IFA_FLAGS, &flags, sizeof flags);
    finish(header);
}

START_TEST(test_addresses_of_both_families) {
    add_v4(1, RT_SCOPE_UNIVERSE, IFA_F_PERMANENT);
    add_v6(0xfe, RT_SCOPE_LINK, IFA_F_PERMANENT);
    ck_assert_int_eq(addresses_parse(&result, data, length), 1);
    ck_assert_uint_eq(result.count, 2);
    ck_assert_uint_eq(result.list[0].length, 4);
    ck_assert_uint_eq(result.list[0].interface, 2);
    ck_assert_uint_eq(result.list[0].bytes[3], 1);
    ck_assert_uint_eq(result.list[1].length, 16);
    ck_assert_uint_eq(result.list[1].bytes[0], 0xfe);
}
END_TEST

START_TEST(test_a_second_ipv4_address_is_not_a_temporary_one) {
    add_v4(1, RT_SCOPE_UNIVERSE, IFA_F_SECONDARY);
    add_v6(0xfd, RT_SCOPE_UNIVERSE, IFA_F_TEMPORARY);
    ck_assert_int_eq(addresses_parse(&result, data, length), 1);
    ck_assert_uint_eq(result.count, 1);
    ck_assert_uint_eq(result.list[0].length, 4);
}
END_TEST

START_TEST(test_unusable_addresses_are_left_out) {
    add_v4(1, RT_SCOPE_HOST, 0);
    add_v4(2, RT_SCOPE_UNIVERSE, IFA_F_DEPRECATED);
    add_v6(0xfd, RT_SCOPE_UNIVERSE, IFA_F_TENTATIVE);
    add_v6(0xfd, RT_SCOPE_UNIVERSE, IFA_F_DADFAILED);
    ck_assert_int_eq(addresses_parse(&result, data, length), 1);
    ck_assert_uint_eq(result.count, 0);
}
END_TEST

START_TEST(test_local_end_of_a_tunnel) {
    struct nlmsghdr *header = begin_address(AF_INET, RT_SCOPE_UNIVERSE, 0);
    attribute(header, IFA_ADDRESS, (uint8_t[]){10, 0, 0, 9}, 4);
    attribute(header, IFA_LOCAL, (uint8_t[]){10, 0, 0, 8}, 4);
    finish(header);
    ck_assert_int_eq(addresses_parse(&result, data, length), 1);
    ck_assert_uint_eq(result.list[0].bytes[3], 8);
}
END_TEST

START_TEST(test_duplicates_and_bound) {
    for (int round = 0; round < 2; round++)
        for (uint8_t i = 0; i < ADDRESSES_MAX + 10; i++) {
            length = 0;
            add_v4(i, RT_SCOPE_UNIVERSE, 0);
            ck_assert_int_eq(addresses_parse(&result, data, length), 1);
        }
    ck_assert_uint_eq(result.count, ADDRESSES_MAX);
    ck_assert(!addresses_equal(&result.list[0], &result.list[1]));
}
END_TEST

START_TEST(test_done_and_error) {
    struct nlmsgerr error = {.error = -EPERM};
    struct nlmsghdr *header = begin(NLMSG_ERROR);
    memcpy(NLMSG_DATA(header), &error, sizeof error);
    header->nlmsg_len = NLMSG_LENGTH(sizeof error);
    finish(header);
    ck_assert_int_eq(addresses_parse(&result, data, length), -EPERM);
    header->nlmsg_len = sizeof *header;
    ck_assert_int_eq(addresses_parse(&result, data, sizeof *header), -EINVAL);
    header->nlmsg_type = NLMSG_DONE;
    ck_assert_int_eq(addresses_parse(&result, data, sizeof *header), 0);
}
END_TEST

/* Whatever the lengths say, nothing outside the datagram is read (the sanitizers watch). */
START_TEST(test_any_length_field) {
    add_v4(1, RT_SCOPE_UNIVERSE, 0);
    struct nlmsghdr *header = (struct nlmsghdr *)data;
    struct rtattr *at = IFA_RTA(NLMSG_DATA(header));
    size_t whole = length;
    for (uint32_t i = 0; i < 80; i++) {
        header->nlmsg_len = i;
        int parsed = addresses_parse(&result, data, whole);
        ck_assert(i < sizeof *header || i > whole ? parsed == -EINVAL
                                                  : parsed == 1 || parsed == -EINVAL);
    }
    header->nlmsg_len = (uint32_t)whole;
    for (uint16_t i = 0; i < 80; i++) {
        at->rta_len = i;
        result.count = 0;
        ck_assert_int_eq(addresses_parse(&result, data, whole), 1);
        ck_assert_uint_eq(result.count, i == RTA_LENGTH(4));
    }
}
END_TEST

START_TEST(test_the_kernel_answers) {
    ck_assert_int_eq(addresses_scan(&result), 0);
    for (size_t i = 0; i < result.count; i++)
        ck_assert(result.list[i].length == 16 || result.list[i].bytes[0] != 127);
    int fd = addresses_watch();
    ck_assert_int_ge(fd, 0);
    addresses_drain(fd);
    close(fd);
}
END_TEST

Suite *suite_addresses(void) {
    Suite *suite = suite_create("addresses");
    TCase *tc = tcase_create("addresses");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, test_addresses_of_both_families);
    tcase_add_test(tc, test_a_second_ipv4_address_is_not_a_temporary_one);
    tcase_add_test(tc, test_unusable_addresses_are_left_out);
    tcase_add_test(tc, test_local_end_of_a_tunnel);
    tcase_add_test(tc, test_duplicates_and_bound);
    tcase_add_test(tc, test_done_and_error);
    tcase_add_test(tc, test_any_length_field);
    tcase_add_test(tc, test_the_kernel_answers);
    suite_add_tcase(suite, tc);
    return suite;
}
