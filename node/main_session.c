/* fxnode-session: one transfer's process (node/common/part.h). */
#include "node/common/part.h"
#include "node/session/main.h"

int main(void) {
    part_name("session");
    return session_main(PART_CHANNEL);
}
