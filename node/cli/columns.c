#include "node/cli/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    unsigned rank;
    size_t number; /* the order in which they came */
    char *cells[COLUMNS_COUNT];
    char *note; /* NULL: none */
};

struct columns {
    const char *const *headings;
    struct row *rows;
    size_t count;
};

struct columns *columns_new(const char *const *headings) {
    struct columns *columns = calloc(1, sizeof *columns);
    if (columns != NULL)
        columns->headings = headings;
    return columns;
}

static void clear_row(struct row *row) {
    for (size_t i = 0; i < COLUMNS_COUNT; i++)
        free(row->cells[i]);
    free(row->note);
}

void columns_free(struct columns *columns) {
    if (columns == NULL)
        return;
    for (size_t i = 0; i < columns->count; i++)
        clear_row(&columns->rows[i]);
    free(columns->rows);
    free(columns);
}

static bool fill_row(struct row *row, const char *const *cells, const char *note) {
    bool whole = true;
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        row->cells[i] = strdup(cells[i]);
        whole = whole && row->cells[i] != NULL;
    }
    if (note != NULL)
        row->note = strdup(note);
    return whole && (note == NULL || row->note != NULL);
}

bool columns_add(struct columns *columns, unsigned rank, const char *const *cells,
                 const char *note) {
    struct row row = {.rank = rank, .number = columns->count};
    struct row *grown = reallocarray(columns->rows, columns->count + 1, sizeof *grown);
    if (grown == NULL)
        return false;
    columns->rows = grown;
    if (!fill_row(&row, cells, note)) {
        clear_row(&row);
        return false;
    }
    columns->rows[columns->count++] = row;
    return true;
}

/* Characters of UTF-8: close enough to columns for names. */
static size_t width_of(const char *text) {
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void measure(size_t widths[COLUMNS_COUNT], const char *const *cells) {
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        size_t width = width_of(cells[i]);
        if (width > widths[i] && width <= COLUMNS_WIDEST)
            widths[i] = width;
    }
}

static void print_cells(const size_t widths[COLUMNS_COUNT], const char *const *cells) {
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        size_t width = width_of(cells[i]);
        fputs(cells[i], stdout);
        if (i + 1 < COLUMNS_COUNT)
            printf("%*s", (int)(width < widths[i] ? widths[i] - width : 0) + 2, "");
    }
    putchar('\n');
}

static int compare(const void *a, const void *b) {
    const struct row *one = a;
    const struct row *other = b;
    if (one->rank != other->rank)
        return one->rank < other->rank ? -1 : 1;
    return one->number < other->number ? -1 : one->number > other->number;
}

void columns_print(const struct columns *columns) {
    size_t widths[COLUMNS_COUNT] = {0};

    if (columns->count == 0)
        return;
    qsort(columns->rows, columns->count, sizeof *columns->rows, compare);
    measure(widths, columns->headings);
    for (size_t i = 0; i < columns->count; i++)
        measure(widths, (const char *const *)columns->rows[i].cells);
    print_cells(widths, columns->headings);
    for (size_t i = 0; i < columns->count; i++) {
        print_cells(widths, (const char *const *)columns->rows[i].cells);
        if (columns->rows[i].note != NULL)
            printf("    %s\n", columns->rows[i].note);
    }
    fflush(stdout);
}
