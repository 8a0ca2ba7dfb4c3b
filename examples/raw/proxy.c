// Lesson: a proxy for every service. proxy ADDRESS TARGET
#include <stdlib.h>
#include <string.h>

#include "lesson.h"

// Messages go one way from one call to another. When that one has no room, the
// message is kept and the first is held back.
struct way {
    grpc_call *from;
    grpc_call *to;
    grpc_str kept; // data NULL: none
    grpc_arena arena;
};

// Two calls that are one: in comes from a client, out goes to the target.
struct pair {
    grpc_call *in;
    grpc_call *out;
    struct way up;
    struct way down;
    bool up_has_ended; // the client sends no more
};

static void carry(struct pair *pair, struct way *way, grpc_str message)
{
    // What is not OK has another reason: the call has ended, as we are told.
    if (grpc_call_send_bytes(way->to, message, NULL, NULL) != GRPC_AGAIN) {
        return;
    }
    char *copy = grpc_arena_alloc(&way->arena, message.size + 1);
    if (copy == NULL) {
        grpc_cancel(pair->out);
        return;
    }
    memcpy(copy, message.data, message.size);
    way->kept = (grpc_str){copy, message.size};
    grpc_call_pause(way->from);
}

// go_on is called when way->to has room again.
static void go_on(struct way *way)
{
    grpc_str kept = way->kept;
    if (kept.data == NULL ||
        grpc_call_send_bytes(way->to, kept, NULL, NULL) == GRPC_AGAIN) {
        return;
    }
    way->kept = (grpc_str){NULL, 0};
    grpc_arena_reset(&way->arena);
    grpc_call_resume(way->from);
}

static void pair_free(struct pair *pair)
{
    grpc_arena_free(&pair->up.arena);
    grpc_arena_free(&pair->down.arena);
    free(pair);
}

// ---- From the client to the target ------------------------------------------

static void on_request(grpc_call *in, grpc_str message, void *argument)
{
    struct pair *pair = argument;
    (void)in;
    carry(pair, &pair->up, message);
}

static void on_requests_end(grpc_call *in, void *argument)
{
    struct pair *pair = argument;
    (void)in;
    pair->up_has_ended = true;
    if (pair->up.kept.data == NULL) {
        grpc_call_half_close(pair->out);
    }
}

static void on_out_room(grpc_call *out, void *self)
{
    struct pair *pair = self;
    go_on(&pair->up);
    if (pair->up_has_ended && pair->up.kept.data == NULL) {
        grpc_call_half_close(out);
    }
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
    (void)out;
    carry(pair, &pair->down, message);
}

static void on_in_room(grpc_call *in, void *argument)
{
    struct pair *pair = argument;
    (void)in;
    go_on(&pair->down);
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
    pair_free(pair);
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
    struct pair *pair = calloc(1, sizeof *pair);
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
        pair_free(pair);
        return;
    }
    pair->up.from = pair->down.to = in;
    pair->up.to = pair->down.from = pair->out;
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
