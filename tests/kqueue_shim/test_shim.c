// SPDX-License-Identifier: MIT
// The shim does what the manual pages kqueue(2) of the BSDs say.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHIM_TEST_MANY = 100 };

struct shim_test {
    int queue;
    int fds[2]; // a stream of two directions
    struct kevent found[SHIM_TEST_MANY];
};

static const struct timespec shim_test_at_once;

static void shim_test_begin(struct shim_test *test)
{
    test->queue = kqueue();
    assert_true(test->queue >= 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, test->fds), 0);
}

static void shim_test_end(struct shim_test *test)
{
    close(test->queue);
    close(test->fds[0]);
    close(test->fds[1]);
}

static struct kevent shim_test_make(int fd, int filter, unsigned flags)
{
    struct kevent change;
    memset(&change, 0, sizeof change);
    change.ident = (uintptr_t)fd;
    change.filter = (short)filter;
    change.flags = (unsigned short)flags;
    return change;
}

// shim_test_change is 0 or an errno.
static int shim_test_change(struct shim_test *test, int fd, int filter,
                            unsigned flags)
{
    struct kevent change = shim_test_make(fd, filter, flags);
    return kevent(test->queue, &change, 1, NULL, 0, NULL) == 0 ? 0 : errno;
}

static void shim_test_add(struct shim_test *test, int filter, unsigned flags)
{
    assert_int_equal(
        shim_test_change(test, test->fds[0], filter, EV_ADD | flags), 0);
}

static int shim_test_wait(struct shim_test *test)
{
    return kevent(test->queue, NULL, 0, test->found, SHIM_TEST_MANY,
                  &shim_test_at_once);
}

static bool shim_test_is_readable(const struct shim_test *test)
{
    struct pollfd watched = {.fd = test->queue, .events = POLLIN};
    return poll(&watched, 1, 0) == 1;
}

static void shim_test_send(const struct shim_test *test)
{
    assert_int_equal(write(test->fds[1], "xyz", 3), 3);
}

static void shim_test_expect(const struct kevent *event, int fd, int filter,
                             unsigned eof)
{
    assert_int_equal(event->ident, fd);
    assert_int_equal(event->filter, filter);
    assert_int_equal(event->flags & EV_EOF, eof);
    assert_int_equal(event->flags & EV_ERROR, 0);
}

// Changes.

static void test_shim__an_event_carries_what_it_was_given(void **state)
{
    (void)state;
    struct shim_test test;
    int first = 0;
    int second = 0;
    shim_test_begin(&test);
    struct kevent change = shim_test_make(test.fds[0], EVFILT_READ, EV_ADD);
    change.udata = &first;
    assert_int_equal(kevent(test.queue, &change, 1, NULL, 0, NULL), 0);
    assert_int_equal(shim_test_wait(&test), 0);
    shim_test_send(&test);
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_expect(&test.found[0], test.fds[0], EVFILT_READ, 0);
    assert_ptr_equal(test.found[0].udata, &first);
    assert_int_equal(test.found[0].data, 3);
    // Adding it again makes no second one, but changes its parameters.
    change.udata = &second;
    assert_int_equal(kevent(test.queue, &change, 1, NULL, 0, NULL), 0);
    assert_int_equal(shim_test_wait(&test), 1);
    assert_ptr_equal(test.found[0].udata, &second);
    shim_test_end(&test);
}

static void test_shim__filters_are_apart(void **state)
{
    (void)state;
    struct shim_test test;
    shim_test_begin(&test);
    shim_test_add(&test, EVFILT_READ, 0);
    shim_test_add(&test, EVFILT_WRITE, 0);
    shim_test_send(&test);
    assert_int_equal(shim_test_wait(&test), 2);
    assert_int_not_equal(test.found[0].filter, test.found[1].filter);
    assert_int_equal(
        shim_test_change(&test, test.fds[0], EVFILT_READ, EV_DELETE), 0);
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_expect(&test.found[0], test.fds[0], EVFILT_WRITE, 0);
    shim_test_end(&test);
}

static void test_shim__disabled_is_not_returned(void **state)
{
    (void)state;
    struct shim_test test;
    shim_test_begin(&test);
    shim_test_add(&test, EVFILT_READ, EV_DISABLE);
    shim_test_send(&test);
    assert_int_equal(shim_test_wait(&test), 0);
    assert_false(shim_test_is_readable(&test));
    int fd = test.fds[0];
    assert_int_equal(shim_test_change(&test, fd, EVFILT_READ, EV_ENABLE), 0);
    assert_int_equal(shim_test_wait(&test), 1);
    assert_int_equal(shim_test_change(&test, fd, EVFILT_READ, EV_DISABLE), 0);
    assert_int_equal(shim_test_wait(&test), 0);
    // Adding enables.
    shim_test_add(&test, EVFILT_READ, 0);
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_end(&test);
}

static void test_shim__wrong_changes_are_refused(void **state)
{
    (void)state;
    struct shim_test test;
    shim_test_begin(&test);
    int fd = test.fds[0];
    assert_int_equal(shim_test_change(&test, fd, EVFILT_READ, EV_DELETE),
                     ENOENT);
    assert_int_equal(shim_test_change(&test, fd, EVFILT_READ, EV_ENABLE),
                     ENOENT);
    shim_test_add(&test, EVFILT_WRITE, 0);
    assert_int_equal(shim_test_change(&test, fd, EVFILT_READ, EV_DISABLE),
                     ENOENT);
    assert_int_equal(shim_test_change(&test, fd, 77, EV_ADD), EINVAL);
    assert_int_equal(shim_test_change(&test, -1, EVFILT_READ, EV_ADD), EBADF);
    assert_int_equal(shim_test_change(&test, 9999, EVFILT_READ, EV_DELETE),
                     EBADF);
    test.queue += 1000;
    assert_int_equal(shim_test_wait(&test), -1);
    assert_int_equal(errno, EBADF);
    test.queue -= 1000;
    const struct timespec wrong = {.tv_nsec = 1000000000};
    assert_int_equal(kevent(test.queue, NULL, 0, test.found, 1, &wrong), -1);
    assert_int_equal(errno, EINVAL);
    shim_test_end(&test);
}

// An error goes into the list of events where that has room, and the other
// changes are made.
static void test_shim__errors_are_events_where_there_is_room(void **state)
{
    (void)state;
    struct shim_test test;
    shim_test_begin(&test);
    int fd = test.fds[0];
    const struct kevent changes[] = {
        shim_test_make(fd, EVFILT_READ, EV_DELETE),
        shim_test_make(fd, EVFILT_WRITE, EV_ADD),
        shim_test_make(9999, EVFILT_READ, EV_ADD),
    };
    assert_int_equal(
        kevent(test.queue, changes, 3, test.found, 2, &shim_test_at_once), 2);
    assert_int_equal(test.found[0].flags & EV_ERROR, EV_ERROR);
    assert_int_equal(test.found[0].data, ENOENT);
    assert_int_equal(test.found[0].ident, fd);
    assert_int_equal(test.found[1].flags & EV_ERROR, EV_ERROR);
    assert_int_equal(test.found[1].data, EBADF);
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_expect(&test.found[0], fd, EVFILT_WRITE, 0);
    // Without room the first error ends it.
    const struct kevent more[] = {
        shim_test_make(fd, EVFILT_READ, EV_DELETE),
        shim_test_make(fd, EVFILT_WRITE, EV_DELETE),
    };
    assert_int_equal(kevent(test.queue, more, 2, NULL, 0, NULL), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_end(&test);
}

static void test_shim__receipts_are_given_for_success(void **state)
{
    (void)state;
    struct shim_test test;
    shim_test_begin(&test);
    struct kevent changes[] = {
        shim_test_make(test.fds[0], EVFILT_WRITE, EV_ADD | EV_RECEIPT),
        shim_test_make(test.fds[0], EVFILT_READ, EV_DELETE | EV_RECEIPT),
    };
    // (One array may serve as both.)
    assert_int_equal(kevent(test.queue, changes, 2, changes, 2, NULL), 2);
    assert_int_equal(changes[0].flags & EV_ERROR, EV_ERROR);
    assert_int_equal(changes[0].data, 0);
    assert_int_equal(changes[1].data, ENOENT);
    shim_test_end(&test);
}

// Reports.

static void test_shim__reports_are_by_level(void **state)
{
    (void)state;
    struct shim_test test;
    char bytes[8];
    shim_test_begin(&test);
    shim_test_add(&test, EVFILT_READ, 0);
    shim_test_send(&test);
    for (int i = 0; i < 3; i++) {
        assert_true(shim_test_is_readable(&test));
        assert_int_equal(shim_test_wait(&test), 1);
    }
    assert_int_equal(read(test.fds[0], bytes, sizeof bytes), 3);
    assert_false(shim_test_is_readable(&test));
    assert_int_equal(shim_test_wait(&test), 0);
    shim_test_end(&test);
}

static void test_shim__clear_reports_once_for_each_arrival(void **state)
{
    (void)state;
    struct shim_test test;
    shim_test_begin(&test);
    // What is there already counts as an arrival.
    shim_test_send(&test);
    shim_test_add(&test, EVFILT_READ, EV_CLEAR);
    for (int i = 0; i < 3; i++) {
        assert_true(shim_test_is_readable(&test));
        assert_int_equal(shim_test_wait(&test), 1);
        assert_int_equal(shim_test_wait(&test), 0);
        assert_false(shim_test_is_readable(&test));
        shim_test_send(&test);
    }
    // Adding it again, without the flag, does not take the flag away.
    shim_test_add(&test, EVFILT_READ, 0);
    assert_int_equal(shim_test_wait(&test), 1);
    assert_int_equal(shim_test_wait(&test), 0);
    int fd = test.fds[0];
    assert_int_equal(shim_test_change(&test, fd, EVFILT_READ, EV_DELETE), 0);
    shim_test_add(&test, EVFILT_READ, 0);
    assert_int_equal(shim_test_wait(&test), 1);
    assert_int_equal(shim_test_wait(&test), 1);
    // Nor does adding it with the flag bring it.
    shim_test_add(&test, EVFILT_READ, EV_CLEAR);
    assert_int_equal(shim_test_wait(&test), 1);
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_end(&test);
}

static void test_shim__once_and_dispatch(void **state)
{
    (void)state;
    struct shim_test test;
    shim_test_begin(&test);
    int fd = test.fds[0];
    shim_test_send(&test);
    shim_test_add(&test, EVFILT_READ, EV_ONESHOT);
    assert_int_equal(shim_test_wait(&test), 1);
    assert_int_equal(shim_test_wait(&test), 0);
    assert_int_equal(shim_test_change(&test, fd, EVFILT_READ, EV_ENABLE),
                     ENOENT);
    shim_test_add(&test, EVFILT_READ, EV_DISPATCH);
    assert_int_equal(shim_test_wait(&test), 1);
    assert_int_equal(shim_test_wait(&test), 0);
    assert_int_equal(shim_test_change(&test, fd, EVFILT_READ, EV_ENABLE), 0);
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_end(&test);
}

// A list that is smaller than what is ready: all have their turn.
static void shim_test_small_list(unsigned flags, int rounds)
{
    struct shim_test test;
    int fds[SHIM_TEST_MANY][2];
    shim_test_begin(&test);
    for (int i = 0; i < SHIM_TEST_MANY; i++) {
        assert_int_equal(pipe(fds[i]), 0);
        assert_int_equal(write(fds[i][1], "x", 1), 1);
        assert_int_equal(
            shim_test_change(&test, fds[i][0], EVFILT_READ, EV_ADD | flags), 0);
    }
    int seen[SHIM_TEST_MANY] = {0};
    for (int taken = 0; taken < rounds * SHIM_TEST_MANY;) {
        assert_true(shim_test_is_readable(&test));
        int count =
            kevent(test.queue, NULL, 0, test.found, 7, &shim_test_at_once);
        assert_in_range(count, 1, 7);
        for (int k = 0; k < count; k++) {
            for (int i = 0; i < SHIM_TEST_MANY; i++) {
                seen[i] += test.found[k].ident == (uintptr_t)fds[i][0];
            }
        }
        taken += count;
    }
    for (int i = 0; i < SHIM_TEST_MANY; i++) {
        // (The last list may begin another round.)
        assert_in_range(seen[i], rounds, rounds + 1);
        close(fds[i][0]);
        close(fds[i][1]);
    }
    assert_int_equal(shim_test_wait(&test), 0);
    shim_test_end(&test);
}

static void test_shim__all_have_their_turn(void **state)
{
    (void)state;
    shim_test_small_list(0, 3);
    shim_test_small_list(EV_CLEAR, 1);
}

static void test_shim__two_filters_take_turns(void **state)
{
    (void)state;
    struct shim_test test;
    int seen = 0;
    shim_test_begin(&test);
    shim_test_add(&test, EVFILT_READ, 0);
    shim_test_add(&test, EVFILT_WRITE, 0);
    shim_test_send(&test);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            kevent(test.queue, NULL, 0, test.found, 1, &shim_test_at_once), 1);
        seen += test.found[0].filter == EVFILT_READ;
    }
    assert_int_equal(seen, 2);
    shim_test_end(&test);
}

// Ends.

static void test_shim__end_of_sending_is_eof_of_reading(void **state)
{
    (void)state;
    struct shim_test test;
    char bytes[8];
    shim_test_begin(&test);
    shim_test_add(&test, EVFILT_READ, 0);
    shim_test_send(&test);
    shutdown(test.fds[1], SHUT_WR);
    // It may come while there is still something to read.
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_expect(&test.found[0], test.fds[0], EVFILT_READ, EV_EOF);
    assert_int_equal(test.found[0].data, 3);
    assert_int_equal(test.found[0].fflags, 0);
    assert_int_equal(read(test.fds[0], bytes, sizeof bytes), 3);
    assert_int_equal(shim_test_wait(&test), 1);
    assert_int_equal(test.found[0].data, 0);
    shim_test_add(&test, EVFILT_WRITE, 0);
    assert_int_equal(shim_test_wait(&test), 2);
    bool first = test.found[0].filter == EVFILT_WRITE;
    shim_test_expect(&test.found[first ? 0 : 1], test.fds[0], EVFILT_WRITE, 0);
    shim_test_end(&test);
}

static void test_shim__nobody_to_read_is_eof_of_writing(void **state)
{
    (void)state;
    struct shim_test test;
    int fds[2];
    shim_test_begin(&test);
    shim_test_add(&test, EVFILT_WRITE, 0);
    close(test.fds[1]);
    test.fds[1] = -1;
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_expect(&test.found[0], test.fds[0], EVFILT_WRITE, EV_EOF);
    assert_int_equal(
        shim_test_change(&test, test.fds[0], EVFILT_WRITE, EV_DELETE), 0);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(shim_test_change(&test, fds[1], EVFILT_WRITE, EV_ADD), 0);
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_expect(&test.found[0], fds[1], EVFILT_WRITE, 0);
    close(fds[0]);
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_expect(&test.found[0], fds[1], EVFILT_WRITE, EV_EOF);
    assert_int_equal(test.found[0].fflags, 0);
    close(fds[1]);
    shim_test_end(&test);
}

static void test_shim__nobody_to_write_is_eof_of_a_pipe(void **state)
{
    (void)state;
    struct shim_test test;
    int fds[2];
    shim_test_begin(&test);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(shim_test_change(&test, fds[0], EVFILT_READ, EV_ADD), 0);
    assert_int_equal(shim_test_wait(&test), 0);
    close(fds[1]);
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_expect(&test.found[0], fds[0], EVFILT_READ, EV_EOF);
    close(fds[0]);
    shim_test_end(&test);
}

static void test_shim__closed_descriptors_vanish(void **state)
{
    (void)state;
    struct shim_test test;
    shim_test_begin(&test);
    int fd = test.fds[0];
    shim_test_add(&test, EVFILT_READ, 0);
    shim_test_add(&test, EVFILT_WRITE, 0);
    shim_test_send(&test);
    close(fd);
    assert_int_equal(shim_test_wait(&test), 0);
    assert_false(shim_test_is_readable(&test));
    assert_int_equal(shim_test_change(&test, fd, EVFILT_READ, EV_DELETE),
                     EBADF);
    close(test.fds[1]);
    // Another one of that number has nothing of it.
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, test.fds), 0);
    assert_int_equal(test.fds[0], fd);
    shim_test_send(&test);
    assert_int_equal(shim_test_wait(&test), 0);
    assert_int_equal(shim_test_change(&test, fd, EVFILT_READ, EV_DELETE),
                     ENOENT);
    shim_test_add(&test, EVFILT_READ, 0);
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_end(&test);
}

static void test_shim__closed_queue_is_gone(void **state)
{
    (void)state;
    struct shim_test test;
    shim_test_begin(&test);
    shim_test_add(&test, EVFILT_WRITE, 0);
    int number = test.queue;
    close(test.queue);
    test.queue = kqueue();
    assert_int_equal(test.queue, number);
    assert_int_equal(shim_test_wait(&test), 0);
    shim_test_end(&test);
}

static void test_shim__child_has_no_queue(void **state)
{
    (void)state;
    struct shim_test test;
    shim_test_begin(&test);
    shim_test_add(&test, EVFILT_WRITE, 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool has_none = shim_test_wait(&test) == -1 && errno == EBADF;
        _exit(has_none ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(shim_test_wait(&test), 1);
    shim_test_end(&test);
}

// Time.

static void test_shim__without_room_nothing_is_waited_for(void **state)
{
    (void)state;
    struct shim_test test;
    shim_test_begin(&test);
    shim_test_add(&test, EVFILT_WRITE, 0);
    assert_int_equal(kevent(test.queue, NULL, 0, NULL, 0, NULL), 0);
    shim_test_end(&test);
}

static void shim_test_on_alarm(int number)
{
    (void)number;
}

static void test_shim__waits_until_the_time_or_a_signal(void **state)
{
    (void)state;
    struct shim_test test;
    shim_test_begin(&test);
    shim_test_add(&test, EVFILT_READ, 0);
    const struct timespec soon = {.tv_nsec = 2000000};
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(kevent(test.queue, NULL, 0, test.found, 1, &soon), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec -
                    before.tv_nsec >=
                2000000);
    struct sigaction action = {.sa_handler = shim_test_on_alarm};
    struct sigaction kept;
    assert_int_equal(sigaction(SIGALRM, &action, &kept), 0);
    const struct itimerval timer = {
        .it_interval = {.tv_usec = 2000},
        .it_value = {.tv_usec = 2000},
    };
    const struct itimerval none = {.it_value = {.tv_usec = 0}};
    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
    assert_int_equal(kevent(test.queue, NULL, 0, test.found, 1, NULL), -1);
    assert_int_equal(errno, EINTR);
    assert_int_equal(setitimer(ITIMER_REAL, &none, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &kept, NULL), 0);
    shim_test_end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shim__an_event_carries_what_it_was_given),
        cmocka_unit_test(test_shim__filters_are_apart),
        cmocka_unit_test(test_shim__disabled_is_not_returned),
        cmocka_unit_test(test_shim__wrong_changes_are_refused),
        cmocka_unit_test(test_shim__errors_are_events_where_there_is_room),
        cmocka_unit_test(test_shim__receipts_are_given_for_success),
        cmocka_unit_test(test_shim__reports_are_by_level),
        cmocka_unit_test(test_shim__clear_reports_once_for_each_arrival),
        cmocka_unit_test(test_shim__once_and_dispatch),
        cmocka_unit_test(test_shim__all_have_their_turn),
        cmocka_unit_test(test_shim__two_filters_take_turns),
        cmocka_unit_test(test_shim__end_of_sending_is_eof_of_reading),
        cmocka_unit_test(test_shim__nobody_to_read_is_eof_of_writing),
        cmocka_unit_test(test_shim__nobody_to_write_is_eof_of_a_pipe),
        cmocka_unit_test(test_shim__closed_descriptors_vanish),
        cmocka_unit_test(test_shim__closed_queue_is_gone),
        cmocka_unit_test(test_shim__child_has_no_queue),
        cmocka_unit_test(test_shim__without_room_nothing_is_waited_for),
        cmocka_unit_test(test_shim__waits_until_the_time_or_a_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
