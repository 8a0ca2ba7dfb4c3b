// SPDX-License-Identifier: MIT
// The peer's certificate: which will do, who is told what when it will not, and
// what identify says of it.

#include "tests/unit.h"

#if defined(GRPC_WITH_MBEDTLS)

# include "tests/tls_kit.h"

// ---- Servers ----------------------------------------------------------------

static const struct {
    const char *certificate;
    const char *client; // its error
    const char *server;
} peer_servers[] = {
    {"server", "", ""},
    {"server-rsa", "", ""},
    {"server-chain", "", ""},
    {"expired", "the server's certificate has expired [flags 0x1]",
     "the peer sent alert 45, certificate_expired"},
    {"not-yet", "the server's certificate is not valid yet [flags 0x200]",
     "the peer sent alert 46, certificate_unknown"},
    {"self-signed",
     "the server's certificate is self-signed, and not one of the roots "
     "[flags 0x8]",
     "the peer sent alert 48, unknown_ca"},
    {"other-name", "the peer was refused",
     "the peer sent alert 42, bad_certificate"},
    {"cn-only", "the peer was refused",
     "the peer sent alert 42, bad_certificate"},
};

static void test_peer__of_a_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof peer_servers / sizeof *peer_servers; i++) {
        struct tk tk;
        tk_options(&tk);
        tk.server_options.identity = tk_identity(peer_servers[i].certificate);
        tk_start(&tk);
        tk_expect(&tk, peer_servers[i].client, peer_servers[i].server);
        tk_end(&tk);
    }
}

static void test_peer__without_its_chain(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.server_options.identity = (grpc_tls_identity){
        .certificate = tk_file("server-leaf.crt"),
        .key = tk_file("server-chain.key"),
    };
    tk_start(&tk);
    tk_expect(&tk,
              "the server's certificate is of an unknown authority "
              "[flags 0x8]",
              "the peer sent alert 48, unknown_ca");
    tk_end(&tk);
}

static void test_peer__of_another_authority(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.client_options.roots = tk_file("other-ca.crt");
    tk_start(&tk);
    tk_expect(&tk,
              "the server's certificate is of an unknown authority "
              "[flags 0x8]",
              "the peer sent alert 48, unknown_ca");
    tk_end(&tk);
    // One of two roots is enough.
    tk_options(&tk);
    tk.client_options.roots = tk_file("both-cas.crt");
    tk_start(&tk);
    tk_expect(&tk, "", "");
    tk_end(&tk);
}

static void test_peer__is_revoked(void **state)
{
    static const char *const peer_lists[] = {"ca.crl", "ca.crl.der"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tk tk;
        tk_options(&tk);
        tk.server_options.identity = tk_identity("revoked");
        tk.client_options.crl = tk_file(peer_lists[i]);
        tk_start(&tk);
        tk_expect(&tk, "the server's certificate has been revoked [flags 0x2]",
                  "the peer sent alert 44, certificate_revoked");
        tk_end(&tk);
        // It revokes no other.
        tk_options(&tk);
        tk.client_options.crl = tk_file(peer_lists[i]);
        tk_start(&tk);
        tk_expect(&tk, "", "");
        tk_end(&tk);
    }
    struct tk tk;
    tk_options(&tk);
    tk.server_options.identity = tk_identity("revoked");
    tk_start(&tk);
    tk_expect(&tk, "", "");
    tk_end(&tk);
}

// A list is of one authority, and says nothing of what another has signed.
static void test_peer__list_of_another_authority(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.server_options.identity = tk_identity("server-chain");
    tk.client_options.crl = tk_file("ca.crl");
    tk_start(&tk);
    tk_expect(&tk, "", "");
    tk_end(&tk);
}

// Of a list that has expired nobody knows what would be in the next one.
static void test_peer__list_has_expired(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.client_options.crl = tk_file("ca.crl");
    tk_open(&tk);
    struct tls_mbedtls_context *context = tk.client.context;
    context->crl.next_update.year = 2020;
    tk_begin(&tk);
    tk_shake(&tk);
    assert_string_equal(tk_error(&tk.client),
                        "the server's certificate may be revoked: the list of "
                        "those has expired [flags 0x20]");
    assert_false(tk.client.is_done);
    tk_end(&tk);
}

// ---- Names ------------------------------------------------------------------

static const struct {
    const char *name;
    bool good;
} peer_names[] = {
    {"localhost", true},
    {"LOCALHOST.", true},
    {"a.test.example", true},
    {"test.example", false},
    {"127.0.0.1", true},
    {"127.0.0.2", false},
    {"::1", true},
    {"[::1]", true},
    {"::2", false},
    {"other.example", false},
};

static void test_peer__names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof peer_names / sizeof *peer_names; i++) {
        struct tk tk;
        tk_options(&tk);
        tk_open(&tk);
        tk.client.peer.server_name = peer_names[i].name;
        tk_begin(&tk);
        tk_shake(&tk);
        tk_expect(&tk, peer_names[i].good ? "" : "the peer was refused",
                  peer_names[i].good
                      ? ""
                      : "the peer sent alert 42, bad_certificate");
        assert_int_equal(tk.client.checks, 1);
        tk_end(&tk);
    }
}

// ---- What is checked --------------------------------------------------------

static void test_peer__check_chain(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.server_options.identity = tk_identity("other-name");
    tk.client_options.check = GRPC_CHECK_CHAIN;
    tk_start(&tk);
    tk_expect(&tk, "", "");
    assert_true(tk.client.was_verified);
    tk_end(&tk);
}

static void test_peer__check_nothing(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.server_options.identity = tk_identity("self-signed");
    tk.client_options.roots = (grpc_str){.size = 0};
    tk.client_options.check = GRPC_CHECK_NOTHING;
    tk_start(&tk);
    tk_expect(&tk, "", "");
    assert_false(tk.client.was_verified);
    assert_int_equal(tk.client.checks, 1);
    // No session goes on from that: this would be forgotten.
    tk_end_sessions(&tk);
    tk_begin(&tk);
    tk_shake(&tk);
    tk_expect(&tk, "", "");
    assert_false(tk.client.was_resumed);
    assert_false(tk.client.was_verified);
    assert_string_equal(tk.client.subject, "CN=localhost");
    // check still decides.
    tk_end_sessions(&tk);
    tk.client.check_result = GRPC_ESTATE;
    tk_begin(&tk);
    tk_shake(&tk);
    assert_string_equal(tk_error(&tk.client), "the peer was refused");
    assert_int_equal(tk.client.result, GRPC_ESTATE);
    // The client was done before.
    assert_string_equal(tls_mbedtls.error(tk.server.session),
                        "the peer sent alert 42, bad_certificate");
    tk_end(&tk);
}

// Nothing of a certificate is checked, but that there is one.
static void test_peer__check_nothing_of_a_client(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.server_options.clients = GRPC_CLIENTS_REQUIRED;
    tk.server_options.check = GRPC_CHECK_NOTHING;
    tk.client_options.identity = tk_identity("self-signed");
    tk_start(&tk);
    tk_expect(&tk, "", "");
    assert_int_equal(tk.server.checks, 1);
    assert_false(tk.server.was_verified);
    assert_string_equal(tk.server.subject, "CN=localhost");
    tk_end(&tk);
    tk_options(&tk);
    tk.server_options.clients = GRPC_CLIENTS_REQUIRED;
    tk.server_options.check = GRPC_CHECK_NOTHING;
    tk_start(&tk);
    assert_string_equal(tk_error(&tk.server),
                        "the client has shown no certificate");
    assert_false(tk.server.is_done);
    assert_string_equal(tk_error(&tk.client), TK_ALERT_40(TK_VERSIONS));
    assert_int_equal(tk.server.checks, 0);
    tk_end(&tk);
}

static void test_peer__check_result_is_the_handshakes(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk_open(&tk);
    tk.client.check_result = GRPC_ENOMEM;
    tk_begin(&tk);
    tk_shake(&tk);
    assert_int_equal(tk.client.result, GRPC_ENOMEM);
    tk_expect(&tk, "the peer was refused",
              "the peer sent alert 42, bad_certificate");
    tk_end_sessions(&tk);
    // A server's.
    tk.client.check_result = GRPC_OK;
    tk.server.check_result = GRPC_EINVAL;
    tk_begin(&tk);
    tk_shake(&tk);
    tk_expect(&tk, "the peer sent alert 49, access_denied",
              "the peer was refused");
    tk_end(&tk);
}

// ---- Clients ----------------------------------------------------------------

# define PEER_UNKNOWN \
  "the client's certificate is of an unknown authority [flags 0x8]"
# define PEER_NOT_A_CLIENT                                                 \
  "the client's certificate is not for this end of a connection (extended" \
  " key usage) [flags 0x1000]"

static const struct {
    grpc_tls_clients clients;
    const char *certificate; // NULL: none
    const char *client;
    const char *server;
    const char *subject; // that the server sees
} peer_clients[] = {
    {GRPC_CLIENTS_UNKNOWN, NULL, "", "", ""},
    {GRPC_CLIENTS_UNKNOWN, "client", "", "", ""},
    {GRPC_CLIENTS_UNKNOWN, "client-other", "", "", ""},
    {GRPC_CLIENTS_REQUESTED, NULL, "", "", ""},
    {GRPC_CLIENTS_REQUESTED, "client", "", "", "CN=client"},
    {GRPC_CLIENTS_REQUESTED, "client-other",
     "the peer sent alert 48, unknown_ca", PEER_UNKNOWN, ""},
    {GRPC_CLIENTS_REQUESTED, "server",
     "the peer sent alert 43, unsupported_certificate", PEER_NOT_A_CLIENT, ""},
    {GRPC_CLIENTS_REQUIRED, "client", "", "", "CN=client"},
    {GRPC_CLIENTS_REQUIRED, "client-rsa", "", "", "CN=client"},
    {GRPC_CLIENTS_REQUIRED, "client-chain", "", "", "CN=client"},
    {GRPC_CLIENTS_REQUIRED, "client-other",
     "the peer sent alert 48, unknown_ca", PEER_UNKNOWN, ""},
    {GRPC_CLIENTS_REQUIRED, "server",
     "the peer sent alert 43, unsupported_certificate", PEER_NOT_A_CLIENT, ""},
};

// peer_told is what a client is told. mbedTLS's server tells it with the wrong keys
// where it is done already.
static const char *peer_told(const char *alert)
{
    return !TK_HAS_1_3 || *alert == '\0'
               ? alert
               : "the server's first record cannot be decrypted: it may have "
                 "refused the client's certificate, or that there is none";
}

static void test_peer__of_a_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof peer_clients / sizeof *peer_clients; i++) {
        struct tk tk;
        tk_options(&tk);
        tk.server_options.roots = tk_file("ca.crt");
        tk.server_options.clients = peer_clients[i].clients;
        if (peer_clients[i].certificate != NULL) {
            tk.client_options.identity =
                tk_identity(peer_clients[i].certificate);
        }
        tk_start(&tk);
        tk_expect(&tk, peer_told(peer_clients[i].client),
                  peer_clients[i].server);
        assert_string_equal(tk.server.subject, peer_clients[i].subject);
        assert_int_equal(tk.server.was_verified,
                         *peer_clients[i].subject != '\0');
        assert_string_equal(tk.client.alpn, "h2");
        tk_end(&tk);
    }
}

static void test_peer__client_without_certificate(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.server_options.roots = tk_file("ca.crt");
    tk.server_options.clients = GRPC_CLIENTS_REQUIRED;
    tk_start(&tk);
    tk_expect(&tk, peer_told(TK_ALERT_40(TK_VERSIONS)),
              "the client has shown no certificate");
    assert_int_equal(tk.server.checks, 0);
    tk_end(&tk);
}

static void test_peer__client_is_revoked(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.server_options.roots = tk_file("ca.crt");
    tk.server_options.crl = tk_file("ca.crl");
    tk.server_options.clients = GRPC_CLIENTS_REQUIRED;
    tk.client_options.identity = tk_identity("revoked");
    tk_start(&tk);
    tk_expect(&tk, peer_told("the peer sent alert 44, certificate_revoked"),
              "the client's certificate has been revoked [flags 0x2]");
    tk_end(&tk);
}

// ---- A certificate that mbedTLS skips ----------------------------------------

// peer_skips makes a certificate of an end's one that is signed with what nobody
// knows: mbedTLS goes on without it, and with nothing where it was the only one.
static void peer_skips(const struct tk_end *end)
{
    static const unsigned char peer_ecdsa[] = {0x2a, 0x86, 0x48, 0xce,
                                               0x3d, 4,    3,    2};
    const struct tls_mbedtls_context *context = end->context;
    mbedtls_x509_buf raw = context->identities[0].chain.raw;
    int found = 0;
    for (size_t i = 0; i + sizeof peer_ecdsa <= raw.len; i++) {
        if (memcmp(raw.p + i, peer_ecdsa, sizeof peer_ecdsa) == 0) {
            raw.p[i + sizeof peer_ecdsa - 1] = 0x7f;
            found++;
        }
    }
    assert_int_equal(found, 2);
}

static void test_peer__client_is_skipped(void **state)
{
    (void)state;
    for (int check = GRPC_CHECK_ALL; check <= GRPC_CHECK_NOTHING; check++) {
        for (int clients = GRPC_CLIENTS_REQUESTED;
             clients <= GRPC_CLIENTS_REQUIRED; clients++) {
            struct tk tk;
            tk_options(&tk);
            tk.server_options.roots = tk_file("ca.crt");
            tk.server_options.clients = (grpc_tls_clients)clients;
            tk.server_options.check = (grpc_tls_check)check;
            tk.client_options.identity = tk_identity("client");
            tk_open(&tk);
            peer_skips(&tk.client);
            tk_begin(&tk);
            tk_shake(&tk);
            assert_false(tk.server.is_done);
            assert_string_not_equal(tk_error(&tk.server), "");
            tk_end(&tk);
        }
    }
}

static void test_peer__server_is_skipped(void **state)
{
    (void)state;
    for (int check = GRPC_CHECK_ALL; check <= GRPC_CHECK_NOTHING; check++) {
        struct tk tk;
        tk_options(&tk);
        tk.client_options.check = (grpc_tls_check)check;
        tk_open(&tk);
        peer_skips(&tk.server);
        tk_begin(&tk);
        tk_shake(&tk);
        assert_false(tk.client.is_done);
        assert_string_not_equal(tk_error(&tk.client), "");
        tk_end(&tk);
    }
}

// ---- identify ---------------------------------------------------------------

static void test_peer__identify(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk_start(&tk);
    grpc_arena arena = {.cursor = NULL};
    grpc_identity identity;
    grpc_identity none;
    assert_int_equal(tls_mbedtls.identify(tk.client.session, &arena, &identity),
                     GRPC_OK);
    assert_int_equal(tls_mbedtls.identify(tk.server.session, &arena, &none),
                     GRPC_OK);
    // It outlives the session.
    tk_end(&tk);
    assert_string_equal(identity.protocol, TK_HAS_1_3 ? "TLS 1.3" : "TLS 1.2");
    assert_string_equal(identity.cipher,
                        TK_HAS_1_3
                            ? "TLS_CHACHA20_POLY1305_SHA256"
                            : "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
    assert_string_equal(identity.alpn, "h2");
    assert_true(identity.is_verified);
    assert_false(identity.is_resumed);
    assert_string_equal(identity.subject, "CN=localhost");
    grpc_str der = tk_file("server.crt.der");
    assert_int_equal(identity.certificate.size, der.size);
    assert_memory_equal(identity.certificate.data, der.data, der.size);
    assert_int_equal(identity.name_count, 4);
    assert_int_equal(identity.names[0].type, GRPC_NAME_DNS);
    assert_string_equal(identity.names[0].value.data, "localhost");
    assert_string_equal(identity.names[1].value.data, "*.test.example");
    assert_int_equal(identity.names[2].type, GRPC_NAME_ADDRESS);
    assert_int_equal(identity.names[2].value.size, 4);
    assert_memory_equal(identity.names[2].value.data, "\x7f\0\0\1", 4);
    assert_int_equal(identity.names[3].value.size, 16);

    assert_int_equal(none.certificate.size, 0);
    assert_false(none.is_verified);
    assert_string_equal(none.subject, "");
    assert_string_equal(none.spiffe_id, "");
    assert_int_equal(none.name_count, 0);
    grpc_arena_free(&arena);
}

static void test_peer__spiffe(void **state)
{
    static const struct {
        const char *certificate;
        const char *id; // NULL: none
    } peer_ids[] = {
        {"client-spiffe", "spiffe://test.example/client"},
        {"client-two-uris", NULL},
        {"client", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof peer_ids / sizeof *peer_ids; i++) {
        struct tk tk;
        tk_options(&tk);
        tk.server_options.roots = tk_file("ca.crt");
        tk.server_options.clients = GRPC_CLIENTS_REQUIRED;
        tk.client_options.identity = tk_identity(peer_ids[i].certificate);
        tk_start(&tk);
        tk_expect(&tk, "", "");
        grpc_arena arena = {.cursor = NULL};
        grpc_identity identity;
        assert_int_equal(
            tls_mbedtls.identify(tk.server.session, &arena, &identity),
            GRPC_OK);
        grpc_str id = {.data = NULL};
        assert_int_equal(
            tls_name_spiffe(identity.names, identity.name_count, &id),
            peer_ids[i].id != NULL);
        if (peer_ids[i].id != NULL) {
            assert_string_equal(id.data, peer_ids[i].id);
        }
        grpc_arena_free(&arena);
        tk_end(&tk);
    }
}

// Of too many names none is told: one that is left out could be what counts.
static void test_peer__too_many_names(void **state)
{
    enum { MOST = 1000, URI = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 6 };
    static unsigned char peer_uri[] = "spiffe://test.example/a";
    static mbedtls_x509_sequence peer_many[MOST + 1];
    (void)state;
    for (size_t count = MOST; count <= MOST + 1; count++) {
        mbedtls_x509_crt certificate;
        mbedtls_x509_crt_init(&certificate);
        for (size_t i = 0; i < count; i++) {
            peer_many[i].buf = (mbedtls_x509_buf){
                .tag = URI, .len = sizeof peer_uri - 1, .p = peer_uri};
            peer_many[i].next = i + 1 < count ? &peer_many[i + 1] : NULL;
        }
        certificate.subject_alt_names = peer_many[0];
        grpc_arena arena = {.cursor = NULL};
        const grpc_tls_name *names;
        size_t found;
        assert_int_equal(
            tls_mbedtls_names(&certificate, &arena, &names, &found), GRPC_OK);
        assert_int_equal(found, count == MOST ? MOST : 0);
        grpc_arena_free(&arena);
    }
}

// Each allocation of identify fails once.
static void test_peer__identify_without_memory(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk_start(&tk);
    size_t failed = 0;
    for (bool done = false; !done;) {
        struct test_heap heap;
        test_heap_init(&heap);
        heap.fail_at = failed + 1;
        grpc_arena arena = {.allocator = heap.allocator};
        grpc_identity identity;
        grpc_result result =
            tls_mbedtls.identify(tk.client.session, &arena, &identity);
        done = heap.calls < heap.fail_at;
        assert_int_equal(result, done ? GRPC_OK : GRPC_ENOMEM);
        failed += done ? 0 : 1;
        grpc_arena_free(&arena);
        assert_true(test_heap_is_clean(&heap));
    }
    assert_true(failed >= 1);
    tk_end(&tk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer__of_a_client),
        cmocka_unit_test(test_peer__without_its_chain),
        cmocka_unit_test(test_peer__of_another_authority),
        cmocka_unit_test(test_peer__is_revoked),
        cmocka_unit_test(test_peer__list_of_another_authority),
        cmocka_unit_test(test_peer__list_has_expired),
        cmocka_unit_test(test_peer__names),
        cmocka_unit_test(test_peer__check_chain),
        cmocka_unit_test(test_peer__check_nothing),
        cmocka_unit_test(test_peer__check_nothing_of_a_client),
        cmocka_unit_test(test_peer__check_result_is_the_handshakes),
        cmocka_unit_test(test_peer__of_a_server),
        cmocka_unit_test(test_peer__client_without_certificate),
        cmocka_unit_test(test_peer__client_is_revoked),
        cmocka_unit_test(test_peer__client_is_skipped),
        cmocka_unit_test(test_peer__server_is_skipped),
        cmocka_unit_test(test_peer__identify),
        cmocka_unit_test(test_peer__spiffe),
        cmocka_unit_test(test_peer__too_many_names),
        cmocka_unit_test(test_peer__identify_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
# include "tests/tls_none.h"
#endif
