// SPDX-License-Identifier: MIT
// cgrpc as the client of the interop matrix (../README.md).
//
//     interop_client TARGET CASE [FLAG...]    exit status 0 when the case passes
//
// with the flags of interop_tls.h. The case `show` passes however its call ends,
// and says how.
//
// The case `concurrent` uses the asynchronous calls, all others the blocking
// ones on a channel without a loop.

#define _POSIX_C_SOURCE 200809L

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grpc.h"
#include "helloworld.pb.h"

#include "grpc_interop.h"
#include "interop.h"
#include "interop_tls.h"

enum { PATIENCE_MS = 20000 };

struct client {
    const char *target;
    grpc_channel *channel;
    grpc_credentials *credentials;
    struct interop_tls tls;
    grpc_arena arena;
};

// fail tells why a case failed and is its result.
static bool fail(const char *format, ...) GRPC_PRINTF(1, 2);

static bool fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return false;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_ms(long ms)
{
    const struct timespec span = {.tv_nsec = ms * 1000000};
    nanosleep(&span, NULL);
}

// ---- expectations -----------------------------------------------------------

// say makes a call; *greeted is the reply without its "Hello ".
static grpc_status say(struct client *client, grpc_str name,
                       uint32_t timeout_ms, grpc_str *greeted)
{
    const helloworld_HelloRequest request = {.name = name};
    const grpc_call_options options = {.timeout_ms = timeout_ms};
    helloworld_HelloReply reply = {0};
    *greeted = (grpc_str){0};
    grpc_arena_reset(&client->arena);
    grpc_status status = helloworld_Greeter_SayHello(
        client->channel, &client->arena, &request, &reply, &options);
    if (status.code == GRPC_OK && reply.message.size >= 6 &&
        memcmp(reply.message.data, "Hello ", 6) == 0) {
        *greeted = (grpc_str){reply.message.data + 6, reply.message.size - 6};
    }
    return status;
}

static bool expect_code(grpc_status status, grpc_code want)
{
    if (status.code != want) {
        return fail("%s instead of %s: %s", grpc_code_name(status.code),
                    grpc_code_name(want), status.message);
    }
    if (want != GRPC_OK && status.message_size == 0) {
        return fail("%s without a message", grpc_code_name(want));
    }
    return true;
}

static bool expect_greeted(grpc_str greeted, grpc_str want)
{
    if (greeted.data == NULL) {
        return fail("a reply that is no greeting");
    }
    if (greeted.size != want.size ||
        memcmp(greeted.data, want.data, want.size) != 0) {
        return fail("%zu bytes came back for %zu: %.80s", greeted.size,
                    want.size, greeted.data);
    }
    return true;
}

static bool expect_echo(struct client *client, grpc_str name)
{
    grpc_str greeted;
    grpc_status status = say(client, name, PATIENCE_MS, &greeted);
    return expect_code(status, GRPC_OK) && expect_greeted(greeted, name);
}

// ---- channels ---------------------------------------------------------------

static grpc_channel *connect_on(struct client *client, grpc_loop *loop)
{
    const grpc_channel_options options = {
        .loop = loop,
        .credentials = client->credentials == NULL
                           ? NULL
                           : grpc_credentials_keep(client->credentials),
        .interceptors = interop_tls_watch(&client->tls)};
    grpc_channel *channel = grpc_channel_new(client->target, &options);
    if (channel == NULL) {
        fail("no memory or no descriptors for a channel");
    }
    return channel;
}

// ---- cases ------------------------------------------------------------------

static bool check_ok(struct client *client)
{
    return expect_echo(client, GRPC_STR("world")) &&
           expect_echo(client, GRPC_STR("")) &&
           expect_echo(client, GRPC_STR("J\xC3\xB6rg \xF0\x9F\x98\x80"));
}

static bool check_large(struct client *client)
{
    static char name[INTEROP_LARGE_BYTES];
    for (size_t i = 0; i < sizeof name; i++) {
        name[i] = (char)('a' + (i * 7 + i / 251) % 26);
    }
    return expect_echo(client, (grpc_str){name, sizeof name});
}

static bool check_codes(struct client *client)
{
    static const char message[] = INTEROP_ERROR;
    for (int code = 1; code <= 16; code++) {
        char name[16];
        grpc_str greeted;
        snprintf(name, sizeof name, "code:%d", code);
        grpc_status status =
            say(client, grpc_str_z(name), PATIENCE_MS, &greeted);
        if (!expect_code(status, (grpc_code)code)) {
            return false;
        }
        if (status.message_size != sizeof message - 1 ||
            memcmp(status.message, message, sizeof message) != 0) {
            return fail("%s came with the message \"%s\"",
                        grpc_code_name((grpc_code)code), status.message);
        }
    }
    return true;
}

static bool check_unknown(struct client *client)
{
    static const char *const paths[] = {"/helloworld.Greeter/NoSuch",
                                        "/helloworld.NoSuch/SayHello"};
    const helloworld_HelloRequest request = {.name = GRPC_STR("world")};
    const grpc_call_options options = {.timeout_ms = PATIENCE_MS};
    // Methods last as long as the channel, as generated ones do.
    static grpc_method methods[2];
    for (size_t i = 0; i < 2; i++) {
        helloworld_HelloReply reply;
        methods[i] = helloworld_Greeter_service.methods[0];
        methods[i].path = paths[i];
        grpc_status status =
            grpc_unary(client->channel, &client->arena, &methods[i], &request,
                       &reply, &options);
        if (!expect_code(status, GRPC_UNIMPLEMENTED)) {
            return false;
        }
    }
    return expect_echo(client, GRPC_STR("world"));
}

// await_ended waits until the server says that the handler knows, too.
static bool await_ended(struct client *client)
{
    uint64_t until = now_ms() + 3000;
    while (now_ms() < until) {
        grpc_str greeted;
        grpc_status status =
            say(client, GRPC_STR("ended"), PATIENCE_MS, &greeted);
        if (!expect_code(status, GRPC_OK)) {
            return false;
        }
        if (greeted.data != NULL && strtoul(greeted.data, NULL, 10) > 0) {
            return true;
        }
        pause_ms(20);
    }
    return fail("the handler was not told that its call ended");
}

static bool check_deadline(struct client *client)
{
    if (!expect_echo(client, GRPC_STR("world"))) {
        return false;
    }
    grpc_str greeted;
    uint64_t began = now_ms();
    grpc_status status = say(client, GRPC_STR("sleep:5000"), 50, &greeted);
    uint64_t took = now_ms() - began;
    if (!expect_code(status, GRPC_DEADLINE_EXCEEDED)) {
        return false;
    }
    if (took < 45 || took > 2000) {
        return fail("it took %llu ms", (unsigned long long)took);
    }
    return await_ended(client);
}

// A message that says UNAVAILABLE names the address.
static bool expect_unavailable(struct client *client, grpc_status status)
{
    const char *target = client->target;
    const char *address =
        strncmp(target, "unix:", 5) == 0 ? target + 5 : target;
    if (!expect_code(status, GRPC_UNAVAILABLE)) {
        return false;
    }
    if (strstr(status.message, address) == NULL) {
        return fail("the message does not say %s: %s", address, status.message);
    }
    return true;
}

static bool check_restart(struct client *client)
{
    grpc_str greeted;
    if (!expect_echo(client, GRPC_STR("world")) ||
        !expect_unavailable(
            client, say(client, GRPC_STR("die"), PATIENCE_MS, &greeted))) {
        return false;
    }
    uint64_t until = now_ms() + PATIENCE_MS;
    while (now_ms() < until) {
        grpc_status status =
            say(client, GRPC_STR("world"), PATIENCE_MS, &greeted);
        if (status.code == GRPC_OK) {
            return expect_greeted(greeted, GRPC_STR("world"));
        }
        if (!expect_unavailable(client, status)) {
            return false;
        }
        pause_ms(50);
    }
    return fail("it did not come back");
}

static bool check_show(struct client *client)
{
    grpc_str greeted;
    grpc_status status = say(client, GRPC_STR("world"), PATIENCE_MS, &greeted);
    printf("%s %s\n", grpc_code_name(status.code), status.message);
    return true;
}

// Two connections, with the same credentials.
static bool check_resume(struct client *client)
{
    if (!expect_echo(client, GRPC_STR("world"))) {
        return false;
    }
    grpc_channel_free(client->channel);
    client->channel = connect_on(client, NULL);
    return client->channel != NULL && expect_echo(client, GRPC_STR("again"));
}

// ---- many calls at once -----------------------------------------------------

struct crowd {
    grpc_loop *loop;
    unsigned left;
    bool good;
    char address[128]; // what the first reply said
};

static void crowd_told(grpc_call *call, const grpc_status *status,
                       const helloworld_HelloReply *reply, void *self)
{
    struct crowd *crowd = self;
    (void)call;
    if (!expect_code(*status, GRPC_OK)) {
        crowd->good = false;
    } else if (crowd->address[0] == '\0') {
        snprintf(crowd->address, sizeof crowd->address, "%s",
                 reply->message.data);
    } else if (strcmp(crowd->address, reply->message.data) != 0) {
        crowd->good = fail("calls came from more than one connection");
    }
    if (--crowd->left == 0) {
        grpc_loop_stop(crowd->loop);
    }
}

static bool crowd_run(struct crowd *crowd, grpc_channel *channel)
{
    const grpc_call_options options = {.timeout_ms = PATIENCE_MS};
    char name[16];
    snprintf(name, sizeof name, "meet:%d", INTEROP_CALLS_AT_ONCE);
    const helloworld_HelloRequest request = {.name = grpc_str_z(name)};
    for (int i = 0; i < INTEROP_CALLS_AT_ONCE; i++) {
        if (helloworld_Greeter_SayHello_start(channel, &request, crowd_told,
                                              crowd, &options) == NULL) {
            return fail("a call did not start: %s",
                        grpc_channel_error(channel));
        }
        crowd->left++;
    }
    if (grpc_loop_run(crowd->loop) != GRPC_OK) {
        return fail("%s", grpc_loop_error(crowd->loop));
    }
    return crowd->good;
}

static bool check_concurrent(struct client *client)
{
    struct crowd crowd = {.loop = grpc_loop_new(NULL), .good = true};
    if (crowd.loop == NULL) {
        return fail("no memory or no descriptors for a loop");
    }
    grpc_channel *channel = connect_on(client, crowd.loop);
    bool good = channel != NULL && crowd_run(&crowd, channel);
    grpc_channel_free(channel);
    if (grpc_loop_free(crowd.loop) != GRPC_OK) {
        return fail("the loop is not empty");
    }
    return good;
}

// ---- the program ------------------------------------------------------------

static int run_case(struct client *client, const char *name)
{
    static const struct {
        const char *name;
        bool (*check)(struct client *client);
    } cases[] = {
        {"ok", check_ok},           {"concurrent", check_concurrent},
        {"large", check_large},     {"codes", check_codes},
        {"unknown", check_unknown}, {"deadline", check_deadline},
        {"restart", check_restart}, {"show", check_show},
        {"resume", check_resume},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, name) == 0) {
            return cases[i].check(client) ? 0 : 1;
        }
    }
    fprintf(stderr, "no case %s\n", name);
    return 2;
}

int main(int argc, char **argv)
{
    struct client client = {0};
    const struct interop_flag flags[] = {INTEROP_TLS_FLAGS(&client.tls)};
    if (argc < 3) {
        fprintf(stderr, "usage: interop_client TARGET CASE [FLAG...]\n");
        return 2;
    }
    if (!interop_flags(argc - 2, argv + 2, flags,
                       sizeof flags / sizeof flags[0])) {
        return 2;
    }
    client.target = argv[1];
    client.credentials = interop_tls_client(&client.tls);
    client.channel = connect_on(&client, NULL);
    int status = client.channel == NULL ? 1 : run_case(&client, argv[2]);
    grpc_arena_free(&client.arena);
    grpc_channel_free(client.channel);
    grpc_credentials_free(client.credentials);
    interop_tls_end(&client.tls);
    return status;
}
