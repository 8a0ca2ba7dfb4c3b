// SPDX-License-Identifier: MIT
// The server that is measured over TLS: helloworld, and the UnaryCall of
// ../proto/streams.proto, which answers with the payload that it was sent.
//
//     tls_server ADDRESS [CERTIFICATE KEY]     without them, no TLS
//
// Greeter's SayHello of "memory" answers with "OURS SESSIONS HEAP", in bytes: what
// the loop has allocated, what its credentials and their sessions have, and
// all that the process has in use, mbedTLS's own included. That of "protection"
// answers with what protects the connection, and whether it was resumed.

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc.h"
#include "helloworld.pb.h"
#include "streams.pb.h"

#if defined(BENCH_OPENSSL)
# include "openssl_tls.h"
static const grpc_tls_library *const library = &openssl_tls;
#else
static const grpc_tls_library *const library = NULL; // mbedTLS
#endif

struct counted {
    size_t ours;     // of the loop
    size_t sessions; // of the credentials
};

static grpc_server *server_to_stop;

static void stop(int signal_number)
{
    (void)signal_number;
    grpc_server_stop(server_to_stop);
}

// counted_allocate is the C library's heap; user has the bytes in use.
static void *counted_allocate(void *user, void *pointer, size_t old_size,
                              size_t new_size)
{
    size_t *bytes = user;
    if (new_size == 0) {
        free(pointer);
        *bytes -= old_size;
        return NULL;
    }
    void *moved = realloc(pointer, new_size);
    if (moved != NULL) {
        *bytes = *bytes - old_size + new_size;
    }
    return moved;
}

static grpc_str tell_memory(grpc_call *call, const struct counted *counted)
{
    return grpc_call_printf(call, "%zu %zu %zu", counted->ours,
                            counted->sessions, mallinfo2().uordblks);
}

static grpc_str tell_protection(grpc_call *call)
{
    const grpc_identity *peer = grpc_call_identity(call);
    return peer == NULL
               ? GRPC_STR("no memory")
               : grpc_call_printf(call, "%s %s%s", peer->protocol, peer->cipher,
                                  peer->is_resumed ? " resumed" : "");
}

static bool is_named(const helloworld_HelloRequest *request, grpc_str name)
{
    return request->name.size == name.size &&
           memcmp(request->name.data, name.data, name.size) == 0;
}

static void say_hello(grpc_call *call, const helloworld_HelloRequest *request,
                      void *self)
{
    const helloworld_HelloReply reply = {
        .message = is_named(request, GRPC_STR("memory"))
                       ? tell_memory(call, self)
                   : is_named(request, GRPC_STR("protection"))
                       ? tell_protection(call)
                       : grpc_call_printf(call, "Hello %.*s",
                                          GRPC_STR_ARG(request->name)),
    };
    helloworld_Greeter_SayHello_reply(call, &reply);
}

static void unary_call(grpc_call *call,
                       const grpc_testing_SimpleRequest *request, void *self)
{
    const grpc_testing_SimpleResponse response = {.payload = request->payload};
    (void)self;
    grpc_testing_BenchmarkService_UnaryCall_reply(call, &response);
}

int main(int argc, char **argv)
{
    const helloworld_Greeter greeter = {.SayHello = say_hello};
    const grpc_testing_BenchmarkService service = {.UnaryCall = unary_call};
    static struct counted counted;
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: tls_server ADDRESS [CERTIFICATE KEY]\n");
        return 2;
    }
    const grpc_tls_options tls = {
        .identity = {.certificate_file = argc == 4 ? argv[2] : NULL,
                     .key_file = argc == 4 ? argv[3] : NULL},
        .allocator = {counted_allocate, &counted.sessions},
        .library = library,
    };
    const grpc_server_options options = {
        .allocator = {counted_allocate, &counted.ours},
        .credentials = argc == 4 ? grpc_tls_server(&tls) : NULL,
    };
    grpc_server *server = grpc_server_new(&options);
    if (server == NULL) {
        fprintf(stderr, "no memory or no descriptors\n");
        return 1;
    }
    if (helloworld_Greeter_serve(server, &greeter, &counted) != GRPC_OK ||
        grpc_testing_BenchmarkService_serve(server, &service, NULL) !=
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
