// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/server_call.h"
#include "h2/h2_limits.h"
#include "tests/core_kit.h"

#define SC_HEAD(http) \
 "HEADERS 1 end\n :status: " http "\n content-type: application/grpc\n"
#define SC_POST ":method: POST\n:scheme: http\n:authority: a\n"
#define SC_TYPE "content-type: application/grpc\nte: trailers\n"

struct sc_row {
    const char *headers;
    const char *answer;
};

// sc_request sends headers alone, with END_STREAM, and compares the answer.
static void sc_request(const struct sc_row *row)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    kit_headers(&bench->peer, 1, true, row->headers);
    kit_expect(&bench->peer, bench->loop, row->answer);
    assert_int_equal(bench->greeter.handled, 0);
    // The connection is none the worse.
    kit_headers(&bench->peer, 3, false, KIT_REQUEST);
    kit_message(&bench->peer, 3, true, "bob");
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_int_equal(bench->greeter.handled, 1);
    assert_non_null(strstr(bench->peer.text, "DATA 3 000000000b0a09"));
    kit_bench_end(bench);
}

// sc_note_agent appends who has called.
static void sc_note_agent(grpc_call *call, struct kit_greeter *greeter)
{
    grpc_str agent;
    assert_true(grpc_call_header(call, "user-agent", &agent));
    strcat(greeter->extra, agent.data);
    assert_int_equal(kit_reply(call, ""), GRPC_OK);
}

static void test_server_call__each_request_has_its_own_user_agent(void **state)
{
    static const char *const agents[] = {"a", "b", "b", "a", "c", "c"};
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    char seen[16] = "";
    (void)state;
    bench->greeter.act = sc_note_agent;
    bench->greeter.extra = seen;
    for (uint32_t i = 0; i < 6; i++) {
        char headers[256];
        (void)snprintf(headers, sizeof headers, KIT_REQUEST "user-agent: %s\n",
                       agents[i]);
        kit_headers(&bench->peer, 1 + 2 * i, false, headers);
        kit_message(&bench->peer, 1 + 2 * i, true, "bob");
        kit_turn(bench->loop);
    }
    assert_string_equal(seen, "abbacc");
    kit_bench_end(bench);
}

static void test_server_call__requests_refused(void **state)
{
    static const struct sc_row rows[] = {
        {":method: GET\n:scheme: http\n:authority: a\n:path: /\n",
         SC_HEAD("405") " grpc-status: 13\n grpc-message: the HTTP method of a "
                        "call is POST, not \"GET\"\n"},
        {SC_POST ":path: /kit.Greeter/Say\ncontent-type: text/html\n",
         SC_HEAD("415") " grpc-status: 3\n grpc-message: invalid gRPC request "
                        "content-type \"text/html\"\n"},
        {SC_POST ":path: /kit.Greeter/Say\n",
         SC_HEAD("415") " grpc-status: 3\n grpc-message: invalid gRPC request "
                        "content-type\n"},
        {SC_POST ":path: /kit.Greeter/Say\n" SC_TYPE "grpc-timeout: 5x\n",
         SC_HEAD("400") " grpc-status: 13\n grpc-message: malformed "
                        "grpc-timeout \"5x\"\n"},
        {SC_POST ":path: /kit.Greeter/Say\n" SC_TYPE "host: a\nhost: b\n",
         SC_HEAD("400") " grpc-status: 13\n grpc-message: more than one host "
                        "header\n"},
        {SC_POST ":path: /kit.Greeter/Say\n" SC_TYPE "grpc-encoding: br\n",
         SC_HEAD("200") " grpc-status: 12\n grpc-message: grpc: Decompressor "
                        "is not installed for grpc-encoding \"br\"\n"
                        " grpc-accept-encoding: " KIT_ENCODINGS "\n"},
        {SC_POST ":path: /kit.Greeter/Nope\n" SC_TYPE,
         SC_HEAD("200") " grpc-status: 12\n grpc-message: unknown method Nope "
                        "for service kit.Greeter\n"},
        {SC_POST ":path: /kit.Nobody/Say\n" SC_TYPE,
         SC_HEAD("200") " grpc-status: 12\n grpc-message: unknown service "
                        "kit.Nobody\n"},
        {SC_POST ":path: /a/b/c\n" SC_TYPE,
         SC_HEAD("200") " grpc-status: 12\n grpc-message: unknown service a/b"
                        "\n"},
        {SC_POST ":path: /kit.Greeter/\n" SC_TYPE,
         SC_HEAD("200") " grpc-status: 12\n grpc-message: unknown method  for "
                        "service kit.Greeter\n"},
        {SC_POST ":path: /kit.Greeter\n" SC_TYPE,
         SC_HEAD("200") " grpc-status: 12\n grpc-message: malformed method "
                        "name \"/kit.Greeter\"\n"},
        {SC_POST ":path: /kit.Greeter/say\n" SC_TYPE,
         SC_HEAD("200") " grpc-status: 12\n grpc-message: unknown method say "
                        "for service kit.Greeter\n"},
        {SC_POST ":path: /kit.Greeter/Say\n" SC_TYPE "grpc-timeout: 0n\n",
         SC_HEAD("200") " grpc-status: 4\n grpc-message: deadline exceeded\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sc_request(&rows[i]);
    }
}

// A path that does not begin with a slash is refused by name; it is never
// looked up.
static void test_server_call__path_without_slash(void **state)
{
    static const struct sc_row row = {
        SC_POST ":path: kit.Greeter/Say\n" SC_TYPE,
        SC_HEAD("200") " grpc-status: 12\n grpc-message: malformed method "
                       "name \"kit.Greeter/Say\"\n",
    };
    (void)state;
    sc_request(&row);
}

static void test_server_call__headers_over_limit(void **state)
{
    static char headers[10000];
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    size_t at = (size_t)snprintf(headers, sizeof headers, KIT_REQUEST "x: ");
    memset(headers + at, 'y', 8192);
    memcpy(headers + at + 8192, "\n", 2);
    kit_headers(&bench->peer, 1, true, headers);
    kit_expect(&bench->peer, bench->loop,
               SC_HEAD("200") " grpc-status: 8\n grpc-message: the request "
                              "headers are larger than the limit\n");
    kit_bench_end(bench);
}

// A comma in a list of binary values is a byte for the client; for us, a piece
// of metadata.
static void test_server_call__comma_metadata(void **state)
{
    static char headers[4096];
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    int size =
        snprintf(headers, sizeof headers, "%s%s", KIT_REQUEST, "x-bin: ");
    memset(headers + size, ',', 1000);
    memcpy(headers + size + 1000, "\n", 2);
    kit_headers(&bench->peer, 1, true, headers);
    kit_expect(
        &bench->peer, bench->loop,
        SC_HEAD("200") " grpc-status: 8\n grpc-message: the metadata has "
                       "more than 1,000 pieces\n");
    memcpy(headers + size + 999, "\n", 2);
    kit_headers(&bench->peer, 3, false, headers);
    kit_message(&bench->peer, 3, true, "bob");
    kit_turn(bench->loop);
    assert_int_equal(bench->greeter.handled, 1);
    kit_bench_end(bench);
}

// A refusal while the client still sends ends with RST_STREAM NO_ERROR.
static void test_server_call__refused_early(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    kit_headers(&bench->peer, 1, false,
                SC_POST ":path: /kit.Nobody/Say\n" SC_TYPE);
    kit_message(&bench->peer, 1, true, "late");
    kit_expect(&bench->peer, bench->loop,
               SC_HEAD("200") " grpc-status: 12\n grpc-message: unknown "
                              "service kit.Nobody\nRST_STREAM 1 NO_ERROR\n");
    kit_bench_end(bench);
}

static void test_server_call__answer(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_message(&bench->peer, 1, true, "bob");
    kit_expect(&bench->peer, bench->loop,
               "HEADERS 1\n :status: 200\n content-type: application/grpc\n"
               "DATA 1 000000000b0a0948656c6c6f20626f62\n"
               "HEADERS 1 end\n grpc-status: 0\n");
    assert_int_equal(bench->greeter.handled, 1);
    assert_string_equal(bench->greeter.name, "bob");
    // An empty message is five bytes.
    kit_headers(&bench->peer, 3, false, KIT_REQUEST);
    kit_message(&bench->peer, 3, true, "");
    kit_expect(&bench->peer, bench->loop,
               "HEADERS 3\n :status: 200\n content-type: application/grpc\n"
               "DATA 3 00000000080a0648656c6c6f20\n"
               "HEADERS 3 end\n grpc-status: 0\n");
    kit_bench_end(bench);
}

// END_STREAM comes with the message, on an empty DATA, or with trailers.
static void test_server_call__ends_of_a_request(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        kit_headers(&bench->peer, 1, false, KIT_REQUEST);
        kit_message(&bench->peer, 1, how == 0, "x");
        if (how == 1) {
            kit_data_hex(&bench->peer, 1, true, "");
        } else if (how == 2) {
            kit_headers(&bench->peer, 1, true, "some: trailer\n");
        }
        kit_turn(bench->loop);
        assert_int_equal(bench->greeter.handled, 1);
        assert_string_equal(bench->greeter.name, "x");
        kit_bench_end(bench);
    }
}

struct sc_data {
    const char *hex;
    const char *answer;
};

#define SC_FAIL(code, text) \
 SC_HEAD("200") " grpc-status: " code "\n grpc-message: " text "\n"

static void test_server_call__messages(void **state)
{
    static const struct sc_data rows[] = {
        {"", SC_FAIL("12", "no message in the request of a unary call")},
        {"00 00", SC_FAIL("13", "the request ends within a message")},
        {"00 00000005 0a03",
         SC_FAIL("13", "the request ends within a message")},
        {"02 00000000",
         SC_FAIL("13", "grpc: received unexpected payload format 2")},
        {"01 00000000", SC_FAIL("13", "grpc: compressed flag set with identity "
                                      "or empty encoding")},
        {"00 00000000 00 00000000",
         SC_FAIL("12", "a second message in the request of a unary call")},
        {"00 00000065",
         SC_FAIL("8", "grpc: received message larger than max (101 vs. 100)")},
        {"00 ffffffff", SC_FAIL("8", "grpc: received message larger than max "
                                     "(4294967295 vs. 100)")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kit_bench *bench = kit_bench_server(
            NULL, &(grpc_server_options){.max_receive_bytes = 100});
        kit_headers(&bench->peer, 1, false, KIT_REQUEST);
        kit_data_hex(&bench->peer, 1, true, rows[i].hex);
        kit_expect(&bench->peer, bench->loop, rows[i].answer);
        assert_int_equal(bench->greeter.handled, 0);
        kit_bench_end(bench);
    }
}

// The same faults, told before the client has ended its side: a reset says
// that nobody listens, and no window is opened for what is refused.
static void test_server_call__messages_cut_off(void **state)
{
    struct kit_bench *bench =
        kit_bench_server(NULL, &(grpc_server_options){.max_receive_bytes = 1});
    (void)state;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_data_hex(&bench->peer, 1, false, "00 7fffffff 0102");
    kit_expect(&bench->peer, bench->loop,
               SC_FAIL("8", "grpc: received message larger than max "
                            "(2147483647 vs. 1)") "RST_STREAM 1 NO_ERROR\n");
    // More of it is no error of the connection.
    kit_data_hex(&bench->peer, 1, false, "0304");
    kit_expect(&bench->peer, bench->loop, "");
    kit_bench_end(bench);
}

static void test_server_call__garbage(void **state)
{
    static const char *const bodies[] = {
        "00 00000001 0a",     // cut
        "00 00000002 0a05",   // length beyond the end
        "00 00000003 0a01ff", // not UTF-8
        "00 00000001 07",     // wire type 7
        "00 00000002 0001",   // field 0
        "00 0000000b ffffffffffffffffffffff",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        kit_headers(&bench->peer, 1, false, KIT_REQUEST);
        kit_data_hex(&bench->peer, 1, true, bodies[i]);
        kit_turn(bench->loop);
        kit_read(&bench->peer);
        const char start[] = SC_HEAD("200") " grpc-status: 13\n grpc-message: "
                                            "grpc: error unmarshalling "
                                            "request: ";
        assert_int_equal(strncmp(bench->peer.text, start, sizeof start - 1), 0);
        assert_int_equal(bench->greeter.handled, 0);
        kit_bench_end(bench);
    }
}

// The bytes of a request may be cut into frames anywhere.
static void test_server_call__every_split(void **state)
{
    uint8_t bytes[160];
    size_t size = kit_message_bytes("splitted", bytes);
    (void)state;
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    uint32_t id = 1;
    for (size_t first = 0; first <= size; first++) {
        for (size_t second = first; second <= size; second++) {
            kit_headers(&bench->peer, id, false, KIT_REQUEST);
            kit_frame(&bench->peer, 0, 0, id, view_of(bytes, first));
            kit_frame(&bench->peer, 0, 0, id,
                      view_of(bytes + first, second - first));
            kit_frame(&bench->peer, 0, 1, id,
                      view_of(bytes + second, size - second));
            bench->greeter.handled = 0;
            bench->greeter.name[0] = '\0';
            kit_turn(bench->loop);
            kit_forget(&bench->peer);
            assert_int_equal(bench->greeter.handled, 1);
            assert_string_equal(bench->greeter.name, "splitted");
            id += 2;
        }
    }
    kit_bench_end(bench);
}

static void test_server_call__fails(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    uint32_t id = 1;
    (void)state;
    bench->greeter.fail_text = "caf\xc3\xa9\n100%";
    for (int code = 1; code <= 16; code++, id += 2) {
        char expected[256];
        bench->greeter.fail = (grpc_code)code;
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
        kit_message(&bench->peer, id, true, "x");
        (void)snprintf(expected, sizeof expected,
                       "HEADERS %u end\n :status: 200\n content-type: "
                       "application/grpc\n grpc-status: %d\n"
                       " grpc-message: caf%%C3%%A9%%0A100%%25\n",
                       (unsigned)id, code);
        kit_expect(&bench->peer, bench->loop, expected);
    }
    // Without text there is no grpc-message.
    bench->greeter.fail_text = "";
    kit_headers(&bench->peer, id, false, KIT_REQUEST);
    kit_message(&bench->peer, id, true, "x");
    kit_expect(&bench->peer, bench->loop,
               "HEADERS 33 end\n :status: 200\n content-type: "
               "application/grpc\n grpc-status: 16\n");
    kit_bench_end(bench);
}

static void test_server_call__long_text_is_cut(void **state)
{
    static char text[5000];
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    memset(text, '%', sizeof text - 1);
    bench->greeter.fail = GRPC_ABORTED;
    bench->greeter.fail_text = text;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_message(&bench->peer, 1, true, "x");
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    const char *message = strstr(bench->peer.text, "grpc-message: ");
    assert_non_null(message);
    assert_int_equal(strlen(message + 14), 2046 + 1);
    kit_bench_end(bench);
}

static void test_server_call__unimplemented(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    kit_headers(&bench->peer, 1, false,
                SC_POST ":path: /kit.Greeter/Missing\n" SC_TYPE);
    kit_message(&bench->peer, 1, true, "x");
    kit_expect(&bench->peer, bench->loop,
               SC_FAIL("12", "method /kit.Greeter/Missing not implemented"));
    kit_bench_end(bench);
}

// ---- Answers that come late, and misuse -------------------------------------

static void test_server_call__late_answers(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    bench->greeter.late = true;
    for (uint32_t id = 1; id <= 5; id += 2) {
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
        kit_message(&bench->peer, id, true, "x");
    }
    kit_expect(&bench->peer, bench->loop, "");
    assert_int_equal(bench->greeter.count, 3);
    // In any order.
    assert_int_equal(kit_reply(bench->greeter.calls[2], "C"), GRPC_OK);
    assert_int_equal(
        grpc_call_fail(bench->greeter.calls[0], GRPC_NOT_FOUND, "no %s", "A"),
        GRPC_OK);
    assert_int_equal(kit_reply(bench->greeter.calls[1], "B"), GRPC_OK);
    kit_expect(&bench->peer, bench->loop,
               "HEADERS 5\n :status: 200\n content-type: application/grpc\n"
               "DATA 5 00000000030a0143\nHEADERS 5 end\n grpc-status: 0\n"
               "HEADERS 1 end\n :status: 200\n content-type: "
               "application/grpc\n grpc-status: 5\n grpc-message: no A\n"
               "HEADERS 3\n :status: 200\n content-type: application/grpc\n"
               "DATA 3 00000000030a0142\nHEADERS 3 end\n grpc-status: 0\n");
    kit_bench_end(bench);
}

static void sc_misuse(grpc_call *call, struct kit_greeter *greeter)
{
    struct kit_hello good = {.name = GRPC_STR("first")};
    int *how = greeter->extra;
    assert_false(grpc_call_is_over(call));
    if (*how == 0) {
        assert_int_equal(grpc_call_reply(call, &good), GRPC_OK);
    } else {
        assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, "first"), GRPC_OK);
    }
    // The first answer stands.
    assert_int_equal(grpc_call_reply(call, &good), GRPC_ESTATE);
    assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, "second"), GRPC_ESTATE);
    grpc_call_unimplemented(call);
    grpc_cancel(call); // a server's call: nothing
}

static void test_server_call__misuse(void **state)
{
    static const char *const answers[] = {
        "HEADERS 1\n :status: 200\n content-type: application/grpc\n"
        "DATA 1 00000000070a056669727374\nHEADERS 1 end\n grpc-status: 0\n",
        SC_FAIL("10", "first"),
    };
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        bench->greeter.act = sc_misuse;
        bench->greeter.extra = &how;
        kit_headers(&bench->peer, 1, false, KIT_REQUEST);
        kit_message(&bench->peer, 1, true, "x");
        kit_expect(&bench->peer, bench->loop, answers[how]);
        kit_bench_end(bench);
    }
    assert_int_equal(grpc_call_reply(NULL, &kit_hello_empty), GRPC_ESTATE);
    assert_int_equal(grpc_call_fail(NULL, GRPC_ABORTED, "x"), GRPC_ESTATE);
    grpc_call_on_end(NULL, kit_told, NULL);
    grpc_call_unimplemented(NULL);
}

// A wrong argument is told, and the call is answered all the same.
static void sc_wrong(grpc_call *call, struct kit_greeter *greeter)
{
    static const int codes[] = {0, 17, -1};
    const int *how = greeter->extra;
    // Without the attribute that lets the compiler check the format.
    grpc_result (*unchecked)(grpc_call *, grpc_code, const char *, ...) =
        grpc_call_fail;
    if (*how < 3) {
        grpc_code code = (grpc_code)codes[*how];
        assert_int_equal(grpc_call_fail(call, code, "x"), GRPC_EINVAL);
    } else if (*how == 3) {
        assert_int_equal(grpc_call_reply(call, NULL), GRPC_EINVAL);
    } else {
        // No format is an empty message, and no mistake.
        assert_int_equal(unchecked(call, GRPC_ABORTED, NULL), GRPC_OK);
    }
    assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, "y"), GRPC_ESTATE);
}

static void test_server_call__wrong_arguments_answer_too(void **state)
{
    static const char *const answers[] = {
        SC_FAIL("2", "x"),
        SC_FAIL("2", "x"),
        SC_FAIL("2", "x"),
        SC_FAIL("13", "grpc: error marshalling response: it is NULL"),
        "HEADERS 1 end\n :status: 200\n content-type: application/grpc\n"
        " grpc-status: 10\n",
    };
    (void)state;
    for (int how = 0; how < 5; how++) {
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        bench->greeter.act = sc_wrong;
        bench->greeter.extra = &how;
        kit_headers(&bench->peer, 1, false, KIT_REQUEST);
        kit_message(&bench->peer, 1, true, "x");
        kit_expect(&bench->peer, bench->loop, answers[how]);
        kit_bench_end(bench);
    }
}

// A reply that cannot be encoded ends the call as INTERNAL.
static void sc_reply_wrong(grpc_call *call, struct kit_greeter *greeter)
{
    struct kit_hello wrong = {.name = GRPC_STR("\xff")};
    (void)greeter;
    assert_int_equal(grpc_call_reply(call, &wrong), GRPC_EINVAL);
}

static void test_server_call__reply_not_encodable(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    bench->greeter.act = sc_reply_wrong;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_message(&bench->peer, 1, true, "x");
    kit_expect(&bench->peer, bench->loop,
               SC_FAIL("13", "grpc: error marshalling response: a string is "
                             "not UTF-8"));
    kit_bench_end(bench);
}

// ---- Ends before the answer -------------------------------------------------

// A cancelled call tells its handler once; without a wish to be told it stays
// until it is answered, and the answer goes nowhere.
static void test_server_call__cancelled(void **state)
{
    (void)state;
    for (int listen = 0; listen < 2; listen++) {
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        bench->greeter.late = true;
        bench->greeter.listen = listen == 1;
        kit_headers(&bench->peer, 1, false, KIT_REQUEST);
        kit_message(&bench->peer, 1, true, "x");
        kit_turn(bench->loop);
        assert_int_equal(bench->greeter.count, 1);
        grpc_call *call = bench->greeter.calls[0];
        assert_false(grpc_call_is_over(call));
        kit_rst(&bench->peer, 1, H2_CANCEL);
        kit_turn(bench->loop);
        assert_int_equal(bench->greeter.told, listen);
        if (listen == 0) {
            assert_true(grpc_call_is_over(call));
            assert_string_equal(grpc_call_method(call), "/kit.Greeter/Say");
            assert_string_equal(grpc_call_peer(call), "unix:");
            assert_int_equal(kit_reply(call, "late"), GRPC_OK);
        }
        kit_expect(&bench->peer, bench->loop, "");
        kit_bench_end(bench);
    }
}

// A request that is not complete never reaches the handler.
// A client that resets and calls again is refused while as many handlers are at
// work as it may have streams.
static void test_server_call__resets_do_not_lift_the_limit(void **state)
{
    struct kit_bench *bench = kit_bench_server(
        NULL, &(grpc_server_options){.max_concurrent_streams = 4});
    (void)state;
    bench->greeter.late = true;
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t id = 1 + 2 * i;
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
        kit_message(&bench->peer, id, true, "x");
        kit_rst(&bench->peer, id, H2_CANCEL);
        kit_turn(bench->loop);
    }
    assert_int_equal(bench->greeter.handled, 4);
    kit_expect(&bench->peer, bench->loop,
               "RST_STREAM 9 REFUSED_STREAM\nRST_STREAM 11 REFUSED_STREAM\n");
    // A handler that answers makes room for one.
    assert_int_equal(kit_reply(bench->greeter.calls[0], "late"), GRPC_OK);
    for (uint32_t id = 13; id <= 15; id += 2) {
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
        kit_message(&bench->peer, id, true, "x");
    }
    kit_expect(&bench->peer, bench->loop, "RST_STREAM 15 REFUSED_STREAM\n");
    assert_int_equal(bench->greeter.handled, 5);
    kit_bench_end(bench);
}

// A client that cancels all its calls (deadlines) is not punished for it, as
// long as each has cost a handler.
static void test_server_call__cancelling_costs_nothing(void **state)
{
    (void)state;
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    bench->greeter.late = true;
    bench->greeter.listen = true;
    for (int i = 0; i < 2000; i++) {
        uint32_t id = 1 + 2 * (uint32_t)i;
        bench->greeter.count = 0;
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
        kit_message(&bench->peer, id, true, "x");
        kit_turn(bench->loop);
        kit_rst(&bench->peer, id, H2_CANCEL);
        kit_turn(bench->loop);
        assert_int_equal(bench->greeter.handled, i + 1);
        assert_int_equal(bench->greeter.told, i + 1);
    }
    kit_expect(&bench->peer, bench->loop, "");
    kit_bench_end(bench);
}

// One that resets before any handler has begun is sent away in the end.
static void test_server_call__early_resets_end_the_connection(void **state)
{
    (void)state;
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    int resets = 0;
    while (strstr(bench->peer.text, "GOAWAY") == NULL && resets < 1000) {
        uint32_t id = 1 + 2 * (uint32_t)resets++;
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
        kit_rst(&bench->peer, id, H2_CANCEL);
        kit_skip(bench->loop, H2_LIMIT_DELAY_MS + 1);
        kit_read(&bench->peer);
    }
    assert_non_null(strstr(bench->peer.text, "ENHANCE_YOUR_CALM"));
    // The budget, and then each costs a delay.
    assert_in_range(resets, H2_LIMIT_RESET_BUDGET + H2_LIMIT_DELAYS,
                    H2_LIMIT_RESET_BUDGET + H2_LIMIT_DELAYS + 2);
    assert_int_equal(bench->greeter.handled, 0);
    kit_bench_end(bench);
}

static void test_server_call__cancelled_early(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_data_hex(&bench->peer, 1, false, "00 00000005 0a");
    kit_turn(bench->loop);
    kit_rst(&bench->peer, 1, H2_CANCEL);
    kit_expect(&bench->peer, bench->loop, "");
    assert_int_equal(bench->greeter.handled, 0);
    kit_bench_end(bench);
}

static void test_server_call__connection_lost(void **state)
{
    (void)state;
    for (int listen = 0; listen < 2; listen++) {
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        bench->greeter.late = true;
        bench->greeter.listen = listen == 1;
        for (uint32_t id = 1; id <= 5; id += 2) {
            kit_headers(&bench->peer, id, false, KIT_REQUEST);
            kit_message(&bench->peer, id, true, "x");
        }
        kit_turn(bench->loop);
        assert_int_equal(bench->greeter.count, 3);
        kit_read(&bench->peer);
        (void)close(bench->peer.fd);
        bench->peer.fd = -1;
        kit_turn(bench->loop);
        assert_int_equal(bench->greeter.told, 3 * listen);
        assert_int_equal(bench->server->connection_count, 0);
        if (listen == 0) {
            assert_int_equal(kit_reply(bench->greeter.calls[1], ""), GRPC_OK);
            // The others are never answered: the server frees them.
        }
        kit_bench_end(bench);
    }
}

static void sc_free_server(void *argument)
{
    struct kit_bench *bench = argument;
    bench->greeter.told++;
    grpc_server_free(bench->server);
    bench->server = NULL;
}

static void sc_listen_to_free(grpc_call *call, struct kit_greeter *greeter)
{
    grpc_call_on_end(call, sc_free_server, greeter->extra);
    greeter->calls[greeter->count++] = call;
}

static void test_server_call__free_within_told(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    bench->greeter.act = sc_listen_to_free;
    bench->greeter.extra = bench;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_message(&bench->peer, 1, true, "x");
    kit_turn(bench->loop);
    kit_rst(&bench->peer, 1, H2_CANCEL);
    kit_expect(&bench->peer, bench->loop, "EOF\n");
    assert_int_equal(bench->greeter.told, 1);
    kit_bench_end(bench);
}

// An answer given from within told is taken and forgotten.
static void sc_reply_told(void *argument)
{
    struct kit_greeter *greeter = argument;
    greeter->told++;
    assert_true(grpc_call_is_over(greeter->calls[0]));
    assert_int_equal(kit_reply(greeter->calls[0], "late"), GRPC_OK);
    assert_int_equal(kit_reply(greeter->calls[0], "late"), GRPC_ESTATE);
}

static void sc_listen_to_reply(grpc_call *call, struct kit_greeter *greeter)
{
    grpc_call_on_end(call, sc_reply_told, greeter);
    greeter->calls[greeter->count++] = call;
}

static void test_server_call__reply_within_told(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    bench->greeter.act = sc_listen_to_reply;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_message(&bench->peer, 1, true, "x");
    kit_turn(bench->loop);
    kit_rst(&bench->peer, 1, H2_CANCEL);
    kit_expect(&bench->peer, bench->loop, "");
    assert_int_equal(bench->greeter.told, 1);
    kit_bench_end(bench);
}

// ---- Deadlines --------------------------------------------------------------

#define SC_TIMED SC_POST ":path: /kit.Greeter/Say\n" SC_TYPE "grpc-timeout: "

static void test_server_call__time_left(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    bench->greeter.late = true;
    kit_headers(&bench->peer, 1, false, SC_TIMED "1H\n");
    kit_message(&bench->peer, 1, true, "x");
    kit_headers(&bench->peer, 3, false, KIT_REQUEST);
    kit_message(&bench->peer, 3, true, "x");
    kit_turn(bench->loop);
    int64_t left = grpc_call_time_left_ms(bench->greeter.calls[0]);
    assert_in_range(left, 3600000 - 60000, 3600000);
    assert_int_equal(grpc_call_time_left_ms(bench->greeter.calls[1]), -1);
    assert_ptr_equal(grpc_call_loop(bench->greeter.calls[1]), bench->loop);
    kit_bench_end(bench);
}

// The client hears of the deadline from us though the handler still works; the
// handler is told once, and its late answer is harmless.
static void test_server_call__deadline(void **state)
{
    (void)state;
    for (int listen = 0; listen < 2; listen++) {
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        bench->greeter.late = true;
        bench->greeter.listen = listen == 1;
        kit_headers(&bench->peer, 1, false, SC_TIMED "5m\n");
        kit_message(&bench->peer, 1, true, "x");
        kit_wait(bench->loop, &bench->greeter.count, 1);
        grpc_call *call = bench->greeter.calls[0];
        for (int i = 0; i < 1000 && bench->peer.text_size == 0; i++) {
            assert_int_equal(grpc_loop_step(bench->loop, 2), GRPC_OK);
            kit_read(&bench->peer);
        }
        kit_expect(&bench->peer, bench->loop,
                   SC_FAIL("4", "deadline exceeded"));
        assert_int_equal(bench->greeter.told, listen);
        if (listen == 0) {
            assert_true(grpc_call_is_over(call));
            assert_int_equal(grpc_call_time_left_ms(call), 0);
            assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, "late"),
                             GRPC_OK);
        }
        kit_expect(&bench->peer, bench->loop, "");
        kit_bench_end(bench);
    }
}

// It also ends a request that never becomes complete.
static void test_server_call__deadline_of_a_request(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    kit_headers(&bench->peer, 1, false, SC_TIMED "3m\n");
    kit_data_hex(&bench->peer, 1, false, "00 00000005 0a");
    for (int i = 0; i < 1000 && bench->peer.text_size == 0; i++) {
        assert_int_equal(grpc_loop_step(bench->loop, 2), GRPC_OK);
        kit_read(&bench->peer);
    }
    kit_expect(&bench->peer, bench->loop,
               SC_FAIL("4", "deadline exceeded") "RST_STREAM 1 NO_ERROR\n");
    assert_int_equal(bench->greeter.handled, 0);
    kit_bench_end(bench);
}

// ---- Flow control -----------------------------------------------------------

static char sc_long[100001];

static void sc_reply_long(grpc_call *call, struct kit_greeter *greeter)
{
    (void)greeter;
    memset(sc_long, 'L', sizeof sc_long - 1);
    assert_int_equal(kit_reply(call, sc_long), GRPC_OK);
}

// A reply that the client's window does not take waits, and its status with
// it; the status is sent when the last byte is.
static void test_server_call__status_waits_for_data(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    bench->greeter.act = sc_reply_long;
    kit_setting(&bench->peer, 4, 1000); // INITIAL_WINDOW_SIZE
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_message(&bench->peer, 1, true, "x");
    kit_expect(&bench->peer, bench->loop,
               "HEADERS 1\n :status: 200\n content-type: application/grpc\n"
               "DATA 1 (1000 bytes)\n");
    kit_window(&bench->peer, 1, 60000);
    kit_window(&bench->peer, 0, 60000);
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_null(strstr(bench->peer.text, "grpc-status"));
    kit_window(&bench->peer, 1, 60000);
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_non_null(strstr(bench->peer.text, "HEADERS 1 end\n grpc-status: 0"));
    kit_bench_end(bench);
}

// The client gives up while its reply waits: nothing is left behind.
static void test_server_call__reset_while_answer_waits(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        bench->greeter.act = sc_reply_long;
        bench->greeter.listen = true;
        kit_setting(&bench->peer, 4, 1000);
        kit_headers(&bench->peer, 1, false, KIT_REQUEST);
        kit_message(&bench->peer, 1, true, "x");
        kit_turn(bench->loop);
        kit_forget(&bench->peer);
        if (how == 0) {
            kit_rst(&bench->peer, 1, H2_CANCEL);
            kit_expect(&bench->peer, bench->loop, "");
        } else {
            (void)close(bench->peer.fd);
            bench->peer.fd = -1;
            kit_turn(bench->loop);
        }
        // It was answered: the handler hears no more of it.
        assert_int_equal(bench->greeter.told, 0);
        kit_bench_end(bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_call__requests_refused),
        cmocka_unit_test(test_server_call__each_request_has_its_own_user_agent),
        cmocka_unit_test(test_server_call__path_without_slash),
        cmocka_unit_test(test_server_call__headers_over_limit),
        cmocka_unit_test(test_server_call__comma_metadata),
        cmocka_unit_test(test_server_call__refused_early),
        cmocka_unit_test(test_server_call__answer),
        cmocka_unit_test(test_server_call__ends_of_a_request),
        cmocka_unit_test(test_server_call__messages),
        cmocka_unit_test(test_server_call__messages_cut_off),
        cmocka_unit_test(test_server_call__garbage),
        cmocka_unit_test(test_server_call__every_split),
        cmocka_unit_test(test_server_call__fails),
        cmocka_unit_test(test_server_call__long_text_is_cut),
        cmocka_unit_test(test_server_call__unimplemented),
        cmocka_unit_test(test_server_call__late_answers),
        cmocka_unit_test(test_server_call__misuse),
        cmocka_unit_test(test_server_call__wrong_arguments_answer_too),
        cmocka_unit_test(test_server_call__reply_not_encodable),
        cmocka_unit_test(test_server_call__cancelled),
        cmocka_unit_test(test_server_call__resets_do_not_lift_the_limit),
        cmocka_unit_test(test_server_call__cancelling_costs_nothing),
        cmocka_unit_test(test_server_call__early_resets_end_the_connection),
        cmocka_unit_test(test_server_call__cancelled_early),
        cmocka_unit_test(test_server_call__connection_lost),
        cmocka_unit_test(test_server_call__free_within_told),
        cmocka_unit_test(test_server_call__reply_within_told),
        cmocka_unit_test(test_server_call__time_left),
        cmocka_unit_test(test_server_call__deadline),
        cmocka_unit_test(test_server_call__deadline_of_a_request),
        cmocka_unit_test(test_server_call__status_waits_for_data),
        cmocka_unit_test(test_server_call__reset_while_answer_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
