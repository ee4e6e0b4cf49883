fxnode_suite(node-network
    SOURCES network/main.c network/dialing.c network/gate.c network/pairing.c network/window.c
    LINK fxnode::node_daemon)
