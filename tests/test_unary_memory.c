// SPDX-License-Identifier: MIT
// Whole calls in which memory runs out: the n-th allocation fails, for every n.
// No call is stuck, nothing leaks, and when memory is back so is the service.

#include "tests/unit.h"

#include "tests/pair_kit.h"

// ---- Without memory ---------------------------------------------------------

// One run of the sweep: the fail_at-th allocation of one side fails, somewhere
// between making the loop and freeing it.
struct pair_sweep {
    struct pair pair;
    char *text;
    size_t size;
    int started;
    struct pair_echo echoes[3];
};

static bool pair_sweep_server(struct pair *pair)
{
    const struct kit_handlers handlers = {.say = pair_echo_say};
    pair->server_loop = grpc_loop_new(
        &(grpc_loop_options){.allocator = pair->server_heap.allocator});
    if (pair->server_loop == NULL) {
        return false;
    }
    pair->server =
        grpc_server_new(&(grpc_server_options){.loop = pair->server_loop});
    if (pair->server == NULL) {
        return false;
    }
    if (grpc_server_serve(pair->server, &kit_service, &handlers,
                          &pair->greeter) != GRPC_OK) {
        return false;
    }
    if (grpc_server_listen(pair->server, "127.0.0.1:0", NULL) != GRPC_OK) {
        return false;
    }
    pair->port = grpc_server_port(pair->server);
    return true;
}

static bool pair_sweep_client(struct pair *pair)
{
    char target[32];
    (void)snprintf(target, sizeof target, "127.0.0.1:%u", (unsigned)pair->port);
    pair->client_loop = grpc_loop_new(
        &(grpc_loop_options){.allocator = pair->client_heap.allocator});
    if (pair->client_loop == NULL) {
        return false;
    }
    pair->channel = grpc_channel_new(
        target, &(grpc_channel_options){.loop = pair->client_loop});
    return pair->channel != NULL;
}

// pair_may_end_with: what running out of memory may do to a call.
static bool pair_may_end_with(grpc_code code)
{
    return code == GRPC_OK || code == GRPC_RESOURCE_EXHAUSTED ||
           code == GRPC_UNAVAILABLE || code == GRPC_INTERNAL;
}

static void pair_sweep_calls(struct pair_sweep *sweep, int count)
{
    struct pair *pair = &sweep->pair;
    for (int i = 0; i < count; i++) {
        sweep->echoes[i] =
            (struct pair_echo){.sent = sweep->text, .size = sweep->size};
        if (pair_start(pair->channel, &sweep->echoes[i], NULL) == NULL) {
            assert_string_not_equal(grpc_channel_error(pair->channel), "");
            sweep->echoes[i].done = -1;
        }
    }
    for (int i = 0; i < count; i++) {
        if (sweep->echoes[i].done >= 0) {
            pair_until(pair, &sweep->echoes[i].done, 1);
            assert_true(pair_may_end_with(sweep->echoes[i].code));
            assert_int_equal(sweep->echoes[i].same,
                             sweep->echoes[i].code == GRPC_OK);
        }
    }
}

// pair_sweep_healthy: memory is back, and with it the service, at once for a
// new channel.
static void pair_sweep_healthy(struct pair_sweep *sweep)
{
    struct pair *pair = &sweep->pair;
    pair->server_heap.fail_at = 0;
    pair->client_heap.fail_at = 0;
    grpc_channel *channel = pair_dial(pair);
    struct pair_echo echo = {.sent = sweep->text, .size = sweep->size};
    assert_non_null(pair_start(channel, &echo, NULL));
    pair_until(pair, &echo.done, 1);
    assert_int_equal(echo.code, GRPC_OK);
    assert_true(echo.same);
    grpc_channel_free(channel);
}

static void pair_sweep_end(struct pair *pair)
{
    grpc_channel_free(pair->channel);
    grpc_server_free(pair->server);
    assert_int_equal(grpc_loop_free(pair->client_loop), GRPC_OK);
    assert_int_equal(grpc_loop_free(pair->server_loop), GRPC_OK);
    assert_true(test_heap_is_clean(&pair->client_heap));
    assert_true(test_heap_is_clean(&pair->server_heap));
}

// pair_sweep_run is false when the failure came too late to happen.
static bool pair_sweep_run(struct pair_sweep *sweep, bool server_fails,
                           size_t fail_at, bool and_on)
{
    struct pair *pair = &sweep->pair;
    memset(pair, 0, sizeof *pair);
    test_heap_init(&pair->server_heap);
    test_heap_init(&pair->client_heap);
    struct test_heap *heap =
        server_fails ? &pair->server_heap : &pair->client_heap;
    heap->fail_at = fail_at;
    heap->fail_on = and_on;
    if (pair_sweep_server(pair) && pair_sweep_client(pair)) {
        pair_sweep_calls(sweep, 3);
        pair_sweep_calls(sweep, 1);
        pair_sweep_healthy(sweep);
    }
    bool failed = heap->calls >= fail_at;
    pair_sweep_end(pair);
    return failed;
}

static void pair_sweep(bool server_fails, size_t size, bool and_on)
{
    static struct pair_sweep sweep;
    sweep.text = pair_text(size);
    sweep.size = size;
    int open = kit_open_fds();
    size_t n = 1;
    while (pair_sweep_run(&sweep, server_fails, n, and_on)) {
        n++;
    }
    print_message("%s, %lu bytes%s: each of %lu allocations has failed\n",
                  server_fails ? "server" : "client", (unsigned long)size,
                  and_on ? ", and all behind" : "", (unsigned long)n - 1);
    assert_true(n > 10);
    assert_int_equal(kit_open_fds(), open);
    free(sweep.text);
}

static void test_unary_memory__fails_in_the_client(void **state)
{
    (void)state;
    pair_sweep(false, 3, false);
    pair_sweep(false, 3, true);
    pair_sweep(false, 100000, false);
    pair_sweep(false, 100000, true);
}

static void test_unary_memory__fails_in_the_server(void **state)
{
    (void)state;
    pair_sweep(true, 3, false);
    pair_sweep(true, 3, true);
    pair_sweep(true, 100000, false);
    pair_sweep(true, 100000, true);
}

// Blocking, with the server on the loop that the client runs. The deadline is
// for calls that are stuck: none may reach it.
static void pair_block_once(struct kit_both *both, bool must)
{
    const struct kit_hello request = {.name = GRPC_STR("Ann")};
    struct kit_hello reply;
    grpc_arena arena = {0};
    grpc_status status =
        grpc_unary(both->channel, &arena, &kit_methods[0], &request, &reply,
                   &(grpc_call_options){.timeout_ms = 10000});
    assert_non_null(status.message);
    if (must) {
        assert_int_equal(status.code, GRPC_OK);
    }
    assert_true(pair_may_end_with(status.code));
    if (status.code == GRPC_OK) {
        assert_int_equal(reply.name.size, 9);
        assert_memory_equal(reply.name.data, "Hello Ann", 9);
    }
    grpc_arena_free(&arena);
}

static bool pair_block_run(size_t fail_at, bool and_on)
{
    struct kit_both *both = kit_both_new(NULL);
    size_t before = both->heap.calls;
    both->heap.fail_at = before + fail_at;
    both->heap.fail_on = and_on;
    pair_block_once(both, false);
    pair_block_once(both, false);
    bool failed = both->heap.calls - before >= fail_at;
    both->heap.fail_at = 0;
    grpc_channel_free(both->channel);
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(both->server, fds[0]), GRPC_OK);
    both->channel = grpc_channel_new_fd(
        fds[1], &(grpc_channel_options){.loop = both->loop});
    assert_non_null(both->channel);
    pair_block_once(both, true);
    kit_both_end(both);
    return failed;
}

static void test_unary_memory__fails_in_a_blocking_call(void **state)
{
    (void)state;
    for (int and_on = 0; and_on < 2; and_on++) {
        size_t n = 1;
        while (pair_block_run(n, and_on != 0)) {
            n++;
        }
        print_message("blocking%s: each of %lu allocations has failed\n",
                      and_on ? ", and all behind it" : "",
                      (unsigned long)n - 1);
        assert_true(n > 10);
    }
}

// A crowd of calls that wait for a connection, and then no memory at all: they
// end one after the other, not one within the other.
static void pair_count_failed(grpc_call *call, const grpc_status *status,
                              const struct kit_hello *reply, void *self)
{
    int *count = self;
    assert_non_null(call);
    assert_null(reply);
    assert_true(status->code != GRPC_OK && pair_may_end_with(status->code));
    (*count)++;
}

static void test_unary_memory__fails_for_a_crowd(void **state)
{
    (void)state;
    enum { CROWD = 100000 };
    const struct kit_hello request = {.name = GRPC_STR("Ann")};
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    int ended = 0;
    kit_setting(&bench->peer, 3, 0);
    kit_turn(bench->loop);
    for (int i = 0; i < CROWD; i++) {
        assert_non_null(
            grpc_unary_start(bench->channel, &kit_methods[0], &request,
                             (grpc_function *)pair_count_failed, &ended, NULL));
    }
    kit_turn(bench->loop);
    assert_int_equal(ended, 0);
    bench->heap.fail_at = bench->heap.calls + 1;
    bench->heap.fail_on = true;
    kit_setting(&bench->peer, 3, CROWD);
    kit_wait(bench->loop, &ended, CROWD);
    bench->heap.fail_at = 0;
    kit_bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary_memory__fails_in_the_client),
        cmocka_unit_test(test_unary_memory__fails_in_the_server),
        cmocka_unit_test(test_unary_memory__fails_in_a_blocking_call),
        cmocka_unit_test(test_unary_memory__fails_for_a_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
