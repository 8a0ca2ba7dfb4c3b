// SPDX-License-Identifier: MIT
// A call, on either side. What is common to both is in call.c; what a server
// does with it in server_call.c, what a client does in client_call.c.
//
//   server                                 client
//   RECEIVING  request not complete        QUEUED    waits for a connection
//     | message and END_STREAM               | headers and request sent
//   HANDLING   the user has it             SENT      waits for the response
//     | reply, fail; or over: told           | status known, by whatever cause
//   ANSWERED   answer not yet sent out     FINISHED  callback is due (settle)
//     | all sent                             | callback has returned
//   DONE       given back                  DONE      given back
//
// Invariants:
//   1. stream != NULL implies conn != NULL and stream->owner is the call.
//   2. A call on a connection is in conn->calls; a QUEUED one in its channel's
//      list; a FINISHED one in loop->finished.
//   3. over is set once. From then on nothing is sent for the call.

#ifndef CORE_CALL_H
#define CORE_CALL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/list.h"
#include "core/conn.h"
#include "core/deframe.h"
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

struct grpc_call {
    struct grpc_loop *loop;
    struct conn *conn;        // NULL when it is on none, or no more
    struct h2_stream *stream; // NULL likewise
    const grpc_method *method;
    enum call_state state;
    bool is_server;
    bool over;             // the stream has ended before the answer
    bool in_handler;       // the user's handler is on the stack
    bool has_message;      // a whole message was decoded
    bool end_queued;       // END_STREAM waits for the queue of DATA
    bool assembly_waits;   // assembly.h, also for the next two
    uint32_t assembling;   // bytes granted for the message that arrives
    size_t kept;           // bytes of DATA not credited to the stream
    struct list_link link; // invariant 2
    struct loop_timer timer;
    uint64_t deadline_ms; // loop time; UINT64_MAX: none
    grpc_arena arena;
    struct deframe deframe;
    void *message;    // the decoded request or reply
    grpc_code code;   // server: what is answered. client: how it ended
    const char *text; // its message; in the arena or static
    size_t text_size;

    // server:
    const struct method_entry *entry;
    uint32_t *counted_in; // an orphan: of its connection or, when that has
                          // gone, of its server
    const char *peer;     // in words, once asked for
    size_t queued_mark;   // DATA of the answer that waited at a time, or 1 +
                          // bytes of the request that had arrived
    struct socket_address peer_address; // when it is on no connection any more
    void (*told)(void *argument);
    void *told_argument;

    // client:
    struct grpc_channel *channel;
    struct view request;     // prefix and message, in the arena
    uint64_t started_ms;     // loop time
    grpc_function *callback; // NULL: a blocking call looks at the state
    void *self;
    grpc_arena *reply_arena; // where the reply goes; its own by default
    bool wait_for_ready;
    bool cancelled;
    bool response_seen; // response headers have arrived
    uint8_t retries;    // transparent ones
    uint16_t http_status;
    bool blocking;
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

// call_arm starts the deadline timer; timeout 0 is a deadline already due.
INTERNAL void call_arm(struct grpc_call *call, uint64_t timeout_ms);

// call_set_text formats the status's message into the call's arena; without
// memory it is "out of memory".
INTERNAL void call_set_text(struct grpc_call *call, const char *format, ...)
    PRINTF_LIKE(2, 3);
INTERNAL void call_set_text_list(struct grpc_call *call, const char *format,
                                 va_list arguments) PRINTF_LIKE(2, 0);

// call_encode encodes a message with its prefix into the loop's buffer. On
// failure *reason is static text. The view lasts until the next call_encode.
INTERNAL MUST_CHECK grpc_result
call_encode(struct grpc_loop *loop, const grpc_codec *codec, const void *type,
            const void *message, struct view *out_bytes, const char **reason);

// call_take_data gives DATA to the deframer and each whole message to take;
// it returns the first failure of either and credits the bytes. Used by both
// sides.
struct call_failure {
    grpc_code code;
    const char *reason; // NULL: no failure
};
INTERNAL struct call_failure call_take_data(struct grpc_call *call,
                                            struct view data);

// call_on_timer: the deadline has passed.
INTERNAL void call_on_timer(struct grpc_call *call);

// call_slab_fini is the slab's hook: frees the arena's block.
INTERNAL void call_slab_fini(void *call);

#endif
