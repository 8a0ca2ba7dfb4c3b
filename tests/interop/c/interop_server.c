// SPDX-License-Identifier: MIT
// cgrpc as the server of the interop matrix: a Greeter whose behaviour is
// chosen by the request's name (../README.md).
//
//     interop_server ADDRESS [FLAG...]    127.0.0.1:0, unix:PATH; prints where
//
// with the flags of interop_tls.h. With TLS it says on stderr what becomes of
// connections.
//
// It answers in all three ways: at once, later from a timer, and later from
// another call's handler.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc.h"
#include "helloworld.pb.h"

#include "grpc_interop.h"
#include "interop.h"
#include "interop_tls.h"

// A call that waits for others. It lives in the call's memory.
struct guest {
    grpc_call *call;
    struct host *host;
    struct guest *next;
};

// A call that waits for a timer. It lives in the call's memory.
struct sleeper {
    grpc_call *call;
    struct host *host;
    grpc_timer *timer;
    grpc_str name;
};

struct host {
    struct guest *guests;
    unsigned long guest_count;
    unsigned long ended; // calls that ended before they were answered
};

struct verb {
    const char *prefix;
    void (*run)(struct host *host, grpc_call *call, grpc_str name,
                unsigned long number);
};

static grpc_server *server_to_stop;

static void stop(int signal_number)
{
    (void)signal_number;
    grpc_server_stop(server_to_stop);
}

static void greet(grpc_call *call, grpc_str message)
{
    helloworld_HelloReply reply = {.message = message};
    if (message.data == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    if (helloworld_Greeter_SayHello_reply(call, &reply) != GRPC_OK) {
        fprintf(stderr, "a reply was refused\n");
    }
}

static void greet_name(grpc_call *call, grpc_str name)
{
    greet(call, grpc_call_printf(call, "Hello %.*s", GRPC_STR_ARG(name)));
}

// ---- code:N -----------------------------------------------------------------

static void run_code(struct host *host, grpc_call *call, grpc_str name,
                     unsigned long number)
{
    (void)host;
    (void)name;
    grpc_call_fail(call, (grpc_code)number, "%s", INTEROP_ERROR);
}

// ---- sleep:MS, ended --------------------------------------------------------

static void sleeper_wake(void *argument)
{
    struct sleeper *sleeper = argument;
    greet_name(sleeper->call, sleeper->name);
}

static void sleeper_abandon(void *argument)
{
    struct sleeper *sleeper = argument;
    sleeper->host->ended++;
    grpc_timer_stop(sleeper->timer);
}

static void run_sleep(struct host *host, grpc_call *call, grpc_str name,
                      unsigned long number)
{
    struct sleeper *sleeper = grpc_call_alloc(call, sizeof *sleeper);
    if (sleeper == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    *sleeper = (struct sleeper){.call = call, .host = host, .name = name};
    sleeper->timer = grpc_timer_start(grpc_call_loop(call), (uint32_t)number,
                                      sleeper_wake, sleeper);
    if (sleeper->timer == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    grpc_call_on_end(call, sleeper_abandon, sleeper);
}

static void run_ended(struct host *host, grpc_call *call, grpc_str name,
                      unsigned long number)
{
    (void)name;
    (void)number;
    greet(call, grpc_call_printf(call, "Hello %lu", host->ended));
}

// ---- meet:N -----------------------------------------------------------------

static void guest_leave(void *argument)
{
    struct guest *guest = argument;
    struct guest **link = &guest->host->guests;
    while (*link != guest) {
        link = &(*link)->next;
    }
    *link = guest->next;
    guest->host->guest_count--;
}

static void answer_guests(struct host *host)
{
    struct guest *guest = host->guests;
    host->guests = NULL;
    host->guest_count = 0;
    while (guest != NULL) {
        // The guest ends with its call.
        struct guest *next = guest->next;
        grpc_call *call = guest->call;
        greet_name(call, grpc_str_z(grpc_call_peer(call)));
        guest = next;
    }
}

static void run_meet(struct host *host, grpc_call *call, grpc_str name,
                     unsigned long number)
{
    (void)name;
    struct guest *guest = grpc_call_alloc(call, sizeof *guest);
    if (guest == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    *guest = (struct guest){call, host, host->guests};
    host->guests = guest;
    host->guest_count++;
    grpc_call_on_end(call, guest_leave, guest);
    if (host->guest_count == number) {
        answer_guests(host);
    }
}

// ---- die --------------------------------------------------------------------

static void run_die(struct host *host, grpc_call *call, grpc_str name,
                    unsigned long number)
{
    (void)host;
    (void)call;
    (void)name;
    (void)number;
    _Exit(0);
}

// ---- the service ------------------------------------------------------------

static void say_hello(grpc_call *call, const helloworld_HelloRequest *request,
                      void *self)
{
    static const struct verb verbs[] = {
        {"code:", run_code},  {"sleep:", run_sleep}, {"meet:", run_meet},
        {"ended", run_ended}, {"die", run_die},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        size_t size = strlen(verbs[i].prefix);
        if (strncmp(request->name.data, verbs[i].prefix, size) == 0) {
            const char *digits = request->name.data + size;
            verbs[i].run(self, call, request->name, strtoul(digits, NULL, 10));
            return;
        }
    }
    greet_name(call, request->name);
}

static int serve(grpc_server *server, const char *address)
{
    struct host host = {0};
    const helloworld_Greeter greeter = {.SayHello = say_hello};
    if (helloworld_Greeter_serve(server, &greeter, &host) != GRPC_OK ||
        grpc_server_listen(server, address, NULL) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(server));
        return 1;
    }
    if (strncmp(address, "unix:", 5) == 0) {
        printf("listening %s\n", address);
    } else {
        printf("listening 127.0.0.1:%u\n", (unsigned)grpc_server_port(server));
    }
    fflush(stdout);
    server_to_stop = server;
    signal(SIGTERM, stop);
    return grpc_server_run(server) == GRPC_OK ? 0 : 1;
}

static void say(void *user, grpc_log_level level, const char *text)
{
    (void)user;
    (void)level;
    fprintf(stderr, "log %s\n", text);
}

static int run(grpc_loop *loop, struct interop_tls *tls, const char *address)
{
    const grpc_server_options options = {.loop = loop,
                                         .credentials = interop_tls_server(tls),
                                         .interceptors =
                                             interop_tls_watch(tls)};
    grpc_server *server = grpc_server_new(&options);
    if (server == NULL) {
        fprintf(stderr, "no memory or no descriptors for a server\n");
        return 1;
    }
    int status = serve(server, address);
    signal(SIGTERM, SIG_DFL);
    grpc_server_free(server);
    interop_tls_end(tls);
    return status;
}

int main(int argc, char **argv)
{
    struct interop_tls tls = {0};
    const struct interop_flag flags[] = {INTEROP_TLS_FLAGS(&tls)};
    if (argc < 2) {
        fprintf(stderr, "usage: interop_server ADDRESS [FLAG...]\n");
        return 2;
    }
    if (!interop_flags(argc - 1, argv + 1, flags,
                       sizeof flags / sizeof flags[0])) {
        return 2;
    }
    const grpc_loop_options options = {.log = tls.use_tls ? say : NULL,
                                       .log_level = GRPC_LOG_INFO};
    grpc_loop *loop = grpc_loop_new(&options);
    if (loop == NULL) {
        fprintf(stderr, "no memory or no descriptors for a loop\n");
        return 1;
    }
    int status = run(loop, &tls, argv[1]);
    return grpc_loop_free(loop) == GRPC_OK ? status : 1;
}
