// SPDX-License-Identifier: MIT

#include "core/compress.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "core/metadata.h"
#include "core/run.h"

enum { COMPRESS_FIRST = 4096 }; // bytes of memory at first

// ---- Memory -----------------------------------------------------------------

static grpc_result compress_out_grow(struct compress_out *out, size_t size)
{
    size_t capacity = out->capacity * 2;
    if (capacity < COMPRESS_FIRST) {
        capacity = COMPRESS_FIRST;
    }
    if (capacity > out->limit) {
        capacity = out->limit;
    }
    if (capacity < size) {
        capacity = size;
    }
    uint8_t *grown =
        alloc_resize(out->allocator, out->data, out->capacity, capacity);
    if (grown == NULL) {
        return GRPC_ENOMEM;
    }
    out->data = grown;
    out->capacity = capacity;
    return GRPC_OK;
}

// compress_write is the grpc_write of what a compressor puts out.
static grpc_result compress_write(void *sink, const void *data, size_t size)
{
    struct compress_out *out = sink;
    if (size > out->limit - out->size) {
        return GRPC_ELIMIT;
    }
    if (size > out->capacity - out->size) {
        grpc_result result = compress_out_grow(out, out->size + size);
        if (result != GRPC_OK) {
            return result;
        }
    }
    if (size > 0) {
        memcpy(out->data + out->size, data, size);
        out->size += size;
    }
    return GRPC_OK;
}

static void compress_out_trim(struct compress_out *out, size_t keep_bytes)
{
    if (out->capacity > keep_bytes) {
        alloc_free(out->allocator, out->data, out->capacity);
        out->data = NULL;
        out->capacity = 0;
        out->size = 0;
    }
}

// ---- The registry -----------------------------------------------------------

void compress_init(struct compress_registry *registry,
                   const grpc_allocator *allocator)
{
    registry->allocator = allocator;
    registry->packed.allocator = allocator;
    registry->plain.allocator = allocator;
#if defined(GRPC_WITH_ZLIB)
    const char *reason;
    grpc_result added = compress_add(registry, &grpc_gzip, &reason);
    ASSERT(added == GRPC_OK);
    (void)added;
#endif
}

void compress_fini(struct compress_registry *registry)
{
    compress_trim(registry, 0);
    for (size_t i = 0; i < registry->count; i++) {
        const grpc_compressor *compressor = registry->compressors[i];
        if (registry->opened[i] && compressor->close != NULL) {
            compressor->close(registry->states[i], registry->allocator);
        }
    }
    registry->count = 0;
}

void compress_trim(struct compress_registry *registry, size_t keep_bytes)
{
    compress_out_trim(&registry->packed, keep_bytes);
    compress_out_trim(&registry->plain, keep_bytes);
}

static const char *compress_fault(const struct compress_registry *registry,
                                  const grpc_compressor *compressor)
{
    if (compressor == NULL || compressor->name == NULL ||
        compressor->compress == NULL || compressor->decompress == NULL) {
        return "a compressor, its name or one of its functions is NULL";
    }
    struct view name = view_of(compressor->name, strlen(compressor->name));
    if (name.size > COMPRESS_NAME_MAX || !metadata_check_key(name) ||
        VIEW_IS(name, "identity")) {
        return "its name is not one of an encoding";
    }
    if (compress_find(registry, name) >= 0) {
        return "there is one of that name already";
    }
    return NULL;
}

grpc_result compress_add(struct compress_registry *registry,
                         const grpc_compressor *compressor, const char **reason)
{
    *reason = compress_fault(registry, compressor);
    if (*reason != NULL) {
        return GRPC_EINVAL;
    }
    if (registry->count == COMPRESS_MAX) {
        *reason = "there are 31 already";
        return GRPC_ELIMIT;
    }
    registry->compressors[registry->count++] = compressor;
    if (registry->accepted_size > 0) {
        registry->accepted[registry->accepted_size++] = ',';
    }
    size_t size = strlen(compressor->name);
    memcpy(registry->accepted + registry->accepted_size, compressor->name,
           size);
    registry->accepted_size += size;
    return GRPC_OK;
}

struct view compress_name(const struct compress_registry *registry,
                          size_t place)
{
    ASSERT(place < registry->count);
    const char *name = registry->compressors[place]->name;
    return view_of(name, strlen(name));
}

int compress_find(const struct compress_registry *registry, struct view name)
{
    for (size_t i = 0; i < registry->count; i++) {
        if (view_equal(compress_name(registry, i), name)) {
            return (int)i;
        }
    }
    return -1;
}

const char *compress_why_not(struct view name)
{
    return VIEW_IS(name, "gzip")
               ? "the library was built without zlib (GRPC_WITH_ZLIB)"
               : "it was not added with grpc_loop_add_compressor()";
}

struct view compress_accepted(const struct compress_registry *registry)
{
    return view_of(registry->accepted, registry->accepted_size);
}

uint32_t compress_parse_accepted(const struct compress_registry *registry,
                                 struct view value)
{
    uint32_t accepted = 0;
    while (value.size > 0) {
        size_t size = 0;
        while (size < value.size && value.data[size] != ',') {
            size++;
        }
        struct view name = metadata_trim(view_of(value.data, size));
        int place = compress_find(registry, name);
        accepted |= place >= 0 ? UINT32_C(1) << place : 0;
        value = view_skip(value, size < value.size ? size + 1 : size);
    }
    return accepted;
}

// ---- Messages ---------------------------------------------------------------

// compress_open makes the state for all messages of the loop.
static grpc_result compress_open(struct compress_registry *registry,
                                 size_t place)
{
    const grpc_compressor *compressor = registry->compressors[place];
    if (registry->opened[place] || compressor->open == NULL) {
        return GRPC_OK;
    }
    registry->states[place] = compressor->open(registry->allocator);
    registry->opened[place] = registry->states[place] != NULL;
    return registry->opened[place] ? GRPC_OK : GRPC_ENOMEM;
}

static grpc_result compress_explain(grpc_result result, const char **reason)
{
    switch (result) {
    case GRPC_OK:
        break;
    case GRPC_ENOMEM:
        *reason = "out of memory";
        break;
    case GRPC_ELIMIT:
        *reason = "too long";
        break;
    case GRPC_EFORMAT:
        *reason = "not in the format of its encoding";
        break;
    default:
        *reason = "the compressor does not work";
        break;
    }
    return result;
}

grpc_result compress_message(struct compress_registry *registry, size_t place,
                             struct view message, size_t headroom,
                             struct view *out, const char **reason)
{
    static const uint8_t compress_zeros[16] = {0};
    ASSERT(headroom <= sizeof compress_zeros);
    struct compress_out *packed = &registry->packed;
    const grpc_str bytes = {(const char *)message.data, message.size};
    packed->size = 0;
    packed->limit = SIZE_MAX / 2;
    grpc_result result = compress_open(registry, place);
    if (result == GRPC_OK) {
        result = compress_write(packed, compress_zeros, headroom);
    }
    if (result == GRPC_OK) {
        result = registry->compressors[place]->compress(
            registry->states[place], bytes, compress_write, packed);
    }
    *out = view_of(packed->data, 0);
    if (result == GRPC_OK) {
        *out = view_of(packed->data + headroom, packed->size - headroom);
    }
    return compress_explain(result, reason);
}

grpc_result compress_decompress(struct compress_registry *registry,
                                size_t place, struct view message,
                                size_t max_bytes, struct view *out,
                                const char **reason)
{
    struct compress_out *plain = &registry->plain;
    const grpc_str bytes = {(const char *)message.data, message.size};
    plain->size = 0;
    plain->limit = max_bytes;
    grpc_result result = compress_open(registry, place);
    if (result == GRPC_OK) {
        result = registry->compressors[place]->decompress(
            registry->states[place], bytes, compress_write, plain);
    }
    *out = view_of(plain->data, plain->size);
    return compress_explain(result, reason);
}

grpc_result grpc_loop_add_compressor(grpc_loop *loop,
                                     const grpc_compressor *compressor)
{
    const char *reason = "";
    if (loop == NULL) {
        return GRPC_EINVAL;
    }
    grpc_result result = compress_add(&loop->compress, compressor, &reason);
    if (result != GRPC_OK) {
        run_set_error(loop, loop->error, "add a compressor: %s", reason);
    }
    return result;
}
