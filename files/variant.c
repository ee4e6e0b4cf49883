#include "files/variant.h"

#include "base/escape.h"

#include <stdio.h>
#include <string.h>

#define EXTENSION_MAX 32

/* Length of the extension with its '.', 0 where there is none. */
static size_t extension(const char *name, size_t length, enum entry_type type) {
    const char *dot = type == ENTRY_DIRECTORY ? NULL : memrchr(name, '.', length);
    if (dot == NULL || dot == name || dot == name + length - 1)
        return 0;
    size_t size = length - (size_t)(dot - name);
    return size > EXTENSION_MAX || memchr(dot, ' ', size) != NULL ? 0 : size;
}

/* The longest start of `name` that has at most `room` bytes and no part of a character. */
static size_t cut(const char *name, size_t length, size_t room) {
    if (length <= room)
        return length;
    size_t stem = room;
    if (escape_is_utf8(name, length))
        while (stem > 0 && ((unsigned char)name[stem] & 0xC0) == 0x80)
            stem--;
    return stem;
}

void variant_name(char out[LIMIT_COMPONENT + 1], const char *name, size_t length,
                  enum entry_type type, unsigned counter) {
    char number[16];
    size_t digits = (size_t)snprintf(number, sizeof(number), " (%u)", counter);
    size_t tail = extension(name, length, type);
    size_t stem = cut(name, length - tail, LIMIT_COMPONENT - digits - tail);
    memcpy(out, name, stem);
    memcpy(out + stem, number, digits);
    memcpy(out + stem + digits, name + length - tail, tail);
    out[stem + digits + tail] = '\0';
}
