// SPDX-License-Identifier: MIT
// Our own certificates and keys: the forms they come in, what is said of those
// that will not do, and which one a client gets.

#include "tests/unit.h"

#if defined(GRPC_WITH_MBEDTLS)

# include "tests/tls_kit.h"

// ---- Forms ------------------------------------------------------------------

# define OWN_HAS_AES (MBEDTLS_VERSION_MAJOR >= 3)

static const struct {
    const char *certificate;
    const char *key;
    const char *password;
    const char *words; // "": it will do
} own_forms[] = {
    {"server.crt", "server.key", NULL, ""},
    {"server.crt", "server-sec1.key", NULL, ""},
    {"server.crt", "server.key.der", NULL, ""},
    {"server.crt.der", "server.key.der", NULL, ""},
    {"server-rsa.crt", "server-rsa.key", NULL, ""},
    {"server-rsa.crt", "server-pkcs1.key", NULL, ""},
    {"server-rsa.crt", "server-rsa.key.der", NULL, ""},
    {"server-chain.crt", "server-chain.key", NULL, ""},
    {"server.crt", "encrypted.key", "secret", ""},
    {"server.crt", "encrypted-pkcs8.key", "secret", ""},
    {"server.crt", "encrypted-aes.key", "secret",
     OWN_HAS_AES ? "" : "the private key cannot be read"},
    {"server.crt", "server.key", "unused", ""},
    {"server.crt", "encrypted.key", NULL,
     "the private key is encrypted: it needs its password"},
    {"server.crt", "encrypted.key", "wrong",
     "the private key's password is wrong"},
    {"server.crt", "encrypted-pkcs8.key", "wrong",
     "the private key's password is wrong"},
    {"server.crt", "server-chain.key", NULL,
     "the key is not that of the certificate"},
    {"server.crt", "server-rsa.key", NULL,
     "the key is not that of the certificate"},
    {"server-rsa.crt", "client-rsa.key", NULL,
     "the key is not that of the certificate"},
    {"server.crt", "server.crt", NULL, "the private key cannot be read"},
    {"server.key", "server.key", NULL, "the certificate cannot be read"},
    {"ca.crl", "server.key", NULL, "the certificate cannot be read"},
    {"server.crt", NULL, NULL, "there is a certificate without its key"},
    {NULL, "server.key", NULL, "there is a key without a certificate"},
    {NULL, NULL, NULL, "a server needs a certificate and its key"},
};

static void test_own__forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof own_forms / sizeof *own_forms; i++) {
        struct tk tk;
        tk_options(&tk);
        grpc_tls_identity *identity = &tk.server_options.identity;
        *identity = (grpc_tls_identity){.key_password = own_forms[i].password};
        if (own_forms[i].certificate != NULL) {
            identity->certificate = tk_file(own_forms[i].certificate);
        }
        if (own_forms[i].key != NULL) {
            identity->key = tk_file(own_forms[i].key);
        }
        assert_string_equal(tk_refused(&tk.server_options, true),
                            own_forms[i].words);
        if (*own_forms[i].words == '\0') {
            tk_start(&tk);
            tk_expect(&tk, "", "");
            tk_end(&tk);
        }
    }
}

static void test_own__of_a_client(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    assert_string_equal(tk_refused(&tk.client_options, false), "");
    tk.client_options.identity.certificate = tk_file("client.crt");
    assert_string_equal(tk_refused(&tk.client_options, false),
                        "there is a certificate without its key");
    tk.client_options.identity.key = tk_file("server.key");
    assert_string_equal(tk_refused(&tk.client_options, false),
                        "the key is not that of the certificate");
    tk.client_options.identity.key = tk_file("client.key");
    assert_string_equal(tk_refused(&tk.client_options, false), "");
}

// mbedTLS's number is behind the words.
static void test_own__has_numbers(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.server_options.identity.key = tk_file("encrypted.key");
    char reason[TK_TEXT] = "";
    void *context = NULL;
    assert_int_equal(tls_mbedtls.open(&tk.server_options, true, &context,
                                      reason, sizeof reason),
                     GRPC_EINVAL);
    assert_string_equal(reason,
                        "the private key is encrypted: it needs its password "
                        "[-0x3C00]");
    // A short reason is cut off, one without room not written.
    assert_int_equal(
        tls_mbedtls.open(&tk.server_options, true, &context, reason, 8),
        GRPC_EINVAL);
    assert_string_equal(reason, "the pri");
    reason[0] = '#';
    assert_int_equal(
        tls_mbedtls.open(&tk.server_options, true, &context, reason, 0),
        GRPC_EINVAL);
    assert_int_equal(reason[0], '#');
}

// ---- Choosing ---------------------------------------------------------------

static const struct {
    const char *name; // that the client asks for
    const char *subject;
} own_names[] = {
    {"localhost", "CN=localhost"},
    {"LOCALHOST", "CN=localhost"},
    {"other.example", "CN=other.example"},
    {"Other.Example", "CN=other.example"},
    {"two.test.example", "CN=localhost"},
    {"one.test.example", "CN=one.test.example"},
    // Nobody's: the first.
    {"nobody.example", "CN=localhost"},
    // No SNI.
    {"127.0.0.1", "CN=localhost"},
    {"", "CN=localhost"},
};

static void test_own__sni(void **state)
{
    (void)state;
    grpc_tls_identity more[] = {
        tk_identity("other-name"),
        tk_identity("one-name"),
    };
    for (int version = 0; version <= TLS_MBEDTLS_HAS_1_3; version++) {
        struct tk tk;
        tk_options(&tk);
        tk.server_options.more = more;
        tk.server_options.more_count = 2;
        tk.client_options.check = GRPC_CHECK_CHAIN;
        tk.client_options.no_resumption = true;
        tk.client_options.max_version =
            version == 0 ? GRPC_TLS_1_2 : GRPC_TLS_1_3;
        tk_open(&tk);
        for (size_t i = 0; i < sizeof own_names / sizeof *own_names; i++) {
            tk.client.peer.server_name = own_names[i].name;
            tk_begin(&tk);
            tk_shake(&tk);
            tk_expect(&tk, "", "");
            assert_string_equal(tk.client.subject, own_names[i].subject);
            tk_end_sessions(&tk);
        }
        tk_close(&tk);
    }
}

// own_suites lets the client have suites of one kind of key alone.
static void own_suites(struct tk *tk, bool rsa)
{
    static const int own_rsa[] = {MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                  0};
    static const int own_ecdsa[] = {
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0};
    struct tls_mbedtls_context *context = tk->client.context;
    mbedtls_ssl_conf_ciphersuites(&context->config, rsa ? own_rsa : own_ecdsa);
}

static const char *own_cipher(struct tk *tk)
{
    static char own_text[64];
    grpc_arena arena = {.cursor = NULL};
    grpc_identity identity;
    assert_int_equal(
        tls_mbedtls.identify(tk->client.session, &arena, &identity), GRPC_OK);
    (void)snprintf(own_text, sizeof own_text, "%s", identity.cipher);
    grpc_arena_free(&arena);
    return own_text;
}

// RSA and ECDSA side by side: each client gets what it can use.
static void test_own__twins(void **state)
{
    (void)state;
    grpc_tls_identity more[] = {
        tk_identity("other-name"),
        tk_identity("server-rsa"),
    };
    static const char *const names[] = {"localhost", "nobody.example",
                                        "127.0.0.1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct tk tk;
        tk_options(&tk);
        tk.server_options.more = more;
        tk.server_options.more_count = 2;
        tk.client_options.check = GRPC_CHECK_CHAIN;
        tk.client_options.max_version = GRPC_TLS_1_2;
        tk.client_options.no_resumption = true;
        tk_open(&tk);
        tk.client.peer.server_name = names[i];
        for (int rsa = 0; rsa < 2; rsa++) {
            own_suites(&tk, rsa != 0);
            tk_begin(&tk);
            tk_shake(&tk);
            tk_expect(&tk, "", "");
            assert_string_equal(
                own_cipher(&tk),
                rsa ? "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
                    : "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
            assert_string_equal(tk.client.subject, "CN=localhost");
            tk_end_sessions(&tk);
        }
        tk_close(&tk);
    }
}

// Without a twin there is nothing for such a client. A certificate without names
// has none.
static void test_own__no_twin(void **state)
{
    static const struct {
        const char *first;
        const char *other;
        bool rsa; // what the client can do
    } own_pairs[] = {
        {"server-rsa", "other-name", false},
        {"server", "server-rsa", true},
        {"cn-only", "server-rsa", true},
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        grpc_tls_identity other = tk_identity(own_pairs[i].other);
        struct tk tk;
        tk_options(&tk);
        tk.server_options.identity = tk_identity(own_pairs[i].first);
        tk.server_options.more = &other;
        tk.server_options.more_count = 1;
        tk.client_options.max_version = GRPC_TLS_1_2;
        tk_open(&tk);
        tk.client.peer.server_name = "nobody.example";
        tk.client.check = GRPC_CHECK_CHAIN;
        own_suites(&tk, own_pairs[i].rsa);
        tk_begin(&tk);
        tk_shake(&tk);
        if (i == 1) {
            tk_expect(&tk, "", "");
        } else {
            tk_expect(&tk, TK_ALERT_40("TLS 1.2"),
                      MBEDTLS_VERSION_MAJOR < 3
                          ? "there is no common cipher suite that our "
                            "certificate can be used with"
                          : "there is no common cipher suite, curve or "
                            "signature that our certificate can be used with");
        }
        tk_end(&tk);
    }
}

// ---- Memory -----------------------------------------------------------------

// Each of our allocations fails once.
static void test_own__without_memory(void **state)
{
    (void)state;
    grpc_tls_identity more = tk_identity("other-name");
    size_t failed = 0;
    for (bool done = false; !done;) {
        struct test_heap heap;
        test_heap_init(&heap);
        heap.fail_at = failed + 1;
        struct tk tk;
        tk_options(&tk);
        tk.server_options.more = &more;
        tk.server_options.more_count = 1;
        tk.server_options.allocator = heap.allocator;
        char reason[TK_TEXT] = "";
        void *context = NULL;
        grpc_result result = tls_mbedtls.open(&tk.server_options, true,
                                              &context, reason, sizeof reason);
        done = heap.calls < heap.fail_at;
        if (done) {
            assert_int_equal(result, GRPC_OK);
            tls_mbedtls.close(context);
        } else {
            failed++;
            assert_int_equal(result, GRPC_ENOMEM);
            assert_string_equal(reason, "out of memory");
        }
        assert_true(test_heap_is_clean(&heap));
    }
    assert_true(failed >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own__forms),
        cmocka_unit_test(test_own__of_a_client),
        cmocka_unit_test(test_own__has_numbers),
        cmocka_unit_test(test_own__sni),
        cmocka_unit_test(test_own__twins),
        cmocka_unit_test(test_own__no_twin),
        cmocka_unit_test(test_own__without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
# include "tests/tls_none.h"
#endif
