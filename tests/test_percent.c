// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/percent.h"

static void percent_expect(const char *text, size_t size, const char *encoded)
{
    char out[256];
    size_t written = percent_encode(view_of(text, size), out, sizeof out);
    assert_int_equal(written, strlen(encoded));
    assert_memory_equal(out, encoded, written);
}

static void test_percent__encode(void **state)
{
    (void)state;
    percent_expect("", 0, "");
    percent_expect("plain text ~ 0", 14, "plain text ~ 0");
    percent_expect("100%", 4, "100%25");
    percent_expect("a\nb\r\t", 5, "a%0Ab%0D%09");
    percent_expect("\x7f\x1f\0", 3, "%7F%1F%00");
    percent_expect("\xc3\xa9", 2, "%C3%A9");
    percent_expect("\xe2\x82\xac", 3, "%E2%82%AC");
    percent_expect("\xf0\x9f\x98\x80", 4, "%F0%9F%98%80");
    percent_expect("\xf4\x8f\xbf\xbf", 4, "%F4%8F%BF%BF");
}

// Each byte that is part of no character becomes U+FFFD.
static void test_percent__encode_repairs(void **state)
{
    (void)state;
    percent_expect("\x80", 1, "%EF%BF%BD");
    percent_expect("a\xff"
                   "b",
                   3, "a%EF%BF%BDb");
    percent_expect("\xc3", 1, "%EF%BF%BD");
    percent_expect("\xc0\x80", 2, "%EF%BF%BD%EF%BF%BD");
    percent_expect("\xe0\x80\x80", 3, "%EF%BF%BD%EF%BF%BD%EF%BF%BD");
    percent_expect("\xed\xa0\x80", 3, "%EF%BF%BD%EF%BF%BD%EF%BF%BD");
    percent_expect("\xf4\x90\x80\x80", 4,
                   "%EF%BF%BD%EF%BF%BD%EF%BF%BD%EF%BF%BD");
    percent_expect("\xe2\x82", 2, "%EF%BF%BD%EF%BF%BD");
    percent_expect("\xe2\x82z", 3, "%EF%BF%BD%EF%BF%BDz");
}

// What does not fit is cut between characters, never within an escape.
static void test_percent__encode_cuts(void **state)
{
    static const char text[] = "a\xc3\xa9"
                               "b";
    static const char whole[] = "a%C3%A9b";
    (void)state;
    for (size_t max = 0; max <= 10; max++) {
        char out[16];
        memset(out, '#', sizeof out);
        size_t written = percent_encode(view_of(text, 4), out, max);
        size_t expected = max == 0 ? 0 : max < 7 ? 1 : max < 8 ? 7 : 8;
        assert_int_equal(written, expected);
        assert_memory_equal(out, whole, expected);
        assert_int_equal(out[written], '#');
    }
}

// A field's value neither begins nor ends with a space.
static void test_percent__encode_spaces_at_the_ends(void **state)
{
    static const char *const cut[] = {
        "", "", "", "%20", "%20a", "%20a", "%20a", "%20a  b", "%20a  b"};
    (void)state;
    percent_expect(" ", 1, "%20");
    percent_expect("  ", 2, "%20%20");
    percent_expect("   ", 3, "%20 %20");
    percent_expect(" a", 2, "%20a");
    percent_expect("a ", 2, "a%20");
    percent_expect("a  ", 3, "a %20");
    percent_expect(" a b ", 5, "%20a b%20");
    for (size_t max = 0; max <= 8; max++) {
        char out[16];
        memset(out, '#', sizeof out);
        size_t written = percent_encode(view_of(" a  b ", 6), out, max);
        assert_int_equal(written, strlen(cut[max]));
        assert_memory_equal(out, cut[max], written);
        for (size_t i = max; i < sizeof out; i++) {
            assert_int_equal(out[i], '#');
        }
    }
}

static void percent_expect_back(const char *encoded, const char *text,
                                size_t size)
{
    size_t encoded_size = strlen(encoded);
    // No byte behind the input is read, none behind the room written.
    char *in = malloc(encoded_size + (encoded_size == 0));
    char *out = malloc(encoded_size + (encoded_size == 0));
    assert_non_null(in);
    assert_non_null(out);
    memcpy(in, encoded, encoded_size);
    size_t written = percent_decode(view_of(in, encoded_size), out);
    assert_int_equal(written, size);
    assert_memory_equal(out, text, size);
    free(in);
    free(out);
}

static void test_percent__decode(void **state)
{
    (void)state;
    percent_expect_back("", "", 0);
    percent_expect_back("plain", "plain", 5);
    percent_expect_back("100%25", "100%", 4);
    percent_expect_back("a%0Ab%0d", "a\nb\r", 4);
    percent_expect_back("%e2%82%AC", "\xe2\x82\xac", 3);
    percent_expect_back("%00", "\0", 1);
    percent_expect_back("%2525", "%25", 3);
}

// An escape that is none stays as it is.
static void test_percent__decode_malformed(void **state)
{
    static const char *const texts[] = {"%",   "%4",  "%4g", "%g4", "% 41",
                                        "%%4", "a%",  "%-1", "%/0", "%:0",
                                        "%@0", "%G0", "%`0"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        percent_expect_back(texts[i], texts[i], strlen(texts[i]));
    }
    percent_expect_back("%%41", "%A", 2);
    percent_expect_back("%4%41", "%4A", 3);
}

static void test_percent__round_trip(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 0x110000; c += c < 0x1000 ? 1 : 97) {
        if (c >= 0xd800 && c < 0xe000) {
            continue;
        }
        uint8_t text[4];
        size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t i = 0; i < size; i++) {
            text[size - 1 - i] = (uint8_t)(0x80 | (c >> (6 * i) & 0x3f));
        }
        static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
        if (size == 1) {
            text[0] = (uint8_t)c;
        } else {
            text[0] = (uint8_t)(heads[size] | c >> (6 * (size - 1)));
        }
        char encoded[12];
        char back[12];
        size_t n = percent_encode(view_of(text, size), encoded, 12);
        for (size_t i = 0; i < n; i++) {
            assert_in_range(encoded[i], 0x20, 0x7e);
        }
        assert_int_equal(percent_decode(view_of(encoded, n), back), size);
        assert_memory_equal(back, text, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percent__encode),
        cmocka_unit_test(test_percent__encode_repairs),
        cmocka_unit_test(test_percent__encode_cuts),
        cmocka_unit_test(test_percent__encode_spaces_at_the_ends),
        cmocka_unit_test(test_percent__decode),
        cmocka_unit_test(test_percent__decode_malformed),
        cmocka_unit_test(test_percent__round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
