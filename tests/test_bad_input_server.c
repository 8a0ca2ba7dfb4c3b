// SPDX-License-Identifier: MIT
// Wrong clients: what a call of each kind becomes when its request is not what
// gRPC says. What breaks HTTP/2, and the rows of unary calls that are not here,
// stand in test_unary_raw.c. The name of a row begins with the method that is
// called: One, Many (a single request, many replies), Collect (many requests, a
// single reply), Talk (both ways).
//
// Where doc/statuscodes.md and grpc-go differ, the document holds: too many
// messages, or none, are UNIMPLEMENTED (grpc-go: INTERNAL).

#include "tests/unit.h"

#include "tests/raw_kit.h"
#include "tests/stream_kit.h"

#define BAD_HEADERS(method)                              \
 "{:method: POST}{:scheme: http}{:path: /stream.Streams" \
 "/" method "}{content-type: application/grpc}"
#define BAD_ANSWER(http, code, text)                      \
 "HEADERS 1 end\n :status: " http                         \
 "\n content-type: application/grpc\n grpc-status: " code \
 "\n grpc-message: " text "\n"
#define BAD_ECHO                                                      \
 "HEADERS 1\n :status: 200\n content-type: application/grpc\nDATA 1 " \
 "00000000050a03416e6e\n"
#if defined(GRPC_WITH_ZLIB)
# define BAD_ACCEPTED "gzip,toy"
#else
# define BAD_ACCEPTED "toy"
#endif
#define BAD_RESET   "RST_STREAM 1 NO_ERROR\n"
#define BAD_NOTHING "handled 0, received 0, told 0, "
#define BAD_TOLD(n) "handled 1, received " #n ", told 1, told "

// 64 bytes, of which "toy" makes 4 MiB.
#define BAD_8    "0000000000000000"
#define BAD_BOMB BAD_8 BAD_8 BAD_8 BAD_8 BAD_8 BAD_8 BAD_8 BAD_8

static struct sk bad;

static struct kit_bench *bad_new(void)
{
    static struct kit_bench bench;
    int fds[2];
    memset(&bad, 0, sizeof bad);
    memset(&bench.greeter, 0, sizeof bench.greeter);
    bench.channel = NULL;
    test_heap_init(&bench.heap);
    bench.loop = kit_loop(&bench.heap, NULL);
    assert_int_equal(grpc_loop_add_compressor(bench.loop, &sk_toy), GRPC_OK);
    bench.server = grpc_server_new(&(grpc_server_options){.loop = bench.loop});
    assert_non_null(bench.server);
    assert_int_equal(stream_Streams_serve(bench.server, &sk_handlers, &bad),
                     GRPC_OK);
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(bench.server, fds[0]), GRPC_OK);
    kit_peer_init(&bench.peer, fds[1], false);
    kit_preface(&bench.peer, true);
    kit_turn(bench.loop);
    kit_forget(&bench.peer);
    return &bench;
}

// bad_check_healthy: the connection is as good as before.
static void bad_check_healthy(struct kit_bench *bench)
{
    struct kit_peer *peer = &bench->peer;
    kit_forget(peer);
    kit_headers(peer, 201, false,
                ":method: POST\n:scheme: http\n:path: /stream.Streams/One\n"
                "content-type: application/grpc\n");
    kit_message(peer, 201, true, "Bob");
    raw_watch(bench);
    assert_non_null(strstr(peer->text, "DATA 201 000000000b0a0948656c6c6f20"
                                       "426f62\nHEADERS 201 end\n"
                                       " grpc-status: 0\n"));
}

static void bad_check(const struct raw_row *row, const struct raw_bytes *bytes,
                      size_t cut)
{
    struct kit_bench *bench = bad_new();
    raw_send_cut(bench, bytes, cut);
    raw_watch(bench);
    kit_say_text(&bench->peer, "handled %d, received %d, told %d, %s",
                 bad.handled, (int)bad.received, bad.told, bad.server_log.text);
    raw_compare(row, &bench->peer, cut);
    if (row->end == RAW_LIVES) {
        bad_check_healthy(bench);
    }
    kit_bench_end(bench);
}

// The client's bytes end: each handler that has begun, and has not answered, is
// told once.
static void bad_lose(const struct raw_row *row, const struct raw_bytes *bytes,
                     size_t size)
{
    struct kit_bench *bench = bad_new();
    (void)row;
    kit_send(&bench->peer, bytes->data, size);
    assert_int_equal(shutdown(bench->peer.fd, SHUT_WR), 0);
    raw_watch(bench);
    kit_turn(bench->loop);
    assert_int_equal(bench->server->connection_count, 0);
    assert_true(bad.told <= bad.handled);
    kit_bench_end(bench);
}

static const struct raw_row bad_rows[] = {
    // 2.1: valid iff equal to application/grpc, or going on with + or ;
    {"Talk: content-type of gRPC-Web", RAW_LIVES,
     "HEADERS 4 1 {:method: POST}{:scheme: http}{:path: "
     "/stream.Streams/Talk}{content-type: application/grpc-web+proto}\n",
     BAD_ANSWER("415", "3",
                "invalid gRPC request content-type "
                "\"application/grpc-web+proto\"") BAD_RESET BAD_NOTHING},
    {"Talk: content-type in upper case", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}{:path: "
     "/stream.Streams/Talk}{content-type: Application/gRPC}\n",
     BAD_ANSWER("415", "3",
                "invalid gRPC request content-type "
                "\"Application/gRPC\"") BAD_NOTHING},
    {"Talk: no content-type", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}{:path: "
     "/stream.Streams/Talk}\n",
     BAD_ANSWER("415", "3", "invalid gRPC request content-type") BAD_NOTHING},
    // 2.1: unknown service and method, also below a known prefix
    {"Talk: unknown method, in another case", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("talk") "\n",
     BAD_ANSWER("200", "12", "unknown method talk for service stream.Streams")
         BAD_RESET BAD_NOTHING},
    {"Talk: unknown method, a slash too many", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk/") "\n",
     BAD_ANSWER("200", "12", "unknown service stream.Streams/Talk")
         BAD_RESET BAD_NOTHING},
    {"Talk: path is not percent-decoded", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("%54alk") "\n",
     BAD_ANSWER("200", "12",
                "unknown method %2554alk for service stream.Streams")
         BAD_RESET BAD_NOTHING},
    // 2.1: bad base64 of a -bin value is HTTP 400 and INTERNAL
    {"Talk: -bin that is not base64", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "{id-bin: a$b}\n",
     BAD_ANSWER("400", "13", "a header whose name ends in -bin is not base64")
         BAD_RESET BAD_NOTHING},
    {"One: -bin that is not base64, ended", RAW_LIVES,
     "HEADERS 5 1 " BAD_HEADERS("One") "{id-bin: !}\n",
     BAD_ANSWER("400", "13", "a header whose name ends in -bin is not base64")
         BAD_NOTHING},
    {"Talk: -bin joined with commas, the last is bad", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "{id-bin: YQ,Yg==,*}\n",
     BAD_ANSWER("400", "13", "a header whose name ends in -bin is not base64")
         BAD_RESET BAD_NOTHING},
    // 2.1: two hosts are refused; two :authority are malformed before that
    // (RFC 9113 section 8.3), which grpc-go answers with HTTP 400
    {"Talk: two hosts", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "{host: a}{host: b}\n",
     BAD_ANSWER("400", "13", "more than one host header")
         BAD_RESET BAD_NOTHING},
    {"Talk: two authorities", RAW_LIVES,
     "HEADERS 4 1 {:authority: a}{:authority: b}" BAD_HEADERS("Talk") "\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n" BAD_NOTHING},
    {"Talk: connection header", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "{connection: close}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n" BAD_NOTHING},
    {"Talk: method GET", RAW_LIVES,
     "HEADERS 4 1 {:method: GET}{:scheme: http}{:path: "
     "/stream.Streams/Talk}{content-type: application/grpc}\n",
     BAD_ANSWER("405", "13", "the HTTP method of a call is POST, not \"GET\"")
         BAD_RESET BAD_NOTHING},
    // 2.2: 1 to 8 digits and a unit, else INTERNAL and HTTP 400
    {"Talk: grpc-timeout without digits", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "{grpc-timeout: S}\n",
     BAD_ANSWER("400", "13", "malformed grpc-timeout \"S\"")
         BAD_RESET BAD_NOTHING},
    {"Talk: grpc-timeout without a unit", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "{grpc-timeout: 10}\n",
     BAD_ANSWER("400", "13", "malformed grpc-timeout \"10\"")
         BAD_RESET BAD_NOTHING},
    {"Talk: grpc-timeout below zero", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "{grpc-timeout: -1S}\n",
     BAD_ANSWER("400", "13", "malformed grpc-timeout \"-1S\"")
         BAD_RESET BAD_NOTHING},
    {"Talk: empty grpc-timeout", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "{grpc-timeout: }\n",
     BAD_ANSWER("400", "13", "malformed grpc-timeout") BAD_RESET BAD_NOTHING},
    {"Talk: grpc-timeout with a space", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "{grpc-timeout: 1 S}\n",
     BAD_ANSWER("400", "13", "malformed grpc-timeout \"1 S\"")
         BAD_RESET BAD_NOTHING},
    {"Talk: grpc-timeout of nothing", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "{grpc-timeout: 0n}\n",
     BAD_ANSWER("200", "4", "deadline exceeded") BAD_RESET BAD_NOTHING},
    // 2.4: an unsupported encoding is refused at once, whether the flag is set
    // or not, and the answer says what is supported
    {"Talk: unsupported encoding", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "{grpc-encoding: snappy}\n",
     "HEADERS 1 end\n :status: 200\n content-type: application/grpc\n"
     " grpc-status: 12\n grpc-message: grpc: Decompressor is not installed for "
     "grpc-encoding \"snappy\"\n grpc-accept-encoding: " BAD_ACCEPTED
     "\n" BAD_RESET BAD_NOTHING},
    // 2.1: a second HEADERS is malformed, if it does not end the stream
    {"Talk: second HEADERS", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "\n"
                                        "HEADERS 4 1 {x: y}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n" BAD_TOLD(0)},
    // 2.4: a single request is one message, no more and no less
    {"Many: no message", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Many") "\n"
                                        "DATA 1 1\n",
     BAD_ANSWER("200", "12", "no message in the request of a unary call")
         BAD_NOTHING},
    {"Many: no message, headers alone", RAW_LIVES,
     "HEADERS 5 1 " BAD_HEADERS("Many") "\n",
     BAD_ANSWER("200", "12", "no message in the request of a unary call")
         BAD_NOTHING},
    {"Many: two messages", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Many") "\n"
                                        "DATA 0 1 " RAW_ANN " " RAW_ANN "\n",
     BAD_ANSWER("200", "12", "a second message in the request of a unary call")
         BAD_RESET BAD_NOTHING},
    {"Many: two messages, the second empty", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Many") "\n"
                                        "DATA 0 1 " RAW_ANN "\n"
                                        "DATA 1 1 0000000000\n",
     BAD_ANSWER("200", "12", "a second message in the request of a unary call")
         BAD_NOTHING},
    // 2.4: flags other than 0 and 1
    {"Many: message flag 2", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Many") "\n"
                                        "DATA 0 1 0200000000\n",
     BAD_ANSWER("200", "13", "grpc: received unexpected payload format 2")
         BAD_RESET BAD_NOTHING},
    {"Talk: message flag 2", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "\n"
                                        "DATA 0 1 0200000000\n",
     BAD_ANSWER("200", "13", "grpc: received unexpected payload format 2")
         BAD_RESET BAD_TOLD(0)},
    {"Collect: message flag 255 behind a good message", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Collect") "\n"
                                           "DATA 0 1 " RAW_ANN " ff00000000\n",
     BAD_ANSWER("200", "13", "grpc: received unexpected payload format 255")
         BAD_RESET BAD_TOLD(1)},
    // 2.4: compressed, though the encoding is absent or identity
    {"Collect: compressed without an encoding", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Collect") "\n"
                                           "DATA 0 1 0100000001 00\n",
     BAD_ANSWER("200", "13",
                "grpc: compressed flag set with identity or empty "
                "encoding") BAD_RESET BAD_TOLD(0)},
    {"Collect: compressed with identity", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Collect") "{grpc-encoding: identity}\n"
                                           "DATA 0 1 " RAW_ANN "\n"
                                           "DATA 0 1 0100000001 00\n",
     BAD_ANSWER("200", "13",
                "grpc: compressed flag set with identity or empty "
                "encoding") BAD_RESET BAD_TOLD(1)},
    // 2.4: decompression fails, or does not end
    {"Collect: message that is compressed well, and one that is not", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS(
         "Collect") "{grpc-encoding: toy}\n"
                    "DATA 0 1 0100000006 74 0a03416e6e " RAW_ANN
                    " 0100000001 78\n",
     BAD_ANSWER("200", "13",
                "grpc: failed to decompress the message: "
                "the bytes are not of that encoding") BAD_RESET BAD_TOLD(2)},
    {"Many: compressed message without content", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Many") "{grpc-encoding: toy}\n"
                                        "DATA 0 1 0100000000\n",
     BAD_ANSWER("200", "13",
                "grpc: failed to decompress the message: "
                "the bytes are not of that encoding") BAD_RESET BAD_NOTHING},
    {"Collect: bomb", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Collect") "{grpc-encoding: toy}\n"
                                           "DATA 0 1 0100000042 6e " BAD_BOMB
                                           " 00\n",
     BAD_ANSWER("200", "8",
                "grpc: received message larger than max after "
                "decompression (max 4194304)") BAD_RESET BAD_TOLD(0)},
    // 2.4: longer than max receive
    {"Collect: message over the limit", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Collect") "\n"
                                           "DATA 0 1 " RAW_ANN " 0000400001\n",
     BAD_ANSWER("200", "8",
                "grpc: received message larger than max (4194305 "
                "vs. 4194304)") BAD_RESET BAD_TOLD(1)},
    // 2.4: truncated at the end of the stream
    {"Collect: end within a head", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Collect") "\n"
                                           "DATA 1 1 " RAW_ANN " 0000\n",
     BAD_ANSWER("200", "13", "the request ends within a message") BAD_TOLD(1)},
    {"Collect: end within a message", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Collect") "\n"
                                           "DATA 1 1 " RAW_ANN
                                           " 0000000005 0a03\n",
     BAD_ANSWER("200", "13", "the request ends within a message") BAD_TOLD(1)},
    {"Collect: trailers within a message", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Collect") "\n"
                                           "DATA 0 1 0000000005 0a03\n"
                                           "HEADERS 5 1 {x: y}\n",
     BAD_ANSWER("200", "13", "the request ends within a message") BAD_TOLD(0)},
    // 2.4: an unmarshal error is INTERNAL
    {"Collect: message that cannot be decoded", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Collect") "\n"
                                           "DATA 0 1 " RAW_ANN
                                           " 0000000002 0a05 " RAW_ANN "\n",
     BAD_ANSWER("200", "13",
                "grpc: error unmarshalling request: a length "
                "reaches past the end") BAD_RESET BAD_TOLD(1)},
    // Replies that have been sent stay; the status is in the trailers then
    {"Talk: message that cannot be decoded behind a good one", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "\n"
                                        "DATA 0 1 " RAW_ANN "\n"
                                        "DATA 0 1 0000000003 0a01ff\n",
     BAD_ECHO
     "HEADERS 1 end\n grpc-status: 13\n grpc-message: grpc: error "
     "unmarshalling request: a string is not UTF-8\n" BAD_RESET BAD_TOLD(1)},
    // The client resets: the handler is told, and nobody else
    {"Talk: reset", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "\n"
                                        "RST_STREAM 0 1 00000002\n",
     BAD_TOLD(0)},
    // RFC 9113: the length that was announced is not that of the DATA
    {"Talk: content-length too small", RAW_LIVES,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "{content-length: 3}\n"
                                        "DATA 1 1 " RAW_ANN "\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n" BAD_TOLD(0)},
    // 2.1: HEADERS on a stream that has ended
    {"Talk: HEADERS after END_STREAM", RAW_FATAL,
     "HEADERS 4 1 " BAD_HEADERS("Talk") "\n"
                                        "DATA 1 1 " RAW_ANN "\n"
                                        "HEADERS 5 1 {x: y}\n",
     BAD_ECHO "HEADERS 1 end\n grpc-status: 0\n"
              "GOAWAY 1 STREAM_CLOSED HEADERS on a closed stream\nEOF\n"
              "handled 1, received 1, told 0, end "},
};

static void test_bad_input__to_server(void **state)
{
    (void)state;
    raw_check_rows(bad_rows, sizeof bad_rows / sizeof bad_rows[0], bad_check,
                   bad_lose);
}

// ---- What is too large for a script -----------------------------------------

// 2.10: over our limit. grpc.h says RESOURCE_EXHAUSTED, as Google's C core does
// (grpc-go: a reset with FRAME_SIZE_ERROR): nothing is wrong with the frames.
static void test_bad_input__request_headers_over_the_limit(void **state)
{
    (void)state;
    static char lines[16384];
    struct kit_bench *bench = bad_new();
    int start = snprintf(lines, sizeof lines,
                         ":method: POST\n:scheme: http\n:path: "
                         "/stream.Streams/Talk\ncontent-type: "
                         "application/grpc\nx: ");
    memset(lines + start, 'a', 8192);
    memcpy(lines + start + 8192, "\n", 2);
    kit_headers(&bench->peer, 1, false, lines);
    kit_expect(
        &bench->peer, bench->loop,
        BAD_ANSWER("200", "8", "the request headers are larger than the limit")
            BAD_RESET);
    assert_int_equal(bad.handled, 0);
    bad_check_healthy(bench);
    kit_bench_end(bench);
}

static void bad_add_header(grpc_call *call, struct sk *sk)
{
    (void)sk;
    static char value[600];
    memset(value, 'v', sizeof value - 1);
    assert_int_equal(grpc_call_add_header(call, "k", value), GRPC_OK);
    assert_int_equal(grpc_call_send_headers(call), GRPC_ELIMIT);
    assert_int_equal(
        stream_Streams_Talk_send_reply(call, &(stream_Text){.number = 1}),
        GRPC_ELIMIT);
    assert_int_equal(grpc_call_fail(call, GRPC_INTERNAL, "too much"), GRPC_OK);
}

// 2.10: over the client's limit: the handler hears it, and its answer leaves the
// headers out.
static void test_bad_input__headers_over_the_clients_limit(void **state)
{
    (void)state;
    struct kit_bench *bench = bad_new();
    bad.act = bad_add_header;
    kit_setting(&bench->peer, 6, 1000);
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    kit_headers(&bench->peer, 1, false,
                ":method: POST\n:scheme: http\n:path: /stream.Streams/Talk\n"
                "content-type: application/grpc\n");
    kit_expect(&bench->peer, bench->loop,
               BAD_ANSWER("200", "13", "too much") BAD_RESET);
    bad.act = NULL;
    bad_check_healthy(bench);
    kit_bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_input__to_server),
        cmocka_unit_test(test_bad_input__request_headers_over_the_limit),
        cmocka_unit_test(test_bad_input__headers_over_the_clients_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
