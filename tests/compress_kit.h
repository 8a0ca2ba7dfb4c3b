// SPDX-License-Identifier: MIT
// A compressor for tests: "xor" turns every byte round and puts an 'X' in front.
// It has a state that counts, and is of use in builds without zlib too. Header
// only, because the functions under test are static in the amalgamation.

#ifndef TESTS_COMPRESS_KIT_H
#define TESTS_COMPRESS_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "grpc.h"

struct xor_counts {
    int opened;
    int closed;
    int compressed;
    int decompressed;
};

static MAYBE_UNUSED struct xor_counts *xor_counts(void)
{
    static struct xor_counts counts;
    return &counts;
}

enum { XOR_STATE = 24, XOR_PIECE = 100 };

static MAYBE_UNUSED void *xor_open(const grpc_allocator *allocator)
{
    void *state = allocator->allocate(allocator->user, NULL, 0, XOR_STATE);
    xor_counts()->opened += state != NULL;
    return state;
}

static MAYBE_UNUSED void xor_close(void *state, const grpc_allocator *allocator)
{
    xor_counts()->closed++;
    (void)allocator->allocate(allocator->user, state, XOR_STATE, 0);
}

static MAYBE_UNUSED grpc_result xor_put(grpc_str bytes, grpc_write *put,
                                        void *sink)
{
    grpc_result result = GRPC_OK;
    for (size_t at = 0; at < bytes.size && result == GRPC_OK;) {
        char piece[XOR_PIECE];
        size_t size = 0;
        while (size < sizeof piece && at < bytes.size) {
            piece[size++] = (char)~bytes.data[at++];
        }
        result = put(sink, piece, size);
    }
    return result;
}

static MAYBE_UNUSED grpc_result xor_compress(void *state, grpc_str message,
                                             grpc_write *put, void *sink)
{
    assert_non_null(state);
    xor_counts()->compressed++;
    grpc_result result = put(sink, "X", 1);
    return result == GRPC_OK ? xor_put(message, put, sink) : result;
}

static MAYBE_UNUSED grpc_result xor_decompress(void *state, grpc_str message,
                                               grpc_write *put, void *sink)
{
    assert_non_null(state);
    xor_counts()->decompressed++;
    if (message.size == 0 || message.data[0] != 'X') {
        return GRPC_EFORMAT;
    }
    const grpc_str bytes = {message.data + 1, message.size - 1};
    return xor_put(bytes, put, sink);
}

static MAYBE_UNUSED const grpc_compressor xor_compressor = {
    .name = "xor",
    .open = xor_open,
    .close = xor_close,
    .compress = xor_compress,
    .decompress = xor_decompress,
};

#endif
