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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/call.h"
#include "core/channel.h"
#include "core/conn.h"
#include "core/server.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_report.h"
#include "tests/sim/sim_service.h"
#include "tests/support.h"

enum {
    OOM_CALLS = 48,
    OOM_PORT = 80,
    OOM_LEAST = 10, // allocations of a whole call, at least
    // No call takes longer, of virtual time; but one that waits for a
    // connection may, as its backoff or its deadline says.
    OOM_PATIENCE_MS = 2000,
    OOM_PATIENCE_READY_MS = 200000,
};

enum oom_answer {
    OOM_REPLY,
    OOM_FAIL,
    OOM_LATE,  // replies from a timer
    OOM_NEVER, // until told of the end
    OOM_KEEP,  // answers after the end
};

struct oom_call {
    struct oom *oom;
    const struct oom_scenario *scenario; // when it began
    uint32_t index;
    grpc_call *call;
    grpc_call *answering;
    int done;
    int handled;
    int told;
    bool answered;
    bool refused; // it did not start
    grpc_code code;
};

struct oom {
    const struct oom_scenario *scenario;
    struct sim_world *world;
    struct test_heap heaps[2]; // server, client
    grpc_loop *loops[2];
    grpc_server *server;
    grpc_server *old_server;
    grpc_channel *channel;
    struct oom_call calls[OOM_CALLS];
    int count;
    int done;
};

// A scenario: what is called and done. The statuses that may come of it beside
// those of running out of memory are in codes, as bits.
struct oom_scenario {
    const char *name;
    void (*play)(struct oom *oom);
    enum oom_answer answer;
    size_t request_size;
    size_t reply_size;
    uint32_t codes;
    int method;
    grpc_limits limits; // the server's
};

#define OOM_BIT(code) (UINT32_C(1) << (code))

// ---- The server -------------------------------------------------------------

static void oom_answer(struct oom_call *call)
{
    const struct oom_scenario *scenario = call->scenario;
    grpc_call *answering = call->answering;
    call->answering = NULL;
    call->answered = true;
    if (scenario->answer == OOM_FAIL) {
        (void)grpc_call_fail(answering, GRPC_NOT_FOUND, "call %u: %0400u",
                             (unsigned)call->index, 0u);
        return;
    }
    const struct sim_message reply = {
        .index = call->index,
        .payload = sim_payload(call->index, true, scenario->reply_size),
    };
    (void)grpc_call_reply(answering, &reply);
}

static void oom_answer_late(void *argument)
{
    struct oom_call *call = argument;
    if (call->answering != NULL) {
        oom_answer(call);
    }
}

static void oom_told(void *argument)
{
    struct oom_call *call = argument;
    call->told++;
    SIM_CHECK(call->told == 1 && !call->answered, "call %u: told wrongly",
              call->index);
    call->answering = NULL;
}

static void oom_handle(grpc_call *answering, const struct sim_message *request,
                       void *self)
{
    struct oom *oom = self;
    SIM_CHECK(request->index < OOM_CALLS, "a request of call %u",
              request->index);
    struct oom_call *call = &oom->calls[request->index];
    const struct oom_scenario *scenario = call->scenario;
    SIM_CHECK(++call->handled == 1, "call %u: handled twice", call->index);
    SIM_CHECK(sim_payload_is(request->payload, call->index, false,
                             scenario->request_size),
              "call %u: another request", call->index);
    call->answering = answering;
    if (scenario->answer == OOM_NEVER || scenario->answer == OOM_LATE) {
        grpc_call_on_end(answering, oom_told, call);
    }
    switch (scenario->answer) {
    case OOM_REPLY:
    case OOM_FAIL:
        oom_answer(call);
        break;
    case OOM_LATE:
        if (grpc_timer_start(grpc_call_loop(answering), 50, oom_answer_late,
                             call) == NULL) {
            oom_answer(call);
        }
        break;
    case OOM_NEVER:
    case OOM_KEEP:
        break;
    }
}

static grpc_server *oom_serve(struct oom *oom)
{
    const struct sim_handlers handlers = {.handle = oom_handle};
    grpc_server *server = grpc_server_new(&(grpc_server_options){
        .loop = oom->loops[0], .limits = oom->scenario->limits});
    if (server == NULL) {
        return NULL;
    }
    if (grpc_server_serve(server, sim_service(), &handlers, oom) != GRPC_OK) {
        SIM_CHECK(grpc_server_error(server)[0] != '\0', "no reason");
        grpc_server_free(server);
        return NULL;
    }
    sim_listen(oom->world, OOM_PORT, server);
    return server;
}

// ---- The client -------------------------------------------------------------

static bool oom_may_end(const struct oom_call *call, grpc_code code)
{
    const uint32_t always = OOM_BIT(GRPC_OK) |
                            OOM_BIT(GRPC_RESOURCE_EXHAUSTED) |
                            OOM_BIT(GRPC_UNAVAILABLE) | OOM_BIT(GRPC_INTERNAL);
    return (unsigned)code < 32 &&
           ((always | call->scenario->codes) & OOM_BIT(code)) != 0;
}

static void oom_done(grpc_call *handle, const grpc_status *status,
                     const struct sim_message *reply, void *self)
{
    struct oom_call *call = self;
    struct oom *oom = call->oom;
    SIM_CHECK(handle != NULL && ++call->done == 1, "call %u: ends twice",
              call->index);
    SIM_CHECK(oom_may_end(call, status->code), "call %u ends as %s: %s",
              call->index, grpc_code_name(status->code), status->message);
    SIM_CHECK((reply != NULL) == (status->code == GRPC_OK),
              "call %u: a reply goes with OK alone", call->index);
    SIM_CHECK(
        reply == NULL ||
            (call->answered && sim_payload_is(reply->payload, call->index, true,
                                              oom->scenario->reply_size)),
        "call %u: another reply", call->index);
    call->code = status->code;
    call->call = NULL;
    oom->done++;
    sim_note("call %lld ends with code %lld", call->index, status->code, 0, 0);
}

static struct oom_call *oom_start(struct oom *oom,
                                  const grpc_call_options *options)
{
    const struct oom_scenario *scenario = oom->scenario;
    struct oom_call *call = &oom->calls[oom->count];
    *call = (struct oom_call){
        .oom = oom, .scenario = oom->scenario, .index = (uint32_t)oom->count};
    oom->count++;
    const struct sim_message request = {
        .index = call->index,
        .payload = sim_payload(call->index, false, scenario->request_size),
    };
    call->call =
        grpc_unary_start(oom->channel, sim_method(scenario->method), &request,
                         (grpc_function *)oom_done, call, options);
    if (call->call == NULL) {
        SIM_CHECK(grpc_channel_error(oom->channel)[0] != '\0', "no reason");
        call->refused = true;
        oom->done++;
    }
    return call;
}

static void oom_wait_for(struct oom *oom, uint64_t patience_ms)
{
    uint64_t began_ms = sim_now_ms(oom->world);
    SIM_CHECK(sim_until(oom->world, &oom->done, oom->count),
              "%d of %d calls are stuck", oom->count - oom->done, oom->count);
    SIM_CHECK(sim_now_ms(oom->world) - began_ms <= patience_ms,
              "a call takes %llu ms",
              (unsigned long long)(sim_now_ms(oom->world) - began_ms));
}

static void oom_wait(struct oom *oom)
{
    oom_wait_for(oom, OOM_PATIENCE_MS);
}

// ---- Scenarios --------------------------------------------------------------

static void oom_play_two(struct oom *oom)
{
    (void)oom_start(oom, NULL);
    oom_wait(oom);
    (void)oom_start(oom, NULL);
    oom_wait(oom);
}

static void oom_play_many(struct oom *oom)
{
    for (int i = 0; i < 40; i++) {
        (void)oom_start(oom, NULL);
    }
    oom_wait(oom);
}

static void oom_play_some(struct oom *oom)
{
    for (int i = 0; i < 4; i++) {
        (void)oom_start(oom, NULL);
    }
    oom_wait(oom);
}

static void oom_play_deadline(struct oom *oom)
{
    const grpc_call_options options = {.timeout_ms = 100};
    (void)oom_start(oom, &options);
    (void)oom_start(oom, &options);
    oom_wait(oom);
}

static void oom_play_cancel(struct oom *oom)
{
    for (int i = 0; i < 4; i++) {
        (void)oom_start(oom, NULL);
    }
    sim_settle(oom->world);
    for (int i = 0; i < 4; i++) {
        if (oom->calls[i].call != NULL) {
            grpc_cancel(oom->calls[i].call);
        }
    }
    oom_wait(oom);
    sim_settle(oom->world);
}

// oom_play_orphan: the answers come when nobody waits for them any more.
static void oom_play_orphan(struct oom *oom)
{
    oom_play_cancel(oom);
    for (int i = 0; i < 4; i++) {
        if (oom->calls[i].answering != NULL) {
            oom_answer(&oom->calls[i]);
        }
    }
}

static void oom_play_reconnect(struct oom *oom)
{
    (void)oom_start(oom, NULL);
    oom_wait(oom);
    for (size_t i = 0; i < oom->world->end_count; i += 2) {
        sim_tear(oom->world, SIM_FD_FIRST + (int)i, true);
    }
    sim_run(oom->world, 5000); // behind a backoff
    (void)oom_start(
        oom, &(grpc_call_options){.wait_for_ready = true, .timeout_ms = 60000});
    oom_wait_for(oom, OOM_PATIENCE_READY_MS);
}

// oom_play_goaway: the server stops with a call on it and another on the way,
// and one more takes its place.
static void oom_play_goaway(struct oom *oom)
{
    const grpc_call_options options = {.wait_for_ready = true,
                                       .timeout_ms = 60000};
    (void)oom_start(oom, &options);
    sim_settle(oom->world);
    (void)oom_start(oom, &options);
    grpc_server_stop(oom->server);
    sim_kick(oom->world, oom->loops[0]);
    oom->old_server = oom->server;
    sim_unlisten(oom->world, OOM_PORT);
    sim_run(oom->world, 10);
    oom->server = oom_serve(oom);
    (void)oom_start(oom, &options);
    oom_wait_for(oom, OOM_PATIENCE_READY_MS);
}

static void oom_play_blocking(struct oom *oom)
{
    for (int i = 0; i < 2; i++) {
        struct oom_call *call = &oom->calls[oom->count];
        *call = (struct oom_call){.oom = oom,
                                  .scenario = oom->scenario,
                                  .index = (uint32_t)oom->count};
        oom->count++;
        oom->done++;
        const struct sim_message request = {
            .index = call->index,
            .payload =
                sim_payload(call->index, false, oom->scenario->request_size),
        };
        struct sim_message reply;
        grpc_arena arena = {0};
        grpc_status status =
            grpc_unary(oom->channel, &arena, sim_method(SIM_METHOD_CALL),
                       &request, &reply, NULL);
        SIM_CHECK(status.message != NULL && oom_may_end(call, status.code),
                  "call %u ends as %s", call->index,
                  grpc_code_name(status.code));
        SIM_CHECK(status.code != GRPC_OK ||
                      sim_payload_is(reply.payload, call->index, true,
                                     oom->scenario->reply_size),
                  "call %u: another reply", call->index);
        grpc_arena_free(&arena);
    }
}

// oom_play_freed: everything is freed in the midst of calls.
static void oom_play_freed(struct oom *oom)
{
    for (int i = 0; i < 4; i++) {
        (void)oom_start(oom, NULL);
    }
    sim_settle(oom->world);
    grpc_channel_free(oom->channel);
    oom->channel = NULL;
    SIM_CHECK(oom->done == oom->count, "freed without an end");
    sim_settle(oom->world);
}

static const struct oom_scenario oom_scenarios[] = {
    {"small", oom_play_two, OOM_REPLY, 3, 5, 0, SIM_METHOD_CALL, {0}},
    {"large", oom_play_two, OOM_REPLY, 300000, 300000, 0, SIM_METHOD_CALL, {0}},
    {"many", oom_play_many, OOM_REPLY, 100, 2000, 0, SIM_METHOD_CALL, {0}},
    {"error",
     oom_play_two,
     OOM_FAIL,
     3,
     0,
     OOM_BIT(GRPC_NOT_FOUND),
     SIM_METHOD_CALL,
     {0}},
    {"unimplemented",
     oom_play_two,
     OOM_REPLY,
     3,
     0,
     OOM_BIT(GRPC_UNIMPLEMENTED),
     SIM_METHOD_ABSENT,
     {0}},
    {"late", oom_play_two, OOM_LATE, 3, 20000, 0, SIM_METHOD_CALL, {0}},
    {"deadline",
     oom_play_deadline,
     OOM_NEVER,
     3,
     0,
     OOM_BIT(GRPC_DEADLINE_EXCEEDED),
     SIM_METHOD_CALL,
     {0}},
    {"cancel",
     oom_play_cancel,
     OOM_NEVER,
     3,
     0,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0}},
    {"cancel_large",
     oom_play_cancel,
     OOM_LATE,
     200000,
     300000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0}},
    {"orphan",
     oom_play_orphan,
     OOM_KEEP,
     3,
     3,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0}},
    {"reconnect",
     oom_play_reconnect,
     OOM_REPLY,
     3,
     3,
     OOM_BIT(GRPC_DEADLINE_EXCEEDED),
     SIM_METHOD_CALL,
     {0}},
    {"goaway",
     oom_play_goaway,
     OOM_LATE,
     3,
     3,
     OOM_BIT(GRPC_DEADLINE_EXCEEDED),
     SIM_METHOD_CALL,
     {0}},
    {"blocking",
     oom_play_blocking,
     OOM_REPLY,
     3,
     70000,
     0,
     SIM_METHOD_CALL,
     {0}},
    {"assembly",
     oom_play_some,
     OOM_REPLY,
     150000,
     3,
     0,
     SIM_METHOD_CALL,
     {.assembly_bytes = 200000}},
    {"held",
     oom_play_many,
     OOM_FAIL,
     3,
     0,
     OOM_BIT(GRPC_NOT_FOUND),
     SIM_METHOD_CALL,
     {.induced_bytes = 1024}},
    {"turns",
     oom_play_many,
     OOM_REPLY,
     3,
     3,
     0,
     SIM_METHOD_CALL,
     {.streams_per_turn = 3, .header_table_bytes = 100}},
    {"freed",
     oom_play_freed,
     OOM_NEVER,
     3,
     3,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0}},
};

enum { OOM_SCENARIOS = sizeof oom_scenarios / sizeof oom_scenarios[0] };

// ---- A run ------------------------------------------------------------------

static grpc_channel *oom_dial(const struct oom *oom)
{
    return grpc_channel_new("127.0.0.1:80",
                            &(grpc_channel_options){.loop = oom->loops[1]});
}

static void oom_check_conns(const struct list_link *conns)
{
    LIST_FOREACH (cursor, after, conns) {
        const struct conn *conn =
            LIST_OWNER(cursor, const struct conn, link_owner);
        conn_check(conn);
        if (conn->state != CONN_CONNECTING && conn->state != CONN_CLOSED) {
            h2_check(&conn->h2);
        }
    }
}

static void oom_stepped(void *user, grpc_loop *loop)
{
    (void)user;
    LIST_FOREACH (server, server_after, &loop->servers) {
        oom_check_conns(
            &LIST_OWNER(server, const struct grpc_server, link_loop)->conns);
    }
    LIST_FOREACH (channel, channel_after, &loop->channels) {
        oom_check_conns(
            &LIST_OWNER(channel, const struct grpc_channel, link_loop)->conns);
    }
}

static bool oom_setup(struct oom *oom)
{
    for (int i = 0; i < 2; i++) {
        oom->loops[i] = sim_loop(oom->world, &oom->heaps[i].allocator);
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
    for (int i = 0; i < 2; i++) {
        SIM_CHECK(sim_loop_free(oom->world, oom->loops[1 - i]) == GRPC_OK,
                  "a loop cannot be freed");
    }
    for (int i = 0; i < 2; i++) {
        SIM_CHECK(test_heap_is_clean(&oom->heaps[i]), "%s leaks %zu blocks",
                  i == 0 ? "the server" : "the client",
                  oom->heaps[i].live_blocks);
    }
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
    for (int i = 0; i < OOM_SCENARIOS; i++) {
        if (options->only != NULL &&
            strcmp(options->only, oom_scenarios[i].name) != 0) {
            continue;
        }
        for (int k = 0; k < 8; k++) {
            const struct oom_way way = {
                .side = k & 1, .and_on = (k & 2) != 0, .cut = (k & 4) != 0};
            oom_sweep(&oom_scenarios[i], &way, options, tally);
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
