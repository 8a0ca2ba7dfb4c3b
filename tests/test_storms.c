// SPDX-License-Identifier: MIT
// How often a channel connects to a server that is of no use: whatever the
// server does to its connections, and whoever wants one, there is a bound on
// the attempts in a time.

#include "tests/unit.h"

#include "core/connectivity.h"
#include "tests/channel_kit.h"

static const grpc_channel_options storm_steady = {
    .backoff = {.jitter_percent = 101},
};

enum {
    STORM_MS = 10000,
    // One at 0, once more at once, and then 1, 1.6, 2.56 and 4.096 s later each.
    STORM_ATTEMPTS = 6,
};

// What the server does with a connection.
enum storm_server {
    STORM_RESETS,       // at once
    STORM_CLOSES,       // at once
    STORM_CLOSES_LATER, // when the client has sent its preface
    STORM_SETTINGS,     // and closes
    STORM_FULL,         // SETTINGS that allow no stream, and closes
    STORM_GOAWAY,       // SETTINGS and GOAWAY at once
    STORM_FULL_GOAWAY,  // no stream and GOAWAY
    STORM_ERROR,        // SETTINGS and GOAWAY of an error, and closes
    STORM_FOREIGN,      // speaks something else
    STORM_SERVERS,
};

struct storm {
    struct chan *chan;
    enum storm_server server;
    int count;
};

static void storm_on_accept(void *user, int fd)
{
    struct storm *storm = user;
    struct chan *chan = storm->chan;
    uint32_t code = H2_NO_ERROR;
    assert_true(++storm->count < 200);
    switch (storm->server) {
    case STORM_RESETS:
        sim_raw_reset(chan->world, fd);
        break;
    case STORM_CLOSES:
        sim_raw_close(chan->world, fd);
        break;
    case STORM_CLOSES_LATER:
        sim_raw_end(chan->world, fd);
        break;
    case STORM_SETTINGS:
    case STORM_FULL:
        chan_settings(chan, fd, storm->server == STORM_SETTINGS);
        sim_raw_end(chan->world, fd);
        break;
    case STORM_ERROR:
        code = H2_INTERNAL_ERROR;
        // fall through
    case STORM_GOAWAY:
    case STORM_FULL_GOAWAY:
        chan_settings(chan, fd, storm->server != STORM_FULL_GOAWAY);
        chan_goaway(chan, fd, 0, code, "go");
        if (storm->server == STORM_ERROR) {
            sim_raw_end(chan->world, fd);
        }
        break;
    case STORM_FOREIGN:
        assert_int_equal(
            sim_raw_send(chan->world, fd, "HTTP/1.1 400 Bad\r\n\r\n", 20), 20);
        break;
    case STORM_SERVERS:
        fail();
    }
}

static struct chan *storm_begin(struct storm *storm, enum storm_server server)
{
    struct chan *chan = chan_begin("127.0.0.1:1", &storm_steady);
    *storm = (struct storm){.chan = chan, .server = server};
    chan->quiet = true;
    sim_accept(chan->world, 1, storm_on_accept, storm);
    return chan;
}

// A call that waits for ready: it ends, or the attempts become rare.
static void test_storms__a_call_waits(void **state)
{
    (void)state;
    for (int i = 0; i < STORM_SERVERS; i++) {
        struct storm storm;
        struct chan *chan = storm_begin(&storm, (enum storm_server)i);
        (void)chan_wait(chan);
        chan_to(chan, STORM_MS);
        assert_in_range(storm.count, 1, STORM_ATTEMPTS);
        chan_end(chan);
    }
}

// A program that waits for READY, and asks again when it was and is not.
static void test_storms__somebody_waits(void **state)
{
    (void)state;
    for (int i = 0; i < STORM_SERVERS; i++) {
        struct storm storm;
        struct chan *chan = storm_begin(&storm, (enum storm_server)i);
        while (chan_now(chan) < STORM_MS) {
            int left_ms = (int)(STORM_MS - chan_now(chan));
            if (grpc_channel_wait_ready(chan->channel, left_ms) == GRPC_OK) {
                (void)grpc_channel_wait(chan->channel, GRPC_READY, left_ms);
            }
        }
        assert_in_range(storm.count, 1, STORM_ATTEMPTS);
        chan_end(chan);
    }
}

// A wait is a use: the channel does not become IDLE, which would have it forget
// its backoff.
static void test_storms__idle_timeout_within_a_wait(void **state)
{
    (void)state;
    struct chan *chan =
        chan_begin("127.0.0.1:1",
                   &(grpc_channel_options){
                       .idle_timeout_ms = 10,
                       .backoff = {.base_ms = 1000, .jitter_percent = 101}});
    assert_int_equal(grpc_channel_wait_ready(chan->channel, 1500), GRPC_AGAIN);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 close 1\n"
                      "0 TRANSIENT_FAILURE\n1001 dial 1\n1001 close 1\n");
    chan_to(chan, 2000);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_IDLE);
    chan_end(chan);
}

static void storm_connect(struct chan *chan, grpc_connectivity state)
{
    if (state == GRPC_IDLE) {
        assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    }
}

// A watcher that keeps the channel connected.
static void test_storms__the_watcher_connects(void **state)
{
    (void)state;
    for (int i = 0; i < STORM_SERVERS; i++) {
        struct storm storm;
        struct chan *chan = storm_begin(&storm, (enum storm_server)i);
        chan->on_watch = storm_connect;
        assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
        chan_to(chan, STORM_MS);
        assert_in_range(storm.count, 1, STORM_ATTEMPTS);
        chan_end(chan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storms__a_call_waits),
        cmocka_unit_test(test_storms__somebody_waits),
        cmocka_unit_test(test_storms__idle_timeout_within_a_wait),
        cmocka_unit_test(test_storms__the_watcher_connects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
