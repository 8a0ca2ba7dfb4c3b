// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/timeout.h"

static void test_timeout__parse(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } rows[] = {
        {"1H", 3600000},
        {"2M", 120000},
        {"3S", 3000},
        {"4m", 4},
        {"0m", 0},
        {"0n", 0},
        {"0H", 0},
        {"1n", 1},
        {"1000000n", 1},
        {"1000001n", 2},
        {"1u", 1},
        {"1000u", 1},
        {"1001u", 2},
        {"99999999n", 100},
        {"99999999u", 100000},
        {"99999999m", 99999999},
        {"99999999S", UINT64_C(99999999000)},
        {"99999999M", UINT64_C(5999999940000)},
        {"99999999H", UINT64_C(359999996400000)},
        {"00000001S", 1000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t ms = 12345;
        assert_true(
            timeout_parse(view_of(rows[i].text, strlen(rows[i].text)), &ms));
        assert_true(ms == rows[i].ms);
    }
}

static void test_timeout__malformed(void **state)
{
    static const char *const texts[] = {
        "",    "m",   "1",    "100000000m", "1h",  "1s",       "1 m", " 1m",
        "1m ", "-1m", "+1m",  "1.m",        "1mm", "m1",       "1N",  "1U",
        "/m",  ":m",  "0x1m", "1e3m",       "1",   "12345678", "1m\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint64_t ms = 12345;
        assert_false(timeout_parse(view_of(texts[i], strlen(texts[i])), &ms));
        assert_true(ms == 12345);
    }
}

static void test_timeout__format(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = {
        {0, "0m"},
        {1, "1m"},
        {50, "50m"},
        {1000, "1000m"},
        {99999999, "99999999m"},
        {100000000, "100000S"},
        {100000001, "100001S"}, // up, never down
        {UINT64_C(99999999000), "99999999S"},
        {UINT64_C(99999999001), "1666667M"},
        {UINT64_C(5999999940000), "99999999M"},
        {UINT64_C(5999999940001), "1666667H"},
        {UINT64_C(359999996400000), "99999999H"},
        {UINT64_C(359999996400001), "99999999H"},
        {UINT64_MAX, "99999999H"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[TIMEOUT_TEXT];
        memset(text, 'x', sizeof text);
        assert_int_equal(timeout_format(rows[i].ms, text),
                         strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

// What is written reads back as the same time or, where the unit is coarse, a
// later one by less than that unit.
static void test_timeout__round_trip(void **state)
{
    uint64_t seed = 7;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint64_t ms =
            ((uint64_t)test_random(&seed) << 16 ^ test_random(&seed)) >>
            test_random(&seed) % 48;
        char text[TIMEOUT_TEXT];
        size_t size = timeout_format(ms, text);
        uint64_t back = 0;
        assert_true(size <= 9);
        assert_true(timeout_parse(view_of(text, size), &back));
        assert_true(back >= ms || ms > UINT64_C(359999996400000));
        assert_true(back - ms < 3600000);
        assert_true(ms > 99999999 || back == ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeout__parse),
        cmocka_unit_test(test_timeout__malformed),
        cmocka_unit_test(test_timeout__format),
        cmocka_unit_test(test_timeout__round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
