// Lesson: a service is tested without a port. test
#include <stdio.h>

#include "inproc.pb.h"

// ---- What is tested ---------------------------------------------------------

struct shop {
    uint32_t apples;
};

static void take(grpc_call *call, const inproc_Apples *wanted, void *self)
{
    struct shop *shop = self;
    if (wanted->count > shop->apples) {
        grpc_call_fail(call, GRPC_FAILED_PRECONDITION, "only %u are left",
                       (unsigned)shop->apples);
        return;
    }
    shop->apples -= wanted->count;
    inproc_Shop_Take_reply(call, &(inproc_Apples){.count = shop->apples});
}

// ---- The test ---------------------------------------------------------------

// expect makes a whole call: over HTTP/2, with its deadline and its status, but
// all of it in memory. It runs the loop of both sides until the call has ended.
static int expect(grpc_channel *channel, uint32_t count, grpc_code code)
{
    grpc_arena arena = {0};
    inproc_Apples left;
    grpc_status status =
        inproc_Shop_Take(channel, &arena, &(inproc_Apples){.count = count},
                         &left, &(grpc_call_options){.timeout_ms = 5000});
    printf("take %u: %s, %s\n", (unsigned)count, grpc_code_name(status.code),
           status.code == GRPC_OK ? "done" : status.message);
    grpc_arena_free(&arena);
    return status.code == code;
}

int main(void)
{
    struct shop shop = {.apples = 10};
    grpc_server *server = grpc_server_new(NULL);
    inproc_Shop_serve(server, &(inproc_Shop){.Take = take}, &shop);
    grpc_channel *channel = grpc_channel_new_inproc(server, NULL);
    int good = expect(channel, 7, GRPC_OK) &&
               expect(channel, 7, GRPC_FAILED_PRECONDITION) &&
               expect(channel, 3, GRPC_OK) && shop.apples == 0;
    grpc_server_free(server); // and what does a client see then?
    good = good && expect(channel, 1, GRPC_UNAVAILABLE);
    grpc_channel_free(channel);
    return good ? 0 : 1;
}
