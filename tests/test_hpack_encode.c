// SPDX-License-Identifier: MIT

#include "tests/hpack_kit.h"

// An encoder with its output, and a decoder that reads it.
struct rig {
    struct test_heap heap;
    struct slab pool;
    struct chunk_queue queue;
    struct hpack_encoder encoder;
    struct hpack_decoder decoder;
    struct hpack_block block;
    uint8_t *last; // fragment of the block decoded last
};

static void rig_init(struct rig *rig, uint32_t own_limit)
{
    struct hpack_limits limits = kit_no_limits();
    test_heap_init(&rig->heap);
    chunk_pool_init(&rig->pool, &rig->heap.allocator, 2);
    chunk_queue_init(&rig->queue, &rig->pool);
    hpack_encoder_init(&rig->encoder, &rig->heap.allocator, own_limit);
    hpack_decoder_init(&rig->decoder, &rig->heap.allocator, 4096, &limits);
    hpack_block_init(&rig->block, &rig->heap.allocator);
    rig->last = NULL;
}

static void rig_fini(struct rig *rig)
{
    free(rig->last);
    chunk_queue_clear(&rig->queue);
    slab_fini(&rig->pool);
    hpack_encoder_fini(&rig->encoder);
    hpack_decoder_fini(&rig->decoder);
    hpack_block_fini(&rig->block);
    assert_true(test_heap_is_clean(&rig->heap));
}

static struct hpack_field field_of(const char *name, const char *value)
{
    return (struct hpack_field){.name = kit_view(name),
                                .value = kit_view(value)};
}

static void put(struct rig *rig, const char *name, const char *value,
                enum hpack_mode mode, hpack_hint *hint)
{
    struct hpack_field field = field_of(name, value);
    assert_true(hpack_encode(&rig->encoder, &rig->queue, &field, mode, hint));
    hpack_table_check(&rig->encoder.table);
}

// check_output compares and takes the bytes written so far.
static void check_output(struct rig *rig, const char *hex)
{
    uint8_t expected[256];
    uint8_t bytes[256];
    size_t expected_size = test_unhex(hex, expected, sizeof expected);
    size_t size = kit_take(&rig->queue, bytes, sizeof bytes);
    assert_int_equal(size, expected_size);
    assert_memory_equal(bytes, expected, size);
}

static void begin(struct rig *rig)
{
    assert_true(hpack_encode_begin(&rig->encoder, &rig->queue));
}

// ---- Representations --------------------------------------------------------

static void test_encode__static_entries(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    begin(&rig);
    put(&rig, ":method", "GET", HPACK_INDEX, NULL);
    put(&rig, ":method", "POST", HPACK_PLAIN, NULL);
    put(&rig, ":status", "500", HPACK_INDEX, NULL);
    put(&rig, "accept-encoding", "gzip, deflate", HPACK_INDEX, NULL);
    put(&rig, "www-authenticate", "", HPACK_INDEX, NULL);
    check_output(&rig, "82838e90bd");
    assert_int_equal(rig.encoder.table.count, 0);
    assert_null(rig.encoder.table.entries);
    rig_fini(&rig);
}

static void test_encode__modes(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    rig.encoder.huffman = false;
    begin(&rig);
    put(&rig, "a", "1", HPACK_PLAIN, NULL);
    put(&rig, "a", "1", HPACK_NEVER, NULL);
    put(&rig, "a", "1", HPACK_INDEX, NULL);
    check_output(&rig, "000161013110016101314001610131");
    // Now it is in the table; a secret is not named by its entry all the same.
    put(&rig, "a", "1", HPACK_PLAIN, NULL);
    put(&rig, "a", "1", HPACK_NEVER, NULL);
    put(&rig, "a", "2", HPACK_PLAIN, NULL);
    put(&rig, "a", "2", HPACK_INDEX, NULL);
    check_output(&rig, "be"
                       "1f2f0131"
                       "0f2f0132"
                       "7e0132");
    struct hpack_field field = field_of("a", "2");
    field.never_index = true;
    assert_true(
        hpack_encode(&rig.encoder, &rig.queue, &field, HPACK_INDEX, NULL));
    check_output(&rig, "1f2f0132");
    rig_fini(&rig);
}

static void test_encode__names(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    rig.encoder.huffman = false;
    begin(&rig);
    put(&rig, ":path", "/a", HPACK_INDEX, NULL);
    put(&rig, ":path", "/b", HPACK_PLAIN, NULL);
    put(&rig, "cookie", "c", HPACK_NEVER, NULL);
    put(&rig, "x", "", HPACK_INDEX, NULL);
    put(&rig, "x", "y", HPACK_PLAIN, NULL);
    put(&rig, "", "", HPACK_PLAIN, NULL);
    check_output(&rig, "44022f61"
                       "04022f62"
                       "1f110163"
                       "40017800"
                       "0f2f0179"
                       "000000");
    rig_fini(&rig);
}

static void test_encode__static_name_is_taken(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    rig.encoder.huffman = false;
    begin(&rig);
    struct hpack_field field = field_of(":path", "/a");
    field.static_name = HPACK_STATIC_PATH;
    assert_true(
        hpack_encode(&rig.encoder, &rig.queue, &field, HPACK_INDEX, NULL));
    assert_true(
        hpack_encode(&rig.encoder, &rig.queue, &field, HPACK_INDEX, NULL));
    check_output(&rig, "44022f61be");
    rig_fini(&rig);
}

static void test_encode__huffman_when_shorter(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    begin(&rig);
    put(&rig, ":status", "302", HPACK_PLAIN, NULL); // 2 bytes for 3
    put(&rig, ":status", "307", HPACK_PLAIN, NULL); // 3 for 3
    put(&rig, ":status", "\x01\x02", HPACK_PLAIN, NULL);
    put(&rig, "custom-key", "&", HPACK_PLAIN, NULL);
    check_output(&rig, "08826402"
                       "0803333037"
                       "08020102"
                       "008825a849e95ba97d7f0126");
    rig_fini(&rig);
}

static void test_encode__newest_of_equal_names(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    rig.encoder.huffman = false;
    begin(&rig);
    for (char value[] = "0"; value[0] < '8'; value[0]++) {
        put(&rig, "name-of-more-than-eight-bytes", value, HPACK_INDEX, NULL);
    }
    (void)kit_take(&rig.queue, (uint8_t[1024]){0}, 1024);
    put(&rig, "name-of-more-than-eight-bytes", "0", HPACK_PLAIN, NULL);
    put(&rig, "name-of-more-than-eight-bytes", "7", HPACK_PLAIN, NULL);
    put(&rig, "name-of-more-than-eight-bytes", "8", HPACK_PLAIN, NULL);
    check_output(&rig, "c5be0f2f0138");
    rig_fini(&rig);
}

static void test_encode__entry_larger_than_the_table(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 100);
    rig.encoder.huffman = false;
    begin(&rig);
    check_output(&rig, "3f45");
    hpack_hint hint = 0;
    put(&rig, "a", "1", HPACK_INDEX, NULL);
    put(&rig, "b",
        "1234567890123456789012345678901234567890123456789012345678"
        "9012345678",
        HPACK_INDEX, &hint);
    assert_true(hint == 0);
    assert_int_equal(rig.encoder.table.count, 1);
    put(&rig, "a", "1", HPACK_INDEX, NULL);
    uint8_t bytes[128];
    assert_int_equal(kit_take(&rig.queue, bytes, sizeof bytes), 5 + 72 + 1);
    assert_int_equal(bytes[5], 0x00);
    assert_int_equal(bytes[77], 0xbe);
    // One byte less just fits, and all else goes.
    put(&rig, "b",
        "1234567890123456789012345678901234567890123456789012345678"
        "901234567",
        HPACK_INDEX, &hint);
    assert_true(hint != 0);
    assert_int_equal(rig.encoder.table.size, 100);
    rig_fini(&rig);
}

// ---- Hints ------------------------------------------------------------------

static void test_encode__hint_of_a_dynamic_entry(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    rig.encoder.huffman = false;
    begin(&rig);
    hpack_hint a = 0;
    hpack_hint b = 0;
    put(&rig, "a", "1", HPACK_INDEX, &a);
    put(&rig, "b", "2", HPACK_INDEX, &b);
    assert_true(a != 0);
    assert_true(b != 0);
    check_output(&rig, "40016101314001620132");
    hpack_hint before = a;
    put(&rig, "a", "1", HPACK_INDEX, &a);
    put(&rig, "b", "2", HPACK_PLAIN, &b);
    assert_true(a == before);
    check_output(&rig, "bfbe");
    // A look-up finds the same hint.
    hpack_hint found = 0;
    put(&rig, "a", "1", HPACK_PLAIN, &found);
    assert_true(found == a);
    check_output(&rig, "bf");
    // A secret is written out.
    put(&rig, "a", "1", HPACK_NEVER, &a);
    check_output(&rig, "1f300131");
    assert_true(a == 0);
    rig_fini(&rig);
}

static void test_encode__hint_of_an_entry_that_is_gone(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 70);
    rig.encoder.huffman = false;
    begin(&rig);
    hpack_hint a = 0;
    put(&rig, "a", "1", HPACK_INDEX, &a);
    put(&rig, "b", "2", HPACK_INDEX, NULL);
    put(&rig, "a", "1", HPACK_INDEX, &a);
    check_output(&rig, "3f2740016101314001620132bf");
    put(&rig, "c", "3", HPACK_INDEX, NULL);
    hpack_hint before = a;
    put(&rig, "a", "1", HPACK_INDEX, &a);
    check_output(&rig, "40016301334001610131");
    assert_true(a != before);
    // Also when the table is emptied by the peer.
    hpack_encoder_limit(&rig.encoder, 0);
    begin(&rig);
    put(&rig, "a", "1", HPACK_INDEX, &a);
    check_output(&rig, "200001610131");
    assert_true(a == 0);
    rig_fini(&rig);
}

static void test_encode__hint_of_a_static_entry(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    begin(&rig);
    hpack_hint hint = 0;
    put(&rig, ":method", "POST", HPACK_INDEX, &hint);
    assert_true(hint == 3);
    for (int i = 0; i < 200; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        put(&rig, "x", value, HPACK_INDEX, NULL);
    }
    chunk_queue_clear(&rig.queue);
    put(&rig, ":method", "POST", HPACK_INDEX, &hint);
    check_output(&rig, "83");
    assert_true(hint == 3);
    rig_fini(&rig);
}

// ---- Size updates -----------------------------------------------------------

static void test_encode_begin__updates(void **state)
{
    (void)state;
    static const struct {
        uint32_t own;
        uint32_t limits[3]; // of the peer, one after the other; 1: none
        const char *hex;
    } rows[] = {
        {4096, {1, 1, 1}, ""},
        {4096, {4096, 1, 1}, ""},
        {4096, {65536, 1, 1}, ""},
        {8192, {1, 1, 1}, ""},
        {8192, {65536, 1, 1}, "3fe13f"},
        {8192, {5000, 1, 1}, "3fe926"},
        {0, {1, 1, 1}, "20"},
        {100, {1, 1, 1}, "3f45"},
        {100, {65536, 1, 1}, "3f45"},
        {4096, {0, 1, 1}, "20"},
        {4096, {30, 1, 1}, "3e"},
        {4096, {100, 200, 1}, "3f453fa901"},
        {4096, {200, 100, 1}, "3f45"},
        {4096, {100, 200, 150}, "3f453f77"},
        {4096, {0, 4096, 1}, "203fe11f"},
        {4096, {100, 65536, 1}, "3f453fe11f"},
        {8192, {8000, 4096, 1}, ""},
        {8192, {100, 8000, 8192}, "3f453fe13f"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rig rig;
        rig_init(&rig, rows[i].own);
        for (size_t j = 0; j < 3 && rows[i].limits[j] != 1; j++) {
            hpack_encoder_limit(&rig.encoder, rows[i].limits[j]);
        }
        begin(&rig);
        check_output(&rig, rows[i].hex);
        assert_int_equal(rig.encoder.table.limit, rig.encoder.size_limit);
        begin(&rig);
        check_output(&rig, "");
        rig_fini(&rig);
    }
}

// What is due is written once.
static void test_encode_begin__one_change_after_another(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    hpack_encoder_limit(&rig.encoder, 100);
    hpack_encoder_limit(&rig.encoder, 4096);
    begin(&rig);
    check_output(&rig, "3f453fe11f");
    hpack_encoder_limit(&rig.encoder, 200);
    begin(&rig);
    check_output(&rig, "3fa901");
    hpack_encoder_limit(&rig.encoder, 300);
    begin(&rig);
    check_output(&rig, "3f8d02");
    rig_fini(&rig);
}

static void test_encode_begin__the_lowest_limit_evicts(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    rig.encoder.huffman = false;
    begin(&rig);
    put(&rig, "a", "1", HPACK_INDEX, NULL);
    put(&rig, "b", "2", HPACK_INDEX, NULL);
    check_output(&rig, "40016101314001620132");
    hpack_encoder_limit(&rig.encoder, 40);
    hpack_encoder_limit(&rig.encoder, 4096);
    begin(&rig);
    put(&rig, "a", "1", HPACK_PLAIN, NULL);
    put(&rig, "b", "2", HPACK_PLAIN, NULL);
    check_output(&rig, "3f093fe11f"
                       "0001610131"
                       "be");
    rig_fini(&rig);
}

static void test_encode_begin__without_memory(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 100);
    rig.heap.fail_at = 1;
    assert_false(hpack_encode_begin(&rig.encoder, &rig.queue));
    assert_int_equal(rig.queue.size, 0);
    assert_true(hpack_encode_begin(&rig.encoder, &rig.queue));
    check_output(&rig, "3f45");
    rig_fini(&rig);
}

// ---- Names without their values ------------------------------------------------

static void test_encode__a_name_is_inserted_once(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    rig.encoder.huffman = false;
    hpack_hint hint = 0;
    begin(&rig);
    put(&rig, "ab", "1", HPACK_NAME, NULL);
    put(&rig, "ab", "2", HPACK_NAME, NULL);
    put(&rig, "c", "3", HPACK_INDEX, NULL);
    put(&rig, "ab", "4", HPACK_NAME, NULL);
    // What is in a table is sent from there.
    put(&rig, "ab", "1", HPACK_NAME, &hint);
    put(&rig, "ab", "1", HPACK_NAME, &hint);
    put(&rig, ":path", "/5", HPACK_NAME, NULL);
    check_output(&rig, "400261620131"
                       "0f2f0132"
                       "4001630133"
                       "0f300134"
                       "bf"
                       "bf"
                       "04022f35");
    assert_int_equal(rig.encoder.table.count, 2);
    rig_fini(&rig);
}

static void test_encode__a_name_that_was_evicted(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 68);
    rig.encoder.huffman = false;
    begin(&rig);
    check_output(&rig, "3f25");
    put(&rig, "a", "1", HPACK_NAME, NULL);
    put(&rig, "b", "1", HPACK_INDEX, NULL);
    put(&rig, "c", "1", HPACK_INDEX, NULL);
    put(&rig, "a", "2", HPACK_NAME, NULL);
    put(&rig, "a", "3", HPACK_NAME, NULL);
    // Too large for the table.
    put(&rig, "d", "1234567890123456789012345678901234567", HPACK_NAME, NULL);
    check_output(&rig, "4001610131"
                       "4001620131"
                       "4001630131"
                       "4001610132"
                       "0f2f0133"
                       "00016425"
                       "3132333435363738393031323334353637383930"
                       "3132333435363738393031323334353637");
    rig_fini(&rig);
}

// ---- Long fields ------------------------------------------------------------

static void read_back(struct rig *rig, size_t cut)
{
    size_t size = rig->queue.size;
    uint8_t *bytes = malloc(size + 1);
    assert_non_null(bytes);
    assert_int_equal(kit_take(&rig->queue, bytes, size), size);
    free(rig->last);
    assert_int_equal(kit_decode(&rig->decoder, &rig->block,
                                view_of(bytes, size), cut, &rig->last),
                     HPACK_OK);
    free(bytes);
}

static void test_encode__fields_longer_than_a_chunk(void **state)
{
    (void)state;
    static const size_t sizes[] = {500,  512,  513,  4000, 4055, 4056,
                                   4057, 4060, 4067, 4068, 4069, 4080,
                                   4081, 5000, 8192, 65537};
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        struct rig rig;
        size_t size = sizes[i / 2];
        uint8_t *text = malloc(size);
        assert_non_null(text);
        for (size_t j = 0; j < size; j++) {
            // Letters get shorter by coding, the others do not.
            text[j] = (uint8_t)(i % 2 == 0 ? 'a' + j % 26 : j);
        }
        struct hpack_field field = {.name = VIEW("x-long"),
                                    .value = view_of(text, size)};
        struct hpack_field other = {.name = view_of(text, size),
                                    .value = view_of(text, size / 2)};
        rig_init(&rig, 4096);
        begin(&rig);
        assert_true(
            hpack_encode(&rig.encoder, &rig.queue, &field, HPACK_INDEX, NULL));
        assert_true(
            hpack_encode(&rig.encoder, &rig.queue, &other, HPACK_PLAIN, NULL));
        assert_true(i % 2 == 1 || rig.queue.size < size * 9 / 4);
        read_back(&rig, rig.queue.size / 3);
        assert_int_equal(rig.block.count, 2);
        assert_true(view_equal(rig.block.fields[0].value, field.value));
        assert_true(view_equal(rig.block.fields[1].name, other.name));
        assert_true(view_equal(rig.block.fields[1].value, other.value));
        rig_fini(&rig);
        free(text);
    }
}

static void test_encode__refuses_what_no_peer_takes(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    begin(&rig);
    static const uint8_t byte = 'x';
    // Never read.
    struct hpack_field field = {
        .name = VIEW("a"),
        .value = view_of(&byte, (size_t)HPACK_FIELD_MAX + 1)};
    assert_false(
        hpack_encode(&rig.encoder, &rig.queue, &field, HPACK_PLAIN, NULL));
    field.name = field.value;
    field.value = VIEW("a");
    assert_false(
        hpack_encode(&rig.encoder, &rig.queue, &field, HPACK_PLAIN, NULL));
    assert_int_equal(rig.queue.size, 0);
    rig_fini(&rig);
}

// ---- Memory -----------------------------------------------------------------

static void test_encoder__at_rest(void **state)
{
    (void)state;
    // The first response of a gRPC server.
    struct rig rig;
    rig_init(&rig, 4096);
    assert_int_equal(rig.heap.calls, 0);
    begin(&rig);
    put(&rig, ":status", "200", HPACK_INDEX, NULL);
    put(&rig, "content-type", "application/grpc", HPACK_INDEX, NULL);
    put(&rig, "grpc-accept-encoding", "identity,deflate,gzip", HPACK_INDEX,
        NULL);
    put(&rig, "grpc-status", "0", HPACK_INDEX, NULL);
    chunk_queue_clear(&rig.queue);
    slab_trim(&rig.pool, 0);
    assert_int_equal(rig.encoder.table.count, 3);
    assert_true(rig.heap.live_bytes <= 160);
    assert_true(sizeof(struct hpack_encoder) <= 56);
    rig_fini(&rig);
}

static void test_encode__steady_state_allocates_nothing(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    begin(&rig);
    size_t calls = 0;
    for (int i = 0; i < 3000; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        put(&rig, "x-request", value, HPACK_INDEX, NULL);
        put(&rig, "x-other", value, HPACK_PLAIN, NULL);
        chunk_queue_clear(&rig.queue);
        calls = i == 1000 ? rig.heap.calls : calls;
    }
    assert_int_equal(rig.heap.calls, calls);
    rig_fini(&rig);
}

// Without memory a field either goes out unindexed, or the call fails; what
// has gone out up to then is always right.
static void sweep_once(size_t fail_at, bool fail_on, size_t *out_calls)
{
    static const char *const names[] = {"a", "b", "c", ":path", "x-long-name"};
    struct rig rig;
    rig_init(&rig, 1000);
    uint64_t seed = 9;
    bool ok = true;
    rig.heap.fail_at = fail_at;
    rig.heap.fail_on = fail_on;
    for (int run = 0; run < 12 && ok; run++) {
        struct hpack_field sent[8];
        char values[8][160];
        ok = hpack_encode_begin(&rig.encoder, &rig.queue);
        for (int i = 0; i < 8 && ok; i++) {
            snprintf(values[i], sizeof values[i], "%0*d",
                     (int)(1 + test_random(&seed) % 150),
                     (int)(test_random(&seed) % 5));
            sent[i] = field_of(names[test_random(&seed) % 5], values[i]);
            ok = hpack_encode(
                &rig.encoder, &rig.queue, &sent[i],
                test_random(&seed) % 4 == 0 ? HPACK_PLAIN : HPACK_INDEX, NULL);
            hpack_table_check(&rig.encoder.table);
        }
        if (!ok) {
            break;
        }
        size_t at = rig.heap.fail_at;
        rig.heap.fail_at = 0; // the reader is not under test
        size_t calls = rig.heap.calls;
        read_back(&rig, kit_whole);
        rig.heap.calls = calls;
        rig.heap.fail_at = at;
        assert_int_equal(rig.block.count, 8);
        for (size_t i = 0; i < 8; i++) {
            assert_true(view_equal(rig.block.fields[i].name, sent[i].name));
            assert_true(view_equal(rig.block.fields[i].value, sent[i].value));
        }
    }
    *out_calls = rig.heap.calls;
    rig_fini(&rig);
}

static void test_encode__every_allocation_fails(void **state)
{
    (void)state;
    size_t calls;
    sweep_once(0, false, &calls);
    assert_true(calls > 5);
    for (size_t fail_at = 1; fail_at <= calls; fail_at++) {
        size_t ignored;
        sweep_once(fail_at, false, &ignored);
        sweep_once(fail_at, true, &ignored);
    }
}

// encode_full encodes a field behind so many bytes when the n-th allocation
// from there on fails. False: it did not come to that.
static bool encode_full(struct view value, enum hpack_mode mode, bool huffman,
                        size_t filled, size_t n)
{
    static const uint8_t zeros[CHUNK_CAPACITY];
    struct hpack_field field = {.name = VIEW("x-name"), .value = value};
    struct rig rig;
    rig_init(&rig, 4096);
    rig.encoder.huffman = huffman;
    begin(&rig);
    put(&rig, "x-known", "1", HPACK_INDEX, NULL);
    assert_true(chunk_queue_append(&rig.queue,
                                   view_of(zeros, filled - rig.queue.size)));
    if (value.size == 1) {
        field.name = VIEW("x-known");
    }
    rig.heap.fail_at = rig.heap.calls + n;
    rig.heap.fail_on = true;
    bool encoded = hpack_encode(&rig.encoder, &rig.queue, &field, mode, NULL);
    bool failed = rig.heap.calls >= rig.heap.fail_at;
    // A table that cannot grow is no failure.
    assert_true(encoded || failed);
    chunk_queue_check(&rig.queue);
    hpack_table_check(&rig.encoder.table);
    rig_fini(&rig);
    return failed;
}

static void test_encode__out_of_memory_anywhere(void **state)
{
    (void)state;
    static uint8_t text[9000];
    static const size_t sizes[] = {1, 2, 600, 3000, sizeof text};
    static const size_t left[] = {0, 1, 5, 9, 20};
    memset(text, '1', sizeof text);
    unsigned failures = 0;
    for (size_t i = 0; i < 5 * 5 * 6; i++) {
        struct view value = view_of(text, sizes[i % 5]);
        size_t filled = CHUNK_CAPACITY - left[i / 5 % 5];
        size_t kind = i / 25;
        enum hpack_mode mode = kind % 3 == 0   ? HPACK_INDEX
                               : kind % 3 == 1 ? HPACK_PLAIN
                                               : HPACK_NEVER;
        for (size_t n = 1; encode_full(value, mode, kind % 2 == 0, filled, n);
             n++) {
            failures++;
        }
    }
    assert_true(failures > 150);
}

// ---- Encoder and decoder against each other ---------------------------------

enum { PAIR_BLOCKS = 400, PAIR_RUNS = 60, PAIR_FIELDS = 16, PAIR_HINTS = 24 };

// A field that is sent again and again, with its hint.
struct known {
    uint8_t text[64];
    size_t name_size;
    size_t size;
    hpack_hint hint;
};

static void known_fill(struct known *known, uint64_t *seed)
{
    static const char *const names[] = {":path",      ":status",    "te",
                                        "user-agent", "x-a",        "x-bb",
                                        "",           "grpc-status"};
    struct view name = kit_view(names[test_random(seed) % 8]);
    memcpy(known->text, name.data, name.size);
    known->name_size = name.size;
    known->size = name.size + test_random(seed) % (64 - name.size);
    uint32_t span = test_random(seed) % 2 == 0 ? 3 : 256;
    for (size_t i = name.size; i < known->size; i++) {
        known->text[i] = (uint8_t)('0' + test_random(seed) % span);
    }
    known->hint = 0;
}

static struct hpack_field known_field(const struct known *known)
{
    return (struct hpack_field){.name = view_of(known->text, known->name_size),
                                .value =
                                    view_of(known->text + known->name_size,
                                            known->size - known->name_size)};
}

static void pair_change_limits(struct rig *rig, uint64_t *seed)
{
    // SETTINGS of the reader, acknowledged at once; twice now and then.
    for (uint32_t i = 0; i < 1 + test_random(seed) % 2; i++) {
        static const uint32_t limits[] = {0, 40, 100, 300, 1000, 4096, 9000};
        uint32_t limit = limits[test_random(seed) % 7];
        hpack_decoder_limit(&rig->decoder, limit);
        hpack_encoder_limit(&rig->encoder, limit);
    }
}

static void pair_compare(const struct rig *rig, const struct hpack_field *sent,
                         const enum hpack_mode *modes, size_t count)
{
    assert_int_equal(rig->block.count, count);
    for (size_t i = 0; i < count; i++) {
        const struct hpack_field *got = &rig->block.fields[i];
        assert_true(view_equal(got->name, sent[i].name));
        assert_true(view_equal(got->value, sent[i].value));
        assert_int_equal(got->never_index, modes[i] == HPACK_NEVER);
        assert_int_equal(got->static_name, hpack_static_find_name(got->name));
    }
    const struct hpack_table *ours = &rig->encoder.table;
    const struct hpack_table *theirs = &rig->decoder.table;
    assert_int_equal(ours->size, theirs->size);
    assert_int_equal(ours->limit, theirs->limit);
    assert_int_equal(ours->count, theirs->count);
    for (uint32_t age = 0; age < ours->count; age++) {
        struct hpack_field a = kit_entry(ours, age);
        struct hpack_field b = kit_entry(theirs, age);
        assert_true(view_equal(a.name, b.name));
        assert_true(view_equal(a.value, b.value));
        assert_int_equal(a.static_name, b.static_name);
    }
}

static size_t pair_random_cut(uint64_t *seed, size_t size)
{
    uint32_t kind = test_random(seed) % 3;
    return kind == 0   ? kit_whole
           : kind == 1 ? kit_bytewise
                       : test_random(seed) % (size + 1);
}

static void pair_run(uint64_t seed)
{
    struct rig rig;
    struct known known[PAIR_HINTS];
    static const uint32_t own[] = {0, 64, 256, 1024, 4096, 16384};
    rig_init(&rig, own[test_random(&seed) % 6]);
    rig.encoder.huffman = test_random(&seed) % 4 != 0;
    for (size_t i = 0; i < PAIR_HINTS; i++) {
        known_fill(&known[i], &seed);
    }
    for (int block = 0; block < PAIR_BLOCKS; block++) {
        struct hpack_field sent[PAIR_FIELDS];
        enum hpack_mode modes[PAIR_FIELDS];
        size_t count = test_random(&seed) % (PAIR_FIELDS + 1);
        known_fill(&known[test_random(&seed) % PAIR_HINTS], &seed);
        if (test_random(&seed) % 20 == 0) {
            pair_change_limits(&rig, &seed);
        }
        begin(&rig);
        for (size_t i = 0; i < count; i++) {
            struct known *which = &known[test_random(&seed) % PAIR_HINTS];
            uint32_t mode = test_random(&seed) % 8;
            modes[i] = mode == 0   ? HPACK_NEVER
                       : mode == 1 ? HPACK_PLAIN
                                   : HPACK_INDEX;
            sent[i] = known_field(which);
            bool hinted = test_random(&seed) % 2 == 0;
            assert_true(hpack_encode(&rig.encoder, &rig.queue, &sent[i],
                                     modes[i], hinted ? &which->hint : NULL));
        }
        hpack_table_check(&rig.encoder.table);
        read_back(&rig, pair_random_cut(&seed, rig.queue.size));
        pair_compare(&rig, sent, modes, count);
    }
    rig_fini(&rig);
}

static void test_encode__decodes_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= PAIR_RUNS; seed++) {
        pair_run(seed);
    }
}

// hpack_encode_byte says no wherever hpack_encode would do more than write one
// byte.
static void test_encode_byte__only_what_is_hinted(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 4096);
    struct hpack_field post = field_of(":method", "POST");
    struct hpack_field own = field_of("a", "1");
    hpack_hint hints[3] = {0, 0, 0};
    uint8_t byte = 0;
    begin(&rig);
    assert_false(
        hpack_encode_byte(&rig.encoder, &byte, &own, HPACK_INDEX, &hints[1]));
    put(&rig, ":method", "POST", HPACK_INDEX, &hints[0]);
    put(&rig, "a", "1", HPACK_INDEX, &hints[1]);
    put(&rig, "b", "2", HPACK_INDEX, &hints[2]);
    assert_true(
        hpack_encode_byte(&rig.encoder, &byte, &post, HPACK_INDEX, &hints[0]));
    assert_int_equal(byte, 0x83);
    assert_true(
        hpack_encode_byte(&rig.encoder, &byte, &own, HPACK_PLAIN, &hints[1]));
    assert_int_equal(byte, 0xbf);
    assert_false(
        hpack_encode_byte(&rig.encoder, &byte, &own, HPACK_NEVER, &hints[1]));
    assert_false(
        hpack_encode_byte(&rig.encoder, &byte, &own, HPACK_INDEX, NULL));
    own.never_index = true;
    assert_false(
        hpack_encode_byte(&rig.encoder, &byte, &own, HPACK_INDEX, &hints[1]));
    own.never_index = false;
    // The last index that takes one byte is 126.
    for (int i = 0; i < 63; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        put(&rig, "c", value, HPACK_INDEX, NULL);
    }
    assert_true(
        hpack_encode_byte(&rig.encoder, &byte, &own, HPACK_INDEX, &hints[1]));
    assert_int_equal(byte, 0xfe);
    put(&rig, "c", "last", HPACK_INDEX, NULL);
    assert_false(
        hpack_encode_byte(&rig.encoder, &byte, &own, HPACK_INDEX, &hints[1]));
    // Not while a size update is due, and not when the entry is gone.
    hpack_encoder_limit(&rig.encoder, 0);
    assert_false(
        hpack_encode_byte(&rig.encoder, &byte, &post, HPACK_INDEX, &hints[0]));
    begin(&rig);
    assert_true(
        hpack_encode_byte(&rig.encoder, &byte, &post, HPACK_INDEX, &hints[0]));
    assert_false(
        hpack_encode_byte(&rig.encoder, &byte, &own, HPACK_INDEX, &hints[1]));
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode__static_entries),
        cmocka_unit_test(test_encode__modes),
        cmocka_unit_test(test_encode__names),
        cmocka_unit_test(test_encode__static_name_is_taken),
        cmocka_unit_test(test_encode__huffman_when_shorter),
        cmocka_unit_test(test_encode__newest_of_equal_names),
        cmocka_unit_test(test_encode__entry_larger_than_the_table),
        cmocka_unit_test(test_encode__hint_of_a_dynamic_entry),
        cmocka_unit_test(test_encode__hint_of_an_entry_that_is_gone),
        cmocka_unit_test(test_encode__hint_of_a_static_entry),
        cmocka_unit_test(test_encode_begin__updates),
        cmocka_unit_test(test_encode_begin__one_change_after_another),
        cmocka_unit_test(test_encode_begin__the_lowest_limit_evicts),
        cmocka_unit_test(test_encode_begin__without_memory),
        cmocka_unit_test(test_encode__a_name_is_inserted_once),
        cmocka_unit_test(test_encode__a_name_that_was_evicted),
        cmocka_unit_test(test_encode__fields_longer_than_a_chunk),
        cmocka_unit_test(test_encode__refuses_what_no_peer_takes),
        cmocka_unit_test(test_encoder__at_rest),
        cmocka_unit_test(test_encode__steady_state_allocates_nothing),
        cmocka_unit_test(test_encode__every_allocation_fails),
        cmocka_unit_test(test_encode__out_of_memory_anywhere),
        cmocka_unit_test(test_encode__decodes_back),
        cmocka_unit_test(test_encode_byte__only_what_is_hinted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
