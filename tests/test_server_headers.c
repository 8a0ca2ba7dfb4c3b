// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/server_headers.h"
#include "tests/stream_kit.h"

#define SHEADERS_FIRST \
 "HEADERS 1\n :status: 200\n content-type: application/grpc\n"
#define SHEADERS_ALONE \
 "HEADERS 1 end\n :status: 200\n content-type: application/grpc\n"

// sheaders_run has a handler do that with a call of a raw client that takes so
// many bytes of headers (0: any number), and compares what it was sent.
static void sheaders_run(void (*act)(grpc_call *call,
                                     struct kit_greeter *greeter),
                         uint32_t takes, const char *more_fields,
                         const char *sent)
{
    char lines[512];
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    assert_int_equal(grpc_loop_add_compressor(bench->loop, &sk_toy), GRPC_OK);
    bench->greeter.act = act;
    bench->greeter.extra = bench;
    if (takes > 0) {
        kit_setting(&bench->peer, 6, takes);
        kit_turn(bench->loop);
        kit_forget(&bench->peer);
    }
    (void)snprintf(lines, sizeof lines, "%s%s", KIT_REQUEST, more_fields);
    kit_headers(&bench->peer, 1, false, lines);
    kit_message(&bench->peer, 1, true, "x");
    kit_expect(&bench->peer, bench->loop, sent);
    assert_int_equal(bench->greeter.handled, 1);
    kit_bench_end(bench);
}

// ---- Headers and trailers of the user's -------------------------------------

static void sheaders_add_both(grpc_call *call, struct kit_greeter *greeter)
{
    (void)greeter;
    assert_int_equal(grpc_call_add_header(call, "B", "1"), GRPC_OK);
    assert_int_equal(grpc_call_add_trailer(call, "z", "2"), GRPC_OK);
    assert_int_equal(grpc_call_add_header(call, "a", "3"), GRPC_OK);
    assert_int_equal(grpc_call_add_header(call, "b", "4"), GRPC_OK);
    assert_int_equal(grpc_call_add_trailer_bytes(call, "y-bin", "\0\1", 2),
                     GRPC_OK);
    assert_int_equal(grpc_call_add_trailer(call, "grpc-status", "16"), GRPC_OK);
    assert_int_equal(grpc_call_add_header(call, "no key", "x"), GRPC_EINVAL);
    assert_int_equal(grpc_call_add_trailer(call, "k", "\n"), GRPC_EINVAL);
    assert_int_equal(kit_reply(call, "r"), GRPC_OK);
    assert_int_equal(grpc_call_add_header(call, "k", "late"), GRPC_ESTATE);
    assert_int_equal(grpc_call_add_trailer(call, "k", "late"), GRPC_ESTATE);
}

static void test_server_headers__of_the_user(void **state)
{
    (void)state;
    sheaders_run(sheaders_add_both, 0, "",
                 SHEADERS_FIRST " b: 1\n a: 3\n b: 4\n"
                                "DATA 1 00000000030a0172\n"
                                "HEADERS 1 end\n grpc-status: 0\n z: 2\n"
                                " y-bin: AAE\n");
}

static void sheaders_fail_with_both(grpc_call *call,
                                    struct kit_greeter *greeter)
{
    (void)greeter;
    assert_int_equal(grpc_call_add_header(call, "h", "1"), GRPC_OK);
    assert_int_equal(grpc_call_add_trailer(call, "t", "2"), GRPC_OK);
    assert_int_equal(grpc_call_fail(call, GRPC_UNAUTHENTICATED, "100%%\n"),
                     GRPC_OK);
}

static void sheaders_fail_with_trailer(grpc_call *call,
                                       struct kit_greeter *greeter)
{
    (void)greeter;
    assert_int_equal(grpc_call_add_trailer(call, "t", "2"), GRPC_OK);
    assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, NULL), GRPC_OK);
}

// An answer without messages is trailers alone; but the user's headers must not
// become trailers.
static void test_server_headers__without_messages(void **state)
{
    (void)state;
    sheaders_run(sheaders_fail_with_both, 0, "",
                 SHEADERS_FIRST " h: 1\n"
                                "HEADERS 1 end\n grpc-status: 16\n"
                                " grpc-message: 100%25%0A\n t: 2\n");
    sheaders_run(sheaders_fail_with_trailer, 0, "",
                 SHEADERS_ALONE " grpc-status: 10\n t: 2\n");
}

static void sheaders_early(grpc_call *call, struct kit_greeter *greeter)
{
    struct kit_bench *bench = greeter->extra;
    assert_int_equal(grpc_call_add_header(call, "h", "1"), GRPC_OK);
    assert_int_equal(grpc_call_send_headers(call), GRPC_OK);
    assert_int_equal(grpc_call_send_headers(call), GRPC_ESTATE);
    assert_int_equal(grpc_call_add_header(call, "h", "2"), GRPC_ESTATE);
    assert_int_equal(grpc_call_set_encoding(call, "toy"), GRPC_ESTATE);
    assert_non_null(bench);
    assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, NULL), GRPC_OK);
}

static void test_server_headers__sent_early(void **state)
{
    (void)state;
    sheaders_run(sheaders_early, 0, "",
                 SHEADERS_FIRST " h: 1\nHEADERS 1 end\n grpc-status: 10\n");
}

// ---- Encodings --------------------------------------------------------------

static void sheaders_compress(grpc_call *call, struct kit_greeter *greeter)
{
    struct kit_bench *bench = greeter->extra;
    assert_int_equal(grpc_call_set_encoding(call, "snappy"), GRPC_EINVAL);
    assert_non_null(strstr(grpc_server_error(bench->server), "was not added"));
    assert_int_equal(grpc_call_set_encoding(call, "toy"), GRPC_OK);
    assert_int_equal(kit_reply(call, "r"), GRPC_OK);
}

static void sheaders_not_accepted(grpc_call *call, struct kit_greeter *greeter)
{
    struct kit_bench *bench = greeter->extra;
    assert_int_equal(grpc_call_set_encoding(call, "toy"), GRPC_EINVAL);
    assert_non_null(
        strstr(grpc_server_error(bench->server), "does not accept it"));
    assert_int_equal(grpc_call_set_encoding(call, "identity"), GRPC_OK);
    assert_int_equal(kit_reply(call, "r"), GRPC_OK);
}

static void sheaders_as_it_came(grpc_call *call, struct kit_greeter *greeter)
{
    (void)greeter;
    assert_int_equal(kit_reply(call, "r"), GRPC_OK);
}

static void sheaders_turn_off(grpc_call *call, struct kit_greeter *greeter)
{
    (void)greeter;
    assert_int_equal(grpc_call_set_encoding(call, NULL), GRPC_OK);
    assert_int_equal(kit_reply(call, "r"), GRPC_OK);
}

// A server answers in the request's encoding, if the client accepts that, or in
// another one that it accepts.
static void test_server_headers__encodings(void **state)
{
    (void)state;
    static const char compressed[] =
        SHEADERS_FIRST " grpc-encoding: toy\nDATA 1 0100000004740a0172\n"
                       "HEADERS 1 end\n grpc-status: 0\n";
    static const char plain[] =
        SHEADERS_FIRST "DATA 1 00000000030a0172\n"
                       "HEADERS 1 end\n grpc-status: 0\n";
    sheaders_run(sheaders_compress, 0, "grpc-accept-encoding: x, toy\n",
                 compressed);
    sheaders_run(sheaders_not_accepted, 0, "grpc-accept-encoding: gzip\n",
                 plain);
    sheaders_run(sheaders_not_accepted, 0, "", plain);
    sheaders_run(sheaders_as_it_came, 0, "grpc-encoding: toy\n", compressed);
    sheaders_run(sheaders_as_it_came, 0,
                 "grpc-encoding: toy\ngrpc-accept-encoding: gzip\n", plain);
    sheaders_run(sheaders_turn_off, 0, "grpc-encoding: toy\n", plain);
}

// ---- What the client does not take ------------------------------------------

static char sheaders_long[600];

static void sheaders_reply_too_much(grpc_call *call,
                                    struct kit_greeter *greeter)
{
    struct kit_bench *bench = greeter->extra;
    memset(sheaders_long, 'v', sizeof sheaders_long - 1);
    assert_int_equal(grpc_call_add_header(call, "h", sheaders_long), GRPC_OK);
    assert_int_equal(kit_reply(call, "r"), GRPC_ELIMIT);
    assert_non_null(strstr(grpc_server_error(bench->server),
                           "larger than the client takes"));
}

static void sheaders_end_with_too_much(grpc_call *call,
                                       struct kit_greeter *greeter)
{
    (void)greeter;
    assert_int_equal(grpc_call_add_trailer(call, "t", sheaders_long), GRPC_OK);
    assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, "no"), GRPC_OK);
}

static void sheaders_detail_too_much(grpc_call *call,
                                     struct kit_greeter *greeter)
{
    const struct kit_hello hello = {.name = grpc_str_z(sheaders_long)};
    (void)greeter;
    assert_int_equal(
        grpc_call_fail_with(call, GRPC_ABORTED, "no",
                            GRPC_DETAILS(GRPC_DETAIL(kit_hello, &hello))),
        GRPC_OK);
}

// Headers over the client's limit fail the call; trailers and details are left
// out, for the sake of the status.
static void test_server_headers__over_the_clients_limit(void **state)
{
    (void)state;
    sheaders_run(sheaders_reply_too_much, 1000, "",
                 SHEADERS_ALONE " grpc-status: 13\n grpc-message: the response "
                                "headers are larger than the client takes\n");
    sheaders_run(sheaders_end_with_too_much, 1000, "",
                 SHEADERS_ALONE " grpc-status: 10\n grpc-message: no\n");
    sheaders_run(sheaders_detail_too_much, 1000, "",
                 SHEADERS_ALONE " grpc-status: 10\n grpc-message: no\n");
}

// ---- Details ----------------------------------------------------------------

static void sheaders_detail(grpc_call *call, struct kit_greeter *greeter)
{
    const struct kit_hello hello = {.name = GRPC_STR("a")};
    (void)greeter;
    assert_int_equal(
        grpc_call_fail_with(call, GRPC_ABORTED, "no",
                            GRPC_DETAILS(GRPC_DETAIL(kit_hello, &hello))),
        GRPC_OK);
}

static void sheaders_no_detail(grpc_call *call, struct kit_greeter *greeter)
{
    (void)greeter;
    assert_int_equal(grpc_call_fail_with(call, GRPC_OK, NULL, NULL),
                     GRPC_EINVAL);
}

static void sheaders_of_another(grpc_call *call, struct kit_greeter *greeter)
{
    const grpc_status status = {
        .code = GRPC_DATA_LOSS,
        .message = "gone",
        .message_size = 4,
        .details = GRPC_STR("\x08\x0f"),
    };
    (void)greeter;
    assert_int_equal(grpc_call_fail_status(call, &status), GRPC_OK);
}

static void test_server_headers__details(void **state)
{
    (void)state;
    // Status {code: 10, message: "no", details: Any {kit.Hello {name: "a"}}}
    sheaders_run(sheaders_detail, 0, "",
                 SHEADERS_ALONE
                 " grpc-status: 10\n grpc-message: no\n"
                 " grpc-status-details-bin: CAoSAm5vGiQKHXR5cGUuZ29vZ2xlYXBpcy"
                 "5jb20va2l0LkhlbGxvEgMKAWE\n");
    sheaders_run(sheaders_of_another, 0, "",
                 SHEADERS_ALONE " grpc-status: 15\n grpc-message: gone\n"
                                " grpc-status-details-bin: CA8\n");
    // A code that is none becomes UNKNOWN.
    sheaders_run(sheaders_no_detail, 0, "", SHEADERS_ALONE " grpc-status: 2\n");
}

// ---- No memory --------------------------------------------------------------

static size_t sheaders_fail_at;
static bool sheaders_failed;

static void sheaders_add_much(grpc_call *call, struct kit_greeter *greeter)
{
    struct kit_bench *bench = greeter->extra;
    bench->heap.fail_at = bench->heap.calls + sheaders_fail_at;
    bench->heap.fail_on = true;
    for (int i = 0; i < 20; i++) {
        grpc_result result = grpc_call_add_header(call, "h", sheaders_long);
        assert_true(result == GRPC_OK || result == GRPC_ENOMEM);
        result = grpc_call_add_trailer(call, "t", sheaders_long);
        assert_true(result == GRPC_OK || result == GRPC_ENOMEM);
    }
    (void)kit_reply(call, "r");
    sheaders_failed = bench->heap.calls >= bench->heap.fail_at;
    bench->heap.fail_at = 0;
    bench->heap.fail_on = false;
}

// Whatever allocation fails: the call is answered, or its connection is closed,
// and nothing leaks.
static void test_server_headers__no_memory(void **state)
{
    (void)state;
    sheaders_failed = true;
    for (sheaders_fail_at = 1; sheaders_failed; sheaders_fail_at++) {
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        bench->greeter.act = sheaders_add_much;
        bench->greeter.extra = bench;
        kit_headers(&bench->peer, 1, false, KIT_REQUEST);
        kit_message(&bench->peer, 1, true, "x");
        for (int i = 0; i < 12; i++) {
            assert_int_equal(grpc_loop_step(bench->loop, 0), GRPC_OK);
            kit_read(&bench->peer);
        }
        assert_int_equal(bench->greeter.handled, 1);
        assert_true(strstr(bench->peer.text, " grpc-status: ") != NULL ||
                    strstr(bench->peer.text, "EOF\n") != NULL);
        kit_bench_end(bench);
        assert_true(sheaders_fail_at < 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_headers__of_the_user),
        cmocka_unit_test(test_server_headers__without_messages),
        cmocka_unit_test(test_server_headers__sent_early),
        cmocka_unit_test(test_server_headers__encodings),
        cmocka_unit_test(test_server_headers__over_the_clients_limit),
        cmocka_unit_test(test_server_headers__details),
        cmocka_unit_test(test_server_headers__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
