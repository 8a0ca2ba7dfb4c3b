// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "core/rules.h"
#include "tests/core_kit.h"

enum { RULES_TEXT = 2048 };

struct rules_case {
    struct test_heap heap;
    grpc_loop *loop;
    char log[RULES_TEXT]; // a line each
    struct conn_rules rules;
};

static void rules_log(void *user, grpc_log_level level, const char *text)
{
    struct rules_case *test = user;
    assert_int_equal(level, GRPC_LOG_WARNING);
    size_t used = strlen(test->log);
    assert_true(used + strlen(text) + 2 < RULES_TEXT);
    (void)snprintf(test->log + used, RULES_TEXT - used, "%s\n", text);
}

static struct rules_case *rules_begin(void)
{
    static struct rules_case test;
    memset(&test, 0, sizeof test);
    test_heap_init(&test.heap);
    test.loop = grpc_loop_new(&(grpc_loop_options){
        .allocator = test.heap.allocator, .log = rules_log, .log_user = &test});
    assert_non_null(test.loop);
    return &test;
}

static void rules_end(struct rules_case *test)
{
    assert_int_equal(grpc_loop_free(test->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&test->heap));
}

static void test_rules__defaults(void **state)
{
    (void)state;
    struct rules_case *test = rules_begin();
    rules_for_server(&test->rules, &(grpc_server_options){0}, test->loop);
    assert_int_equal(test->rules.keepalive_ms, 7200000);
    assert_int_equal(test->rules.keepalive_timeout_ms, 20000);
    assert_int_equal(test->rules.keepalive_min_ms, 300000);
    assert_false(test->rules.keepalive_without_calls);
    assert_true(test->rules.max_idle_ms == GRPC_NEVER);
    assert_true(test->rules.max_age_ms == GRPC_NEVER);
    assert_true(test->rules.max_age_grace_ms == GRPC_NEVER);
    rules_for_channel(&test->rules, &(grpc_channel_options){0}, test->loop);
    assert_true(test->rules.keepalive_ms == GRPC_NEVER);
    assert_int_equal(test->rules.keepalive_timeout_ms, 20000);
    assert_false(test->rules.keepalive_without_calls);
    assert_true(test->rules.max_idle_ms == GRPC_NEVER);
    assert_true(test->rules.max_age_ms == GRPC_NEVER);
    assert_string_equal(test->log, "");
    rules_end(test);
}

static void test_rules__what_is_said_holds(void **state)
{
    (void)state;
    struct rules_case *test = rules_begin();
    rules_for_server(&test->rules,
                     &(grpc_server_options){.keepalive_ms = 1000,
                                            .keepalive_timeout_ms = 1,
                                            .keepalive_min_ms = 2,
                                            .keepalive_without_calls = true,
                                            .max_connection_idle_ms = 3,
                                            .max_connection_age_ms = 4,
                                            .max_connection_age_grace_ms = 5},
                     test->loop);
    assert_int_equal(test->rules.keepalive_ms, 1000);
    assert_int_equal(test->rules.keepalive_timeout_ms, 1);
    assert_int_equal(test->rules.keepalive_min_ms, 2);
    assert_true(test->rules.keepalive_without_calls);
    assert_int_equal(test->rules.max_idle_ms, 3);
    assert_int_equal(test->rules.max_age_ms, 4);
    assert_int_equal(test->rules.max_age_grace_ms, 5);
    // Far away is 11 days; never stays never.
    rules_for_server(
        &test->rules,
        &(grpc_server_options){.keepalive_ms = GRPC_NEVER,
                               .max_connection_idle_ms = GRPC_NEVER - 1,
                               .max_connection_age_ms = 1000000001},
        test->loop);
    assert_true(test->rules.keepalive_ms == GRPC_NEVER);
    assert_int_equal(test->rules.max_idle_ms, 1000000000);
    assert_int_equal(test->rules.max_age_ms, 1000000000);
    rules_for_channel(
        &test->rules,
        &(grpc_channel_options){.keepalive_ms = 7200000,
                                .keepalive_timeout_ms = GRPC_NEVER,
                                .keepalive_without_calls = true},
        test->loop);
    assert_int_equal(test->rules.keepalive_ms, 7200000);
    assert_true(test->rules.keepalive_timeout_ms == 1000000000);
    assert_true(test->rules.keepalive_without_calls);
    assert_string_equal(test->log, "");
    rules_end(test);
}

#define RULES_MIN                                                             \
 ": a server on its defaults takes a PING in 300000 ms and ends the "         \
 "connection for more (too_many_pings). Allow it there: keepalive_min_ms in " \
 "grpc_server_options, EnforcementPolicy.MinTime in grpc-go\n"

// Each warning, at the edge of what it warns of.
static void test_rules__warnings(void **state)
{
    (void)state;
    const struct {
        grpc_channel_options options;
        uint32_t keepalive_ms;
        const char *log;
    } rows[] = {
        {{.keepalive_ms = 300000}, 300000, ""},
        {{.keepalive_ms = 299999},
         299999,
         "channel: keepalive_ms is 299999" RULES_MIN},
        {{.keepalive_ms = 10000},
         10000,
         "channel: keepalive_ms is 10000" RULES_MIN},
        {{.keepalive_ms = 9999},
         10000,
         "channel: keepalive_ms is 9999 and counts as 10000, which is the "
         "least\nchannel: keepalive_ms is 10000" RULES_MIN},
        {{.keepalive_ms = 7199999, .keepalive_without_calls = true},
         7199999,
         "channel: keepalive_without_calls: a server on its defaults takes a "
         "PING in 7200000 ms while there are no calls and ends the connection "
         "for more (too_many_pings). Allow it there: keepalive_without_calls "
         "in grpc_server_options, EnforcementPolicy.PermitWithoutStream in "
         "grpc-go\n"},
        {{.keepalive_without_calls = true}, GRPC_NEVER, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rules_case *test = rules_begin();
        rules_for_channel(&test->rules, &rows[i].options, test->loop);
        assert_string_equal(test->log, rows[i].log);
        assert_int_equal(test->rules.keepalive_ms, rows[i].keepalive_ms);
        rules_end(test);
    }
}

static void test_rules__warnings_of_servers(void **state)
{
    (void)state;
    struct rules_case *test = rules_begin();
    rules_for_server(
        &test->rules,
        &(grpc_server_options){.keepalive_ms = 999, .keepalive_min_ms = 300001},
        test->loop);
    assert_int_equal(test->rules.keepalive_ms, 1000);
    assert_string_equal(
        test->log,
        "server: keepalive_ms is 999 and counts as 1000, which is the least\n"
        "server: keepalive_min_ms is 300001: clients that ask every 300000 "
        "ms, as the defaults of servers allow, are sent away "
        "(too_many_pings)\n");
    rules_end(test);
}

// A channel and a server say so when they are made.
static void test_rules__are_asked_by_both(void **state)
{
    (void)state;
    struct rules_case *test = rules_begin();
    grpc_channel *channel = grpc_channel_new(
        "127.0.0.1:1",
        &(grpc_channel_options){.loop = test->loop, .keepalive_ms = 20000});
    assert_non_null(channel);
    assert_string_equal(test->log, "channel: keepalive_ms is 20000" RULES_MIN);
    assert_int_equal(channel->rules.keepalive_ms, 20000);
    grpc_channel_free(channel);
    test->log[0] = '\0';
    grpc_server *server = grpc_server_new(
        &(grpc_server_options){.loop = test->loop, .keepalive_ms = 1});
    assert_non_null(server);
    assert_non_null(strstr(test->log, "server: keepalive_ms is 1 and"));
    assert_int_equal(server->rules.keepalive_ms, 1000);
    grpc_server_free(server);
    rules_end(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules__defaults),
        cmocka_unit_test(test_rules__what_is_said_holds),
        cmocka_unit_test(test_rules__warnings),
        cmocka_unit_test(test_rules__warnings_of_servers),
        cmocka_unit_test(test_rules__are_asked_by_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
