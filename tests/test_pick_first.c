// SPDX-License-Identifier: MIT
// The policy pick_first, to the millisecond: its passes over the addresses
// (Happy Eyeballs), TRANSIENT_FAILURE, and new addresses in every state. Names
// are answered for by the test. A delay of 250 ms ends at 251: the clock's
// milliseconds are rounded down, and nothing comes early.

#include "tests/unit.h"

#include "core/connectivity.h"
#include "core/pick_first.h"
#include "tests/channel_kit.h"

static const grpc_channel_options pick_steady = {
    .backoff = {.jitter_percent = 101},
};

static size_t pick_subchannels(const struct chan *chan)
{
    size_t count = 0;
    LIST_EACH (link, after, &chan->channel->subchannels) {
        count++;
    }
    return count;
}

// ---- The order --------------------------------------------------------------

// IPv6 and IPv4 in turns, beginning with the first one's family; each once.
static void test_pick_first__order(void **state)
{
    (void)state;
    static const struct {
        const char *hosts[7];
        const char *order;
    } rows[] = {
        {{"::1", "::2", "127.0.0.1", "::3", "127.0.0.2", "::1"},
         "[::1]:1 127.0.0.1:1 [::2]:1 127.0.0.2:1 [::3]:1 "},
        {{"127.0.0.1", "::1", "::2", "::3"},
         "127.0.0.1:1 [::1]:1 [::2]:1 [::3]:1 "},
        {{"127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"},
         "127.0.0.1:1 127.0.0.2:1 "},
        {{"::1", "127.0.0.3", "127.0.0.2", "127.0.0.1"},
         "[::1]:1 127.0.0.3:1 127.0.0.2:1 127.0.0.1:1 "},
        {{"::1"}, "[::1]:1 "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct chan *chan = chan_begin("name:1", NULL);
        struct socket_address addresses[7];
        char order[256] = "";
        size_t count = 0;
        for (; rows[i].hosts[count] != NULL; count++) {
            addresses[count] = chan_address(rows[i].hosts[count], 1);
        }
        sim_swallow(chan->world, 1);
        assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
        sim_answer(chan->world, addresses, count, NULL);
        chan_to(chan, 2000);
        LIST_EACH (link, after, &chan->channel->subchannels) {
            const struct subchannel *subchannel =
                LIST_OWNER(link, struct subchannel, link);
            char text[SOCKET_ADDRESS_TEXT];
            assert_int_equal(subchannel->state, GRPC_CONNECTING);
            socket_address_text(&subchannel->address, text);
            (void)snprintf(order + strlen(order), sizeof order - strlen(order),
                           "%s ", text);
        }
        assert_string_equal(order, rows[i].order);
        chan_end(chan);
    }
}

// The same address with another port is another one.
static void test_pick_first__ports_differ(void **state)
{
    (void)state;
    struct chan *chan =
        chan_begin("ipv4:127.0.0.1:1,127.0.0.1:2,127.0.0.1:1", NULL);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_settle(chan);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 dial 2\n0 close 1\n0 close 2\n"
                      "0 TRANSIENT_FAILURE\n");
    chan_end(chan);
}

// ---- A pass -----------------------------------------------------------------

// The next one after 250 ms each; none behind the last; the first that answers
// is taken, and the others are given up.
static void test_pick_first__happy_eyeballs(void **state)
{
    (void)state;
    struct chan *chan = chan_begin(
        "ipv4:127.0.0.1:1,127.0.0.1:2,127.0.0.1:3,127.0.0.1:4", NULL);
    sim_swallow(chan->world, 1);
    (void)chan_door(chan, 2, CHAN_SETTINGS);
    sim_slow(chan->world, 2, 1000000);
    sim_swallow(chan->world, 3);
    sim_swallow(chan->world, 4);
    (void)chan_call(chan);
    chan_to(chan, 250);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n");
    chan_to(chan, 1250);
    chan_expect(chan, "251 dial 2\n502 dial 3\n753 dial 4\n");
    chan_to(chan, 1251);
    chan_expect(chan, "1251 close 1\n1251 close 3\n1251 close 4\n1251 READY\n");
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "HEADERS 1\n");
    chan_to(chan, 60000);
    chan_expect(chan, "");
    assert_int_equal(chan_subchannel(chan, 1)->state, GRPC_IDLE);
    chan_end(chan);
}

// A late connection of an address that was given up is none.
static void test_pick_first__an_early_address_may_still_win(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("ipv4:127.0.0.1:1,127.0.0.1:2", NULL);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    (void)chan_door(chan, 2, CHAN_SETTINGS);
    sim_slow(chan->world, 1, 600000);
    sim_slow(chan->world, 2, 600000);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 2000);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n251 dial 2\n600 close 2\n"
                      "600 READY\n");
    assert_int_equal(chan->fd_count, 1);
    chan_end(chan);
}

// A refusal has the next one tried at once, and its 250 ms begin anew.
static void test_pick_first__next_at_once_after_a_refusal(void **state)
{
    (void)state;
    struct chan *chan =
        chan_begin("ipv4:127.0.0.1:1,127.0.0.1:2,127.0.0.1:3", NULL);
    sim_refuse(chan->world, 1, 100000);
    sim_swallow(chan->world, 2);
    (void)chan_door(chan, 3, CHAN_SETTINGS);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 1000);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n100 dial 2\n100 close 1\n"
                      "351 dial 3\n351 close 2\n351 READY\n");
    chan_end(chan);
}

// The refusal of an older attempt does not hurry the newest one's time.
static void test_pick_first__refusal_of_an_older_attempt(void **state)
{
    (void)state;
    struct chan *chan =
        chan_begin("ipv4:127.0.0.1:1,127.0.0.1:2,127.0.0.1:3", &pick_steady);
    sim_refuse(chan->world, 1, 300000);
    sim_swallow(chan->world, 2);
    sim_swallow(chan->world, 3);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 15000);
    // 1 is out of its backoff at 1001, and has had its turn in this pass.
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n251 dial 2\n300 close 1\n"
                      "502 dial 3\n");
    assert_int_equal(chan_subchannel(chan, 1)->state, GRPC_IDLE);
    // The pass ends with the last address; then each is on its own.
    chan_to(chan, 20504);
    chan_expect(chan, "20252 close 2\n20503 dial 1\n20503 dial 2\n"
                      "20503 close 3\n20503 TRANSIENT_FAILURE\n"
                      "20503 dial 3\n");
    chan_end(chan);
}

// The last address is refused, and the others are under way: the pass goes on
// until the last of them has failed.
static void test_pick_first__pass_ends_with_the_slowest(void **state)
{
    (void)state;
    struct chan *chan =
        chan_begin("ipv4:127.0.0.1:1,127.0.0.1:2,127.0.0.1:3", &pick_steady);
    sim_refuse(chan->world, 1, 900000);
    sim_refuse(chan->world, 2, 500000);
    (void)chan_call(chan);
    chan_to(chan, 1000);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n251 dial 2\n502 dial 3\n"
                      "502 close 3\n751 close 2\n900 close 1\n"
                      "900 done 1 UNAVAILABLE\n900 TRANSIENT_FAILURE\n");
    chan_end(chan);
}

static void test_pick_first__attempt_delay(void **state)
{
    (void)state;
    static const struct {
        uint32_t option;
        uint32_t delay;
    } rows[] = {{1, 100},   {99, 100},    {100, 100},   {0, 250},
                {250, 250}, {2000, 2000}, {2001, 2000}, {UINT32_MAX, 2000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct chan *chan = chan_begin(
            "ipv4:127.0.0.1:1,127.0.0.1:2",
            &(grpc_channel_options){.attempt_delay_ms = rows[i].option});
        sim_swallow(chan->world, 1);
        sim_swallow(chan->world, 2);
        assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
        chan_to(chan, rows[i].delay);
        chan_expect(chan, "0 dial 1\n0 CONNECTING\n");
        chan_to(chan, rows[i].delay + 1);
        char text[64];
        (void)snprintf(text, sizeof text, "%lu dial 2\n",
                       (unsigned long)rows[i].delay + 1);
        chan_expect(chan, text);
        chan_end(chan);
    }
}

static void test_pick_first__32_addresses(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("name", NULL);
    uint16_t ports[32];
    for (uint16_t i = 0; i < 32; i++) {
        ports[i] = (uint16_t)(i + 1);
        sim_swallow(chan->world, ports[i]);
    }
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_answer(chan, ports, 32);
    chan_to(chan, 7529);
    char text[1024] = "0 CONNECTING\n";
    for (unsigned i = 0; i < 30; i++) {
        (void)snprintf(text + strlen(text), 32, "%u dial %u\n", 251 * i, i + 1);
    }
    chan_expect(chan, text);
    (void)chan_door(chan, 32, CHAN_SETTINGS);
    chan_to(chan, 7780);
    chan_expect(chan, "7530 dial 31\n");
    chan_to(chan, 7781);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_READY);
    for (uint16_t i = 1; i < 32; i++) {
        assert_int_equal(chan_subchannel(chan, i)->state, GRPC_IDLE);
    }
    chan_end(chan);
}

// Each address that fails is told of, in the order in which they failed.
static void test_pick_first__causes(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("ipv4:127.0.0.1:1,127.0.0.1:2", NULL);
    sim_refuse(chan->world, 1, 300000);
    (void)chan_door(chan, 2, CHAN_RESETS);
    struct kit_result *result = chan_call(chan);
    chan_to(chan, 300);
    assert_int_equal(result->code, GRPC_UNAVAILABLE);
    char broken[64];
    char text[512];
    (void)snprintf(broken, sizeof broken, "%.60s", kit_error(EPIPE));
    (void)snprintf(text, sizeof text,
                   "write to 127.0.0.1:2: %s; connect to 127.0.0.1:1: %s; gave "
                   "up after 300 ms",
                   broken, kit_error(ECONNREFUSED));
    assert_string_equal(result->text, text);
    assert_string_equal(grpc_channel_failure(chan->channel), text);
    chan_end(chan);
}

// Of many causes those are told that there is room for, whole, that there were
// more, and how long it took.
static void test_pick_first__many_causes(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("name", NULL);
    uint16_t ports[9];
    char cause[256];
    for (uint16_t i = 0; i < 9; i++) {
        ports[i] = (uint16_t)(i + 1);
    }
    chan->quiet = true;
    struct kit_result *result = chan_call(chan);
    chan_answer(chan, ports, 9);
    chan_settle(chan);
    assert_int_equal(result->code, GRPC_UNAVAILABLE);
    const char *at = result->text;
    const char *more = strstr(at, "...; ");
    assert_non_null(more);
    assert_string_equal(more, "...; gave up after 0 ms");
    for (int i = 1; at < more; i++) {
        (void)snprintf(cause, sizeof cause, "connect to 127.0.0.1:%d: %s; ", i,
                       kit_error(ECONNREFUSED));
        assert_int_equal(strncmp(at, cause, strlen(cause)), 0);
        at += strlen(cause);
    }
    assert_ptr_equal(at, more);
    chan_end(chan);
}

// ---- TRANSIENT_FAILURE ------------------------------------------------------

// It is left for READY alone; meanwhile each address is tried again as soon as
// its own backoff is over, and the watcher hears nothing.
static void test_pick_first__sticky_failure(void **state)
{
    (void)state;
    struct chan *chan =
        chan_begin("ipv4:127.0.0.1:1,127.0.0.1:2", &pick_steady);
    sim_refuse(chan->world, 2, 200000);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 3000);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 dial 2\n0 close 1\n"
                      "200 close 2\n200 TRANSIENT_FAILURE\n"
                      "1001 dial 1\n1001 dial 2\n1001 close 1\n1201 close 2\n"
                      "2602 dial 1\n2602 dial 2\n2602 close 1\n2802 close 2\n");
    struct kit_result *fast = chan_call(chan);
    chan_settle(chan);
    assert_int_equal(fast->code, GRPC_UNAVAILABLE);
    struct kit_result *patient = chan_wait(chan);
    (void)chan_door(chan, 2, CHAN_SETTINGS);
    chan_to(chan, 5163);
    chan_expect(chan, "3000 done 1 UNAVAILABLE\n5163 dial 1\n5163 dial 2\n"
                      "5163 close 1\n5163 READY\n");
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "HEADERS 1\n");
    assert_int_equal(patient->done, 0);
    chan_end(chan);
}

// A call that does not wait is told the newest whole round of causes.
static void test_pick_first__newest_cause(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", &pick_steady);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_to(chan, 900);
    (void)chan_door(chan, 1, CHAN_RESETS);
    chan_to(chan, 1100);
    struct kit_result *fast = chan_call(chan);
    chan_settle(chan);
    char text[256];
    (void)snprintf(text, sizeof text, "write to 127.0.0.1:1: %s",
                   kit_error(EPIPE));
    assert_string_equal(fast->text, text);
    chan_end(chan);
}

// ---- READY and lost ---------------------------------------------------------

static void test_pick_first__lost_is_idle(void **state)
{
    (void)state;
    struct chan *chan =
        chan_begin("ipv4:127.0.0.1:1,127.0.0.1:2", &pick_steady);
    (void)chan_door(chan, 2, CHAN_SETTINGS);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_settle(chan);
    chan_forget(chan);
    // What has failed before is left alone while there is a connection.
    chan_to(chan, 10000);
    chan_expect(chan, "");
    sim_raw_close(chan->world, chan_fd(chan));
    chan_settle(chan);
    chan_to(chan, 20000);
    chan_expect(chan, "10000 close 2\n10000 IDLE\n");
    // And then all begins anew: from the first address.
    (void)chan_call(chan);
    chan_settle(chan);
    chan_expect(chan, "20000 dial 1\n20000 CONNECTING\n20000 dial 2\n"
                      "20000 close 1\n20000 READY\n");
    assert_int_equal(chan_subchannel(chan, 1)->backoff.base_ms, 1000);
    chan_end(chan);
}

// With a call that waits IDLE is left at once, and nobody is told of it.
static void test_pick_first__lost_with_a_call_waiting(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("127.0.0.1:1", NULL);
    struct chan_door *door = chan_door(chan, 1, CHAN_FULL);
    (void)chan_call(chan);
    chan_settle(chan);
    door->greeting = CHAN_SETTINGS;
    sim_raw_close(chan->world, chan_fd(chan));
    chan_settle(chan);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n0 READY\n0 dial 1\n0 close 1\n"
                      "0 CONNECTING\n0 READY\n");
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "HEADERS 1\n");
    chan_end(chan);
}

// ---- New addresses ----------------------------------------------------------

static const uint16_t pick_1[] = {1};
static const uint16_t pick_2[] = {2};
static const uint16_t pick_12[] = {1, 2};
static const uint16_t pick_21[] = {2, 1};
static const uint16_t pick_23[] = {2, 3};
static const uint16_t pick_13[] = {1, 3};

// pick_update gives new addresses as the resolver does.
static void pick_update(struct chan *chan, const uint16_t *ports, size_t count)
{
    struct socket_address addresses[4];
    for (size_t i = 0; i < count; i++) {
        addresses[i] = chan_address("127.0.0.1", ports[i]);
    }
    assert_true(channel_on_addresses(chan->channel, addresses, count));
}

static struct chan *pick_begin(const uint16_t *ports, size_t count)
{
    struct chan *chan = chan_begin("name", &pick_steady);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_answer(chan, ports, count);
    chan_settle(chan);
    return chan;
}

static void test_pick_first__update_keeps_the_connection(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("name", &pick_steady);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    (void)chan_call(chan);
    chan_answer(chan, pick_12, 2);
    chan_settle(chan);
    chan_expect(chan, "0 CONNECTING\n0 dial 1\n0 READY\n");
    const struct subchannel *kept = chan_subchannel(chan, 1);
    pick_update(chan, pick_21, 2);
    pick_update(chan, pick_13, 2);
    pick_update(chan, pick_1, 1);
    chan_to(chan, 5000);
    chan_expect(chan, "");
    assert_ptr_equal(chan_subchannel(chan, 1), kept);
    assert_int_equal(pick_subchannels(chan), 1);
    chan_reply(chan, chan_fd(chan), 1);
    chan_settle(chan);
    chan_expect(chan, "5000 done 1 OK\n");
    chan_end(chan);
}

// The connection's address is gone: its calls end on it, new ones go elsewhere.
static void test_pick_first__update_without_the_connection(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("name", &pick_steady);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    (void)chan_door(chan, 3, CHAN_SETTINGS);
    (void)chan_call(chan);
    chan_answer(chan, pick_12, 2);
    chan_settle(chan);
    chan_forget(chan);
    int old = chan_fd(chan);
    pick_update(chan, pick_23, 2);
    (void)chan_call(chan);
    chan_settle(chan);
    chan_expect(chan, "0 dial 2\n0 CONNECTING\n0 dial 3\n0 close 2\n0 READY\n");
    assert_string_equal(chan_heard(chan, old), "HEADERS 1\nGOAWAY 0\n");
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "HEADERS 1\n");
    chan_reply(chan, old, 1);
    chan_reply(chan, chan_fd(chan), 1);
    chan_settle(chan);
    assert_string_equal(chan_heard(chan, old), "EOF\n");
    chan_expect(chan, "0 done 1 OK\n0 done 2 OK\n");
    chan_end(chan);
}

static void test_pick_first__update_in_idle(void **state)
{
    (void)state;
    struct chan *chan = pick_begin(pick_1, 1);
    chan_forget(chan);
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    (void)chan_door(chan, 2, CHAN_SETTINGS);
    chan_to(chan, 1001);
    sim_raw_close(chan->world, chan_fd(chan));
    chan_settle(chan);
    chan_expect(chan, "1001 dial 1\n1001 READY\n1001 close 1\n1001 IDLE\n");
    pick_update(chan, pick_2, 1);
    chan_to(chan, 3000);
    chan_expect(chan, "");
    assert_int_equal(pick_subchannels(chan), 1);
    assert_int_equal(grpc_channel_connect(chan->channel), GRPC_OK);
    chan_settle(chan);
    chan_expect(chan, "3000 dial 2\n3000 CONNECTING\n3000 READY\n");
    chan_end(chan);
}

// In a pass: it begins anew with the new list; what is under way goes on, and
// what has failed not long ago is not tried again.
static void test_pick_first__update_in_a_pass(void **state)
{
    (void)state;
    struct chan *chan = chan_begin("name", &pick_steady);
    sim_swallow(chan->world, 2);
    sim_swallow(chan->world, 3);
    struct kit_result *result = chan_call(chan);
    chan_answer(chan, pick_12, 2);
    chan_to(chan, 100);
    chan_expect(chan, "0 CONNECTING\n0 dial 1\n0 dial 2\n0 close 1\n");
    static const uint16_t ports[] = {1, 3, 2};
    pick_update(chan, ports, 3);
    chan_to(chan, 400);
    chan_expect(chan, "100 dial 3\n");
    // 2 is gone, and so is its attempt.
    pick_update(chan, pick_13, 2);
    chan_to(chan, 450);
    chan_expect(chan, "400 close 2\n");
    // Of what is left 1 has failed; why is not forgotten.
    pick_update(chan, pick_1, 1);
    chan_settle(chan);
    chan_expect(chan, "450 close 3\n450 done 1 UNAVAILABLE\n"
                      "450 TRANSIENT_FAILURE\n");
    char text[256];
    (void)snprintf(text, sizeof text,
                   "connect to 127.0.0.1:1: %s; gave up after 450 ms",
                   kit_error(ECONNREFUSED));
    assert_string_equal(result->text, text);
    chan_end(chan);
}

// In TRANSIENT_FAILURE a pass is made without leaving that.
static void test_pick_first__update_in_failure(void **state)
{
    (void)state;
    struct chan *chan = pick_begin(pick_1, 1);
    chan_expect(chan, "0 CONNECTING\n0 dial 1\n0 close 1\n"
                      "0 TRANSIENT_FAILURE\n");
    sim_swallow(chan->world, 3);
    chan_to(chan, 500);
    pick_update(chan, pick_23, 2);
    chan_to(chan, 600);
    chan_expect(chan, "500 dial 2\n500 dial 3\n500 close 2\n");
    struct kit_result *fast = chan_call(chan);
    chan_to(chan, 700);
    chan_expect(chan, "600 done 1 UNAVAILABLE\n");
    char text[256];
    (void)snprintf(text, sizeof text,
                   "connect to 127.0.0.1:1: %s; gave up after 0 ms",
                   kit_error(ECONNREFUSED));
    assert_string_equal(fast->text, text);
    // The pass ends, and each is on its own again; 2 had waited for that.
    chan_to(chan, 20501);
    chan_expect(chan, "20501 dial 2\n20501 close 3\n20501 close 2\n"
                      "20501 dial 3\n");
    // A new list of what has failed not long ago: nothing is dialled.
    pick_update(chan, pick_2, 1);
    chan_to(chan, 20600);
    chan_expect(chan, "20501 close 3\n");
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_TRANSIENT_FAILURE);
    chan_end(chan);
}

// The same, and an address of the new list answers.
static void test_pick_first__update_ends_failure(void **state)
{
    (void)state;
    struct chan *chan = pick_begin(pick_1, 1);
    (void)chan_door(chan, 2, CHAN_SETTINGS);
    chan_forget(chan);
    pick_update(chan, pick_12, 2);
    chan_to(chan, 5000);
    chan_expect(chan, "0 dial 2\n0 READY\n");
    chan_end(chan);
}

// Without memory nothing has changed.
static void test_pick_first__update_without_memory(void **state)
{
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        struct chan *chan = pick_begin(pick_12, 2);
        struct socket_address addresses[] = {chan_address("127.0.0.1", 3),
                                             chan_address("127.0.0.1", 2),
                                             chan_address("127.0.0.1", 4)};
        sim_swallow(chan->world, 3);
        chan_forget(chan);
        size_t calls = chan->heap.calls;
        chan->heap.fail_at = calls + n;
        bool updated = channel_on_addresses(chan->channel, addresses, 3);
        failed = n <= 3;
        assert_int_equal(updated, !failed);
        assert_int_equal(pick_subchannels(chan), failed ? 2 : 3);
        assert_int_equal(chan_subchannel(chan, 1) != NULL, failed);
        chan_end(chan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pick_first__order),
        cmocka_unit_test(test_pick_first__ports_differ),
        cmocka_unit_test(test_pick_first__happy_eyeballs),
        cmocka_unit_test(test_pick_first__an_early_address_may_still_win),
        cmocka_unit_test(test_pick_first__next_at_once_after_a_refusal),
        cmocka_unit_test(test_pick_first__refusal_of_an_older_attempt),
        cmocka_unit_test(test_pick_first__pass_ends_with_the_slowest),
        cmocka_unit_test(test_pick_first__attempt_delay),
        cmocka_unit_test(test_pick_first__32_addresses),
        cmocka_unit_test(test_pick_first__causes),
        cmocka_unit_test(test_pick_first__many_causes),
        cmocka_unit_test(test_pick_first__sticky_failure),
        cmocka_unit_test(test_pick_first__newest_cause),
        cmocka_unit_test(test_pick_first__lost_is_idle),
        cmocka_unit_test(test_pick_first__lost_with_a_call_waiting),
        cmocka_unit_test(test_pick_first__update_keeps_the_connection),
        cmocka_unit_test(test_pick_first__update_without_the_connection),
        cmocka_unit_test(test_pick_first__update_in_idle),
        cmocka_unit_test(test_pick_first__update_in_a_pass),
        cmocka_unit_test(test_pick_first__update_in_failure),
        cmocka_unit_test(test_pick_first__update_ends_failure),
        cmocka_unit_test(test_pick_first__update_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
