// Lesson: which messages are compressed is for each side to say.
// server [address]
#include "compression.pb.h"
#include "lesson.h"

static void on_page(grpc_call *call, const compression_Page *page,
                    void *argument)
{
    (void)argument;
    printf("%zu bytes came %s\n", page->text.size,
           grpc_call_was_compressed(call) ? "compressed" : "as they are");
    fflush(stdout);
    // Answers use the encoding of the request. What would not shrink, such as a
    // few bytes, is better sent as it is.
    grpc_call_compress(call, page->text.size > 100);
    compression_Archive_Keep_send_reply(call, page);
}

static void on_page_end(grpc_call *call, void *argument)
{
    (void)argument;
    grpc_call_finish(call, GRPC_OK, NULL);
}

static void keep(grpc_call *call, void *self)
{
    (void)self;
    compression_Archive_Keep_receive(call, on_page, on_page_end, NULL);
}

int main(int argc, char **argv)
{
    grpc_server *server = grpc_server_new(NULL);
    grpc_result added = compression_Archive_serve(
        server, &(compression_Archive){.Keep = keep}, NULL);
    return serve(server, added, argc > 1 ? argv[1] : "localhost:50051");
}
