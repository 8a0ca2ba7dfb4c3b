// Lesson: a service with methods of all four kinds. server [address]
#include <stdlib.h>

#include "lesson.h"
#include "route_guide.pb.h"

static const struct {
    const char *name;
    int32_t east;
    int32_t north;
} places[] = {
    {"Town hall", 0, 0},     {"Old bridge", -3, 1},  {"Market", 1, 1},
    {"Library", 2, 1},       {"Ferry pier", -4, -2}, {"Bell tower", 2, 4},
    {"Rose garden", 5, -1},  {"Mill", -2, 5},        {"Theatre", 1, 3},
    {"Swimming bath", 3, 3},
};

enum { PLACES = sizeof places / sizeof places[0] };

// place_at is empty where nothing stands.
static const char *place_at(const route_guide_Crossing *at)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (places[i].east == at->east && places[i].north == at->north) {
            return places[i].name;
        }
    }
    return "";
}

// ---- Find: one request, one reply -------------------------------------------

static void find(grpc_call *call, const route_guide_Crossing *at, void *self)
{
    (void)self;
    route_guide_Place place = {.name = grpc_str_z(place_at(at)), .at = at};
    route_guide_Guide_Find_reply(call, &place);
}

// ---- List: one request, many replies ----------------------------------------

struct listing {
    route_guide_Crossing low;
    route_guide_Crossing high;
    size_t next; // of places
};

static void list_on(grpc_call *call, void *argument)
{
    struct listing *listing = argument;
    for (; listing->next < PLACES; listing->next++) {
        route_guide_Crossing at = {
            .east = places[listing->next].east,
            .north = places[listing->next].north,
        };
        route_guide_Place place = {
            .name = grpc_str_z(places[listing->next].name),
            .at = &at,
        };
        if (at.east < listing->low.east || at.east > listing->high.east ||
            at.north < listing->low.north || at.north > listing->high.north) {
            continue;
        }
        if (route_guide_Guide_List_send(call, &place) != GRPC_OK) {
            return; // GRPC_AGAIN: called again when there is room
        }
    }
    grpc_call_finish(call, GRPC_OK, NULL);
}

static void list(grpc_call *call, const route_guide_Area *area, void *self)
{
    (void)self;
    if (area->south_west == NULL || area->north_east == NULL) {
        grpc_call_fail(call, GRPC_INVALID_ARGUMENT, "an area has two corners");
        return;
    }
    struct listing *listing = grpc_call_alloc(call, sizeof *listing);
    if (listing == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    listing->low = *area->south_west;
    listing->high = *area->north_east;
    grpc_call_on_writable(call, list_on, listing);
    list_on(call, listing);
}

// ---- Walk: many requests, one reply -----------------------------------------

struct walk {
    route_guide_Summary sum;
    int32_t east;
    int32_t north;
};

static int32_t between(int32_t a, int32_t b)
{
    int64_t blocks = llabs((long long)a - b);
    return blocks < 1000000 ? (int32_t)blocks : 1000000; // nobody walks so far
}

static void on_crossing(grpc_call *call, const route_guide_Crossing *at,
                        void *argument)
{
    struct walk *walk = argument;
    if (walk->sum.crossings == 1000) {
        grpc_call_fail(call, GRPC_OUT_OF_RANGE, "have a rest");
        return; // the stream has ended, early
    }
    if (walk->sum.crossings++ > 0) {
        walk->sum.blocks += between(at->east, walk->east);
        walk->sum.blocks += between(at->north, walk->north);
    }
    walk->sum.places += place_at(at)[0] != '\0';
    walk->east = at->east; // *at lives until we return: keep what is needed
    walk->north = at->north;
}

static void on_arrival(grpc_call *call, void *argument)
{
    struct walk *walk = argument;
    route_guide_Guide_Walk_reply(call, &walk->sum);
}

static void walk(grpc_call *call, void *self)
{
    (void)self;
    struct walk *walk = grpc_call_alloc(call, sizeof *walk);
    if (walk == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    route_guide_Guide_Walk_receive(call, on_crossing, on_arrival, walk);
}

// ---- Chat: many requests, many replies --------------------------------------

struct note {
    int32_t east;
    int32_t north;
    grpc_str text;
};

// The notes of everybody; they stay as long as the server.
struct board {
    grpc_arena arena;
    struct note notes[1000];
    size_t count;
};

// answer sends the notes that were left at that crossing.
static grpc_result answer(grpc_call *call, const struct board *board,
                          const route_guide_Crossing *at)
{
    for (size_t i = 0; i < board->count; i++) {
        const struct note *note = &board->notes[i];
        route_guide_Note reply = {.at = at, .text = note->text};
        if (note->east != at->east || note->north != at->north) {
            continue;
        }
        grpc_result result = route_guide_Guide_Chat_send_reply(call, &reply);
        if (result != GRPC_OK) {
            return result;
        }
    }
    return GRPC_OK;
}

static void on_note(grpc_call *call, const route_guide_Note *note,
                    void *argument)
{
    struct board *board = argument;
    if (note->at == NULL) {
        grpc_call_fail(call, GRPC_INVALID_ARGUMENT, "a note without a place");
        return;
    }
    // Who writes and does not read is sent away: examples/raw/proxy.c shows how
    // to wait instead.
    if (answer(call, board, note->at) != GRPC_OK) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "read the answers");
        return;
    }
    grpc_str text = grpc_arena_printf(&board->arena, "%s", note->text.data);
    if (text.data != NULL && board->count < 1000) {
        board->notes[board->count++] =
            (struct note){note->at->east, note->at->north, text};
    }
}

static void on_notes_end(grpc_call *call, void *argument)
{
    (void)argument;
    grpc_call_finish(call, GRPC_OK, NULL);
}

static void chat(grpc_call *call, void *self)
{
    route_guide_Guide_Chat_receive(call, on_note, on_notes_end, self);
}

int main(int argc, char **argv)
{
    static struct board board = {.arena = {.limit_bytes = 1 << 20}};
    const route_guide_Guide handlers = {
        .Find = find,
        .List = list,
        .Walk = walk,
        .Chat = chat,
    };
    grpc_server *server = grpc_server_new(NULL);
    grpc_result added = route_guide_Guide_serve(server, &handlers, &board);
    int result = serve(server, added, argc > 1 ? argv[1] : "localhost:50051");
    grpc_arena_free(&board.arena);
    return result;
}
