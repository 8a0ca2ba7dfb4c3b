// SPDX-License-Identifier: MIT
// The differences between mbedTLS 2.28, 3.6 and 4.x, in one place: the files
// around it are written as for one library.

#ifndef TLS_TLS_MBEDTLS_COMPAT_H
#define TLS_TLS_MBEDTLS_COMPAT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "grpc.h"

#if defined(GRPC_WITH_MBEDTLS)

# include <mbedtls/version.h>

# include <mbedtls/asn1.h>
# include <mbedtls/error.h>
# include <mbedtls/pk.h>
# include <mbedtls/platform_util.h>
# include <mbedtls/ssl.h>
# include <mbedtls/ssl_ciphersuites.h>
# include <mbedtls/ssl_ticket.h>
# include <mbedtls/x509_crl.h>
# include <mbedtls/x509_crt.h>

# if MBEDTLS_VERSION_NUMBER < 0x021C0000
#  error "cgrpc needs mbedTLS 2.28 or newer"
# endif

// 2.28 shows its structs; later ones have a prefix for what is theirs.
# if MBEDTLS_VERSION_MAJOR < 3
#  define TLS_MBEDTLS_FIELD(name) name
# else
#  define TLS_MBEDTLS_FIELD(name) MBEDTLS_PRIVATE(name)
# endif

// Random numbers are the user's to set up before 4.0, and PSA's from then on.
# if MBEDTLS_VERSION_MAJOR < 4
#  include <mbedtls/ctr_drbg.h>
#  include <mbedtls/ecp.h>
#  include <mbedtls/entropy.h>
#  include <mbedtls/rsa.h>
struct tls_mbedtls_random {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context drbg;
};
#  define TLS_MBEDTLS_RNG(random) mbedtls_ctr_drbg_random, &(random)->drbg
# else
struct tls_mbedtls_random {
    char none;
};
# endif

# if MBEDTLS_VERSION_MAJOR >= 4 || defined(MBEDTLS_USE_PSA_CRYPTO) || \
     (MBEDTLS_VERSION_MAJOR == 3 && defined(MBEDTLS_PSA_CRYPTO_C))
#  include <psa/crypto.h>
#  define TLS_MBEDTLS_WITH_PSA 1
# else
#  define TLS_MBEDTLS_WITH_PSA 0
# endif

static inline void tls_mbedtls_random_init(struct tls_mbedtls_random *random)
{
# if MBEDTLS_VERSION_MAJOR < 4
    mbedtls_entropy_init(&random->entropy);
    mbedtls_ctr_drbg_init(&random->drbg);
# else
    random->none = 0;
# endif
}

// tls_mbedtls_random_seed also starts PSA, which TLS 1.3 needs. (2.28 needs it for
// nothing, if not built to, and starts it without a lock: two threads would do so at
// the same time.)
static inline int tls_mbedtls_random_seed(struct tls_mbedtls_random *random)
{
    int result = 0;
# if TLS_MBEDTLS_WITH_PSA
    result =
        psa_crypto_init() == PSA_SUCCESS ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
# endif
# if MBEDTLS_VERSION_MAJOR < 4
    if (result == 0) {
        result = mbedtls_ctr_drbg_seed(&random->drbg, mbedtls_entropy_func,
                                       &random->entropy,
                                       (const unsigned char *)"cgrpc", 5);
    }
# else
    (void)random;
# endif
    return result;
}

static inline void tls_mbedtls_random_free(struct tls_mbedtls_random *random)
{
# if MBEDTLS_VERSION_MAJOR < 4
    mbedtls_ctr_drbg_free(&random->drbg);
    mbedtls_entropy_free(&random->entropy);
# else
    (void)random;
# endif
}

static inline void tls_mbedtls_conf_random(mbedtls_ssl_config *config,
                                           struct tls_mbedtls_random *random)
{
# if MBEDTLS_VERSION_MAJOR < 4
    mbedtls_ssl_conf_rng(config, TLS_MBEDTLS_RNG(random));
# else
    (void)config;
    (void)random;
# endif
}

// tls_mbedtls_size is the size that mbedTLS wants of a text: PEM with its NUL,
// DER as it is.
static inline size_t tls_mbedtls_size(grpc_str text)
{
    return text.size + (strstr(text.data, "-----BEGIN ") != NULL ? 1 : 0);
}

static inline const unsigned char *tls_mbedtls_bytes(grpc_str text)
{
    return (const unsigned char *)text.data;
}

static inline int tls_mbedtls_parse_chain(mbedtls_x509_crt *chain,
                                          grpc_str text)
{
    return mbedtls_x509_crt_parse(chain, tls_mbedtls_bytes(text),
                                  tls_mbedtls_size(text));
}

static inline int tls_mbedtls_parse_key(mbedtls_pk_context *key, grpc_str text,
                                        const char *password,
                                        struct tls_mbedtls_random *random)
{
    const unsigned char *word = (const unsigned char *)password;
    size_t word_size = password == NULL ? 0 : strlen(password);
# if MBEDTLS_VERSION_MAJOR == 3
    return mbedtls_pk_parse_key(key, tls_mbedtls_bytes(text),
                                tls_mbedtls_size(text), word, word_size,
                                TLS_MBEDTLS_RNG(random));
# else
    (void)random;
    return mbedtls_pk_parse_key(key, tls_mbedtls_bytes(text),
                                tls_mbedtls_size(text), word, word_size);
# endif
}

// tls_mbedtls_key_is_opaque: mbedTLS knows a handle, not the key. (4.x compares
// such keys too.)
static inline bool tls_mbedtls_key_is_opaque(const mbedtls_pk_context *key)
{
# if MBEDTLS_VERSION_MAJOR < 4
    return mbedtls_pk_get_type(key) == MBEDTLS_PK_OPAQUE;
# else
    (void)key;
    return false;
# endif
}

static inline int tls_mbedtls_check_pair(const mbedtls_pk_context *public_key,
                                         const mbedtls_pk_context *private_key,
                                         struct tls_mbedtls_random *random)
{
# if MBEDTLS_VERSION_MAJOR == 3
    return mbedtls_pk_check_pair(public_key, private_key,
                                 TLS_MBEDTLS_RNG(random));
# else
    (void)random;
    return mbedtls_pk_check_pair(public_key, private_key);
# endif
}

// Can it do TLS 1.3?
# if MBEDTLS_VERSION_MAJOR >= 3 && defined(MBEDTLS_SSL_PROTO_TLS1_3)
#  define TLS_MBEDTLS_WITH_1_3 1
# else
#  define TLS_MBEDTLS_WITH_1_3 0
# endif
enum { TLS_MBEDTLS_HAS_1_3 = TLS_MBEDTLS_WITH_1_3 };

// tls_mbedtls_conf_versions bounds the version, by grpc_tls_version's numbers.
static inline void tls_mbedtls_conf_versions(mbedtls_ssl_config *config,
                                             int min, int max)
{
# if MBEDTLS_VERSION_MAJOR < 3
    mbedtls_ssl_conf_min_version(config, min >> 8, min & 0xff);
    mbedtls_ssl_conf_max_version(config, max >> 8, max & 0xff);
# else
    mbedtls_ssl_conf_min_tls_version(config, (mbedtls_ssl_protocol_version)min);
    mbedtls_ssl_conf_max_tls_version(config, (mbedtls_ssl_protocol_version)max);
# endif
}

static inline int tls_mbedtls_conf_alpn(mbedtls_ssl_config *config,
                                        const char *const *protocols)
{
# if MBEDTLS_VERSION_MAJOR < 4
    // It reads them; the table is no less constant for that.
    union {
        const char *const *constant;
        const char **variable;
    } list = {.constant = protocols};
    return mbedtls_ssl_conf_alpn_protocols(config, list.variable);
# else
    return mbedtls_ssl_conf_alpn_protocols(config, protocols);
# endif
}

// tls_mbedtls_state is where the handshake stands (mbedtls_ssl_states).
// mbedtls_ssl_is_handshake_over() would be true before the tickets of TLS 1.3
// are sent.
static inline int tls_mbedtls_state(const mbedtls_ssl_context *ssl)
{
    return (int)ssl->TLS_MBEDTLS_FIELD(state);
}

// tls_mbedtls_is_1_3: that is the version that was agreed on.
static inline bool tls_mbedtls_is_1_3(const mbedtls_ssl_context *ssl)
{
# if MBEDTLS_VERSION_MAJOR < 3
    (void)ssl;
    return false;
# else
    return mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_3;
# endif
}

// ---- Groups -----------------------------------------------------------------

// tls_mbedtls_conf_groups sets the curves: those in general use, the one that
// mbedTLS is fastest with first.
static inline void tls_mbedtls_conf_groups(mbedtls_ssl_config *config)
{
# if MBEDTLS_VERSION_MAJOR < 3
    static const mbedtls_ecp_group_id tls_mbedtls_groups[] = {
        MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519,
        MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1,
        MBEDTLS_ECP_DP_NONE,
    };
    static const int tls_mbedtls_hashes[] = {
        MBEDTLS_MD_SHA256,
        MBEDTLS_MD_SHA384,
        MBEDTLS_MD_SHA512,
        MBEDTLS_MD_NONE,
    };
    mbedtls_ssl_conf_curves(config, tls_mbedtls_groups);
    mbedtls_ssl_conf_sig_hashes(config, tls_mbedtls_hashes);
# else
    static const uint16_t tls_mbedtls_groups[] = {
        MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
        MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
        MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
        MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
        MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
    };
    mbedtls_ssl_conf_groups(config, tls_mbedtls_groups);
# endif
}

// ---- Signatures -------------------------------------------------------------

// tls_mbedtls_conf_signatures sets the order in which signatures are wanted: RSA's
// PKCS #1 before PSS. TLS 1.3 knows PSS alone and passes the others over; in TLS
// 1.2 mbedTLS cannot check PSS, though it is offered when both versions are, and a
// server that speaks 1.2 alone takes the first of the list that it has.
static inline void tls_mbedtls_conf_signatures(mbedtls_ssl_config *config)
{
# if MBEDTLS_VERSION_MAJOR < 3
    (void)config; // no PSS
# else
    static const uint16_t tls_mbedtls_signatures[] = {
        MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
        MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
        MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512,
        MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
        MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
        MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
        MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
        MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
        MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
        MBEDTLS_TLS1_3_SIG_NONE,
    };
    mbedtls_ssl_conf_sig_algs(config, tls_mbedtls_signatures);
# endif
}

// ---- Resumption -------------------------------------------------------------

# if defined(MBEDTLS_SSL_TICKET_C)
static inline int tls_mbedtls_ticket_setup(mbedtls_ssl_ticket_context *tickets,
                                           struct tls_mbedtls_random *random,
                                           uint32_t seconds)
{
#  if MBEDTLS_VERSION_MAJOR < 4
    return mbedtls_ssl_ticket_setup(tickets, TLS_MBEDTLS_RNG(random),
                                    MBEDTLS_CIPHER_AES_256_GCM, seconds);
#  else
    enum { KEY_BITS = 256 };
    (void)random;
    return mbedtls_ssl_ticket_setup(tickets, PSA_ALG_GCM, PSA_KEY_TYPE_AES,
                                    KEY_BITS, seconds);
#  endif
}
# endif

// tls_mbedtls_conf_resume_server: with TLS 1.3 there are keys made for the
// connection in any case, and tickets if they shall be.
static inline void tls_mbedtls_conf_resume_server(mbedtls_ssl_config *config,
                                                  bool new_tickets)
{
# if TLS_MBEDTLS_WITH_1_3
    mbedtls_ssl_conf_new_session_tickets(config, new_tickets ? 1 : 0);
    mbedtls_ssl_conf_tls13_key_exchange_modes(
        config, new_tickets ? MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL
                            : MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL);
# else
    (void)config;
    (void)new_tickets;
# endif
}

static inline void tls_mbedtls_conf_resume_client(mbedtls_ssl_config *config,
                                                  bool resume)
{
    mbedtls_ssl_conf_session_tickets(
        config, resume ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED
                       : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
# if TLS_MBEDTLS_WITH_1_3
    mbedtls_ssl_conf_tls13_key_exchange_modes(
        config, resume ? MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL
                       : MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL);
#  if MBEDTLS_VERSION_MAJOR < 4
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        config, resume
                    ? MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED
                    : MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_DISABLED);
#  endif
# else
    (void)resume;
# endif
}

// tls_mbedtls_is_once: the session should be resumed once alone.
static inline bool tls_mbedtls_is_once(const mbedtls_ssl_session *session)
{
# if TLS_MBEDTLS_WITH_1_3
    return session->TLS_MBEDTLS_FIELD(tls_version) ==
           MBEDTLS_SSL_VERSION_TLS1_3;
# else
    (void)session;
    return false;
# endif
}

// ---- Errors -----------------------------------------------------------------

# if MBEDTLS_VERSION_MAJOR < 3
#  define TLS_MBEDTLS_NO_VERSION MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION
# else
#  define TLS_MBEDTLS_NO_VERSION MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION
# endif

// tls_mbedtls_alert is the number of the fatal alert that has just come.
static inline int tls_mbedtls_alert(const mbedtls_ssl_context *ssl)
{
# if MBEDTLS_VERSION_NUMBER >= 0x04010000
    return mbedtls_ssl_get_fatal_alert(ssl);
# else
    return ssl->TLS_MBEDTLS_FIELD(in_msg)[1];
# endif
}

#endif

#endif
