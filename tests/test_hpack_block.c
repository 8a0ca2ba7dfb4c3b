// SPDX-License-Identifier: MIT

#include "tests/hpack_kit.h"

static void test_hpack_block__starts_empty_without_memory(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_block block;
    hpack_block_init(&block, &heap.allocator);
    assert_int_equal(block.count, 0);
    assert_int_equal(heap.calls, 0);
    hpack_block_fini(&block);
    assert_true(test_heap_is_clean(&heap));
}

static void test_hpack_block__fields_keep_their_order_over_growth(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_block block;
    hpack_block_init(&block, &heap.allocator);
    for (size_t i = 0; i < 100; i++) {
        struct hpack_field *field = hpack_block_push(&block);
        assert_non_null(field);
        *field = (struct hpack_field){.static_name = (uint8_t)i};
    }
    assert_int_equal(block.count, 100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(block.fields[i].static_name, i);
    }
    hpack_block_fini(&block);
    assert_true(test_heap_is_clean(&heap));
}

static void test_hpack_block__kept_text_is_a_copy(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_block block;
    hpack_block_init(&block, &heap.allocator);
    uint8_t bytes[5] = {'h', 'e', 'l', 'l', 'o'};
    struct view text = view_of(bytes, sizeof bytes);
    assert_true(hpack_block_keep(&block, &text));
    assert_ptr_not_equal(text.data, bytes);
    bytes[0] = 'j';
    assert_memory_equal(text.data, "hello", 5);
    assert_int_equal(text.size, 5);
    struct view none = view_of(NULL, 0);
    assert_true(hpack_block_keep(&block, &none));
    assert_non_null(none.data);
    assert_int_equal(none.size, 0);
    hpack_block_fini(&block);
    assert_true(test_heap_is_clean(&heap));
}

static void test_hpack_block__clear_keeps_memory_for_the_next(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_block block;
    hpack_block_init(&block, &heap.allocator);
    size_t calls = 0;
    for (int round = 0; round < 3; round++) {
        struct view text = VIEW("some text");
        for (int i = 0; i < 20; i++) {
            assert_non_null(hpack_block_push(&block));
            assert_true(hpack_block_keep(&block, &text));
        }
        block.over_limit = true;
        block.list_bytes = 7;
        block.list_fields = 7;
        hpack_block_clear(&block);
        assert_int_equal(block.count, 0);
        assert_int_equal(block.list_bytes, 0);
        assert_int_equal(block.list_fields, 0);
        assert_false(block.over_limit);
        assert_true(round == 0 || heap.calls == calls);
        calls = heap.calls;
    }
    hpack_block_fini(&block);
    assert_true(test_heap_is_clean(&heap));
}

static void test_hpack_block__without_memory_nothing_changes(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_block block;
    hpack_block_init(&block, &heap.allocator);
    heap.fail_at = 1;
    assert_null(hpack_block_push(&block));
    assert_int_equal(block.count, 0);
    heap.fail_at = 2;
    struct view text = VIEW("text");
    const uint8_t *before = text.data;
    assert_false(hpack_block_keep(&block, &text));
    assert_ptr_equal(text.data, before);
    assert_non_null(hpack_block_push(&block));
    hpack_block_fini(&block);
    assert_true(test_heap_is_clean(&heap));
}

// ---- Blocks that come again -------------------------------------------------

// A decoder, a block and the heap of both.
struct rig {
    struct test_heap heap;
    struct hpack_decoder decoder;
    struct hpack_block block;
};

static void rig_init(struct rig *rig, const struct hpack_limits *limits)
{
    struct hpack_limits none = kit_no_limits();
    test_heap_init(&rig->heap);
    hpack_decoder_init(&rig->decoder, &rig->heap.allocator, 4096,
                       limits == NULL ? &none : limits);
    hpack_block_init(&rig->block, &rig->heap.allocator);
}

static void rig_fini(struct rig *rig)
{
    hpack_decoder_fini(&rig->decoder);
    hpack_block_fini(&rig->block);
    assert_true(test_heap_is_clean(&rig->heap));
}

// rig_whole decodes a block from memory that is gone afterwards; *out_fields are
// the fields as text.
static enum hpack_result rig_whole(struct rig *rig, struct view bytes,
                                   bool *out_repeated,
                                   struct kit_text *out_fields)
{
    uint8_t *copy = kit_copy(bytes);
    enum hpack_result result = hpack_decode_whole(
        &rig->decoder, &rig->block, view_of(copy, bytes.size), out_repeated);
    out_fields->size = 0;
    if (result == HPACK_OK) {
        kit_dump_block(&rig->block, out_fields);
    }
    free(copy);
    return result;
}

static void expect_whole(struct rig *rig, const char *hex, bool repeated,
                         const char *fields)
{
    uint8_t bytes[256];
    static struct kit_text text;
    bool said = !repeated;
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    assert_int_equal(rig_whole(rig, view_of(bytes, size), &said, &text),
                     HPACK_OK);
    assert_int_equal(said, repeated);
    assert_string_equal(text.text, fields);
}

static void test_decode_whole__the_same_again(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    // Nothing is remembered before the first entry, nor of a block that makes
    // one.
    const char *paths = ":path: 0 [4]\n:path: /1 [4]\n";
    expect_whole(&rig, "04810704022f31", false, paths);
    expect_whole(&rig, "04810704022f31", false, paths);
    expect_whole(&rig, "4001610131", false, "a: 1 [0M]\n");
    expect_whole(&rig, "4001610131", false, "a: 1 [0M]\n");
    const char *fields = "a: 1 [0M]\n:path: 0 [4]\n:path: /1 [4]\n";
    expect_whole(&rig, "be04810704022f31", false, fields);
    *rig.block.fields[0].memo = 77;
    expect_whole(&rig, "be04810704022f31", true, fields);
    expect_whole(&rig, "be04810704022f31", true, fields);
    assert_int_equal(*rig.block.fields[0].memo, 77);
    // One byte differs; fewer; more; none.
    expect_whole(&rig, "bf04810704022f31", false, fields);
    expect_whole(&rig, "bf04810704022f31", true, fields);
    expect_whole(&rig, "bf", false, "a: 1 [0M]\n");
    expect_whole(&rig, "bfbf", false, "a: 1 [0M]\na: 1 [0M]\n");
    expect_whole(&rig, "", false, "");
    expect_whole(&rig, "", false, "");
    rig_fini(&rig);
}

// expect_newest decodes the newest entry and three fields of the static table.
static void expect_newest(struct rig *rig, bool repeated, const char *fields)
{
    char text[128];
    snprintf(text, sizeof text,
             "%s:method: GET [2]\n:method: GET [2]\n:path: / [4]\n", fields);
    expect_whole(rig, "be828284", repeated, text);
}

static void test_decode_whole__failure_is_sticky(void **state)
{
    (void)state;
    static struct kit_text text;
    struct rig rig;
    bool repeated = true;
    rig_init(&rig, NULL);
    expect_whole(&rig, "4001610131", false, "a: 1 [0M]\n");
    expect_newest(&rig, false, "a: 1 [0M]\n");
    assert_int_equal(rig_whole(&rig, VIEW("\xbe\xbf"), &repeated, &text),
                     HPACK_BAD_INDEX);
    assert_false(repeated);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            rig_whole(&rig, VIEW("\xbe\x82\x82\x84"), &repeated, &text),
            HPACK_BAD_INDEX);
        assert_false(repeated);
    }
    rig_fini(&rig);
}

static void test_decode_whole__another_block_between(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    expect_whole(&rig, "4001610131", false, "a: 1 [0M]\n");
    expect_newest(&rig, false, "a: 1 [0M]\n");
    expect_whole(&rig, "4001620132", false, "b: 2 [0M]\n");
    expect_newest(&rig, false, "b: 2 [0M]\n");
    expect_newest(&rig, true, "b: 2 [0M]\n");
    // Another decoder, with as many entries, into the same block.
    struct hpack_limits limits = kit_no_limits();
    struct hpack_decoder other;
    struct view newest = VIEW("\xbe\x82\x82\x84");
    bool repeated = true;
    hpack_decoder_init(&other, &rig.heap.allocator, 4096, &limits);
    assert_int_equal(hpack_decode_whole(&other, &rig.block,
                                        VIEW("\x40\x01x\x01y\x40\x01z\x01y"),
                                        &repeated),
                     HPACK_OK);
    expect_newest(&rig, false, "b: 2 [0M]\n");
    assert_true(other.table.inserted == rig.decoder.table.inserted);
    assert_int_equal(hpack_decode_whole(&other, &rig.block, newest, &repeated),
                     HPACK_OK);
    assert_false(repeated);
    assert_true(view_equal(rig.block.fields[0].name, VIEW("z")));
    hpack_decoder_fini(&other);
    expect_newest(&rig, false, "b: 2 [0M]\n");
    // The table changes by a block that goes elsewhere.
    struct hpack_block elsewhere;
    hpack_block_init(&elsewhere, &rig.heap.allocator);
    expect_newest(&rig, true, "b: 2 [0M]\n");
    assert_int_equal(
        hpack_decode(&rig.decoder, &elsewhere, VIEW("\x40\x01x\x01y"), true),
        HPACK_OK);
    expect_newest(&rig, false, "x: y [0M]\n");
    assert_int_equal(
        hpack_decode(&rig.decoder, &elsewhere, VIEW("\x3f\x25"), true),
        HPACK_OK);
    expect_newest(&rig, false, "x: y [0M]\n");
    hpack_block_fini(&elsewhere);
    // hpack_block_clear forgets.
    hpack_block_clear(&rig.block);
    expect_newest(&rig, false, "x: y [0M]\n");
    rig_fini(&rig);
}

static void test_decode_whole__blocks_that_change_the_table(void **state)
{
    (void)state;
    static struct kit_text text;
    struct rig rig;
    bool repeated = true;
    rig_init(&rig, NULL);
    expect_whole(&rig, "4001610131", false, "a: 1 [0M]\n");
    // A size update, though to the same size.
    expect_whole(&rig, "3fe11fbe", false, "a: 1 [0M]\n");
    expect_whole(&rig, "3fe11fbe", false, "a: 1 [0M]\n");
    // An update that became due makes the same bytes wrong.
    expect_newest(&rig, false, "a: 1 [0M]\n");
    expect_newest(&rig, true, "a: 1 [0M]\n");
    hpack_decoder_limit(&rig.decoder, 100);
    assert_int_equal(
        rig_whole(&rig, VIEW("\xbe\x82\x82\x84"), &repeated, &text),
        HPACK_BAD_UPDATE);
    assert_false(repeated);
    // And so it stays.
    assert_int_equal(
        rig_whole(&rig, VIEW("\xbe\x82\x82\x84"), &repeated, &text),
        HPACK_BAD_UPDATE);
    rig_fini(&rig);
    // An entry that takes the place of another.
    rig_init(&rig, NULL);
    expect_whole(&rig, "4001610131", false, "a: 1 [0M]\n");
    hpack_table_set_limit(&rig.decoder.table, 34);
    expect_whole(&rig, "4001610131", false, "a: 1 [0M]\n");
    expect_whole(&rig, "4001610131", false, "a: 1 [0M]\n");
    assert_int_equal(rig.decoder.table.inserted, 3);
    rig_fini(&rig);
    // An entry that is larger than the table empties it, and is none.
    rig_init(&rig, NULL);
    expect_whole(&rig, "4001610131", false, "a: 1 [0M]\n");
    hpack_table_set_limit(&rig.decoder.table, 35);
    const char *hex = "be40016203323232";
    expect_whole(&rig, hex, false, "a: 1 [0]\nb: 222 [0]\n");
    uint8_t bytes[16];
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    assert_int_equal(rig_whole(&rig, view_of(bytes, size), &repeated, &text),
                     HPACK_BAD_INDEX);
    assert_false(repeated);
    rig_fini(&rig);
}

// To decode the shortest ones costs no more than to compare them.
static void test_decode_whole__the_shortest_are_not_kept(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    expect_whole(&rig, "4001610131", false, "a: 1 [0M]\n");
    for (int round = 0; round < 3; round++) {
        expect_whole(&rig, "be", false, "a: 1 [0M]\n");
        expect_whole(&rig, "bebebe", false,
                     "a: 1 [0M]\na: 1 [0M]\na: 1 [0M]\n");
    }
    rig_fini(&rig);
}

static void test_decode_whole__only_short_blocks_are_kept(void **state)
{
    (void)state;
    static struct kit_text text;
    struct rig rig;
    uint8_t bytes[HPACK_REPEAT_MAX + 1];
    rig_init(&rig, NULL);
    expect_whole(&rig, "4001610131", false, "a: 1 [0M]\n");
    memset(bytes, 0xbe, sizeof bytes);
    for (int round = 0; round < 2; round++) {
        bool repeated = true;
        assert_int_equal(
            rig_whole(&rig, view_of(bytes, sizeof bytes), &repeated, &text),
            HPACK_OK);
        assert_false(repeated);
    }
    for (int round = 0; round < 2; round++) {
        bool repeated = round == 0;
        assert_int_equal(
            rig_whole(&rig, view_of(bytes, HPACK_REPEAT_MAX), &repeated, &text),
            HPACK_OK);
        assert_int_equal(repeated, round == 1);
        assert_int_equal(rig.block.count, HPACK_REPEAT_MAX);
    }
    rig_fini(&rig);
}

// Any blocks, many of them twice, give what they give without a memory.
static void test_decode_whole__any_blocks(void **state)
{
    (void)state;
    static struct kit_text texts[4];
    uint64_t seed = 43;
    unsigned repeats = 0;
    for (int run = 0; run < 3000; run++) {
        struct hpack_limits limits = {300, 500, 9, 12};
        struct rig plain;
        struct rig rig;
        uint8_t bytes[128];
        size_t size = 0;
        enum hpack_result result = HPACK_OK;
        rig_init(&plain, &limits);
        rig_init(&rig, &limits);
        while (result == HPACK_OK) {
            if (size == 0 || test_random(&seed) % 8 == 0) {
                size = kit_random_block(&seed, bytes);
            }
            if (test_random(&seed) % 4 == 0) {
                size = test_unhex("400163013382be", bytes, sizeof bytes) -
                       test_random(&seed) % 2;
            }
            if (test_random(&seed) % 4 == 0) {
                size = test_unhex("be0f2f00", bytes, sizeof bytes);
            }
            if (test_random(&seed) % 32 == 0) {
                uint32_t limit = 60 + test_random(&seed) % 200;
                hpack_decoder_limit(&plain.decoder, limit);
                hpack_decoder_limit(&rig.decoder, limit);
            }
            uint8_t *last = NULL;
            bool repeated;
            result = kit_decode(&plain.decoder, &plain.block,
                                view_of(bytes, size), kit_single, &last);
            assert_int_equal(
                rig_whole(&rig, view_of(bytes, size), &repeated, &texts[0]),
                result);
            repeats += repeated;
            kit_dump_table(&plain.decoder.table, &texts[2]);
            kit_dump_table(&rig.decoder.table, &texts[3]);
            assert_string_equal(texts[2].text, texts[3].text);
            if (result == HPACK_OK) {
                kit_dump_block(&plain.block, &texts[1]);
                assert_string_equal(texts[0].text, texts[1].text);
                assert_int_equal(rig.block.over_limit, plain.block.over_limit);
                assert_int_equal(rig.block.list_bytes, plain.block.list_bytes);
            }
            free(last);
        }
        rig_fini(&plain);
        rig_fini(&rig);
    }
    assert_true(repeats > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hpack_block__starts_empty_without_memory),
        cmocka_unit_test(test_hpack_block__fields_keep_their_order_over_growth),
        cmocka_unit_test(test_hpack_block__kept_text_is_a_copy),
        cmocka_unit_test(test_hpack_block__clear_keeps_memory_for_the_next),
        cmocka_unit_test(test_hpack_block__without_memory_nothing_changes),
        cmocka_unit_test(test_decode_whole__the_same_again),
        cmocka_unit_test(test_decode_whole__failure_is_sticky),
        cmocka_unit_test(test_decode_whole__another_block_between),
        cmocka_unit_test(test_decode_whole__blocks_that_change_the_table),
        cmocka_unit_test(test_decode_whole__the_shortest_are_not_kept),
        cmocka_unit_test(test_decode_whole__only_short_blocks_are_kept),
        cmocka_unit_test(test_decode_whole__any_blocks),
    };
    return cmocka_run_group_tests_name("hpack_block", tests, NULL, NULL);
}
