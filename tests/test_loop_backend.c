// SPDX-License-Identifier: MIT
// loop.c over a back end that counts its calls and passes them on to the real
// one, and that can be told to fail, or to report a source twice, as one with
// a filter for each direction does. Or it does not wait at all: it moves a clock.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop/loop.h"

struct backend_test {
    struct test_heap heap;
    struct loop loop;
    struct loop_backend counted;
    struct loop_source source; // one end of a stream
    int other;                 // the other end
};

static const struct loop_backend *backend_test_real;
static struct {
    int waits;
    int watches;
    int unwatches;
    int wait_error;
    bool split;
    int looks;       // at the clock
    uint64_t now_us; // where there is no real one
} backend_test_calls;

static int backend_test_counted_watch(void *state, struct loop_source *source,
                                      unsigned events)
{
    backend_test_calls.watches++;
    return backend_test_real->watch(state, source, events);
}

static void backend_test_counted_unwatch(void *state,
                                         struct loop_source *source)
{
    backend_test_calls.unwatches++;
    backend_test_real->unwatch(state, source);
}

static int backend_test_counted_wait(void *state, int timeout_ms,
                                     struct loop_ready *ready,
                                     unsigned *out_count)
{
    backend_test_calls.waits++;
    if (backend_test_calls.wait_error != 0) {
        *out_count = 0;
        return backend_test_calls.wait_error;
    }
    int error = backend_test_real->wait(state, timeout_ms, ready, out_count);
    if (backend_test_calls.split && *out_count == 1 &&
        ready[0].events == (LOOP_READABLE | LOOP_WRITABLE)) {
        ready[1] = ready[0];
        ready[0].events = LOOP_READABLE;
        ready[1].events = LOOP_WRITABLE;
        *out_count = 2;
    }
    return error;
}

static uint64_t backend_test_look(void *user)
{
    (void)user;
    backend_test_calls.looks++;
    return backend_test_calls.now_us;
}

static void backend_test_pass(uint64_t ms)
{
    backend_test_calls.now_us += ms * 1000;
}

// backend_test_quiet_wait finds what is ready, or lets the time pass.
static int backend_test_quiet_wait(void *state, int timeout_ms,
                                   struct loop_ready *ready,
                                   unsigned *out_count)
{
    int error = backend_test_counted_wait(state, 0, ready, out_count);
    assert_true(timeout_ms >= 0 || *out_count > 0);
    backend_test_pass(*out_count > 0 ? 1 : (uint64_t)timeout_ms);
    return error;
}

static void backend_test_begin_on(struct backend_test *test,
                                  const struct loop_port *port)
{
    int fds[2];
    memset(test, 0, sizeof *test);
    memset(&backend_test_calls, 0, sizeof backend_test_calls);
    test_heap_init(&test->heap);
    assert_true(loop_init(&test->loop, &test->heap.allocator, port, NULL));
    memset(&backend_test_calls, 0, sizeof backend_test_calls);
    backend_test_real = test->loop.backend;
    test->counted = *backend_test_real;
    test->counted.watch = backend_test_counted_watch;
    test->counted.unwatch = backend_test_counted_unwatch;
    test->counted.wait = backend_test_counted_wait;
    test->loop.backend = &test->counted;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    test->source.fd = fds[0];
    test->other = fds[1];
}

static void backend_test_begin(struct backend_test *test)
{
    backend_test_begin_on(test, loop_system_port());
}

// backend_test_begin_quiet has a clock that moves as it is told. port is borrowed
// for the test.
static void backend_test_begin_quiet(struct backend_test *test,
                                     struct loop_port *port)
{
    *port = *loop_system_port();
    port->now_us = backend_test_look;
    backend_test_begin_on(test, port);
    test->counted.wait = backend_test_quiet_wait;
}

static void backend_test_end(struct backend_test *test)
{
    close(test->source.fd);
    close(test->other);
    loop_fini(&test->loop);
    assert_true(test_heap_is_clean(&test->heap));
}

static void backend_test_send(const struct backend_test *test)
{
    assert_int_equal(write(test->other, "x", 1), 1);
}

static void backend_test_drain(const struct backend_test *test)
{
    char bytes[8];
    assert_int_equal(read(test->source.fd, bytes, sizeof bytes), 1);
}

static void backend_test_expect_fd(struct backend_test *test, unsigned ready)
{
    struct loop_event event;
    assert_true(loop_next(&test->loop, &event));
    assert_int_equal(event.type, LOOP_EVENT_FD);
    assert_ptr_equal(event.source, &test->source);
    assert_int_equal(event.ready, ready);
}

// backend_test_busy_looks is how often a turn that has something to do looks at
// the clock while the first timer is left_ms away.
static int backend_test_busy_looks(struct backend_test *test, uint64_t left_ms)
{
    struct loop_timer timer = {0};
    loop_timer_start(&test->loop, &timer, test->loop.now_ms + left_ms);
    backend_test_send(test);
    int before = backend_test_calls.looks;
    assert_true(loop_wait(&test->loop, -1));
    int looks = backend_test_calls.looks - before;
    backend_test_expect_fd(test, LOOP_READABLE);
    backend_test_drain(test);
    loop_timer_stop(&test->loop, &timer);
    return looks;
}

// backend_test_lateness of a timer that was left_ms away when a turn began that
// took turn_ms, after which there is nothing but to wait for it.
static uint64_t backend_test_lateness(struct backend_test *test,
                                      uint64_t left_ms, uint64_t turn_ms)
{
    struct loop_timer timer = {0};
    struct loop_event event;
    uint64_t due_ms = test->loop.now_ms + left_ms;
    loop_timer_start(&test->loop, &timer, due_ms);
    backend_test_pass(turn_ms);
    assert_true(loop_wait(&test->loop, -1));
    assert_true(loop_next(&test->loop, &event));
    assert_ptr_equal(event.timer, &timer);
    assert_true(test->loop.now_ms >= due_ms);
    return test->loop.now_ms - due_ms;
}

static void backend_test_expect_none(struct backend_test *test)
{
    struct loop_event event;
    assert_false(loop_next(&test->loop, &event));
}

static void test_backend__turn_makes_no_call_too_many(void **state)
{
    struct backend_test test;
    struct loop_timer timer = {0};
    (void)state;
    backend_test_begin(&test);
    loop_timer_start(&test.loop, &timer, test.loop.now_ms + 3600000);
    for (int i = 0; i < 3; i++) {
        assert_true(loop_watch(&test.loop, &test.source, LOOP_READABLE));
    }
    assert_int_equal(backend_test_calls.watches, 1);
    for (int turn = 0; turn < 10; turn++) {
        backend_test_send(&test);
        assert_true(loop_wait(&test.loop, -1));
        backend_test_expect_fd(&test, LOOP_READABLE);
        backend_test_drain(&test);
        assert_true(loop_watch(&test.loop, &test.source, LOOP_READABLE));
        backend_test_expect_none(&test);
    }
    assert_int_equal(backend_test_calls.waits, 10);
    assert_int_equal(backend_test_calls.watches, 1);
    loop_unwatch(&test.loop, &test.source);
    loop_unwatch(&test.loop, &test.source);
    assert_int_equal(backend_test_calls.unwatches, 1);
    loop_timer_stop(&test.loop, &timer);
    loop_unwatch(&test.loop, &test.source);
    backend_test_end(&test);
}

static void test_backend__events_in_two_parts_are_joined(void **state)
{
    struct backend_test test;
    (void)state;
    backend_test_begin(&test);
    backend_test_calls.split = true;
    backend_test_send(&test);
    assert_true(
        loop_watch(&test.loop, &test.source, LOOP_READABLE | LOOP_WRITABLE));
    assert_true(loop_wait(&test.loop, 0));
    backend_test_expect_fd(&test, LOOP_READABLE | LOOP_WRITABLE);
    backend_test_expect_none(&test);
    assert_true(loop_wait(&test.loop, 0));
    loop_unwatch(&test.loop, &test.source);
    backend_test_expect_none(&test);
    backend_test_end(&test);
}

static void test_backend__failed_wait_is_told(void **state)
{
    struct backend_test test;
    struct loop_timer timer = {0};
    (void)state;
    backend_test_begin(&test);
    loop_timer_start(&test.loop, &timer, 1);
    backend_test_calls.wait_error = EBADF;
    assert_false(loop_wait(&test.loop, -1));
    assert_int_equal(test.loop.error, EBADF);
    backend_test_calls.wait_error = EINTR;
    assert_true(loop_wait(&test.loop, -1));
    struct loop_event event;
    assert_true(loop_next(&test.loop, &event));
    assert_int_equal(event.type, LOOP_EVENT_TIMER);
    assert_ptr_equal(event.timer, &timer);
    backend_test_end(&test);
}

static void test_backend__far_timers_are_not_looked_at_the_clock_for(
    void **state)
{
    struct backend_test test;
    struct loop_port port;
    (void)state;
    backend_test_begin_quiet(&test, &port);
    assert_true(loop_watch(&test.loop, &test.source, LOOP_READABLE));
    assert_int_equal(backend_test_busy_looks(&test, 1), 2);
    assert_int_equal(backend_test_busy_looks(&test, 1000), 2);
    assert_int_equal(backend_test_busy_looks(&test, 3600000), 1);
    assert_int_equal(backend_test_busy_looks(&test, UINT64_MAX / 2), 1);
    loop_unwatch(&test.loop, &test.source);
    backend_test_end(&test);
}

static void test_backend__long_turn_has_hardly_a_timer_be_late(void **state)
{
    struct backend_test test;
    struct loop_port port;
    (void)state;
    backend_test_begin_quiet(&test, &port);
    for (uint64_t left_ms = 1; left_ms < 10000; left_ms += 7) {
        // A turn of a second delays nothing.
        assert_int_equal(backend_test_lateness(&test, left_ms, 0), 0);
        uint64_t turn_ms = left_ms < 1000 ? left_ms : 1000;
        assert_int_equal(backend_test_lateness(&test, left_ms, turn_ms), 0);
        // Nor does a longer one by more than that.
        assert_in_range(backend_test_lateness(&test, left_ms, left_ms), 0,
                        1000);
        assert_in_range(
            backend_test_lateness(&test, left_ms, left_ms - left_ms / 50), 0,
            1000);
    }
    backend_test_end(&test);
}

static void test_backend__quiet_hour_is_slept(void **state)
{
    struct backend_test test;
    struct loop_port port;
    (void)state;
    backend_test_begin_quiet(&test, &port);
    assert_int_equal(backend_test_lateness(&test, 3600000, 0), 0);
    // One for each level of the wheel, and one in case the turn took long.
    assert_in_range(backend_test_calls.waits, 1, WHEEL_LEVELS + 1);
    backend_test_end(&test);
}

static void test_backend__long_turn_takes_nothing_from_a_timeout(void **state)
{
    struct backend_test test;
    struct loop_port port;
    struct loop_timer timer = {0};
    (void)state;
    backend_test_begin_quiet(&test, &port);
    loop_timer_start(&test.loop, &timer, test.loop.now_ms + 3600000);
    for (int timeout_ms = 1; timeout_ms < 20000; timeout_ms += 333) {
        backend_test_pass(700);
        uint64_t began_us = backend_test_calls.now_us;
        assert_true(loop_wait(&test.loop, timeout_ms));
        backend_test_expect_none(&test);
        assert_int_equal(backend_test_calls.now_us - began_us,
                         timeout_ms * 1000);
    }
    loop_timer_stop(&test.loop, &timer);
    backend_test_end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backend__turn_makes_no_call_too_many),
        cmocka_unit_test(test_backend__events_in_two_parts_are_joined),
        cmocka_unit_test(test_backend__failed_wait_is_told),
        cmocka_unit_test(
            test_backend__far_timers_are_not_looked_at_the_clock_for),
        cmocka_unit_test(test_backend__long_turn_has_hardly_a_timer_be_late),
        cmocka_unit_test(test_backend__quiet_hour_is_slept),
        cmocka_unit_test(test_backend__long_turn_takes_nothing_from_a_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
