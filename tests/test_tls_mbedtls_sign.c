// SPDX-License-Identifier: MIT
// Private keys that are elsewhere: sign, and key_object.

#include "tests/unit.h"

#if defined(GRPC_WITH_MBEDTLS)

# include "tests/tls_kit.h"

# include <mbedtls/ecdsa.h>

// A signer, with a key of its own and mbedTLS's signing.
struct sign_signer {
    mbedtls_pk_context key;
    struct tls_mbedtls_random random;
    int calls;
    uint16_t scheme;
    size_t digest_size;
    size_t room;
    grpc_result result; // what it says
    size_t cut;         // bytes that its signature is too short
    bool is_wrong;      // its signature
};

static void sign_begin(struct sign_signer *signer, const char *key)
{
    *signer = (struct sign_signer){.calls = 0};
    tls_mbedtls_random_init(&signer->random);
    assert_int_equal(tls_mbedtls_random_seed(&signer->random), 0);
    mbedtls_pk_init(&signer->key);
    assert_int_equal(tls_mbedtls_parse_key(&signer->key, tk_file(key), NULL,
                                           &signer->random),
                     0);
}

static void sign_end(struct sign_signer *signer)
{
    mbedtls_pk_free(&signer->key);
    tls_mbedtls_random_free(&signer->random);
}

static grpc_result sign_sign(void *signer_, uint16_t scheme, grpc_str digest,
                             unsigned char *signature, size_t *size)
{
    static const mbedtls_md_type_t sign_hashes[] = {
        MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512};
    struct sign_signer *signer = signer_;
    signer->calls++;
    signer->scheme = scheme;
    signer->digest_size = digest.size;
    signer->room = *size;
    if (signer->result != GRPC_OK) {
        return signer->result;
    }
    unsigned hash = (unsigned)scheme >> 8;
    assert_in_range(hash, 4, 6);
    size_t made = 0;
    mbedtls_md_type_t type = sign_hashes[hash - 4];
    const unsigned char *data = (const unsigned char *)digest.data;
# if MBEDTLS_VERSION_MAJOR < 3
    int error =
        mbedtls_pk_sign(&signer->key, type, data, digest.size, signature, &made,
                        TLS_MBEDTLS_RNG(&signer->random));
# elif MBEDTLS_VERSION_MAJOR < 4
    int error =
        mbedtls_pk_sign(&signer->key, type, data, digest.size, signature, *size,
                        &made, TLS_MBEDTLS_RNG(&signer->random));
# else
    int error = mbedtls_pk_sign(&signer->key, type, data, digest.size,
                                signature, *size, &made);
# endif
    assert_int_equal(error, 0);
    assert_in_range(made, 1, *size);
    if (signer->is_wrong) {
        signature[made - 1] ^= 1;
    }
    *size = made - signer->cut;
    return GRPC_OK;
}

static grpc_tls_identity sign_identity(const char *certificate,
                                       struct sign_signer *signer)
{
    return (grpc_tls_identity){
        .certificate = tk_file(certificate),
        .sign = sign_sign,
        .sign_self = signer,
    };
}

# if defined(MBEDTLS_USE_PSA_CRYPTO)
#  define SIGN_INSTEAD "; a key_object of PSA's can"
# else
#  define SIGN_INSTEAD ""
# endif

// The kinds of keys that others can sign with in this mbedTLS.
static const struct {
    const char *name; // of the certificate
    const char *client;
    const char *refused; // NULL: not
    unsigned kind;       // lower byte of the scheme
    size_t room;
} sign_kinds[] = {
    {"server-rsa", "client-rsa", NULL, 1, 256},
    {"server", "client",
     MBEDTLS_VERSION_MAJOR < 3
         ? NULL
         : "this mbedTLS (" MBEDTLS_VERSION_STRING
           ") cannot let others sign with ECDSA" SIGN_INSTEAD,
     3, MBEDTLS_ECDSA_MAX_LEN},
};

enum { SIGN_KINDS = sizeof sign_kinds / sizeof *sign_kinds };

static void sign_begin_kind(struct sign_signer *signer, const char *name)
{
    char key[TK_TEXT];
    (void)snprintf(key, sizeof key, "%s.key", name);
    sign_begin(signer, key);
}

static grpc_tls_identity sign_identity_of(const char *name,
                                          struct sign_signer *signer)
{
    char certificate[TK_TEXT];
    (void)snprintf(certificate, sizeof certificate, "%s.crt", name);
    return sign_identity(certificate, signer);
}

static void test_sign__of_a_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIGN_KINDS; i++) {
        struct sign_signer signer;
        struct tk tk;
        tk_options(&tk);
        sign_begin_kind(&signer, sign_kinds[i].name);
        tk.server_options.identity =
            sign_identity_of(sign_kinds[i].name, &signer);
        if (sign_kinds[i].refused != NULL) {
            assert_string_equal(tk_refused(&tk.server_options, true),
                                sign_kinds[i].refused);
            sign_end(&signer);
            continue;
        }
        tk_start(&tk);
        tk_expect(&tk, "", "");
        assert_int_equal(signer.calls, 1);
        assert_int_equal(signer.scheme & 0xff, sign_kinds[i].kind);
        static const size_t sizes[] = {32, 48, 64};
        assert_in_range(signer.scheme >> 8, 4, 6);
        assert_int_equal(signer.digest_size, sizes[(signer.scheme >> 8) - 4]);
        assert_int_equal(signer.room, sign_kinds[i].room);
        // A session that goes on needs no signature.
        tk_end_sessions(&tk);
        tk_begin(&tk);
        tk_shake(&tk);
        tk_expect(&tk, "", "");
        assert_int_equal(signer.calls, 1);
        tk_end(&tk);
        sign_end(&signer);
    }
}

static void test_sign__of_a_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIGN_KINDS; i++) {
        struct sign_signer signer;
        struct tk tk;
        tk_options(&tk);
        sign_begin_kind(&signer, sign_kinds[i].client);
        tk.server_options.roots = tk_file("ca.crt");
        tk.server_options.clients = GRPC_CLIENTS_REQUIRED;
        tk.client_options.identity =
            sign_identity_of(sign_kinds[i].client, &signer);
        if (sign_kinds[i].refused != NULL) {
            assert_string_equal(tk_refused(&tk.client_options, false),
                                sign_kinds[i].refused);
            sign_end(&signer);
            continue;
        }
        tk_start(&tk);
        tk_expect(&tk, "", "");
        assert_int_equal(signer.calls, 1);
        assert_int_equal(signer.scheme & 0xff, sign_kinds[i].kind);
        assert_string_equal(tk.server.subject, "CN=client");
        tk_end(&tk);
        sign_end(&signer);
    }
}

// sign says no, or its signature cannot be one.
static void test_sign__refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIGN_KINDS; i++) {
        for (int how = 0; how < 2 && sign_kinds[i].refused == NULL; how++) {
            struct sign_signer signer;
            struct tk tk;
            tk_options(&tk);
            sign_begin_kind(&signer, sign_kinds[i].name);
            if (how == 0) {
                signer.result = GRPC_EINVAL;
            } else if (i == 0) {
                signer.cut = 1;
            } else {
                signer.cut = 1000; // more than there is room for
            }
            tk.server_options.identity =
                sign_identity_of(sign_kinds[i].name, &signer);
            tk_start(&tk);
            assert_string_equal(tk_error(&tk.server),
                                "sign did not sign with the private key");
            assert_string_equal(tk_error(&tk.client), TK_ALERT_40(TK_VERSIONS));
            // That was this time.
            signer.result = GRPC_OK;
            signer.cut = 0;
            tk_end_sessions(&tk);
            tk_begin(&tk);
            tk_shake(&tk);
            tk_expect(&tk, "", "");
            tk_end(&tk);
            sign_end(&signer);
        }
    }
}

// A signature that is wrong is for the peer to find.
static void test_sign__is_wrong(void **state)
{
    (void)state;
    struct sign_signer signer;
    struct tk tk;
    tk_options(&tk);
    sign_begin(&signer, "server-rsa.key");
    signer.is_wrong = true;
    tk.server_options.identity = sign_identity("server-rsa.crt", &signer);
    tk_start(&tk);
    assert_false(tk.client.is_done);
    assert_string_equal(
        tk_error(&tk.client),
        "the peer's signature is wrong: it has not its certificate's key");
    assert_false(tk.server.is_done);
    tk_end(&tk);
    sign_end(&signer);
}

// RSA keys that are elsewhere cannot do TLS 1.3 in mbedTLS.
static void test_sign__version(void **state)
{
    (void)state;
    struct sign_signer signer;
    struct tk tk;
    tk_options(&tk);
    sign_begin(&signer, "server-rsa.key");
    tk.server_options.identity = sign_identity("server-rsa.crt", &signer);
    tk.server_options.max_version = GRPC_TLS_1_2;
    assert_string_equal(tk_refused(&tk.server_options, true), "");
    tk.server_options.max_version = GRPC_TLS_1_3;
    const char *words = TK_HAS_1_3
                            ? "with this mbedTLS (" MBEDTLS_VERSION_STRING
                              ") an RSA key that is elsewhere can do no TLS 1.3"
                            : "this mbedTLS (" MBEDTLS_VERSION_STRING
                              ") cannot do TLS 1.3";
    assert_string_equal(tk_refused(&tk.server_options, true), words);
    tk.server_options.max_version = 0;
    tk.server_options.min_version = GRPC_TLS_1_3;
    assert_string_equal(tk_refused(&tk.server_options, true), words);
    sign_end(&signer);
}

static void test_sign__ed25519(void **state)
{
    (void)state;
    struct sign_signer signer;
    struct tk tk;
    tk_options(&tk);
    sign_begin(&signer, "server.key");
    tk.server_options.identity = sign_identity("ed25519.crt", &signer);
    assert_string_equal(tk_refused(&tk.server_options, true),
                        "the certificate cannot be read");
    sign_end(&signer);
}

// ---- key_object -------------------------------------------------------------

static void test_sign__key_object(void **state)
{
    static const char *const sign_names[] = {"server", "server-rsa"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sign_signer holder;
        struct tk tk;
        tk_options(&tk);
        sign_begin_kind(&holder, sign_names[i]);
        tk.server_options.identity = sign_identity_of(sign_names[i], &holder);
        tk.server_options.identity.sign = NULL;
        tk.server_options.identity.key_object = &holder.key;
        tk_start(&tk);
        tk_expect(&tk, "", "");
        tk_end(&tk);
        // It is still there: the credentials have borrowed it.
        tk_start(&tk);
        tk_expect(&tk, "", "");
        tk_end(&tk);
        tk.server_options.identity.certificate = tk_file("other-name.crt");
        assert_string_equal(tk_refused(&tk.server_options, true),
                            "the key is not that of the certificate");
        sign_end(&holder);
    }
}

# if MBEDTLS_VERSION_MAJOR == 3 && defined(MBEDTLS_USE_PSA_CRYPTO)
// A key within PSA, of which mbedTLS has no more than the number.
static void test_sign__key_object_opaque(void **state)
{
    (void)state;
    struct sign_signer holder;
    sign_begin(&holder, "server.key");
    unsigned char scalar[32];
    const mbedtls_ecp_keypair *pair = mbedtls_pk_ec(holder.key);
    assert_int_equal(
        mbedtls_mpi_write_binary(&pair->MBEDTLS_PRIVATE(d), scalar, 32), 0);
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_HASH);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDSA(PSA_ALG_ANY_HASH));
    psa_set_key_type(&attributes,
                     PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_key_id_t id = 0;
    assert_int_equal(psa_import_key(&attributes, scalar, sizeof scalar, &id),
                     PSA_SUCCESS);
    mbedtls_pk_context opaque;
    mbedtls_pk_init(&opaque);
    assert_int_equal(mbedtls_pk_setup_opaque(&opaque, id), 0);
    for (int version = 0; version < 2; version++) {
        struct tk tk;
        tk_options(&tk);
        tk.server_options.identity = (grpc_tls_identity){
            .certificate = tk_file("server.crt"),
            .key_object = &opaque,
        };
        tk.client_options.max_version =
            version == 0 ? GRPC_TLS_1_2 : GRPC_TLS_1_3;
        tk_start(&tk);
        tk_expect(&tk, "", "");
        tk_end(&tk);
    }
    mbedtls_pk_free(&opaque);
    assert_int_equal(psa_destroy_key(id), PSA_SUCCESS);
    sign_end(&holder);
}
# endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign__of_a_server),
        cmocka_unit_test(test_sign__of_a_client),
        cmocka_unit_test(test_sign__refuses),
        cmocka_unit_test(test_sign__is_wrong),
        cmocka_unit_test(test_sign__version),
        cmocka_unit_test(test_sign__ed25519),
        cmocka_unit_test(test_sign__key_object),
# if MBEDTLS_VERSION_MAJOR == 3 && defined(MBEDTLS_USE_PSA_CRYPTO)
        cmocka_unit_test(test_sign__key_object_opaque),
# endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
# include "tests/tls_none.h"
#endif
