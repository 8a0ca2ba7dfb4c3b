// SPDX-License-Identifier: MIT

#include "gen/gen_memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY_BLOCK_BYTES = 64 * 1024 };

struct gen_block {
    struct gen_block *older;
    max_align_t first;
};

void gen_exhausted(struct gen_memory *memory)
{
    if (memory->exhausted != NULL) {
        memory->exhausted(memory->user);
    }
    (void)fputs("cgrpc-gen: error: out of memory\n", stderr);
    exit(1);
}

static void memory_grow(struct gen_memory *memory, size_t size)
{
    size_t head = offsetof(struct gen_block, first);
    size_t room = size > MEMORY_BLOCK_BYTES / 4 ? size : MEMORY_BLOCK_BYTES;
    struct gen_block *block = malloc(head + room);
    if (block == NULL) {
        gen_exhausted(memory);
        return;
    }
    block->older = memory->newest;
    memory->newest = block;
    memory->cursor = (char *)block + head;
    memory->end = memory->cursor + room;
}

void *gen_alloc(struct gen_memory *memory, size_t size)
{
    size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX / 2) {
        gen_exhausted(memory);
    }
    size = size == 0 ? align : (size + align - 1) / align * align;
    if ((size_t)(memory->end - memory->cursor) < size) {
        memory_grow(memory, size);
    }
    void *result = memory->cursor;
    memory->cursor += size;
    return memset(result, 0, size);
}

char *gen_copy(struct gen_memory *memory, const char *text, size_t size)
{
    char *copy = gen_alloc(memory, size + 1);
    if (size > 0) {
        memcpy(copy, text, size);
    }
    return copy;
}

char *gen_print(struct gen_memory *memory, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0) {
        gen_exhausted(memory);
        return NULL;
    }
    char *text = gen_alloc(memory, (size_t)size + 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)size + 1, format, arguments);
    va_end(arguments);
    return text;
}

void gen_memory_free(struct gen_memory *memory)
{
    while (memory->newest != NULL) {
        struct gen_block *older = memory->newest->older;
        free(memory->newest);
        memory->newest = older;
    }
    memory->cursor = NULL;
    memory->end = NULL;
}

// Makes room for size more bytes and a NUL.
static void buffer_reserve(struct gen_buffer *buffer, size_t size)
{
    if (buffer->capacity - buffer->size > size) {
        return;
    }
    size_t capacity = buffer->capacity == 0 ? 1024 : buffer->capacity;
    while (capacity - buffer->size <= size) {
        if (capacity > SIZE_MAX / 2) {
            gen_exhausted(buffer->memory);
        }
        capacity *= 2;
    }
    char *data = realloc(buffer->data, capacity);
    if (data == NULL) {
        gen_exhausted(buffer->memory);
        return;
    }
    buffer->data = data;
    buffer->capacity = capacity;
}

void gen_buffer_add(struct gen_buffer *buffer, const char *text, size_t size)
{
    buffer_reserve(buffer, size);
    if (size > 0) {
        memcpy(buffer->data + buffer->size, text, size);
    }
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void gen_buffer_print(struct gen_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0) {
        gen_exhausted(buffer->memory);
        return;
    }
    buffer_reserve(buffer, (size_t)size);
    va_start(arguments, format);
    (void)vsnprintf(buffer->data + buffer->size, (size_t)size + 1, format,
                    arguments);
    va_end(arguments);
    buffer->size += (size_t)size;
}

void gen_buffer_free(struct gen_buffer *buffer)
{
    free(buffer->data);
    buffer->data = NULL;
    buffer->size = 0;
    buffer->capacity = 0;
}

struct gen_map_entry {
    const char *key;
    size_t size;
    unsigned hash;
    void *value; // NULL: free
};

unsigned gen_hash(const char *text, size_t size)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 16777619U;
    }
    return hash;
}

// The entry with the key, or the free one where it belongs.
static struct gen_map_entry *map_slot(const struct gen_map *map,
                                      const char *key, size_t size,
                                      unsigned hash)
{
    size_t mask = map->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct gen_map_entry *entry = &map->entries[i];
        if (entry->value == NULL ||
            (entry->hash == hash && entry->size == size &&
             memcmp(entry->key, key, size) == 0)) {
            return entry;
        }
    }
}

void *gen_map_find(const struct gen_map *map, const char *key, size_t size)
{
    if (map->capacity == 0) {
        return NULL;
    }
    return map_slot(map, key, size, gen_hash(key, size))->value;
}

static void map_grow(struct gen_memory *memory, struct gen_map *map)
{
    struct gen_map old = *map;
    map->capacity = old.capacity == 0 ? 16 : old.capacity * 2;
    map->entries = gen_alloc(memory, map->capacity * sizeof *map->entries);
    for (size_t i = 0; i < old.capacity; i++) {
        const struct gen_map_entry *entry = &old.entries[i];
        if (entry->value != NULL) {
            *map_slot(map, entry->key, entry->size, entry->hash) = *entry;
        }
    }
}

void *gen_map_add(struct gen_memory *memory, struct gen_map *map,
                  const char *key, size_t size, void *value)
{
    if (map->count >= map->capacity / 2) {
        map_grow(memory, map);
    }
    unsigned hash = gen_hash(key, size);
    struct gen_map_entry *entry = map_slot(map, key, size, hash);
    if (entry->value != NULL) {
        return entry->value;
    }
    *entry = (struct gen_map_entry){
        .key = key, .size = size, .hash = hash, .value = value};
    map->count++;
    return NULL;
}
