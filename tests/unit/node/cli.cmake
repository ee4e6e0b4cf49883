# The parts of node/cli that need no node: arguments, what is typed, and what is shown.
fxnode_suite(node-cli
    SOURCES cli/main.c cli/columns.c cli/digits.c cli/failed.c cli/json.c cli/options.c cli/pair_ask.c
    LINK fxnode::node_cli PkgConfig::JANSSON)
