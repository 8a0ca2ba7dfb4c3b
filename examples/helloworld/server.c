// A gRPC server on half a page: greeter-server [address]
#include <signal.h>
#include <stdio.h>

#include "helloworld.pb.h"

static grpc_server *server;

static void on_signal(int number)
{
    (void)number;
    grpc_server_stop(server); // safe here; lets open calls end
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
    const char *address = argc > 1 ? argv[1] : "localhost:50051";
    server = grpc_server_new(NULL);
    helloworld_Greeter_serve(
        server, &(helloworld_Greeter){.SayHello = say_hello}, NULL);
    if (grpc_server_listen(server, address, NULL) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(server));
        return 1;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    printf("listening on %s, port %u\n", address,
           (unsigned)grpc_server_port(server));
    fflush(stdout);
    int result = grpc_server_run(server);
    grpc_server_free(server);
    return result;
}
