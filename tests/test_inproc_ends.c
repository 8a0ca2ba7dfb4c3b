// SPDX-License-Identifier: MIT
// A channel and a server joined in memory: how either ends, and what then waits.

#include "tests/unit.h"

#include "tests/inproc_kit.h"

// ---- The end of the server --------------------------------------------------

static void inproc_answer(struct sk *sk)
{
    assert_int_equal(stream_Streams_One_reply(
                         sk->extra, &(stream_Text){.text = GRPC_STR("late")}),
                     GRPC_OK);
}

static void test_inproc_ends__stop_lets_calls_end(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    sk->act_on = inproc_keep;
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_until(sk, &sk->handled, 1);
    grpc_server_stop(sk->server);
    kit_turn(sk->loop);
    assert_int_equal(sk->ended, 0);
    assert_false(grpc_server_is_stopped(sk->server));
    inproc_expect_stopped(sk);
    inproc_answer(sk);
    inproc_until(sk, &sk->ended, 3);
    assert_int_equal(sk->code, GRPC_OK);
    kit_turn(sk->loop);
    assert_true(grpc_server_is_stopped(sk->server));
    inproc_expect_stopped(sk);
    assert_int_equal(grpc_loop_timeout(sk->loop), -1); // nothing to hope for
    sk_free(sk);
}

static void test_inproc_ends__second_stop_ends_calls(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    sk->act_on = inproc_keep;
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_until(sk, &sk->handled, 1);
    grpc_server_stop(sk->server);
    grpc_server_stop(sk->server);
    kit_turn(sk->loop);
    assert_int_equal(sk->ended, 1);
    assert_int_equal(sk->told, 1);
    assert_int_equal(sk->code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(sk->text, inproc_words));
    assert_true(grpc_server_is_stopped(sk->server));
    inproc_expect_stopped(sk);
    sk_free(sk);
}

// Nobody waits for a connection that cannot be had.
static void test_inproc_ends__nothing_to_wait_for(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    assert_int_equal(grpc_channel_wait_ready(sk->channel, -1), GRPC_OK);
    grpc_server_free(sk->server);
    sk->server = NULL;
    assert_int_equal(grpc_channel_wait(sk->channel, GRPC_READY, -1), GRPC_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(grpc_channel_wait_ready(sk->channel, -1), GRPC_ESTATE);
        assert_string_equal(grpc_channel_error(sk->channel),
                            "connect: the in-process server was stopped");
    }
    sk_free(sk);
}

static void test_inproc_ends__server_freed(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    sk->act_on = inproc_keep;
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_until(sk, &sk->handled, 1);
    grpc_server_free(sk->server);
    sk->server = NULL;
    assert_int_equal(sk->ended, 0);
    assert_int_equal(grpc_loop_timeout(sk->loop), 0);
    kit_turn(sk->loop);
    assert_int_equal(sk->ended, 1);
    assert_int_equal(sk->code, GRPC_UNAVAILABLE);
    assert_string_equal(sk->text, "connection to inproc closed: the in-process "
                                  "server was stopped");
    inproc_expect_stopped(sk);
    sk_free(sk);
}

// Calls that wait for room on a server at its limit, or for an attempt, do not
// wait for one that is gone.
static void test_inproc_ends__waiting_calls_lose_hope(void **state)
{
    struct sk *sk =
        inproc_new_with(&(grpc_server_options){.max_connections = 1}, NULL);
    (void)state;
    inproc_expect_one(sk, GRPC_OK, "");
    grpc_channel *first = sk->channel;
    sk->channel = grpc_channel_new_inproc(sk->server, NULL);
    assert_non_null(sk->channel);
    inproc_expect_one(sk, GRPC_UNAVAILABLE,
                      "connect to inproc: the server has as many connections "
                      "as are allowed; gave up after 0 ms");
    (void)inproc_call_one(sk, "Ann",
                          &(grpc_call_options){.wait_for_ready = true});
    kit_skip(sk->loop, 3000);
    assert_int_equal(sk->ended, 2);
    grpc_server_stop(sk->server);
    kit_turn(sk->loop);
    assert_int_equal(sk->ended, 3);
    assert_int_equal(sk->code, GRPC_UNAVAILABLE);
    assert_string_equal(sk->text, inproc_words);
    grpc_channel_free(first);
    sk_free(sk);
}

// A place that becomes free is for the one that waits for it.
static void test_inproc_ends__limit_of_connections(void **state)
{
    struct sk *sk =
        inproc_new_with(&(grpc_server_options){.max_connections = 1}, NULL);
    (void)state;
    inproc_expect_one(sk, GRPC_OK, "");
    assert_int_equal(sk->server->connection_count, 1);
    grpc_channel *first = sk->channel;
    sk->channel = grpc_channel_new_inproc(sk->server, NULL);
    (void)inproc_call_one(sk, "Ann",
                          &(grpc_call_options){.wait_for_ready = true});
    kit_turn(sk->loop);
    assert_int_equal(sk->ended, 1);
    grpc_channel_free(first);
    kit_turn(sk->loop);
    kit_skip(sk->loop, 3000); // a backoff
    assert_int_equal(sk->ended, 2);
    assert_int_equal(sk->code, GRPC_OK);
    assert_int_equal(sk->server->connection_count, 1);
    sk_free(sk);
}

// A server may end a connection alone: there is another.
static void test_inproc_ends__connects_again(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    for (int i = 0; i < 4; i++) {
        sk->act_on = NULL;
        inproc_expect_one(sk, GRPC_OK, "");
        struct conn *old = inproc_end(&sk->server->conns);
        sk->act_on = inproc_keep;
        (void)inproc_call_one(sk, "Ann", NULL);
        inproc_until(sk, &sk->handled, 3 * i + 2);
        conn_finish(old, VIEW("enough"));
        sk->act_on = NULL;
        inproc_expect_one(sk, GRPC_OK, "");
        assert_int_equal(sk->server->connection_count, 2);
        inproc_answer(sk);
        kit_turn(sk->loop);
        assert_int_equal(sk->ended, 3 * i + 3);
        assert_int_equal(sk->server->connection_count, 1);
    }
    sk_free(sk);
}

// What keeps a connection over a socket alive, and what ends it, does so here.
static void test_inproc_ends__ages(void **state)
{
    struct sk *sk = inproc_new_with(
        &(grpc_server_options){.max_connection_age_ms = 10000}, NULL);
    (void)state;
    for (int i = 0; i < 20; i++) {
        inproc_expect_one(sk, GRPC_OK, "");
        kit_skip(sk->loop, 5000);
        inproc_check_all(sk);
    }
    inproc_expect_one(sk, GRPC_OK, ""); // one that ages has gone since
    assert_in_range(sk->server->connection_count, 1, 2);
    assert_true(inproc_end(&sk->server->conns)->h2.last_peer_id < 15);
    sk_free(sk);
}

static void test_inproc_ends__keepalive(void **state)
{
    struct sk *sk =
        inproc_new_with(&(grpc_server_options){.keepalive_min_ms = 10000,
                                               .keepalive_ms = 10000},
                        &(grpc_channel_options){.keepalive_ms = 10000});
    (void)state;
    sk->act_on = inproc_keep;
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_until(sk, &sk->handled, 1);
    for (int i = 0; i < 20; i++) {
        kit_skip(sk->loop, 35000); // all at once, as after a sleep
    }
    assert_int_equal(sk->ended, 0);
    inproc_answer(sk);
    inproc_until(sk, &sk->ended, 1);
    assert_int_equal(sk->code, GRPC_OK);
    sk_free(sk);
}

static void test_inproc_ends__server_closes_the_connection(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    sk->act_on = inproc_keep;
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_until(sk, &sk->handled, 1);
    conn_close(inproc_end(&sk->server->conns), "a test");
    inproc_until(sk, &sk->ended, 1);
    assert_int_equal(sk->code, GRPC_UNAVAILABLE);
    assert_string_equal(sk->text, "connection to inproc closed: the in-process "
                                  "server closed the connection");
    sk->act_on = NULL;
    inproc_expect_one(sk, GRPC_OK, "");
    sk_free(sk);
}

static void test_inproc_ends__channel_freed(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    sk->act_on = inproc_keep;
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_until(sk, &sk->handled, 1);
    grpc_channel_free(sk->channel);
    assert_int_equal(sk->code, GRPC_CANCELLED);
    sk->channel = grpc_channel_new_inproc(sk->server, NULL);
    inproc_until(sk, &sk->told, 1);
    sk->act_on = NULL;
    inproc_expect_one(sk, GRPC_OK, "");
    assert_int_equal(sk->server->connection_count, 1);
    sk_free(sk);
}

// ---- Freed in callbacks -----------------------------------------------------

static void inproc_free_in_handler(grpc_call *call, const stream_Text *request,
                                   struct sk *sk)
{
    unsigned what = (unsigned)request->number;
    (void)stream_Streams_One_reply(call, &(stream_Text){.text = request->text});
    if (request->number < 100) {
        inproc_free_some(sk, what);
    }
}

static void inproc_free_in_end(grpc_call *call, const grpc_status *status,
                               const stream_Text *reply, void *self)
{
    struct sk *sk = self;
    sk_end_with(call, status, reply, sk);
    inproc_free_some(sk, *(unsigned *)sk->extra);
}

// inproc_free_run frees what the bits say in the handler of a call, or in the
// callback of its end, while another call is open.
static void inproc_free_run(unsigned what, bool in_handler)
{
    struct sk *sk = inproc_new();
    sk->act_on = inproc_free_in_handler;
    sk->extra = &what;
    (void)sk_start_talk(sk, NULL);
    stream_Text request = {.number = in_handler ? (int32_t)what : 100};
    assert_non_null(stream_Streams_One_start(
        sk->channel, &request, in_handler ? sk_end_with : inproc_free_in_end,
        sk, NULL));
    kit_turn(sk->loop);
    assert_int_equal(sk->ended, 2);
    assert_int_equal(sk->told, 1);
    assert_true(sk->server == NULL || sk->channel == NULL);
    if (sk->channel != NULL) {
        inproc_expect_stopped(sk);
    } else if (sk->server != NULL) {
        sk->channel = grpc_channel_new_inproc(sk->server, NULL);
        sk->act_on = NULL;
        inproc_expect_one(sk, GRPC_OK, "");
    }
    sk_free(sk);
}

static void test_inproc_ends__freed_in_callbacks(void **state)
{
    static const unsigned whats[] = {INPROC_SERVER, INPROC_CHANNEL,
                                     INPROC_SERVER | INPROC_CHANNEL,
                                     INPROC_CHANNEL | INPROC_SERVER_LAST};
    (void)state;
    for (size_t i = 0; i < sizeof whats / sizeof whats[0]; i++) {
        inproc_free_run(whats[i], true);
        inproc_free_run(whats[i], false);
    }
}

// Outside of steps, at every moment of a call.
static void test_inproc_ends__freed_at_every_moment(void **state)
{
    (void)state;
    for (int turns = 0; turns < 8; turns++) {
        for (int order = 0; order < 3; order++) {
            struct sk *sk = inproc_new();
            (void)inproc_call_one(sk, "Ann", NULL);
            (void)sk_start_many(sk, 100, NULL);
            for (int i = 0; i < turns; i++) {
                assert_int_equal(grpc_loop_step(sk->loop, 0), GRPC_OK);
            }
            inproc_free_some(sk, order == 0 ? INPROC_SERVER : INPROC_CHANNEL);
            for (int i = 0; i < 12 && order < 2; i++) {
                assert_int_equal(grpc_loop_step(sk->loop, 0), GRPC_OK);
            }
            assert_true(sk->ended == 2 || order == 2);
            sk_free(sk);
        }
    }
}

// ---- Two ends that wait -----------------------------------------------------

// inproc_allow_pings: as many as the limits on frames without use allow.
static void inproc_allow_pings(struct sk *sk)
{
    sk->server->rules.keepalive_min_ms = 0;
    sk->server->rules.keepalive_without_calls = true;
}

static void inproc_ping_much(struct conn *conn, int count)
{
    static const uint8_t payload[8] = {'t', 'e', 's', 't'};
    for (int i = 0; i < count; i++) {
        assert_true(h2_ping(&conn->h2, payload));
    }
    conn_wake(conn);
}

// Both ends have more to answer than they may have waiting: each holds what it
// reads until the other has read, and yet both go on.
static void test_inproc_ends__two_ends_that_hold(void **state)
{
    const grpc_limits limits = {.induced_bytes = 1024};
    struct sk *sk = inproc_new_with(&(grpc_server_options){.limits = limits},
                                    &(grpc_channel_options){.limits = limits});
    int held = 0;
    (void)state;
    inproc_allow_pings(sk);
    inproc_expect_one(sk, GRPC_OK, "");
    struct conn *ends[2] = {inproc_end(&sk->channel->conns),
                            inproc_end(&sk->server->conns)};
    inproc_ping_much(ends[0], 5000);
    inproc_ping_much(ends[1], 5000);
    (void)inproc_call_one(sk, "Ann", NULL);
    for (int i = 0; i < 1000 && sk->ended < 2; i++) {
        assert_int_equal(grpc_loop_step(sk->loop, 0), GRPC_OK);
        inproc_check_all(sk);
        held += ends[0]->held != NULL && ends[1]->held != NULL;
    }
    assert_true(held > 0);
    assert_int_equal(sk->ended, 2);
    assert_int_equal(sk->code, GRPC_OK);
    kit_turn(sk->loop);
    for (int i = 0; i < 2; i++) {
        assert_null(ends[i]->held);
        assert_int_equal(h2_output_size(&ends[i]->h2), 0);
    }
    sk_free(sk);
}

// A server that slows a client down does not read; the client waits, and wakes.
static void test_inproc_ends__server_pauses(void **state)
{
    const grpc_limits limits = {.reset_budget = 1};
    struct sk *sk =
        inproc_new_with(&(grpc_server_options){.limits = limits}, NULL);
    char *bytes = inproc_large();
    (void)state;
    inproc_expect_one(sk, GRPC_OK, "");
    struct conn *end = inproc_end(&sk->server->conns);
    stream_Text request = {.data = {bytes, INPROC_LARGE}};
    for (int i = 0; i < 10 && conn_may_read(end); i++) {
        grpc_cancel(stream_Streams_One_start(sk->channel, &request, sk_end_with,
                                             sk, NULL));
        assert_int_equal(grpc_loop_step(sk->loop, 0), GRPC_OK);
        inproc_check_all(sk);
    }
    assert_false(conn_may_read(end));
    kit_turn(sk->loop);
    int ended = sk->ended;
    (void)inproc_call_one(sk, "Ann", NULL);
    kit_turn(sk->loop);
    assert_int_equal(sk->ended, ended);
    assert_true(grpc_loop_timeout(sk->loop) > 0); // and it does not spin
    for (int i = 0; i < 100 && sk->ended == ended; i++) {
        kit_skip(sk->loop, 100);
        inproc_check_all(sk);
    }
    assert_int_equal(sk->ended, ended + 1);
    assert_int_equal(sk->code, GRPC_OK);
    sk_free(sk);
    free(bytes);
}

// inproc_steps is kit_skip in many small ones.
static void inproc_steps(struct sk *sk, int ms)
{
    for (int i = 0; i < ms / 10; i++) {
        kit_skip(sk->loop, 10);
        inproc_check_all(sk);
    }
}

// The end of a connection comes behind what was read before and not dealt with.
static void test_inproc_ends__end_waits_behind_a_pause(void **state)
{
    const grpc_limits limits = {.reset_budget = 1};
    struct sk *sk =
        inproc_new_with(&(grpc_server_options){.limits = limits}, NULL);
    char *bytes = inproc_large();
    (void)state;
    inproc_expect_one(sk, GRPC_OK, "");
    struct conn *end = inproc_end(&sk->server->conns);
    stream_Text request = {.data = {bytes, INPROC_LARGE}};
    for (int i = 0; i < 10 && conn_may_read(end); i++) {
        grpc_cancel(stream_Streams_One_start(sk->channel, &request, sk_end_with,
                                             sk, NULL));
        (void)inproc_call_one(sk, "Ann", NULL);
        assert_int_equal(grpc_loop_step(sk->loop, 0), GRPC_OK);
    }
    assert_non_null(end->held);
    int handled = sk->handled;
    sk->act_on = inproc_keep; // without a reply, nothing else wakes it
    grpc_channel_free(sk->channel);
    sk->channel = grpc_channel_new_inproc(sk->server, NULL);
    inproc_steps(sk, 80);
    assert_int_equal(sk->handled, handled);
    inproc_steps(sk, 200);
    assert_int_equal(sk->handled, handled + 1);
    assert_int_equal(sk->server->connection_count, 0);
    sk_free(sk);
    free(bytes);
}

static void test_inproc_ends__end_waits_behind_turns(void **state)
{
    const grpc_limits limits = {.streams_per_turn = 2};
    struct sk *sk =
        inproc_new_with(&(grpc_server_options){.limits = limits}, NULL);
    (void)state;
    inproc_expect_one(sk, GRPC_OK, "");
    struct conn *end = inproc_end(&sk->server->conns);
    for (int i = 0; i < 10; i++) {
        (void)inproc_call_one(sk, "Ann", NULL);
    }
    assert_int_equal(grpc_loop_step(sk->loop, 0), GRPC_OK);
    assert_non_null(end->held);
    assert_true(h2_output_size(&end->h2) > 0);
    grpc_channel_free(sk->channel);
    sk->channel = grpc_channel_new_inproc(sk->server, NULL);
    kit_turn(sk->loop);
    assert_int_equal(sk->handled, 11);
    assert_int_equal(sk->server->connection_count, 0);
    sk_free(sk);
}

// A server that is slow, but reads, is no stalled one.
static void test_inproc_ends__slow_is_not_stalled(void **state)
{
    const grpc_limits slow = {.glitch_burst = 100,
                              .glitches_per_second = 40000};
    const grpc_limits hasty = {.write_stall_ms = 250, .glitch_burst = 1000000};
    struct sk *sk = inproc_new_with(&(grpc_server_options){.limits = slow},
                                    &(grpc_channel_options){.limits = hasty});
    (void)state;
    inproc_allow_pings(sk);
    inproc_expect_one(sk, GRPC_OK, "");
    struct conn *end = inproc_end(&sk->channel->conns);
    inproc_ping_much(end, 60000);
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_steps(sk, 800);
    assert_int_equal(sk->ended, 1);
    assert_true(h2_output_size(&end->h2) > 0);
    inproc_steps(sk, 1200);
    assert_int_equal(sk->ended, 2);
    assert_int_equal(sk->code, GRPC_OK);
    sk_free(sk);
}

// One that does not read at all is. A call that it was not even given goes on
// over another connection.
static void test_inproc_ends__stalled(void **state)
{
    const grpc_limits slow = {.glitch_burst = 100, .delay_ms = 10000};
    const grpc_limits hasty = {.write_stall_ms = 250};
    struct sk *sk = inproc_new_with(&(grpc_server_options){.limits = slow},
                                    &(grpc_channel_options){.limits = hasty});
    (void)state;
    inproc_allow_pings(sk);
    inproc_expect_one(sk, GRPC_OK, "");
    inproc_ping_much(inproc_end(&sk->channel->conns), 10000);
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_steps(sk, 800);
    assert_int_equal(sk->ended, 2);
    assert_int_equal(sk->code, GRPC_OK);
    assert_int_equal(sk->handled, 2);
    assert_non_null(
        strstr(grpc_channel_failure(sk->channel), "the peer does not take"));
    sk_free(sk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inproc_ends__stop_lets_calls_end),
        cmocka_unit_test(test_inproc_ends__second_stop_ends_calls),
        cmocka_unit_test(test_inproc_ends__server_freed),
        cmocka_unit_test(test_inproc_ends__nothing_to_wait_for),
        cmocka_unit_test(test_inproc_ends__waiting_calls_lose_hope),
        cmocka_unit_test(test_inproc_ends__limit_of_connections),
        cmocka_unit_test(test_inproc_ends__connects_again),
        cmocka_unit_test(test_inproc_ends__ages),
        cmocka_unit_test(test_inproc_ends__keepalive),
        cmocka_unit_test(test_inproc_ends__server_closes_the_connection),
        cmocka_unit_test(test_inproc_ends__channel_freed),
        cmocka_unit_test(test_inproc_ends__freed_in_callbacks),
        cmocka_unit_test(test_inproc_ends__freed_at_every_moment),
        cmocka_unit_test(test_inproc_ends__two_ends_that_hold),
        cmocka_unit_test(test_inproc_ends__server_pauses),
        cmocka_unit_test(test_inproc_ends__end_waits_behind_a_pause),
        cmocka_unit_test(test_inproc_ends__end_waits_behind_turns),
        cmocka_unit_test(test_inproc_ends__slow_is_not_stalled),
        cmocka_unit_test(test_inproc_ends__stalled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
