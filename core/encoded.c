// SPDX-License-Identifier: MIT

#include "core/encoded.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "core/deframe.h"
#include "core/limits.h"

// What stands at the start of a buffer that is lent or spare.
struct encoded_head {
    struct encoded *owner;
    struct encoded_head *next; // spare
    size_t capacity;           // bytes of the buffer
};

_Static_assert(sizeof(struct encoded_head) + DEFRAME_HEAD <=
                   GRPC_BUFFER_HEADROOM,
               "in front of a message there is room for both heads");

static size_t encoded_capacity(const struct encoded *encoded)
{
    const grpc_buffer *buffer = &encoded->buffer;
    return buffer->base == NULL ? 0 : (size_t)(buffer->end - buffer->base);
}

static void encoded_forget(struct encoded *encoded)
{
    encoded->buffer = (grpc_buffer){.allocator = encoded->buffer.allocator};
}

void encoded_init(struct encoded *encoded, const grpc_allocator *allocator)
{
    *encoded = (struct encoded){.buffer = {.allocator = *allocator}};
}

void encoded_fini(struct encoded *encoded)
{
    encoded_trim(encoded, 0);
}

// encoded_use_spare takes the spare buffer that has come back last.
static void encoded_use_spare(struct encoded *encoded)
{
    struct encoded_head *head = encoded->spare;
    encoded->spare = head->next;
    encoded->spare_bytes -= head->capacity;
    encoded->buffer.base = (unsigned char *)head;
    encoded->buffer.end = encoded->buffer.base + head->capacity;
}

grpc_buffer *encoded_begin(struct encoded *encoded)
{
    grpc_buffer *buffer = &encoded->buffer;
    if (UNLIKELY(buffer->base == NULL && encoded->spare != NULL)) {
        encoded_use_spare(encoded);
    }
    buffer->first = buffer->end;
    return buffer;
}

bool encoded_is_lendable(const struct encoded *encoded, struct view bytes)
{
    const grpc_buffer *buffer = &encoded->buffer;
    return bytes.size >= CORE_LENT_BYTES &&
           bytes.size >= encoded_capacity(encoded) / CORE_LENT_SHARE &&
           bytes.data + DEFRAME_HEAD == buffer->first; // that may be NULL
}

void *encoded_lend(struct encoded *encoded)
{
    struct encoded_head *head =
        (struct encoded_head *)(void *)encoded->buffer.base;
    ASSERT((size_t)(encoded->buffer.first - encoded->buffer.base) >=
           GRPC_BUFFER_HEADROOM);
    *head = (struct encoded_head){
        .owner = encoded,
        .capacity = encoded_capacity(encoded),
    };
    encoded_forget(encoded);
    return head;
}

void encoded_give_back(void *lent)
{
    struct encoded_head *head = lent;
    struct encoded *encoded = head->owner;
    if (head->capacity > CORE_LENT_SPARE_BYTES - encoded->spare_bytes) {
        alloc_free(&encoded->buffer.allocator, head, head->capacity);
        return;
    }
    head->next = encoded->spare;
    encoded->spare = head;
    encoded->spare_bytes += head->capacity;
}

void encoded_trim(struct encoded *encoded, size_t bytes)
{
    const grpc_allocator *allocator = &encoded->buffer.allocator;
    while (encoded->spare != NULL) {
        struct encoded_head *head = encoded->spare;
        encoded->spare = head->next;
        alloc_free(allocator, head, head->capacity);
    }
    encoded->spare_bytes = 0;
    if (encoded_capacity(encoded) > bytes) {
        alloc_free(allocator, encoded->buffer.base, encoded_capacity(encoded));
        encoded_forget(encoded);
    }
}
