// SPDX-License-Identifier: MIT
// A client of the chaos: some channels, each with a few calls at a time. It
// holds every end against what has been promised, and against what the driver
// has done (chaos_causes.c).

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grpc.h"
#include "tests/chaos/chaos_board.h"
#include "tests/chaos/chaos_message.h"
#include "tests/support.h"

enum {
    CHAOS_KEEPALIVE_MS = 10000,        // the least that there is
    CHAOS_KEEPALIVE_TIMEOUT_MS = 3000, // the machine may be busy
    CHAOS_CONNECT_MS = 5000,
    CHAOS_DEADLINE_LATE_MS = 3000,
    // A call without a deadline: keepalive, three addresses that do not answer,
    // and as much once more. One that waits for ready may meet several.
    CHAOS_FAST_MOST_MS = 45000,
    CHAOS_WAIT_MOST_MS = 90000,
    CHAOS_STILL_MS = 90000,
    CHAOS_WATCH_MS = 500,
    CHAOS_WARM_MS = 4000,
    CHAOS_WARM_DELAY_MS = 600, // longer than calls have between them
    CHAOS_QUIET_MS = 1000,
    // What may be held when no call is open, above what was after the warming.
    CHAOS_HELD_BYTES = 262144,
    CHAOS_RESIDENT_BYTES = 16777216,
    CHAOS_FILES_MOST = 4 * CHAOS_CHANNELS, // connections that end, too
};

enum chaos_phase { CHAOS_WARMING, CHAOS_RUNNING, CHAOS_ENDING };

struct chaos_channel {
    grpc_channel *channel;
    uint64_t heard_ms; // a server has answered a call
    bool is_still;     // that is said already
    grpc_connectivity state;
};

struct chaos_try {
    struct chaos_client *own;
    struct chaos_channel *channel;
    uint32_t slot;
    grpc_call *call; // NULL: there is none
    grpc_timer *next;
    grpc_timer *cancel;
    enum chaos_act act;
    bool is_unary;
    bool waits_for_ready;
    bool was_cancelled;
    bool is_late;      // that is said already
    uint64_t began_ms; // in the loop's time
    uint32_t timeout_ms;
    uint32_t count;
    uint32_t size;
    uint32_t delay_ms;
    uint32_t sent;
    uint32_t received;
    uint64_t number;
};

struct chaos_client {
    struct chaos_board *board;
    struct chaos_client_board *own;
    int index;
    grpc_loop *loop;
    struct test_heap heap;
    uint64_t random;
    uint64_t numbers;
    enum chaos_phase phase;
    uint64_t phase_ms; // when it has begun
    uint64_t quiet_ms; // since when no call has been open; 0: one is
    size_t held;       // after the warming
    uint64_t resident;
    uint32_t open;
    uint32_t files; // before
    struct chaos_channel channels[CHAOS_CHANNELS];
    struct chaos_try tries[CHAOS_CALLS];
};

static uint32_t chaos_random(struct chaos_client *own, uint32_t below)
{
    return test_random(&own->random) % below;
}

static uint32_t chaos_between(struct chaos_client *own, uint32_t least,
                              uint32_t most)
{
    return least + chaos_random(own, most - least + 1);
}

static void chaos_wait(struct chaos_try *try);

// ---- The end of a call ------------------------------------------------------

static void chaos_complain(struct chaos_try *try, enum chaos_wrong what,
                           const char *why, grpc_code code, const char *text)
{
    chaos_say_wrong(
        try->own->board, what,
        "client %d, call %llu (%s, %s%s, %u of %u messages sent, %u received, "
        "deadline %u ms) after %llu ms: %s: %s: %s",
        try->own->index, (unsigned long long)try->number,
        chaos_act_name(try->act), try->is_unary ? "unary" : "streamed",
        try->waits_for_ready ? ", waits for ready" : "", try->sent, try->count,
        try->received, try->timeout_ms,
        (unsigned long long)(grpc_loop_now(try->own->loop) - try->began_ms),
        why, grpc_code_name(code), text);
}

static void chaos_check_unavailable(struct chaos_try *try, grpc_call *call,
                                    const grpc_status *status)
{
    bool is_connect = false;
    bool was_sent = grpc_call_peer(call)[0] != '\0';
    const char *clause =
        chaos_causes(try->own->board, status->message, was_sent, &is_connect);
    atomic_fetch_add(was_sent ? &try->own->own->lost : &try->own->own->unsent,
                     1);
    bool may_be_ended = try->act == CHAOS_NEVER && // by the end of a grace
                        strstr(status->message, "GOAWAY") != NULL;
    if (strstr(status->message, "keepalive") != NULL) {
        atomic_fetch_add(&try->own->own->keepalives, 1);
    }
    if (is_connect && try->waits_for_ready) {
        chaos_complain(try, CHAOS_WRONG_LOST, "it was to wait", status->code,
                       status->message);
    } else if (clause != NULL && !may_be_ended) {
        chaos_complain(try, CHAOS_WRONG_END, clause, status->code,
                       status->message);
    }
}

static uint32_t chaos_replies(const struct chaos_try *try)
{
    return try->act == CHAOS_SINK ? 1 : try->count;
}

static void chaos_check_ok(struct chaos_try *try, grpc_call *call,
                           const grpc_status *status)
{
    grpc_str value;
    bool has_header = grpc_call_header(call, "soak-header", &value) &&
                      strcmp(value.data, chaos_act_name(try->act)) == 0;
    bool has_trailer = grpc_call_trailer(call, "soak-trailer-bin", &value) &&
                       value.size == 2 && memcmp(value.data, "\0\1", 2) == 0;
    if (try->act > CHAOS_SINK || try->received != chaos_replies(try)) {
        chaos_complain(try, CHAOS_WRONG_CONTENT, "not all replies",
                       status->code, status->message);
    } else if (!has_header || !has_trailer) {
        chaos_complain(try, CHAOS_WRONG_CONTENT, "not its metadata",
                       status->code, status->message);
    }
}

static void chaos_check_status(struct chaos_try *try, grpc_call *call,
                               const grpc_status *status)
{
    uint64_t age_ms = grpc_loop_now(try->own->loop) - try->began_ms;
    bool is_due = try->timeout_ms != 0 && age_ms >= try->timeout_ms;
    if (status->code == GRPC_OK) {
        chaos_check_ok(try, call, status);
        return;
    }
    if (status->code == GRPC_UNAVAILABLE) {
        chaos_check_unavailable(try, call, status);
        return;
    }
    bool good =
        (status->code == GRPC_FAILED_PRECONDITION && try->act == CHAOS_FAIL) ||
        (status->code == GRPC_DEADLINE_EXCEEDED && is_due) ||
        (status->code == GRPC_CANCELLED && try->was_cancelled);
    if (!good) {
        chaos_complain(try, CHAOS_WRONG_END, "no cause", status->code,
                       status->message);
    }
}

// chaos_check_handlers: one handler at most has begun for the call, and one
// exactly when it went well. (Not every server counts.)
static void chaos_check_handlers(struct chaos_try *try, grpc_call *call,
                                 const grpc_status *status)
{
    _Atomic uint64_t *word = &try->own->own->slots[try->slot];
    uint64_t count = atomic_exchange(word, 0) & 0xff;
    const char *colon = strrchr(grpc_call_peer(call), ':');
    const struct chaos_endpoint *endpoint =
        colon == NULL
            ? NULL
            : chaos_endpoint_of(try->own->board,
                                (unsigned)strtoul(colon + 1, NULL, 10));
    bool counts =
        endpoint != NULL && !try->own->board->servers[endpoint->server].is_go;
    atomic_fetch_add(&try->own->own->handled, count);
    if (count > 1 || (status->code == GRPC_OK && counts && count != 1)) {
        chaos_complain(try, CHAOS_WRONG_TWICE,
                       count == 0 ? "no handler" : "two handlers", status->code,
                       status->message);
    }
}

static void chaos_check_time(struct chaos_try *try, const grpc_status *status)
{
    uint64_t age_ms = grpc_loop_now(try->own->loop) - try->began_ms;
    if (try->timeout_ms != 0 &&
        age_ms > try->timeout_ms + CHAOS_DEADLINE_LATE_MS) {
        chaos_complain(try, CHAOS_WRONG_LATE, "past its deadline", status->code,
                       status->message);
    }
}

static void chaos_ended(grpc_call *call, const grpc_status *status,
                        struct chaos_try *try)
{
    struct chaos_client *own = try->own;
    if (try->call == NULL) {
        chaos_complain(try, CHAOS_WRONG_TWICE, "a second end", status->code,
                       status->message);
        return;
    }
    chaos_check_status(try, call, status);
    chaos_check_handlers(try, call, status);
    chaos_check_time(try, status);
    if (status->code == GRPC_OK || status->code == GRPC_FAILED_PRECONDITION) {
        try->channel->heard_ms = chaos_now_ms();
        try->channel->is_still = false;
    }
    atomic_fetch_add(&own->own->ended, 1);
    atomic_fetch_add(&own->own->codes[(unsigned)status->code % CHAOS_CODES], 1);
    grpc_timer_stop(try->cancel);
    try->cancel = NULL;
    try->call = NULL;
    own->open--;
    chaos_wait(try);
}

// ---- What a call does -------------------------------------------------------

static void chaos_cancel(void *argument)
{
    struct chaos_try *try = argument;
    try->cancel = NULL;
    try->was_cancelled = true;
    grpc_cancel(try->call);
}

static bool chaos_streams_requests(const struct chaos_try *try)
{
    return !try->is_unary && try->act != CHAOS_MANY;
}

static void chaos_send(grpc_call *call, void *self)
{
    struct chaos_try *try = self;
    while (try->sent < try->count) {
        grpc_result result = grpc_call_send_bytes(
            call, chaos_message(try->sent, try->size), NULL, NULL);
        if (result != GRPC_OK) {
            if (result != GRPC_AGAIN && result != GRPC_ESTATE) {
                chaos_complain(try, CHAOS_WRONG_CONTENT,
                               grpc_result_name(result), GRPC_OK,
                               "a request is refused");
            }
            return;
        }
        try->sent++;
    }
    if (try->act != CHAOS_NEVER) {
        (void)grpc_call_half_close(call);
    }
}

static void chaos_take(struct chaos_try *try, grpc_str message)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", try->count);
    grpc_str expected = try->act == CHAOS_SINK
                            ? (grpc_str){text, strlen(text)}
                            : chaos_message(try->received, try->size);
    try->received++;
    if (message.size != expected.size ||
        memcmp(message.data, expected.data, message.size) != 0) {
        chaos_complain(try, CHAOS_WRONG_CONTENT, "another message", GRPC_OK,
                       "");
    }
}

static void chaos_on_reply(grpc_call *call, const void *reply,
                           grpc_function *callback, void *self)
{
    const grpc_str *message = reply;
    (void)call;
    (void)callback;
    chaos_take(self, *message);
}

static void chaos_done(grpc_call *call, const grpc_status *status,
                       const void *reply, grpc_function *callback, void *self)
{
    const grpc_str *message = reply;
    (void)callback;
    if (message != NULL && status->code == GRPC_OK) {
        chaos_take(self, *message);
    }
    chaos_ended(call, status, self);
}

static void chaos_nothing(void)
{
}

#define CHAOS_METHOD(name, requests, replies)                       \
 {                                                                  \
  .path = "/soak.Soak/" name, .codec = &grpc_raw,                   \
  .request_size = sizeof(grpc_str), .reply_size = sizeof(grpc_str), \
  .done = chaos_done, .on_reply = chaos_on_reply,                   \
  .streams_requests = (requests), .streams_replies = (replies),     \
 }

// The four kinds of calls.
static const grpc_method chaos_unary = CHAOS_METHOD("One", false, false);
static const grpc_method chaos_server_stream =
    CHAOS_METHOD("Many", false, true);
static const grpc_method chaos_client_stream =
    CHAOS_METHOD("Sink", true, false);
static const grpc_method chaos_both_stream = CHAOS_METHOD("Both", true, true);

static const grpc_method *chaos_method(const struct chaos_try *try)
{
    return try->is_unary            ? &chaos_unary
           : try->act == CHAOS_MANY ? &chaos_server_stream
           : try->act == CHAOS_SINK ? &chaos_client_stream
                                    : &chaos_both_stream;
}

static void chaos_plan(struct chaos_try *try)
{
    struct chaos_client *own = try->own;
    uint32_t dice = chaos_random(own, 100);
    try->act = dice < 80   ? CHAOS_ECHO
               : dice < 86 ? CHAOS_MANY
               : dice < 92 ? CHAOS_SINK
               : dice < 96 ? CHAOS_FAIL
                           : CHAOS_NEVER;
    try->is_unary = (try->act == CHAOS_ECHO && chaos_random(own, 100) < 85) ||
                    (try->act >= CHAOS_FAIL && chaos_random(own, 2) == 0);
    try->waits_for_ready = chaos_random(own, 2) == 0;
    try->count = try->is_unary ? 1 : chaos_between(own, 1, 12);
    try->size =
        chaos_random(own, chaos_random(own, 12) == 0 ? CHAOS_SIZE_MOST : 400);
    try->delay_ms = chaos_random(own, 3) == 0 ? chaos_random(own, 400) : 0;
    try->timeout_ms =
        chaos_random(own, 2) == 0 ? chaos_between(own, 20, 3000) : 0;
    if (own->phase == CHAOS_WARMING && try->delay_ms < CHAOS_WARM_DELAY_MS) {
        // All calls are open at the same time once: as many as there ever are.
        try->act = try->act == CHAOS_FAIL ? CHAOS_ECHO : try->act;
        try->delay_ms = CHAOS_WARM_DELAY_MS;
    }
    try->began_ms = grpc_loop_now(own->loop); // as deadlines count
    try->was_cancelled = false;
    try->is_late = false;
    try->sent = 0;
    try->received = 0;
    try->number = ++own->numbers;
}

static void chaos_start(struct chaos_try *try)
{
    const grpc_events events = {
        .message = chaos_nothing, .writable = chaos_send, .end = chaos_nothing};
    char texts[6][24];
    uint64_t values[6] = {try->count,    try->size,
                          try->delay_ms, (uint64_t)try->own->index,
                          try->slot,     try->number};
    for (int i = 0; i < 6; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%llu",
                       (unsigned long long)values[i]);
    }
    const grpc_call_options options = {
        .timeout_ms = try->timeout_ms,
        .wait_for_ready = try->waits_for_ready,
        .metadata = GRPC_METADATA(
            {"soak-act", chaos_act_name(try->act), 0},
            {"soak-count", texts[0], 0}, {"soak-size", texts[1], 0},
            {"soak-delay", texts[2], 0}, {"chaos-client", texts[3], 0},
            {"chaos-slot", texts[4], 0}, {"chaos-number", texts[5], 0},
            {"soak-trace-bin", "\0\xff\1", 3}),
    };
    const grpc_str first = chaos_message(0, try->size);
    const grpc_method *method = chaos_method(try);
    grpc_channel *channel = try->channel->channel;
    try->call =
        try->is_unary
            ? grpc_unary_start(channel, method, &first, chaos_nothing, try,
                               &options)
            : grpc_stream_start(channel, method,
                                chaos_streams_requests(try) ? NULL : &first,
                                &events, try, &options);
}

static void chaos_begin(void *argument)
{
    struct chaos_try *try = argument;
    struct chaos_client *own = try->own;
    try->next = NULL;
    chaos_plan(try);
    atomic_store(&own->own->slots[try->slot], try->number << 8);
    chaos_start(try);
    if (try->call == NULL) {
        chaos_complain(try, CHAOS_WRONG_END, "does not start", GRPC_OK,
                       grpc_channel_error(try->channel->channel));
        return;
    }
    atomic_fetch_add(&own->own->started, 1);
    own->open++;
    if (chaos_random(own, 12) == 0 ||
        (try->act == CHAOS_NEVER && try->timeout_ms == 0)) {
        try->cancel = grpc_timer_start(own->loop, chaos_random(own, 500),
                                       chaos_cancel, try);
    }
    if (chaos_streams_requests(try)) {
        chaos_send(try->call, try);
    }
}

// chaos_wait begins the next call after a while, that is sometimes long enough
// for a channel to become idle.
static void chaos_wait(struct chaos_try *try)
{
    struct chaos_client *own = try->own;
    if (own->phase == CHAOS_ENDING ||
        (own->phase == CHAOS_WARMING &&
         chaos_now_ms() - own->phase_ms > CHAOS_WARM_MS)) {
        return;
    }
    uint32_t delay_ms = own->phase == CHAOS_RUNNING && chaos_random(own, 5) == 0
                            ? chaos_between(own, 1000, 5000)
                            : chaos_between(own, 10, 500);
    try->next = grpc_timer_start(own->loop, delay_ms, chaos_begin, try);
}

// ---- What is watched all the time -------------------------------------------

static void chaos_watch_call(struct chaos_try *try, uint64_t now_ms)
{
    uint64_t most_ms = try->timeout_ms != 0
                           ? try->timeout_ms + CHAOS_DEADLINE_LATE_MS
                       : try->waits_for_ready ? CHAOS_WAIT_MOST_MS
                                              : CHAOS_FAST_MOST_MS;
    if (try->call != NULL && !try->is_late &&
        now_ms - try->began_ms > most_ms) {
        try->is_late = true;
        chaos_complain(
            try, CHAOS_WRONG_LATE,
            grpc_connectivity_name(grpc_channel_state(try->channel->channel)),
            GRPC_OK, grpc_channel_failure(try->channel->channel));
        try->was_cancelled = true;
        grpc_cancel(try->call);
    }
}

static void chaos_watch_channel(struct chaos_client *own,
                                struct chaos_channel *channel, uint64_t now_ms)
{
    if (!channel->is_still && now_ms - channel->heard_ms > CHAOS_STILL_MS) {
        channel->is_still = true;
        chaos_say_wrong(
            own->board, CHAOS_WRONG_STILL,
            "client %d, channel %d is %s, and no call has been answered for "
            "%llu ms: %s",
            own->index, (int)(channel - own->channels),
            grpc_connectivity_name(grpc_channel_state(channel->channel)),
            (unsigned long long)(now_ms - channel->heard_ms),
            grpc_channel_failure(channel->channel));
    }
}

static void chaos_tell(struct chaos_client *own)
{
    uint32_t files = chaos_files(getpid());
    atomic_store(&own->own->held, own->heap.live_bytes);
    atomic_store(&own->own->resident, chaos_resident());
    atomic_store(&own->own->files, files);
    if (files > own->files + CHAOS_FILES_MOST) {
        chaos_say_wrong(own->board, CHAOS_WRONG_FILES,
                        "client %d has %u descriptors", own->index, files);
    }
}

static void chaos_look(struct chaos_client *own)
{
    size_t held = own->heap.live_bytes;
    uint64_t resident = chaos_resident();
    if (own->held == 0) {
        own->held = held;
        own->resident = resident;
        return;
    }
    printf("client %d: held %zu bytes at first, %zu at the end; resident %llu "
           "KiB, %llu KiB\n",
           own->index, own->held, held,
           (unsigned long long)own->resident / 1024,
           (unsigned long long)resident / 1024);
    if (held > own->held + CHAOS_HELD_BYTES ||
        resident > own->resident + CHAOS_RESIDENT_BYTES) {
        chaos_say_wrong(own->board, CHAOS_WRONG_MEMORY,
                        "client %d holds more than at first", own->index);
    }
}

static void chaos_run_all(struct chaos_client *own, enum chaos_phase phase)
{
    own->phase = phase;
    own->phase_ms = chaos_now_ms();
    for (int i = 0; i < CHAOS_CALLS; i++) {
        chaos_wait(&own->tries[i]);
    }
}

static bool chaos_has_next(const struct chaos_client *own)
{
    for (int i = 0; i < CHAOS_CALLS; i++) {
        if (own->tries[i].next != NULL) {
            return true;
        }
    }
    return false;
}

// chaos_watch_phase goes on when nothing has been open for a while: from the
// warming to the run, and from that to the end.
static void chaos_watch_phase(struct chaos_client *own, uint64_t now_ms)
{
    if (own->phase == CHAOS_RUNNING && atomic_load(&own->board->is_over)) {
        own->phase = CHAOS_ENDING;
        for (int i = 0; i < CHAOS_CALLS; i++) {
            grpc_timer_stop(own->tries[i].next);
            own->tries[i].next = NULL;
        }
    }
    if (own->open > 0 || chaos_has_next(own)) {
        own->quiet_ms = 0;
    } else if (own->quiet_ms == 0) {
        own->quiet_ms = now_ms;
    } else if (now_ms - own->quiet_ms < CHAOS_QUIET_MS) {
        return;
    } else if (own->phase == CHAOS_WARMING) {
        chaos_look(own);
        atomic_store(&own->own->is_running, true);
        chaos_run_all(own, CHAOS_RUNNING);
    } else if (own->phase == CHAOS_ENDING) {
        chaos_look(own);
        grpc_loop_stop(own->loop);
    }
}

static void chaos_watch(void *argument)
{
    struct chaos_client *own = argument;
    uint64_t now_ms = chaos_now_ms();
    for (int i = 0; i < CHAOS_CALLS; i++) {
        chaos_watch_call(&own->tries[i], grpc_loop_now(own->loop));
    }
    for (int i = 0; i < CHAOS_CHANNELS && own->phase == CHAOS_RUNNING; i++) {
        chaos_watch_channel(own, &own->channels[i], now_ms);
    }
    chaos_tell(own);
    chaos_watch_phase(own, now_ms);
    (void)grpc_timer_start(own->loop, CHAOS_WATCH_MS, chaos_watch, own);
}

static void chaos_changed(grpc_channel *channel, grpc_connectivity state,
                          void *self)
{
    struct chaos_client_board *own = self;
    (void)channel;
    if (state == GRPC_READY) {
        atomic_fetch_add(&own->ready, 1);
    }
}

// ---- Life -------------------------------------------------------------------

// chaos_target has so many servers, each behind its proxy or not.
static void chaos_target(struct chaos_client *own, uint32_t count,
                         char text[96])
{
    uint32_t first = chaos_random(own, CHAOS_SERVERS);
    int size = snprintf(text, 96, "ipv4:");
    for (uint32_t i = 0; i < count; i++) {
        uint32_t server = (first + i) % CHAOS_SERVERS;
        uint32_t endpoint = 2 * server + chaos_random(own, 2);
        size +=
            snprintf(text + size, 96 - (size_t)size, "%s127.0.0.1:%u",
                     i == 0 ? "" : ",", own->board->endpoints[endpoint].port);
    }
}

static void chaos_open(struct chaos_client *own, int i)
{
    char target[96];
    // (One that has one alone has to wait for it.)
    chaos_target(own, i % 5 == 0 ? 1 : 3, target);
    const grpc_channel_options options = {
        .loop = own->loop,
        .connect_timeout_ms = CHAOS_CONNECT_MS,
        .backoff = {.base_ms = 100, .max_ms = 2000},
        .attempt_delay_ms = chaos_between(own, 100, 400),
        .idle_timeout_ms = i % 3 == 0 ? 1500 : GRPC_NEVER,
        .keepalive_ms = CHAOS_KEEPALIVE_MS,
        .keepalive_timeout_ms = CHAOS_KEEPALIVE_TIMEOUT_MS,
        .keepalive_without_calls = i % 2 == 0,
    };
    own->channels[i].channel = grpc_channel_new(target, &options);
    own->channels[i].heard_ms = chaos_now_ms();
    grpc_channel_watch(own->channels[i].channel, chaos_changed, own->own);
    for (int n = 0; n < CHAOS_CHAINS; n++) {
        uint32_t slot = (uint32_t)(i * CHAOS_CHAINS + n);
        own->tries[slot] = (struct chaos_try){
            .own = own, .channel = &own->channels[i], .slot = slot};
    }
}

int chaos_call(struct chaos_board *board, int index, uint64_t seed)
{
    static struct chaos_client client;
    struct chaos_client *own = &client;
    own->board = board;
    own->own = &board->clients[index];
    own->index = index;
    own->random = seed;
    own->files = chaos_files(getpid());
    test_heap_init(&own->heap);
    own->loop =
        grpc_loop_new(&(grpc_loop_options){.allocator = own->heap.allocator});
    for (int i = 0; i < CHAOS_CHANNELS; i++) {
        chaos_open(own, i);
    }
    chaos_run_all(own, CHAOS_WARMING);
    chaos_watch(own);
    (void)grpc_loop_run(own->loop);
    for (int i = 0; i < CHAOS_CHANNELS; i++) {
        grpc_channel_free(own->channels[i].channel);
    }
    if (grpc_loop_free(own->loop) != GRPC_OK ||
        !test_heap_is_clean(&own->heap)) {
        chaos_say_wrong(board, CHAOS_WRONG_MEMORY,
                        "client %d leaves %zu blocks, %zu bytes", index,
                        own->heap.live_blocks, own->heap.live_bytes);
    }
    uint32_t files = chaos_files(getpid());
    atomic_store(&own->own->files, files);
    if (files != own->files) {
        chaos_say_wrong(board, CHAOS_WRONG_FILES,
                        "client %d has %u descriptors, and had %u", index,
                        files, own->files);
    }
    return 0;
}
