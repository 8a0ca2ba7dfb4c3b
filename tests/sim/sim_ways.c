// SPDX-License-Identifier: MIT
// What a test does with a world that needs nothing of its inside but what
// sim_net.h shows.

#include "tests/sim/sim_net.h"

void sim_run(struct sim_world *world, uint64_t ms)
{
    uint64_t until = world->now_us + ms * 1000;
    while (sim_turn(world, until)) {
    }
}

bool sim_until(struct sim_world *world, const int *count, int target)
{
    uint64_t until = world->now_us + UINT64_C(3600) * 1000000;
    while (*count < target && sim_turn(world, until)) {
    }
    return *count == target;
}

void sim_pause(struct sim_world *world, int fd, uint64_t us)
{
    if (!sim_is_silenced(world, fd)) {
        sim_end(world, fd)->in.paused_us = world->now_us + us;
    }
}

void sim_silence(struct sim_world *world, int fd)
{
    sim_end(world, fd)->in.paused_us = SIM_NEVER;
}

bool sim_is_silenced(const struct sim_world *world, int fd)
{
    return sim_end(world, fd)->in.paused_us == SIM_NEVER;
}

size_t sim_on_the_way(const struct sim_world *world, int fd)
{
    const struct sim_pipe *pipe = &sim_end(world, fd)->in;
    return (size_t)(pipe->written - pipe->taken);
}

bool sim_raw_is_over(const struct sim_world *world, int fd)
{
    const struct sim_end *end = sim_end(world, fd);
    return end->in.delivered == end->in.taken &&
           (end->reset || end->in.end_delivered);
}
