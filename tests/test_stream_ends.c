// SPDX-License-Identifier: MIT
// Calls that end at inconvenient times.

#include "tests/unit.h"

#include "core/client_call.h"
#include "tests/stream_kit.h"

// ---- The end is known before all is taken -----------------------------------

static void ends_pause(grpc_call *call, const stream_Text *reply, struct sk *sk)
{
    sk_note(&sk->log, "%d", (int)reply->number);
    grpc_call_pause(call);
}

static void ends_resume(struct sk *sk, grpc_call *call)
{
    grpc_call_resume(call);
    kit_turn(sk->loop);
}

static void test_client_call_outlive__connection(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_pause;
    grpc_call *call = sk_start_many(sk, 3, NULL);
    kit_turn(sk->loop);
    assert_string_equal(sk->log.text, "headers 0 ");
    grpc_server_free(sk->server);
    sk->server = NULL;
    kit_turn(sk->loop);
    assert_string_equal(sk->log.text, "headers 0 ");
    assert_false(grpc_call_is_over(call));
    assert_string_not_equal(grpc_call_peer(call), "");
    assert_int_equal(grpc_call_half_close(call), GRPC_ESTATE);
    ends_resume(sk, call);
    ends_resume(sk, call);
    assert_string_equal(sk->log.text, "headers 0 1 2 ");
    ends_resume(sk, call);
    assert_string_equal(sk->log.text, "headers 0 1 2 OK ");
    sk_free(sk);
}

// The server has ended the call early, and so resets the stream, too.
static void ends_early(grpc_call *call, struct sk *sk)
{
    (void)sk;
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(
            stream_Streams_Talk_send_reply(call, &(stream_Text){.number = i}),
            GRPC_OK);
    }
    (void)grpc_call_finish(call, GRPC_NOT_FOUND, "early");
}

static void test_client_call_outlive__stream(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_pause;
    sk->act = ends_early;
    grpc_call *call = sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    assert_int_equal(sk_say(call, "late", 1), GRPC_ESTATE);
    ends_resume(sk, call);
    ends_resume(sk, call);
    ends_resume(sk, call);
    assert_string_equal(sk->log.text, "headers 0 1 2 NOT_FOUND ");
    assert_string_equal(sk->text, "early");
    sk_free(sk);
}

static void test_client_call_outlive__waited_for(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    grpc_arena arena = {0};
    const stream_Text *reply = NULL;
    sk->act = ends_early;
    grpc_call *call = stream_Streams_Talk_call(sk->channel, &arena, NULL);
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(stream_Streams_Talk_next(call, &reply), GRPC_MORE);
        assert_int_equal(reply->number, i);
        kit_turn(sk->loop);
    }
    assert_int_equal(stream_Streams_Talk_next(call, &reply), GRPC_OK);
    grpc_status status = grpc_call_end(call);
    assert_int_equal(status.code, GRPC_NOT_FOUND);
    assert_string_equal(status.message, "early");
    grpc_arena_free(&arena);
    sk_free(sk);
}

// It ends in every other way while it waits.
static void test_client_call_outlive__cancelled(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_pause;
    sk->act = ends_early;
    grpc_call *call = sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    grpc_cancel(call);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers 0 CANCELLED ");
    sk_free(sk);
}

static void test_client_call_outlive__deadline(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_pause;
    sk->act = ends_early;
    (void)sk_start_talk(sk, &(grpc_call_options){.timeout_ms = 20});
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers 0 DEADLINE_EXCEEDED ");
    assert_string_equal(sk->text,
                        "deadline exceeded while the response waited to be "
                        "read");
    sk_free(sk);
}

static void test_client_call_outlive__channel_freed(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_pause;
    sk->act = ends_early;
    (void)sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    grpc_channel_free(sk->channel);
    sk->channel = NULL;
    assert_string_equal(sk->log.text, "headers 0 CANCELLED ");
    sk_free(sk);
}

// ends_cancel cancels the call within the message that has waited.
static void ends_cancel(grpc_call *call, const stream_Text *reply,
                        struct sk *sk)
{
    ends_pause(call, reply, sk);
    if (reply->number == 1) {
        grpc_cancel(call);
    }
}

static void test_client_call_outlive__cancelled_within(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_cancel;
    sk->act = ends_early;
    grpc_call *call = sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    ends_resume(sk, call);
    assert_string_equal(sk->log.text, "headers 0 1 CANCELLED ");
    sk_free(sk);
}

// ---- Streams that are waited for --------------------------------------------

// A reply that cannot be decoded is none.
static void ends_send_nonsense(grpc_call *call, const stream_Text *request,
                               struct sk *sk)
{
    (void)request;
    (void)sk;
    assert_int_equal(
        grpc_call_send_bytes(call, GRPC_STR("\x0a\x7f"), NULL, NULL), GRPC_OK);
    (void)grpc_call_finish(call, GRPC_OK, NULL);
}

static void test_call_next__malformed(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    grpc_arena arena = {0};
    const stream_Text *reply = NULL;
    sk->act_on = ends_send_nonsense;
    grpc_call *call = stream_Streams_Many_call(
        sk->channel, &arena, &(stream_Text){.number = 1}, NULL);
    assert_int_equal(stream_Streams_Many_next(call, &reply), GRPC_OK);
    assert_null(reply);
    assert_int_equal(grpc_call_end(call).code, GRPC_INTERNAL);
    grpc_arena_free(&arena);
    sk_free(sk);
}

static void ends_do_nothing(grpc_call *call, struct sk *sk)
{
    (void)call;
    (void)sk;
}

static void ends_fill(void *argument)
{
    static char bytes[20000];
    const stream_Text request = {.data = {bytes, sizeof bytes}};
    struct sk *sk = argument;
    grpc_result result = GRPC_OK;
    for (int i = 0; i < 1000 && result == GRPC_OK; i++) {
        result = stream_Streams_Talk_send(sk->extra, &request);
    }
    assert_int_equal(result, GRPC_AGAIN);
    sk->handled = 77;
}

// Within a callback of the loop nothing can be waited for.
static void test_call_send__waited_for_in_a_callback(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    grpc_arena arena = {0};
    sk->act = ends_do_nothing;
    sk->extra = stream_Streams_Talk_call(sk->channel, &arena, NULL);
    assert_non_null(grpc_timer_start(sk->loop, 0, ends_fill, sk));
    kit_wait(sk->loop, &sk->handled, 77);
    grpc_cancel(sk->extra);
    assert_int_equal(grpc_call_end(sk->extra).code, GRPC_CANCELLED);
    grpc_arena_free(&arena);
    sk_free(sk);
}

// Trailers alone are no headers.
static void test_call_await_headers__trailers_only(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    grpc_arena arena = {0};
    grpc_call *call = stream_Streams_Many_call(
        sk->channel, &arena, &(stream_Text){.number = 0}, NULL);
    assert_int_equal(grpc_call_await_headers(call), GRPC_ESTATE);
    assert_int_equal(grpc_call_end(call).code, GRPC_OK);
    grpc_arena_free(&arena);
    sk_free(sk);
}

static void ends_keep(grpc_call *call, const stream_Text *request,
                      struct sk *sk)
{
    (void)call;
    (void)request;
    (void)sk;
}

// A call that lacks memory is forgotten by its parent, too.
static void test_stream_call__no_memory(void **state)
{
    (void)state;
    int refused = 0;
    for (size_t n = 1; n < 12; n++) {
        struct sk *sk = sk_new();
        grpc_arena arena = {0};
        sk->act_on = ends_keep;
        (void)sk_start_many(sk, 1, NULL);
        kit_wait(sk->loop, &sk->handled, 1);
        sk->loop->calls.spare_max = 0; // no memory of calls before
        sk->heap.fail_at = sk->heap.calls + n;
        grpc_call *call = stream_Streams_Talk_call(
            sk->channel, &arena, &(grpc_call_options){.parent = sk->call});
        sk->heap.fail_at = 0;
        refused += call == NULL;
        assert_int_equal(grpc_call_finish(sk->call, GRPC_OK, NULL), GRPC_OK);
        sk_wait_end(sk, 1);
        if (call != NULL) {
            grpc_code code = grpc_call_end(call).code;
            assert_true(code == GRPC_CANCELLED || code == GRPC_INTERNAL ||
                        code == GRPC_RESOURCE_EXHAUSTED);
        }
        grpc_arena_free(&arena);
        sk_free(sk);
    }
    assert_true(refused > 0);
}

// ---- Interceptors -----------------------------------------------------------

struct ends_spy {
    const char *name;
    struct sk *sk;
    grpc_call *call;
    void (*start)(grpc_call *call, struct ends_spy *spy); // NULL: proceed
    void (*see)(grpc_call *call, grpc_str *message, struct ends_spy *spy);
    void (*end)(struct ends_spy *spy);
};

static void ends_spy_start(grpc_call *call, void *self)
{
    struct ends_spy *spy = self;
    spy->call = call;
    sk_note(&spy->sk->server_log, "%s.start", spy->name);
    if (spy->start != NULL) {
        spy->start(call, spy);
    } else {
        assert_int_equal(grpc_call_proceed(call), GRPC_OK);
    }
}

static void ends_spy_sent(grpc_call *call, grpc_str *message, void *self)
{
    struct ends_spy *spy = self;
    sk_note(&spy->sk->server_log, "%s.sent", spy->name);
    if (spy->see != NULL) {
        spy->see(call, message, spy);
    }
}

static void ends_spy_received(grpc_call *call, grpc_str *message, void *self)
{
    struct ends_spy *spy = self;
    sk_note(&spy->sk->server_log, "%s.received", spy->name);
    if (spy->see != NULL) {
        spy->see(call, message, spy);
    }
}

static void ends_spy_end(grpc_call *call, const grpc_status *status, void *self)
{
    struct ends_spy *spy = self;
    (void)call;
    (void)status;
    sk_note(&spy->sk->server_log, "%s.end", spy->name);
    if (spy->end != NULL) {
        spy->end(spy);
    }
}

#define ENDS_SPY(spy)                                                   \
 {                                                                      \
  ends_spy_start, ends_spy_sent, ends_spy_received, ends_spy_end, (spy) \
 }

// ends_spied has two spies, on the server or on the channel.
static struct sk *ends_spied(struct ends_spy spies[2], bool on_server)
{
    const grpc_interceptor first = ENDS_SPY(&spies[0]);
    const grpc_interceptor second = ENDS_SPY(&spies[1]);
    const grpc_interceptors both = GRPC_INTERCEPTORS(&first, &second);
    const grpc_interceptors none = {NULL, 0};
    struct sk *sk = sk_new_with(
        &(grpc_server_options){.interceptors = on_server ? both : none},
        &(grpc_channel_options){.interceptors = on_server ? none : both});
    spies[0].name = "A";
    spies[1].name = "B";
    spies[0].sk = sk;
    spies[1].sk = sk;
    return sk;
}

static void ends_see_fail(grpc_call *call, grpc_str *message,
                          struct ends_spy *spy)
{
    (void)message;
    (void)spy;
    assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, NULL), GRPC_OK);
}

// One that has been told the end sees no message after it.
static void test_intercept_received__ends(void **state)
{
    struct ends_spy spies[2] = {{.see = ends_see_fail}, {.see = NULL}};
    struct sk *sk = ends_spied(spies, true);
    (void)state;
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "one", 1), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_ABORTED);
    assert_string_equal(sk->server_log.text,
                        "A.start B.start A.received B.end A.end ");
    sk_free(sk);
}

static void ends_one_done(grpc_call *call, const grpc_status *status,
                          const stream_Text *reply, void *self)
{
    (void)reply;
    (void)call;
    sk_keep_status(self, status);
}

static void ends_start_wait(grpc_call *call, struct ends_spy *spy)
{
    (void)call;
    (void)spy;
}

// No message passes one whose start has not been called.
static void test_intercept_sent__while_held(void **state)
{
    struct ends_spy spies[2] = {{.start = ends_start_wait}, {.see = NULL}};
    struct sk *sk = ends_spied(spies, false);
    (void)state;
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "early", 1), GRPC_OK);
    assert_int_equal(sk_say(call, "", 0), GRPC_OK);
    kit_turn(sk->loop);
    assert_string_equal(sk->server_log.text, "A.start ");
    assert_int_equal(grpc_call_proceed(call), GRPC_OK);
    kit_wait(sk->loop, &sk->messages, 2);
    assert_string_equal(sk->server_log.text,
                        "A.start B.start A.sent B.sent A.sent B.sent "
                        "B.received A.received B.received A.received ");
    assert_string_equal(sk->log.text, "headers early:1 :0 ");
    sk_free(sk);
}

static void ends_see_refuse(grpc_call *call, grpc_str *message,
                            struct ends_spy *spy)
{
    (void)message;
    spy->see = NULL;
    (void)grpc_call_fail(call, GRPC_PERMISSION_DENIED, NULL);
}

// One that ends the call when it sees what has waited is told no other.
static void test_intercept_sent__ends_what_was_held(void **state)
{
    struct ends_spy spies[2] = {{.start = ends_start_wait},
                                {.see = ends_see_refuse}};
    struct sk *sk = ends_spied(spies, false);
    (void)state;
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "one", 1), GRPC_OK);
    assert_int_equal(sk_say(call, "two", 2), GRPC_OK);
    assert_int_equal(grpc_call_proceed(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_PERMISSION_DENIED);
    assert_string_equal(sk->server_log.text,
                        "A.start B.start A.sent B.sent B.end A.end ");
    sk_free(sk);
}

static void ends_see_start(grpc_call *call, grpc_str *message,
                           struct ends_spy *spy)
{
    static char bytes[50000];
    (void)call;
    (void)message;
    spy->see = NULL;
    memset(bytes, 'b', sizeof bytes);
    (void)stream_Streams_One_start(
        spy->sk->channel,
        &(stream_Text){.text = {bytes, (size_t)spy->sk->to_send}},
        ends_one_done, spy->sk, NULL);
}

// An interceptor that sends does not spoil what it sees: in the same memory, or
// in memory that had to grow.
static void test_intercept_sent__sends(void **state)
{
    (void)state;
    for (int32_t size = 50; size <= 50000; size *= 1000) {
        struct ends_spy spies[2] = {{.see = ends_see_start}, {.see = NULL}};
        struct sk *sk = ends_spied(spies, false);
        sk->to_send = size;
        grpc_call *call = sk_start_talk(sk, NULL);
        assert_int_equal(sk_say(call, "a message that is long enough", 1),
                         GRPC_OK);
        sk_wait_end(sk, 1);
        kit_wait(sk->loop, &sk->messages, 1);
        assert_non_null(
            strstr(sk->log.text, "a message that is long enough:1 "));
        sk_free(sk);
    }
}

static void ends_see_trim(grpc_call *call, grpc_str *message,
                          struct ends_spy *spy)
{
    (void)call;
    spy->see = NULL;
    message->data++;
    message->size -= 2;
}

static void ends_raw_message(grpc_call *call, grpc_str message, void *self)
{
    struct sk *sk = self;
    (void)call;
    sk->messages++;
    sk_note(&sk->log, "%.*s", GRPC_STR_ARG(message));
}

// A part of the message may take its place.
static void test_intercept_sent__trims(void **state)
{
    struct ends_spy spies[2] = {{.see = ends_see_trim}, {.see = NULL}};
    struct sk *sk = ends_spied(spies, false);
    (void)state;
    grpc_call *call = grpc_raw_start(
        sk->channel, "/stream.Streams/Talk",
        &(grpc_raw_events){.message = ends_raw_message}, sk, NULL);
    grpc_str text = GRPC_STR("X\x0a\x05helloY");
    assert_int_equal(grpc_call_send(call, &text), GRPC_OK);
    kit_wait(sk->loop, &sk->messages, 1);
    assert_string_equal(sk->log.text, "\x0a\x05hello ");
    sk_free(sk);
}

static void ends_see_scratch(grpc_call *call, grpc_str *message,
                             struct ends_spy *spy)
{
    (void)spy;
    (void)message;
    assert_non_null(grpc_arena_alloc(grpc_call_scratch(call), 100000));
    sk_clear(&spy->sk->server_log);
}

// The memory for one message is given back also where none is received.
static void test_call_scratch__sent(void **state)
{
    struct ends_spy spies[2] = {{.see = ends_see_scratch}, {.see = NULL}};
    struct sk *sk = ends_spied(spies, false);
    (void)state;
    sk->act = ends_do_nothing;
    grpc_call *call = sk_start_talk(sk, NULL);
    for (int32_t i = 0; i < 100; i++) {
        assert_int_equal(sk_say(call, "one", i), GRPC_OK);
        kit_turn(sk->loop);
        assert_true(sk->loop->scratch.held_bytes < 1000000);
    }
    sk_free(sk);
}

static void ends_free_server(struct ends_spy *spy)
{
    grpc_server_free(spy->sk->server);
    spy->sk->server = NULL;
}

// An interceptor may free all, outside of a step, too.
static void test_intercept_end__frees_the_server(void **state)
{
    struct ends_spy spies[2] = {{.end = ends_free_server}, {.see = NULL}};
    struct sk *sk = ends_spied(spies, true);
    (void)state;
    sk->act_on = ends_keep;
    (void)sk_start_many(sk, 1, NULL);
    kit_wait(sk->loop, &sk->handled, 1);
    assert_int_equal(grpc_call_fail(sk->call, GRPC_ABORTED, "late"), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_true(sk->code == GRPC_ABORTED || sk->code == GRPC_UNAVAILABLE);
    sk_free(sk);
}

static void ends_see_free(grpc_call *call, grpc_str *message,
                          struct ends_spy *spy)
{
    (void)call;
    (void)message;
    grpc_channel_free(spy->sk->channel);
    spy->sk->channel = NULL;
}

static void test_intercept_sent__frees_the_channel(void **state)
{
    struct ends_spy spies[2] = {{.see = ends_see_free}, {.see = NULL}};
    struct sk *sk = ends_spied(spies, false);
    (void)state;
    grpc_call *call = sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    (void)sk_say(call, "one", 1);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_CANCELLED);
    sk_free(sk);
}

// ---- Others -----------------------------------------------------------------

static void ends_see_request(grpc_call *call, const stream_Text *reply,
                             struct sk *sk)
{
    (void)reply;
    (void)sk;
    assert_true(call->request.size > 0);
    assert_false(call->is_server);
}

// What only a server's call has is not written to a client's.
static void test_receive_data__client_members(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    sk->on_message = ends_see_request;
    (void)sk_start_many(sk, 3, NULL);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->messages, 3);
    sk_free(sk);
}

static grpc_result ends_squeeze(void *opened, grpc_str message, grpc_write *put,
                                void *sink)
{
    (void)opened;
    return put(sink, message.data, message.size);
}

// A request that was refused for its encoding is read anew when that is there.
static void test_loop_add_compressor__after_a_request(void **state)
{
    static const grpc_compressor squeeze = {
        .name = "squeeze",
        .compress = ends_squeeze,
        .decompress = ends_squeeze,
    };
    struct sk *sk = sk_new();
    (void)state;
    sk->loop->h2.block_memo = 1; // as behind a request
    assert_int_equal(grpc_loop_add_compressor(sk->loop, &squeeze), GRPC_OK);
    assert_int_equal(sk->loop->h2.block_memo, 0);
    sk_free(sk);
}

// What a call that could not be made leaves of metadata is none.
static void test_unary__refused_metadata(void **state)
{
    struct sk *sk = sk_new();
    (void)state;
    grpc_arena arena = {0};
    grpc_metadata headers = {NULL, 7};
    grpc_metadata trailers = {NULL, 7};
    const grpc_call_options options = {
        .encoding = "none such",
        .headers = &headers,
        .trailers = &trailers,
    };
    stream_Text reply;
    grpc_status status = stream_Streams_One(
        sk->channel, &arena, &(stream_Text){.number = 1}, &reply, &options);
    assert_int_equal(status.code, GRPC_INTERNAL);
    assert_int_equal(headers.count, 0);
    assert_int_equal(trailers.count, 0);
    headers.count = 7;
    trailers.count = 7;
    grpc_call *call = stream_Streams_Talk_call(sk->channel, &arena, &options);
    assert_int_equal(grpc_call_end(call).code, GRPC_INTERNAL);
    assert_int_equal(headers.count, 0);
    assert_int_equal(trailers.count, 0);
    grpc_arena_free(&arena);
    sk_free(sk);
}

// A long text is cut between two characters, or its details would be no UTF-8.
static void ends_fail_long(grpc_call *call, const stream_Text *request,
                           struct sk *sk)
{
    static char text[4000];
    (void)sk;
    for (int32_t i = 0; i < 3000; i += 3) {
        memcpy(text + i + request->number, "\xe2\x82\xac", 3);
    }
    memset(text, 'x', (size_t)request->number);
    assert_int_equal(
        grpc_call_fail_with(call, GRPC_ABORTED, text,
                            GRPC_DETAILS(GRPC_DETAIL(stream_Text, request))),
        GRPC_OK);
}

static void test_call_fail_with__long_text(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 3; i++) {
        struct sk *sk = sk_new();
        grpc_arena arena = {0};
        stream_Text detail;
        sk->act_on = ends_fail_long;
        grpc_status status = stream_Streams_One(
            sk->channel, &arena, &(stream_Text){.number = i}, &detail, NULL);
        assert_int_equal(status.code, GRPC_ABORTED);
        assert_int_equal(grpc_status_detail(&status, &stream_Text_message, 0,
                                            &arena, &detail),
                         GRPC_OK);
        assert_int_equal(detail.number, i);
        grpc_arena_free(&arena);
        sk_free(sk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_call_outlive__connection),
        cmocka_unit_test(test_client_call_outlive__stream),
        cmocka_unit_test(test_client_call_outlive__waited_for),
        cmocka_unit_test(test_client_call_outlive__cancelled),
        cmocka_unit_test(test_client_call_outlive__deadline),
        cmocka_unit_test(test_client_call_outlive__channel_freed),
        cmocka_unit_test(test_client_call_outlive__cancelled_within),
        cmocka_unit_test(test_call_next__malformed),
        cmocka_unit_test(test_call_send__waited_for_in_a_callback),
        cmocka_unit_test(test_call_await_headers__trailers_only),
        cmocka_unit_test(test_stream_call__no_memory),
        cmocka_unit_test(test_intercept_received__ends),
        cmocka_unit_test(test_intercept_sent__while_held),
        cmocka_unit_test(test_intercept_sent__ends_what_was_held),
        cmocka_unit_test(test_intercept_sent__sends),
        cmocka_unit_test(test_intercept_sent__trims),
        cmocka_unit_test(test_call_scratch__sent),
        cmocka_unit_test(test_intercept_end__frees_the_server),
        cmocka_unit_test(test_intercept_sent__frees_the_channel),
        cmocka_unit_test(test_receive_data__client_members),
        cmocka_unit_test(test_loop_add_compressor__after_a_request),
        cmocka_unit_test(test_unary__refused_metadata),
        cmocka_unit_test(test_call_fail_with__long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
