// Lesson: what is done with every call, once. server [address]
#include <string.h>

#include "interceptors.pb.h"
#include "lesson.h"

// ---- Logging ----------------------------------------------------------------

// end is called with the outcome of each call, also of those that another
// interceptor has ended. grpc_call_elapsed_us() would tell how long it took.
static void log_end(grpc_call *call, const grpc_status *status, void *self)
{
    FILE *log = self;
    fprintf(log, "%s %s\n", grpc_call_method(call),
            grpc_code_name(status->code));
    fflush(log);
}

// ---- Authentication ---------------------------------------------------------

static const char user_key; // its address is the key of the value

static void auth_start(grpc_call *call, void *self)
{
    static const char *const tokens[][2] = {
        {"Bearer 1234", "Ann"},
        {"Bearer 5678", "Bob"},
    };
    grpc_str token;
    (void)self;
    if (grpc_call_header(call, "authorization", &token)) {
        for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
            if (strcmp(token.data, tokens[i][0]) == 0) {
                // The handler will want to know who it is.
                grpc_call_set_value(call, &user_key, (void *)tokens[i][1]);
                grpc_call_proceed(call);
                return;
            }
        }
    }
    grpc_call_fail(call, GRPC_UNAUTHENTICATED, "no token that we know");
}

// ---- Rate limiting ----------------------------------------------------------

// A bucket of tokens: it fills with time, each call takes one.
struct bucket {
    double tokens;
    double per_second;
    double most;
    uint64_t filled_ms;
};

static void limit_start(grpc_call *call, void *self)
{
    struct bucket *bucket = self;
    uint64_t now = grpc_loop_now(grpc_call_loop(call));
    double passed_s = (double)(now - bucket->filled_ms) / 1000;
    bucket->filled_ms = now;
    bucket->tokens += passed_s * bucket->per_second;
    if (bucket->tokens > bucket->most) {
        bucket->tokens = bucket->most;
    }
    if (bucket->tokens < 1) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "not so often");
        return;
    }
    bucket->tokens -= 1;
    grpc_call_proceed(call);
}

// ---- The service ------------------------------------------------------------

static void open_safe(grpc_call *call, const interceptors_Key *key, void *self)
{
    (void)key;
    (void)self;
    const char *user = grpc_call_value(call, &user_key);
    interceptors_Content content = {
        .text = grpc_call_printf(call, "%s's letters", user),
    };
    interceptors_Safe_Open_reply(call, &content);
}

int main(int argc, char **argv)
{
    struct bucket bucket = {.tokens = 2, .per_second = 0.001, .most = 2};
    const grpc_interceptor logging = {.end = log_end, .self = stdout};
    const grpc_interceptor auth = {.start = auth_start};
    const grpc_interceptor limit = {.start = limit_start, .self = &bucket};
    // The first is the outermost: all calls are logged, and only those of
    // known users are counted.
    const grpc_server_options options = {
        .interceptors = GRPC_INTERCEPTORS(&logging, &auth, &limit),
    };
    grpc_server *server = grpc_server_new(&options);
    grpc_result added = interceptors_Safe_serve(
        server, &(interceptors_Safe){.Open = open_safe}, NULL);
    return serve(server, added, argc > 1 ? argv[1] : "localhost:50051");
}
