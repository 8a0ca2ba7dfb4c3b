// SPDX-License-Identifier: MIT
// The compressors of a loop, and the memory that messages are compressed and
// decompressed in. A compressor is named by its place in the registry: small
// numbers from 0, the same for the loop's life.

#ifndef CORE_COMPRESS_H
#define CORE_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"

enum {
    COMPRESS_MOST = 31,           // compressors: bits of a mask
    COMPRESS_ACCEPTED_TEXT = 256, // of grpc-accept-encoding, NUL included
    COMPRESS_PIECES = 64,         // of a peer's list that are looked at
    COMPRESS_LEAST_BYTES = 4096,  // that a buffer begins with
};

// Memory for one message; reused, and only as large as what was written.
struct compress_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

struct compress_entry {
    const grpc_compressor *compressor; // the user's, or grpc_gzip
    struct view name;
    void *state; // of compressor->open, when is_open
    bool is_open;
};

struct compress_registry {
    const grpc_allocator *allocator; // borrowed
    struct compress_buffer packed;   // what compress_message wrote
    struct compress_buffer plain;    // what compress_decompress wrote
    struct compress_entry entries[COMPRESS_MOST];
    uint8_t count;
    bool busy; // a compressor's function is on the stack
    uint16_t accepted_size;
    char accepted[COMPRESS_ACCEPTED_TEXT];
};

// compress_init allocates nothing. gzip is there from the start, where the
// build has it.
INTERNAL void compress_init(struct compress_registry *registry,
                            const grpc_allocator *allocator);
INTERNAL void compress_fini(struct compress_registry *registry);

// compress_add takes a further compressor, borrowed until compress_fini.
// *reason is static text on failure: GRPC_EINVAL, GRPC_ESTATE (gzip in a build
// without it), GRPC_ELIMIT.
INTERNAL MUST_CHECK grpc_result compress_add(struct compress_registry *registry,
                                             const grpc_compressor *compressor,
                                             const char **reason);

// compress_trim gives back buffers of more than keep_bytes.
INTERNAL void compress_trim(struct compress_registry *registry,
                            size_t keep_bytes);

// compress_find is the place of a name, -1 for one that was not added;
// compress_why_not says why that may be, as static text.
INTERNAL int compress_find(const struct compress_registry *registry,
                           struct view name);
INTERNAL const char *compress_why_not(struct view name);

// compress_name is the name at a place, borrowed from its compressor.
INTERNAL struct view compress_name(const struct compress_registry *registry,
                                   size_t index);

// compress_accepted is our grpc-accept-encoding, "gzip,foo", empty when there
// is nothing; it stays until a compressor is added.
INTERNAL struct view compress_accepted(
    const struct compress_registry *registry);

// compress_parse_accepted reads a peer's grpc-accept-encoding: bit n for the
// n-th of our compressors. Names that we do not have are ignored.
INTERNAL uint32_t compress_parse_accepted(
    const struct compress_registry *registry, struct view list);

// compress_message compresses in. *out lies in the registry's memory for
// compressed messages, with headroom bytes in front that the caller may write;
// both are good until the next compress_message or compress_trim, whatever is
// decompressed meanwhile. in may be what compress_decompress gave. On failure
// *reason is static text: GRPC_ENOMEM, GRPC_ELIMIT (over 4 GiB), GRPC_ESTATE
// (a compressor calls the library), GRPC_EFORMAT (the compressor failed).
INTERNAL MUST_CHECK grpc_result compress_message(
    struct compress_registry *registry, size_t index, struct view in,
    size_t headroom, struct view *out, const char **reason);

// compress_decompress is the reverse; *out lies in the memory for decompressed
// messages, until the next compress_decompress or compress_trim, and in may be
// what compress_message gave. GRPC_ELIMIT as soon as more than max_bytes would
// come out; never more than that is held. GRPC_EFORMAT: not that format.
INTERNAL MUST_CHECK grpc_result compress_decompress(
    struct compress_registry *registry, size_t index, struct view in,
    size_t max_bytes, struct view *out, const char **reason);

#endif
