// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "h2/h2_flow.h"
#include "h2/h2_stream.h"
#include "tests/h2_script.h"

// The PING of a measurement, behind an update for what was read.
#define MEASURES_AT(time) "PING 0 0 626470" time "\n"
#define MEASURES          MEASURES_AT("0000000000")

static struct script_run run;

static void options_window(struct h2_options *options)
{
    options->connection_window = 100000;
    options->local.initial_window_size = 1000;
}

// begin_with makes a server with stream 1 open and windows of 100000 and 1000.
static struct h2_stream *begin_with(void (*options)(struct h2_options *))
{
    static uint8_t bytes[256];
    const struct h2_script script = {.is_server = true, .options = options};
    test_heap_init(&run.heap);
    script_begin(&run, &script);
    assert_true(run.ready);
    size_t size = test_unhex(SCRIPT_SERVER SCRIPT_POST, bytes, sizeof bytes);
    assert_int_equal(script_feed(&run, NULL, bytes, size), 0);
    script_drain(&run);
    run.output_size = 0;
    assert_int_equal(run.conn.receive_window, 100000);
    return h2_stream_find(&run.conn, 1);
}

static struct h2_stream *begin(void)
{
    return begin_with(options_window);
}

// data feeds a DATA frame of size bytes on a stream.
static void data(uint32_t id, uint32_t size, uint8_t flags)
{
    static uint8_t bytes[H2_HEAD_SIZE + 16384];
    memset(bytes, 0, sizeof bytes);
    h2_frame_write(bytes, &(struct h2_frame){
                              .length = size, .stream_id = id, .flags = flags});
    assert_int_equal(script_feed(&run, NULL, bytes, H2_HEAD_SIZE + size), 0);
}

static void expect_output(const char *frames)
{
    static struct script_text text;
    text.size = 0;
    text.text[0] = '\0';
    script_drain(&run);
    script_frames(&text, run.output, run.output_size);
    run.output_size = 0;
    assert_string_equal(text.text, frames);
}

static void test_flow__credit_waits_for_half_a_window(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    data(1, 600, 0);
    assert_int_equal(h2_flow_receive_window(stream), 400);
    assert_int_equal(run.conn.unread_bytes, 600);
    h2_credit(&run.conn, stream, 499);
    expect_output("");
    h2_credit(&run.conn, stream, 1);
    expect_output("WINDOW_UPDATE 0 1 000001f4\n" MEASURES);
    assert_int_equal(h2_flow_receive_window(stream), 900);
    assert_int_equal(stream->unread_bytes, 100);
    // The window is used up, so what there is is told.
    data(1, 900, 0);
    h2_credit(&run.conn, stream, 1);
    expect_output("WINDOW_UPDATE 0 1 00000001\n");
    script_end(&run);
}

// What was too little to be told may be all that there is once our initial
// window has shrunk.
static void test_flow__shrinking_tells_the_credit(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    struct h2_settings settings = run.conn.wanted;
    static const uint8_t ack[] = {0, 0, 0, 4, 1, 0, 0, 0, 0};
    data(1, 400, 0);
    h2_credit(&run.conn, stream, 400);
    expect_output("");
    settings.initial_window_size = 100;
    assert_true(h2_update_settings(&run.conn, &settings));
    expect_output("SETTINGS 0 0 000400000064\n");
    assert_int_equal(script_feed(&run, NULL, ack, sizeof ack), 0);
    expect_output("WINDOW_UPDATE 0 1 00000190\n");
    assert_int_equal(h2_flow_receive_window(stream), 100);
    script_end(&run);
}

static void test_flow__no_credit_for_an_ended_stream(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    data(1, 1000, H2_FLAG_END_STREAM);
    h2_credit(&run.conn, stream, 1000);
    h2_want(&run.conn, stream, 5000);
    expect_output("");
    assert_int_equal(run.conn.unread_bytes, 0);
    script_end(&run);
}

static void test_flow__small_calls_cost_no_update(void **state)
{
    (void)state;
    uint8_t post[] = {0, 0, 3, 1, 4, 0, 0, 0, 0, 0x83, 0x86, 0x84};
    h2_release(&run.conn, begin());
    expect_output("RST_STREAM 0 1 00000008\n");
    size_t updates = 0;
    for (uint32_t id = 3; id < 3 + 2 * 1000; id += 2) {
        store_be32(post + 5, id);
        assert_int_equal(script_feed(&run, NULL, post, sizeof post), 0);
        data(id, 100, H2_FLAG_END_STREAM);
        struct h2_stream *stream = h2_stream_find(&run.conn, id);
        h2_credit(&run.conn, stream, 100);
        // Ours is quiet: the reply is an empty one.
        h2_stream_end_local(stream);
        h2_release(&run.conn, stream);
        script_forget(&run);
        updates += h2_output_size(&run.conn) / 13;
        script_drain(&run);
    }
    // 100000 bytes in all, announced by halves of 100000.
    assert_int_equal(updates, 2);
    script_end(&run);
}

static void test_flow__want_lets_a_large_message_in(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    data(1, 300, 0);
    h2_credit(&run.conn, stream, 200);
    h2_want(&run.conn, stream, 700);
    expect_output("");
    // 2300 more than the window; 200 of them were credited.
    h2_want(&run.conn, stream, 3000);
    expect_output("WINDOW_UPDATE 0 1 000008fc\n");
    assert_int_equal(h2_flow_receive_window(stream), 3000);
    assert_int_equal(stream->ahead_bytes, 2100);
    data(1, 3000, 0);
    // What was granted ahead is not granted again.
    h2_credit(&run.conn, stream, 2100);
    expect_output("");
    assert_int_equal(stream->ahead_bytes, 0);
    h2_credit(&run.conn, stream, 1000);
    expect_output("WINDOW_UPDATE 0 1 000003e8\n" MEASURES);
    assert_int_equal(stream->unread_bytes, 0);
    assert_int_equal(h2_flow_receive_window(stream) + stream->credit_bytes,
                     1000);
    // No window passes the maximum.
    h2_want(&run.conn, stream, SIZE_MAX);
    assert_int_equal(h2_flow_receive_window(stream), H2_WINDOW_MAX);
    h2_check(&run.conn);
    script_end(&run);
}

static void test_flow__padding_is_credited_at_once(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    static uint8_t bytes[H2_HEAD_SIZE + 256];
    // One length byte and 255 bytes of padding, no data: no event.
    h2_frame_write(bytes, &(struct h2_frame){
                              .length = 256,
                              .stream_id = 1,
                              .flags = H2_FLAG_PADDED,
                          });
    bytes[H2_HEAD_SIZE] = 255;
    script_forget(&run);
    assert_int_equal(script_feed(&run, NULL, bytes, sizeof bytes), 0);
    assert_int_equal(stream->credit_bytes, 256);
    expect_output("");
    assert_int_equal(script_feed(&run, NULL, bytes, sizeof bytes), 0);
    expect_output("WINDOW_UPDATE 0 1 00000200\n");
    assert_string_equal(run.events.text, "");
    assert_int_equal(run.conn.receive_window, 100000 - 512);
    assert_int_equal(run.conn.unread_bytes, 0);
    script_end(&run);
}

static void test_flow__window_of_a_stream_is_enforced(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    script_forget(&run);
    data(1, 1001, 0);
    assert_string_equal(run.events.text,
                        "RESET 1 FLOW_CONTROL_ERROR: DATA is over the "
                        "stream's window\n");
    expect_output("RST_STREAM 0 1 00000003\n");
    // Those bytes count for the connection, and are owed at once.
    assert_int_equal(run.conn.receive_window, 100000 - 1001);
    assert_int_equal(run.conn.unread_bytes, 0);
    h2_release(&run.conn, stream);
    script_end(&run);
}

static void test_flow__window_of_the_connection_is_enforced(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    h2_want(&run.conn, stream, 200000);
    for (int i = 0; i < 10; i++) {
        data(1, 10000, 0);
    }
    assert_int_equal(run.conn.receive_window, 0);
    expect_output("WINDOW_UPDATE 0 1 00030958\n"
                  ""); // unread: nothing is owed
    script_forget(&run);
    data(1, 0, 0);
    data(1, 1, 0);
    assert_string_equal(run.events.text,
                        "CLOSED FLOW_CONTROL_ERROR: DATA is over the "
                        "connection's window\n");
    script_end(&run);
}

static void test_flow__released_streams_give_back(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    h2_want(&run.conn, stream, 200000);
    for (int i = 0; i < 10; i++) {
        data(1, 10000, 0);
    }
    expect_output("WINDOW_UPDATE 0 1 00030958\n");
    h2_release(&run.conn, stream);
    expect_output("RST_STREAM 0 1 00000008\n"
                  "WINDOW_UPDATE 0 0 000186a0\n");
    // Late DATA is credited as it comes.
    for (int i = 0; i < 5; i++) {
        data(1, 10000, 0);
    }
    expect_output("WINDOW_UPDATE 0 0 0000c350\n");
    script_end(&run);
}

// padding feeds a DATA frame of size bytes, all of them padding.
static void padding(uint32_t id, uint32_t size)
{
    static uint8_t bytes[H2_HEAD_SIZE + 256];
    h2_frame_write(bytes, &(struct h2_frame){.length = size,
                                             .stream_id = id,
                                             .flags = H2_FLAG_PADDED});
    bytes[H2_HEAD_SIZE] = (uint8_t)(size - 1);
    assert_int_equal(script_feed(&run, NULL, bytes, H2_HEAD_SIZE + size), 0);
}

// set_initial changes our initial window, and the peer agrees.
static void set_initial(uint32_t size)
{
    static const uint8_t ack[] = {0, 0, 0, 4, 1, 0, 0, 0, 0};
    struct h2_settings settings = run.conn.wanted;
    settings.initial_window_size = size;
    assert_true(h2_update_settings(&run.conn, &settings));
    assert_int_equal(script_feed(&run, NULL, ack, sizeof ack), 0);
    assert_int_equal(run.conn.local.initial_window_size, size);
    script_drain(&run);
    run.output_size = 0;
}

static void test_flow__credit_waits_for_room_under_the_maximum(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    h2_want(&run.conn, stream, H2_WINDOW_MAX - 1000);
    padding(1, 120);
    padding(1, 120);
    set_initial(2000);
    assert_int_equal(h2_flow_receive_window(stream), H2_WINDOW_MAX - 240);
    assert_int_equal(stream->credit_bytes, 240);
    set_initial(2240);
    assert_int_equal(h2_flow_receive_window(stream), H2_WINDOW_MAX);
    for (int i = 0; i < 4; i++) {
        padding(1, 256);
    }
    // 1264 bytes are owed, but the window has room for 1024.
    expect_output("");
    assert_int_equal(stream->credit_bytes, 1264);
    h2_want(&run.conn, stream, H2_WINDOW_MAX - 1000);
    expect_output("WINDOW_UPDATE 0 1 00000018\n");
    assert_int_equal(stream->credit_bytes, 1240);
    // Once 240 bytes have come all fits.
    data(1, 240, 0);
    h2_credit(&run.conn, stream, 0);
    expect_output("WINDOW_UPDATE 0 1 000004d8\n" MEASURES);
    assert_int_equal(h2_flow_receive_window(stream), H2_WINDOW_MAX);
    h2_check(&run.conn);
    script_end(&run);
}

static void test_flow__a_window_below_zero_lets_nothing_in(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    data(1, 600, 0);
    set_initial(100);
    assert_int_equal(h2_flow_receive_window(stream), -500);
    script_forget(&run);
    // Nor forbids what takes no window.
    data(1, 0, 0);
    assert_int_equal(run.events.size, 0);
    data(1, 1, 0);
    assert_string_equal(run.events.text,
                        "RESET 1 FLOW_CONTROL_ERROR: DATA is over the "
                        "stream's window\n");
    script_end(&run);
}

static void test_flow__want_from_far_below_zero(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    set_initial(60000);
    for (int i = 0; i < 5; i++) {
        data(1, 10000, 0);
    }
    set_initial(0);
    assert_int_equal(h2_flow_receive_window(stream), -50000);
    // More than one frame can say.
    h2_want(&run.conn, stream, SIZE_MAX);
    expect_output("WINDOW_UPDATE 0 1 7fffffff\nWINDOW_UPDATE 0 1 0000c350\n");
    assert_int_equal(h2_flow_receive_window(stream), H2_WINDOW_MAX);
    script_end(&run);
}

static void test_flow__nothing_on_a_closed_connection(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    data(1, 1000, 0);
    h2_close_input(&run.conn, "gone");
    h2_want(&run.conn, stream, 5000);
    h2_credit(&run.conn, stream, 1000);
    expect_output("");
    assert_int_equal(run.conn.unread_bytes, 0);
    script_end(&run);
}

// What the owner keeps for later holds up its stream, and no other.
static void test_flow__kept_data_is_credited_in_two_steps(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    data(1, 900, 0);
    h2_credit_connection(&run.conn, stream, 900);
    assert_int_equal(run.conn.unread_bytes, 0);
    assert_int_equal(stream->kept_bytes, 900);
    expect_output("");
    h2_check(&run.conn);
    h2_credit_stream(&run.conn, stream, 400);
    expect_output("");
    h2_credit_stream(&run.conn, stream, 500);
    expect_output("WINDOW_UPDATE 0 1 00000384\n" MEASURES);
    assert_int_equal(stream->kept_bytes, 0);
    assert_int_equal(h2_flow_receive_window(stream), 1000);
    h2_check(&run.conn);
    script_end(&run);
}

static void test_flow__send_windows_have_a_maximum(void **state)
{
    (void)state;
    struct h2_stream *stream = begin();
    assert_int_equal(h2_flow_send_window(stream), 65535);
    assert_false(h2_flow_grow_stream(stream, H2_WINDOW_MAX - 65534));
    assert_int_equal(h2_flow_send_window(stream), 65535);
    assert_true(h2_flow_grow_stream(stream, H2_WINDOW_MAX - 65535));
    assert_int_equal(h2_flow_send_window(stream), H2_WINDOW_MAX);
    assert_true(h2_flow_initial_fits(&run.conn, 65535));
    assert_false(h2_flow_initial_fits(&run.conn, 65536));
    // The bound is exact again when the stream with the largest window is gone.
    struct h2_stream *other = h2_stream_new(&run.conn);
    assert_non_null(other);
    h2_reset(&run.conn, stream, H2_CANCEL);
    assert_true(run.conn.set->send_delta_max > 0);
    assert_true(h2_flow_initial_fits(&run.conn, 65536));
    assert_int_equal(run.conn.set->send_delta_max, 0);
    assert_false(h2_flow_grow_connection(&run.conn, H2_WINDOW_MAX - 65534));
    assert_true(h2_flow_grow_connection(&run.conn, H2_WINDOW_MAX - 65535));
    assert_int_equal(run.conn.send_window, H2_WINDOW_MAX);
    script_end(&run);
}

// ---- Growth -----------------------------------------------------------------

static void acknowledge_of(uint64_t us)
{
    uint8_t measured[] = {0,   0,   8,   6, 1, 0, 0, 0, 0,
                          'b', 'd', 'p', 0, 0, 0, 0, 0};
    for (size_t i = 0; i < 5; i++) {
        measured[12 + i] = (uint8_t)(us >> (8 * i));
    }
    script_forget(&run);
    assert_int_equal(script_feed(&run, NULL, measured, sizeof measured), 0);
    assert_string_equal(run.events.text, "");
}

static void acknowledge(void)
{
    const struct h2_stream_set *set = run.conn.set;
    acknowledge_of(set == NULL ? 0 : set->round.began_us);
}

// transfer has size bytes come and be read, as far as the windows let them.
static void transfer(struct h2_stream *stream, int64_t size)
{
    while (size > 0) {
        int64_t n = size < 10000 ? size : 10000;
        int64_t window = h2_flow_receive_window(stream);
        n = window < n ? window : n;
        n = run.conn.receive_window < n ? run.conn.receive_window : n;
        assert_true(n > 0); // it would wait for ever
        data(stream->id, (uint32_t)n, 0);
        h2_credit(&run.conn, stream, (size_t)n);
        h2_check(&run.conn);
        size -= n;
    }
}

// hoard has as much come as the windows let, and nobody reads it.
static void hoard(struct h2_stream *stream)
{
    int64_t window = h2_flow_receive_window(stream);
    while (window > 0 && run.conn.receive_window > 0) {
        int64_t n = window < 10000 ? window : 10000;
        n = run.conn.receive_window < n ? run.conn.receive_window : n;
        data(stream->id, (uint32_t)n, 0);
        window -= n;
    }
}

enum { GROWTH_WINDOW = 150000, GROWTH_ALL = 250000 };

static grpc_limits growth_limits;

static void options_growth(struct h2_options *options)
{
    options_window(options);
    growth_limits = *h2_limits_default();
    growth_limits.window_bytes_max = GROWTH_WINDOW;
    growth_limits.window_growth_bytes = GROWTH_ALL;
    options->limits = &growth_limits;
}

static void options_no_growth(struct h2_options *options)
{
    options_growth(options);
    growth_limits.window_bytes_max = 1000;
}

// another opens a stream.
static struct h2_stream *another(uint32_t id)
{
    uint8_t post[] = {0, 0, 3, 1, 4, 0, 0, 0, 0, 0x83, 0x86, 0x84};
    store_be32(post + 5, id);
    assert_int_equal(script_feed(&run, NULL, post, sizeof post), 0);
    return h2_stream_find(&run.conn, id);
}

// grow has the estimate reach the bound, as a peer can that says what it likes
// about the time, and with it the window of the stream.
static void grow(struct h2_stream *stream)
{
    for (int i = 0; i < 100 && run.conn.bdp.window < GROWTH_WINDOW; i++) {
        if (run.conn.set->round.state == H2_BDP_PINGED) {
            acknowledge();
        }
        transfer(stream, h2_flow_receive_window(stream));
    }
    assert_int_equal(run.conn.bdp.window, GROWTH_WINDOW);
    transfer(stream, GROWTH_WINDOW);
    script_drain(&run);
    run.output_size = 0;
}

// An update for what was read grows the window of its stream, and with it the
// connection's; streams that are new or not read stay as they are.
static void test_flow__windows_grow_with_the_rate(void **state)
{
    (void)state;
    struct h2_stream *stream = begin_with(options_growth);
    run.shared.now_us = 1000000;
    transfer(stream, 500);
    expect_output("WINDOW_UPDATE 0 1 000001f4\n" MEASURES_AT("40420f0000"));
    transfer(stream, 500);
    run.shared.now_us += 50000;
    acknowledge();
    expect_output("WINDOW_UPDATE 0 1 000001f4\n");
    struct h2_stream *unread = another(3);
    data(3, 1000, 0);
    // Each round trip 2000 bytes: twice as much, and the 500.
    transfer(stream, 500);
    expect_output("WINDOW_UPDATE 0 1 00000dac\n" MEASURES_AT("9005100000"));
    assert_int_equal(run.conn.bdp.window, 4000);
    assert_int_equal(stream->extra_bytes, 3000);
    assert_int_equal(h2_flow_receive_window(stream), 4000);
    assert_int_equal(run.conn.connection_window, 103000);
    assert_int_equal(h2_flow_growth(&run.conn), 3000);
    assert_int_equal(unread->extra_bytes, 0);
    assert_int_equal(h2_flow_receive_window(another(5)), 1000);
    h2_credit(&run.conn, unread, 1000);
    expect_output("WINDOW_UPDATE 0 3 00000fa0\n");
    assert_int_equal(h2_flow_growth(&run.conn), 6000);
    h2_release(&run.conn, stream);
    assert_int_equal(run.conn.connection_window, 103000);
    h2_check(&run.conn);
    script_end(&run);
}

static void test_flow__growth_can_be_turned_off(void **state)
{
    (void)state;
    struct h2_stream *stream = begin_with(options_no_growth);
    transfer(stream, 500);
    expect_output("WINDOW_UPDATE 0 1 000001f4\n");
    transfer(stream, 1000000);
    assert_int_equal(stream->extra_bytes, 0);
    assert_int_equal(run.conn.connection_window, 100000);
    script_end(&run);
}

// Padding is nothing that anybody reads.
static void test_flow__padding_grows_nothing(void **state)
{
    (void)state;
    struct h2_stream *stream = begin_with(options_growth);
    padding(1, 256);
    padding(1, 256);
    expect_output("WINDOW_UPDATE 0 1 00000200\n");
    grow(stream);
    struct h2_stream *padded = another(3);
    for (int i = 0; i < 100; i++) {
        padding(3, 256);
    }
    assert_int_equal(padded->extra_bytes, 0);
    assert_in_range(h2_flow_receive_window(padded), 0, 1000);
    h2_check(&run.conn);
    script_end(&run);
}

// A stream that was read fast, and then no more, holds up no other.
static void test_flow__a_grown_stream_holds_up_no_other(void **state)
{
    (void)state;
    struct h2_stream *stream = begin_with(options_growth);
    grow(stream);
    assert_int_equal(stream->extra_bytes, GROWTH_WINDOW - 1000);
    hoard(stream);
    assert_true(stream->unread_bytes >= GROWTH_WINDOW * 3 / 4);
    transfer(another(3), 3000000);
    script_end(&run);
}

// Streams that were all read fast, and then no more: what they hold is bounded.
static void test_flow__growth_is_bounded(void **state)
{
    (void)state;
    struct h2_stream *streams[20] = {begin_with(options_growth)};
    grow(streams[0]);
    int64_t held = 0;
    for (uint32_t i = 1; i < 20; i++) {
        streams[i] = another(2 * i + 1);
        transfer(streams[i], 2 * GROWTH_WINDOW);
        assert_true(streams[i]->extra_bytes < GROWTH_WINDOW);
        script_drain(&run);
        run.output_size = 0;
    }
    assert_int_equal(h2_flow_growth(&run.conn), GROWTH_ALL);
    assert_int_equal(streams[19]->extra_bytes, 0);
    for (uint32_t i = 0; i < 20; i++) {
        hoard(streams[i]);
        held += streams[i]->unread_bytes;
    }
    assert_in_range(held, 200000, 100000 + GROWTH_ALL);
    h2_check(&run.conn);
    script_end(&run);
}

// What a stream that has ended was let send remains with the peer: the next one
// adds nothing to it.
static void test_flow__growth_is_not_announced_twice(void **state)
{
    (void)state;
    struct h2_stream *stream = begin_with(options_growth);
    grow(stream);
    h2_release(&run.conn, stream);
    for (uint32_t id = 3; id < 43; id += 2) {
        stream = another(id);
        transfer(stream, 2000);
        assert_int_equal(stream->extra_bytes, GROWTH_WINDOW - 1000);
        h2_release(&run.conn, stream);
        h2_check(&run.conn);
    }
    assert_int_equal(h2_flow_growth(&run.conn), run.conn.growth_own);
    assert_in_range(run.conn.receive_window, 100000, 100000 + GROWTH_ALL);
    script_end(&run);
}

// The acknowledgement of a measurement is no event, and no glitch when it is
// the one that is waited for.
static void test_flow__acknowledgements_are_eaten(void **state)
{
    (void)state;
    struct h2_stream *stream = begin_with(options_growth);
    transfer(stream, 500);
    run.conn.idle_left = 0;
    uint32_t glitches = run.conn.glitches;
    acknowledge();
    assert_int_equal(run.conn.glitches, glitches);
    acknowledge();
    assert_int_equal(run.conn.glitches, glitches + 1);
    script_end(&run);
}

// A round ends with the last stream; its acknowledgement is not taken for that
// of the next.
static void test_flow__a_round_is_dropped_with_the_streams(void **state)
{
    (void)state;
    transfer(begin_with(options_growth), 500);
    expect_output("WINDOW_UPDATE 0 1 000001f4\n" MEASURES);
    h2_release(&run.conn, h2_stream_find(&run.conn, 1));
    assert_null(run.conn.set);
    acknowledge();
    run.shared.now_us = 500;
    transfer(another(3), 500);
    expect_output("RST_STREAM 0 1 00000008\n"
                  "WINDOW_UPDATE 0 3 000001f4\n" MEASURES_AT("f401000000"));
    acknowledge_of(0);
    assert_int_equal(run.conn.set->round.state, H2_BDP_PINGED);
    assert_int_equal(run.conn.bdp.rtt, UINT16_MAX);
    acknowledge();
    assert_int_equal(run.conn.set->round.state, H2_BDP_ACKED);
    script_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flow__credit_waits_for_half_a_window),
        cmocka_unit_test(test_flow__shrinking_tells_the_credit),
        cmocka_unit_test(test_flow__no_credit_for_an_ended_stream),
        cmocka_unit_test(test_flow__small_calls_cost_no_update),
        cmocka_unit_test(test_flow__want_lets_a_large_message_in),
        cmocka_unit_test(test_flow__padding_is_credited_at_once),
        cmocka_unit_test(test_flow__window_of_a_stream_is_enforced),
        cmocka_unit_test(test_flow__window_of_the_connection_is_enforced),
        cmocka_unit_test(test_flow__released_streams_give_back),
        cmocka_unit_test(test_flow__credit_waits_for_room_under_the_maximum),
        cmocka_unit_test(test_flow__a_window_below_zero_lets_nothing_in),
        cmocka_unit_test(test_flow__want_from_far_below_zero),
        cmocka_unit_test(test_flow__nothing_on_a_closed_connection),
        cmocka_unit_test(test_flow__kept_data_is_credited_in_two_steps),
        cmocka_unit_test(test_flow__send_windows_have_a_maximum),
        cmocka_unit_test(test_flow__windows_grow_with_the_rate),
        cmocka_unit_test(test_flow__growth_can_be_turned_off),
        cmocka_unit_test(test_flow__padding_grows_nothing),
        cmocka_unit_test(test_flow__a_grown_stream_holds_up_no_other),
        cmocka_unit_test(test_flow__growth_is_bounded),
        cmocka_unit_test(test_flow__growth_is_not_announced_twice),
        cmocka_unit_test(test_flow__acknowledgements_are_eaten),
        cmocka_unit_test(test_flow__a_round_is_dropped_with_the_streams),
    };
    return cmocka_run_group_tests_name("h2_flow", tests, NULL, NULL);
}
