// SPDX-License-Identifier: MIT
// Memory of the generator: one arena that is freed at the end, text that
// grows, and a table from names to things. Without memory the program ends
// with a message, so nothing here returns NULL.

#ifndef GEN_MEMORY_H
#define GEN_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/linkage.h"

// An arena. Zero is an empty one.
struct gen_memory {
    struct gen_block *newest;
    char *cursor;
    char *end;
    void (*exhausted)(void *user); // called before the program ends, or NULL
    void *user;
};

// gen_alloc returns size zeroed bytes, aligned for any type.
INTERNAL void *gen_alloc(struct gen_memory *memory, size_t size);

// gen_copy returns the text with a NUL behind it.
INTERNAL char *gen_copy(struct gen_memory *memory, const char *text,
                        size_t size);

// gen_print formats into the arena.
INTERNAL char *gen_print(struct gen_memory *memory, const char *format, ...)
    PRINTF_LIKE(2, 3);

INTERNAL void gen_memory_free(struct gen_memory *memory);

// gen_exhausted says that there is no memory and ends the program.
INTERNAL void gen_exhausted(struct gen_memory *memory);

// Text that grows at its end. Zero but for memory is an empty one. data has a
// NUL behind it once something was added.
struct gen_buffer {
    struct gen_memory *memory; // borrowed: whom to tell that there is none
    char *data;
    size_t size;
    size_t capacity;
};

INTERNAL void gen_buffer_add(struct gen_buffer *buffer, const char *text,
                             size_t size);
INTERNAL void gen_buffer_print(struct gen_buffer *buffer, const char *format,
                               ...) PRINTF_LIKE(2, 3);
INTERNAL void gen_buffer_free(struct gen_buffer *buffer);

// A table from text to pointers. Zero is an empty one; it lives in the arena.
struct gen_map {
    struct gen_map_entry *entries;
    size_t capacity; // a power of two, or 0
    size_t count;
};

// gen_map_find returns the value, or NULL.
INTERNAL void *gen_map_find(const struct gen_map *map, const char *key,
                            size_t size);

// gen_map_add returns the value that was there before, which stays; NULL when
// the new one was added. The key is borrowed for the life of the map.
INTERNAL void *gen_map_add(struct gen_memory *memory, struct gen_map *map,
                           const char *key, size_t size, void *value);

// gen_hash is FNV-1a, 32 bits.
INTERNAL unsigned gen_hash(const char *text, size_t size);

#endif
