// SPDX-License-Identifier: MIT
// Two engines without core: streams with DATA both ways, which core cannot make
// yet. Each side reads, writes, opens, sends, credits and resets when the dice
// say so; the network is that of sim_net.
//
// What is held against what: the content of every stream, byte by byte; that a
// stream which nobody has reset is whole at both ends; each window together
// with all that is on the way, unread and not credited; and the wire itself.

#include "tests/sim/sim_core.h"

#include <stdlib.h>
#include <string.h>

#include "h2/h2.h"
#include "h2/h2_flow.h"
#include "h2/h2_limits.h"
#include "h2/h2_stream.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_wire.h"
#include "tests/support.h"

enum {
    ENGINE_STREAMS = 160,
    ENGINE_ENOUGH = 50,
    ENGINE_OPEN = 12, // streams that are worked on
    ENGINE_INPUT = 32768,
    ENGINE_QUEUE = 100000, // most queued on a stream
    ENGINE_STEPS = 60000,
    ENGINE_IDLE = 20, // rounds in which nothing comes
    ENGINE_PORT = 80,
    ENGINE_PINGS = 6000,
};

// One end's view of one stream.
struct engine_end {
    struct h2_stream *stream;
    uint64_t sent;
    uint64_t received;
    uint64_t unread;
    bool headers_sent;
    bool end_sent;
    bool end_seen;
    bool writable_wanted;
    bool reset; // by either side, or lost
};

struct engine_side {
    struct test_heap heap;
    struct h2_shared shared;
    struct h2_conn conn;
    grpc_limits limits;
    int which;
    int fd;
    struct engine_end ends[ENGINE_STREAMS];
    size_t opened;
    uint8_t input[ENGINE_INPUT]; // read, and not yet taken by the engine
    size_t input_size;
    uint64_t read;
    uint64_t pings_sent;
    uint64_t pings_back;
    uint64_t deaf_us; // does not read before
    uint64_t mute_us; // does not write before
    size_t lent;      // buffers that wait for their release
    bool closed;      // H2_EVENT_CLOSED was given
    bool cut;         // the network has told of an end
};

struct engine {
    uint64_t random;
    bool thorough;
    bool violent;
    bool torn;
    int flooder;
    struct sim_world *world;
    struct wire_link wire;
    struct engine_side sides[2];
    uint64_t steps;
    uint64_t streams;
};

static uint32_t engine_random(struct engine *engine, uint32_t below)
{
    return test_random(&engine->random) % below;
}

static bool engine_chance(struct engine *engine, uint32_t percent)
{
    return engine_random(engine, 100) < percent;
}

static uint8_t engine_byte(int from, uint32_t id, uint64_t offset)
{
    return (uint8_t)(id * 31 + offset * 7 + (offset >> 8) +
                     (from == WIRE_SERVER ? 101 : 0));
}

static void engine_release(struct engine_side *side, struct engine_end *end)
{
    h2_release(&side->conn, end->stream);
    end->stream = NULL;
    end->unread = 0;
}

// ---- Events -----------------------------------------------------------------

static void engine_on_headers(struct engine_side *side,
                              const struct h2_event *event)
{
    if (event->headers != H2_HEADERS_REQUEST) {
        return;
    }
    struct engine_end *end = &side->ends[event->stream->id / 2];
    SIM_CHECK(end->stream == NULL && !end->end_seen && !end->reset,
              "stream %u comes twice", (unsigned)event->stream->id);
    end->stream = event->stream;
    event->stream->owner = end;
    if (side->opened < event->stream->id / 2 + 1) {
        side->opened = event->stream->id / 2 + 1;
    }
}

static void engine_on_data(struct engine_side *side, struct engine_end *end,
                           const struct h2_event *event)
{
    uint32_t id = event->stream->id;
    for (size_t i = 0; i < event->data.size; i++) {
        SIM_CHECK(event->data.data[i] ==
                      engine_byte(1 - side->which, id, end->received + i),
                  "stream %u: byte %llu is another one", (unsigned)id,
                  (unsigned long long)(end->received + i));
    }
    end->received += event->data.size;
    end->unread += event->data.size;
}

static void engine_on_reset(struct engine_side *side, struct engine_end *end,
                            const struct h2_event *event)
{
    SIM_CHECK(event->by_peer, "stream %u is reset: %s",
              (unsigned)event->stream->id, event->reason);
    SIM_CHECK(!end->reset, "stream %u is reset twice",
              (unsigned)event->stream->id);
    sim_note("side %lld: stream %lld was reset, code %lld", side->which,
             event->stream->id, event->code, 0);
    end->reset = true;
    engine_release(side, end);
}

static void engine_on_closed(struct engine *engine, struct engine_side *side,
                             const struct h2_event *event)
{
    SIM_CHECK(!side->closed, "an engine closes twice");
    SIM_CHECK(event->code == H2_NO_ERROR && side->cut, "side %d closes: %s",
              side->which, event->reason);
    side->closed = true;
    (void)engine;
}

static void engine_on_event(struct engine *engine, struct engine_side *side,
                            const struct h2_event *event)
{
    if (event->type == H2_EVENT_HEADERS) {
        engine_on_headers(side, event);
    }
    struct engine_end *end =
        event->stream != NULL ? event->stream->owner : NULL;
    switch (event->type) {
    case H2_EVENT_DATA:
        engine_on_data(side, end, event);
        break;
    case H2_EVENT_RESET:
        engine_on_reset(side, end, event);
        return;
    case H2_EVENT_WRITABLE:
        SIM_CHECK(end->writable_wanted && h2_queued_bytes(end->stream) == 0,
                  "stream %u: nobody waits to write",
                  (unsigned)event->stream->id);
        end->writable_wanted = false;
        break;
    case H2_EVENT_PING_ACK:
        side->pings_back++;
        break;
    case H2_EVENT_CLOSED:
        engine_on_closed(engine, side, event);
        break;
    case H2_EVENT_NONE:
    case H2_EVENT_SETTINGS:
    case H2_EVENT_HEADERS:
    case H2_EVENT_GOAWAY:
    case H2_EVENT_PING:
        break;
    }
    if (end != NULL && event->end_stream) {
        SIM_CHECK(!end->end_seen, "stream %u ends twice",
                  (unsigned)event->stream->id);
        end->end_seen = true;
    }
}

// ---- Bytes ------------------------------------------------------------------

static void engine_feed(struct engine *engine, struct engine_side *side)
{
    size_t at = 0;
    struct h2_event event;
    enum h2_result result = H2_EVENT;
    while (result == H2_EVENT) {
        size_t used = 0;
        result = h2_recv(&side->conn,
                         view_of(side->input + at, side->input_size - at),
                         &used, &event);
        at += used;
        if (result == H2_EVENT) {
            engine_on_event(engine, side, &event);
        }
    }
    side->input_size -= at;
    memmove(side->input, side->input + at, side->input_size);
    if (result == H2_BLOCKED) {
        sim_met(SIM_BLOCKED);
    }
    SIM_CHECK(result == H2_BLOCKED || side->input_size == 0,
              "side %d leaves %zu bytes of input", side->which,
              side->input_size);
}

static void engine_read(struct engine *engine, struct engine_side *side,
                        size_t most)
{
    size_t room = sizeof side->input - side->input_size;
    size_t n =
        sim_raw_read(engine->world, side->fd, side->input + side->input_size,
                     most < room ? most : room);
    side->input_size += n;
    side->read += n;
    wire_cut(&engine->wire, 1 - side->which, side->read);
    engine_feed(engine, side);
    bool over = n == 0 && (sim_raw_is_over(engine->world, side->fd) ||
                           sim_end(engine->world, side->fd)->reset);
    if (over && !side->cut) {
        side->cut = true;
        h2_close_input(&side->conn, "the network is gone");
        engine_feed(engine, side);
    }
}

static void engine_write(struct engine *engine, struct engine_side *side,
                         size_t most)
{
    struct view view;
    while (most > 0 && h2_output_peek(&side->conn, &view, 1) == 1) {
        size_t n = view.size < most ? view.size : most;
        n = sim_raw_send(engine->world, side->fd, view.data, n);
        if (n == 0) {
            return;
        }
        most -= n;
        h2_output_consume(&side->conn, n);
    }
}

static void engine_wrote(void *user, int fd, const uint8_t *bytes, size_t size)
{
    struct engine *engine = user;
    wire_wrote(&engine->wire, engine->sides[1].fd == fd, bytes, size);
}

// ---- The oracle -------------------------------------------------------------

// engine_check_flow: what the sender may send, and all that was ever sent or
// granted and is not yet accounted for, is the limit.
static void engine_check_flow(const struct engine *engine, int from)
{
    const struct engine_side *sender = &engine->sides[from];
    const struct engine_side *receiver = &engine->sides[1 - from];
    for (size_t i = 0; i < receiver->opened; i++) {
        const struct h2_stream *out = sender->ends[i].stream;
        const struct h2_stream *in = receiver->ends[i].stream;
        if (out == NULL || in == NULL || out->state == H2_STATE_CLOSED ||
            in->state == H2_STATE_CLOSED) {
            continue;
        }
        const struct wire_stream *wire = &engine->wire.streams[i];
        int64_t sum =
            h2_flow_send_window(out) +
            (wire->data_sent[from] - wire->data_taken[from]) +
            (int64_t)receiver->ends[i].unread + in->kept_bytes +
            (in->credit_bytes - in->ahead_bytes) - in->extra_bytes +
            (wire->credit_sent[1 - from] - wire->credit_taken[1 - from]);
        int64_t limit = engine->wire.sides[1 - from].peer.initial;
        SIM_CHECK(sum == limit, "stream %zu: the window is %lld of %lld",
                  i * 2 + 1, (long long)sum, (long long)limit);
        SIM_CHECK(in->extra_bytes <= receiver->limits.window_bytes_max &&
                      in->extra_bytes <= receiver->limits.window_growth_bytes,
                  "stream %zu: the window has grown by %u", i * 2 + 1,
                  (unsigned)in->extra_bytes);
        if (in->extra_bytes > 0) {
            sim_met(SIM_GROWN);
        }
    }
}

static void engine_check(struct engine *engine)
{
    bool deep = engine->thorough || engine_random(engine, 32) == 0;
    const struct h2_conn *conns[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        const struct engine_side *side = &engine->sides[i];
        if (side->conn.state != H2_CONN_CLOSED) {
            conns[i] = &side->conn;
            wire_scan(&engine->wire, i, &side->conn);
        } else {
            engine->wire.sides[i].over = true;
        }
    }
    for (int i = 0; i < 2; i++) {
        const struct engine_side *side = &engine->sides[i];
        if (conns[i] != NULL) {
            wire_take(&engine->wire, 1 - i, side->read - side->input_size);
        }
        if (deep) {
            h2_check(&side->conn);
        }
    }
    wire_check(&engine->wire, conns[0], conns[1], deep);
    if (deep && conns[0] != NULL && conns[1] != NULL) {
        engine_check_flow(engine, 0);
        engine_check_flow(engine, 1);
    }
    engine->steps++;
}

// ---- Acts -------------------------------------------------------------------

static struct h2_field engine_field(const char *name, struct view value,
                                    enum hpack_mode mode)
{
    return (struct h2_field){
        .field = {.name = view_of(name, strlen(name)), .value = value},
        .mode = mode,
    };
}

static void engine_send_headers(struct engine *engine, struct engine_side *side,
                                struct engine_end *end, bool last)
{
    static uint8_t filler[12000];
    memset(filler, 'v', sizeof filler);
    struct h2_field fields[6];
    size_t count = 0;
    if (side->which == WIRE_CLIENT) {
        fields[count++] = engine_field(":method", VIEW("POST"), HPACK_INDEX);
        fields[count++] = engine_field(":scheme", VIEW("http"), HPACK_INDEX);
        fields[count++] = engine_field(":path", VIEW("/sim"), HPACK_INDEX);
        if (engine_random(engine, 16) == 0) {
            // Longer than a frame; beyond the peer's soft limit.
            fields[count++] =
                engine_field("long", view_of(filler, 12000), HPACK_PLAIN);
            fields[count++] =
                engine_field("longer", view_of(filler, 11000), HPACK_PLAIN);
        }
    } else if (!end->headers_sent) {
        fields[count++] = engine_field(":status", VIEW("200"), HPACK_INDEX);
    } else {
        fields[count++] = engine_field("grpc-status", VIEW("0"), HPACK_INDEX);
    }
    uint8_t value[200];
    size_t size = 1 + engine_random(engine, sizeof value);
    memset(value, 'a' + (int)engine_random(engine, 26), size);
    fields[count++] =
        engine_field(engine_chance(engine, 50) ? "meta" : "grpc-trace-bin",
                     view_of(value, size), HPACK_INDEX);
    SIM_CHECK(h2_send_headers(&side->conn, end->stream, fields, count, last),
              "no HEADERS");
    end->headers_sent = true;
    end->end_sent = last;
}

static void engine_open(struct engine *engine)
{
    struct engine_side *client = &engine->sides[WIRE_CLIENT];
    if (!h2_can_open(&client->conn) || client->opened == ENGINE_STREAMS) {
        return;
    }
    struct engine_end *end = &client->ends[client->opened++];
    end->stream = h2_open(&client->conn, end);
    SIM_CHECK(end->stream != NULL, "no stream");
    engine_send_headers(engine, client, end, engine_chance(engine, 10));
    engine->streams++;
    sim_note("stream %lld opens", end->stream->id, 0, 0, 0);
}

static void engine_free(void *argument)
{
    free(argument); // a second time is found, and so is reading on
}

// engine_take_returned calls the releases that are due.
static void engine_take_returned(struct engine_side *side)
{
    void (*release)(void *) = NULL;
    void *argument = NULL;
    while (h2_take_returned(&side->shared, &release, &argument)) {
        SIM_CHECK(side->lent > 0, "a release too many");
        side->lent--;
        release(argument);
    }
}

// engine_lend sends content from memory that is free when it is released.
static bool engine_lend(struct engine_side *side, struct engine_end *end,
                        struct view content, bool last)
{
    size_t prefix = content.size < 5 ? content.size : 5;
    struct view rest = view_skip(content, prefix);
    uint8_t *copy = malloc(rest.size + 1);
    SIM_CHECK(copy != NULL, "no memory");
    memcpy(copy, rest.data, rest.size);
    side->lent++;
    return h2_send_data_lent(&side->conn, end->stream,
                             view_of(content.data, prefix),
                             view_of(copy, rest.size), engine_free, copy, last);
}

static void engine_send(struct engine *engine, struct engine_side *side,
                        struct engine_end *end, bool last)
{
    static uint8_t content[ENGINE_QUEUE];
    static const uint32_t sizes[] = {1, 100, 5000, 20000, 60000};
    if (end->end_sent || end->stream->state == H2_STATE_CLOSED) {
        return;
    }
    if (!end->headers_sent) {
        engine_send_headers(engine, side, end, false);
        return;
    }
    size_t queued = h2_queued_bytes(end->stream);
    size_t size = engine_random(engine, sizes[engine_random(engine, 5)]);
    if (queued + size > ENGINE_QUEUE) {
        size = 0;
    }
    for (size_t i = 0; i < size; i++) {
        content[i] = engine_byte(side->which, end->stream->id, end->sent + i);
    }
    if (last && side->which == WIRE_SERVER && queued == 0 &&
        engine_chance(engine, 50)) {
        engine_send_headers(engine, side, end, true);
        return;
    }
    struct view bytes = view_of(content, size);
    SIM_CHECK(size % 2 == 1
                  ? engine_lend(side, end, bytes, last)
                  : h2_send_data(&side->conn, end->stream, bytes, last),
              "no DATA");
    engine_take_returned(side);
    end->sent += size;
    end->end_sent = last;
    if (!last && engine_random(engine, 8) == 0) {
        h2_want_writable(end->stream);
        end->writable_wanted = true;
    }
}

static void engine_credit(struct engine_side *side, struct engine_end *end,
                          uint64_t most)
{
    uint64_t n = most < end->unread ? most : end->unread;
    end->unread -= n;
    h2_credit(&side->conn, end->stream, (size_t)n);
}

static void engine_want(struct engine_side *side, struct engine_end *end,
                        uint32_t n)
{
    const struct h2_stream *stream = end->stream;
    h2_want(&side->conn, end->stream, n);
    SIM_CHECK(h2_flow_receive_window(stream) >= (int64_t)n ||
                  side->conn.state == H2_CONN_CLOSED ||
                  !h2_stream_can_receive(stream),
              "stream %u: %u bytes cannot come though they are wanted",
              (unsigned)stream->id, (unsigned)n);
}

static bool engine_is_done(const struct engine_end *end)
{
    return end->stream->state == H2_STATE_CLOSED && end->unread == 0;
}

static void engine_touch(struct engine *engine, struct engine_side *side)
{
    if (side->opened == 0) {
        return;
    }
    uint32_t span = side->opened < ENGINE_OPEN ? (uint32_t)side->opened
                                               : (uint32_t)ENGINE_OPEN;
    struct engine_end *end =
        &side->ends[side->opened - 1 - engine_random(engine, span)];
    if (end->stream == NULL) {
        return;
    }
    if (engine_is_done(end)) {
        engine_release(side, end);
        return;
    }
    uint32_t dice = engine_random(engine, 100);
    if (dice < 50) {
        engine_send(engine, side, end, dice < 6);
    } else if (dice < 85) {
        engine_credit(side, end, engine_random(engine, 40000));
    } else if (dice < 95) {
        engine_want(side, end, engine_random(engine, 100000));
    } else if (dice < 98) {
        sim_note("side %lld resets stream %lld", side->which, end->stream->id,
                 0, 0);
        h2_reset(&side->conn, end->stream, H2_CANCEL);
        end->reset = true;
        engine_release(side, end);
    }
}

static void engine_settings(struct engine *engine, struct engine_side *side)
{
    static const uint32_t windows[] = {0, 1, 100, 65535, 200000};
    static const uint32_t tables[] = {0, 64, 300, 4096, 8192};
    struct h2_settings settings = side->conn.wanted;
    settings.initial_window_size = windows[engine_random(engine, 5)];
    settings.header_table_size = tables[engine_random(engine, 5)];
    settings.max_frame_size = engine_chance(engine, 50) ? 16384 : 40000;
    if (side->which == WIRE_SERVER) {
        settings.max_concurrent_streams = 3 + engine_random(engine, 100);
    }
    bool due = side->conn.settings_unacked;
    SIM_CHECK(h2_update_settings(&side->conn, &settings) == !due ||
                  side->conn.state == H2_CONN_CLOSED,
              "SETTINGS while others are not acknowledged");
    sim_note("side %lld: SETTINGS, window %lld, table %lld", side->which,
             settings.initial_window_size, settings.header_table_size, 0);
}

static void engine_ping(struct engine *engine, struct engine_side *side)
{
    static const uint8_t payload[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    // One side alone: two that flood each other wait for each other to read.
    bool flood =
        side->which == engine->flooder && engine_random(engine, 30) == 0;
    uint32_t count = flood ? ENGINE_PINGS : 1;
    for (uint32_t i = 0; i < count; i++) {
        SIM_CHECK(h2_ping(&side->conn, payload), "no PING");
    }
    if (flood) {
        engine->sides[1 - side->which].mute_us = engine->world->now_us + 50000;
    }
    side->pings_sent += count;
    sim_met(SIM_PING);
}

// engine_goaway: in two steps, as a server does that wants to lose no stream, or
// in one, which may leave room for some streams that are on the way.
static void engine_goaway(struct engine *engine)
{
    struct engine_side *server = &engine->sides[WIRE_SERVER];
    bool first = !server->conn.goaway_sent && engine_chance(engine, 50);
    uint32_t last = 0x7fffffff;
    if (!first) {
        last = server->conn.last_peer_id + 2 * engine_random(engine, 4);
    }
    SIM_CHECK(h2_goaway(&server->conn, last, H2_NO_ERROR, VIEW("simulated")),
              "no GOAWAY");
    sim_note("GOAWAY, last stream %lld", last, 0, 0, 0);
}

static void engine_tear(struct engine *engine)
{
    sim_met(SIM_TORN);
    engine->torn = true;
    sim_tear(engine->world, engine->sides[0].fd, engine_chance(engine, 50));
    sim_note("the connection is torn", 0, 0, 0, 0);
}

static void engine_rare(struct engine *engine, struct engine_side *side)
{
    uint32_t dice = engine_random(engine, 100);
    if (dice < 30) {
        engine_settings(engine, side);
    } else if (dice < 60) {
        engine_ping(engine, side);
    } else if (dice < 75) {
        side->deaf_us = engine->world->now_us + engine_random(engine, 50000);
        sim_met(SIM_STALLED);
    } else if (dice < 85) {
        side->mute_us = engine->world->now_us + engine_random(engine, 50000);
    } else if (dice < 97) {
        sim_pause(engine->world, side->fd, engine_random(engine, 50000));
        sim_met(SIM_PAUSED);
    } else if (engine->violent && engine_chance(engine, 50)) {
        engine_goaway(engine);
    } else if (engine->violent && engine_chance(engine, 20)) {
        engine_tear(engine);
    }
}

static void engine_step(struct engine *engine)
{
    struct engine_side *side = &engine->sides[engine_random(engine, 2)];
    uint64_t now = engine->world->now_us;
    uint32_t dice = engine_random(engine, 100);
    engine->sides[0].shared.now_us = now;
    engine->sides[1].shared.now_us = now;
    if (dice < 4) {
        engine_open(engine);
    } else if (dice < 45) {
        engine_touch(engine, side);
    } else if (dice < 47) {
        engine_rare(engine, side);
    } else if (dice < 65) {
        if (side->mute_us <= now) {
            engine_write(engine, side, engine_random(engine, 30000));
        }
    } else if (dice < 85) {
        if (side->deaf_us <= now) {
            engine_read(engine, side,
                        1 + (engine_chance(engine, 50)
                                 ? engine_random(engine, 40)
                                 : engine_random(engine, 30000)));
        }
    } else {
        (void)sim_turn(engine->world, now + engine_random(engine, 500));
    }
    engine_check(engine);
}

// ---- A run ------------------------------------------------------------------

static void engine_accepted(void *user, int fd)
{
    struct engine *engine = user;
    engine->sides[WIRE_SERVER].fd = fd;
}

static void engine_begin_side(struct engine *engine, int which)
{
    struct engine_side *side = &engine->sides[which];
    int fd = side->fd;
    memset(side, 0, offsetof(struct engine_side, input));
    side->input_size = 0;
    side->read = 0;
    side->pings_sent = 0;
    side->pings_back = 0;
    side->deaf_us = 0;
    side->mute_us = 0;
    side->lent = 0;
    side->closed = false;
    side->cut = false;
    side->which = which;
    side->fd = fd;
    static const uint32_t growths[] = {1, 10000, 300000, 16777216};
    side->limits = *h2_limits_default();
    side->limits.window_growth_bytes = growths[engine_random(engine, 4)];
    if (engine_chance(engine, 25)) {
        side->limits.window_bytes_max = 1 + engine_random(engine, 200000);
    }
    struct h2_options options =
        h2_options_make(which == WIRE_SERVER, &side->limits);
    options.connection_window = 5000 + engine_random(engine, 200000);
    options.header_limits.hard_bytes = 65536; // room for CONTINUATION
    test_heap_init(&side->heap);
    h2_shared_init(&side->shared, &side->heap.allocator);
    SIM_CHECK(h2_conn_init(&side->conn, &side->shared, &options),
              "no connection");
}

static void engine_begin(struct engine *engine)
{
    wire_init(&engine->wire);
    engine->torn = false;
    engine->sides[WIRE_CLIENT].fd = sim_raw_connect(engine->world, ENGINE_PORT);
    engine_begin_side(engine, WIRE_CLIENT);
    engine_begin_side(engine, WIRE_SERVER);
    sim_note("a connection begins", 0, 0, 0, 0);
}

// engine_finish_end ends and reads one stream at one end.
static void engine_finish_end(struct engine *engine, struct engine_side *side,
                              struct engine_end *end)
{
    engine_credit(side, end, UINT64_MAX);
    // The initial window may be 0.
    engine_want(side, end, 50000);
    engine_send(engine, side, end, true);
    if (engine_is_done(end) || side->conn.state == H2_CONN_CLOSED) {
        if (side->conn.state == H2_CONN_CLOSED) {
            end->reset = true;
        }
        engine_release(side, end);
    }
}

static bool engine_finish(struct engine *engine)
{
    bool any = false;
    for (int i = 0; i < 2; i++) {
        struct engine_side *side = &engine->sides[i];
        side->deaf_us = 0;
        side->mute_us = 0;
        for (size_t k = 0; k < side->opened; k++) {
            if (side->ends[k].stream != NULL) {
                any = true;
                engine_finish_end(engine, side, &side->ends[k]);
            }
        }
        any = any || h2_output_size(&side->conn) > 0 || side->input_size > 0 ||
              sim_on_the_way(engine->world, side->fd) > 0 ||
              (side->conn.settings_unacked && !engine->torn) ||
              (engine->torn && !side->cut);
    }
    return any && !(engine->sides[0].cut && engine->sides[1].cut &&
                    engine->sides[0].conn.stream_count == 0 &&
                    engine->sides[1].conn.stream_count == 0);
}

static void engine_settle(struct engine *engine)
{
    for (int i = 0; i < 2; i++) {
        engine_write(engine, &engine->sides[i], SIZE_MAX);
    }
    sim_settle(engine->world);
    for (int i = 0; i < 2; i++) {
        engine_read(engine, &engine->sides[i], SIZE_MAX);
    }
    engine_check(engine);
}

static void engine_compare(const struct engine *engine)
{
    const struct engine_side *client = &engine->sides[WIRE_CLIENT];
    const struct engine_side *server = &engine->sides[WIRE_SERVER];
    for (size_t k = 0; k < client->opened; k++) {
        const struct engine_end *a = &client->ends[k];
        const struct engine_end *b = &server->ends[k];
        if (a->reset || b->reset) {
            continue;
        }
        SIM_CHECK(a->end_seen && b->end_seen && a->sent == b->received &&
                      b->sent == a->received,
                  "stream %zu: nobody reset it, and it is not whole",
                  k * 2 + 1);
    }
    if (!engine->torn) {
        wire_check_quiet(&client->conn, &server->conn);
        SIM_CHECK(client->pings_sent == client->pings_back &&
                      server->pings_sent == server->pings_back,
                  "PINGs without an answer");
    }
}

static void engine_end(struct engine *engine)
{
    int idle = 0;
    while (engine_finish(engine)) {
        uint64_t before = engine->sides[0].read + engine->sides[1].read;
        engine_settle(engine);
        bool moved = engine->sides[0].read + engine->sides[1].read > before;
        idle = moved ? 0 : idle + 1;
        SIM_CHECK(idle < ENGINE_IDLE, "nothing moves: windows %lld and %lld",
                  (long long)engine->sides[0].conn.send_window,
                  (long long)engine->sides[1].conn.send_window);
    }
    engine_compare(engine);
    for (int i = 0; i < 2; i++) {
        struct engine_side *side = &engine->sides[i];
        h2_conn_fini(&side->conn);
        engine_take_returned(side);
        SIM_CHECK(side->lent == 0, "side %d never releases", i);
        h2_shared_fini(&side->shared);
        SIM_CHECK(test_heap_is_clean(&side->heap), "side %d leaks", i);
        sim_raw_close(engine->world, side->fd);
    }
    sim_settle(engine->world);
}

static bool engine_goes_on(const struct engine *engine)
{
    return !engine->torn && engine->sides[0].opened < ENGINE_STREAMS &&
           !engine->sides[0].conn.goaway_received;
}

void sim_engine_run(uint64_t seed, struct sim_tally *tally)
{
    static struct engine engine;
    static const uint32_t capacities[] = {500, 10000, 100000};
    engine.random = seed * 2 + 1;
    engine.thorough = engine_random(&engine, 8) == 0;
    engine.violent = engine_chance(&engine, 60);
    engine.flooder = (int)engine_random(&engine, 2);
    engine.streams = 0;
    engine.steps = 0;
    engine.world = sim_world_new(&(struct sim_options){
        .seed = seed,
        .delay_us = engine_random(&engine, 500),
        .cut_percent = engine_random(&engine, 100),
        .capacity = capacities[engine_random(&engine, 3)],
    });
    sim_clock(&engine.world->now_us);
    engine.world->tap =
        (struct sim_tap){.user = &engine, .wrote = engine_wrote};
    sim_accept(engine.world, ENGINE_PORT, engine_accepted, &engine);
    while (engine.streams < ENGINE_ENOUGH) {
        engine_begin(&engine);
        for (int i = 0; i < ENGINE_STEPS && engine.streams < ENGINE_ENOUGH &&
                        engine_goes_on(&engine);
             i++) {
            engine_step(&engine);
        }
        engine_end(&engine);
    }
    sim_world_free(engine.world);
    sim_clock(NULL);
    tally->streams += engine.streams;
    tally->checks += engine.steps;
}
