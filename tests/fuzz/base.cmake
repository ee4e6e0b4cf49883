fxnode_fuzz(peer-line SOURCES peer-line.c LINK fxnode::base)
