// SPDX-License-Identifier: MIT

#include "core/subchannel.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "core/channel.h"
#include "core/conn.h"
#include "core/conn_secure.h"
#include "core/connectivity.h"
#include "core/policy.h"
#include "core/run.h"

static bool subchannel_may_follow(enum grpc_connectivity from,
                                  enum grpc_connectivity to)
{
    static const uint8_t subchannel_next[] = {
        [GRPC_IDLE] = 1 << GRPC_CONNECTING,
        [GRPC_CONNECTING] =
            1 << GRPC_READY | 1 << GRPC_TRANSIENT_FAILURE | 1 << GRPC_IDLE,
        [GRPC_READY] = 1 << GRPC_IDLE | 1 << GRPC_TRANSIENT_FAILURE,
        [GRPC_TRANSIENT_FAILURE] = 1 << GRPC_IDLE,
    };
    return (subchannel_next[from] >> to & 1) != 0;
}

static void subchannel_set_state(struct subchannel *subchannel,
                                 enum grpc_connectivity state)
{
    ASSERT(subchannel_may_follow(subchannel->state, state));
    subchannel->state = state;
    (void)subchannel_may_follow;
}

// subchannel_tell has the policy follow.
static void subchannel_tell(struct subchannel *subchannel,
                            enum grpc_connectivity was)
{
    struct policy *policy = subchannel->channel->policy;
    policy->class->changed(policy, subchannel, was);
}

// ---- Connecting -------------------------------------------------------------

// subchannel_fail leaves the address alone for what is left of its backoff.
static void subchannel_fail(struct subchannel *subchannel)
{
    struct grpc_channel *channel = subchannel->channel;
    subchannel_set_state(subchannel, GRPC_TRANSIENT_FAILURE);
    if (channel_may_redial(channel)) {
        loop_timer_start(&channel->loop->loop, &subchannel->timer,
                         subchannel->retry_ms);
    }
}

static void subchannel_note_foreign(struct subchannel *subchannel)
{
    char peer[SOCKET_ADDRESS_TEXT];
    char text[SOCKET_ADDRESS_TEXT + 128];
    socket_address_text(&subchannel->address, peer);
    (void)snprintf(text, sizeof text,
                   "connect to %s: local credentials are for addresses of this "
                   "machine",
                   peer);
    channel_note(subchannel->channel, text);
}

static int subchannel_dial(struct subchannel *subchannel, uint32_t timeout_ms)
{
    struct grpc_channel *channel = subchannel->channel;
    struct conn *conn = conn_new(channel->loop, &channel_role, channel,
                                 &channel->rules, &subchannel->address);
    if (conn == NULL) {
        return ENOMEM;
    }
    int error = conn_secure_prepare(conn, channel->credentials,
                                    channel->server_name, NULL);
    if (error == 0) {
        error = channel->dial(channel, conn, timeout_ms);
    } else if (error == EACCES) {
        subchannel_note_foreign(subchannel);
        error = CHANNEL_DIAL_NOTED;
    }
    if (error != 0) {
        conn_discard(conn);
        return error;
    }
    list_append(&channel->conns, &conn->link_owner);
    subchannel->conn = conn;
    return 0;
}

// subchannel_note says why it could not even begin to connect.
static void subchannel_note(struct subchannel *subchannel, int error)
{
    char peer[SOCKET_ADDRESS_TEXT];
    char reason[96];
    char text[SOCKET_ADDRESS_TEXT + 128];
    socket_address_text(&subchannel->address, peer);
    socket_error_text(error, reason, sizeof reason);
    (void)snprintf(text, sizeof text, "connect to %s: %s", peer, reason);
    channel_note(subchannel->channel, text);
}

bool subchannel_connect(struct subchannel *subchannel)
{
    struct grpc_channel *channel = subchannel->channel;
    subchannel_set_state(subchannel, GRPC_CONNECTING);
    // Both the next attempt and the end of this are counted from now
    // (connection-backoff.md).
    uint32_t delay_ms = backoff_next(&subchannel->backoff, &channel->backoff,
                                     run_random(channel->loop));
    subchannel->began_ms = run_now(channel->loop);
    subchannel->retry_ms = run_due(channel->loop, delay_ms);
    uint32_t timeout_ms = delay_ms > channel->connect_timeout_ms
                              ? delay_ms
                              : channel->connect_timeout_ms;
    int error = subchannel_dial(subchannel, timeout_ms);
    if (error != 0) {
        if (error != CHANNEL_DIAL_NOTED) {
            subchannel_note(subchannel, error);
        }
        subchannel_fail(subchannel);
        return false;
    }
    return true;
}

void subchannel_on_timer(struct subchannel *subchannel)
{
    subchannel_set_state(subchannel, GRPC_IDLE);
    subchannel_tell(subchannel, GRPC_TRANSIENT_FAILURE);
}

void subchannel_hurry(struct subchannel *subchannel)
{
    backoff_reset(&subchannel->backoff);
    if (loop_timer_is_armed(&subchannel->timer)) {
        loop_timer_stop(&subchannel->channel->loop->loop, &subchannel->timer);
        subchannel_on_timer(subchannel);
    }
}

// ---- What the connection tells ----------------------------------------------

void subchannel_on_ready(struct subchannel *subchannel)
{
    if (subchannel->state != GRPC_CONNECTING) {
        return; // more SETTINGS
    }
    subchannel_set_state(subchannel, GRPC_READY);
    if (!subchannel->was_useless) {
        backoff_reset(&subchannel->backoff);
    }
    subchannel_tell(subchannel, GRPC_CONNECTING);
}

// subchannel_lost: the READY connection takes no more calls. One that was soon
// lost, and on which no call was answered or goes on, is not replaced at once for
// a second time: a server that opens and closes would keep us connecting as fast as we
// can, whoever it is that wants a connection.
static void subchannel_lost(struct subchannel *subchannel, bool was_of_use)
{
    bool again = subchannel->was_useless;
    bool is_soon = run_now(subchannel->channel->loop) < subchannel->retry_ms;
    subchannel->was_useless = !was_of_use && is_soon;
    if (was_of_use) {
        backoff_reset(&subchannel->backoff);
    }
    if (again && subchannel->was_useless) {
        subchannel_fail(subchannel);
    } else {
        subchannel_set_state(subchannel, GRPC_IDLE);
    }
    subchannel_tell(subchannel, GRPC_READY);
}

void subchannel_on_leave(struct subchannel *subchannel, const char *reason)
{
    // (Calls that the server has left out are not on it any more.)
    const struct conn *conn = subchannel->conn;
    bool was_of_use = conn->has_answered || !list_is_empty(&conn->calls);
    subchannel->conn = NULL;
    channel_note_lost(subchannel->channel, reason);
    subchannel_lost(subchannel, was_of_use);
}

void subchannel_on_closed(struct subchannel *subchannel, const char *reason)
{
    bool was_of_use = subchannel->conn->has_answered;
    subchannel->conn = NULL;
    if (subchannel->state == GRPC_READY) {
        channel_note_lost(subchannel->channel, reason);
        subchannel_lost(subchannel, was_of_use);
        return;
    }
    channel_note(subchannel->channel, reason);
    subchannel_fail(subchannel);
    subchannel_tell(subchannel, GRPC_CONNECTING);
}

// ---- Life -------------------------------------------------------------------

struct subchannel *subchannel_new(struct grpc_channel *channel,
                                  const struct socket_address *address)
{
    struct subchannel *subchannel =
        alloc_zeroed(&channel->loop->allocator, sizeof *subchannel);
    if (subchannel != NULL) {
        subchannel->channel = channel;
        subchannel->state = GRPC_IDLE;
        subchannel->address = *address;
        subchannel->timer.kind = RUN_SUBCHANNEL;
        list_append(&channel->subchannels, &subchannel->link);
    }
    return subchannel;
}

// subchannel_drop_conn lets the calls of a connection end.
static void subchannel_drop_conn(struct subchannel *subchannel)
{
    struct conn *conn = subchannel->conn;
    subchannel->conn = NULL; // so that its end is not told here
    if (subchannel->state == GRPC_READY) {
        conn_finish(conn, VIEW("the channel does not need it any more"));
    } else if (conn != NULL) {
        conn_close(conn, "not needed any more");
    }
}

void subchannel_rest(struct subchannel *subchannel)
{
    subchannel_drop_conn(subchannel);
    loop_timer_stop(&subchannel->channel->loop->loop, &subchannel->timer);
    backoff_reset(&subchannel->backoff);
    subchannel->was_useless = false;
    if (subchannel->state != GRPC_IDLE) {
        subchannel_set_state(subchannel, GRPC_IDLE);
    }
}

void subchannel_yield(struct subchannel *subchannel)
{
    if (subchannel->state == GRPC_CONNECTING) {
        subchannel_drop_conn(subchannel);
        subchannel_set_state(subchannel, GRPC_IDLE);
    }
}

void subchannel_free(struct subchannel *subchannel)
{
    subchannel_rest(subchannel);
    list_remove(&subchannel->link);
    alloc_free(&subchannel->channel->loop->allocator, subchannel,
               sizeof *subchannel);
}
