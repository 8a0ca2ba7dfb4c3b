// SPDX-License-Identifier: MIT
// Private keys that are elsewhere: grpc_tls_sign() in the place of mbedTLS's
// signing.
//
//           RSA                          ECDSA
//   2.28    RSA_ALT                      a kind of key of our own (pk_internal.h)
//   3.6     RSA_ALT, TLS 1.2 alone       not
//   4.x     not                          not
//
// RSA_ALT signs as PKCS #1 v1.5 does, and TLS 1.3 wants PSS. Where there is no way,
// a key_object that is opaque may be one: a PSA key, with a driver, if mbedTLS was
// built with MBEDTLS_USE_PSA_CRYPTO (Debian's were not).

#include "tls/tls_mbedtls.h"

#include <string.h>

#if defined(GRPC_WITH_MBEDTLS)

# if MBEDTLS_VERSION_MAJOR < 3 && defined(MBEDTLS_ECDSA_C)
#  include <mbedtls/ecdsa.h>
#  include <mbedtls/pk_internal.h>
#  define SIGN_HAS_ECDSA
# endif
# if MBEDTLS_VERSION_MAJOR < 4 && defined(MBEDTLS_PK_RSA_ALT_SUPPORT)
#  define SIGN_HAS_RSA
# endif

# if defined(MBEDTLS_USE_PSA_CRYPTO) || MBEDTLS_VERSION_MAJOR >= 4
#  define SIGN_INSTEAD "; a key_object of PSA's can"
# else
#  define SIGN_INSTEAD ""
# endif
# define SIGN_CANNOT(kind)                \
  "this mbedTLS (" MBEDTLS_VERSION_STRING \
  ") cannot let others sign with " kind SIGN_INSTEAD

# if defined(SIGN_HAS_ECDSA) || defined(SIGN_HAS_RSA)

// sign_scheme is the SignatureScheme of a hash: its number in the upper byte, and
// the kind of key in the lower one.
static uint16_t sign_scheme(mbedtls_md_type_t hash, unsigned key)
{
    static const struct {
        mbedtls_md_type_t hash;
        uint8_t number;
    } sign_hashes[] = {
        {MBEDTLS_MD_SHA256, 4},
        {MBEDTLS_MD_SHA384, 5},
        {MBEDTLS_MD_SHA512, 6},
    };
    for (size_t i = 0; i < sizeof sign_hashes / sizeof *sign_hashes; i++) {
        if (sign_hashes[i].hash == hash) {
            return (uint16_t)((unsigned)sign_hashes[i].number << 8 | key);
        }
    }
    return 0;
}

// sign_ask asks the user. 0, or an error of mbedTLS's.
static int sign_ask(const struct tls_mbedtls_identity *identity,
                    uint16_t scheme, grpc_str digest, unsigned char *signature,
                    size_t *size)
{
    size_t room = *size;
    if (scheme != 0 && digest.size > 0 &&
        identity->sign(identity->sign_self, scheme, digest, signature, size) ==
            GRPC_OK &&
        *size > 0 && *size <= room) {
        return 0;
    }
    *identity->has_refused = true;
    return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
}

# endif

# if defined(SIGN_HAS_RSA)

static size_t sign_rsa_size(void *identity_)
{
    const struct tls_mbedtls_identity *identity = identity_;
    return mbedtls_pk_get_len(&identity->chain.pk);
}

static int sign_rsa(void *identity_,
                    int (*random)(void *, unsigned char *, size_t),
                    void *random_self,
#  if MBEDTLS_VERSION_MAJOR < 3
                    int mode,
#  endif
                    mbedtls_md_type_t hash, unsigned digest_size,
                    const unsigned char *digest, unsigned char *signature)
{
    enum { RSA = 1 };
    const struct tls_mbedtls_identity *identity = identity_;
    (void)random;
    (void)random_self;
#  if MBEDTLS_VERSION_MAJOR < 3
    (void)mode;
#  endif
    size_t whole = sign_rsa_size(identity_);
    size_t size = whole;
    int error =
        sign_ask(identity, sign_scheme(hash, RSA),
                 (grpc_str){.data = (const char *)digest, .size = digest_size},
                 signature, &size);
    if (error == 0 && size != whole) {
        *identity->has_refused = true;
        return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
    }
    return error;
}

static int sign_rsa_decrypt(void *identity_,
#  if MBEDTLS_VERSION_MAJOR < 3
                            int mode,
#  endif
                            size_t *size, const unsigned char *input,
                            unsigned char *output, size_t room)
{
    // Only key exchanges without forward secrecy decrypt.
    (void)identity_;
#  if MBEDTLS_VERSION_MAJOR < 3
    (void)mode;
#  endif
    (void)size;
    (void)input;
    (void)output;
    (void)room;
    return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
}

# endif

# if defined(SIGN_HAS_ECDSA)

static size_t sign_ecdsa_bits(const void *identity_)
{
    const struct tls_mbedtls_identity *identity = identity_;
    return mbedtls_pk_get_bitlen(&identity->chain.pk);
}

static int sign_ecdsa_can_do(mbedtls_pk_type_t type)
{
    return type == MBEDTLS_PK_ECDSA || type == MBEDTLS_PK_ECKEY;
}

static int sign_ecdsa(void *identity_, mbedtls_md_type_t hash,
                      const unsigned char *digest, size_t digest_size,
                      unsigned char *signature, size_t *size,
                      int (*random)(void *, unsigned char *, size_t),
                      void *random_self)
{
    enum { ECDSA = 3 };
    (void)random;
    (void)random_self;
    *size = MBEDTLS_ECDSA_MAX_LEN;
    return sign_ask(
        identity_, sign_scheme(hash, ECDSA),
        (grpc_str){.data = (const char *)digest, .size = digest_size},
        signature, size);
}

static void sign_ecdsa_free(void *identity_)
{
    (void)identity_; // is not the key's
}

static const mbedtls_pk_info_t sign_ecdsa_info = {
    .type = MBEDTLS_PK_ECKEY,
    .name = "EC elsewhere",
    .get_bitlen = sign_ecdsa_bits,
    .can_do = sign_ecdsa_can_do,
    .sign_func = sign_ecdsa,
    .ctx_free_func = sign_ecdsa_free,
};

# endif

# if MBEDTLS_VERSION_MAJOR < 4

const char *tls_mbedtls_sign(struct tls_mbedtls_identity *identity)
{
    mbedtls_pk_type_t type = mbedtls_pk_get_type(&identity->chain.pk);
    identity->key = &identity->own_key;
#  if defined(SIGN_HAS_RSA)
    if (type == MBEDTLS_PK_RSA) {
        return mbedtls_pk_setup_rsa_alt(&identity->own_key, identity,
                                        sign_rsa_decrypt, sign_rsa,
                                        sign_rsa_size) == 0
                   ? NULL
                   : "out of memory";
    }
#  endif
#  if defined(SIGN_HAS_ECDSA)
    if (type == MBEDTLS_PK_ECKEY) {
        identity->own_key.pk_info = &sign_ecdsa_info;
        identity->own_key.pk_ctx = identity;
        return NULL;
    }
#  endif
    return type == MBEDTLS_PK_RSA     ? SIGN_CANNOT("RSA")
           : type == MBEDTLS_PK_ECKEY ? SIGN_CANNOT("ECDSA")
                                      : "the certificate's key is neither RSA "
                                        "nor ECDSA";
}

# else

const char *tls_mbedtls_sign(struct tls_mbedtls_identity *identity)
{
    (void)identity;
    return SIGN_CANNOT("any key");
}

# endif

bool tls_mbedtls_sign_is_old(const struct tls_mbedtls_identity *identity)
{
# if defined(SIGN_HAS_RSA)
    return mbedtls_pk_get_type(identity->key) == MBEDTLS_PK_RSA_ALT;
# else
    (void)identity;
    return false;
# endif
}

#endif
