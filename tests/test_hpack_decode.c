// SPDX-License-Identifier: MIT

#include "tests/hpack_kit.h"

#include "hpack/hpack_integer.h"

static void check_fails(const char *hex, enum hpack_result result)
{
    const struct kit_case test = {.hex = {hex}, .result = result};
    kit_check(&test);
}

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

// rig_decode decodes one block of up to 256 bytes that is given whole.
static enum hpack_result rig_decode(struct rig *rig, const char *hex)
{
    uint8_t bytes[256];
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    hpack_block_clear(&rig->block);
    return hpack_decode(&rig->decoder, &rig->block, view_of(bytes, size), true);
}

// ---- Representations --------------------------------------------------------

static void test_decode__empty_block(void **state)
{
    (void)state;
    const struct kit_case test = {.hex = {""}, .fields = {""}, .table = "0"};
    kit_check(&test);
}

static void test_decode__indices(void **state)
{
    (void)state;
    const struct kit_case test = {
        .hex = {"81bd", "400161013140016201324001630133000000", "bebfc0"},
        .fields = {":authority:  [1]\nwww-authenticate:  [61]\n",
                   "a: 1 [0M]\nb: 2 [0M]\nc: 3 [0M]\n:  [0]\n",
                   "c: 3 [0M]\nb: 2 [0M]\na: 1 [0M]\n"},
        .table = "c: 3\nb: 2\na: 1\n102"};
    kit_check(&test);
}

static void test_decode__index_beyond_the_tables(void **state)
{
    (void)state;
    check_fails("80", HPACK_BAD_INDEX);
    check_fails("be", HPACK_BAD_INDEX);
    check_fails("82be", HPACK_BAD_INDEX);
    check_fails("ff00", HPACK_BAD_INDEX);
    check_fails("ff80ffffff0f", HPACK_BAD_INDEX);
    check_fails("4001610131bf", HPACK_BAD_INDEX);
    check_fails("7e00", HPACK_BAD_INDEX);
    check_fails("7f0000", HPACK_BAD_INDEX);
    check_fails("0f2f00", HPACK_BAD_INDEX);
    check_fails("1f2f00", HPACK_BAD_INDEX);
}

static void test_decode__high_index_in_two_bytes(void **state)
{
    (void)state;
    // 66 entries with empty value; index 127 is the first of them.
    struct rig rig;
    rig_init(&rig, NULL);
    for (int i = 0; i < 66; i++) {
        char hex[16];
        snprintf(hex, sizeof hex, "4001%02x00", 0x30 + i);
        assert_int_equal(rig_decode(&rig, hex), HPACK_OK);
    }
    for (int whole = 0; whole < 2; whole++) {
        bool repeated;
        assert_int_equal(
            whole ? hpack_decode_whole(&rig.decoder, &rig.block,
                                       VIEW("\xff\x00\xfe\xff\x00"), &repeated)
                  : rig_decode(&rig, "ff00feff00"),
            HPACK_OK);
        assert_int_equal(rig.block.count, 3);
        assert_int_equal(rig.block.fields[0].name.data[0], 0x30);
        assert_int_equal(rig.block.fields[1].name.data[0], 0x31);
        assert_int_equal(rig.block.fields[2].name.data[0], 0x30);
    }
    rig_fini(&rig);
}

static void test_decode__names_from_both_tables(void **state)
{
    (void)state;
    const struct kit_case names = {
        // Insert x: 1; then with that name insert, plain and never; then
        // :path likewise.
        .hex = {"4001780131", "7e01320f2f01331f30013344012f04013114022f31",
                "be"},
        .fields = {"x: 1 [0M]\n",
                   "x: 2 [0M]\nx: 3 [0]\nx: 3 [0N]\n:path: / [4M]\n"
                   ":path: 1 [4]\n:path: /1 [4N]\n",
                   ":path: / [4M]\n"},
        .table = ":path: /\nx: 2\nx: 1\n106"};
    kit_check(&names);
}

static void test_decode__literal_name_that_is_static(void **state)
{
    (void)state;
    const struct kit_case test = {
        .hex = {"4004686f73740161", "be0004686f737401620f2f0163"},
        .fields = {"host: a [38M]\n",
                   "host: a [38M]\nhost: b [38]\nhost: c [38]\n"},
        .table = "host: a\n37"};
    kit_check(&test);
}

static void test_decode__bad_integers(void **state)
{
    (void)state;
    check_fails("ff808080808000", HPACK_BAD_INTEGER);
    check_fails("ffffffffffff", HPACK_BAD_INTEGER);
    check_fails("3f808080808000", HPACK_BAD_INTEGER);
    check_fails("0f808080808000", HPACK_BAD_INTEGER);
    check_fails("007fffffffffff", HPACK_BAD_INTEGER);
    check_fails("0001617fffffffffff", HPACK_BAD_INTEGER);
}

static void test_decode__bad_huffman(void **state)
{
    (void)state;
    check_fails("00811800", HPACK_BAD_HUFFMAN);
    check_fails("00016181ff", HPACK_BAD_HUFFMAN);
    check_fails("00016184ffffffff", HPACK_BAD_HUFFMAN);
    check_fails("400161821fff", HPACK_BAD_HUFFMAN);
    const struct kit_case test = {.hex = {"00811f811f", "008080"},
                                  .fields = {"a: a [0]\n", ":  [0]\n"}};
    kit_check(&test);
}

static void test_decode__truncated(void **state)
{
    (void)state;
    // Each proper prefix of a representation.
    static const char *const wholes[] = {"400161037a7a7a", "008125821c7f",
                                         "0f2e0131", "ff9a0a", "3fe11f"};
    for (size_t i = 0; i < sizeof wholes / sizeof wholes[0]; i++) {
        for (size_t size = 2; size < strlen(wholes[i]); size += 2) {
            char hex[32];
            snprintf(hex, sizeof hex, "%.*s", (int)size, wholes[i]);
            check_fails(hex, HPACK_TRUNCATED);
        }
    }
}

static void test_decode__failure_is_sticky(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    assert_int_equal(rig_decode(&rig, "be"), HPACK_BAD_INDEX);
    assert_int_equal(rig_decode(&rig, "82"), HPACK_BAD_INDEX);
    assert_int_equal(rig.block.count, 0);
    rig_fini(&rig);
    for (int result = HPACK_OK; result <= HPACK_TOO_LARGE; result++) {
        assert_true(strlen(hpack_result_text((enum hpack_result)result)) > 10);
    }
}

// ---- Size updates -----------------------------------------------------------

static void test_decode__size_updates(void **state)
{
    (void)state;
    // Down to 34, which evicts one; to 0 and up again; alone.
    const struct kit_case good = {
        .hex = {"40016101314001620132", "3f0382be", "203fe11f4001630133", "20",
                "3fe11f20"},
        .fields = {"a: 1 [0M]\nb: 2 [0M]\n", ":method: GET [2]\nb: 2 [0M]\n",
                   "c: 3 [0M]\n", "", ""},
        .table = "0"};
    kit_check(&good);
    check_fails("3fe21f", HPACK_BAD_UPDATE);   // 4097
    check_fails("202020", HPACK_BAD_UPDATE);   // three
    check_fails("8220", HPACK_BAD_UPDATE);     // after a field
    check_fails("20208220", HPACK_BAD_UPDATE); // likewise
    check_fails("4001610131203fe11fbe", HPACK_BAD_UPDATE);
    const struct kit_case gone = {.hex = {"4001610131", "20be"},
                                  .fields = {"a: 1 [0M]\n"},
                                  .result = HPACK_BAD_INDEX};
    kit_check(&gone);
}

static void test_decoder_limit__lower_asks_for_an_update(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum hpack_result result;
    } rows[] = {
        {"82", HPACK_BAD_UPDATE},     // none
        {"", HPACK_BAD_UPDATE},       // none at all
        {"3f4682", HPACK_BAD_UPDATE}, // 101
        {"3f4582", HPACK_OK},         // 100
        {"2082", HPACK_OK},           {"203f4582", HPACK_OK},
        {"203f46", HPACK_BAD_UPDATE}, {"3f4520", HPACK_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rig rig;
        rig_init(&rig, NULL);
        assert_int_equal(rig_decode(&rig, "4001610131"), HPACK_OK);
        hpack_decoder_limit(&rig.decoder, 100);
        assert_int_equal(rig_decode(&rig, rows[i].hex), rows[i].result);
        if (rows[i].result == HPACK_OK) {
            assert_int_equal(rig_decode(&rig, "82"), HPACK_OK);
        }
        rig_fini(&rig);
    }
}

static void test_decoder_limit__lower_and_higher_again(void **state)
{
    (void)state;
    // The first update has to be the lowest limit, the last may be any.
    static const struct {
        const char *hex;
        enum hpack_result result;
    } rows[] = {
        {"3fe13f82", HPACK_BAD_UPDATE},     {"3f463fe13f82", HPACK_BAD_UPDATE},
        {"3f453fe13f82", HPACK_OK}, // 100, 8192
        {"3f453fe23f82", HPACK_BAD_UPDATE}, {"3f4582", HPACK_OK},
        {"82", HPACK_BAD_UPDATE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rig rig;
        rig_init(&rig, NULL);
        hpack_decoder_limit(&rig.decoder, 100);
        hpack_decoder_limit(&rig.decoder, 8192);
        assert_int_equal(rig_decode(&rig, rows[i].hex), rows[i].result);
        rig_fini(&rig);
    }
}

static void test_decoder_limit__higher_asks_for_nothing(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    hpack_decoder_limit(&rig.decoder, 8192);
    assert_int_equal(rig_decode(&rig, "82"), HPACK_OK);
    assert_int_equal(rig.decoder.table.limit, 4096);
    assert_int_equal(rig_decode(&rig, "3fe13f82"), HPACK_OK);
    assert_int_equal(rig.decoder.table.limit, 8192);
    // To what is in force: nothing changes.
    hpack_decoder_limit(&rig.decoder, 8192);
    assert_int_equal(rig_decode(&rig, "82"), HPACK_OK);
    // The peer has less than the new limit already.
    assert_int_equal(rig_decode(&rig, "2082"), HPACK_OK);
    hpack_decoder_limit(&rig.decoder, 100);
    assert_int_equal(rig_decode(&rig, "82"), HPACK_OK);
    assert_int_equal(rig_decode(&rig, "3f4682"), HPACK_BAD_UPDATE);
    rig_fini(&rig);
}

static void test_decoder_init__protocol_size_until_acknowledged(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_limits limits = kit_no_limits();
    struct hpack_decoder decoder;
    hpack_decoder_init(&decoder, &heap.allocator, 0, &limits);
    assert_int_equal(decoder.table.limit, 4096);
    assert_int_equal(decoder.size_limit, 4096);
    assert_false(decoder.update_required);
    hpack_decoder_limit(&decoder, 0);
    assert_true(decoder.update_required);
    hpack_decoder_init(&decoder, &heap.allocator, 32768, &limits);
    assert_int_equal(decoder.table.limit, 4096);
    assert_int_equal(decoder.size_limit, 32768);
    assert_int_equal(heap.calls, 0);
    hpack_decoder_fini(&decoder);
}

// ---- Entries that go or move while the block uses them ----------------------

static void test_decode__eviction_within_the_block(void **state)
{
    (void)state;
    const struct kit_case test = {
        // Room for two entries. The third evicts a, which the block has used
        // twice; the fourth evicts b, which it has used once.
        .hex = {"40016101314001620132", "bfbebf40016301334001640134bebf"},
        .fields = {"a: 1 [0M]\nb: 2 [0M]\n",
                   "a: 1 [0]\nb: 2 [0]\na: 1 [0]\nc: 3 [0M]\nd: 4 [0M]\n"
                   "d: 4 [0M]\nc: 3 [0M]\n"},
        .table = "d: 4\nc: 3\n68",
        .table_limit = 70};
    kit_check(&test);
}

static void test_decode__eviction_of_what_the_block_inserted(void **state)
{
    (void)state;
    const struct kit_case test = {
        .hex = {"400161013140016201324001630133400164013440016501354001660136"},
        .fields = {"a: 1 [0]\nb: 2 [0]\nc: 3 [0]\nd: 4 [0]\ne: 5 [0]\n"
                   "f: 6 [0M]\n"},
        .table = "f: 6\n34",
        .table_limit = 40};
    kit_check(&test);
}

static void test_decode__name_of_the_entry_it_evicts(void **state)
{
    (void)state;
    const struct kit_case test = {
        .hex = {"4003616263023132", "7e0378797a", "be7e00be"},
        .fields = {"abc: 12 [0M]\n", "abc: xyz [0M]\n",
                   "abc: xyz [0]\nabc:  [0M]\nabc:  [0M]\n"},
        .table = "abc: \n35",
        .table_limit = 40};
    kit_check(&test);
}

static void test_decode__entry_larger_than_the_table(void **state)
{
    (void)state;
    const struct kit_case test = {
        .hex = {"4003616263023132", "be7e0a30313233343536373839", "4001610131",
                "400161083031323334353637"},
        .fields = {"abc: 12 [0M]\n", "abc: 12 [0]\nabc: 0123456789 [0]\n",
                   "a: 1 [0M]\n", "a: 01234567 [0]\n"},
        .table = "0",
        .table_limit = 40};
    kit_check(&test);
    const struct kit_case none = {.hex = {"20", "4001610131"},
                                  .fields = {"", "a: 1 [0]\n"},
                                  .table = "0"};
    kit_check(&none);
}

// check_memo: the field is an entry that is in the table.
static void check_memo(const struct rig *rig, const struct hpack_field *field)
{
    const struct hpack_table *table = &rig->decoder.table;
    for (uint32_t age = 0; age < table->count; age++) {
        struct hpack_field entry = kit_entry(table, age);
        if (field->memo == entry.memo) {
            assert_ptr_equal(field->name.data, entry.name.data);
            assert_ptr_equal(field->value.data, entry.value.data);
            return;
        }
    }
    fail();
}

static void test_decode__table_grows_within_the_block(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    uint8_t bytes[1024];
    size_t size = 0;
    for (uint8_t i = 0; i < 60; i++) {
        // A new entry, and the same again by its index.
        const uint8_t field[] = {0x40, 1,   (uint8_t)(0x30 + i), 3,
                                 'v',  'a', (uint8_t)(0x30 + i), 0xbe};
        memcpy(bytes + size, field, sizeof field);
        size += sizeof field;
    }
    hpack_block_clear(&rig.block);
    assert_int_equal(
        hpack_decode(&rig.decoder, &rig.block, view_of(bytes, size), true),
        HPACK_OK);
    assert_int_equal(rig.block.count, 120);
    for (size_t i = 0; i < 120; i++) {
        const struct hpack_field *field = &rig.block.fields[i];
        const uint8_t last = (uint8_t)(0x30 + i / 2);
        assert_int_equal(field->name.size, 1);
        assert_int_equal(field->name.data[0], last);
        assert_int_equal(field->value.size, 3);
        assert_int_equal(field->value.data[2], last);
        check_memo(&rig, field);
    }
    rig_fini(&rig);
}

static void test_decode__links_of_earlier_blocks_mislead_nobody(void **state)
{
    (void)state;
    // The same entries at other positions, block after block, with growth and
    // eviction between.
    struct rig rig;
    rig_init(&rig, NULL);
    uint64_t seed = 3;
    assert_int_equal(rig_decode(&rig, "3f9903"), HPACK_OK); // 440
    for (int run = 0; run < 3000; run++) {
        uint8_t bytes[128];
        char expected[32][2];
        size_t size = 0;
        size_t fields = 1 + test_random(&seed) % 30;
        uint8_t table[256];
        uint32_t count = rig.decoder.table.count;
        for (uint32_t age = 0; age < count; age++) {
            table[age] = *kit_entry(&rig.decoder.table, age).name.data;
        }
        for (size_t i = 0; i < fields; i++) {
            if (count > 0 && test_random(&seed) % 4 != 0) {
                uint32_t age = test_random(&seed) % count;
                bytes[size++] = (uint8_t)(0xbe + age);
                expected[i][0] = (char)table[age];
                continue;
            }
            uint8_t name = (uint8_t)('A' + test_random(&seed) % 50);
            const uint8_t field[] = {0x40, 1, name, 0};
            memcpy(bytes + size, field, sizeof field);
            size += sizeof field;
            memmove(table + 1, table, count);
            table[0] = name;
            count = count < 13 ? count + 1 : count; // of 33 bytes each
            expected[i][0] = (char)name;
        }
        uint8_t *last = NULL;
        assert_int_equal(kit_decode(&rig.decoder, &rig.block,
                                    view_of(bytes, size),
                                    test_random(&seed) % size, &last),
                         HPACK_OK);
        assert_int_equal(rig.block.count, fields);
        for (size_t i = 0; i < fields; i++) {
            assert_int_equal(rig.block.fields[i].name.data[0], expected[i][0]);
        }
        free(last);
    }
    rig_fini(&rig);
}

static void test_decode__memo_stays_with_the_entry(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    assert_int_equal(rig_decode(&rig, "40016101318201"
                                      "0131"),
                     HPACK_OK);
    assert_non_null(rig.block.fields[0].memo);
    assert_true(*rig.block.fields[0].memo == 0);
    assert_null(rig.block.fields[1].memo);
    assert_null(rig.block.fields[2].memo);
    *rig.block.fields[0].memo = 4711;
    for (int i = 0; i < 40; i++) {
        assert_int_equal(rig_decode(&rig, "4001620132"), HPACK_OK);
        assert_true(*rig.block.fields[0].memo == 0);
    }
    assert_int_equal(rig_decode(&rig, "e6"), HPACK_OK);
    assert_true(view_equal(rig.block.fields[0].name, VIEW("a")));
    assert_true(*rig.block.fields[0].memo == 4711);
    rig_fini(&rig);
}

// ---- Limits -----------------------------------------------------------------

static void test_decode__soft_limit_by_fields(void **state)
{
    (void)state;
    const struct kit_case test = {
        .hex = {"824001610131838440016201320f2f0131", "bebf"},
        .fields = {":method: GET [2]\na: 1 [0M]\n", "b: 2 [0M]\na: 1 [0M]\n"},
        .table = "b: 2\na: 1\n68",
        .limits = {1000, 1000, 2, 6}};
    kit_check(&test);
}

// The same where the block has memory, and decides for many fields at once.
static void test_decode__soft_limits_to_the_byte(void **state)
{
    (void)state;
    static const struct {
        struct hpack_limits limits;
        bool over; // with 3 fields of 42 bytes
    } rows[] = {{{126, 1000, 3, 10}, false},
                {{125, 1000, 3, 10}, true},
                {{126, 1000, 2, 10}, true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rig rig;
        bool repeated;
        rig_init(&rig, &rows[i].limits);
        for (int round = 0; round < 2; round++) {
            assert_int_equal(hpack_decode_whole(&rig.decoder, &rig.block,
                                                VIEW("\x82\x82\x82"),
                                                &repeated),
                             HPACK_OK);
            assert_int_equal(rig.block.over_limit, rows[i].over);
            assert_int_equal(rig.block.count, rows[i].over ? 2 : 3);
            assert_int_equal(rig.block.list_bytes, 126);
            assert_int_equal(rig.block.list_fields, 3);
        }
        rig_fini(&rig);
    }
}

static void test_decode__large_field_over_the_soft_limit(void **state)
{
    (void)state;
    // It empties the table all the same.
    const struct kit_case test = {
        .hex = {"4001610131", "40036262620c313131313131313131313131"},
        .fields = {"a: 1 [0M]\n", ""},
        .table = "0",
        .table_limit = 46,
        .limits = {40, 1000, 1, 10}};
    kit_check(&test);
}

static void test_decode__soft_limit_by_bytes(void **state)
{
    (void)state;
    // 42 + 34 + 34; nothing is kept behind the field that was over.
    const struct kit_case test = {
        .hex = {"82400161013140016201328240016303333333"},
        .fields = {":method: GET [2]\na: 1 [0M]\n"},
        .table = "c: 333\nb: 2\na: 1\n104",
        .limits = {109, 1000, 100, 100}};
    kit_check(&test);
    struct rig rig;
    rig_init(&rig, &test.limits);
    assert_int_equal(rig_decode(&rig, "824001610131"), HPACK_OK);
    assert_false(rig.block.over_limit);
    assert_int_equal(rig.block.list_bytes, 76);
    assert_int_equal(rig_decode(&rig, test.hex[0]), HPACK_OK);
    assert_true(rig.block.over_limit);
    assert_int_equal(rig.block.list_bytes, 42 + 34 + 34 + 42 + 36);
    assert_int_equal(rig.block.list_fields, 5);
    assert_int_equal(rig_decode(&rig, "82"), HPACK_OK);
    assert_false(rig.block.over_limit);
    rig_fini(&rig);
}

static void test_decode__hard_limits(void **state)
{
    (void)state;
    // 42 + 34 is 76.
    const struct kit_case exact = {.hex = {"824001610131"},
                                   .fields = {""},
                                   .table = "a: 1\n34",
                                   .limits = {0, 76, 0, 2}};
    kit_check(&exact);
    const struct kit_case bytes = {.hex = {"824001610131"},
                                   .result = HPACK_TOO_LARGE,
                                   .limits = {0, 75, 0, 2}};
    kit_check(&bytes);
    const struct kit_case fields = {.hex = {"824001610131"},
                                    .result = HPACK_TOO_LARGE,
                                    .limits = {0, 1000, 0, 1}};
    kit_check(&fields);
    const struct kit_case bomb = {
        .hex = {"400161083031323334353637bebebebebebebebebebebe"},
        .result = HPACK_TOO_LARGE,
        .limits = {100, 400, 100, 100}};
    kit_check(&bomb);
}

static void test_decode__hard_limit_before_the_string_arrives(void **state)
{
    (void)state;
    // 65536 as a name and as a value, and 65535 behind a name, so that only
    // both together are too long.
    static const char *const starts[] = {"007f81ff03", "00ff81ff03",
                                         "0001617f81ff03", "047f81ff03",
                                         "000261617f80ff03"};
    struct hpack_limits limits = {1000, 65535, 10, 10};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct rig rig;
        uint8_t bytes[16];
        rig_init(&rig, &limits);
        size_t size = test_unhex(starts[i], bytes, sizeof bytes);
        assert_int_equal(
            hpack_decode(&rig.decoder, &rig.block, view_of(bytes, size), false),
            HPACK_TOO_LARGE);
        assert_int_equal(rig.heap.live_bytes, 0);
        rig_fini(&rig);
    }
    // One byte less may come, and as long as it has not come costs nothing.
    struct rig rig;
    rig_init(&rig, &limits);
    const uint8_t start[] = {0x00, 0x7f, 0x80, 0xff, 0x03};
    assert_int_equal(hpack_decode(&rig.decoder, &rig.block,
                                  view_of(start, sizeof start), false),
                     HPACK_OK);
    assert_true(rig.heap.live_bytes <= 64 + sizeof(struct hpack_carry));
    assert_int_equal(rig.decoder.carry->wanted, 65535 + 5);
    rig_fini(&rig);
}

// What a peer gets us to do is bounded by the limits, however little it sends.
static const struct hpack_limits usual_limits = {.list_bytes = 8192,
                                                 .hard_bytes = 16384,
                                                 .list_fields = 100,
                                                 .hard_fields = 256};

// rig_insert inserts an entry with a name of that many bytes.
static void rig_insert(struct rig *rig, size_t size)
{
    uint8_t block[4200] = {0x40};
    uint8_t *at = hpack_integer_write(block + 1, 0, 7, (uint32_t)size);
    memset(at, 'n', size);
    at[size] = 0;
    at += size + 1;
    hpack_block_clear(&rig->block);
    assert_int_equal(hpack_decode(&rig->decoder, &rig->block,
                                  view_of(block, (size_t)(at - block)), true),
                     HPACK_OK);
}

static void test_decode__references_are_bounded(void **state)
{
    (void)state;
    // Fields that are kept, and taken before the block is refused.
    static const struct {
        size_t size;
        size_t kept;
        size_t taken;
    } rows[] = {{4063, 2, 4}, {2000, 4, 8}, {50, 99, 199}, {1, 100, 256}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int whole = 0; whole < 2; whole++) {
            struct rig rig;
            uint8_t bytes[300];
            bool repeated;
            rig_init(&rig, &usual_limits);
            rig_insert(&rig, rows[i].size);
            memset(bytes, 0xbe, sizeof bytes);
            hpack_block_clear(&rig.block);
            size_t calls = rig.heap.calls;
            struct view all = view_of(bytes, sizeof bytes);
            assert_int_equal(
                whole == 1 ? hpack_decode_whole(&rig.decoder, &rig.block, all,
                                                &repeated)
                           : hpack_decode(&rig.decoder, &rig.block, all, true),
                HPACK_TOO_LARGE);
            assert_int_equal(rig.block.count, rows[i].kept);
            assert_int_equal(rig.block.list_fields, rows[i].taken);
            // For the list alone.
            assert_true(rig.heap.calls - calls <= 3);
            rig_fini(&rig);
        }
    }
}

// Each insertion evicts an entry that the block refers to, and is itself one:
// a name is copied once when its entry goes, and never again.
static void test_decode__evictions_are_bounded(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, &usual_limits);
    rig_insert(&rig, 1900);
    uint8_t bytes[64];
    size_t size = 0;
    while (size < sizeof bytes) {
        bytes[size++] = 0xbe; // the newest entry
        bytes[size++] = 0x7e; // another one of that name
        bytes[size++] = 0;
        bytes[size++] = 0xbf;
    }
    hpack_block_clear(&rig.block);
    size_t before = rig.heap.live_bytes;
    assert_int_equal(
        hpack_decode(&rig.decoder, &rig.block, view_of(bytes, size), true),
        HPACK_TOO_LARGE);
    assert_int_equal(rig.block.count, 4);
    assert_int_equal(rig.block.list_fields, 8);
    assert_true(rig.heap.peak_bytes - before <= 16384 + 4096);
    for (size_t i = 0; i < rig.block.count; i++) {
        assert_int_equal(rig.block.fields[i].name.size, 1900);
        assert_int_equal(rig.block.fields[i].name.data[1899], 'n');
    }
    rig_fini(&rig);
}

// ---- Fragments --------------------------------------------------------------

// A long string in one-byte fragments is parsed at its start and at its end
// only, and copied a bounded number of times.
static void test_decode__small_fragments_cost_linear_time(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    enum { LENGTH = 65536 + 127 };
    const uint8_t start[] = {0x00, 0x01, 'x', 0x7f, 0x80, 0x80, 0x04};
    for (size_t i = 0; i < sizeof start; i++) {
        assert_int_equal(hpack_decode(&rig.decoder, &rig.block,
                                      view_of(start + i, 1), false),
                         HPACK_OK);
    }
    for (size_t i = 0; i < LENGTH; i++) {
        assert_int_equal(rig.decoder.carry->size, sizeof start + i);
        assert_int_equal(rig.decoder.carry->wanted, sizeof start + LENGTH);
        const uint8_t byte = (uint8_t)i;
        assert_int_equal(
            hpack_decode(&rig.decoder, &rig.block, view_of(&byte, 1), false),
            HPACK_OK);
        assert_true(rig.decoder.carry->capacity <= 2 * (sizeof start + i + 64));
    }
    assert_int_equal(rig.decoder.carry->size, 0);
    // Doublings of the carry from 64, the text and the list of fields.
    assert_true(rig.heap.calls <= 11 + 2 + 2);
    assert_int_equal(
        hpack_decode(&rig.decoder, &rig.block, view_of(NULL, 0), true),
        HPACK_OK);
    assert_null(rig.decoder.carry);
    assert_int_equal(rig.block.count, 1);
    assert_int_equal(rig.block.fields[0].value.size, LENGTH);
    for (size_t i = 0; i < LENGTH; i++) {
        assert_int_equal(rig.block.fields[0].value.data[i], (uint8_t)i);
    }
    rig_fini(&rig);
}

struct outcome {
    enum hpack_result result;
    struct kit_text fields;
    struct kit_text table;
};

static void decode_once(struct view bytes, size_t cut, struct outcome *out)
{
    struct rig rig;
    struct hpack_limits limits = {300, 500, 9, 12};
    uint8_t *last = NULL;
    rig_init(&rig, &limits);
    hpack_table_set_limit(&rig.decoder.table, 100);
    out->result = kit_decode(&rig.decoder, &rig.block, bytes, cut, &last);
    kit_dump_block(&rig.block, &out->fields);
    kit_dump_table(&rig.decoder.table, &out->table);
    free(last);
    rig_fini(&rig);
}

static void test_decode__any_input_under_any_cut(void **state)
{
    (void)state;
    uint64_t seed = 41;
    unsigned good = 0;
    for (int run = 0; run < 5000; run++) {
        uint8_t bytes[128];
        size_t size = kit_random_block(&seed, bytes);
        static struct outcome whole;
        static struct outcome other;
        decode_once(view_of(bytes, size), kit_whole, &whole);
        good += whole.result == HPACK_OK;
        for (size_t cut = 0; cut <= size + 1; cut++) {
            size_t how = cut == size ? kit_bytewise : cut;
            decode_once(view_of(bytes, size), cut > size ? kit_single : how,
                        &other);
            assert_int_equal(other.result, whole.result);
            assert_string_equal(other.table.text, whole.table.text);
            if (whole.result == HPACK_OK) {
                assert_string_equal(other.fields.text, whole.fields.text);
            }
        }
    }
    assert_true(good > 500);
    assert_true(good < 4500);
}

// ---- Memory -----------------------------------------------------------------

static void test_decoder__at_rest(void **state)
{
    (void)state;
    // The first request of a gRPC client: the two tables of a connection that
    // has had it stay within a kilobyte.
    static const char *const fields[][2] = {
        {"/helloworld.Greeter/SayHello", "44"},
        {"localhost:50051", "41"},
        {"application/grpc", "5f"},
        {"grpc-c/1.0 (linux; cgrpc)", "7a"},
    };
    uint8_t bytes[256];
    size_t size = test_unhex("8386", bytes, sizeof bytes);
    for (size_t i = 0; i < 4; i++) {
        size += test_unhex(fields[i][1], bytes + size, 1);
        bytes[size++] = (uint8_t)strlen(fields[i][0]);
        memcpy(bytes + size, fields[i][0], strlen(fields[i][0]));
        size += strlen(fields[i][0]);
    }
    size += test_unhex("4002746508747261696c657273", bytes + size, 64);
    struct rig rig;
    rig_init(&rig, NULL);
    assert_int_equal(rig.heap.calls, 0);
    assert_int_equal(
        hpack_decode(&rig.decoder, &rig.block, view_of(bytes, size), true),
        HPACK_OK);
    assert_int_equal(rig.block.count, 7);
    assert_int_equal(rig.decoder.table.count, 5);
    hpack_block_fini(&rig.block);
    assert_int_equal(rig.heap.live_blocks, 1);
    assert_true(rig.heap.live_bytes <= 224);
    assert_true(sizeof(struct hpack_decoder) <= 80);
    rig_fini(&rig);
}

enum { SWEEP_BLOCKS = 5 };

// Blocks one after the other; between them all places that need memory come
// first in one row.
static const char *const sweeps[][SWEEP_BLOCKS] = {
    {"828684418cf1e3c2e5f23a6ba0ab90f4ff40016101314001620132",
     "bebf00811f811f7e0378797abe",
     "40016303333333400164033434344001650335353540016603363636bebfc0c1",
     "4001670337373740016803383838400169033939394001610333333340016203333333",
     "3f31be4001610333333340016203333333"},
    // An entry that goes while the block uses it; with a static name.
    {"3f254001610131", "be40016201324001630133"},
    {"3f2544042f616263", "be4001620132"},
    // Fields that are larger than the table, of new and of static names.
    {"3f0f4001610131", "40036262620c313131313131313131313131"},
    {"3f0f4001610131", "44142f31313131313131313131313131313131313131"},
    {"3f0f4001610131",
     "40053a70617468142f3131313131313131313131313131313131313182"},
    // A literal that comes first; a name that the table may lose.
    {"0001610131"},
    {"4001610131", "0f2f0132"},
    // Longer than the carry is at first.
    {"0001617f01"
     "3131313131313131313131313131313131313131313131313131313131313131"
     "3131313131313131313131313131313131313131313131313131313131313131"
     "3131313131313131313131313131313131313131313131313131313131313131"
     "3131313131313131313131313131313131313131313131313131313131313131"},
};

static void sweep_once(const char *const blocks[SWEEP_BLOCKS], size_t fail_at,
                       size_t cut, size_t *out_calls)
{
    struct rig rig;
    rig_init(&rig, NULL);
    rig.heap.fail_at = fail_at;
    enum hpack_result result = HPACK_OK;
    for (size_t i = 0; i < SWEEP_BLOCKS && blocks[i] != NULL; i++) {
        uint8_t bytes[256];
        size_t size = test_unhex(blocks[i], bytes, sizeof bytes);
        uint8_t *last = NULL;
        enum hpack_result now = kit_decode(&rig.decoder, &rig.block,
                                           view_of(bytes, size), cut, &last);
        assert_int_equal(now, result == HPACK_OK ? now : result);
        result = now;
        struct kit_text text;
        kit_dump_block(&rig.block, &text); // all views are readable
        free(last);
    }
    bool failed = fail_at != 0 && rig.heap.calls >= fail_at;
    assert_int_equal(result, failed ? HPACK_NO_MEMORY : HPACK_OK);
    *out_calls = rig.heap.calls;
    rig_fini(&rig);
}

static void test_decode__every_allocation_fails(void **state)
{
    (void)state;
    static const size_t cuts[] = {3,           5, 10, SIZE_MAX, SIZE_MAX - 1,
                                  SIZE_MAX - 2};
    for (size_t i = 0; i < 6 * sizeof sweeps / sizeof sweeps[0]; i++) {
        size_t calls;
        size_t cut = cuts[i % 6];
        sweep_once(sweeps[i / 6], 0, cut, &calls);
        assert_true(calls >= 1);
        for (size_t fail_at = 1; fail_at <= calls; fail_at++) {
            size_t ignored;
            sweep_once(sweeps[i / 6], fail_at, cut, &ignored);
        }
    }
}

static void test_block__keeps_its_memory(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    assert_int_equal(rig_decode(&rig, sweeps[0][0]), HPACK_OK);
    assert_int_equal(rig_decode(&rig, "00811f811f82be"), HPACK_OK);
    size_t calls = rig.heap.calls;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rig_decode(&rig, "00811f811f82be"), HPACK_OK);
        assert_int_equal(rig.block.count, 3);
    }
    assert_int_equal(rig.heap.calls, calls);
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode__empty_block),
        cmocka_unit_test(test_decode__indices),
        cmocka_unit_test(test_decode__index_beyond_the_tables),
        cmocka_unit_test(test_decode__high_index_in_two_bytes),
        cmocka_unit_test(test_decode__names_from_both_tables),
        cmocka_unit_test(test_decode__literal_name_that_is_static),
        cmocka_unit_test(test_decode__bad_integers),
        cmocka_unit_test(test_decode__bad_huffman),
        cmocka_unit_test(test_decode__truncated),
        cmocka_unit_test(test_decode__failure_is_sticky),
        cmocka_unit_test(test_decode__size_updates),
        cmocka_unit_test(test_decoder_limit__lower_asks_for_an_update),
        cmocka_unit_test(test_decoder_limit__lower_and_higher_again),
        cmocka_unit_test(test_decoder_limit__higher_asks_for_nothing),
        cmocka_unit_test(test_decoder_init__protocol_size_until_acknowledged),
        cmocka_unit_test(test_decode__eviction_within_the_block),
        cmocka_unit_test(test_decode__eviction_of_what_the_block_inserted),
        cmocka_unit_test(test_decode__name_of_the_entry_it_evicts),
        cmocka_unit_test(test_decode__entry_larger_than_the_table),
        cmocka_unit_test(test_decode__table_grows_within_the_block),
        cmocka_unit_test(test_decode__links_of_earlier_blocks_mislead_nobody),
        cmocka_unit_test(test_decode__memo_stays_with_the_entry),
        cmocka_unit_test(test_decode__soft_limit_by_fields),
        cmocka_unit_test(test_decode__soft_limits_to_the_byte),
        cmocka_unit_test(test_decode__large_field_over_the_soft_limit),
        cmocka_unit_test(test_decode__soft_limit_by_bytes),
        cmocka_unit_test(test_decode__hard_limits),
        cmocka_unit_test(test_decode__hard_limit_before_the_string_arrives),
        cmocka_unit_test(test_decode__references_are_bounded),
        cmocka_unit_test(test_decode__evictions_are_bounded),
        cmocka_unit_test(test_decode__small_fragments_cost_linear_time),
        cmocka_unit_test(test_decode__any_input_under_any_cut),
        cmocka_unit_test(test_decoder__at_rest),
        cmocka_unit_test(test_decode__every_allocation_fails),
        cmocka_unit_test(test_block__keeps_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
