// SPDX-License-Identifier: MIT
// cgrpc as the client of tests/peers (../README.md): so many calls at a time, one
// after the other, until standard input is at its end or each has made as many
// as it was told to. Every call is told in one line when it has ended.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc.h"
#include "grpc/testing/test.pb.h"

#include "peers.h"

struct slot;

// A kind of call. start returns NULL when the library refuses it; received says
// whether an OK call has brought what it had to.
struct kind {
    const char *name;
    grpc_call *(*start)(struct slot *slot, const grpc_call_options *options);
    bool (*received)(const struct slot *slot);
};

// One place for a call: when it has ended, the next one takes it.
struct slot {
    uint32_t number;
    uint32_t calls; // made so far
    const struct kind *kind;
    grpc_call *call; // NULL: between two
    grpc_timer *timer;
    char id[48];
    bool wait_for_ready;
    double began;
    uint32_t sent; // messages
    uint32_t received;
    uint64_t received_bytes;
};

enum { SLOTS_MOST = 256, MESSAGES_MOST = 64 };

static struct client {
    grpc_loop *loop;
    grpc_channel *channel;
    struct slot slots[SLOTS_MOST];
    uint64_t random;
    uint32_t concurrency;
    uint32_t calls; // of each slot; 0: until it is told to stop
    uint32_t pace_ms;
    uint32_t sleep_ms; // at the server before each reply; up to sleep_most_ms
    uint32_t sleep_most_ms;
    uint32_t slow_calls; // how many of a slot's calls do so, from the first on
    uint32_t timeout_ms;
    uint32_t size;
    uint32_t messages;
    const char *kind;
    const char *wait; // for ready: "none", "all", "half" of the slots
    const char *tag;
    uint32_t started;
    uint32_t ended;
    bool stopping;
} own = {
    .random = 88172645463325252u,
    .concurrency = 1,
    .pace_ms = 5,
    .slow_calls = UINT32_MAX,
    .timeout_ms = 20000,
    .size = 100,
    .messages = 3,
    .kind = "mixed",
    .wait = "none",
    .tag = "c",
};

// client_random is below `below`, which is not 0.
static uint32_t client_random(uint32_t below)
{
    own.random ^= own.random << 13;
    own.random ^= own.random >> 7;
    own.random ^= own.random << 17;
    return (uint32_t)(own.random >> 32) % below;
}

// ---- The end of a call ------------------------------------------------------

static void slot_next(struct slot *slot);

static void slot_wake(void *argument)
{
    struct slot *slot = argument;
    slot->timer = NULL;
    slot_next(slot);
}

static void client_end_if_idle(void)
{
    for (uint32_t i = 0; i < own.concurrency; i++) {
        if (own.slots[i].call != NULL || own.slots[i].timer != NULL) {
            return;
        }
    }
    grpc_loop_stop(own.loop);
}

static void slot_told(struct slot *slot, const char *code, const char *text)
{
    own.ended++;
    peers_say("call %s %s %s %s %.6f %.6f %s", slot->id, slot->kind->name,
              slot->wait_for_ready ? "wait" : "fast", code, slot->began,
              peers_now(), text);
    slot->call = NULL;
    slot->timer =
        own.stopping ? NULL
                     : grpc_timer_start(own.loop, own.pace_ms, slot_wake, slot);
    client_end_if_idle();
}

static void slot_ended(struct slot *slot, const grpc_status *status)
{
    if (status->code == GRPC_OK && !slot->kind->received(slot)) {
        slot_told(slot, "WRONG",
                  "OK, but not the replies that it had to bring");
        return;
    }
    slot_told(slot,
              status->code == GRPC_OK ? "OK" : grpc_code_name(status->code),
              status->message);
}

// ---- unary ------------------------------------------------------------------

static void slot_unary_done(grpc_call *call, const grpc_status *status,
                            const grpc_testing_SimpleResponse *reply,
                            void *self)
{
    struct slot *slot = self;
    (void)call;
    if (reply != NULL && reply->payload != NULL) {
        slot->received = 1;
        slot->received_bytes = reply->payload->body.size;
    }
    slot_ended(slot, status);
}

static grpc_call *slot_unary(struct slot *slot,
                             const grpc_call_options *options)
{
    const grpc_testing_Payload payload = {.body = peers_zeros(own.size)};
    return grpc_testing_TestService_UnaryCall_start(
        own.channel,
        &(grpc_testing_SimpleRequest){.payload = &payload,
                                      .response_size = (int32_t)own.size},
        slot_unary_done, slot, options);
}

static bool slot_has_one(const struct slot *slot)
{
    return slot->received == 1 && slot->received_bytes == own.size;
}

// ---- server streaming -------------------------------------------------------

static void slot_count(grpc_call *call,
                       const grpc_testing_StreamingOutputCallResponse *reply,
                       void *self)
{
    struct slot *slot = self;
    (void)call;
    slot->received++;
    slot->received_bytes +=
        reply->payload == NULL ? 0 : reply->payload->body.size;
}

static void slot_stream_end(grpc_call *call, const grpc_status *status,
                            void *self)
{
    (void)call;
    slot_ended(self, status);
}

static grpc_call *slot_server(struct slot *slot,
                              const grpc_call_options *options)
{
    static grpc_testing_ResponseParameters wanted[MESSAGES_MOST];
    grpc_testing_StreamingOutputCallRequest request = {
        .response_parameters = {wanted, own.messages}};
    for (uint32_t i = 0; i < own.messages; i++) {
        wanted[i].size = (int32_t)own.size;
    }
    return grpc_testing_TestService_StreamingOutputCall_start(
        own.channel, &request,
        &(grpc_testing_TestService_StreamingOutputCall_events){
            .message = slot_count, .end = slot_stream_end},
        slot, options);
}

static bool slot_has_all(const struct slot *slot)
{
    return slot->received == own.messages &&
           slot->received_bytes == (uint64_t)own.messages * own.size;
}

// ---- client streaming -------------------------------------------------------

static void slot_push(grpc_call *call, void *self)
{
    struct slot *slot = self;
    const grpc_testing_Payload payload = {.body = peers_zeros(own.size)};
    const grpc_testing_StreamingInputCallRequest request = {.payload =
                                                                &payload};
    for (; slot->sent < own.messages; slot->sent++) {
        if (grpc_testing_TestService_StreamingInputCall_send(call, &request) !=
            GRPC_OK) {
            return; // until there is room, or it has ended
        }
    }
    (void)grpc_call_half_close(call);
}

static void slot_client_end(
    grpc_call *call, const grpc_status *status,
    const grpc_testing_StreamingInputCallResponse *reply, void *self)
{
    struct slot *slot = self;
    (void)call;
    if (reply != NULL) {
        slot->received = 1;
        slot->received_bytes = (uint64_t)reply->aggregated_payload_size;
    }
    slot_ended(slot, status);
}

static grpc_call *slot_client(struct slot *slot,
                              const grpc_call_options *options)
{
    grpc_call *call = grpc_testing_TestService_StreamingInputCall_start(
        own.channel,
        &(grpc_testing_TestService_StreamingInputCall_events){
            .writable = slot_push, .end = slot_client_end},
        slot, options);
    if (call != NULL) {
        slot_push(call, slot);
    }
    return call;
}

static bool slot_has_sum(const struct slot *slot)
{
    return slot->received == 1 &&
           slot->received_bytes == (uint64_t)own.messages * own.size;
}

// ---- both -------------------------------------------------------------------

// slot_ask sends the next request of a conversation, or ends it.
static void slot_ask(grpc_call *call, void *self)
{
    struct slot *slot = self;
    const grpc_testing_Payload payload = {.body = peers_zeros(own.size)};
    grpc_testing_ResponseParameters wanted = {.size = (int32_t)own.size};
    if (slot->sent > slot->received) {
        return; // its reply is waited for
    }
    if (slot->sent == own.messages) {
        (void)grpc_call_half_close(call);
        return;
    }
    if (grpc_testing_TestService_FullDuplexCall_send(
            call, &(grpc_testing_StreamingOutputCallRequest){
                      .payload = &payload,
                      .response_parameters = {&wanted, 1}}) == GRPC_OK) {
        slot->sent++;
    }
}

static void slot_answered(grpc_call *call,
                          const grpc_testing_StreamingOutputCallResponse *reply,
                          void *self)
{
    slot_count(call, reply, self);
    slot_ask(call, self);
}

static grpc_call *slot_bidi(struct slot *slot, const grpc_call_options *options)
{
    grpc_call *call = grpc_testing_TestService_FullDuplexCall_start(
        own.channel,
        &(grpc_testing_TestService_FullDuplexCall_events){
            .message = slot_answered,
            .writable = slot_ask,
            .end = slot_stream_end},
        slot, options);
    if (call != NULL) {
        slot_ask(call, slot);
    }
    return call;
}

// ---- The slots --------------------------------------------------------------

static const struct kind kinds[] = {
    {"unary", slot_unary, slot_has_one},
    {"server", slot_server, slot_has_all},
    {"client", slot_client, slot_has_sum},
    {"bidi", slot_bidi, slot_has_all},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

// slot_kind: "mixed" gives each kind to a quarter of the slots.
static const struct kind *slot_kind(const struct slot *slot)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(own.kind, kinds[i].name) == 0) {
            return &kinds[i];
        }
    }
    return &kinds[slot->number % KINDS];
}

static bool slot_waits(const struct slot *slot)
{
    return strcmp(own.wait, "all") == 0 ||
           (strcmp(own.wait, "half") == 0 && slot->number / KINDS % 2 == 1);
}

static void slot_next(struct slot *slot)
{
    if (own.stopping || (own.calls != 0 && slot->calls == own.calls)) {
        client_end_if_idle();
        return;
    }
    uint32_t sleep_ms = slot->calls < own.slow_calls ? own.sleep_ms : 0;
    if (own.sleep_most_ms > sleep_ms) {
        sleep_ms += client_random(own.sleep_most_ms - sleep_ms);
    }
    char sleep[16];
    (void)snprintf(sleep, sizeof sleep, "%lu", (unsigned long)sleep_ms);
    (void)snprintf(slot->id, sizeof slot->id, "%s-%lu-%lu", own.tag,
                   (unsigned long)slot->number, (unsigned long)slot->calls);
    slot->calls++;
    slot->sent = 0;
    slot->received = 0;
    slot->received_bytes = 0;
    slot->began = peers_now();
    own.started++;
    slot->call = slot->kind->start(
        slot, &(grpc_call_options){
                  .timeout_ms = own.timeout_ms,
                  .wait_for_ready = slot->wait_for_ready,
                  .metadata = GRPC_METADATA({"peers-id", slot->id, 0},
                                            {"peers-sleep-ms", sleep, 0})});
    if (slot->call == NULL) {
        slot_told(slot, "REFUSED", grpc_channel_error(own.channel));
    }
}

static void client_stop(void *argument)
{
    (void)argument;
    own.stopping = true;
    for (uint32_t i = 0; i < own.concurrency; i++) {
        if (own.slots[i].timer != NULL) {
            grpc_timer_stop(own.slots[i].timer);
            own.slots[i].timer = NULL;
        }
    }
    client_end_if_idle();
}

static void client_changed(grpc_channel *channel, grpc_connectivity state,
                           void *self)
{
    (void)channel;
    (void)self;
    peers_say("state %.6f %s", peers_now(), grpc_connectivity_name(state));
}

static void client_begin(void)
{
    if (own.concurrency == 0 || own.concurrency > SLOTS_MOST ||
        own.messages > MESSAGES_MOST || own.size > PEERS_SIZE_MOST) {
        peers_die("the client", "more than it has room for");
    }
    for (uint32_t i = 0; i < own.concurrency; i++) {
        struct slot *slot = &own.slots[i];
        slot->number = i;
        slot->kind = slot_kind(slot);
        slot->wait_for_ready = slot_waits(slot);
        slot->timer = grpc_timer_start(own.loop, i, slot_wake, slot);
    }
}

// ---- Waiting ----------------------------------------------------------------

// client_block makes unary calls one by one on a channel with a private loop,
// which nobody steps between two of them: that is where the program sleeps.
static int client_block(const char *target, grpc_channel_options options)
{
    struct slot *slot = &own.slots[0];
    options.loop = NULL;
    grpc_channel *channel = grpc_channel_new(target, &options);
    const grpc_testing_Payload payload = {.body = peers_zeros(own.size)};
    const grpc_testing_SimpleRequest request = {
        .payload = &payload, .response_size = (int32_t)own.size};
    for (; slot->calls < own.calls; slot->calls++) {
        grpc_arena arena = {0};
        grpc_testing_SimpleResponse reply;
        (void)snprintf(slot->id, sizeof slot->id, "%s-0-%lu", own.tag,
                       (unsigned long)slot->calls);
        slot->began = peers_now();
        grpc_status status = grpc_testing_TestService_UnaryCall(
            channel, &arena, &request, &reply,
            &(grpc_call_options){.timeout_ms = own.timeout_ms,
                                 .wait_for_ready = slot_waits(slot),
                                 .metadata =
                                     GRPC_METADATA({"peers-id", slot->id, 0})});
        peers_say("call %s unary %s %s %.6f %.6f %s", slot->id,
                  slot_waits(slot) ? "wait" : "fast",
                  status.code == GRPC_OK ? "OK" : grpc_code_name(status.code),
                  slot->began, peers_now(), status.message);
        grpc_arena_free(&arena);
        peers_sleep(own.pace_ms);
    }
    grpc_channel_free(channel);
    peers_say("done %lu %lu", (unsigned long)slot->calls,
              (unsigned long)slot->calls);
    return 0;
}

int main(int argc, char **argv)
{
    static grpc_channel_options options;
    uint32_t blocking = 0;
    const char *target = NULL;
    uint32_t without_calls = 0;
    const struct peers_flag flags[] = {
        {"target", &target, NULL},
        {"kind", &own.kind, NULL},
        {"wait-for-ready", &own.wait, NULL},
        {"tag", &own.tag, NULL},
        {"concurrency", NULL, &own.concurrency},
        {"calls", NULL, &own.calls},
        {"pace-ms", NULL, &own.pace_ms},
        {"sleep-ms", NULL, &own.sleep_ms},
        {"sleep-most-ms", NULL, &own.sleep_most_ms},
        {"blocking", NULL, &blocking},
        {"slow-calls", NULL, &own.slow_calls},
        {"timeout-ms", NULL, &own.timeout_ms},
        {"size", NULL, &own.size},
        {"messages", NULL, &own.messages},
        {"keepalive-ms", NULL, &options.keepalive_ms},
        {"keepalive-timeout-ms", NULL, &options.keepalive_timeout_ms},
        {"keepalive-without-calls", NULL, &without_calls},
        {"idle-timeout-ms", NULL, &options.idle_timeout_ms},
        {NULL, NULL, NULL},
    };
    peers_flags(argc, argv, flags);
    if (blocking != 0) {
        return client_block(target, options);
    }
    own.loop = grpc_loop_new(
        &(grpc_loop_options){.log = peers_log, .log_level = GRPC_LOG_INFO});
    options.loop = own.loop;
    options.keepalive_without_calls = without_calls != 0;
    own.channel = grpc_channel_new(target, &options);
    if (own.channel == NULL) {
        peers_die("the channel", "no memory");
    }
    grpc_channel_watch(own.channel, client_changed, NULL);
    peers_on_input_end(own.loop, client_stop, NULL);
    client_begin();
    grpc_result result = grpc_loop_run(own.loop);
    peers_forget_input();
    grpc_channel_free(own.channel);
    peers_say("done %lu %lu", (unsigned long)own.started,
              (unsigned long)own.ended);
    return result == GRPC_OK && grpc_loop_free(own.loop) == GRPC_OK ? 0 : 1;
}
