// SPDX-License-Identifier: MIT

#include "tests/sim/sim_tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_report.h"
#include "tests/support.h"
#include "tests/toy_tls.h"
#include "tls/tls.h"

struct tls_context {
    struct sim_tls *tls;
    void *inner;
    int sessions;
    bool is_old; // another one has been opened for its role since
};

enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_ENDED, TLS_FAILED };

struct tls_session {
    struct tls_context *context;
    void *inner;
    const void *secure; // of the library, for which there is a session
    struct conn *conn;
    enum tls_state state;
    bool finished; // nothing more is written
};

static struct toy tls_toy;

// The newest context of clients and of servers.
static struct tls_context *tls_newest[2];

bool sim_tls_has_real(void)
{
#if defined(GRPC_WITH_MBEDTLS)
    return true;
#else
    return false;
#endif
}

static const grpc_tls_library *tls_real(void)
{
#if defined(GRPC_WITH_MBEDTLS)
    return &tls_mbedtls;
#else
    return NULL;
#endif
}

void sim_tls_init(struct sim_tls *tls, bool real, const struct sim_tls_tap *tap)
{
    tls_toy = (struct toy){.sums = true};
    *tls = (struct sim_tls){
        .tap = *tap,
        .inner = real ? tls_real() : &toy_tls,
        .inner_data = real ? NULL : &tls_toy,
    };
    tls_newest[0] = NULL;
    tls_newest[1] = NULL;
}

void sim_tls_check_rest(const struct sim_tls *tls)
{
    SIM_CHECK(tls->sessions == 0 && tls->contexts == 0 &&
                  tls_toy.open_contexts == 0 && tls_toy.open_sessions == 0,
              "%d sessions and %d contexts of TLS are left", tls->sessions,
              tls->contexts);
}

// ---- Contexts ---------------------------------------------------------------

static const char *tls_version(void)
{
    return "simulated";
}

static grpc_result tls_open(const grpc_tls_options *options, bool is_server,
                            void **out_context, char *reason,
                            size_t reason_size)
{
    struct sim_tls *tls = options->library_data;
    struct tls_context *context = calloc(1, sizeof *context);
    SIM_CHECK(context != NULL, "the simulation is out of memory");
    grpc_tls_options own = *options;
    own.library = tls->inner;
    own.library_data = tls->inner_data;
    context->tls = tls;
    grpc_result result =
        tls->inner->open(&own, is_server, &context->inner, reason, reason_size);
    if (result != GRPC_OK) {
        free(context);
        return result;
    }
    tls->contexts++;
    if (tls_newest[is_server] != NULL) {
        tls_newest[is_server]->is_old = true;
    }
    tls_newest[is_server] = context;
    *out_context = context;
    return GRPC_OK;
}

static void tls_close(void *context_)
{
    struct tls_context *context = context_;
    SIM_CHECK(context->sessions == 0, "a context is closed with %d sessions",
              context->sessions);
    for (int i = 0; i < 2; i++) {
        tls_newest[i] = tls_newest[i] == context ? NULL : tls_newest[i];
    }
    context->tls->contexts--;
    context->tls->inner->close(context->inner);
    free(context);
}

// ---- Sessions ---------------------------------------------------------------

static void *tls_begin(void *context_, const grpc_tls_peer *peer)
{
    struct tls_context *context = context_;
    struct tls_session *session = calloc(1, sizeof *session);
    SIM_CHECK(session != NULL, "the simulation is out of memory");
    SIM_CHECK(!context->is_old, "a session of an old context");
    session->context = context;
    session->secure = peer->check_self;
    session->inner = context->tls->inner->begin(context->inner, peer);
    if (session->inner == NULL) {
        free(session);
        return NULL;
    }
    const struct sim_tls_tap *tap = &context->tls->tap;
    session->conn = tap->find(tap->user, session->secure);
    SIM_CHECK(session->conn != NULL, "a session of no connection");
    context->sessions++;
    context->tls->sessions++;
    return session;
}

static void tls_end(void *session_)
{
    struct tls_session *session = session_;
    struct tls_context *context = session->context;
    if (context->is_old) {
        sim_met(SIM_OUTLIVES);
    }
    if (session->state == TLS_HANDSHAKE) {
        sim_met(SIM_HANDSHAKE_CUT);
    } else if (session->state == TLS_OPEN) {
        sim_met(SIM_TRUNCATED);
    }
    context->tls->inner->end(session->inner);
    context->sessions--;
    context->tls->sessions--;
    free(session);
}

// tls_check_io: the session keeps to its part of the contract.
static void tls_check_io(const grpc_tls_io *before, const grpc_tls_io *io)
{
    size_t used = (size_t)(io->input - before->input);
    SIM_CHECK(used <= before->input_size &&
                  io->input_size == before->input_size - used,
              "a session takes more input than there is");
    SIM_CHECK(io->output == before->output &&
                  io->output_size >= before->output_size &&
                  io->output_size <= io->output_room,
              "a session's output has no room");
}

// tls_check_room: the library keeps to its own. (A session that the peer has ended
// may still be finished.)
static void tls_check_room(const struct tls_session *session,
                           const grpc_tls_io *io)
{
    SIM_CHECK(session->state != TLS_FAILED, "a session that failed is used");
    SIM_CHECK(io->output_room - io->output_size >= GRPC_TLS_ROOM,
              "a session has room for %zu bytes of output",
              io->output_room - io->output_size);
}

static void tls_note_again(const grpc_tls_io *before, const grpc_tls_io *io)
{
    if (io->input != before->input) {
        sim_met(SIM_CUT_RECORD); // it waits for the rest
    }
}

static grpc_result tls_handshake(void *session_, grpc_tls_io *io)
{
    struct tls_session *session = session_;
    const grpc_tls_io before = *io;
    SIM_CHECK(session->state == TLS_HANDSHAKE, "a second handshake");
    tls_check_room(session, io);
    grpc_result result =
        session->context->tls->inner->handshake(session->inner, io);
    tls_check_io(&before, io);
    switch (result) {
    case GRPC_OK:
        session->state = TLS_OPEN;
        sim_met(SIM_HANDSHAKE);
        break;
    case GRPC_MORE:
        break;
    case GRPC_AGAIN:
        tls_note_again(&before, io);
        break;
    default:
        session->state = TLS_FAILED;
        sim_met(SIM_HANDSHAKE_FAILED);
        break;
    }
    sim_note("handshake: %lld, %lld bytes in, %lld out", result,
             (long long)(before.input_size - io->input_size),
             (long long)(io->output_size - before.output_size), 0);
    return result;
}

static grpc_result tls_read(void *session_, grpc_tls_io *io,
                            unsigned char *data, size_t room, size_t *size)
{
    struct tls_session *session = session_;
    const struct sim_tls_tap *tap = &session->context->tls->tap;
    const grpc_tls_io before = *io;
    tls_check_room(session, io);
    SIM_CHECK(session->state == TLS_OPEN, "a session reads behind its end");
    grpc_result result = session->context->tls->inner->read(session->inner, io,
                                                            data, room, size);
    tls_check_io(&before, io);
    switch (result) {
    case GRPC_OK:
        SIM_CHECK(*size > 0 && *size <= room, "a session reads %zu bytes",
                  *size);
        tap->took(tap->user, session->conn, *size);
        break;
    case GRPC_AGAIN:
        SIM_CHECK(io->input_size == 0, "input is left");
        tls_note_again(&before, io);
        break;
    case GRPC_ESTATE:
        session->state = TLS_ENDED;
        sim_met(SIM_CLOSE_NOTIFY);
        break;
    default:
        session->state = TLS_FAILED;
        sim_met(SIM_SPOILED_FOUND);
        sim_note("a session fails: %lld", result, 0, 0, 0);
        break;
    }
    return result;
}

static grpc_result tls_write(void *session_, grpc_tls_io *io,
                             const unsigned char *data, size_t *size)
{
    struct tls_session *session = session_;
    const struct sim_tls_tap *tap = &session->context->tls->tap;
    const grpc_tls_io before = *io;
    size_t most = *size;
    SIM_CHECK(!session->finished && session->state == TLS_OPEN,
              "a session writes behind its end");
    tls_check_room(session, io);
    grpc_result result =
        session->context->tls->inner->write(session->inner, io, data, size);
    tls_check_io(&before, io);
    SIM_CHECK(result == GRPC_OK && *size > 0 && *size <= most,
              "a session writes %zu bytes of %zu: %s", *size, most,
              grpc_result_name(result));
    tap->wrote(tap->user, session->conn, data, *size);
    return result;
}

static void tls_finish(void *session_, grpc_tls_io *io)
{
    struct tls_session *session = session_;
    const grpc_tls_io before = *io;
    tls_check_room(session, io);
    SIM_CHECK(!session->finished, "a session is finished twice");
    session->finished = true;
    session->context->tls->inner->finish(session->inner, io);
    tls_check_io(&before, io);
}

static grpc_result tls_identify(void *session_, grpc_arena *arena,
                                grpc_identity *identity)
{
    struct tls_session *session = session_;
    return session->context->tls->inner->identify(session->inner, arena,
                                                  identity);
}

static const char *tls_error(void *session_)
{
    struct tls_session *session = session_;
    return session->context->tls->inner->error(session->inner);
}

static const grpc_tls_library tls_simulated = {
    .version = tls_version,
    .open = tls_open,
    .close = tls_close,
    .begin = tls_begin,
    .end = tls_end,
    .handshake = tls_handshake,
    .read = tls_read,
    .write = tls_write,
    .finish = tls_finish,
    .identify = tls_identify,
    .error = tls_error,
};

// ---- Options ----------------------------------------------------------------

// tls_text is the n-th certificate of the toy: it takes anything but "bad".
static grpc_str tls_text(uint32_t n)
{
    static char text[32];
    (void)snprintf(text, sizeof text, "certificate %u", (unsigned)n);
    return grpc_str_z(text);
}

static void tls_options_of_files(bool is_server, uint32_t n, bool bad,
                                 grpc_tls_options *options)
{
    static const char *const certificates[] = {"server.crt", "server-rsa.crt"};
    static const char *const keys[] = {"server.key", "server-rsa.key"};
    options->roots_file = test_cert(bad ? "server.key" : "ca.crt");
    if (is_server) {
        options->identity.certificate_file = test_cert(certificates[n % 2]);
        options->identity.key_file = test_cert(keys[(n + bad) % 2]);
        options->roots_file = NULL;
    }
}

void sim_tls_options(struct sim_tls *tls, bool is_server, uint32_t n, bool bad,
                     const grpc_allocator *allocator, grpc_tls_options *options)
{
    *options = (grpc_tls_options){
        .server_name = is_server ? NULL : "localhost",
        .allocator = *allocator,
        .library = &tls_simulated,
        .library_data = tls,
    };
    if (tls->inner != &toy_tls) {
        tls_options_of_files(is_server, n, bad, options);
        return;
    }
    options->roots = is_server ? (grpc_str){NULL, 0} : GRPC_STR("roots");
    options->identity.certificate = bad ? GRPC_STR("bad") : tls_text(n);
    options->identity.key = GRPC_STR("key");
}
