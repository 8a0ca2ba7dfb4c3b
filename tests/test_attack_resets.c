// SPDX-License-Identifier: MIT
// Attacks on a server by streams that end too soon: the client resets them, or
// makes the server do it. And what must not be taken for such an attack.
#include "tests/unit.h"

#include "tests/attack_kit.h"

// ---- Handlers ---------------------------------------------------------------

// Calls that wait for their answer, as of a handler that asks a database.
struct waiting {
    grpc_call *calls[2 * H2_LIMIT_CONCURRENT_STREAMS];
    int count;
    int most;
};

static struct waiting waiting;

static void wait_for_answer(grpc_call *call, struct kit_greeter *greeter)
{
    (void)greeter;
    assert_true(waiting.count < 2 * H2_LIMIT_CONCURRENT_STREAMS);
    waiting.calls[waiting.count++] = call;
    if (waiting.count > waiting.most) {
        waiting.most = waiting.count;
    }
}

static void answer_all(void)
{
    for (int i = 0; i < waiting.count; i++) {
        assert_int_equal(kit_reply(waiting.calls[i], "late"), GRPC_OK);
    }
    waiting.count = 0;
}

static void wait_begin(struct attack_run *run)
{
    waiting = (struct waiting){.count = 0};
    run->bench->greeter.act = wait_for_answer;
}

// ---- What an honest client does ---------------------------------------------

// The measure for all others: what a small call costs.
static void test_attack__honest_calls(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "no attack: honest calls",
        .class = "-",
        .memory = ATTACK_INDUCED + ATTACK_STREAMS + ATTACK_HELD,
        .ir = ATTACK_IR_HONEST,
        .ms = 0,
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = attack_server(&attack);
    for (uint32_t i = 0; i < 3000; i++) {
        attack_request(run, 3 + 2 * i, false);
        attack_message(run, 3 + 2 * i, true);
    }
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(run->bench->greeter.handled, 3001);
    attack_end(run);
}

// put_batch is what grpc-go sends for 100 calls at once: it opens windows for
// each reply, and measures the bandwidth with a PING at a time.
static void put_batch(struct attack_run *run, uint32_t first_id)
{
    static const uint8_t ping[8] = {2, 4, 16, 16, 9, 14, 7, 7};
    for (uint32_t i = 0; i < 100; i++) {
        attack_request(run, first_id + 2 * i, false);
        attack_message(run, first_id + 2 * i, true);
    }
    attack_deliver(run);
    for (uint32_t i = 0; i < 100; i++) {
        attack_word(run, 8, 0, 16);
        attack_word(run, 8, first_id + 2 * i, 16); // too late, and no error
    }
    attack_frame(run, 6, 0, 0, ping, sizeof ping);
    attack_deliver(run);
}

static void test_attack__busy_client_is_not_slowed_down(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "no attack: 100,000 frames of a busy client",
        .class = "-",
        .memory = ATTACK_INDUCED + ATTACK_STREAMS + ATTACK_HELD,
        .ir = ATTACK_IR_HONEST,
        .ms = 0,
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = attack_server(&attack);
    attack_begin(run);
    for (uint32_t i = 0; i < 250; i++) {
        put_batch(run, 3 + 200 * i);
    }
    assert_int_equal(run->bench->greeter.handled, 25001);
    assert_int_equal(run->seen.frames[0], 25000);
    assert_int_equal(run->seen.frames[6], 250);
    assert_int_equal(run->seen.frames[3], 0);
    attack_end(run);
}

// A client whose deadlines are short cancels every call after its handler has
// begun. The handlers end later; until then they keep their places.
static void test_attack__cancelling_is_free(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "no attack: 10,000 calls, all cancelled at work",
        .class = "15, a client with deadlines",
        .memory = ATTACK_INDUCED + ATTACK_STREAMS + ATTACK_HELD,
        .ir = ATTACK_IR_HONEST,
        .ms = 0,
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = attack_server(&attack);
    wait_begin(run);
    attack_begin(run);
    for (uint32_t i = 0; i < 10000; i++) {
        attack_request(run, 3 + 2 * i, false);
        attack_message(run, 3 + 2 * i, true);
        attack_word(run, 3, 3 + 2 * i, H2_CANCEL);
        if (i % 100 == 99) {
            attack_deliver(run);
            answer_all();
        }
    }
    assert_int_equal(run->bench->greeter.handled, 10001);
    assert_int_equal(waiting.most, 100);
    assert_int_equal(run->seen.frames[3], 0); // none was refused
    attack_end(run);
}

// The same with handlers that ask to be told: they end with the call.
static void listen_for_end(grpc_call *call, struct kit_greeter *greeter)
{
    grpc_call_on_end(call, kit_told, greeter);
}

static void test_attack__cancelling_listeners_is_free(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "no attack: 10,000 calls, all cancelled and told",
        .class = "15, a client with deadlines",
        .memory = ATTACK_INDUCED + ATTACK_STREAMS + ATTACK_HELD,
        .ir = ATTACK_IR_HONEST,
        .ms = 0,
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = attack_server(&attack);
    run->bench->greeter.act = listen_for_end;
    for (uint32_t i = 0; i < 10000; i++) {
        attack_request(run, 3 + 2 * i, false);
        attack_message(run, 3 + 2 * i, true);
        attack_word(run, 3, 3 + 2 * i, H2_CANCEL);
    }
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(run->bench->greeter.handled, 10001);
    assert_int_equal(run->bench->greeter.told, 10000);
    attack_end(run);
}

// What is wrong with these calls is not the way in which they are made: that
// they are refused while their messages are under way is no flood.
static void test_attack__calls_that_fail_are_not_slowed_down(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "no attack: 20,000 calls of a method that is not there",
        .class = "-",
        .memory = ATTACK_INDUCED + ATTACK_STREAMS + ATTACK_HELD,
        .ir = ATTACK_IR_HONEST,
        .ms = 0,
        .end = ATTACK_BORNE,
    };
    static const char block[] = "\x83\x86\x04\x09/no/where\xbf\xbe";
    struct attack_run *run = attack_server(&attack);
    for (uint32_t i = 0; i < 20000; i++) {
        attack_frame(run, 1, 4, 3 + 2 * i, block, sizeof block - 1);
        attack_message(run, 3 + 2 * i, true);
    }
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(run->bench->greeter.handled, 1);
    assert_int_equal(run->seen.frames[1], 20000);
    assert_int_equal(run->conn->h2.glitches, 0);
    assert_int_equal(run->conn->flood.tokens, H2_LIMIT_GLITCH_BURST);
    attack_end(run);
}

// ---- Rapid reset ------------------------------------------------------------

static const struct attack rapid_reset = {
    .name = "rapid reset, before the handler",
    .class = "15 CVE-2023-44487",
    .memory = ATTACK_HELD + ATTACK_STREAMS,
    .ir = ATTACK_IR_HONEST,
    .ms = ATTACK_MS_DELAYS,
    .end = ATTACK_CLOSED,
    .code = H2_ENHANCE_YOUR_CALM,
    .text = "too many useless frames or early resets",
    .is_slowed_down = true,
};

static void test_attack__rapid_reset(void **state)
{
    (void)state;
    struct attack_run *run = attack_server(&rapid_reset);
    for (uint32_t i = 0; i < 5000; i++) {
        attack_request(run, 3 + 2 * i, false);
        attack_word(run, 3, 3 + 2 * i, H2_CANCEL);
    }
    attack_begin(run);
    attack_deliver(run);
    // A budget at once, then one for each delay.
    assert_int_equal((run->last_peer_id - 1) / 2,
                     H2_LIMIT_RESET_BUDGET + H2_LIMIT_DELAYS);
    assert_int_equal(run->bench->greeter.handled, 1);
    attack_end(run);
}

// Calls that end well pay for resets: no more than one each.
static void test_attack__rapid_reset_with_decoys(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "rapid reset, a call made for every second one",
        .class = "15 CVE-2023-44487",
        .memory = ATTACK_HELD + ATTACK_STREAMS,
        .ir = ATTACK_IR_HONEST,
        .ms = ATTACK_MS_DELAYS,
        .end = ATTACK_CLOSED,
        .code = H2_ENHANCE_YOUR_CALM,
        .is_slowed_down = true,
    };
    struct attack_run *run = attack_server(&attack);
    for (uint32_t i = 0; i < 6000; i++) {
        attack_request(run, 3 + 2 * i, false);
        if (i % 3 == 0) {
            attack_message(run, 3 + 2 * i, true);
        } else {
            attack_word(run, 3, 3 + 2 * i, H2_CANCEL);
        }
    }
    attack_begin(run);
    attack_deliver(run);
    attack_end(run);
}

// Resets after the handler began are free, but the handlers keep their places:
// no more of them are at work than the client may have streams, whatever it
// resets. Those beyond are refused, and a flood of them is slowed down.
static void test_attack__reset_of_calls_at_work(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "rapid reset of calls whose handlers never end",
        .class = "15 CVE-2023-44487",
        .memory = ATTACK_HELD + ATTACK_STREAMS + ATTACK_INDUCED,
        .ir = ATTACK_IR_HONEST,
        .ms = ATTACK_MS_DELAYS,
        .end = ATTACK_CLOSED,
        .code = H2_ENHANCE_YOUR_CALM,
        .is_slowed_down = true,
    };
    struct attack_run *run = attack_server(&attack);
    wait_begin(run);
    for (uint32_t i = 0; i < 20000; i++) {
        attack_request(run, 3 + 2 * i, false);
        attack_message(run, 3 + 2 * i, true);
        attack_word(run, 3, 3 + 2 * i, H2_CANCEL);
    }
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(waiting.most, H2_LIMIT_CONCURRENT_STREAMS);
    assert_true(run->seen.resets[H2_REFUSED_STREAM] > 0);
    answer_all();
    attack_end(run);
}

static void test_attack__refused_streams(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "streams over the limit, to be refused",
        .class = "15, 16",
        .memory = ATTACK_HELD + ATTACK_INDUCED,
        .ir = ATTACK_IR_HONEST,
        .ms = ATTACK_MS_DELAYS,
        .end = ATTACK_CLOSED,
        .code = H2_ENHANCE_YOUR_CALM,
        .is_slowed_down = false, // all in one read: the debt is at its end
    };
    struct attack_run *run = attack_server(&attack);
    for (uint32_t i = 0; i < H2_LIMIT_CONCURRENT_STREAMS; i++) {
        attack_request(run, 3 + 2 * i, false);
    }
    attack_prepare(run);
    for (uint32_t i = 0; i < 4000; i++) {
        attack_request(run, 301 + 2 * i, false);
    }
    attack_begin(run);
    attack_deliver(run);
    assert_true(run->seen.resets[H2_REFUSED_STREAM] > 0);
    attack_end(run);
}

// A few at a time, they are slowed down first.
static void test_attack__refused_streams_a_few_at_a_time(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "streams over the limit, ten at a time",
        .class = "15, 16",
        .memory = ATTACK_HELD + ATTACK_INDUCED,
        .ir = 3 * ATTACK_IR_HONEST, // a step for each 140 bytes
        .ms = ATTACK_MS_DELAYS,
        .end = ATTACK_CLOSED,
        .code = H2_ENHANCE_YOUR_CALM,
        .is_slowed_down = true,
    };
    struct attack_run *run = attack_server(&attack);
    for (uint32_t i = 0; i < H2_LIMIT_CONCURRENT_STREAMS; i++) {
        attack_request(run, 3 + 2 * i, false);
    }
    attack_prepare(run);
    for (uint32_t i = 0; i < 4000; i++) {
        attack_request(run, 301 + 2 * i, false);
    }
    attack_begin(run);
    run->burst = 10 * (9 + ATTACK_REQUEST_SIZE);
    attack_deliver(run);
    attack_end(run);
}

// ---- MadeYouReset -----------------------------------------------------------

// What a correct client never does ends the connection: nothing to count.
static void test_attack__made_you_reset(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *script; // for raw bytes behind a request on stream 3
        size_t size;
        enum h2_code code;
        bool end; // of the request
    } rows[] = {
        {"made you reset: WINDOW_UPDATE of 0", "\0\0\4\x8\0\0\0\0\3\0\0\0\0",
         13, H2_PROTOCOL_ERROR, false},
        {"made you reset: PRIORITY of 4 bytes", "\0\0\4\2\0\0\0\0\3\0\0\0\1",
         13, H2_FRAME_SIZE_ERROR, false},
        {"made you reset: PRIORITY on itself", "\0\0\5\2\0\0\0\0\3\0\0\0\3\x10",
         14, H2_PROTOCOL_ERROR, false},
        {"made you reset: HEADERS after END_STREAM",
         "\0\0\5\1\4\0\0\0\3" ATTACK_REQUEST, 14, H2_STREAM_CLOSED, true},
        {"made you reset: DATA after END_STREAM", "\0\0\1\0\0\0\0\0\3x", 10,
         H2_STREAM_CLOSED, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct attack attack = {
            .name = rows[i].name,
            .class = "16 CVE-2025-8671",
            .memory = 2 * ATTACK_STREAM + 4096 + ATTACK_FAREWELL,
            .ir = 2 * ATTACK_IR_HONEST,
            .ms = ATTACK_MS_LINGER,
            .end = ATTACK_CLOSED,
            .code = rows[i].code,
        };
        struct attack_run *run = attack_server(&attack);
        wait_begin(run);
        attack_request(run, 3, false);
        if (rows[i].end) {
            attack_message(run, 3, true);
        }
        attack_put(run, rows[i].script, rows[i].size);
        attack_begin(run);
        attack_deliver(run);
        assert_int_equal(run->seen.frames[3], 0);
        answer_all();
        attack_end(run);
    }
}

// The sixth has to be a reset (h2spec 6.9.1/3), and is counted; so are the
// others that RFC 9113 leaves no choice for.
static void put_window_overflow(struct attack_run *run, uint32_t id)
{
    attack_request(run, id, false);
    attack_word(run, 8, id, 0x7fffffff);
}

static void put_second_headers(struct attack_run *run, uint32_t id)
{
    attack_request(run, id, false);
    attack_frame(run, 1, 4, id, "\xbe", 1);
}

static void put_pseudo_trailers(struct attack_run *run, uint32_t id)
{
    attack_request(run, id, false);
    attack_frame(run, 1, 5, id, "\x83", 1);
}

static void put_short_content(struct attack_run *run, uint32_t id)
{
    static const char block[] = ATTACK_REQUEST "\x0f\x0d\x01"
                                               "9";
    attack_frame(run, 1, 4, id, block, sizeof block - 1);
    attack_message(run, id, true);
}

static void put_malformed(struct attack_run *run, uint32_t id)
{
    attack_frame(run, 1, 4, id, ATTACK_REQUEST "\x83", 6);
}

static void put_empty_headers(struct attack_run *run, uint32_t id)
{
    attack_frame(run, 1, 4, id, NULL, 0);
}

static void test_attack__made_you_reset_and_counted(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *class;
        void (*put)(struct attack_run *run, uint32_t id);
        enum h2_code code;
        bool is_slowed_down; // else all is one read, and the debt at its end
    } rows[] = {
        {"made you reset: WINDOW_UPDATE over 2^31-1", "16 CVE-2025-8671",
         put_window_overflow, H2_FLOW_CONTROL_ERROR, true},
        {"made you reset: second HEADERS", "16", put_second_headers,
         H2_PROTOCOL_ERROR, true},
        {"made you reset: :method in trailers", "16", put_pseudo_trailers,
         H2_PROTOCOL_ERROR, true},
        {"made you reset: content-length", "16, 26", put_short_content,
         H2_PROTOCOL_ERROR, true},
        {"reset flood by malformed requests", "5 CVE-2019-9514", put_malformed,
         H2_PROTOCOL_ERROR, false},
        {"HEADERS without a field", "7 CVE-2019-9518", put_empty_headers,
         H2_PROTOCOL_ERROR, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct attack attack = {
            .name = rows[i].name,
            .class = rows[i].class,
            .memory = ATTACK_HELD + ATTACK_STREAMS + ATTACK_INDUCED,
            .ir = ATTACK_IR_HONEST,
            .ms = ATTACK_MS_DELAYS,
            .end = ATTACK_CLOSED,
            .code = H2_ENHANCE_YOUR_CALM,
            .is_slowed_down = rows[i].is_slowed_down,
        };
        struct attack_run *run = attack_server(&attack);
        for (uint32_t n = 0; n < 4000; n++) {
            rows[i].put(run, 3 + 2 * n);
        }
        attack_begin(run);
        attack_deliver(run);
        // A budget and its debt, or a reset for each delay.
        assert_in_range(run->seen.resets[rows[i].code], H2_LIMIT_RESET_BUDGET,
                        ATTACK_BURST / 9);
        assert_int_equal(run->bench->greeter.handled, 1);
        attack_end(run);
    }
}

// ---- The order of response --------------------------------------------------

// Not read, made to wait, GOAWAY, closed: each in its time. The deadline of a
// call that is open runs on while the client waits.
static void test_attack__order_of_response(void **state)
{
    (void)state;
    struct attack_run *run = attack_server(&rapid_reset);
    wait_begin(run);
    attack_request(run, 3, false);
    attack_message(run, 3, true);
    for (uint32_t i = 0; i < 2000; i++) {
        attack_request(run, 5 + 2 * i, false);
        attack_word(run, 3, 5 + 2 * i, H2_CANCEL);
    }
    attack_begin(run);
    uint64_t began_ms = run->began_ms;
    attack_deliver(run);
    // At once for the first budget; then ten seconds; then one to linger.
    assert_int_equal(run->paused_ms, began_ms);
    assert_int_equal(run->told_ms - began_ms,
                     H2_LIMIT_DELAYS * (H2_LIMIT_DELAY_MS + 1));
    assert_int_equal(attack_now_ms(run) - run->told_ms, ATTACK_MS_LINGER);
    assert_int_equal(waiting.count, 1);
    assert_true(grpc_call_is_over(waiting.calls[0]));
    answer_all();
    attack_end(run);
}

// One that stops flooding is served again, and all is forgotten with time.
static void test_attack__slowed_down_and_served_again(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "a flood that stops in time",
        .class = "15 CVE-2023-44487",
        .memory = ATTACK_HELD + ATTACK_STREAMS,
        .ir = ATTACK_IR_HONEST,
        .ms = ATTACK_MS_DELAYS,
        .end = ATTACK_BORNE,
        .is_slowed_down = true,
    };
    struct attack_run *run = attack_server(&attack);
    uint32_t id = 3;
    for (uint32_t i = 0; i < H2_LIMIT_RESET_BUDGET + 50; i++, id += 2) {
        attack_request(run, id, false);
        attack_word(run, 3, id, H2_CANCEL);
    }
    for (uint32_t i = 0; i < 1000; i++, id += 2) {
        attack_request(run, id, false);
        attack_message(run, id, true);
    }
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(attack_now_ms(run) - run->began_ms,
                     51 * (H2_LIMIT_DELAY_MS + 1));
    assert_int_equal(run->bench->greeter.handled, 1001);
    assert_int_equal(run->conn->flood.budget, H2_LIMIT_RESET_BUDGET);
    attack_end(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack__honest_calls),
        cmocka_unit_test(test_attack__busy_client_is_not_slowed_down),
        cmocka_unit_test(test_attack__cancelling_is_free),
        cmocka_unit_test(test_attack__cancelling_listeners_is_free),
        cmocka_unit_test(test_attack__calls_that_fail_are_not_slowed_down),
        cmocka_unit_test(test_attack__rapid_reset),
        cmocka_unit_test(test_attack__rapid_reset_with_decoys),
        cmocka_unit_test(test_attack__reset_of_calls_at_work),
        cmocka_unit_test(test_attack__refused_streams),
        cmocka_unit_test(test_attack__refused_streams_a_few_at_a_time),
        cmocka_unit_test(test_attack__made_you_reset),
        cmocka_unit_test(test_attack__made_you_reset_and_counted),
        cmocka_unit_test(test_attack__order_of_response),
        cmocka_unit_test(test_attack__slowed_down_and_served_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
