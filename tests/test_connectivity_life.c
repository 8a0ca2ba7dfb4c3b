// SPDX-License-Identifier: MIT
// A channel that lives long: IDLE by time, GOAWAY, stream ids, callers that step
// the loop by blocking calls alone, and memory that runs out and comes back.

#include "tests/unit.h"

#include "core/connectivity.h"
#include "core/pick_first.h"
#include "tests/channel_kit.h"

static const grpc_channel_options net_steady = {
    .backoff = {.jitter_percent = 101},
};

// net_refused is why a call ends whose only address refused.
static const char *net_refused(unsigned long ms)
{
    static char text[256];
    (void)snprintf(text, sizeof text,
                   "connect to 127.0.0.1:1: %s; gave up after %lu ms",
                   kit_error(ECONNREFUSED), ms);
    return text;
}

// ---- IDLE by time -----------------------------------------------------------

// The time is counted from the end of the last call, exactly, also of one that
// comes while it runs; not while a call is open.
static void test_connectivity_life__idle_timeout(void **state)
{
    (void)state;
    struct chan *chan = chan_begin(
        "127.0.0.1:1", &(grpc_channel_options){.idle_timeout_ms = 10000});
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    (void)chan_call(chan);
    chan_to(chan, 35000); // open: no idle timeout
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 READY\n");
    chan_reply(chan, chan_fd(chan), 1);
    chan_settle(chan);
    chan_to(chan, 41000);
    (void)chan_call(chan);
    chan_to(chan, 42500);
    chan_reply(chan, chan_fd(chan), 3);
    chan_to(chan, 52500);
    chan_expect(chan, "35000 done 1 OK\n42500 done 2 OK\n");
    assert_string_equal(chan_heard(chan, chan_fd(chan)),
                        "HEADERS 1\nHEADERS 3\n");
    chan_to(chan, 52501);
    chan_expect(chan, "52501 IDLE\n");
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "GOAWAY 0\nEOF\n");
    assert_true(list_is_empty(&chan->channel->subchannels));
    sim_raw_close(chan->world, chan_fd(chan));
    chan_to(chan, 100000);
    chan_expect(chan, "52501 close 1\n");
    // Out of it again, and into it.
    (void)chan_call(chan);
    chan_settle(chan);
    chan_reply(chan, chan_fd(chan), 1);
    chan_to(chan, 110001);
    chan_expect(chan, "100000 dial 1\n100000 CONNECTING\n100000 READY\n"
                      "100000 done 3 OK\n110001 IDLE\n");
    chan_end(chan);
}

// It is the same for a call that ends outside of a step, long after the last
// one: of a loop that was not stepped meanwhile.
static void test_connectivity_life__idle_after_a_cancel(void **state)
{
    (void)state;
    struct chan *chan = chan_begin(
        "127.0.0.1:1", &(grpc_channel_options){.idle_timeout_ms = 10000});
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    (void)chan_call(chan);
    chan_settle(chan);
    chan_to(chan, 9000);
    grpc_cancel(chan_last(chan));
    chan_to(chan, 19000);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 READY\n9000 done 1 "
                      "CANCELLED\n");
    chan_to(chan, 19001);
    chan_expect(chan, "19001 IDLE\n");
    chan_end(chan);
}

// A connection that was lost is no call: the time goes on, and in IDLE what the
// resolver has found is dropped.
static void test_connectivity_life__idle_of_a_lost_channel(void **state)
{
    (void)state;
    struct chan *chan = chan_begin(
        "127.0.0.1:1", &(grpc_channel_options){.idle_timeout_ms = 10000});
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 4000);
    sim_raw_close(chan->world, chan_fd(chan));
    chan_to(chan, 5000);
    assert_int_equal(chan->channel->resolver.state, RESOLVER_RESTING);
    chan_to(chan, 10001);
    assert_int_equal(chan->channel->resolver.state, RESOLVER_STOPPED);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 READY\n4000 close 1\n"
                      "4000 IDLE\n");
    assert_false(loop_timer_is_armed(&chan->channel->timer));
    chan_end(chan);
}

// A call on a connection that was left counts.
static void test_connectivity_life__idle_waits_for_what_drains(void **state)
{
    (void)state;
    struct chan *chan = chan_begin(
        "127.0.0.1:1", &(grpc_channel_options){.idle_timeout_ms = 10000});
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    (void)chan_call(chan);
    chan_settle(chan);
    int old = chan_fd(chan);
    chan_goaway(chan, old, 1, H2_NO_ERROR, "");
    chan_settle(chan);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 25000);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_READY);
    chan_reply(chan, old, 1);
    chan_to(chan, 35000);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_READY);
    chan_to(chan, 35001);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_IDLE);
    chan_end(chan);
}

// A call that waits for a connection counts too.
static void test_connectivity_life__idle_waits_for_calls_that_wait(void **state)
{
    (void)state;
    struct chan *chan =
        chan_begin("127.0.0.1:1",
                   &(grpc_channel_options){.idle_timeout_ms = 10000,
                                           .backoff = {.jitter_percent = 101}});
    struct kit_result *patient = chan_wait(chan);
    chan_to(chan, 50000);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_TRANSIENT_FAILURE);
    grpc_cancel(chan_last(chan));
    chan_to(chan, 60000);
    assert_int_equal(patient->code, GRPC_CANCELLED);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_TRANSIENT_FAILURE);
    chan_to(chan, 60001);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_IDLE);
    chan_end(chan);
}

static void test_connectivity_life__idle_defaults(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct chan *chan = chan_begin(
            "127.0.0.1:1", &(grpc_channel_options){
                               .idle_timeout_ms = i == 0 ? 0 : GRPC_NEVER});
        (void)chan_door(chan, 1, CHAN_SETTINGS);
        assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
        chan_to(chan, 1800000);
        assert_int_equal(grpc_channel_state(chan->channel), GRPC_READY);
        chan_to(chan, 1800001);
        assert_int_equal(grpc_channel_state(chan->channel),
                         i == 0 ? GRPC_IDLE : GRPC_READY);
        chan_to(chan, 100000000);
        assert_int_equal(chan->fd_count, 1);
        chan_end(chan);
    }
}

// Every time at its largest: what does not pass does not, and the sums hold.
static void test_connectivity_life__times_without_end(void **state)
{
    (void)state;
    const uint64_t day = 86400000;
    const grpc_channel_options options = {
        .connect_timeout_ms = UINT32_MAX,
        .backoff = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
        .attempt_delay_ms = UINT32_MAX,
        .idle_timeout_ms = UINT32_MAX,
        .keepalive_ms = UINT32_MAX,
        .keepalive_timeout_ms = UINT32_MAX,
        .max_receive_bytes = UINT32_MAX,
        .max_send_bytes = UINT32_MAX,
    };
    struct chan *chan = chan_begin("ipv4:127.0.0.1:1,127.0.0.1:2", &options);
    sim_swallow(chan->world, 1);
    (void)chan_wait(chan);
    chan_to(chan, 20 * day);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n2001 dial 2\n2001 close 2\n");
    // The attempt ends after 24 days all the same, and no other is made.
    chan_to(chan, 49 * day);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_TRANSIENT_FAILURE);
    chan_forget(chan);
    (void)chan_door(chan, 2, CHAN_SETTINGS);
    grpc_channel_reset_backoff(chan->channel);
    chan_settle(chan);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_READY);
    chan_reply(chan, chan_fd(chan), 1);
    chan_settle(chan);
    assert_int_equal(chan->calls[0].result.code, GRPC_OK);
    chan_to(chan, 200 * day);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_READY);
    assert_int_equal(chan->fd_count, 1);
    (void)chan_wait(chan);
    chan_settle(chan);
    assert_string_equal(chan_heard(chan, chan_fd(chan)),
                        "HEADERS 1\nHEADERS 3\n");
    chan_end(chan);
}

// ---- GOAWAY -----------------------------------------------------------------

// The two steps of a graceful end: no call is lost.
static void test_connectivity_life__goaway_in_two_steps(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    (void)chan_call(chan);
    (void)chan_call(chan);
    chan_settle(chan);
    int old = chan_fd(chan);
    chan_goaway(chan, old, UINT32_C(0x7fffffff), H2_NO_ERROR, "graceful_stop");
    chan_settle(chan);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 READY\n0 IDLE\n");
    assert_string_equal(grpc_channel_failure(chan->channel),
                        "the server, 127.0.0.1:1, sent GOAWAY NO_ERROR "
                        "\"graceful_stop\"");
    // The server has not seen the second one.
    chan_goaway(chan, old, 1, H2_NO_ERROR, "graceful_stop");
    chan_settle(chan);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 READY\n");
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "HEADERS 1\n");
    chan_reply(chan, old, 1);
    chan_reply(chan, chan_fd(chan), 1);
    chan_settle(chan);
    chan_expect(chan, "0 done 1 OK\n0 done 2 OK\n");
    assert_string_equal(chan_heard(chan, old),
                        "HEADERS 1\nHEADERS 3\nGOAWAY 0\nEOF\n");
    chan_end(chan);
}

// With a call waiting for room a new connection is made at once.
static void test_connectivity_life__goaway_with_calls_waiting(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    struct chan_door *door = chan_door(chan, 1, CHAN_FULL);
    (void)chan_call(chan);
    (void)chan_call(chan);
    chan_settle(chan);
    door->greeting = CHAN_SETTINGS;
    chan_goaway(chan, chan_fd(chan), 0, H2_NO_ERROR, "");
    chan_settle(chan);
    assert_string_equal(grpc_channel_failure(chan->channel),
                        "the server, 127.0.0.1:1, sent GOAWAY");
    assert_string_equal(chan_heard(chan, chan_fd(chan)),
                        "HEADERS 1\nHEADERS 3\n");
    chan_end(chan);
}

// An error, with words; calls that are open are told them when it closes.
static void test_connectivity_life__goaway_of_an_error(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    struct kit_result *result = chan_call(chan);
    chan_settle(chan);
    chan_goaway(chan, chan_fd(chan), 1, H2_INTERNAL_ERROR, "too hot");
    sim_raw_end(chan->world, chan_fd(chan));
    chan_settle(chan);
    assert_int_equal(result->code, GRPC_UNAVAILABLE);
    assert_string_equal(result->text,
                        "connection to 127.0.0.1:1 closed: the peer closed the "
                        "connection; the peer had sent GOAWAY INTERNAL_ERROR "
                        "\"too hot\"");
    chan_end(chan);
}

// A server that goes away in peace and then in anger: the error is what its calls
// are told, whatever comes before or after it.
static void test_connectivity_life__goaway_twice(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        const char *text;
    } said[][2] = {
        {{H2_NO_ERROR, "graceful_stop"}, {H2_ENHANCE_YOUR_CALM, "too much"}},
        {{H2_ENHANCE_YOUR_CALM, "too much"}, {H2_NO_ERROR, "graceful_stop"}},
        {{H2_NO_ERROR, ""}, {H2_ENHANCE_YOUR_CALM, "too much"}},
    };
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        struct chan *chan = chan_begin("127.0.0.1:1", NULL);
        (void)chan_door(chan, 1, CHAN_SETTINGS);
        struct kit_result *result = chan_call(chan);
        chan_settle(chan);
        for (int k = 0; k < 2; k++) {
            chan_goaway(chan, chan_fd(chan), 1, said[i][k].code,
                        said[i][k].text);
            chan_settle(chan);
        }
        sim_raw_end(chan->world, chan_fd(chan));
        chan_settle(chan);
        assert_int_equal(result->code, GRPC_UNAVAILABLE);
        assert_string_equal(result->text,
                            "connection to 127.0.0.1:1 closed: the peer closed "
                            "the connection; the peer had sent GOAWAY "
                            "ENHANCE_YOUR_CALM \"too much\"");
        chan_end(chan);
    }
}

// What a connection says that was left already is of no matter to the next one.
static void test_connectivity_life__goaway_of_a_connection_that_was_left(
    void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    (void)chan_call(chan);
    chan_settle(chan);
    int old = chan_fd(chan);
    chan_goaway(chan, old, 1, H2_NO_ERROR, "");
    chan_settle(chan);
    (void)chan_call(chan);
    chan_settle(chan);
    chan_forget(chan);
    chan_frame(chan, old, 4, 0, 0, view_of(NULL, 0)); // SETTINGS
    chan_goaway(chan, old, 1, H2_INTERNAL_ERROR, "");
    chan_settle(chan);
    sim_raw_close(chan->world, old);
    chan_settle(chan);
    chan_expect(chan, "0 close 1\n0 done 1 UNAVAILABLE\n");
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_READY);
    chan_end(chan);
}

// too_many_pings: this channel asks half as often from then on.
static void test_connectivity_life__too_many_pings(void **state)
{
    (void)state;
    static const struct {
        uint32_t before;
        uint32_t code;
        const char *text;
        uint32_t after;
    } rows[] = {
        {10000, H2_ENHANCE_YOUR_CALM, "too_many_pings", 20000},
        {10000, H2_ENHANCE_YOUR_CALM, "too_many_ping", 10000},
        {10000, H2_NO_ERROR, "too_many_pings", 10000},
        {UINT32_C(0x7ffffffe), H2_ENHANCE_YOUR_CALM, "too_many_pings",
         UINT32_C(0xfffffffc)},
        {UINT32_C(0x7fffffff), H2_ENHANCE_YOUR_CALM, "too_many_pings",
         GRPC_NEVER},
        {UINT32_C(0x90000000), H2_ENHANCE_YOUR_CALM, "too_many_pings",
         GRPC_NEVER},
        {GRPC_NEVER, H2_ENHANCE_YOUR_CALM, "too_many_pings", GRPC_NEVER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct chan *chan = chan_begin("127.0.0.1:1", NULL);
        (void)chan_door(chan, 1, CHAN_SETTINGS);
        assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
        chan_settle(chan);
        chan->channel->rules.keepalive_ms = rows[i].before;
        chan_goaway(chan, chan_fd(chan), 0, rows[i].code, rows[i].text);
        chan_settle(chan);
        assert_int_equal(chan->channel->rules.keepalive_ms, rows[i].after);
        assert_int_equal(grpc_channel_state(chan->channel), GRPC_IDLE);
        chan_end(chan);
    }
}

// Stream ids are used up: what is open goes on, the next call has a connection
// of its own.
static void test_connectivity_life__ids_run_out(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    (void)chan_call(chan);
    chan_settle(chan);
    int old = chan_fd(chan);
    channel_ready_conn(chan->channel)->h2.next_local_id = UINT32_C(0x7ffffffd);
    (void)chan_call(chan);
    (void)chan_call(chan);
    chan_settle(chan);
    assert_string_equal(grpc_channel_failure(chan->channel),
                        "the connection's stream ids are used up");
    assert_string_equal(chan_heard(chan, old),
                        "HEADERS 1\nHEADERS 2147483645\nGOAWAY 0\n");
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "HEADERS 1\n");
    chan_reply(chan, old, 1);
    chan_reply(chan, old, UINT32_C(0x7ffffffd));
    chan_reply(chan, chan_fd(chan), 1);
    chan_settle(chan);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 READY\n0 dial 1\n"
                      "0 CONNECTING\n0 READY\n0 done 1 OK\n0 done 2 OK\n"
                      "0 done 3 OK\n");
    chan_end(chan);
}

// ---- A blocking caller ------------------------------------------------------

// A door whose calls are answered, by a server of ours.
struct net_served {
    grpc_loop *loop;
    grpc_server *server;
    struct kit_greeter greeter;
};

static void net_serve(struct chan *chan, struct net_served *served,
                      uint16_t port)
{
    memset(served, 0, sizeof *served);
    served->loop = sim_loop(chan->world, &chan->heap.allocator);
    served->server =
        grpc_server_new(&(grpc_server_options){.loop = served->loop});
    kit_serve(served->server, &served->greeter);
    sim_listen(chan->world, port, served->server);
}

static void net_unserve(struct chan *chan, struct net_served *served,
                        uint16_t port)
{
    sim_unlisten(chan->world, port);
    grpc_server_free(served->server);
    assert_int_equal(sim_loop_free(chan->world, served->loop), GRPC_OK);
}

static void test_connectivity_life__blocking_calls_alone(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", &net_steady);
    struct net_served served;
    chan->quiet = true;
    grpc_status status = chan_block(chan);
    assert_int_equal(status.code, GRPC_UNAVAILABLE);
    assert_string_equal(status.message, net_refused(0));
    net_serve(chan, &served, 1);
    chan_pass(chan, 500); // in its backoff: fails at once
    uint64_t now = chan_now(chan);
    assert_int_equal(chan_block(chan).code, GRPC_UNAVAILABLE);
    assert_int_equal(chan_now(chan), now);
    chan_pass(chan, 600); // the backoff is over
    assert_int_equal(chan_block(chan).code, GRPC_OK);
    // The server is restarted: the next call finds out, and connects.
    net_unserve(chan, &served, 1);
    chan_pass(chan, 5000);
    net_serve(chan, &served, 1);
    chan_pass(chan, 5000);
    assert_int_equal(chan_block(chan).code, GRPC_OK);
    // IDLE by time, and out of it.
    chan_pass(chan, 3600000);
    assert_int_equal(chan_block(chan).code, GRPC_OK);
    net_unserve(chan, &served, 1);
    chan_end(chan);
}

// The first of two addresses stays dead; what the other's attempt brings is
// waited for.
static void test_connectivity_life__blocking_call_with_a_dead_address(
    void **state)
{
    (void)state;
    struct chan *chan = chan_begin("ipv4:127.0.0.1:2,127.0.0.1:1", &net_steady);
    struct net_served served;
    chan->quiet = true;
    assert_int_equal(chan_block(chan).code, GRPC_UNAVAILABLE);
    net_serve(chan, &served, 1);
    chan_pass(chan, 5000);
    assert_int_equal(chan_block(chan).code, GRPC_OK);
    net_unserve(chan, &served, 1);
    chan_end(chan);
}

// It does not wait for ever: attempts that begin later are not waited for.
static void test_connectivity_life__blocking_call_of_swallowed_attempts(
    void **state)
{
    (void)state;
    struct chan *chan = chan_begin("ipv4:127.0.0.1:2,127.0.0.1:1", &net_steady);
    chan->quiet = true;
    sim_swallow(chan->world, 1);
    sim_swallow(chan->world, 2);
    assert_int_equal(chan_block(chan).code, GRPC_UNAVAILABLE);
    assert_int_equal(chan_now(chan), 20252);
    uint64_t now = chan_now(chan);
    assert_int_equal(chan_block(chan).code, GRPC_UNAVAILABLE);
    assert_in_range(chan_now(chan) - now, 0, 20001);
    chan_end(chan);
}

// ---- A descriptor -----------------------------------------------------------

// A channel over a given connection has no other: nothing is waited for.
static void test_connectivity_life__descriptor_is_lost(void **state)
{
    (void)state;
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    grpc_channel *channel = bench->channel;
    assert_int_equal(grpc_channel_state(channel), GRPC_READY);
    assert_int_equal(grpc_channel_wait_ready(channel, -1), GRPC_OK);
    (void)close(bench->peer.fd);
    bench->peer.fd = -1;
    kit_turn(bench->loop);
    assert_int_equal(grpc_channel_state(channel), GRPC_IDLE);
    assert_int_equal(grpc_channel_wait_ready(channel, -1), GRPC_ESTATE);
    assert_int_equal(grpc_channel_state(channel), GRPC_TRANSIENT_FAILURE);
    assert_int_equal(grpc_channel_connect(channel), GRPC_ESTATE);
    assert_string_equal(grpc_channel_error(channel),
                        "connect: connection to unix: closed: the peer closed "
                        "the connection; the channel was made from that "
                        "connection and has no other");
    grpc_channel_reset_backoff(channel);
    assert_int_equal(grpc_channel_state(channel), GRPC_TRANSIENT_FAILURE);
    kit_bench_end(bench);
}

// ---- Memory -----------------------------------------------------------------

// net_life connects, makes calls, loses the connection, and connects again.
// False: the memory that was to run out was never asked for.
static bool net_life(size_t n, bool on)
{
    struct chan *chan = chan_begin("name", &net_steady);
    static const uint16_t ports[] = {1, 2};
    (void)chan_door(chan, 2, CHAN_SETTINGS);
    chan->quiet = true;
    chan->heap.fail_at = chan->heap.calls + n;
    chan->heap.fail_on = on;
    size_t fail_at = chan->heap.fail_at;
    (void)grpc_channel_connect(chan->channel);
    for (int i = 0; i < 3; i++) {
        if (sim_lookup()->waiting > 0) {
            chan_answer(chan, ports, 2);
        }
        sim_run(chan->world, 40000);
        if (grpc_channel_state(chan->channel) == GRPC_READY) {
            sim_raw_close(chan->world, chan_fd(chan));
            sim_run(chan->world, 40000);
            (void)grpc_channel_connect(chan->channel);
        }
    }
    bool failed = chan->heap.calls >= fail_at;
    chan->heap.fail_on = false;
    chan->heap.fail_at = 0;
    // There is memory again.
    (void)grpc_channel_connect(chan->channel);
    for (int i = 0; i < 20 && grpc_channel_state(chan->channel) != GRPC_READY;
         i++) {
        if (sim_lookup()->waiting > 0) {
            chan_answer(chan, ports, 2);
        }
        sim_run(chan->world, 40000);
    }
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_READY);
    (void)chan_heard(chan, chan_fd(chan));
    struct kit_result *result = chan_call(chan);
    chan_settle(chan);
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "HEADERS 1\n");
    chan_reply(chan, chan_fd(chan), 1);
    chan_settle(chan);
    assert_int_equal(result->code, GRPC_OK);
    chan_end(chan);
    return failed;
}

static void test_connectivity_life__memory_comes_back(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        size_t n = 1;
        while (net_life(n, on != 0)) {
            n++;
        }
        assert_true(n > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connectivity_life__idle_timeout),
        cmocka_unit_test(test_connectivity_life__idle_after_a_cancel),
        cmocka_unit_test(test_connectivity_life__idle_of_a_lost_channel),
        cmocka_unit_test(test_connectivity_life__idle_waits_for_what_drains),
        cmocka_unit_test(
            test_connectivity_life__idle_waits_for_calls_that_wait),
        cmocka_unit_test(test_connectivity_life__idle_defaults),
        cmocka_unit_test(test_connectivity_life__times_without_end),
        cmocka_unit_test(
            test_connectivity_life__goaway_of_a_connection_that_was_left),
        cmocka_unit_test(test_connectivity_life__goaway_in_two_steps),
        cmocka_unit_test(test_connectivity_life__goaway_with_calls_waiting),
        cmocka_unit_test(test_connectivity_life__goaway_of_an_error),
        cmocka_unit_test(test_connectivity_life__goaway_twice),
        cmocka_unit_test(test_connectivity_life__too_many_pings),
        cmocka_unit_test(test_connectivity_life__ids_run_out),
        cmocka_unit_test(test_connectivity_life__blocking_calls_alone),
        cmocka_unit_test(
            test_connectivity_life__blocking_call_with_a_dead_address),
        cmocka_unit_test(
            test_connectivity_life__blocking_call_of_swallowed_attempts),
        cmocka_unit_test(test_connectivity_life__descriptor_is_lost),
        cmocka_unit_test(test_connectivity_life__memory_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
