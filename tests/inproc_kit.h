// SPDX-License-Identifier: MIT
// A server of stream.Streams and a channel to it in memory. Header only, because
// the functions under test are static in the amalgamation.

#ifndef TESTS_INPROC_KIT_H
#define TESTS_INPROC_KIT_H

#include "core/inproc.h"
#include "tests/stream_kit.h"

// ---- A channel and a server -------------------------------------------------

static MAYBE_UNUSED struct sk *inproc_new_with(
    const grpc_server_options *server, const grpc_channel_options *channel)
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

static MAYBE_UNUSED struct sk *inproc_new(void)
{
    return inproc_new_with(&(grpc_server_options){0}, NULL);
}

static MAYBE_UNUSED struct conn *inproc_end(struct list_link *conns)
{
    struct list_link *link = list_first(conns);
    assert_non_null(link);
    return LIST_OWNER(link, struct conn, link_owner);
}

static MAYBE_UNUSED void inproc_check_all(struct sk *sk)
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
static MAYBE_UNUSED void inproc_until(struct sk *sk, const int *count,
                                      int target)
{
    for (int i = 0; i < 20000 && *count < target; i++) {
        assert_int_equal(grpc_loop_timeout(sk->loop), 0);
        assert_int_equal(grpc_loop_step(sk->loop, -1), GRPC_OK);
        inproc_check_all(sk);
    }
    assert_int_equal(*count, target);
}

// inproc_call_one starts a unary call.
static MAYBE_UNUSED grpc_call *inproc_call_one(struct sk *sk, const char *text,
                                               const grpc_call_options *options)
{
    stream_Text request = {.text = grpc_str_z(text)};
    grpc_call *call = stream_Streams_One_start(sk->channel, &request,
                                               sk_end_with, sk, options);
    assert_non_null(call);
    return call;
}

// inproc_expect_one is a whole call that ends so.
static MAYBE_UNUSED void inproc_expect_one(struct sk *sk, grpc_code code,
                                           const char *text)
{
    int ended = sk->ended;
    (void)inproc_call_one(sk, "Ann", NULL);
    inproc_until(sk, &sk->ended, ended + 1);
    assert_int_equal(sk->code, code);
    assert_string_equal(sk->text, text);
}

static MAYBE_UNUSED const char inproc_words[] =
    "the in-process server was stopped";

// inproc_expect_stopped: a further call, and one that would wait, end in words.
static MAYBE_UNUSED void inproc_expect_stopped(struct sk *sk)
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

enum { INPROC_LARGE = 3000000 };

static MAYBE_UNUSED char *inproc_large(void)
{
    char *bytes = malloc(INPROC_LARGE);
    uint64_t seed = 7;
    assert_non_null(bytes);
    for (size_t i = 0; i < INPROC_LARGE; i++) {
        bytes[i] = (char)test_random(&seed);
    }
    return bytes;
}

static MAYBE_UNUSED void inproc_keep(grpc_call *call,
                                     const stream_Text *request, struct sk *sk)
{
    assert_non_null(call);
    assert_non_null(request);
    sk->extra = call;
}

enum { INPROC_SERVER = 1, INPROC_CHANNEL = 2, INPROC_SERVER_LAST = 4 };

static MAYBE_UNUSED void inproc_free_some(struct sk *sk, unsigned what)
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

#endif
