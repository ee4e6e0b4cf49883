#include "node/cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool term_can_draw(void) {
    const char *kind = getenv("TERM");
    return isatty(STDOUT_FILENO) == 1 && (kind == NULL || strcmp(kind, "dumb") != 0);
}

unsigned term_columns(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void term_redraw(const char *line) {
    printf("\r%.*s\033[K", (int)term_columns() - 1, line);
    fflush(stdout);
}

void term_clear(void) {
    fputs("\r\033[K", stdout);
    fflush(stdout);
}
