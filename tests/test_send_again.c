// SPDX-License-Identifier: MIT
// Streams that the server has not processed: what they have sent goes out once
// more, over another stream, without the user's knowledge.

#include "tests/unit.h"

#include "core/limits.h"
#include "tests/core_kit.h"

struct again {
    struct kit_bench *bench;
    grpc_call *call;
    int ended;
    grpc_code code;
    char text[256];
    int writable;
    int seen; // messages, by an interceptor
    int released;
};

static void again_end(grpc_call *call, const grpc_status *status, void *self)
{
    struct again *again = self;
    (void)call;
    again->ended++;
    again->code = status->code;
    (void)snprintf(again->text, sizeof again->text, "%s", status->message);
}

static void again_writable(grpc_call *call, void *self)
{
    struct again *again = self;
    (void)call;
    again->writable++;
}

static const grpc_raw_events again_events = {.end = again_end,
                                             .writable = again_writable};

static void again_begin_with(struct again *again,
                             const grpc_channel_options *options)
{
    memset(again, 0, sizeof *again);
    again->bench = kit_bench_channel(NULL, options);
    again->call = grpc_raw_start(again->bench->channel, "/a.B/C", &again_events,
                                 again, NULL);
    assert_non_null(again->call);
    kit_turn(again->bench->loop);
    kit_read(&again->bench->peer);
    kit_forget(&again->bench->peer);
}

static void again_begin(struct again *again)
{
    again_begin_with(again, NULL);
}

static grpc_result again_send(struct again *again, size_t size)
{
    static const char bytes[100000] = "abcdefgh";
    return grpc_call_send_bytes(again->call, (grpc_str){bytes, size}, NULL,
                                NULL);
}

// again_refuse has the stream refused; what the client sends after that can be
// read.
static void again_refuse(struct again *again, uint32_t id)
{
    struct kit_bench *bench = again->bench;
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    kit_forget(&bench->peer);
    kit_rst(&bench->peer, id, H2_REFUSED_STREAM);
    kit_turn(bench->loop);
    kit_read(&bench->peer);
}

// again_sent is how much DATA the stream has had since kit_forget, and whether
// it was the last.
static size_t again_sent(struct again *again, uint32_t id, bool *out_end)
{
    const char *at = again->bench->peer.text;
    char word[32];
    size_t sum = 0;
    *out_end = false;
    (void)snprintf(word, sizeof word, "DATA %u ", (unsigned)id);
    while ((at = strstr(at, word)) != NULL) {
        at += strlen(word);
        const char *line_end = strchr(at, '\n');
        *out_end = line_end - at >= 4 && memcmp(line_end - 4, " end", 4) == 0;
        size_t digits = (size_t)(line_end - at) - (*out_end ? 4 : 0);
        sum += *at == '(' ? strtoul(at + 1, NULL, 10) : digits / 2;
    }
    return sum;
}

static void again_answer(struct again *again, uint32_t id)
{
    struct kit_bench *bench = again->bench;
    kit_headers(&bench->peer, id, false, KIT_RESPONSE);
    kit_headers(&bench->peer, id, true, "grpc-status: 0\n");
    kit_turn(bench->loop);
}

static void again_finish(struct again *again, grpc_code code)
{
    kit_turn(again->bench->loop);
    assert_int_equal(again->ended, 1);
    assert_int_equal(again->code, code);
    kit_bench_end(again->bench);
}

// ---- Sent again -------------------------------------------------------------

static void test_send_again__messages(void **state)
{
    struct again again;
    (void)state;
    again_begin(&again);
    assert_int_equal(again_send(&again, 1), GRPC_OK);
    assert_int_equal(again_send(&again, 2), GRPC_OK);
    again_refuse(&again, 1);
    const char *text = again.bench->peer.text;
    assert_non_null(strstr(text, "HEADERS 3\n"));
    assert_non_null(strstr(text, "DATA 3 00000000016100000000026162\n"));
    assert_null(strstr(text, " end"));
    assert_int_equal(again.ended, 0);
    // It goes on as if nothing had been.
    kit_forget(&again.bench->peer);
    assert_int_equal(again_send(&again, 3), GRPC_OK);
    assert_int_equal(grpc_call_half_close(again.call), GRPC_OK);
    kit_expect(&again.bench->peer, again.bench->loop,
               "DATA 3 0000000003616263\nDATA 3  end\n");
    again_answer(&again, 3);
    again_finish(&again, GRPC_OK);
}

static void test_send_again__half_closed(void **state)
{
    struct again again;
    (void)state;
    again_begin(&again);
    assert_int_equal(again_send(&again, 1), GRPC_OK);
    assert_int_equal(grpc_call_half_close(again.call), GRPC_OK);
    again_refuse(&again, 1);
    const char *text = again.bench->peer.text;
    assert_non_null(strstr(text, "DATA 3 000000000161\nDATA 3  end\n"));
    again_answer(&again, 3);
    again_finish(&again, GRPC_OK);
}

// As much as is kept, in messages that fill chunks to every place.
static void test_send_again__much(void **state)
{
    struct again again;
    bool end = true;
    (void)state;
    again_begin(&again);
    for (size_t sum = 0; sum < CORE_RESEND_BYTES; sum += 4096) {
        assert_int_equal(again_send(&again, 4096 - 5), GRPC_OK);
    }
    kit_window(&again.bench->peer, 0, 1000000);
    kit_setting(&again.bench->peer, 4, 1000000);
    again_refuse(&again, 1);
    assert_int_equal(again_sent(&again, 3, &end), CORE_RESEND_BYTES);
    assert_false(end);
    again_answer(&again, 3);
    again_finish(&again, GRPC_OK);
}

// What was not taken for want of room is asked for again on the new stream.
static void test_send_again__waits_for_room(void **state)
{
    struct again again;
    bool end = true;
    (void)state;
    again_begin(&again);
    kit_setting(&again.bench->peer, 4, 0);
    kit_turn(again.bench->loop);
    assert_int_equal(again_send(&again, CORE_RESEND_BYTES - 5), GRPC_OK);
    assert_int_equal(again_send(&again, 1), GRPC_AGAIN);
    again_refuse(&again, 1);
    assert_int_equal(again_sent(&again, 3, &end), 0);
    assert_int_equal(again_send(&again, 1), GRPC_AGAIN);
    assert_int_equal(again.writable, 0);
    kit_window(&again.bench->peer, 0, 1000000);
    kit_window(&again.bench->peer, 3, 1000000);
    kit_turn(again.bench->loop);
    assert_int_equal(again.writable, 1);
    kit_read(&again.bench->peer);
    assert_int_equal(again_sent(&again, 3, &end), CORE_RESEND_BYTES);
    again_answer(&again, 3);
    again_finish(&again, GRPC_OK);
}

static void again_see(grpc_call *call, grpc_str *message, void *self)
{
    struct again *again = self;
    (void)call;
    (void)message;
    again->seen++;
}

static void test_send_again__interceptors_see_it_once(void **state)
{
    struct again again;
    const grpc_interceptor watch = {.sent = again_see, .self = &again};
    (void)state;
    again_begin_with(&again, &(grpc_channel_options){
                                 .interceptors = GRPC_INTERCEPTORS(&watch)});
    assert_int_equal(again_send(&again, 1), GRPC_OK);
    assert_int_equal(again_send(&again, 2), GRPC_OK);
    again_refuse(&again, 1);
    assert_non_null(
        strstr(again.bench->peer.text, "DATA 3 00000000016100000000026162\n"));
    assert_int_equal(again.seen, 2);
    again_answer(&again, 3);
    again_finish(&again, GRPC_OK);
}

// ---- Not sent again ---------------------------------------------------------

static void test_send_again__once_only(void **state)
{
    struct again again;
    (void)state;
    again_begin(&again);
    assert_int_equal(again_send(&again, 1), GRPC_OK);
    again_refuse(&again, 1);
    assert_int_equal(again_send(&again, 2), GRPC_OK);
    again_refuse(&again, 3);
    assert_string_equal(again.bench->peer.text, "");
    again_finish(&again, GRPC_UNAVAILABLE);
}

static void test_send_again__not_when_the_response_has_begun(void **state)
{
    struct again again;
    (void)state;
    again_begin(&again);
    assert_int_equal(again_send(&again, 1), GRPC_OK);
    kit_turn(again.bench->loop);
    kit_headers(&again.bench->peer, 1, false, KIT_RESPONSE);
    again_refuse(&again, 1);
    assert_string_equal(again.bench->peer.text, "");
    again_finish(&again, GRPC_UNAVAILABLE);
}

// Nothing is kept for a stream that is answered, or that sends too much.
static void test_send_again__not_more_than_is_kept(void **state)
{
    struct again again;
    (void)state;
    again_begin(&again);
    assert_int_equal(again_send(&again, CORE_RESEND_BYTES - 5), GRPC_OK);
    kit_window(&again.bench->peer, 0, 1000000);
    kit_setting(&again.bench->peer, 4, 1000000);
    kit_turn(again.bench->loop);
    assert_int_equal(again.call->outbox.size, CORE_RESEND_BYTES);
    assert_int_equal(again_send(&again, 1), GRPC_OK);
    assert_int_equal(again.call->outbox.size, 0);
    again_refuse(&again, 1);
    assert_string_equal(again.bench->peer.text, "");
    again_finish(&again, GRPC_UNAVAILABLE);
}

static void test_send_again__forgotten_with_the_response(void **state)
{
    struct again again;
    (void)state;
    again_begin(&again);
    assert_int_equal(again_send(&again, 100), GRPC_OK);
    assert_int_equal(again.call->outbox.size, 105);
    kit_headers(&again.bench->peer, 1, false, KIT_RESPONSE);
    kit_turn(again.bench->loop);
    assert_int_equal(again.call->outbox.size, 0);
    assert_int_equal(again_send(&again, 100), GRPC_OK);
    assert_int_equal(again.call->outbox.size, 0);
    kit_headers(&again.bench->peer, 1, true, "grpc-status: 0\n");
    again_finish(&again, GRPC_OK);
}

static void again_release(void *argument)
{
    struct again *again = argument;
    again->released++;
}

// Lent bytes are given back when they were sent, so they are not there any more.
static void test_send_again__not_what_was_lent(void **state)
{
    static const char bytes[10000];
    struct again again;
    (void)state;
    again_begin(&again);
    assert_int_equal(again_send(&again, 1), GRPC_OK);
    assert_int_equal(grpc_call_send_bytes(again.call,
                                          (grpc_str){bytes, sizeof bytes},
                                          again_release, &again),
                     GRPC_OK);
    assert_int_equal(again.call->outbox.size, 0);
    again_refuse(&again, 1);
    assert_int_equal(again.released, 1);
    assert_string_equal(again.bench->peer.text, "");
    again_finish(&again, GRPC_UNAVAILABLE);
}

// ---- Memory -----------------------------------------------------------------

// again_without_memory plays a whole call in which the n-th allocation fails;
// false when there were not so many.
static bool again_without_memory(size_t n)
{
    struct again again;
    again_begin(&again);
    struct test_heap *heap = &again.bench->heap;
    size_t before = heap->calls;
    heap->fail_at = before + n;
    for (int i = 0; i < 5 && again.ended == 0; i++) {
        (void)again_send(&again, 9000);
    }
    kit_turn(again.bench->loop);
    if (again.ended == 0) {
        again_refuse(&again, 1);
    }
    bool failed = heap->calls >= before + n;
    heap->fail_at = 0;
    if (again.ended == 0) {
        again_answer(&again, 3);
    }
    kit_turn(again.bench->loop);
    assert_int_equal(again.ended, 1);
    assert_true(again.code == GRPC_OK || again.code == GRPC_UNAVAILABLE ||
                again.code == GRPC_RESOURCE_EXHAUSTED);
    assert_true(failed || again.code == GRPC_OK);
    kit_bench_end(again.bench);
    return failed;
}

static void test_send_again__no_memory(void **state)
{
    (void)state;
    size_t n = 1;
    while (again_without_memory(n)) {
        n++;
    }
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send_again__messages),
        cmocka_unit_test(test_send_again__half_closed),
        cmocka_unit_test(test_send_again__much),
        cmocka_unit_test(test_send_again__waits_for_room),
        cmocka_unit_test(test_send_again__interceptors_see_it_once),
        cmocka_unit_test(test_send_again__once_only),
        cmocka_unit_test(test_send_again__not_when_the_response_has_begun),
        cmocka_unit_test(test_send_again__not_more_than_is_kept),
        cmocka_unit_test(test_send_again__forgotten_with_the_response),
        cmocka_unit_test(test_send_again__not_what_was_lent),
        cmocka_unit_test(test_send_again__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
