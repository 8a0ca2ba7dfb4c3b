// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "h2/h2.h"
#include "h2/h2_bdp.h"
#include "h2/h2_flow.h"
#include "h2/h2_limits.h"

// ---- The estimator alone ----------------------------------------------------

enum { FIRST = 65536, MOST = 4194304 };

struct track {
    struct h2_bdp bdp;
    struct h2_bdp_round round;
    uint32_t most;
    uint32_t received;
    uint64_t now_us;
    uint8_t payload[H2_BDP_PAYLOAD];
};

static struct track track_new(uint32_t most)
{
    struct track track = {
        .most = most, .received = UINT32_MAX - 100000, .now_us = 5000000};
    h2_bdp_init(&track.bdp, FIRST);
    return track;
}

static bool track_update(struct track *track)
{
    return h2_bdp_update(&track->bdp, &track->round, track->most,
                         track->received, track->now_us);
}

static void track_begin(struct track *track)
{
    h2_bdp_begin(&track->round, track->received, track->now_us, track->payload);
    assert_true(h2_bdp_is_ours(track->payload));
}

static bool track_ack(struct track *track)
{
    return h2_bdp_ack(&track->bdp, &track->round, track->payload,
                      track->received, track->now_us);
}

// round_trip is a round in which before bytes come until the acknowledgement,
// after rtt_us, and behind bytes then, in after_us. It is what the next update
// says: measure again?
static bool round_trip(struct track *track, uint32_t before, uint64_t rtt_us,
                       uint32_t behind, uint64_t after_us)
{
    track_begin(track);
    track->received += before;
    track->now_us += rtt_us;
    assert_true(track_ack(track));
    track->received += behind;
    track->now_us += after_us;
    return track_update(track);
}

// Half a window is on its way behind a PING, and the peer waits for our update
// until it sends the other half: the rate is the whole.
static void test_bdp__a_peer_that_waits_gets_twice_as_much(void **state)
{
    (void)state;
    struct track track = track_new(MOST);
    assert_true(track_update(&track));
    assert_int_equal(h2_bdp_estimate(&track.bdp), 0);
    uint32_t window = FIRST;
    while (window < MOST) {
        bool more = round_trip(&track, window / 2, 50000, window / 2, 0);
        window *= 2;
        assert_int_equal(h2_bdp_estimate(&track.bdp), window);
        assert_int_equal(more, window < MOST);
    }
    // At the bound nothing is measured any more.
    track.received += MOST;
    assert_false(track_update(&track));
    assert_int_equal(track.round.state, H2_BDP_REST);
}

// The rate is that of all streams, each with a window of its own.
static void test_bdp__more_than_a_window(void **state)
{
    (void)state;
    struct track track = track_new(MOST);
    assert_true(round_trip(&track, 5 * FIRST, 50000, 5 * FIRST, 0));
    assert_int_equal(h2_bdp_estimate(&track.bdp), 20 * FIRST);
    assert_false(round_trip(&track, 50 * FIRST, 50000, 50 * FIRST, 0));
    assert_int_equal(h2_bdp_estimate(&track.bdp), MOST);
}

static void test_bdp__enough_is_twice_the_product(void **state)
{
    (void)state;
    struct track track = track_new(MOST);
    assert_true(round_trip(&track, 0, 960, FIRST / 2, 0));
    assert_int_equal(h2_bdp_estimate(&track.bdp), 0);
    // Time that passes without bytes counts.
    track = track_new(MOST);
    assert_true(round_trip(&track, FIRST / 2, 960, FIRST / 2, 960));
    assert_int_equal(h2_bdp_estimate(&track.bdp), 0);
    struct track other = track_new(MOST);
    assert_true(round_trip(&other, 1, 960, FIRST / 2, 0));
    assert_int_equal(h2_bdp_estimate(&other.bdp), FIRST + 2);
}

// A round trip behind a full queue says nothing: the least one counts.
static void test_bdp__a_queue_is_no_distance(void **state)
{
    (void)state;
    struct track track = track_new(MOST);
    assert_true(round_trip(&track, 100, 1600, 100, 0));
    assert_int_equal(track.bdp.rtt, 1600 / H2_BDP_RTT_US);
    for (int i = 0; i < 3; i++) {
        // 13 bytes in a microsecond, so 20800 bytes in a round trip.
        track.bdp.steady = 0;
        track.round.skip = 0;
        assert_true(round_trip(&track, 130000, 10000, 130000, 10000));
        assert_int_equal(h2_bdp_estimate(&track.bdp), 0);
    }
    assert_int_equal(track.bdp.rtt, 1600 / H2_BDP_RTT_US);
}

// Servers count PINGs without DATA of theirs since the last one reached them.
static void test_bdp__pings_only_behind_data(void **state)
{
    (void)state;
    struct track track = track_new(MOST);
    assert_true(track_update(&track));
    track_begin(&track);
    for (int i = 0; i < 5; i++) {
        track.received += 100000;
        assert_false(track_update(&track)); // one is on its way
    }
    assert_true(track_ack(&track));
    for (int i = 0; i < 5; i++) {
        assert_false(track_update(&track)); // what had come before was read
    }
    track.received++;
    assert_true(track_update(&track));
    assert_false(track_ack(&track)); // nothing is waited for
}

static void test_bdp__only_the_ping_that_is_waited_for(void **state)
{
    (void)state;
    struct track track = track_new(MOST);
    assert_false(track_ack(&track));
    track_begin(&track);
    uint8_t first[H2_BDP_PAYLOAD];
    memcpy(first, track.payload, sizeof first);
    // That round is dropped, and another begins.
    track.round = (struct h2_bdp_round){0};
    track.now_us++;
    track_begin(&track);
    assert_true(h2_bdp_is_ours(first));
    assert_false(h2_bdp_ack(&track.bdp, &track.round, first, track.received,
                            track.now_us + 1));
    assert_int_equal(track.round.state, H2_BDP_PINGED);
    assert_true(track_ack(&track));
    assert_int_equal(track.bdp.rtt, 1); // no time has passed: the least
    first[0] ^= 1;
    assert_false(h2_bdp_is_ours(first));
}

// steady_pings is how many PINGs so many updates cost when nothing changes.
static int steady_pings(struct track *track, int updates)
{
    int pings = 0;
    for (int i = 0; i < updates; i++) {
        track->received += 1000;
        track->now_us += 1000000;
        if (track_update(track)) {
            pings++;
            track_begin(track);
            assert_true(track_ack(track));
        }
    }
    return pings;
}

static void test_bdp__steady_links_are_left_alone(void **state)
{
    (void)state;
    struct track track = track_new(MOST);
    assert_in_range(steady_pings(&track, 100), 5, 9);
    assert_in_range(steady_pings(&track, 3300), 99, 101);
    // One that has become faster is found at the next round.
    while (!track_update(&track)) {
    }
    assert_true(round_trip(&track, FIRST, 1, FIRST, 0));
    assert_true(h2_bdp_estimate(&track.bdp) > 0);
}

static void test_bdp__off(void **state)
{
    (void)state;
    struct track track = track_new(FIRST);
    assert_false(track_update(&track));
    track.received += 1000000;
    assert_false(track_update(&track));
    assert_int_equal(h2_bdp_estimate(&track.bdp), 0);
    track = track_new(1);
    assert_false(track_update(&track));
    assert_int_equal(h2_bdp_estimate(&track.bdp), 0);
}

// Whatever a peer does with time and bytes, and a clock that goes back.
static void test_bdp__no_way_over_the_bound(void **state)
{
    (void)state;
    uint64_t random = 7;
    for (int i = 0; i < 20000; i++) {
        static const uint64_t times[] = {0,     1,         1000,
                                         50000, 100000000, UINT64_C(1) << 40};
        struct track track = track_new(MOST - test_random(&random) % 3);
        uint32_t window = track.bdp.window;
        for (int j = 0; j < 8; j++) {
            track.received += test_random(&random) >> test_random(&random) % 32;
            track.now_us += times[test_random(&random) % 6];
            if (test_random(&random) % 8 == 0) {
                track.now_us -= 900000;
            }
            if (test_random(&random) % 2 == 0) {
                (void)track_ack(&track);
            }
            if (track_update(&track)) {
                track_begin(&track);
            }
            assert_true(track.bdp.window >= window);
            assert_true(track.bdp.window <= track.most);
            window = track.bdp.window;
        }
    }
}

// ---- Two engines and a link -------------------------------------------------

// One direction: what is written is in a socket's buffer, then on the line at
// the link's rate, then arrives after the latency.
enum { LINE_RING = 1 << 23, LINE_PARCELS = 1 << 16 };

struct line {
    uint8_t *ring;
    uint64_t written; // into the buffer
    uint64_t sent;    // onto the line
    uint64_t arrived;
    uint64_t may_send; // thousandths of a byte
    struct {
        uint64_t due_us;
        uint64_t end;
    } parcels[LINE_PARCELS];
    size_t put;
    size_t got;
};

struct link {
    uint64_t bytes_per_ms;
    uint64_t latency_us; // one way
    size_t buffer;       // of a socket
    uint32_t window_bytes_max;
    unsigned streams;
};

static struct {
    struct test_heap heap;
    struct h2_shared shared[2];
    struct h2_conn conn[2];
    struct line line[2]; // from client, from server
    struct h2_stream *streams[101];
    uint64_t now_us;
    uint64_t received; // DATA, by the server
    unsigned pings;
    int64_t most; // window of a stream
} net;

static void line_write(struct line *line, struct h2_conn *from, size_t buffer)
{
    struct view view;
    while (line->written - line->sent < buffer &&
           h2_output_peek(from, &view, 1) == 1) {
        size_t room = buffer - (size_t)(line->written - line->sent);
        size_t n = view.size < room ? view.size : room;
        for (size_t i = 0; i < n; i++) {
            line->ring[(line->written + i) % LINE_RING] = view.data[i];
        }
        line->written += n;
        assert_true(line->written - line->arrived <= LINE_RING);
        h2_output_consume(from, n);
    }
}

static void line_send(struct line *line, const struct link *link,
                      uint64_t step_us)
{
    uint64_t waits = line->written - line->sent;
    line->may_send += link->bytes_per_ms * step_us;
    uint64_t n = line->may_send / 1000;
    n = n < waits ? n : waits;
    line->may_send = n < waits ? line->may_send - n * 1000 : 0;
    if (n > 0) {
        line->sent += n;
        line->parcels[line->put % LINE_PARCELS].due_us =
            net.now_us + link->latency_us;
        line->parcels[line->put % LINE_PARCELS].end = line->sent;
        line->put++;
        assert_true(line->put - line->got <= LINE_PARCELS);
    }
}

static void net_event(struct h2_conn *to, const struct h2_event *event)
{
    if (event->type == H2_EVENT_DATA) {
        net.received += event->data.size;
        h2_credit(to, event->stream, event->data.size);
        int64_t window = (int64_t)to->local.initial_window_size +
                         event->stream->receive_delta;
        net.most = window > net.most ? window : net.most;
    }
    assert_int_not_equal(event->type, H2_EVENT_CLOSED);
    assert_int_not_equal(event->type, H2_EVENT_PING_ACK);
}

static void line_take(struct h2_conn *to, struct view input)
{
    do {
        struct h2_event event;
        size_t used;
        enum h2_result result = h2_recv(to, input, &used, &event);
        input = view_skip(input, used);
        if (result != H2_EVENT) {
            assert_int_equal(result, H2_IDLE);
            break;
        }
        net_event(to, &event);
    } while (true);
}

static void line_arrive(struct line *line, struct h2_conn *to)
{
    while (line->got < line->put &&
           line->parcels[line->got % LINE_PARCELS].due_us <= net.now_us) {
        uint64_t end = line->parcels[line->got % LINE_PARCELS].end;
        while (line->arrived < end) {
            size_t at = (size_t)(line->arrived % LINE_RING);
            size_t n = (size_t)(end - line->arrived);
            n = n < LINE_RING - at ? n : LINE_RING - at;
            line_take(to, view_of(line->ring + at, n));
            line->arrived += n;
        }
        line->got++;
    }
}

static void net_send(void)
{
    static const uint8_t zeros[65536];
    struct h2_conn *client = &net.conn[0];
    for (size_t i = 0; net.streams[i] != NULL; i++) {
        while (h2_queued_bytes(net.streams[i]) < sizeof zeros) {
            assert_true(h2_send_data(client, net.streams[i],
                                     view_of(zeros, sizeof zeros), false));
        }
    }
}

static void net_open(unsigned streams)
{
    const struct h2_field post[] = {
        {{.name = VIEW(":method"), .value = VIEW("POST")}, HPACK_INDEX, NULL},
        {{.name = VIEW(":scheme"), .value = VIEW("http")}, HPACK_INDEX, NULL},
        {{.name = VIEW(":path"), .value = VIEW("/")}, HPACK_INDEX, NULL},
    };
    for (unsigned i = 0; i < streams; i++) {
        net.streams[i] = h2_open(&net.conn[0], NULL);
        assert_non_null(net.streams[i]);
        assert_true(
            h2_send_headers(&net.conn[0], net.streams[i], post, 3, false));
    }
}

static void net_begin(const struct link *link)
{
    uint8_t *rings[2] = {malloc(LINE_RING), malloc(LINE_RING)};
    memset(&net, 0, sizeof net);
    test_heap_init(&net.heap);
    static grpc_limits limits;
    limits = *h2_limits_default();
    limits.window_bytes_max = link->window_bytes_max;
    for (int i = 0; i < 2; i++) {
        struct h2_options options = h2_options_make(i == 1, &limits);
        assert_non_null(rings[i]);
        net.line[i].ring = rings[i];
        h2_shared_init(&net.shared[i], &net.heap.allocator);
        assert_true(h2_conn_init(&net.conn[i], &net.shared[i], &options));
    }
    net_open(link->streams);
}

static void net_end(void)
{
    for (int i = 0; i < 2; i++) {
        h2_check(&net.conn[i]);
        h2_conn_fini(&net.conn[i]);
        h2_shared_fini(&net.shared[i]);
        free(net.line[i].ring);
    }
    assert_true(test_heap_is_clean(&net.heap));
}

static enum h2_bdp_state net_state(void)
{
    const struct h2_stream_set *set = net.conn[1].set;
    return set == NULL ? H2_BDP_REST : (enum h2_bdp_state)set->round.state;
}

static void net_run(const struct link *link, uint64_t us, uint64_t step_us)
{
    uint64_t end_us = net.now_us + us;
    while (net.now_us < end_us) {
        net.now_us += step_us;
        net.shared[0].now_us = net.now_us;
        net.shared[1].now_us = net.now_us;
        net_send();
        for (int i = 0; i < 2; i++) {
            enum h2_bdp_state before = net_state();
            line_arrive(&net.line[1 - i], &net.conn[i]);
            line_write(&net.line[i], &net.conn[i], link->buffer);
            line_send(&net.line[i], link, step_us);
            net.pings +=
                before != H2_BDP_PINGED && net_state() == H2_BDP_PINGED;
        }
    }
}

// net_share is how much of the link was used in us, in percent.
static unsigned net_share(const struct link *link, uint64_t us)
{
    uint64_t received = net.received;
    net_run(link, us, 20);
    uint64_t most = link->bytes_per_ms * us / 1000;
    return (unsigned)((net.received - received) * 100 / most);
}

static unsigned net_measure(const struct link *link, const char *name)
{
    net_begin(link);
    unsigned round_trips = 0;
    // The first round trip brings the SETTINGS.
    unsigned first = 0;
    while (round_trips < 20 && first < 90) {
        first = net_share(link, 2 * link->latency_us);
        round_trips++;
    }
    unsigned share = net_share(link, 1000000);
    printf("%s: %u%% of the link; %u%% after %u round trips; stream window "
           "%lld, connection's %u, %u PINGs\n",
           name, share, first, round_trips, (long long)net.most,
           (unsigned)net.conn[1].connection_window, net.pings);
    return share;
}

// 100 Mbit/s, and 50 ms to the other end and back.
static const struct link link_long = {
    .bytes_per_ms = 12500,
    .latency_us = 25000,
    .buffer = 1 << 18,
    .window_bytes_max = MOST,
    .streams = 1,
};

static void test_link__long(void **state)
{
    (void)state;
    struct link link = link_long;
    link.window_bytes_max = 1;
    assert_in_range(net_measure(&link, "50 ms, windows as they are"), 5, 15);
    assert_int_equal(net.most, 65535);
    assert_int_equal(net.pings, 0);
    net_end();
    assert_in_range(net_measure(&link_long, "50 ms, growing"), 90, 100);
    assert_true(net.most < 3 * 625000); // times the product
    net_end();
}

static void test_link__longer(void **state)
{
    (void)state;
    struct link link = link_long;
    link.latency_us = 50000;
    assert_in_range(net_measure(&link, "100 ms, growing"), 90, 100);
    net_end();
    link.buffer = 3000; // a socket that holds nothing
    assert_in_range(net_measure(&link, "100 ms, no buffer"), 90, 100);
    net_end();
    link.buffer = 1 << 20; // and one that holds all
    assert_in_range(net_measure(&link, "100 ms, large buffer"), 90, 100);
    net_end();
}

static void test_link__many_streams(void **state)
{
    (void)state;
    struct link link = link_long;
    link.latency_us = 50000;
    link.streams = 100;
    assert_in_range(net_measure(&link, "100 ms, 100 streams"), 90, 100);
    assert_true(h2_flow_growth(&net.conn[1]) <= H2_LIMIT_WINDOW_GROWTH);
    net_end();
}

// 100 us: what is under way is a fiftieth of the window, and it stays.
static void test_link__short(void **state)
{
    (void)state;
    struct link link = link_long;
    link.latency_us = 50;
    const size_t buffers[] = {3000, 1 << 18, 1 << 20};
    for (size_t i = 0; i < 3; i++) {
        link.buffer = buffers[i];
        assert_in_range(net_measure(&link, "100 us, growing"), 95, 100);
        assert_true(net.most < 4 * 65536);
        assert_true(net.pings < 40);
        net_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bdp__a_peer_that_waits_gets_twice_as_much),
        cmocka_unit_test(test_bdp__more_than_a_window),
        cmocka_unit_test(test_bdp__enough_is_twice_the_product),
        cmocka_unit_test(test_bdp__a_queue_is_no_distance),
        cmocka_unit_test(test_bdp__pings_only_behind_data),
        cmocka_unit_test(test_bdp__only_the_ping_that_is_waited_for),
        cmocka_unit_test(test_bdp__steady_links_are_left_alone),
        cmocka_unit_test(test_bdp__off),
        cmocka_unit_test(test_bdp__no_way_over_the_bound),
        cmocka_unit_test(test_link__long),
        cmocka_unit_test(test_link__longer),
        cmocka_unit_test(test_link__many_streams),
        cmocka_unit_test(test_link__short),
    };
    return cmocka_run_group_tests_name("h2_bdp", tests, NULL, NULL);
}
