// Lesson: how long a client is willing to wait. client [target]
#include "deadline.pb.h"
#include "lesson.h"

static grpc_code order(grpc_channel *channel, const char *name,
                       uint32_t cook_ms, uint32_t timeout_ms)
{
    grpc_arena arena = {0};
    deadline_Dish dish = {.name = grpc_str_z(name), .cook_ms = cook_ms};
    deadline_Plate plate;
    // The server is told how much time is left, and so is everybody that it
    // asks; we do not wait longer than that, whatever they do.
    grpc_call_options options = {.timeout_ms = timeout_ms};
    grpc_status status =
        deadline_Waiter_Serve(channel, &arena, &dish, &plate, &options);
    if (status.code == GRPC_OK) {
        printf("%s\n", plate.text.data);
    } else {
        printf("%s for %s\n", grpc_code_name(status.code), name);
    }
    grpc_arena_free(&arena);
    return status.code;
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    grpc_channel *channel = grpc_channel_new(target, NULL);
    grpc_code soup = order(channel, "soup", 10, 10000);
    grpc_code roast = order(channel, "roast", 600000, 100);
    grpc_channel_free(channel);
    return soup == GRPC_OK && roast == GRPC_DEADLINE_EXCEEDED ? 0 : 1;
}
