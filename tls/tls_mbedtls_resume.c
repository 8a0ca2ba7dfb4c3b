// SPDX-License-Identifier: MIT
// Handshakes that go on from those of an older session: without certificates and
// signatures they cost a fraction. A server keeps nothing: all is in the ticket
// that a client brings back, encrypted with a key of the context's. A client keeps
// the last session with each of a few servers.
//
// What was verified once is not verified again; but the peer's certificate comes
// with the session, and peer->check looks at it as at any other. TLS 1.3's tickets
// have no room for a client's certificate in mbedTLS: a server that asks for them
// gives no such tickets.

#include "tls/tls_mbedtls.h"

#include <string.h>

#include "base/alloc.h"

#if defined(GRPC_WITH_MBEDTLS)

# if defined(MBEDTLS_SSL_SESSION_TICKETS) && \
     defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)

// ---- Servers ----------------------------------------------------------------

#  if defined(MBEDTLS_SSL_TICKET_C)
// resume_write makes a ticket. Where that fails, mbedTLS (to 3.6.6 and 4.1.0) sends
// the life of none as it finds it: what was on the stack (CVE-2026-50586).
static int resume_write(void *tickets, const mbedtls_ssl_session *session,
                        unsigned char *start, const unsigned char *end,
                        size_t *size, uint32_t *seconds)
{
    *size = 0;
    *seconds = 0;
    return mbedtls_ssl_ticket_write(tickets, session, start, end, size,
                                    seconds);
}
#  endif

static int resume_conf_server(struct tls_mbedtls_context *context)
{
#  if defined(MBEDTLS_SSL_TICKET_C)
    int error = tls_mbedtls_ticket_setup(&context->tickets, &context->random,
                                         TLS_MBEDTLS_TICKET_SECONDS);
    if (error == 0) {
        mbedtls_ssl_conf_session_tickets_cb(&context->config, resume_write,
                                            mbedtls_ssl_ticket_parse,
                                            &context->tickets);
        tls_mbedtls_conf_resume_server(
            &context->config, context->clients == GRPC_CLIENTS_UNKNOWN);
    }
    return error;
#  else
    (void)context;
    return 0;
#  endif
}

int tls_mbedtls_resume_conf(struct tls_mbedtls_context *context)
{
    if (context->is_server) {
        tls_mbedtls_conf_resume_server(&context->config, false);
        return context->no_resumption ? 0 : resume_conf_server(context);
    }
    tls_mbedtls_conf_resume_client(&context->config, !context->no_resumption);
    return 0;
}

// ---- Clients ----------------------------------------------------------------

static bool resume_is_for(const struct tls_mbedtls_session *session)
{
    const struct tls_mbedtls_context *context = session->context;
    const char *name = session->peer->server_name;
    return !context->is_server && !context->no_resumption && name != NULL &&
           strlen(name) < TLS_MBEDTLS_NAME_BYTES;
}

// resume_find is the session that is kept for the name; or, with make, the place
// for one: a free one, or that of the oldest.
static struct tls_mbedtls_kept *resume_find(
    const struct tls_mbedtls_context *context, const char *name, bool make)
{
    struct tls_mbedtls_kept *oldest = context->kept;
    if (context->kept == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < TLS_MBEDTLS_KEPT; i++) {
        struct tls_mbedtls_kept *kept = &context->kept[i];
        if (kept->turn != 0 && strcmp(kept->name, name) == 0) {
            return kept;
        }
        oldest = kept->turn < oldest->turn ? kept : oldest;
    }
    return make ? oldest : NULL;
}

static void resume_drop(struct tls_mbedtls_kept *kept)
{
    if (kept->turn != 0) {
        mbedtls_ssl_session_free(&kept->session);
        kept->turn = 0;
    }
}

void tls_mbedtls_resume_offer(struct tls_mbedtls_session *session)
{
    struct tls_mbedtls_kept *kept =
        resume_is_for(session)
            ? resume_find(session->context, session->peer->server_name, false)
            : NULL;
    if (kept == NULL) {
        return;
    }
    session->has_offered =
        mbedtls_ssl_set_session(&session->ssl, &kept->session) == 0;
    if (tls_mbedtls_is_once(&kept->session)) {
        // Who sees a ticket of TLS 1.3 twice knows that it is the same client's.
        resume_drop(kept);
    }
}

void tls_mbedtls_resume_keep(struct tls_mbedtls_session *session)
{
    struct tls_mbedtls_context *context = session->context;
    if (!resume_is_for(session)) {
        return;
    }
    if (context->kept == NULL) {
        context->kept = alloc_zeroed(&context->allocator,
                                     TLS_MBEDTLS_KEPT * sizeof *context->kept);
    }
    const char *name = session->peer->server_name;
    struct tls_mbedtls_kept *kept = resume_find(context, name, true);
    if (kept == NULL) {
        return;
    }
    mbedtls_ssl_session next;
    mbedtls_ssl_session_init(&next);
    if (mbedtls_ssl_get_session(&session->ssl, &next) != 0) {
        // What is kept already may still be good.
        mbedtls_ssl_session_free(&next);
        return;
    }
    resume_drop(kept);
    kept->session = next;
    mbedtls_platform_zeroize(&next,
                             sizeof next); // it has moved, secret and all
    memcpy(kept->name, name, strlen(name) + 1);
    kept->turn = ++context->turn;
}

void tls_mbedtls_resume_forget(struct tls_mbedtls_session *session)
{
    struct tls_mbedtls_kept *kept =
        session->has_offered
            ? resume_find(session->context, session->peer->server_name, false)
            : NULL;
    if (kept != NULL) {
        resume_drop(kept);
    }
}

void tls_mbedtls_resume_free(struct tls_mbedtls_context *context)
{
    for (size_t i = 0; context->kept != NULL && i < TLS_MBEDTLS_KEPT; i++) {
        resume_drop(&context->kept[i]);
    }
    alloc_free(&context->allocator, context->kept,
               TLS_MBEDTLS_KEPT * sizeof *context->kept);
#  if defined(MBEDTLS_SSL_TICKET_C)
    mbedtls_ssl_ticket_free(&context->tickets);
#  endif
}

# else

// Without tickets, or where mbedTLS forgets the peer's certificate.

int tls_mbedtls_resume_conf(struct tls_mbedtls_context *context)
{
    (void)context;
    return 0;
}

void tls_mbedtls_resume_free(struct tls_mbedtls_context *context)
{
    (void)context;
}

void tls_mbedtls_resume_offer(struct tls_mbedtls_session *session)
{
    (void)session;
}

void tls_mbedtls_resume_keep(struct tls_mbedtls_session *session)
{
    (void)session;
}

void tls_mbedtls_resume_forget(struct tls_mbedtls_session *session)
{
    (void)session;
}

# endif

#endif
