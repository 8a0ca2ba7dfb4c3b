// Lesson: a call whose messages are compressed. client [target [encoding]]
#include <string.h>

#include "compression.pb.h"
#include "lesson.h"

// keep sends a page and shows how it comes back.
static void keep(grpc_call *call, grpc_str text)
{
    const compression_Page *page;
    if (compression_Archive_Keep_send(
            call, &(compression_Page){.text = text}) == GRPC_OK &&
        compression_Archive_Keep_next(call, &page) == GRPC_MORE) {
        printf("%zu bytes came back %s\n", page->text.size,
               grpc_call_was_compressed(call) ? "compressed" : "as they are");
    } // else the call has ended, and its status says why
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    static char text[20000];
    memset(text, 'a', sizeof text);
    grpc_channel *channel = grpc_channel_new(target, NULL);
    grpc_arena arena = {0};
    // A build that does not have the encoding says so in the status.
    grpc_call_options options = {
        .timeout_ms = 5000,
        .encoding = argc > 2 ? argv[2] : "gzip",
    };
    grpc_call *call = compression_Archive_Keep_call(channel, &arena, &options);
    keep(call, (grpc_str){text, sizeof text});
    keep(call, (grpc_str){text, 10});
    grpc_call_compress(call, false); // from here on ours are sent as they are
    keep(call, (grpc_str){text, sizeof text});
    grpc_call_half_close(call);
    const compression_Page *page;
    while (compression_Archive_Keep_next(call, &page) == GRPC_MORE) {
    }
    grpc_status status = grpc_call_end(call);
    int result = failed(&status);
    grpc_arena_free(&arena);
    grpc_channel_free(channel);
    return result;
}
