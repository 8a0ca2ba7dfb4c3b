// SPDX-License-Identifier: MIT
// What the tests of hpack share: tables and blocks as text, and the decoding
// of one input under every cut.

#ifndef TESTS_HPACK_KIT_H
#define TESTS_HPACK_KIT_H

#include "tests/unit.h"

#include "base/chunk.h"
#include "hpack/hpack.h"

enum { KIT_TEXT_MAX = 16384 };

struct kit_text {
    char text[KIT_TEXT_MAX];
    size_t size;
};

static inline void kit_add(struct kit_text *out, struct view bytes)
{
    assert_true(bytes.size < KIT_TEXT_MAX - out->size);
    if (bytes.size > 0) {
        memcpy(out->text + out->size, bytes.data, bytes.size);
    }
    out->size += bytes.size;
    out->text[out->size] = '\0';
}

static inline struct view kit_view(const char *text)
{
    return view_of(text, strlen(text));
}

// kit_dump_block writes a line per field: name, value, and in brackets the
// static name, N for never indexed, M for a memo.
static inline void kit_dump_block(const struct hpack_block *block,
                                  struct kit_text *out)
{
    out->size = 0;
    out->text[0] = '\0';
    for (size_t i = 0; i < block->count; i++) {
        const struct hpack_field *field = &block->fields[i];
        char tail[32];
        snprintf(tail, sizeof tail, " [%d%s%s]\n", field->static_name,
                 field->never_index ? "N" : "", field->memo ? "M" : "");
        kit_add(out, field->name);
        kit_add(out, VIEW(": "));
        kit_add(out, field->value);
        kit_add(out, kit_view(tail));
    }
}

// kit_entry is an entry of the table as a field.
static inline struct hpack_field kit_entry(const struct hpack_table *table,
                                           uint32_t age)
{
    struct hpack_field field;
    (void)hpack_table_read(table, hpack_table_entry(table, age), &field);
    return field;
}

// kit_dump_table writes a line per entry, the newest first, and the size.
static inline void kit_dump_table(const struct hpack_table *table,
                                  struct kit_text *out)
{
    out->size = 0;
    for (uint32_t age = 0; age < table->count; age++) {
        struct hpack_field field = kit_entry(table, age);
        kit_add(out, field.name);
        kit_add(out, VIEW(": "));
        kit_add(out, field.value);
        kit_add(out, VIEW("\n"));
    }
    char tail[32];
    snprintf(tail, sizeof tail, "%lu", (unsigned long)table->size);
    kit_add(out, kit_view(tail));
}

// kit_take moves the bytes of the queue to out.
static inline size_t kit_take(struct chunk_queue *queue, uint8_t *out,
                              size_t max)
{
    size_t size = 0;
    chunk_queue_check(queue);
    while (queue->size > 0) {
        struct view part;
        assert_int_equal(chunk_queue_peek(queue, &part, 1), 1);
        assert_true(part.size <= max - size);
        memcpy(out + size, part.data, part.size);
        size += part.size;
        chunk_queue_consume(queue, part.size);
    }
    chunk_queue_clear(queue);
    return size;
}

// kit_copy makes an exact copy on the heap, so that reading beyond a fragment,
// or after its time, is found.
static inline uint8_t *kit_copy(struct view bytes)
{
    uint8_t *copy = malloc(bytes.size + (bytes.size == 0));
    assert_non_null(copy);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return copy;
}

static inline struct hpack_limits kit_no_limits(void)
{
    return (struct hpack_limits){.list_bytes = 1 << 24,
                                 .hard_bytes = 1 << 24,
                                 .list_fields = UINT16_MAX,
                                 .hard_fields = UINT16_MAX};
}

// Cuts of an input: at one offset, or these. kit_whole goes the way of h2, by
// hpack_decode_whole; kit_single is one fragment.
static const size_t kit_whole = SIZE_MAX;
static const size_t kit_bytewise = SIZE_MAX - 1;
static const size_t kit_single = SIZE_MAX - 2;

static inline enum hpack_result kit_decode_whole(struct hpack_decoder *decoder,
                                                 struct hpack_block *block,
                                                 struct view bytes,
                                                 uint8_t **out_bytes)
{
    bool repeated;
    *out_bytes = kit_copy(bytes);
    enum hpack_result result = hpack_decode_whole(
        decoder, block, view_of(*out_bytes, bytes.size), &repeated);
    hpack_table_check(&decoder->table);
    return result;
}

// kit_decode decodes one block in fragments. Each is in memory of its own that
// is gone when the next one comes; *out_last, the last, is the caller's.
static inline enum hpack_result kit_decode(struct hpack_decoder *decoder,
                                           struct hpack_block *block,
                                           struct view bytes, size_t cut,
                                           uint8_t **out_last)
{
    if (cut == kit_whole) {
        return kit_decode_whole(decoder, block, bytes, out_last);
    }
    hpack_block_clear(block);
    enum hpack_result result = HPACK_OK;
    bool last = false;
    while (!last && result == HPACK_OK) {
        size_t part = cut == kit_bytewise ? 1 : cut;
        last = cut == kit_single || part > bytes.size ||
               (cut == kit_bytewise && part == bytes.size);
        part = last ? bytes.size : part;
        uint8_t *fragment = kit_copy(view_of(bytes.data, part));
        bytes = view_skip(bytes, part);
        if (cut != kit_bytewise) {
            cut = kit_single;
        }
        result = hpack_decode(decoder, block, view_of(fragment, part), last);
        if (last || result != HPACK_OK) {
            *out_last = fragment;
        } else {
            free(fragment);
        }
        hpack_table_check(&decoder->table);
    }
    return result;
}

// Blocks that are decoded one after the other.
struct kit_case {
    const char *hex[8]; // NULL: no more
    // The fields of each as kit_dump_block writes them. The last block may
    // fail with result instead.
    const char *fields[8];
    enum hpack_result result;
    const char *table;          // behind the last block, if it is decoded
    uint32_t table_limit;       // 0: 4096. Set without an update
    struct hpack_limits limits; // zero: none
};

static inline void kit_check_cut(const struct kit_case *test, size_t cut)
{
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_limits limits =
        test->limits.hard_bytes == 0 ? kit_no_limits() : test->limits;
    struct hpack_decoder decoder;
    struct hpack_block block;
    hpack_decoder_init(&decoder, &heap.allocator, HPACK_TABLE_INITIAL, &limits);
    hpack_block_init(&block, &heap.allocator);
    if (test->table_limit != 0) {
        hpack_table_set_limit(&decoder.table, test->table_limit);
    }
    for (size_t i = 0; i < 8 && test->hex[i] != NULL; i++) {
        uint8_t bytes[1024];
        struct kit_text text;
        size_t size = test_unhex(test->hex[i], bytes, sizeof bytes);
        bool fails =
            test->result != HPACK_OK && (i == 7 || test->hex[i + 1] == NULL);
        uint8_t *last = NULL;
        enum hpack_result result =
            kit_decode(&decoder, &block, view_of(bytes, size), cut, &last);
        assert_int_equal(result, fails ? test->result : HPACK_OK);
        assert_int_equal(decoder.failed, result);
        if (!fails) {
            kit_dump_block(&block, &text);
            assert_string_equal(text.text, test->fields[i]);
        }
        assert_null(decoder.carry);
        free(last);
    }
    if (test->table != NULL) {
        struct kit_text text;
        kit_dump_table(&decoder.table, &text);
        assert_string_equal(text.text, test->table);
    }
    hpack_decoder_fini(&decoder);
    hpack_block_fini(&block);
    assert_true(test_heap_is_clean(&heap));
}

// kit_check runs a case whole, in one fragment, byte by byte, and cut in two at each offset.
static inline void kit_check(const struct kit_case *test)
{
    kit_check_cut(test, kit_whole);
    kit_check_cut(test, kit_single);
    kit_check_cut(test, kit_bytewise);
    size_t longest = 0;
    for (size_t i = 0; i < 8 && test->hex[i] != NULL; i++) {
        size_t size = strlen(test->hex[i]) / 2;
        longest = size > longest ? size : longest;
    }
    for (size_t cut = 0; cut <= longest; cut++) {
        kit_check_cut(test, cut);
    }
}

// kit_random_block puts representations together and spoils some of them.
static inline size_t kit_random_block(uint64_t *seed, uint8_t out[128])
{
    static const char *const parts[] = {
        "82",         "be",
        "bf",         "c0",
        "4001610131", "7e0132",
        "00016200",   "04811f",
        "1f1e0133",   "4006616263646566026768",
        "410161",     "0f2f00",
        "ff8001",     "4083fffff883",
        "3f21",       "20",
        "5e00",
    };
    size_t size = 0;
    size_t count = 1 + test_random(seed) % 9;
    for (size_t i = 0; i < count; i++) {
        uint32_t part =
            test_random(seed) % (uint32_t)(sizeof parts / sizeof parts[0]);
        size += test_unhex(parts[part], out + size, 128 - size);
    }
    if (test_random(seed) % 4 == 0) {
        out[test_random(seed) % size] = (uint8_t)test_random(seed);
    }
    return size;
}

#endif
