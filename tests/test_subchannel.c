// SPDX-License-Identifier: MIT
// One address: connecting, backoff and connections that are lost, to the
// millisecond. A time that "delay" ms pass is late by one: the clock's
// milliseconds are rounded down, and nothing comes early.

#include "tests/unit.h"

#include "core/connectivity.h"
#include "core/pick_first.h"
#include "tests/channel_kit.h"

// ---- One alone --------------------------------------------------------------

static struct subchannel *sub_new(struct chan *chan)
{
    struct socket_address address = chan_address("127.0.0.1", 1);
    struct subchannel *subchannel = subchannel_new(chan->channel, &address);
    assert_non_null(subchannel);
    return subchannel;
}

static void test_subchannel__rest(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    struct subchannel *subchannel = sub_new(chan);
    assert_int_equal(subchannel->state, GRPC_IDLE);
    subchannel_rest(subchannel); // nothing to give up
    assert_int_equal(subchannel->state, GRPC_IDLE);
    sim_swallow(chan->world, 1);
    assert_true(subchannel_connect(subchannel));
    assert_int_equal(subchannel->state, GRPC_CONNECTING);
    assert_int_equal(subchannel->backoff.base_ms, 1000);
    subchannel_rest(subchannel);
    chan_expect(chan, "0 dial 1\n0 close 1\n");
    assert_int_equal(subchannel->state, GRPC_IDLE);
    assert_int_equal(subchannel->backoff.base_ms, 0);
    assert_null(subchannel->conn);
    subchannel_free(subchannel);
    chan_end(chan);
}

// What cannot even begin has failed at once; freed in TRANSIENT_FAILURE.
static void test_subchannel__no_memory(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    struct subchannel *subchannel = sub_new(chan);
    channel_begin_causes(chan->channel);
    chan->heap.fail_at = chan->heap.calls + 1;
    assert_false(subchannel_connect(subchannel));
    assert_int_equal(subchannel->state, GRPC_TRANSIENT_FAILURE);
    assert_true(loop_timer_is_armed(&subchannel->timer));
    char cause[256];
    (void)snprintf(cause, sizeof cause, "connect to 127.0.0.1:1: %s",
                   kit_error(ENOMEM));
    assert_string_equal(chan->channel->causes, cause);
    subchannel_free(subchannel);
    chan->heap.fail_at = chan->heap.calls + 1;
    struct socket_address address = chan_address("127.0.0.1", 1);
    assert_null(subchannel_new(chan->channel, &address));
    chan_end(chan);
}

// ---- Backoff ----------------------------------------------------------------

// Each attempt is refused at once: 1 s, then 1.6 times as long each, with
// jitter, up to 120 s.
static void test_subchannel__backoff(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    char expected[512];
    (void)chan_call(chan);
    chan_settle(chan);
    chan_expect(chan,
                "0 dial 1\n0 CONNECTING\n0 close 1\n0 done 1 UNAVAILABLE\n"
                "0 TRANSIENT_FAILURE\n");
    uint64_t due = 1001;
    double base = 1000;
    for (int i = 0; i < 20; i++) {
        chan_to(chan, due - 1);
        chan_expect(chan, "");
        base = base * 1.6 < 120000 ? base * 1.6 : 120000;
        uint64_t delay = chan_delay(chan, base, 0.2);
        chan_to(chan, due);
        (void)snprintf(expected, sizeof expected, "%lu dial 1\n%lu close 1\n",
                       (unsigned long)due, (unsigned long)due);
        chan_expect(chan, expected);
        uint64_t retry = chan_subchannel(chan, 1)->retry_ms - chan->began_ms;
        // Whole milliseconds are rounded down on the way, those of the base
        // ten times.
        assert_in_range(retry, due + delay - delay / 3000 - 3, due + delay + 1);
        due = retry;
    }
    assert_int_equal((int)base, 120000);
    chan_end(chan);
}

// Backoff is counted from the beginning of an attempt: what an attempt took is
// a part of it.
static void test_subchannel__backoff_counts_from_the_attempt(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    sim_refuse(chan->world, 1, 700000); // µs
    (void)chan_call(chan);
    chan_to(chan, 1700);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n700 close 1\n"
                      "700 done 1 UNAVAILABLE\n700 TRANSIENT_FAILURE\n"
                      "1001 dial 1\n");
    chan_to(chan, 1701);
    chan_expect(chan, "1701 close 1\n");
    chan_end(chan);
}

// An attempt that is never answered lasts 20 s; the next one begins at once,
// since its backoff is over by then.
static void test_subchannel__attempt_swallowed(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    sim_swallow(chan->world, 1);
    struct kit_result *result = chan_call(chan);
    chan_to(chan, 20000);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n");
    chan_to(chan, 20001);
    chan_expect(chan, "20001 close 1\n20001 done 1 UNAVAILABLE\n"
                      "20001 TRANSIENT_FAILURE\n20001 dial 1\n");
    assert_string_equal(result->text, "connect to 127.0.0.1:1: timed out; gave "
                                      "up after 20001 ms");
    chan_end(chan);
}

// Somebody accepts and says nothing: the same time, from the same beginning.
static void test_subchannel__no_settings(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_MUTE);
    sim_slow(chan->world, 1, 15000000);
    struct kit_result *result = chan_call(chan);
    chan_to(chan, 20000);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n");
    chan_to(chan, 20001);
    chan_expect(chan, "20001 close 1\n20001 done 1 UNAVAILABLE\n"
                      "20001 TRANSIENT_FAILURE\n20001 dial 1\n");
    assert_string_equal(result->text,
                        "HTTP/2 with 127.0.0.1:1: no SETTINGS in time; gave up "
                        "after 20001 ms");
    chan_end(chan);
}

// max(connect timeout, backoff): with a backoff longer than the timeout the
// attempt is given that long.
static void test_subchannel__attempt_lasts_as_long_as_its_backoff(void **state)
{
    (void)state;
    const grpc_channel_options options = {
        .connect_timeout_ms = 300,
        .backoff = {.base_ms = 500,
                    .multiplier_percent = 100,
                    .jitter_percent = 101},
    };
    struct chan *chan = chan_begin("127.0.0.1:1", &options);
    sim_swallow(chan->world, 1);
    (void)chan_call(chan);
    chan_to(chan, 1600);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n501 close 1\n"
                      "501 done 1 UNAVAILABLE\n501 TRANSIENT_FAILURE\n"
                      "501 dial 1\n1002 close 1\n1002 dial 1\n1503 close 1\n"
                      "1503 dial 1\n");
    chan_end(chan);
}

// The options of grpc_backoff, without jitter: 100, 300, 900, 1000, 1000 ms.
static void test_subchannel__backoff_options(void **state)
{
    (void)state;
    const grpc_channel_options options = {
        .backoff = {.base_ms = 100,
                    .max_ms = 1000,
                    .multiplier_percent = 300,
                    .jitter_percent = 101},
    };
    struct chan *chan = chan_begin("127.0.0.1:1", &options);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 3500);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 close 1\n0 TRANSIENT_FAILURE\n"
                      "101 dial 1\n101 close 1\n402 dial 1\n402 close 1\n"
                      "1303 dial 1\n1303 close 1\n2304 dial 1\n2304 close 1\n"
                      "3305 dial 1\n3305 close 1\n");
    chan_end(chan);
}

// READY, and only that, is followed by the first delay again.
static void test_subchannel__ready_resets_backoff(void **state)
{
    (void)state;
    const grpc_channel_options options = {.backoff = {.jitter_percent = 101}};
    struct chan *chan = chan_begin("127.0.0.1:1", &options);
    (void)chan_door(chan, 1, CHAN_RESETS);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 3000);
    // To be accepted is not enough.
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 close 1\n0 TRANSIENT_FAILURE\n"
                      "1001 dial 1\n1001 close 1\n2602 dial 1\n2602 close 1\n");
    sim_unlisten(chan->world, 1);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    chan_to(chan, 5163);
    chan_expect(chan, "5163 dial 1\n5163 READY\n");
    assert_int_equal(chan_subchannel(chan, 1)->backoff.base_ms, 0);
    sim_unlisten(chan->world, 1);
    sim_raw_close(chan->world, chan_fd(chan));
    chan_settle(chan);
    chan_expect(chan, "5163 close 1\n5163 IDLE\n");
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 6164);
    chan_expect(
        chan,
        "5163 dial 1\n5163 CONNECTING\n5163 close 1\n5163 TRANSIENT_FAILURE\n"
        "6164 dial 1\n6164 close 1\n");
    chan_end(chan);
}

// grpc_channel_reset_backoff: an attempt at once, and the first delay again.
static void test_subchannel__reset_backoff(void **state)
{
    (void)state;
    const grpc_channel_options options = {.backoff = {.jitter_percent = 101}};
    struct chan *chan = chan_begin("127.0.0.1:1", &options);
    grpc_channel_reset_backoff(chan->channel); // there is none
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 2700);
    chan_forget(chan);
    assert_int_equal(chan_subchannel(chan, 1)->backoff.base_ms, 2560);
    grpc_channel_reset_backoff(chan->channel);
    chan_to(chan, 5302);
    chan_expect(chan, "2700 dial 1\n2700 close 1\n3701 dial 1\n3701 close 1\n"
                      "5302 dial 1\n5302 close 1\n");
    // While an attempt is under way: that goes on, the next delay is the first.
    sim_swallow(chan->world, 1);
    chan_to(chan, 7863);
    chan_expect(chan, "7863 dial 1\n");
    grpc_channel_reset_backoff(chan->channel);
    chan_to(chan, 27864);
    sim_unlisten(chan->world, 1);
    chan_expect(chan, "27864 close 1\n27864 dial 1\n");
    assert_int_equal(chan_subchannel(chan, 1)->backoff.base_ms, 1000);
    chan_end(chan);
}

// ---- Connections that are lost ----------------------------------------------

// A connection that no call went over is replaced at once, once: the second in a
// row is followed by the backoff.
static void test_subchannel__useless_twice(void **state)
{
    (void)state;
    const grpc_channel_options options = {.backoff = {.jitter_percent = 101}};
    struct chan *chan = chan_begin("127.0.0.1:1", &options);
    struct chan_door *door = chan_door(chan, 1, CHAN_USELESS);
    struct kit_result *fast = chan_call(chan);
    struct kit_result *patient = chan_wait(chan);
    chan_to(chan, 900);
    // (They linger for a second.)
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 dial 1\n"
                      "0 done 1 UNAVAILABLE\n0 TRANSIENT_FAILURE\n");
    assert_string_equal(fast->text, "the server, 127.0.0.1:1, sent GOAWAY "
                                    "NO_ERROR \"go\"");
    chan_to(chan, 1001);
    // Still useless: again a pause, a longer one.
    chan_expect(chan, "1001 close 1\n1001 dial 1\n1001 close 1\n");
    assert_int_equal(patient->done, 0);
    door->greeting = CHAN_SETTINGS;
    chan_to(chan, 2602);
    chan_expect(chan, "2002 close 1\n2602 dial 1\n2602 READY\n");
    chan_reply(chan, chan_fd(chan), 1);
    chan_settle(chan);
    chan_expect(chan, "2602 done 2 OK\n");
    // One that was of use ends the row.
    assert_int_not_equal(chan_subchannel(chan, 1)->backoff.base_ms, 0);
    sim_raw_close(chan->world, chan_fd(chan));
    chan_settle(chan);
    chan_expect(chan, "2602 close 1\n2602 IDLE\n");
    assert_int_equal(chan_subchannel(chan, 1)->backoff.base_ms, 0);
    assert_false(chan_subchannel(chan, 1)->was_useless);
    chan_end(chan);
}

// A connection that has stood for as long as the backoff is not blamed for not
// having been used.
static void test_subchannel__old_is_not_useless(void **state)
{
    (void)state;
    for (uint64_t ms = 1000; ms <= 1001; ms++) {
        struct chan *chan = chan_begin("127.0.0.1:1", NULL);
        (void)chan_door(chan, 1, CHAN_SETTINGS);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
            chan_to(chan, chan_now(chan) + ms);
            assert_int_equal(grpc_channel_state(chan->channel), GRPC_READY);
            sim_raw_close(chan->world, chan_fd(chan));
            chan_settle(chan);
            assert_int_equal(chan->fd_count, i + 1);
            assert_int_equal(grpc_channel_state(chan->channel), GRPC_IDLE);
        }
        assert_int_equal(chan_subchannel(chan, 1)->state,
                         ms > 1000 ? GRPC_IDLE : GRPC_TRANSIENT_FAILURE);
        chan_end(chan);
    }
}

// What counts is an answer: calls that are sent and lost are none.
static void test_subchannel__calls_without_an_answer(void **state)
{
    (void)state;
    const grpc_channel_options options = {.backoff = {.jitter_percent = 101}};
    for (int answers = 0; answers < 2; answers++) {
        struct chan *chan = chan_begin("127.0.0.1:1", &options);
        (void)chan_door(chan, 1, CHAN_SETTINGS);
        chan->quiet = true;
        for (int i = 0; i < 4; i++) {
            (void)chan_wait(chan);
            (void)chan_wait(chan);
            chan_settle(chan);
            if (answers != 0) {
                chan_reply(chan, chan_fd(chan), 1);
                chan_settle(chan);
            }
            sim_raw_close(chan->world, chan_fd(chan));
            chan_settle(chan);
            chan_to(chan, chan_now(chan) + 100);
        }
        assert_int_equal(chan->fd_count, answers != 0 ? 4 : 2);
        chan_to(chan, 5000);
        assert_int_equal(chan->fd_count, answers != 0 ? 4 : 3);
        chan_end(chan);
    }
}

// Nor do calls without an answer yet, when they go on: connections that are short
// and calls that are long are of use to each other.
static void test_subchannel__calls_that_go_on(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    for (int i = 0; i < 5; i++) {
        (void)chan_call(chan);
        chan_settle(chan);
        assert_int_equal(chan->fd_count, i + 1);
        chan_goaway(chan, chan_fd(chan), 0x7fffffff, H2_NO_ERROR, "max_age");
        chan_settle(chan);
        assert_int_equal(grpc_channel_state(chan->channel), GRPC_IDLE);
        assert_false(chan_subchannel(chan, 1)->was_useless);
    }
    chan->quiet = true;
    chan_end(chan);
}

// Two servers that are useless: a waiting call does not have them dialled as
// fast as we can, either.
static void test_subchannel__two_useless_servers(void **state)
{
    (void)state;
    const grpc_channel_options options = {.backoff = {.jitter_percent = 101}};
    struct chan *chan = chan_begin("ipv4:127.0.0.1:1,127.0.0.1:2", &options);
    (void)chan_door(chan, 1, CHAN_USELESS);
    (void)chan_door(chan, 2, CHAN_USELESS);
    struct kit_result *patient = chan_wait(chan);
    chan_to(chan, 1000);
    assert_int_equal(chan->fd_count, 4); // each twice
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_TRANSIENT_FAILURE);
    chan_to(chan, 10000);
    // 1, 1.6, 2.56 and 4.096 s later once more each.
    assert_int_equal(chan->fd_count, 12);
    assert_int_equal(patient->done, 0);
    chan_end(chan);
}

// More SETTINGS are no news but for calls that wait for room.
static void test_subchannel__settings_again(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_FULL);
    (void)chan_call(chan);
    chan_settle(chan);
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "");
    static const uint8_t none[6] = {0, 3, 0, 0, 0, 0};
    static const uint8_t two[6] = {0, 3, 0, 0, 0, 2};
    chan_frame(chan, chan_fd(chan), 4, 0, 0, view_of(none, 6));
    chan_settle(chan);
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "");
    chan_frame(chan, chan_fd(chan), 4, 0, 0, view_of(two, 6));
    chan_settle(chan);
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "HEADERS 1\n");
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 READY\n");
    chan_end(chan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subchannel__rest),
        cmocka_unit_test(test_subchannel__no_memory),
        cmocka_unit_test(test_subchannel__backoff),
        cmocka_unit_test(test_subchannel__backoff_counts_from_the_attempt),
        cmocka_unit_test(test_subchannel__attempt_swallowed),
        cmocka_unit_test(test_subchannel__no_settings),
        cmocka_unit_test(test_subchannel__attempt_lasts_as_long_as_its_backoff),
        cmocka_unit_test(test_subchannel__backoff_options),
        cmocka_unit_test(test_subchannel__ready_resets_backoff),
        cmocka_unit_test(test_subchannel__reset_backoff),
        cmocka_unit_test(test_subchannel__useless_twice),
        cmocka_unit_test(test_subchannel__old_is_not_useless),
        cmocka_unit_test(test_subchannel__calls_without_an_answer),
        cmocka_unit_test(test_subchannel__calls_that_go_on),
        cmocka_unit_test(test_subchannel__two_useless_servers),
        cmocka_unit_test(test_subchannel__settings_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
