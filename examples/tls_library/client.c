// Lesson: another TLS library than mbedTLS.
// client [target [openssl | mbedtls [folder [certificate key]]]]
#include "lesson.h"
#include "seen.h"
#include "tls_library.pb.h"

static char colour[100000]; // more than a record holds

static int look(grpc_channel *channel, grpc_arena *arena)
{
    const tls_library_Face face = {.colour = {colour, sizeof colour}};
    const tls_library_Image *image;
    grpc_call *call = tls_library_Mirror_Look_call(
        channel, arena, &face, &(grpc_call_options){.timeout_ms = 5000});
    if (tls_library_Mirror_Look_next(call, &image) == GRPC_MORE) {
        printf("server %s\n", seen(grpc_call_identity(call), arena));
        printf("client %s\n", image->seen.data);
        printf("%u bytes of %u\n", (unsigned)image->colour.size,
               (unsigned)image->colour_bytes);
    }
    grpc_status status = grpc_call_end(call);
    return failed(&status);
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    const char *folder = argc > 3 ? argv[3] : ".";
    grpc_arena arena = {0};
    grpc_tls_options tls = {
        .library = library_named(argc > 2 ? argv[2] : "openssl"),
        .roots_file = in(folder, "ca.crt", &arena),
    };
    if (argc > 5) {
        tls.identity = (grpc_tls_identity){
            .certificate_file = in(folder, argv[4], &arena),
            .key_file = in(folder, argv[5], &arena),
        };
    }
    grpc_channel *channel = grpc_channel_new(
        target, &(grpc_channel_options){.credentials = grpc_tls_client(&tls)});
    int result = look(channel, &arena);
    grpc_channel_free(channel);
    grpc_arena_free(&arena);
    return result;
}
