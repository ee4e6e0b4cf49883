# Suites of node/daemon: what decides, and what processes and threads are built on.
fxnode_suite(node-queue SOURCES daemon/test_queue.c LINK fxnode::node_daemon)
fxnode_suite(node-policy SOURCES daemon/test_policy.c LINK fxnode::node_daemon)
fxnode_suite(node-database SOURCES daemon/test_database.c LINK fxnode::node_daemon)
fxnode_suite(node-helperproc SOURCES daemon/test_helperproc.c LINK fxnode::node_daemon)
fxnode_suite(node-takeover SOURCES daemon/test_takeover.c LINK fxnode::node_daemon)
fxnode_suite(node-offers SOURCES daemon/test_offers.c daemon/peers_fixture.c LINK fxnode::node_daemon)
fxnode_suite(node-peers SOURCES daemon/test_peers.c daemon/peers_fixture.c LINK fxnode::node_daemon)
fxnode_suite(node-resolve SOURCES daemon/test_resolve.c daemon/peers_fixture.c LINK fxnode::node_daemon)
