// SPDX-License-Identifier: MIT
// Usage: oom [--scenario NAME] [--short] [--trace] [--all]
// Whole calls in which memory runs out: the n-th allocation of one side fails,
// alone or with all behind it, for every n until there is none. Nothing
// crashes, leaks or is stuck, and when memory is back a new call succeeds.
//
// The calls go over the simulated network, whole or cut, so that a run is the
// same each time and no clock is waited for.
//
// mbedTLS allocates thousands of times for one handshake. The sweep of that is over
// the ways by which an allocation is reached: some of them, with --all each.

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

enum {
    OOM_LEAST = 10, // allocations of a whole call, at least
    OOM_LEAST_PATHS = 20,
    OOM_SOME = 50,
};

// ---- A run ------------------------------------------------------------------

static grpc_channel *oom_dial(struct oom *oom)
{
    const grpc_channel_options options = {
        .loop = oom->loops[1],
        .interceptors = oom_interceptors(oom),
        .credentials = oom_safe_credentials(oom, 1),
    };
    return oom->in_process ? grpc_channel_new_inproc(oom->server, &options)
                           : grpc_channel_new("127.0.0.1:80", &options);
}

static void oom_check_conns(const struct list_link *conns)
{
    LIST_EACH (cursor, after, conns) {
        const struct conn *conn =
            LIST_OWNER(cursor, const struct conn, link_owner);
        conn_check(conn);
        // (Where TLS has failed there is no engine.)
        if (!conn_is_opening(conn) && conn->state != CONN_CLOSED &&
            conn->h2.shared != NULL) {
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
    if (!oom_safe_begin(oom)) {
        return false;
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
    static struct oom_scenario healthy = {
        .name = "healthy", .answer = OOM_REPLY, .request_size = 1000};
    if (oom->server == NULL || (oom->scenario->ways & OOM_REFUSED) != 0) {
        return; // its second one did not come about, or it is as it should be
    }
    healthy.ways = oom->scenario->ways & (OOM_SAFE | OOM_VENDOR | OOM_MUTUAL);
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
    oom_safe_end(oom);
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
    bool all; // of mbedTLS's allocations too
};

// oom_starve: an allocation will fail.
static void oom_starve(struct oom *oom, const struct oom_way *way,
                       size_t fail_at)
{
    if ((oom->scenario->ways & OOM_VENDOR) != 0) {
        oom->vendors[way->side].fail_at = fail_at;
        oom->vendors[way->side].fail_on = way->and_on;
    } else {
        oom->heaps[way->side].fail_at = fail_at;
        oom->heaps[way->side].fail_on = way->and_on;
    }
}

// oom_feed: there is memory again; false when there was all the time.
static bool oom_feed(struct oom *oom, const struct oom_way *way, size_t fail_at)
{
    bool of_vendor = (oom->scenario->ways & OOM_VENDOR) != 0;
    size_t calls =
        of_vendor ? oom->vendors[way->side].calls : oom->heaps[way->side].calls;
    oom->vendors[way->side].fail_at = 0;
    oom->heaps[way->side].fail_at = 0;
    return calls >= fail_at;
}

static long oom_process_blocks(void)
{
#if OOM_HAS_VENDOR
    return oom_vendor_live();
#else
    return 0;
#endif
}

// oom_check_process: mbedTLS has given back what it had, too.
static void oom_check_process(long before)
{
    long after = oom_process_blocks();
    SIM_CHECK(after == before, "%ld blocks of the process are left",
              after - before);
}

// oom_run is false when the failure came too late to happen.
static bool oom_run(const struct oom_scenario *scenario,
                    const struct oom_way *way, size_t fail_at,
                    struct oom_paths *paths)
{
    static struct oom oom;
    long before = oom_process_blocks();
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
    oom_starve(&oom, way, fail_at);
    oom.vendors[way->side].paths = paths;
    bool ready = oom_setup(&oom);
    if (ready) {
        scenario->play(&oom);
    }
    bool failed = oom_feed(&oom, way, fail_at);
    if (ready) {
        oom_check_healthy(&oom);
    }
    oom_end(&oom);
    if (fail_at > 0) { // the first run leaves what a process makes once
        oom_check_process(before);
    }
    return failed;
}

static void oom_name(const struct oom_scenario *scenario,
                     const struct oom_way *way, char name[96])
{
    (void)snprintf(name, 96, "%s, %s, %s, %s network: allocation",
                   scenario->name, way->side == 0 ? "server" : "client",
                   way->and_on ? "all from one on" : "one alone",
                   way->cut ? "bad" : "good");
}

static void oom_sweep(const struct oom_scenario *scenario,
                      const struct oom_way *way,
                      const struct oom_options *options,
                      struct sim_tally *tally)
{
    char name[96];
    size_t n = 0;
    bool failed = true;
    oom_name(scenario, way, name);
    while (failed) {
        n++;
        sim_begin(tally, name, n, options->loud);
        failed = oom_run(scenario, way, n, NULL);
        tally->passed++;
    }
    SIM_CHECK(n > OOM_LEAST, "only %zu allocations", n);
    if (!options->quiet) {
        printf("%-60s 1 to %zu\n", name, n - 1);
    }
}

// oom_sweep_vendor has the first allocation of each way through mbedTLS fail, or of
// some of the ways: the others are of loops, and do the same once more.
static void oom_sweep_vendor(const struct oom_scenario *scenario,
                             const struct oom_way *way,
                             const struct oom_options *options,
                             struct sim_tally *tally)
{
    static struct oom_paths paths;
    char name[96];
    oom_name(scenario, way, name);
    paths.count = 0;
    sim_begin(tally, name, 0, options->loud);
    (void)oom_run(scenario, way, 0, &paths);
    size_t stride = options->all ? 1 : paths.count / OOM_SOME + 1;
    SIM_CHECK(paths.count > OOM_LEAST_PATHS && paths.count < OOM_PATHS,
              "%zu ways to allocate", paths.count);
    for (size_t i = 0; i < paths.count; i += stride) {
        sim_begin(tally, name, paths.at[i], options->loud);
        (void)oom_run(scenario, way, paths.at[i], NULL);
        tally->passed++;
    }
    if (!options->quiet) {
        printf("%-60s 1 to %zu, %zu of %zu ways there\n", name,
               paths.at[paths.count - 1], (paths.count + stride - 1) / stride,
               paths.count);
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
        int ways =
            (scenario->ways & (OOM_IN_PROCESS | OOM_VENDOR)) != 0 ? 4 : 8;
        for (int k = 0; k < ways;
             k += (scenario->ways & OOM_IN_PROCESS) != 0 ? 2 : 1) {
            const struct oom_way way = {
                .side = k & 1, .and_on = (k & 2) != 0, .cut = (k & 4) != 0};
            if ((scenario->ways & OOM_VENDOR) != 0) {
                oom_sweep_vendor(scenario, &way, options, tally);
            } else {
                oom_sweep(scenario, &way, options, tally);
            }
        }
    }
    (void)fflush(stdout);
}

int main(int count, char **arguments)
{
    struct oom_options options = {.only = NULL};
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--trace") == 0) {
            options.loud = true;
        } else if (strcmp(arguments[i], "--short") == 0) {
            options.quiet = true;
        } else if (strcmp(arguments[i], "--all") == 0) {
            options.all = true;
        } else if (strcmp(arguments[i], "--scenario") == 0 && i + 1 < count) {
            options.only = arguments[++i];
        } else {
            fprintf(stderr, "usage: oom [--scenario NAME] [--short] [--trace] "
                            "[--all]\n");
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
