// SPDX-License-Identifier: MIT
// The server that is measured: helloworld, on an address of choice.
//
//     bench_server ADDRESS      such as 127.0.0.1:0; prints where it listens

#include <signal.h>
#include <stdio.h>

#include "grpc.h"
#include "helloworld.pb.h"

static grpc_server *server_to_stop;

static void stop(int signal_number)
{
    (void)signal_number;
    grpc_server_stop(server_to_stop);
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

int main(int argc, char **argv)
{
    const helloworld_Greeter greeter = {.SayHello = say_hello};
    grpc_server *server = grpc_server_new(NULL);
    if (argc != 2 || server == NULL) {
        fprintf(stderr, "usage: bench_server ADDRESS\n");
        return 2;
    }
    if (helloworld_Greeter_serve(server, &greeter, NULL) != GRPC_OK ||
        grpc_server_listen(server, argv[1], NULL) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(server));
        return 1;
    }
    printf("listening 127.0.0.1:%u\n", (unsigned)grpc_server_port(server));
    fflush(stdout);
    server_to_stop = server;
    signal(SIGTERM, stop);
    grpc_result result = grpc_server_run(server);
    signal(SIGTERM, SIG_DFL);
    grpc_server_free(server);
    return result == GRPC_OK ? 0 : 1;
}
