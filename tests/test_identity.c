// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "tests/inproc_kit.h"
#include "tests/pair_kit.h"
#include "tests/secure_kit.h"

// ---- What a handler is told of its peer -------------------------------------

static const char *identity_text(const grpc_identity *identity)
{
    static char text[512];
    if (identity == NULL) {
        return "nobody";
    }
    int size = snprintf(
        text, sizeof text,
        "level %d, %s, cipher \"%s\", alpn \"%s\", subject \"%s\", %s, %lu "
        "names, spiffe \"%s\"",
        (int)identity->level, identity->protocol, identity->cipher,
        identity->alpn, identity->subject,
        identity->is_verified ? "verified" : "not verified",
        (unsigned long)identity->name_count, identity->spiffe_id);
    assert_true(size > 0 && (size_t)size < sizeof text);
    if (identity->has_process) {
        assert_int_equal(identity->uid, geteuid());
        assert_int_equal(identity->gid, getegid());
        assert_true(identity->pid == 0 || identity->pid == getpid());
        (void)snprintf(text + size, sizeof text - (size_t)size, ", process");
    }
    return text;
}

static char identity_seen[512];

static void identity_say(grpc_call *call, const struct kit_hello *request,
                         void *self)
{
    struct kit_greeter *greeter = self;
    const grpc_identity *identity = grpc_call_identity(call);
    (void)request;
    assert_ptr_equal(grpc_call_identity(call), identity);
    (void)snprintf(identity_seen, sizeof identity_seen, "%s",
                   identity_text(identity));
    greeter->handled++;
    (void)kit_reply(call, "ok");
}

static void identity_expect(const struct secure_how *how,
                            const struct toy *server, const char *text)
{
    struct secure_how with = *how;
    struct secure_kit *kit = secure_init();
    with.say = identity_say;
    kit->server_side.toy = *server;
    secure_serve(kit, &with);
    secure_join(kit, &with);
    secure_call(kit);
    secure_expect(kit, GRPC_OK, "");
    assert_string_equal(identity_seen, text);
    secure_end_kit(kit);
}

static void test_identity__of_each_kind(void **state)
{
    (void)state;
    const struct secure_how plain = {.client_is_plain = true,
                                     .server_is_plain = true};
    const struct toy good = {.name = "ann.example"};
    identity_expect(&plain, &good,
                    "level 0, none, cipher \"\", alpn \"\", subject \"\", not "
                    "verified, 0 names, spiffe \"\", process");
    identity_expect(
        &(struct secure_how){.client = grpc_local(), .server = grpc_local()},
        &good,
        "level 2, local, cipher \"\", alpn \"\", subject \"\", not verified, 0 "
        "names, spiffe \"\", process");
    const struct secure_how tls = {.client = NULL};
    identity_expect(&tls, &good,
                    "level 2, toy, cipher \"XOR\", alpn \"h2\", subject "
                    "\"CN=toy\", verified, 1 names, spiffe \"\", process");
    identity_expect(&tls, &(struct toy){.not_shown = true},
                    "level 2, toy, cipher \"XOR\", alpn \"h2\", subject "
                    "\"CN=toy\", not verified, 0 names, spiffe \"\", process");
    identity_expect(&tls, &(struct toy){.name = "spiffe://test.example/ann"},
                    "level 2, toy, cipher \"XOR\", alpn \"h2\", subject "
                    "\"CN=toy\", verified, 1 names, spiffe "
                    "\"spiffe://test.example/ann\", process");
    identity_expect(&tls, &(struct toy){.name = "spiffe://Test.example/ann"},
                    "level 2, toy, cipher \"XOR\", alpn \"h2\", subject "
                    "\"CN=toy\", verified, 1 names, spiffe \"\", process");
}

// verify is asked with the SPIFFE ID, too.
static grpc_result identity_verify(const grpc_identity *peer, char *reason,
                                   size_t reason_size, void *self)
{
    (void)self;
    (void)snprintf(reason, reason_size, "\"%s\" is not welcome",
                   peer->spiffe_id);
    return GRPC_EINVAL;
}

static void test_identity__verify_sees_the_spiffe_id(void **state)
{
    (void)state;
    struct toy toy = {.name = "spiffe://test.example/ann"};
    grpc_tls_options options = {.verify = identity_verify,
                                .check = GRPC_CHECK_CHAIN,
                                .roots = GRPC_STR("r"),
                                .library = &toy_tls,
                                .library_data = &toy};
    struct secure_kit *kit = secure_begin_kit(
        &(struct secure_how){.client = grpc_tls_client(&options)});
    secure_call(kit);
    secure_expect(kit, GRPC_UNAVAILABLE,
                  "TLS with unix:: verify refuses the certificate: "
                  "\"spiffe://test.example/ann\" is not welcome");
    secure_end_kit(kit);
    assert_int_equal(toy.open_contexts, 0);
}

// ---- Addresses --------------------------------------------------------------

static void identity_over_port(grpc_credentials *client,
                               grpc_credentials *server, const char *text)
{
    struct secure_kit *kit = secure_init();
    secure_serve(kit, &(struct secure_how){.server = server,
                                           .server_is_plain = server == NULL,
                                           .say = identity_say});
    assert_int_equal(grpc_server_listen(kit->server, "127.0.0.1:0", NULL),
                     GRPC_OK);
    char target[32];
    (void)snprintf(target, sizeof target, "127.0.0.1:%u",
                   (unsigned)grpc_server_port(kit->server));
    kit->channel = grpc_channel_new(
        target, &(grpc_channel_options){.loop = kit->client_side.loop,
                                        .credentials = client});
    assert_int_equal(kit->channel->security, GRPC_INSECURE);
    secure_call(kit);
    for (int i = 0; i < 5000 && kit->result.done == 0; i++) {
        secure_step(kit);
    }
    assert_string_equal(kit->result.text, "");
    assert_string_equal(identity_seen, text);
    secure_end_kit(kit);
}

static void test_identity__local_on_loopback(void **state)
{
    (void)state;
    identity_over_port(grpc_local(), grpc_local(),
                       "level 0, local, cipher \"\", alpn \"\", subject \"\", "
                       "not verified, 0 names, spiffe \"\"");
    identity_over_port(NULL, NULL,
                       "level 0, none, cipher \"\", alpn \"\", subject \"\", "
                       "not verified, 0 names, spiffe \"\"");
}

static void test_identity__local_on_unix(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_init();
    char path[64];
    char target[80];
    (void)snprintf(path, sizeof path, "/tmp/cgrpc-identity-%ld",
                   (long)getpid());
    (void)snprintf(target, sizeof target, "unix:%s", path);
    secure_serve(kit, &(struct secure_how){.server_is_plain = true,
                                           .say = identity_say});
    assert_int_equal(
        grpc_server_listen(kit->server, target,
                           &(grpc_listen_options){.credentials = grpc_local()}),
        GRPC_OK);
    kit->channel = grpc_channel_new(
        target, &(grpc_channel_options){.loop = kit->client_side.loop,
                                        .credentials = grpc_local()});
    assert_int_equal(kit->channel->security, GRPC_PRIVATE);
    secure_call(kit);
    secure_expect(kit, GRPC_OK, "");
    assert_string_equal(identity_seen,
                        "level 2, local, cipher \"\", alpn \"\", subject \"\", "
                        "not verified, 0 names, spiffe \"\", process");
    secure_end_kit(kit);
}

// Local credentials are refused where the peer is of another machine.
static void test_identity__local_elsewhere(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_init();
    *kit_clock_is_frozen() = true;
    secure_serve(kit, &(struct secure_how){.server = grpc_local()});
    struct socket_address peer;
    assert_true(socket_address_ip(&peer, "192.0.2.1", 80));
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(
        server_accept(kit->server, fds[0], &peer, kit->server->credentials),
        ECONNABORTED);
    assert_string_equal(kit->server_side.log,
                        "accept: local credentials: 192.0.2.1:80 is not of "
                        "this machine\n");
    assert_int_equal(fcntl(fds[0], F_GETFD), 0); // still the caller's
    (void)close(fds[0]);
    (void)close(fds[1]);
    kit->channel =
        grpc_channel_new("ipv4:192.0.2.1:80",
                         &(grpc_channel_options){.loop = kit->client_side.loop,
                                                 .credentials = grpc_local()});
    assert_int_equal(kit->channel->security, GRPC_INSECURE);
    secure_call(kit);
    secure_expect(kit, GRPC_UNAVAILABLE,
                  "connect to 192.0.2.1:80: local credentials are for "
                  "addresses of this machine; gave up after 0 ms");
    *kit_clock_is_frozen() = false;
    secure_end_kit(kit);
}

// ---- In this process --------------------------------------------------------

static void inproc_say(grpc_call *call, const stream_Text *request,
                       struct sk *sk)
{
    (void)request;
    (void)sk;
    (void)snprintf(identity_seen, sizeof identity_seen, "%s",
                   identity_text(grpc_call_identity(call)));
    (void)grpc_call_fail(call, GRPC_ABORTED, "seen");
}

static void test_identity__in_process(void **state)
{
    (void)state;
    struct toy toy = {0};
    struct sk *sk = inproc_new_with(
        &(grpc_server_options){.credentials = toy_server(&toy)},
        &(grpc_channel_options){.credentials = toy_client(&toy)});
    sk->act_on = inproc_say;
    assert_int_equal(sk->channel->security, GRPC_PRIVATE);
    inproc_expect_one(sk, GRPC_ABORTED, "seen");
    assert_string_equal(identity_seen,
                        "level 2, inproc, cipher \"\", alpn \"\", subject "
                        "\"\", not verified, 0 names, spiffe \"\"");
    assert_int_equal(toy.open_sessions, 0);
    sk_free(sk);
    assert_int_equal(toy.open_contexts, 0);
}

// ---- Late, and without memory -----------------------------------------------

static void test_identity__of_no_call(void **state)
{
    (void)state;
    assert_null(grpc_call_identity(NULL));
}

// A handler that answers later: while the connection is there, and afterwards.
static void test_identity__asked_late(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_begin_kit(NULL);
    kit->greeter.late = true;
    secure_call(kit);
    secure_turn(kit);
    assert_int_equal(kit->greeter.count, 1);
    const grpc_identity *first = grpc_call_identity(kit->greeter.calls[0]);
    assert_non_null(first);
    assert_string_equal(first->subject, "CN=toy");
    struct kit_result second = {0};
    kit_call(kit->channel, "Bob", &second);
    secure_turn(kit);
    assert_int_equal(kit->greeter.count, 2);
    secure_hang_up(&kit->server_side);
    secure_rest(kit);
    assert_true(list_is_empty(&kit->server->conns));
    // Who was asked before is known; who was not is not.
    assert_ptr_equal(grpc_call_identity(kit->greeter.calls[0]), first);
    assert_string_equal(first->subject, "CN=toy");
    assert_string_equal(first->names[0].value.data, "localhost");
    assert_null(grpc_call_identity(kit->greeter.calls[1]));
    for (int i = 0; i < 2; i++) {
        (void)kit_reply(kit->greeter.calls[i], "late");
    }
    secure_hang_up(&kit->client_side);
    secure_end_kit(kit);
}

static void test_identity__without_memory(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_init();
    kit->server_side.toy.name = "spiffe://test.example/ann";
    secure_serve(kit, &(struct secure_how){.client = NULL});
    secure_join(kit, &(struct secure_how){.client = NULL});
    kit->greeter.late = true;
    for (size_t n = 1;; n++) {
        secure_call(kit);
        secure_turn(kit);
        assert_int_equal(kit->greeter.count, 1);
        grpc_call *call = kit->greeter.calls[0];
        kit->server_side.heap.calls = 0;
        kit->server_side.heap.fail_at = n;
        const grpc_identity *identity = grpc_call_identity(call);
        bool is_all = kit->server_side.heap.calls < n;
        kit->server_side.heap.fail_at = 0;
        assert_int_equal(identity != NULL, is_all);
        if (is_all) {
            assert_string_equal(identity->spiffe_id,
                                "spiffe://test.example/ann");
        }
        assert_int_equal(kit_reply(call, "ok"), GRPC_OK);
        kit->greeter.count = 0;
        secure_expect(kit, GRPC_OK, "");
        if (is_all) {
            break;
        }
    }
    kit->server_side.toy.no_identity = true;
    secure_call(kit);
    secure_turn(kit);
    assert_null(grpc_call_identity(kit->greeter.calls[0]));
    (void)kit_reply(kit->greeter.calls[0], "ok");
    secure_expect(kit, GRPC_OK, "");
    secure_end_kit(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity__of_each_kind),
        cmocka_unit_test(test_identity__verify_sees_the_spiffe_id),
        cmocka_unit_test(test_identity__local_on_loopback),
        cmocka_unit_test(test_identity__local_on_unix),
        cmocka_unit_test(test_identity__local_elsewhere),
        cmocka_unit_test(test_identity__in_process),
        cmocka_unit_test(test_identity__of_no_call),
        cmocka_unit_test(test_identity__asked_late),
        cmocka_unit_test(test_identity__without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
