// Lesson: metadata that goes with a call and comes with its answer.
// client [target]
#include "lesson.h"
#include "metadata.pb.h"

static void show(const char *what, grpc_metadata metadata, const char *key)
{
    grpc_str value;
    if (grpc_metadata_get(metadata, key, 0, &value)) {
        printf("%s %s: %s\n", what, key, value.data);
    }
}

static grpc_code ask(grpc_channel *channel, grpc_metadata metadata)
{
    grpc_arena arena = {0};
    grpc_metadata headers;  // filled when the call has ended;
    grpc_metadata trailers; // they live in the arena
    grpc_call_options options = {
        .timeout_ms = 5000,
        .metadata = metadata,
        .headers = &headers,
        .trailers = &trailers,
    };
    metadata_Question question = {.text = GRPC_STR("May I?")};
    metadata_Answer answer;
    grpc_status status =
        metadata_Clerk_Ask(channel, &arena, &question, &answer, &options);
    if (status.code == GRPC_OK) {
        printf("%s\n", answer.text.data);
        show("header", headers, "served-by");
        show("trailer", trailers, "cost");
    } else {
        printf("%s: %s\n", grpc_code_name(status.code), status.message);
    }
    grpc_str trace;
    if (grpc_metadata_get(headers, "trace-bin", 0, &trace)) {
        printf("trace of %zu bytes\n", trace.size);
    }
    grpc_arena_free(&arena);
    return status.code;
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    grpc_channel *channel = grpc_channel_new(target, NULL);
    const unsigned char trace[] = {0x00, 0xff, 0x0a, 0x80};
    grpc_code with = ask(
        channel, GRPC_METADATA({"user", "Ann", 0}, {"tag", "polite", 0},
                               {"tag", "short", 0}, {"trace-bin", trace, 4}));
    grpc_code without = ask(channel, (grpc_metadata){0});
    grpc_channel_free(channel);
    return with == GRPC_OK && without == GRPC_UNAUTHENTICATED ? 0 : 1;
}
