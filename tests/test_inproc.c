// SPDX-License-Identifier: MIT
// A channel and a server joined in memory: everything that works over a socket,
// and no descriptor.

#include "tests/unit.h"

#include "tests/inproc_kit.h"

// ---- Calls ------------------------------------------------------------------

static void test_inproc__calls_of_every_kind(void **state)
{
    struct sk *sk = inproc_new();
    int open = kit_open_fds();
    (void)state;
    assert_int_equal(grpc_channel_state(sk->channel), GRPC_IDLE);
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_until(sk, &sk->ended, 1);
    assert_string_equal(sk->log.text, "Hello Ann:0 OK ");
    sk_clear(&sk->log);

    (void)sk_start_many(sk, 3, NULL);
    inproc_until(sk, &sk->ended, 2);
    assert_string_equal(sk->log.text, "headers reply:0 reply:1 reply:2 OK ");
    sk_clear(&sk->log);

    grpc_call *call =
        stream_Streams_Collect_start(sk->channel, &sk_collect_events, sk, NULL);
    assert_non_null(call);
    for (int i = 0; i < 5; i++) {
        stream_Text request = {.number = i};
        assert_int_equal(stream_Streams_Collect_send(call, &request), GRPC_OK);
    }
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    inproc_until(sk, &sk->ended, 3);
    assert_string_equal(sk->log.text, "headers all:5 OK ");
    sk_clear(&sk->log);

    call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "a", 1), GRPC_OK);
    inproc_until(sk, &sk->messages, 4);
    assert_int_equal(sk_say(call, "b", 2), GRPC_OK);
    inproc_until(sk, &sk->messages, 5);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    inproc_until(sk, &sk->ended, 4);
    assert_string_equal(sk->log.text, "headers a:1 b:2 OK ");

    assert_int_equal(grpc_channel_state(sk->channel), GRPC_READY);
    assert_int_equal(kit_open_fds(), open);
    sk_free(sk);
}

static void inproc_tell_peer(grpc_call *call, const stream_Text *request,
                             struct sk *sk)
{
    (void)sk;
    (void)request;
    (void)stream_Streams_One_reply(
        call, &(stream_Text){.text = grpc_str_z(grpc_call_peer(call))});
}

static void inproc_see_peer(grpc_call *call, const grpc_status *status,
                            const stream_Text *reply, void *self)
{
    assert_string_equal(grpc_call_peer(call), "inproc");
    sk_end_with(call, status, reply, self);
}

static void test_inproc__peer_has_a_name(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    sk->act_on = inproc_tell_peer;
    stream_Text request = {.number = 1};
    assert_non_null(stream_Streams_One_start(sk->channel, &request,
                                             inproc_see_peer, sk, NULL));
    inproc_until(sk, &sk->ended, 1);
    assert_string_equal(sk->log.text, "inproc:0 OK ");
    sk_free(sk);
}

static void inproc_return_data(grpc_call *call, const stream_Text *request,
                               struct sk *sk)
{
    (void)sk;
    (void)stream_Streams_One_reply(call, &(stream_Text){.data = request->data});
}

static void inproc_see_large(grpc_call *call, const grpc_status *status,
                             const stream_Text *reply, void *self)
{
    struct sk *sk = self;
    assert_non_null(call);
    assert_non_null(reply);
    assert_int_equal(reply->data.size, INPROC_LARGE);
    assert_memory_equal(reply->data.data, sk->extra, INPROC_LARGE);
    sk_keep_status(sk, status);
}

// Many windows' worth, both ways, and several at once.
static void test_inproc__large_messages(void **state)
{
    struct sk *sk = inproc_new();
    char *bytes = inproc_large();
    (void)state;
    sk->extra = bytes;
    sk->act_on = inproc_return_data;
    stream_Text request = {.data = {bytes, INPROC_LARGE}};
    for (int i = 0; i < 3; i++) {
        assert_non_null(stream_Streams_One_start(sk->channel, &request,
                                                 inproc_see_large, sk, NULL));
    }
    inproc_until(sk, &sk->ended, 3);
    sk_free(sk);
    free(bytes);
}

// More replies than there is room for: the sender waits, and is told to go on.
static void inproc_no_note(grpc_call *call, const stream_Text *reply,
                           struct sk *sk)
{
    assert_non_null(call);
    assert_int_equal(reply->number, sk->messages - 1);
}

static void test_inproc__sender_waits_for_room(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    sk->on_message = inproc_no_note;
    (void)sk_start_many(sk, 20000, NULL);
    inproc_until(sk, &sk->ended, 1);
    assert_int_equal(sk->code, GRPC_OK);
    assert_int_equal(sk->messages, 20000);
    assert_non_null(strstr(sk->server_log.text, "again"));
    sk_free(sk);
}

static void test_inproc__many_calls_at_once(void **state)
{
    struct sk *sk = inproc_new_with(
        &(grpc_server_options){.max_concurrent_streams = 10}, NULL);
    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)inproc_call_one(sk, "Ann", NULL);
    }
    inproc_until(sk, &sk->ended, 1000);
    assert_int_equal(sk->handled, 1000);
    assert_int_equal(sk->code, GRPC_OK);
    sk_free(sk);
}

static void test_inproc__cancel(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    sk->act_on = inproc_keep;
    grpc_call *call = inproc_call_one(sk, "Ann", NULL);
    inproc_until(sk, &sk->handled, 1);
    grpc_cancel(call);
    inproc_until(sk, &sk->told, 1);
    kit_turn(sk->loop);
    assert_int_equal(sk->code, GRPC_CANCELLED);
    sk_free(sk);
}

static void test_inproc__deadline(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    sk->act_on = inproc_keep;
    (void)inproc_call_one(sk, "Ann", &(grpc_call_options){.timeout_ms = 5000});
    inproc_until(sk, &sk->handled, 1);
    int64_t left_ms = grpc_call_time_left_ms(sk->extra);
    assert_true(left_ms > 0 && left_ms <= 5001);
    kit_skip(sk->loop, 6000);
    assert_int_equal(sk->ended, 1);
    assert_int_equal(sk->told, 1);
    assert_int_equal(sk->code, GRPC_DEADLINE_EXCEEDED);
    sk_free(sk);
}

// A handler calls on, over the channel that it was called over.
static void inproc_inner(grpc_call *call, const grpc_status *status,
                         const stream_Text *reply, void *self)
{
    struct sk *sk = self;
    assert_non_null(call);
    assert_int_equal(status->code, GRPC_OK);
    grpc_call *outer = sk->extra;
    (void)stream_Streams_One_reply(
        outer, &(stream_Text){.text = reply->text, .number = 2});
}

static void inproc_call_on(grpc_call *call, const stream_Text *request,
                           struct sk *sk)
{
    if (request->number == 1) {
        (void)stream_Streams_One_reply(call,
                                       &(stream_Text){.text = request->text});
        return;
    }
    sk->extra = call;
    stream_Text inner = {.text = request->text, .number = 1};
    assert_non_null(
        stream_Streams_One_start(sk->channel, &inner, inproc_inner, sk,
                                 &(grpc_call_options){.parent = call}));
}

static void test_inproc__handler_calls_on(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    sk->act_on = inproc_call_on;
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_until(sk, &sk->ended, 1);
    assert_string_equal(sk->log.text, "Ann:2 OK ");
    assert_int_equal(sk->handled, 2);
    sk_free(sk);
}

// A handler that starts the next call and gives its own up, without an end: the
// rest of the loop has its turns.
static void inproc_ignore(grpc_call *call, const grpc_status *status,
                          const stream_Text *reply, void *self)
{
    struct sk *sk = self;
    assert_non_null(call);
    assert_null(reply);
    assert_int_equal(status->code, GRPC_CANCELLED);
    sk->ended++;
}

static void inproc_go_round(grpc_call *call, const stream_Text *request,
                            struct sk *sk)
{
    assert_non_null(call);
    grpc_cancel(sk->extra);
    sk->extra =
        stream_Streams_One_start(sk->channel, request, inproc_ignore, sk, NULL);
}

static void inproc_count_turn(void *argument)
{
    int *turns = argument;
    ++*turns;
}

static void test_inproc__endless_calls_starve_nobody(void **state)
{
    struct sk *sk = inproc_new();
    int turns = 0;
    (void)state;
    sk->act_on = inproc_go_round;
    sk->extra = inproc_call_one(sk, "Ann", NULL);
    assert_int_equal(grpc_loop_post(sk->loop, inproc_count_turn, &turns),
                     GRPC_OK);
    inproc_until(sk, &turns, 1);
    assert_true(sk->handled < 50);
    sk_free(sk);
}

// ---- Memory and descriptors -------------------------------------------------

static void test_inproc__no_allocation_per_call(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    for (int i = 0; i < 20; i++) {
        inproc_expect_one(sk, GRPC_OK, "");
    }
    size_t calls = sk->heap.calls;
    for (int i = 0; i < 100; i++) {
        inproc_expect_one(sk, GRPC_OK, "");
        sk_clear(&sk->log);
    }
    assert_int_equal(sk->heap.calls, calls);
    sk_free(sk);
}

// inproc_sweep_run: the n-th allocation fails, between the making of the channel
// and its end. False when the failure came too late.
static bool inproc_sweep_run(size_t fail_at, bool and_on)
{
    struct sk *sk = inproc_new();
    grpc_channel_free(sk->channel);
    sk->heap.calls = 0;
    sk->heap.fail_at = fail_at;
    sk->heap.fail_on = and_on;
    sk->channel = grpc_channel_new_inproc(sk->server, NULL);
    int started = 0;
    for (int i = 0; i < 2 && sk->channel != NULL; i++) {
        stream_Text request = {.text = GRPC_STR("Ann")};
        started += stream_Streams_One_start(sk->channel, &request, sk_end_with,
                                            sk, NULL) != NULL;
        kit_turn(sk->loop);
        assert_int_equal(sk->ended, started);
        assert_true(sk->code == GRPC_OK || sk->code == GRPC_UNAVAILABLE ||
                    sk->code == GRPC_RESOURCE_EXHAUSTED ||
                    sk->code == GRPC_INTERNAL);
        inproc_check_all(sk);
    }
    bool failed = sk->heap.calls >= fail_at;
    sk->heap.fail_at = 0;
    grpc_channel_free(sk->channel);
    sk->channel = grpc_channel_new_inproc(sk->server, NULL);
    inproc_expect_one(sk, GRPC_OK, "");
    assert_int_equal(sk->server->connection_count, 1);
    sk_free(sk);
    return failed;
}

static void test_inproc__without_memory(void **state)
{
    (void)state;
    for (int and_on = 0; and_on < 2; and_on++) {
        size_t n = 1;
        while (inproc_sweep_run(n, and_on == 1)) {
            n++;
        }
        assert_true(n > 10);
    }
}

// ---- Blocking ---------------------------------------------------------------

static void inproc_block(grpc_channel *channel, grpc_code code)
{
    grpc_arena arena = {0};
    stream_Text request = {.text = GRPC_STR("Ann")};
    stream_Text reply;
    grpc_status status =
        stream_Streams_One(channel, &arena, &request, &reply, NULL);
    assert_int_equal(status.code, code);
    if (code == GRPC_OK) {
        assert_string_equal(reply.text.data, "Hello Ann");
    }
    grpc_arena_free(&arena);
}

static void inproc_block_in_step(void *argument)
{
    inproc_block(argument, GRPC_FAILED_PRECONDITION);
}

static void test_inproc__blocking_calls(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    inproc_block(sk->channel, GRPC_OK);
    inproc_block(sk->channel, GRPC_OK);
    assert_int_equal(
        grpc_loop_post(sk->loop, inproc_block_in_step, sk->channel), GRPC_OK);
    kit_turn(sk->loop);
    grpc_server_free(sk->server);
    sk->server = NULL;
    inproc_block(sk->channel, GRPC_UNAVAILABLE);
    sk_free(sk);
}

// The server's own loop, which ends with the last of the two.
static void test_inproc__private_loop(void **state)
{
    static struct sk sk;
    int open = kit_open_fds();
    (void)state;
    for (int order = 0; order < 2; order++) {
        memset(&sk, 0, sizeof sk);
        test_heap_init(&sk.heap);
        sk.server = grpc_server_new(
            &(grpc_server_options){.allocator = sk.heap.allocator});
        assert_int_equal(stream_Streams_serve(sk.server, &sk_handlers, &sk),
                         GRPC_OK);
        sk.channel = grpc_channel_new_inproc(sk.server, NULL);
        assert_ptr_equal(grpc_channel_loop(sk.channel),
                         grpc_server_loop(sk.server));
        inproc_block(sk.channel, GRPC_OK);
        inproc_free_some(&sk, order == 0 ? INPROC_SERVER : INPROC_CHANNEL);
        if (order == 0) {
            inproc_block(sk.channel, GRPC_UNAVAILABLE);
        }
        inproc_free_some(&sk, order == 0 ? INPROC_CHANNEL : INPROC_SERVER);
        assert_true(test_heap_is_clean(&sk.heap));
        assert_int_equal(kit_open_fds(), open);
    }
}

static void inproc_free_while_waited_for(grpc_call *call,
                                         const stream_Text *request,
                                         struct sk *sk)
{
    assert_non_null(call);
    assert_non_null(request);
    inproc_free_some(sk, *(unsigned *)sk->extra);
}

// A handler frees what the blocking call stands on.
static void test_inproc__freed_in_a_blocking_call(void **state)
{
    static const unsigned whats[] = {INPROC_SERVER, INPROC_CHANNEL,
                                     INPROC_SERVER | INPROC_CHANNEL};
    static struct sk sk;
    (void)state;
    for (size_t i = 0; i < sizeof whats / sizeof whats[0]; i++) {
        unsigned what = whats[i];
        memset(&sk, 0, sizeof sk);
        test_heap_init(&sk.heap);
        sk.server = grpc_server_new(
            &(grpc_server_options){.allocator = sk.heap.allocator});
        assert_int_equal(stream_Streams_serve(sk.server, &sk_handlers, &sk),
                         GRPC_OK);
        sk.channel = grpc_channel_new_inproc(sk.server, NULL);
        sk.act_on = inproc_free_while_waited_for;
        sk.extra = &what;
        inproc_block(sk.channel, what == INPROC_CHANNEL ? GRPC_CANCELLED
                                                        : GRPC_UNAVAILABLE);
        inproc_free_some(&sk, INPROC_SERVER | INPROC_CHANNEL);
        assert_true(test_heap_is_clean(&sk.heap));
    }
}

static void inproc_stop_server(grpc_call *call, const grpc_status *status,
                               const stream_Text *reply, void *self)
{
    struct sk *sk = self;
    sk_end_with(call, status, reply, sk);
    grpc_server_stop(sk->server);
}

// A server that listens nowhere runs for its channels.
static void test_inproc__server_runs_for_its_channels(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    stream_Text request = {.text = GRPC_STR("Ann")};
    assert_non_null(stream_Streams_One_start(sk->channel, &request,
                                             inproc_stop_server, sk, NULL));
    assert_int_equal(grpc_server_run(sk->server), GRPC_OK);
    assert_string_equal(sk->log.text, "Hello Ann:0 OK ");
    sk_free(sk);
}

// ---- What is refused --------------------------------------------------------

static void test_inproc__what_is_refused(void **state)
{
    struct sk *sk = inproc_new();
    struct test_heap heap;
    (void)state;
    test_heap_init(&heap);
    grpc_loop *other = kit_loop(&heap, NULL);
    assert_null(grpc_channel_new_inproc(NULL, NULL));
    assert_null(grpc_channel_new_inproc(
        sk->server, &(grpc_channel_options){.loop = other}));
    assert_int_equal(grpc_loop_free(other), GRPC_OK);
    grpc_channel *same = grpc_channel_new_inproc(
        sk->server, &(grpc_channel_options){.loop = sk->loop});
    assert_non_null(same);
    grpc_channel_free(same);

    grpc_channel_free(sk->channel);
    sk->channel = grpc_channel_new_inproc(
        sk->server, &(grpc_channel_options){.authority = "not one"});
    inproc_expect_one(sk, GRPC_INVALID_ARGUMENT,
                      "target \"inproc\": authority or user_agent has a byte "
                      "that may not stand in a header");
    grpc_channel_free(sk->channel);
    grpc_server_stop(sk->server);
    kit_turn(sk->loop);
    sk->channel = grpc_channel_new_inproc(sk->server, NULL);
    inproc_expect_stopped(sk);
    sk_free(sk);
}

static void test_inproc__limits_out_of_range(void **state)
{
    const grpc_limits limits = {.frame_bytes = 1};
    struct sk *sk =
        inproc_new_with(&(grpc_server_options){.limits = limits}, NULL);
    (void)state;
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_until(sk, &sk->ended, 1);
    assert_int_equal(sk->code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(sk->text, "connect to inproc: limits.frame_bytes"));
    sk_free(sk);
}

static void test_inproc__services_come_before_calls(void **state)
{
    struct sk *sk = inproc_new();
    const struct kit_handlers handlers = {.say = kit_say};
    (void)state;
    inproc_expect_one(sk, GRPC_OK, "");
    assert_int_equal(grpc_server_serve(sk->server, &kit_service, &handlers, sk),
                     GRPC_ESTATE);
    sk_free(sk);
}

// The channel rests when it was told to, and never by itself.
static void test_inproc__idle(void **state)
{
    struct sk *sk = inproc_new();
    (void)state;
    inproc_expect_one(sk, GRPC_OK, "");
    kit_skip(sk->loop, 3600000);
    assert_int_equal(grpc_channel_state(sk->channel), GRPC_READY);
    grpc_channel_free(sk->channel);
    sk->channel = grpc_channel_new_inproc(
        sk->server, &(grpc_channel_options){.idle_timeout_ms = 1000});
    inproc_expect_one(sk, GRPC_OK, "");
    kit_skip(sk->loop, 1100);
    assert_int_equal(grpc_channel_state(sk->channel), GRPC_IDLE);
    assert_int_equal(sk->server->connection_count, 0);
    inproc_expect_one(sk, GRPC_OK, "");
    sk_free(sk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inproc__calls_of_every_kind),
        cmocka_unit_test(test_inproc__peer_has_a_name),
        cmocka_unit_test(test_inproc__large_messages),
        cmocka_unit_test(test_inproc__sender_waits_for_room),
        cmocka_unit_test(test_inproc__many_calls_at_once),
        cmocka_unit_test(test_inproc__cancel),
        cmocka_unit_test(test_inproc__deadline),
        cmocka_unit_test(test_inproc__handler_calls_on),
        cmocka_unit_test(test_inproc__endless_calls_starve_nobody),
        cmocka_unit_test(test_inproc__no_allocation_per_call),
        cmocka_unit_test(test_inproc__without_memory),
        cmocka_unit_test(test_inproc__blocking_calls),
        cmocka_unit_test(test_inproc__private_loop),
        cmocka_unit_test(test_inproc__freed_in_a_blocking_call),
        cmocka_unit_test(test_inproc__server_runs_for_its_channels),
        cmocka_unit_test(test_inproc__what_is_refused),
        cmocka_unit_test(test_inproc__limits_out_of_range),
        cmocka_unit_test(test_inproc__services_come_before_calls),
        cmocka_unit_test(test_inproc__idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
