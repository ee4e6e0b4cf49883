fxnode_fuzz(handshake SOURCES handshake.c LINK fxnode::proto)
fxnode_fuzz(frames SOURCES frames.c LINK fxnode::proto)
