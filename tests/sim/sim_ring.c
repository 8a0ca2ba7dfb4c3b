// SPDX-License-Identifier: MIT

#include "tests/sim/sim_ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SIM_RING_FIRST = 4096 };

void sim_ring_copy_out(const struct sim_pipe *pipe, uint64_t from, uint8_t *to,
                       size_t size)
{
    size_t mask = pipe->ring_size - 1;
    while (size > 0) {
        size_t at = (size_t)from & mask;
        size_t n = pipe->ring_size - at < size ? pipe->ring_size - at : size;
        memcpy(to, pipe->ring + at, n);
        to += n;
        from += n;
        size -= n;
    }
}

static void sim_ring_grow(struct sim_pipe *pipe, size_t needed)
{
    if (needed <= pipe->ring_size) {
        return;
    }
    size_t size = pipe->ring_size == 0 ? SIM_RING_FIRST : pipe->ring_size;
    while (size < needed) {
        size *= 2;
    }
    uint8_t *ring = malloc(size);
    assert(ring != NULL);
    for (uint64_t at = pipe->taken; at < pipe->written; at++) {
        ring[at & (size - 1)] = pipe->ring[at & (pipe->ring_size - 1)];
    }
    free(pipe->ring);
    pipe->ring = ring;
    pipe->ring_size = size;
}

void sim_ring_put(struct sim_pipe *pipe, const uint8_t *bytes, size_t size)
{
    sim_ring_grow(pipe, (size_t)(pipe->written - pipe->taken) + size);
    size_t mask = pipe->ring_size - 1;
    while (size > 0) {
        size_t at = (size_t)pipe->written & mask;
        size_t n = pipe->ring_size - at < size ? pipe->ring_size - at : size;
        memcpy(pipe->ring + at, bytes, n);
        pipe->written += n;
        bytes += n;
        size -= n;
    }
}
