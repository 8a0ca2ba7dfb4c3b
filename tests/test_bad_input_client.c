// SPDX-License-Identifier: MIT
// Wrong servers: how a call of each kind ends when its response is not what
// gRPC says. What breaks HTTP/2, the reset codes of 2.3, and the rows of unary
// calls that are not here, stand in test_unary_raw_client.c. The name of a row
// begins with the method that is called: Many (its request is whole), Collect
// and Talk (the client is still sending, so that the stream is reset, too).
//
// Where doc/statuscodes.md and grpc-go differ, the document holds: too many
// messages, or none, are UNIMPLEMENTED (grpc-go: INTERNAL), and a bad
// grpc-status is UNKNOWN (as in grpc-go since 1.79; INTERNAL before).

#include "tests/unit.h"

#include "tests/raw_kit.h"
#include "tests/stream_kit.h"

#define BAD_HTML \
 "HEADERS 4 1 {:status: 502}{content-type: text/html}\nDATA 1 1 3c703e\n"
#define BAD_PROTOCOL "RST_STREAM 1 PROTOCOL_ERROR\n"
#define BAD_CANCEL   "RST_STREAM 1 CANCEL\n"
#define BAD_DONE     "RST_STREAM 1 NO_ERROR\n"

// 64 bytes, of which "toy" makes 4 MiB.
#define BAD_8    "0000000000000000"
#define BAD_BOMB BAD_8 BAD_8 BAD_8 BAD_8 BAD_8 BAD_8 BAD_8 BAD_8

static struct sk bad;

static struct kit_bench *bad_new(void)
{
    static struct kit_bench bench;
    int fds[2];
    memset(&bad, 0, sizeof bad);
    bench.server = NULL;
    test_heap_init(&bench.heap);
    bench.loop = kit_loop(&bench.heap, NULL);
    assert_int_equal(grpc_loop_add_compressor(bench.loop, &sk_toy), GRPC_OK);
    kit_pair_of_sockets(fds);
    bench.channel = grpc_channel_new_fd(
        fds[0], &(grpc_channel_options){.loop = bench.loop});
    assert_non_null(bench.channel);
    kit_peer_init(&bench.peer, fds[1], true);
    kit_preface(&bench.peer, false);
    bad.channel = bench.channel;
    return &bench;
}

// bad_start begins the call that the row is named for.
static void bad_start(struct kit_bench *bench, const struct raw_row *row)
{
    if (strncmp(row->name, "Many", 4) == 0) {
        (void)sk_start_many(&bad, 1, NULL);
    } else if (strncmp(row->name, "Talk", 4) == 0) {
        (void)sk_start_talk(&bad, NULL);
    } else {
        assert_non_null(stream_Streams_Collect_start(
            bench->channel, &sk_collect_events, &bad, NULL));
    }
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
}

static void bad_check_healthy(struct kit_bench *bench)
{
    struct kit_peer *peer = &bench->peer;
    sk_clear(&bad.log);
    (void)sk_start_many(&bad, 1, NULL);
    kit_turn(bench->loop);
    kit_forget(peer);
    kit_headers(peer, 3, false, KIT_RESPONSE);
    kit_message(peer, 3, false, "Bob");
    kit_headers(peer, 3, true, "grpc-status: 0\n");
    kit_wait(bench->loop, &bad.ended, 2);
    assert_string_equal(bad.log.text, "headers Bob:0 OK ");
}

static void bad_check(const struct raw_row *row, const struct raw_bytes *bytes,
                      size_t cut)
{
    struct kit_bench *bench = bad_new();
    bad_start(bench, row);
    raw_send_cut(bench, bytes, cut);
    raw_watch(bench);
    assert_int_equal(bad.ended, 1);
    kit_say_text(&bench->peer, "%s%d %s\n", bad.log.text, (int)bad.code,
                 bad.text);
    raw_compare(row, &bench->peer, cut);
    if (row->end == RAW_LIVES) {
        bad_check_healthy(bench);
    }
    kit_bench_end(bench);
}

// The server's bytes end: a call that has not ended is UNAVAILABLE.
static void bad_lose(const struct raw_row *row, const struct raw_bytes *bytes,
                     size_t size)
{
    struct kit_bench *bench = bad_new();
    bad_start(bench, row);
    kit_send(&bench->peer, bytes->data, size);
    kit_turn(bench->loop);
    int ended = bad.ended;
    assert_int_equal(shutdown(bench->peer.fd, SHUT_WR), 0);
    raw_watch(bench);
    assert_int_equal(bad.ended, 1);
    if (ended == 0) {
        assert_int_equal(bad.code, GRPC_UNAVAILABLE);
    }
    kit_bench_end(bench);
}

static const struct raw_row bad_rows[] = {
    // 2.3: a gRPC response without grpc-status
    {"Many: trailers without grpc-status", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {x: y}\n",
     "headers Ann:0 UNKNOWN 2 the server's trailers have no grpc-status\n"},
    {"Talk: trailers without grpc-status", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "HEADERS 5 1 {x: y}\n",
     BAD_DONE "headers UNKNOWN 2 the server's trailers have no grpc-status\n"},
    {"Talk: trailers alone without grpc-status", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "\n",
     BAD_DONE "UNKNOWN 2 the server's trailers have no grpc-status\n"},
    // 2.3: grpc-status is decimal, without leading zeros
    {"Many: grpc-status is no number", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "HEADERS 5 1 {grpc-status: OK}\n",
     "headers UNKNOWN 2 malformed grpc-status: \"OK\"\n"},
    {"Talk: grpc-status with a leading zero", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "HEADERS 5 1 {grpc-status: 05}\n",
     BAD_DONE "headers UNKNOWN 2 malformed grpc-status: \"05\"\n"},
    {"Talk: grpc-status with a space", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "HEADERS 5 1 {grpc-status: 5 }\n",
     BAD_DONE "headers UNKNOWN 2 malformed grpc-status: \"5 \"\n"},
    {"Talk: grpc-status beyond 32 bits", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "HEADERS 5 1 {grpc-status: 4294967296}\n",
     BAD_DONE "headers UNKNOWN 2 malformed grpc-status: \"4294967296\"\n"},
    // 2.3: a number that is not listed is kept
    {"Many: grpc-status 17", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "HEADERS 5 1 {grpc-status: 17}{grpc-message: new}\n",
     "headers CODE 17 new\n"},
    {"Talk: grpc-status 42, trailers alone", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "{grpc-status: 42}\n", BAD_DONE "CODE 42 \n"},
    // 2.3: the decoder of grpc-message never fails
    {"Many: percent-encoding that ends early", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "{grpc-status: 5}{grpc-message: a%2}\n",
     "NOT_FOUND 5 a%2\n"},
    {"Many: percent-encoding with letters that are no digits", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "{grpc-status: 5}{grpc-message: %zz%G1%%41}\n",
     "NOT_FOUND 5 %zz%G1%A\n"},
    {"Many: percent-encoding in lower case", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "{grpc-status: 5}{grpc-message: %c3%a4}\n",
     "NOT_FOUND 5 \xc3\xa4\n"},
    {"Many: message that was not encoded", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "{grpc-status: 5} 00 0c "
     "677270632d6d657373616765 02 c3a4\n",
     "NOT_FOUND 5 \xc3\xa4\n"},
    // 2.3: details that are not base64 do not cost the status
    {"Many: details that are not base64", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "{grpc-status: 5}{grpc-message: no}"
     "{grpc-status-details-bin: ?}\n",
     "NOT_FOUND 5 no\n"},
    // 2.3: not gRPC at all
    {"Many: page of a proxy", RAW_LIVES, BAD_HTML,
     BAD_PROTOCOL
     "UNAVAILABLE 14 unexpected HTTP status code received from server: 502 "
     "(Bad Gateway); transport: received unexpected content-type "
     "\"text/html\"\n"},
    {"Talk: page of a proxy", RAW_LIVES, BAD_HTML,
     BAD_PROTOCOL
     "UNAVAILABLE 14 unexpected HTTP status code received from server: 502 "
     "(Bad Gateway); transport: received unexpected content-type "
     "\"text/html\"\n"},
    {"Talk: 200 of something else", RAW_LIVES,
     "HEADERS 5 1 {:status: 200}{content-type: application/grpc-web}\n",
     BAD_PROTOCOL "UNKNOWN 2 transport: received unexpected content-type "
                  "\"application/grpc-web\"\n"},
    {"Talk: 401 without a content-type", RAW_LIVES,
     "HEADERS 5 1 {:status: 401}\n",
     BAD_PROTOCOL
     "UNAUTHENTICATED 16 unexpected HTTP status code received "
     "from server: 401 (Unauthorized); transport: received unexpected "
     "content-type \"\"\n"},
    // 2.3: grpc-status counts, whatever the HTTP status and content-type are
    {"Many: status of a gRPC proxy", RAW_LIVES,
     "HEADERS 5 1 {:status: 503}{grpc-status: 8}{grpc-message: later}\n",
     "RESOURCE_EXHAUSTED 8 later\n"},
    // 2.3: 1xx with END_STREAM, :status that is no number
    {"Talk: informational response with END_STREAM", RAW_LIVES,
     "HEADERS 5 1 {:status: 103}\n",
     BAD_PROTOCOL "INTERNAL 13 the server broke the protocol: informational "
                  "response with END_STREAM\n"},
    {"Talk: informational response, ignored", RAW_LIVES,
     "HEADERS 4 1 {:status: 103}{grpc-status: 5}\n"
     "HEADERS 5 1 " RAW_RESPONSE "{grpc-status: 0}\n",
     BAD_DONE "OK 0 \n"},
    {"Talk: :status that is no number", RAW_LIVES,
     "HEADERS 4 1 {:status: 2OO}{content-type: application/grpc}\n",
     BAD_PROTOCOL "INTERNAL 13 the server broke the protocol: :status is not a "
                  "status\n"},
    // RFC 9113 section 8.3.2 makes this malformed; grpc-go lets it pass
    {"Talk: no :status", RAW_LIVES,
     "HEADERS 4 1 {content-type: application/grpc}\n",
     BAD_PROTOCOL "INTERNAL 13 the server broke the protocol: a required "
                  "pseudo-header field is missing\n"},
    // 2.3: HEADERS in the middle
    {"Talk: second HEADERS", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 4 1 {x: y}\n",
     BAD_PROTOCOL "headers Ann:0 INTERNAL 13 the server broke the protocol: "
                  "second HEADERS without END_STREAM\n"},
    // 2.3: DATA before HEADERS
    {"Many: DATA before HEADERS", RAW_LIVES, "DATA 0 1 " RAW_ANN "\n",
     BAD_PROTOCOL "INTERNAL 13 the server broke the protocol: DATA before "
                  "HEADERS\n"},
    // 2.3: DATA with END_STREAM, and no trailers
    {"Many: end without trailers", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 1 1 " RAW_ANN "\n",
     "headers Ann:0 INTERNAL 13 server closed the stream without sending "
     "trailers\n"},
    {"Talk: end without trailers", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 1 1\n",
     BAD_DONE "headers INTERNAL 13 server closed the stream without sending "
              "trailers\n"},
    // 2.3: trailers while the client is sending: the status is told
    {"Collect: early status", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "{grpc-status: 8}{grpc-message: enough}\n",
     BAD_DONE "RESOURCE_EXHAUSTED 8 enough\n"},
    {"Collect: early reply", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {grpc-status: 0}\n",
     BAD_DONE "headers Ann:0 OK 0 \n"},
    {"Collect: early status, and a reset behind it", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "{grpc-status: 8}{grpc-message: enough}\n"
     "RST_STREAM 0 1 00000000\n",
     BAD_DONE "RESOURCE_EXHAUSTED 8 enough\n"},
    // 2.4: the single reply is one message; a status that is an error wins over
    // what there is of messages
    {"Collect: OK without a message", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "HEADERS 5 1 {grpc-status: 0}\n",
     BAD_DONE "headers UNIMPLEMENTED 12 no message in the response of a unary "
              "call\n"},
    {"Collect: OK in trailers alone", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "{grpc-status: 0}\n",
     BAD_DONE "UNIMPLEMENTED 12 no message in the response of a unary call\n"},
    {"Collect: two messages", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN " " RAW_ANN "\n",
     BAD_CANCEL
     "headers UNIMPLEMENTED 12 a second message in the response of a "
     "unary call\n"},
    {"Collect: a message, and an error", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {grpc-status: 9}{grpc-message: no}\n",
     BAD_DONE "headers FAILED_PRECONDITION 9 no\n"},
    // 2.4: flags other than 0 and 1
    {"Talk: message flag 2", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN " 0200000000\n",
     BAD_CANCEL "headers Ann:0 INTERNAL 13 grpc: received unexpected payload "
                "format 2\n"},
    // 2.4: compressed, though the encoding is absent, identity, or unknown
    {"Many: compressed without an encoding", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 0100000001 00\n",
     BAD_CANCEL "headers INTERNAL 13 grpc: compressed flag set with identity "
                "or empty encoding\n"},
    {"Talk: compressed with identity", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "{grpc-encoding: identity}\n"
     "DATA 0 1 " RAW_ANN "\n"
     "DATA 0 1 0100000001 00\n",
     BAD_CANCEL "headers Ann:0 INTERNAL 13 grpc: compressed flag set with "
                "identity or empty encoding\n"},
    {"Talk: unsupported encoding", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "{grpc-encoding: snappy}\n"
     "DATA 0 1 " RAW_ANN "\n"
     "DATA 0 1 0100000001 00\n",
     BAD_CANCEL "headers Ann:0 INTERNAL 13 grpc: Decompressor is not installed "
                "for grpc-encoding \"snappy\"\n"},
    // 2.4: decompression fails, or does not end
    {"Talk: message that is compressed well, and one that is not", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "{grpc-encoding: toy}\n"
     "DATA 0 1 0100000006 74 0a03416e6e " RAW_ANN " 0100000001 78\n",
     BAD_CANCEL "headers Ann:0 Ann:0 INTERNAL 13 grpc: failed to decompress "
                "the message: the bytes are not of that encoding\n"},
    {"Collect: bomb", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "{grpc-encoding: toy}\n"
     "DATA 0 1 0100000042 6e " BAD_BOMB " 00\n",
     BAD_CANCEL "headers RESOURCE_EXHAUSTED 8 grpc: received message larger "
                "than max after decompression (max 4194304)\n"},
    // 2.4: longer than max receive
    {"Talk: message over the limit", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN " 0000400001\n",
     BAD_CANCEL "headers Ann:0 RESOURCE_EXHAUSTED 8 grpc: received message "
                "larger than max (4194305 vs. 4194304)\n"},
    // 2.4: truncated
    {"Many: OK within a message", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN " 0000000005 0a03\n"
     "HEADERS 5 1 {grpc-status: 0}\n",
     "headers Ann:0 INTERNAL 13 the response ends within a message\n"},
    {"Many: OK within a head", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN " 0000\n"
     "HEADERS 5 1 {grpc-status: 0}\n",
     "headers Ann:0 INTERNAL 13 the response ends within a message\n"},
    {"Many: error within a message", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN " 0000000005 0a03\n"
     "HEADERS 5 1 {grpc-status: 14}{grpc-message: going down}\n",
     "headers Ann:0 UNAVAILABLE 14 going down\n"},
    // 2.4: an unmarshal error
    {"Talk: message that cannot be decoded", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN " 0000000003 0a01ff " RAW_ANN "\n",
     BAD_CANCEL "headers Ann:0 INTERNAL 13 grpc: error unmarshalling response: "
                "a string is not UTF-8\n"},
    // 2.1: bad base64 of a -bin value
    {"Talk: -bin of the headers is not base64", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "{id-bin: a$b}\n",
     BAD_PROTOCOL "INTERNAL 13 a header whose name ends in -bin is not "
                  "base64\n"},
    {"Talk: -bin of the trailers is not base64", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "HEADERS 5 1 {grpc-status: 0}{id-bin: a$b}\n",
     BAD_PROTOCOL "headers INTERNAL 13 a header whose name ends in -bin is not "
                  "base64\n"},
    {"Many: -bin of trailers alone, one of several", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "{grpc-status: 0}{id-bin: YQ,a$b}\n",
     "INTERNAL 13 a header whose name ends in -bin is not base64\n"},
};

static void test_bad_input__to_client(void **state)
{
    (void)state;
    raw_check_rows(bad_rows, sizeof bad_rows / sizeof bad_rows[0], bad_check,
                   bad_lose);
}

// ---- Details ----------------------------------------------------------------

struct bad_details {
    int ended;
    grpc_code code;
    size_t size;
};

static void bad_keep_details(grpc_call *call, const grpc_status *status,
                             void *self)
{
    struct bad_details *kept = self;
    assert_non_null(call);
    kept->ended++;
    kept->code = status->code;
    kept->size = status->details.size;
}

// 2.3: details whose code is another than grpc-status are none. Those without
// one contradict nothing, and what cannot be decoded is for the user to see.
static void test_bad_input__details_that_contradict(void **state)
{
    (void)state;
    static const struct {
        const char *base64;
        size_t size;
    } rows[] = {
        {"CAUSAm5v", 6},        // code 5, message "no"
        {"CAYSAm5v", 0},        // code 6
        {"CAYSAm5v=", 0},       // code 6, padded wrong
        {"EgJubw", 4},          // no code
        {"CP///////////wE", 0}, // code -1
        {"CA", 1},              // it ends within the code
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const stream_Streams_Talk_events events = {
            .end = bad_keep_details,
        };
        struct kit_bench *bench = bad_new();
        struct bad_details kept = {0, GRPC_OK, 0};
        char lines[256];
        assert_non_null(
            stream_Streams_Talk_start(bench->channel, &events, &kept, NULL));
        kit_turn(bench->loop);
        (void)snprintf(lines, sizeof lines,
                       KIT_RESPONSE "grpc-status: 5\n"
                                    "grpc-status-details-bin: %s\n",
                       rows[i].base64);
        kit_headers(&bench->peer, 1, true, lines);
        kit_wait(bench->loop, &kept.ended, 1);
        assert_int_equal(kept.code, GRPC_NOT_FOUND);
        assert_int_equal(kept.size, rows[i].size);
        kit_bench_end(bench);
    }
}

// ---- What is too large for a script -----------------------------------------

// bad_send_long sends a block with a field that is that long.
static void bad_send_long(struct kit_peer *peer, bool end, const char *lines,
                          size_t size)
{
    static char text[16384];
    int start = snprintf(text, sizeof text, "%sx: ", lines);
    assert_true(start > 0 && (size_t)start + size + 2 < sizeof text);
    memset(text + start, 'a', size);
    memcpy(text + start + size, "\n", 2);
    kit_headers(peer, 1, end, text);
}

// 2.10: over our limit. grpc.h says RESOURCE_EXHAUSTED, as Google's C core does
// (grpc-go: INTERNAL and FRAME_SIZE_ERROR): nothing is wrong with the frames.
static void test_bad_input__response_headers_over_the_limit(void **state)
{
    (void)state;
    struct kit_bench *bench = bad_new();
    (void)sk_start_talk(&bad, NULL);
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    bad_send_long(&bench->peer, false, KIT_RESPONSE, 8192);
    kit_expect(&bench->peer, bench->loop, BAD_CANCEL);
    assert_string_equal(bad.log.text, "RESOURCE_EXHAUSTED ");
    assert_string_equal(bad.text,
                        "the response headers are larger than the limit");
    bad_check_healthy(bench);
    kit_bench_end(bench);
}

// Trailers over the limit tell their status, when it stands before the limit.
static void test_bad_input__trailers_over_the_limit(void **state)
{
    (void)state;
    static const char *const status[] = {"grpc-status: 5\n", ""};
    static const char *const told[] = {"headers NOT_FOUND ",
                                       "headers RESOURCE_EXHAUSTED "};
    for (size_t i = 0; i < 2; i++) {
        struct kit_bench *bench = bad_new();
        (void)sk_start_many(&bad, 1, NULL);
        kit_turn(bench->loop);
        kit_forget(&bench->peer);
        kit_headers(&bench->peer, 1, false, KIT_RESPONSE);
        bad_send_long(&bench->peer, true, status[i], 8192);
        kit_expect(&bench->peer, bench->loop, "");
        assert_string_equal(bad.log.text, told[i]);
        bad_check_healthy(bench);
        kit_bench_end(bench);
    }
}

// 2.10: over the server's limit: INTERNAL, and nothing is sent.
static void test_bad_input__metadata_over_the_servers_limit(void **state)
{
    (void)state;
    static char value[600];
    struct kit_bench *bench = bad_new();
    kit_setting(&bench->peer, 6, 1000);
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    memset(value, 'v', sizeof value - 1);
    grpc_call_options options = {.metadata = GRPC_METADATA({"k", value, 0})};
    (void)sk_start_talk(&bad, &options);
    kit_expect(&bench->peer, bench->loop, "");
    assert_string_equal(bad.log.text, "INTERNAL ");
    assert_string_equal(bad.text,
                        "the metadata is larger than the server takes (1000)");
    kit_bench_end(bench);
}

// 2.3: trailers come while DATA of ours waits for a window. The status is told,
// and the rest is not sent.
static void test_bad_input__early_status_with_data_waiting(void **state)
{
    (void)state;
    static char bytes[100000];
    struct kit_bench *bench = bad_new();
    grpc_call *call = sk_start_talk(&bad, NULL);
    const stream_Text big = {.data = {bytes, sizeof bytes}};
    kit_turn(bench->loop);
    assert_int_equal(stream_Streams_Talk_send(call, &big), GRPC_OK);
    kit_turn(bench->loop);
    assert_int_equal(sk_say(call, "more", 1), GRPC_OK);
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    kit_headers(&bench->peer, 1, true,
                KIT_RESPONSE "grpc-status: 8\ngrpc-message: full\n");
    kit_expect(&bench->peer, bench->loop, BAD_DONE);
    assert_string_equal(bad.log.text, "RESOURCE_EXHAUSTED ");
    assert_string_equal(bad.text, "full");
    kit_window(&bench->peer, 1, 1 << 20);
    kit_expect(&bench->peer, bench->loop, "");
    bad_check_healthy(bench);
    kit_bench_end(bench);
}

// 2.3: the server ends early, and resets behind its trailers, while the client
// does not read. Nothing of the response is lost, and nothing more is sent.
static void test_bad_input__early_status_of_a_paused_call(void **state)
{
    (void)state;
    struct kit_bench *bench = bad_new();
    grpc_call *call = sk_start_talk(&bad, NULL);
    kit_turn(bench->loop);
    grpc_call_pause(call);
    kit_forget(&bench->peer);
    kit_headers(&bench->peer, 1, false, KIT_RESPONSE);
    kit_message(&bench->peer, 1, false, "Ann");
    kit_message(&bench->peer, 1, false, "Bob");
    kit_headers(&bench->peer, 1, true, "grpc-status: 8\ngrpc-message: full\n");
    kit_turn(bench->loop);
    assert_string_equal(bad.log.text, "headers ");
    assert_int_equal(sk_say(call, "more", 1), GRPC_ESTATE);
    kit_rst(&bench->peer, 1, 0);
    kit_expect(&bench->peer, bench->loop, "");
    assert_string_equal(bad.log.text, "headers ");
    grpc_call_resume(call);
    kit_turn(bench->loop);
    assert_string_equal(bad.log.text,
                        "headers Ann:0 Bob:0 RESOURCE_EXHAUSTED ");
    assert_string_equal(bad.text, "full");
    bad_check_healthy(bench);
    kit_bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_input__to_client),
        cmocka_unit_test(test_bad_input__details_that_contradict),
        cmocka_unit_test(test_bad_input__response_headers_over_the_limit),
        cmocka_unit_test(test_bad_input__trailers_over_the_limit),
        cmocka_unit_test(test_bad_input__metadata_over_the_servers_limit),
        cmocka_unit_test(test_bad_input__early_status_with_data_waiting),
        cmocka_unit_test(test_bad_input__early_status_of_a_paused_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
