fxnode_fuzz(discovery-report SOURCES discovery-report.c LINK fxnode::node_discovery)
fxnode_fuzz(discovery-setup SOURCES discovery-setup.c LINK fxnode::node_discovery)
fxnode_fuzz(discovery-txt SOURCES discovery-txt.c LINK fxnode::discovery)
