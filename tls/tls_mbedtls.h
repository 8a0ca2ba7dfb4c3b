// SPDX-License-Identifier: MIT
// What the files of the mbedTLS library share.
//
//   tls_mbedtls_compat.h   the differences between 2.28, 3.6 and 4.x
//   tls_mbedtls_words.c    what went wrong, in words
//   tls_mbedtls_peer.c     the peer: its certificate, and whether that will do
//   tls_mbedtls_sign.c     private keys that are elsewhere
//   tls_mbedtls_own.c      our certificates, and which one a client gets
//   tls_mbedtls_resume.c   sessions that go on from older ones
//   tls_mbedtls_log.c      the key log
//   tls_mbedtls_context.c  what the sessions of one set of credentials share
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
    TLS_MBEDTLS_NAME_BYTES = 256,  // of a server's name, with its NUL
    TLS_MBEDTLS_ALERT_RECORD = 7,  // bytes of an alert that is not encrypted
    TLS_MBEDTLS_KEPT = 16, // sessions that a client keeps, of as many names
    TLS_MBEDTLS_TICKET_SECONDS = 3600, // for which a server's ticket is good
    TLS_MBEDTLS_TICKETS = 16, // of one connection that a client looks at
};

// tls_mbedtls_identity: a certificate of ours with its key.
struct tls_mbedtls_identity {
    mbedtls_x509_crt chain;
    mbedtls_pk_context own_key;
    mbedtls_pk_context *key; // own_key, or the user's
    const grpc_tls_name *names;
    size_t name_count;
    bool is_twin;        // it has every name of the first
    grpc_tls_sign *sign; // the key is elsewhere
    void *sign_self;
    bool *has_refused; // the context's: sign has not done it
};

// tls_mbedtls_kept: a client's session, to go on from with the same server.
struct tls_mbedtls_kept {
    mbedtls_ssl_session session;
    char name[TLS_MBEDTLS_NAME_BYTES];
    uint64_t turn; // when it was kept; 0: the place is free
};

struct tls_mbedtls_context {
    grpc_allocator allocator;
    bool is_server;
    bool allow_no_alpn;
    bool check_nothing;
    bool no_resumption;
    bool sign_has_refused; // since a session failed for it
    grpc_tls_clients clients;
    grpc_tls_version min_version;
    grpc_tls_version max_version;
    void (*key_log)(const char *line, void *self);
    void *key_log_self;
    struct tls_mbedtls_random random;
    mbedtls_ssl_config config;
    mbedtls_x509_crt roots;
    mbedtls_x509_crl crl;
    grpc_arena arena;                        // of the identities' names
    struct tls_mbedtls_identity *identities; // the first is for who names none
    size_t identity_count;
    size_t identity_room;
    mbedtls_ssl_ticket_context tickets; // a server's
    struct tls_mbedtls_kept *kept;      // a client's; NULL: none yet
    uint64_t turn;
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
    bool is_whole;      // the handshake is not that of a resumed session
    bool is_done;       // and it is over
    bool has_offered;   // to resume
    unsigned tickets;   // that have come, of TLS 1.3
    bool is_starved;    // mbedTLS has asked for input, and there was none
    bool has_heard;     // a record of the peer's, since the handshake
    bool has_ended;     // the peer has (close_notify)
    bool has_failed;
    bool has_sent_alert; // since that was last set to false
    unsigned char last[TLS_MBEDTLS_ALERT_RECORD]; // bytes of the input
    char error[TLS_MBEDTLS_ERROR_BYTES];
};

// An open that goes on, and where it says why it does not.
struct tls_mbedtls_opening {
    struct tls_mbedtls_context *context;
    const grpc_tls_options *options;
    char *reason;
    size_t reason_size;
};

// ---- tls_mbedtls_words.c ----------------------------------------------------

// tls_mbedtls_refuse and _refuse_for make an open fail, in words and for an error
// of mbedTLS's.
INTERNAL grpc_result tls_mbedtls_refuse(
    const struct tls_mbedtls_opening *opening, const char *words);
INTERNAL grpc_result tls_mbedtls_refuse_for(
    const struct tls_mbedtls_opening *opening, const char *words, int error);

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

// tls_mbedtls_plain_text looks at the first bytes of a peer that should speak
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

// ---- tls_mbedtls_sign.c -----------------------------------------------------

// tls_mbedtls_sign makes own_key one that identity->sign signs for; or says in
// words why this mbedTLS cannot.
INTERNAL const char *tls_mbedtls_sign(struct tls_mbedtls_identity *identity);

// tls_mbedtls_sign_is_old: the key can do no more than TLS 1.2.
INTERNAL bool tls_mbedtls_sign_is_old(
    const struct tls_mbedtls_identity *identity);

// ---- tls_mbedtls_own.c ------------------------------------------------------

// tls_mbedtls_load_own reads our certificates and their keys.
INTERNAL grpc_result
tls_mbedtls_load_own(const struct tls_mbedtls_opening *opening);

// tls_mbedtls_conf_own tells mbedTLS of them. 0, or its error.
INTERNAL int tls_mbedtls_conf_own(struct tls_mbedtls_context *context);

INTERNAL void tls_mbedtls_free_own(struct tls_mbedtls_context *context);

// ---- tls_mbedtls_resume.c ---------------------------------------------------

// tls_mbedtls_resume_conf lets sessions be resumed, unless they shall not be. 0,
// or mbedTLS's error.
INTERNAL int tls_mbedtls_resume_conf(struct tls_mbedtls_context *context);

// tls_mbedtls_resume_free forgets all.
INTERNAL void tls_mbedtls_resume_free(struct tls_mbedtls_context *context);

// tls_mbedtls_resume_offer: a client offers to go on from the last session with
// a server of that name.
INTERNAL void tls_mbedtls_resume_offer(struct tls_mbedtls_session *session);

// tls_mbedtls_resume_keep keeps a client's session, which the server has made
// ready for that. Without memory it is not kept.
INTERNAL void tls_mbedtls_resume_keep(struct tls_mbedtls_session *session);

// tls_mbedtls_resume_forget: what was offered has failed.
INTERNAL void tls_mbedtls_resume_forget(struct tls_mbedtls_session *session);

// ---- tls_mbedtls_log.c ------------------------------------------------------

// tls_mbedtls_log_conf and _log_begin lead the keys to key_log, if there is one.
INTERNAL void tls_mbedtls_log_conf(struct tls_mbedtls_context *context);
INTERNAL void tls_mbedtls_log_begin(struct tls_mbedtls_session *session);

// ---- tls_mbedtls_context.c --------------------------------------------------

INTERNAL grpc_result tls_mbedtls_open(const grpc_tls_options *options,
                                      bool is_server, void **context,
                                      char *reason, size_t reason_size);
INTERNAL void tls_mbedtls_close(void *context_);

#endif

#endif
