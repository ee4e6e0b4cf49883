fxnode_suite(node-common
    SOURCES common/main.c common/address.c common/config.c common/identity.c common/landing.c common/locations.c
            common/part.c common/record_layer.c common/statedir.c
    LINK fxnode::node_common)
