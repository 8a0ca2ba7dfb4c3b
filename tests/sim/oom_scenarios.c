// SPDX-License-Identifier: MIT
// The scenarios of the sweep: what is called, what befalls it, and the table of
// them all.

#include "tests/sim/oom.h"

#include "tests/sim/sim_report.h"
#include "tests/sim/sim_service.h"

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

static void oom_tear_all(struct oom *oom)
{
    for (size_t i = 0; i < oom->world->end_count; i += 2) {
        sim_tear(oom->world, SIM_FD_FIRST + (int)i, true);
    }
}

static void oom_play_reconnect(struct oom *oom)
{
    (void)oom_start(oom, NULL);
    oom_wait(oom);
    oom_tear_all(oom);
    sim_run(oom->world, 5000); // behind a backoff
    (void)oom_start(
        oom, &(grpc_call_options){.wait_for_ready = true, .timeout_ms = 60000});
    oom_wait_for(oom, OOM_PATIENCE_READY_MS);
}

// oom_play_reload: credentials are read again, and others are taken, between
// calls, each of which has a handshake.
static void oom_play_reload(struct oom *oom)
{
    const grpc_call_options options = {.wait_for_ready = true,
                                       .timeout_ms = 60000};
    for (int i = 0; i < 3; i++) {
        (void)oom_start(oom, &options);
        oom_wait_for(oom, OOM_PATIENCE_READY_MS);
        oom_safe_reload(oom, 0, i == 0);
        oom_safe_reload(oom, 1, i == 0);
        oom_tear_all(oom);
        sim_run(oom->world, 5000); // behind a backoff
    }
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

// oom_play_stopped: the server is stopped, and then freed, in the midst of calls.
// There is no other to hope for.
static void oom_play_stopped(struct oom *oom)
{
    for (int i = 0; i < 4; i++) {
        (void)oom_start(oom, NULL);
    }
    sim_settle(oom->world);
    grpc_server_stop(oom->server);
    sim_kick(oom->world, oom->loops[0]);
    sim_settle(oom->world);
    (void)oom_start(oom, &(grpc_call_options){.wait_for_ready = true});
    sim_settle(oom->world);
    grpc_server_free(oom->server);
    oom->server = NULL;
    (void)oom_start(oom, NULL);
    oom_wait(oom);
}

// oom_play_streams has as many calls at a time as there are channels' hands.
static void oom_play_streams(struct oom *oom)
{
    for (int i = 0; i < 2; i++) {
        oom_start_stream(oom, false);
        oom_start_stream(oom, false);
        oom_wait(oom);
    }
}

static void oom_play_stream_cancel(struct oom *oom)
{
    oom_start_stream(oom, true);
    oom_start_stream(oom, true);
    oom_wait(oom);
    sim_settle(oom->world);
}

static void oom_play_stream_waited_for(struct oom *oom)
{
    for (int i = 0; i < 2; i++) {
        int number = oom->count++;
        struct oom_call *call = &oom->calls[number];
        *call = (struct oom_call){
            .oom = oom, .scenario = oom->scenario, .index = (uint32_t)number};
        oom->done++;
        grpc_arena arena = {0};
        grpc_call *handle = grpc_stream_call(
            oom->channel, &arena, sim_method(SIM_METHOD_TALK), NULL,
            &(grpc_call_options){
                .metadata =
                    GRPC_METADATA({"oom-trace", "a trace", 0},
                                  {"oom-index-bin", &number, sizeof number})});
        if (handle != NULL) {
            oom_read_all(call, handle);
        }
        grpc_status status = grpc_call_end(handle);
        SIM_CHECK(handle == NULL ? status.code == GRPC_FAILED_PRECONDITION
                                 : oom_may_end(call, status.code),
                  "call %u ends as %s: %s", call->index,
                  grpc_code_name(status.code), status.message);
        SIM_CHECK(status.code != GRPC_OK ||
                      call->received[0] == oom->scenario->messages[1],
                  "call %u: %d replies", call->index, call->received[0]);
        grpc_arena_free(&arena);
        sim_settle(oom->world);
    }
}

static const struct oom_scenario oom_scenarios[] = {
    {"small", oom_play_two, OOM_REPLY, 3, 5, 0, SIM_METHOD_CALL, {0}, {0}, 0},
    {"large",
     oom_play_two,
     OOM_REPLY,
     300000,
     300000,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"many",
     oom_play_many,
     OOM_REPLY,
     100,
     2000,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"error",
     oom_play_two,
     OOM_FAIL,
     3,
     0,
     OOM_BIT(GRPC_NOT_FOUND),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"unimplemented",
     oom_play_two,
     OOM_REPLY,
     3,
     0,
     OOM_BIT(GRPC_UNIMPLEMENTED),
     SIM_METHOD_ABSENT,
     {0},
     {0},
     0},
    {"late", oom_play_two, OOM_LATE, 3, 20000, 0, SIM_METHOD_CALL, {0}, {0}, 0},
    {"deadline",
     oom_play_deadline,
     OOM_NEVER,
     3,
     0,
     OOM_BIT(GRPC_DEADLINE_EXCEEDED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"cancel",
     oom_play_cancel,
     OOM_NEVER,
     3,
     0,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"cancel_large",
     oom_play_cancel,
     OOM_LATE,
     200000,
     300000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"orphan",
     oom_play_orphan,
     OOM_KEEP,
     3,
     3,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"reconnect",
     oom_play_reconnect,
     OOM_REPLY,
     3,
     3,
     OOM_BIT(GRPC_DEADLINE_EXCEEDED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"goaway",
     oom_play_goaway,
     OOM_LATE,
     3,
     3,
     OOM_BIT(GRPC_DEADLINE_EXCEEDED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"blocking",
     oom_play_blocking,
     OOM_REPLY,
     3,
     70000,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"assembly",
     oom_play_some,
     OOM_REPLY,
     150000,
     3,
     0,
     SIM_METHOD_CALL,
     {.assembly_bytes = 200000},
     {0},
     0},
    {"held",
     oom_play_many,
     OOM_FAIL,
     3,
     0,
     OOM_BIT(GRPC_NOT_FOUND),
     SIM_METHOD_CALL,
     {.induced_bytes = 1024},
     {0},
     0},
    {"turns",
     oom_play_many,
     OOM_REPLY,
     3,
     3,
     0,
     SIM_METHOD_CALL,
     {.streams_per_turn = 3, .header_table_bytes = 100},
     {0},
     0},
    {"freed",
     oom_play_freed,
     OOM_NEVER,
     3,
     3,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"stream_talk",
     oom_play_streams,
     OOM_REPLY,
     30,
     300,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {3, 3},
     0},
    {"stream_many",
     oom_play_streams,
     OOM_REPLY,
     0,
     20000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_MANY,
     {0},
     {0, 12},
     0},
    {"stream_collect",
     oom_play_streams,
     OOM_REPLY,
     20000,
     30,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_COLLECT,
     {0},
     {12, 0},
     0},
    {"stream_large",
     oom_play_streams,
     OOM_REPLY,
     150000,
     150000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {1, 1},
     0},
    {"stream_paused",
     oom_play_streams,
     OOM_REPLY,
     30,
     3000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {2, 8},
     OOM_PAUSES},
    {"stream_lent",
     oom_play_streams,
     OOM_REPLY,
     9000,
     9000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {3, 3},
     OOM_LENDS},
    {"stream_held",
     oom_play_streams,
     OOM_REPLY,
     500,
     500,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {2, 2},
     OOM_INTERCEPTS},
    {"stream_details",
     oom_play_streams,
     OOM_REPLY,
     30,
     30,
     OOM_BIT(GRPC_CANCELLED) | OOM_BIT(GRPC_NOT_FOUND),
     SIM_METHOD_TALK,
     {0},
     {1, 1},
     OOM_DETAILS},
    {"stream_squeezed",
     oom_play_streams,
     OOM_REPLY,
     5000,
     5000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {2, 2},
     OOM_SQUEEZES},
    {"stream_raw",
     oom_play_streams,
     OOM_REPLY,
     30,
     300,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_ABSENT,
     {0},
     {2, 2},
     0},
    {"stream_cancel",
     oom_play_stream_cancel,
     OOM_REPLY,
     3000,
     3000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {8, 8},
     OOM_LENDS},
    {"stream_waited",
     oom_play_stream_waited_for,
     OOM_REPLY,
     300,
     3000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {3, 5},
     0},
    {"inproc",
     oom_play_two,
     OOM_REPLY,
     3,
     5,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_IN_PROCESS},
    {"inproc_large",
     oom_play_two,
     OOM_REPLY,
     300000,
     300000,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_IN_PROCESS},
    {"inproc_many",
     oom_play_many,
     OOM_REPLY,
     100,
     2000,
     0,
     SIM_METHOD_CALL,
     {.streams_per_turn = 3, .induced_bytes = 1024},
     {0},
     OOM_IN_PROCESS},
    {"inproc_cancel",
     oom_play_cancel,
     OOM_NEVER,
     3,
     0,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_IN_PROCESS},
    {"inproc_blocking",
     oom_play_blocking,
     OOM_REPLY,
     3,
     70000,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_IN_PROCESS},
    {"inproc_freed",
     oom_play_freed,
     OOM_NEVER,
     3,
     3,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_IN_PROCESS},
    {"inproc_stopped",
     oom_play_stopped,
     OOM_NEVER,
     3,
     3,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_IN_PROCESS},
    {"inproc_stream",
     oom_play_streams,
     OOM_REPLY,
     9000,
     9000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {3, 3},
     OOM_IN_PROCESS | OOM_LENDS | OOM_INTERCEPTS},
    {"safe",
     oom_play_two,
     OOM_REPLY,
     3,
     5,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_SAFE},
    {"safe_large",
     oom_play_two,
     OOM_REPLY,
     300000,
     300000,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_SAFE},
    {"safe_many",
     oom_play_many,
     OOM_FAIL,
     100,
     2000,
     OOM_BIT(GRPC_NOT_FOUND),
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_SAFE},
    {"safe_reload",
     oom_play_reload,
     OOM_REPLY,
     3,
     5,
     OOM_BIT(GRPC_DEADLINE_EXCEEDED),
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_SAFE},
    {"safe_goaway",
     oom_play_goaway,
     OOM_LATE,
     3,
     3,
     OOM_BIT(GRPC_DEADLINE_EXCEEDED),
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_SAFE},
    {"safe_freed",
     oom_play_freed,
     OOM_NEVER,
     3,
     3,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_SAFE},
    {"safe_stream",
     oom_play_streams,
     OOM_REPLY,
     9000,
     9000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {3, 3},
     OOM_SAFE | OOM_LENDS},
#if OOM_HAS_VENDOR
    {"mbedtls",
     oom_play_two,
     OOM_REPLY,
     3,
     20000,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_SAFE | OOM_VENDOR},
    {"mbedtls_mutual",
     oom_play_two,
     OOM_REPLY,
     3,
     5,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_SAFE | OOM_VENDOR | OOM_MUTUAL},
    {"mbedtls_stranger",
     oom_play_two,
     OOM_REPLY,
     3,
     5,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_SAFE | OOM_VENDOR | OOM_STRANGER},
    {"mbedtls_impostor",
     oom_play_two,
     OOM_REPLY,
     3,
     5,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_SAFE | OOM_VENDOR | OOM_IMPOSTOR},
    {"mbedtls_reload",
     oom_play_reload,
     OOM_REPLY,
     3,
     5,
     OOM_BIT(GRPC_DEADLINE_EXCEEDED),
     SIM_METHOD_CALL,
     {0},
     {0},
     OOM_SAFE | OOM_VENDOR},
#endif
};

const struct oom_scenario *oom_scenario(size_t index)
{
    const size_t count = sizeof oom_scenarios / sizeof oom_scenarios[0];
    return index < count ? &oom_scenarios[index] : NULL;
}
