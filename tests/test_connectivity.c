// SPDX-License-Identifier: MIT
// The channel as a whole: its states and who is told of them, calls that wait
// or end by them, and freeing, on the simulated network.

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

// ---- The public functions without a channel ---------------------------------

static void test_connectivity__names(void **state)
{
    static const char *const names[] = {"IDLE",     "CONNECTING",
                                        "READY",    "TRANSIENT_FAILURE",
                                        "SHUTDOWN", "STATE"};
    (void)state;
    for (int i = 0; i < 6; i++) {
        assert_string_equal(grpc_connectivity_name((grpc_connectivity)i),
                            names[i]);
    }
    assert_string_equal(grpc_connectivity_name((grpc_connectivity)-1), "STATE");
    assert_int_equal(grpc_channel_state(NULL), GRPC_SHUTDOWN);
    assert_string_equal(grpc_channel_failure(NULL), "no channel");
    assert_int_equal(grpc_channel_connect(NULL), GRPC_EINVAL);
    assert_int_equal(grpc_channel_wait(NULL, GRPC_IDLE, 0), GRPC_EINVAL);
    assert_int_equal(grpc_channel_wait_ready(NULL, 0), GRPC_EINVAL);
    grpc_channel_watch(NULL, NULL, NULL);
    grpc_channel_reset_backoff(NULL);
}

// ---- The states -------------------------------------------------------------

// Nothing is done without a call, or being asked.
static void test_connectivity__idle_at_first(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    chan_to(chan, 7200000);
    chan_expect(chan, "");
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_IDLE);
    assert_string_equal(grpc_channel_failure(chan->channel), "");
    chan_end(chan);
}

// IDLE -> CONNECTING -> READY -> IDLE, on request and by a call.
static void test_connectivity__ready_and_back(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    sim_slow(chan->world, 1, 5000);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_CONNECTING);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK); // and none
    chan_settle(chan);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n5 READY\n");
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_settle(chan);
    sim_raw_end(chan->world, chan_fd(chan));
    chan_settle(chan);
    chan_expect(chan, "5 IDLE\n5 close 1\n");
    assert_string_equal(grpc_channel_failure(chan->channel),
                        "connection to 127.0.0.1:1 closed: the peer closed the "
                        "connection");
    // A call, and one after it.
    (void)chan_call(chan);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_CONNECTING);
    (void)chan_call(chan);
    chan_settle(chan);
    chan_expect(chan, "5 dial 1\n5 CONNECTING\n10 READY\n");
    assert_string_equal(chan_heard(chan, chan_fd(chan)),
                        "HEADERS 1\nHEADERS 3\n");
    chan_end(chan);
}

// CONNECTING -> TRANSIENT_FAILURE -> READY; never TRANSIENT_FAILURE ->
// CONNECTING, though it is connecting.
static void test_connectivity__failure_and_back(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", &net_steady);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 2000);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK); // no news
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    sim_slow(chan->world, 1, 300000);
    chan_to(chan, 4000);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 close 1\n"
                      "0 TRANSIENT_FAILURE\n1001 dial 1\n1001 close 1\n"
                      "2602 dial 1\n2902 READY\n");
    chan_end(chan);
}

// CONNECTING is given up with the last need: at the idle timeout.
static void test_connectivity__connecting_to_idle(void **state)
{
    (void)state;
    struct chan *chan = chan_begin(
        "127.0.0.1:1", &(grpc_channel_options){.idle_timeout_ms = 2000});
    sim_swallow(chan->world, 1);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 60000);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n2001 close 1\n2001 IDLE\n");
    chan_end(chan);
}

static void test_connectivity__failure_to_idle(void **state)
{
    (void)state;
    struct chan *chan =
        chan_begin("127.0.0.1:1",
                   &(grpc_channel_options){.idle_timeout_ms = 1500,
                                           .backoff = {.jitter_percent = 101}});
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 60000);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 close 1\n"
                      "0 TRANSIENT_FAILURE\n1001 dial 1\n1001 close 1\n"
                      "1501 IDLE\n");
    // The address begins anew: 1 s.
    (void)chan_call(chan);
    chan_to(chan, 61001);
    chan_expect(chan, "60000 dial 1\n60000 CONNECTING\n60000 close 1\n"
                      "60000 done 1 UNAVAILABLE\n60000 TRANSIENT_FAILURE\n"
                      "61001 dial 1\n61001 close 1\n");
    chan_end(chan);
}

// ---- The watcher ------------------------------------------------------------

static void net_watch_end(struct chan *chan, grpc_connectivity state)
{
    if (state == GRPC_CONNECTING) {
        grpc_channel_watch(chan->channel, NULL, NULL);
    }
}

static void net_other_watch(grpc_channel *channel, grpc_connectivity state,
                            void *self)
{
    (void)channel;
    chan_say(self, "other %s", grpc_connectivity_name(state));
}

static void net_watch_replace(struct chan *chan, grpc_connectivity state)
{
    if (state == GRPC_CONNECTING) {
        grpc_channel_watch(chan->channel, net_other_watch, chan);
    }
}

static void net_watch_connect(struct chan *chan, grpc_connectivity state)
{
    if (state == GRPC_IDLE) {
        assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
        chan->on_watch = NULL;
    }
}

static void test_connectivity__watch_ended_within(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    chan->on_watch = net_watch_end;
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_settle(chan);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n");
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_READY);
    chan_free(chan);
    assert_int_equal(chan->watched, 1); // nor of the end
    chan_end(chan);
}

static void test_connectivity__watch_replaced_within(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    chan->on_watch = net_watch_replace;
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_settle(chan);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 other READY\n");
    chan_free(chan);
    chan_expect(chan, "0 other SHUTDOWN\n");
    chan_end(chan);
}

// A watcher is told what differs from the state in which it was set.
static void test_connectivity__watch_set_late(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    grpc_channel_watch(chan->channel, NULL, NULL);
    sim_swallow(chan->world, 1);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    grpc_channel_watch(chan->channel, chan_on_watch, chan);
    chan_settle(chan);
    chan_expect(chan, "0 dial 1\n"); // CONNECTING is no news
    chan_to(chan, 20001);
    chan_expect(chan, "20001 close 1\n20001 TRANSIENT_FAILURE\n20001 dial 1\n");
    // A change that waits to be told is not told to the next one.
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    chan_end(chan);
}

// What is connected from the callback itself goes on.
static void test_connectivity__watch_connects(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_settle(chan);
    chan->on_watch = net_watch_connect;
    sim_raw_close(chan->world, chan_fd(chan));
    chan_settle(chan);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 READY\n0 close 1\n0 IDLE\n"
                      "0 dial 1\n0 CONNECTING\n0 READY\n");
    chan_end(chan);
}

// SHUTDOWN is told in every state, once, and by then nothing can be asked for.
static void net_watch_shutdown(struct chan *chan, grpc_connectivity state)
{
    if (state != GRPC_SHUTDOWN) {
        return;
    }
    struct kit_result result = {0};
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_ESTATE);
    assert_string_equal(grpc_channel_error(chan->channel),
                        "connect: the channel was freed");
    assert_null(kit_call(chan->channel, "x", &result));
    assert_int_equal(grpc_channel_wait(chan->channel, state, 0), GRPC_ESTATE);
    grpc_channel_reset_backoff(chan->channel);
    chan_say(chan, "SHUTDOWN seen");
}

// net_prepare brings a channel to a state: IDLE, CONNECTING, READY,
// TRANSIENT_FAILURE, and then waiting for a name, draining, lost, IDLE again.
enum { NET_STATES = 9 };

static struct chan *net_prepare(int which)
{
    struct chan *chan = chan_begin(
        which == 4 || which == 5 ? "name" : "127.0.0.1:1", &net_steady);
    switch (which) {
    case 1:
        sim_swallow(chan->world, 1);
        break;
    case 3:
        break;
    default:
        (void)chan_door(chan, 1, CHAN_SETTINGS);
    }
    if (which != 0) {
        (void)chan_wait(chan);
    }
    chan_settle(chan);
    switch (which) {
    case 5: // a name's error
        sim_answer(chan->world, NULL, 0, "no such name");
        break;
    case 6: // a call is open on a connection that was left
        chan_goaway(chan, chan_fd(chan), UINT32_C(0x7fffffff), H2_NO_ERROR, "");
        break;
    case 7:
        sim_raw_close(chan->world, chan_fd(chan));
        break;
    case 8: // connecting beside one that was left
        chan_goaway(chan, chan_fd(chan), UINT32_C(0x7fffffff), H2_NO_ERROR, "");
        chan_settle(chan);
        sim_swallow(chan->world, 1);
        (void)chan_wait(chan);
        break;
    default:
        break;
    }
    chan_settle(chan);
    return chan;
}

static void test_connectivity__free_in_every_state(void **state)
{
    (void)state;
    static const grpc_connectivity states[NET_STATES] = {
        GRPC_IDLE,       GRPC_CONNECTING,
        GRPC_READY,      GRPC_TRANSIENT_FAILURE,
        GRPC_CONNECTING, GRPC_TRANSIENT_FAILURE,
        GRPC_IDLE,       GRPC_IDLE,
        GRPC_CONNECTING};
    for (int i = 0; i < NET_STATES; i++) {
        struct chan *chan = net_prepare(i);
        assert_int_equal(grpc_channel_state(chan->channel), states[i]);
        chan_forget(chan);
        chan->quiet = true;
        chan->on_watch = net_watch_shutdown;
        int watched = chan->watched;
        grpc_channel_free(chan->channel);
        chan->channel = NULL;
        assert_int_equal(chan->watched, watched + 1);
        chan_expect(chan, "0 SHUTDOWN seen\n");
        for (int k = 0; k < chan->call_count; k++) {
            assert_int_equal(chan->calls[k].result.done, 1);
            if (i != 7) {
                assert_int_equal(chan->calls[k].result.code, GRPC_CANCELLED);
                assert_string_equal(chan->calls[k].result.text,
                                    "the channel was freed");
            }
        }
        chan_end(chan);
    }
}

static grpc_connectivity net_free_state;

static void net_watch_free(struct chan *chan, grpc_connectivity state)
{
    if (state == net_free_state) {
        grpc_channel_free(chan->channel);
    }
    if (state == GRPC_SHUTDOWN) {
        chan->channel = NULL;
    }
}

// Freed by its own watcher, whatever that is told.
static void test_connectivity__free_from_the_watcher(void **state)
{
    (void)state;
    static const grpc_connectivity states[] = {
        GRPC_CONNECTING, GRPC_READY, GRPC_IDLE, GRPC_TRANSIENT_FAILURE};
    for (int i = 0; i < 4; i++) {
        struct chan *chan = chan_begin("127.0.0.1:1", &net_steady);
        if (states[i] != GRPC_TRANSIENT_FAILURE) {
            (void)chan_door(chan, 1, CHAN_SETTINGS);
        }
        net_free_state = states[i];
        chan->on_watch = net_watch_free;
        (void)chan_wait(chan);
        chan_settle(chan);
        if (chan->channel != NULL) { // READY, then lost
            sim_raw_close(chan->world, chan_fd(chan));
            chan_settle(chan);
        }
        assert_null(chan->channel);
        assert_true(list_is_empty(&chan->loop->channels));
        chan_end(chan);
    }
}

// ---- Waiting ----------------------------------------------------------------

static void test_connectivity__wait(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", &net_steady);
    grpc_channel *channel = chan->channel;
    // Another state than that is there already.
    assert_int_equal(grpc_channel_wait(channel, GRPC_READY, -1), GRPC_OK);
    assert_int_equal(grpc_channel_wait(channel, GRPC_IDLE, 0), GRPC_AGAIN);
    assert_int_equal(chan_now(chan), 0);
    assert_int_equal(grpc_channel_wait(channel, GRPC_IDLE, 700), GRPC_AGAIN);
    assert_in_range(chan_now(chan), 700, 701);
    assert_int_equal(grpc_channel_connect(channel), GRPC_OK);
    assert_int_equal(grpc_channel_wait(channel, GRPC_CONNECTING, -1), GRPC_OK);
    assert_int_equal(grpc_channel_state(channel), GRPC_TRANSIENT_FAILURE);
    assert_string_equal(grpc_channel_failure(channel), net_refused(0));
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    uint64_t failed = chan_now(chan);
    assert_int_equal(grpc_channel_wait(channel, GRPC_TRANSIENT_FAILURE, 5000),
                     GRPC_OK);
    assert_int_equal(chan_now(chan), failed + 1001);
    assert_int_equal(grpc_channel_state(channel), GRPC_READY);
    chan_end(chan);
}

static void test_connectivity__wait_ready(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", &net_steady);
    grpc_channel *channel = chan->channel;
    assert_int_equal(grpc_channel_wait_ready(channel, 500), GRPC_AGAIN);
    assert_in_range(chan_now(chan), 500, 501);
    assert_string_equal(grpc_channel_failure(channel), net_refused(0));
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    assert_int_equal(grpc_channel_wait_ready(channel, 1000), GRPC_OK);
    assert_int_equal(chan_now(chan), 1001);
    assert_int_equal(grpc_channel_wait_ready(channel, 0), GRPC_OK);
    // Lost meanwhile, and nobody has stepped: it is seen by a wait, not before.
    sim_raw_close(chan->world, chan_fd(chan));
    assert_int_equal(grpc_channel_wait(channel, GRPC_READY, 100), GRPC_OK);
    assert_int_equal(grpc_channel_wait_ready(channel, -1), GRPC_OK);
    chan_end(chan);
}

// A wait of no time still sees what has come: the loop is stepped by nobody
// else.
static void test_connectivity__wait_for_no_time(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", &net_steady);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    int tries = 0;
    while (grpc_channel_wait_ready(chan->channel, 0) == GRPC_AGAIN) {
        assert_true(++tries < 50);
        sim_stall(chan->world, chan->loop, 2000);
        sim_run(chan->world, 1);
    }
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_READY);
    sim_stall(chan->world, chan->loop, 5000);
    sim_raw_close(chan->world, chan_fd(chan));
    sim_run(chan->world, 2);
    assert_int_equal(grpc_channel_wait(chan->channel, GRPC_READY, 0), GRPC_OK);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_IDLE);
    chan_end(chan);
}

static void net_wait_within(struct chan *chan, grpc_connectivity state)
{
    if (state != GRPC_CONNECTING) {
        return;
    }
    assert_int_equal(grpc_channel_wait(chan->channel, state, 10), GRPC_ESTATE);
    assert_string_equal(grpc_channel_error(chan->channel),
                        "wait: the loop is being stepped");
    assert_int_equal(grpc_channel_wait_ready(chan->channel, 10), GRPC_ESTATE);
}

static void test_connectivity__wait_misused(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    chan->on_watch = net_wait_within;
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_settle(chan);
    assert_int_equal(chan->watched, 2);
    chan_end(chan);
    grpc_channel *bad = grpc_channel_new("host:99999", NULL);
    const char error[] = "connect: target \"host:99999\": the port is not a "
                         "number up to 65535";
    assert_int_equal(grpc_channel_connect(bad), GRPC_ESTATE);
    assert_string_equal(grpc_channel_error(bad), error);
    assert_int_equal(grpc_channel_wait_ready(bad, -1), GRPC_ESTATE);
    assert_string_equal(grpc_channel_failure(bad), error + 9);
    assert_int_equal(grpc_channel_state(bad), GRPC_IDLE);
    grpc_channel_free(bad);
}

// ---- Calls in every state ---------------------------------------------------

// Without wait_for_ready a call waits in CONNECTING, and ends with the cause;
// with it the call waits in TRANSIENT_FAILURE too.
static void test_connectivity__calls_that_wait(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", &net_steady);
    sim_refuse(chan->world, 1, 400000);
    struct kit_result *fast = chan_call(chan);
    struct kit_result *patient = chan_wait(chan);
    chan_to(chan, 100);
    (void)chan_call(chan);
    chan_to(chan, 500);
    struct kit_result *late = chan_call(chan);
    chan_settle(chan);
    struct kit_result *timed = chan_call_with(
        chan, &(grpc_call_options){.wait_for_ready = true, .timeout_ms = 200});
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    chan_to(chan, 1001);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n400 close 1\n"
                      "400 done 1 UNAVAILABLE\n400 done 3 UNAVAILABLE\n"
                      "400 TRANSIENT_FAILURE\n500 done 4 UNAVAILABLE\n"
                      "701 done 5 DEADLINE_EXCEEDED\n1001 dial 1\n"
                      "1001 READY\n");
    assert_string_equal(fast->text, net_refused(400));
    assert_string_equal(late->text, net_refused(400));
    char text[256];
    (void)snprintf(text, sizeof text,
                   "deadline exceeded while waiting for a connection: %s",
                   net_refused(400));
    assert_string_equal(timed->text, text);
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "HEADERS 1\n");
    chan_reply(chan, chan_fd(chan), 1);
    chan_settle(chan);
    assert_int_equal(patient->code, GRPC_OK);
    chan_end(chan);
}

// A deadline ends a call that waits in CONNECTING, and the attempt goes on.
static void test_connectivity__deadline_in_connecting(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    sim_swallow(chan->world, 1);
    struct kit_result *result =
        chan_call_with(chan, &(grpc_call_options){.timeout_ms = 1000});
    chan_to(chan, 5000);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n1001 done 1 "
                      "DEADLINE_EXCEEDED\n");
    assert_string_equal(result->text,
                        "deadline exceeded while waiting for a connection: "
                        "connect to 127.0.0.1:1: no answer yet");
    chan_end(chan);
}

// net_expire is what a call is told whose deadline passes in CONNECTING.
static void net_expire(struct chan *chan, const char *why)
{
    char text[512];
    struct kit_result *result =
        chan_call_with(chan, &(grpc_call_options){.timeout_ms = 1000});
    chan_to(chan, chan_now(chan) + 1001);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_CONNECTING);
    assert_int_equal(result->code, GRPC_DEADLINE_EXCEEDED);
    (void)snprintf(text, sizeof text,
                   "deadline exceeded while waiting for a connection: %s", why);
    assert_string_equal(result->text, text);
}

// Which phase it is, and with whom: of each address, what has failed in this pass
// and what has not answered; nothing of what was before.
static void test_connectivity__deadline_has_a_cause(void **state)
{
    (void)state;
    char text[256];
    struct chan *chan = chan_begin("name", &net_steady);
    static const uint16_t ports[] = {1, 2, 3};
    chan->quiet = true;
    net_expire(chan, "look up \"name\": no answer yet");
    (void)chan_door(chan, 2, CHAN_MUTE);
    sim_swallow(chan->world, 3);
    chan_answer(chan, ports, 3);
    (void)snprintf(text, sizeof text,
                   "connect to 127.0.0.1:1: %s; HTTP/2 with 127.0.0.1:2: no "
                   "SETTINGS yet; connect to 127.0.0.1:3: no answer yet",
                   kit_error(ECONNREFUSED));
    net_expire(chan, text);
    chan_to(chan, 40000);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_TRANSIENT_FAILURE);
    chan_end(chan);
    // Long after a failure.
    chan = chan_begin("127.0.0.1:1",
                      &(grpc_channel_options){.idle_timeout_ms = 5000});
    chan->quiet = true;
    (void)chan_call(chan);
    chan_to(chan, 100000);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_IDLE);
    assert_string_not_equal(grpc_channel_failure(chan->channel), "");
    sim_swallow(chan->world, 1);
    net_expire(chan, "connect to 127.0.0.1:1: no answer yet");
    chan_end(chan);
}

// A cancelled call leaves the others waiting.
static void test_connectivity__cancel_in_connecting(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    sim_slow(chan->world, 1, 100000);
    (void)chan_call(chan);
    grpc_call *first = chan_last(chan);
    (void)chan_call(chan);
    grpc_cancel(first);
    chan_to(chan, 200);
    chan_expect(chan, "0 dial 1\n0 done 1 CANCELLED\n0 CONNECTING\n"
                      "100 READY\n");
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "HEADERS 1\n");
    chan_end(chan);
}

// ---- Freed while it is waited for ---------------------------------------------

static void net_free_now(void *argument)
{
    struct chan *chan = argument;
    grpc_channel_free(chan->channel);
}

// Freed by a callback while a blocking call is on the stack: the channel stays
// until that returns, and its connection, or attempt, ends before.
static void test_connectivity__free_while_it_is_waited_for(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct chan *chan = chan_begin("127.0.0.1:1", &net_steady);
        (void)chan_door(chan, 1, i == 0 ? CHAN_SETTINGS : CHAN_MUTE);
        assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
        chan_settle(chan);
        // What has come is read in one step, that it ends in the next one.
        static const uint8_t head[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
        (void)sim_raw_send(chan->world, chan_fd(chan), head, i == 0 ? 9 : 4);
        chan_pass(chan, 1);
        sim_raw_reset(chan->world, chan_fd(chan));
        chan_pass(chan, 1);
        chan->on_watch = net_watch_free;
        net_free_state = GRPC_SHUTDOWN;
        sim_post(chan->world, chan->loop, net_free_now, chan);
        grpc_status status = chan_block(chan);
        assert_int_equal(status.code, GRPC_CANCELLED);
        assert_null(chan->channel);
        chan_end(chan);
    }
}

static void net_watch_gone(struct chan *chan, grpc_connectivity state)
{
    if (state == GRPC_SHUTDOWN) {
        chan->channel = NULL;
    }
}

static void test_connectivity__freed_within_a_wait(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct chan *chan = chan_begin("127.0.0.1:1", &net_steady);
        (void)chan_door(chan, 1, CHAN_FULL);
        struct kit_result *waiting = chan_wait(chan);
        chan->on_watch = net_watch_gone;
        if (i == 0) {
            chan_settle(chan);
            sim_post(chan->world, chan->loop, net_free_now, chan);
            assert_int_equal(grpc_channel_wait(chan->channel, GRPC_READY, -1),
                             GRPC_OK);
        } else {
            sim_post(chan->world, chan->loop, net_free_now, chan);
            assert_int_equal(grpc_channel_wait_ready(chan->channel, -1),
                             GRPC_ESTATE);
        }
        assert_null(chan->channel);
        assert_int_equal(waiting->code, GRPC_CANCELLED);
        chan_end(chan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connectivity__names),
        cmocka_unit_test(test_connectivity__idle_at_first),
        cmocka_unit_test(test_connectivity__ready_and_back),
        cmocka_unit_test(test_connectivity__failure_and_back),
        cmocka_unit_test(test_connectivity__connecting_to_idle),
        cmocka_unit_test(test_connectivity__failure_to_idle),
        cmocka_unit_test(test_connectivity__watch_ended_within),
        cmocka_unit_test(test_connectivity__watch_replaced_within),
        cmocka_unit_test(test_connectivity__watch_set_late),
        cmocka_unit_test(test_connectivity__watch_connects),
        cmocka_unit_test(test_connectivity__free_in_every_state),
        cmocka_unit_test(test_connectivity__free_from_the_watcher),
        cmocka_unit_test(test_connectivity__free_while_it_is_waited_for),
        cmocka_unit_test(test_connectivity__freed_within_a_wait),
        cmocka_unit_test(test_connectivity__wait),
        cmocka_unit_test(test_connectivity__wait_ready),
        cmocka_unit_test(test_connectivity__wait_for_no_time),
        cmocka_unit_test(test_connectivity__wait_misused),
        cmocka_unit_test(test_connectivity__calls_that_wait),
        cmocka_unit_test(test_connectivity__deadline_in_connecting),
        cmocka_unit_test(test_connectivity__deadline_has_a_cause),
        cmocka_unit_test(test_connectivity__cancel_in_connecting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
