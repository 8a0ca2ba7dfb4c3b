// SPDX-License-Identifier: MIT
// Frame heads and payloads to and from structs, and the size and stream rules
// of each type (RFC 9113 sections 4 and 6). No state.

#ifndef H2_H2_FRAME_H
#define H2_H2_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/endian.h"
#include "base/linkage.h"
#include "base/view.h"

enum h2_frame_type {
    H2_FRAME_DATA = 0x0,
    H2_FRAME_HEADERS = 0x1,
    H2_FRAME_PRIORITY = 0x2,
    H2_FRAME_RST_STREAM = 0x3,
    H2_FRAME_SETTINGS = 0x4,
    H2_FRAME_PUSH_PROMISE = 0x5,
    H2_FRAME_PING = 0x6,
    H2_FRAME_GOAWAY = 0x7,
    H2_FRAME_WINDOW_UPDATE = 0x8,
    H2_FRAME_CONTINUATION = 0x9,
    H2_FRAME_TYPES, // how many we know; others are ignored
    // A type that is not registered: a frame that cannot be finished becomes
    // one of these, which every peer ignores.
    H2_FRAME_VOID = 0xff,
};

enum {
    H2_FLAG_END_STREAM = 0x1, // DATA, HEADERS
    H2_FLAG_ACK = 0x1,        // SETTINGS, PING
    H2_FLAG_END_HEADERS = 0x4,
    H2_FLAG_PADDED = 0x8,
    H2_FLAG_PRIORITY = 0x20,
};

enum {
    H2_HEAD_SIZE = 9,
    H2_FRAME_SIZE_DEFAULT = 16384,
    H2_FRAME_SIZE_MAX = 16777215,
    H2_WINDOW_DEFAULT = 65535,
    H2_WINDOW_MAX = 2147483647,
    H2_STREAM_ID_MAX = 2147483647,
};

struct h2_frame {
    uint32_t length; // bytes of payload
    uint32_t stream_id;
    uint8_t type;
    uint8_t flags;
};

// What is wrong with something the peer sent: reason is static text, NULL when
// nothing is; code is an enum h2_code.
struct h2_fault {
    uint32_t code;
    const char *reason;
};

// h2_frame_read reads a head of H2_HEAD_SIZE bytes; the reserved bit is
// ignored.
static inline struct h2_frame h2_frame_read(const uint8_t *head)
{
    uint64_t word = load_be64(head);
    return (struct h2_frame){
        .length = (uint32_t)(word >> 40),
        .stream_id = (uint32_t)(word << 8 | head[8]) & H2_STREAM_ID_MAX,
        .type = (uint8_t)(word >> 32),
        .flags = (uint8_t)(word >> 24),
    };
}

// h2_frame_write writes a head of H2_HEAD_SIZE bytes.
static inline void h2_frame_write(uint8_t *head, const struct h2_frame *frame)
{
    ASSERT(frame->length <= H2_FRAME_SIZE_MAX);
    uint32_t kind = (uint32_t)frame->type << 8 | frame->flags;
    store_be64(head, (uint64_t)frame->length << 40 | (uint64_t)kind << 24 |
                         frame->stream_id >> 8);
    head[8] = (uint8_t)frame->stream_id;
}

// h2_frame_check holds a head against the rules of its type. A type that we
// do not know has no rule but the maximum size.
INTERNAL struct h2_fault h2_frame_check(const struct h2_frame *frame,
                                        uint32_t max_frame_size);

// h2_frame_is_easy: HEADERS or DATA, the bulk of all frames, that passes
// h2_frame_check.
static inline bool h2_frame_is_easy(const struct h2_frame *frame,
                                    uint32_t max_frame_size)
{
    return frame->type <= H2_FRAME_HEADERS && frame->stream_id != 0 &&
           frame->length <= max_frame_size;
}

// h2_frame_strip takes padding and priority off the payload of HEADERS and
// writes the rest to *out.
INTERNAL struct h2_fault h2_frame_strip(const struct h2_frame *frame,
                                        struct view payload, struct view *out);

// h2_frame_depends_on is the stream that a priority (RFC 7540 section 6.3, 5
// bytes) names as its parent.
INTERNAL uint32_t h2_frame_depends_on(const uint8_t *priority);

#endif
