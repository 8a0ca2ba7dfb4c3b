// Lesson: a call without generated code: the method by its name, the messages
// as bytes. client TARGET METHOD <request >reply
#include "lesson.h"

int main(int argc, char **argv)
{
    static char bytes[65536];
    if (argc != 3) {
        fprintf(stderr, "client TARGET /package.Service/Method\n");
        return 2;
    }
    grpc_str request = {bytes, fread(bytes, 1, sizeof bytes, stdin)};
    grpc_channel *channel = grpc_channel_new(argv[1], NULL);
    grpc_arena arena = {0};
    grpc_str reply;
    grpc_status status =
        grpc_raw_unary(channel, &arena, argv[2], request, &reply,
                       &(grpc_call_options){.timeout_ms = 5000});
    int result = failed(&status);
    if (!result && fwrite(reply.data, 1, reply.size, stdout) != reply.size) {
        result = 1;
    }
    grpc_arena_free(&arena);
    grpc_channel_free(channel);
    return result;
}
