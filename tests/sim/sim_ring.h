// SPDX-License-Identifier: MIT
// The bytes of a pipe, from those that were taken to those that were written.

#ifndef TESTS_SIM_SIM_RING_H
#define TESTS_SIM_SIM_RING_H

#include <stddef.h>
#include <stdint.h>

#include "tests/sim/sim_net.h"

// sim_ring_put writes; sim_ring_copy_out copies what was written at an offset.
void sim_ring_put(struct sim_pipe *pipe, const uint8_t *bytes, size_t size);
void sim_ring_copy_out(const struct sim_pipe *pipe, uint64_t from, uint8_t *to,
                       size_t size);

#endif
