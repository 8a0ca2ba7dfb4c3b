// SPDX-License-Identifier: MIT

#include "core/server.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/endian.h"
#include "core/call.h"
#include "core/conn.h"
#include "core/inproc.h"
#include "core/limits.h"
#include "core/listener.h"
#include "core/server_call.h"
#include "core/target.h"
#include "h2/h2_limits.h"

// ---- Services ---------------------------------------------------------------

// server_hash looks at the length and the last eight bytes: methods of one
// service differ at their end, and the paths in the table are the user's own,
// not an attacker's.
static size_t server_hash(struct view path)
{
    uint32_t hash = (uint32_t)path.size;
    if (path.size >= 8) {
        const uint8_t *tail = path.data + path.size - 8;
        hash ^= load_le32(tail) * UINT32_C(2654435761);
        hash ^= load_le32(tail + 4) * UINT32_C(2246822519);
    }
    return (hash ^ hash >> 15) % SERVER_BUCKETS;
}

const struct method_entry *server_find(const struct grpc_server *server,
                                       struct view path)
{
    const struct method_entry *entry = server->buckets[server_hash(path)];
    while (entry != NULL && !view_equal(entry->path, path)) {
        entry = entry->next_in_bucket;
    }
    return entry;
}

bool server_has_service(const struct grpc_server *server, struct view name)
{
    for (const struct server_service *service = server->services;
         service != NULL; service = service->next) {
        const char *text = service->service->name;
        if (view_equal(view_of(text, strlen(text)), name)) {
            return true;
        }
    }
    return false;
}

// server_service_new lays out, in one allocation: the service, its entries, the
// copy of the handlers.
static struct server_service *server_service_new(struct grpc_server *server,
                                                 const grpc_service *service)
{
    size_t entries_size;
    size_t size;
    if (!alloc_size_mul(service->method_count, sizeof(struct method_entry),
                        &entries_size) ||
        !alloc_size_add(entries_size, sizeof(struct server_service), &size) ||
        !alloc_size_add(size, service->handlers_size, &size)) {
        return NULL;
    }
    struct server_service *added = alloc_zeroed(&server->loop->allocator, size);
    if (added != NULL) {
        added->size = size;
        added->entries = (struct method_entry *)(void *)(added + 1);
    }
    return added;
}

// server_add_entry makes a method known by its path; without one it stands for
// all that are not.
static void server_add_entry(struct grpc_server *server,
                             struct method_entry *entry)
{
    const char *path = entry->method->path;
    if (path == NULL) {
        server->unknown = entry;
        return;
    }
    entry->path = view_of(path, strlen(path));
    size_t bucket = server_hash(entry->path);
    entry->next_in_bucket = server->buckets[bucket];
    server->buckets[bucket] = entry;
}

static void server_add_methods(struct grpc_server *server,
                               struct server_service *added,
                               const void *handlers)
{
    const grpc_service *service = added->service;
    void *copy = added->entries + service->method_count;
    if (service->handlers_size > 0) {
        memcpy(copy, handlers, service->handlers_size);
    }
    for (size_t i = 0; i < service->method_count; i++) {
        added->entries[i] = (struct method_entry){
            .method = &service->methods[i],
            .handlers = copy,
            .self = added->self,
            .server = server,
        };
        server_add_entry(server, &added->entries[i]);
    }
}

static grpc_result server_add(struct grpc_server *server,
                              const grpc_service *service, const void *handlers,
                              void *self)
{
    if (server->listening || server->state != SERVER_OPEN) {
        run_set_error(server->loop, server->error,
                      "serve %s: services are added before listening",
                      service->name);
        return GRPC_ESTATE;
    }
    if (server_has_service(server,
                           view_of(service->name, strlen(service->name)))) {
        run_set_error(server->loop, server->error,
                      "serve %s: the service was added before", service->name);
        return GRPC_EINVAL;
    }
    struct server_service *added = server_service_new(server, service);
    if (added == NULL) {
        run_set_error(server->loop, server->error, "serve %s: out of memory",
                      service->name);
        return GRPC_ENOMEM;
    }
    added->service = service;
    added->self = self;
    added->next = server->services;
    server->services = added;
    server_add_methods(server, added, handlers);
    return GRPC_OK;
}

grpc_result grpc_server_serve(grpc_server *server, const grpc_service *service,
                              const void *handlers, void *self)
{
    if (server == NULL) {
        return GRPC_EINVAL;
    }
    if (service == NULL || (handlers == NULL && service->handlers_size > 0)) {
        run_set_error(server->loop, server->error,
                      "serve: service or handlers are NULL");
        return GRPC_EINVAL;
    }
    return server_add(server, service, handlers, self);
}

grpc_result server_serve_raw(struct grpc_server *server,
                             const grpc_method *kind, const char *name,
                             const struct raw_handlers *handlers, void *self)
{
    // (Not a service's name: calls of other methods of it are unknown.)
    const char *path = name == NULL ? "*" : name;
    size_t size = sizeof(struct server_raw) + strlen(path) + 1;
    struct server_raw *raw = alloc_zeroed(&server->loop->allocator, size);
    if (raw == NULL) {
        run_set_error(server->loop, server->error, "serve %s: out of memory",
                      path);
        return GRPC_ENOMEM;
    }
    memcpy(raw->path, path, strlen(path) + 1);
    raw->size = size;
    raw->method = *kind;
    raw->method.path = name == NULL ? NULL : raw->path;
    raw->service = (grpc_service){
        .name = raw->path,
        .methods = &raw->method,
        .method_count = 1,
        .handlers_size = sizeof *handlers,
    };
    grpc_result result = server_add(server, &raw->service, handlers, self);
    if (result != GRPC_OK) {
        alloc_free(&server->loop->allocator, raw, size);
        return result;
    }
    raw->next = server->raws;
    server->raws = raw;
    return GRPC_OK;
}

// ---- Connections ------------------------------------------------------------

bool server_may_take(const struct grpc_server *server)
{
    uint32_t left_behind =
        server->orphan_count / server->max_concurrent_streams;
    return server->max_connections == 0 ||
           server->connection_count + left_behind < server->max_connections;
}

// server_refuse_peer: local credentials are not for that peer.
static int server_refuse_peer(struct grpc_server *server,
                              const struct socket_address *peer)
{
    char text[SOCKET_ADDRESS_TEXT];
    socket_address_text(peer, text);
    run_log(server->loop, GRPC_LOG_WARNING,
            "accept: local credentials: %s is not of this machine", text);
    return ECONNABORTED;
}

int server_accept(struct grpc_server *server, int fd,
                  const struct socket_address *peer,
                  grpc_credentials *credentials)
{
    struct conn *conn =
        conn_new(server->loop, &server_role, server, &server->rules, peer);
    if (conn == NULL) {
        return ENOMEM;
    }
    struct h2_options options = h2_options_make(true, &server->rules.limits);
    options.local.max_concurrent_streams = server->max_concurrent_streams;
    int error = conn_secure_prepare(conn, credentials, NULL, &server->gate);
    if (error == 0) {
        error =
            conn_start(conn, fd, &options, server->rules.limits.handshake_ms);
    }
    if (error != 0) {
        conn_discard(conn);
        return error == EACCES ? server_refuse_peer(server, peer) : error;
    }
    list_append(&server->conns, &conn->link_owner);
    server->connection_count++;
    return 0;
}

void server_on_conn_gone(struct grpc_server *server)
{
    ASSERT(server->connection_count > 0);
    server->connection_count--;
    LIST_EACH (link, after, &server->listeners) {
        listener_resume(LIST_OWNER(link, struct listener, link_server));
    }
}

// ---- Listening --------------------------------------------------------------

static grpc_result server_listen_failed(struct grpc_server *server,
                                        const char *address, int error)
{
    char text[128];
    socket_error_text(error, text, sizeof text);
    run_set_error(server->loop, server->error, "listen on %s: %s", address,
                  text);
    return error == ENOMEM ? GRPC_ENOMEM : GRPC_ESYSTEM;
}

static int server_listen_one(struct grpc_server *server,
                             struct socket_address *address,
                             const grpc_listen_options *options)
{
    struct socket_listen_options listen = {
        .backlog = options->backlog,
        .reuse_port = options->reuse_port,
    };
    struct socket_address bound;
    int fd = -1;
    int error = socket_listen(address, &listen, &fd, &bound);
    if (error != 0) {
        return error;
    }
    error = listener_open(server, fd, &bound, !socket_address_is_ip(&bound),
                          options->credentials);
    if (error != 0) {
        socket_close(fd);
        return error;
    }
    *address = bound;
    return 0;
}

// server_close_newest closes the listeners that one call has opened.
static void server_close_newest(struct grpc_server *server, size_t count)
{
    while (count-- > 0) {
        listener_close(
            LIST_OWNER(server->listeners.prev, struct listener, link_server));
    }
}

// server_listen_all opens every address of a target. Where both families are
// meant, one that the machine lacks is left out; with port 0 both get the same
// port.
static int server_listen_all(struct grpc_server *server, struct target *target,
                             const grpc_listen_options *options)
{
    size_t opened = 0;
    uint16_t port = 0;
    int error = 0;
    for (size_t i = 0; i < target->count; i++) {
        struct socket_address *address = &target->addresses[i];
        if (port != 0) {
            socket_address_set_port(address, port);
        }
        int failed = server_listen_one(server, address, options);
        if (failed == 0) {
            opened++;
            port = socket_address_port(address);
        } else if (failed != EAFNOSUPPORT && failed != EADDRNOTAVAIL) {
            server_close_newest(server, opened);
            return failed;
        } else {
            error = failed;
        }
    }
    if (opened == 0) {
        return error;
    }
    server->port = port;
    server->listening = true;
    return 0;
}

// server_check_credentials: those of an address, or else the server's.
static grpc_result server_check_credentials(struct grpc_server *server,
                                            const char *action,
                                            const grpc_credentials *credentials)
{
    if (credentials == NULL) {
        credentials = server->credentials;
    }
    const char *fault =
        credentials == NULL ? NULL : credentials_fault(credentials, true);
    if (fault == NULL) {
        return GRPC_OK;
    }
    run_set_error(server->loop, server->error, "%s: credentials: %s", action,
                  fault);
    return GRPC_EINVAL;
}

grpc_result server_may_open(struct grpc_server *server, const char *action)
{
    if (server == NULL) {
        return GRPC_EINVAL;
    }
    if (server->state != SERVER_OPEN) {
        run_set_error(server->loop, server->error, "%s: the server was stopped",
                      action);
        return GRPC_ESTATE;
    }
    if (server->bad_limit.name != NULL) {
        char text[RUN_ERROR_TEXT];
        limits_say(&server->bad_limit, text, sizeof text);
        run_set_error(server->loop, server->error, "%s: %s", action, text);
        return GRPC_EINVAL;
    }
    if (server->interceptor_fault != GRPC_OK) {
        run_set_error(server->loop, server->error, "%s: interceptors: %s",
                      action,
                      server->interceptor_fault == GRPC_ENOMEM
                          ? "out of memory"
                          : "more than 255, or one of them is NULL");
        return server->interceptor_fault;
    }
    return GRPC_OK;
}

static grpc_result server_listen(struct grpc_server *server,
                                 const char *address,
                                 const grpc_listen_options *options)
{
    grpc_result may = server_may_open(server, "listen");
    if (may == GRPC_OK) {
        may = server_check_credentials(server, "listen", options->credentials);
    }
    if (may != GRPC_OK) {
        return may;
    }
    const char *reason = "";
    struct target target;
    if (!target_parse_listen(&target, address, &reason)) {
        run_set_error(server->loop, server->error, "listen on \"%s\": %s",
                      address == NULL ? "" : address, reason);
        return GRPC_EINVAL;
    }
    // With port 0 and two families the second may find the port taken.
    int error = EADDRINUSE;
    for (int tries = 0; tries < 16 && error == EADDRINUSE; tries++) {
        struct target attempt = target;
        error = server_listen_all(server, &attempt, options);
        if (target.count < 2 || target.port != 0) {
            break;
        }
    }
    return error == 0 ? GRPC_OK : server_listen_failed(server, address, error);
}

grpc_result grpc_server_listen(grpc_server *server, const char *address,
                               const grpc_listen_options *options)
{
    static const grpc_listen_options server_listen_defaults = {.backlog = 0};
    if (options == NULL) {
        options = &server_listen_defaults;
    }
    grpc_result result = server_listen(server, address, options);
    grpc_credentials_free(options->credentials); // the listeners hold them
    return result;
}

// server_adopt checks a descriptor that the user hands over.
static grpc_result server_adopt(grpc_server *server, int fd, bool listening)
{
    grpc_result may = server_may_open(server, "take a descriptor");
    if (may == GRPC_OK) {
        may = server_check_credentials(server, "take a descriptor", NULL);
    }
    if (may != GRPC_OK) {
        return may;
    }
    bool is_listening = false;
    int error = socket_adopt(fd, &is_listening);
    if (error != 0) {
        return server_listen_failed(server, "a descriptor", error);
    }
    if (is_listening != listening) {
        run_set_error(server->loop, server->error,
                      "descriptor %d is%s a "
                      "listening socket",
                      fd, is_listening ? "" : " not");
        return GRPC_EINVAL;
    }
    return GRPC_OK;
}

grpc_result grpc_server_listen_fd(grpc_server *server, int fd)
{
    grpc_result result = server_adopt(server, fd, true);
    if (result != GRPC_OK) {
        return result;
    }
    struct socket_address address;
    int error = socket_local(fd, &address);
    if (error == 0) {
        error = listener_open(server, fd, &address, false, NULL);
    }
    if (error != 0) {
        return server_listen_failed(server, "a descriptor", error);
    }
    server->port = socket_address_port(&address);
    server->listening = true;
    return GRPC_OK;
}

grpc_result grpc_server_serve_fd(grpc_server *server, int fd)
{
    grpc_result result = server_adopt(server, fd, false);
    if (result != GRPC_OK) {
        return result;
    }
    struct socket_address peer;
    int error = socket_peer(fd, &peer);
    if (error == 0) {
        error = server_accept(server, fd, &peer, server->credentials);
    }
    if (error != 0) {
        return server_listen_failed(server, "a descriptor", error);
    }
    server->listening = true;
    return GRPC_OK;
}

uint16_t grpc_server_port(const grpc_server *server)
{
    return server == NULL ? 0 : server->port;
}

// ---- Life -------------------------------------------------------------------

static void server_set_options(struct grpc_server *server,
                               const grpc_server_options *options)
{
    server->max_receive_bytes = options->max_receive_bytes != 0
                                    ? options->max_receive_bytes
                                    : CORE_MESSAGE_BYTES;
    server->max_send_bytes =
        options->max_send_bytes != 0 ? options->max_send_bytes : UINT32_MAX;
    server->max_concurrent_streams = options->max_concurrent_streams != 0
                                         ? options->max_concurrent_streams
                                         : H2_LIMIT_CONCURRENT_STREAMS;
    server->max_connections = options->max_connections;
    handshake_gate_init(&server->gate, options->max_handshakes != 0
                                           ? options->max_handshakes
                                           : CORE_HANDSHAKES);
    rules_for_server(&server->rules, options, server->loop);
    if (!h2_limits_resolve(&options->limits, &server->rules.limits,
                           &server->bad_limit)) {
        limits_say(&server->bad_limit, server->error, sizeof server->error);
    }
}

grpc_server *grpc_server_new(const grpc_server_options *options)
{
    static const grpc_server_options server_defaults = {0};
    if (options == NULL) {
        options = &server_defaults;
    }
    grpc_loop *loop = run_choose(options->loop, &options->allocator);
    struct grpc_server *server =
        loop == NULL ? NULL : alloc_zeroed(&loop->allocator, sizeof *server);
    if (server == NULL) {
        if (options->loop == NULL) {
            (void)grpc_loop_free(loop);
        }
        grpc_credentials_free(options->credentials);
        return NULL;
    }
    server->credentials = options->credentials;
    server->loop = loop;
    server->number = ++loop->server_number;
    server->owns_loop = options->loop == NULL;
    server->timer.kind = RUN_SERVER;
    server->interceptor_fault = intercept_init(
        &server->interceptors, &loop->allocator, &options->interceptors, NULL);
    list_init(&server->listeners);
    list_init(&server->channels);
    list_init(&server->conns);
    list_init(&server->orphans);
    server_set_options(server, options);
    list_append(&loop->servers, &server->link_loop);
    return server;
}

static void server_close_listeners(struct grpc_server *server)
{
    LIST_EACH (link, after, &server->listeners) {
        listener_close(LIST_OWNER(link, struct listener, link_server));
    }
}

// server_close_conns ends all connections at once. Those that linger too.
static void server_close_conns(struct grpc_server *server)
{
    while (!list_is_empty(&server->conns)) {
        struct list_link *link = list_first(&server->conns);
        conn_close(LIST_OWNER(link, struct conn, link_owner),
                   "the server was stopped");
    }
}

static void server_begin_stop(struct grpc_server *server)
{
    server->state = SERVER_STOPPING;
    server_close_listeners(server);
    inproc_leave(server);
    LIST_EACH (link, after, &server->conns) {
        conn_drain(LIST_OWNER(link, struct conn, link_owner), CONN_DRAIN_STOP);
    }
}

static void server_apply_stop(struct grpc_server *server)
{
    if (server->state == SERVER_OPEN) {
        server_begin_stop(server);
    } else {
        server_close_conns(server);
    }
}

void server_on_stop(struct grpc_loop *loop, uintptr_t number)
{
    LIST_EACH (link, after, &loop->servers) {
        struct grpc_server *server =
            LIST_OWNER(link, struct grpc_server, link_loop);
        if (server->number == number) {
            server_apply_stop(server);
        }
    }
}

void server_apply_stops(struct grpc_server *server)
{
    for (size_t i = 0; i < 2; i++) {
        if (server->stops_left[i] != 0) {
            server->stops_left[i] = 0;
            server_apply_stop(server);
        }
    }
}

void grpc_server_stop(grpc_server *server)
{
    if (server == NULL || run_post_stop(server->loop, server->number)) {
        return;
    }
    server->stops_left[server->stops_left[0] != 0 ? 1 : 0] = 1;
    // The loop looks when it has read its pipe. In another thread it may have
    // read all of it meanwhile: then this has it look again.
    (void)run_wake(server->loop);
}

void server_on_timer(struct grpc_server *server)
{
    server_close_conns(server);
}

grpc_result grpc_server_drain(grpc_server *server, uint32_t grace_ms)
{
    if (server == NULL) {
        return GRPC_EINVAL;
    }
    if (server->state == SERVER_OPEN) {
        server_begin_stop(server);
    }
    // Not here, even at once: a handler may have called this.
    uint64_t due_ms =
        grace_ms == 0 ? run_now(server->loop) : run_due(server->loop, grace_ms);
    if (grace_ms != GRPC_NEVER && (!loop_timer_is_armed(&server->timer) ||
                                   due_ms < server->timer.due_ms)) {
        loop_timer_start(&server->loop->loop, &server->timer, due_ms);
    }
    return GRPC_OK;
}

bool grpc_server_is_stopped(const grpc_server *server)
{
    return server == NULL ||
           (server->state == SERVER_STOPPING && list_is_empty(&server->conns));
}

grpc_result grpc_server_run(grpc_server *server)
{
    if (server == NULL) {
        return GRPC_EINVAL;
    }
    if (server->loop->stepping) {
        run_set_error(server->loop, server->error,
                      "run: the loop is being stepped already");
        return GRPC_ESTATE;
    }
    grpc_result result = GRPC_OK;
    server->running = true;
    if (!server->listening) {
        result = run_step(server->loop, 0); // it may have been stopped before
    }
    if (result == GRPC_OK && !server->listening && !server->freed &&
        server->state == SERVER_OPEN && list_is_empty(&server->channels)) {
        server->running = false;
        run_set_error(server->loop, server->error,
                      "run: the server listens nowhere");
        return GRPC_ESTATE;
    }
    while (result == GRPC_OK && !server->freed &&
           !grpc_server_is_stopped(server)) {
        result = run_step(server->loop, -1);
    }
    server->running = false;
    if (result != GRPC_OK) {
        run_set_error(server->loop, server->error, "run: %s",
                      server->loop->error);
    }
    if (server->freed) {
        server->loop->freeing = true;
        run_settle(server->loop);
    }
    return result;
}

grpc_loop *grpc_server_loop(grpc_server *server)
{
    return server == NULL ? NULL : server->loop;
}

const char *grpc_server_error(const grpc_server *server)
{
    return server == NULL ? "no server" : server->error;
}

static void server_free_services(struct grpc_server *server)
{
    while (server->services != NULL) {
        struct server_service *service = server->services;
        server->services = service->next;
        alloc_free(&server->loop->allocator, service, service->size);
    }
    while (server->raws != NULL) {
        struct server_raw *raw = server->raws;
        server->raws = raw->next;
        alloc_free(&server->loop->allocator, raw, raw->size);
    }
}

// server_release_orphans gives back calls whose handlers have never answered.
static void server_release_orphans(struct grpc_server *server)
{
    while (!list_is_empty(&server->orphans)) {
        struct list_link *link = list_first(&server->orphans);
        struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        call_release(call);
    }
}

void server_reap(struct grpc_server *server)
{
    struct grpc_loop *loop = server->loop;
    bool owns_loop = server->owns_loop;
    server_close_listeners(server);
    inproc_leave(server);
    server_close_conns(server);
    server_release_orphans(server);
    server_free_services(server);
    intercept_fini(&server->interceptors, &loop->allocator);
    grpc_credentials_free(server->credentials);
    loop_timer_stop(&loop->loop, &server->timer);
    list_remove(&server->link_loop);
    alloc_free(&loop->allocator, server, sizeof *server);
    if (owns_loop) {
        run_give_up(loop);
    }
}

void grpc_server_free(grpc_server *server)
{
    if (server == NULL) {
        return;
    }
    server->freed = true;
    server->loop->freeing = true;
    run_settle(server->loop);
}
