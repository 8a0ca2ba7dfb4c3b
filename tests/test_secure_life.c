// SPDX-License-Identifier: MIT
// Times of connections with TLS, under a virtual clock: a server that stops while
// clients are in their handshakes, and records that take long to come.

#include "tests/unit.h"

#include "tests/core_kit.h"
#include "tests/sim/sim_net.h"
#include "tests/toy_tls.h"

enum { LIFE_PORT = 80 };

struct life {
    struct test_heap heap;
    struct sim_world *world;
    grpc_loop *loops[2]; // the servers', the client's
    struct kit_greeter greeters[2];
    grpc_server *servers[2];
    struct toy toy;
};

static struct life *life_new(uint32_t delay_us)
{
    static struct life life;
    life = (struct life){.toy = {.sums = true}};
    test_heap_init(&life.heap);
    life.world =
        sim_world_new(&(struct sim_options){.seed = 1, .delay_us = delay_us});
    for (int i = 0; i < 2; i++) {
        life.loops[i] = sim_loop(life.world, &life.heap.allocator);
    }
    return &life;
}

static void life_serve(struct life *life, int which,
                       const grpc_server_options *more)
{
    grpc_server_options options = *more;
    options.loop = life->loops[0];
    options.credentials = toy_server(&life->toy);
    life->servers[which] = grpc_server_new(&options);
    kit_serve(life->servers[which], &life->greeters[which]);
    sim_listen(life->world, LIFE_PORT, life->servers[which]);
}

static void life_end(struct life *life)
{
    grpc_server_free(life->servers[0]);
    grpc_server_free(life->servers[1]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sim_loop_free(life->world, life->loops[i]), GRPC_OK);
    }
    sim_world_free(life->world);
    assert_true(test_heap_is_clean(&life->heap));
    assert_int_equal(life->toy.open_sessions + life->toy.open_contexts, 0);
}

static void life_stop(struct life *life)
{
    grpc_server_stop(life->servers[0]);
    sim_kick(life->world, life->loops[0]);
}

// ---- A server that stops ----------------------------------------------------

// life_is_securing: a client is in its handshake with the first server.
static bool life_is_securing(const struct life *life)
{
    const struct list_link *conns = &life->servers[0]->conns;
    return !list_is_empty(conns) &&
           LIST_OWNER(conns->next, const struct conn, link_owner)->state ==
               CONN_SECURING;
}

// life_replace has another server take over when the client has got so far with
// the first, and returns how its call ends.
static grpc_code life_replace(int steps)
{
    struct life *life = life_new(1000);
    struct kit_result result = {0};
    life_serve(life, 0, &(grpc_server_options){.max_handshakes = 1});
    grpc_channel *channel = grpc_channel_new(
        "127.0.0.1:80", &(grpc_channel_options){
                            .loop = life->loops[1],
                            .credentials = grpc_tls_client(&(grpc_tls_options){
                                .roots = GRPC_STR("roots"),
                                .server_name = "localhost",
                                .library = &toy_tls,
                                .library_data = &life->toy})});
    assert_non_null(kit_call(channel, "Ann", &result));
    while (!life_is_securing(life) || life->toy.steps < steps) {
        assert_true(sim_turn(life->world, SIM_NEVER));
    }
    life_serve(life, 1, &(grpc_server_options){.max_handshakes = 1});
    life_stop(life);
    assert_true(sim_until(life->world, &result.done, 1));
    sim_run(life->world, 1000);
    assert_true(grpc_server_is_stopped(life->servers[0]));
    grpc_channel_free(channel);
    life_end(life);
    return result.code;
}

static void test_secure_life__stop_loses_no_call(void **state)
{
    (void)state;
    for (int steps = 0; steps < 5; steps++) {
        assert_int_equal(life_replace(steps), GRPC_OK);
    }
}

// Nor does one that says nothing keep a server from stopping for longer than one
// that does not answer a PING.
static void test_secure_life__silence_does_not_delay_a_stop(void **state)
{
    (void)state;
    struct life *life = life_new(0);
    life_serve(life, 0,
               &(grpc_server_options){.limits = {.handshake_ms = 60000}});
    int fd = sim_raw_connect(life->world, LIFE_PORT);
    sim_run(life->world, 100);
    life_stop(life);
    sim_run(life->world, CORE_DRAIN_MS - 100);
    assert_false(grpc_server_is_stopped(life->servers[0]));
    sim_run(life->world, 200);
    assert_true(grpc_server_is_stopped(life->servers[0]));
    sim_raw_close(life->world, fd);
    life_end(life);
}

// A handshake that has little time left does not get more.
static void test_secure_life__stop_gives_no_time(void **state)
{
    (void)state;
    struct life *life = life_new(0);
    life_serve(life, 0,
               &(grpc_server_options){.limits = {.handshake_ms = 1000}});
    int fd = sim_raw_connect(life->world, LIFE_PORT);
    sim_run(life->world, 900);
    life_stop(life);
    sim_run(life->world, 200);
    assert_true(grpc_server_is_stopped(life->servers[0]));
    sim_raw_close(life->world, fd);
    life_end(life);
}

// ---- Records that come slowly -----------------------------------------------

// A peer that is mere bytes, with a session of the toy's.
struct life_peer {
    struct life *life;
    int fd;
    struct toy_context context;
    grpc_tls_peer peer;
    struct toy_session *session;
    uint8_t output[TOY_RECORD];
    grpc_tls_io io;
};

static grpc_result life_check(void *self, const grpc_identity *identity)
{
    (void)self;
    (void)identity;
    return GRPC_OK;
}

static void life_flush(struct life_peer *peer)
{
    assert_int_equal(sim_raw_send(peer->life->world, peer->fd, peer->output,
                                  peer->io.output_size),
                     peer->io.output_size);
    peer->io.output_size = 0;
    sim_settle(peer->life->world);
}

// life_shake does the handshake.
static void life_shake(struct life_peer *peer)
{
    uint8_t input[256];
    grpc_result result = GRPC_MORE;
    while (result == GRPC_MORE || result == GRPC_AGAIN) {
        peer->io.input = input;
        peer->io.input_size =
            sim_raw_read(peer->life->world, peer->fd, input, sizeof input);
        result = toy_tls.handshake(peer->session, &peer->io);
        life_flush(peer);
    }
    assert_int_equal(result, GRPC_OK);
}

static struct life_peer *life_connect(struct life *life)
{
    static struct life_peer peer;
    peer = (struct life_peer){
        .life = life,
        .fd = sim_raw_connect(life->world, LIFE_PORT),
        .context = {.toy = &life->toy},
        .peer = {.server_name = "localhost", .check = life_check},
        .io = {.output = peer.output, .output_room = sizeof peer.output},
    };
    peer.session = toy_tls.begin(&peer.context, &peer.peer);
    life_shake(&peer);
    return &peer;
}

static void life_seal(struct life_peer *peer, const void *bytes, size_t size)
{
    size_t used = size;
    assert_int_equal(toy_tls.write(peer->session, &peer->io, bytes, &used),
                     GRPC_OK);
    assert_int_equal(used, size);
}

// life_drip sends a frame in two records, of the second so many bytes at a time,
// and returns for how many of the seconds the server has borne it.
static int life_drip(const grpc_server_options *options, uint8_t type,
                     size_t piece, int seconds)
{
    static uint8_t frame[9 + 16000] = {0, 16000 >> 8, 16000 & 255};
    struct life *life = life_new(0);
    life_serve(life, 0, options);
    struct life_peer *peer = life_connect(life);
    life_seal(peer,
              "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
              "\0\0\0\4\1\0\0\0\0",
              42);
    frame[3] = type;
    frame[8] = 1; // a stream
    life_seal(peer, frame, 100);
    life_flush(peer);
    life_seal(peer, frame + 100, sizeof frame - 100);
    size_t sent = 0;
    int second = 0;
    while (second < seconds && !list_is_empty(&life->servers[0]->conns)) {
        sent += sim_raw_send(life->world, peer->fd, peer->output + sent, piece);
        sim_run(life->world, 1000);
        second++;
    }
    toy_tls.end(peer->session);
    sim_raw_close(life->world, peer->fd);
    life_end(life);
    return second;
}

// The bytes of a record that is not whole yet are a sign of life.
static void test_secure_life__a_slow_record_is_no_silence(void **state)
{
    (void)state;
    const grpc_server_options asks = {.keepalive_ms = 1500,
                                      .keepalive_timeout_ms = 1500};
    assert_int_equal(life_drip(&asks, 0x20, 500, 30), 30);
    assert_in_range(life_drip(&asks, 0x20, 0, 30), 3, 4);
}

// And a frame in it arrives, if the bytes of the record do fast enough.
static void test_secure_life__a_slow_record_is_no_stall(void **state)
{
    (void)state;
    const grpc_server_options waits = {.limits = {.request_stall_ms = 2000}};
    assert_int_equal(life_drip(&waits, 1, 1200, 12), 12);
    assert_in_range(life_drip(&waits, 1, 800, 12), 3, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secure_life__stop_loses_no_call),
        cmocka_unit_test(test_secure_life__silence_does_not_delay_a_stop),
        cmocka_unit_test(test_secure_life__stop_gives_no_time),
        cmocka_unit_test(test_secure_life__a_slow_record_is_no_silence),
        cmocka_unit_test(test_secure_life__a_slow_record_is_no_stall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
