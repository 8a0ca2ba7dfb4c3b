// SPDX-License-Identifier: MIT

#include "core/listener.h"

#include <errno.h>

#include "base/alloc.h"
#include "core/limits.h"

int listener_open(struct grpc_server *server, int fd,
                  const struct socket_address *address, bool owns_path,
                  grpc_credentials *credentials)
{
    struct grpc_loop *loop = server->loop;
    struct listener *listener =
        alloc_zeroed(&loop->allocator, sizeof *listener);
    if (listener == NULL) {
        return ENOMEM;
    }
    listener->server = server;
    listener->source = (struct loop_source){.kind = RUN_LISTENER, .fd = fd};
    listener->timer.kind = RUN_LISTENER;
    listener->pause_ms = CORE_ACCEPT_PAUSE_MS;
    listener->address = *address;
    listener->owns_path = owns_path;
    if (!loop_watch(&loop->loop, &listener->source, LOOP_READABLE)) {
        alloc_free(&loop->allocator, listener, sizeof *listener);
        return loop->loop.error;
    }
    listener->credentials = grpc_credentials_keep(credentials);
    list_append(&server->listeners, &listener->link_server);
    return 0;
}

void listener_close(struct listener *listener)
{
    struct grpc_loop *loop = listener->server->loop;
    loop_unwatch(&loop->loop, &listener->source);
    loop_timer_stop(&loop->loop, &listener->timer);
    socket_close(listener->source.fd);
    if (listener->owns_path) {
        socket_remove_path(&listener->address);
    }
    list_remove(&listener->link_server);
    grpc_credentials_free(listener->credentials);
    alloc_free(&loop->allocator, listener, sizeof *listener);
}

// listener_pause stops accepting for a while: a level-triggered loop would
// otherwise spin on a connection that cannot be taken.
static void listener_pause(struct listener *listener)
{
    struct grpc_loop *loop = listener->server->loop;
    loop_unwatch(&loop->loop, &listener->source);
    loop_timer_start(&loop->loop, &listener->timer,
                     run_due(loop, listener->pause_ms));
    listener->pause_ms *= 2;
    if (listener->pause_ms > CORE_ACCEPT_PAUSE_MAX_MS) {
        listener->pause_ms = CORE_ACCEPT_PAUSE_MAX_MS;
    }
}

void listener_resume(struct listener *listener)
{
    struct grpc_loop *loop = listener->server->loop;
    if (listener->source.slot != 0) {
        return;
    }
    loop_timer_stop(&loop->loop, &listener->timer);
    if (!loop_watch(&loop->loop, &listener->source, LOOP_READABLE)) {
        listener_pause(listener);
    }
}

// listener_has_room: the server may take one more connection. At its own limit
// it waits like a server without descriptors.
static bool listener_has_room(struct listener *listener)
{
    if (server_may_take(listener->server)) {
        return true;
    }
    run_log(listener->server->loop, GRPC_LOG_WARNING,
            "accept: %lu connections are open, as many as allowed",
            (unsigned long)listener->server->connection_count);
    listener_pause(listener);
    return false;
}

// listener_accept_one is false when there is nobody to accept, or no room.
static bool listener_accept_one(struct listener *listener)
{
    struct grpc_server *server = listener->server;
    int fd = -1;
    struct socket_address peer;
    if (!listener_has_room(listener)) {
        return false;
    }
    int error = socket_accept(listener->source.fd, &fd, &peer);
    if (error == 0) {
        error =
            server_accept(server, fd, &peer,
                          listener->credentials != NULL ? listener->credentials
                                                        : server->credentials);
        if (error != 0) {
            socket_close(fd);
        }
    }
    if (error == 0) {
        listener->pause_ms = CORE_ACCEPT_PAUSE_MS;
        return true;
    }
    if (error == EAGAIN) {
        return false;
    }
    if (error == ECONNABORTED || error == EINTR) {
        return true;
    }
    char text[128];
    socket_error_text(error, text, sizeof text);
    run_log(server->loop, GRPC_LOG_WARNING,
            "accept: %s; trying again in %lu ms", text,
            (unsigned long)listener->pause_ms);
    listener_pause(listener);
    return false;
}

void listener_on_source(struct listener *listener)
{
    for (int i = 0; i < CORE_ACCEPTS_PER_TURN; i++) {
        if (!listener_accept_one(listener)) {
            return;
        }
    }
}
