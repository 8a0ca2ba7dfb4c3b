// SPDX-License-Identifier: MIT
// Names to addresses by the system's resolver (getaddrinfo), which blocks. One
// helper thread per loop does it, started for the first name and joined or let
// go safely with the loop. Build with GRPC_NO_THREADS to leave it out: then
// only numeric addresses and "localhost" work, and a name is refused in words.
// A program that is let end while the resolver blocks ends at once.

#ifndef LOOP_LOOKUP_H
#define LOOP_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "grpc.h"
#include "loop/loop.h"
#include "loop/loop_socket.h"

enum {
    LOOKUP_HOST_MAX = 255,   // bytes of a name, without its NUL
    LOOKUP_ADDRESS_MAX = 32, // more of a name's addresses are not looked at
};

// The answer; owned by whom done gave it to, freed with lookup_free on the
// loop's thread, before the loop's allocator goes.
struct lookup_result;

INTERNAL size_t lookup_count(const struct lookup_result *result);
INTERNAL const struct socket_address *lookup_address(
    const struct lookup_result *result, size_t i);
// lookup_error: NULL, or why there is no address, in words.
INTERNAL const char *lookup_error(const struct lookup_result *result);
INTERNAL void lookup_free(struct lookup_result *result);

// The helper of one loop. Zero: no thread yet.
struct lookup_service {
    struct lookup_shared *shared; // with the thread; outlives the loop if it
                                  // must
};

// lookup_start asks for the addresses of host, which is copied. When they are
// there, or there are none, a task comes out of the loop that calls
// done(result); lookup_user(result) is then user. *out_result identifies the
// question until then, and is the result from then on. False: *out_reason
// (static text) says why, and done is not called.
INTERNAL MUST_CHECK bool lookup_start(struct lookup_service *service,
                                      struct loop *loop, const char *host,
                                      uint16_t port, void (*done)(void *result),
                                      void *user,
                                      struct lookup_result **out_result,
                                      const char **out_reason);

// lookup_cancel: done will not be called; the answer is dropped. Not to be
// called any more once done was: then it is lookup_free.
INTERNAL void lookup_cancel(struct lookup_result *result);
INTERNAL void *lookup_user(const struct lookup_result *result);

// lookup_fini drops what is not answered yet. A thread that still waits for
// the system's resolver is let go and touches nothing of the loop. The loop
// gives no more events afterwards: it may hold tasks of what was dropped, so
// call this right before loop_fini. Results that were given stay valid.
INTERNAL void lookup_fini(struct lookup_service *service);

#endif
