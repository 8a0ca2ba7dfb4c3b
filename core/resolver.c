// SPDX-License-Identifier: MIT

#include "core/resolver.h"

#include <stdio.h>

#include "base/assert.h"
#include "core/connectivity.h"
#include "core/limits.h"
#include "core/run.h"

static bool resolver_may_follow(enum resolver_state from,
                                enum resolver_state to)
{
    static const uint8_t resolver_next[] = {
        [RESOLVER_STOPPED] = 1 << RESOLVER_ASKING,
        [RESOLVER_ASKING] = 1 << RESOLVER_RESTING | 1 << RESOLVER_WAITING |
                            1 << RESOLVER_STOPPED,
        [RESOLVER_RESTING] = 1 << RESOLVER_ASKING | 1 << RESOLVER_WAITING |
                             1 << RESOLVER_STOPPED,
        [RESOLVER_WAITING] = 1 << RESOLVER_ASKING | 1 << RESOLVER_STOPPED,
    };
    return (resolver_next[from] >> to & 1) != 0;
}

static void resolver_set_state(struct resolver *resolver,
                               enum resolver_state state)
{
    ASSERT(resolver_may_follow(resolver->state, state));
    resolver->state = state;
    (void)resolver_may_follow;
}

static void resolver_ask(struct resolver *resolver)
{
    resolver->class->drop(resolver);
    resolver_set_state(resolver, RESOLVER_ASKING);
    resolver->class->ask(resolver);
}

static void resolver_wait(struct resolver *resolver, uint64_t due_ms)
{
    resolver_set_state(resolver, RESOLVER_WAITING);
    loop_timer_start(&resolver->channel->loop->loop, &resolver->timer, due_ms);
}

void resolver_answered(struct resolver *resolver,
                       const struct socket_address *addresses, size_t count)
{
    resolver->answered_ms = run_now(resolver->channel->loop);
    resolver_set_state(resolver, RESOLVER_RESTING);
    if (channel_on_addresses(resolver->channel, addresses, count)) {
        backoff_reset(&resolver->backoff);
    } else {
        resolver_failed(resolver, "out of memory");
    }
}

void resolver_failed(struct resolver *resolver, const char *reason)
{
    struct grpc_channel *channel = resolver->channel;
    uint32_t delay_ms = backoff_next(&resolver->backoff, &channel->backoff,
                                     run_random(channel->loop));
    resolver_wait(resolver, run_due(channel->loop, delay_ms));
    channel_on_no_addresses(channel, reason);
}

// ---- Addresses that the target itself has -----------------------------------

static void resolver_ask_constant(struct resolver *resolver)
{
    resolver_answered(resolver, resolver->target->addresses,
                      resolver->target->count);
}

static void resolver_drop_constant(struct resolver *resolver)
{
    (void)resolver;
}

static const struct resolver_class resolver_constant = {
    .name = "constant",
    .ask = resolver_ask_constant,
    .drop = resolver_drop_constant,
    .is_constant = true,
};

// ---- Names ------------------------------------------------------------------

static void resolver_no_name(struct resolver *resolver, const char *reason)
{
    char text[RUN_ERROR_TEXT];
    (void)snprintf(text, sizeof text, "look up \"%.100s\": %s",
                   resolver->target->host, reason);
    resolver_failed(resolver, text);
}

// resolver_on_lookup is posted with the answer.
static void resolver_on_lookup(void *argument)
{
    struct lookup_result *result = argument;
    struct resolver *resolver = lookup_user(result);
    const char *error = lookup_error(result);
    if (error != NULL) {
        char text[128];
        (void)snprintf(text, sizeof text, "%s", error);
        resolver_no_name(resolver, text);
    } else {
        resolver_answered(resolver, lookup_address(result, 0),
                          lookup_count(result));
    }
}

static void resolver_ask_dns(struct resolver *resolver)
{
    const char *reason = "";
    struct grpc_loop *loop = resolver->channel->loop;
    if (!lookup_start(&loop->lookup, &loop->loop, resolver->target->host,
                      resolver->target->port, resolver_on_lookup, resolver,
                      &resolver->lookup, &reason)) {
        resolver->lookup = NULL;
        resolver_no_name(resolver, reason);
    }
}

static void resolver_drop_dns(struct resolver *resolver)
{
    if (resolver->lookup == NULL) {
        return;
    }
    if (resolver->state == RESOLVER_ASKING) {
        lookup_cancel(resolver->lookup);
    } else {
        lookup_free(resolver->lookup);
    }
    resolver->lookup = NULL;
}

static const struct resolver_class resolver_dns = {
    .name = "dns",
    .ask = resolver_ask_dns,
    .drop = resolver_drop_dns,
};

// ---- Life -------------------------------------------------------------------

void resolver_init(struct resolver *resolver, struct grpc_channel *channel,
                   const struct target *target)
{
    resolver->class = target->count > 0 ? &resolver_constant : &resolver_dns;
    resolver->channel = channel;
    resolver->target = target;
    resolver->timer.kind = RUN_RESOLVER;
}

void resolver_start(struct resolver *resolver)
{
    resolver_ask(resolver);
}

void resolver_stop(struct resolver *resolver)
{
    if (resolver->state == RESOLVER_STOPPED) {
        return;
    }
    loop_timer_stop(&resolver->channel->loop->loop, &resolver->timer);
    resolver->class->drop(resolver);
    backoff_reset(&resolver->backoff);
    resolver_set_state(resolver, RESOLVER_STOPPED);
}

void resolver_again(struct resolver *resolver)
{
    if (resolver->state != RESOLVER_RESTING || resolver->class->is_constant) {
        return;
    }
    uint64_t due_ms = resolver->answered_ms + CORE_RESOLVE_MS;
    if (due_ms <= run_now(resolver->channel->loop)) {
        resolver_ask(resolver);
    } else {
        resolver_wait(resolver, due_ms);
    }
}

void resolver_hurry(struct resolver *resolver)
{
    bool was_error = resolver->backoff.base_ms != 0;
    backoff_reset(&resolver->backoff);
    if (resolver->state == RESOLVER_WAITING && was_error) {
        loop_timer_stop(&resolver->channel->loop->loop, &resolver->timer);
        resolver_ask(resolver);
    }
}

void resolver_on_timer(struct resolver *resolver)
{
    resolver_ask(resolver);
}
