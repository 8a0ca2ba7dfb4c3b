// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "codec/pb_utf8.h"

// utf8_is_valid asks about an exact copy, so that reading past it is noticed.
static bool utf8_is_valid(const uint8_t *text, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    bool is_valid = pb_utf8_is_valid(copy, size);
    free(copy);
    return is_valid;
}

// utf8_model decodes one code point after the other and judges its value.
static bool utf8_model(const uint8_t *text, size_t size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < size;) {
        uint8_t lead = text[i];
        size_t length = lead < 0x80             ? 1
                        : (lead & 0xe0) == 0xc0 ? 2
                        : (lead & 0xf0) == 0xe0 ? 3
                        : (lead & 0xf8) == 0xf0 ? 4
                                                : 0;
        if (length == 0 || size - i < length) {
            return false;
        }
        uint32_t point = length == 1 ? lead : lead & (0x7fU >> length);
        for (size_t k = 1; k < length; k++) {
            if ((text[i + k] & 0xc0) != 0x80) {
                return false;
            }
            point = point << 6 | (text[i + k] & 0x3f);
        }
        if (point < least[length] || point > 0x10ffff ||
            (point >= 0xd800 && point <= 0xdfff)) {
            return false;
        }
        i += length;
    }
    return true;
}

static void test_utf8__empty_text_is_valid(void **state)
{
    (void)state;
    assert_true(pb_utf8_is_valid(NULL, 0));
    assert_true(pb_utf8_is_valid("", 0));
}

static void test_utf8__nul_is_a_character(void **state)
{
    (void)state;
    assert_true(pb_utf8_is_valid("\0", 1));
    assert_true(pb_utf8_is_valid("a\0b", 3));
}

static void test_utf8__edges_of_every_length(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool is_valid;
    } cases[] = {
        {"7f", true},           {"80", false},
        {"bf", false},          {"c0 80", false},
        {"c1 bf", false},       {"c2 80", true},
        {"df bf", true},        {"c2", false},
        {"c2 7f", false},       {"c2 c0", false},
        {"e0 9f bf", false},    {"e0 a0 80", true},
        {"e0 a0", false},       {"ed 9f bf", true},
        {"ed a0 80", false},    {"ed bf bf", false},
        {"ee 80 80", true},     {"ef bf bf", true},
        {"ef bf", false},       {"f0 8f bf bf", false},
        {"f0 90 80 80", true},  {"f0 90 80", false},
        {"f4 8f bf bf", true},  {"f4 90 80 80", false},
        {"f5 80 80 80", false}, {"f8 88 80 80 80", false},
        {"fe", false},          {"ff", false},
        {"ef bb bf", true},     {"e2 82 ac e2 82 ac", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t text[16];
        size_t size = test_unhex(cases[i].hex, text, sizeof text);
        assert_int_equal(utf8_is_valid(text, size), cases[i].is_valid);
        assert_int_equal(utf8_model(text, size), cases[i].is_valid);
    }
}

static void test_utf8__every_pair_and_triple_agrees_with_the_model(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            uint8_t text[3] = {(uint8_t)a, (uint8_t)b, 0xbf};
            assert_int_equal(pb_utf8_is_valid((const char *)text, 2),
                             utf8_model(text, 2));
            assert_int_equal(pb_utf8_is_valid((const char *)text, 3),
                             utf8_model(text, 3));
            uint8_t four[4] = {(uint8_t)a, (uint8_t)b, 0x80, 0xbf};
            assert_int_equal(pb_utf8_is_valid((const char *)four, 4),
                             utf8_model(four, 4));
        }
    }
}

static void test_utf8__a_bad_byte_is_found_at_every_place(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 40; size++) {
        uint8_t text[40];
        memset(text, 'a', sizeof text);
        assert_true(utf8_is_valid(text, size));
        for (size_t at = 0; at < size; at++) {
            text[at] = 0x80;
            assert_false(utf8_is_valid(text, size));
            text[at] = 0xc3;
            assert_false(utf8_is_valid(text, size));
            if (at + 1 < size) {
                text[at + 1] = 0xa9;
                assert_true(utf8_is_valid(text, size));
                text[at + 1] = 'a';
            }
            text[at] = 'a';
        }
    }
}

static void test_utf8__random_text_agrees_with_the_model(void **state)
{
    (void)state;
    static const uint8_t alphabet[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90,
                                       0x9f, 0xa0, 0xbf, 0xc2, 0xdf, 0xe0,
                                       0xe2, 0xed, 0xef, 0xf0, 0xf3, 0xf4};
    uint64_t seed = 99;
    size_t valid = 0;
    for (int i = 0; i < 200000; i++) {
        uint8_t text[24];
        size_t size = test_random(&seed) % sizeof text;
        for (size_t k = 0; k < size; k++) {
            uint32_t pick = test_random(&seed);
            text[k] = pick % 3 == 0 ? alphabet[pick / 3 % sizeof alphabet]
                                    : (uint8_t)('a' + pick / 3 % 26);
        }
        bool expected = utf8_model(text, size);
        valid += expected;
        assert_int_equal(pb_utf8_is_valid((const char *)text, size), expected);
    }
    assert_true(valid > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8__empty_text_is_valid),
        cmocka_unit_test(test_utf8__nul_is_a_character),
        cmocka_unit_test(test_utf8__edges_of_every_length),
        cmocka_unit_test(
            test_utf8__every_pair_and_triple_agrees_with_the_model),
        cmocka_unit_test(test_utf8__a_bad_byte_is_found_at_every_place),
        cmocka_unit_test(test_utf8__random_text_agrees_with_the_model),
    };
    return cmocka_run_group_tests_name("pb_utf8", tests, NULL, NULL);
}
