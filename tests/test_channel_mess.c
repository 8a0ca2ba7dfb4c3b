// SPDX-License-Identifier: MIT
// A channel in a mess, from a seed: servers that do what they like, a name
// whose addresses change, and a program that does in each callback whatever a
// program may. Every call ends once, nothing leaks, and the attempts are few.

#include "tests/unit.h"

#include "core/connectivity.h"
#include "tests/channel_kit.h"

enum { MESS_SEEDS = 300, MESS_STEPS = 80, MESS_PORTS = 4, MESS_CALLS = 200 };

struct mess_call {
    struct kit_result result;
    grpc_call *call; // NULL: it has ended, or was refused
};

struct mess {
    struct chan *chan;
    bool is_free; // the channel was freed, by the program
    int open;     // calls
    int call_count;
    struct mess_call calls[MESS_CALLS];
};

static struct mess mess;

static uint32_t mess_random(uint32_t below)
{
    return sim_random(mess.chan->world, below);
}

static void mess_on_done(struct kit_result *result);

static void mess_call(void)
{
    struct chan *chan = mess.chan;
    if (mess.call_count == MESS_CALLS) {
        return;
    }
    struct mess_call *call = &mess.calls[mess.call_count++];
    call->result.act = mess_on_done;
    call->call = kit_call_with(
        chan->channel, GRPC_STR("x"), &call->result,
        &(grpc_call_options){
            .wait_for_ready = mess_random(2) == 0,
            .timeout_ms = mess_random(2) == 0 ? 0 : mess_random(5000),
        });
    mess.open += call->call != NULL;
}

static void mess_cancel(void)
{
    if (mess.call_count > 0) {
        grpc_cancel(mess.calls[mess_random((uint32_t)mess.call_count)].call);
    }
}

static void mess_block(void)
{
    grpc_arena arena = {0};
    const struct kit_hello request = {.name = GRPC_STR("x")};
    struct kit_hello reply;
    grpc_status status = grpc_unary(
        mess.chan->channel, &arena, &kit_methods[0], &request, &reply,
        &(grpc_call_options){.timeout_ms = 1 + mess_random(500)});
    assert_true(status.code == GRPC_OK || status.message[0] != '\0');
    grpc_arena_free(&arena);
}

static void mess_on_watch(grpc_channel *channel, grpc_connectivity state,
                          void *self);

// mess_act does something that a program may do at any time.
static void mess_act(void)
{
    struct chan *chan = mess.chan;
    if (mess.is_free) {
        return;
    }
    switch (mess_random(12)) {
    case 0:
    case 1:
    case 2:
        mess_call();
        break;
    case 3:
        mess_cancel();
        break;
    case 4:
    case 5:
        (void)grpc_channel_connect(chan->channel);
        break;
    case 6:
        grpc_channel_reset_backoff(chan->channel);
        break;
    case 7:
        grpc_channel_watch(chan->channel,
                           mess_random(4) == 0 ? NULL : mess_on_watch, chan);
        break;
    case 8:
        (void)grpc_channel_wait(chan->channel,
                                grpc_channel_state(chan->channel),
                                (int)mess_random(300));
        break;
    case 9:
        (void)grpc_channel_wait_ready(chan->channel, (int)mess_random(300));
        break;
    case 10:
        mess_block();
        break;
    case 11:
        if (mess_random(10) == 0) {
            mess.is_free = true;
            grpc_channel_free(chan->channel);
        }
        break;
    }
}

static void mess_on_watch(grpc_channel *channel, grpc_connectivity state,
                          void *self)
{
    (void)channel;
    (void)self;
    if (state != GRPC_SHUTDOWN) {
        mess_act();
    }
}

static void mess_on_done(struct kit_result *result)
{
    LIST_OWNER(result, struct mess_call, result)->call = NULL;
    assert_int_equal(result->done, 1);
    assert_true(result->code == GRPC_OK || result->text[0] != '\0');
    mess.open--;
    mess_act();
}

static void mess_answer(void)
{
    uint16_t ports[MESS_PORTS];
    size_t count = 1 + mess_random(MESS_PORTS);
    if (sim_lookup()->waiting == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        ports[i] = (uint16_t)(1 + mess_random(MESS_PORTS));
    }
    if (mess_random(4) == 0) {
        sim_answer(mess.chan->world, NULL, 0, "no such name");
    } else {
        chan_answer(mess.chan, ports, count);
    }
}

// mess_serve has one of the newest connections' servers do something.
static void mess_serve(void)
{
    static uint8_t bytes[1 << 16];
    struct chan *chan = mess.chan;
    chan->doors[mess_random((uint32_t)chan->door_count)].greeting =
        (enum chan_greeting)mess_random(CHAN_RESETS + 1);
    int back = 1 + (int)mess_random(3);
    if (chan->fd_count < back || chan->fds[chan->fd_count - back] < 0) {
        return;
    }
    int fd = chan->fds[chan->fd_count - back];
    (void)sim_raw_read(chan->world, fd, bytes, sizeof bytes);
    if (sim_end(chan->world, fd)->state != SIM_OPEN ||
        sim_end(chan->world, fd)->reset || sim_raw_is_over(chan->world, fd)) {
        return;
    }
    switch (mess_random(8)) {
    case 0:
        sim_raw_close(chan->world, fd);
        chan->fds[chan->fd_count - back] = -1;
        break;
    case 1:
        sim_raw_end(chan->world, fd);
        chan->fds[chan->fd_count - back] = -1;
        break;
    case 2:
        sim_raw_reset(chan->world, fd);
        chan->fds[chan->fd_count - back] = -1;
        break;
    case 3:
        chan_goaway(chan, fd, 0, mess_random(2) * 11, "too much");
        break;
    case 4:
        chan_settings(chan, fd, mess_random(2) == 0);
        break;
    case 5:
    case 6:
        chan_reply(chan, fd, 1 + 2 * mess_random(3));
        break;
    default:
        break;
    }
}

static void mess_run(uint64_t seed)
{
    const grpc_channel_options options = {
        .idle_timeout_ms = seed % 3 == 0 ? 700 : 0,
        .connect_timeout_ms = 3000,
        .keepalive_ms = 10000,
        .keepalive_timeout_ms = 1000,
    };
    struct chan *chan = chan_begin(
        seed % 2 == 0 ? "name" : "ipv4:127.0.0.1:1,127.0.0.1:2,127.0.0.1:3",
        &options);
    memset(&mess, 0, sizeof mess);
    mess.chan = chan;
    chan->quiet = true;
    chan->world->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    grpc_channel_watch(chan->channel, mess_on_watch, chan);
    for (uint16_t port = 1; port < MESS_PORTS;
         port++) { // and nobody at the last
        (void)chan_door(chan, port, CHAN_SETTINGS);
    }
    for (int i = 0; i < MESS_STEPS && chan->fd_count < CHAN_ENDS - 40; i++) {
        mess_answer();
        mess_act();
        mess_serve();
        sim_run(chan->world, mess_random(400));
    }
    if (!mess.is_free) {
        mess.is_free = true; // nothing more is done
        chan_free(chan);
    }
    chan->channel = NULL;
    assert_int_equal(mess.open, 0);
    chan_end(chan);
}

static void test_channel_mess(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= MESS_SEEDS; seed++) {
        mess_run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_channel_mess)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
