// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/client_call.h"
#include "tests/core_kit.h"

#define CC_REQUEST                                                        \
 "HEADERS 1\n :method: POST\n :scheme: http\n :path: /kit.Greeter/Say\n"  \
 " :authority: localhost\n content-type: application/grpc\n user-agent: " \
 "grpc-cgrpc/" GRPC_VERSION "\n te: trailers\n" KIT_ACCEPTS
#define CC_DATA "DATA 1 00000000050a03626f62 end\n"

// cc_begin: a call with the request "bob" is under way on stream 1.
static struct kit_bench *cc_begin(struct kit_result *result,
                                  const grpc_channel_options *options)
{
    struct kit_bench *bench = kit_bench_channel(NULL, options);
    memset(result, 0, sizeof *result);
    assert_non_null(kit_call(bench->channel, "bob", result));
    kit_expect(&bench->peer, bench->loop, CC_REQUEST CC_DATA);
    assert_int_equal(result->done, 0);
    return bench;
}

static void cc_end(struct kit_bench *bench, const struct kit_result *result,
                   grpc_code code, const char *text)
{
    kit_turn(bench->loop);
    assert_int_equal(result->done, 1);
    assert_string_equal(result->text, text);
    assert_int_equal(result->code, code);
    assert_int_equal(bench->loop->calls.taken, 0);
    kit_bench_end(bench);
}

static void test_client_call__reply(void **state)
{
    struct kit_result result;
    struct kit_bench *bench = cc_begin(&result, NULL);
    (void)state;
    kit_headers(&bench->peer, 1, false, KIT_RESPONSE);
    kit_message(&bench->peer, 1, false, "Hello");
    kit_turn(bench->loop);
    assert_int_equal(result.done, 0); // the status is not known yet
    kit_headers(&bench->peer, 1, true, "grpc-status: 0\n");
    kit_expect(&bench->peer, bench->loop, "");
    assert_string_equal(result.reply, "Hello");
    cc_end(bench, &result, GRPC_OK, "");
}

// A second call repeats nothing but what changes: the table does it.
static void test_client_call__second_is_small(void **state)
{
    struct kit_result result;
    struct kit_result second = {0};
    struct kit_bench *bench = cc_begin(&result, NULL);
    (void)state;
    assert_non_null(kit_call(bench->channel, "", &second));
    kit_turn(bench->loop);
    uint8_t bytes[64];
    ssize_t size = recv(bench->peer.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    // HEADERS of seven indexed fields, or eight, DATA of a message of no bytes.
    size_t fields = sizeof KIT_ACCEPTS > 1 ? 8 : 7;
    assert_int_equal(size, 9 + fields + 9 + 5);
    kit_rst(&bench->peer, 3, H2_CANCEL);
    kit_rst(&bench->peer, 1, H2_CANCEL);
    cc_end(bench, &result, GRPC_CANCELLED,
           "stream terminated by RST_STREAM with error code: CANCEL");
}

static void test_client_call__timeout_header(void **state)
{
    static const struct {
        uint32_t ms;
        const char *low;
        const char *high;
    } rows[] = {
        // The clock may move by a millisecond or two on the way.
        {10000, "9900m", "10001m"},
        {99999999, "99999900m", "99999999m"},
        {UINT32_MAX, "4294900S", "4294968S"},
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct kit_bench *bench = kit_bench_channel(NULL, NULL);
        struct kit_result result = {0};
        const grpc_call_options options = {.timeout_ms = rows[i].ms};
        assert_non_null(
            kit_call_with(bench->channel, GRPC_STR("bob"), &result, &options));
        kit_turn(bench->loop);
        kit_read(&bench->peer);
        const char *timeout = strstr(bench->peer.text, " grpc-timeout: ");
        assert_non_null(timeout);
        unsigned long value = 0;
        char unit = 0;
        assert_int_equal(sscanf(timeout, " grpc-timeout: %lu%c", &value, &unit),
                         2);
        unsigned long low = strtoul(rows[i].low, NULL, 10);
        unsigned long high = strtoul(rows[i].high, NULL, 10);
        assert_true(value >= low && value <= high);
        assert_int_equal(unit, rows[i].low[strlen(rows[i].low) - 1]);
        kit_bench_end(bench);
    }
}

struct cc_row {
    const char *headers; // of the response; NULL: none
    bool end;
    const char *data; // hex; NULL: none
    const char *trailers;
    grpc_code code;
    const char *text;
    const char *sent; // by us
};

static void cc_respond(const struct cc_row *row)
{
    struct kit_result result;
    struct kit_bench *bench =
        cc_begin(&result, &(grpc_channel_options){.max_receive_bytes = 100});
    if (row->headers != NULL) {
        kit_headers(&bench->peer, 1, row->end, row->headers);
    }
    if (row->data != NULL) {
        kit_data_hex(&bench->peer, 1, row->trailers == NULL, row->data);
    }
    if (row->trailers != NULL) {
        kit_headers(&bench->peer, 1, true, row->trailers);
    }
    kit_expect(&bench->peer, bench->loop, row->sent == NULL ? "" : row->sent);
    cc_end(bench, &result, row->code, row->text);
}

#define CC_OK_DATA "00 00000000"

static void test_client_call__statuses(void **state)
{
    static const struct cc_row rows[] = {
        {KIT_RESPONSE, false, CC_OK_DATA, "grpc-status: 0\n", GRPC_OK, "",
         NULL},
        {KIT_RESPONSE, false, CC_OK_DATA,
         "grpc-status: 0\ngrpc-message: fine\n", GRPC_OK, "fine", NULL},
        {KIT_RESPONSE, false, NULL, "grpc-status: 5\ngrpc-message: no\n",
         GRPC_NOT_FOUND, "no", NULL},
        // Where the status is an error, it stands, whatever came before.
        {KIT_RESPONSE, false, CC_OK_DATA, "grpc-status: 9\n",
         GRPC_FAILED_PRECONDITION, "", NULL},
        {KIT_RESPONSE, false, "00 000000", "grpc-status: 9\n",
         GRPC_FAILED_PRECONDITION, "", NULL},
        // A number that nobody knows is kept.
        {KIT_RESPONSE, false, NULL, "grpc-status: 42\ngrpc-message: x\n",
         (grpc_code)42, "x", NULL},
        // Trailers-Only.
        {KIT_RESPONSE "grpc-status: 7\ngrpc-message: go away\n", true, NULL,
         NULL, GRPC_PERMISSION_DENIED, "go away", NULL},
        {KIT_RESPONSE "grpc-status: 0\n", true, NULL, NULL, GRPC_UNIMPLEMENTED,
         "no message in the response of a unary call", NULL},
        {":status: 405\ncontent-type: application/grpc\ngrpc-status: 13\n"
         "grpc-message: POST\n",
         true, NULL, NULL, GRPC_INTERNAL, "POST", NULL},
        // Percent-encoding, and what only looks like it.
        {KIT_RESPONSE, false, NULL,
         "grpc-status: 2\ngrpc-message: caf%C3%A9%0A100%25 %zz %\n",
         GRPC_UNKNOWN, "caf\xc3\xa9\n100% %zz %", NULL},
        // Missing, malformed.
        {KIT_RESPONSE, false, CC_OK_DATA, "x: y\n", GRPC_UNKNOWN,
         "the server's trailers have no grpc-status", NULL},
        {KIT_RESPONSE, true, NULL, NULL, GRPC_UNKNOWN,
         "the server's trailers have no grpc-status", NULL},
        {KIT_RESPONSE, false, CC_OK_DATA, "grpc-status: 01\n", GRPC_UNKNOWN,
         "malformed grpc-status: \"01\"", NULL},
        {KIT_RESPONSE, false, CC_OK_DATA, "grpc-status: OK\n", GRPC_UNKNOWN,
         "malformed grpc-status: \"OK\"", NULL},
        {KIT_RESPONSE, false, CC_OK_DATA, "grpc-status: -1\n", GRPC_UNKNOWN,
         "malformed grpc-status: \"-1\"", NULL},
        // END_STREAM on DATA.
        {KIT_RESPONSE, false, CC_OK_DATA, NULL, GRPC_INTERNAL,
         "server closed the stream without sending trailers", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cc_respond(&rows[i]);
    }
}

static void test_client_call__not_grpc(void **state)
{
    static const struct cc_row rows[] = {
        {":status: 404\ncontent-type: text/html\n", true, NULL, NULL,
         GRPC_UNIMPLEMENTED,
         "unexpected HTTP status code received from server: 404 (Not Found); "
         "transport: received unexpected content-type \"text/html\"",
         NULL},
        {":status: 503\ncontent-type: text/html\n", false, NULL, NULL,
         GRPC_UNAVAILABLE,
         "unexpected HTTP status code received from server: 503 (Service "
         "Unavailable); transport: received unexpected content-type "
         "\"text/html\"",
         "RST_STREAM 1 PROTOCOL_ERROR\n"},
        {":status: 401\n", true, NULL, NULL, GRPC_UNAUTHENTICATED,
         "unexpected HTTP status code received from server: 401 "
         "(Unauthorized); transport: received unexpected content-type \"\"",
         NULL},
        {":status: 200\ncontent-type: text/html\n", false, NULL, NULL,
         GRPC_UNKNOWN,
         "transport: received unexpected content-type \"text/html\"",
         "RST_STREAM 1 PROTOCOL_ERROR\n"},
        {":status: 200\n", false, NULL, NULL, GRPC_UNKNOWN,
         "transport: received unexpected content-type \"\"",
         "RST_STREAM 1 PROTOCOL_ERROR\n"},
        {":status: 502\ncontent-type: application/grpc\n", false, NULL, NULL,
         GRPC_UNAVAILABLE,
         "unexpected HTTP status code received from server: 502 (Bad Gateway)",
         "RST_STREAM 1 PROTOCOL_ERROR\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cc_respond(&rows[i]);
    }
}

static void test_client_call__messages(void **state)
{
    static const char cancel[] = "RST_STREAM 1 CANCEL\n";
    static const struct cc_row rows[] = {
        {KIT_RESPONSE, false, NULL, "grpc-status: 0\n", GRPC_UNIMPLEMENTED,
         "no message in the response of a unary call", NULL},
        {KIT_RESPONSE, false, "00 00000000 00 00000000", "grpc-status: 0\n",
         GRPC_UNIMPLEMENTED, "a second message in the response of a unary call",
         cancel},
        {KIT_RESPONSE, false, "00 0000", "grpc-status: 0\n", GRPC_INTERNAL,
         "the response ends within a message", NULL},
        {KIT_RESPONSE, false, "00 00000005 0a", "grpc-status: 0\n",
         GRPC_INTERNAL, "the response ends within a message", NULL},
        {KIT_RESPONSE, false, "05 00000000", "grpc-status: 0\n", GRPC_INTERNAL,
         "grpc: received unexpected payload format 5", cancel},
        {KIT_RESPONSE, false, "01 00000000", "grpc-status: 0\n", GRPC_INTERNAL,
         "grpc: compressed flag set with identity or empty encoding", cancel},
        {KIT_RESPONSE, false, "00 00000065", "grpc-status: 0\n",
         GRPC_RESOURCE_EXHAUSTED,
         "grpc: received message larger than max (101 vs. 100)", cancel},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cc_respond(&rows[i]);
    }
}

static void test_client_call__garbage(void **state)
{
    struct kit_result result;
    struct kit_bench *bench = cc_begin(&result, NULL);
    (void)state;
    kit_headers(&bench->peer, 1, false, KIT_RESPONSE);
    kit_data_hex(&bench->peer, 1, false, "00 00000003 0a01ff");
    kit_expect(&bench->peer, bench->loop, "RST_STREAM 1 CANCEL\n");
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_INTERNAL);
    assert_int_equal(
        strncmp(result.text, "grpc: error unmarshalling response: ", 36), 0);
    kit_bench_end(bench);
}

static void test_client_call__every_split(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    uint8_t bytes[160];
    size_t size = kit_message_bytes("splitted", bytes);
    uint32_t id = 1;
    (void)state;
    for (size_t first = 0; first <= size; first++) {
        for (size_t second = first; second <= size; second++, id += 2) {
            struct kit_result result = {0};
            assert_non_null(kit_call(bench->channel, "x", &result));
            kit_turn(bench->loop);
            kit_forget(&bench->peer);
            kit_headers(&bench->peer, id, false, KIT_RESPONSE);
            kit_frame(&bench->peer, 0, 0, id, view_of(bytes, first));
            kit_frame(&bench->peer, 0, 0, id,
                      view_of(bytes + first, second - first));
            kit_frame(&bench->peer, 0, 0, id,
                      view_of(bytes + second, size - second));
            kit_headers(&bench->peer, id, true, "grpc-status: 0\n");
            kit_turn(bench->loop);
            assert_int_equal(result.done, 1);
            assert_string_equal(result.reply, "splitted");
        }
    }
    kit_bench_end(bench);
}

static void test_client_call__informational(void **state)
{
    struct kit_result result;
    struct kit_bench *bench = cc_begin(&result, NULL);
    (void)state;
    kit_headers(&bench->peer, 1, false, ":status: 100\n");
    kit_headers(&bench->peer, 1, false, ":status: 103\nlink: x\n");
    kit_turn(bench->loop);
    assert_int_equal(result.done, 0);
    kit_headers(&bench->peer, 1, false, KIT_RESPONSE);
    kit_message(&bench->peer, 1, false, "after");
    kit_headers(&bench->peer, 1, true, "grpc-status: 0\n");
    kit_turn(bench->loop);
    assert_string_equal(result.reply, "after");
    cc_end(bench, &result, GRPC_OK, "");
}

static void test_client_call__informational_at_the_end(void **state)
{
    struct kit_result result;
    struct kit_bench *bench = cc_begin(&result, NULL);
    (void)state;
    kit_headers(&bench->peer, 1, true, ":status: 100\n");
    kit_expect(&bench->peer, bench->loop, "RST_STREAM 1 PROTOCOL_ERROR\n");
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_INTERNAL);
    assert_int_equal(
        strncmp(result.text, "the server broke the protocol: ", 31), 0);
    kit_bench_end(bench);
}

static void test_client_call__response_headers_over_limit(void **state)
{
    static char headers[10000];
    struct kit_result result;
    struct kit_bench *bench = cc_begin(&result, NULL);
    (void)state;
    size_t at = (size_t)snprintf(headers, sizeof headers, KIT_RESPONSE "x: ");
    memset(headers + at, 'y', 8192);
    memcpy(headers + at + 8192, "\n", 2);
    kit_headers(&bench->peer, 1, false, headers);
    kit_expect(&bench->peer, bench->loop, "RST_STREAM 1 CANCEL\n");
    cc_end(bench, &result, GRPC_RESOURCE_EXHAUSTED,
           "the response headers are larger than the limit");
}

static void test_client_call__resets(void **state)
{
    static const grpc_code codes[] = {
        GRPC_INTERNAL,          GRPC_INTERNAL,    GRPC_INTERNAL,
        GRPC_INTERNAL,          GRPC_INTERNAL,    GRPC_INTERNAL,
        GRPC_INTERNAL,          GRPC_UNAVAILABLE, GRPC_CANCELLED,
        GRPC_INTERNAL,          GRPC_INTERNAL,    GRPC_RESOURCE_EXHAUSTED,
        GRPC_PERMISSION_DENIED, GRPC_INTERNAL,    GRPC_UNKNOWN,
    };
    (void)state;
    for (uint32_t code = 0; code < 15; code++) {
        char text[128];
        struct kit_result result;
        struct kit_bench *bench = cc_begin(&result, NULL);
        if (code == H2_REFUSED_STREAM) {
            // After the response has begun it is no longer safe to repeat.
            kit_headers(&bench->peer, 1, false, KIT_RESPONSE);
        }
        kit_rst(&bench->peer, 1, code);
        kit_expect(&bench->peer, bench->loop, "");
        (void)snprintf(text, sizeof text,
                       "stream terminated by RST_STREAM with error code: %s",
                       h2_code_name(code));
        cc_end(bench, &result, codes[code], text);
    }
}

// A stream that the server refused is tried once more, out of sight.
static void test_client_call__refused_is_retried_once(void **state)
{
    struct kit_result result;
    struct kit_bench *bench = cc_begin(&result, NULL);
    (void)state;
    kit_rst(&bench->peer, 1, H2_REFUSED_STREAM);
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_int_equal(result.done, 0);
    assert_non_null(strstr(bench->peer.text, "HEADERS 3\n"));
    assert_non_null(
        strstr(bench->peer.text, "DATA 3 00000000050a03626f62 end\n"));
    kit_rst(&bench->peer, 3, H2_REFUSED_STREAM);
    cc_end(bench, &result, GRPC_UNAVAILABLE,
           "stream terminated by RST_STREAM with error code: REFUSED_STREAM");
}

// The second time it is left out by a GOAWAY, which is no RST_STREAM.
static void test_client_call__left_out(void **state)
{
    struct kit_result result;
    struct kit_bench *bench = cc_begin(&result, NULL);
    (void)state;
    kit_rst(&bench->peer, 1, H2_REFUSED_STREAM);
    kit_turn(bench->loop);
    kit_goaway(&bench->peer, 1, H2_NO_ERROR, "");
    cc_end(bench, &result, GRPC_UNAVAILABLE,
           "the server, unix:, did not process the call, and went away");
}

static void test_client_call__retry_succeeds(void **state)
{
    struct kit_result result;
    struct kit_bench *bench = cc_begin(&result, NULL);
    (void)state;
    kit_rst(&bench->peer, 1, H2_REFUSED_STREAM);
    kit_turn(bench->loop);
    kit_headers(&bench->peer, 3, false, KIT_RESPONSE);
    kit_message(&bench->peer, 3, false, "yes");
    kit_headers(&bench->peer, 3, true, "grpc-status: 0\n");
    kit_turn(bench->loop);
    assert_string_equal(result.reply, "yes");
    cc_end(bench, &result, GRPC_OK, "");
}

static void test_client_call__cancel(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result result = {0};
    (void)state;
    grpc_call *call = kit_call(bench->channel, "bob", &result);
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    assert_false(grpc_call_is_over(call));
    assert_string_equal(grpc_call_method(call), "/kit.Greeter/Say");
    assert_string_equal(grpc_call_peer(call), "unix:");
    grpc_cancel(call);
    assert_int_equal(result.done, 0); // from the loop
    assert_true(grpc_call_is_over(call));
    grpc_cancel(call); // once more is nothing
    kit_expect(&bench->peer, bench->loop, "RST_STREAM 1 CANCEL\n");
    // What was on its way is no error.
    kit_headers(&bench->peer, 1, false, KIT_RESPONSE);
    kit_message(&bench->peer, 1, false, "late");
    kit_expect(&bench->peer, bench->loop, "");
    cc_end(bench, &result, GRPC_CANCELLED, "cancelled by the caller");
    grpc_cancel(NULL);
}

// Cancelled before it was sent: the server never hears of it.
static void test_client_call__cancel_at_once(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result result = {0};
    (void)state;
    kit_setting(&bench->peer, 3, 0); // MAX_CONCURRENT_STREAMS
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    grpc_call *call = kit_call(bench->channel, "bob", &result);
    kit_turn(bench->loop);
    grpc_cancel(call);
    kit_expect(&bench->peer, bench->loop, "");
    cc_end(bench, &result, GRPC_CANCELLED, "cancelled by the caller");
}

// The server ends early, the request still waits for window: it is told that
// the rest will not come, and the status it sent stands.
static void test_client_call__server_ends_early(void **state)
{
    static char name[3001];
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result result = {0};
    (void)state;
    memset(name, 'n', 3000);
    kit_setting(&bench->peer, 4, 1000);
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    assert_non_null(kit_call(bench->channel, name, &result));
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    kit_headers(&bench->peer, 1, true,
                KIT_RESPONSE "grpc-status: 8\ngrpc-message: too long\n");
    kit_expect(&bench->peer, bench->loop, "RST_STREAM 1 NO_ERROR\n");
    cc_end(bench, &result, GRPC_RESOURCE_EXHAUSTED, "too long");
}

static void test_client_call__deadline(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result result = {0};
    (void)state;
    const grpc_call_options options = {.timeout_ms = 10};
    grpc_call *call =
        kit_call_with(bench->channel, GRPC_STR("bob"), &result, &options);
    assert_in_range(grpc_call_time_left_ms(call), 0, 10);
    kit_wait(bench->loop, &result.done, 1);
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_int_equal(result.code, GRPC_DEADLINE_EXCEEDED);
    assert_int_equal(strncmp(result.text,
                             "deadline exceeded: no answer from unix: for ",
                             44),
                     0);
    size_t end = strlen("RST_STREAM 1 CANCEL\n");
    assert_string_equal(bench->peer.text + bench->peer.text_size - end,
                        "RST_STREAM 1 CANCEL\n");
    kit_bench_end(bench);
}

// A call that is never sent has its deadline too, and says what it waited for.
static void test_client_call__deadline_in_the_queue(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result result = {0};
    (void)state;
    kit_setting(&bench->peer, 3, 0);
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    const grpc_call_options options = {.timeout_ms = 5};
    assert_non_null(
        kit_call_with(bench->channel, GRPC_STR("bob"), &result, &options));
    kit_wait(bench->loop, &result.done, 1);
    kit_expect(&bench->peer, bench->loop, "");
    cc_end(bench, &result, GRPC_DEADLINE_EXCEEDED,
           "deadline exceeded while waiting for a stream: the server takes "
           "no more calls at the same time");
}

// Our deadline has passed and the server's reset comes first: still ours.
static void test_client_call__reset_at_the_deadline(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result result = {0};
    (void)state;
    const grpc_call_options options = {.timeout_ms = 3600000};
    grpc_call *call =
        kit_call_with(bench->channel, GRPC_STR("bob"), &result, &options);
    kit_turn(bench->loop);
    kit_forget(&bench->peer);
    call->deadline_ms = bench->loop->loop.now_ms; // the timer is not yet due
    kit_rst(&bench->peer, 1, H2_CANCEL);
    kit_turn(bench->loop);
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_DEADLINE_EXCEEDED);
    kit_bench_end(bench);
}

static void test_client_call__connection_lost(void **state)
{
    struct kit_result result;
    struct kit_bench *bench = cc_begin(&result, NULL);
    (void)state;
    (void)close(bench->peer.fd);
    bench->peer.fd = -1;
    cc_end(bench, &result, GRPC_UNAVAILABLE,
           "connection to unix: closed: the peer closed the connection");
}

// An error of the connection names the fault.
static void test_client_call__protocol_broken(void **state)
{
    struct kit_result result;
    struct kit_bench *bench = cc_begin(&result, NULL);
    (void)state;
    kit_frame(&bench->peer, 0, 0, 99, view_of("x", 1)); // an idle stream
    kit_turn(bench->loop);
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    assert_int_equal(strncmp(result.text,
                             "connection to unix: closed: HTTP/2 "
                             "PROTOCOL_ERROR: ",
                             51),
                     0);
    kit_read(&bench->peer);
    assert_int_equal(strncmp(bench->peer.text, "GOAWAY 0 PROTOCOL_ERROR ", 24),
                     0);
    kit_bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_call__reply),
        cmocka_unit_test(test_client_call__second_is_small),
        cmocka_unit_test(test_client_call__timeout_header),
        cmocka_unit_test(test_client_call__statuses),
        cmocka_unit_test(test_client_call__not_grpc),
        cmocka_unit_test(test_client_call__messages),
        cmocka_unit_test(test_client_call__garbage),
        cmocka_unit_test(test_client_call__every_split),
        cmocka_unit_test(test_client_call__informational),
        cmocka_unit_test(test_client_call__informational_at_the_end),
        cmocka_unit_test(test_client_call__response_headers_over_limit),
        cmocka_unit_test(test_client_call__resets),
        cmocka_unit_test(test_client_call__refused_is_retried_once),
        cmocka_unit_test(test_client_call__left_out),
        cmocka_unit_test(test_client_call__retry_succeeds),
        cmocka_unit_test(test_client_call__cancel),
        cmocka_unit_test(test_client_call__cancel_at_once),
        cmocka_unit_test(test_client_call__server_ends_early),
        cmocka_unit_test(test_client_call__deadline),
        cmocka_unit_test(test_client_call__deadline_in_the_queue),
        cmocka_unit_test(test_client_call__reset_at_the_deadline),
        cmocka_unit_test(test_client_call__connection_lost),
        cmocka_unit_test(test_client_call__protocol_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
