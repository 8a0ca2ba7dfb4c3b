// SPDX-License-Identifier: MIT
// A call, on either side. What is common to both is in call.c; how its messages
// arrive in receive.c, how they leave in send.c; what a server does with it in
// server_call.c, what a client does in client_call.c.
//
//   server                                 client
//   RECEIVING  the only request is not     QUEUED    waits for a connection, or
//     |        complete, or an               |       for an interceptor, or for
//     |        interceptor is waited for     |       call credentials
//     |                                      | headers sent, and the only request
//   HANDLING   the user has it             SENT      messages go both ways
//     | reply, finish, fail; or over: told   | status known, by whatever cause
//   ANSWERED   answer not yet sent out     FINISHED  callback is due (settle)
//     | all sent                             | callback has returned
//   DONE       given back                  DONE      given back
//
// Invariants:
//   1. stream != NULL implies conn != NULL and stream->owner is the call.
//   2. A call on a connection is in conn->calls; a QUEUED one in one of its
//      channel's lists (held, waiting); a FINISHED one in loop->finished.
//   3. over is set once. From then on nothing is sent for the call.
//   4. outlives implies SENT, no conn, and that it is in its channel's held.
//   5. held: the start of an interceptor, or of call credentials, has been
//      called, and has neither let the call go on nor ended it.

#ifndef CORE_CALL_H
#define CORE_CALL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/linkage.h"
#include "base/list.h"
#include "core/call_fields.h"
#include "core/conn.h"
#include "core/deframe.h"
#include "core/intercept.h"
#include "grpc.h"

enum call_state {
    CALL_NEW,
    // server
    CALL_RECEIVING,
    CALL_HANDLING,
    CALL_ANSWERED,
    // client
    CALL_QUEUED,
    CALL_SENT,
    CALL_FINISHED,
    CALL_DONE,
};

struct method_entry; // a method as the server knows it; server.h

// What the user has kept with a call (grpc_call_set_value).
struct call_value {
    const struct call_value *next;
    const void *key;
    void *value;
};

// Encodings are places in the loop's registry of compressors (compress.h), or
// one of these.
enum { CALL_IDENTITY = -1, CALL_UNKNOWN_ENCODING = -2 };

// What of a client's request is the call's own, and not the same for all of its
// method or channel.
enum { CALL_OWN_PATH = 1, CALL_OWN_AUTHORITY = 2 };

struct grpc_call {
    struct grpc_loop *loop;
    struct conn *conn;        // NULL when it is on none, or no more
    struct h2_stream *stream; // NULL likewise
    const grpc_method *method;
    enum call_state state;
    bool is_server;
    bool over;             // the stream has ended before the answer
    bool in_handler;       // the user's code has it on the stack
    struct list_link link; // invariant 2
    struct loop_timer timer;
    uint64_t deadline_ms; // loop time; UINT64_MAX: none
    uint64_t started_us;  // loop time
    grpc_code code;       // server: what is answered. client: how it ended
    const char *text;     // its message; in the arena or static
    size_t text_size;
    grpc_str details; // an encoded google.rpc.Status
    const struct call_value *values;

    // Interceptors (intercept.c).
    const struct intercept_chain
        *chain;       // its server's or channel's, or its own
    uint16_t started; // so many of them have been passed
    bool held;        // invariant 5
    bool in_start;    // its start is on the stack
    bool awaits_room; // server: begins when the client has taken more replies

    // Messages that arrive (receive.c).
    struct deframe deframe;
    struct chunk_queue inbox;    // DATA that came before it was asked for
    struct list_link link_ready; // in loop->ready: there may be some to give
    int8_t receive_encoding;     // of the peer's messages
    bool has_message;            // one was decoded, where only one may come
    bool asked;                  // messages are asked for, unless it is paused
    bool paused;
    bool peer_ended;     // the peer has sent all
    bool end_given;      // and the side was told
    bool was_compressed; // the last message
    bool outlives;       // a client: its stream is gone, and what it has
                         // brought, with the status, is not all given yet
    bool assembly_waits; // assembly.h, also for the next two
    uint32_t assembling; // bytes granted for the message that arrives
    size_t kept;         // bytes of DATA not credited to the stream, but for
                         // those in inbox
    void *message;       // the decoded request or reply, where there is one
    grpc_metadata headers;
    grpc_metadata trailers;

    // Messages that leave (send.c).
    uint32_t max_send_bytes;
    int8_t send_encoding;
    bool compresses;  // the messages from now on, if it has an encoding
    bool send_waits;  // GRPC_AGAIN was returned, and writable is due
    bool half_closed; // a client: no more requests
    bool begun;       // all interceptors have let it go on
    struct call_fields fields; // headers to send, beside gRPC's own

    // Callbacks of the user's: messages go through the method's.
    grpc_function *callback; // message
    void *self;
    void (*writable)(grpc_call *call, void *argument);
    void *writable_argument;

    grpc_arena *reply_arena; // where the reply goes; its own by default
    const char *peer;        // in words, once asked for
    bool blocking;           // a client's, that is waited for

    union {
        struct { // server:
            const struct method_entry *entry;
            uint32_t *counted_in; // an orphan: of its connection or, when that
                                  // has gone, of its server
            size_t
                queued_mark; // DATA of the answer that waited at a time, or 1
                             // + bytes of the message that had arrived
            void (*told)(void *argument);
            void *told_argument;
            void (*on_end)(grpc_call *call, void *argument); // of the requests
            struct call_names *names;                        // call_fields.h
            uint32_t accepts; // a bit for each encoding that the client takes
            struct call_fields endings; // trailers to send
            struct list_link children;  // calls made for this one; may be zero
        };
        struct { // client:
            struct grpc_channel *channel;
            struct view request;       // the only one, in the arena
            struct chunk_queue outbox; // messages of a stream that wait for the
                                       // connection, or may be sent again
            void (*on_headers)(grpc_call *call, void *argument);
            grpc_function *done;          // NULL: somebody looks at the state
            struct list_link link_parent; // in the children of a server's call
            const void *next;             // waited for: the message to be given
            grpc_arena *next_arena;       // where it is
            grpc_metadata *headers_out;   // waited for: NULL, or where they go
            grpc_metadata *trailers_out;  // at the end
            const char *unknown_encoding; // CALL_UNKNOWN_ENCODING: its name
            const char *authority;        // CALL_OWN_AUTHORITY; in the arena
            bool outbox_is_whole; // it has all messages from the first on
            bool wait_for_ready;
            uint8_t own_names;  // CALL_OWN_PATH, CALL_OWN_AUTHORITY
            bool status_known;  // in code and text, from trailers
            bool response_seen; // the response has begun
            bool headers_given; // with headers that are not its end
            uint8_t retries;    // transparent ones
            uint16_t http_status;
            uint64_t place; // of its headers in the connection's output
        };
    };

    // What follows is not cleared for a new call: the arena keeps a block, and
    // of the address, which is large, only the size is set.
    grpc_arena arena;
    struct socket_address peer_address; // when it is on no connection any more
};

// call_new takes a call from the slab, in state NEW; NULL without memory.
INTERNAL MUST_CHECK struct grpc_call *call_new(struct grpc_loop *loop,
                                               const grpc_method *method,
                                               uint32_t max_receive_bytes);

// call_set_state asserts that the transition is in the diagram above.
INTERNAL void call_set_state(struct grpc_call *call, enum call_state state);

// call_attach puts the call on a connection; call_detach takes it off and
// releases the stream (resetting it with code when it is not closed).
INTERNAL void call_attach(struct grpc_call *call, struct conn *conn,
                          struct h2_stream *stream);
INTERNAL void call_detach(struct grpc_call *call, enum h2_code code);

// call_release gives the call back; its pointer is dead.
INTERNAL void call_release(struct grpc_call *call);

// call_enter and call_leave stand around code of the user's that may answer the
// call: it is released by call_leave at the earliest, and the pointer may then
// be dead.
INTERNAL bool call_enter(struct grpc_call *call);
INTERNAL void call_leave(struct grpc_call *call, bool entered);

// call_arm starts the deadline timer; timeout 0 is a deadline already due.
INTERNAL void call_arm(struct grpc_call *call, uint64_t timeout_ms);

// call_end_children cancels the calls that were made for this one.
INTERNAL void call_end_children(struct grpc_call *call);

// call_set_text formats the status's message into the call's arena; without
// memory it is "out of memory".
INTERNAL void call_set_text(struct grpc_call *call, const char *format, ...)
    PRINTF_LIKE(2, 3);
INTERNAL void call_set_text_list(struct grpc_call *call, const char *format,
                                 va_list arguments) PRINTF_LIKE(2, 0);

// call_set_static does it with text that is static, and takes no memory.
INTERNAL void call_set_static(struct grpc_call *call, struct view text);

// call_status is the outcome as the user is told it.
INTERNAL grpc_status call_status(const struct grpc_call *call);

// Why a call cannot go on because of what the peer has sent.
struct call_failure {
    grpc_code code;
    const char *reason; // NULL: no failure. Set as the call's text, too
};

// call_on_timer: the deadline has passed.
INTERNAL void call_on_timer(struct grpc_call *call);

// call_slab_fini is the slab's hook: frees the arena's block.
INTERNAL void call_slab_fini(void *call);

#endif
