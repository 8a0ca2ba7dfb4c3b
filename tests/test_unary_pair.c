// SPDX-License-Identifier: MIT
// Whole calls: a client and a server of ours, mostly on loops and heaps of
// their own that are stepped in turn. What a call costs, and how both sides
// end.

#include "tests/unit.h"

#include "h2/h2_conn.h"
#include "tests/pair_kit.h"

// ---- What a call costs ------------------------------------------------------

enum { PAIR_WARM = 100, PAIR_CALLS = 1000 };

static void pair_check_steady(struct pair *pair,
                              const grpc_call_options *options,
                              const char *what)
{
    for (int i = 0; i < PAIR_WARM; i++) {
        pair_call_ok(pair, pair->channel, options);
    }
    size_t client = pair->client_heap.calls;
    size_t server = pair->server_heap.calls;
    size_t client_bytes = pair->client_heap.live_bytes;
    size_t server_bytes = pair->server_heap.live_bytes;
    for (int i = 0; i < PAIR_CALLS; i++) {
        pair_call_ok(pair, pair->channel, options);
    }
    client = pair->client_heap.calls - client;
    server = pair->server_heap.calls - server;
    print_message("%s: %d calls, allocations: client %lu, server %lu\n", what,
                  (int)PAIR_CALLS, (unsigned long)client,
                  (unsigned long)server);
    assert_int_equal(client, 0);
    assert_int_equal(server, 0);
    assert_int_equal(pair->client_heap.live_bytes, client_bytes);
    assert_int_equal(pair->server_heap.live_bytes, server_bytes);
}

static void test_unary_pair__steady_calls_allocate_nothing(void **state)
{
    (void)state;
    struct pair *pair = pair_new(kit_say);
    pair_check_steady(pair, NULL, "without deadline");
    pair_check_steady(pair, &(grpc_call_options){.timeout_ms = 3600000},
                      "with deadline");
    pair_end(pair);
}

static void pair_run_batch(struct pair *pair, struct kit_result *results,
                           int count)
{
    for (int i = 0; i < count; i++) {
        results[i] = (struct kit_result){0};
        assert_non_null(kit_call(pair->channel, "Ann", &results[i]));
    }
    for (int i = 0; i < count; i++) {
        pair_until(pair, &results[i].done, 1);
        assert_int_equal(results[i].code, GRPC_OK);
    }
}

static void test_unary_pair__concurrent_calls_allocate_nothing(void **state)
{
    (void)state;
    static struct kit_result results[100];
    struct pair *pair = pair_new(kit_say);
    for (int i = 0; i < 10; i++) {
        pair_run_batch(pair, results, 100);
    }
    size_t client = pair->client_heap.calls;
    size_t server = pair->server_heap.calls;
    for (int i = 0; i < 10; i++) {
        pair_run_batch(pair, results, 100);
    }
    assert_int_equal(pair->client_heap.calls, client);
    assert_int_equal(pair->server_heap.calls, server);
    pair_end(pair);
}

static void pair_block_ok(grpc_channel *channel, grpc_arena *arena)
{
    const struct kit_hello request = {.name = GRPC_STR("Ann")};
    struct kit_hello reply;
    grpc_status status =
        grpc_unary(channel, arena, &kit_methods[0], &request, &reply, NULL);
    assert_int_equal(status.code, GRPC_OK);
    assert_int_equal(reply.name.size, 9);
    assert_memory_equal(reply.name.data, "Hello Ann", 9);
    grpc_arena_reset(arena);
}

// A blocking client, with the server on the loop that it runs.
static void test_unary_pair__steady_blocking_calls_allocate_nothing(
    void **state)
{
    (void)state;
    struct kit_both *both = kit_both_new(NULL);
    grpc_arena arena = {0};
    for (int i = 0; i < PAIR_WARM; i++) {
        pair_block_ok(both->channel, &arena);
    }
    size_t calls = both->heap.calls;
    for (int i = 0; i < PAIR_CALLS; i++) {
        pair_block_ok(both->channel, &arena);
    }
    assert_int_equal(both->heap.calls, calls);
    grpc_arena_free(&arena);
    kit_both_end(both);
}

enum { PAIR_CONNECTIONS = 100, PAIR_IDLE_BYTES = 1024 };

static void test_unary_pair__idle_connections_are_small(void **state)
{
    (void)state;
    static grpc_channel *channels[PAIR_CONNECTIONS];
    struct pair *pair = pair_new(kit_say);
    pair_call_ok(pair, pair->channel, NULL);
    pair_turn(pair);
    size_t server = pair->server_heap.live_bytes;
    size_t client = pair->client_heap.live_bytes;
    for (int i = 0; i < PAIR_CONNECTIONS; i++) {
        channels[i] = pair_connect(pair);
        pair_call_ok(pair, channels[i], NULL);
        pair_turn(pair);
    }
    server = (pair->server_heap.live_bytes - server) / PAIR_CONNECTIONS;
    client = (pair->client_heap.live_bytes - client) / PAIR_CONNECTIONS;
    print_message("an idle connection: server %lu bytes (struct %lu), "
                  "client's channel %lu bytes\n",
                  (unsigned long)server, (unsigned long)sizeof(struct conn),
                  (unsigned long)client);
    assert_true(server < PAIR_IDLE_BYTES);
    for (int i = 0; i < PAIR_CONNECTIONS; i++) {
        grpc_channel_free(channels[i]);
    }
    pair_end(pair);
}

// pair_count_work is what the timers of both sides cost over some calls. The
// deadlines are so far away that none comes into a slot that opens meanwhile.
static uint64_t pair_count_work(struct pair *pair, size_t *allocations)
{
    const grpc_call_options far = {.timeout_ms = 2000000000};
    pair_call_ok(pair, pair->channel, &far);
    uint64_t work =
        pair->client_loop->loop.wheel.work + pair->server_loop->loop.wheel.work;
    *allocations = pair->client_heap.calls + pair->server_heap.calls;
    for (int i = 0; i < 100; i++) {
        pair_call_ok(pair, pair->channel, &far);
    }
    *allocations =
        pair->client_heap.calls + pair->server_heap.calls - *allocations;
    return pair->client_loop->loop.wheel.work +
           pair->server_loop->loop.wheel.work - work;
}

static void pair_count_done(grpc_call *call, const grpc_status *status,
                            const struct kit_hello *reply, void *self)
{
    int *count = self;
    assert_non_null(call);
    assert_null(reply);
    assert_int_equal(status->code, GRPC_CANCELLED);
    (*count)++;
}

// Many calls wait, each with a deadline, for a server that takes none.
static void test_unary_pair__armed_deadlines_cost_other_calls_nothing(
    void **state)
{
    (void)state;
    enum { ARMED = 10000 };
    static struct kit_peer peer;
    int fds[2];
    int ended = 0;
    size_t allocations = 0;
    struct pair *pair = pair_new(kit_say);
    uint64_t alone = pair_count_work(pair, &allocations);
    assert_int_equal(allocations, 0);
    assert_int_equal(alone, 400); // armed and disarmed, on each side

    kit_pair_of_sockets(fds);
    grpc_channel *crowded = grpc_channel_new_fd(
        fds[0], &(grpc_channel_options){.loop = pair->client_loop});
    assert_non_null(crowded);
    kit_peer_init(&peer, fds[1], true);
    kit_setting(&peer, 3, 0);
    const struct kit_hello request = {.name = GRPC_STR("Bob")};
    for (uint32_t i = 0; i < ARMED; i++) {
        assert_non_null(grpc_unary_start(
            crowded, &kit_methods[0], &request,
            (grpc_function *)pair_count_done, &ended,
            &(grpc_call_options){.timeout_ms = 1000000000 + i * 1000}));
    }
    pair_turn(pair);
    uint64_t beside = pair_count_work(pair, &allocations);
    assert_int_equal(allocations, 0);
    assert_int_equal(beside, alone);
    assert_int_equal(ended, 0);
    grpc_channel_free(crowded);
    assert_int_equal(ended, ARMED);
    kit_peer_fini(&peer);
    pair_end(pair);
}

// ---- Large and many ---------------------------------------------------------

static void test_unary_pair__large_messages_go_both_ways(void **state)
{
    (void)state;
    static const size_t sizes[] = {1 << 20, 0, 65535, 65536, 3 << 20};
    struct pair *pair = pair_new(pair_echo_say);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *text = pair_text(sizes[i]);
        struct pair_echo echo = {.sent = text, .size = sizes[i]};
        assert_non_null(pair_start(pair->channel, &echo, NULL));
        pair_until(pair, &echo.done, 1);
        assert_int_equal(echo.code, GRPC_OK);
        assert_true(echo.same);
        free(text);
    }
    pair_end(pair);
}

static void test_unary_pair__large_messages_share_a_connection(void **state)
{
    (void)state;
    static struct pair_echo echoes[20];
    char *text = pair_text(1 << 20);
    struct pair *pair = pair_new(pair_echo_say);
    for (size_t i = 0; i < 20; i++) {
        echoes[i] = (struct pair_echo){
            .sent = text, .size = i % 2 == 0 ? (size_t)1 << 20 : 10};
        assert_non_null(pair_start(pair->channel, &echoes[i], NULL));
    }
    for (size_t i = 0; i < 20; i++) {
        pair_until(pair, &echoes[i].done, 1);
        assert_int_equal(echoes[i].code, GRPC_OK);
        assert_true(echoes[i].same);
    }
    free(text);
    pair_end(pair);
}

// The server keeps every call until the test answers them all.
static void pair_keep(grpc_call *call, struct kit_greeter *greeter)
{
    greeter->calls[greeter->count++ % KIT_CALLS] = call;
}

static void pair_answer_kept(struct kit_greeter *greeter)
{
    int count = greeter->count;
    greeter->count = 0;
    for (int i = 0; i < count; i++) {
        assert_int_equal(kit_reply(greeter->calls[i], "at last"), GRPC_OK);
    }
}

static void pair_check_crowd(int count)
{
    static struct kit_result results[1000];
    struct pair *pair = pair_new(kit_say);
    int most = 0;
    int answered = 0;
    pair->greeter.act = pair_keep;
    // The first call waits for the server's SETTINGS with its limit.
    pair_turn(pair);
    for (int i = 0; i < count; i++) {
        results[i] = (struct kit_result){0};
        assert_non_null(kit_call(pair->channel, "Ann", &results[i]));
    }
    for (int turn = 0; turn < 100 && answered < count; turn++) {
        pair_turn(pair);
        most = most > pair->greeter.count ? most : pair->greeter.count;
        answered += pair->greeter.count;
        pair_answer_kept(&pair->greeter);
    }
    assert_int_equal(answered, count);
    assert_int_equal(most, 128);
    for (int i = 0; i < count; i++) {
        pair_until(pair, &results[i].done, 1);
        assert_int_equal(results[i].code, GRPC_OK);
        assert_string_equal(results[i].reply, "at last");
    }
    pair_end(pair);
}

static void test_unary_pair__calls_over_the_limit_wait(void **state)
{
    (void)state;
    pair_check_crowd(129);
    pair_check_crowd(1000);
}

// All calls begin before the server has said how many it takes.
static void test_unary_pair__calls_before_settings_all_end(void **state)
{
    (void)state;
    static struct kit_result results[1000];
    struct pair *pair = pair_new(kit_say);
    pair_run_batch(pair, results, 1000);
    pair_end(pair);
}

// The engine closes the connection (it does so without memory for headers)
// while the output waits for a peer that does not read: the calls end now.
static void test_unary_pair__closed_engine_ends_calls_of_a_stuck_connection(
    void **state)
{
    (void)state;
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    char *text = pair_text(1 << 20);
    struct pair_echo echo = {.sent = text, .size = (size_t)1 << 20};
    kit_setting(&bench->peer, 4, 1 << 24);
    kit_window(&bench->peer, 0, 1 << 24);
    kit_turn(bench->loop);
    assert_non_null(pair_start(bench->channel, &echo, NULL));
    kit_turn(bench->loop);
    struct conn *conn = channel_ready_conn(bench->channel);
    assert_true(h2_output_size(&conn->h2) > 0);
    assert_false(h2_conn_no_memory(&conn->h2));
    conn_wake(conn);
    kit_turn(bench->loop);
    assert_int_equal(echo.done, 1);
    assert_int_equal(echo.code, GRPC_UNAVAILABLE);
    free(text);
    kit_bench_end(bench);
}

// ---- How both sides end -----------------------------------------------------

static void test_unary_pair__stop_lets_open_calls_end(void **state)
{
    (void)state;
    struct kit_result results[2] = {{0}};
    struct pair *pair = pair_new_tcp();
    pair->greeter.late = true;
    assert_non_null(kit_call(pair->channel, "Ann", &results[0]));
    assert_non_null(kit_call(pair->channel, "Bob", &results[1]));
    pair_until(pair, &pair->greeter.count, 2);
    grpc_server_stop(pair->server);
    pair_turn(pair);
    assert_false(grpc_server_is_stopped(pair->server));
    assert_int_equal(results[0].done, 0);
    assert_int_equal(kit_reply(pair->greeter.calls[0], "one"), GRPC_OK);
    pair_until(pair, &results[0].done, 1);
    assert_false(grpc_server_is_stopped(pair->server));
    assert_int_equal(kit_reply(pair->greeter.calls[1], "two"), GRPC_OK);
    pair_until(pair, &results[1].done, 1);
    assert_int_equal(results[0].code, GRPC_OK);
    assert_string_equal(results[0].reply, "one");
    assert_int_equal(results[1].code, GRPC_OK);
    assert_string_equal(results[1].reply, "two");
    pair_turn(pair);
    assert_true(grpc_server_is_stopped(pair->server));
    assert_int_equal(grpc_server_run(pair->server), GRPC_OK);
    pair_end(pair);
}

static void test_unary_pair__second_stop_cuts_calls_off(void **state)
{
    (void)state;
    struct kit_result result = {0};
    struct pair *pair = pair_new_tcp();
    pair->greeter.late = true;
    pair->greeter.listen = true;
    assert_non_null(kit_call(pair->channel, "Ann", &result));
    pair_until(pair, &pair->greeter.count, 1);
    grpc_server_stop(pair->server);
    pair_turn(pair);
    assert_int_equal(result.done, 0);
    assert_int_equal(pair->greeter.told, 0);
    grpc_server_stop(pair->server);
    pair_until(pair, &result.done, 1);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    assert_int_equal(pair->greeter.told, 1);
    assert_true(grpc_server_is_stopped(pair->server));
    pair_end(pair);
}

static void test_unary_pair__channel_survives_a_restart(void **state)
{
    (void)state;
    struct pair *pair = pair_new_tcp();
    for (int i = 0; i < 3; i++) {
        pair_call_ok(pair, pair->channel, NULL);
        grpc_server_stop(pair->server);
        pair_turn(pair);
        grpc_server_free(pair->server);
        (void)pair_listen(pair);
        pair_turn(pair);
    }
    // Without a farewell, too.
    for (int i = 0; i < 3; i++) {
        pair_call_ok(pair, pair->channel, NULL);
        grpc_server_free(pair->server);
        (void)pair_listen(pair);
        pair_turn(pair);
    }
    pair_call_ok(pair, pair->channel, NULL);
    pair_end(pair);
}

// Calls that the lost server has not taken go to the next one. With input that
// the server has not read, its system resets the connection.
static void pair_check_restart(bool reset)
{
    enum { CALLS = 140, TAKEN = 128 };
    static struct kit_result results[CALLS];
    struct pair *pair = pair_new_tcp();
    const grpc_call_options options = {.wait_for_ready = true};
    int taken = TAKEN;
    grpc_call *first = NULL;
    pair_call_ok(pair, pair->channel, NULL);
    pair->greeter.late = true;
    pair->greeter.listen = true;
    for (int i = 0; i < CALLS; i++) {
        results[i] = (struct kit_result){0};
        grpc_call *call = kit_call_with(pair->channel, grpc_str_z("Ann"),
                                        &results[i], &options);
        assert_non_null(call);
        first = i == 0 ? call : first;
    }
    pair_until(pair, &pair->greeter.count, TAKEN);
    if (reset) {
        grpc_cancel(first);
        kit_turn(pair->client_loop);
        assert_int_equal(results[0].code, GRPC_CANCELLED);
        taken++; // the place of the first
    }
    pair->greeter.late = false;
    grpc_server_free(pair->server);
    (void)pair_listen(pair);
    for (int i = reset ? 1 : 0; i < CALLS; i++) {
        pair_until(pair, &results[i].done, 1);
        assert_int_equal(results[i].code,
                         i < taken ? GRPC_UNAVAILABLE : GRPC_OK);
    }
    pair_end(pair);
}

static void test_unary_pair__calls_that_wait_outlive_a_restart(void **state)
{
    (void)state;
    pair_check_restart(false);
    pair_check_restart(true);
}

// Calls that cross the farewell on the wire are handled by the old server, which
// has said that it will, and once.
static void test_unary_pair__calls_that_cross_a_stop_are_handled_once(
    void **state)
{
    (void)state;
    enum { CALLS = 10 };
    struct kit_result results[CALLS] = {{0}};
    struct pair *pair = pair_new_tcp();
    grpc_server *old = pair->server;
    pair_call_ok(pair, pair->channel, NULL);
    grpc_server_stop(old);
    // The port closes and the farewell leaves. The client sends, then reads.
    assert_int_equal(grpc_loop_step(pair->server_loop, 0), GRPC_OK);
    for (int i = 0; i < CALLS; i++) {
        assert_non_null(kit_call(pair->channel, "Ann", &results[i]));
    }
    for (int i = 0; i < CALLS; i++) {
        pair_until(pair, &results[i].done, 1);
        assert_int_equal(results[i].code, GRPC_OK);
    }
    assert_int_equal(pair->greeter.handled, 1 + CALLS);
    pair_turn(pair);
    assert_true(grpc_server_is_stopped(old));
    // And the next call by the next one.
    (void)pair_listen(pair);
    pair_call_ok(pair, pair->channel, NULL);
    assert_int_equal(pair->greeter.handled, 2 + CALLS);
    grpc_server_free(old);
    pair_end(pair);
}

// ---- Freeing from inside ----------------------------------------------------

static void pair_free_server(grpc_call *call, struct kit_greeter *greeter)
{
    grpc_server **server = greeter->extra;
    grpc_server_free(*server);
    *server = NULL;
    (void)kit_reply(call, "too late?");
}

static void pair_drop_server(grpc_call *call, struct kit_greeter *greeter)
{
    grpc_server **server = greeter->extra;
    (void)call;
    grpc_server_free(*server);
    *server = NULL;
}

static void test_unary_pair__server_freed_in_its_handler(void **state)
{
    (void)state;
    for (int answers = 0; answers < 2; answers++) {
        struct kit_result result = {0};
        struct pair *pair = pair_new(kit_say);
        pair->greeter.act = answers ? pair_free_server : pair_drop_server;
        pair->greeter.extra = &pair->server;
        assert_non_null(kit_call(pair->channel, "Ann", &result));
        pair_until(pair, &result.done, 1);
        assert_null(pair->server);
        // An answer that was given before the step has ended still goes out.
        assert_int_equal(result.code, answers ? GRPC_OK : GRPC_UNAVAILABLE);
        pair_end(pair);
    }
}

// pair_free_own: the server has a loop of its own, which goes with it.
static void pair_free_own(bool answers, bool runs)
{
    static struct pair pair;
    const struct kit_handlers handlers = {.say = kit_say};
    struct kit_result result = {0};
    int fds[2];
    pair_init(&pair);
    assert_int_equal(grpc_loop_free(pair.server_loop), GRPC_OK);
    pair.server_loop = NULL;
    pair.server = grpc_server_new(
        &(grpc_server_options){.allocator = pair.server_heap.allocator});
    assert_non_null(pair.server);
    pair.greeter.act = answers ? pair_free_server : pair_drop_server;
    pair.greeter.extra = &pair.server;
    assert_int_equal(
        grpc_server_serve(pair.server, &kit_service, &handlers, &pair.greeter),
        GRPC_OK);
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(pair.server, fds[0]), GRPC_OK);
    pair.channel = grpc_channel_new_fd(
        fds[1], &(grpc_channel_options){.loop = pair.client_loop});
    assert_non_null(kit_call(pair.channel, "Ann", &result));
    // The client waits for SETTINGS, which the first step sends.
    grpc_loop *loop = grpc_server_loop(pair.server);
    assert_int_equal(grpc_loop_step(loop, 0), GRPC_OK);
    kit_turn(pair.client_loop);
    assert_int_equal(pair.greeter.handled, 0);
    assert_int_equal(
        runs ? grpc_server_run(pair.server) : grpc_loop_step(loop, 0), GRPC_OK);
    assert_int_equal(pair.greeter.handled, 1);
    assert_null(pair.server);
    assert_true(test_heap_is_clean(&pair.server_heap));
    kit_wait(pair.client_loop, &result.done, 1);
    assert_int_equal(result.code, answers ? GRPC_OK : GRPC_UNAVAILABLE);
    pair_end(&pair);
}

static void test_unary_pair__server_with_its_own_loop_freed_in_its_handler(
    void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        pair_free_own((i & 1) != 0, (i & 2) != 0);
    }
}

static void pair_free_channel(struct kit_result *result)
{
    grpc_channel **channel = result->extra;
    grpc_channel_free(*channel);
    *channel = NULL;
}

static void test_unary_pair__channel_freed_in_a_callback(void **state)
{
    (void)state;
    struct kit_result results[3] = {{0}};
    struct pair *pair = pair_new(kit_say);
    pair_turn(pair);
    results[0].act = pair_free_channel;
    results[0].extra = &pair->channel;
    for (int i = 0; i < 3; i++) {
        assert_non_null(kit_call(pair->channel, "Ann", &results[i]));
    }
    for (int i = 0; i < 3; i++) {
        pair_until(pair, &results[i].done, 1);
        assert_int_equal(results[i].code, GRPC_OK);
    }
    assert_null(pair->channel);
    pair_end(pair);
}

// The channel is freed while other calls of it are still open.
static void test_unary_pair__channel_freed_in_a_callback_ends_open_calls(
    void **state)
{
    (void)state;
    struct kit_result results[3] = {{0}};
    struct pair *pair = pair_new(kit_say);
    pair->greeter.late = true;
    pair->greeter.listen = true;
    results[1].act = pair_free_channel;
    results[1].extra = &pair->channel;
    for (int i = 0; i < 3; i++) {
        assert_non_null(kit_call(pair->channel, "Ann", &results[i]));
    }
    pair_until(pair, &pair->greeter.count, 3);
    assert_int_equal(kit_reply(pair->greeter.calls[1], "one"), GRPC_OK);
    for (int i = 0; i < 3; i++) {
        pair_until(pair, &results[i].done, 1);
        assert_int_equal(results[i].code, i == 1 ? GRPC_OK : GRPC_CANCELLED);
    }
    assert_null(pair->channel);
    pair_until(pair, &pair->greeter.told, 2);
    pair_end(pair);
}

// A callback that frees the channel and was itself caused by freeing it.
static void test_unary_pair__channel_freed_twice_over(void **state)
{
    (void)state;
    struct kit_result result = {0};
    struct pair *pair = pair_new(kit_say);
    grpc_channel *again = pair->channel;
    pair->greeter.late = true;
    result.act = pair_free_channel;
    result.extra = &again;
    assert_non_null(kit_call(pair->channel, "Ann", &result));
    pair_until(pair, &pair->greeter.count, 1);
    grpc_channel_free(pair->channel);
    pair->channel = NULL;
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_CANCELLED);
    pair_turn(pair);
    assert_true(grpc_call_is_over(pair->greeter.calls[0]));
    assert_int_equal(kit_reply(pair->greeter.calls[0], "nobody"), GRPC_OK);
    pair_end(pair);
}

// The next call starts in the callback of the last; then everything goes.
static void pair_call_again(struct kit_result *result)
{
    grpc_channel *channel = result->extra;
    if (result->done < 1000) {
        assert_non_null(kit_call(channel, "Ann", result));
    }
}

static void test_unary_pair__calls_start_in_callbacks(void **state)
{
    (void)state;
    struct pair *pair = pair_new(kit_say);
    struct kit_result result = {.act = pair_call_again, .extra = pair->channel};
    assert_non_null(kit_call(pair->channel, "Ann", &result));
    for (int i = 0; i < 20000 && result.done < 1000; i++) {
        pair_step(pair, 0);
    }
    assert_int_equal(result.done, 1000);
    assert_int_equal(result.code, GRPC_OK);
    pair_end(pair);
}

static void pair_free_both(grpc_call *call, struct kit_greeter *greeter)
{
    struct kit_both *both = greeter->extra;
    grpc_channel_free(both->channel);
    grpc_server_free(both->server);
    both->channel = NULL;
    both->server = NULL;
    assert_int_equal(grpc_loop_free(both->loop), GRPC_ESTATE);
    (void)kit_reply(call, "farewell");
}

static void test_unary_pair__both_freed_in_a_handler(void **state)
{
    (void)state;
    for (int i = 0; i < KIT_BACKENDS; i++) {
        struct kit_result result = {0};
        struct kit_both *both = kit_both_new(kit_backends[i]);
        both->greeter.act = pair_free_both;
        both->greeter.extra = both;
        assert_non_null(kit_call(both->channel, "Ann", &result));
        kit_wait(both->loop, &result.done, 1);
        assert_int_equal(result.code, GRPC_CANCELLED);
        kit_both_end(both);
    }
}

static void test_unary_pair__blocking_call_outlives_what_is_freed_in_it(
    void **state)
{
    (void)state;
    struct kit_both *both = kit_both_new(NULL);
    grpc_arena arena = {0};
    const struct kit_hello request = {.name = GRPC_STR("Ann")};
    struct kit_hello reply;
    both->greeter.act = pair_free_both;
    both->greeter.extra = both;
    grpc_status status = grpc_unary(both->channel, &arena, &kit_methods[0],
                                    &request, &reply, NULL);
    assert_true(status.code == GRPC_CANCELLED ||
                status.code == GRPC_UNAVAILABLE);
    grpc_arena_free(&arena);
    kit_both_end(both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary_pair__steady_calls_allocate_nothing),
        cmocka_unit_test(test_unary_pair__concurrent_calls_allocate_nothing),
        cmocka_unit_test(
            test_unary_pair__steady_blocking_calls_allocate_nothing),
        cmocka_unit_test(test_unary_pair__idle_connections_are_small),
        cmocka_unit_test(
            test_unary_pair__armed_deadlines_cost_other_calls_nothing),
        cmocka_unit_test(test_unary_pair__large_messages_go_both_ways),
        cmocka_unit_test(test_unary_pair__large_messages_share_a_connection),
        cmocka_unit_test(test_unary_pair__calls_over_the_limit_wait),
        cmocka_unit_test(test_unary_pair__calls_before_settings_all_end),
        cmocka_unit_test(
            test_unary_pair__closed_engine_ends_calls_of_a_stuck_connection),
        cmocka_unit_test(test_unary_pair__stop_lets_open_calls_end),
        cmocka_unit_test(test_unary_pair__second_stop_cuts_calls_off),
        cmocka_unit_test(test_unary_pair__channel_survives_a_restart),
        cmocka_unit_test(test_unary_pair__calls_that_wait_outlive_a_restart),
        cmocka_unit_test(
            test_unary_pair__calls_that_cross_a_stop_are_handled_once),
        cmocka_unit_test(test_unary_pair__server_freed_in_its_handler),
        cmocka_unit_test(
            test_unary_pair__server_with_its_own_loop_freed_in_its_handler),
        cmocka_unit_test(test_unary_pair__channel_freed_in_a_callback),
        cmocka_unit_test(
            test_unary_pair__channel_freed_in_a_callback_ends_open_calls),
        cmocka_unit_test(test_unary_pair__channel_freed_twice_over),
        cmocka_unit_test(test_unary_pair__calls_start_in_callbacks),
        cmocka_unit_test(test_unary_pair__both_freed_in_a_handler),
        cmocka_unit_test(
            test_unary_pair__blocking_call_outlives_what_is_freed_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
