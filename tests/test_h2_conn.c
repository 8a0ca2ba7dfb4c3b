// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "h2/h2.h"
#include "h2/h2_conn.h"
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

static void test_conn__names_codes(void **state)
{
    (void)state;
    assert_string_equal(h2_code_name(H2_NO_ERROR), "NO_ERROR");
    assert_string_equal(h2_code_name(H2_CANCEL), "CANCEL");
    assert_string_equal(h2_code_name(13), "HTTP_1_1_REQUIRED");
    assert_string_equal(h2_code_name(14), "unknown");
    assert_string_equal(h2_code_name(UINT32_MAX), "unknown");
}

static void test_conn__begins_with_its_preface(void **state)
{
    (void)state;
    struct h2_shared shared;
    struct h2_conn conn;
    struct test_heap heap;
    static struct script_text text;
    test_heap_init(&heap);
    h2_shared_init(&shared, &heap.allocator);
    for (int is_server = 0; is_server < 2; is_server++) {
        struct h2_options options = h2_options_default(is_server == 1);
        assert_true(h2_conn_init(&conn, &shared, &options));
        struct view view;
        assert_int_equal(h2_output_peek(&conn, &view, 1), 1);
        assert_int_equal(view.size, h2_output_size(&conn));
        if (is_server == 0) {
            assert_true(view_starts_with(
                view, VIEW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")));
            view = view_skip(view, 24);
        }
        text.size = 0;
        script_frames(&text, view.data, view.size);
        assert_string_equal(text.text,
                            is_server == 1
                                ? "SETTINGS 0 0 000300000080000600002000\n"
                                  "WINDOW_UPDATE 0 0 000f0001\n"
                                : "SETTINGS 0 0 000200000000000600002000\n"
                                  "WINDOW_UPDATE 0 0 000f0001\n");
        h2_check(&conn);
        h2_conn_fini(&conn);
    }
    h2_shared_fini(&shared);
    assert_true(test_heap_is_clean(&heap));
}

static void test_conn__init_without_memory_holds_nothing(void **state)
{
    (void)state;
    test_heap_init(&run.heap);
    run.heap.fail_at = 1;
    const struct h2_script script = {.is_server = false};
    script_begin(&run, &script);
    assert_false(run.ready);
    script_end(&run);
}

static void test_conn__keeps_the_first_error(void **state)
{
    (void)state;
    begin(true);
    assert_false(h2_conn_fail(&run.conn, H2_CANCEL, "ab"));
    assert_false(h2_conn_fail(&run.conn, H2_PROTOCOL_ERROR, "second"));
    h2_close_input(&run.conn, "third");
    assert_int_equal(run.conn.close_code, H2_CANCEL);
    assert_string_equal(run.conn.close_reason, "ab");
    feed("00");
    feed("0000");
    assert_string_equal(run.events.text, "CLOSED CANCEL: ab\n");
    expect_output("GOAWAY 0 0 00000000000000086162\n");
    // All that is asked of it now is in vain, and no failure.
    static const uint8_t ping[8] = {0};
    assert_true(h2_ping(&run.conn, ping));
    assert_true(h2_goaway(&run.conn, 0, H2_NO_ERROR, VIEW("")));
    assert_int_equal(h2_output_size(&run.conn), 0);
    script_end(&run);
}

static void test_conn__closes_for_the_owner(void **state)
{
    (void)state;
    begin(true);
    h2_close(&run.conn, H2_ENHANCE_YOUR_CALM, "ab");
    feed("00");
    assert_string_equal(run.events.text, "CLOSED ENHANCE_YOUR_CALM: ab\n");
    expect_output("GOAWAY 0 0 000000000000000b6162\n");
    script_end(&run);
}

static void test_conn__pings(void **state)
{
    (void)state;
    begin(false);
    static const uint8_t ping[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    assert_true(h2_ping(&run.conn, ping));
    expect_output("PING 0 0 0102030405060708\n");
    run.heap.fail_at = run.heap.calls + 1;
    run.heap.fail_on = true;
    slab_trim(&run.shared.chunks, 0);
    assert_false(h2_ping(&run.conn, ping));
    assert_int_equal(run.conn.state, H2_CONN_PREFACE);
    script_end(&run);
}

static void test_conn__goes_away_step_by_step(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER SCRIPT_POST);
    expect_output("SETTINGS 1 0\n");
    assert_int_equal(run.conn.state, H2_CONN_OPEN);
    assert_true(
        h2_goaway(&run.conn, H2_STREAM_ID_MAX, H2_NO_ERROR, VIEW("soon")));
    assert_int_equal(run.conn.state, H2_CONN_DRAINING);
    // Still taken: it was under way.
    feed("000003 01 05 00000003 838684");
    assert_int_equal(run.conn.stream_count, 2);
    assert_true(h2_goaway(&run.conn, 3, H2_NO_ERROR, VIEW("")));
    // The last id never rises again.
    assert_true(h2_goaway(&run.conn, 9, H2_NO_ERROR, VIEW("")));
    // Left out, and nothing is said about it; the others go on.
    feed("000003 01 04 00000005 838684 000001 00 01 00000005 61");
    feed("000001 00 01 00000001 61");
    assert_int_equal(run.conn.stream_count, 2);
    expect_output("GOAWAY 0 0 7fffffff00000000736f6f6e\n"
                  "GOAWAY 0 0 0000000300000000\n"
                  "GOAWAY 0 0 0000000300000000\n");
    assert_string_equal(
        run.events.text,
        "SETTINGS\nHEADERS 1 request :method=POST :scheme=http :path=/\n"
        "HEADERS 3 request :method=POST :scheme=http :path=/ end\n"
        "DATA 1 a end\n");
    script_end(&run);
}

static void test_conn__goaway_lets_the_last_stream_in(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER);
    assert_true(h2_goaway(&run.conn, 3, H2_NO_ERROR, VIEW("")));
    script_forget(&run);
    // Both were under way.
    feed("000003 01 05 00000003 838684 000003 01 05 00000005 838684");
    assert_string_equal(
        run.events.text,
        "HEADERS 3 request :method=POST :scheme=http :path=/ end\n");
    expect_output("SETTINGS 1 0\nGOAWAY 0 0 0000000300000000\n");
    script_end(&run);
}

// open_stream makes a client's stream, with its HEADERS sent or not.
static struct h2_stream *open_stream(bool sent)
{
    static const struct h2_field get[] = {
        {.field = {.name = {(const uint8_t *)":method", 7},
                   .value = {(const uint8_t *)"GET", 3}},
         .mode = HPACK_PLAIN},
    };
    struct h2_stream *stream = h2_open(&run.conn, NULL);
    assert_non_null(stream);
    if (sent) {
        assert_true(h2_send_headers(&run.conn, stream, get, 1, false));
    }
    return stream;
}

// A GOAWAY ends what was asked for and not sent too, and says so of each
// stream once.
static void test_conn__a_goaway_leaves_out_what_was_not_sent(void **state)
{
    (void)state;
    begin(false);
    feed(SCRIPT_CLIENT);
    script_forget(&run);
    struct h2_stream *idle = open_stream(false);
    (void)open_stream(true);
    h2_reset(&run.conn, open_stream(true), H2_CANCEL);
    (void)open_stream(true);
    feed("000008 07 00 00000000 00000001 00000000");
    assert_int_equal(idle->state, H2_STATE_CLOSED);
    assert_int_equal(run.conn.open_count, 1);
    assert_string_equal(
        run.events.text,
        "RESET 0 REFUSED_STREAM by peer: GOAWAY left the stream out\n"
        "RESET 5 REFUSED_STREAM by peer: GOAWAY left the stream out\n"
        "GOAWAY 1 NO_ERROR \n");
    script_end(&run);
}

static void test_conn__goes_away_before_the_first_settings(void **state)
{
    (void)state;
    begin(true);
    assert_true(h2_goaway(&run.conn, 0, H2_NO_ERROR, VIEW("")));
    assert_int_equal(run.conn.state, H2_CONN_PREFACE);
    feed(SCRIPT_SERVER SCRIPT_POST);
    assert_int_equal(run.conn.state, H2_CONN_DRAINING);
    assert_int_equal(run.conn.stream_count, 0);
    assert_string_equal(run.events.text, "SETTINGS\n");
    script_end(&run);
}

static void no_more_memory(void)
{
    script_drain(&run);
    slab_trim(&run.shared.chunks, 0);
    run.heap.fail_at = run.heap.calls + 1;
    run.heap.fail_on = true;
}

static void expect_out_of_memory(void)
{
    script_forget(&run);
    assert_int_equal(script_feed(&run, NULL, NULL, 0), 0);
    assert_string_equal(run.events.text,
                        "CLOSED INTERNAL_ERROR: out of memory\n");
    script_end(&run);
}

// A frame that we owe the peer and have no memory for ends the connection.
static void test_conn__ends_without_memory_for_a_frame(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER SCRIPT_POST);
    no_more_memory();
    h2_reset(&run.conn, h2_stream_find(&run.conn, 1), H2_CANCEL);
    expect_out_of_memory();
    static const char *const answered[] = {
        "000008 06 00 00000000 0102030405060708", // PING
        "000000 04 00 00000000",                  // SETTINGS
        "000002 01 04 00000001 8384",             // malformed
        "000004 08 00 00000001 7fffffff",         // over the maximum
    };
    for (size_t i = 0; i < sizeof answered / sizeof answered[0]; i++) {
        begin(true);
        feed(SCRIPT_SERVER);
        feed(i == 3 ? SCRIPT_POST : "");
        no_more_memory();
        feed(answered[i]);
        assert_int_equal(run.conn.state, H2_CONN_CLOSED);
        assert_non_null(
            strstr(run.events.text, "CLOSED INTERNAL_ERROR: out of memory\n"));
        script_end(&run);
    }
}

static void test_conn__cuts_long_texts(void **state)
{
    (void)state;
    static char text[1000];
    memset(text, 'x', sizeof text);
    begin(true);
    assert_true(
        h2_goaway(&run.conn, 0, H2_NO_ERROR, view_of(text, sizeof text)));
    assert_int_equal(h2_output_size(&run.conn), 9 + 8 + H2_LIMIT_GOAWAY_TEXT);
    script_end(&run);
}

// induce has the peer send PINGs: each is answered with 17 bytes.
static void induce(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        feed("000008 06 00 00000000 0000000000000000");
    }
}

static void test_conn__counts_what_is_induced(void **state)
{
    (void)state;
    begin(true);
    feed("505249202a20485454502f322e300d0a0d0a534d0d0a0d0a"
         "000000 04 00 00000000");
    h2_output_consume(&run.conn, h2_output_size(&run.conn));
    assert_int_equal(run.conn.induced_bytes, 0);
    induce(2);
    assert_int_equal(run.conn.induced_bytes, 34);
    // The first consume starts the generations: both pings are the older.
    h2_output_consume(&run.conn, 1);
    assert_int_equal(run.conn.induced_bytes, 34);
    induce(3);
    h2_output_consume(&run.conn, 32);
    assert_int_equal(run.conn.induced_bytes, 85);
    h2_output_consume(&run.conn, 1);
    assert_int_equal(run.conn.induced_bytes, 51);
    h2_output_consume(&run.conn, 50);
    assert_int_equal(run.conn.induced_bytes, 51);
    induce(1);
    h2_check(&run.conn);
    h2_output_consume(&run.conn, 1);
    assert_int_equal(run.conn.induced_bytes, 17);
    h2_output_consume(&run.conn, 17);
    assert_int_equal(run.conn.induced_bytes, 0);
    script_end(&run);
}

// What has begun to leave has left; what has not is taken back, and the peer is
// still told why.
static void test_conn__takes_back(void **state)
{
    (void)state;
    static const uint8_t ping[8] = {0};
    begin(false);
    feed("000000 04 00 00000000");
    h2_output_consume(&run.conn, h2_output_size(&run.conn));
    uint64_t first = h2_output_end(&run.conn);
    assert_false(h2_has_left(&run.conn, first));
    assert_true(h2_ping(&run.conn, ping));
    uint64_t second = h2_output_end(&run.conn);
    assert_int_equal(second - first, 17);
    assert_true(h2_ping(&run.conn, ping));
    induce(1);
    h2_output_consume(&run.conn, 1);
    assert_true(h2_has_left(&run.conn, first));
    assert_false(h2_has_left(&run.conn, second));
    h2_take_back(&run.conn, h2_output_end(&run.conn));
    assert_int_equal(h2_output_size(&run.conn), 16 + 17 + 17);
    h2_close(&run.conn, H2_PROTOCOL_ERROR, "why");
    h2_take_back(&run.conn, second);
    assert_int_equal(h2_output_size(&run.conn), 16 + 20);
    h2_check(&run.conn);
    h2_output_consume(&run.conn, 16);
    expect_output("GOAWAY 0 0 0000000000000001776879\n");
    script_end(&run);
}

static void test_conn__takes_all_back(void **state)
{
    (void)state;
    static const uint8_t ping[8] = {0};
    begin(false);
    feed("000000 04 00 00000000");
    h2_output_consume(&run.conn, h2_output_size(&run.conn));
    uint64_t place = h2_output_end(&run.conn);
    assert_true(h2_ping(&run.conn, ping));
    h2_close_input(&run.conn, "the end");
    h2_take_back(&run.conn, place);
    assert_int_equal(h2_output_size(&run.conn), 0);
    assert_false(h2_has_left(&run.conn, place));
    h2_check(&run.conn);
    script_end(&run);
}

static void test_conn__drops_its_output(void **state)
{
    (void)state;
    begin(false);
    feed("000000 04 00 00000000");
    uint64_t place = run.conn.left_bytes;
    induce(3);
    h2_drop_output(&run.conn);
    assert_int_equal(h2_output_size(&run.conn), 0);
    assert_int_equal(run.conn.induced_bytes, 0);
    assert_false(h2_has_left(&run.conn, place));
    h2_check(&run.conn);
    script_end(&run);
}

// What we send of our own accord must not keep us from reading: the peer may be
// unable to read before we do.
static void test_conn__reads_whatever_it_sends_itself(void **state)
{
    (void)state;
    static const uint8_t ping[8] = {0};
    const struct h2_field method = {
        .field = {.name = VIEW(":method"), .value = VIEW("POST")},
        .mode = HPACK_PLAIN,
    };
    begin(false);
    feed("000000 04 00 00000000");
    h2_output_consume(&run.conn, h2_output_size(&run.conn));
    for (int i = 0; i < 6000; i++) {
        struct h2_stream *stream = h2_open(&run.conn, NULL);
        assert_non_null(stream);
        assert_true(h2_send_headers(&run.conn, stream, &method, 1, false));
        h2_reset(&run.conn, stream, H2_CANCEL);
        h2_release(&run.conn, stream);
        assert_true(h2_ping(&run.conn, ping));
    }
    assert_true(h2_output_size(&run.conn) > 2 * H2_LIMIT_INDUCED_BYTES);
    assert_int_equal(run.conn.induced_bytes, 0);
    feed("000008 06 00 00000000 0000000000000000");
    assert_int_equal(run.conn.induced_bytes, 17);
    h2_check(&run.conn);
    script_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conn__names_codes),
        cmocka_unit_test(test_conn__begins_with_its_preface),
        cmocka_unit_test(test_conn__init_without_memory_holds_nothing),
        cmocka_unit_test(test_conn__keeps_the_first_error),
        cmocka_unit_test(test_conn__closes_for_the_owner),
        cmocka_unit_test(test_conn__pings),
        cmocka_unit_test(test_conn__goes_away_step_by_step),
        cmocka_unit_test(test_conn__goaway_lets_the_last_stream_in),
        cmocka_unit_test(test_conn__a_goaway_leaves_out_what_was_not_sent),
        cmocka_unit_test(test_conn__goes_away_before_the_first_settings),
        cmocka_unit_test(test_conn__ends_without_memory_for_a_frame),
        cmocka_unit_test(test_conn__cuts_long_texts),
        cmocka_unit_test(test_conn__counts_what_is_induced),
        cmocka_unit_test(test_conn__reads_whatever_it_sends_itself),
        cmocka_unit_test(test_conn__takes_back),
        cmocka_unit_test(test_conn__takes_all_back),
        cmocka_unit_test(test_conn__drops_its_output),
    };
    return cmocka_run_group_tests_name("h2_conn", tests, NULL, NULL);
}
