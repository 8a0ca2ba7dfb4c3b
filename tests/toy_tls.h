// SPDX-License-Identifier: MIT
// A grpc_tls_library that is no security at all, for tests of what is around
// one: records with a head, bytes that are changed, a handshake of three
// messages, alerts. A record is
//
//   type  size, 2 bytes  content, each byte xor 0x5a  sum, 4 bytes
//
// The sum is there where the test wants it: then what was changed, lost, doubled
// or moved on its way is noticed.
//
//   client                        server
//   HELLO (server name)  ------>
//                        <------  HELLO ("h2", or another ALPN)
//   DONE                 ------>
//
// Header only, because the functions under test are static in the amalgamation.

#ifndef TESTS_TOY_TLS_H
#define TESTS_TOY_TLS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/linkage.h"
#include "grpc.h"

// An ASK is answered by an ANSWER, as TLS 1.3's KeyUpdate may be.
enum {
    TOY_HELLO = 1,
    TOY_DONE,
    TOY_DATA,
    TOY_CLOSE,
    TOY_ALERT,
    TOY_ASK,
    TOY_ANSWER,
};
enum {
    TOY_HEAD = 3,
    TOY_SUM = 4,
    TOY_RECORD = TOY_HEAD + GRPC_TLS_RECORD_BYTES + TOY_SUM,
};

// What is to go wrong, or is counted; a test's own, as library_data.
struct toy {
    bool no_session;  // begin has no memory
    bool no_alpn;     // a server's hello has none
    bool no_check;    // the session leaves check to the caller
    bool unverified;  // of the certificate
    bool not_shown;   // the peer has no certificate
    bool bad_write;   // the next write fails
    bool no_identity; // identify has no memory
    bool sums;        // records have them
    bool lazy;        // input is left where it is until a record is whole
    bool greedy;      // all input is taken at once, as by a BIO of OpenSSL's
    bool deaf;        // read takes nothing at all
    bool idle;     // write takes nothing, and read gives nothing, with success
    bool silent;   // no reason is given
    bool obedient; // what check says is of no account
    bool refuses;  // open has no memory
    bool is_address;  // name is an address of IPv4
    const char *name; // of the peer's certificate; NULL: "localhost"
    const char *alpn; // what was agreed on; NULL: "h2"
    const grpc_allocator *allocator; // of contexts and sessions; NULL: malloc
    char saw[256]; // by open: certificate|key|roots, and more certificates
    int opens;
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
    size_t read;             // of its content
    bool open;               // it is whole, and plain
    unsigned long sent, got; // records, where they have sums
    bool said;               // our hello is out
    bool met;                // theirs has come
    char alpn[16];
    const char *error;
    unsigned char *store; // what a greedy one has taken
    size_t store_size, store_read;
};

static void *toy_new(const struct toy *toy, size_t size)
{
    void *made =
        toy->allocator == NULL
            ? malloc(size)
            : toy->allocator->allocate(toy->allocator->user, NULL, 0, size);
    return made == NULL ? NULL : memset(made, 0, size);
}

static void toy_free(const struct toy *toy, void *freed, size_t size)
{
    if (toy->allocator == NULL) {
        free(freed);
    } else {
        (void)toy->allocator->allocate(toy->allocator->user, freed, size, 0);
    }
}

static const char *toy_version(void)
{
    return "toy 1";
}

static void toy_see(struct toy *toy, grpc_str text, const char *before)
{
    size_t used = strlen(toy->saw);
    (void)snprintf(toy->saw + used, sizeof toy->saw - used, "%s%.*s", before,
                   (int)text.size, text.size > 0 ? text.data : "");
}

// toy_look keeps what it has been given, which ends with NULs.
static void toy_look(struct toy *toy, const grpc_tls_options *options)
{
    toy->opens++;
    toy->saw[0] = '\0';
    toy_see(toy, options->identity.certificate, "");
    toy_see(toy, options->identity.key, "|");
    toy_see(toy, options->roots, "|");
    for (size_t i = 0; i < options->more_count; i++) {
        toy_see(toy, options->more[i].certificate, "|");
        toy_see(toy, options->more[i].key, "|");
    }
    const grpc_str texts[] = {options->identity.certificate,
                              options->identity.key, options->roots,
                              options->crl};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i].size > 0 && texts[i].data[texts[i].size] != '\0') {
            abort();
        }
    }
}

static grpc_result toy_open(const grpc_tls_options *options, bool is_server,
                            void **context, char *reason, size_t reason_size)
{
    struct toy_context *made = NULL;
    struct toy *toy = options->library_data;
    toy_look(toy, options);
    if (options->identity.certificate.size >= 3 &&
        memcmp(options->identity.certificate.data, "bad", 3) == 0) {
        if (!toy->silent) {
            (void)snprintf(reason, reason_size, "certificate: bad");
        }
        return GRPC_EINVAL;
    }
    made = toy->refuses ? NULL : toy_new(toy, sizeof *made);
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
    toy_free(closed->toy, closed, sizeof *closed);
}

static void *toy_begin(void *context, const grpc_tls_peer *peer)
{
    const struct toy_context *of = context;
    struct toy_session *session =
        of->toy->no_session ? NULL : toy_new(of->toy, sizeof *session);
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
    struct toy *toy = ended->context->toy;
    toy->open_sessions--;
    free(ended->store);
    toy_free(toy, ended, sizeof *ended);
}

// toy_sum is of a record's head and content, and of its number.
static unsigned long toy_sum(const unsigned char *record, size_t size,
                             unsigned long number)
{
    unsigned long sum = 2166136261u;
    for (size_t i = 0; i < size; i++) {
        sum = (sum ^ record[i]) * 16777619u & 0xffffffffu;
    }
    return (sum ^ number) & 0xffffffffu;
}

static void toy_put_sum(unsigned char *to, unsigned long sum)
{
    for (int i = 0; i < TOY_SUM; i++) {
        to[i] = (unsigned char)(sum >> (24 - 8 * i));
    }
}

static void toy_put(struct toy_session *session, grpc_tls_io *io, int type,
                    const void *content, size_t size)
{
    const unsigned char *from = content;
    unsigned char *to = io->output + io->output_size;
    size_t whole = TOY_HEAD + size;
    to[0] = (unsigned char)type;
    to[1] = (unsigned char)(size >> 8);
    to[2] = (unsigned char)size;
    for (size_t i = 0; i < size; i++) {
        to[TOY_HEAD + i] = from[i] ^ 0x5a;
    }
    if (session->context->toy->sums) {
        toy_put_sum(to + whole, toy_sum(to, whole, session->sent++));
        whole += TOY_SUM;
    }
    io->output_size += whole;
}

static grpc_result toy_fail(struct toy_session *session, grpc_tls_io *io,
                            const char *error)
{
    session->error = error;
    toy_put(session, io, TOY_ALERT, "bad", 3);
    return GRPC_EFORMAT;
}

static size_t toy_content(const struct toy_session *session)
{
    return (size_t)session->record[1] << 8 | session->record[2];
}

// toy_whole is the size of the record that comes, as far as its head tells.
static size_t toy_whole(const struct toy_session *session)
{
    return session->size < TOY_HEAD
               ? TOY_HEAD
               : TOY_HEAD + toy_content(session) +
                     (session->context->toy->sums ? TOY_SUM : 0);
}

// toy_open_record: a record is whole, and is seen for the first time. NULL, or
// what is wrong with it.
static const char *toy_open_record(struct toy_session *session)
{
    size_t size = TOY_HEAD + toy_content(session);
    unsigned char sum[TOY_SUM];
    if (session->context->toy->sums) {
        toy_put_sum(sum, toy_sum(session->record, size, session->got++));
        if (memcmp(sum, session->record + size, TOY_SUM) != 0) {
            return "the record was changed";
        }
    }
    for (size_t i = TOY_HEAD; i < size; i++) {
        session->record[i] ^= 0x5a;
    }
    return NULL;
}

// toy_swallow: all input is its own now.
static void toy_swallow(struct toy_session *session, grpc_tls_io *io)
{
    if (!session->context->toy->greedy || io->input_size == 0) {
        return;
    }
    unsigned char *store =
        realloc(session->store, session->store_size + io->input_size);
    if (store == NULL) {
        abort();
    }
    memcpy(store + session->store_size, io->input, io->input_size);
    session->store = store;
    session->store_size += io->input_size;
    io->input += io->input_size;
    io->input_size = 0;
}

// toy_is_whole: a lazy one finds a whole record in the input.
static bool toy_is_whole(const struct toy_session *session,
                         const grpc_tls_io *io)
{
    size_t size = io->input_size;
    size_t extra = session->context->toy->sums ? TOY_SUM : 0;
    return size >= TOY_HEAD &&
           size >=
               TOY_HEAD + extra + ((size_t)io->input[1] << 8 | io->input[2]);
}

// toy_input takes at most size bytes of what there is.
static size_t toy_input(struct toy_session *session, grpc_tls_io *io,
                        unsigned char *to, size_t size)
{
    if (session->context->toy->greedy) {
        size_t left = session->store_size - session->store_read;
        size = size < left ? size : left;
        if (size > 0) {
            memcpy(to, session->store + session->store_read, size);
        }
        session->store_read += size;
        return size;
    }
    size = size < io->input_size ? size : io->input_size;
    if (size > 0) {
        memcpy(to, io->input, size);
        io->input += size;
        io->input_size -= size;
    }
    return size;
}

// toy_take gathers one record: GRPC_OK, GRPC_AGAIN, or what is wrong with it.
static grpc_result toy_take(struct toy_session *session, grpc_tls_io *io)
{
    toy_swallow(session, io);
    if (session->context->toy->lazy && session->size == 0 &&
        !toy_is_whole(session, io)) {
        return GRPC_AGAIN;
    }
    while (!session->open) {
        size_t whole = toy_whole(session);
        if (session->size >= TOY_HEAD) {
            if (session->record[0] < TOY_HELLO ||
                session->record[0] > TOY_ANSWER ||
                toy_content(session) > GRPC_TLS_RECORD_BYTES) {
                return toy_fail(session, io, "that is no record");
            }
            if (session->size == whole) {
                const char *error = toy_open_record(session);
                if (error != NULL) {
                    return toy_fail(session, io, error);
                }
                session->open = true;
                break;
            }
        }
        size_t part = toy_input(session, io, session->record + session->size,
                                whole - session->size);
        if (part == 0) {
            return GRPC_AGAIN;
        }
        session->size += part;
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
    session->open = false;
}

static grpc_result toy_identify(void *session, grpc_arena *arena,
                                grpc_identity *identity)
{
    const struct toy_session *of = session;
    const struct toy *toy = of->context->toy;
    const char *name = toy->name != NULL ? toy->name : "localhost";
    grpc_tls_name *names = grpc_arena_alloc(arena, sizeof *names);
    grpc_str alpn = grpc_arena_printf(arena, "%s",
                                      toy->alpn != NULL ? toy->alpn : of->alpn);
    if (names == NULL || alpn.data == NULL || toy->no_identity) {
        return GRPC_ENOMEM;
    }
    identity->protocol = "toy";
    identity->cipher = "XOR";
    identity->alpn = alpn.data;
    identity->is_verified = !toy->unverified;
    identity->subject = "CN=toy";
    if (toy->not_shown) {
        // (Of a server it claims to have verified what it has not seen.)
        identity->is_verified = !of->context->is_server;
        return GRPC_OK;
    }
    identity->certificate = GRPC_STR("a certificate");
    *names = (grpc_tls_name){GRPC_NAME_DNS, grpc_str_z(name)};
    if (strncmp(name, "spiffe:", 7) == 0) {
        names->type = GRPC_NAME_URI;
    }
    static const char toy_loopback[] = {127, 0, 0, 1};
    if (toy->is_address) {
        *names = (grpc_tls_name){GRPC_NAME_ADDRESS, {toy_loopback, 4}};
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
    return result == GRPC_OK || session->context->toy->obedient
               ? GRPC_OK
               : toy_fail(session, io, "check refuses the peer");
}

static void toy_say_hello(struct toy_session *session, grpc_tls_io *io)
{
    const char *text = session->context->is_server
                           ? (session->context->toy->no_alpn ? "" : "h2")
                           : session->peer->server_name;
    (void)snprintf(session->alpn, sizeof session->alpn, "%s",
                   session->context->toy->no_alpn ? "" : "h2");
    toy_put(session, io, TOY_HELLO, text, strlen(text));
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
        toy_put(of, io, TOY_DONE, "", 0);
    }
    return result;
}

// toy_take_data is toy_take past what is nothing for the user.
static grpc_result toy_take_data(struct toy_session *session, grpc_tls_io *io)
{
    for (;;) {
        grpc_result result = toy_take(session, io);
        if (result != GRPC_OK) {
            return result;
        }
        int type = session->record[0];
        if (type == TOY_ASK) {
            toy_put(session, io, TOY_ANSWER, "", 0);
        } else if (type != TOY_ANSWER &&
                   (type != TOY_DATA || toy_content(session) > 0)) {
            return GRPC_OK;
        }
        toy_drop(session);
        if (io->output_room - io->output_size < GRPC_TLS_ROOM) {
            return GRPC_MORE; // with room for the next answer
        }
    }
}

static grpc_result toy_read(void *session, grpc_tls_io *io, unsigned char *data,
                            size_t room, size_t *size)
{
    struct toy_session *of = session;
    if (of->context->toy->deaf) {
        return GRPC_AGAIN;
    }
    if (of->context->toy->idle) {
        return GRPC_OK;
    }
    if (io->output_room - io->output_size < GRPC_TLS_ROOM) {
        abort(); // which core has promised
    }
    grpc_result result = toy_take_data(of, io);
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
    if (of->context->toy->idle) {
        *size = 0;
        return GRPC_OK;
    }
    *size = *size < GRPC_TLS_RECORD_BYTES ? *size : GRPC_TLS_RECORD_BYTES;
    toy_put(of, io, TOY_DATA, data, *size);
    return GRPC_OK;
}

static void toy_finish(void *session, grpc_tls_io *io)
{
    toy_put(session, io, TOY_CLOSE, "", 0);
}

static const char *toy_error(void *session)
{
    const struct toy_session *of = session;
    return of->context->toy->silent ? NULL : of->error;
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
