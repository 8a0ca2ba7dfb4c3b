// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/user_io.h"
#include "tests/core_kit.h"

struct uio {
    grpc_loop *loop;
    grpc_timer *timer;
    grpc_watch *watch;
    grpc_watch *other;
    int fd;
    int runs;
    unsigned events;
};

static void uio_run(void *argument)
{
    struct uio *uio = argument;
    uio->runs++;
}

static void uio_ready(void *argument, unsigned events)
{
    struct uio *uio = argument;
    char byte;
    uio->runs++;
    uio->events = events;
    if ((events & GRPC_READABLE) != 0) {
        (void)recv(uio->fd, &byte, 1, MSG_DONTWAIT);
    }
}

static void test_user_io__timers(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct test_heap heap;
        test_heap_init(&heap);
        struct uio uio = {.loop = kit_loop(&heap, kit_backends[i])};
        uint64_t start = grpc_loop_now(uio.loop);
        assert_non_null(grpc_timer_start(uio.loop, 3, uio_run, &uio));
        assert_non_null(grpc_timer_start(uio.loop, 0, uio_run, &uio));
        grpc_timer *never = grpc_timer_start(uio.loop, 1, uio_run, &uio);
        grpc_timer *far = grpc_timer_start(uio.loop, UINT32_MAX, uio_run, &uio);
        assert_non_null(far);
        grpc_timer_stop(never);
        grpc_timer_stop(NULL);
        kit_wait(uio.loop, &uio.runs, 2);
        assert_true(grpc_loop_now(uio.loop) >= start + 3);
        // The far one goes with the loop.
        assert_int_equal(grpc_loop_free(uio.loop), GRPC_OK);
        assert_true(test_heap_is_clean(&heap));
    }
}

static void uio_run_again(void *argument)
{
    struct uio *uio = argument;
    if (++uio->runs < 3) {
        assert_non_null(grpc_timer_start(uio->loop, 0, uio_run_again, uio));
    }
}

// A timer that starts the next: one per turn, never two.
static void test_user_io__timer_starts_timer(void **state)
{
    struct test_heap heap;
    (void)state;
    test_heap_init(&heap);
    struct uio uio = {.loop = kit_loop(&heap, NULL)};
    assert_non_null(grpc_timer_start(uio.loop, 0, uio_run_again, &uio));
    for (int i = 0; i < 1000 && uio.runs < 3; i++) {
        int before = uio.runs;
        assert_int_equal(grpc_loop_step(uio.loop, 2), GRPC_OK);
        assert_true(uio.runs - before <= 1);
    }
    assert_int_equal(uio.runs, 3);
    assert_int_equal(grpc_loop_free(uio.loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

static void test_user_io__watch(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct test_heap heap;
        int fds[2];
        test_heap_init(&heap);
        kit_pair_of_sockets(fds);
        struct uio uio = {.loop = kit_loop(&heap, kit_backends[i]),
                          .fd = fds[0]};
        uio.watch =
            grpc_watch_start(uio.loop, fds[0], GRPC_READABLE, uio_ready, &uio);
        assert_non_null(uio.watch);
        kit_turn(uio.loop);
        assert_int_equal(uio.runs, 0);
        assert_int_equal(send(fds[1], "ab", 2, 0), 2);
        kit_turn(uio.loop); // as long as something is there
        assert_int_equal(uio.runs, 2);
        assert_int_equal(uio.events, GRPC_READABLE);
        assert_int_equal(grpc_watch_change(uio.watch, GRPC_WRITABLE), GRPC_OK);
        assert_int_equal(grpc_loop_step(uio.loop, 0), GRPC_OK);
        assert_int_equal(uio.runs, 3);
        assert_int_equal(uio.events, GRPC_WRITABLE);
        // Nothing asked for: failure alone is told.
        assert_int_equal(grpc_watch_change(uio.watch, 0), GRPC_OK);
        kit_turn(uio.loop);
        assert_int_equal(uio.runs, 3);
        (void)close(fds[1]);
        assert_int_equal(grpc_loop_step(uio.loop, 0), GRPC_OK);
        assert_int_equal(uio.runs, 4);
        assert_true((uio.events & GRPC_FAILED) != 0);
        grpc_watch_stop(uio.watch);
        grpc_watch_stop(NULL);
        kit_turn(uio.loop);
        assert_int_equal(uio.runs, 4);
        (void)close(fds[0]);
        assert_int_equal(grpc_loop_free(uio.loop), GRPC_OK);
        assert_true(test_heap_is_clean(&heap));
    }
}

static void uio_stop_both(void *argument, unsigned events)
{
    struct uio *uio = argument;
    (void)events;
    uio->runs++;
    grpc_watch_stop(uio->watch);
    grpc_watch_stop(uio->other);
    uio->watch = NULL;
    uio->other = NULL;
}

// Of two that are ready in one turn the first stops both: the other is not
// called any more.
static void test_user_io__stop_within(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct test_heap heap;
        int fds[2];
        test_heap_init(&heap);
        kit_pair_of_sockets(fds);
        struct uio uio = {.loop = kit_loop(&heap, kit_backends[i])};
        uio.watch = grpc_watch_start(uio.loop, fds[0], GRPC_WRITABLE,
                                     uio_stop_both, &uio);
        uio.other = grpc_watch_start(uio.loop, fds[1], GRPC_WRITABLE,
                                     uio_stop_both, &uio);
        assert_non_null(uio.watch);
        assert_non_null(uio.other);
        kit_turn(uio.loop);
        assert_int_equal(uio.runs, 1);
        (void)close(fds[0]);
        (void)close(fds[1]);
        assert_int_equal(grpc_loop_free(uio.loop), GRPC_OK);
        assert_true(test_heap_is_clean(&heap));
    }
}

static void test_user_io__misuse(void **state)
{
    struct test_heap heap;
    (void)state;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    struct uio uio = {.loop = loop};
    assert_null(grpc_timer_start(NULL, 1, uio_run, &uio));
    assert_null(grpc_timer_start(loop, 1, NULL, &uio));
    assert_null(grpc_watch_start(NULL, 0, GRPC_READABLE, uio_ready, &uio));
    assert_null(grpc_watch_start(loop, 0, GRPC_READABLE, NULL, &uio));
    assert_null(grpc_watch_start(loop, -1, GRPC_READABLE, uio_ready, &uio));
    assert_int_equal(grpc_watch_change(NULL, GRPC_READABLE), GRPC_EINVAL);
    int fds[2];
    kit_pair_of_sockets(fds);
    (void)close(fds[0]);
    assert_null(grpc_watch_start(loop, fds[0], GRPC_READABLE, uio_ready, &uio));
    char expected[320];
    (void)snprintf(expected, sizeof expected, "watch %d: %s", fds[0],
                   kit_error(EBADF));
    assert_string_equal(grpc_loop_error(loop), expected);
    heap.fail_at = heap.calls + 1;
    assert_null(grpc_watch_start(loop, fds[1], GRPC_READABLE, uio_ready, &uio));
    (void)snprintf(expected, sizeof expected, "watch %d: out of memory",
                   fds[1]);
    assert_string_equal(grpc_loop_error(loop), expected);
    heap.fail_at = heap.calls + 1;
    assert_null(grpc_timer_start(loop, 1, uio_run, &uio));
    heap.fail_at = 0;
    (void)close(fds[1]);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user_io__timers),
        cmocka_unit_test(test_user_io__timer_starts_timer),
        cmocka_unit_test(test_user_io__watch),
        cmocka_unit_test(test_user_io__stop_within),
        cmocka_unit_test(test_user_io__misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
