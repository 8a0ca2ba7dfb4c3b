// SPDX-License-Identifier: MIT
// Two servers in two threads on one port, and clients in two more: calls of all
// kinds, late answers, posts and stops from elsewhere. Built to be watched by
// ThreadSanitizer, so its own threads share as little as the library's users may:
// nothing here orders what one thread does before what another does, but
// starting and joining them.
//
//     threads          the calls
//     threads race     shares a number without asking: what must be noticed

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "stream.pb.h"

enum {
    SERVERS = 2,
    CLIENTS = 2,
    ROUNDS = 12, // of each client, each with connections of its own
    REPLIES = 20,
    POSTS = 200,
    LATE = 1,  // a request's number: answered from a timer
    NEVER = 2, // not answered
    LARGE = 70000
};

// What a thread counts, for itself until it is joined.
struct counts {
    unsigned one, many, collect, talk, never, posts;
};

struct side {
    grpc_server *server;
    pthread_t thread;
    struct counts counts;
    const char *failed; // NULL: nothing
    char target[64];
};

// Relaxed: it tells the main thread when to go on, and orders nothing.
static atomic_int rounds_done;

static void pause_ms(long ms)
{
    struct timespec time = {.tv_nsec = ms * 1000000};
    nanosleep(&time, NULL);
}

// ---- The servers ------------------------------------------------------------

static void late(void *argument)
{
    grpc_call *call = argument;
    grpc_call_on_end(call, NULL, NULL);
    stream_Streams_One_reply(call, &(stream_Text){.number = LATE});
}

static void stop_timer(void *timer)
{
    grpc_timer_stop(timer);
}

static void ignore(void *argument)
{
    (void)argument;
}

static void one(grpc_call *call, const stream_Text *request, void *self)
{
    struct side *side = self;
    if (request->number == NEVER) {
        side->counts.never++;
        grpc_call_on_end(call, ignore, NULL);
        return;
    }
    side->counts.one++;
    if (request->number == LATE) {
        grpc_timer *timer =
            grpc_timer_start(grpc_call_loop(call), 1, late, call);
        grpc_call_on_end(call, stop_timer, timer);
        return;
    }
    grpc_call_add_trailer(call, "trailer", "there");
    stream_Streams_One_reply(call, request);
}

static void many_writable(grpc_call *call, void *argument)
{
    unsigned *left = argument;
    const stream_Text text = {.text = GRPC_STR("one of many")};
    while (*left > 0) {
        if (stream_Streams_Many_send(call, &text) != GRPC_OK) {
            return;
        }
        (*left)--;
    }
    grpc_call_finish(call, GRPC_OK, NULL);
}

static void many(grpc_call *call, const stream_Text *request, void *self)
{
    struct side *side = self;
    side->counts.many++;
    unsigned *left = grpc_call_alloc(call, sizeof *left);
    if (left == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, NULL);
        return;
    }
    *left = (unsigned)request->number;
    grpc_call_on_writable(call, many_writable, left);
    many_writable(call, left);
}

static void collect_message(grpc_call *call, const stream_Text *text,
                            void *argument)
{
    int32_t *seen = argument;
    (void)call;
    (void)text;
    (*seen)++;
}

static void collect_end(grpc_call *call, void *argument)
{
    const int32_t *seen = argument;
    stream_Streams_Collect_reply(call, &(stream_Text){.number = *seen});
}

static void collect(grpc_call *call, void *self)
{
    struct side *side = self;
    side->counts.collect++;
    stream_Streams_Collect_receive(call, collect_message, collect_end,
                                   grpc_call_alloc(call, sizeof(int32_t)));
}

static void talk_message(grpc_call *call, const stream_Text *text,
                         void *argument)
{
    (void)argument;
    if (stream_Streams_Talk_send_reply(call, text) != GRPC_OK) {
        grpc_call_fail(call, GRPC_INTERNAL, "no room for an answer");
    }
}

static void talk_end(grpc_call *call, void *argument)
{
    (void)argument;
    grpc_call_finish(call, GRPC_OK, NULL);
}

static void talk(grpc_call *call, void *self)
{
    struct side *side = self;
    side->counts.talk++;
    stream_Streams_Talk_receive(call, talk_message, talk_end, NULL);
}

static bool open_server(struct side *side, const char *address)
{
    const stream_Streams handlers = {
        .One = one, .Many = many, .Collect = collect, .Talk = talk};
    side->server = grpc_server_new(NULL);
    if (stream_Streams_serve(side->server, &handlers, side) != GRPC_OK ||
        grpc_server_listen(side->server, address,
                           &(grpc_listen_options){.reuse_port = true}) !=
            GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(side->server));
        return false;
    }
    return true;
}

static void *serve(void *argument)
{
    struct side *side = argument;
    if (grpc_server_run(side->server) != GRPC_OK) {
        side->failed = "a server did not run";
    }
    return NULL;
}

// ---- The clients ------------------------------------------------------------

static void expect(struct side *side, bool right, const char *what,
                   const grpc_status *status)
{
    if (!right) {
        side->failed = what;
        fprintf(stderr, "%s: %s %s\n", what, grpc_code_name(status->code),
                status->message);
    }
}

static grpc_code ask_one(struct side *side, grpc_channel *channel,
                         int32_t number, const grpc_call_options *options)
{
    static const char zeros[LARGE]; // (read by both, and never written)
    grpc_arena arena = {0};
    stream_Text reply;
    stream_Text text = {.text = GRPC_STR("hello"), .number = number};
    if (options->encoding != NULL) {
        text.data = (grpc_str){zeros, sizeof zeros};
    }
    grpc_status status =
        stream_Streams_One(channel, &arena, &text, &reply, options);
    grpc_code code = status.code;
    side->counts.one += code == GRPC_OK;
    expect(side, code != GRPC_OK || reply.number == number, "another reply",
           &status);
    grpc_arena_free(&arena);
    return code;
}

static void ask_many(struct side *side, grpc_channel *channel, bool cancel)
{
    grpc_arena arena = {0};
    const stream_Text request = {.number = REPLIES};
    grpc_call *call = stream_Streams_Many_call(channel, &arena, &request, NULL);
    const stream_Text *text;
    int seen = 0;
    while (!(cancel && seen == 2) &&
           stream_Streams_Many_next(call, &text) == GRPC_MORE) {
        seen++;
    }
    if (cancel) {
        grpc_cancel(call);
    }
    grpc_status status = grpc_call_end(call);
    expect(side,
           cancel ? status.code == GRPC_CANCELLED || status.code == GRPC_OK
                  : status.code == GRPC_OK && seen == REPLIES,
           "many", &status);
    side->counts.many++;
    grpc_arena_free(&arena);
}

static void ask_collect(struct side *side, grpc_channel *channel)
{
    grpc_arena arena = {0};
    grpc_call *call = stream_Streams_Collect_call(channel, &arena, NULL);
    stream_Text reply = {0};
    for (int i = 0; i < REPLIES; i++) {
        (void)stream_Streams_Collect_send(
            call, &(stream_Text){.text = GRPC_STR("one more")});
    }
    grpc_status status = stream_Streams_Collect_end(call, &reply);
    expect(side, status.code == GRPC_OK && reply.number == REPLIES, "collect",
           &status);
    side->counts.collect++;
    grpc_arena_free(&arena);
}

static void ask_talk(struct side *side, grpc_channel *channel)
{
    grpc_arena arena = {0};
    grpc_call *call = stream_Streams_Talk_call(channel, &arena, NULL);
    const stream_Text *reply;
    int seen = 0;
    for (int i = 0; i < REPLIES; i++) {
        (void)stream_Streams_Talk_send(call, &(stream_Text){.number = i + 1});
        if (stream_Streams_Talk_next(call, &reply) == GRPC_MORE) {
            seen++;
        }
    }
    grpc_call_half_close(call);
    while (stream_Streams_Talk_next(call, &reply) == GRPC_MORE) {
        seen++;
    }
    grpc_status status = grpc_call_end(call);
    expect(side, status.code == GRPC_OK && seen == REPLIES, "talk", &status);
    side->counts.talk++;
    grpc_arena_free(&arena);
}

struct burst {
    struct side *side;
    grpc_loop *loop;
    int open;
};

static void burst_told(grpc_call *call, const grpc_status *status,
                       const stream_Text *reply, void *self)
{
    struct burst *burst = self;
    (void)call;
    (void)reply;
    expect(burst->side, status->code == GRPC_OK, "burst", status);
    burst->side->counts.one++;
    if (--burst->open == 0) {
        grpc_loop_stop(burst->loop);
    }
}

// ask_burst has many calls at a time, on a loop of its own and two connections.
static void ask_burst(struct side *side)
{
    struct burst burst = {.side = side, .loop = grpc_loop_new(NULL)};
    const grpc_channel_options options = {.loop = burst.loop};
    grpc_channel *channels[2] = {grpc_channel_new(side->target, &options),
                                 grpc_channel_new(side->target, &options)};
    for (int i = 0; i < 2 * REPLIES; i++) {
        const stream_Text text = {.number = i % 3 == 0 ? LATE : 0};
        if (stream_Streams_One_start(channels[i % 2], &text, burst_told, &burst,
                                     NULL) != NULL) {
            burst.open++;
        }
    }
    if (burst.open != 2 * REPLIES || grpc_loop_run(burst.loop) != GRPC_OK) {
        side->failed = "burst";
    }
    grpc_channel_free(channels[0]);
    grpc_channel_free(channels[1]);
    grpc_loop_free(burst.loop);
}

// ask_nobody looks up a name, which a thread of the library's does: one that no
// system asks a network for.
static void ask_nobody(struct side *side)
{
    char target[128];
    memset(target, 'x', 100);
    memcpy(target + 100, ".invalid:1", sizeof ".invalid:1");
    grpc_channel *channel = grpc_channel_new(target, NULL);
    const grpc_call_options options = {.timeout_ms = 60000};
    if (ask_one(side, channel, 0, &options) != GRPC_UNAVAILABLE) {
        side->failed = "a name that there is not";
    }
    grpc_channel_free(channel);
}

static void ask_round(struct side *side)
{
    grpc_channel *channel = grpc_channel_new(side->target, NULL);
    const grpc_call_options whole = {
        .timeout_ms = 60000,
        .metadata = GRPC_METADATA({"user", "ann", 0}, {"id-bin", "\0\1", 2}),
        .encoding =
            (grpc_features() & GRPC_FEATURE_GZIP) != 0 ? "gzip" : "identity",
    };
    const grpc_call_options brief = {.timeout_ms = 5};
    for (int i = 0; i < 10; i++) {
        if (ask_one(side, channel, i % 2 == 0 ? LATE : 0, &whole) != GRPC_OK) {
            side->failed = "one";
        }
    }
    if (ask_one(side, channel, NEVER, &brief) != GRPC_DEADLINE_EXCEEDED) {
        side->failed = "never";
    }
    ask_many(side, channel, false);
    ask_many(side, channel, true);
    ask_collect(side, channel);
    ask_talk(side, channel);
    grpc_channel_free(channel);
}

// ask makes its rounds, and then calls until both servers have stopped under it.
static void *ask(void *argument)
{
    struct side *side = argument;
    for (int i = 0; i < ROUNDS; i++) {
        ask_round(side);
        ask_burst(side);
    }
    ask_nobody(side);
    atomic_fetch_add_explicit(&rounds_done, 1, memory_order_relaxed);
    grpc_channel *channel = grpc_channel_new(side->target, NULL);
    const grpc_call_options options = {.timeout_ms = 60000};
    grpc_code code = GRPC_OK;
    while (code == GRPC_OK) {
        code = ask_one(side, channel, 0, &options);
    }
    if (code != GRPC_UNAVAILABLE) {
        side->failed = "the last call";
    }
    grpc_channel_free(channel);
    return NULL;
}

// ---- The main thread --------------------------------------------------------

static void posted(void *argument)
{
    struct side *side = argument;
    side->counts.posts++;
}

// meddle does from here what is allowed from here while the others work.
static unsigned meddle(struct side *servers)
{
    unsigned taken = 0;
    for (int i = 0; i < POSTS; i++) {
        for (int k = 0; k < SERVERS; k++) {
            taken += grpc_loop_post(grpc_server_loop(servers[k].server), posted,
                                    &servers[k]) == GRPC_OK;
        }
        pause_ms(1);
    }
    while (atomic_load_explicit(&rounds_done, memory_order_relaxed) < CLIENTS) {
        pause_ms(1);
    }
    pause_ms(20); // the clients are calling
    for (int k = 0; k < SERVERS; k++) {
        grpc_server_stop(servers[k].server);
    }
    return taken;
}

static void sum_up(struct counts *sum, const struct side *side)
{
    sum->one += side->counts.one;
    sum->many += side->counts.many;
    sum->collect += side->counts.collect;
    sum->talk += side->counts.talk;
    sum->posts += side->counts.posts;
}

static int report(const struct side *servers, const struct side *clients,
                  unsigned posts)
{
    struct counts served = {0};
    struct counts asked = {0};
    const char *failed = NULL;
    for (int i = 0; i < SERVERS; i++) {
        sum_up(&served, &servers[i]);
        failed = servers[i].failed != NULL ? servers[i].failed : failed;
        printf("server %d: %u unary calls\n", i, servers[i].counts.one);
        failed = servers[i].counts.one == 0 ? "an idle server" : failed;
    }
    for (int i = 0; i < CLIENTS; i++) {
        sum_up(&asked, &clients[i]);
        failed = clients[i].failed != NULL ? clients[i].failed : failed;
    }
    // (The servers may have answered a last one that nobody heard of.)
    if (served.one < asked.one || served.one > asked.one + CLIENTS ||
        served.many != asked.many || served.collect != asked.collect ||
        served.talk != asked.talk || served.posts != posts) {
        failed = "the numbers";
    }
    printf("%u unary calls, %u and %u and %u streams, %u posts\n", served.one,
           served.many, served.collect, served.talk, served.posts);
    if (failed != NULL) {
        printf("failed: %s\n", failed);
    }
    return failed == NULL ? 0 : 1;
}

static unsigned shared_number;

static void *share(void *unused)
{
    for (int i = 0; i < 1000; i++) {
        shared_number++;
    }
    return unused;
}

static int race(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, share, NULL);
    share(NULL);
    pthread_join(thread, NULL);
    return shared_number == 0;
}

int main(int argc, char **argv)
{
    static struct side servers[SERVERS];
    static struct side clients[CLIENTS];
    char target[64] = "127.0.0.1:0";
    if (argc > 1 && strcmp(argv[1], "race") == 0) {
        return race();
    }
    for (int i = 0; i < SERVERS; i++) {
        if (!open_server(&servers[i], target)) {
            return 1;
        }
        snprintf(target, sizeof target, "127.0.0.1:%u",
                 (unsigned)grpc_server_port(servers[i].server));
    }
    for (int i = 0; i < SERVERS; i++) {
        pthread_create(&servers[i].thread, NULL, serve, &servers[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        memcpy(clients[i].target, target, sizeof target);
        pthread_create(&clients[i].thread, NULL, ask, &clients[i]);
    }
    unsigned posts = meddle(servers);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
    }
    for (int i = 0; i < SERVERS; i++) {
        pthread_join(servers[i].thread, NULL);
        grpc_server_free(servers[i].server); // nobody stops it any more
    }
    return report(servers, clients, posts);
}
