fxnode_fuzz(peer-line SOURCES peer-line.c LINK fxnode::base)
fxnode_fuzz(pattern SOURCES pattern.c LINK fxnode::base)
