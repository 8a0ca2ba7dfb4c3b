// SPDX-License-Identifier: MIT
// Times are exact: the clock stands still but for kit_skip. A time that was
// rounded down to milliseconds is over when one more has passed.
#include "tests/unit.h"

#include "core/keepalive.h"
#include "tests/core_kit.h"

static struct kit_peer *keep_peer(struct kit_bench *bench)
{
    return &bench->peer;
}

static struct conn *keep_conn(const struct kit_bench *bench)
{
    struct list_link *link = list_first(
        bench->server != NULL ? &bench->server->conns : &bench->channel->conns);
    assert_non_null(link);
    return LIST_OWNER(link, struct conn, link_owner);
}

// keep_skip puts the clock forward and says what the peer was sent then.
static void keep_skip(struct kit_bench *bench, uint64_t ms, const char *text)
{
    kit_skip(bench->loop, ms);
    kit_expect(keep_peer(bench), bench->loop, text);
}

static struct kit_bench *keep_channel(const grpc_channel_options *options)
{
    *kit_clock_is_frozen() = true;
    return kit_bench_channel(NULL, options);
}

static struct kit_bench *keep_server(const grpc_server_options *options)
{
    *kit_clock_is_frozen() = true;
    return kit_bench_server(NULL, options);
}

static void keep_end(struct kit_bench *bench)
{
    kit_bench_end(bench);
    *kit_clock_is_frozen() = false;
}

static void keep_ping(struct kit_bench *bench)
{
    kit_frame(keep_peer(bench), 6, 0, 0, VIEW("hello 12"));
}

#define KEEP_PING "PING keepaliv\n"
#define KEEP_ACK  "PING hello 12 ack\n"
#define KEEP_CALM "GOAWAY %u ENHANCE_YOUR_CALM too_many_pings\nEOF\n"

// ---- Whether the server is there --------------------------------------------

static const grpc_channel_options keep_ten = {
    .keepalive_ms = 10000,
    .keepalive_timeout_ms = 5000,
};

// keep_call begins a call that is not answered.
static void keep_call(struct kit_bench *bench, struct kit_result *result)
{
    *result = (struct kit_result){0};
    assert_non_null(kit_call(bench->channel, "x", result));
    kit_turn(bench->loop);
}

static void test_keepalive__silence_ends_a_channels_calls(void **state)
{
    (void)state;
    struct kit_bench *bench = keep_channel(&keep_ten);
    struct kit_result result;
    keep_call(bench, &result);
    kit_forget(keep_peer(bench));
    keep_skip(bench, 10000, "");
    keep_skip(bench, 1, KEEP_PING);
    keep_skip(bench, 5000, "");
    assert_int_equal(result.done, 0);
    keep_skip(bench, 1, "EOF\n");
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(result.text,
                           "connection to unix: closed: keepalive: nothing "
                           "came back within 5000 ms"));
    keep_end(bench);
}

// Whatever comes is a sign of life, and the time begins anew. A busy connection
// does not move its timer for that.
static void test_keepalive__any_frame_is_a_sign_of_life(void **state)
{
    (void)state;
    struct kit_bench *bench = keep_channel(&keep_ten);
    struct conn *conn = keep_conn(bench);
    struct kit_result result;
    keep_call(bench, &result);
    kit_forget(keep_peer(bench));
    uint32_t due_ms = conn->due_ms[CONN_DUE_ASK];
    for (int i = 0; i < 9; i++) {
        kit_window(keep_peer(bench), 0, 1);
        keep_skip(bench, 1000, "");
        assert_int_equal(conn->due_ms[CONN_DUE_ASK], due_ms);
    }
    // The last one came at 9,000: what was due at 10,001 is due at 19,001.
    keep_skip(bench, 10000, "");
    keep_skip(bench, 1, KEEP_PING);
    // Not its acknowledgement, but it came after it.
    keep_skip(bench, 4000, "");
    kit_window(keep_peer(bench), 0, 1);
    keep_skip(bench, 0, "");
    keep_skip(bench, 1001, "");
    assert_false(conn->keepalive.asked);
    keep_skip(bench, 8999, "");
    keep_skip(bench, 1, KEEP_PING);
    assert_int_equal(result.done, 0);
    keep_end(bench);
}

// A timeout may be longer than the time until a PING. What comes behind the PING
// and is not its answer puts off the end until both have gone by since, and not
// longer; nor is another PING sent, for the first still has no answer.
static void test_keepalive__silence_behind_a_sign_of_life(void **state)
{
    (void)state;
    struct kit_bench *bench = keep_channel(&(grpc_channel_options){
        .keepalive_ms = 10000, .keepalive_timeout_ms = 20000});
    struct kit_result result;
    keep_call(bench, &result);
    kit_forget(keep_peer(bench));
    keep_skip(bench, 10001, KEEP_PING);
    keep_skip(bench, 1000, "");
    kit_window(keep_peer(bench), 0, 1);
    keep_skip(bench, 0, "");
    keep_skip(bench, 19001, ""); // found out
    keep_skip(bench, 10999, "");
    keep_skip(bench, 1, "");
    assert_int_equal(result.done, 0);
    keep_skip(bench, 1, "EOF\n");
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    keep_end(bench);
}

// The answer may come as late as that, and the next PING is one of its own.
static void test_keepalive__a_late_answer(void **state)
{
    (void)state;
    struct kit_bench *bench = keep_channel(&(grpc_channel_options){
        .keepalive_ms = 10000, .keepalive_timeout_ms = 20000});
    struct kit_result result;
    keep_call(bench, &result);
    kit_forget(keep_peer(bench));
    keep_skip(bench, 10001, KEEP_PING);
    kit_window(keep_peer(bench), 0, 1);
    keep_skip(bench, 0, "");
    keep_skip(bench, 20001, "");
    keep_skip(bench, 9000, "");
    kit_frame(keep_peer(bench), 6, 1, 0, VIEW("keepaliv"));
    keep_skip(bench, 0, "");
    keep_skip(bench, 10000, "");
    keep_skip(bench, 1, KEEP_PING);
    keep_skip(bench, 20000, "");
    assert_int_equal(result.done, 0);
    keep_skip(bench, 1, "EOF\n");
    keep_end(bench);
}

static void test_keepalive__a_channel_without_calls_does_not_ask(void **state)
{
    (void)state;
    struct kit_bench *bench = keep_channel(&keep_ten);
    struct kit_result result;
    assert_int_equal(keep_conn(bench)->waits, 0);
    keep_skip(bench, 3600000, "");
    keep_call(bench, &result); // at once, because the silence was long
    kit_expect(keep_peer(bench), bench->loop,
               KEEP_PING "HEADERS 1\n :method: POST\n :scheme: http\n"
                         " :path: /kit.Greeter/Say\n :authority: localhost\n"
                         " content-type: application/grpc\n"
                         " user-agent: grpc-cgrpc/" GRPC_VERSION
                         "\n te: trailers\n" KIT_ACCEPTS
                         "DATA 1 00000000030a0178 end\n");
    // Its answer ends the call, and the channel does not ask again.
    kit_headers(keep_peer(bench), 1, true, KIT_RESPONSE "grpc-status: 5\n");
    keep_skip(bench, 0, "");
    assert_int_equal(result.code, GRPC_NOT_FOUND);
    keep_skip(bench, 5000, "");
    keep_skip(bench, 5002, "");
    assert_int_equal(keep_conn(bench)->waits & 1u << CONN_DUE_ASK, 0);
    // After a short silence it asks when that has been long.
    kit_window(keep_peer(bench), 0, 1);
    keep_skip(bench, 0, "");
    keep_skip(bench, 4000, "");
    keep_call(bench, &result);
    kit_forget(keep_peer(bench));
    keep_skip(bench, 6000, "");
    keep_skip(bench, 1, KEEP_PING);
    keep_end(bench);
}

static void test_keepalive__without_calls_if_it_is_told_to(void **state)
{
    (void)state;
    struct kit_bench *bench = keep_channel(&(grpc_channel_options){
        .keepalive_ms = 10000, .keepalive_without_calls = true});
    for (int i = 0; i < 3; i++) {
        keep_skip(bench, 10000, "");
        keep_skip(bench, 1, KEEP_PING);
        kit_frame(keep_peer(bench), 6, 1, 0, VIEW("keepaliv"));
        keep_skip(bench, 0, "");
    }
    keep_skip(bench, 10001, KEEP_PING);
    keep_skip(bench, 20000, "");
    keep_skip(bench, 1, "EOF\n");
    keep_end(bench);
}

static void test_keepalive__never_is_never(void **state)
{
    (void)state;
    struct kit_bench *bench = keep_channel(NULL);
    struct kit_result result;
    keep_call(bench, &result);
    kit_forget(keep_peer(bench));
    assert_int_equal(keep_conn(bench)->waits & 1u << CONN_DUE_ASK, 0);
    keep_skip(bench, 100000000, "");
    assert_int_equal(result.done, 0);
    keep_end(bench);
}

// ---- Whether the client is there --------------------------------------------

static void test_keepalive__silence_ends_a_servers_calls(void **state)
{
    (void)state;
    struct kit_bench *bench = keep_server(NULL);
    bench->greeter.late = true;
    bench->greeter.listen = true;
    kit_headers(keep_peer(bench), 1, false, KIT_REQUEST);
    kit_message(keep_peer(bench), 1, true, "x");
    keep_skip(bench, 0, "");
    keep_skip(bench, 7200000, "");
    keep_skip(bench, 1, KEEP_PING);
    keep_skip(bench, 20000, "");
    assert_int_equal(bench->greeter.told, 0);
    keep_skip(bench, 1, "EOF\n");
    assert_int_equal(bench->greeter.told, 1);
    assert_true(list_is_empty(&bench->server->conns));
    keep_end(bench);
}

// A peer that is made to wait is not silent.
static void test_keepalive__who_is_not_read_is_not_silent(void **state)
{
    (void)state;
    static uint8_t unknown[101][9]; // frames of no known type
    struct kit_bench *bench = keep_server(&(grpc_server_options){
        .keepalive_ms = 1000,
        .keepalive_timeout_ms = 1000,
        .limits = {.glitch_burst = 100, .delay_ms = 5000},
    });
    keep_skip(bench, 1001, KEEP_PING);
    for (int i = 0; i < 101; i++) {
        unknown[i][3] = 77;
    }
    kit_send(keep_peer(bench), unknown, sizeof unknown);
    keep_skip(bench, 0, "");
    assert_true((keep_conn(bench)->waits & 1u << CONN_DUE_PAUSE) != 0);
    kit_frame(keep_peer(bench), 6, 1, 0, VIEW("keepaliv"));
    keep_skip(bench, 1001, "");
    for (int i = 0; i < 3; i++) {
        keep_skip(bench, 1001, "");
    }
    assert_int_equal(keep_conn(bench)->state, CONN_READY);
    keep_skip(bench, 1001, KEEP_PING); // it is read again
    assert_false(keep_conn(bench)->keepalive.asked);
    keep_skip(bench, 1001, KEEP_PING);
    keep_skip(bench, 1001, "EOF\n");
    keep_end(bench);
}

// keep_take reads some of what the server has sent, and looks at none of it.
static size_t keep_take(struct kit_bench *bench)
{
    char bytes[16384];
    ssize_t size = recv(keep_peer(bench)->fd, bytes, sizeof bytes, 0);
    assert_true(size > 0);
    kit_turn(bench->loop);
    return (size_t)size;
}

// A peer that takes what waits for it is there, though slow: the PING has not
// come to it yet. One that stops taking is found.
static void test_keepalive__a_slow_taker_is_not_silent(void **state)
{
    (void)state;
    static char text[60000];
    const int small = 4096;
    struct kit_bench *bench = keep_server(&(grpc_server_options){
        .keepalive_ms = 1000,
        .keepalive_timeout_ms = 1000,
    });
    assert_int_equal(setsockopt(keep_conn(bench)->source.fd, SOL_SOCKET,
                                SO_SNDBUF, &small, sizeof small),
                     0);
    bench->greeter.late = true;
    kit_headers(keep_peer(bench), 1, false, KIT_REQUEST);
    kit_message(keep_peer(bench), 1, true, "x");
    kit_turn(bench->loop);
    memset(text, 'a', sizeof text - 1);
    assert_int_equal(kit_reply(bench->greeter.calls[0], text), GRPC_OK);
    kit_turn(bench->loop);
    struct conn *conn = keep_conn(bench);
    assert_true((conn->waits & 1u << CONN_DUE_WRITE) != 0);
    size_t taken = 0;
    for (int i = 0; i < 4; i++) {
        kit_skip(bench->loop, 900);
        taken += keep_take(bench);
        assert_int_equal(conn->state, CONN_READY);
    }
    assert_true(taken < sizeof text); // there is more
    assert_true(h2_output_size(&conn->h2) > 0);
    kit_skip(bench->loop, 1001); // asked
    assert_int_equal(conn->state, CONN_READY);
    kit_skip(bench->loop, 1001);
    assert_true(list_is_empty(&bench->server->conns));
    keep_end(bench);
}

// ---- How often a client may ask ---------------------------------------------

static void keep_expect_calm(struct kit_bench *bench, unsigned last_id)
{
    char text[128];
    (void)snprintf(text, sizeof text, KEEP_ACK KEEP_CALM, last_id);
    keep_skip(bench, 0, text);
}

// The first PING never counts, and two early ones are borne; the last is
// answered, too.
static void test_keepalive__the_third_strike(void **state)
{
    (void)state;
    struct kit_bench *bench = keep_server(NULL);
    for (int i = 0; i < 3; i++) {
        keep_ping(bench);
        keep_skip(bench, 1000, KEEP_ACK);
    }
    keep_ping(bench);
    keep_expect_calm(bench, 0);
    keep_end(bench);
}

// All at once, and a call behind them that nobody hears.
static void test_keepalive__strikes_in_one_read(void **state)
{
    (void)state;
    struct kit_bench *bench = keep_server(NULL);
    for (int i = 0; i < 9; i++) {
        keep_ping(bench);
    }
    kit_headers(keep_peer(bench), 1, false, KIT_REQUEST);
    keep_skip(bench, 0,
              KEEP_ACK KEEP_ACK KEEP_ACK KEEP_ACK
              "GOAWAY 0 ENHANCE_YOUR_CALM too_many_pings\nEOF\n");
    assert_int_equal(bench->greeter.handled, 0);
    keep_end(bench);
}

// keep_ask sends PINGs so far apart, and says how many were borne, up to most.
static int keep_ask(const grpc_server_options *options, bool with_call,
                    uint32_t gap_ms, int most)
{
    struct kit_bench *bench = keep_server(options);
    bench->greeter.late = true;
    if (with_call) {
        kit_headers(keep_peer(bench), 1, false, KIT_REQUEST);
        kit_message(keep_peer(bench), 1, true, "x");
    }
    kit_turn(bench->loop);
    int count = 0;
    while (count < most) {
        keep_ping(bench);
        kit_turn(bench->loop);
        if (keep_conn(bench)->state != CONN_READY) {
            break;
        }
        count++;
        kit_skip(bench->loop, gap_ms);
    }
    keep_end(bench);
    return count;
}

static void test_keepalive__what_is_early(void **state)
{
    (void)state;
    const grpc_server_options defaults = {.max_connections = 0};
    const grpc_server_options strict = {.keepalive_min_ms = 600000};
    const grpc_server_options lenient = {.keepalive_min_ms = 1000,
                                         .keepalive_without_calls = true};
    const struct {
        const grpc_server_options *options;
        bool with_call;
        uint32_t gap_ms;
        int borne;
    } rows[] = {
        // (Clocks may differ by a thousandth.)
        {&defaults, true, 299700, 9},   {&defaults, true, 299699, 3},
        {&defaults, false, 299700, 3},  {&defaults, false, 7192800, 9},
        {&defaults, false, 7192799, 3}, {&strict, true, 599400, 9},
        {&strict, true, 599399, 3},     {&lenient, true, 999, 9},
        {&lenient, true, 998, 3},       {&lenient, false, 999, 9},
        {&lenient, false, 998, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(
            keep_ask(rows[i].options, rows[i].with_call, rows[i].gap_ms, 9),
            rows[i].borne);
    }
}

// HEADERS and DATA of the server forget the strikes, and the PING behind them is
// none; window updates do not.
static void test_keepalive__strikes_are_forgotten(void **state)
{
    (void)state;
    struct kit_bench *bench = keep_server(NULL);
    for (uint32_t id = 1; id < 9; id += 2) {
        kit_headers(keep_peer(bench), id, false, KIT_REQUEST);
        kit_message(keep_peer(bench), id, true, "x");
        kit_turn(bench->loop);
        kit_forget(keep_peer(bench));
        for (int i = 0; i < 3; i++) {
            keep_ping(bench);
        }
        keep_skip(bench, 0, KEEP_ACK KEEP_ACK KEEP_ACK);
    }
    assert_int_equal(bench->greeter.handled, 4);
    // A mebibyte is promised, and windows are opened for it.
    static const uint8_t part[16384] = {0, 0, 0x10, 0, 0, 0x0a};
    kit_headers(keep_peer(bench), 9, false, KIT_REQUEST);
    for (int i = 0; i < 3; i++) {
        kit_frame(keep_peer(bench), 0, 0, 9, view_of(part, sizeof part));
    }
    kit_turn(bench->loop);
    kit_read(keep_peer(bench));
    assert_non_null(strstr(bench->peer.text, "WINDOW_UPDATE 9 "));
    kit_forget(keep_peer(bench));
    keep_ping(bench);
    keep_expect_calm(bench, 9);
    keep_end(bench);
}

// A server may ask a client of ours as often as it likes.
static void test_keepalive__a_client_does_not_count(void **state)
{
    (void)state;
    struct kit_bench *bench = keep_channel(NULL);
    for (int i = 0; i < 10; i++) {
        keep_ping(bench);
        keep_skip(bench, 0, KEEP_ACK);
    }
    keep_end(bench);
}

// ---- The pure part: times wrap ----------------------------------------------

static void test_keepalive__low_bits_wrap(void **state)
{
    (void)state;
    const struct conn_rules rules = {.keepalive_ms = 1000,
                                     .keepalive_timeout_ms = 100,
                                     .keepalive_min_ms = 50};
    for (uint32_t begin_ms = UINT32_MAX - 2300; begin_ms > 2300;
         begin_ms += 100) {
        struct keepalive keepalive = {.read_ms = begin_ms};
        uint32_t due_ms = 0;
        assert_int_equal(keepalive_wake(&keepalive, &rules, begin_ms, &due_ms),
                         KEEPALIVE_WAIT);
        assert_int_equal(due_ms, begin_ms + 1001);
        keepalive.read_ms = begin_ms + 500;
        assert_int_equal(keepalive_due(&keepalive, &rules, false, due_ms,
                                       begin_ms + 1001, &due_ms),
                         KEEPALIVE_WAIT);
        assert_int_equal(due_ms, begin_ms + 1501);
        assert_int_equal(keepalive_due(&keepalive, &rules, false, due_ms,
                                       begin_ms + 1501, &due_ms),
                         KEEPALIVE_ASK);
        assert_int_equal(due_ms, begin_ms + 1602);
        // What is read in the very millisecond is an answer.
        struct keepalive heard = keepalive;
        heard.read_ms = begin_ms + 1501;
        uint32_t next_ms = 0;
        assert_int_equal(keepalive_due(&heard, &rules, false, due_ms,
                                       begin_ms + 1602, &next_ms),
                         KEEPALIVE_WAIT);
        assert_int_equal(next_ms, begin_ms + 2502);
        assert_int_equal(keepalive_due(&keepalive, &rules, true, due_ms,
                                       begin_ms + 1602, &due_ms),
                         KEEPALIVE_GONE);
        assert_false(
            keepalive_pinged(&keepalive, &rules, false, true, begin_ms));
        assert_false(
            keepalive_pinged(&keepalive, &rules, false, true, begin_ms + 50));
        assert_int_equal(keepalive.strikes, 0);
        assert_false(
            keepalive_pinged(&keepalive, &rules, false, true, begin_ms + 99));
        assert_int_equal(keepalive.strikes, 1);
    }
}

static void test_keepalive__far_away_is_eleven_days(void **state)
{
    (void)state;
    const struct conn_rules rules = {.keepalive_ms = UINT32_MAX / 2 + 9,
                                     .keepalive_timeout_ms = 100};
    struct keepalive keepalive = {.read_ms = 7};
    uint32_t due_ms = 0;
    assert_int_equal(keepalive_wake(&keepalive, &rules, 8, &due_ms),
                     KEEPALIVE_WAIT);
    assert_int_equal(due_ms, 1000000008);
    assert_int_equal(
        keepalive_due(&keepalive, &rules, false, due_ms, due_ms, &due_ms),
        KEEPALIVE_ASK);
}

// A client that has rested for a month asks, and is not told that what it heard
// before was the answer.
static void test_keepalive__after_a_long_rest(void **state)
{
    (void)state;
    const struct conn_rules rules = {.keepalive_ms = 10000,
                                     .keepalive_timeout_ms = 100};
    // At half the range of the low bits, and at all of it.
    static const uint64_t rests_ms[] = {
        10001,      1000000000, 2147483548, 2147483648,
        2592000000, 4294967295, 5000000000, 7000000000,
    };
    for (size_t i = 0; i < sizeof rests_ms / sizeof rests_ms[0]; i++) {
        struct keepalive keepalive = {.read_ms = 5, .dormant = true};
        uint32_t now_ms = (uint32_t)(5 + rests_ms[i]);
        uint32_t due_ms = 0;
        enum keepalive_answer answer =
            keepalive_wake(&keepalive, &rules, now_ms, &due_ms);
        if (answer == KEEPALIVE_WAIT) { // once in 49 days it asks a bit later
            assert_in_range(due_ms - now_ms, 1, 10001);
            now_ms = due_ms;
            answer = keepalive_due(&keepalive, &rules, false, due_ms, now_ms,
                                   &due_ms);
        }
        assert_int_equal(answer, KEEPALIVE_ASK);
        assert_int_equal(due_ms, now_ms + 101);
        assert_int_equal(
            keepalive_due(&keepalive, &rules, false, due_ms, due_ms, &due_ms),
            KEEPALIVE_GONE);
    }
}

// However early in the life of a loop the first one comes.
static void test_keepalive__the_first_ping_is_not_early(void **state)
{
    (void)state;
    const struct conn_rules rules = {.keepalive_min_ms = 50};
    struct keepalive keepalive = {.strikes = 0};
    assert_false(keepalive_pinged(&keepalive, &rules, false, true, 10));
    assert_int_equal(keepalive.strikes, 0);
    assert_false(keepalive_pinged(&keepalive, &rules, false, true, 10));
    assert_int_equal(keepalive.strikes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keepalive__silence_ends_a_channels_calls),
        cmocka_unit_test(test_keepalive__any_frame_is_a_sign_of_life),
        cmocka_unit_test(test_keepalive__silence_behind_a_sign_of_life),
        cmocka_unit_test(test_keepalive__a_late_answer),
        cmocka_unit_test(test_keepalive__a_channel_without_calls_does_not_ask),
        cmocka_unit_test(test_keepalive__without_calls_if_it_is_told_to),
        cmocka_unit_test(test_keepalive__never_is_never),
        cmocka_unit_test(test_keepalive__silence_ends_a_servers_calls),
        cmocka_unit_test(test_keepalive__who_is_not_read_is_not_silent),
        cmocka_unit_test(test_keepalive__a_slow_taker_is_not_silent),
        cmocka_unit_test(test_keepalive__the_third_strike),
        cmocka_unit_test(test_keepalive__strikes_in_one_read),
        cmocka_unit_test(test_keepalive__what_is_early),
        cmocka_unit_test(test_keepalive__strikes_are_forgotten),
        cmocka_unit_test(test_keepalive__a_client_does_not_count),
        cmocka_unit_test(test_keepalive__low_bits_wrap),
        cmocka_unit_test(test_keepalive__the_first_ping_is_not_early),
        cmocka_unit_test(test_keepalive__after_a_long_rest),
        cmocka_unit_test(test_keepalive__far_away_is_eleven_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
