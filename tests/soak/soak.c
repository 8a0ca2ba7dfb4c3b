// SPDX-License-Identifier: MIT
// Usage: soak server
//        soak client TARGET SECONDS
// Mixed calls over real sockets, for a long time: streams that echo, that come
// from the server alone, that fail, that never end; with deadlines and cancels
// at random moments. In the end every call has had the end that it had to have,
// and memory is where it was after the first round.
//
// What a server does is said in the request's metadata, "soak-act" (README.md).
// The server prints its port, runs until SIGTERM, and then answers for its
// memory with its exit status.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grpc.h"
#include "tests/support.h"

enum {
    SOAK_CALLS = 64, // at a time
    SOAK_CHANNELS = 3,
    SOAK_ROUND_MS = 1000,
    SOAK_PAUSE_MS = 400, // between rounds, for the server to look at its memory
    SOAK_QUIET_MS = 200,
    SOAK_WATCH_MS = 20,
    SOAK_DRAIN_MS = 20000, // no call takes longer
    SOAK_SIZE_MOST = 40000,
    // A deadline counts from when the server began its step, which may be long
    // where other programs want the machine, too.
    SOAK_EARLY_MS = 250,
    // What may be held when no call is open, above what was after the first
    // round: the allocator's count, and the process as the system sees it.
    SOAK_HELD_BYTES = 262144,
    SOAK_RESIDENT_BYTES = 16777216,
};

enum soak_act { SOAK_ECHO, SOAK_MANY, SOAK_SINK, SOAK_FAIL, SOAK_NEVER };

static const char *const soak_acts[] = {"echo", "many", "sink", "fail",
                                        "never"};

static _Noreturn void soak_die(const char *what, long long a, long long b)
{
    (void)fprintf(stderr, "soak: %s (%lld, %lld)\n", what, a, b);
    exit(1);
}

#define SOAK_CHECK(condition, what, a, b)            \
 do {                                                \
  if (!(condition)) {                                \
   soak_die((what), (long long)(a), (long long)(b)); \
  }                                                  \
 } while (0)

// soak_resident is what the process takes, in bytes.
static size_t soak_resident(void)
{
    unsigned long size = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL) {
        if (fscanf(file, "%lu %lu", &size, &resident) != 2) {
            resident = 0;
        }
        (void)fclose(file);
    }
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static const char *soak_pattern(void)
{
    static char pattern[SOAK_SIZE_MOST + 256];
    if (pattern[0] == 0) {
        for (size_t i = 0; i < sizeof pattern; i++) {
            pattern[i] = (char)(i * 7 % 251 + 1);
        }
    }
    return pattern;
}

// soak_message is the n-th one of size bytes.
static grpc_str soak_message(uint32_t n, size_t size)
{
    return (grpc_str){soak_pattern() + n % 251, size};
}

// ---- Memory -----------------------------------------------------------------

struct soak_memory {
    struct test_heap heap;
    size_t held; // after the first round; 0: not yet
    size_t resident;
};

static void soak_look(struct soak_memory *memory, bool is_last)
{
    size_t held = memory->heap.live_bytes;
    size_t resident = soak_resident();
    if (memory->held == 0) {
        memory->held = held;
        memory->resident = resident;
    }
    SOAK_CHECK(held <= memory->held + SOAK_HELD_BYTES,
               "more memory is held than at first", held, memory->held);
    SOAK_CHECK(resident <= memory->resident + SOAK_RESIDENT_BYTES,
               "the process has grown", resident, memory->resident);
    if (is_last) {
        printf("held %zu bytes at first, %zu at the end; resident %zu KiB, "
               "%zu KiB\n",
               memory->held, held, memory->resident / 1024, resident / 1024);
    }
}

// ---- The server -------------------------------------------------------------

struct soak_server {
    grpc_loop *loop;
    grpc_server *server;
    struct soak_memory memory;
    uint64_t begun;
    uint64_t begun_before; // when soak_watch looked last
    uint64_t quiet;        // times that it has found nothing to do
    uint64_t ended;
    uint64_t told;
    uint64_t open;
};

// One call of the server's, in the call's memory.
struct soak_answer {
    struct soak_server *own;
    grpc_call *call;
    enum soak_act act;
    uint32_t count;
    uint32_t size;
    uint32_t sent;
    uint32_t received;
    char *waiting; // an echo for which there is no room
    size_t waiting_size;
    bool ends;
};

static grpc_server *soak_stopped;

static void soak_on_signal(int number)
{
    (void)number;
    grpc_server_stop(soak_stopped);
}

static uint32_t soak_number(grpc_call *call, const char *key)
{
    grpc_str value;
    return grpc_call_header(call, key, &value)
               ? (uint32_t)strtoul(value.data, NULL, 10)
               : 0;
}

static void soak_over(struct soak_answer *answer)
{
    answer->own->open--;
    free(answer->waiting);
    answer->waiting = NULL;
}

static void soak_told(void *argument)
{
    struct soak_answer *answer = argument;
    answer->own->told++;
    soak_over(answer);
}

static void soak_finish(struct soak_answer *answer, grpc_code code)
{
    answer->own->ended++;
    soak_over(answer);
    (void)grpc_call_finish(answer->call, code, code == GRPC_OK ? NULL : "soak");
}

static void soak_push(grpc_call *call, void *argument)
{
    struct soak_answer *answer = argument;
    while (answer->act == SOAK_MANY && answer->sent < answer->count) {
        grpc_result result = grpc_call_send_bytes(
            call, soak_message(answer->sent, answer->size), NULL, NULL);
        if (result != GRPC_OK) {
            SOAK_CHECK(result == GRPC_AGAIN, "a reply is refused", result, 0);
            return;
        }
        answer->sent++;
    }
    if (answer->waiting != NULL) {
        grpc_str echo = {answer->waiting, answer->waiting_size};
        grpc_result result = grpc_call_send_bytes(call, echo, NULL, NULL);
        SOAK_CHECK(result == GRPC_OK, "no room, though told so", result, 0);
        free(answer->waiting);
        answer->waiting = NULL;
        grpc_call_resume(call);
    }
    if (answer->ends || answer->act == SOAK_MANY) {
        soak_finish(answer, GRPC_OK);
    }
}

static void soak_echo(struct soak_answer *answer, grpc_str message)
{
    grpc_result result =
        grpc_call_send_bytes(answer->call, message, NULL, NULL);
    if (result == GRPC_AGAIN) {
        answer->waiting = malloc(message.size + 1);
        SOAK_CHECK(answer->waiting != NULL, "no memory", 0, 0);
        memcpy(answer->waiting, message.data, message.size);
        answer->waiting_size = message.size;
        grpc_call_pause(answer->call);
        return;
    }
    SOAK_CHECK(result == GRPC_OK, "an echo is refused", result, 0);
}

static void soak_request(grpc_call *call, grpc_str message, void *argument)
{
    struct soak_answer *answer = argument;
    (void)call;
    answer->received++;
    if (answer->act == SOAK_ECHO) {
        soak_echo(answer, message);
    } else if (answer->act == SOAK_FAIL) {
        soak_finish(answer, GRPC_FAILED_PRECONDITION);
    }
}

static void soak_requests_end(grpc_call *call, void *argument)
{
    struct soak_answer *answer = argument;
    if (answer->act == SOAK_SINK) {
        char text[16];
        int size = snprintf(text, sizeof text, "%u", answer->received);
        SOAK_CHECK(grpc_call_send_bytes(call, (grpc_str){text, (size_t)size},
                                        NULL, NULL) == GRPC_OK,
                   "a count is refused", 0, 0);
    }
    if (answer->act == SOAK_ECHO || answer->act == SOAK_SINK) {
        soak_finish(answer, GRPC_OK);
    }
}

static enum soak_act soak_act_of(grpc_call *call)
{
    grpc_str name;
    SOAK_CHECK(grpc_call_header(call, "soak-act", &name), "no act", 0, 0);
    for (int i = SOAK_ECHO; i <= SOAK_NEVER; i++) {
        if (strcmp(name.data, soak_acts[i]) == 0) {
            return (enum soak_act)i;
        }
    }
    soak_die("an unknown act", 0, 0);
}

static void soak_handle(grpc_call *call, void *self)
{
    struct soak_server *own = self;
    struct soak_answer *answer = grpc_call_alloc(call, sizeof *answer);
    SOAK_CHECK(answer != NULL, "no memory", 0, 0);
    *answer = (struct soak_answer){
        .own = own,
        .call = call,
        .act = soak_act_of(call),
        .count = soak_number(call, "soak-count"),
        .size = soak_number(call, "soak-size"),
    };
    own->begun++;
    own->open++;
    grpc_call_on_end(call, soak_told, answer);
    grpc_call_on_writable(call, soak_push, answer);
    (void)grpc_call_add_header(call, "soak-header", soak_acts[answer->act]);
    (void)grpc_call_add_trailer_bytes(call, "soak-trailer-bin", "\0\1", 2);
    if (answer->act == SOAK_MANY) {
        soak_push(call, answer);
        return;
    }
    (void)grpc_raw_receive(call, soak_request, soak_requests_end, answer);
}

// soak_watch looks at memory between the client's rounds: when no call has been
// open for a while. (One that is answered may still wait for the client to take
// the answer.)
static void soak_watch(void *argument)
{
    struct soak_server *own = argument;
    bool is_quiet = own->open == 0 && own->begun == own->begun_before;
    own->quiet = is_quiet ? own->quiet + 1 : 0;
    own->begun_before = own->begun;
    if (own->begun > 0 && own->quiet == SOAK_QUIET_MS / SOAK_WATCH_MS) {
        soak_look(&own->memory, false);
    }
    (void)grpc_timer_start(own->loop, SOAK_WATCH_MS, soak_watch, own);
}

static int soak_serve(void)
{
    static struct soak_server own;
    test_heap_init(&own.memory.heap);
    own.loop = grpc_loop_new(
        &(grpc_loop_options){.allocator = own.memory.heap.allocator});
    own.server = grpc_server_new(&(grpc_server_options){.loop = own.loop});
    SOAK_CHECK(
        grpc_server_serve_raw(own.server, NULL, soak_handle, &own) == GRPC_OK &&
            grpc_server_listen(own.server, "127.0.0.1:0", NULL) == GRPC_OK,
        grpc_server_error(own.server), 0, 0);
    soak_stopped = own.server;
    (void)signal(SIGTERM, soak_on_signal);
    printf("%u\n", (unsigned)grpc_server_port(own.server));
    (void)fflush(stdout);
    soak_watch(&own);
    SOAK_CHECK(grpc_server_run(own.server) == GRPC_OK, "cannot run", 0, 0);
    soak_look(&own.memory, true);
    printf("server: %llu calls, %llu answered, %llu told of their end\n",
           (unsigned long long)own.begun, (unsigned long long)own.ended,
           (unsigned long long)own.told);
    SOAK_CHECK(own.begun == own.ended + own.told && own.open == 0,
               "calls are not accounted for", own.begun, own.ended);
    grpc_server_free(own.server);
    SOAK_CHECK(grpc_loop_free(own.loop) == GRPC_OK, "the loop stays", 0, 0);
    SOAK_CHECK(test_heap_is_clean(&own.memory.heap), "the server leaks",
               own.memory.heap.live_blocks, own.memory.heap.live_bytes);
    return 0;
}

// ---- The client -------------------------------------------------------------

struct soak_call {
    struct soak_client *own;
    grpc_call *call; // NULL: is free
    enum soak_act act;
    uint64_t began_ms;
    uint32_t timeout_ms;
    uint32_t count;
    uint32_t size;
    uint32_t sent;
    uint32_t received;
    uint32_t cancel_at; // messages
    bool cancelled;
    grpc_timer *resume;
    grpc_timer *cancel;
};

struct soak_client {
    grpc_loop *loop;
    grpc_channel *channels[SOAK_CHANNELS];
    struct soak_memory memory;
    struct soak_call calls[SOAK_CALLS];
    uint64_t random;
    uint64_t open;
    uint64_t started;
    uint64_t codes[17];
};

static uint32_t soak_random(struct soak_client *own, uint32_t below)
{
    return test_random(&own->random) % below;
}

static void soak_client_resume(void *argument)
{
    struct soak_call *call = argument;
    call->resume = NULL;
    grpc_call_resume(call->call);
}

static void soak_client_cancel(void *argument)
{
    struct soak_call *call = argument;
    call->cancel = NULL;
    call->cancelled = true;
    grpc_cancel(call->call);
}

static bool soak_sends(const struct soak_call *call)
{
    return call->act != SOAK_MANY;
}

static void soak_client_push(grpc_call *handle, void *self)
{
    struct soak_call *call = self;
    while (soak_sends(call) && call->sent < call->count) {
        grpc_result result = grpc_call_send_bytes(
            handle, soak_message(call->sent, call->size), NULL, NULL);
        if (result != GRPC_OK) {
            SOAK_CHECK(result == GRPC_AGAIN || result == GRPC_ESTATE,
                       "a request is refused", result, 0);
            return;
        }
        call->sent++;
    }
    if (call->act != SOAK_NEVER) {
        (void)grpc_call_half_close(handle);
    }
}

static void soak_reply(grpc_call *handle, grpc_str message, void *self)
{
    struct soak_call *call = self;
    uint32_t n = call->received++;
    if (call->act == SOAK_SINK) {
        char text[16];
        (void)snprintf(text, sizeof text, "%u", call->count);
        SOAK_CHECK(message.size == strlen(text) &&
                       memcmp(message.data, text, message.size) == 0,
                   "another count", call->count, message.size);
    } else {
        grpc_str expected = soak_message(n, call->size);
        SOAK_CHECK(message.size == expected.size &&
                       memcmp(message.data, expected.data, message.size) == 0,
                   "another message", n, message.size);
    }
    if (soak_random(call->own, 20) == 0 && call->resume == NULL) {
        grpc_call_pause(handle);
        call->resume =
            grpc_timer_start(call->own->loop, soak_random(call->own, 20),
                             soak_client_resume, call);
    }
    if (call->cancel_at != 0 && call->received == call->cancel_at) {
        call->cancelled = true;
        grpc_cancel(handle);
    }
}

static uint32_t soak_replies(const struct soak_call *call)
{
    return call->act == SOAK_SINK ? 1 : call->count;
}

// soak_may_end: the call has had the cause that this status needs.
static bool soak_may_end(const struct soak_call *call, grpc_code code)
{
    uint64_t now_ms = grpc_loop_now(call->own->loop);
    bool due = call->timeout_ms != 0 &&
               now_ms + SOAK_EARLY_MS >= call->began_ms + call->timeout_ms;
    if (code == GRPC_OK) {
        return call->act <= SOAK_SINK && call->received == soak_replies(call);
    }
    if (code == GRPC_CANCELLED) {
        return call->cancelled || due; // a server that resets at its deadline
    }
    if (code == GRPC_DEADLINE_EXCEEDED) {
        return due;
    }
    return call->act == SOAK_FAIL && code == GRPC_FAILED_PRECONDITION;
}

static void soak_check_metadata(const struct soak_call *call, grpc_call *handle,
                                grpc_code code)
{
    grpc_str value;
    if (code != GRPC_OK) {
        return;
    }
    SOAK_CHECK(grpc_call_header(handle, "soak-header", &value) &&
                   strcmp(value.data, soak_acts[call->act]) == 0,
               "no header", call->act, value.size);
    SOAK_CHECK(grpc_call_trailer(handle, "soak-trailer-bin", &value) &&
                   value.size == 2 && memcmp(value.data, "\0\1", 2) == 0,
               "no trailer", call->act, value.size);
}

static void soak_end(grpc_call *handle, const grpc_status *status, void *self)
{
    struct soak_call *call = self;
    struct soak_client *own = call->own;
    if (!soak_may_end(call, status->code)) {
        (void)fprintf(stderr, "soak: %s of %u and %u messages ends as %s: %s\n",
                      soak_acts[call->act], call->sent, call->received,
                      grpc_code_name(status->code), status->message);
        exit(1);
    }
    soak_check_metadata(call, handle, status->code);
    own->codes[status->code]++;
    own->open--;
    grpc_timer_stop(call->resume);
    grpc_timer_stop(call->cancel);
    call->resume = NULL;
    call->cancel = NULL;
    call->call = NULL;
}

static void soak_plan(struct soak_client *own, struct soak_call *call)
{
    uint32_t dice = soak_random(own, 100);
    *call = (struct soak_call){
        .own = own,
        .act = dice < 40   ? SOAK_ECHO
               : dice < 65 ? SOAK_MANY
               : dice < 80 ? SOAK_SINK
               : dice < 90 ? SOAK_FAIL
                           : SOAK_NEVER,
        .began_ms = grpc_loop_now(own->loop),
        .count = 1 + soak_random(own, soak_random(own, 10) == 0 ? 200 : 10),
        .size =
            soak_random(own, soak_random(own, 10) == 0 ? SOAK_SIZE_MOST : 500),
    };
    if (call->act == SOAK_NEVER || soak_random(own, 10) == 0) {
        call->timeout_ms = 1 + soak_random(own, 100);
    }
    if (soak_random(own, 10) == 0) {
        call->cancel_at = 1 + soak_random(own, 5);
    }
}

static void soak_start(struct soak_client *own, struct soak_call *call)
{
    static const grpc_raw_events events = {
        .message = soak_reply,
        .writable = soak_client_push,
        .end = soak_end,
    };
    char count[16];
    char size[16];
    soak_plan(own, call);
    (void)snprintf(count, sizeof count, "%u", call->count);
    (void)snprintf(size, sizeof size, "%u", call->size);
    own->started++;
    own->open++;
    call->call = grpc_raw_start(
        own->channels[soak_random(own, SOAK_CHANNELS)], "/soak.Soak/Talk",
        &events, call,
        &(grpc_call_options){
            .timeout_ms = call->timeout_ms,
            .wait_for_ready = true,
            .encoding = (grpc_features() & GRPC_FEATURE_GZIP) != 0 &&
                                soak_random(own, 8) == 0
                            ? "gzip"
                            : NULL,
            .metadata = GRPC_METADATA(
                {"soak-act", soak_acts[call->act], 0}, {"soak-count", count, 0},
                {"soak-size", size, 0}, {"soak-trace-bin", "\0\xff\1", 3}),
        });
    SOAK_CHECK(call->call != NULL, "a call does not start", 0, 0);
    if (soak_random(own, 12) == 0) {
        call->cancel = grpc_timer_start(own->loop, soak_random(own, 30),
                                        soak_client_cancel, call);
    }
    soak_client_push(call->call, call);
}

static void soak_round(struct soak_client *own)
{
    uint64_t until_ms = grpc_loop_now(own->loop) + SOAK_ROUND_MS;
    while (grpc_loop_now(own->loop) < until_ms) {
        for (int i = 0; i < SOAK_CALLS; i++) {
            if (own->calls[i].call == NULL) {
                soak_start(own, &own->calls[i]);
            }
        }
        SOAK_CHECK(grpc_loop_step(own->loop, 10) == GRPC_OK, "no step", 0, 0);
    }
    until_ms += SOAK_DRAIN_MS;
    while (own->open > 0) {
        SOAK_CHECK(grpc_loop_now(own->loop) < until_ms, "calls are stuck",
                   own->open, 0);
        SOAK_CHECK(grpc_loop_step(own->loop, 10) == GRPC_OK, "no step", 0, 0);
    }
}

static void soak_tell(const struct soak_client *own)
{
    uint64_t ended = 0;
    printf("client: %llu calls:", (unsigned long long)own->started);
    for (int i = 0; i <= 16; i++) {
        ended += own->codes[i];
        if (own->codes[i] > 0) {
            printf(" %llu %s", (unsigned long long)own->codes[i],
                   i == 0 ? "OK" : grpc_code_name((grpc_code)i));
        }
    }
    printf("\n");
    SOAK_CHECK(ended == own->started, "calls are not accounted for", ended,
               own->started);
    SOAK_CHECK(own->codes[GRPC_OK] > 0 && own->codes[GRPC_CANCELLED] > 0 &&
                   own->codes[GRPC_DEADLINE_EXCEEDED] > 0 &&
                   own->codes[GRPC_FAILED_PRECONDITION] > 0,
               "some end was never met", 0, 0);
}

// soak_pause leaves the server alone for a while.
static void soak_pause(struct soak_client *own)
{
    uint64_t until_ms = grpc_loop_now(own->loop) + SOAK_PAUSE_MS;
    while (grpc_loop_now(own->loop) < until_ms) {
        SOAK_CHECK(grpc_loop_step(own->loop, 10) == GRPC_OK, "cannot step", 0,
                   0);
    }
}

static int soak_call_for(const char *target, uint32_t seconds)
{
    static struct soak_client own;
    test_heap_init(&own.memory.heap);
    own.random = 1;
    own.loop = grpc_loop_new(
        &(grpc_loop_options){.allocator = own.memory.heap.allocator});
    SOAK_CHECK(own.loop != NULL, "no loop", 0, 0);
    for (int i = 0; i < SOAK_CHANNELS; i++) {
        own.channels[i] =
            grpc_channel_new(target, &(grpc_channel_options){.loop = own.loop});
        SOAK_CHECK(own.channels[i] != NULL, "no channel", i, 0);
    }
    uint64_t until_ms = grpc_loop_now(own.loop) + UINT64_C(1000) * seconds;
    do {
        soak_round(&own);
        soak_pause(&own);
        soak_look(&own.memory, false);
    } while (grpc_loop_now(own.loop) < until_ms);
    soak_look(&own.memory, true);
    soak_tell(&own);
    for (int i = 0; i < SOAK_CHANNELS; i++) {
        grpc_channel_free(own.channels[i]);
    }
    SOAK_CHECK(grpc_loop_free(own.loop) == GRPC_OK, "the loop stays", 0, 0);
    SOAK_CHECK(test_heap_is_clean(&own.memory.heap), "the client leaks",
               own.memory.heap.live_blocks, own.memory.heap.live_bytes);
    return 0;
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "server") == 0) {
        return soak_serve();
    }
    if (count == 4 && strcmp(arguments[1], "client") == 0) {
        return soak_call_for(arguments[2],
                             (uint32_t)strtoul(arguments[3], NULL, 10));
    }
    (void)fprintf(stderr, "usage: soak server | soak client TARGET SECONDS\n");
    return 2;
}
