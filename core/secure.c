// SPDX-License-Identifier: MIT

#include "core/secure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "tls/tls_name.h"

enum { SECURE_REASON = 256 };

static bool secure_may_follow(enum secure_state from, enum secure_state to)
{
    static const uint8_t secure_next[] = {
        [SECURE_WAITING] = 1 << SECURE_HANDSHAKE | 1 << SECURE_FAILED,
        [SECURE_HANDSHAKE] = 1 << SECURE_OPEN | 1 << SECURE_FAILED,
        [SECURE_OPEN] = 1 << SECURE_ENDED | 1 << SECURE_FAILED,
        [SECURE_ENDED] = 0,
        [SECURE_FAILED] = 0,
    };
    return (secure_next[from] >> to & 1) != 0;
}

static void secure_set_state(struct secure *secure, enum secure_state state)
{
    ASSERT(secure_may_follow((enum secure_state)secure->state, state));
    secure->state = (uint8_t)state;
    (void)secure_may_follow;
}

// ---- Bytes that wait --------------------------------------------------------

struct view secure_waits(const struct secure_bytes *bytes)
{
    return bytes->data == NULL
               ? view_of(NULL, 0)
               : view_of(bytes->data + bytes->used, bytes->size - bytes->used);
}

void secure_take(struct secure *secure, struct secure_bytes *bytes, size_t size)
{
    ASSERT(size <= bytes->size - bytes->used);
    bytes->used += (uint32_t)size;
    if (bytes->used == bytes->size && bytes->data != NULL) {
        alloc_free(secure->allocator, bytes->data, bytes->size);
        *bytes = (struct secure_bytes){NULL, 0, 0};
    }
}

bool secure_keep(struct secure *secure, struct secure_bytes *bytes,
                 struct view added)
{
    struct view old = secure_waits(bytes);
    if (added.size == 0) {
        return true;
    }
    size_t size;
    if (!alloc_size_add(old.size, added.size, &size) || size > UINT32_MAX) {
        return false;
    }
    uint8_t *data = alloc_new(secure->allocator, size);
    if (data == NULL) {
        return false;
    }
    if (old.size > 0) {
        memcpy(data, old.data, old.size);
    }
    memcpy(data + old.size, added.data, added.size);
    alloc_free(secure->allocator, bytes->data, bytes->size);
    *bytes = (struct secure_bytes){data, (uint32_t)size, 0};
    return true;
}

// ---- Is it the right peer? --------------------------------------------------

// secure_refuse keeps the words; without memory there are none.
PRINTF_LIKE(2, 3)
static grpc_result secure_refuse(struct secure *secure, const char *format, ...)
{
    if (secure->reason == NULL) {
        secure->reason = alloc_new(secure->allocator, SECURE_REASON);
    }
    if (secure->reason != NULL) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(secure->reason, SECURE_REASON, format, arguments);
        va_end(arguments);
    }
    return GRPC_EFORMAT;
}

// secure_clean leaves printable ASCII alone: what the peer wrote is told to who
// prints it.
static void secure_clean(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text > 0x7e) {
            *text = '?';
        }
    }
}

// secure_first_name is a name to tell whom a certificate is for; none: NULL.
static grpc_str secure_first_name(const grpc_identity *identity)
{
    for (size_t i = 0; i < identity->name_count; i++) {
        if (identity->names[i].type == GRPC_NAME_DNS) {
            return identity->names[i].value;
        }
    }
    return (grpc_str){NULL, 0};
}

enum { SECURE_NAME = 100 };

// secure_refuse_name: whom the certificate is for, instead.
static grpc_result secure_refuse_name(struct secure *secure,
                                      const grpc_identity *identity,
                                      const char *host)
{
    grpc_str name = secure_first_name(identity);
    bool is_named = name.data != NULL;
    if (!is_named) {
        name = grpc_str_z(identity->subject[0] != '\0' ? identity->subject
                                                       : "nobody");
    }
    char text[SECURE_NAME];
    (void)snprintf(text, sizeof text, "%.*s",
                   (int)(name.size < SECURE_NAME ? name.size : SECURE_NAME),
                   name.data);
    secure_clean(text);
    return secure_refuse(secure,
                         is_named ? "the certificate is for %s, not for %.100s"
                                  : "the certificate, of %s, has no DNS name "
                                    "(subjectAltName), and is not for %.100s",
                         text, host);
}

static grpc_result secure_check_name(struct secure *secure,
                                     const grpc_identity *identity)
{
    const char *host = secure->peer.server_name;
    if (secure->credentials->is_server ||
        secure->context->check != GRPC_CHECK_ALL ||
        (host != NULL &&
         tls_name_matches(identity->names, identity->name_count, host))) {
        return GRPC_OK;
    }
    return secure_refuse_name(secure, identity, host != NULL ? host : "nobody");
}

// secure_check_chain: the library has verified what there is to be verified, and
// there is a certificate where there has to be one, though that is its task.
static grpc_result secure_check_chain(struct secure *secure,
                                      const grpc_identity *identity)
{
    const struct credentials_context *context = secure->context;
    bool is_server = secure->credentials->is_server;
    bool is_shown = identity->certificate.size > 0;
    bool is_needed = is_server ? context->clients == GRPC_CLIENTS_REQUIRED
                               : context->check != GRPC_CHECK_NOTHING ||
                                     context->verify != NULL;
    if (is_needed && !is_shown) {
        return secure_refuse(secure, "the %s has shown no certificate",
                             is_server ? "client" : "server");
    }
    if (is_shown && !identity->is_verified &&
        context->check != GRPC_CHECK_NOTHING) {
        return secure_refuse(secure, "the certificate was not verified");
    }
    return GRPC_OK;
}

static grpc_result secure_check_alpn(struct secure *secure,
                                     const grpc_identity *identity)
{
    bool is_none = identity->alpn[0] == '\0';
    char alpn[20];
    if (strcmp(identity->alpn, "h2") == 0 ||
        (is_none && secure->context->allow_no_alpn)) {
        return GRPC_OK;
    }
    (void)snprintf(alpn, sizeof alpn, "%s", identity->alpn);
    secure_clean(alpn);
    return secure_refuse(secure, "the peer does not agree on h2 by ALPN%s%s",
                         is_none ? "" : ", but has ", alpn);
}

// secure_spiffe_id puts it into text; "" when there is none.
static const char *secure_spiffe_id(const grpc_identity *identity,
                                    char text[TLS_NAME_SPIFFE_BYTES + 1])
{
    grpc_str id = {NULL, 0};
    if (tls_name_spiffe(identity->names, identity->name_count, &id)) {
        memcpy(text, id.data, id.size);
    }
    text[id.size] = '\0';
    return text;
}

// secure_check_verify asks the user.
static grpc_result secure_check_verify(struct secure *secure,
                                       grpc_identity *identity)
{
    const struct credentials_context *context = secure->context;
    char reason[SECURE_REASON / 2] = "";
    if (context->verify == NULL || identity->certificate.size == 0) {
        return GRPC_OK;
    }
    char spiffe_id[TLS_NAME_SPIFFE_BYTES + 1];
    identity->spiffe_id = secure_spiffe_id(identity, spiffe_id);
    grpc_result result =
        context->verify(identity, reason, sizeof reason, context->self);
    reason[sizeof reason - 1] = '\0';
    return result == GRPC_OK
               ? GRPC_OK
               : secure_refuse(secure, "verify refuses the certificate: %s",
                               reason[0] != '\0' ? reason
                                                 : grpc_result_name(result));
}

static const char *secure_text(const char *text)
{
    return text != NULL ? text : "";
}

// secure_check is a grpc_tls_peer's check.
static grpc_result secure_check(void *self, const grpc_identity *identity)
{
    struct secure *secure = self;
    grpc_identity seen = *identity;
    seen.level = GRPC_PRIVATE;
    seen.protocol = secure_text(identity->protocol);
    seen.cipher = secure_text(identity->cipher);
    seen.alpn = secure_text(identity->alpn);
    seen.subject = secure_text(identity->subject);
    grpc_result result = secure_check_chain(secure, &seen);
    if (result == GRPC_OK) {
        result = secure_check_alpn(secure, &seen);
    }
    if (result == GRPC_OK) {
        result = secure_check_name(secure, &seen);
    }
    if (result == GRPC_OK) {
        result = secure_check_verify(secure, &seen);
    }
    secure->checked = result == GRPC_OK;
    return result;
}

// secure_check_now is for a library that has not asked, and for a session that
// goes on from an older one.
static grpc_result secure_check_now(struct secure *secure)
{
    grpc_arena arena = {.allocator = *secure->allocator};
    grpc_identity identity;
    grpc_result result = secure_identify(secure, &arena, &identity);
    if (result == GRPC_OK) {
        result = secure_check(secure, &identity);
    } else {
        (void)secure_refuse(secure, "out of memory");
    }
    grpc_arena_free(&arena);
    return result;
}

grpc_result secure_has_name(const struct secure *secure, const char *host)
{
    grpc_arena arena = {.allocator = *secure->allocator};
    grpc_identity identity;
    if (secure->context->check == GRPC_CHECK_NOTHING) {
        return GRPC_OK;
    }
    grpc_result result = secure_identify(secure, &arena, &identity);
    if (result == GRPC_OK &&
        !tls_name_matches(identity.names, identity.name_count, host)) {
        result = GRPC_EINVAL;
    }
    grpc_arena_free(&arena);
    return result;
}

// ---- Life -------------------------------------------------------------------

struct secure *secure_new(const grpc_allocator *allocator,
                          struct grpc_credentials *credentials,
                          const char *server_name)
{
    struct secure *secure = alloc_zeroed(allocator, sizeof *secure);
    if (secure != NULL) {
        secure->allocator = allocator;
        secure->credentials = grpc_credentials_keep(credentials);
        secure->peer = (grpc_tls_peer){server_name, secure_check, secure};
    }
    return secure;
}

static void secure_drop_bytes(struct secure *secure, struct secure_bytes *bytes)
{
    secure_take(secure, bytes, bytes->size - bytes->used);
}

void secure_shut(struct secure *secure)
{
    if (secure->session != NULL) {
        secure->context->library->end(secure->session);
        secure->session = NULL;
    }
    credentials_release(secure->context);
    secure->context = NULL;
    secure_drop_bytes(secure, &secure->input);
    if (secure->state < SECURE_ENDED) {
        secure_set_state(secure, SECURE_FAILED);
    }
}

void secure_free(struct secure *secure)
{
    if (secure == NULL) {
        return;
    }
    secure_shut(secure);
    grpc_credentials_free(secure->credentials);
    secure_drop_bytes(secure, &secure->output);
    if (secure->reason != NULL) {
        alloc_free(secure->allocator, secure->reason, SECURE_REASON);
    }
    alloc_free(secure->allocator, secure, sizeof *secure);
}

bool secure_begin(struct secure *secure, struct grpc_loop *loop)
{
    secure->context = credentials_use(secure->credentials, loop);
    secure->session = secure->context->library->begin(secure->context->context,
                                                      &secure->peer);
    secure_set_state(secure, secure->session != NULL ? SECURE_HANDSHAKE
                                                     : SECURE_FAILED);
    return secure->session != NULL;
}

// ---- The session ------------------------------------------------------------

grpc_result secure_handshake(struct secure *secure, grpc_tls_io *io)
{
    ASSERT(secure->state == SECURE_HANDSHAKE);
    grpc_result result =
        secure->context->library->handshake(secure->session, io);
    if (result == GRPC_MORE || result == GRPC_AGAIN) {
        return result;
    }
    if (result == GRPC_OK && !secure->checked) {
        result = secure_check_now(secure);
    }
    secure_set_state(secure, result == GRPC_OK ? SECURE_OPEN : SECURE_FAILED);
    return result;
}

// secure_misused: a library that does not keep the contract is not gone on with.
static grpc_result secure_misused(struct secure *secure)
{
    return secure_refuse(secure, "the TLS library %.100s breaks its contract",
                         secure->context->library->version());
}

static bool secure_has_room(const grpc_tls_io *io)
{
    return io->output_room - io->output_size >= GRPC_TLS_ROOM;
}

grpc_result secure_read(struct secure *secure, grpc_tls_io *io, uint8_t *data,
                        size_t room, size_t *out_size)
{
    const grpc_tls_library *library = secure->context->library;
    grpc_result result = GRPC_OK;
    *out_size = 0;
    while (room > 0 && result == GRPC_OK && secure_has_room(io)) {
        size_t size = 0;
        result = library->read(secure->session, io, data, room, &size);
        if (result == GRPC_OK && (size == 0 || size > room)) {
            result = secure_misused(secure);
        } else if (result == GRPC_OK) {
            data += size;
            room -= size;
            *out_size += size;
        }
    }
    if (result != GRPC_OK && result != GRPC_AGAIN && result != GRPC_MORE) {
        secure_set_state(secure,
                         result == GRPC_ESTATE ? SECURE_ENDED : SECURE_FAILED);
    }
    return result;
}

bool secure_write(struct secure *secure, grpc_tls_io *io, struct view data,
                  size_t *used)
{
    *used = data.size;
    grpc_result result =
        secure->context->library->write(secure->session, io, data.data, used);
    if (result == GRPC_OK && (*used == 0 || *used > data.size)) {
        result = secure_misused(secure);
    }
    if (result != GRPC_OK) {
        secure_set_state(secure, SECURE_FAILED);
    }
    return result == GRPC_OK;
}

void secure_finish(struct secure *secure, grpc_tls_io *io)
{
    secure->context->library->finish(secure->session, io);
}

const char *secure_reason(const struct secure *secure)
{
    if (secure->reason != NULL) {
        return secure->reason;
    }
    const char *reason = secure->session == NULL
                             ? "out of memory"
                             : secure->context->library->error(secure->session);
    return reason != NULL ? reason : "the TLS library does not say why";
}

grpc_result secure_identify(const struct secure *secure, grpc_arena *arena,
                            grpc_identity *identity)
{
    *identity = (grpc_identity){.protocol = "",
                                .cipher = "",
                                .alpn = "",
                                .subject = "",
                                .spiffe_id = ""};
    return secure->context->library->identify(secure->session, arena, identity);
}
