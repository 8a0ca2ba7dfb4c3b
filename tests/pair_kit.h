// SPDX-License-Identifier: MIT
// A client and a server of ours, on loops and heaps of their own that are
// stepped in turn. Header only, because the functions under test are static in
// the amalgamation.

#ifndef TESTS_PAIR_KIT_H
#define TESTS_PAIR_KIT_H

#include "tests/core_kit.h"

// ---- Two sides --------------------------------------------------------------

struct pair {
    struct test_heap server_heap;
    struct test_heap client_heap;
    grpc_loop *server_loop;
    grpc_loop *client_loop;
    grpc_server *server;
    grpc_channel *channel;
    struct kit_greeter greeter;
    uint16_t port;
};

// What one big or small echo was.
struct pair_echo {
    int done;
    grpc_code code;
    bool same; // the reply is the request
    const char *sent;
    size_t size;
};

static MAYBE_UNUSED void pair_serve(struct pair *pair, kit_handler *say)
{
    const struct kit_handlers handlers = {.say = say};
    assert_int_equal(grpc_server_serve(pair->server, &kit_service, &handlers,
                                       &pair->greeter),
                     GRPC_OK);
}

static MAYBE_UNUSED void pair_init(struct pair *pair)
{
    memset(pair, 0, sizeof *pair);
    test_heap_init(&pair->server_heap);
    test_heap_init(&pair->client_heap);
    pair->server_loop = kit_loop(&pair->server_heap, NULL);
    pair->client_loop = kit_loop(&pair->client_heap, NULL);
}

// pair_connect joins one more channel with the server by a socketpair.
static MAYBE_UNUSED grpc_channel *pair_connect(struct pair *pair)
{
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(pair->server, fds[0]), GRPC_OK);
    grpc_channel *channel = grpc_channel_new_fd(
        fds[1], &(grpc_channel_options){.loop = pair->client_loop});
    assert_non_null(channel);
    return channel;
}

// pair_new: joined by a socketpair.
static MAYBE_UNUSED struct pair *pair_new(kit_handler *say)
{
    static struct pair pair;
    pair_init(&pair);
    pair.server =
        grpc_server_new(&(grpc_server_options){.loop = pair.server_loop});
    assert_non_null(pair.server);
    pair_serve(&pair, say);
    pair.channel = pair_connect(&pair);
    return &pair;
}

static MAYBE_UNUSED grpc_server *pair_listen(struct pair *pair)
{
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%u",
                   (unsigned)pair->port);
    pair->server =
        grpc_server_new(&(grpc_server_options){.loop = pair->server_loop});
    assert_non_null(pair->server);
    pair_serve(pair, kit_say);
    assert_int_equal(grpc_server_listen(pair->server, address, NULL), GRPC_OK);
    pair->port = grpc_server_port(pair->server);
    return pair->server;
}

static MAYBE_UNUSED grpc_channel *pair_dial(struct pair *pair)
{
    char target[32];
    (void)snprintf(target, sizeof target, "127.0.0.1:%u", (unsigned)pair->port);
    grpc_channel *channel = grpc_channel_new(
        target, &(grpc_channel_options){.loop = pair->client_loop});
    assert_non_null(channel);
    return channel;
}

// pair_new_tcp: joined by a port.
static MAYBE_UNUSED struct pair *pair_new_tcp(void)
{
    static struct pair pair;
    pair_init(&pair);
    (void)pair_listen(&pair);
    pair.channel = pair_dial(&pair);
    return &pair;
}

static MAYBE_UNUSED void pair_step(struct pair *pair, int timeout_ms)
{
    assert_int_equal(grpc_loop_step(pair->client_loop, timeout_ms), GRPC_OK);
    assert_int_equal(grpc_loop_step(pair->server_loop, timeout_ms), GRPC_OK);
}

static MAYBE_UNUSED void pair_turn(struct pair *pair)
{
    for (int i = 0; i < 12; i++) {
        pair_step(pair, 0);
    }
}

// pair_until steps until *count is target. The first steps do not wait; with a
// call that is stuck the test fails.
static MAYBE_UNUSED void pair_until(struct pair *pair, const int *count,
                                    int target)
{
    for (int i = 0; i < 5000 && *count < target; i++) {
        pair_step(pair, i < 100 ? 0 : 1);
    }
    assert_int_equal(*count, target);
}

static MAYBE_UNUSED void pair_end(struct pair *pair)
{
    grpc_channel_free(pair->channel);
    grpc_server_free(pair->server);
    assert_int_equal(grpc_loop_free(pair->client_loop), GRPC_OK);
    assert_int_equal(grpc_loop_free(pair->server_loop), GRPC_OK);
    assert_true(test_heap_is_clean(&pair->client_heap));
    assert_true(test_heap_is_clean(&pair->server_heap));
}

static MAYBE_UNUSED void pair_echo_say(grpc_call *call,
                                       const struct kit_hello *request,
                                       void *self)
{
    struct kit_greeter *greeter = self;
    greeter->handled++;
    struct kit_hello reply = {.name = request->name};
    (void)grpc_call_reply(call, &reply);
}

static MAYBE_UNUSED void pair_echo_done(grpc_call *call,
                                        const grpc_status *status,
                                        const struct kit_hello *reply,
                                        void *self)
{
    struct pair_echo *echo = self;
    assert_non_null(call);
    echo->done++;
    echo->code = status->code;
    echo->same = reply != NULL && reply->name.size == echo->size &&
                 memcmp(reply->name.data, echo->sent, echo->size) == 0;
}

static MAYBE_UNUSED grpc_call *pair_start(grpc_channel *channel,
                                          struct pair_echo *echo,
                                          const grpc_call_options *options)
{
    const struct kit_hello request = {.name = {echo->sent, echo->size}};
    return grpc_unary_start(channel, &kit_methods[0], &request,
                            (grpc_function *)pair_echo_done, echo, options);
}

// pair_call_ok is one whole call.
static MAYBE_UNUSED void pair_call_ok(struct pair *pair, grpc_channel *channel,
                                      const grpc_call_options *options)
{
    struct kit_result result = {0};
    assert_non_null(
        kit_call_with(channel, grpc_str_z("Ann"), &result, options));
    pair_until(pair, &result.done, 1);
    assert_int_equal(result.code, GRPC_OK);
    assert_string_equal(result.reply, "Hello Ann");
}

// pair_text is size bytes of text that is not the same everywhere.
static MAYBE_UNUSED char *pair_text(size_t size)
{
    char *text = malloc(size + 1);
    assert_non_null(text);
    uint64_t seed = size;
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)('a' + test_random(&seed) % 26);
    }
    text[size] = '\0';
    return text;
}

#endif
