fxnode_fuzz(receipt SOURCES receipt.c LINK fxnode::files)
