// SPDX-License-Identifier: MIT

#include "core/channel.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "core/call.h"
#include "core/client_call.h"
#include "core/limits.h"

static bool channel_may_follow(enum channel_state from, enum channel_state to)
{
    static const uint8_t channel_next[] = {
        [CHANNEL_IDLE] = 1 << CHANNEL_CONNECTING,
        [CHANNEL_CONNECTING] = 1 << CHANNEL_READY | 1 << CHANNEL_FAILED,
        [CHANNEL_READY] = 1 << CHANNEL_IDLE | 1 << CHANNEL_FAILED,
        [CHANNEL_FAILED] = 1 << CHANNEL_IDLE,
    };
    return (channel_next[from] >> to & 1) != 0;
}

static void channel_set_state(struct grpc_channel *channel,
                              enum channel_state state)
{
    ASSERT(channel_may_follow(channel->state, state));
    channel->state = state;
    (void)channel_may_follow;
}

// ---- Calls that wait --------------------------------------------------------

static void channel_refuse(struct grpc_call *call, grpc_code code,
                           const char *text)
{
    call_set_text(call, "%s", text);
    client_call_finish(call, code);
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

static void channel_leave_conn(struct grpc_channel *channel);

// channel_send_first sends the call that has waited longest; false when it has
// to go on waiting.
static bool channel_send_first(struct grpc_channel *channel)
{
    struct conn *conn = channel->conn;
    if (!channel_ids_left(conn)) {
        channel_leave_conn(channel);
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
    while (channel->state == CHANNEL_READY && !channel->freed &&
           !list_is_empty(&channel->waiting) && channel_send_first(channel)) {
    }
    channel->pumping = false;
}

// channel_fail_waiting ends the calls that do not wait for ready.
static void channel_fail_waiting(struct grpc_channel *channel)
{
    LIST_FOREACH (link, after, &channel->waiting) {
        struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        if (!call->wait_for_ready || channel->fixed) {
            channel_refuse(call, GRPC_UNAVAILABLE, channel->cause);
        }
    }
}

// ---- Connecting -------------------------------------------------------------

// channel_note adds one more cause to those of this round.
static void channel_note(struct grpc_channel *channel, const char *text)
{
    size_t used = strlen(channel->cause);
    (void)snprintf(channel->cause + used, sizeof channel->cause - used, "%s%s",
                   used == 0 ? "" : "; ", text);
}

// channel_note_fixed: a channel made from a descriptor has lost its only one.
static void channel_note_fixed(struct grpc_channel *channel)
{
    if (channel->fixed) {
        channel_note(channel, "the channel was made from that connection and "
                              "has no other");
    }
}

// channel_pause waits as after a failure, without ending the calls that wait.
static void channel_pause(struct grpc_channel *channel)
{
    channel_set_state(channel, CHANNEL_FAILED);
    uint32_t delay_ms =
        backoff_next(&channel->backoff, run_random(channel->loop));
    loop_timer_start(&channel->loop->loop, &channel->timer,
                     run_due(channel->loop, delay_ms));
}

// channel_fail_round ends an attempt. Without another connection to hope for
// the cause stays what it was.
static void channel_fail_round(struct grpc_channel *channel)
{
    if (!channel->fixed) {
        char text[64];
        (void)snprintf(
            text, sizeof text, "gave up after %lu ms",
            (unsigned long)(run_now(channel->loop) - channel->attempt_ms));
        channel_note(channel, text);
    }
    run_log(channel->loop, GRPC_LOG_WARNING, "%s", channel->cause);
    channel_pause(channel);
    channel_fail_waiting(channel);
}

static const struct socket_address *channel_address(
    const struct grpc_channel *channel, size_t i)
{
    if (channel->target.count > 0) {
        return i < channel->target.count ? &channel->target.addresses[i] : NULL;
    }
    bool is_known = channel->lookup != NULL && !channel->looking_up &&
                    i < lookup_count(channel->lookup);
    return is_known ? lookup_address(channel->lookup, i) : NULL;
}

static int channel_try(struct grpc_channel *channel,
                       const struct socket_address *address)
{
    struct conn *conn = conn_new(channel->loop, &channel_role, channel,
                                 &channel->rules, address);
    if (conn == NULL) {
        return ENOMEM;
    }
    int error = conn_connect(conn, channel->connect_timeout_ms);
    if (error != 0) {
        conn_discard(conn);
        return error;
    }
    list_append(&channel->conns, &conn->link_owner);
    channel->conn = conn;
    return 0;
}

// channel_try_next begins to connect to the next address that does not fail at
// once.
static void channel_try_next(struct grpc_channel *channel)
{
    const struct socket_address *address;
    while ((address = channel_address(channel, channel->next_address)) !=
           NULL) {
        channel->next_address++;
        int error = channel_try(channel, address);
        if (error == 0) {
            return;
        }
        char peer[SOCKET_ADDRESS_TEXT];
        char reason[96];
        char text[SOCKET_ADDRESS_TEXT + 128];
        socket_address_text(address, peer);
        socket_error_text(error, reason, sizeof reason);
        (void)snprintf(text, sizeof text, "connect to %s: %s", peer, reason);
        channel_note(channel, text);
    }
    channel_fail_round(channel);
}

static void channel_drop_lookup(struct grpc_channel *channel)
{
    if (channel->lookup == NULL) {
        return;
    }
    if (channel->looking_up) {
        lookup_cancel(channel->lookup);
    } else {
        lookup_free(channel->lookup);
    }
    channel->lookup = NULL;
    channel->looking_up = false;
}

// channel_on_lookup is posted with the answer.
static void channel_on_lookup(void *argument)
{
    struct lookup_result *result = argument;
    struct grpc_channel *channel = lookup_user(result);
    channel->looking_up = false;
    const char *error = lookup_error(result);
    if (error != NULL) {
        char text[RUN_ERROR_TEXT];
        (void)snprintf(text, sizeof text, "look up \"%.100s\": %s",
                       channel->target.host, error);
        channel_note(channel, text);
    }
    channel_try_next(channel);
}

static void channel_look_up(struct grpc_channel *channel)
{
    const char *reason = "";
    channel_drop_lookup(channel);
    channel->looking_up =
        lookup_start(&channel->loop->lookup, &channel->loop->loop,
                     channel->target.host, channel->target.port,
                     channel_on_lookup, channel, &channel->lookup, &reason);
    if (!channel->looking_up) {
        char text[RUN_ERROR_TEXT];
        (void)snprintf(text, sizeof text, "look up \"%.100s\": %s",
                       channel->target.host, reason);
        channel_note(channel, text);
        channel_fail_round(channel);
    }
}

static void channel_connect(struct grpc_channel *channel)
{
    channel_set_state(channel, CHANNEL_CONNECTING);
    if (channel->fixed) {
        channel_fail_round(channel);
        return;
    }
    channel->cause[0] = '\0';
    channel->attempt_ms = run_now(channel->loop);
    channel->next_address = 0;
    if (channel->target.count == 0) {
        channel_look_up(channel);
    } else {
        channel_try_next(channel);
    }
}

void channel_on_timer(struct grpc_channel *channel)
{
    channel_set_state(channel, CHANNEL_IDLE);
    if (!list_is_empty(&channel->waiting)) {
        channel_connect(channel);
    }
}

void channel_submit(struct grpc_channel *channel, struct grpc_call *call)
{
    list_remove(&call->link); // of those that are held
    list_append(&channel->waiting, &call->link);
    if (channel->bad_target) {
        channel_refuse(call, GRPC_INVALID_ARGUMENT, channel->cause);
    } else if (channel->state == CHANNEL_FAILED) {
        if (!call->wait_for_ready || channel->fixed) {
            channel_refuse(call, GRPC_UNAVAILABLE, channel->cause);
        }
    } else if (channel->state == CHANNEL_IDLE) {
        channel_connect(channel);
    } else {
        channel_pump(channel);
    }
}

// ---- Events of connections --------------------------------------------------

// channel_was_used: some call has gone over that connection.
static bool channel_was_used(const struct conn *conn)
{
    return conn->h2.next_local_id > 1;
}

// channel_forget_conn: new calls need another connection from now on. One that
// never took a call, though some waited, must not be replaced at once: a server
// that opens and closes would keep us connecting as fast as we can.
static void channel_forget_conn(struct grpc_channel *channel, bool was_used)
{
    channel->conn = NULL;
    if (!was_used && !list_is_empty(&channel->waiting) && !channel->fixed) {
        channel_pause(channel);
        return;
    }
    channel_set_state(channel, CHANNEL_IDLE);
    if (!list_is_empty(&channel->waiting) && !channel->freed) {
        channel_connect(channel);
    }
}

// channel_why_leave is why a connection takes no more calls, in words.
static const char *channel_why_leave(const struct conn *conn)
{
    if (conn->farewell != NULL) {
        return conn->farewell;
    }
    return conn->h2.goaway_received ? "the server said GOAWAY"
                                    : "the connection's stream ids are used up";
}

// channel_leave_conn lets the calls of the connection end, on it alone.
static void channel_leave_conn(struct grpc_channel *channel)
{
    struct conn *conn = channel->conn;
    channel_note(channel, channel_why_leave(conn));
    channel_note_fixed(channel);
    channel_forget_conn(channel, channel_was_used(conn));
    conn_finish(conn, view_of(NULL, 0));
}

static void channel_on_ready(struct conn *conn)
{
    struct grpc_channel *channel = conn->owner;
    if (channel->conn != conn) {
        return;
    }
    if (channel->state == CHANNEL_CONNECTING) {
        channel_set_state(channel, CHANNEL_READY);
        backoff_reset(&channel->backoff);
        channel->cause[0] = '\0';
    }
    channel_pump(channel);
}

static void channel_on_goaway(struct conn *conn, const struct h2_event *event)
{
    struct grpc_channel *channel = conn->owner;
    if (event->code != H2_NO_ERROR && !conn->finishing) {
        run_log(channel->loop, GRPC_LOG_WARNING,
                "the server sent GOAWAY %s: %.*s", h2_code_name(event->code),
                (int)event->debug.size,
                event->debug.size == 0 ? "" : (const char *)event->debug.data);
    }
    if (channel->conn == conn && channel->state == CHANNEL_READY) {
        channel_leave_conn(channel);
    } else {
        conn_finish(conn, view_of(NULL, 0));
    }
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
    while (!list_is_empty(&conn->calls)) {
        struct list_link *link = list_first(&conn->calls);
        struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        if (!client_call_outlive(call)) {
            call_set_text(call, "%s", reason);
            client_call_finish(call, GRPC_UNAVAILABLE);
        }
    }
    channel->pumping = was_pumping;
}

static void channel_on_closed(struct conn *conn, const char *reason)
{
    struct grpc_channel *channel = conn->owner;
    channel_end_calls_on(conn, reason);
    if (channel->conn != conn || channel->freed) {
        return;
    }
    channel->conn = NULL;
    channel_note(channel, reason);
    if (channel->state == CHANNEL_CONNECTING) {
        channel_try_next(channel);
    } else {
        channel_note_fixed(channel);
        channel_forget_conn(channel, channel_was_used(conn));
    }
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

// ---- Life -------------------------------------------------------------------

// channel_copy_text joins two texts into memory of the loop's, with a NUL.
static char *channel_copy_text(struct grpc_loop *loop, const char *first,
                               const char *second, size_t *out_size)
{
    size_t first_size = strlen(first);
    size_t second_size = strlen(second);
    char *text = alloc_new(&loop->allocator, first_size + second_size + 1);
    if (text != NULL) {
        memcpy(text, first, first_size);
        memcpy(text + first_size, second, second_size + 1);
        *out_size = first_size + second_size;
    }
    return text;
}

static bool channel_set_texts(struct grpc_channel *channel,
                              const grpc_channel_options *options)
{
    struct grpc_loop *loop = channel->loop;
    const char *authority = options->authority != NULL
                                ? options->authority
                                : channel->target.authority;
    channel->authority =
        channel_copy_text(loop, authority, "", &channel->authority_size);
    if (options->user_agent == NULL || options->user_agent[0] == '\0') {
        channel->user_agent = channel_copy_text(
            loop, "", "grpc-cgrpc/" GRPC_VERSION, &channel->user_agent_size);
    } else {
        channel->user_agent = channel_copy_text(loop, options->user_agent,
                                                " grpc-cgrpc/" GRPC_VERSION,
                                                &channel->user_agent_size);
    }
    return channel->authority != NULL && channel->user_agent != NULL;
}

// channel_check_text: what the user wants in a header may stand in one. An
// authority has no spaces, and no value begins with one.
static bool channel_check_text(const char *text, bool has_spaces)
{
    char least = 0x21;
    for (; text != NULL && *text != '\0'; text++) {
        if (*text < least || *text > 0x7e) {
            return false;
        }
        least = has_spaces ? 0x20 : 0x21;
    }
    return true;
}

static void channel_refuse_target(struct grpc_channel *channel,
                                  const char *target, const char *reason)
{
    channel->bad_target = true;
    (void)snprintf(channel->cause, sizeof channel->cause,
                   "target \"%.120s\": %s", target == NULL ? "" : target,
                   reason);
    memcpy(channel->error, channel->cause, sizeof channel->error);
}

static void channel_check_texts(struct grpc_channel *channel,
                                const grpc_channel_options *options,
                                const char *target)
{
    if (!channel->bad_target &&
        (!channel_check_text(options->authority, false) ||
         !channel_check_text(options->user_agent, true))) {
        channel_refuse_target(channel, target,
                              "authority or user_agent has a byte that may "
                              "not stand in a header");
    }
}

// channel_set_interceptors: false without memory.
static bool channel_set_interceptors(struct grpc_channel *channel,
                                     const grpc_interceptors *interceptors)
{
    grpc_result result = intercept_init(
        &channel->interceptors, &channel->loop->allocator, interceptors);
    if (result == GRPC_EINVAL && !channel->bad_target) {
        channel->bad_target = true;
        (void)snprintf(channel->cause, sizeof channel->cause,
                       "interceptors: more than 255, or one of them is NULL");
        memcpy(channel->error, channel->cause, sizeof channel->error);
    }
    return result != GRPC_ENOMEM;
}

static struct grpc_channel *channel_new(const grpc_channel_options *options)
{
    grpc_loop *loop = run_choose(options->loop, &options->allocator);
    if (loop == NULL) {
        return NULL;
    }
    struct grpc_channel *channel =
        alloc_zeroed(&loop->allocator, sizeof *channel);
    if (channel == NULL) {
        if (options->loop == NULL) {
            (void)grpc_loop_free(loop);
        }
        return NULL;
    }
    channel->loop = loop;
    channel->owns_loop = options->loop == NULL;
    channel->max_receive_bytes = options->max_receive_bytes != 0
                                     ? options->max_receive_bytes
                                     : CORE_MESSAGE_BYTES;
    channel->max_send_bytes =
        options->max_send_bytes != 0 ? options->max_send_bytes : UINT32_MAX;
    channel->connect_timeout_ms = options->connect_timeout_ms != 0
                                      ? options->connect_timeout_ms
                                      : CORE_CONNECT_MS;
    struct h2_limits_fault fault;
    if (!h2_limits_resolve(&options->limits, &channel->rules.limits, &fault)) {
        channel->bad_target = true;
        limits_say(&fault, channel->cause, sizeof channel->cause);
        memcpy(channel->error, channel->cause, sizeof channel->error);
    }
    channel->timer.kind = RUN_CHANNEL;
    list_init(&channel->held);
    list_init(&channel->conns);
    list_init(&channel->waiting);
    list_append(&loop->channels, &channel->link_loop);
    if (!channel_set_interceptors(channel, &options->interceptors)) {
        channel_reap(channel);
        return NULL;
    }
    return channel;
}

static const grpc_channel_options channel_defaults = {0};

grpc_channel *grpc_channel_new(const char *target,
                               const grpc_channel_options *options)
{
    if (options == NULL) {
        options = &channel_defaults;
    }
    struct grpc_channel *channel = channel_new(options);
    if (channel == NULL) {
        return NULL;
    }
    const char *reason = "";
    if (!target_parse(&channel->target, target, &reason)) {
        channel_refuse_target(channel, target, reason);
    }
    channel_check_texts(channel, options, target);
    if (!channel_set_texts(channel, options)) {
        channel_reap(channel);
        return NULL;
    }
    return channel;
}

// channel_start_fd begins HTTP/2 on a socket that the user has connected.
static int channel_start_fd(struct grpc_channel *channel, int fd)
{
    bool is_listening = false;
    struct socket_address peer;
    int error = socket_adopt(fd, &is_listening);
    if (error == 0 && is_listening) {
        error = EINVAL;
    }
    if (error == 0) {
        error = socket_peer(fd, &peer);
    }
    if (error != 0) {
        return error;
    }
    struct conn *conn =
        conn_new(channel->loop, &channel_role, channel, &channel->rules, &peer);
    if (conn == NULL) {
        return ENOMEM;
    }
    struct h2_options options = h2_options_make(false, &channel->rules.limits);
    error = conn_start(conn, fd, &options, channel->connect_timeout_ms);
    if (error != 0) {
        conn_discard(conn);
        return error;
    }
    channel_set_state(channel, CHANNEL_CONNECTING);
    channel->attempt_ms = run_now(channel->loop);
    list_append(&channel->conns, &conn->link_owner);
    channel->conn = conn;
    return 0;
}

grpc_channel *grpc_channel_new_fd(int fd, const grpc_channel_options *options)
{
    if (options == NULL) {
        options = &channel_defaults;
    }
    struct grpc_channel *channel = channel_new(options);
    if (channel == NULL) {
        return NULL;
    }
    channel->fixed = true;
    memcpy(channel->target.authority, "localhost", sizeof "localhost");
    channel_check_texts(channel, options, "a descriptor");
    if (!channel_set_texts(channel, options) ||
        channel_start_fd(channel, fd) != 0) {
        channel_reap(channel);
        return NULL;
    }
    return channel;
}

// channel_end_calls ends all calls as CANCELLED; their callbacks are due.
static void channel_end_calls(struct grpc_channel *channel)
{
    list_move(&channel->waiting, &channel->held);
    LIST_FOREACH (link, after, &channel->waiting) {
        struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        channel_refuse(call, GRPC_CANCELLED, "the channel was freed");
    }
    LIST_FOREACH (conn_link, conn_after, &channel->conns) {
        struct conn *conn = LIST_OWNER(conn_link, struct conn, link_owner);
        LIST_FOREACH (call_link, call_after, &conn->calls) {
            struct grpc_call *call =
                LIST_OWNER(call_link, struct grpc_call, link);
            channel_refuse(call, GRPC_CANCELLED, "the channel was freed");
        }
    }
}

// channel_deliver_own calls the callbacks that still name this channel.
static void channel_deliver_own(struct grpc_channel *channel)
{
    LIST_FOREACH (link, after, &channel->loop->finished) {
        struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        if (call->channel == channel) {
            client_call_deliver(call);
        }
    }
}

void channel_reap(struct grpc_channel *channel)
{
    struct grpc_loop *loop = channel->loop;
    bool owns_loop = channel->owns_loop;
    channel->freed = true;
    channel_end_calls(channel);
    channel_deliver_own(channel);
    while (!list_is_empty(&channel->conns)) {
        struct list_link *link = list_first(&channel->conns);
        conn_close(LIST_OWNER(link, struct conn, link_owner),
                   "the channel was freed");
    }
    channel_drop_lookup(channel);
    loop_timer_stop(&loop->loop, &channel->timer);
    list_remove(&channel->link_loop);
    intercept_fini(&channel->interceptors, &loop->allocator);
    if (channel->authority != NULL) {
        alloc_free(&loop->allocator, channel->authority,
                   channel->authority_size + 1);
    }
    if (channel->user_agent != NULL) {
        alloc_free(&loop->allocator, channel->user_agent,
                   channel->user_agent_size + 1);
    }
    alloc_free(&loop->allocator, channel, sizeof *channel);
    if (owns_loop) {
        run_give_up(loop);
    }
}

void grpc_channel_free(grpc_channel *channel)
{
    if (channel == NULL) {
        return;
    }
    channel->freed = true;
    channel->loop->freeing = true;
    run_settle(channel->loop);
}

grpc_loop *grpc_channel_loop(grpc_channel *channel)
{
    return channel == NULL ? NULL : channel->loop;
}

const char *grpc_channel_error(const grpc_channel *channel)
{
    return channel == NULL ? "no channel" : channel->error;
}
