// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include <signal.h>

#include "tests/core_kit.h"

static const struct kit_handlers server_handlers = {.say = kit_say};

static void test_server__null(void **state)
{
    (void)state;
    assert_int_equal(grpc_server_serve(NULL, &kit_service, NULL, NULL),
                     GRPC_EINVAL);
    assert_int_equal(grpc_server_listen(NULL, "localhost:0", NULL),
                     GRPC_EINVAL);
    assert_int_equal(grpc_server_listen_fd(NULL, 0), GRPC_EINVAL);
    assert_int_equal(grpc_server_serve_fd(NULL, 0), GRPC_EINVAL);
    assert_int_equal(grpc_server_run(NULL), GRPC_EINVAL);
    assert_int_equal(grpc_server_port(NULL), 0);
    assert_null(grpc_server_loop(NULL));
    assert_string_equal(grpc_server_error(NULL), "no server");
    assert_true(grpc_server_is_stopped(NULL));
    grpc_server_stop(NULL);
    grpc_server_free(NULL);
}

static void test_server__private_loop(void **state)
{
    struct test_heap heap;
    (void)state;
    int fds = kit_open_fds();
    test_heap_init(&heap);
    grpc_server *server =
        grpc_server_new(&(grpc_server_options){.allocator = heap.allocator});
    assert_non_null(server);
    assert_true(heap.live_blocks > 0);
    assert_non_null(grpc_server_loop(server));
    grpc_server_free(server);
    assert_true(test_heap_is_clean(&heap));
    assert_int_equal(kit_open_fds(), fds);
    server = grpc_server_new(NULL);
    assert_non_null(server);
    grpc_server_free(server);
}

// A channel on a server's own loop may be freed after the server.
static void test_server__private_loop_outlives_channel(void **state)
{
    struct test_heap heap;
    (void)state;
    test_heap_init(&heap);
    grpc_server *server =
        grpc_server_new(&(grpc_server_options){.allocator = heap.allocator});
    grpc_channel *channel = grpc_channel_new(
        "localhost:1",
        &(grpc_channel_options){.loop = grpc_server_loop(server)});
    grpc_server_free(server);
    grpc_channel_free(channel);
    assert_true(test_heap_is_clean(&heap));
}

static void test_server__serve_misuse(void **state)
{
    grpc_server *server = grpc_server_new(NULL);
    (void)state;
    assert_int_equal(grpc_server_serve(server, NULL, &server_handlers, NULL),
                     GRPC_EINVAL);
    assert_string_equal(grpc_server_error(server),
                        "serve: service or handlers are NULL");
    assert_int_equal(grpc_server_serve(server, &kit_service, NULL, NULL),
                     GRPC_EINVAL);
    assert_int_equal(
        grpc_server_serve(server, &kit_service, &server_handlers, NULL),
        GRPC_OK);
    assert_int_equal(
        grpc_server_serve(server, &kit_service, &server_handlers, NULL),
        GRPC_EINVAL);
    assert_string_equal(grpc_server_error(server),
                        "serve kit.Greeter: the service was added before");
    assert_int_equal(grpc_server_listen(server, "127.0.0.1:0", NULL), GRPC_OK);
    const grpc_service other = {.name = "kit.Other"};
    assert_int_equal(grpc_server_serve(server, &other, NULL, NULL),
                     GRPC_ESTATE);
    assert_string_equal(grpc_server_error(server),
                        "serve kit.Other: services are added before listening");
    grpc_server_free(server);
}

// Enough methods that several share a bucket.
static void test_server__find(void **state)
{
    enum { SERVER_METHODS = 500 };
    static char paths[SERVER_METHODS][32];
    static grpc_method methods[SERVER_METHODS];
    const grpc_service service = {
        .name = "many", .methods = methods, .method_count = SERVER_METHODS};
    grpc_server *server = grpc_server_new(NULL);
    int self = 0;
    (void)state;
    for (int i = 0; i < SERVER_METHODS; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "/many/Method%d", i);
        methods[i] = kit_methods[0];
        methods[i].path = paths[i];
    }
    assert_null(server_find(server, VIEW("/many/Method1")));
    assert_int_equal(grpc_server_serve(server, &service, NULL, &self), GRPC_OK);
    kit_serve(server, NULL);
    for (int i = 0; i < SERVER_METHODS; i++) {
        struct view path = view_of(paths[i], strlen(paths[i]));
        const struct method_entry *entry = server_find(server, path);
        assert_non_null(entry);
        assert_ptr_equal(entry->method, &methods[i]);
        assert_ptr_equal(entry->self, &self);
        assert_ptr_equal(entry->server, server);
        assert_int_equal((uintptr_t)entry & 1, 0);
    }
    assert_null(server_find(server, VIEW("/many/Method500")));
    assert_null(server_find(server, VIEW("")));
    assert_ptr_equal(server_find(server, VIEW("/kit.Greeter/Say"))->method,
                     &kit_methods[0]);
    assert_true(server_has_service(server, VIEW("many")));
    assert_true(server_has_service(server, VIEW("kit.Greeter")));
    assert_false(server_has_service(server, VIEW("man")));
    assert_false(server_has_service(server, VIEW("many2")));
    assert_false(server_has_service(server, VIEW("")));
    grpc_server_free(server);
}

static void test_server__handlers_are_copied(void **state)
{
    struct test_heap heap;
    static struct kit_peer peer;
    struct kit_greeter greeter = {.late = false};
    struct kit_handlers handlers = {.say = kit_say};
    int fds[2];
    (void)state;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_server *server = grpc_server_new(&(grpc_server_options){.loop = loop});
    assert_int_equal(
        grpc_server_serve(server, &kit_service, &handlers, &greeter), GRPC_OK);
    handlers.say = NULL;
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(server, fds[0]), GRPC_OK);
    kit_peer_init(&peer, fds[1], false);
    kit_preface(&peer, true);
    kit_headers(&peer, 1, false, KIT_REQUEST);
    kit_message(&peer, 1, true, "x");
    kit_turn(loop);
    assert_int_equal(greeter.handled, 1);
    grpc_server_free(server);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
    kit_peer_fini(&peer);
}

static void test_server__listen_errors(void **state)
{
    grpc_server *server = grpc_server_new(NULL);
    grpc_server *other = grpc_server_new(NULL);
    char address[64];
    char expected[320];
    (void)state;
    assert_int_equal(grpc_server_listen(server, NULL, NULL), GRPC_EINVAL);
    assert_string_equal(grpc_server_error(server),
                        "listen on \"\": the address is empty");
    assert_int_equal(grpc_server_listen(server, "example.com:80", NULL),
                     GRPC_EINVAL);
    assert_string_equal(grpc_server_error(server),
                        "listen on \"example.com:80\": a server listens on a "
                        "numeric address, \"localhost\" or \"*\"");
    assert_int_equal(grpc_server_listen(server, "127.0.0.1:0", NULL), GRPC_OK);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u",
                   (unsigned)grpc_server_port(server));
    assert_int_equal(grpc_server_listen(other, address, NULL), GRPC_ESYSTEM);
    (void)snprintf(expected, sizeof expected, "listen on %s: %s", address,
                   kit_error(EADDRINUSE));
    assert_string_equal(grpc_server_error(other), expected);
    assert_int_equal(grpc_server_port(other), 0);
    // A failure is no listening: services may still be added.
    assert_int_equal(
        grpc_server_serve(other, &kit_service, &server_handlers, NULL),
        GRPC_OK);
    grpc_server_stop(server);
    kit_turn(grpc_server_loop(server));
    assert_int_equal(grpc_server_listen(server, "127.0.0.1:0", NULL),
                     GRPC_ESTATE);
    assert_string_equal(grpc_server_error(server),
                        "listen: the server was stopped");
    assert_int_equal(grpc_server_listen_fd(server, 0), GRPC_ESTATE);
    assert_int_equal(grpc_server_serve_fd(server, 0), GRPC_ESTATE);
    assert_string_equal(grpc_server_error(server),
                        "take a descriptor: the server was stopped");
    grpc_server_free(server);
    grpc_server_free(other);
}

static void test_server__no_memory(void **state)
{
    (void)state;
    int fds = kit_open_fds();
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        struct test_heap heap;
        test_heap_init(&heap);
        heap.fail_at = n;
        grpc_server *server = grpc_server_new(
            &(grpc_server_options){.allocator = heap.allocator});
        if (server != NULL) {
            grpc_result result =
                grpc_server_serve(server, &kit_service, &server_handlers, NULL);
            assert_true(result == GRPC_OK || result == GRPC_ENOMEM);
            result = grpc_server_listen(server, "127.0.0.1:0", NULL);
            assert_true(result == GRPC_OK || result == GRPC_ENOMEM);
            int pair[2];
            kit_pair_of_sockets(pair);
            result = grpc_server_serve_fd(server, pair[0]);
            assert_true(result == GRPC_OK || result == GRPC_ENOMEM);
            if (result != GRPC_OK) {
                (void)close(pair[0]); // still ours
            }
            (void)close(pair[1]);
            kit_turn(grpc_server_loop(server));
        }
        failed = heap.calls >= n;
        grpc_server_free(server);
        assert_true(test_heap_is_clean(&heap));
        assert_int_equal(kit_open_fds(), fds);
        assert_true(n < 100);
    }
}

// ---- Stopping ---------------------------------------------------------------

// What a client is told first. It answers the PING.
#define SERVER_GOODBYE \
 "GOAWAY 2147483647 NO_ERROR graceful_stop\nPING graceful\n"

static void test_server__stop_idle(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct kit_bench *bench = kit_bench_server(kit_backends[i], NULL);
        assert_false(grpc_server_is_stopped(bench->server));
        grpc_server_stop(bench->server);
        kit_expect(&bench->peer, bench->loop, SERVER_GOODBYE);
        kit_frame(&bench->peer, 6, 1, 0, VIEW("graceful"));
        kit_expect(&bench->peer, bench->loop,
                   "GOAWAY 0 NO_ERROR graceful_stop\nEOF\n");
        // The peer has not closed yet.
        assert_false(grpc_server_is_stopped(bench->server));
        (void)close(bench->peer.fd);
        bench->peer.fd = -1;
        kit_turn(bench->loop);
        assert_true(grpc_server_is_stopped(bench->server));
        kit_bench_end(bench);
    }
}

static void test_server__stop_lets_calls_end(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    bench->greeter.late = true;
    bench->greeter.listen = true;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_message(&bench->peer, 1, true, "x");
    kit_headers(&bench->peer, 3, false, KIT_REQUEST); // its message comes later
    kit_turn(bench->loop);
    grpc_server_stop(bench->server);
    kit_expect(&bench->peer, bench->loop, SERVER_GOODBYE);
    kit_frame(&bench->peer, 6, 1, 0, VIEW("graceful"));
    kit_expect(&bench->peer, bench->loop, "GOAWAY 3 NO_ERROR graceful_stop\n");
    kit_message(&bench->peer, 3, true, "y");
    kit_turn(bench->loop);
    assert_int_equal(bench->greeter.count, 2);
    assert_int_equal(kit_reply(bench->greeter.calls[1], "2"), GRPC_OK);
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    assert_int_equal(kit_reply(bench->greeter.calls[0], "1"), GRPC_OK);
    kit_expect(&bench->peer, bench->loop,
               "HEADERS 1\n :status: 200\n content-type: application/grpc\n"
               "DATA 1 00000000030a0131\nHEADERS 1 end\n grpc-status: 0\n"
               "EOF\n");
    assert_int_equal(bench->greeter.told, 0);
    kit_bench_end(bench);
}

static void test_server__second_stop_cuts_off(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    bench->greeter.late = true;
    bench->greeter.listen = true;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_message(&bench->peer, 1, true, "x");
    kit_turn(bench->loop);
    grpc_server_stop(bench->server);
    kit_expect(&bench->peer, bench->loop, SERVER_GOODBYE);
    assert_int_equal(bench->greeter.told, 0);
    grpc_server_stop(bench->server);
    grpc_server_stop(bench->server); // a third time is nothing
    kit_expect(&bench->peer, bench->loop, "EOF\n");
    assert_int_equal(bench->greeter.told, 1);
    assert_true(grpc_server_is_stopped(bench->server));
    kit_bench_end(bench);
}

static grpc_server *server_to_stop;

static void server_on_signal(int number)
{
    (void)number;
    grpc_server_stop(server_to_stop);
}

static void server_raise(void *argument)
{
    (void)argument;
    (void)raise(SIGUSR1);
}

static void test_server__stop_from_a_signal(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct test_heap heap;
        test_heap_init(&heap);
        grpc_loop *loop = kit_loop(&heap, kit_backends[i]);
        server_to_stop = grpc_server_new(&(grpc_server_options){.loop = loop});
        assert_int_equal(
            grpc_server_listen(server_to_stop, "127.0.0.1:0", NULL), GRPC_OK);
        assert_true(signal(SIGUSR1, server_on_signal) != SIG_ERR);
        assert_non_null(grpc_timer_start(loop, 1, server_raise, NULL));
        assert_int_equal(grpc_server_run(server_to_stop), GRPC_OK);
        assert_true(grpc_server_is_stopped(server_to_stop));
        grpc_server_free(server_to_stop);
        assert_int_equal(grpc_loop_free(loop), GRPC_OK);
        assert_true(test_heap_is_clean(&heap));
    }
    (void)signal(SIGUSR1, SIG_DFL);
}

// Stopped before it runs; freed before the loop hears of the stop.
static void test_server__stop_at_once(void **state)
{
    struct test_heap heap;
    (void)state;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_server *server = grpc_server_new(&(grpc_server_options){.loop = loop});
    grpc_server_stop(server);
    assert_int_equal(grpc_server_run(server), GRPC_OK);
    grpc_server_free(server);
    server = grpc_server_new(&(grpc_server_options){.loop = loop});
    grpc_server_stop(server);
    grpc_server_free(server);
    kit_turn(loop);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

// A number is never used again: a stop that was posted for a server that is gone
// stops no other.
static void test_server__stop_of_one_that_is_gone(void **state)
{
    struct test_heap heap;
    (void)state;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_server *first = grpc_server_new(&(grpc_server_options){.loop = loop});
    grpc_server *other = grpc_server_new(&(grpc_server_options){.loop = loop});
    grpc_server_stop(first);
    grpc_server_free(first);
    grpc_server *last = grpc_server_new(&(grpc_server_options){.loop = loop});
    kit_turn(loop);
    assert_false(grpc_server_is_stopped(other));
    assert_false(grpc_server_is_stopped(last));
    grpc_server_stop(last);
    kit_turn(loop);
    assert_false(grpc_server_is_stopped(other));
    assert_true(grpc_server_is_stopped(last));
    grpc_server_free(other);
    grpc_server_free(last);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

static void server_count(void *argument)
{
    ++*(int *)argument;
}

// With the loop's pipe full, a stop and a second one are heard all the same.
static void test_server__stop_with_a_full_pipe(void **state)
{
    (void)state;
    for (int stops = 1; stops <= 3; stops++) {
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        int posted = 0;
        int run = 0;
        bench->greeter.late = true;
        bench->greeter.listen = true;
        kit_headers(&bench->peer, 1, false, KIT_REQUEST);
        kit_message(&bench->peer, 1, true, "x");
        kit_turn(bench->loop);
        while (grpc_loop_post(bench->loop, server_count, &run) == GRPC_OK) {
            posted++;
        }
        for (int i = 0; i < stops; i++) {
            grpc_server_stop(bench->server);
        }
        kit_expect(&bench->peer, bench->loop,
                   stops == 1 ? SERVER_GOODBYE : "EOF\n");
        assert_int_equal(bench->greeter.told, stops == 1 ? 0 : 1);
        kit_wait(bench->loop, &run, posted);
        kit_bench_end(bench);
    }
}

// What is done then is done at the time of that step, though the last one was
// long ago: the client has its five seconds.
static void test_server__stop_with_a_full_pipe_and_an_old_clock(void **state)
{
    (void)state;
    *kit_clock_is_frozen() = true;
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    int posted = 0;
    int run = 0;
    while (grpc_loop_post(bench->loop, server_count, &run) == GRPC_OK) {
        posted++;
    }
    grpc_server_stop(bench->server);
    *kit_skipped_ms() += 6000;
    kit_expect(&bench->peer, bench->loop, SERVER_GOODBYE);
    kit_wait(bench->loop, &run, posted);
    kit_skip(bench->loop, 5000);
    kit_expect(&bench->peer, bench->loop, "");
    kit_skip(bench->loop, 1);
    kit_expect(&bench->peer, bench->loop,
               "GOAWAY 0 NO_ERROR graceful_stop\nEOF\n");
    kit_bench_end(bench);
    *kit_clock_is_frozen() = false;
}

// ---- Draining ---------------------------------------------------------------

// server_drain_begin has two calls open and the clock stand still.
static struct kit_bench *server_drain_begin(uint32_t grace_ms)
{
    *kit_clock_is_frozen() = true;
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    bench->greeter.late = true;
    bench->greeter.listen = true;
    for (uint32_t id = 1; id < 5; id += 2) {
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
        kit_message(&bench->peer, id, true, "x");
    }
    kit_turn(bench->loop);
    assert_int_equal(grpc_server_drain(bench->server, grace_ms), GRPC_OK);
    kit_expect(&bench->peer, bench->loop, SERVER_GOODBYE);
    kit_frame(&bench->peer, 6, 1, 0, VIEW("graceful"));
    kit_expect(&bench->peer, bench->loop, "GOAWAY 3 NO_ERROR graceful_stop\n");
    return bench;
}

static void server_drain_end(struct kit_bench *bench)
{
    kit_bench_end(bench);
    *kit_clock_is_frozen() = false;
}

static void test_server__drain_cuts_off_in_the_end(void **state)
{
    (void)state;
    struct kit_bench *bench = server_drain_begin(3000);
    assert_int_equal(grpc_server_listen(bench->server, "127.0.0.1:0", NULL),
                     GRPC_ESTATE);
    assert_int_equal(kit_reply(bench->greeter.calls[0], "1"), GRPC_OK);
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    kit_skip(bench->loop, 3000);
    assert_int_equal(bench->greeter.told, 0);
    assert_false(grpc_server_is_stopped(bench->server));
    kit_skip(bench->loop, 1);
    assert_int_equal(bench->greeter.told, 1);
    assert_true(grpc_server_is_stopped(bench->server));
    kit_expect(&bench->peer, bench->loop, "EOF\n");
    assert_int_equal(grpc_server_run(bench->server), GRPC_OK);
    server_drain_end(bench);
}

static void test_server__drain_that_is_done_before(void **state)
{
    (void)state;
    struct kit_bench *bench = server_drain_begin(3000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kit_reply(bench->greeter.calls[i], "1"), GRPC_OK);
    }
    kit_turn(bench->loop);
    (void)close(bench->peer.fd);
    bench->peer.fd = -1;
    kit_turn(bench->loop);
    assert_true(grpc_server_is_stopped(bench->server));
    assert_int_equal(bench->greeter.told, 0);
    kit_skip(bench->loop, 3001);
    server_drain_end(bench);
}

// Again with less time left counts, with more does not.
static void test_server__drain_again(void **state)
{
    (void)state;
    struct kit_bench *bench = server_drain_begin(GRPC_NEVER);
    kit_skip(bench->loop, 100000);
    assert_int_equal(grpc_server_drain(bench->server, 3000), GRPC_OK);
    assert_int_equal(grpc_server_drain(bench->server, 4000), GRPC_OK);
    kit_skip(bench->loop, 1000);
    assert_int_equal(grpc_server_drain(bench->server, 500), GRPC_OK);
    kit_skip(bench->loop, 500);
    assert_int_equal(bench->greeter.told, 0);
    kit_skip(bench->loop, 1);
    assert_int_equal(bench->greeter.told, 2);
    server_drain_end(bench);
}

// A stop is the second word then.
static void test_server__drain_then_stop(void **state)
{
    (void)state;
    struct kit_bench *bench = server_drain_begin(3000);
    grpc_server_stop(bench->server);
    kit_expect(&bench->peer, bench->loop, "EOF\n");
    assert_int_equal(bench->greeter.told, 2);
    assert_true(grpc_server_is_stopped(bench->server));
    server_drain_end(bench);
}

static void server_drain_within(grpc_call *call, struct kit_greeter *greeter)
{
    struct kit_bench *bench = greeter->extra;
    assert_int_equal(grpc_server_drain(bench->server, 0), GRPC_OK);
    assert_int_equal(kit_reply(call, "last"), GRPC_OK);
}

// At once, but not in the middle of a handler, whose answer leaves.
static void test_server__drain_within_handler(void **state)
{
    (void)state;
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    bench->greeter.act = server_drain_within;
    bench->greeter.extra = bench;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_message(&bench->peer, 1, true, "x");
    kit_turn(bench->loop);
    assert_true(grpc_server_is_stopped(bench->server));
    kit_read(&bench->peer);
    assert_non_null(strstr(bench->peer.text, "grpc-status: 0\nEOF\n"));
    assert_int_equal(grpc_server_drain(bench->server, 0), GRPC_OK);
    assert_int_equal(grpc_server_drain(NULL, 0), GRPC_EINVAL);
    kit_bench_end(bench);
}

// ---- Freeing ----------------------------------------------------------------

static void test_server__free_with_calls(void **state)
{
    (void)state;
    for (int listen = 0; listen < 2; listen++) {
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        bench->greeter.late = true;
        bench->greeter.listen = listen == 1;
        for (uint32_t id = 1; id < 8; id += 2) {
            kit_headers(&bench->peer, id, false, KIT_REQUEST);
            kit_message(&bench->peer, id, true, "x");
        }
        kit_headers(&bench->peer, 9, false, KIT_REQUEST); // not complete
        kit_turn(bench->loop);
        assert_int_equal(bench->greeter.count, 4);
        grpc_server_free(bench->server);
        bench->server = NULL;
        assert_int_equal(bench->greeter.told, 4 * listen);
        kit_expect(&bench->peer, bench->loop, "EOF\n");
        kit_bench_end(bench);
    }
}

static void server_free_within(grpc_call *call, struct kit_greeter *greeter)
{
    struct kit_bench *bench = greeter->extra;
    grpc_server_free(bench->server);
    // It takes effect when the step returns: this call is good until then.
    assert_int_equal(kit_reply(call, "last"), GRPC_OK);
    assert_int_equal(grpc_server_run(bench->server), GRPC_ESTATE);
    assert_string_equal(grpc_server_error(bench->server),
                        "run: the loop is being stepped already");
    bench->server = NULL;
}

static void test_server__free_within_handler(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    bench->greeter.act = server_free_within;
    bench->greeter.extra = bench;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_message(&bench->peer, 1, true, "x");
    kit_headers(&bench->peer, 3, false, KIT_REQUEST);
    kit_turn(bench->loop);
    assert_int_equal(bench->greeter.handled, 1);
    assert_true(list_is_empty(&bench->loop->servers));
    kit_bench_end(bench);
}

static void server_free_posted(void *argument)
{
    grpc_server_free(argument);
}

// Freed while it runs on its own loop: run returns, all is gone.
static void test_server__free_within_run(void **state)
{
    struct test_heap heap;
    (void)state;
    int fds = kit_open_fds();
    test_heap_init(&heap);
    grpc_server *server =
        grpc_server_new(&(grpc_server_options){.allocator = heap.allocator});
    assert_int_equal(grpc_server_listen(server, "127.0.0.1:0", NULL), GRPC_OK);
    assert_int_equal(
        grpc_loop_post(grpc_server_loop(server), server_free_posted, server),
        GRPC_OK);
    assert_int_equal(grpc_server_run(server), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
    assert_int_equal(kit_open_fds(), fds);
}

// ---- Options ----------------------------------------------------------------

static void test_server__max_concurrent_streams(void **state)
{
    struct kit_bench *bench = kit_bench_server(
        NULL, &(grpc_server_options){.max_concurrent_streams = 2});
    (void)state;
    bench->greeter.late = true;
    for (uint32_t id = 1; id <= 5; id += 2) {
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
        kit_message(&bench->peer, id, true, "x");
    }
    kit_expect(&bench->peer, bench->loop, "RST_STREAM 5 REFUSED_STREAM\n");
    assert_int_equal(bench->greeter.count, 2);
    // One ends, there is room for one.
    assert_int_equal(kit_reply(bench->greeter.calls[0], "1"), GRPC_OK);
    kit_headers(&bench->peer, 7, false, KIT_REQUEST);
    kit_message(&bench->peer, 7, true, "x");
    kit_turn(bench->loop);
    assert_int_equal(bench->greeter.count, 3);
    kit_bench_end(bench);
}

static void free_in_handler(grpc_call *call, struct kit_greeter *greeter)
{
    grpc_server_free(greeter->extra);
    (void)kit_reply(call, "bye");
}

// Calls that had come but not had their turn do not begin any more.
static void test_server__freed_with_input_held(void **state)
{
    (void)state;
    struct kit_bench *bench = kit_bench_server(
        NULL, &(grpc_server_options){.limits = {.streams_per_turn = 2}});
    bench->greeter.act = free_in_handler;
    bench->greeter.extra = bench->server;
    for (uint32_t id = 1; id < 7; id += 2) {
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
        kit_message(&bench->peer, id, true, "x");
    }
    kit_turn(bench->loop);
    assert_int_equal(bench->greeter.handled, 1);
    bench->server = NULL;
    kit_bench_end(bench);
}

// What a connection at rest after a call costs us.
static void test_server__idle_connection_is_small(void **state)
{
    enum { SERVER_IDLE = 100 };
    struct test_heap heap;
    static struct kit_peer peer;
    struct kit_greeter greeter = {.late = false};
    int ends[SERVER_IDLE];
    size_t before = 0;
    (void)state;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_server *server = grpc_server_new(&(grpc_server_options){.loop = loop});
    kit_serve(server, &greeter);
    for (int i = 0; i <= SERVER_IDLE; i++) {
        int fds[2];
        kit_pair_of_sockets(fds);
        assert_int_equal(grpc_server_serve_fd(server, fds[0]), GRPC_OK);
        kit_peer_init(&peer, fds[1], false);
        kit_preface(&peer, true);
        // As our client sends it: everything enters the table.
        uint8_t block[256];
        size_t size = test_unhex("83 86 44 10 2f6b69742e477265657465722f536179"
                                 "41 09 6c6f63616c686f7374"
                                 "5f 10 6170706c69636174696f6e2f67727063"
                                 "7a 10 677270632d63677270632f302e312e30"
                                 "40 02 7465 08 747261696c657273",
                                 block, sizeof block);
        kit_frame(&peer, 1, 4, 1, view_of(block, size));
        kit_message(&peer, 1, true, "bob");
        kit_turn(loop);
        kit_read(&peer);
        assert_non_null(strstr(peer.text, "grpc-status: 0"));
        if (i == 0) {
            before = heap.live_bytes; // buffers of the loop are warm
            (void)close(peer.fd);
            peer.fd = -1;
            kit_turn(loop);
            before = heap.live_bytes;
        } else {
            ends[i - 1] = peer.fd;
            peer.fd = -1;
        }
        kit_peer_fini(&peer);
    }
    assert_int_equal(greeter.handled, SERVER_IDLE + 1);
    size_t each = (heap.live_bytes - before) / SERVER_IDLE;
    printf("# an idle connection: %lu bytes\n", (unsigned long)each);
    assert_true(each < 1024);
    for (int i = 0; i < SERVER_IDLE; i++) {
        (void)close(ends[i]);
    }
    grpc_server_free(server);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server__null),
        cmocka_unit_test(test_server__private_loop),
        cmocka_unit_test(test_server__private_loop_outlives_channel),
        cmocka_unit_test(test_server__serve_misuse),
        cmocka_unit_test(test_server__find),
        cmocka_unit_test(test_server__handlers_are_copied),
        cmocka_unit_test(test_server__listen_errors),
        cmocka_unit_test(test_server__no_memory),
        cmocka_unit_test(test_server__stop_idle),
        cmocka_unit_test(test_server__stop_lets_calls_end),
        cmocka_unit_test(test_server__second_stop_cuts_off),
        cmocka_unit_test(test_server__stop_from_a_signal),
        cmocka_unit_test(test_server__stop_at_once),
        cmocka_unit_test(test_server__stop_of_one_that_is_gone),
        cmocka_unit_test(test_server__stop_with_a_full_pipe),
        cmocka_unit_test(test_server__stop_with_a_full_pipe_and_an_old_clock),
        cmocka_unit_test(test_server__drain_cuts_off_in_the_end),
        cmocka_unit_test(test_server__drain_that_is_done_before),
        cmocka_unit_test(test_server__drain_again),
        cmocka_unit_test(test_server__drain_then_stop),
        cmocka_unit_test(test_server__drain_within_handler),
        cmocka_unit_test(test_server__free_with_calls),
        cmocka_unit_test(test_server__free_within_handler),
        cmocka_unit_test(test_server__free_within_run),
        cmocka_unit_test(test_server__max_concurrent_streams),
        cmocka_unit_test(test_server__freed_with_input_held),
        cmocka_unit_test(test_server__idle_connection_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
