// SPDX-License-Identifier: MIT
// A client and a server engine of ours, joined in memory. The input is a
// script of what their owners do, all of it allowed, and of what the network
// does. Neither end may find fault with the other; what arrives is what was
// sent; when nothing is on the way, windows and header tables of both ends
// agree; at the end everything ends, and nothing is left.
//
//   input: options of both ends, number of the allocation that fails on each
//   (0: none), then actions: which (bit 0: whose), operand.

#include "h2/h2.h"
#include "h2/h2_flow.h"
#include "h2/h2_limits.h"
#include "tests/fuzz/fuzz_hpack.h"

enum {
    ACTOR_STREAMS = 512, // over a run
    ACTOR_ENDS = 24,     // at once
    ACTOR_PIPE = 1 << 16,
    ACTOR_QUEUE = 150000, // most queued on a stream
    ACTOR_PIECE = 62000,
    ACTOR_PERIOD = 4093,
    ACTOR_ROUNDS = 2000,
    ACTOR_CLIENT = 0,
    ACTOR_SERVER = 1,
};

// One end's view of one stream.
struct actor_end {
    struct h2_stream *stream; // NULL: free
    size_t unread;
    size_t kept; // of them, credited to the connection alone
    uint8_t informational;
    bool headers_sent;
    bool end_sent;
    bool end_seen;
    bool writable_wanted;
};

// One direction of one stream, by id.
struct actor_flow {
    size_t sent;
    size_t received;
    bool end_sent;
    bool end_seen;
    bool reset; // either end gave it up
};

struct actor_side {
    struct test_heap heap;
    struct h2_shared shared;
    struct h2_conn conn;
    struct h2_settings settings; // as last announced
    grpc_limits limits;
    struct actor_end ends[ACTOR_ENDS];
    struct actor_flow flows[ACTOR_STREAMS + 1]; // what this side sends
    hpack_hint hints[8];
    uint8_t *pipe;
    size_t pipe_size;
    unsigned pings_sent;
    unsigned pings_back;
    bool ready;
};

static struct actor {
    struct actor_side sides[2];
    uint32_t opened;
    size_t lent;  // buffers that wait for their release
    bool lenient; // memory may fail
    bool broken;  // it has
} actor;

static uint8_t actor_pipes[2][ACTOR_PIPE]; // bytes on the way to each side

// actor_content is what one direction of one stream carries from an offset on,
// ACTOR_PIECE bytes of it: noise that comes again after ACTOR_PERIOD.
static const uint8_t *actor_content(int from, uint32_t id, size_t offset)
{
    static uint8_t noise[ACTOR_PIECE + ACTOR_PERIOD];
    static bool ready;
    for (size_t i = 0; !ready && i < sizeof noise; i++) {
        size_t k = i % ACTOR_PERIOD;
        noise[i] = (uint8_t)(k * 7 + (k >> 8) * 31 + (k >> 4));
    }
    ready = true;
    size_t start = (size_t)id * 37 + (from == ACTOR_SERVER ? 1001 : 0);
    return noise + (start + offset) % ACTOR_PERIOD;
}

static struct actor_side *actor_side(int which)
{
    return &actor.sides[which];
}

static int actor_which(const struct actor_side *side)
{
    return side->conn.is_server ? ACTOR_SERVER : ACTOR_CLIENT;
}

// actor_lost: a call that only memory can make fail has failed.
static void actor_lost(void)
{
    FUZZ_CHECK(actor.lenient);
    actor.broken = true;
}

static struct actor_flow *actor_flow(int from, const struct h2_stream *stream)
{
    return &actor.sides[from].flows[(stream->id + 1) / 2];
}

static void actor_give_up(const struct h2_stream *stream)
{
    actor_flow(ACTOR_CLIENT, stream)->reset = true;
    actor_flow(ACTOR_SERVER, stream)->reset = true;
}

static struct actor_end *actor_end_new(struct actor_side *side,
                                       struct h2_stream *stream)
{
    struct actor_end *end = side->ends;
    while (end < side->ends + ACTOR_ENDS && end->stream != NULL) {
        end++;
    }
    if (end == side->ends + ACTOR_ENDS) {
        return NULL;
    }
    *end = (struct actor_end){.stream = stream};
    return end;
}

static void actor_release(struct actor_side *side, struct actor_end *end)
{
    if (end->stream->state != H2_STATE_CLOSED) {
        actor_give_up(end->stream);
    }
    h2_release(&side->conn, end->stream);
    end->stream = NULL;
}

// ---- Events -----------------------------------------------------------------

// actor_on_request is false when there is no place for the stream.
static bool actor_on_request(struct actor_side *side,
                             const struct h2_event *event)
{
    FUZZ_CHECK(event->stream->owner == NULL);
    struct actor_end *end = actor_end_new(side, event->stream);
    if (end == NULL) {
        actor_give_up(event->stream);
        h2_release(&side->conn, event->stream);
        return false;
    }
    event->stream->owner = end;
    return true;
}

static void actor_on_data(struct actor_side *side, struct actor_end *end,
                          const struct h2_event *event)
{
    int from = 1 - actor_which(side);
    struct actor_flow *flow = actor_flow(from, event->stream);
    FUZZ_CHECK(event->data.size <= ACTOR_PIECE);
    FUZZ_CHECK(view_equal(
        event->data,
        view_of(actor_content(from, event->stream->id, flow->received),
                event->data.size)));
    flow->received += event->data.size;
    end->unread += event->data.size;
    FUZZ_CHECK(flow->received <= flow->sent);
}

static void actor_on_reset(struct actor_side *side, struct actor_end *end,
                           const struct h2_event *event)
{
    FUZZ_CHECK(event->by_peer || actor.lenient);
    FUZZ_CHECK(actor_flow(ACTOR_CLIENT, event->stream)->reset ||
               event->code == H2_REFUSED_STREAM);
    actor_give_up(event->stream);
    actor_release(side, end);
}

static void actor_on_stream(struct actor_side *side,
                            const struct h2_event *event)
{
    struct actor_end *end = event->stream->owner;
    FUZZ_CHECK(end != NULL && end->stream == event->stream);
    if (event->type == H2_EVENT_RESET) {
        actor_on_reset(side, end, event);
        return;
    }
    if (event->type == H2_EVENT_DATA) {
        actor_on_data(side, end, event);
    }
    if (event->type == H2_EVENT_WRITABLE) {
        FUZZ_CHECK(end->writable_wanted);
        FUZZ_CHECK(h2_queued_bytes(end->stream) == 0);
        end->writable_wanted = false;
    }
    if (event->end_stream) {
        FUZZ_CHECK(!end->end_seen);
        end->end_seen = true;
        actor_flow(1 - actor_which(side), event->stream)->end_seen = true;
    }
}

static void actor_event(struct actor_side *side, const struct h2_event *event)
{
    if (event->type == H2_EVENT_CLOSED) {
        if (!actor.lenient) {
            (void)fprintf(stderr, "%s\n", event->reason);
        }
        actor_lost();
    }
    if (event->type == H2_EVENT_PING_ACK) {
        side->pings_back++;
    }
    if (event->type == H2_EVENT_HEADERS) {
        FUZZ_CHECK(event->block->count > 0);
        if (event->headers == H2_HEADERS_REQUEST &&
            !actor_on_request(side, event)) {
            return;
        }
    }
    if (event->stream != NULL) {
        actor_on_stream(side, event);
    }
}

// ---- The network ------------------------------------------------------------

static void actor_flush(int from, size_t most)
{
    struct actor_side *side = actor_side(from);
    struct actor_side *to = actor_side(1 - from);
    struct view view;
    while (most > 0 && h2_output_peek(&side->conn, &view, 1) == 1) {
        size_t n = view.size < most ? view.size : most;
        size_t room = ACTOR_PIPE - to->pipe_size;
        n = n < room ? n : room;
        if (n == 0) {
            return;
        }
        memcpy(to->pipe + to->pipe_size, view.data, n);
        to->pipe_size += n;
        most -= n;
        h2_output_consume(&side->conn, n);
    }
}

static void actor_deliver(int to, size_t most)
{
    struct actor_side *side = actor_side(to);
    size_t size = most < side->pipe_size ? most : side->pipe_size;
    uint8_t *copy = fuzz_copy(view_of(side->pipe, size));
    struct view rest = view_of(copy, size);
    enum h2_result result = H2_EVENT;
    side->shared.now_us += 100;
    while (result == H2_EVENT) {
        struct h2_event event;
        size_t used = 0;
        result = h2_recv(&side->conn, rest, &used, &event);
        rest = view_skip(rest, used);
        h2_check(&side->conn);
        if (result == H2_EVENT) {
            actor_event(side, &event);
            h2_check(&side->conn);
        }
    }
    FUZZ_CHECK(result == H2_BLOCKED || rest.size == 0);
    size_t used = size - rest.size;
    free(copy);
    side->pipe_size -= used;
    memmove(side->pipe, side->pipe + used, side->pipe_size);
}

static bool actor_is_quiet(void)
{
    for (int i = 0; i < 2; i++) {
        if (actor_side(i)->pipe_size > 0 ||
            h2_output_size(&actor_side(i)->conn) > 0) {
            return false;
        }
    }
    return true;
}

static struct h2_stream *actor_find(struct actor_side *side, uint32_t id)
{
    for (size_t i = 0; i < ACTOR_ENDS; i++) {
        struct h2_stream *stream = side->ends[i].stream;
        if (stream != NULL && stream->id == id) {
            return stream;
        }
    }
    return NULL;
}

// actor_compare: what both ends think of one direction.
static void actor_compare(struct actor_side *from, struct actor_side *to)
{
    FUZZ_CHECK(from->conn.send_window == to->conn.receive_window);
    for (size_t i = 0; i < ACTOR_ENDS; i++) {
        const struct h2_stream *stream = from->ends[i].stream;
        if (stream == NULL || stream->id == 0 ||
            stream->state == H2_STATE_CLOSED) {
            continue;
        }
        const struct h2_stream *other = actor_find(to, stream->id);
        if (other != NULL && other->state != H2_STATE_CLOSED) {
            FUZZ_CHECK(h2_flow_send_window(stream) ==
                       h2_flow_receive_window(other));
        }
    }
    // A lower limit is told with the next block.
    if (from->conn.encoder.update_pending) {
        return;
    }
    fuzz_newest_same(&from->conn.encoder.table, &to->conn.decoder.table);
    // Without memory the encoder may forget entries that the decoder keeps.
    if (!actor.lenient) {
        fuzz_same_table(&from->conn.encoder.table, &to->conn.decoder.table);
    }
}

static void actor_settle(void)
{
    for (int round = 0; !actor_is_quiet() && !actor.broken; round++) {
        FUZZ_CHECK(round < ACTOR_ROUNDS);
        for (int i = 0; i < 2; i++) {
            actor_flush(i, SIZE_MAX);
            actor_deliver(1 - i, SIZE_MAX);
        }
    }
    if (!actor.broken) {
        actor_compare(actor_side(0), actor_side(1));
        actor_compare(actor_side(1), actor_side(0));
    }
}

// ---- What owners do ---------------------------------------------------------

static struct h2_field actor_field(struct actor_side *side, const char *name,
                                   const char *value, size_t hint)
{
    return (struct h2_field){
        .field = {.name = view_of(name, strlen(name)),
                  .value = view_of(value, strlen(value))},
        .mode = hint == 7 ? HPACK_NEVER : HPACK_INDEX,
        .hint = hint < 7 ? &side->hints[hint] : NULL,
    };
}

// actor_block sends a block that is right for the stream's state. how: bits
// for fields that are left out or added.
static void actor_block(struct actor_side *side, struct actor_end *end,
                        uint8_t how, bool last)
{
    static char long_value[40000]; // of what Huffman makes no shorter
    static char changing[8];
    struct h2_field fields[8];
    size_t count = 0;
    bool is_server = side->conn.is_server;
    bool trailers = end->headers_sent;
    bool informational = is_server && !trailers && !last && (how & 1) != 0 &&
                         end->informational < 4;
    if (trailers) {
        fields[count++] = actor_field(side, "grpc-status", "0", 0);
    } else if (is_server) {
        if (informational) {
            end->informational++;
        }
        fields[count++] = informational
                              ? actor_field(side, ":status", "103", 1)
                              : actor_field(side, ":status", "200", 2);
    } else {
        fields[count++] = actor_field(side, ":method", "POST", 3);
        fields[count++] = actor_field(side, ":scheme", "http", 4);
        fields[count++] = actor_field(side, ":path", "/actor", 5);
    }
    if ((how & 2) != 0) {
        fields[count++] = actor_field(side, "authorization", "secret", 7);
    }
    if ((how & 4) != 0) {
        (void)snprintf(changing, sizeof changing, "%02x", how);
        fields[count++] = actor_field(side, "changes", changing, 8);
    }
    if ((how & 24) == 24) {
        // The peer's soft limit leaves it out. The larger sizes are about those
        // of a frame, or of two, which the block is then cut into.
        size_t size = (how & 32) != 0 ? 12000 : 16280 + actor.opened * 13 % 150;
        size += (how & 2) != 0 ? 16384 : 0;
        memset(long_value, 0, sizeof long_value);
        memset(long_value, '&', size);
        fields[count++] = actor_field(side, "long", long_value, 8);
        fields[count - 1].mode = HPACK_PLAIN;
    }
    if (!h2_send_headers(&side->conn, end->stream, fields, count, last)) {
        actor_lost();
        return;
    }
    end->headers_sent = !informational;
    end->end_sent = last;
    actor_flow(actor_which(side), end->stream)->end_sent |= last;
}

static bool actor_can_send(const struct actor_end *end)
{
    return end->stream->state != H2_STATE_CLOSED && !end->end_sent;
}

static void actor_open(struct actor_side *side, uint8_t how)
{
    if (side->conn.is_server || actor.opened >= ACTOR_STREAMS ||
        !h2_can_open(&side->conn)) {
        return;
    }
    struct actor_end *end = actor_end_new(side, NULL);
    if (end == NULL) {
        return;
    }
    end->stream = h2_open(&side->conn, end);
    if (end->stream == NULL) {
        actor_lost();
        return;
    }
    actor.opened++;
    if ((how & 128) == 0) {
        actor_block(side, end, how, (how & 64) != 0);
    }
}

static void actor_headers(struct actor_side *side, struct actor_end *end,
                          uint8_t how)
{
    bool trailers = end->headers_sent;
    if (!actor_can_send(end) ||
        (trailers && h2_queued_bytes(end->stream) > 0)) {
        return;
    }
    actor_block(side, end, how, trailers || (how & 64) != 0);
}

static void actor_free_lent(void *argument)
{
    FUZZ_CHECK(actor.lent > 0);
    actor.lent--;
    free(argument); // a second time is found, and so is reading on
}

// actor_take_returned calls the releases that are due.
static void actor_take_returned(struct actor_side *side)
{
    void (*release)(void *) = NULL;
    void *argument = NULL;
    while (h2_take_returned(&side->shared, &release, &argument)) {
        release(argument);
    }
}

// actor_lend sends bytes, the first few as a prefix and the rest from memory
// that is free when it is released.
static bool actor_lend(struct actor_side *side, struct actor_end *end,
                       struct view bytes, bool last)
{
    size_t prefix = bytes.size % (CHUNK_PREFIX + 1);
    struct view rest = view_skip(bytes, prefix);
    uint8_t *copy = fuzz_copy(rest);
    if (!h2_send_data_lent(
            &side->conn, end->stream, view_of(bytes.data, prefix),
            view_of(copy, rest.size), actor_free_lent, copy, last)) {
        free(copy);
        return false;
    }
    actor.lent++;
    return true;
}

static void actor_data(struct actor_side *side, struct actor_end *end,
                       size_t size, bool last, bool is_lent)
{
    if (!actor_can_send(end)) {
        return;
    }
    if (!end->headers_sent) {
        actor_block(side, end, 0, false);
        if (actor.broken) {
            return;
        }
    }
    if (h2_queued_bytes(end->stream) + size > ACTOR_QUEUE) {
        size = 0;
    }
    int which = actor_which(side);
    struct actor_flow *flow = actor_flow(which, end->stream);
    struct view bytes =
        view_of(actor_content(which, end->stream->id, flow->sent), size);
    if (is_lent ? !actor_lend(side, end, bytes, last)
                : !h2_send_data(&side->conn, end->stream, bytes, last)) {
        actor_lost();
        return;
    }
    flow->sent += size;
    flow->end_sent |= last;
    end->end_sent = last;
}

static void actor_read(struct actor_side *side, struct actor_end *end, size_t n)
{
    n = n < end->unread ? n : end->unread;
    end->unread -= n;
    h2_credit(&side->conn, end->stream, n);
}

// actor_keep gives credit to the connection alone, or ends that.
static void actor_keep(struct actor_side *side, struct actor_end *end, size_t n)
{
    if (end->kept > 0) {
        n = n < end->kept ? n : end->kept;
        end->kept -= n;
        h2_credit_stream(&side->conn, end->stream, n);
        return;
    }
    n = n < end->unread ? n : end->unread;
    end->unread -= n;
    end->kept += n;
    h2_credit_connection(&side->conn, end->stream, n);
}

static void actor_settings(struct actor_side *side, uint8_t how)
{
    static const uint32_t windows[] = {0,     1,      100,     16384,
                                       65535, 200000, 1 << 20, H2_WINDOW_MAX};
    static const uint32_t tables[] = {0, 64, 4096, 8192};
    static const uint32_t streams[] = {0, 1, 5, 128};
    struct h2_settings settings = side->settings;
    settings.initial_window_size = windows[how & 7];
    settings.header_table_size = tables[how >> 3 & 3];
    settings.max_frame_size = (how & 32) != 0 ? 40000 : 16384;
    if (side->conn.is_server) {
        settings.max_concurrent_streams = streams[how >> 6];
    }
    // False, too, while earlier ones are not acknowledged.
    if (h2_update_settings(&side->conn, &settings)) {
        side->settings = settings;
    }
}

static void actor_goaway(struct actor_side *side, uint8_t how)
{
    uint32_t last_id =
        (how & 1) != 0 ? side->conn.last_peer_id : H2_STREAM_ID_MAX;
    static const char text[300] = "actor";
    if (!h2_goaway(&side->conn, last_id, H2_NO_ERROR,
                   view_of(text, how >> 1 == 127 ? sizeof text : how >> 5))) {
        actor_lost();
    }
}

static void actor_ping(struct actor_side *side, uint8_t how)
{
    const uint8_t ping[8] = {how, 1, 2, 3, 4, 5, 6, how};
    if (!h2_ping(&side->conn, ping)) {
        actor_lost();
        return;
    }
    side->pings_sent++;
}

// ---- The script -------------------------------------------------------------

enum actor_verb {
    ACTOR_OPEN,
    ACTOR_HEADERS,
    ACTOR_DATA,
    ACTOR_DATA_LAST,
    ACTOR_CREDIT,
    ACTOR_WANT,
    ACTOR_WRITABLE,
    ACTOR_RESET,
    ACTOR_RELEASE,
    ACTOR_KEEP,
    ACTOR_CONTROL,
    ACTOR_SETTINGS,
    ACTOR_FLUSH,
    ACTOR_DELIVER,
    ACTOR_PASS,
    ACTOR_SETTLE,
};

// Sizes by operand: from single bytes to more than a window.
static size_t actor_size(uint8_t how)
{
    static const uint32_t units[] = {1, 30, 500, ACTOR_PIECE / 31};
    return (how & 31) * units[how >> 5 & 3];
}

// actor_touch does something with one stream; an operand chooses which.
static void actor_touch(struct actor_side *side, enum actor_verb verb,
                        struct actor_end *end, uint8_t how)
{
    switch ((int)verb) {
    case ACTOR_HEADERS:
        actor_headers(side, end, how);
        break;
    case ACTOR_DATA:
    case ACTOR_DATA_LAST:
        actor_data(side, end, actor_size(how), verb == ACTOR_DATA_LAST,
                   (how & 128) != 0);
        break;
    case ACTOR_CREDIT:
        actor_read(side, end, (how & 128) != 0 ? SIZE_MAX : actor_size(how));
        break;
    case ACTOR_WANT:
        h2_want(&side->conn, end->stream,
                how == 255 ? H2_WINDOW_MAX : actor_size(how) * 4);
        break;
    case ACTOR_WRITABLE:
        end->writable_wanted |= end->stream->state != H2_STATE_CLOSED;
        h2_want_writable(end->stream);
        break;
    case ACTOR_RESET:
        if (end->stream->state != H2_STATE_CLOSED) {
            actor_give_up(end->stream);
        }
        h2_reset(&side->conn, end->stream, (enum h2_code)(how % 14));
        break;
    case ACTOR_RELEASE:
        actor_release(side, end);
        break;
    case ACTOR_KEEP:
        actor_keep(side, end, actor_size(how));
        break;
    default:
        break;
    }
}

// actor_pick is one of the side's streams; NULL when there is none.
static struct actor_end *actor_pick(struct actor_side *side, uint8_t which)
{
    size_t count = 0;
    struct actor_end *live[ACTOR_ENDS];
    for (size_t i = 0; i < ACTOR_ENDS; i++) {
        if (side->ends[i].stream != NULL) {
            live[count++] = &side->ends[i];
        }
    }
    return count == 0 ? NULL : live[which % count];
}

static void actor_network(int which, enum actor_verb verb, uint8_t how)
{
    size_t n = (how & 128) != 0 ? SIZE_MAX : actor_size(how);
    if (verb == ACTOR_FLUSH || verb == ACTOR_PASS) {
        actor_flush(which, n);
    }
    if (verb == ACTOR_DELIVER || verb == ACTOR_PASS) {
        actor_deliver(verb == ACTOR_PASS ? 1 - which : which, n);
    }
    if (verb == ACTOR_SETTLE) {
        actor_settle();
    }
}

static void actor_step(struct view *input)
{
    uint8_t op = fuzz_byte(input);
    int which = op & 1;
    enum actor_verb verb = (enum actor_verb)(op >> 1 & 15);
    uint8_t how = fuzz_byte(input);
    struct actor_side *side = actor_side(which);
    if (verb >= ACTOR_FLUSH) {
        actor_network(which, verb, how);
    } else if (verb == ACTOR_OPEN) {
        actor_open(actor_side(ACTOR_CLIENT), how);
    } else if (verb == ACTOR_SETTINGS) {
        actor_settings(side, how);
    } else if (verb == ACTOR_CONTROL) {
        (how & 192) == 192 ? actor_goaway(side, how) : actor_ping(side, how);
    } else {
        struct actor_end *end = actor_pick(side, op >> 5);
        if (end != NULL) {
            actor_touch(side, verb, end, how);
        }
    }
    for (int i = 0; i < 2; i++) {
        actor_take_returned(actor_side(i));
        h2_check(&actor_side(i)->conn);
    }
}

// ---- Begin and end ----------------------------------------------------------

static void actor_begin(int which, uint8_t how, uint8_t fail_at)
{
    static const uint32_t windows[] = {1048576, 65535, 5000, 100000};
    struct actor_side *side = actor_side(which);
    side->limits = *h2_limits_default();
    if ((how & 4) != 0) {
        side->limits.header_table_bytes = 200;
        side->limits.encoder_table_bytes = 1000;
        side->limits.output_bytes = 5000;
        side->limits.induced_bytes = 1024;
        side->limits.window_bytes_max = 100000;
        side->limits.window_growth_bytes = 150000;
    }
    struct h2_options options =
        h2_options_make(which == ACTOR_SERVER, &side->limits);
    options.connection_window = windows[how & 3];
    if ((how & 8) != 0) {
        options.local.initial_window_size = (uint32_t)(how >> 4) * 10;
    }
    options.header_limits.hard_bytes = 65536;
    test_heap_init(&side->heap);
    side->heap.fail_at = fail_at;
    actor.lenient |= fail_at != 0;
    side->settings = options.local;
    side->pipe = actor_pipes[which];
    h2_shared_init(&side->shared, &side->heap.allocator);
    side->ready = h2_conn_init(&side->conn, &side->shared, &options);
    if (!side->ready) {
        actor_lost();
    }
}

// actor_finish ends and reads everything; false when there was nothing.
static bool actor_finish(void)
{
    bool any = false;
    for (int i = 0; i < 2; i++) {
        struct actor_side *side = actor_side(i);
        for (size_t k = 0; k < ACTOR_ENDS && !actor.broken; k++) {
            struct actor_end *end = &side->ends[k];
            if (end->stream == NULL) {
                continue;
            }
            any = true;
            actor_read(side, end, SIZE_MAX);
            actor_keep(side, end, end->kept);
            h2_want(&side->conn, end->stream, 50000);
            actor_data(side, end, 0, true, false);
            if (end->stream->state == H2_STATE_CLOSED && !actor.broken) {
                actor_release(side, end);
            }
        }
    }
    return any;
}

static void actor_check_end(const struct actor_side *side)
{
    FUZZ_CHECK(side->conn.stream_count == 0);
    FUZZ_CHECK(side->pings_sent == side->pings_back);
    for (size_t i = 0; i <= ACTOR_STREAMS; i++) {
        const struct actor_flow *flow = &side->flows[i];
        FUZZ_CHECK(flow->reset || flow->end_sent == flow->end_seen);
        FUZZ_CHECK(flow->reset || flow->sent == flow->received);
    }
}

static void actor_close(struct actor_side *side)
{
    struct h2_event event;
    size_t used = 0;
    h2_close_input(&side->conn, "the end");
    FUZZ_CHECK(h2_recv(&side->conn, view_of(NULL, 0), &used, &event) ==
               H2_EVENT);
    FUZZ_CHECK(event.type == H2_EVENT_CLOSED);
    FUZZ_CHECK(h2_recv(&side->conn, view_of(NULL, 0), &used, &event) ==
               H2_IDLE);
}

static void actor_end_all(void)
{
    for (int round = 0; !actor.broken && actor_finish(); round++) {
        FUZZ_CHECK(round < ACTOR_ROUNDS);
        actor_settle();
    }
    if (!actor.broken) {
        actor_settle();
    }
    for (int i = 0; i < 2 && !actor.broken; i++) {
        actor_check_end(actor_side(i));
        actor_close(actor_side(i));
    }
}

static void actor_free(struct actor_side *side)
{
    if (side->ready) {
        h2_conn_fini(&side->conn);
    }
    actor_take_returned(side);
    h2_shared_fini(&side->shared);
    FUZZ_CHECK(test_heap_is_clean(&side->heap));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view input = view_of(data, size);
    memset(&actor, 0, sizeof actor);
    for (int i = 0; i < 2; i++) {
        uint8_t how = fuzz_byte(&input);
        actor_begin(i, how, fuzz_byte(&input));
    }
    while (input.size > 0 && !actor.broken) {
        actor_step(&input);
    }
    actor_end_all();
    actor_free(actor_side(0));
    actor_free(actor_side(1));
    FUZZ_CHECK(actor.lent == 0);
    return 0;
}
