// SPDX-License-Identifier: MIT

#include "hpack/hpack.h"

#include "base/alloc.h"
#include "base/arena.h"

enum {
    HBLOCK_FIELDS_MIN = 16,
    HBLOCK_REPEAT_MIN = 4,        // bytes
    HBLOCK_KEEP_TEXT = 64 * 1024, // bytes of text memory kept between blocks
};

void hpack_block_init(struct hpack_block *block,
                      const grpc_allocator *allocator)
{
    *block = (struct hpack_block){.allocator = allocator};
    arena_bind(&block->text, allocator);
}

void hpack_block_clear(struct hpack_block *block)
{
    block->count = 0;
    block->list_bytes = 0;
    block->list_fields = 0;
    block->over_limit = false;
    block->repeat_decoder = NULL;
    if (LIKELY(block->text.end == block->text_end)) {
        // No new block of memory: taking back what was handed out is enough.
        block->text.cursor = block->text_empty;
        return;
    }
    arena_reset(&block->text, HBLOCK_KEEP_TEXT);
    block->text_empty = block->text.cursor;
    block->text_end = block->text.end;
}

void hpack_block_fini(struct hpack_block *block)
{
    arena_reset(&block->text, 0);
    alloc_free(block->allocator, block->fields,
               block->capacity * sizeof *block->fields);
    hpack_block_init(block, block->allocator);
}

bool hpack_block_grow(struct hpack_block *block)
{
    size_t capacity =
        block->capacity == 0 ? HBLOCK_FIELDS_MIN : block->capacity * 2;
    // No overflow: limits on the number of fields have 16 bits.
    struct hpack_field *fields = alloc_resize(block->allocator, block->fields,
                                              block->capacity * sizeof *fields,
                                              capacity * sizeof *fields);
    if (fields == NULL) {
        return false;
    }
    block->fields = fields;
    block->capacity = capacity;
    return true;
}

bool hpack_block_keep(struct hpack_block *block, struct view *text)
{
    if (text->size == 0) {
        *text = VIEW("");
        return true;
    }
    uint8_t *copy = arena_alloc(&block->text, text->size);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, text->data, text->size);
    text->data = copy;
    return true;
}
