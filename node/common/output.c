#include "node/common/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Opened the wrong way round, so that reading and writing fail as on a closed one. */
void output_begin(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int output_end(int status) {
    int lost = ferror(stdout); /* what an earlier flush has lost: why is not known any more */
    int error = fflush(stdout) != 0 ? errno : 0;

    if (lost == 0 && error == 0)
        return status;
    fprintf(stderr, "fxnode: cannot write to standard output%s%s\n", error != 0 ? ": " : "",
            error != 0 ? strerror(error) : "");
    return status != 0 ? status : 1;
}
