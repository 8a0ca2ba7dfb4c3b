// Lesson: another TLS library than mbedTLS.
// server [address [openssl | mbedtls [folder]]]
#include "lesson.h"
#include "seen.h"
#include "tls_library.pb.h"

static void look(grpc_call *call, const tls_library_Face *face, void *self)
{
    (void)self;
    const char *client = seen(grpc_call_identity(call), grpc_call_arena(call));
    tls_library_Image image = {
        .seen = grpc_str_z(client),
        .colour_bytes = (uint32_t)face->colour.size,
        .colour = face->colour,
    };
    tls_library_Mirror_Look_send(call, &image);
    grpc_call_finish(call, GRPC_OK, NULL);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "localhost:50051";
    const char *folder = argc > 3 ? argv[3] : ".";
    grpc_arena paths = {0};
    const grpc_tls_options tls = {
        .library = library_named(argc > 2 ? argv[2] : "openssl"),
        .identity =
            {
                .certificate_file = in(folder, "server.crt", &paths),
                .key_file = in(folder, "server.key", &paths),
            },
        .clients = GRPC_CLIENTS_REQUESTED,
        .roots_file = in(folder, "ca.crt", &paths),
    };
    grpc_server *server = grpc_server_new(
        &(grpc_server_options){.credentials = grpc_tls_server(&tls)});
    grpc_result added = tls_library_Mirror_serve(
        server, &(tls_library_Mirror){.Look = look}, NULL);
    int result = serve(server, added, address);
    grpc_arena_free(&paths);
    return result;
}
