// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "hpack/hpack_integer.h"

static enum hpack_integer_state read_hex(const char *hex, unsigned prefix_bits,
                                         struct hpack_integer *out)
{
    uint8_t bytes[16];
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    return hpack_integer_read(view_of(bytes, size), prefix_bits, out);
}

static void check_read(const char *hex, unsigned prefix_bits, uint32_t value,
                       uint32_t size)
{
    struct hpack_integer integer = {0};
    assert_int_equal(read_hex(hex, prefix_bits, &integer), HPACK_INTEGER_WHOLE);
    assert_true(integer.value == value);
    assert_int_equal(integer.size, size);
}

static void test_integer_read__rfc_examples(void **state)
{
    (void)state;
    check_read("0a", 5, 10, 1);
    check_read("1f9a0a", 5, 1337, 3);
    check_read("2a", 8, 42, 1);
}

static void test_integer_read__ignores_the_bits_above_the_prefix(void **state)
{
    (void)state;
    check_read("ea", 5, 10, 1);
    check_read("ff9a0a", 5, 1337, 3);
}

static void test_integer_read__ends_of_the_prefix(void **state)
{
    (void)state;
    check_read("7e", 7, 126, 1);
    check_read("7f00", 7, 127, 2);
    check_read("0100", 1, 1, 2);
}

static void test_integer_read__bounds(void **state)
{
    (void)state;
    struct hpack_integer integer;
    // 2^32 - 1 with 4 prefix bits is 15 + 0xfffffff0.
    check_read("0ff0ffffff0f", 4, UINT32_MAX, 6);
    assert_int_equal(read_hex("0ff1ffffff0f", 4, &integer), HPACK_INTEGER_BAD);
    assert_int_equal(read_hex("0fffffffff7f", 4, &integer), HPACK_INTEGER_BAD);
    // Padding with zeros: up to five bytes behind the prefix.
    check_read("0f8080808000", 4, 15, 6);
    assert_int_equal(read_hex("0f808080808000", 4, &integer),
                     HPACK_INTEGER_BAD);
    assert_int_equal(read_hex("0f8080808080", 4, &integer), HPACK_INTEGER_BAD);
}

static void test_integer_read__cut(void **state)
{
    (void)state;
    struct hpack_integer integer;
    assert_int_equal(read_hex("", 7, &integer), HPACK_INTEGER_CUT);
    assert_int_equal(read_hex("7f", 7, &integer), HPACK_INTEGER_CUT);
    assert_int_equal(read_hex("7f80", 7, &integer), HPACK_INTEGER_CUT);
    assert_int_equal(read_hex("7f80808080", 7, &integer), HPACK_INTEGER_CUT);
}

static void check_round(uint32_t value, unsigned prefix_bits)
{
    uint8_t bytes[HPACK_INTEGER_MAX];
    uint8_t *end = hpack_integer_write(bytes, 0, prefix_bits, value);
    struct hpack_integer integer = {0};
    assert_true(end > bytes);
    assert_true(end <= bytes + sizeof bytes);
    size_t size = (size_t)(end - bytes);
    assert_int_equal(
        hpack_integer_read(view_of(bytes, size), prefix_bits, &integer),
        HPACK_INTEGER_WHOLE);
    assert_true(integer.value == value);
    assert_int_equal(integer.size, size);
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(
            hpack_integer_read(view_of(bytes, cut), prefix_bits, &integer),
            HPACK_INTEGER_CUT);
    }
}

static void test_integer_write__round_trip(void **state)
{
    (void)state;
    for (unsigned prefix_bits = 1; prefix_bits <= 8; prefix_bits++) {
        for (uint32_t value = 0; value < 70000; value++) {
            check_round(value, prefix_bits);
        }
        for (unsigned bit = 16; bit < 32; bit++) {
            check_round((UINT32_C(1) << bit) - 1, prefix_bits);
            check_round(UINT32_C(1) << bit, prefix_bits);
        }
        check_round(UINT32_MAX - 1, prefix_bits);
        check_round(UINT32_MAX, prefix_bits);
    }
}

static void test_integer_write__keeps_the_first_bits(void **state)
{
    (void)state;
    uint8_t bytes[HPACK_INTEGER_MAX];
    assert_ptr_equal(hpack_integer_write(bytes, 0xe0, 5, 1337), bytes + 3);
    assert_memory_equal(bytes, "\xff\x9a\x0a", 3);
    assert_ptr_equal(hpack_integer_write(bytes, 0x80, 7, 62), bytes + 1);
    assert_int_equal(bytes[0], 0xbe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integer_read__rfc_examples),
        cmocka_unit_test(test_integer_read__ignores_the_bits_above_the_prefix),
        cmocka_unit_test(test_integer_read__ends_of_the_prefix),
        cmocka_unit_test(test_integer_read__bounds),
        cmocka_unit_test(test_integer_read__cut),
        cmocka_unit_test(test_integer_write__round_trip),
        cmocka_unit_test(test_integer_write__keeps_the_first_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
