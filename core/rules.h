// SPDX-License-Identifier: MIT
// What the owner of connections, a server or a channel, asks of each of them.
// There is one of these for all; a connection finds it by its limits.

#ifndef CORE_RULES_H
#define CORE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "grpc.h"

// Times are in milliseconds; GRPC_NEVER is never.
struct conn_rules {
    grpc_limits limits;    // resolved; conn->h2.limits points here
    uint32_t keepalive_ms; // a channel may be told to ask less often
    uint32_t keepalive_timeout_ms;
    bool
        keepalive_without_calls; // client: ask then too. Server: it may be asked
    // Server:
    uint32_t keepalive_min_ms;
    uint32_t max_idle_ms;
    uint32_t max_age_ms;
    uint32_t max_age_grace_ms;
};

// rules_for_server and rules_for_channel resolve what options say of all but the
// limits, and log warnings of what the other side may punish.
INTERNAL void rules_for_server(struct conn_rules *rules,
                               const grpc_server_options *options,
                               struct grpc_loop *loop);
INTERNAL void rules_for_channel(struct conn_rules *rules,
                                const grpc_channel_options *options,
                                struct grpc_loop *loop);

// rules_of finds the rules that these limits are part of.
static inline const struct conn_rules *rules_of(const grpc_limits *limits)
{
    return (const struct conn_rules *)(const void *)limits;
}

_Static_assert(offsetof(struct conn_rules, limits) == 0,
               "rules_of casts a pointer to the first member");

#endif
