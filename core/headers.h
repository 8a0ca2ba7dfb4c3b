// SPDX-License-Identifier: MIT
// What requests and responses have in common as headers (PROTOCOL-HTTP2.md).

#ifndef CORE_HEADERS_H
#define CORE_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "h2/h2.h"

enum { HEADERS_CLIP = 256 }; // bytes of a peer's text that a message quotes

// headers_field is a field to be sent; static_name is the first row of HPACK's
// static table with that name, or 0. hint may be NULL.
static inline struct h2_field headers_field(struct view name, struct view value,
                                            uint8_t static_name,
                                            hpack_hint *hint)
{
    return (struct h2_field){
        .field = {.name = name, .value = value, .static_name = static_name},
        .mode = HPACK_INDEX,
        .hint = hint,
    };
}

// headers_passing is a field whose value changes from call to call, and which
// therefore stays out of the table.
INTERNAL struct h2_field headers_passing(struct view name, struct view value,
                                         uint8_t static_name);

// headers_is_grpc: a content-type of application/grpc, with or without a codec
// or parameters.
INTERNAL bool headers_is_grpc(struct view content_type);

// headers_clip is the size of what a message quotes of a peer's text, for %.*s.
INTERNAL int headers_clip(struct view text);

#endif
