// SPDX-License-Identifier: MIT
// From a block to fields (RFC 7541 sections 3 and 6).
//
// A representation is first parsed (its integers and where its strings lie)
// and applied only when it is whole. The start of one that is cut is kept in
// the carry, together with the least number of bytes it can take; it is parsed
// again only when so many are there. That happens once per byte of its
// integers at most, never per byte of its strings.
//
// hpack_decode takes fragments. A block that is whole, as all are that h2 has,
// goes through hpack_decode_whole: a shorter way to the same result.
//
//   block start --size update--> block start      at most twice
//   block start --field--------> in fields        hdecode_begin_fields
//   in fields   --field--------> in fields
//   any         --last byte----> block start      hdecode_end_block
//   any         --bad input----> failed           for good
//
// Invariants:
//   1. carry->size < carry->wanted when carry->size > 0, between fragments.
//   2. Outside a block there is no carry, updates is 0, in_fields is false.
//   3. A field's memo is not NULL exactly if the field is an entry that is
//      still in the table; its views are then those of the entry, and it is in
//      the list that begins with the entry's link.

#include "hpack/hpack.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "hpack/hpack_huffman.h"
#include "hpack/hpack_integer.h"

enum {
    HDECODE_UPDATES_MAX = 2, // size updates per block (4.2)
    HDECODE_CARRY_MIN = 64,  // bytes
    HDECODE_REPEAT_MIN = 4,  // bytes
    // Entries of the dynamic table whose index takes one byte.
    HDECODE_EASY_DYNAMIC = 0x7f - HPACK_DYNAMIC_FIRST,
};

enum hdecode_form {
    HDECODE_INDEXED, // 6.1
    HDECODE_INSERT,  // 6.2.1
    HDECODE_PLAIN,   // 6.2.2
    HDECODE_NEVER,   // 6.2.3
    HDECODE_UPDATE,  // 6.3
};

struct hdecode_kind {
    enum hdecode_form form;
    unsigned prefix_bits;
};

// By the high four bits of the first byte.
static const struct hdecode_kind hdecode_kinds[16] = {
    [0x0] = {HDECODE_PLAIN, 4},   [0x1] = {HDECODE_NEVER, 4},
    [0x2] = {HDECODE_UPDATE, 5},  [0x3] = {HDECODE_UPDATE, 5},
    [0x4] = {HDECODE_INSERT, 6},  [0x5] = {HDECODE_INSERT, 6},
    [0x6] = {HDECODE_INSERT, 6},  [0x7] = {HDECODE_INSERT, 6},
    [0x8] = {HDECODE_INDEXED, 7}, [0x9] = {HDECODE_INDEXED, 7},
    [0xa] = {HDECODE_INDEXED, 7}, [0xb] = {HDECODE_INDEXED, 7},
    [0xc] = {HDECODE_INDEXED, 7}, [0xd] = {HDECODE_INDEXED, 7},
    [0xe] = {HDECODE_INDEXED, 7}, [0xf] = {HDECODE_INDEXED, 7},
};

struct hdecode_string {
    struct view raw; // as it is in the input
    bool huffman;
};

// One representation. With HPACK_TRUNCATED only size is set: the least number
// of bytes that it takes in all.
struct hdecode_item {
    enum hdecode_form form;
    uint32_t index; // or the new size of an update
    struct hdecode_string name;
    struct hdecode_string value;
    size_t size; // bytes
};

struct hdecode_cursor {
    struct view bytes;
    size_t at;
    uint64_t budget; // bytes that strings may still take
};

static const char *const hdecode_texts[] = {
    [HPACK_OK] = "header block is well-formed",
    [HPACK_NO_MEMORY] = "out of memory while decoding a header block",
    [HPACK_BAD_INDEX] =
        "header block refers to an index that is not in the tables",
    [HPACK_BAD_INTEGER] = "header block holds an integer that is too large",
    [HPACK_BAD_HUFFMAN] = "header block holds a string with bad Huffman coding",
    [HPACK_BAD_UPDATE] = "header block has a bad or missing table size update",
    [HPACK_TRUNCATED] = "header block ends within a field",
    [HPACK_TOO_LARGE] = "header block is over the hard limit",
};

const char *hpack_result_text(enum hpack_result result)
{
    return hdecode_texts[result];
}

void hpack_decoder_init(struct hpack_decoder *decoder,
                        const grpc_allocator *allocator, uint32_t table_size,
                        const struct hpack_limits *limits)
{
    ASSERT(limits->list_bytes <= limits->hard_bytes);
    ASSERT(limits->list_fields <= limits->hard_fields);
    ASSERT(table_size <= HPACK_TABLE_MAX);
    *decoder = (struct hpack_decoder){
        .limits = *limits,
        .size_limit =
            (uint16_t)(table_size > HPACK_TABLE_INITIAL ? table_size
                                                        : HPACK_TABLE_INITIAL),
        .least_limit = UINT16_MAX,
    };
    hpack_table_init(&decoder->table, allocator, HPACK_TABLE_INITIAL, false);
}

static size_t hdecode_carry_size(const struct hpack_decoder *decoder)
{
    return decoder->carry == NULL ? 0 : decoder->carry->size;
}

static size_t hdecode_carry_block(size_t capacity)
{
    return sizeof(struct hpack_carry) + capacity;
}

static void hdecode_free_carry(struct hpack_decoder *decoder)
{
    if (decoder->carry != NULL) {
        alloc_free(decoder->table.allocator, decoder->carry,
                   hdecode_carry_block(decoder->carry->capacity));
        decoder->carry = NULL;
    }
}

void hpack_decoder_fini(struct hpack_decoder *decoder)
{
    hdecode_free_carry(decoder);
    hpack_table_fini(&decoder->table);
}

void hpack_decoder_limit(struct hpack_decoder *decoder, uint32_t table_size)
{
    ASSERT(table_size <= HPACK_TABLE_MAX);
    decoder->size_limit = (uint16_t)table_size;
    if (table_size < decoder->table.limit) {
        decoder->update_required = true;
    }
    if (table_size < decoder->least_limit) {
        decoder->least_limit = (uint16_t)table_size;
    }
}

// ---- Parsing ----------------------------------------------------------------

static enum hpack_result hdecode_parse_long_integer(
    struct hdecode_cursor *cursor, unsigned prefix_bits, uint32_t *out_value)
{
    struct hpack_integer integer;
    struct view rest = view_skip(cursor->bytes, cursor->at);
    enum hpack_integer_state state =
        hpack_integer_read(rest, prefix_bits, &integer);
    if (state == HPACK_INTEGER_CUT) {
        cursor->at = cursor->bytes.size + 1;
        return HPACK_TRUNCATED;
    }
    if (state == HPACK_INTEGER_BAD) {
        return HPACK_BAD_INTEGER;
    }
    cursor->at += integer.size;
    *out_value = integer.value;
    return HPACK_OK;
}

static inline enum hpack_result hdecode_parse_integer(
    struct hdecode_cursor *cursor, unsigned prefix_bits, uint32_t *out_value)
{
    uint32_t mask = (1U << prefix_bits) - 1;
    if (LIKELY(cursor->at < cursor->bytes.size)) {
        *out_value = cursor->bytes.data[cursor->at] & mask;
        if (LIKELY(*out_value < mask)) {
            cursor->at++;
            return HPACK_OK;
        }
    }
    return hdecode_parse_long_integer(cursor, prefix_bits, out_value);
}

static inline enum hpack_result hdecode_parse_string(
    struct hdecode_cursor *cursor, struct hdecode_string *out)
{
    bool huffman = cursor->at < cursor->bytes.size &&
                   (cursor->bytes.data[cursor->at] & 0x80) != 0;
    uint32_t size;
    enum hpack_result result = hdecode_parse_integer(cursor, 7, &size);
    if (result != HPACK_OK) {
        return result;
    }
    if (size > cursor->budget) {
        return HPACK_TOO_LARGE;
    }
    cursor->budget -= size;
    size_t start = cursor->at;
    size_t left = cursor->bytes.size - start;
    cursor->at += size;
    if (left < size) {
        return HPACK_TRUNCATED;
    }
    *out = (struct hdecode_string){
        .raw = view_of(cursor->bytes.data + start, size),
        .huffman = huffman,
    };
    return HPACK_OK;
}

// hdecode_parse parses the representation at the start of bytes, which are not
// empty.
static enum hpack_result hdecode_parse(struct view bytes, uint64_t budget,
                                       struct hdecode_item *out)
{
    struct hdecode_cursor cursor = {.bytes = bytes, .budget = budget};
    const struct hdecode_kind *kind = &hdecode_kinds[bytes.data[0] >> 4];
    bool is_literal =
        kind->form != HDECODE_INDEXED && kind->form != HDECODE_UPDATE;
    out->form = kind->form;
    enum hpack_result result =
        hdecode_parse_integer(&cursor, kind->prefix_bits, &out->index);
    if (result == HPACK_OK && is_literal && out->index == 0) {
        result = hdecode_parse_string(&cursor, &out->name);
    }
    if (result == HPACK_OK && is_literal) {
        result = hdecode_parse_string(&cursor, &out->value);
    }
    out->size = cursor.at;
    return result;
}

// ---- Fields -----------------------------------------------------------------

// hdecode_count takes a field into the size of the list, and tells whether the
// field is kept.
static inline enum hpack_result hdecode_count(struct hpack_decoder *decoder,
                                              struct hpack_block *block,
                                              const struct hpack_field *field,
                                              bool *out_keep)
{
    const struct hpack_limits *limits = &decoder->limits;
    uint64_t bytes = (uint64_t)block->list_bytes + hpack_field_size(field);
    size_t fields = block->list_fields + 1;
    bool keep = bytes <= limits->list_bytes && fields <= limits->list_fields;
    if (UNLIKELY(!keep)) {
        if (bytes > limits->hard_bytes || fields > limits->hard_fields) {
            return HPACK_TOO_LARGE;
        }
        block->over_limit = true;
    }
    block->list_bytes = (size_t)bytes;
    block->list_fields = fields;
    *out_keep = keep;
    return HPACK_OK;
}

// hdecode_set_static returns the size of the field.
static inline size_t hdecode_set_static(struct hpack_field *out, uint32_t index)
{
    const struct hpack_static_field *row = hpack_static_field(index);
    out->name = row->name;
    out->value = row->value;
    out->memo = NULL;
    out->link = 0;
    out->static_name = row->first_name;
    out->static_row = (uint8_t)index;
    out->never_index = false;
    return row->name.size + row->value.size + HPACK_ENTRY_OVERHEAD;
}

// hdecode_push appends a field that is counted; entry is the one it is, or NULL.
static enum hpack_result hdecode_push(struct hpack_block *block,
                                      const struct hpack_field *field,
                                      struct hpack_entry *entry)
{
    struct hpack_field *pushed = hpack_block_push(block);
    if (pushed == NULL) {
        return HPACK_NO_MEMORY;
    }
    *pushed = *field;
    if (entry != NULL) {
        entry->link = (uint16_t)block->count;
    }
    return HPACK_OK;
}

static enum hpack_result hdecode_indexed(struct hpack_decoder *decoder,
                                         struct hpack_block *block,
                                         uint32_t index)
{
    struct hpack_field field;
    struct hpack_entry *entry = NULL;
    uint32_t age = index - HPACK_DYNAMIC_FIRST;
    if (index - 1 < HPACK_STATIC_COUNT) {
        (void)hdecode_set_static(&field, index);
    } else if (age < decoder->table.count) {
        entry = hpack_table_entry(&decoder->table, age);
        (void)hpack_table_read(&decoder->table, entry, &field);
    } else {
        return HPACK_BAD_INDEX;
    }
    bool keep;
    enum hpack_result result = hdecode_count(decoder, block, &field, &keep);
    return result == HPACK_OK && keep ? hdecode_push(block, &field, entry)
                                      : result;
}

// hdecode_room is how many of the next fields the block takes without a
// decision: no more memory, no soft limit on their number met.
static inline size_t hdecode_room(const struct hpack_decoder *decoder,
                                  const struct hpack_block *block,
                                  size_t fields)
{
    size_t room = block->capacity - block->count;
    size_t most = decoder->limits.list_fields;
    if (UNLIKELY(block->list_fields + fields > most)) {
        most = most > block->list_fields ? most - block->list_fields : 0;
        fields = most < fields ? most : fields;
    }
    return fields < room ? fields : room;
}

// hdecode_easy decodes the fields at the start of the fragment that are an
// entry of a table, in one byte, within all soft limits: the bulk of all. It
// stops before anything else and returns how many fields, of a byte each, it
// took. All refusals are left to hdecode_step.
static size_t hdecode_easy(struct hpack_decoder *decoder,
                           struct hpack_block *block, struct view fragment)
{
    const struct hpack_table *table = &decoder->table;
    const uint32_t dynamic = table->count < HDECODE_EASY_DYNAMIC
                                 ? table->count
                                 : HDECODE_EASY_DYNAMIC;
    const size_t room = hdecode_room(decoder, block, fragment.size);
    if (UNLIKELY(room == 0)) {
        return 0; // also when the block has no memory yet
    }
    struct hpack_field *field = block->fields + block->count;
    const uint8_t *next = fragment.data;
    const size_t last = block->count + room;
    size_t position = block->count;
    uint64_t bytes = block->list_bytes;
    do {
        // Of another form: far above all indices.
        uint32_t index = (uint32_t)*next - 0x80;
        struct hpack_entry *entry = NULL;
        if (index - HPACK_DYNAMIC_FIRST < dynamic) {
            entry = hpack_table_entry(table, index - HPACK_DYNAMIC_FIRST);
            bytes += hpack_table_read(table, entry, field);
        } else if (index - 1 < HPACK_STATIC_COUNT) {
            bytes += hdecode_set_static(field, index);
        } else {
            break;
        }
        if (UNLIKELY(bytes > decoder->limits.list_bytes)) {
            break;
        }
        position++;
        if (entry != NULL) {
            entry->link = (uint16_t)position;
        }
        block->list_bytes = (size_t)bytes;
        field++;
        next++;
    } while (position < last);
    size_t done = position - block->count;
    block->list_fields += done;
    block->count = position;
    return done;
}

// ---- Fields whose entry goes or moves ---------------------------------------

// hdecode_first_link is the latest field of the block that is that entry, as
// 1 + its position; 0 if there is none. Links of earlier blocks are still in
// the table: only the memo of the field proves a link.
static uint32_t hdecode_first_link(const struct hpack_block *block,
                                   const struct hpack_entry *entry)
{
    uint32_t link = entry->link;
    bool holds = link != 0 && link <= block->count &&
                 block->fields[link - 1].memo == &entry->memo;
    return holds ? link : 0;
}

// hdecode_repoint gives all fields of the block that are that entry the views
// and the memo of *now.
static void hdecode_repoint(struct hpack_block *block,
                            const struct hpack_entry *entry,
                            const struct hpack_field *now)
{
    uint32_t link = hdecode_first_link(block, entry);
    while (link != 0) {
        struct hpack_field *field = &block->fields[link - 1];
        uint32_t older = field->link;
        bool more = older != 0 && older < link &&
                    block->fields[older - 1].memo == &entry->memo;
        field->name = now->name;
        field->value = now->value;
        field->memo = now->memo;
        link = more ? older : 0;
    }
}

// hdecode_keep_name copies a name unless it is a static text as well.
static bool hdecode_keep_name(struct hpack_block *block,
                              struct hpack_field *field)
{
    return field->static_name != 0 || hpack_block_keep(block, &field->name);
}

// hdecode_save_oldest copies what the block uses of the oldest entries, which
// are about to go.
static bool hdecode_save_oldest(struct hpack_decoder *decoder,
                                struct hpack_block *block, uint32_t count)
{
    const struct hpack_table *table = &decoder->table;
    for (uint32_t i = 1; i <= count; i++) {
        struct hpack_entry *entry = hpack_table_entry(table, table->count - i);
        if (hdecode_first_link(block, entry) == 0) {
            continue;
        }
        struct hpack_field now;
        (void)hpack_table_read(table, entry, &now);
        now.memo = NULL;
        if (!hdecode_keep_name(block, &now) ||
            !hpack_block_keep(block, &now.value)) {
            return false;
        }
        hdecode_repoint(block, entry, &now);
    }
    return true;
}

// hdecode_grow makes room for a new entry and moves the fields of the block
// along with their entries.
static bool hdecode_grow(struct hpack_decoder *decoder,
                         struct hpack_block *block,
                         const struct hpack_field *field,
                         struct hpack_table *out_old)
{
    struct hpack_table *table = &decoder->table;
    if (!hpack_table_grow(table, field, out_old)) {
        return false;
    }
    for (uint32_t age = 0; age < table->count; age++) {
        struct hpack_field now;
        (void)hpack_table_read(table, hpack_table_entry(table, age), &now);
        hdecode_repoint(block, hpack_table_entry(out_old, age), &now);
    }
    return true;
}

// ---- Literals ---------------------------------------------------------------

static enum hpack_result hdecode_huffman(struct hpack_block *block,
                                         struct view coded, struct view *out)
{
    uint8_t *text = arena_alloc(&block->text, hpack_huffman_bound(coded.size));
    size_t size = 0;
    if (text == NULL) {
        return HPACK_NO_MEMORY;
    }
    if (!hpack_huffman_decode(coded, text, &size)) {
        return HPACK_BAD_HUFFMAN;
    }
    *out = view_of(text, size);
    return HPACK_OK;
}

// hdecode_text gives the string's text: in the input, or in block->text if it
// is coded or has to outlive the input.
static inline enum hpack_result hdecode_text(
    struct hpack_block *block, const struct hdecode_string *string,
    bool outlive, struct view *out)
{
    if (string->huffman) {
        return hdecode_huffman(block, string->raw, out);
    }
    *out = string->raw;
    return !outlive || hpack_block_keep(block, out) ? HPACK_OK
                                                    : HPACK_NO_MEMORY;
}

// hdecode_indexed_name gives the name of an entry; that of a dynamic one is
// copied if it has to outlive the entry and is not a static text as well.
static enum hpack_result hdecode_indexed_name(struct hpack_decoder *decoder,
                                              struct hpack_block *block,
                                              uint32_t index, bool outlive,
                                              struct hpack_field *field)
{
    if (index < HPACK_DYNAMIC_FIRST) {
        const struct hpack_static_field *row = hpack_static_field(index);
        field->name = row->name;
        field->static_name = row->first_name;
        return HPACK_OK;
    }
    uint32_t age = index - HPACK_DYNAMIC_FIRST;
    if (age >= decoder->table.count) {
        return HPACK_BAD_INDEX;
    }
    struct hpack_field entry;
    (void)hpack_table_read(&decoder->table,
                           hpack_table_entry(&decoder->table, age), &entry);
    field->name = entry.name;
    field->static_name = entry.static_name;
    return !outlive || hdecode_keep_name(block, field) ? HPACK_OK
                                                       : HPACK_NO_MEMORY;
}

// hdecode_push_copy appends a field that is in no table and has strings that
// are about to go.
static enum hpack_result hdecode_push_copy(struct hpack_block *block,
                                           struct hpack_field *field)
{
    bool kept = hdecode_keep_name(block, field) &&
                hpack_block_keep(block, &field->value);
    return kept ? hdecode_push(block, field, NULL) : HPACK_NO_MEMORY;
}

// hdecode_insert adds the field to the table and, if it is kept, to the block.
static enum hpack_result hdecode_insert(struct hpack_decoder *decoder,
                                        struct hpack_block *block,
                                        struct hpack_field *field, bool keep)
{
    struct hpack_table *table = &decoder->table;
    struct hpack_table old = {.entries = NULL};
    size_t size = hpack_field_size(field);
    uint32_t excess = hpack_table_excess(table, size);
    if (!hdecode_save_oldest(decoder, block, excess)) {
        return HPACK_NO_MEMORY;
    }
    hpack_table_evict(table, excess);
    if (size > table->limit) {
        // Not an error: the table is empty now (4.4).
        return keep ? hdecode_push_copy(block, field) : HPACK_OK;
    }
    if (!hpack_table_has_room(table, field) &&
        !hdecode_grow(decoder, block, field, &old)) {
        return HPACK_NO_MEMORY;
    }
    struct hpack_entry *entry = hpack_table_insert(table, field);
    // Not before: the name may have been in the old storage.
    hpack_table_free_storage(&old);
    if (!keep) {
        return HPACK_OK;
    }
    (void)hpack_table_read(table, entry, field);
    return hdecode_push(block, field, entry);
}

// hdecode_find_static: a name that the static table has is that of the table.
static void hdecode_find_static(struct hpack_field *field)
{
    field->static_name = hpack_static_find_name(field->name);
    if (field->static_name != 0) {
        field->name = hpack_static_field(field->static_name)->name;
    }
}

// hdecode_literal_text fills in the name and the value. outlive: they have to
// outlive the input.
static inline enum hpack_result hdecode_literal_text(
    struct hpack_decoder *decoder, struct hpack_block *block,
    const struct hdecode_item *item, bool outlive, struct hpack_field *field)
{
    enum hpack_result result;
    bool insert = item->form == HDECODE_INSERT;
    if (item->index != 0) {
        result =
            hdecode_indexed_name(decoder, block, item->index, !insert, field);
    } else {
        result = hdecode_text(block, &item->name, outlive, &field->name);
        if (result == HPACK_OK) {
            hdecode_find_static(field);
        }
    }
    return result == HPACK_OK
               ? hdecode_text(block, &item->value, outlive, &field->value)
               : result;
}

static enum hpack_result hdecode_literal_insert(struct hpack_decoder *decoder,
                                                struct hpack_block *block,
                                                const struct hdecode_item *item)
{
    struct hpack_field field = {.memo = NULL};
    bool keep = false;
    // The entry of the table outlives the input.
    enum hpack_result result =
        hdecode_literal_text(decoder, block, item, false, &field);
    if (result == HPACK_OK) {
        result = hdecode_count(decoder, block, &field, &keep);
    }
    return result == HPACK_OK ? hdecode_insert(decoder, block, &field, keep)
                              : result;
}

static inline enum hpack_result hdecode_literal(struct hpack_decoder *decoder,
                                                struct hpack_block *block,
                                                const struct hdecode_item *item,
                                                bool outlive)
{
    struct hpack_field *field = hpack_block_push(block);
    if (field == NULL) {
        return HPACK_NO_MEMORY;
    }
    *field = (struct hpack_field){.never_index = item->form == HDECODE_NEVER};
    bool keep = false;
    enum hpack_result result =
        hdecode_literal_text(decoder, block, item, outlive, field);
    if (result == HPACK_OK) {
        result = hdecode_count(decoder, block, field, &keep);
    }
    if (UNLIKELY(!keep)) {
        block->count--;
    }
    return result;
}

// ---- Blocks -----------------------------------------------------------------

static enum hpack_result hdecode_update(struct hpack_decoder *decoder,
                                        uint32_t size)
{
    if (decoder->in_fields || decoder->updates == HDECODE_UPDATES_MAX ||
        size > decoder->size_limit) {
        return HPACK_BAD_UPDATE;
    }
    // The lowest limit since the last block comes first (4.2).
    if (decoder->update_required && size > decoder->least_limit) {
        return HPACK_BAD_UPDATE;
    }
    decoder->updates++;
    decoder->update_required = false;
    decoder->least_limit = UINT16_MAX;
    hpack_table_set_limit(&decoder->table, size);
    return HPACK_OK;
}

static enum hpack_result hdecode_begin_fields(struct hpack_decoder *decoder)
{
    if (decoder->update_required) {
        return HPACK_BAD_UPDATE;
    }
    decoder->in_fields = true;
    return HPACK_OK;
}

// hdecode_step parses and applies the representation at the start of bytes.
static enum hpack_result hdecode_step(struct hpack_decoder *decoder,
                                      struct hpack_block *block,
                                      struct view bytes, bool outlive,
                                      size_t *out_size)
{
    ASSERT(block->list_bytes <= decoder->limits.hard_bytes);
    struct hdecode_item item;
    uint64_t budget = decoder->limits.hard_bytes - (uint64_t)block->list_bytes;
    enum hpack_result result = hdecode_parse(bytes, budget, &item);
    *out_size = item.size;
    if (result == HPACK_OK && item.form == HDECODE_UPDATE) {
        return hdecode_update(decoder, item.index);
    }
    if (result != HPACK_OK) {
        return result;
    }
    ASSERT(decoder->in_fields);
    if (item.form == HDECODE_INDEXED) {
        return hdecode_indexed(decoder, block, item.index);
    }
    return item.form == HDECODE_INSERT
               ? hdecode_literal_insert(decoder, block, &item)
               : hdecode_literal(decoder, block, &item, outlive);
}

// hdecode_carry appends bytes to the carry, of which wanted may come in all.
static bool hdecode_carry(struct hpack_decoder *decoder, struct view bytes,
                          size_t wanted)
{
    struct hpack_carry *carry = decoder->carry;
    size_t size = hdecode_carry_size(decoder) + bytes.size;
    size_t old = carry == NULL ? 0 : carry->capacity;
    if (size > old) {
        size_t capacity =
            old * 2 > HDECODE_CARRY_MIN ? old * 2 : HDECODE_CARRY_MIN;
        capacity = capacity > size ? capacity : size;
        carry = alloc_resize(decoder->table.allocator, carry,
                             carry == NULL ? 0 : hdecode_carry_block(old),
                             hdecode_carry_block(capacity));
        if (carry == NULL) {
            return false;
        }
        carry->capacity = capacity;
        decoder->carry = carry;
    }
    memcpy(carry->bytes + size - bytes.size, bytes.data, bytes.size);
    carry->size = size;
    carry->wanted = wanted;
    return true;
}

// hdecode_carried completes the representation in the carry with the start of
// *fragment, and skips that. If the fragment is too short, all of it goes to
// the carry.
static enum hpack_result hdecode_carried(struct hpack_decoder *decoder,
                                         struct hpack_block *block,
                                         struct view *fragment)
{
    while (decoder->carry->size > 0 && fragment->size > 0) {
        size_t wanted = decoder->carry->wanted;
        size_t part = wanted - decoder->carry->size;
        ASSERT(wanted > decoder->carry->size);
        part = part < fragment->size ? part : fragment->size;
        if (!hdecode_carry(decoder, view_of(fragment->data, part), wanted)) {
            return HPACK_NO_MEMORY;
        }
        *fragment = view_skip(*fragment, part);
        struct hpack_carry *carry = decoder->carry;
        if (carry->size < wanted) {
            return HPACK_OK;
        }
        size_t size;
        enum hpack_result result = hdecode_step(
            decoder, block, view_of(carry->bytes, carry->size), true, &size);
        if (result == HPACK_TRUNCATED) {
            carry->wanted = size;
            continue;
        }
        if (result != HPACK_OK) {
            return result;
        }
        ASSERT(size == carry->size);
        carry->size = 0;
    }
    return HPACK_OK;
}

// hdecode_is_update: they begin with a size update.
static bool hdecode_is_update(struct view bytes)
{
    return bytes.size > 0 && (bytes.data[0] & 0xe0) == 0x20;
}

// hdecode_run decodes all whole representations of a fragment that begins with
// one; what is left goes to the carry.
static enum hpack_result hdecode_run(struct hpack_decoder *decoder,
                                     struct hpack_block *block,
                                     struct view fragment, bool outlive)
{
    while (fragment.size > 0) {
        if (!decoder->in_fields && !hdecode_is_update(fragment)) {
            enum hpack_result begun = hdecode_begin_fields(decoder);
            if (begun != HPACK_OK) {
                return begun;
            }
        }
        size_t size;
        enum hpack_result result =
            hdecode_step(decoder, block, fragment, outlive, &size);
        if (UNLIKELY(result == HPACK_TRUNCATED)) {
            return hdecode_carry(decoder, fragment, size) ? HPACK_OK
                                                          : HPACK_NO_MEMORY;
        }
        if (UNLIKELY(result != HPACK_OK)) {
            return result;
        }
        fragment = view_skip(fragment, size);
    }
    return HPACK_OK;
}

static enum hpack_result hdecode_end_block(struct hpack_decoder *decoder)
{
    if (hdecode_carry_size(decoder) > 0) {
        return HPACK_TRUNCATED;
    }
    if (decoder->update_required) {
        return HPACK_BAD_UPDATE;
    }
    hdecode_free_carry(decoder);
    decoder->updates = 0;
    decoder->in_fields = false;
    return HPACK_OK;
}

enum hpack_result hpack_decode(struct hpack_decoder *decoder,
                               struct hpack_block *block, struct view fragment,
                               bool last)
{
    if (decoder->failed != HPACK_OK) {
        return (enum hpack_result)decoder->failed;
    }
    enum hpack_result result = HPACK_OK;
    if (UNLIKELY(hdecode_carry_size(decoder) > 0)) {
        result = hdecode_carried(decoder, block, &fragment);
    }
    if (result == HPACK_OK) {
        result = hdecode_run(decoder, block, fragment, !last);
    }
    if (result == HPACK_OK && last) {
        result = hdecode_end_block(decoder);
    }
    if (result != HPACK_OK) {
        decoder->failed = (uint8_t)result;
        hdecode_free_carry(decoder);
    }
    return result;
}

// ---- Whole blocks, and those that come again --------------------------------

// hdecode_is_as_before: nothing was inserted since, and nothing evicted, which
// without an insertion shows in the count.
static bool hdecode_is_as_before(const struct hpack_decoder *decoder,
                                 const struct hpack_block *block)
{
    return decoder->table.inserted == block->repeat_inserted &&
           decoder->table.count == block->repeat_count;
}

// hdecode_is_repeated: the block holds what these bytes would give again.
static bool hdecode_is_repeated(const struct hpack_block *block,
                                const struct hpack_decoder *decoder,
                                struct view bytes)
{
    return block->repeat_decoder == decoder &&
           hdecode_is_as_before(decoder, block) && !decoder->update_required &&
           bytes.size == block->repeat_size &&
           memcmp(bytes.data, block->repeat_bytes, bytes.size) == 0;
}

// hdecode_may_repeat: long enough for a comparison to be worth it, short enough
// to be kept.
static bool hdecode_may_repeat(struct view bytes)
{
    return bytes.size >= HDECODE_REPEAT_MIN && bytes.size <= HPACK_REPEAT_MAX &&
           !hdecode_is_update(bytes);
}

// hdecode_fields decodes a whole block of fields alone. Most are of nothing but
// entries, and then nothing but *block changes.
static inline enum hpack_result hdecode_fields(struct hpack_decoder *decoder,
                                               struct hpack_block *block,
                                               struct view bytes)
{
    while (bytes.size > 0) {
        bytes = view_skip(bytes, hdecode_easy(decoder, block, bytes));
        if (LIKELY(bytes.size == 0)) {
            break;
        }
        size_t size;
        decoder->in_fields = true;
        enum hpack_result result =
            hdecode_step(decoder, block, bytes, false, &size);
        if (UNLIKELY(result != HPACK_OK)) {
            decoder->failed = (uint8_t)result;
            return result;
        }
        bytes = view_skip(bytes, size);
    }
    decoder->in_fields = false;
    return HPACK_OK;
}

enum hpack_result hpack_decode_whole(struct hpack_decoder *decoder,
                                     struct hpack_block *block,
                                     struct view bytes, bool *out_repeated)
{
    ASSERT(decoder->carry == NULL);
    ASSERT(decoder->failed != HPACK_OK || !decoder->in_fields);
    ASSERT(decoder->failed != HPACK_OK || decoder->updates == 0);
    *out_repeated = hdecode_is_repeated(block, decoder, bytes);
    if (*out_repeated) {
        return HPACK_OK;
    }
    hpack_block_clear(block);
    bool may_repeat = hdecode_may_repeat(bytes);
    if (may_repeat) {
        // Views of the fields point to the copy: it stays when the input goes.
        memcpy(block->repeat_bytes, bytes.data, bytes.size);
        block->repeat_size = (uint8_t)bytes.size;
        block->repeat_inserted = decoder->table.inserted;
        block->repeat_count = decoder->table.count;
        bytes.data = block->repeat_bytes;
    }
    bool fields = decoder->failed == HPACK_OK && !decoder->update_required &&
                  !hdecode_is_update(bytes);
    enum hpack_result result = LIKELY(fields)
                                   ? hdecode_fields(decoder, block, bytes)
                                   : hpack_decode(decoder, block, bytes, true);
    // A decoder that has never inserted is not told from one that was at its
    // address before.
    if (may_repeat && result == HPACK_OK && block->repeat_inserted > 0 &&
        hdecode_is_as_before(decoder, block)) {
        block->repeat_decoder = decoder;
    }
    return result;
}
