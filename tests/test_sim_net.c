// SPDX-License-Identifier: MIT
// The simulated network: raw peers, a server and channels of ours on it.

#include "tests/unit.h"

#include "tests/core_kit.h"
#include "tests/sim/sim_net.h"

struct net_case {
    struct sim_world *world;
    struct test_heap heap;
    grpc_loop *server_loop;
    grpc_loop *client_loop;
    grpc_server *server;
    grpc_channel *channel;
    struct kit_greeter greeter;
};

static void net_begin(struct net_case *net, const struct sim_options *options)
{
    const struct kit_handlers handlers = {.say = kit_say};
    memset(net, 0, sizeof *net);
    test_heap_init(&net->heap);
    net->world = sim_world_new(options);
    net->server_loop = sim_loop(net->world, &net->heap.allocator);
    net->client_loop = sim_loop(net->world, &net->heap.allocator);
    assert_non_null(net->client_loop);
    net->server =
        grpc_server_new(&(grpc_server_options){.loop = net->server_loop});
    assert_int_equal(
        grpc_server_serve(net->server, &kit_service, &handlers, &net->greeter),
        GRPC_OK);
    sim_listen(net->world, 80, net->server);
    net->channel = grpc_channel_new(
        "127.0.0.1:80", &(grpc_channel_options){.loop = net->client_loop});
    assert_non_null(net->channel);
}

static void net_end(struct net_case *net)
{
    grpc_channel_free(net->channel);
    grpc_server_free(net->server);
    assert_int_equal(sim_loop_free(net->world, net->client_loop), GRPC_OK);
    assert_int_equal(sim_loop_free(net->world, net->server_loop), GRPC_OK);
    assert_true(test_heap_is_clean(&net->heap));
    sim_world_free(net->world);
}

static void test_sim_net__calls(void **state)
{
    (void)state;
    static const struct sim_options networks[] = {
        {.seed = 1},
        {.seed = 2, .delay_us = 3000, .cut_percent = 90, .connect_us = 50000},
        {.seed = 3, .short_percent = 90, .capacity = 20},
        {.seed = 4, .cut_percent = 50, .short_percent = 50, .delay_us = 10},
    };
    for (size_t i = 0; i < 4; i++) {
        struct net_case net;
        struct kit_result results[10] = {{0}};
        net_begin(&net, &networks[i]);
        for (int k = 0; k < 10; k++) {
            assert_non_null(kit_call(net.channel, "Ann", &results[k]));
        }
        for (int k = 0; k < 10; k++) {
            assert_true(sim_until(net.world, &results[k].done, 1));
            assert_int_equal(results[k].code, GRPC_OK);
            assert_string_equal(results[k].reply, "Hello Ann");
        }
        net_end(&net);
    }
}

static void test_sim_net__blocking_call(void **state)
{
    (void)state;
    struct net_case net;
    const struct kit_hello request = {.name = GRPC_STR("Ann")};
    struct kit_hello reply;
    grpc_arena arena = {0};
    net_begin(&net, &(struct sim_options){.delay_us = 100});
    grpc_status status = grpc_unary(net.channel, &arena, &kit_methods[0],
                                    &request, &reply, NULL);
    assert_int_equal(status.code, GRPC_OK);
    assert_int_equal(reply.name.size, 9);
    grpc_arena_free(&arena);
    net_end(&net);
}

static void test_sim_net__refused_and_lost(void **state)
{
    (void)state;
    struct net_case net;
    struct kit_result result = {0};
    net_begin(&net, &(struct sim_options){.lost_percent = 100});
    uint64_t began = sim_now_ms(net.world);
    assert_non_null(kit_call(net.channel, "Ann", &result));
    assert_true(sim_until(net.world, &result.done, 1));
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    assert_in_range(sim_now_ms(net.world) - began, 20000, 20100);
    net.world->options.lost_percent = 0;
    sim_unlisten(net.world, 80);
    sim_run(net.world, 10000);
    result.done = 0;
    assert_non_null(kit_call(net.channel, "Ann", &result));
    assert_true(sim_until(net.world, &result.done, 1));
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    net_end(&net);
}

static void test_sim_net__forsaken(void **state)
{
    (void)state;
    for (int is_dark = 0; is_dark < 2; is_dark++) {
        struct net_case net;
        struct kit_result result = {0};
        net_begin(&net, &(struct sim_options){.seed = 1});
        if (is_dark) {
            sim_swallow(net.world, 80);
        } else {
            sim_refuse(net.world, 80, 0);
        }
        uint64_t began = sim_now_ms(net.world);
        assert_non_null(kit_call(net.channel, "Ann", &result));
        assert_true(sim_until(net.world, &result.done, 1));
        assert_int_equal(result.code, GRPC_UNAVAILABLE);
        assert_in_range(sim_now_ms(net.world) - began, is_dark ? 20000 : 0,
                        is_dark ? 20100 : 10);
        assert_int_equal(net.world->forsaken, 1);
        assert_int_equal(net.world->refused, 0);
        net_end(&net);
    }
}

static void test_sim_net__silence(void **state)
{
    (void)state;
    struct net_case net;
    struct kit_result result = {0};
    net_begin(&net, &(struct sim_options){.seed = 1});
    assert_non_null(kit_call(net.channel, "Ann", &result));
    assert_true(sim_until(net.world, &result.done, 1));
    assert_int_equal(result.code, GRPC_OK);
    int fd = SIM_FD_FIRST; // the client's end of the only connection
    assert_false(sim_is_silenced(net.world, fd));
    sim_silence(net.world, fd);
    sim_pause(net.world, fd, 1); // does not end it
    assert_true(sim_is_silenced(net.world, fd));
    assert_false(sim_is_silenced(net.world, fd + 1));
    result.done = 0;
    assert_non_null(kit_call(net.channel, "Ann", &result));
    sim_run(net.world, 60000);
    assert_int_equal(net.greeter.handled, 2); // it has come, and its answer
    assert_true(sim_on_the_way(net.world, fd) > 0);
    assert_int_equal(result.done, 0); // has not
    sim_tear(net.world, fd, true);
    sim_run(net.world, 60000);
    assert_int_equal(result.done, 0);
    net_end(&net);
}

static void test_sim_net__torn(void **state)
{
    (void)state;
    struct net_case net;
    struct kit_result result = {0};
    net_begin(&net, &(struct sim_options){.seed = 1});
    net.greeter.late = true;
    assert_non_null(kit_call(net.channel, "Ann", &result));
    sim_settle(net.world);
    assert_int_equal(net.greeter.handled, 1);
    sim_tear(net.world, SIM_FD_FIRST, true);
    assert_true(sim_until(net.world, &result.done, 1));
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    sim_settle(net.world);
    assert_true(grpc_call_is_over(net.greeter.calls[0]));
    net_end(&net);
}

// A raw client: it is answered as a socket's peer would be.
static void test_sim_net__raw_client(void **state)
{
    (void)state;
    static const uint8_t settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    static const uint8_t ping[17] = {0,   0,   8,   6,   0,   0,   0,   0,  0,
                                     'p', 'i', 'n', 'g', 'p', 'i', 'n', 'g'};
    struct net_case net;
    uint8_t buffer[200];
    net_begin(&net, &(struct sim_options){.seed = 1});
    int fd = sim_raw_connect(net.world, 80);
    assert_int_equal(sim_raw_send(net.world, fd, kit_magic, 24), 24);
    assert_int_equal(sim_raw_send(net.world, fd, settings, 9), 9);
    assert_int_equal(sim_raw_send(net.world, fd, ping, 17), 17);
    sim_settle(net.world);
    size_t size = sim_raw_read(net.world, fd, buffer, sizeof buffer);
    assert_in_range(size, 30, 190);
    assert_memory_equal(buffer + size - 8, "pingping", 8);
    assert_false(sim_raw_is_over(net.world, fd));
    sim_raw_send(net.world, fd, "nonsense.", 9);
    sim_settle(net.world);
    assert_false(sim_raw_is_over(net.world, fd));
    assert_true(sim_raw_read(net.world, fd, buffer, sizeof buffer) > 9);
    assert_true(sim_raw_is_over(net.world, fd)); // behind the GOAWAY
    sim_raw_close(net.world, fd);
    sim_unlisten(net.world, 80);
    assert_int_equal(sim_raw_connect(net.world, 80), -1);
    net_end(&net);
}

// A client that never finishes its preface is closed by a timer, which costs
// the test no time.
static void test_sim_net__virtual_time(void **state)
{
    (void)state;
    struct net_case net;
    net_begin(&net, &(struct sim_options){.seed = 1});
    int fd = sim_raw_connect(net.world, 80);
    uint8_t buffer[200];
    sim_run(net.world, 9500);
    (void)sim_raw_read(net.world, fd, buffer, sizeof buffer);
    assert_false(sim_raw_is_over(net.world, fd));
    sim_run(net.world, 2000);
    assert_true(sim_raw_is_over(net.world, fd));
    sim_raw_close(net.world, fd);
    net_end(&net);
}

// A raw server, which stops reading: what the client sends piles up to the
// capacity and no further.
struct net_raw_server {
    int fd;
};

static void net_accepted(void *user, int fd)
{
    struct net_raw_server *raw = user;
    raw->fd = fd;
}

static void test_sim_net__raw_server(void **state)
{
    (void)state;
    struct net_case net;
    struct net_raw_server raw = {-1};
    static uint8_t buffer[1000];
    net_begin(&net, &(struct sim_options){.capacity = 500});
    sim_accept(net.world, 80, net_accepted, &raw);
    struct kit_result results[30] = {{0}};
    for (int i = 0; i < 30; i++) {
        assert_non_null(kit_call(net.channel, "Ann", &results[i]));
    }
    sim_settle(net.world);
    assert_true(raw.fd > 0);
    static const uint8_t settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    sim_raw_send(net.world, raw.fd, settings, 9);
    sim_settle(net.world);
    assert_int_equal(sim_on_the_way(net.world, raw.fd), 500);
    assert_int_equal(sim_raw_read(net.world, raw.fd, buffer, sizeof buffer),
                     500);
    assert_memory_equal(buffer, kit_magic, 24);
    sim_settle(net.world);
    assert_true(sim_on_the_way(net.world, raw.fd) > 0);
    sim_raw_reset(net.world, raw.fd);
    for (int i = 0; i < 30; i++) {
        assert_true(sim_until(net.world, &results[i].done, 1));
        assert_int_equal(results[i].code, GRPC_UNAVAILABLE);
    }
    net_end(&net);
}

static void test_sim_net__stop(void **state)
{
    (void)state;
    struct net_case net;
    struct kit_result result = {0};
    net_begin(&net, &(struct sim_options){.seed = 1});
    net.greeter.late = true;
    assert_non_null(kit_call(net.channel, "Ann", &result));
    sim_settle(net.world);
    grpc_server_stop(net.server);
    sim_kick(net.world, net.server_loop);
    sim_settle(net.world);
    assert_false(grpc_server_is_stopped(net.server));
    assert_int_equal(kit_reply(net.greeter.calls[0], "late"), GRPC_OK);
    sim_settle(net.world);
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_OK);
    assert_true(grpc_server_is_stopped(net.server));
    net_end(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_net__calls),
        cmocka_unit_test(test_sim_net__blocking_call),
        cmocka_unit_test(test_sim_net__refused_and_lost),
        cmocka_unit_test(test_sim_net__forsaken),
        cmocka_unit_test(test_sim_net__silence),
        cmocka_unit_test(test_sim_net__torn),
        cmocka_unit_test(test_sim_net__raw_client),
        cmocka_unit_test(test_sim_net__virtual_time),
        cmocka_unit_test(test_sim_net__raw_server),
        cmocka_unit_test(test_sim_net__stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
