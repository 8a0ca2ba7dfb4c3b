// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "base/endian.h"

static const uint8_t endian_test_bytes[] = {0x81, 0x92, 0xa3, 0xb4, 0xc5,
                                            0xd6, 0xe7, 0xf8, 0x09};

static void test_endian__big_endian_loads(void **state)
{
    (void)state;
    const uint8_t *p = endian_test_bytes;
    assert_int_equal(load_be16(p), 0x8192);
    assert_int_equal(load_be24(p), 0x8192a3);
    assert_true(load_be32(p) == UINT32_C(0x8192a3b4));
    assert_true(load_be64(p) == UINT64_C(0x8192a3b4c5d6e7f8));
    assert_int_equal(load_be16(p + 7), 0xf809);
    assert_true(load_be64(p + 1) == UINT64_C(0x92a3b4c5d6e7f809));
}

static void test_endian__little_endian_loads(void **state)
{
    (void)state;
    const uint8_t *p = endian_test_bytes;
    assert_true(load_le32(p) == UINT32_C(0xb4a39281));
    assert_true(load_le64(p) == UINT64_C(0xf8e7d6c5b4a39281));
    assert_true(load_le64(p + 1) == UINT64_C(0x09f8e7d6c5b4a392));
}

// endian_test_expect: the bytes at an odd address are as given, and those
// around them as they were.
static void endian_test_expect(const uint8_t buffer[10], const char *hex)
{
    uint8_t expected[8];
    size_t size = test_unhex(hex, expected, sizeof expected);
    assert_int_equal(buffer[0], 0xee);
    assert_memory_equal(buffer + 1, expected, size);
    for (size_t i = size + 1; i < 10; i++) {
        assert_int_equal(buffer[i], 0xee);
    }
}

static void test_endian__stores_write_their_bytes_alone(void **state)
{
    (void)state;
    uint8_t buffer[10];
    memset(buffer, 0xee, sizeof buffer);
    store_be16(buffer + 1, 0xfedc);
    endian_test_expect(buffer, "fedc");
    store_be24(buffer + 1, 0x80706050);
    endian_test_expect(buffer, "706050");
    store_be32(buffer + 1, UINT32_C(0xf1e2d3c4));
    endian_test_expect(buffer, "f1e2d3c4");
    store_le32(buffer + 1, UINT32_C(0xf1e2d3c4));
    endian_test_expect(buffer, "c4d3e2f1");
    store_be64(buffer + 1, UINT64_C(0xf1e2d3c4b5a69788));
    endian_test_expect(buffer, "f1e2d3c4b5a69788");
    store_le64(buffer + 1, UINT64_C(0xf1e2d3c4b5a69788));
    endian_test_expect(buffer, "8897a6b5c4d3e2f1");
}

static void test_endian__round_trips(void **state)
{
    (void)state;
    uint64_t seed = 1;
    uint8_t buffer[9];
    for (int i = 0; i < 1000; i++) {
        uint64_t value =
            (uint64_t)test_random(&seed) << 32 | test_random(&seed);
        uint8_t *p = buffer + i % 2;
        store_be64(p, value);
        assert_true(load_be64(p) == value);
        store_le64(p, value);
        assert_true(load_le64(p) == value);
        store_be32(p, (uint32_t)value);
        assert_true(load_be32(p) == (uint32_t)value);
        store_le32(p, (uint32_t)value);
        assert_true(load_le32(p) == (uint32_t)value);
        store_be24(p, (uint32_t)value);
        assert_true(load_be24(p) == ((uint32_t)value & 0xffffff));
        store_be16(p, (uint16_t)value);
        assert_int_equal(load_be16(p), (uint16_t)value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endian__big_endian_loads),
        cmocka_unit_test(test_endian__little_endian_loads),
        cmocka_unit_test(test_endian__stores_write_their_bytes_alone),
        cmocka_unit_test(test_endian__round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
