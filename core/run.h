// SPDX-License-Identifier: MIT
// The loop as core sees it: one thread's memory, what waits to be done at the
// end of a step, and who is told of which event.
//
// A step (run_step) is:
//   1. settle    what was asked for outside of steps: see 4
//   2. wait      loop_wait, not at all if there is work left
//   3. dispatch  each event goes to the object that its source is part of, and
//                one TLS handshake does a step
//   4. settle    give:    messages that have waited (receive.c)
//                deliver: callbacks of calls that have ended
//                tell:    watchers of channels
//                return:  memory that was lent (grpc_call_send_bytes)
//                flush:   one write per connection that has output
//                reap:    free what was closed or freed meanwhile
//
// Invariants:
//   1. User code is called from 3 and 4 alone, with no engine on the stack.
//   2. Nothing is freed before reap, so pointers stay good within a step.
//   3. A step does not nest: run_step refuses.

#ifndef CORE_RUN_H
#define CORE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/list.h"
#include "base/slab.h"
#include "core/compress.h"
#include "core/deframe.h"
#include "core/encoded.h"
#include "core/request.h"
#include "grpc.h"
#include "h2/h2.h"
#include "loop/loop.h"
#include "loop/loop_lookup.h"

// What a loop_source or loop_timer is embedded in.
enum run_kind {
    RUN_CONN,
    RUN_LISTENER,
    RUN_CHANNEL,
    RUN_RESOLVER,
    RUN_POLICY,
    RUN_SUBCHANNEL,
    RUN_SERVER,
    RUN_CALL,
    RUN_USER,
    RUN_KINDS,
};

enum { RUN_ERROR_TEXT = 256 };

struct grpc_loop {
    struct loop loop;
    grpc_allocator allocator;
    struct h2_shared h2;
    struct request request; // what h2.block says, while h2.block_memo is not 0
    struct slab calls;      // of struct grpc_call
    struct encoded encoded; // where messages are encoded; reused by every call
    grpc_arena scratch;     // messages of streams, one at a time
    struct deframe_spare spare_body; // the next large one is gathered in it
    struct compress_registry compress;
    uint8_t *input;  // CORE_INPUT_BYTES; used up within one event
    uint8_t *secure; // CORE_SECURE_BYTES, likewise; NULL before the first TLS
    struct lookup_service lookup;
    uint64_t random; // state of run_random

    uintptr_t server_number; // of the newest server
    struct list_link servers;
    struct list_link channels;
    struct list_link user_timers;
    struct list_link user_watches;

    // Work for settle:
    struct list_link ready;    // calls that may have messages to give
    struct list_link finished; // calls whose callback is due
    struct list_link changed;  // channels whose watcher is to be told
    struct list_link dirty;    // connections with output
    struct list_link dead;     // connections to free
    struct list_link
        securing;  // connections whose handshake goes on: one of them
                   // does a step after each wait
    bool freeing;  // some server or channel waits to be freed
    bool orphaned; // its owner is gone: free it when nobody runs it

    bool stepping;
    bool running; // grpc_loop_run is on the stack
    bool stop;
    grpc_log *log;
    void *log_user;
    grpc_log_level log_level;
    char error[RUN_ERROR_TEXT];
};

// run_new is grpc_loop_new on a port of the caller's choice.
INTERNAL MUST_CHECK grpc_loop *run_new(const grpc_loop_options *options,
                                       const struct loop_port *port);

// run_log formats a line for the user's log function, if it wants that level.
INTERNAL void run_log(struct grpc_loop *loop, grpc_log_level level,
                      const char *format, ...) PRINTF_LIKE(3, 4);

// run_set_error formats into text and logs it.
INTERNAL void run_set_error(struct grpc_loop *loop, char text[RUN_ERROR_TEXT],
                            const char *format, ...) PRINTF_LIKE(3, 4);

// run_now is the loop's time in milliseconds. Outside of a step it is read
// anew: the last step may have been long ago.
INTERNAL uint64_t run_now(struct grpc_loop *loop);

// run_now_us is the same in microseconds, of this step; run_clock_us reads the
// clock.
INTERNAL uint64_t run_now_us(struct grpc_loop *loop);
INTERNAL uint64_t run_clock_us(const struct grpc_loop *loop);

// run_due is when something that takes delay_ms from now is due. The clock's
// milliseconds are rounded down, so one more is added: never early.
INTERNAL uint64_t run_due(struct grpc_loop *loop, uint64_t delay_ms);

// run_random: 32 bits for jitter, not for secrets.
INTERNAL uint32_t run_random(struct grpc_loop *loop);

// run_step is grpc_loop_step without the check of misuse by its caller.
INTERNAL MUST_CHECK grpc_result run_step(struct grpc_loop *loop,
                                         int timeout_ms);

// run_post_stop is grpc_loop_post of a stop of the server with that number; false
// when the pipe is full.
INTERNAL MUST_CHECK bool run_post_stop(struct grpc_loop *loop,
                                       uintptr_t number);

// run_wake has the loop take one more step, if only to read its full pipe (then it
// is false). Like the post of a stop, it may be called from anywhere.
INTERNAL bool run_wake(struct grpc_loop *loop);

// run_choose is the user's loop, or a private one when that is NULL; NULL
// without memory or descriptors.
INTERNAL grpc_loop *run_choose(grpc_loop *users,
                               const grpc_allocator *allocator);

// run_give_up frees a private loop whose server or channel is gone: now, or
// when the outermost step has returned and nothing else is left on it.
INTERNAL void run_give_up(struct grpc_loop *loop);

// run_settle does step 4 outside of a step, where the user frees an object,
// until nothing is left to free; within a step it leaves the work to the step.
INTERNAL void run_settle(struct grpc_loop *loop);

// run_keep_chunks: so many bytes of a stream wait in chunks. The loop keeps as
// many for the next message, until no call is left.
INTERNAL void run_keep_chunks(struct grpc_loop *loop, size_t size);

#endif
