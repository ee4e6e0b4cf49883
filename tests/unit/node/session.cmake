# Suites of node/session: two sessions and a node that keeps in memory what they record.
fxnode_library(session_lab
    SOURCES session/lab.c session/lab_tell.c session/peer.c session/relay.c session/tree.c
    LINK fxnode::node_session PkgConfig::CHECK)
fxnode_suite(session-transfer
    SOURCES session/test_transfer.c LINK fxnode::session_lab TIMEOUT 180)
fxnode_suite(session-resume
    SOURCES session/test_resume.c LINK fxnode::session_lab TIMEOUT 300)
fxnode_suite(session-inherit
    SOURCES session/test_inherit.c LINK fxnode::session_lab TIMEOUT 300)
fxnode_suite(session-holes
    SOURCES session/test_holes.c LINK fxnode::session_lab TIMEOUT 300)
fxnode_suite(session-hostile
    SOURCES session/test_hostile.c session/hostile.c LINK fxnode::session_lab TIMEOUT 180)
fxnode_suite(session-consent
    SOURCES session/test_consent.c LINK fxnode::session_lab TIMEOUT 120)
fxnode_suite(session-confine
    SOURCES session/test_confine.c LINK fxnode::session_lab TIMEOUT 120)
fxnode_suite(session-exists
    SOURCES session/test_exists.c LINK fxnode::session_lab TIMEOUT 300)
fxnode_suite(session-links
    SOURCES session/test_links.c LINK fxnode::session_lab TIMEOUT 120)
fxnode_suite(session-trees
    SOURCES session/test_trees.c LINK fxnode::session_lab TIMEOUT 900)
target_compile_definitions(test-session-trees PRIVATE
    PYTHON="${Python3_EXECUTABLE}" SCENARIOS="${PROJECT_SOURCE_DIR}/tests/scenarios")
# Each tree waits more than it works: four shares of them (SHARES in test_trees.c) are tried side by side.
set_property(TEST unit/session-trees APPEND PROPERTY ENVIRONMENT FXNODE_TREES_SHARE=1)
foreach(share 2 3 4)
    add_test(NAME unit/session-trees-${share} COMMAND test-session-trees)
    set_tests_properties(unit/session-trees-${share} PROPERTIES LABELS unit TIMEOUT 9000 COST 900
        ENVIRONMENT "CK_TIMEOUT_MULTIPLIER=30;FXNODE_TREES_SHARE=${share}")
endforeach()
fxnode_suite(session-mutants
    SOURCES session/test_mutants.c ../proto/mutant.c
    LINK fxnode::session_lab PkgConfig::XXHASH TIMEOUT 300)
fxnode_suite(session-placing
    SOURCES session/test_placing.c ../files/arrival.c ../files/room.c
    LINK fxnode::node_session)
fxnode_suite(session-lanes
    SOURCES session/test_lanes.c LINK fxnode::session_lab TIMEOUT 120)
fxnode_suite(session-growth SOURCES session/test_growth.c LINK fxnode::node_session)
fxnode_suite(session-pace SOURCES session/test_pace.c LINK fxnode::node_session)
fxnode_suite(session-congestion SOURCES session/test_congestion.c LINK fxnode::node_session)
fxnode_suite(session-uplink SOURCES session/test_uplink.c LINK fxnode::node_session)
fxnode_suite(session-squeeze SOURCES session/test_squeeze.c LINK fxnode::node_session)
fxnode_library(delivered
    SOURCES session/delivered.c ../files/room.c LINK fxnode::node_session PkgConfig::CHECK)
fxnode_suite(session-remove SOURCES session/test_remove.c session/removal.c LINK fxnode::delivered)
fxnode_suite(session-remove-disks
    SOURCES session/test_remove_disks.c session/removal.c LINK fxnode::delivered)
fxnode_suite(session-verify SOURCES session/test_verify.c LINK fxnode::delivered)
fxnode_suite(session-audit SOURCES session/test_audit.c LINK fxnode::delivered)
