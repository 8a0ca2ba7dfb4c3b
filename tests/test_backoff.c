// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/backoff.h"

// Without jitter (the middle of the range) the delays are 1 s * 1.6^n.
static void test_backoff__grows(void **state)
{
    static const uint32_t delays[] = {
        1000,  1600,  2560,  4096,   6553,   10484,  16774,
        26838, 42940, 68704, 109926, 120000, 120000, 120000,
    };
    struct backoff backoff = {0};
    (void)state;
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        uint32_t delay = backoff_next(&backoff, UINT32_C(0x80000000));
        // Whole milliseconds are rounded down thrice.
        assert_in_range(delay, delays[i] - 3, delays[i]);
        assert_int_equal(backoff.base_ms, delays[i]);
    }
}

static void test_backoff__jitter(void **state)
{
    (void)state;
    // None on the first.
    struct backoff backoff = {0};
    assert_int_equal(backoff_next(&backoff, UINT32_MAX), 1000);
    backoff_reset(&backoff);
    assert_int_equal(backoff_next(&backoff, 0), 1000);
    // 20 % either way on the second.
    struct backoff low = backoff;
    assert_int_equal(backoff_next(&low, 0), 1280);
    struct backoff high = backoff;
    assert_int_equal(backoff_next(&high, UINT32_MAX), 1919);
    // And at the end.
    low.base_ms = 120000;
    high.base_ms = 120000;
    assert_int_equal(backoff_next(&low, 0), 96000);
    assert_int_equal(backoff_next(&high, UINT32_MAX), 143999);
    // The jitter of one does not add to that of the next.
    assert_int_equal(high.base_ms, 120000);
}

static void test_backoff__reset(void **state)
{
    struct backoff backoff = {0};
    (void)state;
    for (int i = 0; i < 5; i++) {
        (void)backoff_next(&backoff, 1);
    }
    backoff_reset(&backoff);
    assert_int_equal(backoff_next(&backoff, 99), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff__grows),
        cmocka_unit_test(test_backoff__jitter),
        cmocka_unit_test(test_backoff__reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
