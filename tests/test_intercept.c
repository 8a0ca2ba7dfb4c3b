// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/intercept.h"
#include "tests/stream_kit.h"

// ---- Interceptors that note what they see -----------------------------------

enum tap_mode { TAP_PROCEED, TAP_HOLD, TAP_FAIL, TAP_REPLY, TAP_NOTHING_ELSE };

// One interceptor; name stands in the log.
struct tap {
    const char *name;
    enum tap_mode mode;
    grpc_call *call; // that it was started with last
    int ended;
    grpc_code code;
    char text[128];
    uint64_t elapsed_us;
    const char *replacement; // of messages that it sees, NULL: none
    void (*act)(struct tap *tap);
    void (*act_received)(struct tap *tap);
    struct sk *sk;
};

static struct sk_log tap_log;
static struct tap tap_a;
static struct tap tap_b;
static struct tap tap_c;

static void tap_start(grpc_call *call, void *self)
{
    struct tap *tap = self;
    tap->call = call;
    sk_note(&tap_log, "%s.start", tap->name);
    if (tap->act != NULL) {
        tap->act(tap);
    }
    switch (tap->mode) {
    case TAP_PROCEED:
        assert_int_equal(grpc_call_proceed(call), GRPC_OK);
        break;
    case TAP_FAIL:
        assert_int_equal(grpc_call_fail(call, GRPC_PERMISSION_DENIED,
                                        "%s says no", tap->name),
                         GRPC_OK);
        break;
    case TAP_REPLY:
        assert_int_equal(
            grpc_call_reply(call, &(stream_Text){.text = GRPC_STR("tap")}),
            GRPC_OK);
        break;
    case TAP_HOLD:
    case TAP_NOTHING_ELSE:
        break;
    }
}

static void tap_see(struct tap *tap, grpc_str *message, const char *what)
{
    sk_note(&tap_log, "%s.%s%d", tap->name, what, (int)message->size);
    if (tap->replacement != NULL) {
        // {text: replacement}
        static char bytes[130];
        bytes[0] = 0x0a;
        bytes[1] = (char)strlen(tap->replacement);
        memcpy(bytes + 2, tap->replacement, strlen(tap->replacement));
        *message = (grpc_str){bytes, strlen(tap->replacement) + 2};
    }
}

static void tap_sent(grpc_call *call, grpc_str *message, void *self)
{
    (void)call;
    tap_see(self, message, "sent");
}

static void tap_received(grpc_call *call, grpc_str *message, void *self)
{
    struct tap *tap = self;
    tap->call = call;
    tap_see(tap, message, "received");
    if (tap->act_received != NULL) {
        tap->act_received(tap);
    }
}

static void tap_end(grpc_call *call, const grpc_status *status, void *self)
{
    struct tap *tap = self;
    sk_note(&tap_log, "%s.%s", tap->name, grpc_code_name(status->code));
    tap->ended++;
    tap->code = status->code;
    (void)snprintf(tap->text, sizeof tap->text, "%s", status->message);
    tap->elapsed_us = grpc_call_elapsed_us(call);
    tap->call = NULL;
}

// ---- A server and a channel with them ---------------------------------------

struct taps {
    grpc_interceptor made[3];
    const grpc_interceptor *list[3];
};

static grpc_interceptors tap_list(struct taps *taps, struct tap *first,
                                  struct tap *second, struct tap *third)
{
    struct tap *all[] = {first, second, third};
    size_t count = 0;
    for (size_t i = 0; i < 3 && all[i] != NULL; i++) {
        taps->made[i] = (grpc_interceptor){
            .start = tap_start,
            .sent = tap_sent,
            .received = tap_received,
            .end = tap_end,
            .self = all[i],
        };
        taps->list[i] = &taps->made[i];
        count++;
    }
    return (grpc_interceptors){taps->list, count};
}

static void tap_reset(void)
{
    sk_clear(&tap_log);
    tap_a = (struct tap){.name = "a"};
    tap_b = (struct tap){.name = "b"};
    tap_c = (struct tap){.name = "c"};
}

// tap_new_server has a and b, and perhaps c, at the server; tap_new_client at
// the channel.
static struct sk *tap_new_server(struct tap *second, struct tap *third)
{
    struct taps taps;
    const grpc_server_options options = {
        .interceptors = tap_list(&taps, &tap_a, second, third),
    };
    struct sk *sk =
        sk_new_with(&options, &(grpc_channel_options){.authority = NULL});
    memset(&taps, 0xa5, sizeof taps); // they were copied
    tap_a.sk = tap_b.sk = tap_c.sk = sk;
    return sk;
}

static struct sk *tap_new_client(struct tap *second, struct tap *third)
{
    struct taps taps;
    const grpc_channel_options options = {
        .interceptors = tap_list(&taps, &tap_a, second, third),
    };
    struct sk *sk =
        sk_new_with(&(grpc_server_options){.max_connections = 0}, &options);
    memset(&taps, 0xa5, sizeof taps);
    tap_a.sk = tap_b.sk = tap_c.sk = sk;
    return sk;
}

static void tap_start_one(struct sk *sk, const char *text,
                          const grpc_call_options *options)
{
    assert_non_null(stream_Streams_One_start(
        sk->channel, &(stream_Text){.text = grpc_str_z(text)}, sk_end_with, sk,
        options));
}

// ---- Order ------------------------------------------------------------------

static void test_intercept__order_on_a_server(void **state)
{
    (void)state;
    tap_reset();
    struct sk *sk = tap_new_server(&tap_b, &tap_c);
    tap_start_one(sk, "x", NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "Hello x:0 OK ");
    assert_string_equal(tap_log.text,
                        "a.start b.start c.start a.received3 b.received3 "
                        "c.received3 c.sent9 b.sent9 a.sent9 c.OK b.OK a.OK ");
    sk_free(sk);
}

static void test_intercept__order_on_a_client(void **state)
{
    (void)state;
    tap_reset();
    struct sk *sk = tap_new_client(&tap_b, &tap_c);
    tap_start_one(sk, "x", NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "Hello x:0 OK ");
    assert_string_equal(tap_log.text,
                        "a.start b.start c.start a.sent3 b.sent3 c.sent3 "
                        "c.received9 b.received9 a.received9 c.OK b.OK a.OK ");
    sk_free(sk);
}

static void test_intercept__each_message_of_a_stream(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        tap_reset();
        struct sk *sk =
            side == 0 ? tap_new_server(NULL, NULL) : tap_new_client(NULL, NULL);
        grpc_call *call = sk_start_talk(sk, NULL);
        for (int32_t i = 1; i <= 3; i++) {
            assert_int_equal(sk_say(call, "x", i), GRPC_OK);
            kit_wait(sk->loop, &sk->messages, i);
        }
        assert_int_equal(grpc_call_half_close(call), GRPC_OK);
        sk_wait_end(sk, 1);
        assert_string_equal(sk->log.text, "headers x:1 x:2 x:3 OK ");
        assert_string_equal(
            tap_log.text, side == 0 ? "a.start a.received5 a.sent5 a.received5 "
                                      "a.sent5 a.received5 a.sent5 a.OK "
                                    : "a.start a.sent5 a.received5 a.sent5 "
                                      "a.received5 a.sent5 a.received5 a.OK ");
        sk_free(sk);
    }
}

// ---- Not at once ------------------------------------------------------------

// While an interceptor holds a call, nothing goes on: no handler, no message.
static void test_intercept__server_holds(void **state)
{
    (void)state;
    tap_reset();
    struct sk *sk = tap_new_server(&tap_b, NULL);
    tap_a.mode = TAP_HOLD;
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "x", 1), GRPC_OK);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    kit_turn(sk->loop);
    assert_string_equal(tap_log.text, "a.start ");
    assert_int_equal(sk->handled, 0);
    assert_int_equal(grpc_call_proceed(tap_a.call), GRPC_OK);
    assert_int_equal(grpc_call_proceed(tap_a.call), GRPC_ESTATE);
    assert_string_equal(tap_log.text, "a.start "); // not from within
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers x:1 OK ");
    assert_string_equal(tap_log.text, "a.start b.start a.received5 b.received5 "
                                      "b.sent5 a.sent5 b.OK a.OK ");
    sk_free(sk);
}

static void test_intercept__server_holds_a_unary_call(void **state)
{
    (void)state;
    tap_reset();
    struct sk *sk = tap_new_server(&tap_b, NULL);
    tap_b.mode = TAP_HOLD;
    tap_start_one(sk, "x", NULL);
    kit_turn(sk->loop);
    assert_string_equal(tap_log.text, "a.start b.start ");
    assert_int_equal(sk->handled, 0);
    assert_int_equal(grpc_call_proceed(tap_b.call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "Hello x:0 OK ");
    sk_free(sk);
}

static void test_intercept__client_holds(void **state)
{
    (void)state;
    tap_reset();
    struct sk *sk = tap_new_client(&tap_b, NULL);
    tap_a.mode = TAP_HOLD;
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "x", 1), GRPC_OK); // it waits
    kit_turn(sk->loop);
    assert_int_equal(sk->handled, 0);
    assert_int_equal(grpc_call_add_header(tap_a.call, "late", "yes"), GRPC_OK);
    assert_int_equal(grpc_call_proceed(tap_a.call), GRPC_OK);
    kit_wait(sk->loop, &sk->messages, 1);
    grpc_str value;
    assert_true(grpc_call_header(sk->call, "late", &value));
    assert_string_equal(value.data, "yes");
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers x:1 OK ");
    sk_free(sk);
}

// A deadline goes on meanwhile, on both sides.
static void test_intercept__deadline_while_it_is_held(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        tap_reset();
        struct sk *sk = side == 0 ? tap_new_server(&tap_b, NULL)
                                  : tap_new_client(&tap_b, NULL);
        tap_a.mode = TAP_HOLD;
        tap_start_one(sk, "x", &(grpc_call_options){.timeout_ms = 1000});
        kit_turn(sk->loop);
        grpc_call *held = tap_a.call;
        assert_non_null(held);
        kit_skip(sk->loop, 1001);
        sk_wait_end(sk, 1);
        assert_int_equal(sk->code, GRPC_DEADLINE_EXCEEDED);
        kit_turn(sk->loop);
        assert_int_equal(tap_a.ended, 1);
        assert_int_equal(tap_b.ended, 0);
        assert_int_equal(tap_a.code, GRPC_DEADLINE_EXCEEDED);
        if (side == 0) {
            // The interceptor still has the call of a server.
            assert_true(grpc_call_is_over(held));
            assert_int_equal(grpc_call_proceed(held), GRPC_OK);
            kit_turn(sk->loop);
        }
        assert_int_equal(sk->handled, 0);
        sk_free(sk);
    }
}

// The client cancels, or goes, while the server's interceptor has the call. It
// then lets the call go on, or ends it, or never does either.
static void test_intercept__client_goes_while_it_is_held(void **state)
{
    (void)state;
    for (int way = 0; way < 6; way++) {
        tap_reset();
        struct sk *sk = tap_new_server(&tap_b, NULL);
        tap_a.mode = TAP_HOLD;
        grpc_call *call = sk_start_talk(sk, NULL);
        kit_turn(sk->loop);
        grpc_call *held = tap_a.call;
        if (way % 2 == 0) {
            grpc_cancel(call);
        } else {
            grpc_channel_free(sk->channel);
            sk->channel = NULL;
        }
        sk_wait_end(sk, 1);
        kit_turn(sk->loop);
        assert_int_equal(tap_a.ended, 1);
        assert_int_equal(tap_a.code, GRPC_CANCELLED);
        assert_true(grpc_call_is_over(held));
        assert_int_equal(grpc_call_add_header(held, "k", "v"), GRPC_ESTATE);
        if (way / 2 == 0) {
            assert_int_equal(grpc_call_proceed(held), GRPC_OK);
        } else if (way / 2 == 1) {
            assert_int_equal(grpc_call_fail(held, GRPC_ABORTED, "late"),
                             GRPC_OK);
        }
        kit_turn(sk->loop);
        assert_int_equal(sk->handled, 0);
        assert_string_equal(tap_log.text, "a.start a.CANCELLED ");
        sk_free(sk);
    }
}

// The server or the channel goes meanwhile.
static void test_intercept__owner_goes_while_it_is_held(void **state)
{
    (void)state;
    tap_reset();
    struct sk *sk = tap_new_server(&tap_b, NULL);
    tap_a.mode = TAP_HOLD;
    tap_start_one(sk, "x", NULL);
    kit_turn(sk->loop);
    grpc_server_free(sk->server);
    sk->server = NULL;
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_UNAVAILABLE);
    assert_int_equal(tap_a.ended, 1);
    sk_free(sk);

    tap_reset();
    sk = tap_new_client(&tap_b, NULL);
    tap_a.mode = TAP_HOLD;
    tap_start_one(sk, "x", NULL);
    kit_turn(sk->loop);
    grpc_channel_free(sk->channel);
    sk->channel = NULL;
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_CANCELLED);
    assert_string_equal(tap_log.text, "a.start a.CANCELLED ");
    sk_free(sk);
}

static void test_intercept__held_call_is_cancelled_by_its_client(void **state)
{
    (void)state;
    tap_reset();
    struct sk *sk = tap_new_client(&tap_b, NULL);
    tap_b.mode = TAP_HOLD;
    grpc_call *call = sk_start_talk(sk, NULL);
    grpc_cancel(call);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "CANCELLED ");
    assert_string_equal(tap_log.text,
                        "a.start b.start b.CANCELLED a.CANCELLED ");
    assert_int_equal(sk->handled, 0);
    sk_free(sk);
}

// ---- In the place of others -------------------------------------------------

static void test_intercept__fails(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        for (int late = 0; late < 2; late++) {
            tap_reset();
            struct sk *sk = side == 0 ? tap_new_server(&tap_b, &tap_c)
                                      : tap_new_client(&tap_b, &tap_c);
            tap_b.mode = late != 0 ? TAP_HOLD : TAP_FAIL;
            tap_start_one(sk, "x", NULL);
            kit_turn(sk->loop);
            if (late != 0) {
                assert_int_equal(grpc_call_fail(tap_b.call,
                                                GRPC_PERMISSION_DENIED,
                                                "%s says no", "b"),
                                 GRPC_OK);
            }
            sk_wait_end(sk, 1);
            assert_int_equal(sk->handled, 0);
            assert_int_equal(sk->code, GRPC_PERMISSION_DENIED);
            assert_string_equal(sk->text, "b says no");
            assert_string_equal(tap_a.text, "b says no");
            assert_string_equal(tap_log.text,
                                "a.start b.start b.PERMISSION_DENIED "
                                "a.PERMISSION_DENIED ");
            sk_free(sk);
        }
    }
}

static void test_intercept__replies(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        for (int late = 0; late < 2; late++) {
            tap_reset();
            struct sk *sk = side == 0 ? tap_new_server(&tap_b, NULL)
                                      : tap_new_client(&tap_b, NULL);
            tap_b.mode = late != 0 ? TAP_HOLD : TAP_REPLY;
            tap_start_one(sk, "x", NULL);
            kit_turn(sk->loop);
            if (late != 0) {
                assert_int_equal(
                    grpc_call_reply(tap_b.call,
                                    &(stream_Text){.text = GRPC_STR("tap")}),
                    GRPC_OK);
            }
            sk_wait_end(sk, 1);
            assert_int_equal(sk->handled, 0);
            assert_string_equal(sk->log.text, "tap:0 OK ");
            assert_int_equal(tap_a.ended, 1);
            assert_int_equal(tap_b.ended, 1);
            assert_int_equal(tap_a.code, GRPC_OK);
            sk_free(sk);
        }
    }
}

// An answer to a stream from a server's interceptor: messages, then the end.
static void tap_send_two(struct tap *tap)
{
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(
            stream_Streams_Many_send(tap->call, &(stream_Text){.number = i}),
            GRPC_ESTATE);
    }
    assert_int_equal(grpc_call_finish(tap->call, GRPC_ABORTED, "enough"),
                     GRPC_OK);
    assert_int_equal(grpc_call_proceed(tap->call), GRPC_ESTATE);
}

static void test_intercept__ends_a_stream(void **state)
{
    (void)state;
    tap_reset();
    struct sk *sk = tap_new_server(&tap_b, NULL);
    tap_a.mode = TAP_NOTHING_ELSE;
    tap_a.act = tap_send_two;
    (void)sk_start_many(sk, 3, NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "ABORTED ");
    assert_int_equal(sk->handled, 0);
    assert_string_equal(tap_log.text, "a.start a.ABORTED ");
    sk_free(sk);
}

// ---- Messages ---------------------------------------------------------------

static void test_intercept__replaces_messages(void **state)
{
    (void)state;
    tap_reset();
    struct sk *sk = tap_new_server(&tap_b, NULL);
    tap_a.replacement = "from a";
    tap_start_one(sk, "x", NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "from a:0 OK ");
    // The inner one sees what the outer one has made of the request.
    assert_string_equal(tap_log.text,
                        "a.start b.start a.received3 b.received8 b.sent14 "
                        "a.sent14 b.OK a.OK ");
    sk_free(sk);

    tap_reset();
    sk = tap_new_client(&tap_b, NULL);
    tap_b.replacement = "b";
    tap_start_one(sk, "x", NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "b:0 OK ");
    assert_string_equal(tap_log.text, "a.start b.start a.sent3 b.sent3 "
                                      "b.received9 a.received3 b.OK a.OK ");
    sk_free(sk);
}

static void tap_fail_now(struct tap *tap)
{
    assert_int_equal(grpc_call_fail(tap->call, GRPC_DATA_LOSS, "seen"),
                     GRPC_OK);
}

// An interceptor ends the call for a message that it sees.
static void test_intercept__ends_the_call_for_a_message(void **state)
{
    (void)state;
    tap_reset();
    struct sk *sk = tap_new_client(&tap_b, NULL);
    tap_a.act_received = tap_fail_now;
    (void)sk_start_many(sk, 3, NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers DATA_LOSS ");
    assert_int_equal(tap_a.ended, 1);
    assert_int_equal(tap_b.ended, 1);
    sk_free(sk);

    tap_reset();
    sk = tap_new_server(&tap_b, NULL);
    tap_a.act_received = tap_fail_now;
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "x", 1), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "DATA_LOSS ");
    assert_int_equal(sk->received, 0);
    sk_free(sk);
}

// ---- The end ----------------------------------------------------------------

static void test_intercept__end_has_the_duration(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        tap_reset();
        struct sk *sk =
            side == 0 ? tap_new_server(NULL, NULL) : tap_new_client(NULL, NULL);
        tap_a.mode = TAP_HOLD;
        tap_start_one(sk, "x", NULL);
        kit_turn(sk->loop);
        kit_skip(sk->loop, 5000);
        assert_int_equal(grpc_call_proceed(tap_a.call), GRPC_OK);
        sk_wait_end(sk, 1);
        assert_int_equal(tap_a.ended, 1);
        assert_true(tap_a.elapsed_us >= 5000000);
        assert_true(tap_a.elapsed_us < 65000000);
        sk_free(sk);
    }
}

static void tap_try_trailer(grpc_call *call, const grpc_status *status,
                            void *self)
{
    int *ended = self;
    (void)status;
    ++*ended;
    assert_int_equal(grpc_call_add_trailer(call, "k", "v"), GRPC_ESTATE);
    assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, NULL), GRPC_ESTATE);
    assert_int_equal(grpc_call_proceed(call), GRPC_ESTATE);
}

// Members that are NULL are passed; within end nothing can be changed.
static void test_intercept__members_that_are_null(void **state)
{
    (void)state;
    int ended = 0;
    const grpc_interceptor none = {.self = NULL};
    const grpc_interceptor end = {.end = tap_try_trailer, .self = &ended};
    const grpc_server_options server = {
        .interceptors = GRPC_INTERCEPTORS(&none, &end, &none)};
    const grpc_channel_options channel = {.interceptors =
                                              GRPC_INTERCEPTORS(&end, &none)};
    struct sk *sk = sk_new_with(&server, &channel);
    tap_start_one(sk, "x", NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "Hello x:0 OK ");
    assert_int_equal(ended, 2);
    (void)sk_start_many(sk, 2, NULL);
    sk_wait_end(sk, 2);
    assert_int_equal(ended, 4);
    sk_free(sk);
}

static void tap_set_value(struct tap *tap)
{
    assert_int_equal(grpc_call_set_value(tap->call, tap, tap->sk), GRPC_OK);
    assert_int_equal(grpc_call_set_value(tap->call, &tap_b, NULL), GRPC_OK);
    assert_int_equal(grpc_call_set_value(tap->call, NULL, tap), GRPC_EINVAL);
    assert_int_equal(grpc_call_set_value(NULL, tap, tap), GRPC_EINVAL);
}

static void tap_read_value(grpc_call *call, struct sk *sk)
{
    assert_ptr_equal(grpc_call_value(call, &tap_a), sk);
    assert_null(grpc_call_value(call, &tap_c));
    assert_null(grpc_call_value(NULL, &tap_c));
    assert_int_equal(grpc_call_set_value(call, &tap_a, &tap_b), GRPC_OK);
    assert_ptr_equal(grpc_call_value(call, &tap_a), &tap_b);
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
}

// What an interceptor has found out, a handler reads.
static void test_intercept__values(void **state)
{
    (void)state;
    tap_reset();
    struct sk *sk = tap_new_server(NULL, NULL);
    tap_a.act = tap_set_value;
    sk->act = tap_read_value;
    (void)sk_start_talk(sk, NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "OK ");
    sk_free(sk);
}

// ---- Lists ------------------------------------------------------------------

static void test_intercept__lists(void **state)
{
    (void)state;
    static const grpc_interceptor one = {.start = tap_start};
    static const grpc_interceptor *many[256];
    struct test_heap heap;
    test_heap_init(&heap);
    for (size_t i = 0; i < 256; i++) {
        many[i] = &one;
    }
    struct intercept_chain chain;
    const struct {
        grpc_interceptors list;
        grpc_result result;
    } rows[] = {
        {{NULL, 0}, GRPC_OK},
        {{many, 0}, GRPC_OK},
        {{many, 255}, GRPC_OK},
        {{many, 256}, GRPC_EINVAL},
        {{NULL, 1}, GRPC_EINVAL},
        {{(const grpc_interceptor *const[]){&one, NULL}, 2}, GRPC_EINVAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(
            intercept_init(&chain, &heap.allocator, &rows[i].list, NULL),
            rows[i].result);
        size_t count = rows[i].result == GRPC_OK ? rows[i].list.count : 0;
        assert_int_equal(chain.count, count);
        assert_false(chain.sees_messages);
        intercept_fini(&chain, &heap.allocator);
        assert_true(test_heap_is_clean(&heap));
    }
    heap.fail_at = heap.calls + 1;
    assert_int_equal(
        intercept_init(&chain, &heap.allocator, &rows[2].list, NULL),
        GRPC_ENOMEM);
    intercept_fini(&chain, &heap.allocator);
    assert_true(test_heap_is_clean(&heap));
}

static void test_intercept__all_of_the_longest_list(void **state)
{
    (void)state;
    static struct taps taps;
    static const grpc_interceptor *many[255];
    tap_reset();
    (void)tap_list(&taps, &tap_a, NULL, NULL);
    for (size_t i = 0; i < 255; i++) {
        many[i] = &taps.made[0];
    }
    const grpc_server_options options = {.interceptors = {many, 255}};
    struct sk *sk =
        sk_new_with(&options, &(grpc_channel_options){.authority = NULL});
    tap_start_one(sk, "x", NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "Hello x:0 OK ");
    assert_int_equal(tap_a.ended, 255);
    sk_free(sk);
}

// A list that is wrong is told in words, with the first use.
static void test_intercept__wrong_lists_are_told(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    const grpc_interceptors wrong = {NULL, 1};
    grpc_server *server = grpc_server_new(
        &(grpc_server_options){.loop = loop, .interceptors = wrong});
    assert_non_null(server);
    assert_int_equal(grpc_server_listen(server, "127.0.0.1:0", NULL),
                     GRPC_EINVAL);
    assert_non_null(strstr(grpc_server_error(server), "interceptors"));
    grpc_server_free(server);
    grpc_channel *channel = grpc_channel_new(
        "127.0.0.1:1",
        &(grpc_channel_options){.loop = loop, .interceptors = wrong});
    assert_non_null(channel);
    struct kit_result result = {0};
    assert_non_null(kit_call(channel, "x", &result));
    kit_wait(loop, &result.done, 1);
    assert_int_equal(result.code, GRPC_INVALID_ARGUMENT);
    assert_non_null(strstr(result.text, "interceptors"));
    grpc_channel_free(channel);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intercept__order_on_a_server),
        cmocka_unit_test(test_intercept__order_on_a_client),
        cmocka_unit_test(test_intercept__each_message_of_a_stream),
        cmocka_unit_test(test_intercept__server_holds),
        cmocka_unit_test(test_intercept__server_holds_a_unary_call),
        cmocka_unit_test(test_intercept__client_holds),
        cmocka_unit_test(test_intercept__deadline_while_it_is_held),
        cmocka_unit_test(test_intercept__client_goes_while_it_is_held),
        cmocka_unit_test(test_intercept__owner_goes_while_it_is_held),
        cmocka_unit_test(test_intercept__held_call_is_cancelled_by_its_client),
        cmocka_unit_test(test_intercept__fails),
        cmocka_unit_test(test_intercept__replies),
        cmocka_unit_test(test_intercept__ends_a_stream),
        cmocka_unit_test(test_intercept__replaces_messages),
        cmocka_unit_test(test_intercept__ends_the_call_for_a_message),
        cmocka_unit_test(test_intercept__end_has_the_duration),
        cmocka_unit_test(test_intercept__members_that_are_null),
        cmocka_unit_test(test_intercept__values),
        cmocka_unit_test(test_intercept__lists),
        cmocka_unit_test(test_intercept__all_of_the_longest_list),
        cmocka_unit_test(test_intercept__wrong_lists_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
