// SPDX-License-Identifier: MIT
// A client and a server engine joined in memory, from a seed: random cuts,
// several streams, small windows, changing settings, resets. After every step
// both engines are checked; when nothing is on the way, each window is held
// against the other end's; content is compared byte by byte.
#include "tests/unit.h"

#include "h2/h2.h"
#include "h2/h2_flow.h"
#include "tests/h2_script.h"

enum {
    PAIR_STREAMS = 512, // over a run
    PAIR_OPEN = 12,     // at once
    PAIR_STEPS = 3000,
    PAIR_PIPE = 1 << 20,
    PAIR_QUEUE = 100000, // most queued on a stream
};

// One end's view of one stream.
struct pair_end {
    struct h2_stream *stream;
    size_t sent;
    size_t received;
    size_t unread;
    bool headers_sent;
    bool end_sent;
    bool end_seen;
    bool writable_wanted;
    bool reset;
};

struct pair_side {
    struct test_heap heap;
    struct h2_shared shared;
    struct h2_conn conn;
    struct pair_end ends[PAIR_STREAMS];
    size_t opened;
    uint8_t pipe[PAIR_PIPE]; // bytes on the way to this side
    size_t pipe_size;
    unsigned pings_sent;
    unsigned pings_back;
};

struct pair {
    uint64_t random;
    struct pair_side sides[2]; // client, server
    uint8_t content[PAIR_QUEUE];
};

static uint32_t pair_random(struct pair *pair, uint32_t below)
{
    return test_random(&pair->random) % below;
}

static uint8_t pair_byte(bool from_server, uint32_t id, size_t offset)
{
    return (uint8_t)(id * 31 + offset * 7 + (offset >> 8) +
                     (from_server ? 101 : 0));
}

static struct h2_field pair_field(const char *name, const char *value,
                                  enum hpack_mode mode)
{
    return (struct h2_field){
        .field = {.name = view_of(name, strlen(name)),
                  .value = view_of(value, strlen(value))},
        .mode = mode,
    };
}

static void pair_release(struct pair_side *side, struct pair_end *end)
{
    h2_release(&side->conn, end->stream);
    end->stream = NULL;
}

// ---- Events -----------------------------------------------------------------

static void pair_headers(struct pair_side *side, const struct h2_event *event)
{
    if (event->headers == H2_HEADERS_REQUEST) {
        struct pair_end *end = &side->ends[event->stream->id / 2];
        assert_null(end->stream);
        end->stream = event->stream;
        event->stream->owner = end;
        side->opened++;
    }
    assert_true(event->block->count >= 1);
}

static void pair_data(struct pair_side *side, struct pair_end *end,
                      const struct h2_event *event)
{
    for (size_t i = 0; i < event->data.size; i++) {
        assert_int_equal(event->data.data[i],
                         pair_byte(!side->conn.is_server, event->stream->id,
                                   end->received + i));
    }
    end->received += event->data.size;
    end->unread += event->data.size;
}

static void pair_event(struct pair_side *side, const struct h2_event *event)
{
    if (event->type == H2_EVENT_HEADERS) {
        pair_headers(side, event);
    }
    struct pair_end *end = event->stream != NULL ? event->stream->owner : NULL;
    switch (event->type) {
    case H2_EVENT_NONE:
    case H2_EVENT_GOAWAY:
    case H2_EVENT_CLOSED:
        fail_msg("%s", event->reason);
        break;
    case H2_EVENT_SETTINGS:
    case H2_EVENT_HEADERS:
        break;
    case H2_EVENT_DATA:
        pair_data(side, end, event);
        break;
    case H2_EVENT_RESET:
        if (!event->by_peer) {
            fail_msg("stream %u: %s", (unsigned)event->stream->id,
                     event->reason);
        }
        end->reset = true;
        pair_release(side, end);
        return;
    case H2_EVENT_WRITABLE:
        assert_true(end->writable_wanted);
        assert_int_equal(h2_queued_bytes(end->stream), 0);
        end->writable_wanted = false;
        break;
    case H2_EVENT_PING_ACK:
        side->pings_back++;
        break;
    case H2_EVENT_PING:
        break;
    }
    if (end != NULL && event->end_stream) {
        assert_false(end->end_seen);
        end->end_seen = true;
    }
}

// ---- Bytes ------------------------------------------------------------------

static void pair_flush(struct pair *pair, int from, size_t most)
{
    struct pair_side *side = &pair->sides[from];
    struct pair_side *to = &pair->sides[1 - from];
    struct view view;
    while (most > 0 && h2_output_peek(&side->conn, &view, 1) == 1) {
        size_t n = view.size < most ? view.size : most;
        if (n > sizeof to->pipe - to->pipe_size) {
            return;
        }
        memcpy(to->pipe + to->pipe_size, view.data, n);
        to->pipe_size += n;
        most -= n;
        h2_output_consume(&side->conn, n);
    }
}

static void pair_deliver(struct pair *pair, int which, size_t most)
{
    struct pair_side *side = &pair->sides[which];
    size_t size = most < side->pipe_size ? most : side->pipe_size;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, side->pipe, size);
    size_t at = 0;
    struct h2_event event;
    size_t used;
    while (h2_recv(&side->conn, view_of(copy + at, size - at), &used, &event) ==
           H2_EVENT) {
        at += used;
        pair_event(side, &event);
        h2_check(&side->conn);
    }
    at += used;
    free(copy);
    side->pipe_size -= at;
    memmove(side->pipe, side->pipe + at, side->pipe_size);
}

// ---- Actions ----------------------------------------------------------------

static void pair_send_headers(struct pair_side *side, struct pair_end *end,
                              bool last)
{
    static char long_value[20000];
    memset(long_value, 'v', sizeof long_value - 1);
    bool is_server = side->conn.is_server;
    struct h2_field fields[4];
    size_t count = 0;
    if (is_server && end->headers_sent) {
        fields[count++] = pair_field("grpc-status", "0", HPACK_INDEX);
    } else if (is_server) {
        fields[count++] = pair_field(":status", "200", HPACK_INDEX);
    } else {
        fields[count++] = pair_field(":method", "POST", HPACK_INDEX);
        fields[count++] = pair_field(":scheme", "http", HPACK_INDEX);
        fields[count++] = pair_field(":path", "/pair", HPACK_INDEX);
        if (side->opened % 16 == 0) {
            // Over a frame; the server's soft limit leaves it out.
            long_value[12000] = '\0';
            fields[count++] = pair_field("long", long_value, HPACK_PLAIN);
            long_value[12000] = 'v';
        }
    }
    assert_true(h2_send_headers(&side->conn, end->stream, fields, count, last));
    end->headers_sent = true;
    end->end_sent = last;
}

static void pair_open(struct pair *pair)
{
    struct pair_side *client = &pair->sides[0];
    if (client->opened >= PAIR_STREAMS ||
        client->conn.open_count >= PAIR_OPEN || !h2_can_open(&client->conn)) {
        return;
    }
    struct pair_end *end = &client->ends[client->opened];
    end->stream = h2_open(&client->conn, end);
    assert_non_null(end->stream);
    pair_send_headers(client, end, pair_random(pair, 8) == 0);
    assert_int_equal(end->stream->id, client->opened * 2 + 1);
    client->opened++;
}

static void pair_send(struct pair *pair, struct pair_side *side,
                      struct pair_end *end, bool last)
{
    static const uint32_t sizes[] = {1, 20, 300, 5000, 50000};
    if (end->stream->state == H2_STATE_CLOSED || end->end_sent) {
        return;
    }
    if (!end->headers_sent) {
        pair_send_headers(side, end, false);
    }
    size_t queued = h2_queued_bytes(end->stream);
    size_t size = pair_random(pair, sizes[pair_random(pair, 5)]);
    if (queued + size > PAIR_QUEUE) {
        size = 0;
    }
    for (size_t i = 0; i < size; i++) {
        pair->content[i] =
            pair_byte(side->conn.is_server, end->stream->id, end->sent + i);
    }
    if (last && side->conn.is_server && queued == 0 && pair_random(pair, 2)) {
        pair_send_headers(side, end, true);
        return;
    }
    assert_true(h2_send_data(&side->conn, end->stream,
                             view_of(pair->content, size), last));
    end->sent += size;
    end->end_sent = last;
    if (!last && pair_random(pair, 8) == 0) {
        h2_want_writable(end->stream);
        end->writable_wanted = true;
    }
}

static void pair_read(struct pair_side *side, struct pair_end *end, size_t n)
{
    n = n < end->unread ? n : end->unread;
    end->unread -= n;
    h2_credit(&side->conn, end->stream, n);
}

static void pair_settings(struct pair *pair, struct pair_side *side)
{
    static const uint32_t windows[] = {0, 1, 100, 65535, 200000};
    static const uint32_t tables[] = {0, 64, 4096, 8192};
    struct h2_settings settings = side->conn.wanted;
    settings.initial_window_size = windows[pair_random(pair, 5)];
    settings.header_table_size = tables[pair_random(pair, 4)];
    settings.max_frame_size = pair_random(pair, 2) ? 16384 : 40000;
    bool due = side->conn.settings_unacked;
    assert_int_equal(h2_update_settings(&side->conn, &settings), !due);
}

static bool pair_is_done(const struct pair_end *end)
{
    return end->stream->state == H2_STATE_CLOSED && end->unread == 0;
}

static void pair_touch(struct pair *pair, struct pair_side *side)
{
    if (side->opened == 0) {
        return;
    }
    struct pair_end *end =
        &side->ends[side->opened - 1 -
                    pair_random(pair, side->opened < PAIR_OPEN * 2
                                          ? (uint32_t)side->opened
                                          : PAIR_OPEN * 2)];
    if (end->stream == NULL) {
        return;
    }
    if (pair_is_done(end)) {
        pair_release(side, end);
        return;
    }
    uint32_t dice = pair_random(pair, 100);
    if (dice < 50) {
        pair_send(pair, side, end, dice < 5);
    } else if (dice < 88) {
        pair_read(side, end, pair_random(pair, 40000));
    } else if (dice < 96) {
        h2_want(&side->conn, end->stream, pair_random(pair, 100000));
    } else if (dice < 98) {
        h2_reset(&side->conn, end->stream, H2_CANCEL);
        end->reset = true;
        pair_release(side, end);
    } else {
        static const uint8_t ping[8] = {1, 2, 3, 4, 5, 6, 7, 8};
        assert_true(h2_ping(&side->conn, ping));
        side->pings_sent++;
    }
}

// ---- Comparing both ends ----------------------------------------------------

static bool pair_is_quiet(const struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        const struct pair_side *side = &pair->sides[i];
        if (side->pipe_size > 0 || h2_output_size(&side->conn) > 0 ||
            side->conn.settings_unacked) {
            return false;
        }
    }
    return true;
}

static void pair_compare(const struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        const struct pair_side *side = &pair->sides[i];
        const struct pair_side *other = &pair->sides[1 - i];
        assert_int_equal(side->conn.send_window, other->conn.receive_window);
        for (size_t k = 0; k < other->opened; k++) {
            const struct h2_stream *from = side->ends[k].stream;
            const struct h2_stream *to = other->ends[k].stream;
            if (from != NULL && to != NULL && from->state != H2_STATE_CLOSED &&
                to->state != H2_STATE_CLOSED) {
                assert_int_equal(h2_flow_send_window(from),
                                 h2_flow_receive_window(to));
            }
        }
    }
}

static void pair_settle(struct pair *pair)
{
    for (int round = 0; round < 10000 && !pair_is_quiet(pair); round++) {
        for (int i = 0; i < 2; i++) {
            pair_flush(pair, i, SIZE_MAX);
            pair_deliver(pair, 1 - i, SIZE_MAX);
        }
    }
    assert_true(pair_is_quiet(pair));
    pair_compare(pair);
}

// pair_finish ends and reads everything.
static bool pair_finish(struct pair *pair)
{
    bool any = false;
    for (int i = 0; i < 2; i++) {
        struct pair_side *side = &pair->sides[i];
        for (size_t k = 0; k < side->opened; k++) {
            struct pair_end *end = &side->ends[k];
            if (end->stream == NULL) {
                continue;
            }
            any = true;
            pair_read(side, end, SIZE_MAX);
            // The initial window may be 0.
            h2_want(&side->conn, end->stream, 50000);
            pair_send(pair, side, end, true);
            if (pair_is_done(end)) {
                pair_release(side, end);
            }
        }
    }
    return any;
}

static void pair_step(struct pair *pair)
{
    int i = (int)pair_random(pair, 2);
    struct pair_side *side = &pair->sides[i];
    switch (pair_random(pair, 8)) {
    case 0:
        pair_open(pair);
        break;
    case 1:
    case 2:
    case 3:
        pair_touch(pair, side);
        break;
    case 4:
        if (pair_random(pair, 20) == 0) {
            pair_settings(pair, side);
        } else if (pair_random(pair, 20) == 0) {
            pair_settle(pair);
        }
        break;
    case 5:
    case 6:
        pair_flush(pair, i, pair_random(pair, 30000));
        break;
    default:
        pair_deliver(pair, i,
                     pair_random(pair, 2) ? pair_random(pair, 40)
                                          : pair_random(pair, 60000));
        break;
    }
    h2_check(&pair->sides[0].conn);
    h2_check(&pair->sides[1].conn);
}

static void pair_begin(struct pair *pair, uint64_t seed)
{
    memset(pair, 0, sizeof *pair);
    pair->random = seed;
    for (int i = 0; i < 2; i++) {
        struct pair_side *side = &pair->sides[i];
        struct h2_options options = h2_options_default(i == 1);
        options.connection_window = 5000 + pair_random(pair, 200000);
        test_heap_init(&side->heap);
        h2_shared_init(&side->shared, &side->heap.allocator);
        assert_true(h2_conn_init(&side->conn, &side->shared, &options));
    }
}

static void pair_end(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        struct pair_side *side = &pair->sides[i];
        assert_int_equal(side->conn.stream_count, 0);
        assert_int_equal(side->conn.unread_bytes, 0);
        assert_int_equal(side->pings_sent, side->pings_back);
        assert_null(side->conn.spill);
        h2_conn_fini(&side->conn);
        h2_shared_fini(&side->shared);
        assert_true(test_heap_is_clean(&side->heap));
    }
    for (size_t k = 0; k < pair->sides[0].opened; k++) {
        const struct pair_end *client = &pair->sides[0].ends[k];
        const struct pair_end *server = &pair->sides[1].ends[k];
        if (!client->reset && !server->reset) {
            assert_true(client->end_seen && server->end_seen);
            assert_int_equal(client->sent, server->received);
            assert_int_equal(server->sent, client->received);
        }
    }
}

static void pair_run(uint64_t seed)
{
    static struct pair pair;
    pair_begin(&pair, seed);
    for (int step = 0; step < PAIR_STEPS; step++) {
        pair_step(&pair);
    }
    int rounds = 0;
    while (pair_finish(&pair)) {
        pair_settle(&pair);
        if (++rounds == 1000) { // nothing moves any more
            fail_msg("windows %lld and %lld, of %lld and %lld",
                     (long long)pair.sides[0].conn.send_window,
                     (long long)pair.sides[1].conn.send_window,
                     (long long)pair.sides[1].conn.connection_window,
                     (long long)pair.sides[0].conn.connection_window);
        }
    }
    pair_settle(&pair);
    pair_end(&pair);
}

static void test_pair__random_exchanges(void **state)
{
    (void)state;
    const char *text = getenv("H2_PAIR_SEEDS");
    uint64_t seeds = text != NULL ? strtoull(text, NULL, 10) : 40;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        if (text != NULL) {
            print_message("seed %llu\n", (unsigned long long)seed);
        }
        pair_run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pair__random_exchanges),
    };
    return cmocka_run_group_tests_name("h2_pair", tests, NULL, NULL);
}
