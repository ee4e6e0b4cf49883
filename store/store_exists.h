/*
 * What becomes of the names of an incoming transfer that exist in its destination.
 */
#ifndef STORE_STORE_EXISTS_H
#define STORE_STORE_EXISTS_H

/* Stored: the numbers never change. */
enum store_exists {
    STORE_EXISTS_DEFAULT = 0,   /* of a peer: what the node does with all */
    STORE_EXISTS_RENAME = 1,    /* what comes gets another name */
    STORE_EXISTS_SKIP = 2,      /* so do files that differ; the same ones are left out */
    STORE_EXISTS_OVERWRITE = 3, /* files that differ are replaced */
    STORE_EXISTS_ASK = 4,       /* somebody is asked; not of a transfer, as the next */
    STORE_EXISTS_REFUSE = 5,    /* it is refused */
};

#endif
