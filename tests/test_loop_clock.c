// SPDX-License-Identifier: MIT

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include <time.h>

#include "loop/loop_clock.h"

static uint64_t clock_test_monotonic_us(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void test_clock__counts_monotonic_microseconds(void **state)
{
    (void)state;
    uint64_t before = clock_test_monotonic_us();
    uint64_t now = loop_clock_us();
    uint64_t after = clock_test_monotonic_us();
    assert_true(before <= now);
    assert_true(now <= after);
}

static void test_clock__never_goes_back(void **state)
{
    (void)state;
    uint64_t previous = loop_clock_us();
    for (int i = 0; i < 10000; i++) {
        uint64_t now = loop_clock_us();
        assert_true(now >= previous);
        previous = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock__counts_monotonic_microseconds),
        cmocka_unit_test(test_clock__never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
