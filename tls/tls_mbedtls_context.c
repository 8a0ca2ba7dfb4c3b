// SPDX-License-Identifier: MIT
// What the sessions of one set of credentials share: mbedTLS's configuration,
// certificates and keys, roots.

#include "tls/tls_mbedtls.h"

#include <string.h>

#include "base/alloc.h"
#include "base/heap.h"

#if defined(GRPC_WITH_MBEDTLS)

// What RFC 9113 appendix A allows: keys that are made for the connection, and
// ciphers that authenticate. A server's order decides, and is by speed: mbedTLS
// does ChaCha20-Poly1305 at 1.5 times the rate of AES-128-GCM, with AES
// instructions too, as it computes GCM's hash block by block (2.28 and 3.6, x86-64,
// records of 16 KiB). Where hardware takes AES off it, that is first.
# define CONTEXT_CHACHA20                                \
  MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, \
      MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
# define CONTEXT_AES                                   \
  MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,     \
      MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,   \
      MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, \
      MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
# if TLS_MBEDTLS_WITH_1_3
#  define CONTEXT_CHACHA20_1_3 MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#  define CONTEXT_AES_1_3 \
   MBEDTLS_TLS1_3_AES_128_GCM_SHA256, MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
# else
#  define CONTEXT_CHACHA20_1_3
#  define CONTEXT_AES_1_3
# endif

static const int context_suites[] = {
# if defined(MBEDTLS_AES_ALT) || defined(MBEDTLS_GCM_ALT)
    CONTEXT_AES_1_3 CONTEXT_CHACHA20_1_3 CONTEXT_AES,
    CONTEXT_CHACHA20,
    0,
# else
    CONTEXT_CHACHA20_1_3 CONTEXT_AES_1_3 CONTEXT_CHACHA20,
    CONTEXT_AES,
    0,
# endif
};

static const char *const context_protocols[] = {"h2", NULL};

// ---- Who is trusted ---------------------------------------------------------

static bool context_verifies(const struct tls_mbedtls_context *context)
{
    return !context->check_nothing &&
           (!context->is_server || context->clients != GRPC_CLIENTS_UNKNOWN);
}

// context_load_roots: of the roots of a system some may be of kinds that mbedTLS
// cannot read; one that it can is enough.
static grpc_result context_load_roots(const struct tls_mbedtls_opening *opening)
{
    struct tls_mbedtls_context *context = opening->context;
    grpc_str text = opening->options->roots;
    if (text.size == 0) {
        return context_verifies(context)
                   ? tls_mbedtls_refuse(opening, "there are no roots to trust")
                   : GRPC_OK;
    }
    int error = tls_mbedtls_parse_chain(&context->roots, text);
    if (error < 0 || context->roots.raw.p == NULL) {
        return tls_mbedtls_refuse_for(
            opening, "the roots cannot be read",
            error < 0 ? error : MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT);
    }
    return GRPC_OK;
}

static grpc_result context_load_crl(const struct tls_mbedtls_opening *opening)
{
    struct tls_mbedtls_context *context = opening->context;
    grpc_str text = opening->options->crl;
    if (text.size == 0) {
        return GRPC_OK;
    }
    int error = mbedtls_x509_crl_parse(&context->crl, tls_mbedtls_bytes(text),
                                       tls_mbedtls_size(text));
    return error == 0
               ? GRPC_OK
               : tls_mbedtls_refuse_for(
                     opening, "the list of what is revoked cannot be read",
                     error);
}

// ---- The configuration ------------------------------------------------------

static grpc_result context_set_versions(
    const struct tls_mbedtls_opening *opening)
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
        return tls_mbedtls_refuse(opening, "there is no such version of TLS");
    }
    if (context->min_version > highest || context->max_version > highest) {
        return tls_mbedtls_refuse(opening,
                                  "this mbedTLS (" MBEDTLS_VERSION_STRING
                                  ") cannot do TLS 1.3");
    }
    return context->min_version > context->max_version
               ? tls_mbedtls_refuse(opening,
                                    "max_version is lower than min_version")
               : GRPC_OK;
}

// context_hold_version: a key that can do no more than TLS 1.2 holds all to that,
// unless more was asked for.
static grpc_result context_hold_version(
    const struct tls_mbedtls_opening *opening)
{
    struct tls_mbedtls_context *context = opening->context;
    bool is_old = false;
    for (size_t i = 0; i < context->identity_count; i++) {
        is_old = is_old || tls_mbedtls_sign_is_old(&context->identities[i]);
    }
    if (!is_old || context->max_version == GRPC_TLS_1_2) {
        return GRPC_OK;
    }
    if (opening->options->max_version != 0 ||
        context->min_version > GRPC_TLS_1_2) {
        return tls_mbedtls_refuse(
            opening, "with this mbedTLS (" MBEDTLS_VERSION_STRING
                     ") an RSA key that is elsewhere can do no TLS 1.3");
    }
    context->max_version = GRPC_TLS_1_2;
    return GRPC_OK;
}

// context_authmode: verification that only asks is made whole by ours, which
// looks at the flags of whatever certificate was shown, and whether there is one.
static int context_authmode(const struct tls_mbedtls_context *context)
{
    if (context->is_server && context->clients == GRPC_CLIENTS_UNKNOWN) {
        return MBEDTLS_SSL_VERIFY_NONE;
    }
    bool is_required =
        !context->check_nothing &&
        (!context->is_server || context->clients == GRPC_CLIENTS_REQUIRED);
    return is_required ? MBEDTLS_SSL_VERIFY_REQUIRED
                       : MBEDTLS_SSL_VERIFY_OPTIONAL;
}

static grpc_result context_configure(const struct tls_mbedtls_opening *opening)
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
        error = tls_mbedtls_conf_own(context);
    }
    if (error == 0) {
        error = tls_mbedtls_resume_conf(context);
    }
    if (error != 0) {
        return tls_mbedtls_refuse_for(opening, "mbedTLS cannot be set up",
                                      error);
    }
    tls_mbedtls_conf_random(config, &context->random);
    tls_mbedtls_conf_versions(config, (int)context->min_version,
                              (int)context->max_version);
    tls_mbedtls_log_conf(context);
    tls_mbedtls_conf_groups(config);
    tls_mbedtls_conf_signatures(config);
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

static grpc_result context_seed(const struct tls_mbedtls_opening *opening)
{
    int error = tls_mbedtls_random_seed(&opening->context->random);
    return error == 0 ? GRPC_OK
                      : tls_mbedtls_refuse_for(
                            opening, "there are no random numbers", error);
}

static void context_init(struct tls_mbedtls_context *context,
                         const grpc_tls_options *options, bool is_server)
{
    context->is_server = is_server;
    context->allow_no_alpn = options->allow_no_alpn;
    context->check_nothing = options->check == GRPC_CHECK_NOTHING;
    // Whether it was verified would be forgotten.
    context->no_resumption = options->no_resumption || context->check_nothing;
    context->clients = options->clients;
    context->key_log = options->key_log;
    context->key_log_self = options->self;
    context->arena.allocator = context->allocator;
    tls_mbedtls_random_init(&context->random);
    mbedtls_ssl_config_init(&context->config);
    mbedtls_x509_crt_init(&context->roots);
    mbedtls_x509_crl_init(&context->crl);
    mbedtls_ssl_ticket_init(&context->tickets);
}

grpc_result tls_mbedtls_open(const grpc_tls_options *options, bool is_server,
                             void **out_context, char *reason,
                             size_t reason_size)
{
    static grpc_result (*const context_steps[])(
        const struct tls_mbedtls_opening *opening) = {
        context_set_versions, context_seed,       tls_mbedtls_load_own,
        context_hold_version, context_load_roots, context_load_crl,
        context_configure,
    };
    grpc_allocator allocator = heap_or_default(&options->allocator);
    struct tls_mbedtls_opening opening = {
        .context = alloc_zeroed(&allocator, sizeof *opening.context),
        .options = options,
        .reason = reason,
        .reason_size = reason_size,
    };
    if (opening.context == NULL) {
        (void)tls_mbedtls_refuse(&opening, "out of memory");
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
        (void)tls_mbedtls_refuse(&opening, "out of memory");
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
    tls_mbedtls_resume_free(context);
    tls_mbedtls_free_own(context);
    grpc_arena_free(&context->arena);
    mbedtls_x509_crt_free(&context->roots);
    mbedtls_x509_crl_free(&context->crl);
    tls_mbedtls_random_free(&context->random);
    mbedtls_platform_zeroize(context, sizeof *context);
    alloc_free(&allocator, context, sizeof *context);
}

#endif
