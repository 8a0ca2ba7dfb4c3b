// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/backoff.h"

// Without jitter (the middle of the range) the delays are 1 s * 1.6^n.
static void test_backoff__grows(void **state)
{
    const grpc_backoff defaults = backoff_resolve(&(grpc_backoff){0});
    static const uint32_t delays[] = {
        1000,  1600,  2560,  4096,   6553,   10484,  16774,
        26838, 42940, 68704, 109926, 120000, 120000, 120000,
    };
    struct backoff backoff = {0};
    (void)state;
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        uint32_t delay =
            backoff_next(&backoff, &defaults, UINT32_C(0x80000000));
        // Whole milliseconds are rounded down thrice.
        assert_in_range(delay, delays[i] - 3, delays[i]);
        assert_int_equal(backoff.base_ms, delays[i]);
    }
}

static void test_backoff__jitter(void **state)
{
    const grpc_backoff defaults = backoff_resolve(&(grpc_backoff){0});
    (void)state;
    // None on the first.
    struct backoff backoff = {0};
    assert_int_equal(backoff_next(&backoff, &defaults, UINT32_MAX), 1000);
    backoff_reset(&backoff);
    assert_int_equal(backoff_next(&backoff, &defaults, 0), 1000);
    // 20 % either way on the second.
    struct backoff low = backoff;
    assert_int_equal(backoff_next(&low, &defaults, 0), 1280);
    struct backoff high = backoff;
    assert_int_equal(backoff_next(&high, &defaults, UINT32_MAX), 1919);
    // And at the end.
    low.base_ms = 120000;
    high.base_ms = 120000;
    assert_int_equal(backoff_next(&low, &defaults, 0), 96000);
    assert_int_equal(backoff_next(&high, &defaults, UINT32_MAX), 143999);
    // The jitter of one does not add to that of the next.
    assert_int_equal(high.base_ms, 120000);
}

static void test_backoff__reset(void **state)
{
    const grpc_backoff defaults = backoff_resolve(&(grpc_backoff){0});
    struct backoff backoff = {0};
    (void)state;
    for (int i = 0; i < 5; i++) {
        (void)backoff_next(&backoff, &defaults, 1);
    }
    backoff_reset(&backoff);
    assert_int_equal(backoff_next(&backoff, &defaults, 99), 1000);
}

static void test_backoff__options(void **state)
{
    (void)state;
    const grpc_backoff own = backoff_resolve(&(grpc_backoff){
        .base_ms = 200,
        .max_ms = 1000,
        .multiplier_percent = 300,
        .jitter_percent = 50,
    });
    struct backoff backoff = {0};
    assert_int_equal(backoff_next(&backoff, &own, 0), 200);
    assert_int_equal(backoff_next(&backoff, &own, 0), 300);
    assert_int_equal(backoff_next(&backoff, &own, UINT32_MAX), 1499);
    assert_int_equal(backoff_next(&backoff, &own, UINT32_C(0x80000000)), 1000);
    // What makes no sense: a shrinking wait, more jitter than there is to wait,
    // a first wait above the longest.
    const grpc_backoff odd = backoff_resolve(&(grpc_backoff){
        .base_ms = 5000,
        .max_ms = 3000,
        .multiplier_percent = 50,
        .jitter_percent = 101,
    });
    backoff_reset(&backoff);
    assert_int_equal(backoff_next(&backoff, &odd, 0), 3000);
    assert_int_equal(backoff_next(&backoff, &odd, 0), 3000);
    assert_int_equal(backoff_next(&backoff, &odd, UINT32_MAX), 3000);
    // The largest numbers do not wrap.
    const grpc_backoff huge = backoff_resolve(&(grpc_backoff){
        .base_ms = UINT32_MAX,
        .max_ms = UINT32_MAX,
        .multiplier_percent = UINT32_MAX,
        .jitter_percent = 100,
    });
    backoff_reset(&backoff);
    assert_int_equal(backoff_next(&backoff, &huge, 0), UINT32_MAX);
    assert_int_equal(backoff_next(&backoff, &huge, UINT32_MAX), UINT32_MAX - 1);
    assert_int_equal(backoff_next(&backoff, &huge, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff__grows),
        cmocka_unit_test(test_backoff__jitter),
        cmocka_unit_test(test_backoff__reset),
        cmocka_unit_test(test_backoff__options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
