// Lesson: all four kinds of calls, with callbacks, one after the other.
// async [target]
#include "lesson.h"
#include "route_guide.pb.h"

struct tour {
    grpc_loop *loop;
    grpc_channel *channel;
    int result;
};

static const grpc_call_options options = {.timeout_ms = 5000};

// next_step goes on with another call when the one before has ended well.
static void next_step(struct tour *tour, const grpc_status *status,
                      grpc_call *(*start)(struct tour *tour))
{
    tour->result = failed(status);
    if (tour->result == 0 && start != NULL && start(tour) == NULL) {
        fprintf(stderr, "%s\n", grpc_channel_error(tour->channel));
        tour->result = 1;
    }
    if (tour->result != 0 || start == NULL) {
        grpc_loop_stop(tour->loop);
    }
}

// ---- Chat -------------------------------------------------------------------

static void on_note(grpc_call *call, const route_guide_Note *note, void *self)
{
    (void)call;
    (void)self;
    printf("a note: %s\n", note->text.data);
}

static void on_chat_end(grpc_call *call, const grpc_status *status, void *self)
{
    (void)call;
    next_step(self, status, NULL);
}

static grpc_call *chat(struct tour *tour)
{
    static const char *const texts[] = {"first", "second", "third"};
    const route_guide_Guide_Chat_events events = {
        .message = on_note,
        .end = on_chat_end,
    };
    grpc_call *call =
        route_guide_Guide_Chat_start(tour->channel, &events, tour, &options);
    for (size_t i = 0; call != NULL && i < 3; i++) {
        route_guide_Crossing at = {.east = -4, .north = -2};
        route_guide_Note mine = {.at = &at, .text = grpc_str_z(texts[i])};
        // (Three small notes always find room; examples/chat waits for it.)
        if (route_guide_Guide_Chat_send(call, &mine) != GRPC_OK) {
            grpc_cancel(call);
        }
    }
    grpc_call_half_close(call);
    return call;
}

// ---- Walk -------------------------------------------------------------------

static void on_summary(grpc_call *call, const grpc_status *status,
                       const route_guide_Summary *sum, void *self)
{
    (void)call;
    if (status->code == GRPC_OK) {
        printf("walked %d blocks, %d crossings, %d places\n", (int)sum->blocks,
               (int)sum->crossings, (int)sum->places);
    }
    next_step(self, status, chat);
}

static grpc_call *walk(struct tour *tour)
{
    static const int32_t route[][2] = {{0, 0}, {1, 1}, {1, 3}, {3, 3}, {4, 0}};
    const route_guide_Guide_Walk_events events = {.end = on_summary};
    grpc_call *call =
        route_guide_Guide_Walk_start(tour->channel, &events, tour, &options);
    for (size_t i = 0; call != NULL && i < 5; i++) {
        route_guide_Crossing at = {.east = route[i][0], .north = route[i][1]};
        if (route_guide_Guide_Walk_send(call, &at) != GRPC_OK) {
            grpc_cancel(call);
        }
    }
    grpc_call_half_close(call);
    return call;
}

// ---- List -------------------------------------------------------------------

static void on_place(grpc_call *call, const route_guide_Place *place,
                     void *self)
{
    (void)call;
    (void)self;
    printf("in the centre: %s\n", place->name.data);
}

static void on_list_end(grpc_call *call, const grpc_status *status, void *self)
{
    (void)call;
    next_step(self, status, walk);
}

static grpc_call *list(struct tour *tour)
{
    route_guide_Area centre = {
        .south_west = &(route_guide_Crossing){.east = 0, .north = 0},
        .north_east = &(route_guide_Crossing){.east = 2, .north = 4},
    };
    const route_guide_Guide_List_events events = {
        .message = on_place,
        .end = on_list_end,
    };
    return route_guide_Guide_List_start(tour->channel, &centre, &events, tour,
                                        &options);
}

// ---- Find -------------------------------------------------------------------

static void on_found(grpc_call *call, const grpc_status *status,
                     const route_guide_Place *place, void *self)
{
    (void)call;
    if (status->code == GRPC_OK) { // else there is no place
        printf("at 1,1: %s\n", place->name.data);
    }
    next_step(self, status, list);
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    struct tour tour = {.loop = grpc_loop_new(NULL), .result = 1};
    tour.channel =
        grpc_channel_new(target, &(grpc_channel_options){.loop = tour.loop});
    route_guide_Crossing at = {.east = 1, .north = 1};
    if (route_guide_Guide_Find_start(tour.channel, &at, on_found, &tour,
                                     &options) == NULL) {
        fprintf(stderr, "%s\n", grpc_channel_error(tour.channel));
    } else if (grpc_loop_run(tour.loop) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_loop_error(tour.loop));
    }
    grpc_channel_free(tour.channel);
    grpc_loop_free(tour.loop);
    return tour.result;
}
