// Lesson: metadata that comes with a call and goes with its answer.
// server [address]
#include "lesson.h"
#include "metadata.pb.h"

static void ask(grpc_call *call, const metadata_Question *question, void *self)
{
    (void)self;
    (void)question;
    grpc_str user;
    if (!grpc_call_header(call, "user", &user)) {
        grpc_call_fail(call, GRPC_UNAUTHENTICATED, "who asks?");
        return;
    }
    // A key may come more than once; the order is the client's.
    grpc_str tag;
    for (size_t n = 0;
         grpc_metadata_get(grpc_call_headers(call), "tag", n, &tag); n++) {
        printf("tag %s\n", tag.data);
        fflush(stdout);
    }
    // The value of a key that ends in -bin is any bytes. What was received is
    // decoded, and what is added here is encoded, by the library.
    grpc_str trace;
    if (grpc_call_header(call, "trace-bin", &trace)) {
        grpc_call_add_header_bytes(call, "trace-bin", trace.data, trace.size);
    }
    grpc_call_add_header(call, "served-by", "clerk 7"); // before the answer
    grpc_call_add_trailer(call, "cost", "3");           // behind it
    metadata_Answer answer = {
        .text = grpc_call_printf(call, "Dear %s, yes.", user.data),
    };
    metadata_Clerk_Ask_reply(call, &answer);
}

int main(int argc, char **argv)
{
    grpc_server *server = grpc_server_new(NULL);
    grpc_result added =
        metadata_Clerk_serve(server, &(metadata_Clerk){.Ask = ask}, NULL);
    return serve(server, added, argc > 1 ? argv[1] : "localhost:50051");
}
