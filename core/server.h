// SPDX-License-Identifier: MIT
// A server: its services, listeners and connections, and how it ends.
//
//   OPEN --stop, drain--> STOPPING, and stopped when all connections are gone
//                         (a second stop, or the end of the time that drain
//                         gives, closes them at once)
//
// A stop may be asked for in another thread or a signal handler, where nothing
// of a server may be written. So what is posted to the loop is the server's
// number, which no other of the loop's will have: it may be gone by then.

#ifndef CORE_SERVER_H
#define CORE_SERVER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/list.h"
#include "base/view.h"
#include "core/conn_secure.h"
#include "core/intercept.h"
#include "core/limits.h"
#include "core/rules.h"
#include "core/run.h"
#include "grpc.h"

// A method that the server answers. Aligned, so that a pointer to it leaves
// bit 0 of a header field's memo free.
struct method_entry {
    const grpc_method *method;
    const void *handlers; // the user's struct of handlers, our copy
    void *self;
    struct grpc_server *server;
    struct view path;
    struct method_entry *next_in_bucket;
};

struct server_service {
    struct server_service *next;
    const grpc_service *service;
    void *self;
    size_t size; // of this allocation
    struct method_entry *entries;
    // behind it: the entries, then the copy of the handlers
};

// A method that is served raw: its service, method and name in one piece.
struct server_raw {
    struct server_raw *next;
    size_t size; // of this allocation
    grpc_service service;
    grpc_method method;
    char path[];
};

// The struct of handlers of a raw method.
struct raw_handlers {
    void (*handler)(grpc_call *call, void *self);
};

enum server_state { SERVER_OPEN, SERVER_STOPPING };

enum { SERVER_BUCKETS = 64 };

struct grpc_server {
    struct grpc_loop *loop;
    bool owns_loop;
    bool running; // grpc_server_run is on the stack
    bool freed;   // by the user, while the loop was being stepped
    enum server_state state;
    uintptr_t number;
    // A stop found the loop's pipe full; and so did another. Whoever stops sets
    // them, and the loop alone clears them: no count, of which a signal that
    // comes while it is made less would be lost.
    volatile sig_atomic_t stops_left[2];
    struct loop_timer timer; // of grpc_server_drain
    uint32_t max_receive_bytes;
    uint32_t max_send_bytes;
    struct intercept_chain interceptors;
    grpc_result interceptor_fault; // GRPC_OK: there is none
    uint32_t max_concurrent_streams;
    uint32_t max_connections;
    struct conn_rules rules;
    grpc_credentials *credentials; // of listeners that have none; NULL: none
    struct handshake_gate gate;
    struct h2_limits_fault bad_limit; // name is NULL: none
    uint32_t connection_count;
    uint16_t port;
    bool listening; // a port was opened: no more services
    struct list_link link_loop;
    struct list_link listeners;
    struct list_link channels; // in this process (inproc.h)
    struct list_link conns;
    struct list_link orphans; // calls of connections that are gone, and not yet
                              // answered
    uint32_t orphan_count;
    struct server_service *services;
    struct server_raw *raws;
    const struct method_entry *unknown; // for methods that no entry has
    struct method_entry *buckets[SERVER_BUCKETS];
    char error[RUN_ERROR_TEXT];
};

// server_find is the method of a path; NULL when there is none.
INTERNAL const struct method_entry *server_find(
    const struct grpc_server *server, struct view path);

// server_has_service tells an unknown method from an unknown service.
INTERNAL bool server_has_service(const struct grpc_server *server,
                                 struct view name);

// server_serve_raw adds a method of that kind by name; all that are not known
// when that is NULL.
INTERNAL MUST_CHECK grpc_result server_serve_raw(
    struct grpc_server *server, const grpc_method *kind, const char *name,
    const struct raw_handlers *handlers, void *self);

// server_may_open: the server takes connections, as far as it is up to it; the
// reason why not is its error, which begins with action.
INTERNAL MUST_CHECK grpc_result server_may_open(struct grpc_server *server,
                                                const char *action);

// server_may_take: it may have one more connection. Calls that are still at work
// for connections that have gone count as the connections that could have made
// them, or a client that comes and goes could have any number of handlers at
// work.
INTERNAL bool server_may_take(const struct grpc_server *server);

// server_accept serves a connected socket; the server owns fd on success. It
// begins the newest of its conns.
struct socket_address;
// With credentials, which may be NULL. ECONNABORTED: they are not for that peer,
// which the log was told.
INTERNAL MUST_CHECK int server_accept(struct grpc_server *server, int fd,
                                      const struct socket_address *peer,
                                      grpc_credentials *credentials);

// server_on_conn_gone: one connection less, and its descriptor is free.
INTERNAL void server_on_conn_gone(struct grpc_server *server);

// server_on_stop: a stop of the server of that number, if it is still there, was
// posted.
INTERNAL void server_on_stop(struct grpc_loop *loop, uintptr_t number);

// server_apply_stops does what grpc_server_stop could not post. It is called when
// the pipe has been read.
INTERNAL void server_apply_stops(struct grpc_server *server);

// server_on_timer: the time to drain is over.
INTERNAL void server_on_timer(struct grpc_server *server);

// server_reap frees a server that was freed within a step.
INTERNAL void server_reap(struct grpc_server *server);

#endif
