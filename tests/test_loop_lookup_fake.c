// SPDX-License-Identifier: MIT
// loop_lookup.c over a resolver of the test's own, which stands in for the
// system's by its name: it blocks until it is let go, and answers what a real
// one cannot be made to answer.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "loop/loop.h"
#include "loop/loop_lookup.h"

#if !defined(GRPC_NO_THREADS)

enum { FAKE_ANSWERS = 40 };

// The resolver. The main thread closes the gate, waits until a call stands
// before it, and opens it again.
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool closed;
    int entered; // calls so far
    int freed;   // answers given back
    int code;
    int error;
    int family;
    int answers;
    bool signals_blocked;
    char host[LOOKUP_HOST_MAX + 1];
} fake = {.mutex = PTHREAD_MUTEX_INITIALIZER,
          .changed = PTHREAD_COND_INITIALIZER};

static struct addrinfo *fake_answers(int count, int family)
{
    struct addrinfo *first = NULL;
    for (int i = count - 1; i >= 0; i--) {
        struct sockaddr_in *address = calloc(1, sizeof *address);
        struct addrinfo *answer = calloc(1, sizeof *answer);
        assert(address != NULL && answer != NULL);
        address->sin_family = AF_INET;
        address->sin_addr.s_addr = htonl(0x0a000000 + (uint32_t)i);
        answer->ai_family = family;
        answer->ai_addrlen = sizeof *address;
        answer->ai_addr = (struct sockaddr *)(void *)address;
        answer->ai_next = first;
        first = answer;
    }
    return first;
}

int getaddrinfo(const char *restrict host, const char *restrict service,
                const struct addrinfo *restrict hints,
                struct addrinfo **restrict found)
{
    sigset_t blocked;
    assert(service == NULL);
    assert(hints->ai_socktype == SOCK_STREAM);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    pthread_mutex_lock(&fake.mutex);
    (void)snprintf(fake.host, sizeof fake.host, "%s", host);
    fake.signals_blocked = sigismember(&blocked, SIGTERM) == 1 &&
                           sigismember(&blocked, SIGUSR1) == 1;
    fake.entered++;
    pthread_cond_broadcast(&fake.changed);
    while (fake.closed) {
        pthread_cond_wait(&fake.changed, &fake.mutex);
    }
    int code = fake.code;
    if (code == 0) {
        *found = fake_answers(fake.answers, fake.family);
    }
    errno = fake.error;
    pthread_mutex_unlock(&fake.mutex);
    return code;
}

void freeaddrinfo(struct addrinfo *found)
{
    while (found != NULL) {
        struct addrinfo *next = found->ai_next;
        free(found->ai_addr);
        free(found);
        found = next;
    }
    pthread_mutex_lock(&fake.mutex);
    fake.freed++;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.mutex);
}

static void fake_reset(int code, int answers)
{
    pthread_mutex_lock(&fake.mutex);
    fake.closed = false;
    fake.entered = 0;
    fake.freed = 0;
    fake.code = code;
    fake.error = 0;
    fake.family = AF_INET;
    fake.answers = answers;
    pthread_mutex_unlock(&fake.mutex);
}

static void fake_set_gate(bool closed)
{
    pthread_mutex_lock(&fake.mutex);
    fake.closed = closed;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.mutex);
}

static void fake_await(const int *counter, int value)
{
    pthread_mutex_lock(&fake.mutex);
    while (*counter < value) {
        pthread_cond_wait(&fake.changed, &fake.mutex);
    }
    pthread_mutex_unlock(&fake.mutex);
}

struct fake_test {
    struct test_heap heap;
    struct loop loop;
    struct lookup_service service;
    struct lookup_result *given; // the last one
    int count;
    int tasks; // other tasks that ran
};

static void fake_test_begin(struct fake_test *test)
{
    memset(test, 0, sizeof *test);
    test_heap_init(&test->heap);
    assert_true(loop_init(&test->loop, &test->heap.allocator,
                          loop_system_port(), NULL));
}

static void fake_test_end(struct fake_test *test)
{
    lookup_fini(&test->service);
    lookup_free(test->given);
    loop_fini(&test->loop);
    assert_true(test_heap_is_clean(&test->heap));
}

static void fake_test_done(void *result)
{
    struct fake_test *test = lookup_user(result);
    lookup_free(test->given);
    test->given = result;
    test->count++;
}

static struct lookup_result *fake_test_ask(struct fake_test *test,
                                           const char *host)
{
    struct lookup_result *result = NULL;
    const char *reason = NULL;
    assert_true(lookup_start(&test->service, &test->loop, host, 80,
                             fake_test_done, test, &result, &reason));
    return result;
}

static void fake_test_run(struct fake_test *test, int count)
{
    while (test->count < count) {
        struct loop_event event;
        assert_true(loop_wait(&test->loop, -1));
        while (loop_next(&test->loop, &event)) {
            event.task.run(event.task.argument);
        }
    }
}

static void test_lookup_fake__more_addresses_than_are_looked_at(void **state)
{
    (void)state;
    struct fake_test test;
    fake_test_begin(&test);
    fake_reset(0, FAKE_ANSWERS);
    fake_test_ask(&test, "many.example");
    fake_test_run(&test, 1);
    assert_int_equal(lookup_count(test.given), LOOKUP_ADDRESS_MAX);
    for (size_t i = 0; i < LOOKUP_ADDRESS_MAX; i++) {
        char text[SOCKET_ADDRESS_TEXT];
        char expected[32];
        socket_address_text(lookup_address(test.given, i), text);
        (void)snprintf(expected, sizeof expected, "10.0.0.%d:80", (int)i);
        assert_string_equal(text, expected);
    }
    assert_null(lookup_error(test.given));
    assert_string_equal(fake.host, "many.example");
    assert_int_equal(fake.freed, 1);
    fake_test_end(&test);
}

static void test_lookup_fake__longest_name_arrives_whole(void **state)
{
    (void)state;
    struct fake_test test;
    char host[LOOKUP_HOST_MAX + 1];
    memset(host, 'h', sizeof host);
    host[LOOKUP_HOST_MAX] = '\0';
    fake_test_begin(&test);
    fake_reset(0, 1);
    fake_test_ask(&test, host);
    fake_test_run(&test, 1);
    assert_string_equal(fake.host, host);
    fake_test_end(&test);
}

static void test_lookup_fake__errors_are_told_in_words(void **state)
{
    (void)state;
    struct fake_test test;
    fake_test_begin(&test);
    fake_reset(EAI_NONAME, 0);
    fake_test_ask(&test, "a");
    fake_test_run(&test, 1);
    assert_int_equal(lookup_count(test.given), 0);
    assert_string_equal(lookup_error(test.given), gai_strerror(EAI_NONAME));
    fake_reset(EAI_SYSTEM, 0);
    fake.error = EMFILE;
    fake_test_ask(&test, "b");
    fake_test_run(&test, 2);
    assert_string_equal(lookup_error(test.given), strerror(EMFILE));
    fake_reset(0, 3);
    fake.family = AF_UNIX;
    fake_test_ask(&test, "c");
    fake_test_run(&test, 3);
    assert_int_equal(lookup_count(test.given), 0);
    assert_string_equal(lookup_error(test.given), "the name has no IP address");
    fake_test_end(&test);
}

static void test_lookup_fake__thread_takes_no_signals(void **state)
{
    (void)state;
    struct fake_test test;
    sigset_t before;
    sigset_t after;
    fake_test_begin(&test);
    fake_reset(0, 1);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &before);
    fake_test_ask(&test, "a");
    (void)pthread_sigmask(SIG_SETMASK, NULL, &after);
    fake_test_run(&test, 1);
    assert_true(fake.signals_blocked);
    assert_int_equal(sigismember(&after, SIGTERM),
                     sigismember(&before, SIGTERM));
    fake_test_end(&test);
}

static void test_lookup_fake__cancel_while_the_resolver_blocks(void **state)
{
    (void)state;
    struct fake_test test;
    fake_test_begin(&test);
    fake_reset(0, 1);
    fake_set_gate(true);
    struct lookup_result *first = fake_test_ask(&test, "first");
    fake_await(&fake.entered, 1);
    struct lookup_result *second = fake_test_ask(&test, "second");
    struct lookup_result *third = fake_test_ask(&test, "third");
    size_t blocks = test.heap.live_blocks;
    lookup_cancel(first);
    lookup_cancel(second);
    // Both are freed at once, one of them under the resolver's nose.
    assert_int_equal(test.heap.live_blocks, blocks - 2);
    fake_set_gate(false);
    fake_test_run(&test, 1);
    assert_ptr_equal(test.given, third);
    assert_string_equal(fake.host, "third");
    assert_int_equal(fake.entered, 2);
    fake_test_end(&test);
}

static void test_lookup_fake__loop_ends_while_the_resolver_blocks(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        struct fake_test *test = malloc(sizeof *test);
        assert_non_null(test);
        fake_test_begin(test);
        fake_reset(0, 1);
        fake_set_gate(true);
        struct lookup_result *first = fake_test_ask(test, "first");
        fake_test_ask(test, "second");
        fake_await(&fake.entered, 1);
        if (i % 2 == 0) {
            lookup_cancel(first);
        }
        // All that is the loop's goes, while the thread is still inside.
        fake_test_end(test);
        free(test);
        fake_set_gate(false);
        fake_await(&fake.freed, 1);
        assert_int_equal(fake.entered, 1);
    }
}

static void fake_test_task(void *argument)
{
    struct fake_test *test = argument;
    test->tasks++;
}

static int fake_test_fill(struct fake_test *test)
{
    int filled = 0;
    while (loop_post(&test->loop, fake_test_task, test)) {
        filled++;
    }
    return filled;
}

static void test_lookup_fake__answer_waits_for_room_in_the_pipe(void **state)
{
    (void)state;
    struct fake_test test;
    fake_test_begin(&test);
    fake_reset(0, 1);
    fake_set_gate(true);
    struct lookup_result *asked = fake_test_ask(&test, "a");
    fake_await(&fake.entered, 1);
    int filled = fake_test_fill(&test);
    fake_set_gate(false);
    fake_await(&fake.freed, 1);
    fake_test_run(&test, 1);
    assert_ptr_equal(test.given, asked);
    assert_int_equal(test.tasks, filled);
    fake_test_end(&test);
}

static void test_lookup_fake__end_while_the_answer_waits_for_room(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fake_test test;
        fake_test_begin(&test);
        fake_reset(0, 1);
        fake_set_gate(true);
        struct lookup_result *asked = fake_test_ask(&test, "a");
        fake_await(&fake.entered, 1);
        (void)fake_test_fill(&test);
        fake_set_gate(false);
        fake_await(&fake.freed, 1);
        if (i == 1) {
            lookup_cancel(asked);
        }
        fake_test_end(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup_fake__more_addresses_than_are_looked_at),
        cmocka_unit_test(test_lookup_fake__longest_name_arrives_whole),
        cmocka_unit_test(test_lookup_fake__errors_are_told_in_words),
        cmocka_unit_test(test_lookup_fake__thread_takes_no_signals),
        cmocka_unit_test(test_lookup_fake__cancel_while_the_resolver_blocks),
        cmocka_unit_test(test_lookup_fake__loop_ends_while_the_resolver_blocks),
        cmocka_unit_test(test_lookup_fake__answer_waits_for_room_in_the_pipe),
        cmocka_unit_test(test_lookup_fake__end_while_the_answer_waits_for_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_lookup_fake__needs_threads(void **state)
{
    (void)state;
    print_message("built without threads: these cases are left out\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup_fake__needs_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
