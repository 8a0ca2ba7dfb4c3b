// SPDX-License-Identifier: MIT
// Cuts the bytes of a stream into gRPC messages (PROTOCOL-HTTP2.md,
// Length-Prefixed-Message): one byte of flags, four of length, the message.
//
//   HEAD --5 bytes--> BODY --length bytes--> HEAD
//     |                 |
//     +---> FAILED <----+   flag, length over the limit, no memory
//
// A message that lies whole in the input is given as a view of it; any other
// is gathered. Gathering memory grows with the bytes that have arrived, never
// with the length that was announced.

#ifndef CORE_DEFRAME_H
#define CORE_DEFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"

enum { DEFRAME_HEAD = 5 };

struct deframe {
    uint32_t max_bytes; // of one message
    uint8_t head[DEFRAME_HEAD];
    uint8_t head_size; // bytes of head that have arrived
    bool compressed;   // the flag of the current message
    uint32_t length;   // of the current message, when head is complete
    uint8_t *body;     // gathered bytes; NULL while there are none
    size_t body_size;
    size_t body_capacity;
    uint8_t *small; // memory in the arena, for messages that are; may be body
    uint32_t small_capacity;
    struct deframe_spare *spare; // borrowed
};

// Memory that one large message was gathered in, for the next one: a loop keeps
// one piece, so that a stream of large messages allocates nothing.
struct deframe_spare {
    uint8_t *data;
    size_t capacity;
};

enum deframe_result {
    DEFRAME_MORE,     // the input is used up
    DEFRAME_MESSAGE,  // *message is whole; call again with the rest
    DEFRAME_BAD_FLAG, // neither 0 nor 1
    DEFRAME_TOO_LARGE,
    DEFRAME_NO_MEMORY,
};

INTERNAL void deframe_init(struct deframe *deframe, struct deframe_spare *spare,
                           uint32_t max_bytes);

// deframe_spare_fini frees what is kept.
INTERNAL void deframe_spare_fini(struct deframe_spare *spare,
                                 const grpc_allocator *allocator);

// deframe_next takes input (*input is what is left) up to the end of one
// message. *message is valid until the next call, or the input is gone.
// Small messages are gathered in the arena, large ones in the arena's
// allocator's memory.
INTERNAL MUST_CHECK enum deframe_result deframe_next(struct deframe *deframe,
                                                     grpc_arena *arena,
                                                     struct view *input,
                                                     struct view *message);

// deframe_used: the message that was given last is not needed any more. What it
// was gathered in is free for others before the next one begins.
INTERNAL void deframe_used(struct deframe *deframe, grpc_arena *arena);

// deframe_wanted: bytes that are missing of the message that has begun; 0
// between messages and while the length is not known.
INTERNAL size_t deframe_wanted(const struct deframe *deframe);

// deframe_is_between: no part of a message has arrived without the rest.
INTERNAL bool deframe_is_between(const struct deframe *deframe);

// deframe_fini releases what was gathered.
INTERNAL void deframe_fini(struct deframe *deframe, grpc_arena *arena);

#endif
