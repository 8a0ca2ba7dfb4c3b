// Lesson: a stream of both directions, and the standard input, on one loop.
// client TARGET NAME
#include <string.h>
#include <unistd.h>

#include "chat.pb.h"
#include "lesson.h"

struct chat {
    grpc_loop *loop;
    grpc_watch *input; // NULL: not watched
    grpc_call *call;   // NULL: it has ended
    size_t typed;      // bytes in line
    char line[500];
    int result;
};

static void on_input(void *argument, unsigned events);

// Nothing is read while there is no room for it: whoever types waits.
static void watch_input(struct chat *chat, int on)
{
    if (!on) {
        grpc_watch_stop(chat->input);
        chat->input = NULL;
        return;
    }
    chat->input = grpc_watch_start(chat->loop, STDIN_FILENO, GRPC_READABLE,
                                   on_input, chat);
    if (chat->input == NULL) {
        fprintf(stderr, "standard input: %s\n", grpc_loop_error(chat->loop));
        grpc_cancel(chat->call);
    }
}

// send_lines sends the whole lines that were typed; 0: there is no room.
static int send_lines(struct chat *chat)
{
    char *end;
    while ((end = memchr(chat->line, '\n', chat->typed)) != NULL) {
        size_t size = (size_t)(end - chat->line);
        chat_Line line = {.text = {chat->line, size}};
        if (chat_Chat_Talk_send(chat->call, &line) == GRPC_AGAIN) {
            return 0; // took nothing; on_room is called when there is room
        }
        chat->typed -= size + 1;
        memmove(chat->line, end + 1, chat->typed);
    }
    return 1;
}

static void on_input(void *argument, unsigned events)
{
    struct chat *chat = argument;
    (void)events;
    ssize_t got = read(STDIN_FILENO, chat->line + chat->typed,
                       sizeof chat->line - chat->typed);
    if (got <= 0) { // the end, or a line that is too long: say good-bye
        watch_input(chat, 0);
        grpc_call_half_close(chat->call);
        return;
    }
    chat->typed += (size_t)got;
    if (!send_lines(chat)) {
        watch_input(chat, 0);
    }
}

static void on_room(grpc_call *call, void *self)
{
    struct chat *chat = self;
    (void)call;
    if (send_lines(chat) && chat->input == NULL) {
        watch_input(chat, 1);
    }
}

static void on_headers(grpc_call *call, void *self)
{
    (void)call;
    printf("you are in the room\n");
    fflush(stdout);
    watch_input(self, 1);
}

static void on_line(grpc_call *call, const chat_Line *line, void *self)
{
    (void)call;
    (void)self;
    printf("%s: %s\n", line->from.data, line->text.data);
    fflush(stdout);
}

// on_end is the last that is heard of a call, whatever happened to it.
static void on_end(grpc_call *call, const grpc_status *status, void *self)
{
    struct chat *chat = self;
    (void)call;
    chat->call = NULL;
    chat->result = failed(status);
    if (chat->input != NULL) {
        watch_input(chat, 0);
    }
    grpc_loop_stop(chat->loop);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "client TARGET NAME\n");
        return 2;
    }
    struct chat chat = {.loop = grpc_loop_new(NULL), .result = 1};
    grpc_channel *channel =
        grpc_channel_new(argv[1], &(grpc_channel_options){.loop = chat.loop});
    const chat_Chat_Talk_events events = {
        .headers = on_headers,
        .message = on_line,
        .writable = on_room,
        .end = on_end,
    };
    const grpc_call_options options = {
        .metadata = GRPC_METADATA({"user", argv[2], 0}),
    };
    chat.call = chat_Chat_Talk_start(channel, &events, &chat, &options);
    if (chat.call == NULL) {
        fprintf(stderr, "%s\n", grpc_channel_error(channel));
    } else if (grpc_loop_run(chat.loop) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_loop_error(chat.loop));
    }
    grpc_channel_free(channel);
    grpc_loop_free(chat.loop);
    return chat.result;
}
