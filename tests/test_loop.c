// SPDX-License-Identifier: MIT
// Every case runs once per back end, whose name is the initial state.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/loop.h"
#include "loop/loop_clock.h"

enum { LOOP_TEST_MANY = 150 }; // more descriptors than one wait reports

struct loop_test {
    struct test_heap heap;
    struct loop loop;
};

// A stream whose ends are a watched source and a plain descriptor.
struct loop_pair {
    struct loop_source source;
    int other;
};

static void loop_test_begin(struct loop_test *test, void **state)
{
    test_heap_init(&test->heap);
    assert_true(loop_init(&test->loop, &test->heap.allocator,
                          loop_system_port(), *state));
    assert_string_equal(test->loop.backend->name, *state);
}

static void loop_test_end(struct loop_test *test)
{
    loop_fini(&test->loop);
    assert_true(test_heap_is_clean(&test->heap));
}

static void loop_pair_open(struct loop_pair *pair)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    *pair = (struct loop_pair){.source = {.fd = fds[0]}, .other = fds[1]};
}

static void loop_pair_close(struct loop_test *test, struct loop_pair *pair)
{
    loop_unwatch(&test->loop, &pair->source);
    close(pair->source.fd);
    close(pair->other);
}

static void loop_pair_send(const struct loop_pair *pair)
{
    assert_int_equal(write(pair->other, "x", 1), 1);
}

static void loop_pair_drain(const struct loop_pair *pair)
{
    char bytes[64];
    assert_true(read(pair->source.fd, bytes, sizeof bytes) > 0);
}

static void loop_test_wait(struct loop_test *test)
{
    assert_true(loop_wait(&test->loop, 0));
}

static void loop_test_expect_fd(struct loop_test *test,
                                struct loop_source *source, unsigned ready)
{
    struct loop_event event;
    assert_true(loop_next(&test->loop, &event));
    assert_int_equal(event.type, LOOP_EVENT_FD);
    assert_ptr_equal(event.source, source);
    assert_int_equal(event.ready, ready);
}

static void loop_test_expect_timer(struct loop_test *test,
                                   struct loop_timer *timer)
{
    struct loop_event event;
    assert_true(loop_next(&test->loop, &event));
    assert_int_equal(event.type, LOOP_EVENT_TIMER);
    assert_ptr_equal(event.timer, timer);
    assert_false(loop_timer_is_armed(timer));
}

static void loop_test_task(void *argument)
{
    ++*(int *)argument;
}

static void loop_test_expect_task(struct loop_test *test, void *argument)
{
    struct loop_event event;
    assert_true(loop_next(&test->loop, &event));
    assert_int_equal(event.type, LOOP_EVENT_TASK);
    assert_true(event.task.run == loop_test_task);
    assert_ptr_equal(event.task.argument, argument);
    event.task.run(event.task.argument);
}

static void loop_test_expect_none(struct loop_test *test)
{
    struct loop_event event;
    assert_false(loop_next(&test->loop, &event));
    assert_int_equal(event.type, LOOP_EVENT_NONE);
}

// Beginning and end.

static void test_loop__empty_turn_gives_nothing(void **state)
{
    struct loop_test test;
    loop_test_begin(&test, state);
    loop_test_wait(&test);
    loop_test_expect_none(&test);
    assert_int_equal(loop_timeout_ms(&test.loop), -1);
    loop_test_end(&test);
}

static void test_loop__init_survives_failures(void **state)
{
    size_t n = 1;
    for (;; n++) {
        struct loop_test test;
        test_heap_init(&test.heap);
        test.heap.fail_at = n;
        if (loop_init(&test.loop, &test.heap.allocator, loop_system_port(),
                      *state)) {
            loop_test_end(&test);
            break;
        }
        assert_int_equal(test.loop.error, ENOMEM);
        assert_true(test_heap_is_clean(&test.heap));
    }
    assert_true(n > 1);
}

static void test_loop__init_survives_a_lack_of_descriptors(void **state)
{
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int lowest = dup(0);
    assert_true(lowest >= 0);
    close(lowest);
    struct loop_test test;
    test_heap_init(&test.heap);
    bool done = false;
    int spare = 0;
    for (; !done && spare < 10; spare++) {
        const struct rlimit few = {
            .rlim_cur = (rlim_t)(lowest + spare),
            .rlim_max = before.rlim_max,
        };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        done = loop_init(&test.loop, &test.heap.allocator, loop_system_port(),
                         *state);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (!done) {
            assert_int_equal(test.loop.error, EMFILE);
            assert_true(test_heap_is_clean(&test.heap));
        }
    }
    assert_true(done);
    assert_int_equal(spare, strcmp(*state, "poll") == 0 ? 3 : 4);
    loop_test_end(&test);
}

static void test_loop__unknown_back_end_is_refused(void **state)
{
    (void)state;
    struct loop_test test;
    test_heap_init(&test.heap);
    assert_false(loop_init(&test.loop, &test.heap.allocator, loop_system_port(),
                           "select"));
    assert_int_equal(test.loop.error, EINVAL);
    assert_int_equal(test.heap.calls, 0);
    assert_true(
        loop_init(&test.loop, &test.heap.allocator, loop_system_port(), NULL));
#if defined(LOOP_HAS_KQUEUE)
    assert_string_equal(test.loop.backend->name, "kqueue");
#elif defined(__linux__)
    assert_string_equal(test.loop.backend->name, "epoll");
#endif
    loop_test_end(&test);
}

static void test_loop__descriptors_close_on_exec(void **state)
{
    struct loop_test test;
    loop_test_begin(&test, state);
    const int fds[] = {test.loop.post_read, test.loop.post_write,
                       loop_fd(&test.loop)};
    for (int i = 0; i < 3; i++) {
        if (fds[i] != -1) {
            assert_int_equal(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        }
    }
    assert_true((fcntl(fds[0], F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fds[1], F_GETFL) & O_NONBLOCK) != 0);
    loop_test_end(&test);
}

// Descriptors.

static void test_loop__readiness_is_by_level(void **state)
{
    struct loop_test test;
    struct loop_pair pair;
    loop_test_begin(&test, state);
    loop_pair_open(&pair);
    assert_true(loop_watch(&test.loop, &pair.source, LOOP_READABLE));
    assert_int_equal(pair.source.watched, LOOP_READABLE);
    loop_test_wait(&test);
    loop_test_expect_none(&test);
    loop_pair_send(&pair);
    for (int turn = 0; turn < 3; turn++) {
        loop_test_wait(&test);
        loop_test_expect_fd(&test, &pair.source, LOOP_READABLE);
        loop_test_expect_none(&test);
    }
    loop_pair_drain(&pair);
    loop_test_wait(&test);
    loop_test_expect_none(&test);
    loop_pair_close(&test, &pair);
    loop_test_end(&test);
}

static void test_loop__what_is_watched_can_change(void **state)
{
    struct loop_test test;
    struct loop_pair pair;
    loop_test_begin(&test, state);
    loop_pair_open(&pair);
    loop_pair_send(&pair);
    static const unsigned wanted[] = {LOOP_READABLE | LOOP_WRITABLE,
                                      LOOP_WRITABLE, 0, LOOP_READABLE};
    for (int i = 0; i < 4; i++) {
        assert_true(loop_watch(&test.loop, &pair.source, wanted[i]));
        assert_int_equal(pair.source.watched, wanted[i]);
        loop_test_wait(&test);
        if (wanted[i] != 0) {
            loop_test_expect_fd(&test, &pair.source, wanted[i]);
        }
        loop_test_expect_none(&test);
    }
    loop_unwatch(&test.loop, &pair.source);
    assert_int_equal(pair.source.watched, 0);
    assert_int_equal(pair.source.slot, 0);
    loop_unwatch(&test.loop, &pair.source);
    loop_test_wait(&test);
    loop_test_expect_none(&test);
    loop_pair_close(&test, &pair);
    loop_test_end(&test);
}

static void test_loop__failure_is_always_watched(void **state)
{
    struct loop_test test;
    struct loop_pair pair;
    struct loop_event event;
    loop_test_begin(&test, state);
    loop_pair_open(&pair);
    assert_true(loop_watch(&test.loop, &pair.source, 0));
    loop_test_wait(&test);
    loop_test_expect_none(&test);
    close(pair.other);
    loop_test_wait(&test);
    loop_test_expect_fd(&test, &pair.source, LOOP_FAILED);
    assert_true(loop_watch(&test.loop, &pair.source, LOOP_READABLE));
    loop_test_wait(&test);
    assert_true(loop_next(&test.loop, &event));
    assert_ptr_equal(event.source, &pair.source);
    assert_true((event.ready & LOOP_FAILED) != 0);
    loop_unwatch(&test.loop, &pair.source);
    close(pair.source.fd);
    loop_test_end(&test);
}

static void test_loop__watch_of_no_descriptor_fails(void **state)
{
    struct loop_test test;
    struct loop_source source = {.fd = -1};
    loop_test_begin(&test, state);
    assert_false(loop_watch(&test.loop, &source, LOOP_READABLE));
    assert_int_equal(test.loop.error, EBADF);
    assert_int_equal(source.slot, 0);
    assert_int_equal(source.watched, 0);
    loop_unwatch(&test.loop, &source);
    loop_test_end(&test);
}

// In mid-turn the handler of one source unwatches the other, whichever comes
// first.
static void test_loop__unwatched_in_mid_turn_gives_nothing(void **state)
{
    struct loop_test test;
    struct loop_pair pairs[2];
    struct loop_event event;
    loop_test_begin(&test, state);
    for (int i = 0; i < 2; i++) {
        loop_pair_open(&pairs[i]);
        loop_pair_send(&pairs[i]);
        assert_true(loop_watch(&test.loop, &pairs[i].source, LOOP_READABLE));
    }
    loop_test_wait(&test);
    assert_true(loop_next(&test.loop, &event));
    int other = event.source == &pairs[0].source ? 1 : 0;
    loop_unwatch(&test.loop, &pairs[other].source);
    loop_test_expect_none(&test);
    loop_test_wait(&test);
    loop_test_expect_fd(&test, &pairs[1 - other].source, LOOP_READABLE);
    loop_test_expect_none(&test);
    loop_pair_close(&test, &pairs[0]);
    loop_pair_close(&test, &pairs[1]);
    loop_test_end(&test);
}

static void test_loop__owner_may_be_freed_in_mid_turn(void **state)
{
    struct loop_test test;
    struct loop_pair *pairs[4];
    struct loop_event event;
    loop_test_begin(&test, state);
    for (int i = 0; i < 4; i++) {
        pairs[i] = malloc(sizeof *pairs[i]);
        assert_non_null(pairs[i]);
        loop_pair_open(pairs[i]);
        pairs[i]->source.kind = (uint8_t)i;
        loop_pair_send(pairs[i]);
        assert_true(loop_watch(&test.loop, &pairs[i]->source, LOOP_READABLE));
    }
    loop_test_wait(&test);
    assert_true(loop_next(&test.loop, &event));
    int kept = event.source->kind;
    for (int i = 0; i < 4; i++) {
        if (i != kept) {
            loop_pair_close(&test, pairs[i]);
            free(pairs[i]);
        }
    }
    loop_test_expect_none(&test);
    loop_test_wait(&test);
    loop_test_expect_fd(&test, &pairs[kept]->source, LOOP_READABLE);
    loop_test_expect_none(&test);
    loop_pair_close(&test, pairs[kept]);
    free(pairs[kept]);
    loop_test_end(&test);
}

static void test_loop__reused_number_inherits_no_event(void **state)
{
    struct loop_test test;
    struct loop_pair pairs[2];
    struct loop_event event;
    loop_test_begin(&test, state);
    for (int i = 0; i < 2; i++) {
        loop_pair_open(&pairs[i]);
        loop_pair_send(&pairs[i]);
        assert_true(loop_watch(&test.loop, &pairs[i].source, LOOP_READABLE));
    }
    loop_test_wait(&test);
    assert_true(loop_next(&test.loop, &event));
    int other = event.source == &pairs[0].source ? 1 : 0;
    // The same source object, and the same number, for another socket.
    int number = pairs[other].source.fd;
    loop_pair_close(&test, &pairs[other]);
    loop_pair_open(&pairs[other]);
    assert_int_equal(pairs[other].source.fd, number);
    assert_true(loop_watch(&test.loop, &pairs[other].source, LOOP_READABLE));
    loop_test_expect_none(&test);
    loop_pair_drain(&pairs[1 - other]);
    loop_test_wait(&test);
    loop_test_expect_none(&test);
    loop_pair_send(&pairs[other]);
    loop_test_wait(&test);
    loop_test_expect_fd(&test, &pairs[other].source, LOOP_READABLE);
    loop_test_expect_none(&test);
    loop_pair_close(&test, &pairs[0]);
    loop_pair_close(&test, &pairs[1]);
    loop_test_end(&test);
}

static void test_loop__narrowed_in_mid_turn_gives_the_rest(void **state)
{
    struct loop_test test;
    struct loop_pair pairs[3];
    loop_test_begin(&test, state);
    for (int i = 0; i < 3; i++) {
        loop_pair_open(&pairs[i]);
        loop_pair_send(&pairs[i]);
        assert_true(loop_watch(&test.loop, &pairs[i].source,
                               LOOP_READABLE | LOOP_WRITABLE));
    }
    loop_test_wait(&test);
    assert_true(loop_watch(&test.loop, &pairs[0].source, 0));
    assert_true(loop_watch(&test.loop, &pairs[1].source, LOOP_WRITABLE));
    unsigned found[3] = {0};
    struct loop_event event;
    while (loop_next(&test.loop, &event)) {
        for (int i = 0; i < 3; i++) {
            if (event.source == &pairs[i].source) {
                found[i] |= event.ready;
            }
        }
    }
    assert_int_equal(found[0], 0);
    assert_int_equal(found[1], LOOP_WRITABLE);
    assert_int_equal(found[2], LOOP_READABLE | LOOP_WRITABLE);
    for (int i = 0; i < 3; i++) {
        loop_pair_close(&test, &pairs[i]);
    }
    loop_test_end(&test);
}

static void test_loop__events_not_taken_come_again(void **state)
{
    struct loop_test test;
    struct loop_pair pairs[3];
    struct loop_event event;
    loop_test_begin(&test, state);
    for (int i = 0; i < 3; i++) {
        loop_pair_open(&pairs[i]);
        loop_pair_send(&pairs[i]);
        assert_true(loop_watch(&test.loop, &pairs[i].source, LOOP_READABLE));
    }
    loop_test_wait(&test);
    assert_true(loop_next(&test.loop, &event));
    loop_test_wait(&test);
    for (int i = 0; i < 3; i++) {
        assert_true(loop_next(&test.loop, &event));
        assert_int_equal(event.type, LOOP_EVENT_FD);
        assert_int_equal(event.source->pending, 0);
    }
    loop_test_expect_none(&test);
    loop_test_wait(&test);
    loop_test_wait(&test);
    for (int i = 0; i < 3; i++) {
        loop_pair_close(&test, &pairs[i]);
        assert_int_equal(pairs[i].source.pending, 0);
    }
    loop_test_expect_none(&test);
    loop_test_end(&test);
}

static void test_loop__many_ready_ones_all_have_their_turn(void **state)
{
    static struct loop_pair pairs[LOOP_TEST_MANY];
    struct loop_test test;
    struct loop_event event;
    loop_test_begin(&test, state);
    for (int i = 0; i < LOOP_TEST_MANY; i++) {
        loop_pair_open(&pairs[i]);
        loop_pair_send(&pairs[i]);
        assert_true(loop_watch(&test.loop, &pairs[i].source, LOOP_READABLE));
    }
    int seen[LOOP_TEST_MANY] = {0};
    // Nothing is read, so all of them stay ready.
    for (int turn = 0; turn < 2 * (LOOP_TEST_MANY / LOOP_READY_MAX + 1);
         turn++) {
        loop_test_wait(&test);
        int count = 0;
        while (loop_next(&test.loop, &event)) {
            seen[LIST_OWNER(event.source, struct loop_pair, source) - pairs]++;
            count++;
        }
        assert_int_equal(count, LOOP_READY_MAX);
    }
    for (int i = 0; i < LOOP_TEST_MANY; i++) {
        assert_in_range(seen[i], 2, 3);
        loop_pair_close(&test, &pairs[i]);
    }
    loop_test_end(&test);
}

static void test_loop__watch_survives_failures(void **state)
{
    static struct loop_pair pairs[40];
    struct loop_test test;
    loop_test_begin(&test, state);
    for (int i = 0; i < 40; i++) {
        loop_pair_open(&pairs[i]);
        test.heap.fail_at = test.heap.calls + 1 + (size_t)i % 2;
        if (!loop_watch(&test.loop, &pairs[i].source, LOOP_READABLE)) {
            assert_int_equal(test.loop.error, ENOMEM);
            assert_int_equal(pairs[i].source.slot, 0);
            test.heap.fail_at = 0;
            assert_true(
                loop_watch(&test.loop, &pairs[i].source, LOOP_READABLE));
        }
    }
    test.heap.fail_at = 0;
    for (int i = 0; i < 40; i++) {
        loop_pair_send(&pairs[i]);
    }
    loop_test_wait(&test);
    struct loop_event event;
    int count = 0;
    while (loop_next(&test.loop, &event)) {
        count++;
    }
    assert_int_equal(count, 40);
    for (int i = 0; i < 40; i++) {
        loop_pair_close(&test, &pairs[i]);
    }
    loop_test_end(&test);
}

// Signals.

static volatile sig_atomic_t loop_test_signals;

static void loop_test_on_signal(int number)
{
    (void)number;
    loop_test_signals++;
}

static void test_loop__signal_ends_the_wait(void **state)
{
    struct loop_test test;
    struct loop_timer far = {0};
    struct sigaction action = {.sa_handler = loop_test_on_signal};
    struct sigaction before;
    loop_test_begin(&test, state);
    loop_timer_start(&test.loop, &far, test.loop.now_ms + 3600000);
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    // It repeats: the first one may come before the wait begins.
    const struct itimerval often = {{.tv_usec = 1000}, {.tv_usec = 1000}};
    const struct itimerval stop = {{0}, {0}};
    loop_test_signals = 0;
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    assert_true(loop_wait(&test.loop, -1));
    assert_int_equal(setitimer(ITIMER_REAL, &stop, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    assert_true(loop_test_signals > 0);
    loop_test_expect_none(&test);
    loop_timer_stop(&test.loop, &far);
    loop_test_end(&test);
}

// Posted tasks.

static void test_loop__posted_tasks_come_in_order(void **state)
{
    struct loop_test test;
    int ran[3] = {0};
    loop_test_begin(&test, state);
    for (int i = 0; i < 3; i++) {
        assert_true(loop_post(&test.loop, loop_test_task, &ran[i]));
    }
    loop_test_wait(&test);
    for (int i = 0; i < 3; i++) {
        loop_test_expect_task(&test, &ran[i]);
        assert_int_equal(ran[i], 1);
    }
    loop_test_expect_none(&test);
    loop_test_wait(&test);
    loop_test_expect_none(&test);
    loop_test_end(&test);
}

static void test_loop__tasks_come_in_batches_beside_descriptors(void **state)
{
    struct loop_test test;
    struct loop_pair pair;
    int ran[40] = {0};
    int next = 0;
    loop_test_begin(&test, state);
    loop_pair_open(&pair);
    loop_pair_send(&pair);
    assert_true(loop_watch(&test.loop, &pair.source, LOOP_READABLE));
    for (int i = 0; i < 40; i++) {
        assert_true(loop_post(&test.loop, loop_test_task, &ran[i]));
    }
    static const int batches[] = {16, 16, 8, 0};
    for (int turn = 0; turn < 4; turn++) {
        loop_test_wait(&test);
        loop_test_expect_fd(&test, &pair.source, LOOP_READABLE);
        for (int i = 0; i < batches[turn]; i++) {
            loop_test_expect_task(&test, &ran[next++]);
        }
        loop_test_expect_none(&test);
    }
    loop_pair_close(&test, &pair);
    loop_test_end(&test);
}

static void test_loop__tasks_not_taken_are_kept(void **state)
{
    struct loop_test test;
    int ran[3] = {0};
    loop_test_begin(&test, state);
    for (int i = 0; i < 3; i++) {
        assert_true(loop_post(&test.loop, loop_test_task, &ran[i]));
    }
    loop_test_wait(&test);
    loop_test_expect_task(&test, &ran[0]);
    // The pipe is empty by now; nobody may wait for it.
    assert_int_equal(loop_timeout_ms(&test.loop), 0);
    assert_true(loop_wait(&test.loop, -1));
    loop_test_expect_task(&test, &ran[1]);
    // And a new one comes behind those that are left.
    int later = 0;
    assert_true(loop_post(&test.loop, loop_test_task, &later));
    assert_true(loop_wait(&test.loop, -1));
    loop_test_expect_task(&test, &ran[2]);
    loop_test_expect_task(&test, &later);
    loop_test_expect_none(&test);
    loop_test_end(&test);
}

static void test_loop__task_posted_by_a_task_comes_in_a_later_turn(void **state)
{
    struct loop_test test;
    int ran = 0;
    loop_test_begin(&test, state);
    assert_true(loop_post(&test.loop, loop_test_task, &ran));
    for (int turn = 1; turn <= 3; turn++) {
        loop_test_wait(&test);
        loop_test_expect_task(&test, &ran);
        assert_true(loop_post(&test.loop, loop_test_task, &ran));
        loop_test_expect_none(&test);
        assert_int_equal(ran, turn);
    }
    loop_test_end(&test);
}

static void test_loop__full_pipe_refuses_and_keeps_errno(void **state)
{
    struct loop_test test;
    int ran = 0;
    int posted = 0;
    loop_test_begin(&test, state);
    errno = ENOTTY;
    while (posted < 1000000 && loop_post(&test.loop, loop_test_task, &ran)) {
        posted++;
    }
    assert_int_equal(errno, ENOTTY);
    assert_in_range(posted, 200, 999999);
    struct loop_event event;
    loop_test_wait(&test);
    while (loop_next(&test.loop, &event)) {
        event.task.run(event.task.argument);
        loop_test_wait(&test);
    }
    assert_int_equal(ran, posted);
    assert_true(loop_post(&test.loop, loop_test_task, &ran));
    loop_test_end(&test);
}

static struct loop *loop_test_signalled;
static int loop_test_signal_runs;

static void loop_test_post_on_signal(int number)
{
    (void)number;
    if (loop_post(loop_test_signalled, loop_test_task,
                  &loop_test_signal_runs)) {
        loop_test_signals++;
    }
}

static void test_loop__signal_handler_may_post(void **state)
{
    struct loop_test test;
    struct sigaction action = {.sa_handler = loop_test_post_on_signal};
    struct sigaction before;
    loop_test_begin(&test, state);
    loop_test_signalled = &test.loop;
    loop_test_signal_runs = 0;
    loop_test_signals = 0;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    assert_int_equal(loop_test_signals, 1);
    assert_true(loop_wait(&test.loop, -1));
    loop_test_expect_task(&test, &loop_test_signal_runs);
    assert_int_equal(loop_test_signal_runs, 1);
    loop_test_end(&test);
}

enum { LOOP_TEST_POSTS = 20000 };

static void *loop_test_poster(void *argument)
{
    static int numbers[LOOP_TEST_POSTS];
    for (int i = 0; i < LOOP_TEST_POSTS; i++) {
        while (!loop_post(argument, loop_test_task, &numbers[i])) {
            sched_yield();
        }
    }
    return numbers;
}

static void test_loop__other_thread_may_post(void **state)
{
    struct loop_test test;
    pthread_t thread;
    loop_test_begin(&test, state);
    assert_int_equal(
        pthread_create(&thread, NULL, loop_test_poster, &test.loop), 0);
    int *first = NULL;
    for (int i = 0; i < LOOP_TEST_POSTS;) {
        struct loop_event event;
        assert_true(loop_wait(&test.loop, -1));
        while (loop_next(&test.loop, &event)) {
            assert_int_equal(event.type, LOOP_EVENT_TASK);
            first = i == 0 ? event.task.argument : first;
            assert_ptr_equal(event.task.argument, first + i);
            i++;
        }
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    loop_test_wait(&test);
    loop_test_expect_none(&test);
    loop_test_end(&test);
}

// Timers.

static void test_loop__timer_ends_the_wait_and_is_not_early(void **state)
{
    struct loop_test test;
    struct loop_timer timer = {.kind = 3};
    loop_test_begin(&test, state);
    for (int i = 0; i < 5; i++) {
        uint64_t due = loop_clock_us() / 1000 + 1;
        loop_timer_start(&test.loop, &timer, due);
        assert_true(loop_wait(&test.loop, -1));
        assert_true(test.loop.now_ms >= due);
        loop_test_expect_timer(&test, &timer);
        loop_test_expect_none(&test);
        assert_int_equal(timer.kind, 3);
    }
    loop_test_end(&test);
}

static void test_loop__wait_goes_on_over_slots_without_due_timers(void **state)
{
    struct loop_test test;
    struct loop_timer timer = {0};
    loop_test_begin(&test, state);
    // It stands on the second level: its slot is opened 1 ms too early.
    uint64_t due = (loop_clock_us() / 1000 / WHEEL_SLOTS + 1) * WHEEL_SLOTS + 1;
    loop_timer_start(&test.loop, &timer, due);
    assert_true(loop_wait(&test.loop, 10000));
    loop_test_expect_timer(&test, &timer);
    assert_true(test.loop.now_ms >= due);
    loop_test_end(&test);
}

static void test_loop__timeout_ends_the_wait_before_the_timer(void **state)
{
    struct loop_test test;
    struct loop_timer timer = {0};
    loop_test_begin(&test, state);
    uint64_t begin = loop_clock_us() / 1000;
    loop_timer_start(&test.loop, &timer, begin + 3600000);
    assert_true(loop_wait(&test.loop, 1));
    assert_true(test.loop.now_ms >= begin + 1);
    loop_test_expect_none(&test);
    assert_true(loop_timer_is_armed(&timer));
    loop_timer_stop(&test.loop, &timer);
    loop_test_end(&test);
}

static void test_loop__timeout_follows_the_timers(void **state)
{
    struct loop_test test;
    struct loop_timer timer = {0};
    loop_test_begin(&test, state);
    assert_int_equal(loop_timeout_ms(&test.loop), -1);
    loop_timer_start(&test.loop, &timer, loop_clock_us() / 1000 + 20000);
    assert_in_range(loop_timeout_ms(&test.loop), 1, 20000);
    loop_timer_start(&test.loop, &timer, UINT64_MAX / 2);
    assert_int_equal(loop_timeout_ms(&test.loop), INT32_MAX);
    loop_timer_start(&test.loop, &timer, UINT64_MAX);
    assert_int_equal(loop_timeout_ms(&test.loop), -1);
    loop_timer_start(&test.loop, &timer, 0);
    assert_int_equal(loop_timeout_ms(&test.loop), 0);
    loop_timer_stop(&test.loop, &timer);
    loop_timer_stop(&test.loop, &timer);
    assert_int_equal(loop_timeout_ms(&test.loop), -1);
    loop_test_end(&test);
}

static void test_loop__order_is_descriptors_tasks_timers(void **state)
{
    struct loop_test test;
    struct loop_pair pair;
    struct loop_timer timer = {0};
    int ran = 0;
    loop_test_begin(&test, state);
    loop_pair_open(&pair);
    loop_timer_start(&test.loop, &timer, 1);
    assert_true(loop_post(&test.loop, loop_test_task, &ran));
    loop_pair_send(&pair);
    assert_true(loop_watch(&test.loop, &pair.source, LOOP_READABLE));
    assert_true(loop_wait(&test.loop, -1));
    loop_test_expect_fd(&test, &pair.source, LOOP_READABLE);
    loop_test_expect_task(&test, &ran);
    loop_test_expect_timer(&test, &timer);
    loop_test_expect_none(&test);
    loop_pair_close(&test, &pair);
    loop_test_end(&test);
}

static void test_loop__timer_armed_for_now_starves_nobody(void **state)
{
    struct loop_test test;
    struct loop_pair pair;
    struct loop_timer timers[2] = {{0}, {0}};
    loop_test_begin(&test, state);
    loop_pair_open(&pair);
    loop_pair_send(&pair);
    assert_true(loop_watch(&test.loop, &pair.source, LOOP_READABLE));
    loop_timer_start(&test.loop, &timers[0], test.loop.now_ms);
    loop_timer_start(&test.loop, &timers[1], 0);
    for (int turn = 0; turn < 5; turn++) {
        assert_true(loop_wait(&test.loop, -1));
        loop_test_expect_fd(&test, &pair.source, LOOP_READABLE);
        for (int i = 0; i < 2; i++) {
            loop_test_expect_timer(&test, &timers[i]);
            loop_timer_start(&test.loop, &timers[i], test.loop.now_ms);
        }
        loop_test_expect_none(&test);
    }
    loop_timer_stop(&test.loop, &timers[0]);
    loop_timer_stop(&test.loop, &timers[1]);
    loop_pair_close(&test, &pair);
    loop_test_end(&test);
}

static void test_loop__timer_stopped_in_mid_turn_gives_nothing(void **state)
{
    struct loop_test test;
    struct loop_timer timers[3] = {{0}, {0}, {0}};
    loop_test_begin(&test, state);
    for (int i = 0; i < 3; i++) {
        loop_timer_start(&test.loop, &timers[i], 1);
    }
    loop_test_wait(&test);
    loop_test_expect_timer(&test, &timers[0]);
    loop_timer_stop(&test.loop, &timers[1]);
    loop_test_expect_timer(&test, &timers[2]);
    loop_test_expect_none(&test);
    loop_test_end(&test);
}

static void test_loop__timers_not_taken_are_kept(void **state)
{
    struct loop_test test;
    struct loop_timer timers[2] = {{0}, {0}};
    loop_test_begin(&test, state);
    loop_timer_start(&test.loop, &timers[0], 1);
    loop_timer_start(&test.loop, &timers[1], 1);
    loop_test_wait(&test);
    loop_test_expect_timer(&test, &timers[0]);
    assert_int_equal(loop_timeout_ms(&test.loop), 0);
    assert_true(loop_wait(&test.loop, -1));
    loop_test_expect_timer(&test, &timers[1]);
    loop_test_expect_none(&test);
    loop_test_end(&test);
}

// Somebody else's loop.

static void test_loop__descriptor_tells_that_something_is_there(void **state)
{
    struct loop_test test;
    int ran = 0;
    loop_test_begin(&test, state);
    struct pollfd fd = {.fd = loop_fd(&test.loop), .events = POLLIN};
    if (strcmp(*state, "poll") == 0) {
        assert_int_equal(fd.fd, -1);
        loop_test_end(&test);
        return;
    }
    assert_true(fd.fd >= 0);
    assert_int_equal(poll(&fd, 1, 0), 0);
    assert_true(loop_post(&test.loop, loop_test_task, &ran));
    assert_int_equal(poll(&fd, 1, 0), 1);
    loop_test_wait(&test);
    loop_test_expect_task(&test, &ran);
    assert_int_equal(poll(&fd, 1, 0), 0);
    loop_test_end(&test);
}

static const struct CMUnitTest loop_test_cases[] = {
    cmocka_unit_test(test_loop__empty_turn_gives_nothing),
    cmocka_unit_test(test_loop__init_survives_failures),
    cmocka_unit_test(test_loop__init_survives_a_lack_of_descriptors),
    cmocka_unit_test(test_loop__unknown_back_end_is_refused),
    cmocka_unit_test(test_loop__descriptors_close_on_exec),
    cmocka_unit_test(test_loop__readiness_is_by_level),
    cmocka_unit_test(test_loop__what_is_watched_can_change),
    cmocka_unit_test(test_loop__failure_is_always_watched),
    cmocka_unit_test(test_loop__watch_of_no_descriptor_fails),
    cmocka_unit_test(test_loop__unwatched_in_mid_turn_gives_nothing),
    cmocka_unit_test(test_loop__owner_may_be_freed_in_mid_turn),
    cmocka_unit_test(test_loop__reused_number_inherits_no_event),
    cmocka_unit_test(test_loop__narrowed_in_mid_turn_gives_the_rest),
    cmocka_unit_test(test_loop__events_not_taken_come_again),
    cmocka_unit_test(test_loop__many_ready_ones_all_have_their_turn),
    cmocka_unit_test(test_loop__watch_survives_failures),
    cmocka_unit_test(test_loop__signal_ends_the_wait),
    cmocka_unit_test(test_loop__posted_tasks_come_in_order),
    cmocka_unit_test(test_loop__tasks_come_in_batches_beside_descriptors),
    cmocka_unit_test(test_loop__tasks_not_taken_are_kept),
    cmocka_unit_test(test_loop__task_posted_by_a_task_comes_in_a_later_turn),
    cmocka_unit_test(test_loop__full_pipe_refuses_and_keeps_errno),
    cmocka_unit_test(test_loop__signal_handler_may_post),
    cmocka_unit_test(test_loop__other_thread_may_post),
    cmocka_unit_test(test_loop__timer_ends_the_wait_and_is_not_early),
    cmocka_unit_test(test_loop__wait_goes_on_over_slots_without_due_timers),
    cmocka_unit_test(test_loop__timeout_ends_the_wait_before_the_timer),
    cmocka_unit_test(test_loop__timeout_follows_the_timers),
    cmocka_unit_test(test_loop__order_is_descriptors_tasks_timers),
    cmocka_unit_test(test_loop__timer_armed_for_now_starves_nobody),
    cmocka_unit_test(test_loop__timer_stopped_in_mid_turn_gives_nothing),
    cmocka_unit_test(test_loop__timers_not_taken_are_kept),
    cmocka_unit_test(test_loop__descriptor_tells_that_something_is_there),
};

enum { LOOP_TEST_CASES = sizeof loop_test_cases / sizeof loop_test_cases[0] };

static char loop_test_backends[][8] = {
#if defined(LOOP_HAS_KQUEUE)
    "kqueue",
#endif
#if defined(__linux__)
    "epoll",
#endif
    "poll",
};

enum {
    LOOP_TEST_BACKENDS =
        sizeof loop_test_backends / sizeof loop_test_backends[0],
};

int main(void)
{
    struct CMUnitTest tests[LOOP_TEST_CASES * LOOP_TEST_BACKENDS];
    for (size_t b = 0; b < LOOP_TEST_BACKENDS; b++) {
        for (size_t i = 0; i < LOOP_TEST_CASES; i++) {
            struct CMUnitTest *test = &tests[b * LOOP_TEST_CASES + i];
            *test = loop_test_cases[i];
            test->initial_state = loop_test_backends[b];
        }
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
