// SPDX-License-Identifier: MIT
// Our own certificates with their keys, and which of them a client gets: one that
// has the name it asks for (SNI), the whole name before a wildcard; without such,
// the first, or one with the same names and another kind of key.

#include "tls/tls_mbedtls.h"

#include <string.h>

#include "base/alloc.h"
#include "tls/tls_name.h"

#if defined(GRPC_WITH_MBEDTLS)

// ---- Loading ----------------------------------------------------------------

static grpc_result own_load_chain(const struct tls_mbedtls_opening *opening,
                                  const grpc_tls_identity *from,
                                  struct tls_mbedtls_identity *identity)
{
    struct tls_mbedtls_context *context = opening->context;
    if (from->certificate.size == 0) {
        return tls_mbedtls_refuse(opening,
                                  "there is a key without a certificate");
    }
    int error = tls_mbedtls_parse_chain(&identity->chain, from->certificate);
    if (error != 0) {
        return tls_mbedtls_refuse_for(opening, "the certificate cannot be read",
                                      error);
    }
    return tls_mbedtls_names(&identity->chain, &context->arena,
                             &identity->names, &identity->name_count);
}

static const char *own_key_words(int error)
{
    return error == MBEDTLS_ERR_PK_PASSWORD_REQUIRED
               ? "the private key is encrypted: it needs its password"
           : error == MBEDTLS_ERR_PK_PASSWORD_MISMATCH
               ? "the private key's password is wrong"
               : "the private key cannot be read";
}

static grpc_result own_parse_key(const struct tls_mbedtls_opening *opening,
                                 const grpc_tls_identity *from,
                                 struct tls_mbedtls_identity *identity)
{
    if (from->key.size == 0) {
        return tls_mbedtls_refuse(opening,
                                  "there is a certificate without its key");
    }
    int error =
        tls_mbedtls_parse_key(&identity->own_key, from->key, from->key_password,
                              &opening->context->random);
    identity->key = &identity->own_key;
    return error == 0
               ? GRPC_OK
               : tls_mbedtls_refuse_for(opening, own_key_words(error), error);
}

// own_is_unknown: of a key that is within a device no more is known than what it
// signs, or not even that.
static bool own_is_unknown(const struct tls_mbedtls_identity *identity,
                           int error)
{
    return identity->key != &identity->own_key &&
           (error == MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE ||
            (error == MBEDTLS_ERR_PK_TYPE_MISMATCH &&
             tls_mbedtls_key_is_opaque(identity->key)));
}

static grpc_result own_check_pair(const struct tls_mbedtls_opening *opening,
                                  const struct tls_mbedtls_identity *identity)
{
    int error = tls_mbedtls_check_pair(&identity->chain.pk, identity->key,
                                       &opening->context->random);
    return error == 0 || own_is_unknown(identity, error)
               ? GRPC_OK
               : tls_mbedtls_refuse_for(
                     opening, "the key is not that of the certificate", error);
}

// own_load_key: the key is in memory, the user's object, or elsewhere.
static grpc_result own_load_key(const struct tls_mbedtls_opening *opening,
                                const grpc_tls_identity *from,
                                struct tls_mbedtls_identity *identity)
{
    if (from->sign != NULL) {
        identity->sign = from->sign;
        identity->sign_self = from->sign_self;
        identity->has_refused = &opening->context->sign_has_refused;
        const char *words = tls_mbedtls_sign(identity);
        return words == NULL ? GRPC_OK : tls_mbedtls_refuse(opening, words);
    }
    grpc_result result = GRPC_OK;
    if (from->key_object != NULL) {
        identity->key = from->key_object;
    } else {
        result = own_parse_key(opening, from, identity);
    }
    return result == GRPC_OK ? own_check_pair(opening, identity) : result;
}

// own_has_names: a has every name of b.
static bool own_has_names(const struct tls_mbedtls_identity *a,
                          const struct tls_mbedtls_identity *b)
{
    bool has_all = true;
    for (size_t i = 0; has_all && i < b->name_count; i++) {
        bool found = false;
        for (size_t j = 0; !found && j < a->name_count; j++) {
            found = a->names[j].type == b->names[i].type &&
                    a->names[j].value.size == b->names[i].value.size &&
                    memcmp(a->names[j].value.data, b->names[i].value.data,
                           b->names[i].value.size) == 0;
        }
        has_all = found;
    }
    return has_all;
}

// own_is_twin: one without names is everybody's, or nobody's.
static bool own_is_twin(const struct tls_mbedtls_identity *identity,
                        const struct tls_mbedtls_identity *first)
{
    return identity == first ||
           (first->name_count > 0 && own_has_names(identity, first));
}

static grpc_result own_load_one(const struct tls_mbedtls_opening *opening,
                                const grpc_tls_identity *from)
{
    struct tls_mbedtls_context *context = opening->context;
    struct tls_mbedtls_identity *identity =
        &context->identities[context->identity_count++];
    mbedtls_x509_crt_init(&identity->chain);
    mbedtls_pk_init(&identity->own_key);
    grpc_result result = own_load_chain(opening, from, identity);
    if (result == GRPC_OK) {
        result = own_load_key(opening, from, identity);
    }
    identity->is_twin =
        result == GRPC_OK && own_is_twin(identity, context->identities);
    return result;
}

static bool own_is_given(const grpc_tls_identity *identity)
{
    return identity->certificate.size > 0 || identity->key.size > 0 ||
           identity->key_object != NULL || identity->sign != NULL;
}

grpc_result tls_mbedtls_load_own(const struct tls_mbedtls_opening *opening)
{
    struct tls_mbedtls_context *context = opening->context;
    const grpc_tls_options *options = opening->options;
    if (!own_is_given(&options->identity)) {
        return context->is_server
                   ? tls_mbedtls_refuse(
                         opening, "a server needs a certificate and its key")
                   : GRPC_OK;
    }
    // A client has no use for more.
    size_t more = context->is_server ? options->more_count : 0;
    size_t bytes;
    if (!alloc_size_mul(more + 1, sizeof *context->identities, &bytes)) {
        return GRPC_ENOMEM;
    }
    context->identities = alloc_zeroed(&context->allocator, bytes);
    if (context->identities == NULL) {
        return GRPC_ENOMEM;
    }
    context->identity_room = more + 1;
    grpc_result result = own_load_one(opening, &options->identity);
    for (size_t i = 0; result == GRPC_OK && i < more; i++) {
        result = own_load_one(opening, &options->more[i]);
    }
    return result;
}

void tls_mbedtls_free_own(struct tls_mbedtls_context *context)
{
    for (size_t i = 0; i < context->identity_count; i++) {
        mbedtls_x509_crt_free(&context->identities[i].chain);
        mbedtls_pk_free(&context->identities[i].own_key);
    }
    alloc_free(&context->allocator, context->identities,
               context->identity_room * sizeof *context->identities);
}

// ---- Choosing ---------------------------------------------------------------

// own_give gives mbedTLS those that fit the name so well; of them it takes the
// first whose kind of key goes with a cipher suite. *given: there was one.
static int own_give(const struct tls_mbedtls_context *context,
                    mbedtls_ssl_context *ssl, const char *name,
                    tls_name_fit fit, bool *given)
{
    int error = 0;
    for (size_t i = 0; error == 0 && i < context->identity_count; i++) {
        struct tls_mbedtls_identity *identity = &context->identities[i];
        if (tls_name_fits(identity->names, identity->name_count, name) == fit) {
            *given = true;
            error = mbedtls_ssl_set_hs_own_cert(ssl, &identity->chain,
                                                identity->key);
        }
    }
    return error;
}

// own_choose is mbedTLS's callback for a client that asks for a name.
static int own_choose(void *context_, mbedtls_ssl_context *ssl,
                      const unsigned char *name, size_t size)
{
    const struct tls_mbedtls_context *context = context_;
    char text[TLS_MBEDTLS_NAME_BYTES];
    if (size >= sizeof text || memchr(name, '\0', size) != NULL) {
        return 0; // nobody has such a name
    }
    memcpy(text, name, size);
    text[size] = '\0';
    bool given = false;
    int error = own_give(context, ssl, text, TLS_NAME_WHOLE, &given);
    if (error == 0 && !given) {
        error = own_give(context, ssl, text, TLS_NAME_WILDCARD, &given);
    }
    return error;
}

int tls_mbedtls_conf_own(struct tls_mbedtls_context *context)
{
    int error = 0;
    for (size_t i = 0; error == 0 && i < context->identity_count; i++) {
        struct tls_mbedtls_identity *identity = &context->identities[i];
        if (identity->is_twin) {
            error = mbedtls_ssl_conf_own_cert(&context->config,
                                              &identity->chain, identity->key);
        }
    }
# if defined(MBEDTLS_SSL_SERVER_NAME_INDICATION)
    if (context->is_server && context->identity_count > 1) {
        mbedtls_ssl_conf_sni(&context->config, own_choose, context);
    }
# endif
    return error;
}

#endif
