// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "core/flood.h"
#include "h2/h2_limits.h"

static struct flood flood;

static enum flood_answer count(uint32_t glitches, uint32_t resets,
                               uint64_t now_ms)
{
    return flood_count(&flood, h2_limits_default(), glitches, resets, now_ms);
}

static void begin(void)
{
    flood_init(&flood, h2_limits_default(), 0);
}

static void test_flood__a_burst_of_glitches_is_fine(void **state)
{
    (void)state;
    begin();
    assert_int_equal(count(H2_LIMIT_GLITCH_BURST - 1, 0, 0), FLOOD_FINE);
    assert_int_equal(count(1, 0, 0), FLOOD_DELAY);
}

// A thousandth of a second is less than a token; three are one, and nothing is
// lost on the way.
static void test_flood__tokens_come_back(void **state)
{
    (void)state;
    begin();
    assert_int_equal(count(H2_LIMIT_GLITCH_BURST - 1, 0, 0), FLOOD_FINE);
    for (uint64_t now_ms = 1; now_ms <= 1000; now_ms++) {
        assert_int_equal(count(0, 0, now_ms), FLOOD_FINE);
    }
    // Rounded in the peer's favour.
    assert_in_range(flood.tokens, H2_LIMIT_GLITCH_RATE,
                    H2_LIMIT_GLITCH_RATE * 102 / 100);
    // Never more than a burst.
    assert_int_equal(count(0, 0, 3600000), FLOOD_FINE);
    assert_int_equal(flood.tokens, H2_LIMIT_GLITCH_BURST);
}

// The allowed rate for ever is fine.
static void test_flood__the_rate_is_sustained(void **state)
{
    (void)state;
    begin();
    for (uint64_t second = 1; second < 1000; second++) {
        assert_int_equal(count(H2_LIMIT_GLITCH_RATE, 0, second * 1000),
                         FLOOD_FINE);
    }
}

// Debt is paid by waiting; as long as there is some, the delay goes on.
static void test_flood__debt_delays(void **state)
{
    (void)state;
    begin();
    assert_int_equal(count(H2_LIMIT_GLITCH_BURST + 330, 0, 0), FLOOD_DELAY);
    uint64_t now_ms = 0;
    uint32_t delays = 1;
    enum flood_answer answer = FLOOD_DELAY;
    while (answer == FLOOD_DELAY) {
        now_ms += H2_LIMIT_DELAY_MS;
        assert_true(now_ms < 100000);
        delays++;
        answer = flood_resume(&flood, h2_limits_default(), now_ms);
    }
    assert_int_equal(answer, FLOOD_FINE);
    assert_in_range(now_ms, 1000, 1200);
    assert_int_equal(flood.delays, delays - 1);
    assert_int_equal(count(1, 0, now_ms), FLOOD_FINE);
}

// One that goes on at once, with the few tokens that a delay has earned, does
// not begin anew: it ends when all delays are used up.
static void test_flood__a_moment_of_peace_forgives_nothing(void **state)
{
    (void)state;
    begin();
    assert_int_equal(count(H2_LIMIT_GLITCH_BURST, 0, 0), FLOOD_DELAY);
    uint64_t now_ms = 0;
    enum flood_answer answer = FLOOD_DELAY;
    while (answer == FLOOD_DELAY) {
        now_ms += H2_LIMIT_DELAY_MS;
        assert_true(now_ms < 100000);
        assert_int_equal(flood_resume(&flood, h2_limits_default(), now_ms),
                         FLOOD_FINE);
        answer = FLOOD_FINE;
        while (answer == FLOOD_FINE) {
            answer = count(1, 0, now_ms);
        }
    }
    assert_int_equal(answer, FLOOD_END);
    assert_int_equal(now_ms, H2_LIMIT_DELAYS * H2_LIMIT_DELAY_MS);
}

// Delays are forgotten after a pause as long as they were; a peer that meets
// the bound once a second does so for ever.
static void test_flood__delays_are_forgotten(void **state)
{
    (void)state;
    begin();
    assert_int_equal(count(H2_LIMIT_GLITCH_BURST, 0, 0), FLOOD_DELAY);
    for (uint64_t second = 1; second < 1000; second++) {
        assert_int_equal(
            flood_resume(&flood, h2_limits_default(), second * 1000),
            FLOOD_FINE);
        assert_int_equal(count((uint32_t)flood.tokens, 0, second * 1000),
                         FLOOD_DELAY);
        assert_int_equal(flood.delays, 1);
    }
    uint64_t now_ms = 999000;
    for (uint32_t i = 2; i <= 50; i++) {
        now_ms += H2_LIMIT_DELAY_MS;
        assert_int_equal(count((uint32_t)flood.tokens + 1000, 0, now_ms),
                         FLOOD_DELAY);
        assert_int_equal(flood.delays, i);
    }
    // Not in less than five seconds.
    now_ms += 50 * H2_LIMIT_DELAY_MS;
    assert_int_equal(count(50000, 0, now_ms), FLOOD_DELAY);
    assert_int_equal(flood.delays, 51);
    now_ms += 52 * H2_LIMIT_DELAY_MS;
    assert_int_equal(count(1, 0, now_ms), FLOOD_DELAY);
    assert_int_equal(flood.delays, 1);
}

static void test_flood__endless_debt_ends(void **state)
{
    (void)state;
    begin();
    assert_int_equal(count(H2_LIMIT_GLITCH_BURST + 10000, 0, 0), FLOOD_DELAY);
    uint64_t now_ms = 0;
    enum flood_answer answer = FLOOD_DELAY;
    while (answer == FLOOD_DELAY) {
        now_ms += H2_LIMIT_DELAY_MS;
        assert_true(now_ms < 100000);
        answer = flood_resume(&flood, h2_limits_default(), now_ms);
    }
    assert_int_equal(answer, FLOOD_END);
    assert_int_equal(now_ms, H2_LIMIT_DELAYS * H2_LIMIT_DELAY_MS);
    // A count that is too large for a number does not wrap.
    begin();
    assert_int_equal(count(UINT32_MAX, 0, 0), FLOOD_DELAY);
    assert_int_equal(count(UINT32_MAX, 0, 0), FLOOD_DELAY);
    assert_true(flood.tokens < 0);
}

static void test_flood__resets_are_paid_by_streams_that_end_well(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(count(0, 1, 0), FLOOD_FINE);
        flood_ended_well(&flood, h2_limits_default());
    }
    assert_int_equal(flood.budget, H2_LIMIT_RESET_BUDGET);
    flood_ended_well(&flood, h2_limits_default());
    assert_int_equal(flood.budget, H2_LIMIT_RESET_BUDGET);
}

static void test_flood__early_resets_delay_then_end(void **state)
{
    (void)state;
    begin();
    for (int i = 1; i < H2_LIMIT_RESET_BUDGET; i++) {
        assert_int_equal(count(0, 1, 0), FLOOD_FINE);
    }
    assert_int_equal(count(0, 1, 0), FLOOD_DELAY);
    // A delay is for the reset: without another one it is over.
    assert_int_equal(flood_resume(&flood, h2_limits_default(), 100),
                     FLOOD_FINE);
    assert_int_equal(count(1, 0, 100), FLOOD_FINE);
    // Each costs a delay; a hundred in a row are too many.
    for (int i = 1; i < H2_LIMIT_DELAYS; i++) {
        assert_int_equal(count(0, 1, 100), FLOOD_DELAY);
    }
    assert_int_equal(count(0, 1, 100), FLOOD_END);
}

// Many at once, in one read.
static void test_flood__debt_of_resets_ends(void **state)
{
    (void)state;
    begin();
    uint32_t most = H2_LIMIT_RESET_BUDGET * (1 + H2_LIMIT_RESET_DEBT);
    assert_int_equal(count(0, most - 1, 0), FLOOD_DELAY);
    assert_int_equal(count(0, 1, 0), FLOOD_END);
}

// The 32 bits of time wrap after 49 days: a rest that long earns a burst or
// less, never debt.
static void test_flood__time_wraps(void **state)
{
    (void)state;
    flood_init(&flood, h2_limits_default(), UINT32_MAX - 500);
    assert_int_equal(count(9999, 0, UINT32_MAX - 500), FLOOD_FINE);
    assert_int_equal(count(0, 0, (uint64_t)UINT32_MAX + 500), FLOOD_FINE);
    assert_in_range(flood.tokens, 330, 332);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flood__a_burst_of_glitches_is_fine),
        cmocka_unit_test(test_flood__tokens_come_back),
        cmocka_unit_test(test_flood__the_rate_is_sustained),
        cmocka_unit_test(test_flood__debt_delays),
        cmocka_unit_test(test_flood__a_moment_of_peace_forgives_nothing),
        cmocka_unit_test(test_flood__delays_are_forgotten),
        cmocka_unit_test(test_flood__endless_debt_ends),
        cmocka_unit_test(test_flood__resets_are_paid_by_streams_that_end_well),
        cmocka_unit_test(test_flood__early_resets_delay_then_end),
        cmocka_unit_test(test_flood__debt_of_resets_ends),
        cmocka_unit_test(test_flood__time_wraps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
