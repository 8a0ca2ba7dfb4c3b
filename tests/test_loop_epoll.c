// SPDX-License-Identifier: MIT
// What is particular to this back end; test_loop.c has what all share.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "loop/loop.h"

#if defined(__linux__)

struct epoll_test {
    struct test_heap heap;
    const struct loop_backend *backend;
    void *state;
    struct loop_ready ready[LOOP_READY_MAX];
    unsigned count;
};

static void epoll_test_begin(struct epoll_test *test)
{
    test_heap_init(&test->heap);
    test->backend = loop_epoll_backend();
    assert_string_equal(test->backend->name, "epoll");
    assert_int_equal(test->backend->open(&test->heap.allocator, &test->state),
                     0);
}

static void epoll_test_end(struct epoll_test *test)
{
    test->backend->close(test->state);
    assert_true(test_heap_is_clean(&test->heap));
}

static void epoll_test_wait(struct epoll_test *test)
{
    test->count = 99;
    assert_int_equal(
        test->backend->wait(test->state, 0, test->ready, &test->count), 0);
}

static void test_epoll__open_fails_without_memory(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    heap.fail_at = 1;
    void *opaque = NULL;
    assert_int_equal(loop_epoll_backend()->open(&heap.allocator, &opaque),
                     ENOMEM);
    assert_null(opaque);
    assert_true(test_heap_is_clean(&heap));
}

static void test_epoll__watching_allocates_nothing(void **state)
{
    (void)state;
    struct epoll_test test;
    int fds[2];
    epoll_test_begin(&test);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(test.heap.calls, 1);
    struct loop_source source = {.fd = fds[0]};
    assert_int_equal(test.backend->watch(test.state, &source, LOOP_READABLE),
                     0);
    assert_int_not_equal(source.slot, 0);
    epoll_test_wait(&test);
    assert_int_equal(test.count, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    epoll_test_wait(&test);
    assert_int_equal(test.count, 1);
    assert_ptr_equal(test.ready[0].source, &source);
    assert_int_equal(test.ready[0].events, LOOP_READABLE);
    assert_int_equal(test.backend->watch(test.state, &source, 0), 0);
    epoll_test_wait(&test);
    assert_int_equal(test.count, 0);
    assert_int_equal(test.backend->watch(test.state, &source, LOOP_READABLE),
                     0);
    test.backend->unwatch(test.state, &source);
    assert_int_equal(source.slot, 0);
    // The descriptor is still open and readable.
    epoll_test_wait(&test);
    assert_int_equal(test.count, 0);
    assert_int_equal(test.heap.calls, 1);
    close(fds[0]);
    close(fds[1]);
    epoll_test_end(&test);
}

static void test_epoll__error_and_hang_up_are_failures(void **state)
{
    (void)state;
    // Closing one end of a pipe is an error for the writer and a hang-up for
    // the reader.
    static const unsigned expected[] = {LOOP_FAILED,
                                        LOOP_WRITABLE | LOOP_FAILED};
    for (int end = 0; end < 2; end++) {
        struct epoll_test test;
        int fds[2];
        epoll_test_begin(&test);
        assert_int_equal(pipe(fds), 0);
        struct loop_source source = {.fd = fds[end]};
        unsigned wanted = end == 0 ? LOOP_READABLE : LOOP_WRITABLE;
        assert_int_equal(test.backend->watch(test.state, &source, wanted), 0);
        close(fds[1 - end]);
        epoll_test_wait(&test);
        assert_int_equal(test.count, 1);
        assert_int_equal(test.ready[0].events, expected[end]);
        test.backend->unwatch(test.state, &source);
        close(fds[end]);
        epoll_test_end(&test);
    }
}

static void test_epoll__refusals_are_told(void **state)
{
    (void)state;
    struct epoll_test test;
    epoll_test_begin(&test);
    struct loop_source none = {.fd = -1};
    assert_int_equal(test.backend->watch(test.state, &none, LOOP_READABLE),
                     EBADF);
    assert_int_equal(none.slot, 0);
    // A file is always ready; the kernel refuses to watch one.
    FILE *file = tmpfile();
    assert_non_null(file);
    struct loop_source plain = {.fd = fileno(file)};
    assert_int_equal(test.backend->watch(test.state, &plain, LOOP_READABLE),
                     EPERM);
    assert_int_equal(plain.slot, 0);
    fclose(file);
    epoll_test_end(&test);
}

static void test_epoll__has_a_descriptor(void **state)
{
    (void)state;
    struct epoll_test test;
    int fds[2];
    epoll_test_begin(&test);
    assert_int_equal(pipe(fds), 0);
    struct loop_source source = {.fd = fds[0]};
    assert_int_equal(test.backend->watch(test.state, &source, LOOP_READABLE),
                     0);
    struct pollfd watched = {
        .fd = test.backend->fd(test.state),
        .events = POLLIN,
    };
    assert_int_equal(fcntl(watched.fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(poll(&watched, 1, 0), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(poll(&watched, 1, 0), 1);
    test.backend->unwatch(test.state, &source);
    assert_int_equal(poll(&watched, 1, 0), 0);
    close(fds[0]);
    close(fds[1]);
    epoll_test_end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epoll__open_fails_without_memory),
        cmocka_unit_test(test_epoll__watching_allocates_nothing),
        cmocka_unit_test(test_epoll__error_and_hang_up_are_failures),
        cmocka_unit_test(test_epoll__refusals_are_told),
        cmocka_unit_test(test_epoll__has_a_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_epoll__is_not_of_this_system(void **state)
{
    (void)state;
    struct test_heap heap;
    struct loop loop;
    test_heap_init(&heap);
    assert_false(
        loop_init(&loop, &heap.allocator, loop_system_port(), "epoll"));
    assert_int_equal(loop.error, EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epoll__is_not_of_this_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
