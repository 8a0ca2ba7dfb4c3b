// Lesson: many threads, each with a loop and a server of its own, on one port.
// server [address [threads]]
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "threads.pb.h"

enum { THREADS_MAX = 64 };

// The threads share nothing but the port: the system spreads the connections.
// So what a worker has needs no lock; only its own thread touches it.
struct worker {
    grpc_server *server;
    int number;
    unsigned long answers;
};
static struct worker workers[THREADS_MAX];
static int worker_count;

static void on_signal(int number)
{
    (void)number;
    for (int i = 0; i < worker_count; i++) {
        grpc_server_stop(workers[i].server); // may be called from anywhere
    }
}

static void square(grpc_call *call, const threads_Number *number, void *self)
{
    struct worker *worker = self;
    if (number->value > 3000000000 || number->value < -3000000000) {
        grpc_call_fail(call, GRPC_OUT_OF_RANGE, "too large");
        return;
    }
    worker->answers++;
    threads_Result result = {
        .square = number->value * number->value,
        .thread = worker->number,
    };
    threads_Squares_Square_reply(call, &result);
}

// add opens one more server on the same port.
static int add(const char *address)
{
    struct worker *worker = &workers[worker_count];
    *worker = (struct worker){
        .server = grpc_server_new(NULL), // with a loop of its own
        .number = worker_count,
    };
    if (threads_Squares_serve(worker->server,
                              &(threads_Squares){.Square = square},
                              worker) != GRPC_OK ||
        grpc_server_listen(worker->server, address,
                           &(grpc_listen_options){.reuse_port = true}) !=
            GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(worker->server));
        grpc_server_free(worker->server);
        return 0;
    }
    worker_count++;
    return 1;
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    if (grpc_server_run(worker->server) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(worker->server));
    }
    return NULL;
}

// run_all returns when all servers have stopped.
static int run_all(void)
{
    pthread_t threads[THREADS_MAX];
    int started = 1; // the first one's thread is this
    while (started < worker_count &&
           pthread_create(&threads[started], NULL, run, &workers[started]) ==
               0) {
        started++;
    }
    if (started < worker_count) {
        fprintf(stderr, "there are only %d threads\n", started);
        on_signal(0);
    }
    run(&workers[0]);
    for (int i = 1; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    return started == worker_count ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "127.0.0.1:50051";
    int wanted = argc > 2 ? atoi(argv[2]) : 2;
    char same[64];
    if (wanted < 1 || wanted > THREADS_MAX || !add(address)) {
        return 1;
    }
    // The port may have been 0: the others need the one that was chosen.
    unsigned port = grpc_server_port(workers[0].server);
    snprintf(same, sizeof same, "127.0.0.1:%u", port);
    while (worker_count < wanted) {
        if (!add(same)) {
            return 1;
        }
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    printf("listening on %s, port %u, with %d threads\n", address, port,
           worker_count);
    fflush(stdout);
    int result = run_all();
    signal(SIGINT, SIG_DFL); // there will be nothing to stop any more
    signal(SIGTERM, SIG_DFL);
    for (int i = 0; i < worker_count; i++) {
        printf("thread %d answered %lu\n", i, workers[i].answers);
        grpc_server_free(workers[i].server);
    }
    return result;
}
