// SPDX-License-Identifier: MIT

#include "core/compress.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "core/run.h"

// ---- The registry -----------------------------------------------------------

// compress_has_gzip: grpc_gzip works in this build.
static bool compress_has_gzip(void)
{
    return (grpc_features() & GRPC_FEATURE_GZIP) != 0;
}

void compress_init(struct compress_registry *registry,
                   const grpc_allocator *allocator)
{
    const char *reason = "";
    *registry = (struct compress_registry){.allocator = allocator};
    if (compress_has_gzip()) {
        grpc_result result = compress_add(registry, &grpc_gzip, &reason);
        ASSERT(result == GRPC_OK);
        (void)result;
    }
}

// compress_release frees a buffer's memory.
static void compress_release(struct compress_registry *registry,
                             struct compress_buffer *buffer)
{
    alloc_free(registry->allocator, buffer->data, buffer->capacity);
    *buffer = (struct compress_buffer){.data = NULL};
}

void compress_fini(struct compress_registry *registry)
{
    for (size_t i = 0; i < registry->count; i++) {
        struct compress_entry *entry = &registry->entries[i];
        if (entry->is_open && entry->compressor->close != NULL) {
            entry->compressor->close(entry->state, registry->allocator);
        }
    }
    registry->count = 0;
    registry->accepted_size = 0;
    compress_release(registry, &registry->packed);
    compress_release(registry, &registry->plain);
}

void compress_trim(struct compress_registry *registry, size_t keep_bytes)
{
    if (registry->packed.capacity > keep_bytes) {
        compress_release(registry, &registry->packed);
    }
    if (registry->plain.capacity > keep_bytes) {
        compress_release(registry, &registry->plain);
    }
}

// compress_is_token: a name of one or more token characters (RFC 9110 section
// 5.6.2), as they stand between the commas of a list.
static bool compress_is_token(struct view name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        bool is_letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
        bool is_digit = byte >= '0' && byte <= '9';
        if (!is_letter && !is_digit &&
            (byte == 0 || memchr("!#$%&'*+-.^_`|~", byte, 15) == NULL)) {
            return false;
        }
    }
    return name.size > 0;
}

// compress_refusal is why a compressor cannot be added, NULL if it can.
static const char *compress_refusal(const struct compress_registry *registry,
                                    const grpc_compressor *compressor)
{
    if (compressor == NULL || compressor->name == NULL ||
        compressor->compress == NULL || compressor->decompress == NULL) {
        return "the compressor has no name or lacks a function";
    }
    if ((compressor->open == NULL) != (compressor->close == NULL)) {
        return "the compressor has one of open and close only";
    }
    struct view name = view_of(compressor->name, strlen(compressor->name));
    if (!compress_is_token(name) || VIEW_IS(name, "identity")) {
        return "the compressor's name cannot be one of an encoding";
    }
    if (compress_find(registry, name) >= 0) {
        return "a compressor of that name is there already";
    }
    return NULL;
}

grpc_result compress_add(struct compress_registry *registry,
                         const grpc_compressor *compressor, const char **reason)
{
    const char *refusal = compress_refusal(registry, compressor);
    if (refusal != NULL) {
        *reason = refusal;
        return GRPC_EINVAL;
    }
    if (compressor == &grpc_gzip && !compress_has_gzip()) {
        *reason = compress_why_not(VIEW("gzip"));
        return GRPC_ESTATE;
    }
    struct view name = view_of(compressor->name, strlen(compressor->name));
    size_t comma = registry->accepted_size > 0;
    size_t room = COMPRESS_ACCEPTED_TEXT - 1 - registry->accepted_size;
    if (registry->count == COMPRESS_MOST || name.size + comma > room) {
        *reason = "more compressors, or longer names, than a loop takes";
        return GRPC_ELIMIT;
    }
    registry->entries[registry->count++] = (struct compress_entry){
        .compressor = compressor,
        .name = name,
    };
    char *end = registry->accepted + registry->accepted_size;
    end[0] = ',';
    memcpy(end + comma, name.data, name.size);
    registry->accepted_size =
        (uint16_t)(registry->accepted_size + comma + name.size);
    return GRPC_OK;
}

int compress_find(const struct compress_registry *registry, struct view name)
{
    for (size_t i = 0; i < registry->count; i++) {
        if (view_equal(registry->entries[i].name, name)) {
            return (int)i;
        }
    }
    return -1;
}

const char *compress_why_not(struct view name)
{
    return VIEW_IS(name, "gzip") && !compress_has_gzip()
               ? "the library was built without zlib (GRPC_WITH_ZLIB)"
               : "it was not added with grpc_loop_add_compressor()";
}

struct view compress_name(const struct compress_registry *registry,
                          size_t index)
{
    ASSERT(index < registry->count);
    return registry->entries[index].name;
}

struct view compress_accepted(const struct compress_registry *registry)
{
    return view_of(registry->accepted, registry->accepted_size);
}

static bool compress_is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

// compress_piece takes the next piece off a list, without blanks around it.
static struct view compress_piece(struct view *list)
{
    size_t size = 0;
    while (size < list->size && list->data[size] != ',') {
        size++;
    }
    struct view piece = view_of(list->data, size);
    *list = view_skip(*list, size < list->size ? size + 1 : size);
    while (piece.size > 0 && compress_is_blank(piece.data[piece.size - 1])) {
        piece.size--;
    }
    while (piece.size > 0 && compress_is_blank(piece.data[0])) {
        piece = view_skip(piece, 1);
    }
    return piece;
}

uint32_t compress_parse_accepted(const struct compress_registry *registry,
                                 struct view list)
{
    uint32_t mask = 0;
    for (int i = 0; i < COMPRESS_PIECES && list.size > 0; i++) {
        int found = compress_find(registry, compress_piece(&list));
        mask |= found >= 0 ? UINT32_C(1) << found : 0;
    }
    return mask;
}

// ---- Messages ---------------------------------------------------------------

// What a compressor writes to: a buffer that grows with what comes.
struct compress_sink {
    const grpc_allocator *allocator;
    struct compress_buffer *buffer;
    size_t most_bytes;  // that may be written, headroom included
    grpc_result result; // sticky: a compressor may overlook it
};

// compress_grow makes room for size bytes in all: twice as much as before at
// least, but not more than may come.
static grpc_result compress_grow(struct compress_sink *sink, size_t size)
{
    struct compress_buffer *buffer = sink->buffer;
    size_t capacity = buffer->capacity < COMPRESS_LEAST_BYTES / 2
                          ? COMPRESS_LEAST_BYTES
                          : buffer->capacity;
    capacity = capacity < SIZE_MAX / 2 ? capacity * 2 : SIZE_MAX;
    capacity = capacity < size ? size : capacity;
    capacity = capacity > sink->most_bytes ? sink->most_bytes : capacity;
    uint8_t *grown =
        alloc_resize(sink->allocator, buffer->data, buffer->capacity, capacity);
    if (grown == NULL) {
        return GRPC_ENOMEM;
    }
    buffer->data = grown;
    buffer->capacity = capacity;
    return GRPC_OK;
}

static grpc_result compress_write(void *context, const void *data, size_t size)
{
    struct compress_sink *sink = context;
    struct compress_buffer *buffer = sink->buffer;
    if (sink->result != GRPC_OK || size == 0) {
        return sink->result;
    }
    if (size > sink->most_bytes - buffer->size) {
        sink->result = GRPC_ELIMIT;
    } else if (size > buffer->capacity - buffer->size) {
        sink->result = compress_grow(sink, buffer->size + size);
    }
    if (sink->result == GRPC_OK) {
        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
    }
    return sink->result;
}

// compress_open makes the state of a compressor when it is first needed.
static grpc_result compress_open(struct compress_registry *registry,
                                 struct compress_entry *entry)
{
    if (!entry->is_open && entry->compressor->open != NULL) {
        entry->state = entry->compressor->open(registry->allocator);
        if (entry->state == NULL) {
            return GRPC_ENOMEM;
        }
    }
    entry->is_open = true;
    return GRPC_OK;
}

// compress_start empties the buffer but for its headroom.
static grpc_result compress_start(struct compress_sink *sink, size_t headroom)
{
    sink->buffer->size = headroom;
    return headroom <= sink->buffer->capacity ? GRPC_OK
                                              : compress_grow(sink, headroom);
}

typedef grpc_result compress_function(void *state, grpc_str message,
                                      grpc_write *write, void *sink);

// compress_run calls a function of the compressor's. What it returns stands,
// unless the sink has refused.
static grpc_result compress_run(struct compress_registry *registry,
                                struct compress_entry *entry,
                                compress_function *function, struct view in,
                                struct compress_sink *sink)
{
    grpc_result result = compress_open(registry, entry);
    if (result != GRPC_OK) {
        return result;
    }
    const grpc_str message = {
        in.size == 0 ? "" : (const char *)in.data,
        in.size,
    };
    result = function(entry->state, message, compress_write, sink);
    return sink->result != GRPC_OK ? sink->result : result;
}

static const char *compress_say(grpc_result result, const char *format)
{
    switch (result) {
    case GRPC_ENOMEM:
        return "out of memory";
    case GRPC_ELIMIT:
        return "what comes out is too large";
    case GRPC_ESTATE:
        return "a compressor may not use the calls of its loop";
    default:
        return format;
    }
}

// compress_either does what compress_message and compress_decompress share.
static grpc_result compress_either(struct compress_registry *registry,
                                   size_t index, bool packs, struct view in,
                                   size_t headroom, struct compress_sink *sink,
                                   struct view *out)
{
    ASSERT(index < registry->count);
    if (registry->busy) {
        return GRPC_ESTATE;
    }
    struct compress_entry *entry = &registry->entries[index];
    registry->busy = true;
    grpc_result result = compress_start(sink, headroom);
    if (result == GRPC_OK) {
        result = compress_run(registry, entry,
                              packs ? entry->compressor->compress
                                    : entry->compressor->decompress,
                              in, sink);
    }
    registry->busy = false;
    if (result == GRPC_OK) {
        *out = view_skip(view_of(sink->buffer->data, sink->buffer->size),
                         headroom);
    }
    return result;
}

grpc_result compress_message(struct compress_registry *registry, size_t index,
                             struct view in, size_t headroom, struct view *out,
                             const char **reason)
{
    struct compress_sink sink = {
        .allocator = registry->allocator,
        .buffer = &registry->packed,
        .most_bytes =
            UINT32_MAX < SIZE_MAX - headroom ? headroom + UINT32_MAX : SIZE_MAX,
    };
    grpc_result result =
        compress_either(registry, index, true, in, headroom, &sink, out);
    if (result != GRPC_OK) {
        *reason = compress_say(result, "the compressor failed");
    }
    return result;
}

grpc_result compress_decompress(struct compress_registry *registry,
                                size_t index, struct view in, size_t max_bytes,
                                struct view *out, const char **reason)
{
    struct compress_sink sink = {
        .allocator = registry->allocator,
        .buffer = &registry->plain,
        .most_bytes = max_bytes,
    };
    grpc_result result =
        compress_either(registry, index, false, in, 0, &sink, out);
    if (result != GRPC_OK) {
        *reason = compress_say(result, "the bytes are not of that encoding");
    }
    return result;
}

grpc_result grpc_loop_add_compressor(grpc_loop *loop,
                                     const grpc_compressor *compressor)
{
    if (loop == NULL) {
        return GRPC_EINVAL;
    }
    const char *reason = "";
    grpc_result result = compress_add(&loop->compress, compressor, &reason);
    if (result != GRPC_OK) {
        run_set_error(loop, loop->error, "add a compressor: %s", reason);
        return result;
    }
    // What was read of a request's headers may have named it.
    loop->h2.block_memo = 0;
    return GRPC_OK;
}
