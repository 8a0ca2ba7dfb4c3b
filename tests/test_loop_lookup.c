// SPDX-License-Identifier: MIT
// Names that the system's own resolver answers or refuses without a network.
// What it cannot be made to do is in test_loop_lookup_fake.c.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include <poll.h>

#include "loop/loop.h"
#include "loop/loop_lookup.h"

enum { LOOKUP_TEST_MAX = 8 };

struct lookup_test {
    struct test_heap heap;
    struct loop loop;
    struct lookup_service service;
    struct lookup_result *given[LOOKUP_TEST_MAX];
    size_t count;
};

static void lookup_test_begin(struct lookup_test *test)
{
    memset(test, 0, sizeof *test);
    test_heap_init(&test->heap);
    assert_true(loop_init(&test->loop, &test->heap.allocator,
                          loop_system_port(), NULL));
}

static void lookup_test_end(struct lookup_test *test)
{
    lookup_fini(&test->service);
    assert_null(test->service.shared);
    for (size_t i = 0; i < test->count; i++) {
        lookup_free(test->given[i]);
    }
    loop_fini(&test->loop);
    assert_true(test_heap_is_clean(&test->heap));
}

static void lookup_test_done(void *result)
{
    struct lookup_test *test = lookup_user(result);
    assert_true(test->count < LOOKUP_TEST_MAX);
    test->given[test->count++] = result;
}

static struct lookup_result *lookup_test_ask(struct lookup_test *test,
                                             const char *host, uint16_t port)
{
    struct lookup_result *result = NULL;
    const char *reason = NULL;
    assert_true(lookup_start(&test->service, &test->loop, host, port,
                             lookup_test_done, test, &result, &reason));
    assert_null(reason);
    assert_non_null(result);
    return result;
}

// lookup_test_turn runs the tasks of one turn.
static void lookup_test_turn(struct lookup_test *test, int timeout_ms)
{
    struct loop_event event;
    assert_true(loop_wait(&test->loop, timeout_ms));
    while (loop_next(&test->loop, &event)) {
        assert_int_equal(event.type, LOOP_EVENT_TASK);
        event.task.run(event.task.argument);
    }
}

static void lookup_test_run(struct lookup_test *test, size_t count)
{
    while (test->count < count) {
        lookup_test_turn(test, -1);
    }
}

// lookup_test_await waits until an answer is posted, and does not take it.
static void lookup_test_await(const struct lookup_test *test)
{
    struct pollfd posted = {.fd = test->loop.post_read, .events = POLLIN};
    assert_int_equal(poll(&posted, 1, -1), 1);
}

static void lookup_test_expect(const struct lookup_result *result, size_t i,
                               const char *expected)
{
    char text[SOCKET_ADDRESS_TEXT];
    socket_address_text(lookup_address(result, i), text);
    assert_string_equal(text, expected);
}

static void test_lookup__numeric_hosts_are_answered(void **state)
{
    (void)state;
    struct lookup_test test;
    lookup_test_begin(&test);
    struct lookup_result *asked = lookup_test_ask(&test, "127.0.0.1", 443);
    lookup_test_run(&test, 1);
    assert_ptr_equal(test.given[0], asked);
    assert_null(lookup_error(asked));
    assert_int_equal(lookup_count(asked), 1);
    lookup_test_expect(asked, 0, "127.0.0.1:443");
    asked = lookup_test_ask(&test, "2001:db8::7", 65535);
    lookup_test_run(&test, 2);
    assert_int_equal(lookup_count(asked), 1);
    lookup_test_expect(asked, 0, "[2001:db8::7]:65535");
    lookup_test_end(&test);
}

static void test_lookup__localhost_is_the_loopback(void **state)
{
    (void)state;
    struct lookup_test test;
    lookup_test_begin(&test);
    lookup_test_ask(&test, "localhost", 50051);
    lookup_test_run(&test, 1);
    const struct lookup_result *result = test.given[0];
    assert_null(lookup_error(result));
    assert_true(lookup_count(result) >= 1);
    for (size_t i = 0; i < lookup_count(result); i++) {
        char text[SOCKET_ADDRESS_TEXT];
        socket_address_text(lookup_address(result, i), text);
        assert_true(strcmp(text, "[::1]:50051") == 0 ||
                    strcmp(text, "127.0.0.1:50051") == 0);
    }
    lookup_test_end(&test);
}

static void test_lookup__answers_come_in_the_order_of_questions(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3",
                                        "127.0.0.4", "127.0.0.5"};
    struct lookup_test test;
    lookup_test_begin(&test);
    for (int i = 0; i < 5; i++) {
        lookup_test_ask(&test, hosts[i], 1);
    }
    lookup_test_run(&test, 5);
    for (size_t i = 0; i < 5; i++) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "%s:1", hosts[i]);
        lookup_test_expect(test.given[i], 0, expected);
    }
    lookup_test_end(&test);
}

static void test_lookup__names_have_a_size(void **state)
{
    (void)state;
    struct lookup_test test;
    struct lookup_result *result = NULL;
    const char *reason = NULL;
    char host[LOOKUP_HOST_MAX + 2];
    memset(host, 'h', sizeof host);
    host[sizeof host - 1] = '\0';
    lookup_test_begin(&test);
    assert_false(lookup_start(&test.service, &test.loop, host, 1,
                              lookup_test_done, &test, &result, &reason));
    assert_string_equal(reason, "a name has 1 to 255 bytes");
    assert_false(lookup_start(&test.service, &test.loop, "", 1,
                              lookup_test_done, &test, &result, &reason));
    assert_null(result);
    lookup_test_end(&test);
}

static void test_lookup__start_survives_failures(void **state)
{
    (void)state;
    size_t n = 1;
    for (bool started = false; !started; n++) {
        struct lookup_test test;
        struct lookup_result *result = NULL;
        const char *reason = NULL;
        lookup_test_begin(&test);
        test.heap.fail_at = test.heap.calls + n;
        started = lookup_start(&test.service, &test.loop, "127.0.0.1", 1,
                               lookup_test_done, &test, &result, &reason);
        if (started) {
            lookup_test_run(&test, 1);
        } else {
            assert_string_equal(reason, "no memory");
            assert_null(result);
        }
        lookup_test_end(&test);
    }
    assert_true(n > 2);
}

static void test_lookup__cancelled_answer_is_dropped(void **state)
{
    (void)state;
    struct lookup_test test;
    lookup_test_begin(&test);
    struct lookup_result *asked = lookup_test_ask(&test, "127.0.0.1", 1);
    lookup_test_await(&test);
    size_t blocks = test.heap.live_blocks;
    lookup_cancel(asked);
    // The task still has the pointer: the memory goes when the task comes.
    assert_int_equal(test.heap.live_blocks, blocks);
    lookup_test_turn(&test, 0);
    assert_int_equal(test.heap.live_blocks, blocks - 1);
    assert_int_equal(test.count, 0);
    lookup_test_end(&test);
}

static void test_lookup__answers_nobody_took_are_freed_at_the_end(void **state)
{
    (void)state;
    struct lookup_test test;
    lookup_test_begin(&test);
    lookup_test_ask(&test, "127.0.0.1", 1);
    lookup_test_await(&test);
    lookup_test_end(&test);
    lookup_test_begin(&test);
    lookup_cancel(lookup_test_ask(&test, "127.0.0.1", 1));
    lookup_test_end(&test);
}

static void test_lookup__end_right_after_questions(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct lookup_test test;
        lookup_test_begin(&test);
        for (int question = 0; question < 1 + i % 4; question++) {
            lookup_test_ask(&test, "localhost", 1);
        }
        if (i % 3 == 0) {
            lookup_test_turn(&test, 0);
        }
        lookup_test_end(&test);
    }
}

static void test_lookup__service_without_questions_ends(void **state)
{
    (void)state;
    struct lookup_test test;
    lookup_test_begin(&test);
    lookup_fini(&test.service);
    lookup_free(NULL);
    lookup_test_end(&test);
}

#if !defined(GRPC_NO_THREADS)

static void test_lookup__unknown_name_is_told(void **state)
{
    (void)state;
    struct lookup_test test;
    lookup_test_begin(&test);
    lookup_test_ask(&test, "name.invalid", 443);
    lookup_test_run(&test, 1);
    assert_int_equal(lookup_count(test.given[0]), 0);
    assert_non_null(lookup_error(test.given[0]));
    assert_true(strlen(lookup_error(test.given[0])) > 5);
    lookup_test_end(&test);
}

static void test_lookup__cancelled_question_is_never_answered(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct lookup_test test;
        lookup_test_begin(&test);
        struct lookup_result *asked[3];
        for (int question = 0; question < 3; question++) {
            asked[question] = lookup_test_ask(&test, "127.0.0.1", 1);
        }
        lookup_cancel(asked[i % 3]);
        lookup_test_run(&test, 2);
        for (int question = 0; question < 2; question++) {
            assert_ptr_equal(test.given[question],
                             asked[question + (question >= i % 3 ? 1 : 0)]);
        }
        lookup_test_end(&test);
    }
}

#else

static void test_lookup__name_is_refused_without_threads(void **state)
{
    (void)state;
    struct lookup_test test;
    struct lookup_result *result = NULL;
    const char *reason = NULL;
    lookup_test_begin(&test);
    assert_false(lookup_start(&test.service, &test.loop, "name.invalid", 1,
                              lookup_test_done, &test, &result, &reason));
    assert_string_equal(reason,
                        "built without threads, which looking up a name needs");
    lookup_test_end(&test);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup__numeric_hosts_are_answered),
        cmocka_unit_test(test_lookup__localhost_is_the_loopback),
        cmocka_unit_test(test_lookup__answers_come_in_the_order_of_questions),
        cmocka_unit_test(test_lookup__names_have_a_size),
        cmocka_unit_test(test_lookup__start_survives_failures),
        cmocka_unit_test(test_lookup__cancelled_answer_is_dropped),
        cmocka_unit_test(test_lookup__answers_nobody_took_are_freed_at_the_end),
        cmocka_unit_test(test_lookup__end_right_after_questions),
        cmocka_unit_test(test_lookup__service_without_questions_ends),
#if !defined(GRPC_NO_THREADS)
        cmocka_unit_test(test_lookup__unknown_name_is_told),
        cmocka_unit_test(test_lookup__cancelled_question_is_never_answered),
#else
        cmocka_unit_test(test_lookup__name_is_refused_without_threads),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
