fxnode_fuzz(kept SOURCES kept.c LINK fxnode::node_session)
