// SPDX-License-Identifier: MIT
// Encoder and decoder of ours, back to back. The input is a script: fields in
// every mode, with and without hints, and table sizes that change between
// blocks. What was encoded is what is decoded, and behind each block both
// tables are the same.
//
//   input: our limit of the encoder's table, cut, number of the allocation
//   that fails (0: none), flags, then fields (pair_field) and what ends a
//   block (pair_op).

#include "tests/fuzz/fuzz_hpack.h"

enum {
    PAIR_FIELDS = 48, // most of a block
    PAIR_NAMES = 16,
    PAIR_VALUES = 8,
    PAIR_WIRE = 1 << 19,
};

// A field that was encoded; its text is in the input or static.
struct pair_sent {
    struct view name;
    struct view value;
    bool never_index;
};

struct pair {
    struct test_heap heap;
    struct slab chunks;
    struct chunk_queue out;
    struct hpack_encoder encoder;
    struct hpack_decoder decoder;
    struct hpack_block block;
    struct fuzz_cut cut;
    bool give_static_names;
    bool begun;
    bool lost; // no memory: both ends may disagree
    hpack_hint hints[PAIR_NAMES][PAIR_VALUES];
    struct pair_sent sent[PAIR_FIELDS];
    size_t sent_count;
};

static uint8_t pair_wire[PAIR_WIRE];
static uint8_t pair_long[20000];

// Names and values that come again; each pair has a hint of its own.
static const char *const pair_names[PAIR_NAMES] = {
    ":method",      ":path",      ":status",        "content-type",
    "grpc-status",  "te",         "grpc-timeout",   "x",
    "user-agent",   ":authority", "authorization",  "grpc-message",
    "x-request-id", "",           "content-length", "a-longer-name-of-a-field",
};
static const char *const pair_values[PAIR_VALUES] = {
    "POST",
    "/",
    "200",
    "application/grpc",
    "",
    "0",
    "trailers",
    "a value of some length, which is Huffman-coded: 0123456789 abcdefghijk",
};

static struct view pair_text(const char *text)
{
    return view_of(text, strlen(text));
}

// ---- Encoding ---------------------------------------------------------------

// pair_encode holds hpack_encode_byte against hpack_encode.
static bool pair_encode(struct pair *pair, const struct hpack_field *field,
                        enum hpack_mode mode, hpack_hint *hint)
{
    uint8_t byte = 0;
    size_t before = pair->out.size;
    bool short_ = hpack_encode_byte(&pair->encoder, &byte, field, mode, hint);
    if (!hpack_encode(&pair->encoder, &pair->out, field, mode, hint)) {
        return false;
    }
    FUZZ_CHECK(pair->out.size > before);
    FUZZ_CHECK(!short_ || pair->out.size == before + 1);
    return true;
}

// op: bits 0 and 1 choose the mode, bit 2 that the field itself says never.
static void pair_add(struct pair *pair, struct view name, struct view value,
                     uint8_t op, hpack_hint *hint)
{
    static const enum hpack_mode modes[] = {HPACK_INDEX, HPACK_NAME,
                                            HPACK_PLAIN, HPACK_NEVER};
    enum hpack_mode mode = modes[op & 3];
    if (pair->lost || pair->sent_count == PAIR_FIELDS) {
        return;
    }
    if (!pair->begun && !hpack_encode_begin(&pair->encoder, &pair->out)) {
        pair->lost = true;
        return;
    }
    pair->begun = true;
    struct hpack_field field = {
        .name = name, .value = value, .never_index = (op & 7) == 5};
    if (pair->give_static_names) {
        field.static_name = hpack_static_find_name(name);
    }
    if (!pair_encode(pair, &field, mode, hint)) {
        pair->lost = true;
        return;
    }
    pair->sent[pair->sent_count++] = (struct pair_sent){
        .name = name,
        .value = value,
        .never_index = mode == HPACK_NEVER || field.never_index};
}

// ---- Decoding ---------------------------------------------------------------

static size_t pair_take_wire(struct pair *pair)
{
    size_t size = 0;
    chunk_queue_check(&pair->out);
    while (pair->out.size > 0) {
        struct view part;
        FUZZ_CHECK(chunk_queue_peek(&pair->out, &part, 1) == 1);
        FUZZ_CHECK(part.size <= PAIR_WIRE - size);
        memcpy(pair_wire + size, part.data, part.size);
        size += part.size;
        chunk_queue_consume(&pair->out, part.size);
    }
    chunk_queue_clear(&pair->out);
    return size;
}

static enum hpack_result pair_decode(struct pair *pair, size_t size)
{
    struct view rest = view_of(pair_wire, size);
    enum hpack_result result = HPACK_OK;
    hpack_block_clear(&pair->block);
    do {
        struct view piece =
            fuzz_take(&rest, fuzz_cut_next(&pair->cut, rest.size));
        result =
            hpack_decode(&pair->decoder, &pair->block, piece, rest.size == 0);
    } while (result == HPACK_OK && rest.size > 0);
    return result;
}

static void pair_compare(const struct pair *pair)
{
    FUZZ_CHECK(pair->block.count == pair->sent_count);
    for (size_t i = 0; i < pair->sent_count; i++) {
        const struct hpack_field *field = &pair->block.fields[i];
        const struct pair_sent *sent = &pair->sent[i];
        FUZZ_CHECK(view_equal(field->name, sent->name));
        FUZZ_CHECK(view_equal(field->value, sent->value));
        FUZZ_CHECK(field->never_index == sent->never_index);
        fuzz_field_check(field);
    }
    fuzz_newest_same(&pair->encoder.table, &pair->decoder.table);
    // Without memory the encoder may forget entries that the decoder keeps.
    if (pair->heap.fail_at == 0) {
        fuzz_same_table(&pair->encoder.table, &pair->decoder.table);
    }
}

// pair_end_block sends what was encoded to the decoder.
static void pair_end_block(struct pair *pair)
{
    if (!pair->lost && !pair->begun) {
        pair->lost = !hpack_encode_begin(&pair->encoder, &pair->out);
    }
    if (pair->lost) {
        return;
    }
    size_t size = pair_take_wire(pair);
    enum hpack_result result = pair_decode(pair, size);
    if (result == HPACK_NO_MEMORY) {
        FUZZ_CHECK(pair->heap.fail_at != 0);
        pair->lost = true;
        return;
    }
    FUZZ_CHECK(result == HPACK_OK);
    pair_compare(pair);
    pair->begun = false;
    pair->sent_count = 0;
}

// ---- The script -------------------------------------------------------------

// pair_op: what is no field.
static void pair_op(struct pair *pair, uint8_t op, struct view *input)
{
    static const uint32_t sizes[] = {0, 31, 64, 200, 1000, 4096, 9000, 70000};
    if (op % 4 != 0) {
        pair_end_block(pair);
        return;
    }
    // The peer's new table size: in force for it with the acknowledgement,
    // which comes before the next block; there may be several until then.
    if (pair->begun) {
        pair_end_block(pair);
    }
    uint32_t size = (op & 4) != 0 ? sizes[op >> 3 & 7] : fuzz_word16(input);
    hpack_encoder_limit(&pair->encoder, size);
    // (What we announce is bounded; what a peer announces is not.)
    hpack_decoder_limit(&pair->decoder,
                        size < HPACK_TABLE_MAX ? size : HPACK_TABLE_MAX);
}

// pair_known sends a field of the lists: name and value in one byte.
static void pair_known(struct pair *pair, uint8_t op, struct view *input)
{
    uint8_t which = fuzz_byte(input);
    size_t name = which & (PAIR_NAMES - 1);
    size_t value = which >> 4 & (PAIR_VALUES - 1);
    pair_add(pair, pair_text(pair_names[name]), pair_text(pair_values[value]),
             op, which >= 128 ? &pair->hints[name][value] : NULL);
}

// pair_fresh sends a field whose text is in the input; with which >= 224 its
// value is long.
static void pair_fresh(struct pair *pair, uint8_t op, struct view *input)
{
    uint8_t which = fuzz_byte(input);
    struct view name = (op & 8) != 0
                           ? pair_text(pair_names[which & (PAIR_NAMES - 1)])
                           : fuzz_take(input, which & 31);
    uint8_t size = fuzz_byte(input);
    struct view value = fuzz_take(input, size & 127);
    if (size >= 224) {
        value = view_of(pair_long, (size - 223) * 600u);
    }
    hpack_hint fresh = 0;
    pair_add(pair, name, value, op, size % 2 != 0 ? &fresh : NULL);
}

static void pair_script(struct pair *pair, struct view input)
{
    while (input.size > 0 && !pair->lost) {
        uint8_t op = fuzz_byte(&input);
        if (op < 128) {
            pair_known(pair, op, &input);
        } else if (op < 192) {
            pair_fresh(pair, op, &input);
        } else {
            pair_op(pair, op, &input);
        }
    }
    pair_end_block(pair);
}

static void pair_fill_long(void)
{
    if (pair_long[1] == 0) {
        for (size_t i = 0; i < sizeof pair_long; i++) {
            pair_long[i] = (uint8_t)(i % 251);
        }
    }
}

static void pair_init(struct pair *pair, uint32_t own_limit)
{
    static const struct hpack_limits limits = {
        .list_bytes = 1 << 24,
        .list_fields = UINT16_MAX,
        .hard_bytes = 1 << 24,
        .hard_fields = UINT16_MAX,
    };
    memset(pair, 0, sizeof *pair);
    test_heap_init(&pair->heap);
    chunk_pool_init(&pair->chunks, &pair->heap.allocator, 4);
    chunk_queue_init(&pair->out, &pair->chunks);
    hpack_encoder_init(&pair->encoder, &pair->heap.allocator, own_limit);
    hpack_decoder_init(&pair->decoder, &pair->heap.allocator,
                       HPACK_TABLE_INITIAL, &limits);
    hpack_block_init(&pair->block, &pair->heap.allocator);
}

static void pair_fini(struct pair *pair)
{
    chunk_queue_clear(&pair->out);
    hpack_encoder_fini(&pair->encoder);
    hpack_decoder_fini(&pair->decoder);
    hpack_block_fini(&pair->block);
    slab_fini(&pair->chunks);
    FUZZ_CHECK(test_heap_is_clean(&pair->heap));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t limits[] = {4096, 0, 64, 300, 1000, HPACK_TABLE_MAX};
    static struct pair pair;
    struct view input = view_of(data, size);
    pair_fill_long();
    pair_init(&pair, limits[fuzz_byte(&input) % 6]);
    pair.cut = fuzz_cut_of(fuzz_byte(&input));
    pair.heap.fail_at = fuzz_byte(&input);
    uint8_t flags = fuzz_byte(&input);
    pair.give_static_names = (flags & 1) != 0;
    pair.encoder.huffman = (flags & 2) == 0;
    if ((flags & 4) != 0) {
        // As after so many insertions: counters wrap.
        pair.encoder.table.inserted = (flags & 8) != 0 ? 65530 : UINT32_MAX - 5;
    }
    pair_script(&pair, input);
    pair_fini(&pair);
    return 0;
}
