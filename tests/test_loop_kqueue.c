// SPDX-License-Identifier: MIT
// What is particular to this back end; test_loop.c has what all share. Where
// the system has no kqueue(), it runs on tests/kqueue_shim.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "loop/loop.h"

#if defined(LOOP_HAS_KQUEUE)

# if defined(__linux__)
#  include "tests/kqueue_shim/kqueue_shim.h"
# endif

struct kqueue_test {
    struct test_heap heap;
    const struct loop_backend *backend;
    void *state;
    struct loop_ready ready[LOOP_READY_MAX];
    unsigned count;
    int fds[2]; // a stream of two directions
    struct loop_source source;
};

static void kqueue_test_begin(struct kqueue_test *test)
{
    memset(test, 0, sizeof *test);
    test_heap_init(&test->heap);
    test->backend = loop_kqueue_backend();
    assert_string_equal(test->backend->name, "kqueue");
    assert_int_equal(test->backend->open(&test->heap.allocator, &test->state),
                     0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, test->fds), 0);
    test->source.fd = test->fds[0];
}

static void kqueue_test_end(struct kqueue_test *test)
{
    if (test->source.slot != 0) {
        test->backend->unwatch(test->state, &test->source);
    }
    close(test->fds[0]);
    close(test->fds[1]);
    test->backend->close(test->state);
    assert_int_equal(test->heap.calls, 1);
    assert_true(test_heap_is_clean(&test->heap));
}

static void kqueue_test_watch(struct kqueue_test *test, unsigned events)
{
    assert_int_equal(test->backend->watch(test->state, &test->source, events),
                     0);
    assert_int_not_equal(test->source.slot, 0);
}

static void kqueue_test_send(const struct kqueue_test *test)
{
    assert_int_equal(write(test->fds[1], "x", 1), 1);
}

// kqueue_test_found waits, and joins what is found, as the loop does.
static unsigned kqueue_test_found(struct kqueue_test *test)
{
    unsigned events = 0;
    test->count = 99;
    assert_int_equal(
        test->backend->wait(test->state, 0, test->ready, &test->count), 0);
    assert_true(test->count <= 2);
    for (unsigned i = 0; i < test->count; i++) {
        assert_ptr_equal(test->ready[i].source, &test->source);
        assert_int_not_equal(test->ready[i].events, 0);
        events |= test->ready[i].events;
    }
    return events;
}

// kqueue_test_is_silent: nothing is found, and nothing wakes up who polls.
static bool kqueue_test_is_silent(struct kqueue_test *test)
{
    struct pollfd watched = {
        .fd = test->backend->fd(test->state),
        .events = POLLIN,
    };
    return kqueue_test_found(test) == 0 && test->count == 0 &&
           poll(&watched, 1, 0) == 0;
}

static void test_kqueue__open_fails_without_memory(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    heap.fail_at = 1;
    void *opaque = NULL;
    assert_int_equal(loop_kqueue_backend()->open(&heap.allocator, &opaque),
                     ENOMEM);
    assert_null(opaque);
    assert_true(test_heap_is_clean(&heap));
}

static void test_kqueue__watching_follows_what_is_wanted(void **state)
{
    (void)state;
    static const unsigned both = LOOP_READABLE | LOOP_WRITABLE;
    // Every step from each set to each other.
    static const unsigned steps[] = {
        0,
        LOOP_READABLE,
        0,
        LOOP_WRITABLE,
        0,
        both,
        0,
        0,
        LOOP_READABLE,
        LOOP_READABLE,
        both,
        both,
        LOOP_READABLE,
        LOOP_WRITABLE,
        LOOP_WRITABLE,
        LOOP_READABLE,
        LOOP_WRITABLE,
        both,
        LOOP_WRITABLE,
        0,
    };
    struct kqueue_test test;
    kqueue_test_begin(&test);
    kqueue_test_send(&test);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        kqueue_test_watch(&test, steps[i]);
        for (int turn = 0; turn < 3; turn++) {
            assert_int_equal(kqueue_test_found(&test), steps[i]);
        }
    }
    test.backend->unwatch(test.state, &test.source);
    assert_int_equal(test.source.slot, 0);
    assert_true(kqueue_test_is_silent(&test));
    kqueue_test_end(&test);
}

static void test_kqueue__end_of_reading_is_no_failure(void **state)
{
    (void)state;
    struct kqueue_test test;
    kqueue_test_begin(&test);
    kqueue_test_watch(&test, LOOP_READABLE | LOOP_WRITABLE);
    kqueue_test_send(&test);
    shutdown(test.fds[1], SHUT_WR);
    assert_int_equal(kqueue_test_found(&test), LOOP_READABLE | LOOP_WRITABLE);
    char bytes[8];
    assert_int_equal(read(test.fds[0], bytes, sizeof bytes), 1);
    assert_int_equal(kqueue_test_found(&test), LOOP_READABLE | LOOP_WRITABLE);
    kqueue_test_watch(&test, LOOP_READABLE);
    assert_int_equal(kqueue_test_found(&test), LOOP_READABLE);
    shutdown(test.fds[0], SHUT_WR);
    assert_int_equal(kqueue_test_found(&test), LOOP_READABLE | LOOP_FAILED);
    kqueue_test_end(&test);
}

static void test_kqueue__hang_up_is_failure(void **state)
{
    (void)state;
    static const unsigned wanted[] = {0, LOOP_READABLE, LOOP_WRITABLE};
    for (int i = 0; i < 3; i++) {
        struct kqueue_test test;
        kqueue_test_begin(&test);
        kqueue_test_watch(&test, wanted[i]);
        close(test.fds[1]);
        test.fds[1] = -1;
        for (int turn = 0; turn < 3; turn++) {
            assert_int_equal(kqueue_test_found(&test), wanted[i] | LOOP_FAILED);
        }
        kqueue_test_end(&test);
    }
}

// A pipe has not got two directions: its end is a failure for both ends.
static void test_kqueue__end_of_a_pipe_is_failure(void **state)
{
    (void)state;
    static const unsigned wanted[] = {LOOP_READABLE, LOOP_WRITABLE};
    for (int end = 0; end < 2; end++) {
        struct kqueue_test test;
        int fds[2];
        kqueue_test_begin(&test);
        assert_int_equal(pipe(fds), 0);
        test.source.fd = fds[end];
        kqueue_test_watch(&test, wanted[end]);
        close(fds[1 - end]);
        assert_int_equal(kqueue_test_found(&test), wanted[end] | LOOP_FAILED);
        kqueue_test_watch(&test, 0);
        assert_int_equal(kqueue_test_found(&test), LOOP_FAILED);
        test.backend->unwatch(test.state, &test.source);
        close(fds[end]);
        kqueue_test_end(&test);
    }
}

// kqueue_test_tcp has the source be one end of a TCP connection; the other is
// returned.
static int kqueue_test_tcp(struct kqueue_test *test)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct sockaddr *system = (struct sockaddr *)(void *)&address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, system, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, system, &size), 0);
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(peer, system, size), 0);
    test->source.fd = accept(listener, NULL, NULL);
    assert_true(test->source.fd >= 0);
    close(listener);
    return peer;
}

static void test_kqueue__reset_is_failure(void **state)
{
    (void)state;
    static const unsigned wanted[] = {0, LOOP_READABLE, LOOP_WRITABLE};
    for (int i = 0; i < 3; i++) {
        struct kqueue_test test;
        kqueue_test_begin(&test);
        int peer = kqueue_test_tcp(&test);
        kqueue_test_watch(&test, wanted[i]);
        assert_int_equal(kqueue_test_found(&test) & ~wanted[i], 0);
        const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        assert_int_equal(
            setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once),
            0);
        close(peer);
        for (int turn = 0; turn < 3; turn++) {
            assert_int_equal(kqueue_test_found(&test), wanted[i] | LOOP_FAILED);
        }
        // The error is still there for the owner to ask.
        int error = 0;
        socklen_t size = sizeof error;
        assert_int_equal(
            getsockopt(test.source.fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
        assert_int_equal(error, ECONNRESET);
        test.backend->unwatch(test.state, &test.source);
        close(test.source.fd);
        kqueue_test_end(&test);
    }
}

// What is watched for nothing stays silent over data and over the end of it,
// wakes nobody up for long, and then still tells of the failure.
static void test_kqueue__nothing_wanted_is_silent(void **state)
{
    (void)state;
    struct kqueue_test test;
    kqueue_test_begin(&test);
    kqueue_test_watch(&test, 0);
    assert_true(kqueue_test_is_silent(&test));
    for (int i = 0; i < 3; i++) {
        kqueue_test_send(&test);
        assert_int_equal(kqueue_test_found(&test), 0);
        assert_true(kqueue_test_is_silent(&test));
    }
    shutdown(test.fds[1], SHUT_WR);
    assert_int_equal(kqueue_test_found(&test), 0);
    assert_true(kqueue_test_is_silent(&test));
    // From quiet to not quiet and back.
    kqueue_test_watch(&test, LOOP_READABLE);
    assert_int_equal(kqueue_test_found(&test), LOOP_READABLE);
    assert_int_equal(kqueue_test_found(&test), LOOP_READABLE);
    kqueue_test_watch(&test, 0);
    assert_int_equal(kqueue_test_found(&test), 0);
    assert_true(kqueue_test_is_silent(&test));
    close(test.fds[1]);
    test.fds[1] = -1;
    assert_int_equal(kqueue_test_found(&test), LOOP_FAILED);
    assert_int_equal(kqueue_test_found(&test), LOOP_FAILED);
    kqueue_test_end(&test);
}

static void test_kqueue__room_to_write_wakes_nobody(void **state)
{
    (void)state;
    static const unsigned wanted[] = {0, LOOP_READABLE};
    static char bytes[65536];
    for (int i = 0; i < 2; i++) {
        struct kqueue_test test;
        kqueue_test_begin(&test);
        while (send(test.fds[0], bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
        }
        kqueue_test_watch(&test, wanted[i]);
        assert_true(kqueue_test_is_silent(&test));
        while (recv(test.fds[1], bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
        }
        struct pollfd watched = {
            .fd = test.backend->fd(test.state),
            .events = POLLIN,
        };
        assert_int_equal(poll(&watched, 1, 0), 0);
        kqueue_test_end(&test);
    }
}

static void test_kqueue__closed_descriptor_is_forgotten(void **state)
{
    (void)state;
    struct kqueue_test test;
    kqueue_test_begin(&test);
    kqueue_test_watch(&test, LOOP_READABLE | LOOP_WRITABLE);
    kqueue_test_send(&test);
    int number = test.source.fd;
    close(number);
    assert_true(kqueue_test_is_silent(&test));
    test.backend->unwatch(test.state, &test.source);
    assert_int_equal(test.source.slot, 0);
    close(test.fds[1]);
    // Its number may be that of another one before it is unwatched.
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, test.fds), 0);
    assert_int_equal(test.fds[0], number);
    kqueue_test_watch(&test, LOOP_READABLE);
    close(test.fds[1]);
    close(test.fds[0]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, test.fds), 0);
    assert_int_equal(test.fds[0], number);
    kqueue_test_send(&test);
    assert_true(kqueue_test_is_silent(&test));
    test.backend->unwatch(test.state, &test.source);
    kqueue_test_watch(&test, LOOP_READABLE);
    assert_int_equal(kqueue_test_found(&test), LOOP_READABLE);
    kqueue_test_end(&test);
}

static void test_kqueue__no_descriptor_is_refused(void **state)
{
    (void)state;
    struct kqueue_test test;
    kqueue_test_begin(&test);
    struct loop_source none = {.fd = -1};
    assert_int_equal(test.backend->watch(test.state, &none, LOOP_READABLE),
                     EBADF);
    assert_int_equal(none.slot, 0);
    close(test.fds[1]);
    none.fd = test.fds[1];
    assert_int_equal(test.backend->watch(test.state, &none, 0), EBADF);
    assert_int_equal(none.slot, 0);
    test.fds[1] = -1;
    kqueue_test_end(&test);
}

static void test_kqueue__has_a_descriptor(void **state)
{
    (void)state;
    struct kqueue_test test;
    kqueue_test_begin(&test);
    kqueue_test_watch(&test, LOOP_READABLE);
    struct pollfd watched = {
        .fd = test.backend->fd(test.state),
        .events = POLLIN,
    };
    assert_int_equal(fcntl(watched.fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(poll(&watched, 1, 0), 0);
    kqueue_test_send(&test);
    assert_int_equal(poll(&watched, 1, 0), 1);
    test.backend->unwatch(test.state, &test.source);
    assert_int_equal(poll(&watched, 1, 0), 0);
    kqueue_test_end(&test);
}

# if defined(__linux__)

// What the shim can be told to do.

// kqueue_test_poll_is_poor: poll tells nothing of ends, as on some systems.
static bool kqueue_test_poll_is_poor;

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    const struct timespec timeout = {
        .tv_sec = timeout_ms / 1000,
        .tv_nsec = timeout_ms % 1000 * 1000000L,
    };
    int found = ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
    for (nfds_t i = 0; kqueue_test_poll_is_poor && i < count; i++) {
        fds[i].revents &= ~(POLLERR | POLLHUP);
    }
    return found;
}

static void test_kqueue__ends_need_no_poll(void **state)
{
    (void)state;
    for (int is_pipe = 0; is_pipe < 2; is_pipe++) {
        struct kqueue_test test;
        int fds[2];
        kqueue_test_begin(&test);
        if (is_pipe) {
            assert_int_equal(pipe(fds), 0);
            test.source.fd = fds[0];
        } else {
            fds[1] = kqueue_test_tcp(&test);
        }
        kqueue_test_poll_is_poor = true;
        kqueue_test_watch(&test, LOOP_READABLE);
        if (!is_pipe) {
            shutdown(fds[1], SHUT_WR);
            assert_int_equal(kqueue_test_found(&test), LOOP_READABLE);
            shutdown(test.source.fd, SHUT_WR);
        }
        close(fds[1]);
        assert_int_equal(kqueue_test_found(&test), LOOP_READABLE | LOOP_FAILED);
        kqueue_test_poll_is_poor = false;
        test.backend->unwatch(test.state, &test.source);
        close(test.source.fd);
        kqueue_test_end(&test);
    }
}

static void test_kqueue__error_of_an_event_is_failure(void **state)
{
    (void)state;
    struct kqueue_test test;
    kqueue_test_begin(&test);
    kqueue_test_watch(&test, LOOP_WRITABLE);
    kqueue_shim.error = EIO;
    assert_int_equal(kqueue_test_found(&test), LOOP_WRITABLE | LOOP_FAILED);
    assert_int_equal(kqueue_test_found(&test), LOOP_WRITABLE);
    kqueue_test_end(&test);
}

static void test_kqueue__interrupted_change_is_made(void **state)
{
    (void)state;
    struct kqueue_test test;
    kqueue_test_begin(&test);
    kqueue_shim.interrupt = true;
    kqueue_test_watch(&test, LOOP_WRITABLE);
    assert_false(kqueue_shim.interrupt);
    assert_int_equal(kqueue_test_found(&test), LOOP_WRITABLE);
    kqueue_test_end(&test);
}

static void test_kqueue__time_is_passed_on(void **state)
{
    (void)state;
    struct kqueue_test test;
    kqueue_test_begin(&test);
    kqueue_test_watch(&test, LOOP_WRITABLE);
    static const int timeouts_ms[] = {0, 1, 999, 1000, 12345, INT_MAX};
    for (int i = 0; i < 6; i++) {
        int ms = timeouts_ms[i];
        assert_int_equal(
            test.backend->wait(test.state, ms, test.ready, &test.count), 0);
        assert_int_equal(test.count, 1);
        assert_false(kqueue_shim.was_endless);
        assert_int_equal(kqueue_shim.timeout.tv_sec, ms / 1000);
        assert_int_equal(kqueue_shim.timeout.tv_nsec, ms % 1000 * 1000000L);
    }
    assert_int_equal(
        test.backend->wait(test.state, -1, test.ready, &test.count), 0);
    assert_true(kqueue_shim.was_endless);
    kqueue_test_end(&test);
}

static void test_kqueue__refused_change_leaves_what_was(void **state)
{
    (void)state;
    static const unsigned sets[] = {0, LOOP_READABLE, LOOP_WRITABLE,
                                    LOOP_READABLE | LOOP_WRITABLE};
    for (int from = 0; from < 4; from++) {
        for (int to = 0; to < 4; to++) {
            for (int refuse = 1;; refuse++) {
                struct kqueue_test test;
                kqueue_test_begin(&test);
                kqueue_test_send(&test);
                kqueue_test_watch(&test, sets[from]);
                kqueue_shim.refuse = refuse;
                int error =
                    test.backend->watch(test.state, &test.source, sets[to]);
                bool refused = kqueue_shim.refuse == 0;
                kqueue_shim.refuse = 0;
                assert_int_equal(error, refused ? ENOMEM : 0);
                assert_int_equal(kqueue_test_found(&test),
                                 sets[refused ? from : to]);
                close(test.fds[1]);
                test.fds[1] = -1;
                assert_true((kqueue_test_found(&test) & LOOP_FAILED) != 0);
                kqueue_test_end(&test);
                if (!refused) {
                    break;
                }
            }
        }
    }
}

static void test_kqueue__refused_source_is_not_watched(void **state)
{
    (void)state;
    static const unsigned wanted[] = {0, LOOP_READABLE, LOOP_WRITABLE,
                                      LOOP_READABLE | LOOP_WRITABLE};
    for (int i = 0; i < 4; i++) {
        int adds = i == 3 ? 2 : 1;
        for (int refuse = 1; refuse <= adds; refuse++) {
            struct kqueue_test test;
            kqueue_test_begin(&test);
            kqueue_test_send(&test);
            kqueue_shim.refuse = refuse;
            assert_int_equal(
                test.backend->watch(test.state, &test.source, wanted[i]),
                ENOMEM);
            assert_int_equal(test.source.slot, 0);
            assert_true(kqueue_test_is_silent(&test));
            kqueue_test_end(&test);
        }
    }
}

static void test_kqueue__quiet_failure_without_memory_is_told_once(void **state)
{
    (void)state;
    struct kqueue_test test;
    kqueue_test_begin(&test);
    kqueue_test_watch(&test, 0);
    close(test.fds[1]);
    test.fds[1] = -1;
    kqueue_shim.refuse = 1;
    assert_int_equal(kqueue_test_found(&test), LOOP_FAILED);
    assert_int_not_equal(test.source.slot, 0);
    assert_true(kqueue_test_is_silent(&test));
    kqueue_test_watch(&test, LOOP_READABLE);
    assert_int_equal(kqueue_test_found(&test), LOOP_READABLE | LOOP_FAILED);
    kqueue_test_end(&test);
}

// What a connection does all the time costs one call.
static void test_kqueue__common_changes_are_one_call(void **state)
{
    (void)state;
    static const struct {
        unsigned from;
        unsigned to;
        unsigned calls;
    } rows[] = {
        {LOOP_READABLE, LOOP_READABLE | LOOP_WRITABLE, 1},
        {LOOP_READABLE | LOOP_WRITABLE, LOOP_READABLE, 1},
        {LOOP_WRITABLE, LOOP_READABLE | LOOP_WRITABLE, 1},
        {LOOP_READABLE, LOOP_READABLE, 0},
        {LOOP_WRITABLE, LOOP_READABLE, 2},
        {LOOP_READABLE, 0, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kqueue_test test;
        kqueue_test_begin(&test);
        kqueue_test_watch(&test, rows[i].from);
        unsigned long before = kqueue_shim.calls;
        kqueue_test_watch(&test, rows[i].to);
        assert_int_equal(kqueue_shim.calls - before, rows[i].calls);
        kqueue_test_end(&test);
    }
}

# endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kqueue__open_fails_without_memory),
        cmocka_unit_test(test_kqueue__watching_follows_what_is_wanted),
        cmocka_unit_test(test_kqueue__end_of_reading_is_no_failure),
        cmocka_unit_test(test_kqueue__hang_up_is_failure),
        cmocka_unit_test(test_kqueue__end_of_a_pipe_is_failure),
        cmocka_unit_test(test_kqueue__reset_is_failure),
        cmocka_unit_test(test_kqueue__nothing_wanted_is_silent),
        cmocka_unit_test(test_kqueue__room_to_write_wakes_nobody),
        cmocka_unit_test(test_kqueue__closed_descriptor_is_forgotten),
        cmocka_unit_test(test_kqueue__no_descriptor_is_refused),
        cmocka_unit_test(test_kqueue__has_a_descriptor),
# if defined(__linux__)
        cmocka_unit_test(test_kqueue__ends_need_no_poll),
        cmocka_unit_test(test_kqueue__error_of_an_event_is_failure),
        cmocka_unit_test(test_kqueue__interrupted_change_is_made),
        cmocka_unit_test(test_kqueue__time_is_passed_on),
        cmocka_unit_test(test_kqueue__refused_change_leaves_what_was),
        cmocka_unit_test(test_kqueue__refused_source_is_not_watched),
        cmocka_unit_test(
            test_kqueue__quiet_failure_without_memory_is_told_once),
        cmocka_unit_test(test_kqueue__common_changes_are_one_call),
# endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_kqueue__is_not_of_this_system(void **state)
{
    (void)state;
    struct test_heap heap;
    struct loop loop;
    test_heap_init(&heap);
    assert_false(
        loop_init(&loop, &heap.allocator, loop_system_port(), "kqueue"));
    assert_int_equal(loop.error, EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kqueue__is_not_of_this_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
