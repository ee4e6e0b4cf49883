/* fxnode-daemon: what `fxnode daemon` becomes (node/common/part.h). */
#include "node/common/output.h"
#include "node/common/part.h"
#include "node/daemon/daemon.h"

/* The words of the command follow the name of the program. */
int main(int argc, char **argv) {
    output_begin();
    part_name("daemon");
    return output_end(daemon_main(argc - 1, argv + 1));
}
