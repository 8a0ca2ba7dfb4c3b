// SPDX-License-Identifier: MIT
// Calls of which nothing had been sent when their connection ended: they go on
// with another one as if they had only waited, and no server sees them twice.

#include "tests/unit.h"

#include "tests/channel_kit.h"

// ---- The simulated network --------------------------------------------------

// unsent_begin: the channel is READY, and has been used or not.
static struct chan *unsent_begin(bool is_used)
{
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_settle(chan);
    if (is_used) {
        (void)chan_call(chan);
        chan_settle(chan);
        chan_reply(chan, chan_fd(chan), 1);
        chan_settle(chan);
        assert_int_equal(chan->calls[0].result.code, GRPC_OK);
    }
    chan->quiet = true;
    return chan;
}

// unsent_lose: the connection is gone, and the client has not looked.
static void unsent_lose(struct chan *chan)
{
    sim_raw_reset(chan->world, chan_fd(chan));
    chan_pass(chan, 1);
}

// unsent_go_on lets it look.
static void unsent_go_on(struct chan *chan)
{
    sim_run(chan->world, 1);
    chan_settle(chan);
}

static void unsent_expect_ok(struct chan *chan, struct kit_result *result,
                             uint32_t id)
{
    chan_reply(chan, chan_fd(chan), id);
    chan_settle(chan);
    assert_int_equal(result->done, 1);
    assert_int_equal(result->code, GRPC_OK);
}

static void unsent_goes_on(bool is_used)
{
    struct chan *chan = unsent_begin(is_used);
    unsent_lose(chan);
    struct kit_result *result = chan_call(chan);
    unsent_go_on(chan);
    assert_int_equal(result->done, 0);
    assert_int_equal(chan->fd_count, 2);
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "HEADERS 1\n");
    unsent_expect_ok(chan, result, 1);
    chan_end(chan);
}

static void test_unsent__goes_on(void **state)
{
    (void)state;
    unsent_goes_on(false);
    unsent_goes_on(true);
}

// As often as it takes, and it may still be refused once.
static void test_unsent__is_no_retry(void **state)
{
    (void)state;
    struct chan *chan = unsent_begin(true);
    unsent_lose(chan);
    struct kit_result *result = chan_call(chan);
    unsent_go_on(chan);
    assert_int_equal(result->done, 0);
    assert_int_equal(chan->fd_count, 2);
    grpc_call *call = chan_last(chan);
    assert_int_equal(call->retries, 0);
    chan_goaway(chan, chan_fd(chan), 0, H2_NO_ERROR, "");
    chan_settle(chan);
    assert_int_equal(result->done, 0);
    assert_int_equal(call->retries, 1);
    assert_int_equal(chan->fd_count, 3);
    unsent_expect_ok(chan, result, 1);
    chan_end(chan);
}

// One that was sent may have been processed.
static void test_unsent__what_was_sent_ends(void **state)
{
    (void)state;
    struct chan *chan = unsent_begin(false);
    struct kit_result *sent = chan_call(chan);
    chan_settle(chan);
    unsent_lose(chan);
    struct kit_result *unsent = chan_call(chan);
    unsent_go_on(chan);
    assert_int_equal(sent->done, 1);
    assert_int_equal(sent->code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(sent->text, "write to 127.0.0.1:1: "));
    unsent_expect_ok(chan, unsent, 1);
    chan_end(chan);
}

// A socket that takes a part: what begins in it has left, if not whole.
static void test_unsent__a_part_has_left(void **state)
{
    (void)state;
    struct chan *chan = unsent_begin(false);
    int client = sim_end(chan->world, chan_fd(chan))->peer;
    struct sim_pipe *pipe = &sim_end(chan->world, chan_fd(chan))->in;
    pipe->capacity = (size_t)(pipe->written - pipe->taken) + 20;
    struct kit_result *cut = chan_call(chan);
    struct kit_result *behind = chan_call(chan);
    chan_settle(chan);
    assert_int_equal(sim_end(chan->world, client)->state, SIM_OPEN);
    unsent_lose(chan);
    unsent_go_on(chan);
    assert_int_equal(cut->done, 1);
    assert_int_equal(cut->code, GRPC_UNAVAILABLE);
    assert_int_equal(behind->done, 0);
    unsent_expect_ok(chan, behind, 1);
    chan_end(chan);
}

// What the server had said, and lies unread when a write fails, holds.
static void test_unsent__goaway_lies_unread(void **state)
{
    (void)state;
    struct chan *chan = unsent_begin(false);
    struct kit_result *left_out = chan_call(chan);
    chan_settle(chan);
    chan_goaway(chan, chan_fd(chan), 0, H2_NO_ERROR, "");
    unsent_lose(chan);
    struct kit_result *unsent = chan_call(chan);
    unsent_go_on(chan);
    assert_int_equal(left_out->done, 0);
    assert_int_equal(unsent->done, 0);
    assert_int_equal(chan->fd_count, 2);
    assert_string_equal(chan_heard(chan, chan_fd(chan)),
                        "HEADERS 1\nHEADERS 3\n");
    unsent_expect_ok(chan, left_out, 1);
    unsent_expect_ok(chan, unsent, 3);
    chan_end(chan);
}

// ---- Servers that slam the door ---------------------------------------------

static void unsent_slam(void *user, int fd)
{
    struct chan *chan = user;
    assert_true(chan->fd_count < CHAN_ENDS);
    chan->fds[chan->fd_count++] = fd;
    // The client has sent its preface by then.
    sim_pause(chan->world, sim_end(chan->world, fd)->peer, 1000);
    chan_settings(chan, fd, true);
    sim_raw_reset(chan->world, fd);
}

// unsent_slammed is whether a call was begun and not sent, with that seed.
static bool unsent_slammed(uint64_t seed)
{
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    chan->quiet = true;
    chan->world->random = seed;
    sim_accept(chan->world, 1, unsent_slam, chan);
    struct kit_result *hasty = chan_call(chan);
    struct kit_result *patient = chan_wait(chan);
    sim_run(chan->world, 700);
    assert_int_equal(hasty->done, 1);
    assert_int_equal(hasty->code, GRPC_UNAVAILABLE);
    assert_true(chan->fd_count <= 2);
    bool was_kept = patient->done == 0 && chan->fd_count == 2;
    chan_end(chan);
    return was_kept;
}

// It is not dialled as fast as we can.
static void test_unsent__is_bounded(void **state)
{
    (void)state;
    int kept = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        kept += unsent_slammed(seed) ? 1 : 0;
    }
    assert_true(kept > 0);
}

// ---- No server sees it twice ------------------------------------------------

// unsent_read has the connection read before what waits for it is written.
static void unsent_read(struct kit_bench *bench)
{
    struct list_link *link = list_first(&bench->channel->conns);
    assert_non_null(link);
    bench->loop->stepping = true;
    conn_on_source(LIST_OWNER(link, struct conn, link_owner), LOOP_READABLE);
    bench->loop->stepping = false;
}

static void unsent_is_taken_back(struct kit_bench *bench, const char *heard)
{
    const uint8_t *alive = (const uint8_t *)"testtest";
    struct kit_result results[3] = {{0}};
    struct list_link *link = list_first(&bench->channel->conns);
    struct conn *conn = LIST_OWNER(link, struct conn, link_owner);
    assert_true(h2_ping(&conn->h2, alive));
    for (int i = 0; i < 3; i++) {
        (void)kit_call(bench->channel, "x", &results[i]);
    }
    unsent_read(bench);
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_string_equal(bench->peer.text, heard);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(results[i].done, 1);
        assert_int_equal(results[i].code, GRPC_UNAVAILABLE);
        assert_non_null(strstr(results[i].text, "has no other"));
    }
    kit_bench_end(bench);
}

// The connection ends by an error that the peer is told of.
static void test_unsent__is_taken_back(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    (void)state;
    kit_hex(&bench->peer, "000000 00 00 00000000");
    unsent_is_taken_back(bench,
                         "PING testtest\nGOAWAY 0 PROTOCOL_ERROR DATA on "
                         "stream 0\nEOF\n");
}

// It ends by the peer, which may still listen.
static void test_unsent__is_taken_back_from_who_listens(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    (void)state;
    assert_int_equal(shutdown(bench->peer.fd, SHUT_WR), 0);
    unsent_is_taken_back(bench, "PING testtest\nEOF\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unsent__goes_on),
        cmocka_unit_test(test_unsent__is_no_retry),
        cmocka_unit_test(test_unsent__what_was_sent_ends),
        cmocka_unit_test(test_unsent__a_part_has_left),
        cmocka_unit_test(test_unsent__goaway_lies_unread),
        cmocka_unit_test(test_unsent__is_bounded),
        cmocka_unit_test(test_unsent__is_taken_back),
        cmocka_unit_test(test_unsent__is_taken_back_from_who_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
