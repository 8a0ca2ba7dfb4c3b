// SPDX-License-Identifier: MIT
// From fields to a block (RFC 7541 section 6).
//
// The table on this side always holds the newest entries of the peer's table,
// usually all of them: when memory is short an entry may be dropped here
// first, never there. So no index is sent that the peer cannot resolve.

#include "hpack/hpack.h"

#include "base/assert.h"
#include "hpack/hpack_huffman.h"
#include "hpack/hpack_integer.h"

enum {
    HENCODE_INDEXED = 0x80, // first bytes: 6.1
    HENCODE_INSERT = 0x40,  // 6.2.1
    HENCODE_PLAIN = 0x00,   // 6.2.2
    HENCODE_NEVER = 0x10,   // 6.2.3
    HENCODE_UPDATE = 0x20,  // 6.3
    HENCODE_HUFFMAN = 0x80, // of a string: 5.2
    HENCODE_PART = 512,     // bytes of a long string that are coded at a time
    HENCODE_BYTE_MAX = 126, // the last index that takes one byte
};

// A first byte of a literal and the width of its index.
struct hencode_literal {
    uint8_t first;
    unsigned prefix_bits;
};

static const struct hencode_literal hencode_literals[] = {
    [HPACK_INDEX] = {HENCODE_INSERT, 6},
    [HPACK_PLAIN] = {HENCODE_PLAIN, 4},
    [HPACK_NEVER] = {HENCODE_NEVER, 4},
};

void hpack_encoder_init(struct hpack_encoder *encoder,
                        const grpc_allocator *allocator, uint32_t own_limit)
{
    ASSERT(own_limit <= HPACK_TABLE_MAX);
    *encoder = (struct hpack_encoder){
        .own_limit = (uint16_t)own_limit,
        .pending_least = UINT16_MAX,
        .huffman = true,
    };
    hpack_table_init(&encoder->table, allocator, HPACK_TABLE_INITIAL, true);
    hpack_encoder_limit(encoder, HPACK_TABLE_INITIAL);
}

void hpack_encoder_fini(struct hpack_encoder *encoder)
{
    hpack_table_fini(&encoder->table);
}

// ---- Table size -------------------------------------------------------------

void hpack_encoder_limit(struct hpack_encoder *encoder, uint32_t peer_limit)
{
    uint16_t limit = peer_limit < encoder->own_limit ? (uint16_t)peer_limit
                                                     : encoder->own_limit;
    encoder->size_limit = limit;
    if (limit < encoder->pending_least) {
        encoder->pending_least = limit;
    }
    encoder->update_pending = encoder->pending_least < encoder->table.limit ||
                              limit != encoder->table.limit;
}

bool hpack_encode_begin(struct hpack_encoder *encoder, struct chunk_queue *out)
{
    if (LIKELY(!encoder->update_pending)) {
        return true;
    }
    struct hpack_table *table = &encoder->table;
    uint8_t *start = chunk_queue_reserve(out, (size_t)2 * HPACK_INTEGER_MAX);
    if (start == NULL) {
        return false;
    }
    uint8_t *at = start;
    if (encoder->pending_least < encoder->size_limit &&
        encoder->pending_least < table->limit) {
        at = hpack_integer_write(at, HENCODE_UPDATE, 5, encoder->pending_least);
        hpack_table_set_limit(table, encoder->pending_least);
    }
    at = hpack_integer_write(at, HENCODE_UPDATE, 5, encoder->size_limit);
    chunk_queue_commit(out, (size_t)(at - start));
    hpack_table_set_limit(table, encoder->size_limit);
    encoder->pending_least = UINT16_MAX;
    encoder->update_pending = false;
    return true;
}

// ---- Looking up -------------------------------------------------------------

// hencode_find looks for a field whose static_name is known.
static struct hpack_match hencode_find(const struct hpack_encoder *encoder,
                                       const struct hpack_field *field)
{
    struct hpack_match match = {.name = field->static_name};
    if (match.name != 0) {
        match.whole = hpack_static_find_value(field->static_name, field->value);
    }
    if (match.whole == 0) {
        struct hpack_match dynamic = hpack_table_find(&encoder->table, field);
        match.whole = dynamic.whole;
        match.name = match.name != 0 ? match.name : dynamic.name;
    }
    return match;
}

// A hint is the index of a static entry, or 61 + the number of a dynamic one.

static uint32_t hencode_hint_index(const struct hpack_encoder *encoder,
                                   hpack_hint hint)
{
    uint64_t age = encoder->table.inserted + HPACK_STATIC_COUNT - hint;
    if (LIKELY(age < encoder->table.count)) {
        return HPACK_DYNAMIC_FIRST + (uint32_t)age;
    }
    return hint <= HPACK_STATIC_COUNT ? (uint32_t)hint : 0;
}

static hpack_hint hencode_hint(const struct hpack_encoder *encoder,
                               uint32_t index)
{
    if (index <= HPACK_STATIC_COUNT) {
        return index;
    }
    uint32_t age = index - HPACK_DYNAMIC_FIRST;
    return encoder->table.inserted - age + HPACK_STATIC_COUNT;
}

#if defined(GRPC_DEBUG)
// hencode_index_holds: that entry is this field.
static bool hencode_index_holds(const struct hpack_encoder *encoder,
                                uint32_t index, const struct hpack_field *field)
{
    struct hpack_field found;
    if (index <= HPACK_STATIC_COUNT) {
        const struct hpack_static_field *row = hpack_static_field(index);
        found.name = row->name;
        found.value = row->value;
    } else {
        const struct hpack_table *table = &encoder->table;
        (void)hpack_table_read(
            table, hpack_table_entry(table, index - HPACK_DYNAMIC_FIRST),
            &found);
    }
    return view_equal(found.name, field->name) &&
           view_equal(found.value, field->value);
}
#endif

// ---- Inserting --------------------------------------------------------------

// hencode_make_room readies the table for the field, which its limit allows.
// False without memory; entries may then have gone that the peer still has.
static bool hencode_make_room(struct hpack_encoder *encoder,
                              const struct hpack_field *field)
{
    struct hpack_table *table = &encoder->table;
    hpack_table_evict(table,
                      hpack_table_excess(table, hpack_field_size(field)));
    if (hpack_table_has_room(table, field)) {
        return true;
    }
    struct hpack_table old;
    if (!hpack_table_grow(table, field, &old)) {
        return false;
    }
    hpack_table_free_storage(&old);
    return true;
}

// ---- Writing ----------------------------------------------------------------

struct hencode_string {
    struct view text;
    size_t size; // bytes on the wire, without the length
    bool huffman;
};

static struct hencode_string hencode_string(const struct hpack_encoder *encoder,
                                            struct view text)
{
    struct hencode_string string = {.text = text, .size = text.size};
    if (encoder->huffman) {
        size_t size = hpack_huffman_size(text);
        string.huffman = size < text.size;
        string.size = string.huffman ? size : text.size;
    }
    return string;
}

static uint8_t *hencode_write_length(const struct hencode_string *string,
                                     uint8_t *out)
{
    return hpack_integer_write(out, string->huffman ? HENCODE_HUFFMAN : 0, 7,
                               (uint32_t)string->size);
}

static uint8_t *hencode_write_string(const struct hencode_string *string,
                                     uint8_t *out)
{
    out = hencode_write_length(string, out);
    if (string->huffman) {
        struct hpack_huffman_writer writer = {0};
        out = hpack_huffman_write(&writer, string->text, out);
        return hpack_huffman_finish(&writer, out);
    }
    if (string->size > 0) {
        memcpy(out, string->text.data, string->size);
    }
    return out + string->size;
}

// hencode_append_huffman codes a long string part by part.
static bool hencode_append_huffman(struct chunk_queue *out, struct view text)
{
    struct hpack_huffman_writer writer = {0};
    while (text.size > 0) {
        size_t part = text.size < HENCODE_PART ? text.size : HENCODE_PART;
        uint8_t *start = chunk_queue_reserve(out, hpack_huffman_room(part) +
                                                      sizeof(uint32_t));
        if (start == NULL) {
            return false;
        }
        uint8_t *end =
            hpack_huffman_write(&writer, view_of(text.data, part), start);
        text = view_skip(text, part);
        if (text.size == 0) {
            end = hpack_huffman_finish(&writer, end);
        }
        chunk_queue_commit(out, (size_t)(end - start));
    }
    return true;
}

// hencode_append_string is for strings that need not fit in one chunk.
static bool hencode_append_string(struct chunk_queue *out,
                                  const struct hencode_string *string)
{
    uint8_t *start = chunk_queue_reserve(out, HPACK_INTEGER_MAX);
    if (start == NULL) {
        return false;
    }
    uint8_t *end = hencode_write_length(string, start);
    chunk_queue_commit(out, (size_t)(end - start));
    return string->huffman ? hencode_append_huffman(out, string->text)
                           : chunk_queue_append(out, string->text);
}

// hencode_put_index writes a first byte with its index.
static bool hencode_put_index(struct chunk_queue *out, uint8_t first,
                              unsigned prefix_bits, uint32_t index)
{
    uint8_t *start = chunk_queue_reserve(out, HPACK_INTEGER_MAX);
    if (start == NULL) {
        return false;
    }
    uint8_t *end = hpack_integer_write(start, first, prefix_bits, index);
    chunk_queue_commit(out, (size_t)(end - start));
    return true;
}

static bool hencode_put_literal(const struct hpack_encoder *encoder,
                                struct chunk_queue *out,
                                const struct hpack_field *field,
                                enum hpack_mode mode, uint32_t name_index)
{
    const struct hencode_literal *form = &hencode_literals[mode];
    struct hencode_string name = {.size = 0};
    struct hencode_string value = hencode_string(encoder, field->value);
    size_t most = (size_t)2 * HPACK_INTEGER_MAX + value.size;
    if (name_index == 0) {
        name = hencode_string(encoder, field->name);
        most += HPACK_INTEGER_MAX + name.size;
    }
    if (most > CHUNK_CAPACITY) {
        return hencode_put_index(out, form->first, form->prefix_bits,
                                 name_index) &&
               (name_index != 0 || hencode_append_string(out, &name)) &&
               hencode_append_string(out, &value);
    }
    uint8_t *start = chunk_queue_reserve(out, most);
    if (start == NULL) {
        return false;
    }
    uint8_t *at =
        hpack_integer_write(start, form->first, form->prefix_bits, name_index);
    if (name_index == 0) {
        at = hencode_write_string(&name, at);
    }
    at = hencode_write_string(&value, at);
    chunk_queue_commit(out, (size_t)(at - start));
    return true;
}

// hencode_send_literal sends a field that is in no table, and inserts it if
// the mode says so and the table can hold it.
static bool hencode_send_literal(struct hpack_encoder *encoder,
                                 struct chunk_queue *out,
                                 const struct hpack_field *field,
                                 enum hpack_mode mode, uint32_t name_index)
{
    bool fits = hpack_field_size(field) <= encoder->table.limit;
    if (mode == HPACK_INDEX && !(fits && hencode_make_room(encoder, field))) {
        mode = HPACK_PLAIN;
    }
    if (!hencode_put_literal(encoder, out, field, mode, name_index)) {
        return false;
    }
    if (mode == HPACK_INDEX) {
        (void)hpack_table_insert(&encoder->table, field);
    }
    return true;
}

// hencode_look_up sends a field that has no valid hint.
static bool hencode_look_up(struct hpack_encoder *encoder,
                            struct chunk_queue *out,
                            const struct hpack_field *field,
                            enum hpack_mode mode, hpack_hint *hint)
{
    if (field->name.size > HPACK_FIELD_MAX ||
        field->value.size > HPACK_FIELD_MAX) {
        return false;
    }
    struct hpack_field known = *field;
    if (known.static_name == 0) {
        known.static_name = hpack_static_find_name(field->name);
    }
    ASSERT(known.static_name == hpack_static_find_name(field->name));
    struct hpack_match match = hencode_find(encoder, &known);
    if (mode == HPACK_NAME) {
        mode = match.name == 0 ? HPACK_INDEX : HPACK_PLAIN;
    }
    if (mode == HPACK_NEVER || match.whole == 0) {
        uint64_t before = encoder->table.inserted;
        if (!hencode_send_literal(encoder, out, &known, mode, match.name)) {
            return false;
        }
        match.whole =
            encoder->table.inserted != before ? HPACK_DYNAMIC_FIRST : 0;
    } else if (!hencode_put_index(out, HENCODE_INDEXED, 7, match.whole)) {
        return false;
    }
    if (hint != NULL) {
        *hint = match.whole == 0 ? 0 : hencode_hint(encoder, match.whole);
    }
    return true;
}

// hencode_hinted is the index that the hint stands for if the field may be
// sent as such; 0 if not.
static inline uint32_t hencode_hinted(const struct hpack_encoder *encoder,
                                      const struct hpack_field *field,
                                      enum hpack_mode mode,
                                      const hpack_hint *hint)
{
    if (UNLIKELY(hint == NULL || mode == HPACK_NEVER || field->never_index)) {
        return 0;
    }
    uint32_t index = hencode_hint_index(encoder, *hint);
    ASSERT(index == 0 || hencode_index_holds(encoder, index, field));
    return index;
}

bool hpack_encode_byte(const struct hpack_encoder *encoder, uint8_t *out,
                       const struct hpack_field *field, enum hpack_mode mode,
                       const hpack_hint *hint)
{
    uint32_t index = hencode_hinted(encoder, field, mode, hint);
    *out = (uint8_t)(HENCODE_INDEXED | index);
    return index - 1 < HENCODE_BYTE_MAX && !encoder->update_pending;
}

bool hpack_encode(struct hpack_encoder *encoder, struct chunk_queue *out,
                  const struct hpack_field *field, enum hpack_mode mode,
                  hpack_hint *hint)
{
    ASSERT(!encoder->update_pending);
    uint32_t index = hencode_hinted(encoder, field, mode, hint);
    if (LIKELY(index != 0)) {
        return hencode_put_index(out, HENCODE_INDEXED, 7, index);
    }
    if (field->never_index) {
        mode = HPACK_NEVER;
    }
    return hencode_look_up(encoder, out, field, mode, hint);
}
