// Lesson: certificates that are replaced; who the server is, as a client sees it.
// client [target [roots [flashes [pause_ms]]]]
#include <stdlib.h>

#include "lesson.h"
#include "reload.pb.h"

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    const grpc_tls_options tls = {
        .roots_file = argc > 2 ? argv[2] : "ca.crt",
    };
    const reload_Look look = {
        .flashes = argc > 3 ? (uint32_t)atoi(argv[3]) : 1,
        .pause_ms = argc > 4 ? (uint32_t)atoi(argv[4]) : 0,
    };
    grpc_channel *channel = grpc_channel_new(
        target, &(grpc_channel_options){.credentials = grpc_tls_client(&tls)});
    grpc_arena arena = {0};
    grpc_call *call = reload_Lamp_Watch_call(
        channel, &arena, &look, &(grpc_call_options){.timeout_ms = 60000});
    const reload_Flash *flash;
    while (reload_Lamp_Watch_next(call, &flash) == GRPC_MORE) {
        const grpc_identity *server = grpc_call_identity(call);
        printf("flash %u of %s\n", (unsigned)flash->number,
               server != NULL ? server->subject : "nobody");
        fflush(stdout);
    }
    grpc_status status = grpc_call_end(call);
    int result = failed(&status);
    grpc_arena_free(&arena);
    grpc_channel_free(channel);
    return result;
}
