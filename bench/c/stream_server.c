// SPDX-License-Identifier: MIT
// The server whose streams are measured: see ../proto/streams.proto.
//
//     stream_server ADDRESS     such as 127.0.0.1:0; prints where it listens

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "grpc.h"
#include "streams.pb.h"

enum { BODY_MAX = 1 << 20 };
static const char body[BODY_MAX];

static grpc_server *server_to_stop;

static void stop(int signal_number)
{
    (void)signal_number;
    grpc_server_stop(server_to_stop);
}

static size_t size_of(int32_t wanted)
{
    return wanted < 0 || wanted > BODY_MAX ? BODY_MAX : (size_t)wanted;
}

// ---- StreamingCall ----------------------------------------------------------

static void on_ball(grpc_call *call, const grpc_testing_SimpleRequest *request,
                    void *self)
{
    const grpc_testing_Payload payload = {
        .body = {body, size_of(request->response_size)}};
    const grpc_testing_SimpleResponse response = {.payload = &payload};
    (void)self;
    if (grpc_testing_BenchmarkService_StreamingCall_send_reply(
            call, &response) != GRPC_OK) {
        grpc_call_fail(call, GRPC_INTERNAL, "the client does not wait");
    }
}

static void on_last_ball(grpc_call *call, void *self)
{
    (void)self;
    grpc_call_finish(call, GRPC_OK, NULL);
}

static void streaming_call(grpc_call *call, void *self)
{
    grpc_testing_BenchmarkService_StreamingCall_receive(call, on_ball,
                                                        on_last_ball, self);
}

// ---- StreamingFromClient ----------------------------------------------------

static void on_request(grpc_call *call,
                       const grpc_testing_SimpleRequest *request, void *self)
{
    (void)call;
    (void)request;
    (void)self;
}

static void on_last_request(grpc_call *call, void *self)
{
    const grpc_testing_SimpleResponse response = {0};
    (void)self;
    grpc_testing_BenchmarkService_StreamingFromClient_reply(call, &response);
}

static void streaming_from_client(grpc_call *call, void *self)
{
    grpc_testing_BenchmarkService_StreamingFromClient_receive(
        call, on_request, on_last_request, self);
}

// ---- StreamingFromServer ----------------------------------------------------

// pour sends until there is no room; argument is the size that was asked for.
static void pour(grpc_call *call, void *argument)
{
    const size_t *size = argument;
    const grpc_testing_Payload payload = {.body = {body, *size}};
    const grpc_testing_SimpleResponse response = {.payload = &payload};
    grpc_result result;
    do {
        result = grpc_testing_BenchmarkService_StreamingFromServer_send(
            call, &response);
    } while (result == GRPC_OK);
}

static void on_cancel(void *argument)
{
    (void)argument;
}

static void streaming_from_server(grpc_call *call,
                                  const grpc_testing_SimpleRequest *request,
                                  void *self)
{
    size_t *size = grpc_call_alloc(call, sizeof *size);
    (void)self;
    if (size == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    *size = size_of(request->response_size);
    grpc_call_on_end(call, on_cancel, NULL);
    grpc_call_on_writable(call, pour, size);
    pour(call, size);
}

int main(int argc, char **argv)
{
    const grpc_testing_BenchmarkService service = {
        .StreamingCall = streaming_call,
        .StreamingFromClient = streaming_from_client,
        .StreamingFromServer = streaming_from_server,
    };
    grpc_server *server = grpc_server_new(NULL);
    if (argc != 2 || server == NULL) {
        fprintf(stderr, "usage: stream_server ADDRESS\n");
        return 2;
    }
    if (grpc_testing_BenchmarkService_serve(server, &service, NULL) !=
            GRPC_OK ||
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
