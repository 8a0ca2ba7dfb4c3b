// A gRPC client on half a page: greeter-client [target [name]]
#include <stdio.h>

#include "helloworld.pb.h"

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    helloworld_HelloRequest request = {
        .name = grpc_str_z(argc > 2 ? argv[2] : "world"),
    };
    grpc_channel *channel = grpc_channel_new(target, NULL);
    grpc_arena arena = {0}; // the reply and the status's message live here
    helloworld_HelloReply reply;
    grpc_status status =
        helloworld_Greeter_SayHello(channel, &arena, &request, &reply,
                                    &(grpc_call_options){.timeout_ms = 5000});
    if (status.code == GRPC_OK) {
        printf("%s\n", reply.message.data);
    } else {
        fprintf(stderr, "%s: %s\n", grpc_code_name(status.code),
                status.message);
    }
    grpc_arena_free(&arena);
    grpc_channel_free(channel);
    return status.code == GRPC_OK ? 0 : 1;
}
