// SPDX-License-Identifier: MIT

#include "core/connectivity.h"

#include <stdio.h>

#include "base/assert.h"
#include "core/blocking.h"
#include "core/call.h"
#include "core/client_call.h"
#include "core/conn_open.h"
#include "core/limits.h"

static bool channel_may_follow(enum grpc_connectivity from,
                               enum grpc_connectivity to)
{
    static const uint8_t channel_next[] = {
        [GRPC_IDLE] = 1 << GRPC_CONNECTING,
        [GRPC_CONNECTING] =
            1 << GRPC_READY | 1 << GRPC_TRANSIENT_FAILURE | 1 << GRPC_IDLE,
        [GRPC_READY] = 1 << GRPC_IDLE | 1 << GRPC_CONNECTING,
        [GRPC_TRANSIENT_FAILURE] = 1 << GRPC_READY | 1 << GRPC_IDLE,
        [GRPC_SHUTDOWN] = 0,
    };
    return from == to || to == GRPC_SHUTDOWN ||
           (channel_next[from] >> to & 1) != 0;
}

static void channel_set_state(struct grpc_channel *channel,
                              enum grpc_connectivity state)
{
    ASSERT(channel_may_follow(channel->state, state));
    channel->state = state;
    if (channel->watch != NULL && !list_is_linked(&channel->link_changed)) {
        list_append(&channel->loop->changed, &channel->link_changed);
    }
    (void)channel_may_follow;
}

// ---- Why connecting fails ---------------------------------------------------

// Room for causes; behind it that they were not the last, and how long it took.
enum { CHANNEL_CAUSES = RUN_ERROR_TEXT - 48 };

static void channel_append(char *causes, const char *text)
{
    size_t used = strlen(causes);
    (void)snprintf(causes + used, RUN_ERROR_TEXT - used, "%s%s",
                   used == 0 ? "" : "; ", text);
}

// channel_append_cause appends a cause that there is room for, or once that there
// are more. The first has room, if not to its end.
static void channel_append_cause(char *causes, const char *text)
{
    size_t used = strlen(causes);
    if (used >= 5 && strcmp(causes + used - 5, "; ...") == 0) {
        return;
    }
    if (used == 0) {
        (void)snprintf(causes, CHANNEL_CAUSES, "%s", text);
    } else if (used + 2 + strlen(text) < CHANNEL_CAUSES) {
        channel_append(causes, text);
    } else {
        channel_append(causes, "...");
    }
}

void channel_begin_causes(struct grpc_channel *channel)
{
    channel->causes[0] = '\0';
    channel->attempt_ms = run_now(channel->loop);
}

void channel_note(struct grpc_channel *channel, const char *text)
{
    channel_append_cause(channel->causes, text);
}

void channel_end_causes(struct grpc_channel *channel)
{
    if (channel->causes[0] != '\0') {
        memcpy(channel->cause, channel->causes, sizeof channel->cause);
        channel->causes[0] = '\0';
    }
    run_log(channel->loop, GRPC_LOG_WARNING, "%s", channel->cause);
}

void channel_give_up(struct grpc_channel *channel)
{
    if (channel->causes[0] != '\0' && channel_may_redial(channel)) {
        char text[64];
        (void)snprintf(
            text, sizeof text, "gave up after %lu ms",
            (unsigned long)(run_now(channel->loop) - channel->attempt_ms));
        channel_append(channel->causes, text);
    }
    channel_end_causes(channel);
}

void channel_note_lost(struct grpc_channel *channel, const char *reason)
{
    (void)snprintf(channel->cause, sizeof channel->cause, "%s", reason);
    if (channel->dial == channel_dial_fd) {
        channel_append(channel->cause,
                       "the channel was made from that connection and has no "
                       "other");
    }
}

// channel_why_connecting: what was known before this pass says nothing of it.
static void channel_why_connecting(const struct grpc_channel *channel,
                                   char text[RUN_ERROR_TEXT])
{
    char words[CONN_OPEN_WORDS];
    memcpy(text, channel->causes, RUN_ERROR_TEXT);
    LIST_EACH (link, after, &channel->subchannels) {
        const struct subchannel *subchannel =
            LIST_OWNER(link, struct subchannel, link);
        if (subchannel->state == GRPC_CONNECTING) {
            conn_open_words(subchannel->conn, words);
            channel_append_cause(text, words);
        }
    }
    if (list_is_empty(&channel->subchannels)) {
        (void)snprintf(text, RUN_ERROR_TEXT,
                       "look up \"%.100s\": no answer yet",
                       channel->resolver.target->host);
    }
}

void channel_why_waiting(const struct grpc_channel *channel,
                         char text[RUN_ERROR_TEXT])
{
    if (channel->state == GRPC_CONNECTING) {
        channel_why_connecting(channel, text);
    } else {
        memcpy(text, channel->cause, RUN_ERROR_TEXT);
    }
}

// ---- Calls that wait --------------------------------------------------------

void channel_refuse(struct grpc_call *call, grpc_code code, const char *text)
{
    call_set_text(call, "%s", text);
    client_call_finish(call, code);
}

struct conn *channel_ready_conn(const struct grpc_channel *channel)
{
    if (channel->state != GRPC_READY) {
        return NULL;
    }
    return channel->policy->class->pick(channel->policy)->conn;
}

static struct subchannel *channel_subchannel(const struct grpc_channel *channel,
                                             const struct conn *conn)
{
    LIST_EACH (link, after, &channel->subchannels) {
        struct subchannel *subchannel =
            LIST_OWNER(link, struct subchannel, link);
        if (subchannel->conn == conn) {
            return subchannel;
        }
    }
    return NULL;
}

// channel_leave_conn lets the calls of the connection end, on it alone.
static void channel_leave_conn(struct grpc_channel *channel, struct conn *conn,
                               const char *reason)
{
    struct subchannel *subchannel = channel_subchannel(channel, conn);
    if (subchannel != NULL) {
        channel_next_tunnel(channel);
        subchannel_on_leave(subchannel, reason);
    }
    conn_finish(conn, view_of(NULL, 0));
}

// channel_ids_left: stream ids are never used twice; a connection that runs
// out of them is replaced (RFC 9113 section 5.1.1). As h2_can_open does, it
// counts the open streams as if each still had to take its id: calls that wait
// must not wait for those to end.
static bool channel_ids_left(const struct conn *conn)
{
    const uint32_t last = UINT32_C(0x7fffffff);
    uint32_t next = conn->h2.next_local_id;
    return next <= last && conn->h2.open_count <= (last - next) / 2;
}

// channel_send_first sends the call that has waited longest; false when it has
// to go on waiting.
static bool channel_send_first(struct grpc_channel *channel)
{
    struct conn *conn = channel_ready_conn(channel);
    if (!channel_ids_left(conn)) {
        channel_leave_conn(channel, conn,
                           "the connection's stream ids are used up");
        return false;
    }
    if (!h2_can_open(&conn->h2)) {
        return false;
    }
    struct list_link *link = list_first(&channel->waiting);
    struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
    if (!client_call_send(call, conn)) {
        channel_refuse(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
    }
    return true;
}

void channel_pump(struct grpc_channel *channel)
{
    // A call that ends here pumps too: it must not do so within this.
    if (channel->pumping) {
        return;
    }
    channel->pumping = true;
    while (channel->state == GRPC_READY && !channel->freed &&
           !list_is_empty(&channel->waiting) && channel_send_first(channel)) {
    }
    channel->pumping = false;
}

// channel_is_patient: the call waits for a connection even when there is no hope
// for one now.
static bool channel_is_patient(const struct grpc_channel *channel,
                               const struct grpc_call *call)
{
    return call->wait_for_ready && channel_may_redial(channel);
}

// channel_is_trying: an attempt is under way that began by then, or the first
// addresses are being looked up.
static bool channel_is_trying(const struct grpc_channel *channel,
                              uint64_t then_ms)
{
    LIST_EACH (link, after, &channel->subchannels) {
        const struct subchannel *subchannel =
            LIST_OWNER(link, struct subchannel, link);
        if (subchannel->state == GRPC_CONNECTING &&
            subchannel->began_ms <= then_ms) {
            return true;
        }
    }
    return list_is_empty(&channel->subchannels) &&
           channel->resolver.state == RESOLVER_ASKING;
}

// channel_may_hope: in TRANSIENT_FAILURE the call does not end at once. One that
// is waited for takes the attempts that were under way when it began: it may be
// that nobody steps the loop but such calls, and then none would ever see an
// attempt's end. Later attempts it does not wait for, or it might for ever.
static bool channel_may_hope(const struct grpc_channel *channel,
                             const struct grpc_call *call)
{
    return channel_is_patient(channel, call) ||
           (call->blocking &&
            channel_is_trying(channel, call->started_us / 1000));
}

static void channel_fail_waiting(struct grpc_channel *channel)
{
    LIST_EACH (link, after, &channel->waiting) {
        struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        if (!channel_may_hope(channel, call)) {
            channel_refuse(call, GRPC_UNAVAILABLE, channel->cause);
        }
    }
}

void channel_lose_hope(struct grpc_channel *channel, const char *reason)
{
    if (channel->state == GRPC_TRANSIENT_FAILURE) {
        (void)snprintf(channel->cause, sizeof channel->cause, "%s", reason);
        channel_fail_waiting(channel);
    }
}

void channel_submit(struct grpc_channel *channel, struct grpc_call *call)
{
    list_remove(&call->link); // of those that are held
    list_append(&channel->waiting, &call->link);
    if (channel->bad_target) {
        channel_refuse(call, GRPC_INVALID_ARGUMENT, channel->cause);
    } else if (channel->state == GRPC_TRANSIENT_FAILURE) {
        if (!channel_may_hope(channel, call)) {
            channel_refuse(call, GRPC_UNAVAILABLE, channel->cause);
        }
    } else if (channel->state == GRPC_IDLE) {
        channel_leave_idle(channel);
    } else {
        channel_pump(channel);
    }
}

// ---- The state --------------------------------------------------------------

void channel_on_policy(struct grpc_channel *channel)
{
    channel_set_state(channel, channel->policy->state);
    switch (channel->state) {
    case GRPC_IDLE:
        if (!list_is_empty(&channel->waiting) && !channel->freed) {
            channel_leave_idle(channel);
        }
        break;
    case GRPC_READY:
        channel_pump(channel);
        break;
    case GRPC_TRANSIENT_FAILURE:
        channel_fail_waiting(channel);
        break;
    case GRPC_CONNECTING:
    case GRPC_SHUTDOWN:
        break;
    }
}

bool channel_on_addresses(struct grpc_channel *channel,
                          const struct socket_address *addresses, size_t count)
{
    struct policy *policy = channel->policy;
    return policy->class->update(policy, addresses, count);
}

void channel_on_no_addresses(struct grpc_channel *channel, const char *reason)
{
    // With addresses from before there is something to go on with.
    if (!list_is_empty(&channel->subchannels)) {
        run_log(channel->loop, GRPC_LOG_WARNING, "%s", reason);
        return;
    }
    channel_note(channel, reason);
    channel_give_up(channel);
    policy_set_state(channel->policy, GRPC_TRANSIENT_FAILURE);
}

static void channel_wait_for_idle(struct grpc_channel *channel, uint64_t due_ms)
{
    loop_timer_start(&channel->loop->loop, &channel->timer, due_ms);
}

void channel_leave_idle(struct grpc_channel *channel)
{
    channel->used_ms = run_now(channel->loop);
    if (!loop_timer_is_armed(&channel->timer) &&
        channel->idle_timeout_ms != GRPC_NEVER) {
        channel_wait_for_idle(channel,
                              run_due(channel->loop, channel->idle_timeout_ms));
    }
    channel_set_state(channel, GRPC_CONNECTING);
    if (channel->resolver.state == RESOLVER_STOPPED) {
        channel_begin_causes(channel);
        resolver_start(&channel->resolver);
    } else {
        channel->policy->class->connect(channel->policy);
    }
}

// channel_is_in_use: there are calls, or somebody waits for READY.
static bool channel_is_in_use(const struct grpc_channel *channel)
{
    if (channel->is_awaited || !list_is_empty(&channel->held) ||
        !list_is_empty(&channel->waiting)) {
        return true;
    }
    LIST_EACH (link, after, &channel->conns) {
        if (!list_is_empty(&LIST_OWNER(link, struct conn, link_owner)->calls)) {
            return true;
        }
    }
    return false;
}

// channel_rest stops what makes connections.
static void channel_rest(struct grpc_channel *channel)
{
    loop_timer_stop(&channel->loop->loop, &channel->timer);
    if (channel->policy != NULL) {
        channel->policy->class->stop(channel->policy);
        resolver_stop(&channel->resolver);
    }
}

void channel_on_timer(struct grpc_channel *channel)
{
    uint64_t now_ms = run_now(channel->loop);
    uint64_t due_ms = channel->used_ms + channel->idle_timeout_ms + 1;
    if (channel_is_in_use(channel)) {
        channel_wait_for_idle(channel, now_ms + channel->idle_timeout_ms);
    } else if (due_ms > now_ms) {
        channel_wait_for_idle(channel, due_ms);
    } else {
        run_log(channel->loop, GRPC_LOG_INFO,
                "no call for %lu ms: the channel is idle",
                (unsigned long)channel->idle_timeout_ms);
        channel_rest(channel);
        channel_set_state(channel, GRPC_IDLE);
    }
}

void channel_shut_down(struct grpc_channel *channel)
{
    channel_rest(channel);
    channel_set_state(channel, GRPC_SHUTDOWN);
    list_remove(&channel->link_changed);
    channel_tell(channel);
}

void channel_tell(struct grpc_channel *channel)
{
    if (channel->watch != NULL && channel->told != channel->state) {
        channel->told = channel->state;
        channel->watch(channel, channel->state, channel->watch_self);
    }
}

// ---- Events of connections --------------------------------------------------

static void channel_on_ready(struct conn *conn)
{
    struct grpc_channel *channel = conn->owner;
    struct subchannel *subchannel = channel_subchannel(channel, conn);
    if (subchannel != NULL) {
        subchannel_on_ready(subchannel);
        channel_pump(channel); // other SETTINGS may allow more streams
    }
}

// channel_slow_keepalive: the server says that it is asked too often
// (gRFC A8): this and all further connections ask half as often.
static void channel_slow_keepalive(struct grpc_channel *channel,
                                   const struct h2_event *event)
{
    uint32_t *keepalive_ms = &channel->rules.keepalive_ms;
    if (event->code != H2_ENHANCE_YOUR_CALM ||
        !view_equal(event->debug, VIEW("too_many_pings")) ||
        *keepalive_ms == GRPC_NEVER) {
        return;
    }
    *keepalive_ms =
        *keepalive_ms < GRPC_NEVER / 2 ? 2 * *keepalive_ms : GRPC_NEVER;
    run_log(channel->loop, GRPC_LOG_ERROR,
            "the server takes no PING as often as keepalive_ms has it "
            "(too_many_pings): it is %lu now",
            (unsigned long)*keepalive_ms);
}

// channel_why_leave is why a connection takes no more calls, in words.
static void channel_why_leave(const struct conn *conn,
                              char text[RUN_ERROR_TEXT])
{
    char peer[SOCKET_ADDRESS_TEXT];
    const char *farewell = conn_farewell(conn);
    conn_peer_text(conn, peer);
    (void)snprintf(text, RUN_ERROR_TEXT, "the server, %s, sent %s", peer,
                   farewell != NULL ? farewell : "GOAWAY");
}

static void channel_on_goaway(struct conn *conn, const struct h2_event *event)
{
    struct grpc_channel *channel = conn->owner;
    char reason[RUN_ERROR_TEXT];
    channel_slow_keepalive(channel, event);
    if (conn->finishing) {
        return; // it was left before: a flood of them is not worth words
    }
    channel_why_leave(conn, reason);
    channel_leave_conn(channel, conn, reason);
}

static void channel_on_overdue(struct conn *conn)
{
    // Calls have deadlines of their own.
    (void)conn;
}

// channel_end_calls_on ends the calls of a connection that is over. Their
// places are not for calls that wait: those go to the next connection.
static void channel_end_calls_on(struct conn *conn, const char *reason)
{
    struct grpc_channel *channel = conn->owner;
    bool was_pumping = channel->pumping;
    channel->pumping = true;
    client_call_end_all_on(conn, reason);
    channel->pumping = was_pumping;
}

static void channel_on_closed(struct conn *conn, const char *reason)
{
    struct grpc_channel *channel = conn->owner;
    channel_end_calls_on(conn, reason);
    struct subchannel *subchannel = channel_subchannel(channel, conn);
    if (subchannel != NULL && conn->state != CONN_CONNECTING) {
        channel_next_tunnel(channel);
    }
    if (subchannel != NULL) { // also when freed: it may be reaped much later
        subchannel_on_closed(subchannel, reason);
    }
    channel_pump(channel); // there may be another connection for them
}

static void channel_on_gone(struct conn *conn)
{
    (void)conn;
}

INTERNAL_DEFINE const struct conn_role channel_role = {
    .ready = channel_on_ready,
    .headers = client_on_headers,
    .data = client_on_data,
    .reset = client_on_reset,
    .writable = client_on_writable,
    .goaway = channel_on_goaway,
    .overdue = channel_on_overdue,
    .closed = channel_on_closed,
    .gone = channel_on_gone,
};

// ---- The public functions ---------------------------------------------------

grpc_connectivity grpc_channel_state(const grpc_channel *channel)
{
    return channel == NULL ? GRPC_SHUTDOWN : channel->state;
}

const char *grpc_channel_failure(const grpc_channel *channel)
{
    return channel == NULL ? "no channel" : channel->cause;
}

const char *grpc_connectivity_name(grpc_connectivity state)
{
    static const char *const names[] = {
        [GRPC_IDLE] = "IDLE",
        [GRPC_CONNECTING] = "CONNECTING",
        [GRPC_READY] = "READY",
        [GRPC_TRANSIENT_FAILURE] = "TRANSIENT_FAILURE",
        [GRPC_SHUTDOWN] = "SHUTDOWN",
    };
    size_t count = sizeof names / sizeof names[0];
    return (size_t)state < count ? names[state] : "STATE";
}

// channel_is_lost: it has failed, and does not try again.
static bool channel_is_lost(const struct grpc_channel *channel)
{
    return channel->state == GRPC_TRANSIENT_FAILURE &&
           !channel_may_redial(channel);
}

grpc_result grpc_channel_connect(grpc_channel *channel)
{
    if (channel == NULL) {
        return GRPC_EINVAL;
    }
    bool may_connect = !channel->bad_target && !channel->freed;
    if (may_connect && channel->state == GRPC_IDLE) {
        channel_leave_idle(channel);
    }
    if (!may_connect || channel_is_lost(channel)) {
        run_set_error(channel->loop, channel->error, "connect: %s",
                      channel->freed ? "the channel was freed"
                                     : channel->cause);
        return GRPC_ESTATE;
    }
    return GRPC_OK;
}

void grpc_channel_watch(grpc_channel *channel,
                        void (*changed)(grpc_channel *channel,
                                        grpc_connectivity state, void *self),
                        void *self)
{
    if (channel != NULL) {
        channel->watch = changed;
        channel->watch_self = self;
        channel->told = channel->state;
    }
}

void grpc_channel_reset_backoff(grpc_channel *channel)
{
    if (channel == NULL) {
        return;
    }
    LIST_EACH (link, after, &channel->subchannels) {
        subchannel_hurry(LIST_OWNER(link, struct subchannel, link));
    }
    resolver_hurry(&channel->resolver);
}

// channel_may_wait: a function that steps the loop may begin.
static bool channel_may_wait(struct grpc_channel *channel)
{
    if (channel->loop->stepping) {
        run_set_error(channel->loop, channel->error,
                      "wait: the loop is being stepped");
        return false;
    }
    return true;
}

// channel_step steps the loop until end_ms at most, and once in any case: it may
// be that nobody else does. False when that was the last step, or when it has
// failed.
static bool channel_step(struct grpc_channel *channel, uint64_t end_ms,
                         grpc_result *result)
{
    if (*result != GRPC_OK) {
        return false;
    }
    uint64_t now_ms = run_now(channel->loop);
    uint64_t left_ms = now_ms < end_ms ? end_ms - now_ms : 0;
    if (run_step(channel->loop,
                 left_ms < INT32_MAX ? (int)left_ms : INT32_MAX) != GRPC_OK) {
        *result = GRPC_ESYSTEM;
    } else if (left_ms == 0) {
        *result = GRPC_AGAIN;
    }
    return true;
}

static uint64_t channel_wait_end(struct grpc_channel *channel, int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX
                          : run_now(channel->loop) + (uint64_t)timeout_ms;
}

grpc_result grpc_channel_wait(grpc_channel *channel, grpc_connectivity last,
                              int timeout_ms)
{
    if (channel == NULL) {
        return GRPC_EINVAL;
    }
    if (!channel_may_wait(channel)) {
        return GRPC_ESTATE;
    }
    grpc_result result = GRPC_OK;
    uint64_t end_ms = channel_wait_end(channel, timeout_ms);
    blocking_begin(channel);
    while (channel->state == last && !channel->freed &&
           channel_step(channel, end_ms, &result)) {
    }
    if (channel->state != last || channel->freed) {
        result = GRPC_OK;
    }
    blocking_end(channel);
    return result;
}

grpc_result grpc_channel_wait_ready(grpc_channel *channel, int timeout_ms)
{
    if (channel == NULL) {
        return GRPC_EINVAL;
    }
    if (!channel_may_wait(channel)) {
        return GRPC_ESTATE;
    }
    uint64_t end_ms = channel_wait_end(channel, timeout_ms);
    grpc_result connected = GRPC_OK;
    grpc_result result = GRPC_OK;
    blocking_begin(channel);
    channel->is_awaited = true;
    do {
        connected = grpc_channel_connect(channel);
    } while (connected == GRPC_OK && channel->state != GRPC_READY &&
             channel_step(channel, end_ms, &result));
    if (connected != GRPC_OK || channel->state == GRPC_READY) {
        result = connected;
    }
    channel->is_awaited = false;
    channel->used_ms = run_now(channel->loop);
    blocking_end(channel);
    return result;
}
