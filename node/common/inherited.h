/*
 * Names in the directory of an outgoing transfer (STATE/outgoing/NUMBER). The node puts the files
 * of a transfer that is replaced there under other names, and the session that sends uses them up.
 */
#ifndef NODE_COMMON_INHERITED_H
#define NODE_COMMON_INHERITED_H

#define INHERITED_MANIFEST "manifest.old" /* there only when the others are */
#define INHERITED_HASHES "hashes.old"
#define INHERITED_STAT "stat.old"

#endif
