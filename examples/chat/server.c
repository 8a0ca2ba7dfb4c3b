// Lesson: calls of both directions that know of each other. server [address]
#include "chat.pb.h"
#include "lesson.h"

struct member {
    struct member *next;
    grpc_call *call;
    struct room *room;
    grpc_str name;
};

struct room {
    struct member *members;
};

// leave forgets a member. Its call is about to be dead.
static void leave(void *argument)
{
    struct member *member = argument;
    struct member **link = &member->room->members;
    while (*link != member) {
        link = &(*link)->next;
    }
    *link = member->next;
}

// tell_others sends a line to all but one. It is encoded once, for all of them.
static void tell_others(struct room *room, const struct member *speaker,
                        grpc_str bytes)
{
    struct member *next;
    for (struct member *member = room->members; member != NULL; member = next) {
        next = member->next;
        if (member == speaker) {
            continue;
        }
        if (grpc_call_send_bytes(member->call, bytes, NULL, NULL) == GRPC_OK) {
            continue;
        }
        // Who does not listen has to leave: to wait would hold up the room, and
        // to remember every line for them would fill the memory.
        leave(member);
        grpc_call_fail(member->call, GRPC_RESOURCE_EXHAUSTED,
                       "you do not listen");
    }
}

static void on_line(grpc_call *call, const chat_Line *line, void *argument)
{
    struct member *member = argument;
    chat_Line said = {.from = member->name, .text = line->text};
    grpc_str bytes = chat_Line_encode(&said, grpc_call_scratch(call));
    if (bytes.data != NULL) { // else: no memory, and nobody hears it
        tell_others(member->room, member, bytes);
    }
}

static void on_line_end(grpc_call *call, void *argument)
{
    leave(argument);
    grpc_call_finish(call, GRPC_OK, NULL);
}

static void talk(grpc_call *call, void *self)
{
    struct room *room = self;
    grpc_str user;
    if (!grpc_call_header(call, "user", &user)) {
        grpc_call_fail(call, GRPC_UNAUTHENTICATED, "who are you?");
        return;
    }
    struct member *member = grpc_call_alloc(call, sizeof *member);
    if (member == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    *member = (struct member){
        .next = room->members,
        .call = call,
        .room = room,
        .name = user, // metadata lives as long as the call
    };
    room->members = member;
    // When the connection is lost or the client cancels, leave() is called;
    // when we end the call ourselves, it is not.
    grpc_call_on_end(call, leave, member);
    chat_Chat_Talk_receive(call, on_line, on_line_end, member);
    grpc_call_send_headers(call); // there is no line yet, but you are in
}

int main(int argc, char **argv)
{
    struct room room = {NULL};
    grpc_server *server = grpc_server_new(NULL);
    grpc_result added =
        chat_Chat_serve(server, &(chat_Chat){.Talk = talk}, &room);
    return serve(server, added, argc > 1 ? argv[1] : "localhost:50051");
}
