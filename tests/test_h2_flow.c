// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "h2/h2_flow.h"
#include "h2/h2_stream.h"
#include "tests/h2_script.h"

static struct script_run run;

static void options_window(struct h2_options *options)
{
    options->connection_window = 100000;
    options->local.initial_window_size = 1000;
}

// begin makes a server with stream 1 open and windows of 100000 and 1000.
static struct h2_stream *begin(void)
{
    static uint8_t bytes[256];
    const struct h2_script script = {.is_server = true,
                                     .options = options_window};
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
    expect_output("WINDOW_UPDATE 0 1 000001f4\n");
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
    expect_output("WINDOW_UPDATE 0 1 000003e8\n");
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
    padding(1, 200);
    padding(1, 200);
    set_initial(2000);
    assert_int_equal(h2_flow_receive_window(stream), H2_WINDOW_MAX - 400);
    assert_int_equal(stream->credit_bytes, 400);
    set_initial(2400);
    assert_int_equal(h2_flow_receive_window(stream), H2_WINDOW_MAX);
    for (int i = 0; i < 4; i++) {
        padding(1, 256);
    }
    // 1424 bytes are owed, but the window has room for 1024.
    expect_output("");
    assert_int_equal(stream->credit_bytes, 1424);
    h2_want(&run.conn, stream, H2_WINDOW_MAX - 1000);
    expect_output("WINDOW_UPDATE 0 1 00000018\n");
    assert_int_equal(stream->credit_bytes, 1400);
    // Once 400 bytes have come all fits.
    data(1, 400, 0);
    h2_credit(&run.conn, stream, 0);
    expect_output("WINDOW_UPDATE 0 1 00000578\n");
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
    expect_output("WINDOW_UPDATE 0 1 00000384\n");
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
    };
    return cmocka_run_group_tests_name("h2_flow", tests, NULL, NULL);
}
