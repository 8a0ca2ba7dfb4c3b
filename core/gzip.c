// SPDX-License-Identifier: MIT
// gzip (RFC 1952) by zlib, where the build has it: GRPC_WITH_ZLIB is defined
// and -lz linked. Of several members one behind the other the contents are
// joined, as gzip itself and grpc-go do.

#include <stddef.h>

#include "base/alloc.h"
#include "grpc.h"

#if defined(GRPC_WITH_ZLIB)

# define ZLIB_CONST
# include <zlib.h>

enum {
    // Of zlib's levels the first that looks for better matches: near the size
    // of level 6, its default, at about a quarter of its time.
    GZIP_LEVEL = 4,
    GZIP_WINDOW = 15 + 16, // 32 KiB, and gzip's head and tail
    GZIP_MEMORY = 8,       // zlib's default: some 256 KiB for a state
    GZIP_OUTPUT = 8192,    // bytes that are written at once
    GZIP_INPUT = 1 << 30,  // bytes that zlib, which counts in uInt, is given
};

// Each half is made when it is first used: a client that sends small requests
// and gets large replies needs no room to compress.
struct gzip_state {
    const grpc_allocator *allocator; // of the loop
    z_stream deflate;
    z_stream inflate;
    bool can_deflate;
    bool can_inflate;
    unsigned char output[GZIP_OUTPUT];
};

// What zlib allocates is preceded by its size, which the allocator wants back.
union gzip_block {
    size_t size;
    max_align_t align;
};

static void *gzip_allocate(void *user, uInt count, uInt size)
{
    const struct gzip_state *state = user;
    size_t bytes;
    if (!alloc_size_mul(count, size, &bytes) ||
        !alloc_size_add(bytes, sizeof(union gzip_block), &bytes)) {
        return NULL;
    }
    union gzip_block *block = alloc_new(state->allocator, bytes);
    if (block == NULL) {
        return NULL;
    }
    block->size = bytes;
    return block + 1;
}

static void gzip_free(void *user, void *pointer)
{
    const struct gzip_state *state = user;
    if (pointer != NULL) {
        union gzip_block *block = (union gzip_block *)pointer - 1;
        alloc_free(state->allocator, block, block->size);
    }
}

static void *gzip_open(const grpc_allocator *allocator)
{
    struct gzip_state *state = alloc_zeroed(allocator, sizeof *state);
    if (state != NULL) {
        state->allocator = allocator;
        z_stream *const streams[] = {&state->deflate, &state->inflate};
        for (int i = 0; i < 2; i++) {
            streams[i]->zalloc = gzip_allocate;
            streams[i]->zfree = gzip_free;
            streams[i]->opaque = state;
        }
    }
    return state;
}

static void gzip_close(void *state_, const grpc_allocator *allocator)
{
    struct gzip_state *state = state_;
    if (state->can_deflate) {
        (void)deflateEnd(&state->deflate);
    }
    if (state->can_inflate) {
        (void)inflateEnd(&state->inflate);
    }
    alloc_free(allocator, state, sizeof *state);
}

// gzip_feed gives zlib the next bytes when it has none left.
static void gzip_feed(z_stream *stream, grpc_str *message)
{
    if (stream->avail_in == 0 && message->size > 0) {
        size_t size = message->size < GZIP_INPUT ? message->size : GZIP_INPUT;
        stream->next_in = (const unsigned char *)message->data;
        stream->avail_in = (uInt)size;
        message->data += size;
        message->size -= size;
    }
}

static void gzip_begin(struct gzip_state *state, z_stream *stream)
{
    stream->next_out = state->output;
    stream->avail_out = GZIP_OUTPUT;
}

// gzip_flush writes what zlib has put out.
static grpc_result gzip_flush(const struct gzip_state *state,
                              const z_stream *stream, grpc_write *put,
                              void *sink)
{
    size_t size = GZIP_OUTPUT - stream->avail_out;
    return size == 0 ? GRPC_OK : put(sink, state->output, size);
}

static grpc_result gzip_ready_to_deflate(struct gzip_state *state)
{
    int status =
        state->can_deflate
            ? deflateReset(&state->deflate)
            : deflateInit2(&state->deflate, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW,
                           GZIP_MEMORY, Z_DEFAULT_STRATEGY);
    state->can_deflate = state->can_deflate || status == Z_OK;
    state->deflate.avail_in = 0;
    return status == Z_OK ? GRPC_OK : GRPC_ENOMEM;
}

static grpc_result gzip_compress(void *state_, grpc_str message,
                                 grpc_write *put, void *sink)
{
    struct gzip_state *state = state_;
    z_stream *stream = &state->deflate;
    grpc_result result = gzip_ready_to_deflate(state);
    int status = Z_OK;
    while (result == GRPC_OK && status != Z_STREAM_END) {
        gzip_feed(stream, &message);
        gzip_begin(state, stream);
        status = deflate(stream, message.size == 0 ? Z_FINISH : Z_NO_FLUSH);
        result = status == Z_OK || status == Z_STREAM_END
                     ? gzip_flush(state, stream, put, sink)
                     : GRPC_EFORMAT;
    }
    return result;
}

static grpc_result gzip_ready_to_inflate(struct gzip_state *state)
{
    int status = state->can_inflate
                     ? inflateReset(&state->inflate)
                     : inflateInit2(&state->inflate, GZIP_WINDOW);
    state->can_inflate = state->can_inflate || status == Z_OK;
    state->inflate.avail_in = 0;
    return status == Z_OK ? GRPC_OK : GRPC_ENOMEM;
}

// gzip_inflate goes on with the member that has begun. Each turn takes input or
// gives output, or zlib says that it can do neither: the message is cut off.
static grpc_result gzip_inflate(struct gzip_state *state, grpc_str *message,
                                grpc_write *put, void *sink, bool *ended)
{
    z_stream *stream = &state->inflate;
    gzip_feed(stream, message);
    gzip_begin(state, stream);
    int status = inflate(stream, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) {
        return GRPC_ENOMEM;
    }
    *ended = status == Z_STREAM_END;
    return status == Z_OK || *ended ? gzip_flush(state, stream, put, sink)
                                    : GRPC_EFORMAT;
}

static grpc_result gzip_decompress(void *state_, grpc_str message,
                                   grpc_write *put, void *sink)
{
    struct gzip_state *state = state_;
    bool ended = false;
    grpc_result result = gzip_ready_to_inflate(state);
    while (result == GRPC_OK && !ended) {
        result = gzip_inflate(state, &message, put, sink, &ended);
        if (ended && (state->inflate.avail_in > 0 || message.size > 0)) {
            // Another member, or else what is no gzip.
            ended = inflateReset(&state->inflate) != Z_OK;
        }
    }
    return result;
}

#else

static grpc_result gzip_is_missing(void *state, grpc_str message,
                                   grpc_write *put, void *sink)
{
    (void)state;
    (void)message;
    (void)put;
    (void)sink;
    return GRPC_ESTATE;
}

#endif

const grpc_compressor grpc_gzip = {
    .name = "gzip",
#if defined(GRPC_WITH_ZLIB)
    .open = gzip_open,
    .close = gzip_close,
    .compress = gzip_compress,
    .decompress = gzip_decompress,
#else
    .compress = gzip_is_missing,
    .decompress = gzip_is_missing,
#endif
};
