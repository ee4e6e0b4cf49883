#include "node/common/record_layer.h"
#include "suites.h"

#include <string.h>

static bool is_reference(const struct record_layer *layer) {
    return layer->code == secretstream_reference();
}

START_TEST(test_libsodium_as_configured) {
    struct record_layer layer;
    record_layer_choose(&layer, CONFIG_RECORD_LAYER_LIBSODIUM);
    ck_assert(is_reference(&layer));
    ck_assert_str_eq(layer.why, "as configured");
}
END_TEST

/* What is faster depends on the machine; that it says why does not. */
START_TEST(test_auto_says_why) {
    struct record_layer layer;
    record_layer_choose(&layer, CONFIG_RECORD_LAYER_AUTO);
    ck_assert_ptr_nonnull(layer.code);
    ck_assert(is_reference(&layer) || strstr(layer.why, " times as fast as libsodium ") != NULL);
    ck_assert_str_ne(layer.why, "as configured");
}
END_TEST

START_TEST(test_libcrypto_where_it_is_there) {
    struct record_layer layer;
    record_layer_choose(&layer, CONFIG_RECORD_LAYER_LIBCRYPTO);
#ifdef FXNODE_LIBCRYPTO
    ck_assert_int_eq(strncmp(layer.code->name, "libcrypto ", 10), 0);
    ck_assert_str_eq(layer.why, "as configured");
#else
    ck_assert(is_reference(&layer));
    ck_assert_str_eq(layer.why, "this fxnode was built without libcrypto");
#endif
}
END_TEST

Suite *suite_record_layer(void) {
    Suite *suite = suite_create("record layer");
    TCase *tests = tcase_create("choice");
    tcase_add_test(tests, test_libsodium_as_configured);
    tcase_add_test(tests, test_auto_says_why);
    tcase_add_test(tests, test_libcrypto_where_it_is_there);
    suite_add_tcase(suite, tests);
    return suite;
}
