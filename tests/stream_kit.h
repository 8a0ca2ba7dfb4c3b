// SPDX-License-Identifier: MIT
// A server of stream.Streams (tests/proto/stream.proto) and a client of it on
// one loop, joined by a socketpair, and records of what both were told. Header
// only, because the functions under test are static in the amalgamation.

#ifndef TESTS_STREAM_KIT_H
#define TESTS_STREAM_KIT_H

#include "stream.pb.h"
#include "tests/core_kit.h"

enum { SK_LOG = 1 << 16 };

// What happened, as text: one word per event, in order.
struct sk_log {
    char text[SK_LOG];
    size_t size;
};

static MAYBE_UNUSED void sk_note(struct sk_log *log, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(log->text + log->size, sizeof log->text - log->size,
                         format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && (size_t)size < sizeof log->text - log->size - 2);
    log->size += (size_t)size;
    log->text[log->size++] = ' ';
    log->text[log->size] = '\0';
}

static MAYBE_UNUSED void sk_clear(struct sk_log *log)
{
    log->size = 0;
    log->text[0] = '\0';
}

struct sk {
    struct test_heap heap;
    grpc_loop *loop;
    grpc_server *server;
    grpc_channel *channel;

    // The server: how it answers, and what it was told.
    void (*act)(grpc_call *call, struct sk *sk); // instead of what it would do
    void (*act_on)(grpc_call *call, const stream_Text *request, struct sk *sk);
    struct sk_log server_log;
    grpc_call *call; // the last one
    int32_t sent;    // replies of Many
    int32_t to_send;
    int32_t received; // requests, over all calls
    int handled;
    int told;
    int over; // handlers' calls that were told to be over
    void *extra;

    // The client.
    struct sk_log log;
    int ended;
    int messages;
    grpc_code code;
    char text[1024];
    void (*on_message)(grpc_call *call, const stream_Text *reply,
                       struct sk *sk);
    void (*on_writable)(grpc_call *call, struct sk *sk);
};

// ---- A compressor -----------------------------------------------------------

// "toy" puts a 't' in front of a message. An 'n' makes, of each byte behind it,
// 64 KiB of zeros; anything else is not its format.
static MAYBE_UNUSED grpc_result sk_toy_compress(void *state, grpc_str message,
                                                grpc_write *write, void *sink)
{
    (void)state;
    grpc_result result = write(sink, "t", 1);
    return result == GRPC_OK ? write(sink, message.data, message.size) : result;
}

static MAYBE_UNUSED grpc_result sk_toy_decompress(void *state, grpc_str message,
                                                  grpc_write *write, void *sink)
{
    static const char zeros[65536];
    (void)state;
    if (message.size == 0 ||
        (message.data[0] != 't' && message.data[0] != 'n')) {
        return GRPC_EFORMAT;
    }
    if (message.data[0] == 't') {
        return write(sink, message.data + 1, message.size - 1);
    }
    grpc_result result = GRPC_OK;
    for (size_t i = 1; i < message.size && result == GRPC_OK; i++) {
        result = write(sink, zeros, sizeof zeros);
    }
    return result;
}

static MAYBE_UNUSED const grpc_compressor sk_toy = {
    .name = "toy",
    .compress = sk_toy_compress,
    .decompress = sk_toy_decompress,
};

// ---- The server -------------------------------------------------------------

static MAYBE_UNUSED void sk_told(void *argument)
{
    struct sk *sk = argument;
    sk->told++;
    sk_note(&sk->server_log, "told");
}

static MAYBE_UNUSED void sk_one(grpc_call *call, const stream_Text *request,
                                void *self)
{
    struct sk *sk = self;
    sk->handled++;
    sk->call = call;
    grpc_call_on_end(call, sk_told, sk);
    if (sk->act_on != NULL) {
        sk->act_on(call, request, sk);
        return;
    }
    (void)stream_Streams_One_reply(
        call, &(stream_Text){.text = grpc_call_printf(call, "Hello %s",
                                                      request->text.data)});
}

// sk_push sends replies of Many as there is room.
static MAYBE_UNUSED void sk_push(grpc_call *call, void *self)
{
    struct sk *sk = self;
    while (sk->sent < sk->to_send) {
        stream_Text reply = {.text = GRPC_STR("reply"), .number = sk->sent};
        grpc_result result = stream_Streams_Many_send(call, &reply);
        if (result == GRPC_AGAIN) {
            sk_note(&sk->server_log, "again");
            return;
        }
        assert_int_equal(result, GRPC_OK);
        sk->sent++;
    }
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
}

static MAYBE_UNUSED void sk_many(grpc_call *call, const stream_Text *request,
                                 void *self)
{
    struct sk *sk = self;
    sk->handled++;
    sk->call = call;
    grpc_call_on_end(call, sk_told, sk);
    if (sk->act_on != NULL) {
        sk->act_on(call, request, sk);
        return;
    }
    sk->sent = 0;
    sk->to_send = request->number;
    grpc_call_on_writable(call, sk_push, sk);
    sk_push(call, sk);
}

static MAYBE_UNUSED void sk_on_request(grpc_call *call,
                                       const stream_Text *request, void *self)
{
    struct sk *sk = self;
    sk->received++;
    if (sk->act_on != NULL) {
        sk->act_on(call, request, sk);
    }
}

static MAYBE_UNUSED void sk_collected(grpc_call *call, void *self)
{
    struct sk *sk = self;
    sk_note(&sk->server_log, "end");
    (void)stream_Streams_Collect_reply(
        call, &(stream_Text){.text = GRPC_STR("all"), .number = sk->received});
}

static MAYBE_UNUSED void sk_collect(grpc_call *call, void *self)
{
    struct sk *sk = self;
    sk->handled++;
    sk->call = call;
    sk->received = 0;
    grpc_call_on_end(call, sk_told, sk);
    if (sk->act != NULL) {
        sk->act(call, sk);
        return;
    }
    assert_int_equal(
        stream_Streams_Collect_receive(call, sk_on_request, sk_collected, sk),
        GRPC_OK);
}

static MAYBE_UNUSED void sk_echo(grpc_call *call, const stream_Text *request,
                                 void *self)
{
    struct sk *sk = self;
    sk->received++;
    if (sk->act_on != NULL) {
        sk->act_on(call, request, sk);
        return;
    }
    assert_int_equal(stream_Streams_Talk_send_reply(call, request), GRPC_OK);
}

static MAYBE_UNUSED void sk_echo_end(grpc_call *call, void *self)
{
    struct sk *sk = self;
    sk_note(&sk->server_log, "end");
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
}

static MAYBE_UNUSED void sk_talk(grpc_call *call, void *self)
{
    struct sk *sk = self;
    sk->handled++;
    sk->call = call;
    grpc_call_on_end(call, sk_told, sk);
    if (sk->act != NULL) {
        sk->act(call, sk);
        return;
    }
    assert_int_equal(
        stream_Streams_Talk_receive(call, sk_echo, sk_echo_end, sk), GRPC_OK);
}

static MAYBE_UNUSED const stream_Streams sk_handlers = {
    .One = sk_one,
    .Many = sk_many,
    .Collect = sk_collect,
    .Talk = sk_talk,
};

// ---- The client -------------------------------------------------------------

static MAYBE_UNUSED void sk_headers(grpc_call *call, void *self)
{
    struct sk *sk = self;
    assert_non_null(call);
    sk_note(&sk->log, "headers");
}

static MAYBE_UNUSED void sk_message(grpc_call *call, const stream_Text *reply,
                                    void *self)
{
    struct sk *sk = self;
    sk->messages++;
    if (sk->on_message != NULL) {
        sk->on_message(call, reply, sk);
    } else {
        sk_note(&sk->log, "%s:%d", reply->text.data, (int)reply->number);
    }
}

static MAYBE_UNUSED void sk_writable(grpc_call *call, void *self)
{
    struct sk *sk = self;
    sk_note(&sk->log, "writable");
    if (sk->on_writable != NULL) {
        sk->on_writable(call, sk);
    }
}

static MAYBE_UNUSED void sk_keep_status(struct sk *sk,
                                        const grpc_status *status)
{
    assert_int_equal(strlen(status->message), status->message_size);
    sk->ended++;
    sk->code = status->code;
    (void)snprintf(sk->text, sizeof sk->text, "%s", status->message);
    sk_note(&sk->log, "%s", grpc_code_name(status->code));
}

static MAYBE_UNUSED void sk_end(grpc_call *call, const grpc_status *status,
                                void *self)
{
    assert_true(grpc_call_is_over(call));
    sk_keep_status(self, status);
}

static MAYBE_UNUSED void sk_end_with(grpc_call *call, const grpc_status *status,
                                     const stream_Text *reply, void *self)
{
    struct sk *sk = self;
    assert_non_null(call);
    assert_int_equal(reply != NULL, status->code == GRPC_OK);
    if (reply != NULL) {
        sk_note(&sk->log, "%s:%d", reply->text.data, (int)reply->number);
    }
    sk_keep_status(sk, status);
}

static MAYBE_UNUSED const stream_Streams_Talk_events sk_talk_events = {
    .headers = sk_headers,
    .message = sk_message,
    .writable = sk_writable,
    .end = sk_end,
};

static MAYBE_UNUSED const stream_Streams_Many_events sk_many_events = {
    .headers = sk_headers,
    .message = sk_message,
    .writable = sk_writable,
    .end = sk_end,
};

static MAYBE_UNUSED const stream_Streams_Collect_events sk_collect_events = {
    .headers = sk_headers,
    .writable = sk_writable,
    .end = sk_end_with,
};

// ---- Both -------------------------------------------------------------------

static MAYBE_UNUSED struct sk *sk_new_with(const grpc_server_options *server,
                                           const grpc_channel_options *channel)
{
    static struct sk sk;
    memset(&sk, 0, sizeof sk);
    test_heap_init(&sk.heap);
    sk.loop = kit_loop(&sk.heap, NULL);
    grpc_server_options server_options = *server;
    grpc_channel_options channel_options = *channel;
    server_options.loop = sk.loop;
    channel_options.loop = sk.loop;
    sk.server = grpc_server_new(&server_options);
    assert_non_null(sk.server);
    assert_int_equal(stream_Streams_serve(sk.server, &sk_handlers, &sk),
                     GRPC_OK);
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(sk.server, fds[0]), GRPC_OK);
    sk.channel = grpc_channel_new_fd(fds[1], &channel_options);
    assert_non_null(sk.channel);
    return &sk;
}

static MAYBE_UNUSED struct sk *sk_new(void)
{
    return sk_new_with(&(grpc_server_options){.max_connections = 0},
                       &(grpc_channel_options){.authority = NULL});
}

static MAYBE_UNUSED void sk_free(struct sk *sk)
{
    grpc_channel_free(sk->channel);
    grpc_server_free(sk->server);
    assert_int_equal(grpc_loop_free(sk->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&sk->heap));
}

static MAYBE_UNUSED void sk_wait_end(struct sk *sk, int ended)
{
    kit_wait(sk->loop, &sk->ended, ended);
}

static MAYBE_UNUSED grpc_call *sk_start_many(struct sk *sk, int32_t number,
                                             const grpc_call_options *options)
{
    stream_Text request = {.number = number};
    grpc_call *call = stream_Streams_Many_start(sk->channel, &request,
                                                &sk_many_events, sk, options);
    assert_non_null(call);
    return call;
}

static MAYBE_UNUSED grpc_call *sk_start_talk(struct sk *sk,
                                             const grpc_call_options *options)
{
    grpc_call *call =
        stream_Streams_Talk_start(sk->channel, &sk_talk_events, sk, options);
    assert_non_null(call);
    return call;
}

static MAYBE_UNUSED grpc_result sk_say(grpc_call *call, const char *text,
                                       int32_t number)
{
    stream_Text request = {.text = grpc_str_z(text), .number = number};
    return stream_Streams_Talk_send(call, &request);
}

#endif
