// SPDX-License-Identifier: MIT
// A simulated network: loops under a virtual clock, joined by streams of bytes
// that a scheduler with a seed delays, cuts and tears. No socket, no sleep, no
// wall clock: a seed and the same calls give the same run everywhere.
//
// Split tree only. What a test does with it:
//
//     struct sim_world *world = sim_world_new(&(struct sim_options){.seed = 1});
//     grpc_loop *loop = sim_loop(world, &heap.allocator);
//     grpc_server *server = grpc_server_new(&(grpc_server_options){
//         .loop = loop, .max_receive_bytes = ...});
//     grpc_server_serve(server, ...);
//     sim_listen(world, 80, server);            // instead of ..._listen()
//
//     int fd = sim_raw_connect(world, 80);      // a peer that is mere bytes
//     sim_raw_send(world, fd, bytes, size);
//     sim_settle(world);                        // until nothing is on the way
//     sim_run(world, 1000);                     // a second of virtual time
//     size = sim_raw_read(world, fd, buffer, sizeof buffer);
//     sim_raw_close(world, fd);
//
//     grpc_channel *channel = grpc_channel_new("127.0.0.1:80",
//         &(grpc_channel_options){.loop = sim_loop(world, ...)});
//     grpc_unary_start(channel, ...);
//     sim_until(world, &done, 1);               // turns until done is 1
//
//     grpc_channel_free(channel); grpc_server_free(server);
//     sim_loop_free(world, loop); sim_world_free(world);
//
// Blocking calls work too: a loop that waits lets the rest of the world turn.
// A raw peer has no loop: what has arrived for it lies there until
// sim_raw_read, so one that is never read is a peer that has stopped reading.
// The world's own memory comes from the process heap, not from the loops'
// allocators: a struct test_heap counts the library alone.
//
// A server that was stopped by grpc_server_stop notices with its next step:
// sim_kick makes it take one.

#ifndef TESTS_SIM_SIM_NET_H
#define TESTS_SIM_SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "core/run.h"
#include "core/server.h"
#include "grpc.h"
#include "loop/loop.h"

enum {
    SIM_FD_FIRST = 1 << 20, // no descriptor of the system is so large
    SIM_LOOPS = 8,
    SIM_PORTS = 40,
};

#define SIM_NEVER UINT64_MAX

// How the network behaves; may be changed at any time. All zero: bytes arrive
// whole and at once.
struct sim_options {
    uint64_t seed;
    uint32_t delay_us;       // a delivery takes up to so long
    uint32_t connect_us;     // and so does connecting
    uint32_t cut_percent;    // deliveries that bring only a part
    uint32_t short_percent;  // writes that are taken in part, or not at all
    uint32_t refuse_percent; // connections that are refused
    uint32_t lost_percent;   // connections that are never answered
    uint32_t capacity;       // bytes on the way in one direction; 0: 1 MiB
};

// The bytes on their way to one end. Offsets count from the beginning.
struct sim_pipe {
    struct list_link link_busy; // in world->busy: a delivery is due
    uint8_t *ring;
    size_t ring_size; // a power of two, or 0
    size_t capacity;
    uint64_t written;   // by the other end
    uint64_t delivered; // here, and may be read
    uint64_t taken;     // read
    uint64_t due_us;    // of the next delivery
    uint64_t paused_us; // nothing is delivered before
    bool end_written;   // the other end sends no more
    bool end_delivered;
    bool reset_written; // the other end is gone, without a word
};

enum sim_state {
    SIM_FREE,
    SIM_CONNECTING,
    SIM_OPEN,
    SIM_FAILED, // connecting has failed
    SIM_CLOSED, // by its owner
};

struct sim_end {
    struct sim_world *world;
    int fd;
    int peer; // fd
    enum sim_state state;
    bool raw;
    bool reset; // by the other end: reading and writing fail
    int error;  // of connecting
    uint16_t port;
    struct sim_pipe in;
    uint64_t full_us; // takes no bytes before
    struct loop_source *source;
    struct sim_backend *backend;
    struct list_link link_backend;
    void *user; // the test's
};

struct sim_port {
    uint16_t number;
    grpc_server *server; // NULL: accept
    void (*accept)(void *user, int fd);
    void *user;
    bool refuses;      // as if nobody listened
    bool swallows;     // never answers
    uint64_t after_us; // connecting takes so much longer
};

// What is told of every byte, for oracles. Any may be NULL.
struct sim_tap {
    void *user;
    // connecting begins, refused or not
    void (*dialled)(void *user, int client_fd,
                    const struct socket_address *address);
    void (*opened)(void *user, int client_fd, int server_fd);
    // bytes that the end fd has sent
    void (*wrote)(void *user, int fd, const uint8_t *bytes, size_t size);
    // so many bytes were delivered; read
    void (*delivered)(void *user, int fd, size_t size);
    void (*took)(void *user, int fd, size_t size);
    void (*closed)(void *user, int fd);
    // a loop has been stepped
    void (*stepped)(void *user, grpc_loop *loop);
};

struct sim_backend {
    struct sim_world *world;
    struct list_link ends; // by link_backend
    grpc_loop *loop;
    uint64_t stalled_us; // its process is not run before
    bool kicked;
    bool may_have_tasks; // since it was kicked
    struct loop_source *tasks;
};

struct sim_world {
    struct sim_options options;
    struct sim_tap tap;
    uint64_t now_us;
    uint64_t random;
    struct loop_port port;
    struct sim_backend *backends[SIM_LOOPS];
    size_t loop_count;
    struct sim_end **ends;
    size_t end_count;
    size_t end_capacity;
    struct list_link busy;
    struct sim_port ports[SIM_PORTS];
    uint16_t next_client_port;
    uint64_t refused;    // connections that were refused or lost
    uint64_t forsaken;   // those to ports that always do that
    uint64_t idle_turns; // since something moved: bytes, time or a callback
};

struct sim_world *sim_world_new(const struct sim_options *options);
// sim_world_free: the loops were freed before; raw ends are closed.
void sim_world_free(struct sim_world *world);

// sim_random: from 0 to below - 1; from the world's seed.
uint32_t sim_random(struct sim_world *world, uint32_t below);
bool sim_chance(struct sim_world *world, uint32_t percent);

// ---- Loops ------------------------------------------------------------------

// sim_loop is a loop on this network; NULL without memory. Its jitter comes
// from the seed.
grpc_loop *sim_loop(struct sim_world *world, const grpc_allocator *allocator);
grpc_loop *sim_loop_with(struct sim_world *world,
                         const grpc_loop_options *options);
grpc_result sim_loop_free(struct sim_world *world, grpc_loop *loop);

// sim_kick makes the loop be stepped though nothing has come.
void sim_kick(struct sim_world *world, grpc_loop *loop);
// sim_stall: the loop's process is not run for so long.
void sim_stall(struct sim_world *world, grpc_loop *loop, uint64_t us);

// sim_listen takes connections to the port for a server of ours, sim_accept
// for a raw peer, which accept is told of. sim_unlisten: they are refused.
void sim_listen(struct sim_world *world, uint16_t port, grpc_server *server);
void sim_accept(struct sim_world *world, uint16_t port,
                void (*accept)(void *user, int fd), void *user);
void sim_unlisten(struct sim_world *world, uint16_t port);

// sim_refuse and sim_swallow: nobody is there, and connecting is refused after
// so long, or never answered. sim_slow: connecting to a port that one of these
// was called for takes so long.
void sim_refuse(struct sim_world *world, uint16_t port, uint64_t after_us);
void sim_swallow(struct sim_world *world, uint16_t port);
void sim_slow(struct sim_world *world, uint16_t port, uint64_t after_us);

// sim_post has the loop run a task, as another thread would.
void sim_post(struct sim_world *world, grpc_loop *loop,
              void (*run)(void *argument), void *argument);

// ---- Time -------------------------------------------------------------------

uint64_t sim_now_ms(const struct sim_world *world);

// sim_turn does one thing: it steps a loop that has something to do, or else
// moves the clock to what comes next and lets that happen. False: nothing will
// happen before until_us, which is now the time unless it is SIM_NEVER.
bool sim_turn(struct sim_world *world, uint64_t until_us);

// sim_settle turns until no byte is on the way and no loop has work; timers
// that are due later are left alone.
void sim_settle(struct sim_world *world);
// sim_run lets so many milliseconds pass.
void sim_run(struct sim_world *world, uint64_t ms);
// sim_until turns until *count is target; false when that will never be, or
// not within an hour of virtual time.
bool sim_until(struct sim_world *world, const int *count, int target);

// ---- Connections ------------------------------------------------------------

// sim_end is the end with that descriptor.
struct sim_end *sim_end(const struct sim_world *world, int fd);
// sim_pause delivers nothing to that end for so long.
void sim_pause(struct sim_world *world, int fd, uint64_t us);
// sim_silence: nothing that is sent to that end comes any more, not even an end
// of the stream, and nobody is told. So there is no room either, soon.
void sim_silence(struct sim_world *world, int fd);
bool sim_is_silenced(const struct sim_world *world, int fd);
// sim_tear cuts a connection off: both ends are reset. What is on the way is
// lost, or not.
void sim_tear(struct sim_world *world, int fd, bool lossy);
// sim_cut_off: nothing more comes to that end, which sees an end of the stream
// behind what is on the way; the other end is not told.
void sim_cut_off(struct sim_world *world, int fd);
// sim_spoil changes a byte that is on the way to that end; false: there is none.
bool sim_spoil(struct sim_world *world, int fd);
// sim_on_the_way: bytes that were sent to that end and not yet read.
size_t sim_on_the_way(const struct sim_world *world, int fd);

// ---- Raw peers --------------------------------------------------------------

// sim_raw_connect is connected at once; -1 when it is refused.
int sim_raw_connect(struct sim_world *world, uint16_t port);
// sim_raw_send returns how much found room; 0 when the other side is gone.
size_t sim_raw_send(struct sim_world *world, int fd, const void *bytes,
                    size_t size);
// sim_raw_read takes what has arrived.
size_t sim_raw_read(struct sim_world *world, int fd, void *buffer, size_t max);
// sim_raw_is_over: the other side has closed or reset, and all was read.
bool sim_raw_is_over(const struct sim_world *world, int fd);
void sim_raw_end(struct sim_world *world, int fd);   // half-close
void sim_raw_close(struct sim_world *world, int fd); // also with bytes unread
void sim_raw_reset(struct sim_world *world, int fd);

#endif
