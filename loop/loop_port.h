// SPDX-License-Identifier: MIT
// What connections stand on: a clock, and streams of bytes that are named by
// descriptors. The system's is the default; a simulated network, or the stack
// of a system without sockets, is another table of these functions and a back
// end that waits for its descriptors.

#ifndef LOOP_LOOP_PORT_H
#define LOOP_LOOP_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "loop/loop_backend.h"
#include "loop/loop_socket.h"

// The functions that return int return 0 or an errno, as those of the same
// name in loop_socket.h do. user is the table's own.
struct loop_port {
    void *user;
    const struct loop_backend *backend; // NULL: the system's best
    uint64_t (*now_us)(void *user);     // never goes back
    int (*connect)(void *user, const struct socket_address *address,
                   int *out_fd);
    int (*connected)(void *user, int fd);
    int (*read)(void *user, int fd, uint8_t *buffer, size_t size,
                size_t *out_size);
    int (*write)(void *user, int fd, const struct view *views, size_t count,
                 size_t *out_size);
    // The connection fails when what was sent is not acknowledged for ms. NULL:
    // there is nothing of the kind.
    void (*give_up_after)(void *user, int fd, uint32_t ms);
    void (*close_write)(void *user, int fd);
    void (*close)(void *user, int fd);
};

// loop_system_port: the clock and the sockets of the system.
INTERNAL const struct loop_port *loop_system_port(void);

#endif
