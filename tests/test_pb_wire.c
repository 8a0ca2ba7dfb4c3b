// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "codec/pb_wire.h"

struct wire_case {
    uint64_t value;
    const char *hex;
};

static const struct wire_case wire_cases[] = {
    {0, "00"},
    {1, "01"},
    {127, "7f"},
    {128, "80 01"},
    {300, "ac 02"},
    {16383, "ff 7f"},
    {16384, "80 80 01"},
    {2097151, "ff ff 7f"},
    {2097152, "80 80 80 01"},
    {268435455, "ff ff ff 7f"},
    {268435456, "80 80 80 80 01"},
    {UINT32_MAX, "ff ff ff ff 0f"},
    {(UINT64_C(1) << 35) - 1, "ff ff ff ff 7f"},
    {UINT64_C(1) << 35, "80 80 80 80 80 01"},
    {(UINT64_C(1) << 42) - 1, "ff ff ff ff ff 7f"},
    {UINT64_C(1) << 42, "80 80 80 80 80 80 01"},
    {(UINT64_C(1) << 49) - 1, "ff ff ff ff ff ff 7f"},
    {UINT64_C(1) << 49, "80 80 80 80 80 80 80 01"},
    {(UINT64_C(1) << 56) - 1, "ff ff ff ff ff ff ff 7f"},
    {UINT64_C(1) << 56, "80 80 80 80 80 80 80 80 01"},
    {(UINT64_C(1) << 63) - 1, "ff ff ff ff ff ff ff ff 7f"},
    {UINT64_C(1) << 63, "80 80 80 80 80 80 80 80 80 01"},
    {UINT64_MAX, "ff ff ff ff ff ff ff ff ff 01"},
    {UINT64_C(0x0123456789abcdef), "ef 9b af cd f8 ac d1 91 01"},
    {UINT64_C(0x00fedcba98765432), "b2 a8 d9 c3 a9 97 b7 7f"},
};

enum { WIRE_CASES = sizeof wire_cases / sizeof wire_cases[0] };

// wire_copy is exactly size bytes on the heap, so that reading past the end is
// noticed.
static uint8_t *wire_copy(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

static void test_varint__is_written_in_its_shortest_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < WIRE_CASES; i++) {
        uint8_t expected[16];
        size_t size = test_unhex(wire_cases[i].hex, expected, sizeof expected);
        unsigned char room[16];
        memset(room, 0xee, sizeof room);
        unsigned char *end = room + sizeof room - 2;
        unsigned char *p = pb_put_varint(end, wire_cases[i].value);
        assert_int_equal(end - p, size);
        assert_memory_equal(p, expected, size);
        assert_int_equal(end[0], 0xee);
        assert_int_equal(room[3], 0xee);
    }
}

static void test_varint__is_read_whole_and_on_no_shorter_input(void **state)
{
    (void)state;
    for (size_t i = 0; i < WIRE_CASES; i++) {
        uint8_t bytes[16];
        size_t size = test_unhex(wire_cases[i].hex, bytes, sizeof bytes);
        for (size_t cut = 0; cut <= size; cut++) {
            uint8_t *copy = wire_copy(bytes, cut);
            uint64_t value = 77;
            const uint8_t *p = pb_get_varint(copy, copy + cut, &value);
            if (cut < size) {
                assert_null(p);
                assert_int_equal(value, 77);
            } else {
                assert_ptr_equal(p, copy + size);
                assert_true(value == wire_cases[i].value);
            }
            free(copy);
        }
    }
}

static void test_varint__random_values_survive(void **state)
{
    (void)state;
    uint64_t seed = 4711;
    for (int i = 0; i < 100000; i++) {
        uint64_t value = (uint64_t)test_random(&seed) << 32;
        value |= test_random(&seed);
        value >>= test_random(&seed) % 64;
        unsigned char room[16];
        unsigned char *end = room + sizeof room;
        unsigned char *p = pb_put_varint(end, value);
        uint64_t back;
        assert_ptr_equal(pb_get_varint(p, end, &back), end);
        assert_true(back == value);
        // The last byte of the shortest form is not zero.
        assert_true(end[-1] != 0 || value == 0);
    }
}

static bool wire_get(const char *hex, uint64_t *out, size_t *out_used)
{
    uint8_t bytes[24];
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    const uint8_t *p = pb_get_varint(bytes, bytes + size, out);
    *out_used = p == NULL ? 0 : (size_t)(p - bytes);
    return p != NULL;
}

static void test_varint__may_be_longer_than_needed_up_to_ten_bytes(void **state)
{
    (void)state;
    uint64_t value;
    size_t used;
    assert_true(wire_get("81 00", &value, &used));
    assert_int_equal(value, 1);
    assert_int_equal(used, 2);
    assert_true(wire_get("81 80 80 80 80 80 80 80 80 00 55", &value, &used));
    assert_int_equal(value, 1);
    assert_int_equal(used, 10);
    assert_false(wire_get("81 80 80 80 80 80 80 80 80 80 00", &value, &used));
    assert_false(wire_get("ff ff ff ff ff ff ff ff ff ff 01", &value, &used));
}

static void test_varint__drops_bits_above_the_64th(void **state)
{
    (void)state;
    uint64_t value;
    size_t used;
    assert_true(wire_get("80 80 80 80 80 80 80 80 80 7f", &value, &used));
    assert_true(value == UINT64_C(1) << 63);
}

static bool wire_tag(const char *hex, uint32_t *out)
{
    uint8_t bytes[24];
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    uint8_t *copy = wire_copy(bytes, size);
    const uint8_t *p = pb_get_tag(copy, copy + size, out);
    bool is_read = p != NULL;
    assert_true(p == NULL || p == copy + size);
    free(copy);
    return is_read;
}

static void test_tag__has_number_and_wire_type(void **state)
{
    (void)state;
    uint32_t tag;
    assert_true(wire_tag("0a", &tag));
    assert_int_equal(pb_tag_number(tag), 1);
    assert_int_equal(pb_tag_wire(tag), PB_WIRE_LENGTH);
    assert_int_equal(tag, pb_tag(1, PB_WIRE_LENGTH));
    assert_true(wire_tag("7d", &tag));
    assert_int_equal(pb_tag_number(tag), 15);
    assert_int_equal(pb_tag_wire(tag), PB_WIRE_FIXED32);
    assert_true(wire_tag("80 01", &tag));
    assert_int_equal(pb_tag_number(tag), 16);
    assert_int_equal(pb_tag_wire(tag), PB_WIRE_VARINT);
    assert_true(wire_tag("f8 ff ff ff 0f", &tag));
    assert_int_equal(pb_tag_number(tag), 536870911);
    assert_true(wire_tag("88 80 80 80 00", &tag));
    assert_int_equal(tag, 8);
}

static void test_tag__out_of_range_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00",
        "07",
        "80 00",
        "82 80 80 80 00",
        "80",
        "f8 ff ff ff",
        "f8 ff ff ff 1f",
        "f8 ff ff ff 7f",
        "88 80 80 80 80 00",
        "88 80 80 80 80 01",
        "ff ff ff ff ff ff ff ff ff 01",
        "ff ff ff ff ff ff ff ff ff ff 01",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint32_t tag;
        assert_false(wire_tag(bad[i], &tag));
    }
}

static void test_length__stays_within_the_input(void **state)
{
    (void)state;
    const uint8_t three[] = {0x03, 1, 2, 3};
    size_t size;
    assert_ptr_equal(pb_get_length(three, three + 4, &size), three + 1);
    assert_int_equal(size, 3);
    assert_null(pb_get_length(three, three + 3, &size));
    assert_null(pb_get_length(three, three, &size));
    const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                            0xff, 0xff, 0xff, 0xff, 0x01};
    assert_null(pb_get_length(huge, huge + sizeof huge, &size));
    // A length of 2^32 is not one of 0 where size_t has 32 bits.
    const uint8_t wraps[] = {0x80, 0x80, 0x80, 0x80, 0x10};
    assert_null(pb_get_length(wraps, wraps + sizeof wraps, &size));
}

static void test_zigzag__maps_small_magnitudes_to_small_numbers(void **state)
{
    (void)state;
    static const struct {
        int64_t plain;
        uint64_t zigzag;
    } cases[] = {
        {0, 0},
        {-1, 1},
        {1, 2},
        {-2, 3},
        {INT32_MAX, 4294967294U},
        {INT32_MIN, 4294967295U},
        {INT64_MAX, UINT64_MAX - 1},
        {INT64_MIN, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t plain = (uint64_t)cases[i].plain;
        assert_true(pb_zigzag64(plain) == cases[i].zigzag);
        assert_true(pb_unzigzag64(cases[i].zigzag) == plain);
        if (cases[i].zigzag <= UINT32_MAX) {
            assert_int_equal(pb_zigzag32((uint32_t)plain), cases[i].zigzag);
            assert_int_equal(pb_unzigzag32((uint32_t)cases[i].zigzag),
                             (uint32_t)plain);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varint__is_written_in_its_shortest_form),
        cmocka_unit_test(test_varint__is_read_whole_and_on_no_shorter_input),
        cmocka_unit_test(test_varint__random_values_survive),
        cmocka_unit_test(
            test_varint__may_be_longer_than_needed_up_to_ten_bytes),
        cmocka_unit_test(test_varint__drops_bits_above_the_64th),
        cmocka_unit_test(test_tag__has_number_and_wire_type),
        cmocka_unit_test(test_tag__out_of_range_is_refused),
        cmocka_unit_test(test_length__stays_within_the_input),
        cmocka_unit_test(test_zigzag__maps_small_magnitudes_to_small_numbers),
    };
    return cmocka_run_group_tests_name("pb_wire", tests, NULL, NULL);
}
