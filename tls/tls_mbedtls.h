// SPDX-License-Identifier: MIT
// What the files of the mbedTLS library share.
//
//   tls_mbedtls_compat.h   the differences between 2.28, 3.6 and 4.x
//   tls_mbedtls_context.c  what the sessions of one set of credentials share
//   tls_mbedtls_peer.c     the peer: its certificate, and whether that will do
//   tls_mbedtls_words.c    what went wrong, in words
//   tls_mbedtls.c          sessions, and the table

#ifndef TLS_TLS_MBEDTLS_H
#define TLS_TLS_MBEDTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc.h"
#include "base/linkage.h"
#include "tls/tls_mbedtls_compat.h"

#if defined(GRPC_WITH_MBEDTLS)

enum {
    TLS_MBEDTLS_ERROR_BYTES = 256, // of a session's error, with its NUL
    TLS_MBEDTLS_DEPTH = 10,        // of certificates from the peer's to a root;
                                   // mbedTLS looks no further
};

// tls_mbedtls_identity: a certificate of ours with its key.
struct tls_mbedtls_identity {
    mbedtls_x509_crt chain;
    mbedtls_pk_context own_key;
    mbedtls_pk_context *key; // own_key, or the user's
};

struct tls_mbedtls_context {
    grpc_allocator allocator;
    bool is_server;
    bool allow_no_alpn;
    bool check_nothing;
    grpc_tls_clients clients;
    grpc_tls_version min_version;
    grpc_tls_version max_version;
    struct tls_mbedtls_random random;
    mbedtls_ssl_config config;
    mbedtls_x509_crt roots;
    mbedtls_x509_crl crl;
    struct tls_mbedtls_identity *identities; // the first is for who names none
    size_t identity_count;
    size_t identity_room;
};

struct tls_mbedtls_session {
    struct tls_mbedtls_context *context;
    const grpc_tls_peer *peer;
    grpc_tls_io *io; // of the function that is being called
    mbedtls_ssl_context ssl;

    // Of the peer's certificate, as it was verified. Flags are mbedTLS's.
    uint32_t flags;           // of all certificates up to a root
    bool has_certificate;     // it has shown one
    bool is_self_signed;      // that one
    bool is_checked;          // peer->check was asked
    grpc_result check_result; // and said this

    bool is_told_apart; // from plain text: TLS has begun
    bool has_failed;
    bool has_sent_alert;
    char error[TLS_MBEDTLS_ERROR_BYTES];
};

// ---- tls_mbedtls_words.c ----------------------------------------------------

// tls_mbedtls_say writes why something failed: what, and what mbedTLS says.
INTERNAL void tls_mbedtls_say(char *reason, size_t reason_size,
                              const char *what, int error);

// tls_mbedtls_fail makes the session fail for an error of mbedTLS's.
INTERNAL grpc_result tls_mbedtls_fail(struct tls_mbedtls_session *session,
                                      int error);

// tls_mbedtls_fail_with does so in words.
INTERNAL grpc_result tls_mbedtls_fail_with(struct tls_mbedtls_session *session,
                                           const char *words);

// tls_mbedtls_fail_unverified does so for a certificate with these flags.
INTERNAL grpc_result tls_mbedtls_fail_unverified(
    struct tls_mbedtls_session *session, uint32_t flags);

// tls_mbedtls_flags_alert is the alert that tells the peer.
INTERNAL unsigned char tls_mbedtls_flags_alert(uint32_t flags);

// tls_mbedtls_is_plain_text looks at the first bytes of a peer that should speak
// TLS: what they are instead, or NULL; *wait: more of them are needed to say.
INTERNAL const char *tls_mbedtls_plain_text(const unsigned char *data,
                                            size_t size, bool *wait);

// ---- tls_mbedtls_peer.c -----------------------------------------------------

// tls_mbedtls_names are the names of a certificate, in the arena.
INTERNAL grpc_result tls_mbedtls_names(const mbedtls_x509_crt *certificate,
                                       grpc_arena *arena,
                                       const grpc_tls_name **names,
                                       size_t *count);

// tls_mbedtls_describe fills in an identity; certificate may be NULL.
INTERNAL grpc_result
tls_mbedtls_describe(const struct tls_mbedtls_session *session,
                     const mbedtls_x509_crt *certificate, grpc_arena *arena,
                     grpc_identity *identity);

// tls_mbedtls_verify is mbedTLS's callback for each certificate, from the root's
// to the peer's own, which has depth 0.
INTERNAL int tls_mbedtls_verify(void *session_, mbedtls_x509_crt *certificate,
                                int depth, uint32_t *flags);

// tls_mbedtls_check asks peer->check, once.
INTERNAL grpc_result tls_mbedtls_check(struct tls_mbedtls_session *session,
                                       const mbedtls_x509_crt *certificate);

// ---- tls_mbedtls_context.c --------------------------------------------------

INTERNAL grpc_result tls_mbedtls_open(const grpc_tls_options *options,
                                      bool is_server, void **context,
                                      char *reason, size_t reason_size);
INTERNAL void tls_mbedtls_close(void *context_);

#endif

#endif
