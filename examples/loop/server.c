// Lesson: many threads, each with a loop of its own. server [address [threads]]
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "loop.pb.h"

enum { THREADS_MAX = 64 };

// The threads share nothing but the port: the system spreads the connections.
static grpc_server *servers[THREADS_MAX];
static int server_count;

static void on_signal(int number)
{
    (void)number;
    for (int i = 0; i < server_count; i++) {
        grpc_server_stop(servers[i]); // may be called from anywhere
    }
}

static void square(grpc_call *call, const loop_Number *number, void *self)
{
    (void)self;
    if (number->value > 3000000000 || number->value < -3000000000) {
        grpc_call_fail(call, GRPC_OUT_OF_RANGE, "too large");
        return;
    }
    loop_Number reply = {.value = number->value * number->value};
    loop_Squares_Square_reply(call, &reply);
}

// add opens one more server on the same port.
static int add(const char *address)
{
    grpc_server *server = grpc_server_new(NULL);
    if (loop_Squares_serve(server, &(loop_Squares){.Square = square}, NULL) !=
            GRPC_OK ||
        grpc_server_listen(server, address,
                           &(grpc_listen_options){.reuse_port = true}) !=
            GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(server));
        grpc_server_free(server);
        return 0;
    }
    servers[server_count++] = server;
    return 1;
}

static void *run(void *server)
{
    if (grpc_server_run(server) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(server));
    }
    return NULL;
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
    unsigned port = grpc_server_port(servers[0]);
    snprintf(same, sizeof same, "127.0.0.1:%u", port);
    while (server_count < wanted) {
        if (!add(same)) {
            return 1;
        }
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    printf("listening on %s, port %u, with %d threads\n", address, port,
           server_count);
    fflush(stdout);
    pthread_t threads[THREADS_MAX];
    int started = 1; // the first one's thread is this
    while (started < server_count &&
           pthread_create(&threads[started], NULL, run, servers[started]) ==
               0) {
        started++;
    }
    if (started < server_count) {
        on_signal(0);
    }
    run(servers[0]);
    for (int i = 1; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < server_count; i++) {
        grpc_server_free(servers[i]);
    }
    return started == server_count ? 0 : 1;
}
