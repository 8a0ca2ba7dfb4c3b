// Lesson: a proxy for every service. proxy ADDRESS TARGET
#include <stdlib.h>

#include "lesson.h"

// Two calls that are one: in comes from a client, out goes to the target.
struct pair {
    grpc_call *in;
    grpc_call *out;
};

// carry passes a message on. When the call that it goes to has no room for the
// next one, the call that it comes from is held back until there is.
static void carry(grpc_call *from, grpc_call *to, grpc_str message)
{
    // What is not OK has another reason: the call has ended, as we are told.
    (void)grpc_call_send_bytes(to, message, NULL, NULL);
    if (!grpc_call_has_room(to)) {
        grpc_call_pause(from);
    }
}

// ---- From the client to the target ------------------------------------------

static void on_request(grpc_call *in, grpc_str message, void *argument)
{
    struct pair *pair = argument;
    carry(in, pair->out, message);
}

static void on_requests_end(grpc_call *in, void *argument)
{
    struct pair *pair = argument;
    (void)in;
    grpc_call_half_close(pair->out);
}

static void on_out_room(grpc_call *out, void *self)
{
    struct pair *pair = self;
    (void)out;
    grpc_call_resume(pair->in);
}

// ---- From the target to the client ------------------------------------------

static void on_headers(grpc_call *out, void *self)
{
    struct pair *pair = self;
    grpc_metadata headers = grpc_call_headers(out);
    for (size_t i = 0; i < headers.count; i++) {
        grpc_call_add_header_bytes(pair->in, headers.data[i].key,
                                   headers.data[i].value, headers.data[i].size);
    }
    grpc_call_send_headers(pair->in);
}

static void on_reply(grpc_call *out, grpc_str message, void *self)
{
    struct pair *pair = self;
    carry(out, pair->in, message);
}

static void on_in_room(grpc_call *in, void *argument)
{
    struct pair *pair = argument;
    (void)in;
    grpc_call_resume(pair->out);
}

static void on_end(grpc_call *out, const grpc_status *status, void *self)
{
    struct pair *pair = self;
    grpc_metadata trailers = grpc_call_trailers(out);
    for (size_t i = 0; i < trailers.count; i++) {
        grpc_call_add_trailer_bytes(pair->in, trailers.data[i].key,
                                    trailers.data[i].value,
                                    trailers.data[i].size);
    }
    // (When the client is gone, so that out was cancelled, this goes nowhere.)
    if (status->code == GRPC_OK) {
        grpc_call_finish(pair->in, GRPC_OK, NULL);
    } else {
        grpc_call_fail_status(pair->in, status);
    }
    free(pair);
}

// ---- Every call -------------------------------------------------------------

static void proxy(grpc_call *in, void *self)
{
    static const grpc_raw_events events = {
        .headers = on_headers,
        .message = on_reply,
        .writable = on_out_room,
        .end = on_end,
    };
    struct pair *pair = malloc(sizeof *pair);
    if (pair == NULL) {
        grpc_call_fail(in, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    // The parent gives its deadline, and its cancellation. Names that HTTP/2 or
    // gRPC use themselves are left out of the metadata by the library.
    const grpc_call_options options = {
        .metadata = grpc_call_headers(in),
        .parent = in,
    };
    pair->in = in;
    pair->out =
        grpc_raw_start(self, grpc_call_method(in), &events, pair, &options);
    if (pair->out == NULL) {
        grpc_call_fail(in, GRPC_INTERNAL, "%s", grpc_channel_error(self));
        free(pair);
        return;
    }
    grpc_call_on_writable(in, on_in_room, pair);
    grpc_raw_receive(in, on_request, on_requests_end, pair);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "proxy ADDRESS TARGET\n");
        return 2;
    }
    grpc_loop *loop = grpc_loop_new(NULL);
    grpc_channel *target =
        grpc_channel_new(argv[2], &(grpc_channel_options){.loop = loop});
    grpc_server *server = grpc_server_new(&(grpc_server_options){.loop = loop});
    // NULL: all methods that no other service of this server has.
    grpc_result added = grpc_server_serve_raw(server, NULL, proxy, target);
    int result = serve(server, added, argv[1]);
    grpc_channel_free(target);
    grpc_loop_free(loop);
    return result;
}
