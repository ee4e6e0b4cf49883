#include "tests/sim/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct order orders[ORDERS];
static size_t count;

struct order *order_list(void) {
    return orders;
}

size_t order_count(void) {
    return count;
}

void order_begin(void) {
    count = 0;
}

struct order *order_add(void) {
    if (count == ORDERS)
        abort();
    memset(&orders[count], 0, sizeof orders[count]);
    return &orders[count++];
}

struct order *order_of_id(const void *id, size_t length) {
    for (size_t i = 0; i < count; i++)
        if (length == sizeof orders[i].id && memcmp(orders[i].id, id, length) == 0)
            return &orders[i];
    return NULL;
}

struct order *order_of_name(const char *name, size_t length) {
    char plain[256];

    snprintf(plain, sizeof plain, "%.*s", (int)length, name);
    for (size_t i = 0; i < count; i++)
        if (disk_find(orders[i].originals, plain) != NULL)
            return &orders[i];
    return NULL;
}
