/* A directory of a simulated disk, kept beyond its seed: what takes long to make is made once. */
#ifndef TESTS_SIM_IMAGE_H
#define TESTS_SIM_IMAGE_H

#include "tests/sim/disk.h"

struct image;

/* The regular files and directories of `directory`. */
struct image *image_take(struct inode *directory);

/* Makes all of them in an empty directory. */
void image_put(const struct image *image, struct inode *directory);

#endif
