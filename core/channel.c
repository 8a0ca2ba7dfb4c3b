// SPDX-License-Identifier: MIT

#include "core/channel.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "core/call.h"
#include "core/client_call.h"
#include "core/connectivity.h"
#include "core/inproc.h"
#include "core/limits.h"
#include "core/pick_first.h"
#include "core/server.h"

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

struct view channel_host(const char *authority)
{
    const char *colon = strchr(authority, ':');
    if (authority[0] == '[') {
        return view_of(authority + 1, strcspn(authority + 1, "]"));
    }
    // (More than one colon: an address of IPv6 without a port.)
    return view_of(authority, colon != NULL && strchr(colon + 1, ':') == NULL
                                  ? (size_t)(colon - authority)
                                  : strlen(authority));
}

// channel_all_unix: no address of the target leads out of this machine.
static bool channel_all_unix(const struct target *target)
{
    bool all = target->count > 0;
    for (size_t i = 0; i < target->count; i++) {
        all = all && socket_address_is_unix(&target->addresses[i]);
    }
    return all;
}

// channel_set_security: what every connection of the channel is, at least.
static void channel_set_security(struct grpc_channel *channel)
{
    const grpc_credentials *credentials = channel->credentials;
    channel->is_tls = credentials_is_tls(credentials);
    if (channel->is_tls || (credentials != NULL && credentials->is_local &&
                            channel_all_unix(&channel->target))) {
        channel->security = GRPC_PRIVATE;
    }
}

static void channel_refuse_credentials(struct grpc_channel *channel,
                                       const char *reason)
{
    if (!channel->bad_target) {
        channel->bad_target = true;
        run_set_error(channel->loop, channel->cause, "credentials: %s", reason);
        memcpy(channel->error, channel->cause, sizeof channel->error);
    }
}

// channel_set_credentials finds out what they make of the channel, and the name
// that the server's certificate must have; false without memory.
static bool channel_set_credentials(struct grpc_channel *channel,
                                    const grpc_channel_options *options)
{
    const grpc_credentials *credentials = channel->credentials;
    if (credentials == NULL) {
        return true;
    }
    const char *fault = credentials_fault(credentials, false);
    if (fault != NULL) {
        channel_refuse_credentials(channel, fault);
        return true;
    }
    struct view host = channel_host(channel->authority);
    const char *name = credentials_server_name(credentials);
    if (name != NULL && options->authority != NULL &&
        !view_equal_names(host, channel_host(name))) {
        channel_refuse_credentials(
            channel, "their server_name is not the channel's authority");
    }
    if (host.size == 0 && credentials_is_tls(credentials)) {
        channel_refuse_credentials(
            channel, "the channel's authority has no name for a certificate");
    }
    channel_set_security(channel);
    channel->server_name =
        alloc_zeroed(&channel->loop->allocator, host.size + 1);
    if (channel->server_name == NULL) {
        return false;
    }
    if (host.size > 0) {
        memcpy(channel->server_name, host.data, host.size);
    }
    return true;
}

// channel_copy_authority: an address of IPv6 stands in brackets (RFC 3986 section
// 3.2.2), which a server_name need not have.
static char *channel_copy_authority(struct grpc_channel *channel,
                                    const char *authority)
{
    const char *colon = strchr(authority, ':');
    bool is_bare =
        authority[0] != '[' && colon != NULL && strchr(colon + 1, ':') != NULL;
    size_t size = strlen(authority) + (is_bare ? 2 : 0);
    char *text = alloc_new(&channel->loop->allocator, size + 1);
    if (text != NULL) {
        (void)snprintf(text, size + 1, is_bare ? "[%s]" : "%s", authority);
        channel->authority_size = size;
    }
    return text;
}

// channel_choose_authority: the user's, the credentials', or the target's.
static const char *channel_choose_authority(const struct grpc_channel *channel,
                                            const grpc_channel_options *options)
{
    const char *name = credentials_server_name(channel->credentials);
    if (options->authority != NULL) {
        return options->authority;
    }
    return name != NULL ? name : channel->target.authority;
}

static bool channel_set_texts(struct grpc_channel *channel,
                              const grpc_channel_options *options)
{
    struct grpc_loop *loop = channel->loop;
    const char *authority = channel_choose_authority(channel, options);
    channel->authority = channel_copy_authority(channel, authority);
    if (options->user_agent == NULL || options->user_agent[0] == '\0') {
        channel->user_agent = channel_copy_text(
            loop, "", "grpc-cgrpc/" GRPC_VERSION, &channel->user_agent_size);
    } else {
        channel->user_agent = channel_copy_text(loop, options->user_agent,
                                                " grpc-cgrpc/" GRPC_VERSION,
                                                &channel->user_agent_size);
    }
    return channel->authority != NULL && channel->user_agent != NULL &&
           channel_set_credentials(channel, options);
}

bool channel_check_text(const char *text, bool has_spaces)
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
    run_set_error(channel->loop, channel->cause, "target \"%.120s\": %s",
                  target == NULL ? "" : target, reason);
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
                                     const grpc_channel_options *options)
{
    grpc_result result =
        intercept_init(&channel->interceptors, &channel->loop->allocator,
                       &options->interceptors, &options->call_credentials);
    if (result == GRPC_EINVAL && !channel->bad_target) {
        channel->bad_target = true;
        (void)snprintf(channel->cause, sizeof channel->cause,
                       "interceptors: more than 255, or one of them is NULL");
        memcpy(channel->error, channel->cause, sizeof channel->error);
    }
    return result != GRPC_ENOMEM;
}

static uint32_t channel_or(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static void channel_set_times(struct grpc_channel *channel,
                              const grpc_channel_options *options)
{
    uint32_t delay_ms =
        channel_or(options->attempt_delay_ms, CORE_ATTEMPT_DELAY_MS);
    if (delay_ms < CORE_ATTEMPT_DELAY_LEAST_MS) {
        delay_ms = CORE_ATTEMPT_DELAY_LEAST_MS;
    } else if (delay_ms > CORE_ATTEMPT_DELAY_MOST_MS) {
        delay_ms = CORE_ATTEMPT_DELAY_MOST_MS;
    }
    channel->attempt_delay_ms = delay_ms;
    channel->connect_timeout_ms =
        channel_or(options->connect_timeout_ms, CORE_CONNECT_MS);
    channel->idle_timeout_ms =
        channel_or(options->idle_timeout_ms, CORE_IDLE_TIMEOUT_MS);
    channel->backoff = backoff_resolve(&options->backoff);
}

static struct grpc_channel *channel_new(const grpc_channel_options *options)
{
    grpc_loop *loop = run_choose(options->loop, &options->allocator);
    struct grpc_channel *channel =
        loop == NULL ? NULL : alloc_zeroed(&loop->allocator, sizeof *channel);
    if (channel == NULL) {
        if (options->loop == NULL) {
            (void)grpc_loop_free(loop);
        }
        grpc_credentials_free(options->credentials);
        return NULL;
    }
    channel->loop = loop;
    channel->credentials = options->credentials;
    channel->owns_loop = options->loop == NULL;
    channel->max_receive_bytes =
        channel_or(options->max_receive_bytes, CORE_MESSAGE_BYTES);
    channel->max_send_bytes = channel_or(options->max_send_bytes, UINT32_MAX);
    channel_set_times(channel, options);
    struct h2_limits_fault fault;
    if (!h2_limits_resolve(&options->limits, &channel->rules.limits, &fault)) {
        channel->bad_target = true;
        limits_say(&fault, channel->cause, sizeof channel->cause);
        memcpy(channel->error, channel->cause, sizeof channel->error);
    }
    rules_for_channel(&channel->rules, options, loop);
    channel->timer.kind = RUN_CHANNEL;
    channel->dial = channel_dial_socket;
    channel->fd = -1;
    list_init(&channel->held);
    list_init(&channel->conns);
    list_init(&channel->waiting);
    list_init(&channel->subchannels);
    list_append(&loop->channels, &channel->link_loop);
    channel->policy = policy_new(channel, &pick_first_class);
    if (channel->policy == NULL ||
        !channel_set_interceptors(channel, options)) {
        channel_reap(channel);
        return NULL;
    }
    return channel;
}

// channel_set_proxy decides whether there is one; false without memory.
static bool channel_set_proxy(struct grpc_channel *channel,
                              const grpc_channel_options *options)
{
    const char *reason = "";
    const struct proxy_question question = {
        .allocator = &channel->loop->allocator,
        .proxy = options->proxy,
        .target = &channel->target,
        .user_agent = channel->user_agent,
    };
    if (channel->bad_target) {
        return true;
    }
    grpc_result result = proxy_for_target(&question, &channel->proxy, &reason);
    if (channel->proxy != NULL && channel->credentials != NULL &&
        channel->credentials->is_local) {
        channel_refuse_credentials(channel,
                                   "local ones do not go through a proxy");
    }
    if (result == GRPC_EINVAL) {
        channel->bad_target = true;
        (void)snprintf(channel->cause, sizeof channel->cause, "%s: %s",
                       options->proxy == NULL ? "HTTPS_PROXY" : "proxy",
                       reason);
        memcpy(channel->error, channel->cause, sizeof channel->error);
    } else if (channel->proxy != NULL) {
        channel->dial = channel_dial_proxy;
        resolver_init(&channel->resolver, channel, &channel->proxy->via);
    }
    return result != GRPC_ENOMEM;
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
    resolver_init(&channel->resolver, channel, &channel->target);
    channel_check_texts(channel, options, target);
    if (!channel_set_texts(channel, options) ||
        !channel_set_proxy(channel, options)) {
        channel_reap(channel);
        return NULL;
    }
    return channel;
}

int channel_dial_socket(struct grpc_channel *channel, struct conn *conn,
                        uint32_t timeout_ms)
{
    (void)channel;
    return conn_connect(conn, timeout_ms, NULL);
}

int channel_dial_proxy(struct grpc_channel *channel, struct conn *conn,
                       uint32_t timeout_ms)
{
    const struct proxy_plan *plan = channel->proxy;
    while (plan->tunnels[channel->proxy_next].request == NULL) {
        channel_next_tunnel(channel); // (there is one, or no plan)
    }
    return conn_connect(conn, timeout_ms, &plan->tunnels[channel->proxy_next]);
}

void channel_next_tunnel(struct grpc_channel *channel)
{
    if (channel->proxy != NULL) {
        channel->proxy_next = (channel->proxy_next + 1) % channel->proxy->count;
    }
}

int channel_dial_fd(struct grpc_channel *channel, struct conn *conn,
                    uint32_t timeout_ms)
{
    if (channel->fd < 0) {
        return CHANNEL_DIAL_NOTED;
    }
    struct h2_options options = h2_options_make(false, &channel->rules.limits);
    int error = conn_start(conn, channel->fd, &options, timeout_ms);
    if (error == 0) {
        channel->fd = -1;
    }
    return error;
}

bool channel_may_redial(const struct grpc_channel *channel)
{
    return channel->dial != channel_dial_fd &&
           (channel->dial != inproc_dial || channel->server != NULL);
}

// channel_check_local: local credentials are for the only address.
static bool channel_check_local(const struct grpc_channel *channel)
{
    const struct socket_address *address = &channel->target.addresses[0];
    return channel->credentials == NULL || !channel->credentials->is_local ||
           socket_address_is_unix(address) ||
           socket_address_is_loopback(address);
}

// channel_start_fd begins HTTP/2 on a socket that the user has connected: it is
// the only address of the channel. False: the socket is still the user's.
static bool channel_start_fd(struct grpc_channel *channel, int fd)
{
    bool is_listening = false;
    if (socket_adopt(fd, &is_listening) != 0 || is_listening ||
        socket_peer(fd, &channel->target.addresses[0]) != 0) {
        return false;
    }
    channel->target.count = 1;
    if (!channel_check_local(channel)) {
        channel_refuse_credentials(channel, "local ones are for addresses of "
                                            "this machine");
    }
    if (channel->bad_target) {
        socket_close(fd); // it is ours, and of no use
        return true;
    }
    channel_set_security(channel);
    channel->dial = channel_dial_fd;
    channel->fd = fd;
    channel->idle_timeout_ms = GRPC_NEVER;
    resolver_init(&channel->resolver, channel, &channel->target);
    channel_leave_idle(channel);
    return channel->state == GRPC_CONNECTING;
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
    memcpy(channel->target.authority, "localhost", sizeof "localhost");
    channel_check_texts(channel, options, "a descriptor");
    if (!channel_set_texts(channel, options) ||
        !channel_start_fd(channel, fd)) {
        channel_reap(channel);
        return NULL;
    }
    return channel;
}

// channel_start_inproc has the server be the only address. There is nobody to
// spare a connection that costs nothing.
static void channel_start_inproc(struct grpc_channel *channel,
                                 struct grpc_server *server, bool may_idle)
{
    socket_address_inproc(&channel->target.addresses[0]);
    channel->target.count = 1;
    channel->dial = inproc_dial;
    channel->security = GRPC_PRIVATE; // as any memory of the process
    channel->is_tls = false;
    if (server->state == SERVER_OPEN) {
        channel->server = server;
        list_append(&server->channels, &channel->link_server);
    }
    if (!may_idle) {
        channel->idle_timeout_ms = GRPC_NEVER;
    }
    resolver_init(&channel->resolver, channel, &channel->target);
}

grpc_channel *grpc_channel_new_inproc(grpc_server *server,
                                      const grpc_channel_options *options)
{
    if (options == NULL) {
        options = &channel_defaults;
    }
    if (server == NULL ||
        (options->loop != NULL && options->loop != server->loop)) {
        grpc_credentials_free(options->credentials);
        return NULL;
    }
    grpc_channel_options with_loop = *options;
    with_loop.loop = server->loop;
    struct grpc_channel *channel = channel_new(&with_loop);
    if (channel == NULL) {
        return NULL;
    }
    memcpy(channel->target.authority, "localhost", sizeof "localhost");
    channel_check_texts(channel, options, "inproc");
    if (!channel_set_texts(channel, options)) {
        channel_reap(channel);
        return NULL;
    }
    channel_start_inproc(channel, server, options->idle_timeout_ms != 0);
    return channel;
}

// channel_end_calls ends all calls as CANCELLED; their callbacks are due.
static void channel_end_calls(struct grpc_channel *channel)
{
    list_move(&channel->waiting, &channel->held);
    LIST_EACH (link, after, &channel->waiting) {
        struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        channel_refuse(call, GRPC_CANCELLED, "the channel was freed");
    }
    LIST_EACH (conn_link, conn_after, &channel->conns) {
        struct conn *conn = LIST_OWNER(conn_link, struct conn, link_owner);
        LIST_EACH (call_link, call_after, &conn->calls) {
            struct grpc_call *call =
                LIST_OWNER(call_link, struct grpc_call, link);
            channel_refuse(call, GRPC_CANCELLED, "the channel was freed");
        }
    }
}

// channel_deliver_own calls the callbacks that still name this channel.
static void channel_deliver_own(struct grpc_channel *channel)
{
    LIST_EACH (link, after, &channel->loop->finished) {
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
    channel_shut_down(channel);
    while (!list_is_empty(&channel->conns)) {
        struct list_link *link = list_first(&channel->conns);
        conn_close(LIST_OWNER(link, struct conn, link_owner),
                   "the channel was freed");
    }
    if (channel->policy != NULL) {
        policy_free(channel->policy);
    }
    list_remove(&channel->link_loop);
    list_remove(&channel->link_server);
    intercept_fini(&channel->interceptors, &loop->allocator);
    proxy_plan_free(channel->proxy, &loop->allocator);
    if (channel->authority != NULL) {
        alloc_free(&loop->allocator, channel->authority,
                   channel->authority_size + 1);
    }
    if (channel->server_name != NULL) {
        alloc_free(&loop->allocator, channel->server_name,
                   strlen(channel->server_name) + 1);
    }
    grpc_credentials_free(channel->credentials);
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
