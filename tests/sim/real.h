/* Functions of the C library behind those that the linker leads here: --wrap of ld(1). */
#ifndef TESTS_SIM_REAL_H
#define TESTS_SIM_REAL_H

#include <stddef.h>

void *__real_malloc(size_t length);
void *__real_realloc(void *block, size_t length);
void __real_free(void *block);

#endif
