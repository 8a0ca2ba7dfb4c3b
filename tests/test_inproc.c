// SPDX-License-Identifier: MIT
// A channel and a server joined in memory: everything that works over a socket,
// and no descriptor.

#include "tests/unit.h"

#include "core/inproc.h"
#include "tests/stream_kit.h"

// ---- A channel and a server -------------------------------------------------

static struct sk *inproc_new_with(const grpc_server_options *server,
                                  const grpc_channel_options *channel)
{
    static struct sk sk;
    memset(&sk, 0, sizeof sk);
    test_heap_init(&sk.heap);
    sk.loop = kit_loop(&sk.heap, NULL);
    grpc_server_options server_options = *server;
    server_options.loop = sk.loop;
    sk.server = grpc_server_new(&server_options);
    assert_non_null(sk.server);
    assert_int_equal(stream_Streams_serve(sk.server, &sk_handlers, &sk),
                     GRPC_OK);
    sk.channel = grpc_channel_new_inproc(sk.server, channel);
    assert_non_null(sk.channel);
    return &sk;
}

static struct sk *inproc_new(void)
{
    return inproc_new_with(&(grpc_server_options){0}, NULL);
}

static struct conn *inproc_end(struct list_link *conns)
{
    struct list_link *link = list_first(conns);
    assert_non_null(link);
    return LIST_OWNER(link, struct conn, link_owner);
}

static void inproc_check_all(struct sk *sk)
{
    LIST_EACH (server_link, server_after, &sk->server->conns) {
        conn_check(LIST_OWNER(server_link, struct conn, link_owner));
    }
    LIST_EACH (channel_link, channel_after, &sk->channel->conns) {
        conn_check(LIST_OWNER(channel_link, struct conn, link_owner));
    }
}

// inproc_until steps, with no time to wait: what is under way is work, of which
// the loop has to know.
static void inproc_until(struct sk *sk, const int *count, int target)
{
    for (int i = 0; i < 20000 && *count < target; i++) {
        assert_int_equal(grpc_loop_timeout(sk->loop), 0);
        assert_int_equal(grpc_loop_step(sk->loop, -1), GRPC_OK);
        inproc_check_all(sk);
    }
    assert_int_equal(*count, target);
}

// inproc_call_one starts a unary call.
static grpc_call *inproc_call_one(struct sk *sk, const char *text,
                                  const grpc_call_options *options)
{
    stream_Text request = {.text = grpc_str_z(text)};
    grpc_call *call = stream_Streams_One_start(sk->channel, &request,
                                               sk_end_with, sk, options);
    assert_non_null(call);
    return call;
}

// inproc_expect_one is a whole call that ends so.
static void inproc_expect_one(struct sk *sk, grpc_code code, const char *text)
{
    int ended = sk->ended;
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_until(sk, &sk->ended, ended + 1);
    assert_int_equal(sk->code, code);
    assert_string_equal(sk->text, text);
}

static const char inproc_words[] = "the in-process server was stopped";

// inproc_expect_stopped: a further call, and one that would wait, end in words.
static void inproc_expect_stopped(struct sk *sk)
{
    int ended = sk->ended;
    for (int i = 0; i < 2; i++) {
        (void)inproc_call_one(sk, "Ann",
                              &(grpc_call_options){.wait_for_ready = i == 1});
        for (int k = 0; k < 4; k++) {
            assert_int_equal(grpc_loop_step(sk->loop, 0), GRPC_OK);
        }
        assert_int_equal(sk->ended, ended + i + 1);
        assert_int_equal(sk->code, GRPC_UNAVAILABLE);
        assert_string_equal(sk->text, inproc_words);
    }
}

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

enum { INPROC_LARGE = 3000000 };

static char *inproc_large(void)
{
    char *bytes = malloc(INPROC_LARGE);
    uint64_t seed = 7;
    assert_non_null(bytes);
    for (size_t i = 0; i < INPROC_LARGE; i++) {
        bytes[i] = (char)test_random(&seed);
    }
    return bytes;
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

static void inproc_keep(grpc_call *call, const stream_Text *request,
                        struct sk *sk)
{
    assert_non_null(call);
    assert_non_null(request);
    sk->extra = call;
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

// ---- The end of the server --------------------------------------------------

static void inproc_answer(struct sk *sk)
{
    assert_int_equal(stream_Streams_One_reply(
                         sk->extra, &(stream_Text){.text = GRPC_STR("late")}),
                     GRPC_OK);
}

static void test_inproc__stop_lets_calls_end(void **state)
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

static void test_inproc__second_stop_ends_calls(void **state)
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

static void test_inproc__server_freed(void **state)
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
static void test_inproc__waiting_calls_lose_hope(void **state)
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
static void test_inproc__limit_of_connections(void **state)
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
static void test_inproc__connects_again(void **state)
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

static void test_inproc__server_closes_the_connection(void **state)
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

static void test_inproc__channel_freed(void **state)
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

enum { INPROC_SERVER = 1, INPROC_CHANNEL = 2, INPROC_SERVER_LAST = 4 };

static void inproc_free_some(struct sk *sk, unsigned what)
{
    if ((what & INPROC_SERVER) != 0) {
        grpc_server_free(sk->server);
        sk->server = NULL;
    }
    if ((what & INPROC_CHANNEL) != 0) {
        grpc_channel_free(sk->channel);
        sk->channel = NULL;
    }
    if ((what & INPROC_SERVER_LAST) != 0) {
        grpc_server_free(sk->server);
        sk->server = NULL;
    }
}

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

static void test_inproc__freed_in_callbacks(void **state)
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
static void test_inproc__freed_at_every_moment(void **state)
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
static void test_inproc__two_ends_that_hold(void **state)
{
    const grpc_limits limits = {.induced_bytes = 1024};
    struct sk *sk = inproc_new_with(&(grpc_server_options){.limits = limits},
                                    &(grpc_channel_options){.limits = limits});
    int held = 0;
    (void)state;
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
static void test_inproc__server_pauses(void **state)
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
static void test_inproc__end_waits_behind_a_pause(void **state)
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

static void test_inproc__end_waits_behind_turns(void **state)
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
static void test_inproc__slow_is_not_stalled(void **state)
{
    const grpc_limits slow = {.glitch_burst = 100,
                              .glitches_per_second = 40000};
    const grpc_limits hasty = {.write_stall_ms = 250, .glitch_burst = 1000000};
    struct sk *sk = inproc_new_with(&(grpc_server_options){.limits = slow},
                                    &(grpc_channel_options){.limits = hasty});
    (void)state;
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

// One that does not read at all is.
static void test_inproc__stalled(void **state)
{
    const grpc_limits slow = {.glitch_burst = 100, .delay_ms = 10000};
    const grpc_limits hasty = {.write_stall_ms = 250};
    struct sk *sk = inproc_new_with(&(grpc_server_options){.limits = slow},
                                    &(grpc_channel_options){.limits = hasty});
    (void)state;
    inproc_expect_one(sk, GRPC_OK, "");
    inproc_ping_much(inproc_end(&sk->channel->conns), 10000);
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_steps(sk, 800);
    assert_int_equal(sk->ended, 2);
    assert_int_equal(sk->code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(sk->text, "the peer does not take"));
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
        cmocka_unit_test(test_inproc__stop_lets_calls_end),
        cmocka_unit_test(test_inproc__second_stop_ends_calls),
        cmocka_unit_test(test_inproc__server_freed),
        cmocka_unit_test(test_inproc__waiting_calls_lose_hope),
        cmocka_unit_test(test_inproc__limit_of_connections),
        cmocka_unit_test(test_inproc__connects_again),
        cmocka_unit_test(test_inproc__server_closes_the_connection),
        cmocka_unit_test(test_inproc__channel_freed),
        cmocka_unit_test(test_inproc__freed_in_callbacks),
        cmocka_unit_test(test_inproc__freed_at_every_moment),
        cmocka_unit_test(test_inproc__two_ends_that_hold),
        cmocka_unit_test(test_inproc__server_pauses),
        cmocka_unit_test(test_inproc__end_waits_behind_a_pause),
        cmocka_unit_test(test_inproc__end_waits_behind_turns),
        cmocka_unit_test(test_inproc__slow_is_not_stalled),
        cmocka_unit_test(test_inproc__stalled),
        cmocka_unit_test(test_inproc__no_allocation_per_call),
        cmocka_unit_test(test_inproc__without_memory),
        cmocka_unit_test(test_inproc__blocking_calls),
        cmocka_unit_test(test_inproc__private_loop),
        cmocka_unit_test(test_inproc__server_runs_for_its_channels),
        cmocka_unit_test(test_inproc__what_is_refused),
        cmocka_unit_test(test_inproc__limits_out_of_range),
        cmocka_unit_test(test_inproc__services_come_before_calls),
        cmocka_unit_test(test_inproc__idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
