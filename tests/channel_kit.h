// SPDX-License-Identifier: MIT
// A channel on the simulated network, and a trace of what it does: each line
// begins with the milliseconds of virtual time since the beginning.
//
//     0 CONNECTING       the watcher was told
//     0 dial 1           an attempt at port 1 begins
//     5 close 1          the client closes that connection, or attempt
//     5 done 2 OK        call number 2 has ended
//
// Peers are raw: a door is a port whose connections are greeted with SETTINGS,
// or not. The tests run on the split tree alone.

#ifndef TESTS_CHANNEL_KIT_H
#define TESTS_CHANNEL_KIT_H

#include "tests/core_kit.h"
#include "tests/sim/sim_lookup.h"
#include "tests/sim/sim_net.h"

enum { CHAN_TRACE = 1 << 15, CHAN_CALLS = 64, CHAN_ENDS = 256 };

// How a door greets.
enum chan_greeting {
    CHAN_SETTINGS, // and acknowledges the client's
    CHAN_MUTE,     // not at all
    CHAN_FULL,     // SETTINGS that allow no stream
    CHAN_USELESS,  // those, and GOAWAY
    CHAN_RESETS,   // by a reset
};

struct chan;

struct chan_door {
    struct chan *chan;
    uint16_t port;
    enum chan_greeting greeting;
};

struct chan_call {
    struct kit_result result;
    struct chan *chan;
    grpc_call *call;
};

struct chan {
    struct test_heap heap;
    struct sim_world *world;
    grpc_loop *loop;
    grpc_channel *channel;
    uint64_t began_ms;
    bool quiet; // watcher and taps write no trace
    char trace[CHAN_TRACE];
    size_t trace_size;
    struct chan_door doors[SIM_PORTS];
    int door_count;
    int fds[CHAN_ENDS]; // the raw ends, in the order of their coming
    int fd_count;
    struct chan_call calls[CHAN_CALLS];
    int call_count;
    int watched;
    void (*on_watch)(struct chan *chan, grpc_connectivity state);
};

static MAYBE_UNUSED uint64_t chan_now(const struct chan *chan)
{
    return sim_now_ms(chan->world) - chan->began_ms;
}

static MAYBE_UNUSED void chan_say(struct chan *chan, const char *format, ...)
    PRINTF_LIKE(2, 3);

static MAYBE_UNUSED void chan_say(struct chan *chan, const char *format, ...)
{
    char line[700];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    size_t room = sizeof chan->trace - chan->trace_size;
    int size = snprintf(chan->trace + chan->trace_size, room, "%lu %s\n",
                        (unsigned long)chan_now(chan), line);
    assert_true(size > 0 && (size_t)size < room);
    chan->trace_size += (size_t)size;
}

static MAYBE_UNUSED void chan_forget(struct chan *chan)
{
    chan->trace_size = 0;
    chan->trace[0] = '\0';
}

// chan_expect compares the trace since the last time.
static MAYBE_UNUSED void chan_expect(struct chan *chan, const char *text)
{
    assert_string_equal(chan->trace, text);
    chan_forget(chan);
}

static MAYBE_UNUSED void chan_on_watch(grpc_channel *channel,
                                       grpc_connectivity state, void *self)
{
    struct chan *chan = self;
    assert_ptr_equal(channel, chan->channel);
    assert_int_equal(grpc_channel_state(channel), state);
    chan->watched++;
    if (!chan->quiet) {
        chan_say(chan, "%s", grpc_connectivity_name(state));
    }
    if (chan->on_watch != NULL) {
        chan->on_watch(chan, state);
    }
}

static MAYBE_UNUSED void chan_on_dial(void *user, int client_fd,
                                      const struct socket_address *address)
{
    struct chan *chan = user;
    (void)client_fd;
    if (!chan->quiet) {
        chan_say(chan, "dial %u", (unsigned)socket_address_port(address));
    }
}

static MAYBE_UNUSED void chan_on_close(void *user, int fd)
{
    struct chan *chan = user;
    const struct sim_end *end = sim_end(chan->world, fd);
    if (!chan->quiet && end->port != 0 && !end->raw) {
        chan_say(chan, "close %u", (unsigned)end->port);
    }
}

// ---- Peers ------------------------------------------------------------------

static MAYBE_UNUSED void chan_frame(struct chan *chan, int fd, uint8_t type,
                                    uint8_t flags, uint32_t id,
                                    struct view payload)
{
    uint8_t bytes[1024];
    assert_true(payload.size + 9 <= sizeof bytes);
    bytes[0] = 0;
    bytes[1] = (uint8_t)(payload.size >> 8);
    bytes[2] = (uint8_t)(payload.size & 255);
    bytes[3] = type;
    bytes[4] = flags;
    store_be32(bytes + 5, id);
    if (payload.size > 0) {
        memcpy(bytes + 9, payload.data, payload.size);
    }
    assert_int_equal(sim_raw_send(chan->world, fd, bytes, payload.size + 9),
                     payload.size + 9);
}

static MAYBE_UNUSED void chan_goaway(struct chan *chan, int fd, uint32_t last,
                                     uint32_t code, const char *text)
{
    uint8_t bytes[264];
    store_be32(bytes, last);
    store_be32(bytes + 4, code);
    memcpy(bytes + 8, text, strlen(text));
    chan_frame(chan, fd, 7, 0, 0, view_of(bytes, 8 + strlen(text)));
}

static MAYBE_UNUSED void chan_settings(struct chan *chan, int fd,
                                       bool takes_streams)
{
    static const uint8_t none[6] = {0, 3, 0, 0, 0, 0};
    chan_frame(chan, fd, 4, 0, 0, view_of(none, takes_streams ? 0 : 6));
    chan_frame(chan, fd, 4, 1, 0, view_of(NULL, 0));
}

static MAYBE_UNUSED void chan_greet(struct chan *chan, int fd,
                                    enum chan_greeting greeting)
{
    switch (greeting) {
    case CHAN_SETTINGS:
    case CHAN_FULL:
    case CHAN_USELESS:
        chan_settings(chan, fd, greeting == CHAN_SETTINGS);
        break;
    case CHAN_MUTE:
        return;
    case CHAN_RESETS:
        sim_raw_reset(chan->world, fd);
        return;
    }
    if (greeting == CHAN_USELESS) {
        chan_goaway(chan, fd, 0, H2_NO_ERROR, "go");
    }
}

static MAYBE_UNUSED void chan_on_accept(void *user, int fd)
{
    const struct chan_door *door = user;
    struct chan *chan = door->chan;
    assert_true(chan->fd_count < CHAN_ENDS);
    chan->fds[chan->fd_count++] = fd;
    chan_greet(chan, fd, door->greeting);
}

static MAYBE_UNUSED struct chan_door *chan_door(struct chan *chan,
                                                uint16_t port,
                                                enum chan_greeting greeting)
{
    assert_true(chan->door_count < SIM_PORTS);
    struct chan_door *door = &chan->doors[chan->door_count++];
    *door = (struct chan_door){chan, port, greeting};
    sim_accept(chan->world, port, chan_on_accept, door);
    return door;
}

// chan_fd is the newest connection's raw end.
static MAYBE_UNUSED int chan_fd(const struct chan *chan)
{
    assert_true(chan->fd_count > 0);
    return chan->fds[chan->fd_count - 1];
}

// chan_reply answers a call with {name: "ok"}.
static MAYBE_UNUSED void chan_reply(struct chan *chan, int fd, uint32_t id)
{
    static const uint8_t headers[] = {0x88, 0,   12,  'c', 'o', 'n', 't', 'e',
                                      'n',  't', '-', 't', 'y', 'p', 'e', 16,
                                      'a',  'p', 'p', 'l', 'i', 'c', 'a', 't',
                                      'i',  'o', 'n', '/', 'g', 'r', 'p', 'c'};
    static const uint8_t message[] = {0, 0, 0, 0, 4, 0x0a, 2, 'o', 'k'};
    static const uint8_t trailers[] = {0,   11,  'g', 'r', 'p', 'c', '-', 's',
                                       't', 'a', 't', 'u', 's', 1,   '0'};
    chan_frame(chan, fd, 1, 4, id, view_of(headers, sizeof headers));
    chan_frame(chan, fd, 0, 0, id, view_of(message, sizeof message));
    chan_frame(chan, fd, 1, 5, id, view_of(trailers, sizeof trailers));
}

// chan_heard is which frames have come to a raw end, in words; of the calls' the
// HEADERS alone.
static MAYBE_UNUSED const char *chan_heard(struct chan *chan, int fd)
{
    static char text[4096];
    static uint8_t bytes[1 << 16];
    size_t size = sim_raw_read(chan->world, fd, bytes, sizeof bytes);
    size_t at = size >= 24 && memcmp(bytes, kit_magic, 24) == 0 ? 24 : 0;
    size_t used = 0;
    text[0] = '\0';
    while (size - at >= 9) {
        const uint8_t *head = bytes + at;
        size_t length = (size_t)head[1] << 8 | (size_t)head[2];
        const char *name = head[3] == 1   ? "HEADERS"
                           : head[3] == 3 ? "RST_STREAM"
                           : head[3] == 7 ? "GOAWAY"
                                          : NULL;
        if (name != NULL) {
            int more = snprintf(text + used, sizeof text - used, "%s %lu\n",
                                name, (unsigned long)load_be32(head + 5));
            assert_true(more > 0 && (size_t)more < sizeof text - used);
            used += (size_t)more;
        }
        at += 9 + length;
        assert_true(at <= size);
    }
    if (sim_raw_is_over(chan->world, fd)) {
        (void)snprintf(text + used, sizeof text - used, "EOF\n");
    }
    return text;
}

// ---- Calls ------------------------------------------------------------------

static MAYBE_UNUSED const char *chan_code_name(grpc_code code)
{
    static const char *const names[17] = {
        [GRPC_OK] = "OK",
        [GRPC_UNAVAILABLE] = "UNAVAILABLE",
        [GRPC_CANCELLED] = "CANCELLED",
        [GRPC_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
        [GRPC_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
        [GRPC_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
    };
    assert_true((unsigned)code < 17);
    assert_non_null(names[code]);
    return names[code];
}

static MAYBE_UNUSED void chan_on_done(struct kit_result *result)
{
    struct chan_call *call = LIST_OWNER(result, struct chan_call, result);
    struct chan *chan = call->chan;
    call->call = NULL;
    if (!chan->quiet) {
        chan_say(chan, "done %d %s", (int)(call - chan->calls) + 1,
                 chan_code_name(result->code));
    }
}

static MAYBE_UNUSED struct kit_result *chan_call_with(
    struct chan *chan, const grpc_call_options *options)
{
    assert_true(chan->call_count < CHAN_CALLS);
    struct chan_call *call = &chan->calls[chan->call_count++];
    *call = (struct chan_call){.chan = chan};
    call->result.act = chan_on_done;
    call->call =
        kit_call_with(chan->channel, GRPC_STR("x"), &call->result, options);
    return &call->result;
}

static MAYBE_UNUSED struct kit_result *chan_call(struct chan *chan)
{
    return chan_call_with(chan, NULL);
}

static MAYBE_UNUSED struct kit_result *chan_wait(struct chan *chan)
{
    return chan_call_with(chan, &(grpc_call_options){.wait_for_ready = true});
}

// chan_last is the handle of the last call; NULL when it has ended.
static MAYBE_UNUSED grpc_call *chan_last(struct chan *chan)
{
    return chan->calls[chan->call_count - 1].call;
}

// ---- Time -------------------------------------------------------------------

// chan_to lets time pass up to so many milliseconds since the beginning.
static MAYBE_UNUSED void chan_to(struct chan *chan, uint64_t ms)
{
    assert_true(ms >= chan_now(chan));
    sim_run(chan->world, ms - chan_now(chan));
    assert_int_equal(chan_now(chan), ms);
}

static MAYBE_UNUSED void chan_settle(struct chan *chan)
{
    sim_settle(chan->world);
}

// chan_delay is the jittered delay that the next backoff of the loop has, when
// the last one was of base_ms; computed from the specification, by the loop's
// next random number, which is not used up.
static MAYBE_UNUSED uint64_t chan_delay(struct chan *chan, double base_ms,
                                        double jitter)
{
    uint64_t random = chan->loop->random;
    double part = run_random(chan->loop) / 4294967296.0;
    chan->loop->random = random;
    return (uint64_t)(base_ms * (1 - jitter + 2 * jitter * part));
}

// ---- A blocking caller ------------------------------------------------------

// chan_block makes a blocking call; the words of its status are static.
static MAYBE_UNUSED grpc_status chan_block(struct chan *chan)
{
    static grpc_arena arena;
    const struct kit_hello request = {.name = GRPC_STR("x")};
    struct kit_hello reply;
    grpc_status status = grpc_unary(chan->channel, &arena, &kit_methods[0],
                                    &request, &reply, NULL);
    static char text[512];
    (void)snprintf(text, sizeof text, "%s", status.message);
    status.message = text;
    grpc_arena_free(&arena);
    return status;
}

// chan_pass: so much time passes, in which nobody steps the channel's loop.
static MAYBE_UNUSED void chan_pass(struct chan *chan, uint64_t ms)
{
    sim_stall(chan->world, chan->loop, ms * 1000 + 1);
    sim_run(chan->world, ms);
}

// ---- Life -------------------------------------------------------------------

static MAYBE_UNUSED struct chan *chan_begin(const char *target,
                                            const grpc_channel_options *options)
{
    static struct chan chan;
    memset(&chan, 0, sizeof chan);
    *sim_lookup() = (struct sim_lookup){0};
    test_heap_init(&chan.heap);
    chan.world = sim_world_new(&(struct sim_options){.seed = 1});
    chan.world->tap = (struct sim_tap){
        .user = &chan,
        .dialled = chan_on_dial,
        .closed = chan_on_close,
    };
    chan.loop = sim_loop(chan.world, &chan.heap.allocator);
    assert_non_null(chan.loop);
    grpc_channel_options with_loop =
        options == NULL ? (grpc_channel_options){0} : *options;
    with_loop.loop = chan.loop;
    chan.channel = grpc_channel_new(target, &with_loop);
    assert_non_null(chan.channel);
    assert_string_equal(grpc_channel_error(chan.channel), "");
    grpc_channel_watch(chan.channel, chan_on_watch, &chan);
    chan.began_ms = sim_now_ms(chan.world);
    return &chan;
}

static MAYBE_UNUSED void chan_free(struct chan *chan)
{
    chan->quiet = true;
    chan->on_watch = NULL;
    grpc_channel_free(chan->channel);
    chan->channel = NULL;
}

static MAYBE_UNUSED void chan_end(struct chan *chan)
{
    chan->quiet = true;
    chan->on_watch = NULL;
    grpc_channel_free(chan->channel);
    assert_int_equal(sim_loop_free(chan->world, chan->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&chan->heap));
    for (int i = 0; i < chan->call_count; i++) {
        assert_int_equal(chan->calls[i].result.done, 1);
    }
    sim_world_free(chan->world);
}

// chan_address is "127.0.0.1", or "::1", with a port.
static MAYBE_UNUSED struct socket_address chan_address(const char *host,
                                                       uint16_t port)
{
    struct socket_address address;
    assert_true(socket_address_ip(&address, host, port));
    return address;
}

// chan_answer answers the oldest question with 127.0.0.1 on these ports.
static MAYBE_UNUSED void chan_answer(struct chan *chan, const uint16_t *ports,
                                     size_t count)
{
    struct socket_address addresses[LOOKUP_ADDRESS_MAX];
    for (size_t i = 0; i < count; i++) {
        addresses[i] = chan_address("127.0.0.1", ports[i]);
    }
    sim_answer(chan->world, addresses, count, NULL);
}

static MAYBE_UNUSED struct subchannel *chan_subchannel(struct chan *chan,
                                                       uint16_t port)
{
    LIST_EACH (link, after, &chan->channel->subchannels) {
        struct subchannel *subchannel =
            LIST_OWNER(link, struct subchannel, link);
        if (socket_address_port(&subchannel->address) == port) {
            return subchannel;
        }
    }
    return NULL;
}

#endif
