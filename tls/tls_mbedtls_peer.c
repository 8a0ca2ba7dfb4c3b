// SPDX-License-Identifier: MIT
// The peer of a session: what its certificate says, and whether it will do.

#include "tls/tls_mbedtls.h"

#include <string.h>

#include "base/arena.h"
#include "tls/tls_name.h"

#if defined(GRPC_WITH_MBEDTLS)

enum {
    PEER_SUBJECT_BYTES = 1024, // of a subject; a longer one is cut off
    PEER_NAMES_MAX = 1000,     // names of a certificate; with more it has none
};

// peer_name_type is that of a GeneralName's tag (RFC 5280 section 4.2.1.6); 0:
// one that nobody asks for.
static grpc_tls_name_type peer_name_type(const mbedtls_x509_buf *name)
{
    static const struct {
        int tag;
        grpc_tls_name_type type;
    } peer_types[] = {
        {1, GRPC_NAME_EMAIL},
        {2, GRPC_NAME_DNS},
        {6, GRPC_NAME_URI},
        {7, GRPC_NAME_ADDRESS},
    };
    for (size_t i = 0; i < sizeof peer_types / sizeof *peer_types; i++) {
        if (name->tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | peer_types[i].tag)) {
            return peer_types[i].type;
        }
    }
    return (grpc_tls_name_type)0;
}

static grpc_str peer_copy(grpc_arena *arena, const void *data, size_t size)
{
    return (grpc_str){
        .data = arena_copy_text(arena, view_of(data, size)),
        .size = size,
    };
}

grpc_result tls_mbedtls_names(const mbedtls_x509_crt *certificate,
                              grpc_arena *arena, const grpc_tls_name **names,
                              size_t *count)
{
    *names = NULL;
    *count = 0;
    size_t room = 0;
    const mbedtls_x509_sequence *first = &certificate->subject_alt_names;
    for (const mbedtls_x509_sequence *name = first; name != NULL;
         name = name->next) {
        room += name->buf.p != NULL && peer_name_type(&name->buf) != 0;
    }
    // (With some left out, who looks for the only URI could find one of two.)
    if (room == 0 || room > PEER_NAMES_MAX) {
        return GRPC_OK;
    }
    grpc_tls_name *list = arena_alloc(arena, room * sizeof *list);
    if (list == NULL) {
        return GRPC_ENOMEM;
    }
    for (const mbedtls_x509_sequence *name = first; *count < room;
         name = name->next) {
        if (name->buf.p == NULL || peer_name_type(&name->buf) == 0) {
            continue;
        }
        grpc_tls_name *next = &list[(*count)++];
        next->type = peer_name_type(&name->buf);
        next->value = peer_copy(arena, name->buf.p, name->buf.len);
        if (next->value.data == NULL) {
            return GRPC_ENOMEM;
        }
    }
    *names = list;
    return GRPC_OK;
}

static grpc_result peer_subject(const mbedtls_x509_crt *certificate,
                                grpc_arena *arena, const char **subject)
{
    char text[PEER_SUBJECT_BYTES];
    int size = mbedtls_x509_dn_gets(text, sizeof text, &certificate->subject);
    if (size < 0) {
        return GRPC_OK; // too long, or no text
    }
    *subject = peer_copy(arena, text, (size_t)size).data;
    return *subject == NULL ? GRPC_ENOMEM : GRPC_OK;
}

static const char *peer_text(const char *text)
{
    return text == NULL ? "" : text;
}

static const char *peer_protocol(const mbedtls_ssl_context *ssl)
{
    const char *version = mbedtls_ssl_get_version(ssl);
    return strcmp(version, "TLSv1.2") == 0   ? "TLS 1.2"
           : strcmp(version, "TLSv1.3") == 0 ? "TLS 1.3"
                                             : "TLS";
}

// peer_cipher is the name as it is registered: mbedTLS writes - for _, and puts
// the version into the names of TLS 1.3.
static grpc_result peer_cipher(const mbedtls_ssl_context *ssl,
                               grpc_arena *arena, const char **name)
{
    const char *cipher = mbedtls_ssl_get_ciphersuite(ssl);
    if (cipher == NULL) {
        return GRPC_OK; // within the handshake
    }
    char *copy = arena_copy_text(arena, view_of(cipher, strlen(cipher)));
    if (copy == NULL) {
        return GRPC_ENOMEM;
    }
    for (char *c = copy; *c != '\0'; c++) {
        *c = *c == '-' ? '_' : *c;
    }
    static const char peer_tls13[] = "TLS1_3_";
    enum { CUT = sizeof "1_3" - 1 };
    if (strncmp(copy, peer_tls13, sizeof peer_tls13 - 1) == 0) {
        memmove(copy + 3, copy + 3 + CUT, strlen(copy + 3 + CUT) + 1);
    }
    *name = copy;
    return GRPC_OK;
}

static grpc_result peer_certificate(const mbedtls_x509_crt *certificate,
                                    grpc_arena *arena, grpc_identity *identity)
{
    identity->certificate =
        peer_copy(arena, certificate->raw.p, certificate->raw.len);
    if (identity->certificate.data == NULL) {
        return GRPC_ENOMEM;
    }
    grpc_result result = peer_subject(certificate, arena, &identity->subject);
    return result == GRPC_OK
               ? tls_mbedtls_names(certificate, arena, &identity->names,
                                   &identity->name_count)
               : result;
}

// peer_flags: what is known while the certificate is being verified, and then what
// came of it, in a resumed session too.
static uint32_t peer_flags(const struct tls_mbedtls_session *session)
{
    return session->is_done ? mbedtls_ssl_get_verify_result(&session->ssl)
                            : session->flags;
}

grpc_result tls_mbedtls_describe(const struct tls_mbedtls_session *session,
                                 const mbedtls_x509_crt *certificate,
                                 grpc_arena *arena, grpc_identity *identity)
{
    *identity = (grpc_identity){
        .level = GRPC_PRIVATE,
        .protocol = peer_protocol(&session->ssl),
        .cipher = "",
        .alpn = peer_text(mbedtls_ssl_get_alpn_protocol(&session->ssl)),
        .is_resumed = session->is_done && !session->is_whole,
        .is_verified = certificate != NULL && peer_flags(session) == 0,
        .subject = "",
        .spiffe_id = "",
    };
    grpc_result result = peer_cipher(&session->ssl, arena, &identity->cipher);
    return result == GRPC_OK && certificate != NULL
               ? peer_certificate(certificate, arena, identity)
               : result;
}

grpc_result tls_mbedtls_check(struct tls_mbedtls_session *session,
                              const mbedtls_x509_crt *certificate)
{
    if (session->is_checked) {
        return session->check_result;
    }
    grpc_arena arena = {.allocator = session->context->allocator};
    grpc_identity identity;
    grpc_result result =
        tls_mbedtls_describe(session, certificate, &arena, &identity);
    if (result == GRPC_OK) {
        result = session->peer->check(session->peer->check_self, &identity);
    }
    grpc_arena_free(&arena);
    session->is_checked = true;
    session->check_result = result;
    return result;
}

// peer_is_self_signed: it names itself as who has signed it.
static bool peer_is_self_signed(const mbedtls_x509_crt *certificate)
{
    return view_equal(
        view_of(certificate->subject_raw.p, certificate->subject_raw.len),
        view_of(certificate->issuer_raw.p, certificate->issuer_raw.len));
}

// peer_usage: a certificate says what it is for, or may be for anything (RFC 5280
// section 4.2.1.12). mbedTLS looks too, but after this.
static uint32_t peer_usage(const struct tls_mbedtls_session *session,
                           const mbedtls_x509_crt *certificate)
{
    static const char peer_server_auth[] = "\x2b\6\1\5\5\7\3\1";
    static const char peer_client_auth[] = "\x2b\6\1\5\5\7\3\2";
    const char *usage =
        session->context->is_server ? peer_client_auth : peer_server_auth;
    return mbedtls_x509_crt_check_extended_key_usage(
               certificate, usage, sizeof peer_server_auth - 1) == 0
               ? 0
               : MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
}

int tls_mbedtls_verify(void *session_, mbedtls_x509_crt *certificate, int depth,
                       uint32_t *flags)
{
    struct tls_mbedtls_session *session = session_;
    // Names are looked at by check: mbedTLS would take the subject for one.
    *flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
    if (depth == 0) {
        *flags |= peer_usage(session, certificate);
    }
    session->flags |= *flags;
    if (depth > 0) {
        return 0;
    }
    session->has_certificate = true;
    session->is_self_signed = peer_is_self_signed(certificate);
    if (session->flags != 0 && !session->context->check_nothing) {
        return 0;
    }
    if (tls_mbedtls_check(session, certificate) != GRPC_OK) {
        // The alert that goes with this flag is access_denied, and with a name
        // that is another one, bad_certificate.
        *flags |= session->context->is_server
                      ? MBEDTLS_X509_BADCERT_OTHER
                      : MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    return 0;
}

#endif
