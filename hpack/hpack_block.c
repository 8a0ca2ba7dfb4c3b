// SPDX-License-Identifier: MIT

#include "hpack/hpack.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"

enum {
    HBLOCK_FIELDS_MIN = 16,
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
    size_t size;
    if (!alloc_size_mul(capacity, sizeof *block->fields, &size)) {
        return false;
    }
    struct hpack_field *fields =
        alloc_resize(block->allocator, block->fields,
                     block->capacity * sizeof *fields, size);
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

// ---- Blocks that come again -------------------------------------------------

// hblock_is_repeated: the block holds what these bytes would give again.
static bool hblock_is_repeated(const struct hpack_block *block,
                               const struct hpack_decoder *decoder,
                               struct view bytes)
{
    return block->repeat_decoder == decoder &&
           block->repeat_inserted == decoder->table.inserted &&
           !decoder->update_required && bytes.size == block->repeat_size &&
           memcmp(bytes.data, block->repeat_bytes, bytes.size) == 0;
}

// hblock_may_repeat: short enough, and does not begin with a size update.
static bool hblock_may_repeat(struct view bytes)
{
    return bytes.size > 0 && bytes.size <= HPACK_REPEAT_MAX &&
           (bytes.data[0] & 0xe0) != 0x20;
}

enum hpack_result hpack_decode_whole(struct hpack_decoder *decoder,
                                     struct hpack_block *block,
                                     struct view bytes, bool *out_repeated)
{
    ASSERT(decoder->carry == NULL);
    *out_repeated = hblock_is_repeated(block, decoder, bytes);
    if (*out_repeated) {
        return HPACK_OK;
    }
    hpack_block_clear(block);
    bool may_repeat = hblock_may_repeat(bytes);
    if (may_repeat) {
        // Views of the fields point to the copy: it stays when the input goes.
        memcpy(block->repeat_bytes, bytes.data, bytes.size);
        block->repeat_size = (uint8_t)bytes.size;
        bytes.data = block->repeat_bytes;
    }
    uint64_t inserted = decoder->table.inserted;
    uint32_t count = decoder->table.count;
    enum hpack_result result = hpack_decode(decoder, block, bytes, true);
    // What has been inserted shows in repeat_inserted; with equal counts nothing
    // was evicted without an insertion. A decoder that has never inserted is not
    // told from one that was at its address before.
    if (result == HPACK_OK && may_repeat && inserted > 0 &&
        decoder->table.count == count) {
        block->repeat_decoder = decoder;
        block->repeat_inserted = inserted;
    }
    return result;
}
