// SPDX-License-Identifier: MIT
//
// Few entries are compared pair by pair. Many are first tried for ascending
// keys, which is how most encoders write them; else their indices are sorted
// by key (a merge sort: it is stable and has no bad input). Equal keys are then
// neighbours, and of those the last index stays.

#include "codec/pb_map.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "codec/pb_array.h"

// What is compared: keys within entries.
struct map_keys {
    const unsigned char *first; // key of the first entry
    size_t stride;              // sizeof an entry
    const struct pb_type *type;
};

static int map_compare_text(grpc_str a, grpc_str b)
{
    if (a.size != b.size) {
        return a.size < b.size ? -1 : 1;
    }
    return a.size == 0 ? 0 : memcmp(a.data, b.data, a.size);
}

// map_compare is any total order; that of lengths first is the cheapest.
static int map_compare(const struct map_keys *keys, size_t i, size_t j)
{
    const unsigned char *a = keys->first + i * keys->stride;
    const unsigned char *b = keys->first + j * keys->stride;
    if (!pb_is_scalar(keys->type->form)) {
        return map_compare_text(pb_load_str(a), pb_load_str(b));
    }
    uint64_t x = pb_load_bits(a, keys->type->size);
    uint64_t y = pb_load_bits(b, keys->type->size);
    return x == y ? 0 : x < y ? -1 : 1;
}

static bool map_is_ascending(const struct map_keys *keys, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (map_compare(keys, i - 1, i) >= 0) {
            return false;
        }
    }
    return true;
}

static void map_keep(struct pb_array *map, size_t stride, size_t to,
                     size_t from)
{
    if (to != from) {
        unsigned char *data = map->data;
        memcpy(data + to * stride, data + from * stride, stride);
    }
}

static void map_unique_few(struct pb_array *map, const struct map_keys *keys)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->count; i++) {
        size_t j = i + 1;
        while (j < map->count && map_compare(keys, i, j) != 0) {
            j++;
        }
        if (j == map->count) {
            map_keep(map, keys->stride, kept++, i);
        }
    }
    map->count = kept;
}

// map_merge merges the sorted runs [low, middle) and [middle, high).
static void map_merge(const struct map_keys *keys, const uint32_t *from,
                      uint32_t *to, const size_t bounds[3])
{
    size_t i = bounds[0];
    size_t j = bounds[1];
    for (size_t k = bounds[0]; k < bounds[2]; k++) {
        bool take_left =
            j == bounds[2] ||
            (i < bounds[1] && map_compare(keys, from[i], from[j]) <= 0);
        to[k] = take_left ? from[i++] : from[j++];
    }
}

// map_sort orders the indices in a; b is scratch of the same length. Returns
// the one of them that holds the result.
static uint32_t *map_sort(const struct map_keys *keys, uint32_t *a, uint32_t *b,
                          size_t count)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t low = 0; low < count; low += 2 * width) {
            size_t middle = count - low > width ? low + width : count;
            size_t high = count - low > 2 * width ? low + 2 * width : count;
            const size_t bounds[3] = {low, middle, high};
            map_merge(keys, a, b, bounds);
        }
        uint32_t *sorted = b;
        b = a;
        a = sorted;
    }
    return a;
}

static void map_unique_many(struct pb_array *map, const struct map_keys *keys,
                            uint32_t *scratch)
{
    size_t count = map->count;
    uint32_t *other = scratch + count;
    for (size_t i = 0; i < count; i++) {
        scratch[i] = (uint32_t)i;
    }
    uint32_t *order = map_sort(keys, scratch, other, count);
    uint32_t *dropped = order == scratch ? other : scratch;
    memset(dropped, 0, count * sizeof *dropped);
    for (size_t i = 1; i < count; i++) {
        if (map_compare(keys, order[i - 1], order[i]) == 0) {
            dropped[order[i - 1]] = 1;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (dropped[i] == 0) {
            map_keep(map, keys->stride, kept++, i);
        }
    }
    map->count = kept;
}

// map_give_back returns the newest allocation of an arena to it.
static void map_give_back(grpc_arena *arena, void *pointer, size_t size)
{
    char *start = pointer;
    size_t rounded = (size + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1);
    if (start + rounded == arena->cursor) {
        arena->cursor = start;
    }
}

grpc_result pb_map_unique(grpc_arena *arena, struct pb_array *map,
                          const grpc_message *entry)
{
    const grpc_field *key = &entry->fields[0];
    ASSERT(key->number == 1);
    struct map_keys keys = {
        .first = (const unsigned char *)map->data + key->offset,
        .stride = entry->size,
        .type = &pb_types[key->type],
    };
    if (map->count <= PB_MAP_PAIRWISE_MAX) {
        map_unique_few(map, &keys);
        return GRPC_OK;
    }
    if (map_is_ascending(&keys, map->count)) {
        return GRPC_OK;
    }
    ASSERT(map->count <= UINT32_MAX);
    size_t size;
    if (!alloc_size_mul(map->count, 2 * sizeof(uint32_t), &size)) {
        return pb_array_shortage(arena, SIZE_MAX);
    }
    uint32_t *scratch = arena_alloc(arena, size);
    if (scratch == NULL) {
        return pb_array_shortage(arena, size);
    }
    map_unique_many(map, &keys, scratch);
    map_give_back(arena, scratch, size);
    return GRPC_OK;
}
