// SPDX-License-Identifier: MIT
//
// A connection is two ends with neighbouring descriptors. Each end has the pipe
// of the bytes on their way to it:
//
//   taken <= delivered <= written <= taken + capacity
//
// Bytes between delivered and written are in the network, those before
// delivered wait to be read. Only sim_deliver moves delivered.

#include "tests/sim/sim_net.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_ring.h"
#include "tests/support.h"

enum {
    SIM_CAPACITY = 1 << 20,
    SIM_IDLE_TURNS = 200000, // steps without time passing: the loops spin
};

// ---- Chance -----------------------------------------------------------------

uint32_t sim_random(struct sim_world *world, uint32_t below)
{
    return test_random(&world->random) % below;
}

bool sim_chance(struct sim_world *world, uint32_t percent)
{
    return percent > 0 && sim_random(world, 100) < percent;
}

static uint64_t sim_some_us(struct sim_world *world, uint32_t most)
{
    return most == 0 ? 0 : 1 + sim_random(world, most);
}

// ---- Ends -------------------------------------------------------------------

struct sim_end *sim_end(const struct sim_world *world, int fd)
{
    assert(fd >= SIM_FD_FIRST && fd - SIM_FD_FIRST < (int)world->end_count);
    return world->ends[fd - SIM_FD_FIRST];
}

static struct sim_end *sim_peer(const struct sim_end *end)
{
    return sim_end(end->world, end->peer);
}

static void sim_end_init(struct sim_world *world, int fd, int peer)
{
    struct sim_end *end = sim_end(world, fd);
    uint8_t *ring = end->in.ring;
    size_t ring_size = end->in.ring_size;
    *end = (struct sim_end){
        .world = world,
        .fd = fd,
        .peer = peer,
        .state = SIM_CONNECTING,
        .in = {.ring = ring, .ring_size = ring_size},
    };
    end->in.capacity =
        world->options.capacity != 0 ? world->options.capacity : SIM_CAPACITY;
}

static void sim_grow_ends(struct sim_world *world)
{
    if (world->end_count + 2 > world->end_capacity) {
        world->end_capacity = world->end_capacity * 2 + 16;
        struct sim_end **grown = realloc(
            world->ends, world->end_capacity * sizeof(struct sim_end *));
        assert(grown != NULL);
        world->ends = grown;
    }
    for (int i = 0; i < 2; i++) {
        struct sim_end *end = calloc(1, sizeof *end);
        assert(end != NULL);
        world->ends[world->end_count++] = end;
    }
}

// sim_pair takes two free ends and returns the first descriptor, the client's;
// the server's is the next one.
static int sim_pair(struct sim_world *world)
{
    size_t i = 0;
    while (i < world->end_count && (world->ends[i]->state != SIM_FREE ||
                                    world->ends[i + 1]->state != SIM_FREE)) {
        i += 2;
    }
    if (i == world->end_count) {
        sim_grow_ends(world);
    }
    int fd = SIM_FD_FIRST + (int)i;
    sim_end_init(world, fd, fd + 1);
    sim_end_init(world, fd + 1, fd);
    return fd;
}

// sim_end_retire: what is on the way still arrives, and bounces.
static void sim_end_retire(struct sim_end *end)
{
    struct sim_end *peer = sim_peer(end);
    if (end->world->tap.closed != NULL) {
        end->world->tap.closed(end->world->tap.user, end->fd);
    }
    end->state = SIM_CLOSED;
    if (peer->state == SIM_CLOSED) {
        list_remove(&end->in.link_busy);
        list_remove(&peer->in.link_busy);
        end->state = SIM_FREE;
        peer->state = SIM_FREE;
    }
}

// ---- Pipes ------------------------------------------------------------------

// sim_schedule plans the next delivery to that end, least_us from now or later.
static void sim_schedule(struct sim_end *end, uint64_t least_us)
{
    struct sim_world *world = end->world;
    struct sim_pipe *pipe = &end->in;
    if (list_is_linked(&pipe->link_busy)) {
        return;
    }
    pipe->due_us =
        world->now_us + least_us + sim_some_us(world, world->options.delay_us);
    if (pipe->due_us < pipe->paused_us) {
        pipe->due_us = pipe->paused_us;
    }
    list_append(&world->busy, &pipe->link_busy);
}

static size_t sim_room(const struct sim_pipe *pipe)
{
    size_t used = (size_t)(pipe->written - pipe->taken);
    return used < pipe->capacity ? pipe->capacity - used : 0;
}

// sim_send puts bytes on their way to the other end.
static void sim_send(struct sim_end *end, const uint8_t *bytes, size_t size)
{
    struct sim_end *peer = sim_peer(end);
    const struct sim_tap *tap = &end->world->tap;
    if (tap->wrote != NULL) {
        tap->wrote(tap->user, end->fd, bytes, size);
    }
    // Nothing comes behind the end.
    if (!peer->in.reset_written && !peer->in.end_written) {
        sim_ring_put(&peer->in, bytes, size);
        sim_schedule(peer, 0);
    }
}

static size_t sim_take(struct sim_end *end, uint8_t *buffer, size_t max)
{
    struct sim_pipe *pipe = &end->in;
    size_t size = (size_t)(pipe->delivered - pipe->taken);
    size = size < max ? size : max;
    sim_ring_copy_out(pipe, pipe->taken, buffer, size);
    pipe->taken += size;
    if (size > 0 && end->world->tap.took != NULL) {
        end->world->tap.took(end->world->tap.user, end->fd, size);
    }
    return size;
}

// sim_part is how much of what is on the way one delivery brings.
static size_t sim_part(struct sim_world *world, size_t size)
{
    if (size < 2 || !sim_chance(world, world->options.cut_percent)) {
        return size;
    }
    size_t most = size - 1;
    switch (sim_random(world, 3)) {
    case 0: // within a frame head
        most = most < 12 ? most : 12;
        break;
    case 1:
        most = most < 200 ? most : 200;
        break;
    default:
        break;
    }
    return 1 + sim_random(world, (uint32_t)most);
}

// sim_bounce: bytes have come to an end that is closed.
static void sim_bounce(struct sim_end *end)
{
    struct sim_end *peer = sim_peer(end);
    end->in.taken = end->in.written;
    end->in.delivered = end->in.written;
    if (peer->state == SIM_OPEN && !peer->reset) {
        peer->in.reset_written = true;
        sim_schedule(peer, 0);
    }
}

// sim_deliver brings what is due to one end; a reset comes behind all bytes.
static void sim_deliver(struct sim_end *end)
{
    struct sim_world *world = end->world;
    struct sim_pipe *pipe = &end->in;
    list_remove(&pipe->link_busy);
    world->idle_turns = 0;
    size_t size = (size_t)(pipe->written - pipe->delivered);
    if (end->state == SIM_CLOSED) {
        if (size > 0) {
            sim_bounce(end);
        }
        return;
    }
    size_t part = sim_part(world, size);
    pipe->delivered += part;
    if (part > 0 && world->tap.delivered != NULL) {
        world->tap.delivered(world->tap.user, end->fd, part);
    }
    // What ends the stream comes with the last bytes, or after them.
    bool ends = pipe->reset_written || pipe->end_written;
    if (part < size || (ends && size > 0 && sim_random(world, 2) == 0)) {
        sim_schedule(end, 1); // what has come is read before
    } else if (pipe->reset_written) {
        end->reset = true;
    } else if (pipe->end_written) {
        pipe->end_delivered = true;
    }
}

// ---- Connecting -------------------------------------------------------------

static struct sim_port *sim_find_port(struct sim_world *world, uint16_t number)
{
    for (size_t i = 0; i < SIM_PORTS; i++) {
        if (world->ports[i].number == number) {
            return &world->ports[i];
        }
    }
    return NULL;
}

static int sim_accept_ours(struct sim_world *world, grpc_server *server, int fd)
{
    struct socket_address peer;
    bool known = socket_address_ip(&peer, "127.0.0.1",
                                   (uint16_t)(40000 + world->next_client_port));
    assert(known);
    world->next_client_port = (uint16_t)((world->next_client_port + 1) % 20000);
    return server->state == SERVER_OPEN
               ? server_accept(server, fd, &peer, server->credentials)
               : ECONNREFUSED;
}

static void sim_fail_connect(struct sim_end *client)
{
    client->state = SIM_FAILED;
    client->error = ECONNREFUSED;
    sim_peer(client)->state = SIM_CLOSED;
}

// sim_arrive: the client's end, in state CONNECTING, reaches the port. False:
// it is refused.
static bool sim_arrive(struct sim_end *client)
{
    struct sim_world *world = client->world;
    struct sim_port *port = sim_find_port(world, client->port);
    struct sim_end *server = sim_peer(client);
    if (port != NULL && port->refuses) {
        world->forsaken++;
        sim_fail_connect(client);
        return false;
    }
    if (port == NULL || sim_chance(world, world->options.refuse_percent)) {
        world->refused++;
        sim_fail_connect(client);
        return false;
    }
    client->state = SIM_OPEN;
    server->state = SIM_OPEN;
    if (world->tap.opened != NULL) {
        world->tap.opened(world->tap.user, client->fd, server->fd);
    }
    if (port->server == NULL) {
        server->raw = true;
        port->accept(port->user, server->fd);
    } else if (sim_accept_ours(world, port->server, server->fd) != 0) {
        // As a listener does that cannot serve: accepted, and closed.
        world->refused++;
        sim_raw_reset(world, server->fd);
    }
    return true;
}

// sim_reach is the event of a connection in state CONNECTING.
static void sim_reach(struct sim_end *client)
{
    list_remove(&client->in.link_busy);
    client->world->idle_turns = 0;
    if (sim_arrive(client) && client->in.written > client->in.delivered) {
        sim_schedule(client, 0);
    }
}

static int sim_port_connect(void *user, const struct socket_address *address,
                            int *out_fd)
{
    struct sim_world *world = user;
    *out_fd = sim_pair(world);
    struct sim_end *client = sim_end(world, *out_fd);
    client->port = socket_address_port(address);
    if (world->tap.dialled != NULL) {
        world->tap.dialled(world->tap.user, *out_fd, address);
    }
    const struct sim_port *port = sim_find_port(world, client->port);
    if (port != NULL && port->swallows) {
        world->forsaken++;
    } else if (sim_chance(world, world->options.lost_percent)) {
        world->refused++;
    } else {
        client->in.due_us = world->now_us +
                            sim_some_us(world, world->options.connect_us) +
                            (port != NULL ? port->after_us : 0);
        list_append(&world->busy, &client->in.link_busy);
    }
    return EINPROGRESS;
}

static int sim_port_connected(void *user, int fd)
{
    const struct sim_end *end = sim_end(user, fd);
    return end->error;
}

// ---- The other functions of the port ----------------------------------------

static uint64_t sim_port_now_us(void *user)
{
    const struct sim_world *world = user;
    return world->now_us;
}

static int sim_port_read(void *user, int fd, uint8_t *buffer, size_t size,
                         size_t *out_size)
{
    struct sim_end *end = sim_end(user, fd);
    assert(end->state == SIM_OPEN);
    *out_size = sim_take(end, buffer, size);
    if (*out_size > 0) {
        return 0;
    }
    if (end->reset) {
        return ECONNRESET;
    }
    return end->in.end_delivered ? 0 : EAGAIN;
}

// sim_most is how much of a write of size bytes is taken.
static size_t sim_most(struct sim_end *end, size_t size)
{
    struct sim_world *world = end->world;
    size_t room = sim_room(&sim_peer(end)->in);
    if (room == 0 || world->now_us < end->full_us) {
        return 0;
    }
    size = size < room ? size : room;
    if (!sim_chance(world, world->options.short_percent)) {
        return size;
    }
    end->full_us = world->now_us + sim_some_us(world, 2000);
    return sim_random(world, 3) == 0 ? 0
                                     : 1 + sim_random(world, (uint32_t)size);
}

static int sim_port_write(void *user, int fd, const struct view *views,
                          size_t count, size_t *out_size)
{
    struct sim_end *end = sim_end(user, fd);
    assert(end->state == SIM_OPEN);
    if (end->reset) {
        return EPIPE;
    }
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += views[i].size;
    }
    size_t most = sim_most(end, size);
    if (most == 0) {
        return EAGAIN;
    }
    *out_size = most;
    for (size_t i = 0; most > 0; i++) {
        size_t n = views[i].size < most ? views[i].size : most;
        sim_send(end, views[i].data, n);
        most -= n;
    }
    return 0;
}

static void sim_shut(struct sim_end *end)
{
    struct sim_end *peer = sim_peer(end);
    if (end->state == SIM_OPEN && peer->state == SIM_OPEN &&
        !peer->in.end_written) {
        peer->in.end_written = true;
        sim_schedule(peer, 0);
    }
}

static void sim_port_close_write(void *user, int fd)
{
    sim_shut(sim_end(user, fd));
}

// sim_abandon closes an end without a word but a reset.
static void sim_abandon(struct sim_end *end)
{
    struct sim_end *peer = sim_peer(end);
    if (peer->state == SIM_OPEN) {
        peer->in.reset_written = true;
        sim_schedule(peer, 0);
    }
    sim_end_retire(end);
}

// Closing with bytes unread resets the connection, as TCP does.
static void sim_port_close(void *user, int fd)
{
    struct sim_end *end = sim_end(user, fd);
    struct sim_end *peer = sim_peer(end);
    assert(end->source == NULL);
    if (end->state == SIM_CONNECTING) {
        peer->state = SIM_CLOSED;
    } else if (end->in.delivered > end->in.taken) {
        sim_abandon(end);
        return;
    }
    sim_shut(end);
    sim_end_retire(end);
}

// ---- The back end -----------------------------------------------------------

static int sim_backend_open(const grpc_allocator *allocator, void **out_state)
{
    (void)allocator; // the world's memory is not the library's
    struct sim_backend *backend = calloc(1, sizeof *backend);
    assert(backend != NULL);
    list_init(&backend->ends);
    *out_state = backend;
    return 0;
}

static void sim_backend_close(void *state)
{
    struct sim_backend *backend = state;
    assert(list_is_empty(&backend->ends));
    free(backend);
}

// sim_backend_watch: the pipe of posted tasks is the only descriptor of the
// system; it is looked at when the loop is kicked.
static int sim_backend_watch(void *state, struct loop_source *source,
                             unsigned events)
{
    (void)events;
    struct sim_backend *backend = state;
    bool is_new = source->slot == 0;
    source->slot = 1;
    if (source->fd < SIM_FD_FIRST) {
        backend->tasks = source;
    } else if (is_new) {
        struct sim_end *end = sim_end(backend->world, source->fd);
        assert(end->source == NULL);
        end->source = source;
        end->backend = backend;
        list_append(&backend->ends, &end->link_backend);
    }
    return 0;
}

static void sim_backend_unwatch(void *state, struct loop_source *source)
{
    struct sim_backend *backend = state;
    source->slot = 0;
    if (source->fd >= SIM_FD_FIRST) {
        struct sim_end *end = sim_end(backend->world, source->fd);
        end->source = NULL;
        list_remove(&end->link_backend);
    }
}

static unsigned sim_ready(const struct sim_end *end)
{
    unsigned ready = 0;
    if (end->state == SIM_FAILED) {
        return LOOP_WRITABLE | LOOP_FAILED;
    }
    if (end->state != SIM_OPEN) {
        return 0;
    }
    if (end->reset) {
        return LOOP_READABLE | LOOP_WRITABLE | LOOP_FAILED;
    }
    if (end->in.delivered > end->in.taken || end->in.end_delivered) {
        ready |= LOOP_READABLE;
    }
    if (sim_room(&sim_peer(end)->in) > 0 &&
        end->world->now_us >= end->full_us) {
        ready |= LOOP_WRITABLE;
    }
    return ready & (end->source->watched | LOOP_FAILED);
}

static unsigned sim_collect(struct sim_backend *backend,
                            struct loop_ready *ready)
{
    unsigned count = 0;
    if (backend->may_have_tasks) {
        backend->may_have_tasks = false;
        ready[count++] = (struct loop_ready){backend->tasks, LOOP_READABLE};
    }
    LIST_EACH (link, after, &backend->ends) {
        struct sim_end *end = LIST_OWNER(link, struct sim_end, link_backend);
        unsigned events = sim_ready(end);
        if (events != 0 && count < LOOP_READY_MAX) {
            ready[count].source = end->source;
            ready[count].events = events;
            count++;
        }
    }
    if (count == LOOP_READY_MAX) { // the others' turn is next
        struct list_link *first = list_first(&backend->ends);
        list_remove(first);
        list_append(&backend->ends, first);
    }
    return count;
}

static int sim_backend_wait(void *state, int timeout_ms,
                            struct loop_ready *ready, unsigned *out_count)
{
    struct sim_backend *backend = state;
    struct sim_world *world = backend->world;
    *out_count = sim_collect(backend, ready);
    if (*out_count > 0 || timeout_ms == 0) {
        return 0;
    }
    uint64_t until = SIM_NEVER;
    if (timeout_ms > 0) {
        until = (sim_now_ms(world) + (uint64_t)timeout_ms) * 1000;
    }
    bool more = true;
    while (more && *out_count == 0 && !backend->kicked) {
        more = sim_turn(world, until);
        *out_count = sim_collect(backend, ready);
    }
    backend->kicked = false;
    // Else it would wait for ever:
    assert(more || timeout_ms > 0 || *out_count > 0);
    return 0;
}

static int sim_backend_fd(const void *state)
{
    (void)state;
    return -1;
}

static const struct loop_backend sim_backend_table = {
    .name = "sim",
    .open = sim_backend_open,
    .close = sim_backend_close,
    .watch = sim_backend_watch,
    .unwatch = sim_backend_unwatch,
    .wait = sim_backend_wait,
    .fd = sim_backend_fd,
};

// ---- Loops ------------------------------------------------------------------

grpc_loop *sim_loop_with(struct sim_world *world,
                         const grpc_loop_options *options)
{
    assert(world->loop_count < SIM_LOOPS);
    grpc_loop *loop = run_new(options, &world->port);
    if (loop == NULL) {
        return NULL;
    }
    struct sim_backend *backend = loop->loop.backend_state;
    backend->world = world;
    backend->loop = loop;
    loop->random = world->options.seed + world->loop_count;
    world->backends[world->loop_count++] = backend;
    return loop;
}

grpc_loop *sim_loop(struct sim_world *world, const grpc_allocator *allocator)
{
    return sim_loop_with(world, &(grpc_loop_options){.allocator = *allocator});
}

static size_t sim_find_loop(const struct sim_world *world,
                            const grpc_loop *loop)
{
    size_t i = 0;
    while (world->backends[i]->loop != loop) {
        i++;
        assert(i < world->loop_count);
    }
    return i;
}

grpc_result sim_loop_free(struct sim_world *world, grpc_loop *loop)
{
    if (loop == NULL) {
        return GRPC_OK;
    }
    size_t i = sim_find_loop(world, loop);
    grpc_result result = grpc_loop_free(loop);
    if (result == GRPC_OK) {
        world->loop_count--;
        memmove(&world->backends[i], &world->backends[i + 1],
                (world->loop_count - i) * sizeof world->backends[0]);
    }
    return result;
}

void sim_kick(struct sim_world *world, grpc_loop *loop)
{
    struct sim_backend *backend = world->backends[sim_find_loop(world, loop)];
    backend->kicked = true;
    backend->may_have_tasks = true;
}

void sim_stall(struct sim_world *world, grpc_loop *loop, uint64_t us)
{
    world->backends[sim_find_loop(world, loop)]->stalled_us =
        world->now_us + us;
}

static void sim_set_port(struct sim_world *world, uint16_t number,
                         struct sim_port port)
{
    struct sim_port *at = sim_find_port(world, number);
    at = at != NULL ? at : sim_find_port(world, 0);
    assert(at != NULL);
    *at = port;
}

void sim_listen(struct sim_world *world, uint16_t port, grpc_server *server)
{
    sim_set_port(world, port,
                 (struct sim_port){.number = port, .server = server});
    server->listening = true;
}

void sim_accept(struct sim_world *world, uint16_t port,
                void (*accept)(void *user, int fd), void *user)
{
    sim_set_port(
        world, port,
        (struct sim_port){.number = port, .accept = accept, .user = user});
}

void sim_unlisten(struct sim_world *world, uint16_t port)
{
    sim_set_port(world, port, (struct sim_port){.number = 0});
}

void sim_refuse(struct sim_world *world, uint16_t port, uint64_t after_us)
{
    sim_set_port(world, port,
                 (struct sim_port){
                     .number = port, .refuses = true, .after_us = after_us});
}

void sim_swallow(struct sim_world *world, uint16_t port)
{
    sim_set_port(world, port,
                 (struct sim_port){.number = port, .swallows = true});
}

void sim_slow(struct sim_world *world, uint16_t port, uint64_t after_us)
{
    struct sim_port *at = sim_find_port(world, port);
    assert(at != NULL);
    at->after_us = after_us;
}

void sim_post(struct sim_world *world, grpc_loop *loop,
              void (*run)(void *argument), void *argument)
{
    bool posted = loop_post(&loop->loop, run, argument);
    assert(posted);
    sim_kick(world, loop);
}

// ---- Time -------------------------------------------------------------------

uint64_t sim_now_ms(const struct sim_world *world)
{
    return world->now_us / 1000;
}

// sim_happen brings what is due; false when that is nothing.
static bool sim_happen(struct sim_world *world)
{
    bool happened = false;
    LIST_EACH (link, after, &world->busy) {
        struct sim_pipe *pipe = LIST_OWNER(link, struct sim_pipe, link_busy);
        struct sim_end *end = LIST_OWNER(pipe, struct sim_end, in);
        if (pipe->due_us > world->now_us) {
            continue;
        }
        if (pipe->paused_us > world->now_us) {
            pipe->due_us = pipe->paused_us;
        } else if (end->state == SIM_CONNECTING) {
            sim_reach(end);
        } else {
            sim_deliver(end);
        }
        happened = true;
        // Delivering may have scheduled anything: begin anew.
        after = world->busy.next;
    }
    return happened;
}

// sim_has_work: the loop would do something in a step without waiting.
static bool sim_has_work(struct sim_backend *backend)
{
    if (backend->loop->stepping ||
        backend->stalled_us > backend->world->now_us) {
        return false;
    }
    if (backend->kicked || grpc_loop_timeout(backend->loop) == 0) {
        return true;
    }
    LIST_EACH (link, after, &backend->ends) {
        if (sim_ready(LIST_OWNER(link, struct sim_end, link_backend)) != 0) {
            return true;
        }
    }
    return false;
}

static bool sim_step_one(struct sim_world *world)
{
    size_t count = world->loop_count;
    size_t first = count > 1 ? sim_random(world, (uint32_t)count) : 0;
    for (size_t i = 0; i < count; i++) {
        struct sim_backend *backend = world->backends[(first + i) % count];
        if (!sim_has_work(backend)) {
            continue;
        }
        backend->kicked = false;
        grpc_loop *loop = backend->loop;
        grpc_result result = grpc_loop_step(loop, 0);
        assert(result == GRPC_OK);
        if (world->tap.stepped != NULL) {
            world->tap.stepped(world->tap.user, loop);
        }
        return true;
    }
    return false;
}

static uint64_t sim_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t sim_next_of_network(const struct sim_world *world)
{
    uint64_t next = SIM_NEVER;
    LIST_EACH (link, after, &world->busy) {
        next = sim_least(
            next, LIST_OWNER(link, const struct sim_pipe, link_busy)->due_us);
    }
    return next;
}

// sim_next_of_loop: a timer, an end that takes bytes again, or the end of a
// stall; past times are the loop's own, not ours.
static uint64_t sim_next_of_loop(const struct sim_world *world,
                                 struct sim_backend *backend)
{
    if (backend->loop->stepping) {
        return SIM_NEVER;
    }
    if (backend->stalled_us > world->now_us) {
        return backend->stalled_us;
    }
    uint64_t next = SIM_NEVER;
    int left_ms = grpc_loop_timeout(backend->loop);
    if (left_ms >= 0) {
        next = (sim_now_ms(world) + (uint64_t)left_ms) * 1000;
    }
    LIST_EACH (link, after, &backend->ends) {
        const struct sim_end *end =
            LIST_OWNER(link, struct sim_end, link_backend);
        if (end->full_us > world->now_us &&
            (end->source->watched & LOOP_WRITABLE) != 0) {
            next = sim_least(next, end->full_us);
        }
    }
    return next;
}

bool sim_turn(struct sim_world *world, uint64_t until_us)
{
    if (++world->idle_turns > SIM_IDLE_TURNS) {
        fprintf(stderr, "simulation: a loop spins\n");
        abort();
    }
    // (A loop that waits within its step is one to look at what has come.)
    if (sim_happen(world) || sim_step_one(world)) {
        return true;
    }
    uint64_t next = sim_next_of_network(world);
    for (size_t i = 0; i < world->loop_count; i++) {
        next = sim_least(next, sim_next_of_loop(world, world->backends[i]));
    }
    bool happens = next <= until_us && next != SIM_NEVER;
    if (!happens) {
        next = until_us == SIM_NEVER ? world->now_us : until_us;
    }
    if (next > world->now_us) {
        world->now_us = next;
        world->idle_turns = 0;
    }
    return happens;
}

void sim_settle(struct sim_world *world)
{
    bool moved = true;
    while (moved) {
        uint64_t next = sim_next_of_network(world);
        moved = next != SIM_NEVER;
        // Not beyond: a timer that is due again and again has no end.
        uint64_t until = moved ? next : world->now_us;
        while (sim_turn(world, until)) {
            moved = true;
        }
    }
}

// ---- Connections ------------------------------------------------------------

static void sim_tear_one(struct sim_end *end, bool lossy)
{
    if (end->state != SIM_OPEN) {
        return;
    }
    if (lossy) {
        end->in.written = end->in.delivered;
    }
    end->in.reset_written = true;
    sim_schedule(end, 0);
}

void sim_tear(struct sim_world *world, int fd, bool lossy)
{
    struct sim_end *end = sim_end(world, fd);
    sim_tear_one(end, lossy);
    sim_tear_one(sim_peer(end), lossy);
}

void sim_cut_off(struct sim_world *world, int fd)
{
    struct sim_end *end = sim_end(world, fd);
    if (end->state == SIM_OPEN && !end->in.end_written) {
        end->in.end_written = true;
        sim_schedule(end, 0);
    }
}

bool sim_spoil(struct sim_world *world, int fd)
{
    struct sim_pipe *pipe = &sim_end(world, fd)->in;
    size_t size = (size_t)(pipe->written - pipe->taken);
    if (size == 0) {
        return false;
    }
    uint64_t at = pipe->taken + sim_random(world, (uint32_t)size);
    pipe->ring[at & (pipe->ring_size - 1)] ^=
        (uint8_t)(1 + sim_random(world, 255));
    return true;
}

// ---- Raw peers --------------------------------------------------------------

int sim_raw_connect(struct sim_world *world, uint16_t port)
{
    int fd = sim_pair(world);
    struct sim_end *client = sim_end(world, fd);
    client->raw = true;
    client->port = port;
    if (!sim_arrive(client)) {
        sim_end_retire(client);
        return -1;
    }
    return fd;
}

size_t sim_raw_send(struct sim_world *world, int fd, const void *bytes,
                    size_t size)
{
    struct sim_end *end = sim_end(world, fd);
    assert(end->raw && end->state == SIM_OPEN);
    size_t room = sim_room(&sim_peer(end)->in);
    size = end->reset ? 0 : size < room ? size : room;
    if (size > 0) {
        sim_send(end, bytes, size);
    }
    return size;
}

size_t sim_raw_read(struct sim_world *world, int fd, void *buffer, size_t max)
{
    return sim_take(sim_end(world, fd), buffer, max);
}

void sim_raw_end(struct sim_world *world, int fd)
{
    sim_shut(sim_end(world, fd));
}

void sim_raw_close(struct sim_world *world, int fd)
{
    sim_port_close(world, fd);
}

void sim_raw_reset(struct sim_world *world, int fd)
{
    sim_abandon(sim_end(world, fd));
}

// ---- Life -------------------------------------------------------------------

struct sim_world *sim_world_new(const struct sim_options *options)
{
    struct sim_world *world = calloc(1, sizeof *world);
    assert(world != NULL);
    world->options = *options;
    world->random = options->seed;
    world->now_us = UINT64_C(1000000000);
    world->port = (struct loop_port){
        .user = world,
        .backend = &sim_backend_table,
        .now_us = sim_port_now_us,
        .connect = sim_port_connect,
        .connected = sim_port_connected,
        .read = sim_port_read,
        .write = sim_port_write,
        .close_write = sim_port_close_write,
        .close = sim_port_close,
    };
    list_init(&world->busy);
    return world;
}

void sim_world_free(struct sim_world *world)
{
    assert(world->loop_count == 0);
    for (size_t i = 0; i < world->end_count; i++) {
        assert(world->ends[i]->source == NULL);
        free(world->ends[i]->in.ring);
        free(world->ends[i]);
    }
    free(world->ends);
    free(world);
}
