// Lesson: a client whose calls all carry a token. client [target]
#include "interceptors.pb.h"
#include "lesson.h"

// start is called before the request leaves, and may add to its metadata.
static void token_start(grpc_call *call, void *self)
{
    const char *token = self;
    if (grpc_call_add_header(call, "authorization", token) != GRPC_OK) {
        grpc_call_fail(call, GRPC_INTERNAL, "the token cannot be sent");
        return;
    }
    grpc_call_proceed(call);
}

static grpc_code open_safe(const char *target,
                           const grpc_channel_options *options, int times)
{
    grpc_channel *channel = grpc_channel_new(target, options);
    grpc_arena arena = {0};
    grpc_status status = {.code = GRPC_OK, .message = ""};
    for (int i = 0; i < times; i++) {
        interceptors_Key key = {.number = GRPC_STR("17")};
        interceptors_Content content;
        status = interceptors_Safe_Open(channel, &arena, &key, &content, NULL);
        if (status.code == GRPC_OK) {
            printf("%s\n", content.text.data);
        } else {
            printf("%s: %s\n", grpc_code_name(status.code), status.message);
        }
    }
    grpc_arena_free(&arena);
    grpc_channel_free(channel);
    return status.code;
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    static char token[] = "Bearer 1234";
    const grpc_interceptor with_token = {.start = token_start, .self = token};
    const grpc_channel_options options = {
        .interceptors = GRPC_INTERCEPTORS(&with_token),
    };
    int ok = open_safe(target, NULL, 1) == GRPC_UNAUTHENTICATED;
    ok = open_safe(target, &options, 3) == GRPC_RESOURCE_EXHAUSTED && ok;
    return ok ? 0 : 1;
}
