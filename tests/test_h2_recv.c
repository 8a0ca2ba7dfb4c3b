// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "h2/h2.h"
#include "h2/h2_limits.h"
#include "tests/h2_script.h"

#define ACK "SETTINGS 1 0\n"

static void act_open(struct script_run *run, const struct h2_event *event)
{
    static const struct h2_field get[] = {
        {.field = {.name = {(const uint8_t *)":method", 7},
                   .value = {(const uint8_t *)"GET", 3}},
         .mode = HPACK_PLAIN},
    };
    if (event == NULL) {
        struct h2_stream *stream = h2_open(&run->conn, run);
        assert_non_null(stream);
        assert_true(h2_send_headers(&run->conn, stream, get, 1, false));
        script_drain(run);
        run->output_size = 0;
    }
}

static void test_recv__gives_a_request(void **state)
{
    (void)state;
    script_check(&(struct h2_script){
        .is_server = true,
        .input = SCRIPT_SERVER SCRIPT_POST "000005 00 00 00000001 68656c6c6f"
                                           "000001 00 01 00000001 21",
        .events = "SETTINGS\nHEADERS 1 request :method=POST :scheme=http "
                  ":path=/\nDATA 1 hello! end\n",
        .output = ACK,
    });
}

static void test_recv__gives_trailers_and_padding(void **state)
{
    (void)state;
    script_check(&(struct h2_script){
        .is_server = true,
        .input = SCRIPT_SERVER
        // Padded, with priority.
        "00000b 01 2c 00000001 02 00000000 10 838684 0000"
        "000008 00 08 00000001 03 61626364 000000"
        "000001 00 08 00000001 00"
        "000005 01 05 00000001 00 01 61 01 62",
        .events = "SETTINGS\nHEADERS 1 request :method=POST :scheme=http "
                  ":path=/\nDATA 1 abcd\nHEADERS 1 trailers a=b end\n",
        .output = ACK,
    });
}

static void test_recv__gathers_a_block(void **state)
{
    (void)state;
    script_check(&(struct h2_script){
        .is_server = true,
        .input = SCRIPT_SERVER "000003 01 09 00000001 01 83 00"
                               "000000 09 00 00000001"
                               "000001 09 00 00000001 86"
                               "000001 09 04 00000001 84"
                               "000003 01 05 00000003 838684",
        .events = "SETTINGS\nHEADERS 1 request :method=POST :scheme=http "
                  ":path=/ end\nHEADERS 3 request :method=POST :scheme=http "
                  ":path=/ end\n",
        .output = ACK,
    });
}

static void test_recv__gives_a_response(void **state)
{
    (void)state;
    script_check(&(struct h2_script){
        .input = SCRIPT_CLIENT "000005 01 04 00000001 08 03 313030"
                               "000001 01 04 00000001 88"
                               "000002 00 00 00000001 6f6b"
                               "000005 01 05 00000001 00 01 61 01 62",
        .events = "SETTINGS\nHEADERS 1 informational 100 :status=100\n"
                  "HEADERS 1 response 200 :status=200\nDATA 1 ok\n"
                  "HEADERS 1 trailers a=b end\n",
        .output = ACK,
        .act = act_open,
    });
}

static void test_recv__answers_ping_and_ignores_the_unknown(void **state)
{
    (void)state;
    script_check(&(struct h2_script){
        .is_server = true,
        .input = SCRIPT_SERVER "000008 06 00 00000000 0102030405060708"
                               "000008 06 01 00000000 a102030405060708"
                               "000003 7f ff 00000005 010203"
                               "000000 7f ff 80000005"
                               "000005 02 00 00000007 00000001 10"
                               "000008 06 fe 80000000 0102030405060709",
        .events = "SETTINGS\nPING_ACK a1\n",
        .output = ACK "PING 1 0 0102030405060708\nPING 1 0 0102030405060709\n",
    });
}

static void test_recv__resets(void **state)
{
    (void)state;
    script_check(&(struct h2_script){
        .is_server = true,
        .input = SCRIPT_SERVER SCRIPT_POST
        "000004 03 00 00000001 00000008"
        // On a closed stream these mean nothing.
        "000004 03 00 00000001 00000008 000004 08 00 00000001 00000001",
        .events = "SETTINGS\nHEADERS 1 request :method=POST :scheme=http "
                  ":path=/\nRESET 1 CANCEL by peer: RST_STREAM\n",
        .output = ACK,
    });
    script_check(&(struct h2_script){
        .is_server = true,
        .input = SCRIPT_SERVER SCRIPT_POST "000004 08 00 00000001 7fffffff"
                                           "000002 00 01 00000001 6869",
        .events = "SETTINGS\nHEADERS 1 request :method=POST :scheme=http "
                  ":path=/\nRESET 1 FLOW_CONTROL_ERROR: stream window is over "
                  "2^31-1\n",
        .output = ACK "RST_STREAM 0 1 00000003\n",
    });
}

static void act_release(struct script_run *run, const struct h2_event *event)
{
    if (event != NULL && event->stream != NULL) {
        h2_release(&run->conn, event->stream);
    }
}

static void test_recv__is_lenient_after_our_reset(void **state)
{
    (void)state;
    // The dynamic table and the connection's window go on.
    script_check(&(struct h2_script){
        .is_server = true,
        .input =
            SCRIPT_SERVER SCRIPT_POST "000003 00 08 00000001 01 61 00"
                                      "000006 01 05 00000001 40 01 61 01 62 be"
                                      "000004 01 05 00000003 838684 be",
        .events = "SETTINGS\nHEADERS 1 request :method=POST :scheme=http "
                  ":path=/\nHEADERS 3 request :method=POST :scheme=http "
                  ":path=/ a=b end\n",
        .output = ACK "RST_STREAM 0 1 00000008\nRST_STREAM 0 3 00000008\n",
        .act = act_release,
    });
}

static void options_one_stream(struct h2_options *options)
{
    options->local.max_concurrent_streams = 1;
}

static void test_recv__refuses_streams_over_the_limit(void **state)
{
    (void)state;
    script_check(&(struct h2_script){
        .is_server = true,
        .options = options_one_stream,
        .input = SCRIPT_SERVER SCRIPT_POST "000003 01 04 00000003 838684"
                                           "000001 00 01 00000003 61",
        .events = "SETTINGS\nHEADERS 1 request :method=POST :scheme=http "
                  ":path=/\n",
        .output = ACK "RST_STREAM 0 3 00000007\n",
    });
}

static void test_recv__turns_malformed_requests_away(void **state)
{
    (void)state;
    static const char *const blocks[] = {
        "000002 01 05 00000001 8384",                  // no :scheme
        "000004 01 05 00000001 83838684",              // :method twice
        "000008 01 05 00000001 838684 00 01 41 01 62", // upper case
        "000007 01 05 00000001 838684 0f0d 01 35",     // content-length 5
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        char input[512];
        snprintf(input, sizeof input, "%s %s", SCRIPT_SERVER, blocks[i]);
        script_check(&(struct h2_script){
            .is_server = true,
            .input = input,
            .events = "SETTINGS\n",
            .output = ACK "RST_STREAM 0 1 00000001\n",
        });
    }
}

static void test_recv__checks_content_length(void **state)
{
    (void)state;
#define REQUEST_5 "000007 01 04 00000001 838684 0f0d 01 35"
#define EVENT_5                                                   \
 "SETTINGS\nHEADERS 1 request :method=POST :scheme=http :path=/ " \
 "content-length=5\n"
    static const struct {
        const char *input;
        const char *events;
        bool reset;
    } cases[] = {
        {SCRIPT_SERVER REQUEST_5 "000005 00 01 00000001 6162636465",
         EVENT_5 "DATA 1 abcde end\n", false},
        {SCRIPT_SERVER REQUEST_5 "000002 00 00 00000001 6162"
                                 "000003 00 00 00000001 636465"
                                 "000000 00 01 00000001",
         EVENT_5 "DATA 1 abcde end\n", false},
        {SCRIPT_SERVER REQUEST_5 "000006 00 00 00000001 616263646566",
         EVENT_5 "RESET 1 PROTOCOL_ERROR: content is not as long as "
                 "content-length\n",
         true},
        {SCRIPT_SERVER REQUEST_5 "000006 00 09 00000001 01 61626364 00",
         EVENT_5 "RESET 1 PROTOCOL_ERROR: content is not as long as "
                 "content-length\n",
         true},
        {SCRIPT_SERVER REQUEST_5 "000005 01 05 00000001 00 01 61 01 62",
         EVENT_5 "RESET 1 PROTOCOL_ERROR: content is shorter than "
                 "content-length\n",
         true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script_check(&(struct h2_script){
            .is_server = true,
            .input = cases[i].input,
            .events = cases[i].events,
            .output = cases[i].reset ? ACK "RST_STREAM 0 1 00000001\n" : ACK,
        });
    }
}

static void test_recv__resets_a_malformed_response(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        const char *events;
    } cases[] = {
        {"000001 01 04 00000001 83",
         "RESET 1 PROTOCOL_ERROR: pseudo-header field that does not belong "
         "here\n"},
        {"000005 01 05 00000001 08 03 313030",
         "RESET 1 PROTOCOL_ERROR: informational response with END_STREAM\n"},
        {"000001 00 00 00000001 61",
         "RESET 1 PROTOCOL_ERROR: DATA before HEADERS\n"},
        {"000001 01 04 00000001 88 000001 01 04 00000001 88",
         "HEADERS 1 response 200 :status=200\n"
         "RESET 1 PROTOCOL_ERROR: second HEADERS without END_STREAM\n"},
        {"000001 01 04 00000001 88 000001 01 05 00000001 88",
         "HEADERS 1 response 200 :status=200\n"
         "RESET 1 PROTOCOL_ERROR: pseudo-header field that does not belong "
         "here\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char input[512];
        char events[512];
        snprintf(input, sizeof input, "%s %s", SCRIPT_CLIENT, cases[i].input);
        snprintf(events, sizeof events, "SETTINGS\n%s", cases[i].events);
        script_check(&(struct h2_script){
            .input = input,
            .events = events,
            .output = ACK "RST_STREAM 0 1 00000001\n",
            .act = act_open,
        });
    }
}

// One row: what is sent after the first SETTINGS, and how it ends.
struct fatal_case {
    const char *input;
    enum h2_code code;
    const char *reason;
};

static void check_fatal(bool is_server, const struct fatal_case *row,
                        uint32_t last_id, const char *before)
{
    char input[2048];
    static struct script_text events;
    static struct script_text output;
    snprintf(input, sizeof input, "%s %s",
             is_server ? SCRIPT_SERVER : SCRIPT_CLIENT, row->input);
    events.size = 0;
    output.size = 0;
    script_add(&events, "SETTINGS\n%sCLOSED %s: %s\n", before,
               h2_code_name(row->code), row->reason);
    script_add(&output, ACK "GOAWAY 0 0 %08x%08x", (unsigned)last_id,
               (unsigned)row->code);
    for (const char *c = row->reason; *c != '\0'; c++) {
        script_add(&output, "%02x", (unsigned)(unsigned char)*c);
    }
    script_add(&output, "\n");
    script_check(&(struct h2_script){
        .is_server = is_server,
        .input = input,
        .events = events.text,
        .output = output.text,
        .act = is_server ? NULL : act_open,
    });
}

static const struct fatal_case both_fatal[] = {
    {"000001 00 00 00000000 00", H2_PROTOCOL_ERROR, "DATA on stream 0"},
    {"000001 00 00 00000005 00", H2_PROTOCOL_ERROR, "DATA on an idle stream"},
    {"000001 01 04 00000000 82", H2_PROTOCOL_ERROR, "HEADERS on stream 0"},
    {"000001 01 04 00000002 82", H2_PROTOCOL_ERROR,
     "HEADERS on a stream that the peer may not open"},
    {"000005 02 00 00000000 0000000110", H2_PROTOCOL_ERROR,
     "PRIORITY on stream 0"},
    {"000004 02 00 00000001 00000001", H2_FRAME_SIZE_ERROR,
     "PRIORITY is not 5 bytes"},
    {"000005 02 00 00000007 80000007 10", H2_PROTOCOL_ERROR,
     "stream depends on itself"},
    {"000004 03 00 00000000 00000001", H2_PROTOCOL_ERROR,
     "RST_STREAM on stream 0"},
    {"000004 03 00 00000007 00000001", H2_PROTOCOL_ERROR,
     "RST_STREAM on an idle stream"},
    {"000003 03 00 00000001 000001", H2_FRAME_SIZE_ERROR,
     "RST_STREAM is not 4 bytes"},
    {"000006 04 00 00000001 000300000064", H2_PROTOCOL_ERROR,
     "SETTINGS on a stream"},
    {"000005 04 00 00000000 0003000000", H2_FRAME_SIZE_ERROR,
     "SETTINGS is not a multiple of 6 bytes"},
    {"000006 04 01 00000000 000300000064", H2_FRAME_SIZE_ERROR,
     "SETTINGS acknowledgement with a payload"},
    {"000000 04 01 00000000", H2_PROTOCOL_ERROR,
     "acknowledgement of no SETTINGS"},
    {"000006 04 00 00000000 000200000002", H2_PROTOCOL_ERROR,
     "SETTINGS_ENABLE_PUSH is neither 0 nor 1"},
    {"000006 04 00 00000000 000480000000", H2_FLOW_CONTROL_ERROR,
     "SETTINGS_INITIAL_WINDOW_SIZE is over 2^31-1"},
    {"000006 04 00 00000000 000500003fff", H2_PROTOCOL_ERROR,
     "SETTINGS_MAX_FRAME_SIZE is out of range"},
    {"000006 04 00 00000000 000501000000", H2_PROTOCOL_ERROR,
     "SETTINGS_MAX_FRAME_SIZE is out of range"},
    {"000004 05 04 00000001 00000002", H2_PROTOCOL_ERROR,
     "PUSH_PROMISE, though push is not enabled"},
    {"000003 05 04 00000001 000000", H2_FRAME_SIZE_ERROR,
     "PUSH_PROMISE is too short"},
    {"000007 06 00 00000000 01020304050607", H2_FRAME_SIZE_ERROR,
     "PING is not 8 bytes"},
    {"000008 06 00 00000001 0102030405060708", H2_PROTOCOL_ERROR,
     "PING on a stream"},
    {"000007 07 00 00000000 00000000000000", H2_FRAME_SIZE_ERROR,
     "GOAWAY is too short"},
    {"000008 07 00 00000001 0000000000000000", H2_PROTOCOL_ERROR,
     "GOAWAY on a stream"},
    {"000004 08 00 00000000 00000000", H2_PROTOCOL_ERROR, "WINDOW_UPDATE of 0"},
    {"000003 08 00 00000000 000001", H2_FRAME_SIZE_ERROR,
     "WINDOW_UPDATE is not 4 bytes"},
    {"000004 08 00 00000000 7fffffff", H2_FLOW_CONTROL_ERROR,
     "connection window is over 2^31-1"},
    {"000004 08 00 00000007 00000001", H2_PROTOCOL_ERROR,
     "WINDOW_UPDATE on an idle stream"},
    {"000001 09 04 00000001 82", H2_PROTOCOL_ERROR,
     "CONTINUATION without a header block"},
    {"004001 00 00 00000001", H2_FRAME_SIZE_ERROR,
     "frame is longer than SETTINGS_MAX_FRAME_SIZE"},
    {"004001 ff 00 00000001", H2_FRAME_SIZE_ERROR,
     "frame is longer than SETTINGS_MAX_FRAME_SIZE"},
};

static void test_recv__closes_on_connection_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof both_fatal / sizeof both_fatal[0]; i++) {
        check_fatal(true, &both_fatal[i], 0, "");
        check_fatal(false, &both_fatal[i], 0, "");
    }
}

static void test_recv__closes_on_errors_of_clients(void **state)
{
    (void)state;
    static const struct fatal_case fresh[] = {
        {"000001 01 00 00000001 83 000001 09 04 00000003 86", H2_PROTOCOL_ERROR,
         "a header block is not continued"},
        {"000001 01 00 00000001 83 000005 02 00 00000001 0000000010",
         H2_PROTOCOL_ERROR, "a header block is not continued"},
        {"000001 01 00 00000001 83 000001 ff 00 00000001 00", H2_PROTOCOL_ERROR,
         "a header block is not continued"},
        {"000001 01 00 00000001 83 000001 09 00 00000000 86", H2_PROTOCOL_ERROR,
         "a header block is not continued"},
        {"000004 01 2c 00000001 00000000", H2_FRAME_SIZE_ERROR,
         "HEADERS is too short"},
        {"000000 01 0c 00000001", H2_FRAME_SIZE_ERROR, "HEADERS is too short"},
        {"000002 01 0c 00000001 02 83", H2_PROTOCOL_ERROR,
         "padding is longer than HEADERS"},
        {"000006 01 24 00000001 00000001 10 83", H2_PROTOCOL_ERROR,
         "stream depends on itself"},
        {"000000 01 00 00000001"
         "000000 09 00 00000001"
         "000000 09 00 00000001"
         "000000 09 00 00000001"
         "000000 09 00 00000001"
         "000000 09 00 00000001"
         "000000 09 00 00000001"
         "000000 09 00 00000001"
         "000000 09 00 00000001"
         "000000 09 00 00000001",
         H2_ENHANCE_YOUR_CALM, "header block in too many frames"},
        {"000008 07 00 00000000 0000000300000000"
         "000008 07 00 00000000 0000000500000000",
         H2_PROTOCOL_ERROR, "GOAWAY with a higher last stream id than before"},
    };
    for (size_t i = 0; i < sizeof fresh / sizeof fresh[0]; i++) {
        const char *before = i == sizeof fresh / sizeof fresh[0] - 1
                                 ? "GOAWAY 3 NO_ERROR \n"
                                 : "";
        check_fatal(true, &fresh[i], 0, before);
    }
    static const struct fatal_case open[] = {
        {"000001 00 08 00000001 01", H2_PROTOCOL_ERROR,
         "padding is longer than DATA"},
        {"000000 00 08 00000001", H2_FRAME_SIZE_ERROR,
         "padded DATA without a payload"},
    };
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        char input[256];
        snprintf(input, sizeof input, "%s %s", SCRIPT_POST, open[i].input);
        check_fatal(true,
                    &(struct fatal_case){input, open[i].code, open[i].reason},
                    1, "HEADERS 1 request :method=POST :scheme=http :path=/\n");
    }
}

static void test_recv__closes_on_frames_after_the_end(void **state)
{
    (void)state;
#define POST_5 "000003 01 05 00000005 838684"
    static const struct fatal_case rows[] = {
        {POST_5 "000001 00 01 00000005 61", H2_STREAM_CLOSED,
         "DATA after END_STREAM"},
        {POST_5 "000001 01 05 00000005 83", H2_STREAM_CLOSED,
         "HEADERS after END_STREAM"},
        {POST_5 "000004 03 00 00000005 00000008 000001 01 05 00000005 83",
         H2_STREAM_CLOSED, "HEADERS on a closed stream"},
        {POST_5 "000004 03 00 00000005 00000008 000001 00 01 00000005 61",
         H2_STREAM_CLOSED, "DATA on a closed stream"},
        {POST_5 "000001 01 05 00000003 83", H2_PROTOCOL_ERROR,
         "stream id is lower than an earlier one"},
        {POST_5 "000001 00 01 00000003 61", H2_STREAM_CLOSED,
         "DATA on a closed stream"},
    };
    const char *head = "HEADERS 5 request :method=POST :scheme=http :path=/ "
                       "end\n";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char before[256];
        snprintf(before, sizeof before, "%s%s", head,
                 i == 2 || i == 3 ? "RESET 5 CANCEL by peer: RST_STREAM\n"
                                  : "");
        check_fatal(true, &rows[i], 5, before);
    }
}

static void test_recv__closes_on_bad_hpack(void **state)
{
    (void)state;
    check_fatal(true,
                &(struct fatal_case){"000001 01 05 00000001 80",
                                     H2_COMPRESSION_ERROR,
                                     hpack_result_text(HPACK_BAD_INDEX)},
                0, "");
    check_fatal(true,
                &(struct fatal_case){"000001 01 05 00000001 00",
                                     H2_COMPRESSION_ERROR,
                                     hpack_result_text(HPACK_TRUNCATED)},
                0, "");
}

static void test_recv__wants_the_preface(void **state)
{
    (void)state;
    static const struct {
        bool is_server;
        const char *input;
        const char *reason;
    } cases[] = {
        {true, "474554202f20485454502f312e310d0a",
         "not the HTTP/2 client preface"},
        {true, "505249202a20485454502f322e300d0a0d0a534d0d0a0d0b",
         "not the HTTP/2 client preface"},
        {true, SCRIPT_MAGIC "000008 06 00 00000000 0102030405060708",
         "the first frame is not SETTINGS"},
        {true, SCRIPT_MAGIC "000000 04 01 00000000",
         "the first frame is not SETTINGS"},
        {false, "000008 06 00 00000000 0102030405060708",
         "the first frame is not SETTINGS"},
        {false, "485454502f312e312034303020426164", "the server speaks HTTP/1"},
        {true, "16030100c8010000c40303",
         "the client speaks TLS, which this "
         "port does not"},
        {true, "5016030100c8010000c40303", "not the HTTP/2 client preface"},
        {false, "15030300020228",
         "the server speaks TLS, which this channel "
         "does not"},
        {false, "16030300640200",
         "the server speaks TLS, which this channel "
         "does not"},
        {false, "150303000202281503030002",
         "the server speaks TLS, which this "
         "channel does not"},
        {false, "150400080600000000", "the first frame is not SETTINGS"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char events[128];
        static struct script_text output;
        output.size = 0;
        script_add(&output, "GOAWAY 0 0 0000000000000001");
        for (const char *c = cases[i].reason; *c != '\0'; c++) {
            script_add(&output, "%02x", (unsigned)(unsigned char)*c);
        }
        script_add(&output, "\n");
        snprintf(events, sizeof events, "CLOSED PROTOCOL_ERROR: %s\n",
                 cases[i].reason);
        script_check(&(struct h2_script){
            .is_server = cases[i].is_server,
            .input = cases[i].input,
            .events = events,
            .output = output.text,
        });
    }
}

// Two streams are left out by a GOAWAY whose text outlives its input.
static void act_open_three(struct script_run *run, const struct h2_event *event)
{
    if (event == NULL) {
        act_open(run, NULL);
        act_open(run, NULL);
        act_open(run, NULL);
    } else if (event->type == H2_EVENT_RESET && run->step++ == 0) {
        assert_false(h2_can_open(&run->conn));
    }
}

static void test_recv__reports_streams_that_a_goaway_left_out(void **state)
{
    (void)state;
    script_check(&(struct h2_script){
        .input = SCRIPT_CLIENT "00000a 07 00 00000000 00000001 00000000 6f6b"
                               "000001 01 05 00000001 88"
                               // Late frames on the others are ignored.
                               "000001 01 05 00000003 88",
        .events = "SETTINGS\n"
                  "RESET 3 REFUSED_STREAM by peer: GOAWAY left the stream out\n"
                  "RESET 5 REFUSED_STREAM by peer: GOAWAY left the stream out\n"
                  "GOAWAY 1 NO_ERROR ok\n"
                  "HEADERS 1 response 200 :status=200 end\n",
        .output = ACK,
        .act = act_open_three,
    });
}

static void test_recv__blocks_a_flood_until_output_leaves(void **state)
{
    (void)state;
    static struct script_run run;
    static uint8_t flood[17 * 8000];
    uint8_t prelude[128];
    const struct h2_script script = {.is_server = true};
    test_heap_init(&run.heap);
    script_begin(&run, &script);
    size_t n = test_unhex(SCRIPT_SERVER, prelude, sizeof prelude);
    assert_int_equal(script_feed(&run, NULL, prelude, n), 0);
    for (size_t i = 0; i < 8000; i++) {
        test_unhex("000008 06 00 00000000 0102030405060708", flood + 17 * i,
                   17);
    }
    size_t left = script_feed(&run, NULL, flood, sizeof flood);
    size_t bound = H2_LIMIT_INDUCED_BYTES;
    assert_true(left > 0);
    assert_in_range(h2_output_size(&run.conn), bound + 1, bound + 17);
    // Empty input is no reason to block.
    assert_int_equal(script_feed(&run, NULL, flood, 0), 0);
    // As long as the flood is not taken, nothing more is read.
    assert_int_equal(script_feed(&run, NULL, flood, 17), 17);
    size_t rounds = 0;
    while (left > 0) {
        script_drain(&run);
        assert_int_equal(run.conn.induced_bytes, 0);
        left = script_feed(&run, NULL, flood + sizeof flood - left, left);
        rounds++;
    }
    assert_int_equal(rounds, 2);
    script_drain(&run);
    assert_int_equal(run.output_size, 9 + sizeof flood);
    script_end(&run);
}

static void test_recv__says_that_the_input_ended(void **state)
{
    (void)state;
    static struct script_run run;
    const struct h2_script script = {.is_server = true};
    test_heap_init(&run.heap);
    script_begin(&run, &script);
    h2_close_input(&run.conn, "gone");
    h2_close_input(&run.conn, "gone again");
    assert_int_equal(script_feed(&run, NULL, NULL, 0), 0);
    assert_int_equal(script_feed(&run, NULL, (const uint8_t *)"abc", 3), 0);
    assert_string_equal(run.events.text, "CLOSED NO_ERROR: gone\n");
    assert_int_equal(h2_output_size(&run.conn), 0);
    script_end(&run);
}

static void test_recv__holds_nothing_at_rest(void **state)
{
    (void)state;
    static struct script_run run;
    uint8_t bytes[256];
    const struct h2_script script = {.is_server = true};
    test_heap_init(&run.heap);
    script_begin(&run, &script);
    size_t n = test_unhex(SCRIPT_SERVER SCRIPT_POST_END, bytes, sizeof bytes);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(script_feed(&run, NULL, bytes + i, 1), 0);
    }
    assert_int_equal(script_feed(&run, NULL, NULL, 0), 0);
    script_drain(&run);
    assert_null(run.conn.spill);
    assert_null(run.conn.out.first);
    assert_true(sizeof(struct h2_conn) <= 704);
    script_end(&run);
}

static void act_try_open(struct script_run *run, const struct h2_event *event)
{
    static const struct h2_field get[] = {
        {.field = {.name = {(const uint8_t *)":method", 7},
                   .value = {(const uint8_t *)"GET", 3}},
         .mode = HPACK_INDEX},
    };
    if (event == NULL) {
        struct h2_stream *stream = h2_open(&run->conn, run);
        run->step = stream == NULL ||
                    !h2_send_headers(&run->conn, stream, get, 1, false);
    }
}

static void test_recv__survives_want_of_memory(void **state)
{
    (void)state;
    static const struct h2_script server = {
        .is_server = true,
        .input = SCRIPT_SERVER SCRIPT_POST
        "000005 00 00 00000001 68656c6c6f"
        "000003 01 00 00000003 838684 000005 09 04 00000003 40 01 61 01 62"
        "000008 06 00 00000000 0102030405060708"
        "00000a 07 00 00000000 00000001 00000000 6f6b"
        "000005 01 05 00000001 00 01 61 01 62",
        .act = act_release,
    };
    static const struct h2_script client = {
        .input = SCRIPT_CLIENT "000005 01 04 00000001 08 03 313030"
                               "000001 01 04 00000001 88"
                               "000002 00 00 00000001 6f6b"
                               "00000a 07 00 00000000 00000000 00000000 6f6b"
                               "000005 01 05 00000001 00 01 61 01 62",
        .act = act_try_open,
    };
    script_sweep(&server, 1);
    script_sweep(&server, 1000);
    script_sweep(&client, 1);
    script_sweep(&client, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recv__gives_a_request),
        cmocka_unit_test(test_recv__gives_trailers_and_padding),
        cmocka_unit_test(test_recv__gathers_a_block),
        cmocka_unit_test(test_recv__gives_a_response),
        cmocka_unit_test(test_recv__answers_ping_and_ignores_the_unknown),
        cmocka_unit_test(test_recv__resets),
        cmocka_unit_test(test_recv__is_lenient_after_our_reset),
        cmocka_unit_test(test_recv__refuses_streams_over_the_limit),
        cmocka_unit_test(test_recv__turns_malformed_requests_away),
        cmocka_unit_test(test_recv__checks_content_length),
        cmocka_unit_test(test_recv__resets_a_malformed_response),
        cmocka_unit_test(test_recv__closes_on_connection_errors),
        cmocka_unit_test(test_recv__closes_on_errors_of_clients),
        cmocka_unit_test(test_recv__closes_on_frames_after_the_end),
        cmocka_unit_test(test_recv__closes_on_bad_hpack),
        cmocka_unit_test(test_recv__wants_the_preface),
        cmocka_unit_test(test_recv__reports_streams_that_a_goaway_left_out),
        cmocka_unit_test(test_recv__blocks_a_flood_until_output_leaves),
        cmocka_unit_test(test_recv__says_that_the_input_ended),
        cmocka_unit_test(test_recv__holds_nothing_at_rest),
        cmocka_unit_test(test_recv__survives_want_of_memory),
    };
    return cmocka_run_group_tests_name("h2_recv", tests, NULL, NULL);
}
