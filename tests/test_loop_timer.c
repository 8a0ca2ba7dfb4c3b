// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "loop/loop_timer.h"

enum {
    TIMER_TEST_MANY = 10000,
    TIMER_TEST_MODEL = 64, // timers of the model
};

static void test_timer__zero_is_not_armed(void **state)
{
    (void)state;
    struct loop_wheel wheel;
    struct loop_timer timer = {.kind = 7};
    loop_wheel_init(&wheel, 1000);
    assert_false(loop_timer_is_armed(&timer));
    loop_wheel_disarm(&wheel, &timer);
    assert_int_equal(wheel.work, 0);
    assert_true(loop_wheel_next_ms(&wheel) == UINT64_MAX);
    loop_wheel_advance(&wheel, UINT64_MAX);
    assert_null(loop_wheel_take(&wheel));
    assert_int_equal(timer.kind, 7);
}

// timer_test_walk tells the wheel every time it asks for, and returns when the
// timer came out. It may be told too early, never too late.
static uint64_t timer_test_walk(struct loop_wheel *wheel,
                                struct loop_timer *timer, int *out_steps)
{
    for (*out_steps = 1;; ++*out_steps) {
        uint64_t next = loop_wheel_next_ms(wheel);
        assert_true(next <= timer->due_ms);
        loop_wheel_advance(wheel, next);
        loop_wheel_check(wheel);
        struct loop_timer *due = loop_wheel_take(wheel);
        if (due != NULL) {
            assert_ptr_equal(due, timer);
            assert_false(loop_timer_is_armed(timer));
            return next;
        }
        assert_true(loop_timer_is_armed(timer));
    }
}

static void test_timer__is_due_exactly_at_any_distance(void **state)
{
    (void)state;
    static const uint64_t starts[] = {
        0,
        1,
        31,
        32,
        1023,
        1000000007,
        (1u << 25) - 1,
        UINT64_MAX - 100000,
        UINT64_C(1) << 40,
    };
    for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++) {
        for (int bit = 0; bit < 64; bit++) {
            for (uint64_t more = 0; more < 3; more++) {
                uint64_t delay = (UINT64_C(1) << bit) - 1 + more;
                if (delay == 0 || delay > UINT64_MAX - 1 - starts[s]) {
                    continue;
                }
                struct loop_wheel wheel;
                struct loop_timer timer = {0};
                int steps;
                loop_wheel_init(&wheel, starts[s]);
                loop_wheel_arm(&wheel, &timer, starts[s] + delay);
                loop_wheel_check(&wheel);
                assert_true(timer_test_walk(&wheel, &timer, &steps) ==
                            starts[s] + delay);
                assert_true(steps <= WHEEL_LEVELS + 1);
                assert_true(wheel.work <= 2 * (WHEEL_LEVELS + 2));
            }
        }
    }
}

static void test_timer__is_due_after_a_jump_over_it(void **state)
{
    (void)state;
    static const uint64_t delays[] = {
        1, 31, 32, 33, 1024, 1 << 20, 123456789, UINT64_C(1) << 33,
    };
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        struct loop_wheel wheel;
        struct loop_timer timer = {0};
        loop_wheel_init(&wheel, 12345);
        loop_wheel_arm(&wheel, &timer, 12345 + delays[i]);
        loop_wheel_advance(&wheel, 12345 + delays[i] - 1);
        loop_wheel_check(&wheel);
        assert_null(loop_wheel_take(&wheel));
        loop_wheel_advance(&wheel, UINT64_C(1) << 50);
        loop_wheel_check(&wheel);
        assert_ptr_equal(loop_wheel_take(&wheel), &timer);
        assert_null(loop_wheel_take(&wheel));
    }
}

static void test_timer__late_ones_come_with_the_next_advance(void **state)
{
    (void)state;
    struct loop_wheel wheel;
    struct loop_timer now = {0};
    struct loop_timer past = {0};
    loop_wheel_init(&wheel, 500);
    loop_wheel_arm(&wheel, &now, 500);
    loop_wheel_arm(&wheel, &past, 3);
    assert_null(loop_wheel_take(&wheel));
    assert_false(loop_wheel_has_due(&wheel));
    assert_int_equal(loop_wheel_next_ms(&wheel), 500);
    loop_wheel_advance(&wheel, 500);
    loop_wheel_check(&wheel);
    assert_true(loop_wheel_has_due(&wheel));
    assert_ptr_equal(loop_wheel_take(&wheel), &now);
    // Armed again at once, it does not come again at once.
    loop_wheel_arm(&wheel, &now, 500);
    assert_ptr_equal(loop_wheel_take(&wheel), &past);
    assert_null(loop_wheel_take(&wheel));
    loop_wheel_advance(&wheel, 500);
    assert_ptr_equal(loop_wheel_take(&wheel), &now);
    assert_true(loop_wheel_next_ms(&wheel) == UINT64_MAX);
}

static void test_timer__time_does_not_go_back(void **state)
{
    (void)state;
    struct loop_wheel wheel;
    struct loop_timer timer = {0};
    loop_wheel_init(&wheel, 500);
    loop_wheel_arm(&wheel, &timer, 510);
    loop_wheel_advance(&wheel, 505);
    loop_wheel_advance(&wheel, 20);
    loop_wheel_check(&wheel);
    assert_int_equal(wheel.now_ms, 505);
    assert_null(loop_wheel_take(&wheel));
    loop_wheel_advance(&wheel, 510);
    assert_ptr_equal(loop_wheel_take(&wheel), &timer);
}

static void test_timer__disarmed_ones_do_not_come(void **state)
{
    (void)state;
    // One in every kind of place: each level, far, late, due.
    static const uint64_t dues[] = {
        1010, 1100, 3000, 50000, 2000000, UINT64_C(1) << 40, 900, 1001,
    };
    enum { COUNT = sizeof dues / sizeof dues[0] };
    struct loop_wheel wheel;
    struct loop_timer timers[COUNT];
    memset(timers, 0, sizeof timers);
    loop_wheel_init(&wheel, 1000);
    loop_wheel_arm(&wheel, &timers[COUNT - 1], dues[COUNT - 1]);
    loop_wheel_advance(&wheel, 1001);
    for (int i = 0; i < COUNT - 1; i++) {
        loop_wheel_arm(&wheel, &timers[i], dues[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        assert_true(loop_timer_is_armed(&timers[i]));
        loop_wheel_check(&wheel);
        loop_wheel_disarm(&wheel, &timers[i]);
        loop_wheel_check(&wheel);
        assert_false(loop_timer_is_armed(&timers[i]));
    }
    assert_true(loop_wheel_next_ms(&wheel) == UINT64_MAX);
    loop_wheel_advance(&wheel, UINT64_C(1) << 41);
    assert_null(loop_wheel_take(&wheel));
}

static void test_timer__moved_ones_come_at_their_new_time(void **state)
{
    (void)state;
    struct loop_wheel wheel;
    struct loop_timer timer = {0};
    int steps;
    loop_wheel_init(&wheel, 0);
    for (uint64_t due = 1; due < UINT64_C(1) << 40; due *= 3) {
        loop_wheel_arm(&wheel, &timer, due);
        loop_wheel_check(&wheel);
    }
    loop_wheel_arm(&wheel, &timer, 77);
    assert_int_equal(timer_test_walk(&wheel, &timer, &steps), 77);
    assert_true(loop_wheel_next_ms(&wheel) == UINT64_MAX);
}

static void test_timer__equal_times_keep_the_order_of_arming(void **state)
{
    (void)state;
    struct loop_wheel wheel;
    struct loop_timer timers[6];
    memset(timers, 0, sizeof timers);
    loop_wheel_init(&wheel, 0);
    // The same time seen from three distances, so from three levels.
    loop_wheel_arm(&wheel, &timers[0], 5000);
    loop_wheel_arm(&wheel, &timers[1], 5000);
    loop_wheel_advance(&wheel, 4500);
    loop_wheel_arm(&wheel, &timers[2], 5000);
    loop_wheel_arm(&wheel, &timers[3], 5000);
    loop_wheel_advance(&wheel, 4995);
    loop_wheel_arm(&wheel, &timers[4], 5000);
    loop_wheel_arm(&wheel, &timers[5], 4999);
    loop_wheel_advance(&wheel, 6000);
    assert_ptr_equal(loop_wheel_take(&wheel), &timers[5]);
    for (int i = 0; i < 5; i++) {
        assert_ptr_equal(loop_wheel_take(&wheel), &timers[i]);
    }
    assert_null(loop_wheel_take(&wheel));
}

static void test_timer__never_asks_for_no_time(void **state)
{
    (void)state;
    struct loop_wheel wheel;
    struct loop_timer never = {0};
    struct loop_timer timer = {0};
    int steps;
    loop_wheel_init(&wheel, 0);
    loop_wheel_arm(&wheel, &never, UINT64_MAX);
    assert_true(loop_wheel_next_ms(&wheel) == UINT64_MAX);
    loop_wheel_arm(&wheel, &timer, UINT64_C(1) << 30);
    assert_true(timer_test_walk(&wheel, &timer, &steps) == 1 << 30);
    loop_wheel_advance(&wheel, UINT64_C(1) << 62);
    loop_wheel_check(&wheel);
    assert_null(loop_wheel_take(&wheel));
    assert_true(loop_timer_is_armed(&never));
    loop_wheel_disarm(&wheel, &never);
}

static void test_timer__far_ones_after_the_nearest_is_disarmed(void **state)
{
    (void)state;
    const uint64_t span = UINT64_C(1) << (WHEEL_BITS * WHEEL_LEVELS);
    struct loop_wheel wheel;
    struct loop_timer near = {0};
    struct loop_timer far = {0};
    loop_wheel_init(&wheel, 0);
    loop_wheel_arm(&wheel, &near, 2 * span + 5);
    loop_wheel_arm(&wheel, &far, 9 * span + 5);
    loop_wheel_disarm(&wheel, &near);
    loop_wheel_advance(&wheel, 3 * span);
    loop_wheel_check(&wheel);
    loop_wheel_arm(&wheel, &near, 7 * span);
    loop_wheel_check(&wheel);
    loop_wheel_disarm(&wheel, &far);
    loop_wheel_disarm(&wheel, &near);
    // A new one does not inherit the bound of those that are gone.
    loop_wheel_advance(&wheel, 8 * span);
    loop_wheel_arm(&wheel, &far, 11 * span + 1);
    loop_wheel_check(&wheel);
    assert_true(loop_wheel_next_ms(&wheel) == 11 * span);
    loop_wheel_advance(&wheel, 11 * span + 1);
    assert_ptr_equal(loop_wheel_take(&wheel), &far);
}

// timer_test_cost is the work of arming, moving and disarming one timer and of
// a turn, in a wheel that has count others.
static uint64_t timer_test_cost(size_t count)
{
    static struct loop_timer others[TIMER_TEST_MANY];
    struct loop_wheel wheel;
    struct loop_timer timer = {0};
    uint64_t seed = 5;
    memset(others, 0, sizeof others);
    loop_wheel_init(&wheel, 1024);
    for (size_t i = 0; i < count; i++) {
        loop_wheel_arm(&wheel, &others[i], 30000 + test_random(&seed) % 900000);
    }
    assert_int_equal(wheel.work, count);
    uint64_t cost = wheel.work;
    loop_wheel_arm(&wheel, &timer, 5000);
    loop_wheel_arm(&wheel, &timer, 700000);
    loop_wheel_disarm(&wheel, &timer);
    (void)loop_wheel_next_ms(&wheel);
    loop_wheel_advance(&wheel, 1030);
    loop_wheel_arm(&wheel, &timer, 1031);
    loop_wheel_advance(&wheel, 1031);
    assert_ptr_equal(loop_wheel_take(&wheel), &timer);
    return wheel.work - cost;
}

static void test_timer__ten_thousand_cost_no_more_than_one(void **state)
{
    (void)state;
    uint64_t alone = timer_test_cost(0);
    assert_int_equal(alone, 7);
    assert_int_equal(timer_test_cost(1), alone);
    assert_int_equal(timer_test_cost(TIMER_TEST_MANY), alone);
}

static void test_timer__life_of_many_costs_a_few_moves_each(void **state)
{
    (void)state;
    static struct loop_timer timers[TIMER_TEST_MANY];
    struct loop_wheel wheel;
    uint64_t seed = 9;
    memset(timers, 0, sizeof timers);
    loop_wheel_init(&wheel, 0);
    for (int i = 0; i < TIMER_TEST_MANY; i++) {
        loop_wheel_arm(&wheel, &timers[i], 1 + test_random(&seed) % 3600000);
    }
    uint64_t previous = 0;
    int given = 0;
    while (given < TIMER_TEST_MANY) {
        loop_wheel_advance(&wheel, wheel.now_ms + 1000);
        struct loop_timer *timer;
        while ((timer = loop_wheel_take(&wheel)) != NULL) {
            assert_true(timer->due_ms >= previous);
            previous = timer->due_ms;
            given++;
        }
    }
    // One link for arming, and a link and an opened slot per level at most.
    assert_true(wheel.work <= UINT64_C(11) * TIMER_TEST_MANY);
}

// The model: timers with their times and the order in which they were armed;
// the next one is found by looking at all of them.
struct timer_test_model {
    struct loop_wheel wheel;
    struct loop_timer timers[TIMER_TEST_MODEL];
    bool armed[TIMER_TEST_MODEL];
    bool late[TIMER_TEST_MODEL]; // when it was armed, and no advance since
    bool ready[TIMER_TEST_MODEL];
    uint64_t due[TIMER_TEST_MODEL];
    uint64_t order[TIMER_TEST_MODEL]; // of arming; of becoming due
    uint64_t counter;
};

static uint64_t timer_test_delay(uint64_t *seed)
{
    uint64_t wide = (uint64_t)test_random(seed) << 32 | test_random(seed);
    return wide >> (24 + test_random(seed) % 40);
}

static void timer_test_model_arm(struct timer_test_model *model, uint64_t *seed)
{
    size_t i = test_random(seed) % TIMER_TEST_MODEL;
    uint64_t now = model->wheel.now_ms;
    uint64_t delay = timer_test_delay(seed);
    uint64_t due = test_random(seed) % 8 != 0 ? now + delay
                   : delay < now              ? now - delay
                                              : now;
    loop_wheel_arm(&model->wheel, &model->timers[i], due);
    model->armed[i] = true;
    model->ready[i] = false;
    model->late[i] = due <= now;
    model->due[i] = due;
    model->order[i] = ++model->counter;
}

static void timer_test_model_disarm(struct timer_test_model *model,
                                    uint64_t *seed)
{
    size_t i = test_random(seed) % TIMER_TEST_MODEL;
    loop_wheel_disarm(&model->wheel, &model->timers[i]);
    model->armed[i] = false;
}

// timer_test_model_next finds the first of those that are armed and not ready.
static size_t timer_test_model_next(const struct timer_test_model *model)
{
    size_t best = TIMER_TEST_MODEL;
    for (size_t i = 0; i < TIMER_TEST_MODEL; i++) {
        if (!model->armed[i] || model->ready[i]) {
            continue;
        }
        if (best == TIMER_TEST_MODEL) {
            best = i;
            continue;
        }
        uint64_t a = model->late[i] ? 0 : model->due[i];
        uint64_t b = model->late[best] ? 0 : model->due[best];
        if (a < b || (a == b && model->order[i] < model->order[best])) {
            best = i;
        }
    }
    return best;
}

static void timer_test_model_advance(struct timer_test_model *model,
                                     uint64_t now)
{
    loop_wheel_advance(&model->wheel, now);
    size_t i;
    while ((i = timer_test_model_next(model)) != TIMER_TEST_MODEL &&
           (model->late[i] || model->due[i] <= now)) {
        model->ready[i] = true;
        model->late[i] = false;
        model->order[i] = ++model->counter;
    }
}

static void timer_test_model_take(struct timer_test_model *model)
{
    size_t best = TIMER_TEST_MODEL;
    for (size_t i = 0; i < TIMER_TEST_MODEL; i++) {
        if (model->armed[i] && model->ready[i] &&
            (best == TIMER_TEST_MODEL ||
             model->order[i] < model->order[best])) {
            best = i;
        }
    }
    struct loop_timer *timer = loop_wheel_take(&model->wheel);
    if (best == TIMER_TEST_MODEL) {
        assert_null(timer);
        return;
    }
    assert_ptr_equal(timer, &model->timers[best]);
    assert_true(timer->due_ms == model->due[best]);
    model->armed[best] = false;
}

static void timer_test_model_compare(struct timer_test_model *model)
{
    loop_wheel_check(&model->wheel);
    bool any_ready = false;
    for (size_t i = 0; i < TIMER_TEST_MODEL; i++) {
        assert_int_equal(loop_timer_is_armed(&model->timers[i]),
                         model->armed[i]);
        any_ready = any_ready || (model->armed[i] && model->ready[i]);
    }
    assert_int_equal(loop_wheel_has_due(&model->wheel), any_ready);
    size_t next = timer_test_model_next(model);
    uint64_t next_ms = loop_wheel_next_ms(&model->wheel);
    if (any_ready || (next != TIMER_TEST_MODEL && model->late[next])) {
        assert_true(next_ms == model->wheel.now_ms);
    } else if (next == TIMER_TEST_MODEL) {
        assert_true(next_ms == UINT64_MAX);
    } else {
        assert_true(next_ms > model->wheel.now_ms);
        assert_true(next_ms <= model->due[next]);
    }
}

static void timer_test_model_run(uint64_t seed)
{
    static struct timer_test_model model;
    memset(&model, 0, sizeof model);
    uint64_t now = timer_test_delay(&seed);
    loop_wheel_init(&model.wheel, now);
    for (int step = 0; step < 20000; step++) {
        switch (test_random(&seed) % 8) {
        case 0:
        case 1:
        case 2:
            timer_test_model_arm(&model, &seed);
            break;
        case 3:
            timer_test_model_disarm(&model, &seed);
            break;
        case 4:
            now += timer_test_delay(&seed);
            timer_test_model_advance(&model, now);
            break;
        case 5:
            if (loop_wheel_next_ms(&model.wheel) != UINT64_MAX) {
                now = loop_wheel_next_ms(&model.wheel);
                timer_test_model_advance(&model, now);
            }
            break;
        default:
            timer_test_model_take(&model);
            break;
        }
        timer_test_model_compare(&model);
    }
}

static void test_timer__random_steps_match_a_sorted_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        timer_test_model_run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timer__zero_is_not_armed),
        cmocka_unit_test(test_timer__is_due_exactly_at_any_distance),
        cmocka_unit_test(test_timer__is_due_after_a_jump_over_it),
        cmocka_unit_test(test_timer__late_ones_come_with_the_next_advance),
        cmocka_unit_test(test_timer__time_does_not_go_back),
        cmocka_unit_test(test_timer__disarmed_ones_do_not_come),
        cmocka_unit_test(test_timer__moved_ones_come_at_their_new_time),
        cmocka_unit_test(test_timer__equal_times_keep_the_order_of_arming),
        cmocka_unit_test(test_timer__never_asks_for_no_time),
        cmocka_unit_test(test_timer__far_ones_after_the_nearest_is_disarmed),
        cmocka_unit_test(test_timer__ten_thousand_cost_no_more_than_one),
        cmocka_unit_test(test_timer__life_of_many_costs_a_few_moves_each),
        cmocka_unit_test(test_timer__random_steps_match_a_sorted_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
