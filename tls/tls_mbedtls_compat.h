// SPDX-License-Identifier: MIT
// The differences between mbedTLS 2.28, 3.6 and 4.x, in one place: the files
// around it are written as for one library.

#ifndef TLS_TLS_MBEDTLS_COMPAT_H
#define TLS_TLS_MBEDTLS_COMPAT_H

#include <stdbool.h>
#include <stddef.h>

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
#  include <mbedtls/entropy.h>
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

# if defined(MBEDTLS_PSA_CRYPTO_C) || MBEDTLS_VERSION_MAJOR >= 4
#  include <psa/crypto.h>
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

// tls_mbedtls_random_seed also starts PSA, which TLS 1.3 needs.
static inline int tls_mbedtls_random_seed(struct tls_mbedtls_random *random)
{
    int result = 0;
# if defined(MBEDTLS_PSA_CRYPTO_C) || MBEDTLS_VERSION_MAJOR >= 4
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

static inline int tls_mbedtls_parse_key(mbedtls_pk_context *key,
                                        const unsigned char *data, size_t size,
                                        const char *password,
                                        size_t password_size,
                                        struct tls_mbedtls_random *random)
{
    const unsigned char *word = (const unsigned char *)password;
# if MBEDTLS_VERSION_MAJOR == 3
    return mbedtls_pk_parse_key(key, data, size, word, password_size,
                                TLS_MBEDTLS_RNG(random));
# else
    (void)random;
    return mbedtls_pk_parse_key(key, data, size, word, password_size);
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
enum { TLS_MBEDTLS_HAS_1_3 = 1 };
# else
enum { TLS_MBEDTLS_HAS_1_3 = 0 };
# endif

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

static inline bool tls_mbedtls_is_over(mbedtls_ssl_context *ssl)
{
# if MBEDTLS_VERSION_MAJOR < 3
    return ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER;
# else
    return mbedtls_ssl_is_handshake_over(ssl) != 0;
# endif
}

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
