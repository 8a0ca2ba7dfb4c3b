// SPDX-License-Identifier: MIT
// A server and a client on one loop: what a program of one's own needs beside
// grpc.c, grpc.h and the generated pair.
#include "helloworld.pb.h"
#include <stdio.h>

static void say_hello(grpc_call *call, const helloworld_HelloRequest *request,
                      void *self)
{
    (void)self;
    helloworld_Greeter_SayHello_reply(
        call,
        &(helloworld_HelloReply){
            .message = grpc_call_printf(call, "Hello %s", request->name.data)});
}
static void on_reply(grpc_call *call, const grpc_status *status,
                     const helloworld_HelloReply *reply, void *server)
{
    (void)call;
    puts(status->code == GRPC_OK ? reply->message.data : status->message);
    grpc_server_stop(server);
}
int main(void)
{
    grpc_server *server = grpc_server_new(NULL);
    helloworld_Greeter_serve(
        server, &(helloworld_Greeter){.SayHello = say_hello}, NULL);
    if (grpc_server_listen(server, "127.0.0.1:0", NULL) != GRPC_OK) {
        return 1;
    }
    char target[32];
    snprintf(target, sizeof target, "127.0.0.1:%u",
             (unsigned)grpc_server_port(server));
    grpc_channel *channel = grpc_channel_new(
        target, &(grpc_channel_options){.loop = grpc_server_loop(server)});
    helloworld_Greeter_SayHello_start(
        channel, &(helloworld_HelloRequest){.name = GRPC_STR("two files")},
        on_reply, server, NULL);
    grpc_result result = grpc_server_run(server);
    grpc_channel_free(channel);
    grpc_server_free(server);
    return result;
}
