// SPDX-License-Identifier: MIT
// The memory that messages are encoded in. One buffer serves all calls of a
// loop: what is encoded is copied from there into its stream. A large message is
// lent to its stream instead, and its buffer with it: the next message gets
// another one. Buffers that have come back are kept for that.
//
// What is kept of a buffer that is lent, or spare, stands at its start: in the
// room that the codec leaves in front of a message.

#ifndef CORE_ENCODED_H
#define CORE_ENCODED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"

struct encoded {
    grpc_buffer buffer; // the one in use
    struct encoded_head *spare;
    size_t spare_bytes;
};

INTERNAL void encoded_init(struct encoded *encoded,
                           const grpc_allocator *allocator);

// encoded_fini: no buffer is lent.
INTERNAL void encoded_fini(struct encoded *encoded);

// encoded_begin is the buffer for a message; what was encoded before is gone.
INTERNAL grpc_buffer *encoded_begin(struct encoded *encoded);

// encoded_is_lendable: the bytes lie in the buffer, and are so many that lending
// them costs less than a copy, in time and without holding much memory for few
// bytes.
INTERNAL bool encoded_is_lendable(const struct encoded *encoded,
                                  struct view bytes);

// encoded_lend takes the buffer with its message out. encoded_give_back, with
// what that has returned, ends the loan: a release function.
INTERNAL void *encoded_lend(struct encoded *encoded);
INTERNAL void encoded_give_back(void *lent);

// encoded_trim frees all that is above so many bytes.
INTERNAL void encoded_trim(struct encoded *encoded, size_t bytes);

#endif
