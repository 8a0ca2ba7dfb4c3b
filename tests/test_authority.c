// SPDX-License-Identifier: MIT
// What a client's requests are addressed to: :scheme and :authority, a call's own
// above all.

#include "tests/unit.h"

#include "core/client_call.h"
#include "tests/pair_kit.h"
#include "tests/toy_tls.h"

// ---- What is sent -----------------------------------------------------------

#define AUTH_REST                                                         \
 " content-type: application/grpc\n user-agent: grpc-cgrpc/" GRPC_VERSION \
 "\n te: trailers\n" KIT_ACCEPTS

static void auth_expect(struct kit_bench *bench, const char *path,
                        const grpc_call_options *options, const char *head)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s" AUTH_REST, head);
    assert_non_null(grpc_raw_start(
        bench->channel, path, &(grpc_raw_events){.end = NULL}, NULL, options));
    kit_expect(&bench->peer, bench->loop, text);
}

// The channel's comes back behind a call's own, which is as another call's.
static void test_authority__of_a_call(void **state)
{
    (void)state;
    struct kit_bench *bench = kit_bench_channel(
        NULL, &(grpc_channel_options){.authority = "channel:1"});
    char own[] = "own:2";
    grpc_call_options options = {.authority = own};
    auth_expect(bench, "/a.B/C", NULL,
                "HEADERS 1\n :method: POST\n :scheme: http\n :path: /a.B/C\n"
                " :authority: channel:1\n");
    assert_non_null(grpc_raw_start(bench->channel, "/a.B/C",
                                   &(grpc_raw_events){.end = NULL}, NULL,
                                   &options));
    memset(own, 'x', sizeof own - 1); // it was copied
    kit_expect(&bench->peer, bench->loop,
               "HEADERS 3\n :method: POST\n :scheme: http\n :path: /a.B/C\n"
               " :authority: own:2\n" AUTH_REST);
    auth_expect(bench, "/a.B/C", NULL,
                "HEADERS 5\n :method: POST\n :scheme: http\n :path: /a.B/C\n"
                " :authority: channel:1\n");
    options.authority = "third";
    auth_expect(bench, "/a.B/D", &options,
                "HEADERS 7\n :method: POST\n :scheme: http\n :path: /a.B/D\n"
                " :authority: third\n");
    kit_bench_end(bench);
}

// auth_cost is how many bytes the HEADERS of one more call are.
static size_t auth_cost(struct kit_bench *bench,
                        const grpc_call_options *options)
{
    static struct kit_result result; // no call ends before the channel
    uint8_t bytes[512];
    assert_non_null(
        kit_call_with(bench->channel, GRPC_STR(""), &result, options));
    kit_turn(bench->loop);
    ssize_t size = recv(bench->peer.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    assert_true(size > 9 && bytes[3] == 1);
    return (size_t)bytes[1] << 8 | bytes[2];
}

// Neither costs the other its place in the table.
static void test_authority__is_indexed(void **state)
{
    (void)state;
    const size_t fields = sizeof KIT_ACCEPTS > 1 ? 8 : 7;
    const grpc_call_options options = {.authority = "own:2"};
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    assert_true(auth_cost(bench, NULL) > fields);
    assert_int_equal(auth_cost(bench, NULL), fields);
    assert_true(auth_cost(bench, &options) > fields);
    assert_int_equal(auth_cost(bench, &options), fields);
    assert_int_equal(auth_cost(bench, NULL), fields);
    assert_int_equal(auth_cost(bench, &options), fields);
    kit_bench_end(bench);
}

static void test_authority__scheme_of_tls(void **state)
{
    (void)state;
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    bench->channel->is_tls = true;
    for (int i = 0; i < 2; i++) {
        char head[200];
        (void)snprintf(head, sizeof head,
                       "HEADERS %d\n :method: POST\n :scheme: https\n"
                       " :path: /a.B/C\n :authority: localhost\n",
                       2 * i + 1);
        auth_expect(bench, "/a.B/C", NULL, head);
    }
    bench->channel->is_tls = false;
    kit_bench_end(bench);
}

// It is checked as the channel's.
static void test_authority__that_may_not_be_sent(void **state)
{
    static const char *const wrong[] = {"a b",      "a\r\nb", "a\x7f",
                                        "\xc3\xa4", " a",     "a\t"};
    (void)state;
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct kit_result result = {0};
        const grpc_call_options options = {.authority = wrong[i]};
        assert_null(
            kit_call_with(bench->channel, GRPC_STR("x"), &result, &options));
        assert_string_equal(grpc_channel_error(bench->channel),
                            "start a call: authority has a byte that may not "
                            "stand in a header");
        kit_expect(&bench->peer, bench->loop, "");
        assert_int_equal(result.done, 0);
    }
    kit_bench_end(bench);
}

// ---- Who may be meant -------------------------------------------------------

static struct toy auth_client;
static struct toy auth_server;
static char auth_seen[64]; // the :authority that the server was sent last

static void auth_say(grpc_call *call, const struct kit_hello *request,
                     void *self)
{
    grpc_str authority;
    (void)request;
    (void)self;
    assert_true(grpc_call_header(call, ":authority", &authority));
    (void)snprintf(auth_seen, sizeof auth_seen, "%s", authority.data);
    assert_int_equal(kit_reply(call, "yes"), GRPC_OK);
}

static grpc_result auth_verify(const grpc_identity *peer, char *reason,
                               size_t reason_size, void *self)
{
    (void)reason;
    (void)reason_size;
    (void)self;
    return peer->name_count == 1 ? GRPC_OK : GRPC_EINVAL;
}

// auth_pair: a channel to "a.test.example", whose certificate has a star there,
// over TLS.
static struct pair *auth_pair(grpc_tls_check check)
{
    static struct pair pair;
    int fds[2];
    pair_init(&pair);
    auth_client = (struct toy){.name = "*.test.example"};
    auth_server = (struct toy){.name = "*.test.example"};
    const grpc_tls_options options = {
        .roots = GRPC_STR("roots"),
        .library = &toy_tls,
        .library_data = &auth_client,
        .check = check,
        .verify = check == GRPC_CHECK_CHAIN ? auth_verify : NULL,
    };
    pair.server = grpc_server_new(&(grpc_server_options){
        .loop = pair.server_loop, .credentials = toy_server(&auth_server)});
    pair_serve(&pair, auth_say);
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(pair.server, fds[0]), GRPC_OK);
    pair.channel = grpc_channel_new_fd(
        fds[1],
        &(grpc_channel_options){.loop = pair.client_loop,
                                .authority = "a.test.example:8443",
                                .credentials = grpc_tls_client(&options)});
    assert_non_null(pair.channel);
    return &pair;
}

static void auth_call(struct pair *pair, const char *authority,
                      struct kit_result *result)
{
    memset(result, 0, sizeof *result);
    auth_seen[0] = '\0';
    const grpc_call_options options = {
        .authority = authority,
        .wait_for_ready = true, // a name is no connection
    };
    assert_non_null(
        kit_call_with(pair->channel, GRPC_STR("x"), result, &options));
    pair_until(pair, &result->done, 1);
}

static void test_authority__the_certificate_has(void **state)
{
    static const struct {
        const char *authority;
        bool has;
    } rows[] = {
        {NULL, true},
        {"b.test.example", true},
        {"b.test.example:443", true},
        {"B.TEST.EXAMPLE", true},
        {"b.test.example:", true},
        {"b.other.example", false},
        {"test.example", false},
        {"b.c.test.example", false},
        {"b.other.example:8443", false},
        {"127.0.0.1", false},
        {"[::1]:8443", false},
        {"::1", false},
        {"user@b.test.example", false},
        {"", false},
    };
    (void)state;
    struct pair *pair = auth_pair(GRPC_CHECK_ALL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kit_result result;
        auth_call(pair, rows[i].authority, &result);
        if (rows[i].has) {
            assert_int_equal(result.code, GRPC_OK);
            assert_string_equal(auth_seen, rows[i].authority == NULL
                                               ? "a.test.example:8443"
                                               : rows[i].authority);
        } else {
            char text[128];
            (void)snprintf(text, sizeof text,
                           "authority \"%s\": the certificate of the server, "
                           "unix:, does not have that name",
                           rows[i].authority);
            assert_int_equal(result.code, GRPC_UNAVAILABLE);
            assert_string_equal(result.text, text);
            assert_string_equal(auth_seen, "");
        }
    }
    pair_end(pair);
}

// What is asked of the certificate, besides leading to a root, is asked of it for
// each name; of nothing that is not looked at.
static void test_authority__as_it_is_checked(void **state)
{
    static const struct {
        grpc_tls_check check;
        grpc_code code;
    } rows[] = {
        {GRPC_CHECK_ALL, GRPC_UNAVAILABLE},
        {GRPC_CHECK_CHAIN, GRPC_UNAVAILABLE},
        {GRPC_CHECK_NOTHING, GRPC_OK},
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct kit_result result;
        struct pair *pair = auth_pair(rows[i].check);
        auth_call(pair, "other.example", &result);
        assert_int_equal(result.code, rows[i].code);
        auth_call(pair, "b.test.example", &result);
        assert_int_equal(result.code, GRPC_OK);
        pair_end(pair);
    }
}

static void test_authority__without_memory(void **state)
{
    (void)state;
    struct kit_result result;
    struct pair *pair = auth_pair(GRPC_CHECK_ALL);
    auth_call(pair, "b.test.example", &result);
    assert_int_equal(result.code, GRPC_OK);
    auth_client.no_identity = true;
    auth_call(pair, "b.test.example", &result);
    assert_int_equal(result.code, GRPC_RESOURCE_EXHAUSTED);
    assert_string_equal(result.text, "out of memory");
    auth_client.no_identity = false;
    auth_call(pair, "b.test.example", &result);
    assert_int_equal(result.code, GRPC_OK);
    pair_end(pair);
}

// Nobody has proved anything: any name will do.
static void test_authority__without_tls(void **state)
{
    (void)state;
    struct kit_result result;
    struct pair *pair = pair_new(auth_say);
    auth_call(pair, "other.example", &result);
    assert_int_equal(result.code, GRPC_OK);
    assert_string_equal(auth_seen, "other.example");
    pair_end(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_authority__of_a_call),
        cmocka_unit_test(test_authority__is_indexed),
        cmocka_unit_test(test_authority__scheme_of_tls),
        cmocka_unit_test(test_authority__that_may_not_be_sent),
        cmocka_unit_test(test_authority__the_certificate_has),
        cmocka_unit_test(test_authority__as_it_is_checked),
        cmocka_unit_test(test_authority__without_memory),
        cmocka_unit_test(test_authority__without_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
