// SPDX-License-Identifier: MIT
// The user's own timers and watched descriptors (grpc_timer, grpc_watch).

#ifndef CORE_USER_IO_H
#define CORE_USER_IO_H

#include "base/linkage.h"
#include "core/run.h"

INTERNAL void user_io_on_source(struct loop_source *source, unsigned ready);
INTERNAL void user_io_on_timer(struct loop_timer *timer);

// user_io_free_all frees what the user has left on a loop.
INTERNAL void user_io_free_all(struct grpc_loop *loop);

#endif
