#include "base/escape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Decodes one UTF-8 character of at most `length` bytes (RFC 3629): its bytes, or 0 where it is
 * malformed, overlong, a surrogate or above U+10FFFF. */
static size_t decode(const uint8_t *bytes, size_t length, uint32_t *character) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = bytes[0];
    size_t size = first < 0x80       ? 1
                  : first >> 5 == 6  ? 2
                  : first >> 4 == 14 ? 3
                  : first >> 3 == 30 ? 4
                                     : 0;

    if (size == 0 || size > length)
        return 0;
    uint32_t value = size == 1 ? first : first & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3fu);
    }
    if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *character = value;
    return size;
}

/* Characters that change how a terminal shows others, or cannot be seen: Unicode general categories
 * Cc, Cf, Zl and Zp, and the variation and tag characters. */
static bool is_unsafe(uint32_t c) {
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x1f},       {0x7f, 0x9f},       {0xad, 0xad},       {0x034f, 0x034f},
        {0x0600, 0x0605},   {0x061c, 0x061c},   {0x06dd, 0x06dd},   {0x070f, 0x070f},
        {0x0890, 0x0891},   {0x08e2, 0x08e2},   {0x115f, 0x1160},   {0x17b4, 0x17b5},
        {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
        {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
        {0xfff0, 0xfffb},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},
        {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

/* Writes one character's shown form into `piece`; returns how many bytes of the input it took. */
static size_t escape_one(char piece[16], const uint8_t *bytes, size_t length) {
    uint32_t c = 0;
    size_t size = decode(bytes, length, &c);

    if (size == 0) {
        snprintf(piece, 16, "\\x%02x", bytes[0]);
        return 1;
    }
    if (c == '\n' || c == '\t' || c == '\r' || c == 0x1b || c == '\\') {
        piece[0] = '\\';
        piece[1] = c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : c == 0x1b ? 'e' : '\\';
        piece[2] = '\0';
    } else if (is_unsafe(c)) {
        snprintf(piece, 16, "\\u{%x}", (unsigned)c);
    } else {
        memcpy(piece, bytes, size);
        piece[size] = '\0';
    }
    return size;
}

char *escape_bytes(char *out, size_t room, const void *bytes, size_t length) {
    static const char dots[] = "...";
    const uint8_t *from = bytes;
    size_t used = 0;
    size_t cut = 0; /* the last place where the dots would still fit */

    if (room == 0)
        return out;
    out[0] = '\0';
    while (length > 0) {
        char piece[16];
        size_t taken = escape_one(piece, from, length);
        size_t size = strlen(piece);
        if (size >= room - used) {
            size_t tail = room - 1 - cut < sizeof dots - 1 ? room - 1 - cut : sizeof dots - 1;
            memcpy(out + cut, dots, tail);
            out[cut + tail] = '\0';
            return out;
        }
        memcpy(out + used, piece, size + 1);
        used += size;
        if (used + sizeof dots <= room)
            cut = used;
        from += taken;
        length -= taken;
    }
    return out;
}

char *escape_text(char *out, size_t room, const char *text) {
    return escape_bytes(out, room, text, strlen(text));
}

bool escape_is_plain(const void *bytes, size_t length) {
    const uint8_t *from = bytes;
    while (length > 0) {
        char piece[16];
        size_t taken = escape_one(piece, from, length);
        if (strlen(piece) != taken || memcmp(piece, from, taken) != 0)
            return false;
        from += taken;
        length -= taken;
    }
    return true;
}

void escape_mend(char *line) {
    size_t length = strlen(line);
    while (length > 0) {
        uint32_t character = 0;
        size_t size = decode((const uint8_t *)line, length, &character);
        bool whole = size > 0;
        if (!whole)
            size = 1;
        if (!whole || is_unsafe(character))
            memset(line, '?', size);
        line += size;
        length -= size;
    }
}

bool escape_is_utf8(const void *bytes, size_t length) {
    const uint8_t *from = bytes;
    while (length > 0) {
        uint32_t character;
        size_t size = decode(from, length, &character);
        if (size == 0)
            return false;
        from += size;
        length -= size;
    }
    return true;
}
