/*
 * Both Avahi libraries define avahi_entry_group_free. Each must use its own, or the first release
 * of a published record crashes the helper.
 */
#include "suites.h"

#include <avahi-client/publish.h>
#include <avahi-core/core.h>
#include <dlfcn.h>

/* The file that `symbol` is in, by its base address. */
static const void *home_of(const void *symbol) {
    Dl_info info = {0};
    ck_assert(dladdr(symbol, &info) != 0);
    return info.dli_fbase;
}

START_TEST(test_core_and_client_use_their_own) {
    /* What avahi-core calls by that name is what the dynamic linker finds for it. */
    const void *global = dlsym(RTLD_DEFAULT, "avahi_entry_group_free");
    ck_assert_ptr_nonnull(global);
    ck_assert_ptr_eq(home_of(global), home_of((const void *)avahi_server_new));
    /* The client and what this program calls are in the program. */
    const void *ours = (const void *)avahi_entry_group_free;
    ck_assert_ptr_eq(home_of((const void *)avahi_entry_group_new), home_of(ours));
    ck_assert_ptr_ne(home_of(ours), home_of(global));
}
END_TEST

Suite *suite_symbols(void) {
    Suite *suite = suite_create("symbols");
    TCase *tc = tcase_create("symbols");
    tcase_add_test(tc, test_core_and_client_use_their_own);
    suite_add_tcase(suite, tc);
    return suite;
}
