// SPDX-License-Identifier: MIT
// A connection: where the layers meet. It reads from the socket into the h2
// engine, hands the engine's events to its role (server or channel), and
// writes the engine's output, once per step.
//
//   conn_connect    conn_start            first SETTINGS
//   ----------> CONNECTING ---> HANDSHAKE -------------> READY
//                 |  | |proxy   ^ ^ |                      |
//                 |  | v    2xx | | |                      |
//                 |  |TUNNEL----+ | |                      |
//                 |  |  | with    | |                      |
//                 |  |  v TLS     | |                      |
//                 |  SECURING ----+ |                      |
//                 |    |  |         +-------+--------------+ conn_finish, or
//                 |    |  | failed          v                an error to tell
//                 |    |  +-----------> LINGERING            the peer about
//                 +----+ conn_close         | all is sent, and the peer has
//                    v                      v closed or a second has passed
//                  CLOSED <-----------------+
//
// A server leaves in two steps, so that no call is lost that was under way
// (RFC 9113 section 6.8). Those that come in between are served:
//
//           conn_drain                   it came back, or CORE_DRAIN_MS
//   serving ----------------> draining ---------------------> finishing
//           GOAWAY 2^31-1, PING          GOAWAY with the last id
//
// Finishing, the connection is closed when its last stream has ended.
//
// When a write fails, what the peer had sent before is read to its end, a GOAWAY
// above all, for CORE_LINGER_MS at most: write_error is set, and what would be
// written is dropped.
//
// Invariants (conn_check):
//   1. role->closed is called exactly once, on entering LINGERING or CLOSED.
//      The role then has no call on the connection any more.
//   2. A connection with output is in loop->dirty, or waits to be writable.
//   3. In CLOSED the socket is closed and the connection is in loop->dead.
//   4. The timer is armed for the first of due_ms. A connection that is paused
//      waits for CONN_DUE_PAUSE, and is not read.
//   5. assembling is the sum over the calls on the connection.
//
// One that is in_process has no socket: inproc.h says how it reads and writes.

#ifndef CORE_CONN_H
#define CORE_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/list.h"
#include "core/flood.h"
#include "core/keepalive.h"
#include "core/rules.h"
#include "core/run.h"
#include "core/tunnel.h"
#include "grpc.h"
#include "h2/h2.h"
#include "loop/loop_socket.h"

struct conn;

// What a connection tells its owner. Each is called with no engine frame on
// the stack, and may send, reset, release and close.
struct conn_role {
    // The peer's SETTINGS are in force: its first, or changed ones.
    void (*ready)(struct conn *conn);
    void (*headers)(struct conn *conn, const struct h2_event *event);
    void (*data)(struct conn *conn, const struct h2_event *event);
    void (*reset)(struct conn *conn, const struct h2_event *event);
    void (*writable)(struct conn *conn, const struct h2_event *event);
    void (*goaway)(struct conn *conn, const struct h2_event *event);
    // Some time has passed with calls open: those whose messages do not arrive
    // may be ended.
    void (*overdue)(struct conn *conn);
    // Server: something has been written while calls wait for room.
    void (*flushed)(struct conn *conn);
    // The connection is over: reason in words, with the peer's address.
    void (*closed)(struct conn *conn, const char *reason);
    // Its socket is closed, and its memory will be freed.
    void (*gone)(struct conn *conn);
};

enum conn_state {
    CONN_CONNECTING,
    CONN_TUNNEL,   // a proxy is asked for a tunnel
    CONN_SECURING, // TLS's handshake; conn_secure.h
    CONN_HANDSHAKE,
    CONN_READY,
    CONN_LINGERING,
    CONN_CLOSED,
};

// What a connection waits for with a time limit.
enum conn_due {
    CONN_DUE_STATE, // CONNECTING, TUNNEL, SECURING and HANDSHAKE end, or
                    // LINGERING; in READY: our SETTINGS are acknowledged
    CONN_DUE_PAUSE, // the peer is read again
    CONN_DUE_WRITE, // the peer takes what waits for it; when nothing can be
                    // written any more: what it had sent has come
    CONN_DUE_READ,  // server: what has begun to arrive does; in SECURING: who
                    // is inside the gate makes room
    CONN_DUE_ASK,   // keepalive.h
    CONN_DUE_LEAVE, // server: it has had no stream for too long; draining:
                    // the PING comes back
    CONN_DUE_AGE,   // server: it is too old; once more, its grace is over
    CONN_DUES,
};

// Why a server drains a connection. The client is told in a word.
enum conn_drain {
    CONN_DRAIN_NONE,
    CONN_DRAIN_STOP,
    CONN_DRAIN_AGE,
    CONN_DRAIN_IDLE,
};

struct conn_held {
    size_t size;
    size_t used; // of them, dealt with meanwhile
    uint8_t bytes[];
};

enum { CONN_PATH_HINTS = 4 };

struct conn_path_hint {
    const char *path; // the method's own text, which is constant
    hpack_hint hint;
};

// What only a client's connection needs.
struct conn_client_hints {
    char *farewell; // the server's GOAWAY in words; NULL: none
    bool farewell_is_error;
    hpack_hint method;
    hpack_hint scheme;
    hpack_hint accepted;  // grpc-accept-encoding
    size_t accepted_size; // of the value for which accepted holds
    hpack_hint authority;
    hpack_hint user_agent;
    hpack_hint te;
    struct conn_path_hint paths[CONN_PATH_HINTS];
};

// There may be many at rest: members stand by size.
struct conn {
    struct grpc_loop *loop;
    const struct conn_role *role;
    void *owner;         // the role's: grpc_server or grpc_channel
    uint8_t state;       // enum conn_state
    uint8_t waits;       // a bit for each enum conn_due that is waited for
    bool behind;         // the last read was full: there may be more
    bool finishing : 1;  // close when the last stream has ended and all is sent
    bool write_shut : 1; // nothing more is written
    bool frame_was_cut : 1; // when CONN_DUE_READ was due last
    bool has_waiting : 1; // server: calls that have not begun for want of room
    bool has_aged : 1;    // CONN_DUE_AGE was due
    bool has_complained : 1; // the peer, with a GOAWAY that is in the log
    bool has_answered : 1;   // client: some call has had a response
    bool
        in_process : 1; // its peer is another connection, named behind the tail
    struct loop_source source;
    struct loop_timer timer;
    uint32_t due_ms[CONN_DUES]; // low bits of loop time, of those in waits
    struct flood flood;
    struct keepalive keepalive;
    uint32_t written;        // bytes, since CONN_DUE_WRITE was set; conn_add
    uint32_t received;       // bytes, since CONN_DUE_READ was due; conn_add
    uint32_t assembly_waits; // calls whose large message waits (assembly.h)
    // Bytes granted for large messages that arrive.
    uint32_t assembling;
    uint32_t orphan_count; // of orphans
    struct list_link link_owner;
    struct list_link link_work; // in loop->dirty or loop->dead; in SECURING:
                                // in loop->securing, or at the server's gate
    struct list_link calls;     // on this connection
    // Server: calls whose stream has ended and whose handler has not. They
    // count against the limit of streams, or resets would make it none.
    struct list_link orphans;
    union {
        struct conn_held *held; // input that is dealt with later; NULL: none
        struct tunnel *tunnel;  // before HANDSHAKE; NULL: no proxy
    };
    // Hints for the fields that every call sends; for a client there are more.
    hpack_hint content_type;
    hpack_hint status_ok;
    union {
        struct conn_client_hints *client_hints;
        struct call_names *names; // server: of the last request; call_fields.h
    };
    struct conn_secure *secure; // NULL: its bytes are plain text
    struct h2_conn h2;    // its limits are the owner's, from the beginning
    uint16_t write_error; // an errno: nothing can be written any more
    uint8_t drain : 2;    // enum conn_drain
    bool is_local : 1;    // local credentials hold for it
    uint8_t peer_size;
    // Of its socket_address, as short as it is; behind it the other end of a
    // connection that is in_process.
    uint8_t peer_bytes[];
};

// conn_new makes a connection in state CONNECTING that owns no socket yet;
// NULL without memory. rules is borrowed from the owner. conn_discard takes one
// back that was not begun.
INTERNAL MUST_CHECK struct conn *conn_new(struct grpc_loop *loop,
                                          const struct conn_role *role,
                                          void *owner,
                                          const struct conn_rules *rules,
                                          const struct socket_address *peer);
INTERNAL void conn_discard(struct conn *conn);

// conn_peer copies the peer's address out.
INTERNAL void conn_peer(const struct conn *conn, struct socket_address *out);

// conn_farewell is a server's GOAWAY in words, of several that with the first
// error, or else the first that said why; NULL while there is none. Borrowed until
// role->closed returns.
INTERNAL const char *conn_farewell(const struct conn *conn);

// conn_connect begins to connect to conn->peer, which is a proxy when there is a
// tunnel: that and its text are borrowed for the life of the connection. An
// errno, or 0.
INTERNAL MUST_CHECK int conn_connect(struct conn *conn, uint32_t timeout_ms,
                                     const struct proxy_tunnel *tunnel);

// conn_start takes a connected socket: TLS begins, where there is to be one, or
// else HTTP/2. On an errno the socket is still the caller's. (Of one that is in_process fd is -1.)
INTERNAL MUST_CHECK int conn_start(struct conn *conn, int fd,
                                   const struct h2_options *options,
                                   uint32_t timeout_ms);

// conn_wake has the output sent and due events given in this step. Called
// after every send.
INTERNAL void conn_wake(struct conn *conn);

// conn_drain begins to end a server's connection, in two steps; one in TLS's
// handshake when that is done, for its client may have calls that wait for it.
INTERNAL void conn_drain(struct conn *conn, enum conn_drain why);

// conn_finish tells the peer that no more calls are taken (GOAWAY), lets those
// that are open end, then closes.
INTERNAL void conn_finish(struct conn *conn, struct view debug);

// conn_close closes at once. reason is what role->closed is told.
INTERNAL void conn_close(struct conn *conn, const char *format, ...)
    PRINTF_LIKE(2, 3);

INTERNAL bool conn_is_over(const struct conn *conn);

// conn_is_opening: there is no HTTP/2 yet, and no conn->h2.
static inline bool conn_is_opening(const struct conn *conn)
{
    return conn->state <= CONN_SECURING;
}

// conn_call_began is called when a call has got a stream: a client without
// calls need not know whether its server is still there.
INTERNAL void conn_ask_again(struct conn *conn);
static inline void conn_call_began(struct conn *conn)
{
    if (UNLIKELY(conn->keepalive.dormant)) {
        conn_ask_again(conn);
    }
}

// conn_path_hint is the hint of a method's :path on this client's connection.
INTERNAL hpack_hint *conn_path_hint(struct conn *conn, const char *path);

// For run.c:
INTERNAL void conn_on_source(struct conn *conn, unsigned ready);
INTERNAL void conn_on_timer(struct conn *conn);
INTERNAL void conn_flush(struct conn *conn);
INTERNAL void conn_free(struct conn *conn);

// For conn_open.c. conn_take has input dealt with, in the order in which it has
// come.
INTERNAL void conn_set_state(struct conn *conn, enum conn_state state);
INTERNAL void conn_take(struct conn *conn, struct view input);
INTERNAL void conn_drop_tunnel(struct conn *conn);

// conn_leave ends the calls. The peer gets what is in the output, if it can.
INTERNAL void conn_leave(struct conn *conn, const char *reason);

// conn_add counts bytes of which so many are enough: a fast peer is not to look
// like a slow one every 4 GiB.
static inline uint32_t conn_add(uint32_t count, size_t size)
{
    return size < UINT32_MAX - count ? count + (uint32_t)size : UINT32_MAX;
}

// For conn_life.c:

static inline const struct conn_rules *conn_rules_of(const struct conn *conn)
{
    return rules_of(conn->h2.limits);
}

// conn_now_ms is the low bits of the time of this step.
static inline uint32_t conn_now_ms(const struct conn *conn)
{
    return (uint32_t)conn->loop->loop.now_ms;
}

// conn_wait_for waits for so long, conn_wait_until for a time of which it is
// given the low bits.
INTERNAL bool conn_waits_for(const struct conn *conn, enum conn_due which);
INTERNAL void conn_wait_for(struct conn *conn, enum conn_due which,
                            uint32_t delay_ms);
INTERNAL void conn_wait_until(struct conn *conn, enum conn_due which,
                              uint32_t due_ms);
INTERNAL void conn_wait_no_more(struct conn *conn, enum conn_due which);

// conn_peer_text is the peer's address in words.
INTERNAL void conn_peer_text(const struct conn *conn,
                             char text[SOCKET_ADDRESS_TEXT]);

// For inproc.c. conn_may_read: what comes now is read, not held back.
// conn_read reads some of it; false when there is nothing.
INTERNAL bool conn_may_read(const struct conn *conn);
INTERNAL bool conn_read(struct conn *conn);

INTERNAL void conn_check(const struct conn *conn);

#endif
