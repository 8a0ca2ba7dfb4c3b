// Lesson: TLS. The server proves that it is the one that was asked for.
// client [target [roots]]
#include "encryption.pb.h"
#include "lesson.h"

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    // Who is trusted to say who a server is. Without a file: whom the system
    // trusts, which is right for servers of the public Internet.
    const grpc_tls_options tls = {.roots_file = argc > 2 ? argv[2] : NULL};
    grpc_channel *channel = grpc_channel_new(
        target, &(grpc_channel_options){.credentials = grpc_tls_client(&tls)});
    grpc_arena arena = {0};
    encryption_Account account = {.owner = GRPC_STR("Ann")};
    encryption_Money money;
    grpc_status status =
        encryption_Bank_Balance(channel, &arena, &account, &money,
                                &(grpc_call_options){.timeout_ms = 5000});
    int result = failed(&status); // when the server is another one, too
    if (result == 0) {
        printf("%d cents are left\n", (int)money.cents);
    }
    grpc_arena_free(&arena);
    grpc_channel_free(channel);
    return result;
}
