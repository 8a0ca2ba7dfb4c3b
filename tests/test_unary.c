// SPDX-License-Identifier: MIT
// Blocking calls. (What a call does on the wire is in test_client_call.c, how
// it is started in test_channel.c.)

#include "tests/unit.h"

#include "tests/core_kit.h"

static grpc_status unary_call(grpc_channel *channel, grpc_arena *arena,
                              struct kit_hello *reply,
                              const grpc_call_options *options)
{
    const struct kit_hello request = {.name = GRPC_STR("bob")};
    return grpc_unary(channel, arena, &kit_methods[0], &request, reply,
                      options);
}

static void test_unary__null(void **state)
{
    static const char text[] =
        "channel, arena, method, request or reply is NULL";
    grpc_channel *channel = grpc_channel_new("127.0.0.1:1", NULL);
    grpc_arena arena = {0};
    struct kit_hello hello = {.name = GRPC_STR("x")};
    const grpc_method *method = &kit_methods[0];
    const grpc_status statuses[] = {
        grpc_unary(NULL, &arena, method, &hello, &hello, NULL),
        grpc_unary(channel, NULL, method, &hello, &hello, NULL),
        grpc_unary(channel, &arena, NULL, &hello, &hello, NULL),
        grpc_unary(channel, &arena, method, NULL, &hello, NULL),
        grpc_unary(channel, &arena, method, &hello, NULL, NULL),
    };
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(statuses[i].code, GRPC_INVALID_ARGUMENT);
        assert_string_equal(statuses[i].message, text);
        assert_int_equal(statuses[i].message_size, sizeof text - 1);
        assert_int_equal(statuses[i].details.size, 0);
    }
    grpc_channel_free(channel);
}

static void test_unary__reply_lives_in_the_arena(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct kit_both *both = kit_both_new(kit_backends[i]);
        grpc_arena arena = {0};
        struct kit_hello replies[2];
        for (int n = 0; n < 2; n++) {
            grpc_status status =
                unary_call(both->channel, &arena, &replies[n], NULL);
            assert_int_equal(status.code, GRPC_OK);
            assert_string_equal(status.message, "");
        }
        both->greeter.fail = GRPC_NOT_FOUND;
        both->greeter.fail_text = "nobody";
        struct kit_hello none;
        grpc_status failed = unary_call(both->channel, &arena, &none, NULL);
        grpc_channel_free(both->channel);
        both->channel = NULL;
        // All of it outlives the channel.
        assert_string_equal(replies[0].name.data, "Hello bob");
        assert_string_equal(replies[1].name.data, "Hello bob");
        assert_int_equal(failed.code, GRPC_NOT_FOUND);
        assert_string_equal(failed.message, "nobody");
        assert_int_equal(failed.message_size, 6);
        grpc_arena_free(&arena);
        kit_both_end(both);
    }
}

static void test_unary__cannot_be_encoded(void **state)
{
    struct kit_both *both = kit_both_new(NULL);
    grpc_arena arena = {0};
    struct kit_hello reply;
    const struct kit_hello wrong = {.name = GRPC_STR("\xff")};
    (void)state;
    grpc_status status = grpc_unary(both->channel, &arena, &kit_methods[0],
                                    &wrong, &reply, NULL);
    assert_int_equal(status.code, GRPC_INTERNAL);
    assert_string_equal(status.message, "a string is not UTF-8");
    grpc_arena_free(&arena);
    kit_both_end(both);
}

// ---- Within callbacks -------------------------------------------------------

static void unary_nested(struct kit_result *result)
{
    struct kit_both *both = result->extra;
    grpc_arena arena = {0};
    struct kit_hello reply;
    grpc_status status = unary_call(both->channel, &arena, &reply, NULL);
    assert_int_equal(status.code, GRPC_FAILED_PRECONDITION);
    assert_string_equal(status.message,
                        "a blocking call within a callback of its loop");
    assert_null(arena.newest);
}

static void test_unary__refused_within_a_callback(void **state)
{
    struct kit_both *both = kit_both_new(NULL);
    struct kit_result result = {.act = unary_nested, .extra = both};
    (void)state;
    assert_non_null(kit_call(both->channel, "x", &result));
    kit_wait(both->loop, &result.done, 1);
    assert_int_equal(result.code, GRPC_OK);
    kit_both_end(both);
}

static void unary_free_channel(grpc_call *call, struct kit_greeter *greeter)
{
    struct kit_both *both = greeter->extra;
    greeter->calls[greeter->count++] = call; // never answered
    grpc_channel_free(both->channel);
}

// Freed while a blocking call waits: the call ends, and the channel is gone
// when it returns.
static void test_unary__channel_freed_meanwhile(void **state)
{
    struct kit_both *both = kit_both_new(NULL);
    grpc_arena arena = {0};
    struct kit_hello reply;
    (void)state;
    both->greeter.act = unary_free_channel;
    both->greeter.extra = both;
    grpc_status status = unary_call(both->channel, &arena, &reply, NULL);
    assert_int_equal(status.code, GRPC_CANCELLED);
    assert_string_equal(status.message, "the channel was freed");
    both->channel = NULL;
    assert_true(list_is_empty(&both->loop->channels));
    grpc_arena_free(&arena);
    kit_both_end(both);
}

static void unary_free_posted(void *argument)
{
    grpc_channel_free(argument);
}

// Freed by what the loop had to do before the call could even begin.
static void test_unary__channel_freed_before(void **state)
{
    struct kit_both *both = kit_both_new(NULL);
    grpc_arena arena = {0};
    struct kit_hello reply;
    (void)state;
    assert_int_equal(
        grpc_loop_post(both->loop, unary_free_posted, both->channel), GRPC_OK);
    grpc_status status = unary_call(both->channel, &arena, &reply, NULL);
    assert_int_equal(status.code, GRPC_CANCELLED);
    assert_string_equal(status.message, "the channel was freed");
    both->channel = NULL;
    grpc_arena_free(&arena);
    kit_both_end(both);
}

static void unary_free_server(grpc_call *call, struct kit_greeter *greeter)
{
    struct kit_both *both = greeter->extra;
    (void)call;
    grpc_server_free(both->server);
    both->server = NULL;
}

// The server goes while the call waits, on the same loop.
static void test_unary__server_freed_meanwhile(void **state)
{
    struct kit_both *both = kit_both_new(NULL);
    grpc_arena arena = {0};
    struct kit_hello reply;
    (void)state;
    both->greeter.act = unary_free_server;
    both->greeter.extra = both;
    grpc_status status = unary_call(both->channel, &arena, &reply, NULL);
    assert_int_equal(status.code, GRPC_UNAVAILABLE);
    assert_string_equal(
        status.message,
        "connection to unix: closed: the peer closed the connection");
    grpc_arena_free(&arena);
    kit_both_end(both);
}

// ---- A private loop ---------------------------------------------------------

struct unary_private {
    struct test_heap heap;
    grpc_channel *channel;
    struct kit_peer peer;
    uint32_t id; // the call to be answered
};

static struct unary_private *unary_begin(void)
{
    static struct unary_private private;
    int fds[2];
    memset(&private, 0, sizeof private);
    test_heap_init(&private.heap);
    kit_pair_of_sockets(fds);
    private.channel = grpc_channel_new_fd(
        fds[0], &(grpc_channel_options){.allocator = private.heap.allocator});
    assert_non_null(private.channel);
    kit_peer_init(&private.peer, fds[1], true);
    kit_preface(&private.peer, false);
    private.id = 1;
    return &private;
}

static void unary_end(struct unary_private *private, grpc_arena *arena)
{
    grpc_channel_free(private->channel);
    grpc_arena_free(arena);
    assert_true(test_heap_is_clean(&private->heap));
    kit_peer_fini(&private->peer);
}

// unary_answer plays the server, on the client's loop: it comes back until it
// has seen the request.
static void unary_answer(void *argument)
{
    struct unary_private *private = argument;
    kit_read(&private->peer);
    if (strstr(private->peer.text, " end\n") == NULL) {
        assert_int_equal(grpc_loop_post(grpc_channel_loop(private->channel),
                                        unary_answer, private),
                         GRPC_OK);
        return;
    }
    kit_forget(&private->peer);
    kit_headers(&private->peer, private->id, false, KIT_RESPONSE);
    kit_message(&private->peer, private->id, false, "private");
    kit_headers(&private->peer, private->id, true, "grpc-status: 0\n");
    private->id += 2;
}

static void unary_expect_answer(struct unary_private *private,
                                grpc_arena *arena,
                                const grpc_call_options *options)
{
    struct kit_hello reply;
    assert_int_equal(grpc_loop_post(grpc_channel_loop(private->channel),
                                    unary_answer, private),
                     GRPC_OK);
    grpc_status status = unary_call(private->channel, arena, &reply, options);
    assert_string_equal(status.message, "");
    assert_int_equal(status.code, GRPC_OK);
    assert_string_equal(reply.name.data, "private");
}

static void test_unary__private_loop(void **state)
{
    struct unary_private *private = unary_begin();
    grpc_arena arena = {0};
    (void)state;
    for (int i = 0; i < 5; i++) {
        unary_expect_answer(private, &arena, NULL);
    }
    unary_end(private, &arena);
}

// Nobody has stepped the loop for long: the deadline counts from the call.
static void test_unary__clock_is_fresh(void **state)
{
    struct unary_private *private = unary_begin();
    grpc_arena arena = {0};
    (void)state;
    unary_expect_answer(private, &arena, NULL);
    grpc_loop *loop = grpc_channel_loop(private->channel);
    loop->loop.now_ms -= 1000000;
    const grpc_call_options options = {.timeout_ms = 60000};
    unary_expect_answer(private, &arena, &options);
    unary_end(private, &arena);
}

static void test_unary__deadline(void **state)
{
    struct unary_private *private = unary_begin();
    grpc_arena arena = {0};
    struct kit_hello reply;
    (void)state;
    const grpc_call_options options = {.timeout_ms = 5};
    grpc_status status = unary_call(private->channel, &arena, &reply, &options);
    assert_int_equal(status.code, GRPC_DEADLINE_EXCEEDED);
    assert_int_equal(strncmp(status.message,
                             "deadline exceeded: no answer from unix: for ",
                             44),
                     0);
    private->id = 3;
    kit_forget(&private->peer);
    unary_expect_answer(private, &arena, NULL);
    unary_end(private, &arena);
}

// A connection that died while nobody looked is noticed before the call goes
// down with it.
static void test_unary__dead_connection_is_noticed(void **state)
{
    struct unary_private *private = unary_begin();
    grpc_arena arena = {0};
    struct kit_hello reply;
    (void)state;
    unary_expect_answer(private, &arena, NULL);
    (void)close(private->peer.fd);
    private->peer.fd = -1;
    grpc_status status = unary_call(private->channel, &arena, &reply, NULL);
    assert_int_equal(status.code, GRPC_UNAVAILABLE);
    assert_string_equal(status.message,
                        "connection to unix: closed: the peer closed the "
                        "connection; the channel was made from that connection "
                        "and has no other");
    unary_end(private, &arena);
}

// A backoff that has passed while nobody stepped the loop is over.
static void test_unary__backoff_has_passed(void **state)
{
    struct socket_address address;
    struct socket_address bound;
    const struct socket_listen_options options = {.backlog = 1};
    char target[64];
    int fd = -1;
    grpc_arena arena = {0};
    struct kit_hello reply;
    (void)state;
    assert_true(socket_address_ip(&address, "127.0.0.1", 0));
    assert_int_equal(socket_listen(&address, &options, &fd, &bound), 0);
    (void)close(fd);
    (void)snprintf(target, sizeof target, "127.0.0.1:%u",
                   (unsigned)socket_address_port(&bound));
    grpc_channel *channel = grpc_channel_new(target, NULL);
    for (int i = 0; i < 3; i++) {
        grpc_status status = unary_call(channel, &arena, &reply, NULL);
        assert_int_equal(status.code, GRPC_UNAVAILABLE);
        assert_non_null(strstr(status.message, kit_error(ECONNREFUSED)));
    }
    // Three calls, one attempt.
    assert_int_equal(kit_subchannel(channel)->backoff.base_ms, 1000);
    kit_skip_backoff(channel);
    grpc_status status = unary_call(channel, &arena, &reply, NULL);
    assert_int_equal(status.code, GRPC_UNAVAILABLE);
    assert_int_equal(kit_subchannel(channel)->backoff.base_ms, 1600);
    grpc_channel_free(channel);
    grpc_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary__null),
        cmocka_unit_test(test_unary__reply_lives_in_the_arena),
        cmocka_unit_test(test_unary__cannot_be_encoded),
        cmocka_unit_test(test_unary__refused_within_a_callback),
        cmocka_unit_test(test_unary__channel_freed_meanwhile),
        cmocka_unit_test(test_unary__channel_freed_before),
        cmocka_unit_test(test_unary__server_freed_meanwhile),
        cmocka_unit_test(test_unary__private_loop),
        cmocka_unit_test(test_unary__clock_is_fresh),
        cmocka_unit_test(test_unary__deadline),
        cmocka_unit_test(test_unary__dead_connection_is_noticed),
        cmocka_unit_test(test_unary__backoff_has_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
