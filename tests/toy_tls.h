// SPDX-License-Identifier: MIT
// A grpc_tls_library that is no security at all, for tests of what is around
// one: records with a head, bytes that are changed, a handshake of three
// messages, alerts. A record is
//
//   type  size, 2 bytes  content, each byte xor 0x5a
//
//   client                        server
//   HELLO (server name)  ------>
//                        <------  HELLO ("h2", or another ALPN)
//   DONE                 ------>
//
// Header only, because the functions under test are static in the amalgamation.

#ifndef TESTS_TOY_TLS_H
#define TESTS_TOY_TLS_H

#include <stdlib.h>
#include <string.h>

#include "base/linkage.h"
#include "grpc.h"

enum { TOY_HELLO = 1, TOY_DONE, TOY_DATA, TOY_CLOSE, TOY_ALERT };
enum { TOY_HEAD = 3, TOY_RECORD = TOY_HEAD + GRPC_TLS_RECORD_BYTES };

// What is to go wrong, or is counted; a test's own, as library_data.
struct toy {
    bool no_session;  // begin has no memory
    bool no_alpn;     // a server's hello has none
    bool no_check;    // the session leaves check to the caller
    bool unverified;  // of the certificate
    bool not_shown;   // a client has no certificate
    bool bad_write;   // the next write fails
    bool no_identity; // identify has no memory
    const char *name; // of the server's certificate; NULL: "localhost"
    int open_contexts;
    int open_sessions;
    int steps; // of handshakes
};

struct toy_context {
    struct toy *toy;
    bool is_server;
};

struct toy_session {
    const struct toy_context *context;
    const grpc_tls_peer *peer;
    unsigned char record[TOY_RECORD]; // what has come of the next one
    size_t size;
    size_t read; // of its content
    bool said;   // our hello is out
    bool met;    // theirs has come
    char alpn[16];
    const char *error;
};

static const char *toy_version(void)
{
    return "toy 1";
}

static grpc_result toy_open(const grpc_tls_options *options, bool is_server,
                            void **context, char *reason, size_t reason_size)
{
    struct toy_context *made = NULL;
    if (options->identity.certificate.size > 0 &&
        memcmp(options->identity.certificate.data, "bad", 3) == 0) {
        (void)snprintf(reason, reason_size, "certificate: bad");
        return GRPC_EINVAL;
    }
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        (void)snprintf(reason, reason_size, "out of memory");
        return GRPC_ENOMEM;
    }
    made->toy = options->library_data;
    made->is_server = is_server;
    made->toy->open_contexts++;
    *context = made;
    return GRPC_OK;
}

static void toy_close(void *context)
{
    struct toy_context *closed = context;
    closed->toy->open_contexts--;
    free(closed);
}

static void *toy_begin(void *context, const grpc_tls_peer *peer)
{
    const struct toy_context *of = context;
    struct toy_session *session =
        of->toy->no_session ? NULL : calloc(1, sizeof *session);
    if (session != NULL) {
        session->context = of;
        session->peer = peer;
        session->error = "nothing";
        of->toy->open_sessions++;
    }
    return session;
}

static void toy_end(void *session)
{
    struct toy_session *ended = session;
    ended->context->toy->open_sessions--;
    free(ended);
}

static void toy_put(grpc_tls_io *io, int type, const void *content, size_t size)
{
    const unsigned char *from = content;
    unsigned char *to = io->output + io->output_size;
    to[0] = (unsigned char)type;
    to[1] = (unsigned char)(size >> 8);
    to[2] = (unsigned char)size;
    for (size_t i = 0; i < size; i++) {
        to[TOY_HEAD + i] = from[i] ^ 0x5a;
    }
    io->output_size += TOY_HEAD + size;
}

static grpc_result toy_fail(struct toy_session *session, grpc_tls_io *io,
                            const char *error)
{
    session->error = error;
    toy_put(io, TOY_ALERT, "bad", 3);
    return GRPC_EFORMAT;
}

static size_t toy_content(const struct toy_session *session)
{
    return (size_t)session->record[1] << 8 | session->record[2];
}

// toy_take gathers one record: GRPC_OK, GRPC_AGAIN, or what is wrong with it.
static grpc_result toy_take(struct toy_session *session, grpc_tls_io *io)
{
    for (;;) {
        size_t whole = TOY_HEAD;
        if (session->size >= TOY_HEAD) {
            if (session->record[0] < TOY_HELLO ||
                session->record[0] > TOY_ALERT ||
                toy_content(session) > GRPC_TLS_RECORD_BYTES) {
                return toy_fail(session, io, "that is no record");
            }
            whole += toy_content(session);
            if (session->size == whole) {
                break;
            }
        }
        if (io->input_size == 0) {
            return GRPC_AGAIN;
        }
        size_t part = whole - session->size;
        part = part < io->input_size ? part : io->input_size;
        memcpy(session->record + session->size, io->input, part);
        session->size += part;
        io->input += part;
        io->input_size -= part;
    }
    for (size_t i = 0; session->read == 0 && i < toy_content(session); i++) {
        session->record[TOY_HEAD + i] ^= 0x5a;
    }
    if (session->record[0] == TOY_ALERT) {
        session->error = "the peer sent an alert";
        return GRPC_EFORMAT;
    }
    return GRPC_OK;
}

static void toy_drop(struct toy_session *session)
{
    session->size = 0;
    session->read = 0;
}

static grpc_result toy_identify(void *session, grpc_arena *arena,
                                grpc_identity *identity)
{
    const struct toy_session *of = session;
    const struct toy *toy = of->context->toy;
    const char *name = toy->name != NULL ? toy->name : "localhost";
    grpc_tls_name *names = grpc_arena_alloc(arena, sizeof *names);
    grpc_str alpn = grpc_arena_printf(arena, "%s", of->alpn);
    if (names == NULL || alpn.data == NULL || toy->no_identity) {
        return GRPC_ENOMEM;
    }
    identity->protocol = "toy";
    identity->cipher = "XOR";
    identity->alpn = alpn.data;
    identity->is_verified = !toy->unverified;
    identity->subject = "CN=toy";
    if (toy->not_shown && of->context->is_server) {
        identity->is_verified = false;
        return GRPC_OK;
    }
    identity->certificate = GRPC_STR("a certificate");
    *names = (grpc_tls_name){GRPC_NAME_DNS, grpc_str_z(name)};
    if (strncmp(name, "spiffe:", 7) == 0) {
        names->type = GRPC_NAME_URI;
    }
    identity->names = names;
    identity->name_count = 1;
    return GRPC_OK;
}

static grpc_result toy_check(struct toy_session *session, grpc_tls_io *io)
{
    grpc_arena arena = {0};
    grpc_identity identity = {.protocol = "", .spiffe_id = ""};
    if (session->context->toy->no_check) {
        return GRPC_OK;
    }
    grpc_result result = toy_identify(session, &arena, &identity);
    if (result == GRPC_OK) {
        result = session->peer->check(session->peer->check_self, &identity);
    }
    grpc_arena_free(&arena);
    return result == GRPC_OK ? GRPC_OK
                             : toy_fail(session, io, "check refuses the peer");
}

static void toy_say_hello(struct toy_session *session, grpc_tls_io *io)
{
    const char *text = session->context->is_server
                           ? (session->context->toy->no_alpn ? "" : "h2")
                           : session->peer->server_name;
    (void)snprintf(session->alpn, sizeof session->alpn, "%s",
                   session->context->toy->no_alpn ? "" : "h2");
    toy_put(io, TOY_HELLO, text, strlen(text));
    session->said = true;
}

static grpc_result toy_handshake(void *session, grpc_tls_io *io)
{
    struct toy_session *of = session;
    bool is_server = of->context->is_server;
    of->context->toy->steps++;
    if (!is_server && !of->said) {
        toy_say_hello(of, io);
        return GRPC_MORE;
    }
    grpc_result result = toy_take(of, io);
    if (result != GRPC_OK) {
        return result;
    }
    int expected = is_server && of->met ? TOY_DONE : TOY_HELLO;
    if (of->record[0] != expected) {
        return toy_fail(of, io, "that is no handshake");
    }
    toy_drop(of);
    if (is_server && !of->met) {
        of->met = true;
        toy_say_hello(of, io);
        return GRPC_MORE;
    }
    result = toy_check(of, io);
    if (result == GRPC_OK && !is_server) {
        toy_put(io, TOY_DONE, "", 0);
    }
    return result;
}

static grpc_result toy_read(void *session, grpc_tls_io *io, unsigned char *data,
                            size_t room, size_t *size)
{
    struct toy_session *of = session;
    grpc_result result = toy_take(of, io);
    while (result == GRPC_OK && of->record[0] == TOY_DATA &&
           toy_content(of) == 0) {
        toy_drop(of);
        result = toy_take(of, io);
    }
    if (result != GRPC_OK) {
        return result;
    }
    if (of->record[0] == TOY_CLOSE) {
        return GRPC_ESTATE;
    }
    if (of->record[0] != TOY_DATA) {
        return toy_fail(of, io, "that is no data");
    }
    size_t left = toy_content(of) - of->read;
    *size = left < room ? left : room;
    memcpy(data, of->record + TOY_HEAD + of->read, *size);
    of->read += *size;
    if (of->read == toy_content(of)) {
        toy_drop(of);
    }
    return GRPC_OK;
}

static grpc_result toy_write(void *session, grpc_tls_io *io,
                             const unsigned char *data, size_t *size)
{
    struct toy_session *of = session;
    if (of->context->toy->bad_write) {
        of->error = "it does not write";
        return GRPC_EFORMAT;
    }
    *size = *size < GRPC_TLS_RECORD_BYTES ? *size : GRPC_TLS_RECORD_BYTES;
    toy_put(io, TOY_DATA, data, *size);
    return GRPC_OK;
}

static void toy_finish(void *session, grpc_tls_io *io)
{
    (void)session;
    toy_put(io, TOY_CLOSE, "", 0);
}

static const char *toy_error(void *session)
{
    const struct toy_session *of = session;
    return of->error;
}

static MAYBE_UNUSED const grpc_tls_library toy_tls = {
    .version = toy_version,
    .open = toy_open,
    .close = toy_close,
    .begin = toy_begin,
    .end = toy_end,
    .handshake = toy_handshake,
    .read = toy_read,
    .write = toy_write,
    .finish = toy_finish,
    .identify = toy_identify,
    .error = toy_error,
};

static MAYBE_UNUSED grpc_credentials *toy_client(struct toy *toy)
{
    return grpc_tls_client(&(grpc_tls_options){
        .roots = GRPC_STR("roots"), .library = &toy_tls, .library_data = toy});
}

static MAYBE_UNUSED grpc_credentials *toy_server(struct toy *toy)
{
    return grpc_tls_server(
        &(grpc_tls_options){.identity = {.certificate = GRPC_STR("certificate"),
                                         .key = GRPC_STR("key")},
                            .library = &toy_tls,
                            .library_data = toy});
}

#endif
