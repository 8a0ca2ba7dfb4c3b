// SPDX-License-Identifier: MIT
// Loops in threads on one port, each on a core of its own: helloworld, and two
// raw methods that tell a client which thread it has got (/loops/Thread), and
// what CPU time that thread has used so far, in nanoseconds (/loops/Time).
//
//     loops_server ADDRESS LOOPS CORE     loops on CORE, CORE + 1 ...

#define _GNU_SOURCE

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "grpc.h"
#include "helloworld.pb.h"

enum { LOOPS_MAX = 16 };

struct worker {
    grpc_server *server;
    pthread_t thread;
    int number;
    int core;
};
static struct worker workers[LOOPS_MAX];
static int worker_count;

static void stop(int signal_number)
{
    (void)signal_number;
    for (int i = 0; i < worker_count; i++) {
        grpc_server_stop(workers[i].server);
    }
}

static void say_hello(grpc_call *call, const helloworld_HelloRequest *request,
                      void *self)
{
    (void)self;
    helloworld_HelloReply reply = {
        .message =
            grpc_call_printf(call, "Hello %.*s", GRPC_STR_ARG(request->name)),
    };
    helloworld_Greeter_SayHello_reply(call, &reply);
}

static void tell(grpc_call *call, grpc_str text)
{
    if (grpc_call_send_bytes(call, text, NULL, NULL) != GRPC_OK) {
        grpc_call_fail(call, GRPC_INTERNAL, "no room");
        return;
    }
    grpc_call_finish(call, GRPC_OK, NULL);
}

static void tell_thread(grpc_call *call, void *self)
{
    const struct worker *worker = self;
    tell(call, grpc_call_printf(call, "%d", worker->number));
}

static void tell_time(grpc_call *call, void *self)
{
    struct timespec now;
    (void)self;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    tell(call,
         grpc_call_printf(call, "%lld",
                          (long long)now.tv_sec * 1000000000 + now.tv_nsec));
}

static void add(const char *address, int core)
{
    struct worker *worker = &workers[worker_count];
    const helloworld_Greeter greeter = {.SayHello = say_hello};
    const grpc_listen_options options = {.reuse_port = true};
    worker->server = grpc_server_new(NULL);
    worker->number = worker_count++;
    worker->core = core;
    if (helloworld_Greeter_serve(worker->server, &greeter, NULL) != GRPC_OK ||
        grpc_server_serve_raw(worker->server, "/loops/Thread", tell_thread,
                              worker) != GRPC_OK ||
        grpc_server_serve_raw(worker->server, "/loops/Time", tell_time,
                              worker) != GRPC_OK ||
        grpc_server_listen(worker->server, address, &options) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(worker->server));
        exit(1);
    }
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET((size_t)worker->core, &cores);
    if (pthread_setaffinity_np(pthread_self(), sizeof cores, &cores) != 0) {
        fprintf(stderr, "core %d cannot be had\n", worker->core);
        exit(1);
    }
    if (grpc_server_run(worker->server) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(worker->server));
        exit(1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int loops = argc == 4 ? atoi(argv[2]) : 0;
    char same[64];
    if (loops < 1 || loops > LOOPS_MAX) {
        fprintf(stderr, "usage: loops_server ADDRESS LOOPS CORE\n");
        return 2;
    }
    add(argv[1], atoi(argv[3]));
    snprintf(same, sizeof same, "127.0.0.1:%u",
             (unsigned)grpc_server_port(workers[0].server));
    while (worker_count < loops) {
        add(same, workers[0].core + worker_count);
    }
    signal(SIGTERM, stop);
    printf("listening %s\n", same);
    fflush(stdout);
    for (int i = 0; i < loops; i++) {
        pthread_create(&workers[i].thread, NULL, run, &workers[i]);
    }
    for (int i = 0; i < loops; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    signal(SIGTERM, SIG_DFL);
    for (int i = 0; i < loops; i++) {
        grpc_server_free(workers[i].server);
    }
    return 0;
}
