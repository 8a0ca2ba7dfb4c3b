// SPDX-License-Identifier: MIT
// Bad input for our client: what breaks HTTP/2, HPACK, gRPC or protobuf ends
// the connection, or the one stream, with the code that its RFC names, and
// nothing else.

#include "tests/unit.h"

#include "tests/raw_kit.h"

// ---- Our client -------------------------------------------------------------

static struct kit_bench *raw_new_client(bool bare)
{
    static struct kit_bench bench;
    int fds[2];
    bench.server = NULL;
    test_heap_init(&bench.heap);
    bench.loop = kit_loop(&bench.heap, NULL);
    kit_pair_of_sockets(fds);
    bench.channel = grpc_channel_new_fd(
        fds[0], &(grpc_channel_options){.loop = bench.loop});
    assert_non_null(bench.channel);
    kit_peer_init(&bench.peer, fds[1], true);
    if (!bare) {
        kit_preface(&bench.peer, false);
    }
    return &bench;
}

static void raw_check_healthy_client(struct kit_bench *bench)
{
    struct kit_peer *peer = &bench->peer;
    struct kit_result result = {0};
    assert_non_null(kit_call(bench->channel, "Bob", &result));
    kit_turn(bench->loop);
    kit_forget(peer);
    kit_headers(peer, 3, false, KIT_RESPONSE);
    kit_message(peer, 3, false, "Hello Bob");
    kit_headers(peer, 3, true, "grpc-status: 0\n");
    kit_wait(bench->loop, &result.done, 1);
    assert_int_equal(result.code, GRPC_OK);
    assert_string_equal(result.reply, "Hello Bob");
}

static void raw_check_client(const struct raw_row *row,
                             const struct raw_bytes *bytes, size_t cut)
{
    struct kit_bench *bench = raw_new_client(row->end == RAW_BARE);
    struct kit_result result = {0};
    assert_non_null(kit_call(bench->channel, "Ann", &result));
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    raw_send_cut(bench, bytes, cut);
    raw_watch(bench);
    assert_int_equal(result.done, 1);
    char *elapsed = strstr(result.text, "; gave up after ");
    if (elapsed != NULL) {
        assert_true(strtoul(elapsed + 16, NULL, 10) < 60000);
        *elapsed = '\0';
    }
    kit_say_text(&bench->peer, "%d %s\n", (int)result.code, result.text);
    raw_compare(row, &bench->peer, cut);
    if (row->end == RAW_LIVES) {
        raw_check_healthy_client(bench);
    }
    kit_bench_end(bench);
}

// The server's bytes end: a call that has not ended is UNAVAILABLE.
static void raw_lose_server(const struct raw_row *row,
                            const struct raw_bytes *bytes, size_t size)
{
    struct kit_bench *bench = raw_new_client(row->end == RAW_BARE);
    struct kit_result result = {0};
    assert_non_null(kit_call(bench->channel, "Ann", &result));
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    kit_send(&bench->peer, bytes->data, size);
    kit_turn(bench->loop);
    int done = result.done;
    assert_int_equal(shutdown(bench->peer.fd, SHUT_WR), 0);
    raw_watch(bench);
    assert_int_equal(result.done, 1);
    if (done == 0) {
        assert_int_equal(result.code, GRPC_UNAVAILABLE);
    }
    kit_bench_end(bench);
}

// ---- Scripts ----------------------------------------------------------------

static const struct raw_row raw_to_client[] = {
    {"http/1 response", RAW_BARE,
     "RAW 485454502f312e31203430302042616420526571756573740d0a0d0a\n",
     "GOAWAY 0 PROTOCOL_ERROR the server speaks HTTP/1\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 PROTOCOL_ERROR: the server speaks "
     "HTTP/1\n"},
    {"first frame is not SETTINGS", RAW_BARE, "PING 0 0 0000000000000000\n",
     "GOAWAY 0 PROTOCOL_ERROR the first frame is not SETTINGS\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 PROTOCOL_ERROR: the first frame is "
     "not SETTINGS\n"},
    {"a server of TLS", RAW_BARE,
     "RAW 160301020001000000000000000000000000000000\n",
     "GOAWAY 0 PROTOCOL_ERROR the server speaks TLS, which this channel does "
     "not\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 PROTOCOL_ERROR: the server speaks "
     "TLS, which this channel does not\n"},
    {"garbage", RAW_BARE, "RAW 002401020001000000000000000000000000000000\n",
     "GOAWAY 0 PROTOCOL_ERROR the first frame is not SETTINGS\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 PROTOCOL_ERROR: the first frame is "
     "not SETTINGS\n"},
    {"DATA on stream 0", RAW_FATAL, "DATA 0 0 00\n",
     "GOAWAY 0 PROTOCOL_ERROR DATA on stream 0\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 PROTOCOL_ERROR: DATA on stream "
     "0\n"},
    {"DATA on an idle stream", RAW_FATAL, "DATA 0 3 00\n",
     "GOAWAY 0 PROTOCOL_ERROR DATA on an idle stream\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 PROTOCOL_ERROR: DATA on an idle "
     "stream\n"},
    {"HEADERS on an idle stream", RAW_FATAL, "HEADERS 4 3 " RAW_RESPONSE "\n",
     "GOAWAY 0 PROTOCOL_ERROR HEADERS on a stream that the peer may not open\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 PROTOCOL_ERROR: HEADERS on a "
     "stream that the peer may not open\n"},
    {"HEADERS on an even stream", RAW_FATAL, "HEADERS 4 2 " RAW_RESPONSE "\n",
     "GOAWAY 0 PROTOCOL_ERROR HEADERS on a stream that the peer may not open\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 PROTOCOL_ERROR: HEADERS on a "
     "stream that the peer may not open\n"},
    {"PUSH_PROMISE", RAW_FATAL, "PUSH_PROMISE 4 1 00000002 83\n",
     "GOAWAY 0 PROTOCOL_ERROR PUSH_PROMISE, though push is not enabled\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 PROTOCOL_ERROR: PUSH_PROMISE, "
     "though push is not enabled\n"},
    {"ENABLE_PUSH from a server", RAW_FATAL, "SETTINGS 0 0 000200000001\n",
     "GOAWAY 0 PROTOCOL_ERROR a server sent SETTINGS_ENABLE_PUSH\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 PROTOCOL_ERROR: a server sent "
     "SETTINGS_ENABLE_PUSH\n"},
    {"SETTINGS of 5 bytes", RAW_FATAL, "SETTINGS 0 0 0003000000\n",
     "GOAWAY 0 FRAME_SIZE_ERROR SETTINGS is not a multiple of 6 bytes\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 FRAME_SIZE_ERROR: SETTINGS is not "
     "a multiple of 6 bytes\n"},
    {"INITIAL_WINDOW_SIZE too large", RAW_FATAL, "SETTINGS 0 0 000480000000\n",
     "GOAWAY 0 FLOW_CONTROL_ERROR SETTINGS_INITIAL_WINDOW_SIZE is over 2^31-1\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 FLOW_CONTROL_ERROR: "
     "SETTINGS_INITIAL_WINDOW_SIZE is over 2^31-1\n"},
    {"connection window too large", RAW_FATAL, "WINDOW_UPDATE 0 0 7fffffff\n",
     "GOAWAY 0 FLOW_CONTROL_ERROR connection window is over 2^31-1\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 FLOW_CONTROL_ERROR: connection "
     "window is over 2^31-1\n"},
    {"GOAWAY with a higher id", RAW_FATAL,
     "GOAWAY 0 0 00000001 00000000\n"
     "GOAWAY 0 0 00000003 00000000\n",
     "GOAWAY 0 NO_ERROR \n"
     "GOAWAY 0 PROTOCOL_ERROR GOAWAY with a higher last stream id than before\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 PROTOCOL_ERROR: GOAWAY with a "
     "higher last stream id than before\n"},
    {"frame longer than allowed", RAW_FATAL, "DATA 0 1 #16385\n",
     "GOAWAY 0 FRAME_SIZE_ERROR frame is longer than SETTINGS_MAX_FRAME_SIZE\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 FRAME_SIZE_ERROR: frame is longer "
     "than SETTINGS_MAX_FRAME_SIZE\n"},
    {"header block interrupted", RAW_FATAL,
     "HEADERS 0 1 88\n"
     "DATA 0 1 00\n",
     "GOAWAY 0 PROTOCOL_ERROR a header block is not continued\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 PROTOCOL_ERROR: a header block is "
     "not continued\n"},
    {"bad Huffman code", RAW_FATAL, "HEADERS 4 1 88 0081fe 0161\n",
     "GOAWAY 0 COMPRESSION_ERROR header block holds a string with bad Huffman "
     "coding\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 COMPRESSION_ERROR: header block "
     "holds a string with bad Huffman coding\n"},
    {"index beyond the tables", RAW_FATAL, "HEADERS 4 1 88 be\n",
     "GOAWAY 0 COMPRESSION_ERROR header block refers to an index that is not "
     "in the tables\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 COMPRESSION_ERROR: header block "
     "refers to an index that is not in the tables\n"},
    {"table size over our limit", RAW_FATAL, "HEADERS 4 1 3fe21f 88\n",
     "GOAWAY 0 COMPRESSION_ERROR header block has a bad or missing table size "
     "update\n"
     "EOF\n"
     "14 connection to unix: closed: HTTP/2 COMPRESSION_ERROR: header block "
     "has a bad or missing table size update\n"},
    {"DATA after END_STREAM of a call that is over", RAW_FATAL,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {grpc-status: 0}\n"
     "DATA 0 1 00\n",
     "GOAWAY 0 STREAM_CLOSED DATA on a closed stream\n"
     "EOF\n"
     "0 \n"},
    {"GOAWAY that names the call", RAW_FATAL,
     "GOAWAY 0 0 00000001 00000000\n"
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {grpc-status: 0}\n",
     "GOAWAY 0 NO_ERROR \n"
     "EOF\n"
     "0 \n"},
    {"GOAWAY that leaves the call out", RAW_FATAL,
     "GOAWAY 0 0 00000000 0000000b 746f6f5f6d616e795f70696e6773\n",
     "GOAWAY 0 NO_ERROR \n"
     "EOF\n"
     "14 the server, unix:, sent GOAWAY ENHANCE_YOUR_CALM \"too_many_pings\"; "
     "the channel was made "
     "from that connection and has no other\n"},
    {"DATA before HEADERS", RAW_LIVES, "DATA 0 1 00\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "13 the server broke the protocol: DATA before HEADERS\n"},
    {"response without :status", RAW_LIVES,
     "HEADERS 4 1 {content-type: application/grpc}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "13 the server broke the protocol: a required pseudo-header field is "
     "missing\n"},
    {":status that is none", RAW_LIVES, "HEADERS 4 1 {:status: 20}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "13 the server broke the protocol: :status is not a status\n"},
    {":path in a response", RAW_LIVES, "HEADERS 4 1 {:status: 200}{:path: /}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "13 the server broke the protocol: pseudo-header field that does not "
     "belong here\n"},
    {"upper case field name", RAW_LIVES, "HEADERS 4 1 {:status: 200}{A: b}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "13 the server broke the protocol: field name with a forbidden "
     "character\n"},
    {"informational response with END_STREAM", RAW_LIVES,
     "HEADERS 5 1 {:status: 100}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "13 the server broke the protocol: informational response with "
     "END_STREAM\n"},
    {"nine informational responses", RAW_LIVES,
     "HEADERS 4 1 {:status: 103}\n"
     "HEADERS 4 1 {:status: 103}\n"
     "HEADERS 4 1 {:status: 103}\n"
     "HEADERS 4 1 {:status: 103}\n"
     "HEADERS 4 1 {:status: 103}\n"
     "HEADERS 4 1 {:status: 103}\n"
     "HEADERS 4 1 {:status: 103}\n"
     "HEADERS 4 1 {:status: 103}\n"
     "HEADERS 4 1 {:status: 103}\n",
     "RST_STREAM 1 ENHANCE_YOUR_CALM\n"
     "13 the server broke the protocol: too many informational responses\n"},
    {"second headers without END_STREAM", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "HEADERS 4 1 {x: y}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "13 the server broke the protocol: second HEADERS without END_STREAM\n"},
    {"pseudo-header field in trailers", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {:status: 200}{grpc-status: 0}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "13 the server broke the protocol: pseudo-header field that does not "
     "belong here\n"},
    {"content-length too small", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "{content-length: 1}\n"
     "DATA 0 1 " RAW_ANN "\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "13 the server broke the protocol: content is not as long as "
     "content-length\n"},
    {"stream window too large", RAW_LIVES, "WINDOW_UPDATE 0 1 7fffffff\n",
     "RST_STREAM 1 FLOW_CONTROL_ERROR\n"
     "13 the server broke the protocol: stream window is over 2^31-1\n"},
    {"RST_STREAM NO_ERROR", RAW_LIVES, "RST_STREAM 0 1 00000000\n",
     "13 stream terminated by RST_STREAM with error code: NO_ERROR\n"},
    {"RST_STREAM NO_ERROR behind the response", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {grpc-status: 0}\n"
     "RST_STREAM 0 1 00000000\n",
     "0 \n"},
    {"RST_STREAM PROTOCOL_ERROR", RAW_LIVES, "RST_STREAM 0 1 00000001\n",
     "13 stream terminated by RST_STREAM with error code: PROTOCOL_ERROR\n"},
    {"RST_STREAM INTERNAL_ERROR", RAW_LIVES, "RST_STREAM 0 1 00000002\n",
     "13 stream terminated by RST_STREAM with error code: INTERNAL_ERROR\n"},
    {"RST_STREAM FLOW_CONTROL_ERROR", RAW_LIVES, "RST_STREAM 0 1 00000003\n",
     "13 stream terminated by RST_STREAM with error code: "
     "FLOW_CONTROL_ERROR\n"},
    {"RST_STREAM SETTINGS_TIMEOUT", RAW_LIVES, "RST_STREAM 0 1 00000004\n",
     "13 stream terminated by RST_STREAM with error code: SETTINGS_TIMEOUT\n"},
    {"RST_STREAM STREAM_CLOSED", RAW_LIVES, "RST_STREAM 0 1 00000005\n",
     "13 stream terminated by RST_STREAM with error code: STREAM_CLOSED\n"},
    {"RST_STREAM FRAME_SIZE_ERROR", RAW_LIVES, "RST_STREAM 0 1 00000006\n",
     "13 stream terminated by RST_STREAM with error code: FRAME_SIZE_ERROR\n"},
    {"RST_STREAM CANCEL", RAW_LIVES, "RST_STREAM 0 1 00000008\n",
     "1 stream terminated by RST_STREAM with error code: CANCEL\n"},
    {"RST_STREAM COMPRESSION_ERROR", RAW_LIVES, "RST_STREAM 0 1 00000009\n",
     "13 stream terminated by RST_STREAM with error code: COMPRESSION_ERROR\n"},
    {"RST_STREAM CONNECT_ERROR", RAW_LIVES, "RST_STREAM 0 1 0000000a\n",
     "13 stream terminated by RST_STREAM with error code: CONNECT_ERROR\n"},
    {"RST_STREAM ENHANCE_YOUR_CALM", RAW_LIVES, "RST_STREAM 0 1 0000000b\n",
     "8 stream terminated by RST_STREAM with error code: ENHANCE_YOUR_CALM\n"},
    {"RST_STREAM INADEQUATE_SECURITY", RAW_LIVES, "RST_STREAM 0 1 0000000c\n",
     "7 stream terminated by RST_STREAM with error code: "
     "INADEQUATE_SECURITY\n"},
    {"RST_STREAM HTTP_1_1_REQUIRED", RAW_LIVES, "RST_STREAM 0 1 0000000d\n",
     "13 stream terminated by RST_STREAM with error code: HTTP_1_1_REQUIRED\n"},
    {"RST_STREAM of no known code", RAW_LIVES, "RST_STREAM 0 1 000000ff\n",
     "2 stream terminated by RST_STREAM with error code: unknown\n"},
    {"page of a proxy", RAW_LIVES,
     "HEADERS 4 1 {:status: 502}{content-type: text/html}\n"
     "DATA 1 1 3c703e\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "14 unexpected HTTP status code received from server: 502 (Bad Gateway); "
     "transport: received unexpected content-type \"text/html\"\n"},
    {"page of a web server", RAW_LIVES,
     "HEADERS 5 1 {:status: 404}{content-type: text/html}\n",
     "12 unexpected HTTP status code received from server: 404 (Not Found); "
     "transport: received unexpected content-type \"text/html\"\n"},
    {"200 that is not gRPC", RAW_LIVES,
     "HEADERS 4 1 {:status: 200}{content-type: text/plain}\n"
     "DATA 1 1 6f6b\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "2 transport: received unexpected content-type \"text/plain\"\n"},
    {"no content-type", RAW_LIVES, "HEADERS 4 1 {:status: 200}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "2 transport: received unexpected content-type \"\"\n"},
    {"status 503 with our content-type", RAW_LIVES,
     "HEADERS 4 1 {:status: 503}{content-type: application/grpc}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"
     "14 unexpected HTTP status code received from server: 503 (Service "
     "Unavailable)\n"},
    {"response that ends without trailers", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 1 1 " RAW_ANN "\n",
     "13 server closed the stream without sending trailers\n"},
    {"response headers that end the stream", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "\n",
     "2 the server's trailers have no grpc-status\n"},
    {"trailers without grpc-status", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {x: y}\n",
     "2 the server's trailers have no grpc-status\n"},
    {"grpc-status that is no number", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {grpc-status: ok}\n",
     "2 malformed grpc-status: \"ok\"\n"},
    {"grpc-status that is negative", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {grpc-status: -1}\n",
     "2 malformed grpc-status: \"-1\"\n"},
    {"grpc-status that is empty", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {grpc-status: }\n",
     "2 the server's trailers have no grpc-status\n"},
    {"grpc-status that is not listed", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {grpc-status: 77}{grpc-message: odd}\n",
     "77 odd\n"},
    {"grpc-message with spaces around", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "HEADERS 5 1 {grpc-status: 5}{grpc-message:  no such user: }\n",
     "5  no such user: \n"},
    {"grpc-message with bad escapes", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "HEADERS 5 1 {grpc-status: 5}{grpc-message: a%4z%e4%bd%a0%}\n",
     "5 a%4z\xe4\xbd\xa0%\n"},
    {"OK without a message", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "HEADERS 5 1 {grpc-status: 0}\n",
     "12 no message in the response of a unary call\n"},
    {"OK in trailers alone", RAW_LIVES,
     "HEADERS 5 1 " RAW_RESPONSE "{grpc-status: 0}\n",
     "12 no message in the response of a unary call\n"},
    {"OK within a message", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 0000000005 0a03\n"
     "HEADERS 5 1 {grpc-status: 0}\n",
     "13 the response ends within a message\n"},
    {"error within a message", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 0000000005 0a03\n"
     "HEADERS 5 1 {grpc-status: 9}{grpc-message: no}\n",
     "9 no\n"},
    {"two messages", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "HEADERS 5 1 {grpc-status: 0}\n",
     "RST_STREAM 1 CANCEL\n"
     "12 a second message in the response of a unary call\n"},
    {"message flag 2", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 0200000000\n",
     "RST_STREAM 1 CANCEL\n"
     "13 grpc: received unexpected payload format 2\n"},
    {"compressed without an encoding", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 0100000000\n",
     "RST_STREAM 1 CANCEL\n"
     "13 grpc: compressed flag set with identity or empty encoding\n"},
    {"message over the limit", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 0000400001\n",
     "RST_STREAM 1 CANCEL\n"
     "8 grpc: received message larger than max (4194305 vs. 4194304)\n"},
    {"field longer than its message", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 0000000003 0a0541\n"
     "HEADERS 5 1 {grpc-status: 0}\n",
     "RST_STREAM 1 CANCEL\n"
     "13 grpc: error unmarshalling response: a length reaches past the end\n"},
    {"string that is not UTF-8", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 0000000003 0a01ff\n"
     "HEADERS 5 1 {grpc-status: 0}\n",
     "RST_STREAM 1 CANCEL\n"
     "13 grpc: error unmarshalling response: a string is not UTF-8\n"},
    {"group without an end", RAW_LIVES,
     "HEADERS 4 1 " RAW_RESPONSE "\n"
     "DATA 0 1 0000000001 13\n"
     "HEADERS 5 1 {grpc-status: 0}\n",
     "RST_STREAM 1 CANCEL\n"
     "13 grpc: error unmarshalling response: an unknown field is malformed\n"},
};

static void test_unary_raw__client_takes_bad_input(void **state)
{
    (void)state;
    raw_check_rows(raw_to_client,
                   sizeof raw_to_client / sizeof raw_to_client[0],
                   raw_check_client, raw_lose_server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary_raw__client_takes_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
