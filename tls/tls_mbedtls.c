// SPDX-License-Identifier: MIT
// TLS 1.2 and 1.3 by mbedTLS, where the build has it: GRPC_WITH_MBEDTLS is defined
// and its three libraries are linked. Sessions, as grpc.h section 8 has them.
//
// mbedTLS asks for input and gives output through two functions, which find both
// in session->io. What it has no use for yet it keeps in its own buffers: no
// input of ours is looked at twice.
//
// WANT_READ does not say that input is wanted: only session_receive() knows.
//
//   1. Output never waits within mbedTLS: there is room for a record whenever it
//      is called, and it makes one at a time. (What is written would have to be
//      written again with the same arguments.)
//   2. A session that has failed calls mbedTLS no more.
//   3. peer->check is asked once, before the handshake is GRPC_OK.

#include "tls/tls.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "tls/tls_mbedtls.h"
#include "tls/tls_name.h"

#if defined(GRPC_WITH_MBEDTLS)

static const char *session_version(void)
{
    return "mbedTLS " MBEDTLS_VERSION_STRING;
}

// ---- Input and output -------------------------------------------------------

static int session_send(void *session_, const unsigned char *data, size_t size)
{
    struct tls_mbedtls_session *session = session_;
    grpc_tls_io *io = session->io;
    size_t room = io->output_room - io->output_size;
    size_t count = size < room ? size : room;
    if (count == 0) {
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    }
    session->has_sent_alert =
        session->has_sent_alert || data[0] == MBEDTLS_SSL_MSG_ALERT;
    memcpy(io->output + io->output_size, data, count);
    io->output_size += count;
    return (int)count;
}

// session_remember keeps the last bytes of the input, for words.
static void session_remember(struct tls_mbedtls_session *session,
                             const unsigned char *data, size_t size)
{
    enum { ROOM = sizeof session->last };
    size_t count = size < ROOM ? size : ROOM;
    memmove(session->last, session->last + count, ROOM - count);
    memcpy(session->last + ROOM - count, data + size - count, count);
}

static int session_receive(void *session_, unsigned char *data, size_t room)
{
    struct tls_mbedtls_session *session = session_;
    grpc_tls_io *io = session->io;
    size_t count = room < io->input_size ? room : io->input_size;
    if (count == 0) {
        session->is_starved = true;
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    memcpy(data, io->input, count);
    session_remember(session, io->input, count);
    io->input += count;
    io->input_size -= count;
    return (int)count;
}

// ---- Begin and end ----------------------------------------------------------

// session_set_name sets the name for SNI. Addresses have none; but that there is
// none must be said, to those versions that ask.
static int session_set_name(struct tls_mbedtls_session *session)
{
    enum { NAME_BYTES = MBEDTLS_SSL_MAX_HOST_NAME_LEN };
    const char *name = session->peer->server_name;
    if (session->context->is_server) {
        return 0;
    }
    if (name == NULL || *name == '\0' || tls_name_is_address(name)) {
        return mbedtls_ssl_set_hostname(&session->ssl, NULL);
    }
    char copy[NAME_BYTES + 1];
    size_t size = strlen(name);
    size -= name[size - 1] == '.';
    if (size == 0 || size > NAME_BYTES) {
        return mbedtls_ssl_set_hostname(&session->ssl, NULL);
    }
    memcpy(copy, name, size);
    copy[size] = '\0';
    return mbedtls_ssl_set_hostname(&session->ssl, copy);
}

static void session_end(void *session_)
{
    struct tls_mbedtls_session *session = session_;
    mbedtls_ssl_free(&session->ssl);
    grpc_allocator allocator = session->context->allocator;
    mbedtls_platform_zeroize(session, sizeof *session);
    alloc_free(&allocator, session, sizeof *session);
}

static void *session_begin(void *context_, const grpc_tls_peer *peer)
{
    struct tls_mbedtls_context *context = context_;
    struct tls_mbedtls_session *session =
        alloc_zeroed(&context->allocator, sizeof *session);
    if (session == NULL) {
        return NULL;
    }
    session->context = context;
    session->peer = peer;
    mbedtls_ssl_init(&session->ssl);
    if (mbedtls_ssl_setup(&session->ssl, &context->config) != 0 ||
        session_set_name(session) != 0) {
        session_end(session);
        return NULL;
    }
    mbedtls_ssl_set_bio(&session->ssl, session, session_send, session_receive,
                        NULL);
    mbedtls_ssl_set_verify(&session->ssl, tls_mbedtls_verify, session);
    tls_mbedtls_log_begin(session);
    tls_mbedtls_resume_offer(session);
    return session;
}

// ---- The handshake ----------------------------------------------------------

static void session_send_alert(struct tls_mbedtls_session *session,
                               unsigned char alert)
{
    (void)mbedtls_ssl_send_alert_message(&session->ssl,
                                         MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert);
}

// session_tell_apart looks at the first bytes: is that TLS?
static grpc_result session_tell_apart(struct tls_mbedtls_session *session)
{
    const grpc_tls_io *io = session->io;
    if (session->is_told_apart || io->input_size == 0) {
        return GRPC_OK;
    }
    bool wait;
    const char *words =
        tls_mbedtls_plain_text(io->input, io->input_size, &wait);
    if (wait) {
        return GRPC_AGAIN;
    }
    session->is_told_apart = true;
    return words == NULL ? GRPC_OK : tls_mbedtls_fail_with(session, words);
}

// session_refused: the certificate will not do. mbedTLS has told the peer, where it
// was to insist on a good one.
static grpc_result session_refused(struct tls_mbedtls_session *session,
                                   uint32_t flags, bool is_told)
{
    bool by_check = session->is_checked && session->check_result != GRPC_OK;
    if (!is_told) {
        session_send_alert(session, !by_check ? tls_mbedtls_flags_alert(flags)
                                    : session->context->is_server
                                        ? MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED
                                        : MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    }
    if (!by_check) {
        return tls_mbedtls_fail_unverified(session, flags);
    }
    (void)tls_mbedtls_fail_with(session, "the peer was refused");
    return session->check_result;
}

// session_verdict is what has come of verifying: all flags, those that mbedTLS
// has put to ours afterwards too.
static uint32_t session_verdict(const struct tls_mbedtls_session *session)
{
    return session->has_certificate && !session->context->check_nothing
               ? mbedtls_ssl_get_verify_result(&session->ssl)
               : 0;
}

// session_agree: HTTP/2 is what both want to speak (RFC 7301).
static grpc_result session_agree(struct tls_mbedtls_session *session)
{
    const char *protocol = mbedtls_ssl_get_alpn_protocol(&session->ssl);
    if (protocol != NULL || session->context->allow_no_alpn) {
        return GRPC_OK;
    }
    session_send_alert(session, MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL);
    return tls_mbedtls_fail_with(
        session, "the peer does not agree on HTTP/2 (ALPN \"h2\")");
}

// session_is_stale: the certificate of the session that was resumed has expired
// since it was verified.
static bool session_is_stale(const struct tls_mbedtls_session *session,
                             const mbedtls_x509_crt *certificate)
{
    return !session->is_whole && certificate != NULL &&
           !session->context->check_nothing &&
           mbedtls_x509_time_is_past(&certificate->valid_to);
}

// session_has_shown: a server that insists on a certificate has one, by whatever way
// the session came about.
static grpc_result session_has_shown(struct tls_mbedtls_session *session,
                                     const mbedtls_x509_crt *certificate)
{
    const struct tls_mbedtls_context *context = session->context;
    if (certificate != NULL || !context->is_server ||
        context->clients != GRPC_CLIENTS_REQUIRED) {
        return GRPC_OK;
    }
    session_send_alert(session, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
    return tls_mbedtls_fail_with(session,
                                 "the client has shown no certificate");
}

static grpc_result session_established(struct tls_mbedtls_session *session)
{
    const mbedtls_x509_crt *certificate =
        mbedtls_ssl_get_peer_cert(&session->ssl);
    session->is_done = true;
    grpc_result result = session_has_shown(session, certificate);
    if (result == GRPC_OK) {
        result = session_agree(session);
    }
    if (result == GRPC_OK && session_is_stale(session, certificate)) {
        result = session_refused(session, MBEDTLS_X509_BADCERT_EXPIRED, false);
    }
    if (result == GRPC_OK &&
        tls_mbedtls_check(session, certificate) != GRPC_OK) {
        result = session_refused(session, 0, false);
    }
    if (result == GRPC_OK && !tls_mbedtls_is_1_3(&session->ssl)) {
        tls_mbedtls_resume_keep(session); // TLS 1.3's tickets come later
    }
    return result;
}

// session_step_failed: mbedTLS has told the peer why, mostly.
static grpc_result session_step_failed(struct tls_mbedtls_session *session,
                                       int error, bool is_told)
{
    uint32_t flags = session_verdict(session);
    if (flags != 0) {
        return session_refused(session, flags, is_told);
    }
    if (!is_told && error != MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        session_send_alert(session, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
    }
    return tls_mbedtls_fail(session, error);
}

static grpc_result session_step(struct tls_mbedtls_session *session)
{
    session->is_whole = session->is_whole || tls_mbedtls_state(&session->ssl) ==
                                                 MBEDTLS_SSL_SERVER_CERTIFICATE;
    size_t before = session->io->output_size;
    session->is_starved = false;
    int error = mbedtls_ssl_handshake_step(&session->ssl);
    if (error == MBEDTLS_ERR_SSL_WANT_READ) {
        return session->is_starved ? GRPC_AGAIN : GRPC_MORE;
    }
    if (error != 0 && error != MBEDTLS_ERR_SSL_WANT_WRITE) {
        return session_step_failed(session, error,
                                   session->io->output_size > before);
    }
    uint32_t flags = session_verdict(session);
    if (flags != 0) {
        return session_refused(session, flags, false);
    }
    return error == 0 && tls_mbedtls_state(&session->ssl) ==
                             MBEDTLS_SSL_HANDSHAKE_OVER
               ? session_established(session)
               : GRPC_MORE;
}

static grpc_result session_handshake(void *session_, grpc_tls_io *io)
{
    struct tls_mbedtls_session *session = session_;
    ASSERT(!session->has_failed);
    session->io = io;
    grpc_result result = session_tell_apart(session);
    if (result == GRPC_OK) {
        result = session_step(session);
    }
    if (session->has_failed) {
        tls_mbedtls_resume_forget(session);
    }
    return result;
}

// ---- Data -------------------------------------------------------------------

// session_is_passing: what mbedtls_ssl_read() says when a record held nothing for
// the user. (An end of the input, for which 0 stands too, it never sees.)
static bool session_is_passing(struct tls_mbedtls_session *session, int error)
{
# if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
    if (error == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
        session->has_heard = true;
        // To keep one costs a copy of the certificate; to send one, 50 bytes.
        if (session->tickets < TLS_MBEDTLS_TICKETS) {
            session->tickets++;
            tls_mbedtls_resume_keep(session);
        }
        return true;
    }
# else
    (void)session;
# endif
    return error == 0 || error == MBEDTLS_ERR_SSL_WANT_READ;
}

static grpc_result session_read(void *session_, grpc_tls_io *io,
                                unsigned char *data, size_t room, size_t *size)
{
    struct tls_mbedtls_session *session = session_;
    ASSERT(!session->has_failed);
    session->io = io;
    session->has_sent_alert = false;
    *size = 0;
    if (session->has_ended) {
        return GRPC_ESTATE;
    }
    if (io->input_size == 0 && mbedtls_ssl_check_pending(&session->ssl) == 0) {
        return GRPC_AGAIN; // as mbedTLS would say, after much
    }
    for (;;) {
        session->is_starved = false;
        int count = mbedtls_ssl_read(&session->ssl, data, room);
        session->has_heard = session->has_heard || count >= 0;
        if (count == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
            session->has_ended = true;
            return GRPC_ESTATE;
        }
        if (count < 0 && !session_is_passing(session, count)) {
            return tls_mbedtls_fail(session, count);
        }
        if (session->has_sent_alert) {
            // A warning, no_renegotiation.
            return tls_mbedtls_fail_with(
                session, "the peer wants to renegotiate, which HTTP/2 forbids");
        }
        if (count > 0) {
            *size = (size_t)count;
            return GRPC_OK;
        }
        if (session->is_starved) {
            return GRPC_AGAIN;
        }
    }
}

static grpc_result session_write(void *session_, grpc_tls_io *io,
                                 const unsigned char *data, size_t *size)
{
    struct tls_mbedtls_session *session = session_;
    ASSERT(!session->has_failed);
    ASSERT(io->output_room - io->output_size >= GRPC_TLS_ROOM);
    session->io = io;
    int most = mbedtls_ssl_get_max_out_record_payload(&session->ssl);
    if (most > 0 && *size > (size_t)most) {
        *size = (size_t)most;
    }
    int count = *size == 0 ? 0 : mbedtls_ssl_write(&session->ssl, data, *size);
    *size = count < 0 ? 0 : (size_t)count;
    return count < 0 ? tls_mbedtls_fail(session, count) : GRPC_OK;
}

static void session_finish(void *session_, grpc_tls_io *io)
{
    struct tls_mbedtls_session *session = session_;
    session->io = io;
    if (!session->has_failed) {
        (void)mbedtls_ssl_close_notify(&session->ssl);
    }
}

static grpc_result session_identify(void *session_, grpc_arena *arena,
                                    grpc_identity *identity)
{
    struct tls_mbedtls_session *session = session_;
    return tls_mbedtls_describe(
        session, mbedtls_ssl_get_peer_cert(&session->ssl), arena, identity);
}

static const char *session_error(void *session_)
{
    return ((struct tls_mbedtls_session *)session_)->error;
}

INTERNAL_DEFINE const grpc_tls_library tls_mbedtls = {
    .version = session_version,
    .open = tls_mbedtls_open,
    .close = tls_mbedtls_close,
    .begin = session_begin,
    .end = session_end,
    .handshake = session_handshake,
    .read = session_read,
    .write = session_write,
    .finish = session_finish,
    .identify = session_identify,
    .error = session_error,
};

#endif
