// SPDX-License-Identifier: MIT
// What a channel does as a whole (connectivity-semantics-and-api.md): its state
// follows the policy's, calls wait or end by it, and without calls it goes back
// to IDLE, where it has no policy's connections and no resolver's answer.
//
//          a call, grpc_channel_connect      policy
//   IDLE ----------------------------> CONNECTING <------> READY
//    ^ ^                                   |                 |
//    | |            policy                 v      policy     |
//    | +------------------------- TRANSIENT_FAILURE -------->+
//    +-------------------------------------------------------+
//      lost, or no call for idle_timeout_ms
//
//   any --channel_reap--> SHUTDOWN
//
// A call that waits makes IDLE be left at once. In TRANSIENT_FAILURE calls end
// with the cause, unless they wait for ready.

#ifndef CORE_CONNECTIVITY_H
#define CORE_CONNECTIVITY_H

#include <stddef.h>

#include "base/linkage.h"
#include "core/channel.h"
#include "core/conn.h"
#include "loop/loop_socket.h"

// The role of a channel's connections; conn->owner is the grpc_channel.
INTERNAL_DATA const struct conn_role channel_role;

// channel_submit takes a QUEUED call: it is sent now, or waits, or ends.
INTERNAL void channel_submit(struct grpc_channel *channel,
                             struct grpc_call *call);

// channel_pump sends calls that wait, as far as the connection takes them.
INTERNAL void channel_pump(struct grpc_channel *channel);

// channel_refuse ends a call that has not been sent, or will not be answered.
INTERNAL void channel_refuse(struct grpc_call *call, grpc_code code,
                             const char *text);

// channel_lose_hope: no further connection can be had. Calls that would wait for
// one end.
INTERNAL void channel_lose_hope(struct grpc_channel *channel,
                                const char *reason);

// channel_ready_conn is the connection for the next call; NULL unless READY.
INTERNAL struct conn *channel_ready_conn(const struct grpc_channel *channel);

// channel_leave_idle has the channel connect; it is IDLE.
INTERNAL void channel_leave_idle(struct grpc_channel *channel);

// channel_shut_down is the last of its states: nothing of it is left but calls
// and connections.
INTERNAL void channel_shut_down(struct grpc_channel *channel);

// channel_on_timer: it may have been without calls for long.
INTERNAL void channel_on_timer(struct grpc_channel *channel);

// channel_tell calls the watcher. For run.c.
INTERNAL void channel_tell(struct grpc_channel *channel);

// From the resolver: false without memory to take the addresses.
INTERNAL MUST_CHECK bool channel_on_addresses(
    struct grpc_channel *channel, const struct socket_address *addresses,
    size_t count);
INTERNAL void channel_on_no_addresses(struct grpc_channel *channel,
                                      const char *reason);

// From the policy: its state has changed.
INTERNAL void channel_on_policy(struct grpc_channel *channel);

// Why connecting fails is put together cause by cause: channel_begin_causes,
// then channel_note for each. channel_end_causes makes them what calls are told,
// channel_give_up also says how long all that took. channel_note_lost: it is
// because a READY connection was lost.
INTERNAL void channel_begin_causes(struct grpc_channel *channel);
INTERNAL void channel_note(struct grpc_channel *channel, const char *text);
INTERNAL void channel_end_causes(struct grpc_channel *channel);
INTERNAL void channel_give_up(struct grpc_channel *channel);
INTERNAL void channel_note_lost(struct grpc_channel *channel,
                                const char *reason);

// channel_why_waiting is why a call has no connection yet: what has failed, and
// in CONNECTING what is not answered.
INTERNAL void channel_why_waiting(const struct grpc_channel *channel,
                                  char text[RUN_ERROR_TEXT]);

#endif
