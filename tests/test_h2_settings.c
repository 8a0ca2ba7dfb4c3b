// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "h2/h2.h"
#include "h2/h2_flow.h"
#include "h2/h2_limits.h"
#include "h2/h2_stream.h"
#include "tests/h2_script.h"

static struct script_run run;

static void begin(bool is_server)
{
    const struct h2_script script = {.is_server = is_server};
    test_heap_init(&run.heap);
    script_begin(&run, &script);
    assert_true(run.ready);
}

static void feed(const char *hex)
{
    static uint8_t bytes[4096];
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    assert_int_equal(script_feed(&run, NULL, bytes, size), 0);
}

static void test_settings__apply_in_order(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(run.conn.peer.max_concurrent_streams,
                     H2_LIMIT_STREAMS_BEFORE_SETTINGS);
    feed("00002a 04 00 00000000 000100000010 000300000007 000400000005"
         "000400000009 000500ffffff 000600000011 fe0300000001");
    assert_int_equal(run.conn.peer.header_table_size, 16);
    assert_int_equal(run.conn.peer.max_concurrent_streams, 7);
    assert_int_equal(run.conn.peer.initial_window_size, 9);
    assert_int_equal(run.conn.peer.max_frame_size, 0xffffff);
    assert_int_equal(run.conn.peer.max_header_list_size, 17);
    assert_int_equal(run.conn.peer.enable_push, 1);
    assert_int_equal(run.conn.encoder.size_limit, 16);
    feed("000006 04 00 00000000 000100010000");
    // Whatever the peer allows, our own bound holds.
    assert_int_equal(run.conn.encoder.size_limit, H2_LIMIT_ENCODER_TABLE);
    assert_int_equal(run.conn.peer.max_concurrent_streams, 7);
    script_end(&run);
}

static void test_settings__first_ones_lift_the_caution(void **state)
{
    (void)state;
    begin(false);
    feed("000000 04 00 00000000");
    assert_int_equal(run.conn.peer.max_concurrent_streams, UINT32_MAX);
    assert_int_equal(run.conn.state, H2_CONN_OPEN);
    script_end(&run);
}

static void test_settings__a_server_may_not_push(void **state)
{
    (void)state;
    begin(false);
    feed("000006 04 00 00000000 000200000001");
    assert_string_equal(
        run.events.text,
        "CLOSED PROTOCOL_ERROR: a server sent SETTINGS_ENABLE_PUSH\n");
    script_end(&run);
    begin(true);
    feed(SCRIPT_MAGIC "000006 04 00 00000000 000200000001");
    assert_string_equal(run.events.text, "SETTINGS\n");
    script_end(&run);
}

static void test_settings__bound_of_entries(void **state)
{
    (void)state;
    static char hex[2048];
    for (int count = 32; count <= 33; count++) {
        begin(false);
        snprintf(hex, sizeof hex, "0000%02x 04 00 00000000",
                 (unsigned)count * 6);
        for (int i = 0; i < count; i++) {
            strcat(hex, "000300000064");
        }
        feed(hex);
        assert_string_equal(run.events.text,
                            count == 32 ? "SETTINGS\n"
                                        : "CLOSED ENHANCE_YOUR_CALM: SETTINGS "
                                          "with too many entries\n");
        script_end(&run);
    }
}

static void test_settings__ours_take_force_when_acknowledged(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(run.conn.local.max_frame_size, 16384);
    struct h2_settings settings = run.conn.wanted;
    settings.initial_window_size = 10;
    settings.header_table_size = 100;
    // The first ones are still on their way.
    assert_false(h2_update_settings(&run.conn, &settings));
    feed(SCRIPT_SERVER);
    assert_false(run.conn.settings_unacked);
    script_drain(&run);
    run.output_size = 0;
    assert_true(h2_update_settings(&run.conn, &settings));
    static struct script_text text;
    text.size = 0;
    script_drain(&run);
    script_frames(&text, run.output, run.output_size);
    assert_string_equal(text.text, "SETTINGS 0 0 00010000006400040000000a\n");
    assert_int_equal(run.conn.local.initial_window_size, 65535);
    assert_int_equal(run.conn.decoder.size_limit, 4096);
    feed("000000 04 01 00000000");
    assert_int_equal(run.conn.local.initial_window_size, 10);
    assert_int_equal(run.conn.decoder.size_limit, 100);
    script_end(&run);
}

static void test_settings__ours_when_they_cannot_be_sent(void **state)
{
    (void)state;
    begin(true);
    struct h2_settings settings = run.conn.wanted;
    settings.initial_window_size = 10;
    feed(SCRIPT_SERVER);
    script_drain(&run);
    slab_trim(&run.shared.chunks, 0);
    run.heap.fail_at = run.heap.calls + 1;
    assert_false(h2_update_settings(&run.conn, &settings));
    // Nothing has changed, and it can be tried again.
    assert_int_equal(run.conn.state, H2_CONN_OPEN);
    assert_int_equal(run.conn.wanted.initial_window_size, 65535);
    assert_true(h2_update_settings(&run.conn, &settings));
    assert_int_equal(run.conn.wanted.initial_window_size, 10);
    h2_close_input(&run.conn, "gone");
    // In vain, and no failure.
    settings.initial_window_size = 20;
    assert_true(h2_update_settings(&run.conn, &settings));
    assert_int_equal(run.conn.wanted.initial_window_size, 10);
    script_end(&run);
}

// The peer applies ours and WINDOW_UPDATE in the order in which they were sent:
// at no time is a window over the maximum.
static void test_settings__ours_take_no_window_over_the_maximum(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER SCRIPT_POST "000003 01 04 00000003 838684");
    struct h2_stream *stream = h2_stream_find(&run.conn, 1);
    struct h2_settings settings = run.conn.wanted;
    settings.initial_window_size += 10;
    assert_true(h2_update_settings(&run.conn, &settings));
    h2_want(&run.conn, stream, SIZE_MAX);
    assert_int_equal(h2_flow_receive_window(stream), H2_WINDOW_MAX - 10);
    feed("000000 04 01 00000000");
    assert_int_equal(h2_flow_receive_window(stream), H2_WINDOW_MAX);
    settings.initial_window_size += 1;
    assert_false(h2_update_settings(&run.conn, &settings));
    settings.initial_window_size -= 2;
    assert_true(h2_update_settings(&run.conn, &settings));
    // One that shrinks counts when the peer has it.
    h2_want(&run.conn, stream, SIZE_MAX);
    feed("000000 04 01 00000000");
    assert_int_equal(h2_flow_receive_window(stream), H2_WINDOW_MAX - 1);
    // A stream that is closed has no window.
    settings.initial_window_size += 2;
    assert_false(h2_update_settings(&run.conn, &settings));
    h2_reset(&run.conn, stream, H2_CANCEL);
    assert_true(h2_update_settings(&run.conn, &settings));
    h2_check(&run.conn);
    script_end(&run);
}

static void test_settings__windows_over_the_maximum(void **state)
{
    (void)state;
    begin(true);
    // Stream 1 gets 1 byte more than the initial window.
    feed(SCRIPT_SERVER SCRIPT_POST "000004 08 00 00000001 00000001");
    feed("000006 04 00 00000000 00047ffffffe");
    assert_int_equal(run.conn.state, H2_CONN_OPEN);
    feed("000006 04 00 00000000 00047fffffff");
    assert_non_null(strstr(run.events.text, "CLOSED FLOW_CONTROL_ERROR"));
    script_end(&run);
    // The bound alone is no reason: that stream is gone.
    begin(true);
    feed(SCRIPT_SERVER SCRIPT_POST "000003 01 05 00000003 838684");
    feed("000004 08 00 00000001 00000001 000004 03 00 00000001 00000008");
    feed("000006 04 00 00000000 00047fffffff");
    assert_int_equal(run.conn.state, H2_CONN_OPEN);
    script_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings__apply_in_order),
        cmocka_unit_test(test_settings__first_ones_lift_the_caution),
        cmocka_unit_test(test_settings__a_server_may_not_push),
        cmocka_unit_test(test_settings__bound_of_entries),
        cmocka_unit_test(test_settings__ours_take_force_when_acknowledged),
        cmocka_unit_test(test_settings__ours_when_they_cannot_be_sent),
        cmocka_unit_test(test_settings__ours_take_no_window_over_the_maximum),
        cmocka_unit_test(test_settings__windows_over_the_maximum),
    };
    return cmocka_run_group_tests_name("h2_settings", tests, NULL, NULL);
}
