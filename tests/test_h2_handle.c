// SPDX-License-Identifier: MIT
// What test_h2_recv does not reach by short scripts: limits and the spill.
#include "tests/unit.h"

#include "h2/h2_conn.h"
#include "h2/h2_handle.h"
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

// feed_block feeds a frame with size bytes of one literal header field.
static void feed_block(uint8_t type, uint8_t flags, uint32_t id, uint32_t size)
{
    static uint8_t bytes[H2_HEAD_SIZE + 16384];
    memset(bytes, 'a', sizeof bytes);
    h2_frame_write(bytes, &(struct h2_frame){.type = type,
                                             .flags = flags,
                                             .stream_id = id,
                                             .length = size});
    assert_int_equal(script_feed(&run, NULL, bytes, H2_HEAD_SIZE + size), 0);
}

static void test_handle__spill_grows_with_what_came(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER);
    // A head that promises 16384 bytes, and one byte of them.
    feed("004000 01 04 00000001 83");
    assert_int_equal(run.conn.spill_capacity, 256);
    assert_int_equal(run.conn.spill_size, 1);
    script_end(&run);
    begin(true);
    assert_true(h2_handle_spill(&run.conn, view_of(NULL, 0)));
    assert_null(run.conn.spill);
    static uint8_t bytes[257];
    assert_true(h2_handle_spill(&run.conn, view_of(bytes, 257)));
    assert_int_equal(run.conn.spill_capacity, 512);
    h2_handle_drop_spill(&run.conn);
    assert_null(run.conn.spill);
    assert_int_equal(run.conn.spill_size, 0);
    script_end(&run);
}

static void options_small_blocks(struct h2_options *options)
{
    options->header_limits.list_bytes = 1024;
    options->header_limits.hard_bytes = 1024;
}

static void test_handle__bounds_the_size_of_a_block(void **state)
{
    (void)state;
    const char *too_large =
        "CLOSED ENHANCE_YOUR_CALM: header block is too large\n";
    begin(true);
    feed(SCRIPT_SERVER);
    feed_block(H2_FRAME_HEADERS, 0, 1, 16384);
    assert_int_equal(run.conn.block_size, 16384);
    script_forget(&run);
    // The head alone is enough.
    feed("000001 09 00 00000001");
    assert_string_equal(run.events.text, too_large);
    script_end(&run);
    // A frame that is refused costs no memory.
    const struct h2_script script = {.is_server = true,
                                     .options = options_small_blocks};
    test_heap_init(&run.heap);
    script_begin(&run, &script);
    feed(SCRIPT_SERVER);
    script_forget(&run);
    feed_block(H2_FRAME_HEADERS, 0, 1, 1025);
    assert_string_equal(run.events.text, too_large);
    assert_int_equal(run.conn.spill_capacity, 0);
    script_end(&run);
}

static void test_handle__a_block_that_outgrows_memory(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER);
    feed_block(H2_FRAME_HEADERS, 0, 1, 200);
    script_forget(&run);
    run.heap.fail_at = run.heap.calls + 1;
    feed_block(H2_FRAME_CONTINUATION, 0, 1, 200);
    assert_string_equal(run.events.text,
                        "CLOSED INTERNAL_ERROR: out of memory\n");
    script_end(&run);
}

static void test_handle__tells_of_a_block_over_the_soft_limit(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER);
    script_forget(&run);
    static uint8_t bytes[9 + 6 + 9000];
    memset(bytes, 'v', sizeof bytes);
    h2_frame_write(bytes, &(struct h2_frame){.type = H2_FRAME_HEADERS,
                                             .flags = 5,
                                             .stream_id = 1,
                                             .length = 6 + 9000});
    // x: 9000 times v, without indexing; then the pseudo fields are missing.
    static const uint8_t start[] = {0x00, 1, 'x', 0x7f, 0xa9, 0x45};
    memcpy(bytes + 9, start, sizeof start);
    assert_int_equal(script_feed(&run, NULL, bytes, sizeof bytes), 0);
    assert_string_equal(run.events.text, "HEADERS 1 request over end\n");
    script_end(&run);
}

static void open_one(void)
{
    static const struct h2_field get[] = {
        {.field = {.name = {(const uint8_t *)":method", 7},
                   .value = {(const uint8_t *)"GET", 3}},
         .mode = HPACK_PLAIN},
    };
    struct h2_stream *stream = h2_open(&run.conn, NULL);
    assert_non_null(stream);
    assert_true(h2_send_headers(&run.conn, stream, get, 1, false));
}

static void test_handle__bounds_informational_responses(void **state)
{
    (void)state;
    begin(false);
    open_one();
    feed(SCRIPT_CLIENT);
    for (int i = 0; i < H2_LIMIT_INFORMATIONAL; i++) {
        feed("000005 01 04 00000001 08 03 313030");
    }
    script_forget(&run);
    feed("000005 01 04 00000001 08 03 313030");
    assert_string_equal(run.events.text,
                        "RESET 1 ENHANCE_YOUR_CALM: too many informational "
                        "responses\n");
    script_end(&run);
}

static void options_most(struct h2_options *options)
{
    static grpc_limits limits;
    limits = *h2_limits_default();
    limits.informational_responses = 255;
    limits.continuation_frames = 255;
    options->limits = &limits;
    options->local.max_frame_size = H2_FRAME_SIZE_MAX;
}

static void begin_with_most(bool is_server)
{
    const struct h2_script script = {.is_server = is_server,
                                     .options = options_most};
    test_heap_init(&run.heap);
    script_begin(&run, &script);
}

// What is counted in a byte has a bound also at the most that a byte holds.
static void test_handle__bounds_at_their_most(void **state)
{
    (void)state;
    begin_with_most(false);
    open_one();
    feed(SCRIPT_CLIENT);
    for (int i = 0; i < 255; i++) {
        feed("000005 01 04 00000001 08 03 313030");
    }
    script_forget(&run);
    feed("000005 01 04 00000001 08 03 313030");
    assert_string_equal(run.events.text,
                        "RESET 1 ENHANCE_YOUR_CALM: too many informational "
                        "responses\n");
    script_end(&run);
    begin_with_most(true);
    feed(SCRIPT_SERVER "000001 01 00 00000001 83");
    script_forget(&run);
    for (int i = 0; i < 255; i++) {
        feed("000001 09 00 00000001 83");
    }
    assert_int_equal(run.events.size, 0);
    feed("000001 09 00 00000001 83");
    assert_string_equal(
        run.events.text,
        "CLOSED ENHANCE_YOUR_CALM: header block in too many frames\n");
    script_end(&run);
}

// However large the frames are that we take, only DATA may be so: all others
// are refused by their head.
static void test_handle__bounds_what_is_gathered(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "004106 01 04 00000001", // HEADERS of 16384 + 262
        "00410a 04 00 00000000", // SETTINGS of 2775 entries
        "ffffff 07 00 00000000", // GOAWAY
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        begin_with_most(true);
        feed(SCRIPT_SERVER);
        script_forget(&run);
        feed(heads[i]);
        assert_string_equal(run.events.text,
                            "CLOSED ENHANCE_YOUR_CALM: frame is too large to "
                            "be gathered\n");
        assert_int_equal(run.conn.spill_capacity, 0);
        script_end(&run);
    }
    begin_with_most(true);
    feed(SCRIPT_SERVER "004105 01 04 00000001 83");
    assert_true(run.conn.state == H2_CONN_OPEN);
    assert_int_equal(run.conn.spill_size, 1);
    script_end(&run);
}

static void test_handle__no_content_needs_no_length(void **state)
{
    (void)state;
    begin(false);
    open_one();
    open_one();
    feed(SCRIPT_CLIENT);
    script_forget(&run);
    // :status 304 or 204 and content-length 5, with END_STREAM.
    feed("000005 01 05 00000001 8b 0f0d 01 35");
    feed("000005 01 05 00000003 89 0f0d 01 35");
    assert_string_equal(
        run.events.text,
        "HEADERS 1 response 304 :status=304 content-length=5 end\n"
        "HEADERS 3 response 204 :status=204 content-length=5 end\n");
    script_end(&run);
}

// A short block may stand for a long one, by naming a long entry often.
static void test_handle__bounds_what_a_block_decodes_to(void **state)
{
    (void)state;
    static const uint8_t start[] = {0x40, 1, 'x', 0x7f, 0xb9, 0x16};
    enum { VALUE = 3000, BLOCK = 6 + VALUE, TIMES = 5 };
    static uint8_t bytes[9 + BLOCK + TIMES];
    memset(bytes, 'v', 9 + BLOCK);
    memset(bytes + 9 + BLOCK, 0xbe, TIMES);
    memcpy(bytes + 9, start, sizeof start);
    for (uint32_t times = TIMES - 1; times <= TIMES; times++) {
        begin(true);
        feed(SCRIPT_SERVER);
        script_forget(&run);
        h2_frame_write(bytes, &(struct h2_frame){.type = H2_FRAME_HEADERS,
                                                 .flags = 5,
                                                 .stream_id = 1,
                                                 .length = BLOCK + times});
        assert_int_equal(script_feed(&run, NULL, bytes, 9 + BLOCK + times), 0);
        if (times == TIMES) {
            assert_string_equal(run.events.text,
                                "CLOSED ENHANCE_YOUR_CALM: header block is "
                                "over the hard limit\n");
        } else {
            // What is above the soft limit was left out.
            assert_non_null(strstr(run.events.text, "HEADERS 1 request x=v"));
            assert_non_null(strstr(run.events.text, " over end\n"));
        }
        script_end(&run);
    }
}

static void test_handle__a_response_that_lost_its_status(void **state)
{
    (void)state;
    static const uint8_t start[] = {0x00, 1, 'x', 0x7f, 0xa9, 0x45};
    static uint8_t bytes[9 + 6 + 9000];
    begin(false);
    open_one();
    feed(SCRIPT_CLIENT);
    script_forget(&run);
    memset(bytes, 'v', sizeof bytes);
    h2_frame_write(bytes, &(struct h2_frame){.type = H2_FRAME_HEADERS,
                                             .flags = 4,
                                             .stream_id = 1,
                                             .length = 6 + 9000});
    memcpy(bytes + 9, start, sizeof start);
    assert_int_equal(script_feed(&run, NULL, bytes, sizeof bytes), 0);
    // A status stands before all that could be over the limit.
    assert_string_equal(run.events.text,
                        "RESET 1 PROTOCOL_ERROR: a required pseudo-header "
                        "field is missing\n");
    script_end(&run);
}

static void test_handle__shows_the_front_of_a_long_goaway_text(void **state)
{
    (void)state;
    static uint8_t bytes[9 + 8 + 1000];
    begin(true);
    feed(SCRIPT_SERVER);
    script_forget(&run);
    memset(bytes, 'a', sizeof bytes);
    memset(bytes + 9, 0, 8);
    bytes[9 + 8 + H2_LIMIT_GOAWAY_TEXT - 1] = 'y';
    h2_frame_write(bytes, &(struct h2_frame){.type = H2_FRAME_GOAWAY,
                                             .length = sizeof bytes - 9});
    assert_int_equal(script_feed(&run, NULL, bytes, sizeof bytes), 0);
    assert_int_equal(run.events.size,
                     strlen("GOAWAY 0 NO_ERROR \n") + H2_LIMIT_GOAWAY_TEXT);
    assert_non_null(strstr(run.events.text, "aaay\n"));
    script_end(&run);
}

static enum h2_event_type ping_heard;
static bool ping_spoke;

static void ping_hear(struct script_run *from, const struct h2_event *event)
{
    if (event != NULL && event->type == H2_EVENT_PING) {
        ping_heard = event->type;
        ping_spoke = h2_spoke(&from->conn);
        assert_true(h2_output_size(&from->conn) >= 17); // it is answered
    }
}

static void ping_feed(uint8_t flags)
{
    const struct h2_script script = {.act = ping_hear};
    uint8_t bytes[17] = {0, 0, 8, 6, flags};
    ping_heard = H2_EVENT_NONE;
    ping_spoke = false;
    assert_int_equal(script_feed(&run, &script, bytes, sizeof bytes), 0);
}

// A server is told of each PING, and whether it has spoken since the last one:
// HEADERS and DATA are speech, control frames are none.
static void test_handle__tells_of_pings(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER SCRIPT_POST);
    ping_feed(0);
    assert_int_equal(ping_heard, H2_EVENT_PING);
    assert_false(ping_spoke);
    struct h2_stream *stream = h2_stream_find(&run.conn, 1);
    assert_non_null(stream);
    const struct h2_field status = {
        .field = {.name = VIEW(":status"), .value = VIEW("200")},
        .mode = HPACK_PLAIN,
    };
    assert_true(h2_send_headers(&run.conn, stream, &status, 1, false));
    ping_feed(0);
    assert_true(ping_spoke);
    ping_feed(0);
    assert_false(ping_spoke);
    assert_true(h2_send_data(&run.conn, stream, VIEW("x"), false));
    ping_feed(0);
    assert_true(ping_spoke);
    h2_reset(&run.conn, stream, H2_CANCEL);
    assert_true(h2_ping(&run.conn, (const uint8_t *)"12345678"));
    ping_feed(0);
    assert_false(ping_spoke);
    script_end(&run);
    // Acknowledgements are another event, and clients are not told.
    begin(false);
    feed("000000 04 00 00000000");
    ping_feed(0);
    assert_int_equal(ping_heard, H2_EVENT_NONE);
    ping_feed(1);
    assert_int_equal(ping_heard, H2_EVENT_NONE);
    script_end(&run);
}

static void test_handle__counts_glitches(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER SCRIPT_POST);
    assert_int_equal(run.conn.glitches, 0);
    run.conn.idle_left = 0;
    feed("000000 00 00 00000001");            // empty DATA
    feed("000005 02 00 00000009 0000000010"); // PRIORITY
    feed("000000 aa 00 00000000");            // unknown
    feed("000001 01 05 00000003 83");         // malformed
    feed("000004 03 00 00000001 00000008");   // RST_STREAM: none
    feed("000004 03 00 00000001 00000008");   // so many as streams: none
    feed("000001 00 00 00000003 61");         // late DATA
    feed("000004 01 04 00000003 00016100");   // late HEADERS
    assert_int_equal(run.conn.glitches, H2_LIMIT_EMPTY_DATA_GLITCHES + 4);
    assert_int_equal(run.conn.resets, 1);
    assert_int_equal(run.conn.state, H2_CONN_OPEN);
    script_end(&run);
}

static void options_one_stream(struct h2_options *options)
{
    options->local.max_concurrent_streams = 1;
}

// As long as it has not seen our SETTINGS a client cannot know how many streams
// it may open; what is malformed it can know.
static void test_handle__counts_resets(void **state)
{
    (void)state;
    const struct h2_script script = {.is_server = true,
                                     .options = options_one_stream};
    test_heap_init(&run.heap);
    script_begin(&run, &script);
    feed(SCRIPT_MAGIC "000000 04 00 00000000" SCRIPT_POST);
    feed("000003 01 04 00000003 838684");
    assert_int_equal(run.conn.glitches, 1);
    assert_int_equal(run.conn.resets, 0);
    feed("000001 01 05 00000005 83");
    assert_int_equal(run.conn.resets, 1);
    feed("000000 04 01 00000000" // our SETTINGS are acknowledged
         "000003 01 04 00000007 838684");
    assert_int_equal(run.conn.glitches, 1);
    assert_int_equal(run.conn.resets, 2);
    // A stream that the peer breaks.
    feed("000004 08 00 00000001 7fffffff");
    assert_int_equal(run.conn.resets, 3);
    script_end(&run);
}

// Control frames are as many as the traffic calls for, and may come in bursts
// as it does; more are glitches.
static void test_handle__counts_idle_frames(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER SCRIPT_POST);
    run.conn.idle_left = 5;
    feed("000004 08 00 00000000 00000001 000008 06 00 00000000 0000000000000000"
         "000008 06 01 00000000 0000000000000000 000000 04 00 00000000"
         "000008 07 00 00000000 7fffffff00000000");
    assert_int_equal(run.conn.idle_left, 0);
    assert_int_equal(run.conn.glitches, 0);
    feed("000004 08 00 00000001 00000001 000008 06 00 00000000 0000000000000000"
         "000008 06 01 00000000 0000000000000000 000000 04 00 00000000"
         "000008 07 00 00000000 7fffffff00000000");
    assert_int_equal(run.conn.glitches, 5);
    // A stream and DATA earn some, and not without end.
    feed("000003 01 04 00000003 838684");
    assert_int_equal(run.conn.idle_left, H2_LIMIT_IDLE_FRAMES);
    struct h2_stream *stream = h2_stream_find(&run.conn, 3);
    static const struct h2_field status[] = {
        {.field = {.name = {(const uint8_t *)":status", 7},
                   .value = {(const uint8_t *)"200", 3}},
         .mode = HPACK_PLAIN},
    };
    assert_true(h2_send_headers(&run.conn, stream, status, 1, false));
    assert_true(h2_send_data(&run.conn, stream, VIEW("x"), false));
    assert_int_equal(run.conn.idle_left, 2 * H2_LIMIT_IDLE_FRAMES);
    for (int i = 0; i < 2 * H2_LIMIT_IDLE_SAVED; i++) {
        h2_conn_earn_idle(&run.conn);
    }
    assert_int_equal(run.conn.idle_left, H2_LIMIT_IDLE_SAVED);
    script_end(&run);
}

// A larger window may make every stream send; a smaller one, or the same, none.
static void test_handle__larger_windows_are_glitches(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER "000003 01 04 00000001 838684"
                       "000003 01 04 00000003 838684");
    feed("000006 04 00 00000000 000400000001"); // from 65,535 down to 1
    feed("000006 04 00 00000000 000400000001");
    assert_int_equal(run.conn.glitches, 0);
    feed("000006 04 00 00000000 000400000002");
    assert_int_equal(run.conn.glitches, 2 * H2_LIMIT_WINDOW_GLITCHES);
    script_end(&run);
}

// A client that measures the bandwidth is no flood, however many streams a
// server allows.
static void test_handle__larger_windows_of_many_streams(void **state)
{
    (void)state;
    begin(true);
    run.conn.wanted.max_concurrent_streams = UINT32_MAX;
    feed(SCRIPT_SERVER);
    for (uint32_t i = 0; i < 2 * H2_LIMIT_CONCURRENT_STREAMS; i++) {
        char hex[64];
        snprintf(hex, sizeof hex, "000003 01 04 0000%04x 838684", 1 + 2 * i);
        feed(hex);
        script_forget(&run);
    }
    assert_int_equal(run.conn.open_count, 2 * H2_LIMIT_CONCURRENT_STREAMS);
    feed("000006 04 00 00000000 000400020000");
    assert_int_equal(run.conn.glitches,
                     H2_LIMIT_CONCURRENT_STREAMS * H2_LIMIT_WINDOW_GLITCHES);
    script_end(&run);
}

static void test_handle__bounds_the_frames_of_a_block(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER "000001 01 00 00000001 83");
    script_forget(&run);
    for (int i = 0; i < H2_LIMIT_CONTINUATIONS; i++) {
        feed("000001 09 00 00000001 83");
    }
    assert_int_equal(run.events.size, 0);
    feed("000001 09 00 00000001 83");
    assert_string_equal(
        run.events.text,
        "CLOSED ENHANCE_YOUR_CALM: header block in too many frames\n");
    script_end(&run);
    // Those without a payload are for nothing.
    begin(true);
    feed(SCRIPT_SERVER "000001 01 00 00000001 83");
    script_forget(&run);
    for (int i = 0; i < H2_LIMIT_EMPTY_CONTINUATIONS; i++) {
        feed("000000 09 00 00000001");
    }
    assert_int_equal(run.events.size, 0);
    feed("000000 09 00 00000001");
    assert_string_equal(
        run.events.text,
        "CLOSED ENHANCE_YOUR_CALM: header block in too many frames\n");
    script_end(&run);
}

// The same bytes again are the same request, and are judged for their place.
static void test_handle__a_block_that_comes_again(void **state)
{
    (void)state;
    begin(true);
    feed(SCRIPT_SERVER);
    feed("000008 01 04 00000001 8386844001610131");
    script_forget(&run);
    for (int i = 0; i < 2; i++) {
        char hex[64];
        snprintf(hex, sizeof hex, "000004 01 04 000000%02x 838684be",
                 3 + 2 * i);
        feed(hex);
    }
    assert_true(run.shared.block.repeat_decoder == &run.conn.decoder);
    assert_string_equal(
        run.events.text,
        "HEADERS 3 request :method=POST :scheme=http :path=/ a=1\n"
        "HEADERS 5 request :method=POST :scheme=http :path=/ a=1\n");
    script_forget(&run);
    // As trailers it is malformed.
    feed("000004 01 05 00000005 838684be");
    assert_string_equal(run.events.text,
                        "RESET 5 PROTOCOL_ERROR: pseudo-header field that does "
                        "not belong here\n");
    script_forget(&run);
    // A malformed one is so again, and the next is not.
    uint32_t resets = run.conn.resets;
    feed("000003 01 05 00000007 8386be 000003 01 05 00000009 8386be");
    assert_int_equal(run.conn.resets, resets + 2);
    feed("000004 01 04 0000000b 838684be");
    assert_string_equal(
        run.events.text,
        "HEADERS 11 request :method=POST :scheme=http :path=/ a=1\n");
    script_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handle__spill_grows_with_what_came),
        cmocka_unit_test(test_handle__bounds_the_size_of_a_block),
        cmocka_unit_test(test_handle__a_block_that_outgrows_memory),
        cmocka_unit_test(test_handle__tells_of_a_block_over_the_soft_limit),
        cmocka_unit_test(test_handle__bounds_informational_responses),
        cmocka_unit_test(test_handle__bounds_at_their_most),
        cmocka_unit_test(test_handle__bounds_what_is_gathered),
        cmocka_unit_test(test_handle__no_content_needs_no_length),
        cmocka_unit_test(test_handle__bounds_what_a_block_decodes_to),
        cmocka_unit_test(test_handle__a_response_that_lost_its_status),
        cmocka_unit_test(test_handle__shows_the_front_of_a_long_goaway_text),
        cmocka_unit_test(test_handle__tells_of_pings),
        cmocka_unit_test(test_handle__counts_glitches),
        cmocka_unit_test(test_handle__counts_resets),
        cmocka_unit_test(test_handle__bounds_the_frames_of_a_block),
        cmocka_unit_test(test_handle__counts_idle_frames),
        cmocka_unit_test(test_handle__larger_windows_are_glitches),
        cmocka_unit_test(test_handle__larger_windows_of_many_streams),
        cmocka_unit_test(test_handle__a_block_that_comes_again),
    };
    return cmocka_run_group_tests_name("h2_handle", tests, NULL, NULL);
}
