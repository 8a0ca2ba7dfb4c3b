// Lesson: mutual TLS. A client that proves who it is.
// client [target [roots [certificate key | -]]]
#include "lesson.h"
#include "mutual_tls.pb.h"

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    grpc_tls_options tls = {.roots_file = argc > 2 ? argv[2] : "ca.crt"};
    if (argc != 4) { // client target roots -: without a certificate
        tls.identity = (grpc_tls_identity){
            .certificate_file = argc > 4 ? argv[3] : "client.crt",
            .key_file = argc > 4 ? argv[4] : "client.key",
        };
    }
    grpc_channel *channel = grpc_channel_new(
        target, &(grpc_channel_options){.credentials = grpc_tls_client(&tls)});
    grpc_arena arena = {0};
    mutual_tls_Opened opened;
    grpc_status status =
        mutual_tls_Door_Open(channel, &arena, &(mutual_tls_Knock){0}, &opened,
                             &(grpc_call_options){.timeout_ms = 5000});
    int result = failed(&status);
    if (result == 0) {
        printf("open to %s\n", opened.to.data);
    }
    grpc_arena_free(&arena);
    grpc_channel_free(channel);
    return result;
}
