#include "removal.h"

#include "../../files/room.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

const char *const removal_tree[] = {"tree", NULL};
struct delivered removal_sent;
struct delivered_said removal_said;

void removal_make_small(void) {
    room_directory("tree");
    room_text("tree/a", "a\n");
    room_text("tree/empty", "");
    room_link("a", "tree/link");
    room_directory("tree/sub");
    room_text("tree/sub/b", "b\n");
    delivered_open(&removal_sent, true, removal_tree);
}

void removal_run(void) {
    delivered_run(&removal_sent, REMOVE, &removal_said);
    ck_assert_msg(WIFEXITED(removal_said.status) && WEXITSTATUS(removal_said.status) == 0,
                  "status %x", (unsigned)removal_said.status);
}

void removal_run_to_end(uint32_t moved, uint32_t stayed) {
    removal_run();
    ck_assert_msg(removal_said.outcome == ENDED(COMPLETE), "%s", removal_said.text);
    ck_assert(removal_said.removed);
    ck_assert_msg(removal_said.moved == moved && removal_said.stayed == stayed,
                  "%u moved, %u stayed: %s", removal_said.moved, removal_said.stayed,
                  removal_said.told);
}

void removal_check_stays(const char *path, const char *why) {
    char line[256];

    snprintf(line, sizeof line, "%s stays: %s", path, why);
    ck_assert_msg(strstr(removal_said.told, line) != NULL, "not told: %s; but: %s", line,
                  removal_said.told);
    ck_assert_msg(room_exists(path), "%s is gone", path);
}
