// SPDX-License-Identifier: MIT
// Compression of messages (grpc/doc/compression.md): the compressors that a loop
// has, and the memory that messages are compressed and decompressed in.
//
// gzip is the first where the build has zlib. An encoding is known by its place
// in the registry, which never changes.

#ifndef CORE_COMPRESS_H
#define CORE_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"

enum {
    COMPRESS_MAX = 31,      // compressors: a bit of 32 for each
    COMPRESS_NAME_MAX = 32, // bytes of a name
};

// Memory that grows with what comes out; used again for the next message.
struct compress_out {
    const grpc_allocator *allocator;
    uint8_t *data;
    size_t capacity;
    size_t size;
    size_t limit; // no more than this
};

struct compress_registry {
    const grpc_allocator *allocator; // borrowed
    const grpc_compressor *compressors[COMPRESS_MAX];
    void *states[COMPRESS_MAX]; // opened with the first message
    uint8_t opened[COMPRESS_MAX];
    size_t count;
    char accepted[COMPRESS_MAX * (COMPRESS_NAME_MAX + 1)]; // "gzip,other"
    size_t accepted_size;
    struct compress_out packed;
    struct compress_out plain;
};

INTERNAL void compress_init(struct compress_registry *registry,
                            const grpc_allocator *allocator);
INTERNAL void compress_fini(struct compress_registry *registry);

// compress_trim gives memory back that is more than keep_bytes.
INTERNAL void compress_trim(struct compress_registry *registry,
                            size_t keep_bytes);

// compress_add: GRPC_EINVAL, GRPC_ELIMIT; *reason says why.
INTERNAL MUST_CHECK grpc_result compress_add(struct compress_registry *registry,
                                             const grpc_compressor *compressor,
                                             const char **reason);

// compress_find is the place of a name, or -1; compress_why_not says why then.
INTERNAL int compress_find(const struct compress_registry *registry,
                           struct view name);
INTERNAL const char *compress_why_not(struct view name);

INTERNAL struct view compress_name(const struct compress_registry *registry,
                                   size_t place);

// compress_accepted is the value of grpc-accept-encoding; empty when there is
// none. Its size grows with each compressor that is added.
INTERNAL struct view compress_accepted(
    const struct compress_registry *registry);

// compress_parse_accepted is a bit for each compressor that a peer's
// grpc-accept-encoding names.
INTERNAL uint32_t compress_parse_accepted(
    const struct compress_registry *registry, struct view value);

// compress_message compresses; *out has headroom writable bytes in front and is
// valid until the next one. *reason is static text.
INTERNAL MUST_CHECK grpc_result compress_message(
    struct compress_registry *registry, size_t place, struct view message,
    size_t headroom, struct view *out, const char **reason);

// compress_decompress gives at most max_bytes: GRPC_ELIMIT as soon as there would
// be more. *out is valid until the next one.
INTERNAL MUST_CHECK grpc_result compress_decompress(
    struct compress_registry *registry, size_t place, struct view message,
    size_t max_bytes, struct view *out, const char **reason);

#endif
