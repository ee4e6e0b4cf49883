/*
 * A TXT record as it comes from the network (RFC 6763 6.1: strings with a length byte each): what
 * is read from it is an id that checks, or none.
 */
#include "discovery/service.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AvahiStringList *list = NULL;
    struct service_txt txt;
    uint8_t key[LIMIT_KEY];
    if (avahi_string_list_parse(data, size, &list) != 0)
        return 0;
    service_read_txt(&txt, list);
    avahi_string_list_free(list);
    if (txt.id[0] && (strlen(txt.id) != ID_TEXT || !id_parse(key, txt.id)))
        abort();
    return 0;
}
