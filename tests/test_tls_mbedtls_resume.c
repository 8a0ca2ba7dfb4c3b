// SPDX-License-Identifier: MIT
// Sessions that go on from older ones: when they do, when they do not, and that
// the peer is looked at all the same.

#include "tests/unit.h"

#if defined(GRPC_WITH_MBEDTLS)

# include "tests/tls_kit.h"

// resume_again shakes hands once more with the same contexts.
static void resume_again(struct tk *tk)
{
    if (tk->client.session != NULL) {
        tk_end_sessions(tk);
    }
    tk_begin(tk);
    tk_shake(tk);
}

static void resume_expect(const struct tk *tk, bool resumed)
{
    tk_expect(tk, "", "");
    assert_int_equal(tk->client.was_resumed, resumed);
    assert_int_equal(tk->server.was_resumed, resumed);
    assert_int_equal(tk->client.checks, 1);
    assert_int_equal(tk->server.checks, 1);
}

// resume_hello sends something over to see that the keys are right.
static void resume_hello(struct tk *tk)
{
    char text[16];
    size_t size = 5;
    assert_int_equal(tk_write(tk, &tk->client, "hello", &size), GRPC_OK);
    assert_int_equal(tk_read(tk, &tk->server, text, sizeof text, &size),
                     GRPC_OK);
    assert_int_equal(size, 5);
    assert_memory_equal(text, "hello", 5);
}

// The versions that there are.
static const grpc_tls_version resume_versions[] = {
    GRPC_TLS_1_2,
    GRPC_TLS_1_3,
};

enum { RESUME_VERSIONS = TLS_MBEDTLS_HAS_1_3 ? 2 : 1 };

static void resume_options(struct tk *tk, int version)
{
    tk_options(tk);
    tk->client_options.max_version = resume_versions[version];
}

static void test_resume__goes_on(void **state)
{
    (void)state;
    for (int version = 0; version < RESUME_VERSIONS; version++) {
        struct tk tk;
        resume_options(&tk, version);
        tk_open(&tk);
        resume_again(&tk);
        resume_expect(&tk, false);
        size_t whole = tk.server.out_size;
        for (int i = 0; i < 3; i++) {
            resume_again(&tk);
            resume_expect(&tk, true);
            resume_hello(&tk);
            // The server's certificate is known, and was not sent.
            assert_true(tk.client.was_verified);
            assert_string_equal(tk.client.subject, "CN=localhost");
            assert_int_equal(tk.client.name_count, 4);
            assert_string_equal(tk.client.alpn, "h2");
            assert_true(tk.server.out_size < whole * 2 / 3);
        }
        grpc_arena arena = {.cursor = NULL};
        grpc_identity identity;
        assert_int_equal(
            tls_mbedtls.identify(tk.client.session, &arena, &identity),
            GRPC_OK);
        assert_true(identity.is_resumed);
        assert_true(identity.certificate.size > 0);
        assert_string_equal(identity.protocol,
                            version == 0 ? "TLS 1.2" : "TLS 1.3");
        grpc_arena_free(&arena);
        tk_end(&tk);
    }
}

static void test_resume__another_name_does_not(void **state)
{
    (void)state;
    for (int version = 0; version < RESUME_VERSIONS; version++) {
        struct tk tk;
        resume_options(&tk, version);
        tk_open(&tk);
        resume_again(&tk);
        tk.client.peer.server_name = "127.0.0.1";
        resume_again(&tk);
        resume_expect(&tk, false);
        resume_again(&tk);
        resume_expect(&tk, true);
        tk.client.peer.server_name = "localhost";
        resume_again(&tk);
        resume_expect(&tk, true);
        // No name, nothing to find it by.
        tk.client.peer.server_name = NULL;
        resume_again(&tk);
        resume_again(&tk);
        resume_expect(&tk, false);
        tk_end(&tk);
    }
}

static void test_resume__switched_off(void **state)
{
    (void)state;
    for (int version = 0; version < RESUME_VERSIONS; version++) {
        for (int side = 0; side < 2; side++) {
            struct tk tk;
            resume_options(&tk, version);
            tk.client_options.no_resumption = side == 0;
            tk.server_options.no_resumption = side == 1;
            tk_open(&tk);
            for (int i = 0; i < 3; i++) {
                resume_again(&tk);
                resume_expect(&tk, false);
                resume_hello(&tk);
            }
            tk_end(&tk);
        }
    }
}

// A server with other credentials does not take the ticket of the first.
static void test_resume__other_server(void **state)
{
    (void)state;
    for (int version = 0; version < RESUME_VERSIONS; version++) {
        struct tk tk;
        resume_options(&tk, version);
        tk_open(&tk);
        resume_again(&tk);
        tk_end_sessions(&tk);
        tls_mbedtls.close(tk.server.context);
        free(tk.server.out);
        tk_open_end(&tk.server, &tk.server_options, true);
        resume_again(&tk);
        resume_expect(&tk, false);
        resume_again(&tk);
        resume_expect(&tk, true);
        tk_end(&tk);
    }
}

// check refuses in a session that goes on as in any other, and the next
// handshake is a whole one.
static void test_resume__is_checked(void **state)
{
    (void)state;
    for (int version = 0; version < RESUME_VERSIONS; version++) {
        struct tk tk;
        resume_options(&tk, version);
        tk_open(&tk);
        resume_again(&tk);
        tk.client.check_result = GRPC_EINVAL;
        resume_again(&tk);
        assert_int_equal(tk.client.checks, 1);
        assert_true(tk.client.was_resumed);
        assert_int_equal(tk.client.result, GRPC_EINVAL);
        assert_string_equal(tk_error(&tk.client), "the peer was refused");
        assert_string_equal(tk_error(&tk.server),
                            "the peer sent alert 42, bad_certificate");
        tk.client.check_result = GRPC_OK;
        resume_again(&tk);
        resume_expect(&tk, false);
        tk_end(&tk);
    }
}

// The client's certificate comes with the session, or there is none.
static void test_resume__mutual(void **state)
{
    (void)state;
    for (int version = 0; version < RESUME_VERSIONS; version++) {
        struct tk tk;
        resume_options(&tk, version);
        tk.server_options.roots = tk_file("ca.crt");
        tk.server_options.clients = GRPC_CLIENTS_REQUIRED;
        tk.client_options.identity = tk_identity("client-spiffe");
        tk_open(&tk);
        for (int i = 0; i < 3; i++) {
            resume_again(&tk);
            resume_expect(&tk, i > 0 && version == 0);
            assert_string_equal(tk.server.subject, "CN=client");
            assert_int_equal(tk.server.name_count, 2);
            assert_true(tk.server.was_verified);
        }
        tk.server.check_result = GRPC_EINVAL;
        resume_again(&tk);
        assert_int_equal(tk.server.checks, 1);
        assert_string_equal(tk_error(&tk.server), "the peer was refused");
        tk_end(&tk);
    }
}

// A certificate that has expired since it was verified.
static void test_resume__has_expired(void **state)
{
    (void)state;
    for (int version = 0; version < RESUME_VERSIONS; version++) {
        struct tk tk;
        resume_options(&tk, version);
        tk_open(&tk);
        resume_again(&tk);
        tk_end_sessions(&tk);
        tk_begin(&tk);
        assert_true(tk.client.session->has_offered);
        while (!tk.client.session->is_done) {
            // In the session that was offered, it is old all at once.
            mbedtls_x509_crt *certificate =
                (mbedtls_x509_crt *)(uintptr_t)mbedtls_ssl_get_peer_cert(
                    &tk.client.session->ssl);
            if (certificate == NULL && tk.client.session->ssl.TLS_MBEDTLS_FIELD(
                                           session_negotiate) != NULL) {
                certificate =
                    tk.client.session->ssl.TLS_MBEDTLS_FIELD(session_negotiate)
                        ->TLS_MBEDTLS_FIELD(peer_cert);
            }
            if (certificate != NULL) {
                certificate->valid_to.year = 2020;
            }
            bool moved = tk_step(&tk, &tk.client);
            moved = tk_step(&tk, &tk.server) || moved;
            assert_true(moved);
        }
        tk_shake(&tk);
        assert_string_equal(tk_error(&tk.client),
                            "the server's certificate has expired [flags 0x1]");
        assert_string_equal(tk_error(&tk.server),
                            "the peer sent alert 45, certificate_expired");
        resume_again(&tk);
        resume_expect(&tk, false);
        tk_end(&tk);
    }
}

// A client keeps so many sessions, the newest.
static void test_resume__is_bounded(void **state)
{
    enum { NAMES = TLS_MBEDTLS_KEPT + 1 };
    char names[NAMES][32];
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk_open(&tk);
    for (int i = 0; i < NAMES; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%d.test.example", i);
        tk.client.peer.server_name = names[i];
        resume_again(&tk);
        resume_expect(&tk, false);
    }
    tk.client.peer.server_name = names[NAMES - 1];
    resume_again(&tk);
    resume_expect(&tk, true);
    tk.client.peer.server_name = names[1];
    resume_again(&tk);
    resume_expect(&tk, true);
    tk.client.peer.server_name = names[0];
    resume_again(&tk);
    resume_expect(&tk, false);
    tk_end(&tk);
}

# if TLS_MBEDTLS_WITH_1_3
// A ticket of TLS 1.3 is shown once (RFC 8446 appendix C.4), a session of TLS 1.2
// may be gone on from again and again.
static void test_resume__tickets_are_used_once(void **state)
{
    (void)state;
    for (int version = 0; version < RESUME_VERSIONS; version++) {
        struct tk tk;
        resume_options(&tk, version);
        tk_open(&tk);
        resume_again(&tk);
        tk_end_sessions(&tk);
        tk_begin(&tk);
        assert_true(tk.client.session->has_offered);
        tk_end_sessions(&tk);
        tk_begin(&tk);
        assert_int_equal(tk.client.session->has_offered, version == 0);
        tk_end(&tk);
    }
}
# endif

// A ticket that was tampered with is no ticket.
static void test_resume__bad_ticket(void **state)
{
    (void)state;
    for (int version = 0; version < RESUME_VERSIONS; version++) {
        struct tk tk;
        resume_options(&tk, version);
        tk_open(&tk);
        resume_again(&tk);
        struct tls_mbedtls_context *context = tk.client.context;
        struct tls_mbedtls_kept *kept = context->kept;
        while (kept->turn == 0) {
            kept++;
        }
        size_t size = kept->session.TLS_MBEDTLS_FIELD(ticket_len);
        kept->session.TLS_MBEDTLS_FIELD(ticket)[size / 2] ^= 1;
        resume_again(&tk);
        resume_expect(&tk, false);
        tk_end(&tk);
    }
}

# if defined(MBEDTLS_SSL_TICKET_C)
// A ticket that cannot be made has no life, which would be sent.
static void test_resume__no_ticket_has_no_life(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk_start(&tk);
    const struct tls_mbedtls_context *context = tk.server.context;
    const mbedtls_ssl_config *config = &context->config;
    unsigned char none[1];
    size_t size = 0x5a5a;
    uint32_t seconds = 0x5a5a5a5a;
    assert_int_not_equal(config->TLS_MBEDTLS_FIELD(f_ticket_write)(
                             config->TLS_MBEDTLS_FIELD(p_ticket),
                             tk.server.session->ssl.TLS_MBEDTLS_FIELD(session),
                             none, none, &size, &seconds),
                         0);
    assert_int_equal(size, 0);
    assert_int_equal(seconds, 0);
    tk_end(&tk);
}
# endif

# if TLS_MBEDTLS_WITH_1_3
// Of a flood of tickets a client looks at the first.
static void test_resume__tickets_are_bounded(void **state)
{
    enum { FLOOD = 3 * TLS_MBEDTLS_TICKETS };
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk_open(&tk);
    struct tls_mbedtls_context *server = tk.server.context;
    mbedtls_ssl_conf_new_session_tickets(&server->config, FLOOD);
    resume_again(&tk);
    resume_expect(&tk, false);
    const struct tls_mbedtls_context *client = tk.client.context;
    assert_int_equal(client->turn, TLS_MBEDTLS_TICKETS);
    resume_hello(&tk);
    resume_again(&tk);
    resume_expect(&tk, true);
    tk_end(&tk);
}
# endif

// The first handshake has failed: nothing is kept of it.
static void test_resume__failed_is_not_kept(void **state)
{
    (void)state;
    for (int version = 0; version < RESUME_VERSIONS; version++) {
        struct tk tk;
        resume_options(&tk, version);
        tk_open(&tk);
        tk.client.check_result = GRPC_EINVAL;
        resume_again(&tk);
        tk.client.check_result = GRPC_OK;
        resume_again(&tk);
        resume_expect(&tk, false);
        tk_end(&tk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume__goes_on),
        cmocka_unit_test(test_resume__another_name_does_not),
        cmocka_unit_test(test_resume__switched_off),
        cmocka_unit_test(test_resume__other_server),
        cmocka_unit_test(test_resume__is_checked),
        cmocka_unit_test(test_resume__mutual),
        cmocka_unit_test(test_resume__has_expired),
        cmocka_unit_test(test_resume__is_bounded),
# if TLS_MBEDTLS_WITH_1_3
        cmocka_unit_test(test_resume__tickets_are_used_once),
# endif
        cmocka_unit_test(test_resume__bad_ticket),
# if defined(MBEDTLS_SSL_TICKET_C)
        cmocka_unit_test(test_resume__no_ticket_has_no_life),
# endif
# if TLS_MBEDTLS_WITH_1_3
        cmocka_unit_test(test_resume__tickets_are_bounded),
# endif
        cmocka_unit_test(test_resume__failed_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
# include "tests/tls_none.h"
#endif
