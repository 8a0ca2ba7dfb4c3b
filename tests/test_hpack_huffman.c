// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "hpack/hpack_huffman.h"
#include "hpack/hpack_huffman_table.h"

// ---- The tables, derived again from the lengths alone -----------------------

// sort_symbols orders them by length, then by symbol.
static void sort_symbols(uint16_t order[HUFFMAN_SYMBOLS])
{
    size_t count = 0;
    for (unsigned bits = 1; bits <= 30; bits++) {
        for (unsigned symbol = 0; symbol < HUFFMAN_SYMBOLS; symbol++) {
            if (huffman_bits[symbol] == bits) {
                order[count++] = (uint16_t)symbol;
            }
        }
    }
    assert_int_equal(count, HUFFMAN_SYMBOLS);
}

static void test_huffman_table__codes_count_upwards(void **state)
{
    (void)state;
    uint16_t order[HUFFMAN_SYMBOLS];
    sort_symbols(order);
    uint64_t code = 0;
    unsigned bits = huffman_bits[order[0]];
    for (size_t i = 0; i < HUFFMAN_SYMBOLS; i++) {
        code <<= huffman_bits[order[i]] - bits;
        bits = huffman_bits[order[i]];
        assert_true(huffman_codes[order[i]] == code);
        code++;
    }
    // The code is complete: behind EOS, the last, all code words are used.
    assert_int_equal(order[HUFFMAN_SYMBOLS - 1], HUFFMAN_EOS);
    assert_true(code == UINT64_C(1) << 30);
}

static void test_huffman_table__known_code_words(void **state)
{
    (void)state;
    // A few rows of RFC 7541 appendix B.
    static const struct {
        unsigned symbol;
        uint32_t code;
        unsigned bits;
    } rows[] = {
        {'0', 0x0, 5},        {'a', 0x3, 5},        {'t', 0x9, 5},
        {' ', 0x14, 6},       {'u', 0x2d, 6},       {':', 0x5c, 7},
        {'z', 0x7b, 7},       {'&', 0xf8, 8},       {'Z', 0xfd, 8},
        {'!', 0x3f8, 10},     {'|', 0x7fc, 11},     {'#', 0xffa, 12},
        {'~', 0x1ffd, 13},    {'}', 0x3ffd, 14},    {'<', 0x7ffc, 15},
        {'\\', 0x7fff0, 19},  {128, 0xfffe6, 20},   {1, 0x7fffd8, 23},
        {255, 0x3ffffee, 26}, {249, 0xffffffe, 28}, {22, 0x3ffffffe, 30},
        {256, 0x3fffffff, 30}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(huffman_codes[rows[i].symbol] == rows[i].code);
        assert_int_equal(huffman_bits[rows[i].symbol], rows[i].bits);
    }
}

static void test_huffman_table__fast(void **state)
{
    (void)state;
    for (uint32_t next = 0; next < 1 << HUFFMAN_FAST_BITS; next++) {
        unsigned found = 0;
        for (unsigned symbol = 0; symbol < HUFFMAN_SYMBOLS; symbol++) {
            unsigned bits = huffman_bits[symbol];
            if (bits <= HUFFMAN_FAST_BITS &&
                next >> (HUFFMAN_FAST_BITS - bits) == huffman_codes[symbol]) {
                found = symbol << 8 | bits;
            }
        }
        assert_int_equal(huffman_fast[next], found);
    }
}

static void test_huffman_table__long_classes(void **state)
{
    (void)state;
    uint16_t order[HUFFMAN_SYMBOLS];
    sort_symbols(order);
    const uint16_t *longs = order + HUFFMAN_SYMBOLS - HUFFMAN_LONG_SYMBOLS;
    assert_memory_equal(huffman_long_symbols, longs,
                        sizeof huffman_long_symbols);
    size_t base = 0;
    for (size_t i = 0; i < HUFFMAN_LONG_CLASSES; i++) {
        const struct huffman_class *class = &huffman_classes[i];
        unsigned bits = huffman_bits[longs[base]];
        assert_true(bits > HUFFMAN_FAST_BITS);
        assert_int_equal(class->bits, bits);
        assert_int_equal(class->base, base);
        uint32_t first = huffman_codes[longs[base]] << (32 - bits);
        assert_true(class->first == first);
        while (base < HUFFMAN_LONG_SYMBOLS &&
               huffman_bits[longs[base]] == bits) {
            base++;
        }
        uint32_t last = huffman_codes[longs[base - 1]] << (32 - bits);
        assert_true(class->last == (last | ((1U << (32 - bits)) - 1)));
    }
    assert_int_equal(base, HUFFMAN_LONG_SYMBOLS);
}

// ---- Coding -----------------------------------------------------------------

static size_t encode(struct view text, uint8_t *out)
{
    struct hpack_huffman_writer writer = {0};
    uint8_t *end = hpack_huffman_write(&writer, text, out);
    end = hpack_huffman_finish(&writer, end);
    return (size_t)(end - out);
}

// decode_exact decodes from and to memory of exactly the needed size.
static bool decode_exact(struct view coded, uint8_t *out, size_t *out_size)
{
    size_t bound = hpack_huffman_bound(coded.size);
    uint8_t *in = malloc(coded.size + 1);
    uint8_t *text = malloc(bound + 1);
    assert_non_null(in);
    assert_non_null(text);
    text[bound] = 0x5a;
    memcpy(in + 1, coded.data, coded.size);
    size_t size = 0;
    bool ok = hpack_huffman_decode(view_of(in + 1, coded.size), text, &size);
    assert_int_equal(text[bound], 0x5a);
    if (ok) {
        assert_true(size <= bound);
        memcpy(out, text, size);
        *out_size = size;
    }
    free(in);
    free(text);
    return ok;
}

static void check_round(struct view text)
{
    static uint8_t coded[16384];
    static uint8_t back[16384];
    assert_true(hpack_huffman_size(text) <= sizeof coded);
    size_t size = encode(text, coded);
    assert_int_equal(size, hpack_huffman_size(text));
    size_t back_size = 0;
    assert_true(decode_exact(view_of(coded, size), back, &back_size));
    assert_int_equal(back_size, text.size);
    if (text.size > 0) {
        assert_memory_equal(back, text.data, text.size);
    }
}

static void test_huffman__every_byte_alone(void **state)
{
    (void)state;
    for (unsigned symbol = 0; symbol < 256; symbol++) {
        uint8_t byte = (uint8_t)symbol;
        check_round(view_of(&byte, 1));
    }
}

static void test_huffman__every_pair_of_bytes(void **state)
{
    (void)state;
    for (unsigned pair = 0; pair < 65536; pair++) {
        uint8_t bytes[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        check_round(view_of(bytes, 2));
    }
}

static void test_huffman__empty(void **state)
{
    (void)state;
    size_t size = 1;
    assert_int_equal(hpack_huffman_size(view_of(NULL, 0)), 0);
    assert_true(hpack_huffman_decode(view_of(NULL, 0), NULL, &size));
    assert_int_equal(size, 0);
}

static void test_huffman__random_strings(void **state)
{
    (void)state;
    uint64_t seed = 7541;
    for (int run = 0; run < 3000; run++) {
        uint8_t text[300];
        size_t size = test_random(&seed) % sizeof text;
        // Of all bytes, of letters, and of the shortest code words.
        static const uint8_t first[3] = {0, 'a', '0'};
        static const uint32_t span[3] = {256, 26, 3};
        for (size_t i = 0; i < size; i++) {
            text[i] =
                (uint8_t)(first[run % 3] + test_random(&seed) % span[run % 3]);
        }
        check_round(view_of(text, size));
    }
}

static void test_huffman_write__in_parts(void **state)
{
    (void)state;
    uint8_t text[256];
    for (unsigned i = 0; i < 256; i++) {
        text[i] = (uint8_t)i;
    }
    uint8_t whole[1024];
    size_t whole_size = encode(view_of(text, 256), whole);
    for (size_t cut = 0; cut <= 256; cut++) {
        uint8_t coded[1024];
        struct hpack_huffman_writer writer = {0};
        uint8_t *end = hpack_huffman_write(&writer, view_of(text, cut), coded);
        assert_true((size_t)(end - coded) <= hpack_huffman_room(cut));
        end = hpack_huffman_write(&writer, view_of(text + cut, 256 - cut), end);
        end = hpack_huffman_finish(&writer, end);
        assert_int_equal(end - coded, whole_size);
        assert_memory_equal(coded, whole, whole_size);
    }
}

static bool decode_hex(const char *hex, const char *expected)
{
    uint8_t coded[64];
    uint8_t text[128];
    size_t size = 0;
    size_t coded_size = test_unhex(hex, coded, sizeof coded);
    if (!decode_exact(view_of(coded, coded_size), text, &size)) {
        return false;
    }
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(text, expected, size);
    return true;
}

static void test_huffman_decode__rfc_examples(void **state)
{
    (void)state;
    assert_true(decode_hex("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"));
    assert_true(decode_hex("a8eb10649cbf", "no-cache"));
    assert_true(decode_hex("25a849e95ba97d7f", "custom-key"));
    assert_true(decode_hex("25a849e95bb8e8b4bf", "custom-value"));
    assert_true(decode_hex("6402", "302"));
    assert_true(decode_hex("9bd9ab", "gzip"));
}

static void test_huffman_decode__padding(void **state)
{
    (void)state;
    // 'a' is 00011; three bits are left.
    assert_true(decode_hex("1f", "a"));
    for (unsigned last = 0x18; last < 0x1f; last++) {
        char hex[3];
        snprintf(hex, sizeof hex, "%02x", last);
        assert_false(decode_hex(hex, ""));
    }
    // ':' is 1011100 and leaves one.
    assert_true(decode_hex("b9", ":"));
    assert_false(decode_hex("b8", ":"));
    // '&' is 11111000 and leaves none; a whole byte of padding is too long.
    assert_true(decode_hex("f8", "&"));
    assert_false(decode_hex("f8ff", "&"));
    assert_false(decode_hex("1fff", "a"));
    assert_false(decode_hex("ff", ""));
    assert_false(decode_hex("ffff", ""));
    assert_false(decode_hex("ffffff", ""));
    // Five times 'a' are 25 bits and leave seven; one of them wrong.
    assert_true(decode_hex("18c631ff", "aaaaa"));
    assert_false(decode_hex("18c631fe", ""));
    assert_false(decode_hex("18c631fd", ""));
}

static void test_huffman_decode__refuses_eos(void **state)
{
    (void)state;
    // 30 ones; alone, behind a text, and before one.
    assert_false(decode_hex("ffffffff", ""));
    assert_false(decode_hex("ffffffffff", ""));
    assert_false(decode_hex("1fffffffff", "a"));
    assert_false(decode_hex("f8ffffffff", "&"));
    assert_false(decode_hex("f8fffffffff8", "&"));
    assert_false(decode_hex("fffffffc7fffffff", ""));
}

// Any input is decoded within its bounds; what is accepted codes back to the
// same bytes, since each text has one coding only.
static void test_huffman_decode__any_input(void **state)
{
    (void)state;
    uint64_t seed = 12;
    unsigned accepted = 0;
    for (int run = 0; run < 200000; run++) {
        uint8_t coded[24];
        uint8_t text[64];
        uint8_t again[64];
        size_t coded_size = test_random(&seed) % (sizeof coded + 1);
        for (size_t i = 0; i < coded_size; i++) {
            uint32_t random = test_random(&seed);
            coded[i] = (uint8_t)(random % 4 == 0 ? 0xff : random >> 8);
        }
        size_t size = 0;
        if (decode_exact(view_of(coded, coded_size), text, &size)) {
            accepted++;
            assert_int_equal(encode(view_of(text, size), again), coded_size);
            assert_memory_equal(again, coded, coded_size);
        }
    }
    assert_true(accepted > 1000);
}

static void test_huffman_bound__is_eight_fifths(void **state)
{
    (void)state;
    for (size_t size = 0; size < 10000; size++) {
        assert_int_equal(hpack_huffman_bound(size), size * 8 / 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_huffman_table__codes_count_upwards),
        cmocka_unit_test(test_huffman_table__known_code_words),
        cmocka_unit_test(test_huffman_table__fast),
        cmocka_unit_test(test_huffman_table__long_classes),
        cmocka_unit_test(test_huffman__every_byte_alone),
        cmocka_unit_test(test_huffman__every_pair_of_bytes),
        cmocka_unit_test(test_huffman__empty),
        cmocka_unit_test(test_huffman__random_strings),
        cmocka_unit_test(test_huffman_write__in_parts),
        cmocka_unit_test(test_huffman_decode__rfc_examples),
        cmocka_unit_test(test_huffman_decode__padding),
        cmocka_unit_test(test_huffman_decode__refuses_eos),
        cmocka_unit_test(test_huffman_decode__any_input),
        cmocka_unit_test(test_huffman_bound__is_eight_fifths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
