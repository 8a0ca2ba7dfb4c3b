// SPDX-License-Identifier: MIT

#include "core/rules.h"

#include "core/limits.h"
#include "core/run.h"

// rules_time is a time of the user's: 0 stands for the default, and none but
// GRPC_NEVER is longer than fits.
static uint32_t rules_time(uint32_t users_ms, uint32_t default_ms)
{
    uint32_t ms = users_ms != 0 ? users_ms : default_ms;
    return ms == GRPC_NEVER || ms < CORE_TIME_MAX_MS ? ms : CORE_TIME_MAX_MS;
}

// rules_timeout is one that ends: a PING is never waited for without end.
static uint32_t rules_timeout(uint32_t users_ms)
{
    uint32_t ms = rules_time(users_ms, CORE_KEEPALIVE_TIMEOUT_MS);
    return ms < CORE_TIME_MAX_MS ? ms : CORE_TIME_MAX_MS;
}

// rules_raise keeps keepalive_ms from being less than it may be.
static void rules_raise(struct conn_rules *rules, uint32_t least_ms,
                        const char *owner, struct grpc_loop *loop)
{
    if (rules->keepalive_ms < least_ms) {
        run_log(loop, GRPC_LOG_WARNING,
                "%s: keepalive_ms is %lu and counts as %lu, which is the least",
                owner, (unsigned long)rules->keepalive_ms,
                (unsigned long)least_ms);
        rules->keepalive_ms = least_ms;
    }
}

// rules_warn_channel tells what servers that were set to nothing else punish.
static void rules_warn_channel(const struct conn_rules *rules,
                               struct grpc_loop *loop)
{
    if (rules->keepalive_ms < CORE_PING_GAP_MS) {
        run_log(loop, GRPC_LOG_WARNING,
                "channel: keepalive_ms is %lu: a server on its defaults takes "
                "a PING in %lu ms and ends the connection for more "
                "(too_many_pings). Allow it there: keepalive_min_ms in "
                "grpc_server_options, EnforcementPolicy.MinTime in grpc-go",
                (unsigned long)rules->keepalive_ms,
                (unsigned long)CORE_PING_GAP_MS);
    }
    if (rules->keepalive_without_calls &&
        rules->keepalive_ms < CORE_PING_GAP_IDLE_MS) {
        run_log(loop, GRPC_LOG_WARNING,
                "channel: keepalive_without_calls: a server on its defaults "
                "takes a PING in %lu ms while there are no calls and ends the "
                "connection for more (too_many_pings). Allow it there: "
                "keepalive_without_calls in grpc_server_options, "
                "EnforcementPolicy.PermitWithoutStream in grpc-go",
                (unsigned long)CORE_PING_GAP_IDLE_MS);
    }
}

void rules_for_channel(struct conn_rules *rules,
                       const grpc_channel_options *options,
                       struct grpc_loop *loop)
{
    rules->keepalive_ms = rules_time(options->keepalive_ms, GRPC_NEVER);
    rules->keepalive_timeout_ms = rules_timeout(options->keepalive_timeout_ms);
    rules->keepalive_without_calls = options->keepalive_without_calls;
    rules->keepalive_min_ms = 0; // a server may ask as it likes
    rules->max_idle_ms = GRPC_NEVER;
    rules->max_age_ms = GRPC_NEVER;
    rules->max_age_grace_ms = GRPC_NEVER;
    rules_raise(rules, CORE_KEEPALIVE_CHANNEL_LEAST_MS, "channel", loop);
    rules_warn_channel(rules, loop);
}

void rules_for_server(struct conn_rules *rules,
                      const grpc_server_options *options,
                      struct grpc_loop *loop)
{
    rules->keepalive_ms =
        rules_time(options->keepalive_ms, CORE_KEEPALIVE_SERVER_MS);
    rules->keepalive_timeout_ms = rules_timeout(options->keepalive_timeout_ms);
    rules->keepalive_without_calls = options->keepalive_without_calls;
    rules->keepalive_min_ms =
        rules_time(options->keepalive_min_ms, CORE_PING_GAP_MS);
    rules->max_idle_ms =
        rules_time(options->max_connection_idle_ms, GRPC_NEVER);
    rules->max_age_ms = rules_time(options->max_connection_age_ms, GRPC_NEVER);
    rules->max_age_grace_ms =
        rules_time(options->max_connection_age_grace_ms, GRPC_NEVER);
    rules_raise(rules, CORE_KEEPALIVE_SERVER_LEAST_MS, "server", loop);
    if (rules->keepalive_min_ms > CORE_PING_GAP_MS) {
        run_log(loop, GRPC_LOG_WARNING,
                "server: keepalive_min_ms is %lu: clients that ask every %lu "
                "ms, as the defaults of servers allow, are sent away "
                "(too_many_pings)",
                (unsigned long)rules->keepalive_min_ms,
                (unsigned long)CORE_PING_GAP_MS);
    }
}
