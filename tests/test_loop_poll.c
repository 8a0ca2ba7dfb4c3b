// SPDX-License-Identifier: MIT
// What is particular to this back end; test_loop.c has what all share.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include <errno.h>
#include <unistd.h>

#include "loop/loop.h"

enum { POLL_TEST_MANY = 100 };

struct poll_test {
    struct test_heap heap;
    const struct loop_backend *backend;
    void *state;
    struct loop_ready ready[LOOP_READY_MAX];
    unsigned count;
    struct loop_source sources[POLL_TEST_MANY];
    int writers[POLL_TEST_MANY];
};

static void poll_test_begin(struct poll_test *test)
{
    memset(test, 0, sizeof *test);
    test_heap_init(&test->heap);
    test->backend = loop_poll_backend();
    assert_string_equal(test->backend->name, "poll");
    assert_int_equal(test->backend->open(&test->heap.allocator, &test->state),
                     0);
    for (int i = 0; i < POLL_TEST_MANY; i++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        test->sources[i].fd = fds[0];
        test->writers[i] = fds[1];
    }
}

static void poll_test_end(struct poll_test *test)
{
    for (int i = 0; i < POLL_TEST_MANY; i++) {
        if (test->sources[i].slot != 0) {
            test->backend->unwatch(test->state, &test->sources[i]);
        }
        close(test->sources[i].fd);
        close(test->writers[i]);
    }
    test->backend->close(test->state);
    assert_true(test_heap_is_clean(&test->heap));
}

static int poll_test_watch(struct poll_test *test, int i, unsigned events)
{
    return test->backend->watch(test->state, &test->sources[i], events);
}

static void poll_test_wait(struct poll_test *test)
{
    test->count = 99;
    assert_int_equal(
        test->backend->wait(test->state, 0, test->ready, &test->count), 0);
}

static void test_poll__open_fails_without_memory(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    heap.fail_at = 1;
    void *opaque = NULL;
    assert_int_equal(loop_poll_backend()->open(&heap.allocator, &opaque),
                     ENOMEM);
    assert_null(opaque);
    assert_true(test_heap_is_clean(&heap));
}

static void test_poll__has_no_descriptor(void **state)
{
    (void)state;
    static struct poll_test test;
    poll_test_begin(&test);
    assert_int_equal(test.backend->fd(test.state), -1);
    poll_test_end(&test);
}

static void test_poll__slots_stay_dense_over_removals(void **state)
{
    (void)state;
    static struct poll_test test;
    poll_test_begin(&test);
    for (int i = 0; i < POLL_TEST_MANY; i++) {
        assert_int_equal(poll_test_watch(&test, i, LOOP_READABLE), 0);
        assert_int_equal(test.sources[i].slot, i + 1);
    }
    // The last moves to where the first was.
    test.backend->unwatch(test.state, &test.sources[0]);
    assert_int_equal(test.sources[0].slot, 0);
    assert_int_equal(test.sources[POLL_TEST_MANY - 1].slot, 1);
    test.backend->unwatch(test.state, &test.sources[POLL_TEST_MANY - 2]);
    assert_int_equal(test.sources[POLL_TEST_MANY - 2].slot, 0);
    for (int i = 0; i < POLL_TEST_MANY; i++) {
        assert_int_equal(write(test.writers[i], "x", 1), 1);
    }
    bool seen[POLL_TEST_MANY] = {false};
    unsigned total = 0;
    for (int turn = 0; turn < 2; turn++) {
        poll_test_wait(&test);
        for (unsigned i = 0; i < test.count; i++) {
            assert_int_equal(test.ready[i].events, LOOP_READABLE);
            seen[test.ready[i].source - test.sources] = true;
        }
        total += test.count;
    }
    assert_int_equal(total, 2 * LOOP_READY_MAX);
    for (int i = 0; i < POLL_TEST_MANY; i++) {
        assert_int_equal(seen[i], i != 0 && i != POLL_TEST_MANY - 2);
    }
    poll_test_end(&test);
}

static void test_poll__full_wait_goes_on_where_it_stopped(void **state)
{
    (void)state;
    static struct poll_test test;
    poll_test_begin(&test);
    for (int i = 0; i < POLL_TEST_MANY; i++) {
        assert_int_equal(poll_test_watch(&test, i, LOOP_READABLE), 0);
        assert_int_equal(write(test.writers[i], "x", 1), 1);
    }
    int expected = 0;
    for (int turn = 0; turn < 5; turn++) {
        poll_test_wait(&test);
        assert_int_equal(test.count, LOOP_READY_MAX);
        for (unsigned i = 0; i < test.count; i++) {
            assert_ptr_equal(test.ready[i].source, &test.sources[expected]);
            expected = (expected + 1) % POLL_TEST_MANY;
        }
    }
    poll_test_end(&test);
}

static void test_poll__failed_growth_keeps_what_was_watched(void **state)
{
    (void)state;
    static struct poll_test test;
    for (size_t n = 1; n <= 2; n++) {
        poll_test_begin(&test);
        int count = 0;
        size_t grown = test.heap.calls;
        assert_int_equal(poll_test_watch(&test, count++, LOOP_READABLE), 0);
        assert_int_equal(test.heap.calls, grown + 2);
        while (test.heap.calls == grown + 2) {
            test.heap.fail_at = test.heap.calls + n;
            if (poll_test_watch(&test, count, LOOP_READABLE) != 0) {
                break;
            }
            count++;
        }
        assert_int_equal(count, 16);
        assert_int_equal(test.sources[16].slot, 0);
        for (int i = 0; i < 17; i++) {
            assert_int_equal(write(test.writers[i], "x", 1), 1);
        }
        poll_test_wait(&test);
        assert_int_equal(test.count, 16);
        test.heap.fail_at = 0;
        assert_int_equal(poll_test_watch(&test, 16, LOOP_READABLE), 0);
        poll_test_wait(&test);
        assert_int_equal(test.count, 17);
        poll_test_end(&test);
    }
}

static void test_poll__closed_descriptor_is_failure(void **state)
{
    (void)state;
    static struct poll_test test;
    poll_test_begin(&test);
    assert_int_equal(poll_test_watch(&test, 0, LOOP_READABLE), 0);
    assert_int_equal(poll_test_watch(&test, 1, 0), 0);
    int number = dup(0);
    close(number);
    int kept = test.sources[0].fd;
    test.backend->unwatch(test.state, &test.sources[0]);
    test.sources[0].fd = number;
    assert_int_equal(poll_test_watch(&test, 0, LOOP_READABLE), 0);
    poll_test_wait(&test);
    assert_int_equal(test.count, 1);
    assert_ptr_equal(test.ready[0].source, &test.sources[0]);
    assert_int_equal(test.ready[0].events, LOOP_FAILED);
    test.backend->unwatch(test.state, &test.sources[0]);
    test.sources[0].fd = kept;
    poll_test_end(&test);
}

static void test_poll__negative_descriptor_is_refused(void **state)
{
    (void)state;
    static struct poll_test test;
    poll_test_begin(&test);
    struct loop_source none = {.fd = -1};
    assert_int_equal(test.backend->watch(test.state, &none, LOOP_READABLE),
                     EBADF);
    assert_int_equal(none.slot, 0);
    poll_test_end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poll__open_fails_without_memory),
        cmocka_unit_test(test_poll__has_no_descriptor),
        cmocka_unit_test(test_poll__slots_stay_dense_over_removals),
        cmocka_unit_test(test_poll__full_wait_goes_on_where_it_stopped),
        cmocka_unit_test(test_poll__failed_growth_keeps_what_was_watched),
        cmocka_unit_test(test_poll__closed_descriptor_is_failure),
        cmocka_unit_test(test_poll__negative_descriptor_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
