// SPDX-License-Identifier: MIT
// What open makes of the options: versions, roots, lists of what is revoked, and
// the words for what will not do.

#include "tests/unit.h"

#if defined(GRPC_WITH_MBEDTLS)

# include "tests/tls_kit.h"

// ---- Versions ---------------------------------------------------------------

# define CONTEXT_NO_1_3 \
  "this mbedTLS (" MBEDTLS_VERSION_STRING ") cannot do TLS 1.3"

static const struct {
    int min;
    int max;
    const char *words;
} context_versions[] = {
    {0, 0, ""},
    {GRPC_TLS_1_2, GRPC_TLS_1_2, ""},
    {0, GRPC_TLS_1_2, ""},
    {GRPC_TLS_1_2, 0, ""},
    {GRPC_TLS_1_3, 0, TLS_MBEDTLS_HAS_1_3 ? "" : CONTEXT_NO_1_3},
    {0, GRPC_TLS_1_3, TLS_MBEDTLS_HAS_1_3 ? "" : CONTEXT_NO_1_3},
    {GRPC_TLS_1_3, GRPC_TLS_1_2,
     TLS_MBEDTLS_HAS_1_3 ? "max_version is lower than min_version"
                         : CONTEXT_NO_1_3},
    {0x0302, 0, "there is no such version of TLS"},
    {0, 0x0302, "there is no such version of TLS"},
    {0x0305, 0, "there is no such version of TLS"},
    {0, 0x0305, "there is no such version of TLS"},
};

static void test_context__versions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof context_versions / sizeof *context_versions;
         i++) {
        struct tk tk;
        tk_options(&tk);
        tk.client_options.min_version =
            (grpc_tls_version)context_versions[i].min;
        tk.client_options.max_version =
            (grpc_tls_version)context_versions[i].max;
        assert_string_equal(tk_refused(&tk.client_options, false),
                            context_versions[i].words);
    }
}

// context_protocol is the version that two ends agree on.
static const char *context_protocol(grpc_tls_version client,
                                    grpc_tls_version server)
{
    static char context_text[16];
    struct tk tk;
    tk_options(&tk);
    tk.client_options.max_version = client;
    tk.server_options.max_version = server;
    tk_start(&tk);
    tk_expect(&tk, "", "");
    grpc_arena arena = {.cursor = NULL};
    grpc_identity identity;
    assert_int_equal(tls_mbedtls.identify(tk.server.session, &arena, &identity),
                     GRPC_OK);
    (void)snprintf(context_text, sizeof context_text, "%s", identity.protocol);
    grpc_arena_free(&arena);
    tk_end(&tk);
    return context_text;
}

static void test_context__highest_version(void **state)
{
    (void)state;
    assert_string_equal(context_protocol(0, 0),
                        TK_HAS_1_3 ? "TLS 1.3" : "TLS 1.2");
    assert_string_equal(context_protocol(GRPC_TLS_1_2, 0), "TLS 1.2");
    assert_string_equal(context_protocol(0, GRPC_TLS_1_2), "TLS 1.2");
}

# if TLS_MBEDTLS_WITH_1_3
static void test_context__no_common_version(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.client_options.max_version = GRPC_TLS_1_2;
    tk.server_options.min_version = GRPC_TLS_1_3;
    tk_start(&tk);
    tk_expect(&tk,
              "the peer sent alert 70, protocol_version: it wants another "
              "version than TLS 1.2",
              "there is no common version: the peer does not speak TLS 1.3");
    tk_end(&tk);
    tk_options(&tk);
    tk.client_options.min_version = GRPC_TLS_1_3;
    tk.server_options.max_version = GRPC_TLS_1_2;
    tk_start(&tk);
    tk_expect(&tk, TK_ALERT_40("TLS 1.3"),
              "there is no common cipher suite, curve or signature that our "
              "certificate can be used with");
    tk_end(&tk);
}
# endif

# if MBEDTLS_VERSION_MAJOR < 3
// A peer that is older than HTTP/2 allows: mbedTLS 2.28 still can do TLS 1.1.
static void test_context__old_peer(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct tk tk;
        tk_options(&tk);
        tk_open(&tk);
        struct tls_mbedtls_context *old =
            side == 0 ? tk.client.context : tk.server.context;
        mbedtls_ssl_conf_min_version(&old->config, MBEDTLS_SSL_MAJOR_VERSION_3,
                                     MBEDTLS_SSL_MINOR_VERSION_2);
        mbedtls_ssl_conf_max_version(&old->config, MBEDTLS_SSL_MAJOR_VERSION_3,
                                     MBEDTLS_SSL_MINOR_VERSION_2);
        mbedtls_ssl_conf_ciphersuites(&old->config,
                                      mbedtls_ssl_list_ciphersuites());
        tk_begin(&tk);
        tk_shake(&tk);
        assert_string_equal(
            tk_error(&tk.server),
            side == 0
                ? "there is no common version: the peer does not speak TLS 1.2"
                : "there is no common cipher suite that our certificate can "
                  "be used with");
        assert_string_equal(
            tk_error(&tk.client),
            side == 0 ? "the peer sent alert 70, protocol_version: it wants "
                        "another version than TLS 1.2"
                      : TK_ALERT_40("TLS 1.2"));
        tk_end(&tk);
    }
}
# endif

// ---- Signatures -------------------------------------------------------------

// context_signatures is the list of a ClientHello (RFC 8446 section 4.1.2).
static const unsigned char *context_signatures(const unsigned char *hello,
                                               size_t *count)
{
    enum { SIGNATURE_ALGORITHMS = 13 };
    const unsigned char *at = hello + 5 + 4 + 2 + 32; // behind random
    at += 1 + at[0];                                  // session
    at += 2 + (at[0] << 8 | at[1]);                   // suites
    at += 1 + at[0];                                  // compression
    const unsigned char *end = at + 2 + (at[0] << 8 | at[1]);
    at += 2;
    while (at < end && (at[0] << 8 | at[1]) != SIGNATURE_ALGORITHMS) {
        at += 4 + (at[2] << 8 | at[3]);
    }
    assert_true(at < end);
    *count = (size_t)(at[4] << 8 | at[5]) / 2;
    return at + 6;
}

// A server of TLS 1.2 alone takes the first for its key that it has; mbedTLS can
// check no PSS then.
static void test_context__pss_is_wanted_last(void **state)
{
    (void)state;
    struct tk tk;
    size_t count;
    bool has_pkcs1 = false;
    bool has_pss = false;
    tk_options(&tk);
    tk_open(&tk);
    tk_begin(&tk);
    tk_shake(&tk);
    const unsigned char *list = context_signatures(tk.client.out, &count);
    for (size_t i = 0; i < count; i++) {
        int signature = list[2 * i] << 8 | list[2 * i + 1];
        bool is_pkcs1 = (signature & 0xff) == 1 && signature <= 0x0601;
        has_pss = has_pss || (signature >= 0x0804 && signature <= 0x0806);
        assert_false(is_pkcs1 && has_pss);
        has_pkcs1 = has_pkcs1 || is_pkcs1;
    }
    assert_true(has_pkcs1);
    assert_int_equal(has_pss, TK_HAS_1_3);
    tk_end(&tk);
}

// ---- Cipher suites ----------------------------------------------------------

// context_try is what becomes of a client that has this suite alone.
static bool context_try(int suite)
{
    int suites[] = {suite, 0};
    bool is_rsa = strstr(mbedtls_ssl_get_ciphersuite_name(suite), "-RSA-");
    struct tk tk;
    tk_options(&tk);
    if (is_rsa) {
        tk.server_options.identity = tk_identity("server-rsa");
    }
    tk.client_options.max_version =
        strncmp(mbedtls_ssl_get_ciphersuite_name(suite), "TLS1-3-", 7) == 0
            ? GRPC_TLS_1_3
            : GRPC_TLS_1_2;
    tk_open(&tk);
    struct tls_mbedtls_context *client = tk.client.context;
    mbedtls_ssl_conf_ciphersuites(&client->config, suites);
    tk_begin(&tk);
    tk_shake(&tk);
    bool done = tk.client.is_done && tk.server.is_done;
    tk_end(&tk);
    return done;
}

// Of all that mbedTLS has, those that HTTP/2 allows: RFC 9113 appendix A forbids
// what is not ECDHE (or DHE) with an AEAD.
static void test_context__suites(void **state)
{
    (void)state;
    int good = 0;
    int bad = 0;
    for (const int *suite = mbedtls_ssl_list_ciphersuites(); *suite != 0;
         suite++) {
        const char *name = mbedtls_ssl_get_ciphersuite_name(*suite);
        bool is_1_3 = strncmp(name, "TLS1-3-", 7) == 0;
        bool is_aead =
            strstr(name, "-GCM-") != NULL || strstr(name, "CHACHA20") != NULL;
        bool is_usual =
            strstr(name, "AES") != NULL || strstr(name, "CHACHA20") != NULL;
        bool is_ephemeral = strncmp(name, "TLS-ECDHE-ECDSA-", 16) == 0 ||
                            strncmp(name, "TLS-ECDHE-RSA-", 14) == 0;
        bool expected = is_aead && is_usual && (is_1_3 || is_ephemeral);
        if (context_try(*suite) != expected) {
            fail_msg("%s", name);
        }
        good += expected ? 1 : 0;
        bad += expected ? 0 : 1;
    }
    assert_int_equal(good, TK_HAS_1_3 ? 9 : 6);
    assert_true(bad > 10);
}

static void test_context__no_common_suite(void **state)
{
    static const int context_cbc[] = {
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, 0};
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.client_options.max_version = GRPC_TLS_1_2;
    tk_open(&tk);
    struct tls_mbedtls_context *client = tk.client.context;
    mbedtls_ssl_conf_ciphersuites(&client->config, context_cbc);
    tk_begin(&tk);
    tk_shake(&tk);
    tk_expect(&tk, TK_ALERT_40("TLS 1.2"),
              MBEDTLS_VERSION_MAJOR < 3
                  ? "there is no common cipher suite, or the client speaks "
                    "TLS 1.3 alone"
                  : "there is no common cipher suite, curve or signature that "
                    "our certificate can be used with");
    tk_end(&tk);
}

// ---- Trust ------------------------------------------------------------------

static grpc_str context_text(const char *text)
{
    return (grpc_str){.data = text, .size = strlen(text)};
}

static void test_context__roots(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    grpc_tls_options *options = &tk.client_options;
    options->roots = (grpc_str){.size = 0};
    assert_string_equal(tk_refused(options, false),
                        "there are no roots to trust");
    options->check = GRPC_CHECK_CHAIN;
    assert_string_equal(tk_refused(options, false),
                        "there are no roots to trust");
    options->check = GRPC_CHECK_NOTHING;
    assert_string_equal(tk_refused(options, false), "");
    options->check = GRPC_CHECK_ALL;
    options->roots = context_text("no certificate");
    assert_string_equal(tk_refused(options, false), "the roots cannot be read");
    options->roots = tk_file("ca.key");
    assert_string_equal(tk_refused(options, false), "the roots cannot be read");
    options->roots = tk_file("ca.crt.der");
    assert_string_equal(tk_refused(options, false), "");
    // A server that asks clients for certificates.
    options = &tk.server_options;
    assert_string_equal(tk_refused(options, true), "");
    options->clients = GRPC_CLIENTS_REQUESTED;
    assert_string_equal(tk_refused(options, true),
                        "there are no roots to trust");
    options->clients = GRPC_CLIENTS_REQUIRED;
    assert_string_equal(tk_refused(options, true),
                        "there are no roots to trust");
    options->roots = tk_file("ca.crt");
    assert_string_equal(tk_refused(options, true), "");
}

// Of roots that mbedTLS cannot read some, the others are good.
static void test_context__some_roots(void **state)
{
    (void)state;
    grpc_str strange = tk_file("ed25519.crt");
    grpc_str good = tk_file("ca.crt");
    char *both = malloc(strange.size + good.size + 1);
    assert_non_null(both);
    memcpy(both, strange.data, strange.size);
    memcpy(both + strange.size, good.data, good.size + 1);
    struct tk tk;
    tk_options(&tk);
    tk.client_options.roots =
        (grpc_str){.data = both, .size = strange.size + good.size};
    tk_start(&tk);
    tk_expect(&tk, "", "");
    tk_end(&tk);
    tk.client_options.roots = strange;
    assert_string_equal(tk_refused(&tk.client_options, false),
                        "the roots cannot be read");
    free(both);
}

static void test_context__crl(void **state)
{
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk.client_options.crl = tk_file("ca.crl");
    assert_string_equal(tk_refused(&tk.client_options, false), "");
    tk.client_options.crl = tk_file("ca.crt");
    assert_string_equal(tk_refused(&tk.client_options, false),
                        "the list of what is revoked cannot be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context__versions),
        cmocka_unit_test(test_context__highest_version),
# if TLS_MBEDTLS_WITH_1_3
        cmocka_unit_test(test_context__no_common_version),
# endif
# if MBEDTLS_VERSION_MAJOR < 3
        cmocka_unit_test(test_context__old_peer),
# endif
        cmocka_unit_test(test_context__pss_is_wanted_last),
        cmocka_unit_test(test_context__suites),
        cmocka_unit_test(test_context__no_common_suite),
        cmocka_unit_test(test_context__roots),
        cmocka_unit_test(test_context__some_roots),
        cmocka_unit_test(test_context__crl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
# include "tests/tls_none.h"
#endif
