// SPDX-License-Identifier: MIT
// Bad input for our server: what breaks HTTP/2, HPACK, gRPC or protobuf ends
// the connection, or the one stream, with the code that its RFC names, and
// nothing else.

#include "tests/unit.h"

#include "tests/raw_kit.h"

// ---- Our server -------------------------------------------------------------

static void raw_check_healthy_server(struct kit_bench *bench)
{
    struct kit_peer *peer = &bench->peer;
    int handled = bench->greeter.handled;
    kit_forget(peer);
    kit_headers(peer, 201, false, KIT_REQUEST);
    kit_message(peer, 201, true, "Bob");
    raw_watch(bench);
    assert_non_null(strstr(peer->text, "DATA 201 000000000b0a0948656c6c6f20"
                                       "426f62\nHEADERS 201 end\n"
                                       " grpc-status: 0\n"));
    assert_int_equal(bench->greeter.handled, handled + 1);
}

static void raw_never_answer(grpc_call *call, const struct kit_hello *request,
                             void *self)
{
    struct kit_greeter *greeter = self;
    (void)call;
    (void)request;
    greeter->handled++;
}

static struct kit_bench *raw_new_server(bool bare)
{
    static const struct kit_handlers handlers = {.say = kit_say,
                                                 .missing = raw_never_answer};
    static struct kit_bench bench;
    int fds[2];
    memset(&bench.greeter, 0, sizeof bench.greeter);
    bench.channel = NULL;
    test_heap_init(&bench.heap);
    bench.loop = kit_loop(&bench.heap, NULL);
    bench.server = grpc_server_new(&(grpc_server_options){.loop = bench.loop});
    assert_non_null(bench.server);
    assert_int_equal(grpc_server_serve(bench.server, &kit_service, &handlers,
                                       &bench.greeter),
                     GRPC_OK);
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(bench.server, fds[0]), GRPC_OK);
    kit_peer_init(&bench.peer, fds[1], false);
    if (!bare) {
        kit_preface(&bench.peer, true);
    }
    kit_turn(bench.loop);
    kit_forget(&bench.peer);
    return &bench;
}

static void raw_check_server(const struct raw_row *row,
                             const struct raw_bytes *bytes, size_t cut)
{
    struct kit_bench *bench = raw_new_server(row->end == RAW_BARE);
    raw_send_cut(bench, bytes, cut);
    raw_watch(bench);
    raw_compare(row, &bench->peer, cut);
    if (row->end == RAW_LIVES) {
        raw_check_healthy_server(bench);
    }
    kit_bench_end(bench);
}

// The client's bytes end: that is the end of the connection, in good order.
static void raw_lose_client(const struct raw_row *row,
                            const struct raw_bytes *bytes, size_t size)
{
    struct kit_bench *bench = raw_new_server(row->end == RAW_BARE);
    kit_send(&bench->peer, bytes->data, size);
    assert_int_equal(shutdown(bench->peer.fd, SHUT_WR), 0);
    raw_watch(bench);
    assert_true(bench->peer.text_size >= 4);
    assert_string_equal(bench->peer.text + bench->peer.text_size - 4, "EOF\n");
    kit_turn(bench->loop);
    assert_int_equal(bench->server->connection_count, 0);
    kit_bench_end(bench);
}

// ---- Scripts ----------------------------------------------------------------

static const struct raw_row raw_to_server[] = {
    {"http/1 request", RAW_BARE,
     "RAW 474554202f20485454502f312e310d0a486f73743a20610d0a0d0a\n",
     "GOAWAY 0 PROTOCOL_ERROR not the HTTP/2 client preface\n"
     "EOF\n"},
    {"preface cut wrong", RAW_BARE,
     "RAW 505249202a20485454502f322e300d0a0d0a534d0d0a0d00\n",
     "GOAWAY 0 PROTOCOL_ERROR not the HTTP/2 client preface\n"
     "EOF\n"},
    {"first frame is not SETTINGS", RAW_BARE,
     "MAGIC\n"
     "PING 0 0 0000000000000000\n",
     "GOAWAY 0 PROTOCOL_ERROR the first frame is not SETTINGS\n"
     "EOF\n"},
    {"first SETTINGS is an acknowledgement", RAW_BARE,
     "MAGIC\n"
     "SETTINGS 1 0\n",
     "GOAWAY 0 PROTOCOL_ERROR the first frame is not SETTINGS\n"
     "EOF\n"},
    {"DATA on stream 0", RAW_FATAL, "DATA 0 0 00\n",
     "GOAWAY 0 PROTOCOL_ERROR DATA on stream 0\n"
     "EOF\n"},
    {"DATA on an idle stream", RAW_FATAL, "DATA 0 1 00\n",
     "GOAWAY 0 PROTOCOL_ERROR DATA on an idle stream\n"
     "EOF\n"},
    {"HEADERS on stream 0", RAW_FATAL, "HEADERS 5 0 " RAW_REQUEST "\n",
     "GOAWAY 0 PROTOCOL_ERROR HEADERS on stream 0\n"
     "EOF\n"},
    {"HEADERS on an even stream", RAW_FATAL, "HEADERS 5 2 " RAW_REQUEST "\n",
     "GOAWAY 0 PROTOCOL_ERROR HEADERS on a stream that the peer may not open\n"
     "EOF\n"},
    {"HEADERS on an earlier stream", RAW_FATAL,
     "HEADERS 4 5 " RAW_REQUEST "\n"
     "HEADERS 4 3 " RAW_REQUEST "\n",
     "GOAWAY 5 PROTOCOL_ERROR stream id is lower than an earlier one\n"
     "EOF\n"},
    {"padding longer than DATA", RAW_FATAL,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 8 1 05 00000000\n",
     "GOAWAY 1 PROTOCOL_ERROR padding is longer than DATA\n"
     "EOF\n"},
    {"padding longer than HEADERS", RAW_FATAL, "HEADERS d 1 ff 8386\n",
     "GOAWAY 0 PROTOCOL_ERROR padding is longer than HEADERS\n"
     "EOF\n"},
    {"HEADERS depends on itself", RAW_FATAL, "HEADERS 24 1 0000000110 83\n",
     "GOAWAY 0 PROTOCOL_ERROR stream depends on itself\n"
     "EOF\n"},
    {"PRIORITY of 4 bytes", RAW_FATAL, "PRIORITY 0 1 00000000\n",
     "GOAWAY 0 FRAME_SIZE_ERROR PRIORITY is not 5 bytes\n"
     "EOF\n"},
    {"RST_STREAM on an idle stream", RAW_FATAL, "RST_STREAM 0 1 00000008\n",
     "GOAWAY 0 PROTOCOL_ERROR RST_STREAM on an idle stream\n"
     "EOF\n"},
    {"RST_STREAM of 3 bytes", RAW_FATAL,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "RST_STREAM 0 1 000008\n",
     "GOAWAY 1 FRAME_SIZE_ERROR RST_STREAM is not 4 bytes\n"
     "EOF\n"},
    {"SETTINGS of 5 bytes", RAW_FATAL, "SETTINGS 0 0 0003000000\n",
     "GOAWAY 0 FRAME_SIZE_ERROR SETTINGS is not a multiple of 6 bytes\n"
     "EOF\n"},
    {"SETTINGS on a stream", RAW_FATAL, "SETTINGS 0 1\n",
     "GOAWAY 0 PROTOCOL_ERROR SETTINGS on a stream\n"
     "EOF\n"},
    {"acknowledgement with a payload", RAW_FATAL, "SETTINGS 1 0 000300000001\n",
     "GOAWAY 0 FRAME_SIZE_ERROR SETTINGS acknowledgement with a payload\n"
     "EOF\n"},
    {"acknowledgement of nothing", RAW_FATAL, "SETTINGS 1 0\n",
     "GOAWAY 0 PROTOCOL_ERROR acknowledgement of no SETTINGS\n"
     "EOF\n"},
    {"ENABLE_PUSH of 2", RAW_FATAL, "SETTINGS 0 0 000200000002\n",
     "GOAWAY 0 PROTOCOL_ERROR SETTINGS_ENABLE_PUSH is neither 0 nor 1\n"
     "EOF\n"},
    {"INITIAL_WINDOW_SIZE too large", RAW_FATAL, "SETTINGS 0 0 000480000000\n",
     "GOAWAY 0 FLOW_CONTROL_ERROR SETTINGS_INITIAL_WINDOW_SIZE is over 2^31-1\n"
     "EOF\n"},
    {"MAX_FRAME_SIZE too small", RAW_FATAL, "SETTINGS 0 0 000500003fff\n",
     "GOAWAY 0 PROTOCOL_ERROR SETTINGS_MAX_FRAME_SIZE is out of range\n"
     "EOF\n"},
    {"PUSH_PROMISE from a client", RAW_FATAL,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "PUSH_PROMISE 4 1 00000002 83\n",
     "GOAWAY 1 PROTOCOL_ERROR PUSH_PROMISE, though push is not enabled\n"
     "EOF\n"},
    {"PING of 7 bytes", RAW_FATAL, "PING 0 0 00000000000000\n",
     "GOAWAY 0 FRAME_SIZE_ERROR PING is not 8 bytes\n"
     "EOF\n"},
    {"PING on a stream", RAW_FATAL, "PING 0 1 0000000000000000\n",
     "GOAWAY 0 PROTOCOL_ERROR PING on a stream\n"
     "EOF\n"},
    {"GOAWAY of 7 bytes", RAW_FATAL, "GOAWAY 0 0 00000000000000\n",
     "GOAWAY 0 FRAME_SIZE_ERROR GOAWAY is too short\n"
     "EOF\n"},
    {"WINDOW_UPDATE of 0", RAW_FATAL, "WINDOW_UPDATE 0 0 00000000\n",
     "GOAWAY 0 PROTOCOL_ERROR WINDOW_UPDATE of 0\n"
     "EOF\n"},
    {"connection window too large", RAW_FATAL, "WINDOW_UPDATE 0 0 7fffffff\n",
     "GOAWAY 0 FLOW_CONTROL_ERROR connection window is over 2^31-1\n"
     "EOF\n"},
    {"WINDOW_UPDATE on an idle stream", RAW_FATAL,
     "WINDOW_UPDATE 0 1 00000001\n",
     "GOAWAY 0 PROTOCOL_ERROR WINDOW_UPDATE on an idle stream\n"
     "EOF\n"},
    {"CONTINUATION without HEADERS", RAW_FATAL, "CONTINUATION 4 1 83\n",
     "GOAWAY 0 PROTOCOL_ERROR CONTINUATION without a header block\n"
     "EOF\n"},
    {"header block interrupted", RAW_FATAL,
     "HEADERS 0 1 83\n"
     "PING 0 0 0000000000000000\n",
     "GOAWAY 0 PROTOCOL_ERROR a header block is not continued\n"
     "EOF\n"},
    {"header block continued elsewhere", RAW_FATAL,
     "HEADERS 0 1 83\n"
     "CONTINUATION 4 3 86\n",
     "GOAWAY 0 PROTOCOL_ERROR a header block is not continued\n"
     "EOF\n"},
    {"nine CONTINUATION frames", RAW_FATAL,
     "HEADERS 0 1 83\n"
     "CONTINUATION 0 1\n"
     "CONTINUATION 0 1\n"
     "CONTINUATION 0 1\n"
     "CONTINUATION 0 1\n"
     "CONTINUATION 0 1\n"
     "CONTINUATION 0 1\n"
     "CONTINUATION 0 1\n"
     "CONTINUATION 0 1\n"
     "CONTINUATION 0 1\n",
     "GOAWAY 0 ENHANCE_YOUR_CALM header block in too many frames\n"
     "EOF\n"},
    {"frame longer than allowed", RAW_FATAL, "DATA 0 1 #16385\n",
     "GOAWAY 0 FRAME_SIZE_ERROR frame is longer than SETTINGS_MAX_FRAME_SIZE\n"
     "EOF\n"},
    {"unknown frame longer than allowed", RAW_FATAL, "250 0 0 #16385\n",
     "GOAWAY 0 FRAME_SIZE_ERROR frame is longer than SETTINGS_MAX_FRAME_SIZE\n"
     "EOF\n"},
    {"DATA after END_STREAM", RAW_FATAL,
     "HEADERS 4 1 " RAW_LATE "\n"
     "DATA 1 1 " RAW_ANN "\n"
     "DATA 0 1 00\n",
     "GOAWAY 1 STREAM_CLOSED DATA after END_STREAM\n"
     "EOF\n"},
    {"HEADERS after END_STREAM", RAW_FATAL,
     "HEADERS 4 1 " RAW_LATE "\n"
     "DATA 1 1 " RAW_ANN "\n"
     "HEADERS 5 1 {x: y}\n",
     "GOAWAY 1 STREAM_CLOSED HEADERS after END_STREAM\n"
     "EOF\n"},
    {"DATA after the answer", RAW_FATAL,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 " RAW_ANN "\n"
     "DATA 0 1 00\n",
     "HEADERS 1\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     "DATA 1 000000000b0a0948656c6c6f20416e6e\n"
     "HEADERS 1 end\n"
     " grpc-status: 0\n"
     "GOAWAY 1 STREAM_CLOSED DATA on a closed stream\n"
     "EOF\n"},
    {"HEADERS after the answer", RAW_FATAL,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 " RAW_ANN "\n"
     "HEADERS 5 1 {x: y}\n",
     "HEADERS 1\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     "DATA 1 000000000b0a0948656c6c6f20416e6e\n"
     "HEADERS 1 end\n"
     " grpc-status: 0\n"
     "GOAWAY 1 STREAM_CLOSED HEADERS on a closed stream\n"
     "EOF\n"},
    {"reset before the answer", RAW_LIVES,
     "HEADERS 4 1 " RAW_LATE "\n"
     "DATA 1 1 " RAW_ANN "\n"
     "RST_STREAM 0 1 00000008\n",
     ""},
    {"reset after the answer", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 " RAW_ANN "\n"
     "RST_STREAM 0 1 00000008\n",
     "HEADERS 1\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     "DATA 1 000000000b0a0948656c6c6f20416e6e\n"
     "HEADERS 1 end\n"
     " grpc-status: 0\n"},
    {"DATA after the client's reset", RAW_FATAL,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "RST_STREAM 0 1 00000008\n"
     "DATA 0 1 00\n",
     "GOAWAY 1 STREAM_CLOSED DATA on a closed stream\n"
     "EOF\n"},
    {"index 0", RAW_FATAL, "HEADERS 5 1 80\n",
     "GOAWAY 0 COMPRESSION_ERROR header block refers to an index that is not "
     "in the tables\n"
     "EOF\n"},
    {"index beyond the tables", RAW_FATAL, "HEADERS 5 1 be\n",
     "GOAWAY 0 COMPRESSION_ERROR header block refers to an index that is not "
     "in the tables\n"
     "EOF\n"},
    {"integer too large", RAW_FATAL, "HEADERS 5 1 ffffffffffffffffff7f\n",
     "GOAWAY 0 COMPRESSION_ERROR header block holds an integer that is too "
     "large\n"
     "EOF\n"},
    {"bad Huffman code", RAW_FATAL, "HEADERS 5 1 0081fe 0161\n",
     "GOAWAY 0 COMPRESSION_ERROR header block holds a string with bad Huffman "
     "coding\n"
     "EOF\n"},
    {"block ends within a string", RAW_FATAL, "HEADERS 5 1 000a61\n",
     "GOAWAY 0 COMPRESSION_ERROR header block ends within a field\n"
     "EOF\n"},
    {"table size over our limit", RAW_FATAL, "HEADERS 5 1 3fe21f 83\n",
     "GOAWAY 0 COMPRESSION_ERROR header block has a bad or missing table size "
     "update\n"
     "EOF\n"},
    {"table size update within a block", RAW_FATAL, "HEADERS 5 1 83 20 86\n",
     "GOAWAY 0 COMPRESSION_ERROR header block has a bad or missing table size "
     "update\n"
     "EOF\n"},
    {"CONTINUATION breaks a field", RAW_FATAL,
     "HEADERS 1 1 0005\n"
     "CONTINUATION 4 1 6162\n",
     "GOAWAY 0 COMPRESSION_ERROR header block ends within a field\n"
     "EOF\n"},
    {"RST_STREAM on a closed stream", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "RST_STREAM 0 1 00000008\n"
     "RST_STREAM 0 1 00000008\n",
     ""},
    {"unknown frame type and flags", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "250 ff 1 0102\n"
     "250 ff 0 0102\n",
     ""},
    {"stream window too large", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "WINDOW_UPDATE 0 1 7fffffff\n",
     "RST_STREAM 1 FLOW_CONTROL_ERROR\n"},
    {"headers in the middle", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "HEADERS 4 1 {x: y}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"pseudo-header field in trailers", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "HEADERS 5 1 {:path: /}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"upper case field name", RAW_LIVES,
     "HEADERS 5 1 " RAW_REQUEST "{X-A: b}\n", "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"field of HTTP/1.1", RAW_LIVES,
     "HEADERS 5 1 " RAW_REQUEST "{connection: close}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"te other than trailers", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}{:path: /kit.Greeter/Say}{te: "
     "gzip}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"no :path", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}{content-type: "
     "application/grpc}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"empty :path", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}{:path: }{content-type: "
     "application/grpc}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {":method twice", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:method: POST}{:scheme: http}{:path: "
     "/kit.Greeter/Say}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {":status in a request", RAW_LIVES,
     "HEADERS 5 1 {:status: 200}{:method: POST}{:scheme: http}{:path: "
     "/kit.Greeter/Say}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"pseudo-header field behind another", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}{a: b}{:path: "
     "/kit.Greeter/Say}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"line feed in a value", RAW_LIVES,
     "HEADERS 5 1 " RAW_REQUEST "00016103620a63\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"content-length too small", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "{content-length: 3}\n"
     "DATA 1 1 " RAW_ANN "\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"content-length too large", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "{content-length: 30}\n"
     "DATA 1 1 " RAW_ANN "\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"content-length without content", RAW_LIVES,
     "HEADERS 5 1 " RAW_REQUEST "{content-length: 3}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"not gRPC", RAW_LIVES,
     "HEADERS 5 1 {:method: GET}{:scheme: http}{:path: /}\n",
     "HEADERS 1 end\n"
     " :status: 405\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: the HTTP method of a call is POST, not \"GET\"\n"},
    {"content-type of another protocol", RAW_LIVES,
     "HEADERS 4 1 {:method: POST}{:scheme: http}{:path: "
     "/kit.Greeter/Say}{content-type: application/json}\n"
     "DATA 1 1 7b7d\n",
     "HEADERS 1 end\n"
     " :status: 415\n"
     " content-type: application/grpc\n"
     " grpc-status: 3\n"
     " grpc-message: invalid gRPC request content-type \"application/json\"\n"
     "RST_STREAM 1 NO_ERROR\n"},
    {"content-type that begins like ours", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}{:path: "
     "/kit.Greeter/Say}{content-type: application/grpcx}\n",
     "HEADERS 1 end\n"
     " :status: 415\n"
     " content-type: application/grpc\n"
     " grpc-status: 3\n"
     " grpc-message: invalid gRPC request content-type "
     "\"application/grpcx\"\n"},
    {"method other than POST", RAW_LIVES,
     "HEADERS 5 1 {:method: PUT}{:scheme: http}{:path: "
     "/kit.Greeter/Say}{content-type: application/grpc}\n",
     "HEADERS 1 end\n"
     " :status: 405\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: the HTTP method of a call is POST, not \"PUT\"\n"},
    {"CONNECT", RAW_LIVES,
     "HEADERS 4 1 {:method: CONNECT}{:authority: a}{content-type: "
     "application/grpc}\n",
     "HEADERS 1 end\n"
     " :status: 405\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: the HTTP method of a call is POST, not \"CONNECT\"\n"
     "RST_STREAM 1 NO_ERROR\n"},
    {"unknown service", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}{:path: "
     "/kit.No/Say}{content-type: application/grpc}\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 12\n"
     " grpc-message: unknown service kit.No\n"},
    {"unknown method", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}{:path: "
     "/kit.Greeter/No}{content-type: application/grpc}\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 12\n"
     " grpc-message: unknown method No for service kit.Greeter\n"},
    {"path without a method", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}{:path: /kit}{content-type: "
     "application/grpc}\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 12\n"
     " grpc-message: malformed method name \"/kit\"\n"},
    {"path without a slash", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}{:path: kit}{content-type: "
     "application/grpc}\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 12\n"
     " grpc-message: malformed method name \"kit\"\n"},
    {"path of bytes that are not text", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}0403 2fff25{content-type: "
     "application/grpc}\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 12\n"
     " grpc-message: malformed method name \"/%EF%BF%BD%25\"\n"},
    {"path with a control character", RAW_LIVES,
     "HEADERS 5 1 {:method: POST}{:scheme: http}0403 2f6101{content-type: "
     "application/grpc}\n",
     "RST_STREAM 1 PROTOCOL_ERROR\n"},
    {"malformed grpc-timeout", RAW_LIVES,
     "HEADERS 5 1 " RAW_REQUEST "{grpc-timeout: 1x}\n",
     "HEADERS 1 end\n"
     " :status: 400\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: malformed grpc-timeout \"1x\"\n"},
    {"grpc-timeout of nine digits", RAW_LIVES,
     "HEADERS 5 1 " RAW_REQUEST "{grpc-timeout: 123456789S}\n",
     "HEADERS 1 end\n"
     " :status: 400\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: malformed grpc-timeout \"123456789S\"\n"},
    {"grpc-timeout of nothing", RAW_LIVES,
     "HEADERS 5 1 " RAW_REQUEST "{grpc-timeout: 0m}\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 4\n"
     " grpc-message: deadline exceeded\n"},
    {"encoding that we lack", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "{grpc-encoding: br}\n"
     "DATA 1 1 0100000000\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 12\n"
     " grpc-message: grpc: Decompressor is not installed for grpc-encoding "
     "\"br\"\n"
     " grpc-accept-encoding: " KIT_ENCODINGS "\n"
     "RST_STREAM 1 NO_ERROR\n"},
    {"two hosts", RAW_LIVES, "HEADERS 5 1 " RAW_REQUEST "{host: a}{host: b}\n",
     "HEADERS 1 end\n"
     " :status: 400\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: more than one host header\n"},
    {"no message", RAW_LIVES, "HEADERS 5 1 " RAW_REQUEST "\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 12\n"
     " grpc-message: no message in the request of a unary call\n"},
    {"no message, empty DATA", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 12\n"
     " grpc-message: no message in the request of a unary call\n"},
    {"no message, trailers", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "HEADERS 5 1 {x: y}\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 12\n"
     " grpc-message: no message in the request of a unary call\n"},
    {"message flag 2", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 0 1 0200000000\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: grpc: received unexpected payload format 2\n"
     "RST_STREAM 1 NO_ERROR\n"},
    {"compressed without an encoding", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 0 1 0100000000\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: grpc: compressed flag set with identity or empty "
     "encoding\n"
     "RST_STREAM 1 NO_ERROR\n"},
    {"message over the limit", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 0 1 0000400001\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 8\n"
     " grpc-message: grpc: received message larger than max (4194305 vs. "
     "4194304)\n"
     "RST_STREAM 1 NO_ERROR\n"},
    {"message length of 4 GiB", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 0 1 00ffffffff 00\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 8\n"
     " grpc-message: grpc: received message larger than max (4294967295 vs. "
     "4194304)\n"
     "RST_STREAM 1 NO_ERROR\n"},
    {"end within a prefix", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 00000000\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: the request ends within a message\n"},
    {"end within a message", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 0000000005 0a0341\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: the request ends within a message\n"},
    {"trailers within a message", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 0 1 0000000005 0a0341\n"
     "HEADERS 5 1 {x: y}\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: the request ends within a message\n"},
    {"two messages", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 0 1 " RAW_ANN "\n"
     "DATA 1 1 " RAW_ANN "\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 12\n"
     " grpc-message: a second message in the request of a unary call\n"},
    {"two messages and no end", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 0 1 " RAW_ANN " " RAW_ANN "\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 12\n"
     " grpc-message: a second message in the request of a unary call\n"
     "RST_STREAM 1 NO_ERROR\n"},
    {"field longer than its message", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 0000000003 0a0541\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: grpc: error unmarshalling request: a length reaches past "
     "the end\n"},
    {"message ends within a tag", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 0000000001 80\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: grpc: error unmarshalling request: a tag is malformed\n"},
    {"varint of eleven bytes", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 000000000c 10ffffffffffffffffffff01\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: grpc: error unmarshalling request: an unknown field is "
     "malformed\n"},
    {"string that is not UTF-8", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 0000000003 0a01ff\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: grpc: error unmarshalling request: a string is not "
     "UTF-8\n"},
    {"field number 0", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 0000000002 0200\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: grpc: error unmarshalling request: a tag is malformed\n"},
    {"wire type 7", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 0000000001 0f\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: grpc: error unmarshalling request: an unknown field is "
     "malformed\n"},
    {"end of no group", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 0000000001 14\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: grpc: error unmarshalling request: an unknown field is "
     "malformed\n"},
    {"group without an end", RAW_LIVES,
     "HEADERS 4 1 " RAW_REQUEST "\n"
     "DATA 1 1 0000000001 13\n",
     "HEADERS 1 end\n"
     " :status: 200\n"
     " content-type: application/grpc\n"
     " grpc-status: 13\n"
     " grpc-message: grpc: error unmarshalling request: an unknown field is "
     "malformed\n"},
};

static void test_unary_raw__server_takes_bad_input(void **state)
{
    (void)state;
    raw_check_rows(raw_to_server,
                   sizeof raw_to_server / sizeof raw_to_server[0],
                   raw_check_server, raw_lose_client);
}

// ---- What is too large for a script -----------------------------------------

// raw_send_long_field sends a request with a field that is that long.
static void raw_send_long_field(struct kit_peer *peer, uint32_t id, size_t size)
{
    static char lines[16384];
    int start = snprintf(lines, sizeof lines, KIT_REQUEST "x: ");
    assert_true(start > 0 && (size_t)start + size + 2 < sizeof lines);
    memset(lines + start, 'a', size);
    memcpy(lines + start + size, "\n", 2);
    kit_headers(peer, id, true, lines);
}

static void test_unary_raw__server_limits_request_headers(void **state)
{
    (void)state;
    struct kit_bench *bench = raw_new_server(false);
    raw_send_long_field(&bench->peer, 1, 8192);
    kit_expect(&bench->peer, bench->loop,
               "HEADERS 1 end\n :status: 200\n content-type: application/grpc\n"
               " grpc-status: 8\n grpc-message: the request headers are larger "
               "than the limit\n");
    raw_check_healthy_server(bench);
    kit_bench_end(bench);

    bench = raw_new_server(false);
    for (uint8_t i = 0; i < 3; i++) {
        static const uint8_t zeros[8000];
        kit_frame(&bench->peer, i == 0 ? 1 : 9, 0, 1, view_of(zeros, 8000));
    }
    kit_expect(&bench->peer, bench->loop,
               "GOAWAY 0 ENHANCE_YOUR_CALM header block is too large\nEOF\n");
    kit_bench_end(bench);
}

static void test_unary_raw__server_refuses_calls_over_its_limit(void **state)
{
    (void)state;
    struct kit_bench *bench = raw_new_server(false);
    for (uint32_t id = 1; id < 1 + 2 * 128; id += 2) {
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
    }
    kit_expect(&bench->peer, bench->loop, "");
    kit_headers(&bench->peer, 301, false, KIT_REQUEST);
    kit_expect(&bench->peer, bench->loop, "RST_STREAM 301 REFUSED_STREAM\n");
    kit_message(&bench->peer, 1, true, "Ann");
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    assert_int_equal(bench->greeter.handled, 1);
    kit_headers(&bench->peer, 303, false, KIT_REQUEST);
    kit_message(&bench->peer, 303, true, "Bob");
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    assert_int_equal(bench->greeter.handled, 2);
    kit_bench_end(bench);
}

static void test_unary_raw__server_limits_entries_of_settings(void **state)
{
    (void)state;
    static const uint8_t entries[33 * 6];
    struct kit_bench *bench = raw_new_server(false);
    kit_frame(&bench->peer, 4, 0, 0, view_of(entries, 32 * 6));
    kit_expect(&bench->peer, bench->loop, "");
    kit_frame(&bench->peer, 4, 0, 0, view_of(entries, 33 * 6));
    kit_expect(&bench->peer, bench->loop,
               "GOAWAY 0 ENHANCE_YOUR_CALM SETTINGS with too many entries\n"
               "EOF\n");
    kit_bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary_raw__server_takes_bad_input),
        cmocka_unit_test(test_unary_raw__server_limits_request_headers),
        cmocka_unit_test(test_unary_raw__server_refuses_calls_over_its_limit),
        cmocka_unit_test(test_unary_raw__server_limits_entries_of_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
