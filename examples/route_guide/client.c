// Lesson: all four kinds of calls, waited for. client [target]
// async.c does the same with callbacks.
#include "lesson.h"
#include "route_guide.pb.h"

static const grpc_call_options options = {.timeout_ms = 5000};

static int find(grpc_channel *channel, grpc_arena *arena)
{
    route_guide_Crossing at = {.east = 1, .north = 1};
    route_guide_Place place;
    grpc_status status =
        route_guide_Guide_Find(channel, arena, &at, &place, &options);
    if (status.code == GRPC_OK) {
        printf("at 1,1: %s\n", place.name.data);
    }
    return failed(&status);
}

static int list(grpc_channel *channel, grpc_arena *arena)
{
    route_guide_Area centre = {
        .south_west = &(route_guide_Crossing){.east = 0, .north = 0},
        .north_east = &(route_guide_Crossing){.east = 2, .north = 4},
    };
    grpc_call *call =
        route_guide_Guide_List_call(channel, arena, &centre, &options);
    const route_guide_Place *place;
    while (route_guide_Guide_List_next(call, &place) == GRPC_MORE) {
        printf("in the centre: %s\n", place->name.data);
    }
    grpc_status status = grpc_call_end(call);
    return failed(&status);
}

static int walk(grpc_channel *channel, grpc_arena *arena)
{
    static const int32_t route[][2] = {{0, 0}, {1, 1}, {1, 3}, {3, 3}, {4, 0}};
    grpc_call *call = route_guide_Guide_Walk_call(channel, arena, &options);
    for (size_t i = 0; i < sizeof route / sizeof route[0]; i++) {
        route_guide_Crossing at = {.east = route[i][0], .north = route[i][1]};
        if (route_guide_Guide_Walk_send(call, &at) != GRPC_OK) {
            break; // the status tells why
        }
    }
    route_guide_Summary sum;
    grpc_status status = route_guide_Guide_Walk_end(call, &sum);
    if (status.code == GRPC_OK) {
        printf("walked %d blocks, %d crossings, %d places\n", (int)sum.blocks,
               (int)sum.crossings, (int)sum.places);
    }
    return failed(&status);
}

static int chat(grpc_channel *channel, grpc_arena *arena)
{
    static const char *const texts[] = {"first", "second", "third"};
    grpc_call *call = route_guide_Guide_Chat_call(channel, arena, &options);
    const route_guide_Note *note;
    for (size_t i = 0; i < 3; i++) {
        route_guide_Crossing at = {.east = -3, .north = 1};
        route_guide_Note mine = {.at = &at, .text = grpc_str_z(texts[i])};
        if (route_guide_Guide_Chat_send(call, &mine) != GRPC_OK) {
            break;
        }
    }
    grpc_call_half_close(call);
    while (route_guide_Guide_Chat_next(call, &note) == GRPC_MORE) {
        printf("a note: %s\n", note->text.data);
    }
    grpc_status status = grpc_call_end(call);
    return failed(&status);
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    grpc_channel *channel = grpc_channel_new(target, NULL);
    grpc_arena arena = {0};
    int result = find(channel, &arena) || list(channel, &arena) ||
                 walk(channel, &arena) || chat(channel, &arena);
    grpc_arena_free(&arena);
    grpc_channel_free(channel);
    return result;
}
