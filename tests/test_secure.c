// SPDX-License-Identifier: MIT
// Sessions without sockets: what comes out of one goes into the other.

#include "tests/unit.h"

#include "core/secure.h"
#include "tests/core_kit.h"
#include "tests/toy_tls.h"

enum { PAIR_ROOM = 4 * GRPC_TLS_ROOM };

struct pair_end {
    struct toy toy;
    grpc_credentials *credentials;
    struct secure *secure;
    uint8_t out[PAIR_ROOM]; // for the other
    size_t out_size;
};

struct secure_pair {
    struct test_heap heap;
    grpc_loop *loop;
    struct pair_end client;
    struct pair_end server;
};

static struct secure_pair *pair_begin(const char *name)
{
    static struct secure_pair pair;
    memset(&pair, 0, sizeof pair);
    test_heap_init(&pair.heap);
    pair.loop = kit_loop(&pair.heap, NULL);
    pair.client.credentials = toy_client(&pair.client.toy);
    pair.server.credentials = toy_server(&pair.server.toy);
    pair.client.secure =
        secure_new(&pair.heap.allocator, pair.client.credentials, name);
    pair.server.secure =
        secure_new(&pair.heap.allocator, pair.server.credentials, NULL);
    assert_non_null(pair.client.secure);
    assert_non_null(pair.server.secure);
    return &pair;
}

static void pair_end(struct secure_pair *pair)
{
    secure_free(pair->client.secure);
    secure_free(pair->server.secure);
    grpc_credentials_free(pair->client.credentials);
    grpc_credentials_free(pair->server.credentials);
    assert_int_equal(grpc_loop_free(pair->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&pair->heap));
    assert_int_equal(
        pair->client.toy.open_sessions + pair->client.toy.open_contexts +
            pair->server.toy.open_sessions + pair->server.toy.open_contexts,
        0);
}

static grpc_tls_io pair_io(struct pair_end *end, struct pair_end *other)
{
    return (grpc_tls_io){
        .input = other->out,
        .input_size = other->out_size,
        .output = end->out,
        .output_size = end->out_size,
        .output_room = PAIR_ROOM,
    };
}

static void pair_took(struct pair_end *end, struct pair_end *other,
                      const grpc_tls_io *io)
{
    memmove(other->out, io->input, io->input_size);
    other->out_size = io->input_size;
    end->out_size = io->output_size;
}

static grpc_result pair_step(struct pair_end *end, struct pair_end *other)
{
    grpc_tls_io io = pair_io(end, other);
    grpc_result result = secure_handshake(end->secure, &io);
    pair_took(end, other, &io);
    return result;
}

static void pair_shake(struct secure_pair *pair)
{
    assert_true(secure_begin(pair->client.secure, pair->loop));
    assert_true(secure_begin(pair->server.secure, pair->loop));
    for (int i = 0; i < 10; i++) {
        if (pair->client.secure->state == SECURE_HANDSHAKE) {
            (void)pair_step(&pair->client, &pair->server);
        }
        if (pair->server.secure->state == SECURE_HANDSHAKE) {
            (void)pair_step(&pair->server, &pair->client);
        }
    }
}

static grpc_result pair_read(struct pair_end *end, struct pair_end *other,
                             char *text, size_t room, size_t *size)
{
    grpc_tls_io io = pair_io(end, other);
    grpc_result result =
        secure_read(end->secure, &io, (uint8_t *)text, room, size);
    pair_took(end, other, &io);
    return result;
}

static bool pair_write(struct pair_end *end, struct pair_end *other,
                       const char *text)
{
    grpc_tls_io io = pair_io(end, other);
    size_t used = 0;
    bool written =
        secure_write(end->secure, &io, view_of(text, strlen(text)), &used);
    pair_took(end, other, &io);
    assert_true(!written || used == strlen(text));
    return written;
}

// ---- Bytes that wait --------------------------------------------------------

static void test_secure__keeps_bytes_in_order(void **state)
{
    (void)state;
    struct secure_pair *pair = pair_begin("localhost");
    struct secure *secure = pair->client.secure;
    assert_int_equal(secure_waits(&secure->output).size, 0);
    assert_true(secure_keep(secure, &secure->output, view_of(NULL, 0)));
    assert_null(secure->output.data);
    assert_true(secure_keep(secure, &secure->output, VIEW("abc")));
    secure_take(secure, &secure->output, 1);
    assert_true(secure_keep(secure, &secure->output, VIEW("de")));
    assert_true(view_equal(secure_waits(&secure->output), VIEW("bcde")));
    pair->heap.fail_at = pair->heap.calls + 1;
    assert_false(secure_keep(secure, &secure->output, VIEW("f")));
    assert_true(view_equal(secure_waits(&secure->output), VIEW("bcde")));
    secure_take(secure, &secure->output, 4);
    assert_null(secure->output.data);
    assert_true(secure_keep(secure, &secure->input, VIEW("left")));
    assert_true(secure_keep(secure, &secure->output, VIEW("left")));
    secure_free(NULL);
    pair_end(pair);
}

// ---- A session --------------------------------------------------------------

static void test_secure__a_session(void **state)
{
    (void)state;
    struct secure_pair *pair = pair_begin("localhost");
    struct pair_end *client = &pair->client;
    struct pair_end *server = &pair->server;
    assert_int_equal(client->secure->state, SECURE_WAITING);
    pair_shake(pair);
    assert_int_equal(client->secure->state, SECURE_OPEN);
    assert_int_equal(server->secure->state, SECURE_OPEN);
    char text[16] = "";
    size_t size = 0;
    assert_true(pair_write(client, server, "one"));
    assert_true(pair_write(client, server, "two"));
    // As much as there is room for; then the rest.
    assert_int_equal(pair_read(server, client, text, 4, &size), GRPC_OK);
    assert_int_equal(size, 4);
    assert_memory_equal(text, "onet", 4);
    assert_int_equal(pair_read(server, client, text, 16, &size), GRPC_AGAIN);
    assert_int_equal(size, 2);
    assert_memory_equal(text, "wo", 2);
    assert_int_equal(pair_read(server, client, text, 16, &size), GRPC_AGAIN);
    assert_int_equal(size, 0);
    // What was sent before the end is read with it.
    assert_true(pair_write(client, server, "bye"));
    grpc_tls_io io = pair_io(client, server);
    secure_finish(client->secure, &io);
    pair_took(client, server, &io);
    assert_int_equal(pair_read(server, client, text, 16, &size), GRPC_ESTATE);
    assert_int_equal(size, 3);
    assert_int_equal(server->secure->state, SECURE_ENDED);
    pair_end(pair);
}

// With little room for answers a session is asked no more.
static void test_secure__has_room_for_answers(void **state)
{
    (void)state;
    struct secure_pair *pair = pair_begin("localhost");
    pair_shake(pair);
    static uint8_t output[GRPC_TLS_ROOM + 2];
    static const uint8_t asks[9] = {TOY_ASK, 0,       0, TOY_ASK, 0,
                                    0,       TOY_ASK, 0, 0};
    char text[16];
    size_t size = 0;
    grpc_tls_io io = {.input = asks,
                      .input_size = sizeof asks,
                      .output = output,
                      .output_room = sizeof output};
    assert_int_equal(secure_read(pair->server.secure, &io, (uint8_t *)text,
                                 sizeof text, &size),
                     GRPC_MORE);
    assert_int_equal(io.input_size, 6);
    assert_int_equal(io.output_size, 3);
    assert_int_equal(pair->server.secure->state, SECURE_OPEN);
    // As long as that is not sent nothing is read.
    assert_int_equal(secure_read(pair->server.secure, &io, (uint8_t *)text,
                                 sizeof text, &size),
                     GRPC_OK);
    assert_int_equal(size, 0);
    assert_int_equal(io.input_size, 6);
    pair_end(pair);
}

// What is given back when a session is over: all but what still waits.
static void test_secure__shut(void **state)
{
    (void)state;
    struct secure_pair *pair = pair_begin("localhost");
    pair_shake(pair);
    struct secure *secure = pair->client.secure;
    assert_true(secure_keep(secure, &secure->output, VIEW("alert")));
    secure_shut(secure);
    assert_int_equal(secure->state, SECURE_FAILED);
    assert_int_equal(pair->client.toy.open_sessions, 0);
    assert_true(view_equal(secure_waits(&secure->output), VIEW("alert")));
    secure_shut(secure);
    secure_shut(pair->server.secure);
    pair_end(pair);
    // One that has not begun.
    pair = pair_begin("localhost");
    secure_shut(pair->client.secure);
    assert_int_equal(pair->client.secure->state, SECURE_FAILED);
    pair_end(pair);
}

// ---- Is it the right peer? --------------------------------------------------

// A client that was given no name has none that could be right.
static void test_secure__no_name_is_no_leave(void **state)
{
    (void)state;
    struct secure_pair *pair = pair_begin(NULL);
    assert_true(secure_begin(pair->client.secure, pair->loop));
    const grpc_tls_name names[] = {{GRPC_NAME_DNS, {"localhost", 9}}};
    const grpc_identity peer = {.alpn = "h2",
                                .is_verified = true,
                                .certificate = {"c", 1},
                                .names = names,
                                .name_count = 1};
    assert_int_equal(
        pair->client.secure->peer.check(pair->client.secure, &peer),
        GRPC_EFORMAT);
    assert_string_equal(secure_reason(pair->client.secure),
                        "the certificate is for localhost, not for nobody");
    pair_end(pair);
}

// A library may leave texts out, and names may be long.
static void test_secure__what_a_library_says(void **state)
{
    (void)state;
    static char longest[300];
    memset(longest, 'x', sizeof longest);
    const grpc_tls_name names[] = {{GRPC_NAME_URI, {"a:b", 3}},
                                   {GRPC_NAME_DNS, {longest, 300}}};
    static const char head[] = "the certificate is for ";
    struct secure_pair *pair = pair_begin("localhost");
    struct secure *secure = pair->client.secure;
    assert_true(secure_begin(secure, pair->loop));
    grpc_identity peer = {.is_verified = true, .certificate = {"c", 1}};
    assert_int_equal(secure->peer.check(secure, &peer), GRPC_EFORMAT);
    assert_string_equal(secure_reason(secure),
                        "the peer does not agree on h2 by ALPN");
    peer.alpn = "h2";
    assert_int_equal(secure->peer.check(secure, &peer), GRPC_EFORMAT);
    assert_string_equal(secure_reason(secure),
                        "the certificate, of nobody, has no DNS name "
                        "(subjectAltName), and is not for localhost");
    peer.names = names;
    peer.name_count = 2;
    assert_int_equal(secure->peer.check(secure, &peer), GRPC_EFORMAT);
    assert_memory_equal(secure_reason(secure), head, strlen(head));
    assert_int_equal(strlen(secure_reason(secure)),
                     strlen(head) + 99 + strlen(", not for localhost"));
    assert_false(secure->checked);
    pair_end(pair);
}

// Without memory for its words a refusal is one all the same.
static void test_secure__refuses_without_memory(void **state)
{
    (void)state;
    struct secure_pair *pair = pair_begin("other.example");
    assert_true(secure_begin(pair->client.secure, pair->loop));
    const grpc_identity peer = {
        .alpn = "h2", .is_verified = true, .certificate = {"c", 1}};
    pair->heap.fail_at = pair->heap.calls + 1;
    assert_int_equal(
        pair->client.secure->peer.check(pair->client.secure, &peer),
        GRPC_EFORMAT);
    assert_false(pair->client.secure->checked);
    assert_string_equal(secure_reason(pair->client.secure), "nothing");
    pair_end(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secure__keeps_bytes_in_order),
        cmocka_unit_test(test_secure__a_session),
        cmocka_unit_test(test_secure__has_room_for_answers),
        cmocka_unit_test(test_secure__shut),
        cmocka_unit_test(test_secure__no_name_is_no_leave),
        cmocka_unit_test(test_secure__what_a_library_says),
        cmocka_unit_test(test_secure__refuses_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
