/* fxnode-discovery: the process that finds peers (node/common/part.h). */
#include "node/common/part.h"
#include "node/helper/discovery_helper.h"

#include <sodium.h>

int main(void) {
    part_name("discovery");
    if (sodium_init() < 0)
        return 1;
    return discovery_helper_main(PART_CHANNEL);
}
