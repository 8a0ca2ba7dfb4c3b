// SPDX-License-Identifier: MIT
// What the sessions of one set of credentials share: mbedTLS's configuration,
// certificates and keys, roots.

#include "tls/tls_mbedtls.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/heap.h"

#if defined(GRPC_WITH_MBEDTLS)

// What RFC 9113 appendix A allows: keys that are made for the connection, and
// ciphers that authenticate. The server's order decides.
static const int context_suites[] = {
# if MBEDTLS_VERSION_MAJOR >= 3 && defined(MBEDTLS_SSL_PROTO_TLS1_3)
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
# endif
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};

static const char *const context_protocols[] = {"h2", NULL};

// An open that goes on, and where it says why it does not.
struct context_opening {
    struct tls_mbedtls_context *context;
    const grpc_tls_options *options;
    char *reason;
    size_t reason_size;
};

static grpc_result context_refuse(const struct context_opening *opening,
                                  const char *words)
{
    if (opening->reason_size > 0) {
        (void)snprintf(opening->reason, opening->reason_size, "%s", words);
    }
    return GRPC_EINVAL;
}

static grpc_result context_refuse_for(const struct context_opening *opening,
                                      const char *words, int error)
{
    tls_mbedtls_say(opening->reason, opening->reason_size, words, error);
    return error == MBEDTLS_ERR_X509_ALLOC_FAILED ||
                   error == MBEDTLS_ERR_PK_ALLOC_FAILED
               ? GRPC_ENOMEM
               : GRPC_EINVAL;
}

// context_size is the size that mbedTLS wants for a text: PEM with its NUL, DER
// as it is.
static size_t context_size(grpc_str text)
{
    return text.size + (strstr(text.data, "-----BEGIN ") != NULL ? 1 : 0);
}

static const unsigned char *context_bytes(grpc_str text)
{
    return (const unsigned char *)text.data;
}

// ---- Our own certificates ---------------------------------------------------

static grpc_result context_load_chain(const struct context_opening *opening,
                                      const grpc_tls_identity *from,
                                      struct tls_mbedtls_identity *identity)
{
    grpc_str text = from->certificate;
    if (text.size == 0) {
        return context_refuse(opening, "there is a key without a certificate");
    }
    int error = mbedtls_x509_crt_parse(&identity->chain, context_bytes(text),
                                       context_size(text));
    return error == 0 ? GRPC_OK
                      : context_refuse_for(
                            opening, "the certificate cannot be read", error);
}

static const char *context_key_words(int error)
{
    return error == MBEDTLS_ERR_PK_PASSWORD_REQUIRED
               ? "the private key is encrypted: it needs its password"
           : error == MBEDTLS_ERR_PK_PASSWORD_MISMATCH
               ? "the private key's password is wrong"
               : "the private key cannot be read";
}

static grpc_result context_load_key(const struct context_opening *opening,
                                    const grpc_tls_identity *from,
                                    struct tls_mbedtls_identity *identity)
{
    grpc_str text = from->key;
    if (text.size == 0) {
        return context_refuse(opening,
                              "there is a certificate without its key");
    }
    const char *password = from->key_password;
    int error = tls_mbedtls_parse_key(
        &identity->own_key, context_bytes(text), context_size(text), password,
        password == NULL ? 0 : strlen(password), &opening->context->random);
    identity->key = &identity->own_key;
    return error == 0
               ? GRPC_OK
               : context_refuse_for(opening, context_key_words(error), error);
}

static grpc_result context_load_identity(const struct context_opening *opening,
                                         const grpc_tls_identity *from)
{
    struct tls_mbedtls_context *context = opening->context;
    struct tls_mbedtls_identity *identity =
        &context->identities[context->identity_count++];
    mbedtls_x509_crt_init(&identity->chain);
    mbedtls_pk_init(&identity->own_key);
    grpc_result result = context_load_chain(opening, from, identity);
    if (result == GRPC_OK) {
        result = context_load_key(opening, from, identity);
    }
    if (result != GRPC_OK) {
        return result;
    }
    int error = tls_mbedtls_check_pair(&identity->chain.pk, identity->key,
                                       &context->random);
    return error == 0
               ? GRPC_OK
               : context_refuse_for(
                     opening, "the key is not that of the certificate", error);
}

static bool context_is_given(const grpc_tls_identity *identity)
{
    return identity->certificate.size > 0 || identity->key.size > 0 ||
           identity->key_object != NULL || identity->sign != NULL;
}

static grpc_result context_load_identities(
    const struct context_opening *opening)
{
    struct tls_mbedtls_context *context = opening->context;
    const grpc_tls_options *options = opening->options;
    bool is_given = context_is_given(&options->identity);
    if (context->is_server && !is_given) {
        return context_refuse(opening,
                              "a server needs a certificate and its key");
    }
    size_t count = is_given ? options->more_count + 1 : 0;
    size_t bytes;
    if (count == 0) {
        return GRPC_OK;
    }
    if (!alloc_size_mul(count, sizeof *context->identities, &bytes)) {
        return GRPC_ENOMEM;
    }
    context->identities = alloc_zeroed(&context->allocator, bytes);
    if (context->identities == NULL) {
        return GRPC_ENOMEM;
    }
    context->identity_room = count;
    grpc_result result = context_load_identity(opening, &options->identity);
    for (size_t i = 0; result == GRPC_OK && i < options->more_count; i++) {
        result = context_load_identity(opening, &options->more[i]);
    }
    return result;
}

// ---- Who is trusted ---------------------------------------------------------

static bool context_verifies(const struct tls_mbedtls_context *context)
{
    return !context->check_nothing &&
           (!context->is_server || context->clients != GRPC_CLIENTS_UNKNOWN);
}

// context_load_roots: of the roots of a system some may be of kinds that mbedTLS
// cannot read; one that it can is enough.
static grpc_result context_load_roots(const struct context_opening *opening)
{
    struct tls_mbedtls_context *context = opening->context;
    grpc_str text = opening->options->roots;
    if (text.size == 0) {
        return context_verifies(context)
                   ? context_refuse(opening, "there are no roots to trust")
                   : GRPC_OK;
    }
    int error = mbedtls_x509_crt_parse(&context->roots, context_bytes(text),
                                       context_size(text));
    if (error < 0 || context->roots.raw.p == NULL) {
        return context_refuse_for(
            opening, "the roots cannot be read",
            error < 0 ? error : MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT);
    }
    return GRPC_OK;
}

static grpc_result context_load_crl(const struct context_opening *opening)
{
    struct tls_mbedtls_context *context = opening->context;
    if (opening->options->crl_file == NULL) {
        return GRPC_OK;
    }
    grpc_str text = {
        .data = opening->options->crl_file,
        .size = strlen(opening->options->crl_file),
    };
    int error = mbedtls_x509_crl_parse(&context->crl, context_bytes(text),
                                       context_size(text));
    return error == 0
               ? GRPC_OK
               : context_refuse_for(
                     opening, "the list of what is revoked cannot be read",
                     error);
}

// ---- The configuration ------------------------------------------------------

static grpc_result context_set_versions(const struct context_opening *opening)
{
    struct tls_mbedtls_context *context = opening->context;
    grpc_tls_version highest =
        TLS_MBEDTLS_HAS_1_3 ? GRPC_TLS_1_3 : GRPC_TLS_1_2;
    context->min_version = opening->options->min_version;
    context->max_version = opening->options->max_version;
    if (context->min_version == 0) {
        context->min_version = GRPC_TLS_1_2;
    }
    if (context->max_version == 0) {
        context->max_version = highest;
    }
    if (context->min_version < GRPC_TLS_1_2 ||
        context->max_version < GRPC_TLS_1_2 ||
        context->min_version > GRPC_TLS_1_3 ||
        context->max_version > GRPC_TLS_1_3) {
        return context_refuse(opening, "there is no such version of TLS");
    }
    if (context->min_version > highest || context->max_version > highest) {
        return context_refuse(opening, "this mbedTLS (" MBEDTLS_VERSION_STRING
                                       ") cannot do TLS 1.3");
    }
    return context->min_version > context->max_version
               ? context_refuse(opening,
                                "max_version is lower than min_version")
               : GRPC_OK;
}

// context_authmode: verification that only asks is made whole by ours, which
// looks at the flags of whatever certificate was shown.
static int context_authmode(const struct tls_mbedtls_context *context)
{
    if (context->is_server && context->clients == GRPC_CLIENTS_UNKNOWN) {
        return MBEDTLS_SSL_VERIFY_NONE;
    }
    bool is_required = context->is_server
                           ? context->clients == GRPC_CLIENTS_REQUIRED
                           : !context->check_nothing;
    return is_required ? MBEDTLS_SSL_VERIFY_REQUIRED
                       : MBEDTLS_SSL_VERIFY_OPTIONAL;
}

static int context_set_own(struct tls_mbedtls_context *context)
{
    return context->identity_count == 0
               ? 0
               : mbedtls_ssl_conf_own_cert(&context->config,
                                           &context->identities[0].chain,
                                           context->identities[0].key);
}

static grpc_result context_configure(const struct context_opening *opening)
{
    struct tls_mbedtls_context *context = opening->context;
    mbedtls_ssl_config *config = &context->config;
    int error = mbedtls_ssl_config_defaults(
        config,
        context->is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
        MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (error == 0) {
        error = tls_mbedtls_conf_alpn(config, context_protocols);
    }
    if (error == 0) {
        error = context_set_own(context);
    }
    if (error != 0) {
        return context_refuse_for(opening, "mbedTLS cannot be set up", error);
    }
    tls_mbedtls_conf_random(config, &context->random);
    tls_mbedtls_conf_versions(config, (int)context->min_version,
                              (int)context->max_version);
    mbedtls_ssl_conf_ciphersuites(config, context_suites);
    mbedtls_ssl_conf_authmode(config, context_authmode(context));
    mbedtls_ssl_conf_ca_chain(
        config, context->roots.raw.p == NULL ? NULL : &context->roots,
        context->crl.raw.p == NULL ? NULL : &context->crl);
# if defined(MBEDTLS_SSL_RENEGOTIATION)
    mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
# endif
    return GRPC_OK;
}

// ---- Open and close ---------------------------------------------------------

static grpc_result context_seed(const struct context_opening *opening)
{
    int error = tls_mbedtls_random_seed(&opening->context->random);
    return error == 0 ? GRPC_OK
                      : context_refuse_for(
                            opening, "there are no random numbers", error);
}

static void context_init(struct tls_mbedtls_context *context,
                         const grpc_tls_options *options, bool is_server)
{
    context->is_server = is_server;
    context->allow_no_alpn = options->allow_no_alpn;
    context->check_nothing = options->check == GRPC_CHECK_NOTHING;
    context->clients = options->clients;
    tls_mbedtls_random_init(&context->random);
    mbedtls_ssl_config_init(&context->config);
    mbedtls_x509_crt_init(&context->roots);
    mbedtls_x509_crl_init(&context->crl);
}

grpc_result tls_mbedtls_open(const grpc_tls_options *options, bool is_server,
                             void **out_context, char *reason,
                             size_t reason_size)
{
    static grpc_result (*const context_steps[])(
        const struct context_opening *opening) = {
        context_set_versions, context_seed,     context_load_identities,
        context_load_roots,   context_load_crl, context_configure,
    };
    grpc_allocator allocator = heap_or_default(&options->allocator);
    struct context_opening opening = {
        .context = alloc_zeroed(&allocator, sizeof *opening.context),
        .options = options,
        .reason = reason,
        .reason_size = reason_size,
    };
    if (opening.context == NULL) {
        (void)context_refuse(&opening, "out of memory");
        return GRPC_ENOMEM;
    }
    opening.context->allocator = allocator;
    context_init(opening.context, options, is_server);
    grpc_result result = GRPC_OK;
    for (size_t i = 0;
         result == GRPC_OK && i < sizeof context_steps / sizeof *context_steps;
         i++) {
        result = context_steps[i](&opening);
    }
    if (result == GRPC_ENOMEM) {
        (void)context_refuse(&opening, "out of memory");
    }
    if (result != GRPC_OK) {
        tls_mbedtls_close(opening.context);
        return result;
    }
    *out_context = opening.context;
    return GRPC_OK;
}

void tls_mbedtls_close(void *context_)
{
    struct tls_mbedtls_context *context = context_;
    grpc_allocator allocator = context->allocator;
    mbedtls_ssl_config_free(&context->config);
    for (size_t i = 0; i < context->identity_count; i++) {
        mbedtls_x509_crt_free(&context->identities[i].chain);
        mbedtls_pk_free(&context->identities[i].own_key);
    }
    alloc_free(&allocator, context->identities,
               context->identity_room * sizeof *context->identities);
    mbedtls_x509_crt_free(&context->roots);
    mbedtls_x509_crl_free(&context->crl);
    tls_mbedtls_random_free(&context->random);
    mbedtls_platform_zeroize(context, sizeof *context);
    alloc_free(&allocator, context, sizeof *context);
}

#endif
