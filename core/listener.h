// SPDX-License-Identifier: MIT
// A listening socket of a server. Without descriptors it pauses and tries
// again: after a while, and as soon as a connection of the server has ended.

#ifndef CORE_LISTENER_H
#define CORE_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/list.h"
#include "core/server.h"
#include "loop/loop_socket.h"

struct listener {
    struct grpc_server *server;
    struct loop_source source;
    struct loop_timer timer; // armed while accepting is paused
    uint32_t pause_ms;       // the next pause
    struct list_link link_server;
    grpc_credentials *credentials; // held; NULL: those of the server
    struct socket_address address;
    bool owns_path; // remove the unix socket's file at the end
};

// listener_open takes a listening descriptor, which the listener owns on
// success. credentials may be NULL. An errno, or 0.
INTERNAL MUST_CHECK int listener_open(struct grpc_server *server, int fd,
                                      const struct socket_address *address,
                                      bool owns_path,
                                      grpc_credentials *credentials);
INTERNAL void listener_close(struct listener *listener);

INTERNAL void listener_on_source(struct listener *listener);

// listener_resume ends a pause: by its timer, or because a descriptor has
// become free.
INTERNAL void listener_resume(struct listener *listener);

#endif
