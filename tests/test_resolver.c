// SPDX-License-Identifier: MIT
// When a channel asks for addresses, to the millisecond, with a resolver of
// names that the test answers for. A line "ask" in the trace is a question.

#include "tests/unit.h"

#include "core/connectivity.h"
#include "core/pick_first.h"
#include "tests/channel_kit.h"

static const grpc_channel_options res_steady = {
    .backoff = {.jitter_percent = 101},
};

static const uint16_t res_1[] = {1};
static const uint16_t res_2[] = {2};

static void res_on_ask(void *user, const char *host)
{
    assert_string_equal(host, "name");
    chan_say(user, "ask");
}

static struct chan *res_begin(void)
{
    struct chan *chan = chan_begin("name:80", &res_steady);
    sim_lookup()->on_ask = res_on_ask;
    sim_lookup()->user = chan;
    return chan;
}

static enum resolver_state res_state(const struct chan *chan)
{
    return chan->channel->resolver.state;
}

// ---- Addresses that the target has ------------------------------------------

static void test_resolver__constant(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    struct resolver *resolver = &chan->channel->resolver;
    assert_int_equal(resolver->state, RESOLVER_STOPPED);
    resolver_again(resolver); // stopped: nothing
    resolver_hurry(resolver);
    resolver_stop(resolver);
    assert_int_equal(resolver->state, RESOLVER_STOPPED);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    assert_int_equal(resolver->state, RESOLVER_RESTING);
    chan_to(chan, 100000); // fails again and again
    assert_int_equal(resolver->state, RESOLVER_RESTING);
    assert_false(loop_timer_is_armed(&resolver->timer));
    assert_int_equal(sim_lookup()->asked, 0);
    chan_end(chan);
}

// Without memory to take them, they are asked for again after the backoff.
static void test_resolver__constant_without_memory(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", &res_steady);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    chan->heap.fail_at = chan->heap.calls + 1;
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_settle(chan);
    chan_expect(chan, "0 TRANSIENT_FAILURE\n");
    assert_string_equal(grpc_channel_failure(chan->channel),
                        "out of memory; gave up after 0 ms");
    assert_int_equal(res_state(chan), RESOLVER_WAITING);
    chan_to(chan, 2000);
    chan_expect(chan, "1001 dial 1\n1001 READY\n");
    assert_int_equal(chan->channel->resolver.backoff.base_ms, 0);
    chan_end(chan);
}

// ---- Names ------------------------------------------------------------------

// STOPPED -> ASKING -> RESTING; calls wait meanwhile.
static void test_resolver__answer(void **state)
{
    (void)state;
    struct chan *chan = res_begin();
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    chan_to(chan, 1000);
    (void)chan_call(chan);
    assert_int_equal(res_state(chan), RESOLVER_ASKING);
    resolver_again(&chan->channel->resolver); // it is being asked
    grpc_channel_reset_backoff(chan->channel);
    chan_to(chan, 4000);
    chan_expect(chan, "1000 ask\n1000 CONNECTING\n");
    chan_answer(chan, res_1, 1);
    chan_settle(chan);
    chan_expect(chan, "4000 dial 1\n4000 READY\n");
    assert_int_equal(res_state(chan), RESOLVER_RESTING);
    chan_to(chan, 100000);
    chan_expect(chan, "");
    chan_end(chan);
}

// ASKING -> WAITING -> ASKING: an error is told, and followed by the backoff,
// from when it came.
static void test_resolver__error(void **state)
{
    (void)state;
    struct chan *chan = res_begin();
    struct kit_result *fast = chan_call(chan);
    struct kit_result *patient = chan_wait(chan);
    chan_to(chan, 300);
    sim_answer(chan->world, NULL, 0, "no such name");
    chan_to(chan, 1300);
    chan_expect(chan, "0 ask\n0 CONNECTING\n300 done 1 UNAVAILABLE\n"
                      "300 TRANSIENT_FAILURE\n");
    assert_int_equal(fast->code, GRPC_UNAVAILABLE);
    assert_string_equal(fast->text, "look up \"name\": no such name; gave up "
                                    "after 300 ms");
    chan_to(chan, 1301);
    chan_expect(chan, "1301 ask\n");
    sim_answer(chan->world, NULL, 0, "later");
    chan_to(chan, 2901);
    chan_expect(chan, "");
    chan_to(chan, 2902);
    chan_expect(chan, "2902 ask\n");
    // It is the newest cause.
    struct kit_result *late = chan_call(chan);
    chan_settle(chan);
    assert_int_equal(strncmp(late->text, "look up \"name\": later", 21), 0);
    chan_forget(chan);
    // Found: READY, without CONNECTING.
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    chan_answer(chan, res_1, 1);
    chan_settle(chan);
    chan_expect(chan, "2902 dial 1\n2902 READY\n");
    assert_int_equal(patient->done, 0);
    assert_int_equal(chan->channel->resolver.backoff.base_ms, 0);
    chan_end(chan);
}

// A question that cannot even be put is an error like any other.
static void test_resolver__refused_question(void **state)
{
    (void)state;
    struct chan *chan = res_begin();
    sim_lookup()->refusal = "no threads";
    struct kit_result *result = chan_call(chan);
    chan_to(chan, 1001);
    chan_expect(chan, "0 ask\n0 done 1 UNAVAILABLE\n0 TRANSIENT_FAILURE\n"
                      "1001 ask\n");
    assert_string_equal(result->text, "look up \"name\": no threads; gave up "
                                      "after 0 ms");
    chan_end(chan);
}

// grpc_channel_reset_backoff ends the wait after an error, and not that for the
// time to ask again.
static void test_resolver__hurry(void **state)
{
    (void)state;
    struct chan *chan = res_begin();
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    for (int i = 0; i < 5; i++) {
        sim_answer(chan->world, NULL, 0, "no");
        chan_settle(chan);
        chan_to(chan, chan_now(chan) + 100);
        grpc_channel_reset_backoff(chan->channel);
    }
    chan_expect(chan, "0 ask\n0 CONNECTING\n0 TRANSIENT_FAILURE\n100 ask\n"
                      "200 ask\n300 ask\n400 ask\n500 ask\n");
    chan_answer(chan, res_1, 1); // who refuses
    chan_settle(chan);
    assert_int_equal(res_state(chan), RESOLVER_WAITING);
    chan_to(chan, 600);
    grpc_channel_reset_backoff(chan->channel);
    chan_settle(chan);
    chan_expect(chan, "500 dial 1\n500 close 1\n600 dial 1\n600 close 1\n");
    assert_int_equal(res_state(chan), RESOLVER_WAITING);
    chan_end(chan);
}

// ---- Again ------------------------------------------------------------------

// When all addresses have failed they are asked for again, but not before 30 s
// have passed since the last answer: RESTING -> WAITING -> ASKING.
static void test_resolver__again_after_30_s(void **state)
{
    (void)state;
    struct chan *chan = res_begin();
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_answer(chan, res_1, 1);
    chan_settle(chan);
    assert_int_equal(res_state(chan), RESOLVER_WAITING);
    sim_swallow(chan->world, 1);
    chan_to(chan, 29999);
    chan_expect(chan, "0 ask\n0 CONNECTING\n0 dial 1\n0 close 1\n"
                      "0 TRANSIENT_FAILURE\n1001 dial 1\n21002 close 1\n"
                      "21002 dial 1\n");
    chan_to(chan, 30000);
    chan_expect(chan, "30000 ask\n");
    // The same answer: the attempt goes on, and it rests until all fail again.
    chan_answer(chan, res_1, 1);
    chan_to(chan, 41002);
    chan_expect(chan, "");
    assert_int_equal(res_state(chan), RESOLVER_RESTING);
    chan_to(chan, 41003);
    assert_int_equal(res_state(chan), RESOLVER_WAITING);
    chan_forget(chan);
    chan_to(chan, 60000);
    chan_expect(chan, "60000 ask\n");
    // And at once when the answer is old: RESTING -> ASKING.
    (void)chan_door(chan, 2, CHAN_SETTINGS);
    chan_answer(chan, res_2, 1);
    chan_to(chan, 100000);
    chan_expect(chan, "60000 close 1\n60000 dial 2\n60000 READY\n");
    assert_int_equal(res_state(chan), RESOLVER_RESTING);
    sim_raw_close(chan->world, chan_fd(chan));
    chan_settle(chan);
    chan_expect(chan, "100000 ask\n100000 close 2\n100000 IDLE\n");
    assert_int_equal(res_state(chan), RESOLVER_ASKING);
    chan_end(chan);
}

// Each round of failures out of a pass asks again, too.
static void test_resolver__again_after_each_round(void **state)
{
    (void)state;
    struct chan *chan = res_begin();
    static const uint16_t ports[] = {1, 2};
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_answer(chan, ports, 2);
    chan->quiet = true;
    chan_to(chan, 30000);
    chan_expect(chan, "0 ask\n30000 ask\n");
    chan_answer(chan, ports, 2);
    chan_settle(chan);
    // A new answer, and of what has failed all are left alone: a pass of none,
    // after which it is asked again.
    assert_int_equal(res_state(chan), RESOLVER_WAITING);
    chan_to(chan, 60000);
    chan_expect(chan, "60000 ask\n");
    chan_end(chan);
}

// An error with addresses from before: they are used on.
static void test_resolver__error_with_old_addresses(void **state)
{
    (void)state;
    struct chan *chan = res_begin();
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_answer(chan, res_1, 1);
    chan_to(chan, 40000);
    sim_raw_close(chan->world, chan_fd(chan));
    chan_settle(chan);
    chan_expect(chan, "0 ask\n0 CONNECTING\n0 dial 1\n0 READY\n40000 ask\n"
                      "40000 close 1\n40000 IDLE\n");
    sim_answer(chan->world, NULL, 0, "no");
    chan_to(chan, 41000);
    (void)chan_call(chan);
    chan_to(chan, 41001);
    chan_expect(chan, "41000 dial 1\n41000 CONNECTING\n41000 READY\n"
                      "41001 ask\n");
    // New ones without memory to take them: the old ones are used on.
    chan->heap.fail_at = chan->heap.calls + 1;
    chan_answer(chan, res_2, 1);
    chan_settle(chan);
    chan_expect(chan, "");
    assert_int_equal(res_state(chan), RESOLVER_WAITING);
    assert_non_null(chan_subchannel(chan, 1));
    chan_end(chan);
}

// ---- The end ----------------------------------------------------------------

// (any) -> STOPPED: in IDLE nothing is asked.
static void test_resolver__stop(void **state)
{
    (void)state;
    static const enum resolver_state states[] = {
        RESOLVER_ASKING, RESOLVER_WAITING, RESOLVER_RESTING};
    for (int i = 0; i < 3; i++) {
        struct chan *chan =
            chan_begin("name", &(grpc_channel_options){.idle_timeout_ms = 900});
        (void)chan_door(chan, 1, CHAN_SETTINGS);
        assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
        if (i == 1) {
            sim_answer(chan->world, NULL, 0, "no");
        } else if (i == 2) {
            chan_answer(chan, res_1, 1);
        }
        chan_to(chan, 900);
        assert_int_equal(res_state(chan), states[i]);
        chan_to(chan, 100000);
        assert_int_equal(grpc_channel_state(chan->channel), GRPC_IDLE);
        assert_int_equal(res_state(chan), RESOLVER_STOPPED);
        assert_int_equal(sim_lookup()->asked, 1);
        assert_int_equal(sim_lookup()->waiting, 0);
        assert_int_equal(sim_lookup()->cancelled, i == 0 ? 1 : 0);
        // It begins anew.
        assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
        chan_answer(chan, res_1, 1);
        chan_settle(chan);
        assert_int_equal(grpc_channel_state(chan->channel), GRPC_READY);
        chan_end(chan);
    }
}

// The channel is freed while it is asked, and while the answer is on its way.
static void test_resolver__freed(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct chan *chan = res_begin();
        (void)chan_call(chan);
        chan_settle(chan);
        if (i == 1) {
            chan_answer(chan, res_1, 1);
        }
        chan_free(chan);
        assert_int_equal(sim_lookup()->cancelled, 1);
        chan_settle(chan);
        chan_end(chan);
    }
}

static void res_answer_later(void *argument)
{
    chan_answer(argument, res_1, 1);
}

// A blocking caller alone waits for the answer that is being asked for, and then
// for what comes of it.
static void test_resolver__blocking_call(void **state)
{
    (void)state;
    struct chan *chan = res_begin();
    const struct kit_hello request = {.name = GRPC_STR("x")};
    struct kit_hello reply;
    grpc_arena arena = {0};
    sim_lookup()->refusal = "no";
    grpc_status status = grpc_unary(chan->channel, &arena, &kit_methods[0],
                                    &request, &reply, NULL);
    assert_int_equal(status.code, GRPC_UNAVAILABLE);
    sim_lookup()->refusal = NULL;
    sim_stall(chan->world, chan->loop, 2000001);
    sim_run(chan->world, 2000);
    chan_forget(chan);
    sim_refuse(chan->world, 1, 30000);
    assert_non_null(grpc_timer_start(chan->loop, 10, res_answer_later, chan));
    status = grpc_unary(chan->channel, &arena, &kit_methods[0], &request,
                        &reply, NULL);
    assert_int_equal(status.code, GRPC_UNAVAILABLE);
    assert_int_equal(strncmp(status.message, "connect to 127.0.0.1:1: ", 24),
                     0);
    chan_expect(chan, "2000 ask\n2011 dial 1\n2041 close 1\n");
    grpc_arena_free(&arena);
    chan_end(chan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolver__constant),
        cmocka_unit_test(test_resolver__constant_without_memory),
        cmocka_unit_test(test_resolver__answer),
        cmocka_unit_test(test_resolver__error),
        cmocka_unit_test(test_resolver__refused_question),
        cmocka_unit_test(test_resolver__hurry),
        cmocka_unit_test(test_resolver__again_after_30_s),
        cmocka_unit_test(test_resolver__again_after_each_round),
        cmocka_unit_test(test_resolver__error_with_old_addresses),
        cmocka_unit_test(test_resolver__stop),
        cmocka_unit_test(test_resolver__freed),
        cmocka_unit_test(test_resolver__blocking_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
