// SPDX-License-Identifier: MIT
// Usage: oom [--scenario NAME] [--short] [--trace]
// Whole calls in which memory runs out: the n-th allocation of one side fails,
// alone or with all behind it, for every n until there is none. Nothing
// crashes, leaks or is stuck, and when memory is back a new call succeeds.
//
// The calls go over the simulated network, whole or cut, so that a run is the
// same each time and no clock is waited for.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/sim/oom.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/channel.h"
#include "core/conn.h"
#include "core/server.h"
#include "tests/sim/sim_report.h"

enum { OOM_LEAST = 10 }; // allocations of a whole call, at least

// ---- A run ------------------------------------------------------------------

static grpc_channel *oom_dial(struct oom *oom)
{
    const grpc_channel_options options = {
        .loop = oom->loops[1], .interceptors = oom_interceptors(oom)};
    return oom->in_process ? grpc_channel_new_inproc(oom->server, &options)
                           : grpc_channel_new("127.0.0.1:80", &options);
}

static void oom_check_conns(const struct list_link *conns)
{
    LIST_EACH (cursor, after, conns) {
        const struct conn *conn =
            LIST_OWNER(cursor, const struct conn, link_owner);
        conn_check(conn);
        if (!conn_is_opening(conn) && conn->state != CONN_CLOSED) {
            h2_check(&conn->h2);
        }
    }
}

static void oom_stepped(void *user, grpc_loop *loop)
{
    (void)user;
    LIST_EACH (server, server_after, &loop->servers) {
        oom_check_conns(
            &LIST_OWNER(server, const struct grpc_server, link_loop)->conns);
    }
    LIST_EACH (channel, channel_after, &loop->channels) {
        oom_check_conns(
            &LIST_OWNER(channel, const struct grpc_channel, link_loop)->conns);
    }
}

static bool oom_setup(struct oom *oom)
{
    for (int i = 0; i < 2; i++) {
        oom->loops[i] = i == 1 && oom->in_process
                            ? oom->loops[0]
                            : sim_loop(oom->world, &oom->heaps[i].allocator);
        if (oom->loops[i] == NULL) {
            return false;
        }
    }
    oom->server = oom_serve(oom);
    if (oom->server == NULL) {
        return false;
    }
    oom->channel = oom_dial(oom);
    return oom->channel != NULL;
}

// oom_check_healthy: memory is back, and with it the service: at once for a new
// channel, and behind its backoff for the old one.
static void oom_check_healthy(struct oom *oom)
{
    static const struct oom_scenario healthy = {
        .name = "healthy", .answer = OOM_REPLY, .request_size = 1000};
    if (oom->server == NULL) {
        return; // its second one did not come about
    }
    oom->scenario = &healthy;
    grpc_channel *old = oom->channel;
    oom->channel = oom_dial(oom);
    const struct oom_call *call = oom_start(oom, NULL);
    oom_wait(oom);
    SIM_CHECK(call->code == GRPC_OK && call->answered,
              "with memory a new channel fails: %s",
              grpc_code_name(call->code));
    grpc_channel_free(oom->channel);
    oom->channel = old;
    if (old != NULL) {
        call = oom_start(oom, &(grpc_call_options){.wait_for_ready = true});
        oom_wait_for(oom, OOM_PATIENCE_READY_MS);
        SIM_CHECK(call->code == GRPC_OK && call->answered,
                  "with memory the old channel fails: %s",
                  grpc_code_name(call->code));
    }
}

static void oom_end(struct oom *oom)
{
    grpc_channel_free(oom->channel);
    grpc_server_free(oom->old_server);
    grpc_server_free(oom->server);
    for (int i = oom->in_process ? 1 : 0; i < 2; i++) {
        SIM_CHECK(sim_loop_free(oom->world, oom->loops[1 - i]) == GRPC_OK,
                  "a loop cannot be freed");
    }
    for (int i = 0; i < 2; i++) {
        SIM_CHECK(test_heap_is_clean(&oom->heaps[i]), "%s leaks %zu blocks",
                  i == 0 ? "the server" : "the client",
                  oom->heaps[i].live_blocks);
    }
    SIM_CHECK(oom->loans == 0, "%d loans are not given back", oom->loans);
    sim_clock(NULL);
    sim_world_free(oom->world);
}

// One way to run out of memory.
struct oom_way {
    int side;
    bool and_on;
    bool cut; // the network
};

struct oom_options {
    const char *only; // of the scenarios; NULL: all
    bool loud;
    bool quiet;
};

// oom_run is false when the failure came too late to happen.
static bool oom_run(const struct oom_scenario *scenario,
                    const struct oom_way *way, size_t fail_at)
{
    static struct oom oom;
    memset(&oom, 0, sizeof oom);
    oom.scenario = scenario;
    oom.in_process = (scenario->ways & OOM_IN_PROCESS) != 0;
    oom.world = sim_world_new(&(struct sim_options){
        .seed = 1,
        .delay_us = 100,
        .cut_percent = way->cut ? 70 : 0,
        .short_percent = way->cut ? 30 : 0,
        .capacity = way->cut ? 30000 : 0,
    });
    sim_clock(&oom.world->now_us);
    oom.world->tap.stepped = oom_stepped;
    for (int i = 0; i < 2; i++) {
        test_heap_init(&oom.heaps[i]);
    }
    struct test_heap *heap = &oom.heaps[way->side];
    heap->fail_at = fail_at;
    heap->fail_on = way->and_on;
    bool ready = oom_setup(&oom);
    if (ready) {
        scenario->play(&oom);
    }
    bool failed = heap->calls >= fail_at;
    heap->fail_at = 0;
    if (ready) {
        oom_check_healthy(&oom);
    }
    oom_end(&oom);
    return failed;
}

static void oom_sweep(const struct oom_scenario *scenario,
                      const struct oom_way *way,
                      const struct oom_options *options,
                      struct sim_tally *tally)
{
    char name[96];
    size_t n = 0;
    (void)snprintf(name, sizeof name, "%s, %s, %s, %s network: allocation",
                   scenario->name, way->side == 0 ? "server" : "client",
                   way->and_on ? "all from one on" : "one alone",
                   way->cut ? "bad" : "good");
    bool failed = true;
    while (failed) {
        n++;
        sim_begin(tally, name, n, options->loud);
        failed = oom_run(scenario, way, n);
        tally->passed++;
    }
    SIM_CHECK(n > OOM_LEAST, "only %zu allocations", n);
    if (!options->quiet) {
        printf("%-60s 1 to %zu\n", name, n - 1);
    }
}

static void oom_sweep_all(const struct oom_options *options,
                          struct sim_tally *tally)
{
    sim_watch_crashes();
    const struct oom_scenario *scenario;
    for (size_t i = 0; (scenario = oom_scenario(i)) != NULL; i++) {
        if (options->only != NULL &&
            strcmp(options->only, scenario->name) != 0) {
            continue;
        }
        // In one process there is one side, and no network.
        int ways = (scenario->ways & OOM_IN_PROCESS) != 0 ? 4 : 8;
        for (int k = 0; k < ways; k += ways == 4 ? 2 : 1) {
            const struct oom_way way = {
                .side = k & 1, .and_on = (k & 2) != 0, .cut = (k & 4) != 0};
            oom_sweep(scenario, &way, options, tally);
        }
    }
    (void)fflush(stdout);
}

int main(int count, char **arguments)
{
    struct oom_options options = {NULL, false, false};
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--trace") == 0) {
            options.loud = true;
        } else if (strcmp(arguments[i], "--short") == 0) {
            options.quiet = true;
        } else if (strcmp(arguments[i], "--scenario") == 0 && i + 1 < count) {
            options.only = arguments[++i];
        } else {
            fprintf(stderr,
                    "usage: oom [--scenario NAME] [--short] [--trace]\n");
            return 2;
        }
    }
    struct sim_tally *tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tally == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    // In a process of its own, which a crash may end.
    pid_t process = fork();
    if (process == 0) {
        oom_sweep_all(&options, tally);
        _exit(0);
    }
    int status = 1;
    if (process < 0 || waitpid(process, &status, 0) < 0) {
        perror("oom");
    }
    bool good = status == 0 && tally->passed > 0;
    printf("%llu passed, %d failed\n", (unsigned long long)tally->passed,
           good ? 0 : 1);
    return good ? 0 : 1;
}
