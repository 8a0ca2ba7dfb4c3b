// SPDX-License-Identifier: MIT

#include "core/conn_secure.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "core/conn.h"
#include "core/conn_open.h"
#include "core/conn_wire.h"
#include "core/limits.h"

// The loop's scratch, where cipher text stands while it is dealt with:
//
//   reading   [ from the socket        | for it, alerts and the like ]
//   writing   [ a record of plain text | records for the socket      ]
enum {
    CONN_SECURE_READ = CORE_INPUT_BYTES - GRPC_TLS_RECORD_BYTES,
    CONN_SECURE_RECORDS = 3 * GRPC_TLS_ROOM,
    CONN_SECURE_HANDSHAKE_READ = GRPC_TLS_RECORD_BYTES,
    CONN_SECURE_VIEWS = 64,
    // What our own records may leave waiting; with more, it is the peer that has
    // us answer, and takes none of it.
    CONN_SECURE_FULL = CONN_SECURE_RECORDS,
};
_Static_assert(CONN_SECURE_READ + GRPC_TLS_ROOM <= CORE_SECURE_BYTES,
               "a read and its answer have room");
_Static_assert(GRPC_TLS_RECORD_BYTES + CONN_SECURE_RECORDS <= CORE_SECURE_BYTES,
               "a write has room");

// ---- Life -------------------------------------------------------------------

// conn_secure_scratch: the loop's, which has it from the first TLS on.
static bool conn_secure_scratch(struct grpc_loop *loop)
{
    if (loop->secure == NULL) {
        loop->secure = alloc_new(&loop->allocator, CORE_SECURE_BYTES);
    }
    return loop->secure != NULL;
}

// conn_secure_prepare_local: this machine's peers alone.
static int conn_secure_prepare_local(struct conn *conn)
{
    struct socket_address peer;
    conn_peer(conn, &peer);
    if (!socket_address_is_unix(&peer) && !socket_address_is_loopback(&peer)) {
        return EACCES;
    }
    conn->is_local = true;
    return 0;
}

int conn_secure_prepare(struct conn *conn, grpc_credentials *credentials,
                        const char *server_name, struct handshake_gate *gate)
{
    struct grpc_loop *loop = conn->loop;
    if (credentials == NULL || conn->in_process) {
        return 0;
    }
    if (credentials->is_local) {
        return conn_secure_prepare_local(conn);
    }
    if (!credentials_is_tls(credentials)) {
        return 0;
    }
    struct conn_secure *secure = alloc_zeroed(&loop->allocator, sizeof *secure);
    if (secure == NULL) {
        return ENOMEM;
    }
    secure->conn = conn;
    secure->gate = gate;
    secure->session = secure_new(&loop->allocator, credentials, server_name);
    if (secure->session == NULL || !conn_secure_scratch(loop)) {
        secure_free(secure->session);
        alloc_free(&loop->allocator, secure, sizeof *secure);
        return ENOMEM;
    }
    conn->secure = secure;
    return 0;
}

void conn_secure_drop(struct conn *conn)
{
    if (conn->secure != NULL) {
        secure_free(conn->secure->session);
        alloc_free(&conn->loop->allocator, conn->secure, sizeof *conn->secure);
        conn->secure = NULL;
    }
}

// ---- Cipher text ------------------------------------------------------------

// conn_secure_lost: nothing can be written any more. In a handshake what the peer
// had sent before, an alert above all, is still read. False: it is closed.
static bool conn_secure_lost(struct conn *conn, int error)
{
    struct secure *session = conn->secure->session;
    secure_take(session, &session->output, secure_waits(&session->output).size);
    if (conn->state != CONN_SECURING) {
        return conn_wire_stop(conn, error);
    }
    conn->write_error = (uint16_t)error;
    return true;
}

// conn_secure_put_some gives the socket of bytes what it takes; *sent of them.
// False: the connection is closed.
static bool conn_secure_put_some(struct conn *conn, struct view bytes,
                                 size_t *sent)
{
    const struct loop_port *port = conn->loop->loop.port;
    *sent = 0;
    while (*sent < bytes.size && conn->write_error == 0) {
        struct view left = view_skip(bytes, *sent);
        size_t size = 0;
        int error = port->write(port->user, conn->source.fd, &left, 1, &size);
        if (error == EAGAIN) {
            return true;
        }
        if (error != 0 && error != EINTR) {
            *sent = bytes.size; // or as good as
            return conn_secure_lost(conn, error);
        }
        *sent += size;
        conn_wire_count(conn, size);
    }
    if (conn->write_error != 0) {
        *sent = bytes.size;
    }
    return true;
}

// conn_secure_send sends what waits; false when the connection is closed.
static bool conn_secure_send(struct conn *conn)
{
    struct secure *session = conn->secure->session;
    struct view waits = secure_waits(&session->output);
    size_t sent = 0;
    if (waits.size == 0) {
        return true;
    }
    if (!conn_secure_put_some(conn, waits, &sent)) {
        return false;
    }
    if (session->output.data != NULL) {
        secure_take(session, &session->output, sent);
    }
    return true;
}

// conn_secure_put sends cipher text, behind what waits and with it; false when the
// connection is closed.
static bool conn_secure_put(struct conn *conn, const grpc_tls_io *io)
{
    struct secure *session = conn->secure->session;
    struct view bytes = view_of(io->output, io->output_size);
    bool waits = session->output.data != NULL;
    size_t sent = 0;
    if (!waits && !conn_secure_put_some(conn, bytes, &sent)) {
        return false;
    }
    if (!secure_keep(session, &session->output, view_skip(bytes, sent))) {
        conn_wire_fail(conn, "write to", ENOMEM);
        return false;
    }
    return !waits || conn_secure_send(conn);
}

// conn_secure_receive reads the socket, behind what is kept. An errno, or 0.
static int conn_secure_receive(struct conn *conn, size_t most, grpc_tls_io *io)
{
    const struct loop_port *port = conn->loop->loop.port;
    struct secure *session = conn->secure->session;
    size_t size = 0;
    if (secure_waits(&session->input).size > GRPC_TLS_ROOM) {
        return EMSGSIZE; // with a whole record the session takes none of it
    }
    int error = port->read(port->user, conn->source.fd, conn->loop->secure,
                           most, &size);
    if (error != 0) {
        return error;
    }
    conn->secure->behind = size == most;
    conn->secure->at_end = size == 0;
    struct view added = view_of(conn->loop->secure, size);
    if (session->input.data == NULL) {
        io->input = added.data;
        io->input_size = added.size;
        return 0;
    }
    if (!secure_keep(session, &session->input, added)) {
        return ENOMEM;
    }
    io->input = secure_waits(&session->input).data;
    io->input_size = secure_waits(&session->input).size;
    return 0;
}

// conn_secure_fetch is cipher text from the peer: what was kept, unless the
// session needs more than that, or else what the socket has. (A session that may
// have something within itself, or to say, needs none.) An errno, or 0.
static int conn_secure_fetch(struct conn *conn, size_t most, grpc_tls_io *io)
{
    struct view kept = secure_waits(&conn->secure->session->input);
    *io = (grpc_tls_io){
        .input = kept.data,
        .input_size = kept.size,
        .output = conn->loop->secure + CONN_SECURE_READ,
        .output_room = CORE_SECURE_BYTES - CONN_SECURE_READ,
    };
    return conn->secure->more || conn->secure->speaks ||
                   (kept.size > 0 && !conn->secure->starved)
               ? 0
               : conn_secure_receive(conn, most, io);
}

// conn_secure_keep_rest keeps what a session has not taken; result is what it has
// said. False: without memory, and the connection is closed.
static bool conn_secure_keep_rest(struct conn *conn, const grpc_tls_io *io,
                                  grpc_result result)
{
    struct secure *session = conn->secure->session;
    struct view kept = secure_waits(&session->input);
    conn->secure->starved = result == GRPC_AGAIN && io->input_size > 0;
    conn->secure->more = result == GRPC_OK ||
                         (result == GRPC_MORE && session->state == SECURE_OPEN);
    if (kept.size > 0) {
        secure_take(session, &session->input, kept.size - io->input_size);
        return true;
    }
    if (!secure_keep(session, &session->input,
                     view_of(io->input, io->input_size))) {
        conn_wire_fail(conn, "read from", ENOMEM);
        return false;
    }
    return true;
}

// ---- The handshake ----------------------------------------------------------

static void conn_secure_queue(struct conn *conn)
{
    if (!list_is_linked(&conn->link_work)) {
        list_append(&conn->loop->securing, &conn->link_work);
    }
}

void handshake_gate_init(struct handshake_gate *gate, uint32_t most)
{
    gate->most = most;
    gate->inside = 0;
    list_init(&gate->waiting);
    list_init(&gate->let_in);
}

static void conn_secure_fail(struct conn *conn, const char *reason);

// conn_secure_send_away ends the first handshake that has had time enough, and
// waits for its client. False: there is none.
static bool conn_secure_send_away(struct handshake_gate *gate, uint32_t now_ms)
{
    LIST_EACH (link, after, &gate->let_in) {
        struct conn_secure *secure =
            LIST_OWNER(link, struct conn_secure, link_inside);
        struct conn *conn = secure->conn;
        if (now_ms - secure->entered_ms < CORE_HANDSHAKE_PATIENCE_MS) {
            return false;
        }
        if (!list_is_linked(&conn->link_work)) {
            conn_secure_fail(conn, "it takes too long while others wait");
            return true;
        }
    }
    return false;
}

// conn_secure_make_room has whoever has had time enough go, for those that wait.
static void conn_secure_make_room(struct handshake_gate *gate, uint32_t now_ms)
{
    bool goes_on = true;
    while (goes_on && !list_is_empty(&gate->waiting)) {
        goes_on = conn_secure_send_away(gate, now_ms);
    }
}

// conn_secure_wait_turn has a connection wait at the gate.
static void conn_secure_wait_turn(struct conn *conn)
{
    struct handshake_gate *gate = conn->secure->gate;
    uint32_t now_ms = conn_now_ms(conn);
    if (list_is_linked(&conn->link_work)) {
        return;
    }
    list_append(&gate->waiting, &conn->link_work);
    conn_wait_for(conn, CONN_DUE_READ, CORE_HANDSHAKE_PATIENCE_MS);
    conn_wire_watch(conn, 0);
    conn_secure_make_room(gate, now_ms);
}

void conn_secure_on_wait_due(struct conn *conn)
{
    conn_wait_for(conn, CONN_DUE_READ, CORE_HANDSHAKE_PATIENCE_MS);
    conn_secure_make_room(conn->secure->gate, conn_now_ms(conn));
}

// conn_secure_enter lets a connection in, or has it wait at the gate.
static void conn_secure_enter(struct conn *conn)
{
    struct handshake_gate *gate = conn->secure->gate;
    if (gate != NULL && gate->inside >= gate->most) {
        conn_secure_wait_turn(conn);
        return;
    }
    if (gate != NULL) {
        gate->inside++;
        conn->secure->entered_ms = conn_now_ms(conn);
        list_append(&gate->let_in, &conn->secure->link_inside);
        conn_wait_no_more(conn, CONN_DUE_READ);
    }
    conn->secure->is_inside = true;
    conn_secure_queue(conn);
}

void conn_secure_leave(struct conn *conn)
{
    struct handshake_gate *gate = conn->secure->gate;
    if (gate == NULL || !conn->secure->is_inside) {
        return;
    }
    conn->secure->is_inside = false;
    list_remove(&conn->secure->link_inside);
    gate->inside--;
    struct list_link *next = list_take(&gate->waiting);
    if (next != NULL) {
        conn_secure_enter(LIST_OWNER(next, struct conn, link_work));
    }
}

void conn_secure_start(struct conn *conn, struct view rest)
{
    struct secure *session = conn->secure->session;
    conn_set_state(conn, CONN_SECURING);
    if (!secure_keep(session, &session->input, rest)) {
        conn_wire_fail(conn, "read from", ENOMEM);
        return;
    }
    if (conn->secure->gate == NULL) {
        conn_secure_enter(conn);
    } else {
        conn_wire_watch(conn, LOOP_READABLE); // there is time until it speaks
    }
}

void conn_secure_end(struct conn *conn, const char *reason)
{
    conn_leave(conn, reason);
    if (conn->secure != NULL) {
        secure_shut(conn->secure->session);
    }
}

// conn_secure_fail ends a handshake; the peer gets the alert that waits.
static void conn_secure_fail(struct conn *conn, const char *reason)
{
    char peer[SOCKET_ADDRESS_TEXT];
    char text[CONN_REASON_TEXT];
    conn_peer_text(conn, peer);
    (void)snprintf(text, sizeof text, "TLS with %s: %s", peer, reason);
    conn_secure_end(conn, text);
}

// conn_secure_wait: nothing is to be done until the socket can.
static void conn_secure_wait(struct conn *conn)
{
    struct secure *session = conn->secure->session;
    if (conn->secure->at_end) {
        conn_secure_fail(conn,
                         session->state == SECURE_WAITING
                             ? "the peer closed the connection before it began"
                             : "the peer closed the connection in the "
                               "handshake");
        return;
    }
    conn_wire_watch(conn,
                    LOOP_READABLE |
                        (session->output.data != NULL ? LOOP_WRITABLE : 0u));
}

// conn_secure_follow goes on as the session's step says.
static void conn_secure_follow(struct conn *conn, grpc_result result)
{
    switch (result) {
    case GRPC_OK:
        if (conn->write_error != 0) {
            conn_wire_fail(conn, "write to", conn->write_error);
        } else {
            conn_open_secured(conn);
        }
        break;
    case GRPC_MORE:
        conn_secure_queue(conn);
        break;
    case GRPC_AGAIN:
        conn_secure_wait(conn);
        break;
    default:
        conn_secure_fail(conn, secure_reason(conn->secure->session));
        break;
    }
}

// conn_secure_begin: a server's session begins when its client has. False: there
// is none.
static bool conn_secure_begin(struct conn *conn, const grpc_tls_io *io)
{
    struct secure *session = conn->secure->session;
    if (conn->secure->gate != NULL && io->input_size == 0) {
        conn_secure_wait(conn);
        return false;
    }
    if (!secure_begin(session, conn->loop)) {
        conn_secure_fail(conn, "out of memory");
        return false;
    }
    return true;
}

// conn_secure_has_failed: the socket has, which is not told by EAGAIN alone.
static bool conn_secure_has_failed(struct conn *conn, int error)
{
    if (error == EAGAIN && conn->write_error != 0) {
        conn_wire_fail(conn, "write to", conn->write_error);
        return true;
    }
    if (error != 0 && error != EAGAIN && error != EINTR) {
        conn_wire_fail(conn, "read from", error);
        return true;
    }
    return false;
}

// conn_secure_say sends what a step has put out, when its side has said all that it
// has to say for now (or much). False: the connection is closed.
static bool conn_secure_say(struct conn *conn, const grpc_tls_io *io,
                            grpc_result result)
{
    struct secure *session = conn->secure->session;
    conn->secure->speaks =
        result == GRPC_MORE &&
        secure_waits(&session->output).size < GRPC_TLS_RECORD_BYTES;
    if (!conn->secure->speaks) {
        return conn_secure_put(conn, io);
    }
    if (!secure_keep(session, &session->output,
                     view_of(io->output, io->output_size))) {
        conn_wire_fail(conn, "write to", ENOMEM);
        return false;
    }
    return true;
}

// conn_secure_is_heard: nothing that was said is still waiting. False too when the
// connection is closed.
static bool conn_secure_is_heard(struct conn *conn)
{
    if (!conn_secure_send(conn)) {
        return false;
    }
    if (conn->secure->session->output.data != NULL) {
        conn_wire_watch(conn, LOOP_WRITABLE);
        return false;
    }
    return true;
}

void conn_secure_step(struct conn *conn)
{
    struct secure *session = conn->secure->session;
    grpc_tls_io io;
    if (!conn->secure->speaks && !conn_secure_is_heard(conn)) {
        return;
    }
    int error = conn_secure_fetch(conn, CONN_SECURE_HANDSHAKE_READ, &io);
    if (conn_secure_has_failed(conn, error) ||
        (session->state == SECURE_WAITING && !conn_secure_begin(conn, &io))) {
        return;
    }
    grpc_result result = secure_handshake(session, &io);
    if (!conn_secure_keep_rest(conn, &io, result) ||
        !conn_secure_say(conn, &io, result)) {
        return;
    }
    conn_secure_follow(conn, result);
}

const char *conn_secure_late_words(const struct conn *conn)
{
    return conn->secure->gate != NULL && !conn->secure->is_inside &&
                   list_is_linked(&conn->link_work)
               ? "no turn for a handshake in time"
               : "no handshake in time";
}

void conn_secure_on_source(struct conn *conn, unsigned ready)
{
    if ((ready & LOOP_FAILED) != 0 && !conn->secure->is_inside) {
        conn_close(conn, "the peer closed the connection before TLS");
    } else if (conn->secure->is_inside) {
        conn_secure_queue(conn);
    } else {
        conn_secure_enter(conn);
    }
}

// ---- Reading ----------------------------------------------------------------

// conn_secure_read_raw: what comes now is of no use.
static int conn_secure_read_raw(struct conn *conn, size_t *out_size)
{
    const struct loop_port *port = conn->loop->loop.port;
    return port->read(port->user, conn->source.fd, conn->loop->input,
                      CORE_INPUT_BYTES, out_size);
}

// conn_secure_open_some turns cipher text into plain text in loop->input. An
// errno, or 0. EINTR: there is no plain text yet, and there may be more.
static int conn_secure_open_some(struct conn *conn, size_t *out_size)
{
    struct secure *session = conn->secure->session;
    grpc_tls_io io;
    int error = conn_secure_fetch(conn, CONN_SECURE_READ, &io);
    if (error != 0 || conn->secure->at_end) {
        return error;
    }
    size_t given = io.input_size;
    grpc_result result = secure_read(session, &io, conn->loop->input,
                                     CORE_INPUT_BYTES, out_size);
    if (!conn_secure_keep_rest(conn, &io, result)) {
        return ECANCELED;
    }
    if (io.output_size > 0) {
        if (!conn_secure_put(conn, &io)) {
            return ECANCELED;
        }
        conn_wake(conn);
    }
    if (*out_size > 0 || session->state != SECURE_OPEN) {
        return 0;
    }
    // Part of a record is a sign of life, too.
    conn->received = conn_add(conn->received, given);
    conn->keepalive.read_ms = conn_now_ms(conn);
    return EINTR;
}

int conn_secure_read(struct conn *conn, size_t *out_size)
{
    const struct secure *session = conn->secure->session;
    *out_size = 0;
    if (conn->state == CONN_LINGERING) {
        return conn_secure_read_raw(conn, out_size);
    }
    if (session->state == SECURE_OPEN && !conn->secure->at_end) {
        int error = conn_secure_open_some(conn, out_size);
        if (error != 0) {
            return error;
        }
    }
    return *out_size == 0 && session->state == SECURE_FAILED ? EPROTO : 0;
}

const char *conn_secure_end_reason(const struct conn *conn)
{
    const struct secure *session = conn->secure->session;
    if (session->state == SECURE_FAILED) {
        return secure_reason(session);
    }
    return session->state == SECURE_ENDED
               ? "the peer closed the connection"
               : "the peer closed the connection, without TLS's close_notify";
}

const char *conn_secure_words(const struct conn *conn)
{
    return secure_reason(conn->secure->session);
}

bool conn_secure_is_due(const struct conn *conn)
{
    const struct secure *session = conn->secure->session;
    return (session->input.data != NULL && !conn->secure->starved) ||
           conn->secure->more || session->state > SECURE_OPEN ||
           conn->secure->at_end;
}

NOINLINE bool conn_secure_is_full(const struct conn *conn)
{
    return secure_waits(&conn->secure->session->output).size > CONN_SECURE_FULL;
}

void conn_secure_fail_read(struct conn *conn)
{
    char reason[CONN_REASON_TEXT];
    char peer[SOCKET_ADDRESS_TEXT];
    if (conn->state == CONN_HANDSHAKE) {
        conn_peer_text(conn, peer);
        (void)snprintf(reason, sizeof reason, "TLS with %s: %s", peer,
                       conn_secure_words(conn));
    } else {
        conn_wire_say(conn, "read from", EPROTO, reason);
    }
    conn_secure_end(conn, reason);
}

// ---- Writing ----------------------------------------------------------------

bool conn_secure_has_output(const struct conn *conn)
{
    return conn->secure->session->output.data != NULL;
}

// conn_secure_gather is the next record's plain text: as many frames as it holds.
static struct view conn_secure_gather(struct conn *conn)
{
    struct view views[CONN_SECURE_VIEWS];
    size_t count = h2_output_peek(&conn->h2, views, CONN_SECURE_VIEWS);
    if (count == 0) {
        return view_of(NULL, 0);
    }
    if (count == 1 || views[0].size >= GRPC_TLS_RECORD_BYTES) {
        size_t size = views[0].size < GRPC_TLS_RECORD_BYTES
                          ? views[0].size
                          : GRPC_TLS_RECORD_BYTES;
        return view_of(views[0].data, size);
    }
    size_t size = 0;
    for (size_t i = 0; i < count && size < GRPC_TLS_RECORD_BYTES; i++) {
        size_t room = GRPC_TLS_RECORD_BYTES - size;
        size_t part = views[i].size < room ? views[i].size : room;
        memcpy(conn->loop->secure + size, views[i].data, part);
        size += part;
    }
    return view_of(conn->loop->secure, size);
}

// conn_secure_seal makes records of the output, as many as there is room for, and
// sends them. False: the connection is closed.
static bool conn_secure_seal(struct conn *conn)
{
    struct secure *session = conn->secure->session;
    grpc_tls_io io = {
        .output = conn->loop->secure + GRPC_TLS_RECORD_BYTES,
        .output_room = CONN_SECURE_RECORDS,
    };
    while (h2_output_size(&conn->h2) > 0 &&
           io.output_room - io.output_size >= GRPC_TLS_ROOM) {
        size_t used = 0;
        if (!secure_write(session, &io, conn_secure_gather(conn), &used)) {
            conn_wire_fail(conn, "write to", EPROTO);
            return false;
        }
        h2_output_consume(&conn->h2, used);
    }
    return conn_secure_put(conn, &io);
}

bool conn_secure_write(struct conn *conn)
{
    const struct secure *session = conn->secure->session;
    bool goes_on = conn_secure_send(conn);
    while (goes_on && session->state == SECURE_OPEN &&
           session->output.data == NULL && h2_output_size(&conn->h2) > 0) {
        goes_on = conn_secure_seal(conn);
    }
    if (goes_on && session->state > SECURE_OPEN &&
        h2_output_size(&conn->h2) > 0) {
        h2_drop_output(&conn->h2); // the peer takes nothing any more
    }
    return goes_on;
}

void conn_secure_close_write(struct conn *conn)
{
    struct secure *session = conn->secure->session;
    size_t sent = 0;
    // (Who has ended the session has a right to an answer: RFC 5246 section
    // 7.2.1.)
    bool is_good =
        session->state == SECURE_OPEN || session->state == SECURE_ENDED;
    if (!is_good || session->output.data != NULL || conn->write_error != 0) {
        return;
    }
    grpc_tls_io io = {
        .output = conn->loop->secure,
        .output_room = CORE_SECURE_BYTES,
    };
    const struct loop_port *port = conn->loop->loop.port;
    secure_finish(session, &io);
    struct view bytes = view_of(io.output, io.output_size);
    // What a full socket does not take now it does not take at all.
    (void)port->write(port->user, conn->source.fd, &bytes, 1, &sent);
}

// ---- Names ------------------------------------------------------------------

grpc_result conn_allows_authority(const struct conn *conn, const char *host)
{
    return conn->secure == NULL ? GRPC_OK
                                : secure_has_name(conn->secure->session, host);
}

void conn_secure_check(const struct conn *conn)
{
    const struct conn_secure *secure = conn->secure;
    const struct handshake_gate *gate = secure->gate;
    ASSERT(conn->state != CONN_CLOSED);
    ASSERT(secure->conn == conn);
    if (gate != NULL) {
        ASSERT(!secure->is_inside || conn->state == CONN_SECURING);
        ASSERT(secure->is_inside == list_is_linked(&secure->link_inside));
        ASSERT(gate->inside <= gate->most);
        ASSERT(list_is_empty(&gate->waiting) || gate->inside == gate->most);
    }
    (void)secure;
    (void)gate;
}
