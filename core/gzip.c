// SPDX-License-Identifier: MIT
// The gzip compressor, on zlib. Without zlib it exists, and says so.

#include "grpc.h"

#if defined(GRPC_WITH_ZLIB)

# include <limits.h>
# include <zlib.h>

# include "base/alloc.h"

enum {
    GZIP_WINDOW = 15 + 16, // the largest window, and gzip's head and tail
    GZIP_MEMORY = 8,       // zlib's default
    GZIP_PIECE = 16384,    // bytes put out at a time
    GZIP_HEAD = 16,        // in front of what zlib asks for: its size
};

struct gzip_state {
    z_stream deflate;
    z_stream inflate;
    bool deflates; // deflate is in use
    bool inflates;
    const grpc_allocator *allocator;
};

// zlib frees without telling a size; the allocator wants it.
static voidpf gzip_alloc(voidpf opaque, uInt items, uInt size)
{
    const struct gzip_state *state = opaque;
    size_t bytes;
    if (!alloc_size_mul(items, size, &bytes) ||
        !alloc_size_add(bytes, GZIP_HEAD, &bytes)) {
        return Z_NULL;
    }
    char *memory = alloc_new(state->allocator, bytes);
    if (memory == NULL) {
        return Z_NULL;
    }
    *(size_t *)(void *)memory = bytes;
    return memory + GZIP_HEAD;
}

static void gzip_free(voidpf opaque, voidpf address)
{
    const struct gzip_state *state = opaque;
    char *memory = (char *)address - GZIP_HEAD;
    alloc_free(state->allocator, memory, *(size_t *)(void *)memory);
}

static void *gzip_open(const grpc_allocator *allocator)
{
    struct gzip_state *state = alloc_zeroed(allocator, sizeof *state);
    if (state != NULL) {
        state->allocator = allocator;
        state->deflate.zalloc = gzip_alloc;
        state->deflate.zfree = gzip_free;
        state->deflate.opaque = state;
        state->inflate.zalloc = gzip_alloc;
        state->inflate.zfree = gzip_free;
        state->inflate.opaque = state;
    }
    return state;
}

static void gzip_close(void *opened, const grpc_allocator *allocator)
{
    struct gzip_state *state = opened;
    if (state->deflates) {
        (void)deflateEnd(&state->deflate);
    }
    if (state->inflates) {
        (void)inflateEnd(&state->inflate);
    }
    alloc_free(allocator, state, sizeof *state);
}

static grpc_result gzip_result(int error)
{
    switch (error) {
    case Z_OK:
    case Z_STREAM_END:
        return GRPC_OK;
    case Z_MEM_ERROR:
        return GRPC_ENOMEM;
    default:
        return GRPC_EFORMAT;
    }
}

static grpc_result gzip_begin_deflate(struct gzip_state *state)
{
    if (state->deflates) {
        return gzip_result(deflateReset(&state->deflate));
    }
    int error = deflateInit2(&state->deflate, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                             GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY);
    state->deflates = error == Z_OK;
    return gzip_result(error);
}

static grpc_result gzip_begin_inflate(struct gzip_state *state)
{
    if (state->inflates) {
        return gzip_result(inflateReset(&state->inflate));
    }
    int error = inflateInit2(&state->inflate, GZIP_WINDOW);
    state->inflates = error == Z_OK;
    return gzip_result(error);
}

// zlib does not change its input, though its type does not say so.
static Bytef *gzip_input(grpc_str message)
{
    return (Bytef *)(uintptr_t)message.data;
}

static grpc_result gzip_compress(void *opened, grpc_str message,
                                 grpc_write *put, void *sink)
{
    struct gzip_state *state = opened;
    z_stream *stream = &state->deflate;
    unsigned char piece[GZIP_PIECE];
    if (message.size > UINT_MAX) {
        return GRPC_ELIMIT;
    }
    grpc_result result = gzip_begin_deflate(state);
    stream->next_in = gzip_input(message);
    stream->avail_in = (uInt)message.size;
    int error = Z_OK;
    while (result == GRPC_OK && error != Z_STREAM_END) {
        stream->next_out = piece;
        stream->avail_out = sizeof piece;
        error = deflate(stream, Z_FINISH);
        result = gzip_result(error);
        if (result == GRPC_OK) {
            result = put(sink, piece, sizeof piece - stream->avail_out);
        }
    }
    return result;
}

// gzip_inflate puts out one piece; *ended: a member of the file has ended.
static grpc_result gzip_inflate(z_stream *stream, grpc_write *put, void *sink,
                                bool *ended)
{
    unsigned char piece[GZIP_PIECE];
    stream->next_out = piece;
    stream->avail_out = sizeof piece;
    int error = inflate(stream, Z_NO_FLUSH);
    *ended = error == Z_STREAM_END;
    size_t size = sizeof piece - stream->avail_out;
    if (error == Z_BUF_ERROR || (error == Z_OK && size == 0)) {
        return GRPC_EFORMAT; // it ends too early
    }
    grpc_result result = gzip_result(error);
    return result == GRPC_OK ? put(sink, piece, size) : result;
}

// A file may have several members, one after the other (RFC 1952 section 2.2).
static grpc_result gzip_decompress(void *opened, grpc_str message,
                                   grpc_write *put, void *sink)
{
    struct gzip_state *state = opened;
    z_stream *stream = &state->inflate;
    if (message.size > UINT_MAX) {
        return GRPC_ELIMIT;
    }
    grpc_result result = gzip_begin_inflate(state);
    stream->next_in = gzip_input(message);
    stream->avail_in = (uInt)message.size;
    bool ended = false;
    while (result == GRPC_OK && !(ended && stream->avail_in == 0)) {
        if (ended) {
            result = gzip_result(inflateReset(stream));
        }
        if (result == GRPC_OK) {
            result = gzip_inflate(stream, put, sink, &ended);
        }
    }
    return result;
}

#else

static void *gzip_open(const grpc_allocator *allocator)
{
    (void)allocator;
    return NULL;
}

static void gzip_close(void *opened, const grpc_allocator *allocator)
{
    (void)opened;
    (void)allocator;
}

static grpc_result gzip_compress(void *opened, grpc_str message,
                                 grpc_write *put, void *sink)
{
    (void)opened;
    (void)message;
    (void)put;
    (void)sink;
    return GRPC_ESTATE;
}

static grpc_result gzip_decompress(void *opened, grpc_str message,
                                   grpc_write *put, void *sink)
{
    return gzip_compress(opened, message, put, sink);
}

#endif

const grpc_compressor grpc_gzip = {
    .name = "gzip",
    .open = gzip_open,
    .close = gzip_close,
    .compress = gzip_compress,
    .decompress = gzip_decompress,
};
