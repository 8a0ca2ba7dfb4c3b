// SPDX-License-Identifier: MIT
// A connection whose bytes pass through a TLS session (secure.h). From the
// outside it reads and writes plain text like any other:
//
//   socket -> cipher text -> session -> loop->input -> engine
//   socket <- cipher text <- session <- engine's output, up to a record at a time
//
// Handshakes take turns: in a step of the loop one of them does one step, so that
// others wait for no more than one piece of cryptography. A server has only so
// many at a time, its gate; those that have to wait cost no session yet.
//
//   CONN_SECURING:  outside -> (first bytes) -> at the gate -> inside
//                                                  |             |
//                       room                       +-- waits <---+ in turn, in
//                                                                  loop->securing
//
// Invariants:
//   1. secure is NULL where there is no TLS, and after the connection is closed.
//   2. A connection that is inside is counted by its gate until it leaves
//      CONN_SECURING.
//   3. Somebody waits at a gate only when it is full. Who is inside for long, and
//      waits for its client, then has to go.

#ifndef CORE_CONN_SECURE_H
#define CORE_CONN_SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/list.h"
#include "base/view.h"
#include "core/secure.h"
#include "grpc.h"
#include "h2/h2.h"

struct conn;

struct handshake_gate {
    uint32_t most;
    uint32_t inside;
    struct list_link waiting; // connections, by link_work
    struct list_link let_in; // those inside, by link_inside: the first is first
};

INTERNAL void handshake_gate_init(struct handshake_gate *gate, uint32_t most);

// What a connection in need of TLS has besides.
struct conn_secure {
    struct conn *conn; // whose it is
    struct secure *session;
    struct handshake_gate *gate; // NULL: a client's
    struct list_link link_inside;
    uint32_t entered_ms; // low bits of when its gate has let it in
    bool is_inside;      // its gate has counted it
    bool behind;         // the last read was full
    bool at_end;         // the peer's bytes have ended
    bool speaks;         // in the handshake: what it has put out waits for
                         // more of it, and it needs no input
    bool starved;        // the session needs more than what it has left
    bool more;           // it may have plain text for which there was no
                         // room, or that has come with the handshake
    struct h2_options options; // of the engine that follows; a server's
};

// conn_secure_prepare gives a new connection its credentials, which may be NULL.
// server_name is a client's, and borrowed; gate a server's. An errno, or 0: EACCES
// when local credentials do not hold for the peer.
INTERNAL MUST_CHECK int conn_secure_prepare(struct conn *conn,
                                            grpc_credentials *credentials,
                                            const char *server_name,
                                            struct handshake_gate *gate);

// conn_secure_drop is its end; the connection may have no TLS.
INTERNAL void conn_secure_drop(struct conn *conn);

// conn_secure_start: the socket leads to the peer. rest is what a proxy has sent
// behind its answer.
INTERNAL void conn_secure_start(struct conn *conn, struct view rest);

// conn_secure_leave: the connection leaves CONN_SECURING.
INTERNAL void conn_secure_leave(struct conn *conn);

// conn_secure_on_source: something has happened in CONN_SECURING.
INTERNAL void conn_secure_on_source(struct conn *conn, unsigned ready);

// conn_secure_step does one step of a handshake; run.c calls it.
INTERNAL void conn_secure_step(struct conn *conn);

// conn_secure_on_wait_due: it has waited at the gate for some time.
INTERNAL void conn_secure_on_wait_due(struct conn *conn);

// conn_secure_late_words is why there is no handshake in time.
INTERNAL const char *conn_secure_late_words(const struct conn *conn);

// conn_secure_end is conn_leave of a connection whose session is over, which is
// given back.
INTERNAL void conn_secure_end(struct conn *conn, const char *reason);

// For conn_wire.c, as its functions. conn_secure_read is EPROTO when the session
// has failed: conn_secure_words says why. EINTR: only part of a record has come, or
// nothing for us.
INTERNAL int conn_secure_read(struct conn *conn, size_t *out_size);
INTERNAL bool conn_secure_write(struct conn *conn);
INTERNAL void conn_secure_close_write(struct conn *conn);
INTERNAL const char *conn_secure_end_reason(const struct conn *conn);
INTERNAL const char *conn_secure_words(const struct conn *conn);

// conn_secure_fail_read: the peer's alert has come, or nonsense, and then the peer is told
// by one. Before HTTP/2 is there that is about the handshake: with TLS 1.3 a
// client is through before its server has seen its certificate.
INTERNAL void conn_secure_fail_read(struct conn *conn);

// conn_secure_has_output: cipher text waits for the socket.
INTERNAL bool conn_secure_has_output(const struct conn *conn);

// conn_secure_is_due: there is something to read though the socket may have none.
INTERNAL bool conn_secure_is_due(const struct conn *conn);

// conn_allows_authority: may calls be sent to that host over a client's
// connection? GRPC_EINVAL: its server has a certificate, without that name.
// GRPC_ENOMEM.
INTERNAL MUST_CHECK grpc_result conn_allows_authority(const struct conn *conn,
                                                      const char *host);

// conn_secure_is_full: the peer takes so little of what the session has to answer
// that nothing more is read.
INTERNAL bool conn_secure_is_full(const struct conn *conn);

INTERNAL void conn_secure_check(const struct conn *conn);

#endif
