#include "base/bytes.h"
#include "suites.h"

#include <string.h>

START_TEST(test_highest_first) {
    uint8_t at[10];
    memset(at, 0xee, sizeof at);
    bytes_put(at + 1, 0x0102030405060708, 8);
    ck_assert_mem_eq(at, "\xee\1\2\3\4\5\6\7\x8\xee", 10);
    ck_assert_uint_eq(bytes_get(at + 1, 8), 0x0102030405060708);
    ck_assert_uint_eq(bytes_get(at + 1, 2), 0x0102);
}
END_TEST

/* Of as many bytes as were asked for, also where the number has more. */
START_TEST(test_any_count) {
    for (size_t count = 0; count <= 8; count++) {
        uint8_t at[10] = {0};
        uint64_t fits = count == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * count) - 1;
        bytes_put(at + 1, UINT64_MAX, count);
        ck_assert_uint_eq(bytes_get(at + 1, count), fits);
        ck_assert_uint_eq(at[0], 0);
        ck_assert_uint_eq(at[count + 1], 0);
    }
}
END_TEST

Suite *suite_bytes(void) {
    Suite *suite = suite_create("bytes");
    TCase *tc = tcase_create("bytes");
    tcase_add_test(tc, test_highest_first);
    tcase_add_test(tc, test_any_count);
    suite_add_tcase(suite, tc);
    return suite;
}
