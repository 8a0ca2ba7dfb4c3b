// SPDX-License-Identifier: MIT
// How long a server's connection lives, and how it ends. Times are exact: the
// clock stands still but for kit_skip.
#include "tests/unit.h"

#include "tests/core_kit.h"

static struct kit_bench *life_begin(const grpc_server_options *options)
{
    *kit_clock_is_frozen() = true;
    return kit_bench_server(NULL, options);
}

static void life_end(struct kit_bench *bench)
{
    kit_bench_end(bench);
    *kit_clock_is_frozen() = false;
}

static struct conn *life_conn(const struct kit_bench *bench)
{
    struct list_link *link = list_first(&bench->server->conns);
    assert_non_null(link);
    return LIST_OWNER(link, struct conn, link_owner);
}

static void life_skip(struct kit_bench *bench, uint64_t ms, const char *text)
{
    kit_skip(bench->loop, ms);
    kit_expect(&bench->peer, bench->loop, text);
}

// life_call begins a call that waits for life_answer.
static void life_call(struct kit_bench *bench, uint32_t id)
{
    bench->greeter.late = true;
    kit_headers(&bench->peer, id, false, KIT_REQUEST);
    kit_message(&bench->peer, id, true, "x");
    life_skip(bench, 0, "");
}

static void life_answer(struct kit_bench *bench, int which)
{
    assert_int_equal(kit_reply(bench->greeter.calls[which], "z"), GRPC_OK);
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
}

static void life_pong(struct kit_bench *bench)
{
    kit_frame(&bench->peer, 6, 1, 0, VIEW("graceful"));
}

#define LIFE_FIRST(why)                 \
 "GOAWAY 2147483647 NO_ERROR " why "\n" \
 "PING graceful\n"
#define LIFE_FIELDS "\n :status: 200\n content-type: application/grpc\n"

// ---- Two steps --------------------------------------------------------------

// Requests that come between the two are served, the others not.
static void test_life__requests_between_the_steps(void **state)
{
    (void)state;
    struct kit_bench *bench = life_begin(NULL);
    life_call(bench, 1);
    conn_drain(life_conn(bench), CONN_DRAIN_STOP);
    conn_drain(life_conn(bench), CONN_DRAIN_AGE); // once is enough
    life_skip(bench, 0, LIFE_FIRST("graceful_stop"));
    life_call(bench, 3);
    kit_frame(&bench->peer, 6, 1, 0, VIEW("Graceful")); // another one
    life_skip(bench, 4999, "");
    life_pong(bench);
    life_skip(bench, 0, "GOAWAY 3 NO_ERROR graceful_stop\n");
    life_pong(bench); // again
    kit_headers(&bench->peer, 5, false, KIT_REQUEST);
    kit_message(&bench->peer, 5, true, "late");
    life_skip(bench, 6000, "");
    assert_int_equal(bench->greeter.handled, 2);
    life_answer(bench, 0);
    assert_int_equal(kit_reply(bench->greeter.calls[1], "z"), GRPC_OK);
    life_skip(bench, 0,
              "HEADERS 3" LIFE_FIELDS
              "DATA 3 00000000030a017a\nHEADERS 3 end\n grpc-status: 0\n"
              "EOF\n");
    life_end(bench);
}

// A client that does not answer has 5 s.
static void test_life__no_answer_to_the_ping(void **state)
{
    (void)state;
    struct kit_bench *bench = life_begin(NULL);
    conn_drain(life_conn(bench), CONN_DRAIN_STOP);
    life_skip(bench, 0, LIFE_FIRST("graceful_stop"));
    life_skip(bench, 5000, "");
    life_skip(bench, 1, "GOAWAY 0 NO_ERROR graceful_stop\nEOF\n");
    // Then it has a second to close.
    assert_int_equal(life_conn(bench)->state, CONN_LINGERING);
    kit_skip(bench->loop, 1000);
    assert_false(list_is_empty(&bench->server->conns));
    kit_skip(bench->loop, 1);
    assert_true(list_is_empty(&bench->server->conns));
    life_end(bench);
}

// One whose SETTINGS are not there yet hears it, too.
static void test_life__drained_before_it_is_ready(void **state)
{
    (void)state;
    static struct kit_peer peer;
    struct kit_bench *bench = life_begin(NULL);
    int fds[2];
    kit_pair_of_sockets(fds);
    kit_peer_init(&peer, fds[0], false);
    assert_int_equal(grpc_server_serve_fd(bench->server, fds[1]), GRPC_OK);
    struct conn *conn =
        LIST_OWNER(bench->server->conns.prev, struct conn, link_owner);
    kit_turn(bench->loop);
    kit_forget(&peer);
    conn_drain(conn, CONN_DRAIN_STOP);
    kit_expect(&peer, bench->loop, LIFE_FIRST("graceful_stop"));
    kit_preface(&peer, true);
    kit_headers(&peer, 1, true, KIT_REQUEST);
    kit_frame(&peer, 6, 1, 0, VIEW("graceful"));
    kit_turn(bench->loop);
    kit_read(&peer);
    assert_non_null(strstr(peer.text, "grpc-status: 12\n"));
    assert_non_null(
        strstr(peer.text, "GOAWAY 1 NO_ERROR graceful_stop\nEOF\n"));
    kit_peer_fini(&peer);
    life_end(bench);
}

// Without memory for what is to be said the connection just ends.
static void test_life__no_memory_to_say_goodbye(void **state)
{
    (void)state;
    for (size_t n = 1; n < 4; n++) {
        struct kit_bench *bench = life_begin(NULL);
        life_call(bench, 1);
        bench->greeter.listen = true;
        slab_trim(&bench->loop->h2.chunks, 0);
        bench->heap.fail_at = bench->heap.calls + 1;
        bench->heap.fail_on = true;
        conn_drain(life_conn(bench), CONN_DRAIN_STOP);
        kit_turn(bench->loop);
        bench->heap.fail_at = 0;
        bench->heap.fail_on = false;
        kit_read(&bench->peer);
        assert_int_equal(life_conn(bench)->state, CONN_LINGERING);
        assert_true(list_is_empty(&life_conn(bench)->calls));
        life_end(bench);
    }
}

// ---- Idle -------------------------------------------------------------------

static const grpc_server_options life_idle = {.max_connection_idle_ms = 60000};

static void test_life__idle_from_the_beginning(void **state)
{
    (void)state;
    struct kit_bench *bench = life_begin(&life_idle);
    life_skip(bench, 30000, "");
    kit_window(&bench->peer, 0, 1); // no call
    life_skip(bench, 30000, "");
    life_skip(bench, 1, LIFE_FIRST("max_idle"));
    life_pong(bench);
    life_skip(bench, 0, "GOAWAY 0 NO_ERROR max_idle\nEOF\n");
    life_end(bench);
}

// It is counted from the end of the last stream, whenever that was.
static void test_life__idle_from_the_last_call(void **state)
{
    (void)state;
    struct kit_bench *bench = life_begin(&life_idle);
    life_skip(bench, 59999, "");
    life_call(bench, 1);
    life_call(bench, 3);
    life_skip(bench, 50000, "");
    life_answer(bench, 0);
    life_skip(bench, 60000, "");
    life_answer(bench, 1);
    life_skip(bench, 60000, "");
    life_skip(bench, 1, LIFE_FIRST("max_idle"));
    // A call that crosses it is served, and is the last.
    life_call(bench, 5);
    life_pong(bench);
    life_skip(bench, 0, "GOAWAY 5 NO_ERROR max_idle\n");
    life_skip(bench, 100000, "");
    assert_int_equal(kit_reply(bench->greeter.calls[2], "z"), GRPC_OK);
    life_skip(bench, 0,
              "HEADERS 5" LIFE_FIELDS
              "DATA 5 00000000030a017a\nHEADERS 5 end\n grpc-status: 0\n"
              "EOF\n");
    life_end(bench);
}

// A call that begins and ends between two looks counts.
static void test_life__idle_after_a_short_call(void **state)
{
    (void)state;
    struct kit_bench *bench = life_begin(&life_idle);
    life_skip(bench, 20000, "");
    life_call(bench, 1);
    life_answer(bench, 0);
    life_skip(bench, 60000, "");
    life_skip(bench, 1, LIFE_FIRST("max_idle"));
    life_end(bench);
}

// ---- Age --------------------------------------------------------------------

// life_age is when a connection was told that it is too old.
static uint32_t life_age(uint64_t seed)
{
    struct kit_bench *bench = life_begin(NULL);
    uint32_t age_ms = 0;
    bench->loop->random = seed;
    bench->server->rules.max_age_ms = 10000;
    static struct kit_peer peer;
    int fds[2];
    kit_pair_of_sockets(fds);
    kit_peer_init(&peer, fds[0], false);
    assert_int_equal(grpc_server_serve_fd(bench->server, fds[1]), GRPC_OK);
    kit_preface(&peer, true);
    kit_turn(bench->loop);
    kit_forget(&peer);
    while (peer.text_size == 0 && age_ms < 20000) {
        age_ms += 50;
        kit_skip(bench->loop, 50);
        kit_read(&peer);
    }
    assert_string_equal(peer.text, LIFE_FIRST("max_age"));
    kit_peer_fini(&peer);
    life_end(bench);
    return age_ms;
}

static void test_life__age_is_spread(void **state)
{
    (void)state;
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        uint32_t age_ms = life_age(seed);
        least = age_ms < least ? age_ms : least;
        most = age_ms > most ? age_ms : most;
    }
    assert_in_range(least, 9000, 9300);
    assert_in_range(most, 10700, 11050);
}

// life_aged has a connection with an open call told that it is too old.
static struct kit_bench *life_aged(uint32_t grace_ms)
{
    struct kit_bench *bench = life_begin(&(grpc_server_options){
        .max_connection_age_ms = 5, .max_connection_age_grace_ms = grace_ms});
    bench->greeter.listen = true;
    life_call(bench, 1);
    life_skip(bench, 5, ""); // 10 % are nothing here
    life_skip(bench, 1, LIFE_FIRST("max_age"));
    life_pong(bench);
    life_skip(bench, 0, "GOAWAY 1 NO_ERROR max_age\n");
    return bench;
}

static void test_life__age_without_end_of_grace(void **state)
{
    (void)state;
    struct kit_bench *bench = life_aged(0);
    life_skip(bench, 500000000, "PING keepaliv\n"); // keepalive goes on
    assert_int_equal(bench->greeter.told, 0);
    assert_int_equal(kit_reply(bench->greeter.calls[0], "z"), GRPC_OK);
    life_skip(bench, 0,
              "HEADERS 1" LIFE_FIELDS
              "DATA 1 00000000030a017a\nHEADERS 1 end\n grpc-status: 0\n"
              "EOF\n");
    life_end(bench);
}

static void test_life__after_its_grace_it_is_cut_off(void **state)
{
    (void)state;
    struct kit_bench *bench = life_aged(7000);
    life_skip(bench, 7000, "");
    assert_int_equal(bench->greeter.told, 0);
    life_skip(bench, 1, "EOF\n");
    assert_int_equal(bench->greeter.told, 1);
    assert_true(list_is_empty(&bench->server->conns));
    life_end(bench);
}

// A connection that is drained already is cut off, too.
static void test_life__grace_of_one_that_drains(void **state)
{
    (void)state;
    struct kit_bench *bench = life_begin(&(grpc_server_options){
        .max_connection_age_ms = 5, .max_connection_age_grace_ms = 10});
    life_call(bench, 1);
    conn_drain(life_conn(bench), CONN_DRAIN_STOP);
    life_skip(bench, 6, LIFE_FIRST("graceful_stop"));
    life_skip(bench, 10, "");
    life_skip(bench, 1, "EOF\n");
    life_end(bench);
}

// What our own client's calls end with then.
static void test_life__a_channels_calls_are_cut_off(void **state)
{
    (void)state;
    *kit_clock_is_frozen() = true;
    struct kit_result result = {0};
    struct kit_both *both = kit_both_new(NULL);
    both->server->rules.max_age_ms = 5;
    both->server->rules.max_age_grace_ms = 10;
    both->greeter.late = true;
    both->greeter.listen = true;
    assert_non_null(kit_call(both->channel, "x", &result));
    kit_turn(both->loop);
    kit_skip(both->loop, 6);
    kit_skip(both->loop, 10);
    assert_int_equal(result.done, 0);
    kit_skip(both->loop, 1);
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(result.text, "GOAWAY NO_ERROR \"max_age\""));
    kit_both_end(both);
    *kit_clock_is_frozen() = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life__requests_between_the_steps),
        cmocka_unit_test(test_life__no_answer_to_the_ping),
        cmocka_unit_test(test_life__drained_before_it_is_ready),
        cmocka_unit_test(test_life__no_memory_to_say_goodbye),
        cmocka_unit_test(test_life__idle_from_the_beginning),
        cmocka_unit_test(test_life__idle_from_the_last_call),
        cmocka_unit_test(test_life__idle_after_a_short_call),
        cmocka_unit_test(test_life__age_is_spread),
        cmocka_unit_test(test_life__age_without_end_of_grace),
        cmocka_unit_test(test_life__after_its_grace_it_is_cut_off),
        cmocka_unit_test(test_life__grace_of_one_that_drains),
        cmocka_unit_test(test_life__a_channels_calls_are_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
