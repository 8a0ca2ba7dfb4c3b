// Lesson: streams with blocking calls.
// client TARGET send FROM TO     each line of the standard input is a message
// client TARGET read NAME        prints and removes the messages to NAME
#include <string.h>

#include "lesson.h"
#include "mailbox.pb.h"

static int send_mail(grpc_channel *channel, const char *from, const char *to)
{
    grpc_arena arena = {0};
    char line[1000];
    grpc_call *call = mailbox_Mailbox_Send_call(channel, &arena, NULL);
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        mailbox_Message message = {
            .from = grpc_str_z(from),
            .to = grpc_str_z(to),
            .text = grpc_str_z(line),
        };
        // It waits while the server takes no more. Not OK: the call has ended
        // early, and its status says why.
        if (mailbox_Mailbox_Send_send(call, &message) != GRPC_OK) {
            break;
        }
    }
    mailbox_Count count;
    grpc_status status = mailbox_Mailbox_Send_end(call, &count);
    int result = failed(&status);
    if (!result) {
        printf("sent %d\n", (int)count.value);
    }
    grpc_arena_free(&arena);
    return result;
}

static int read_mail(grpc_channel *channel, const char *name)
{
    grpc_arena arena = {0};
    mailbox_User user = {.name = grpc_str_z(name)};
    grpc_call_options options = {.timeout_ms = 20000};
    grpc_call *call =
        mailbox_Mailbox_Read_call(channel, &arena, &user, &options);
    const mailbox_Message *message; // lives until the next one is asked for
    while (mailbox_Mailbox_Read_next(call, &message) == GRPC_MORE) {
        printf("%s: %s\n", message->from.data, message->text.data);
    }
    grpc_status status = grpc_call_end(call); // always: it frees the call
    int result = failed(&status);
    grpc_arena_free(&arena);
    return result;
}

int main(int argc, char **argv)
{
    grpc_channel *channel = grpc_channel_new(argc > 1 ? argv[1] : "", NULL);
    int result = 2;
    if (argc == 5 && strcmp(argv[2], "send") == 0) {
        result = send_mail(channel, argv[3], argv[4]);
    } else if (argc == 4 && strcmp(argv[2], "read") == 0) {
        result = read_mail(channel, argv[3]);
    } else {
        fprintf(stderr, "client TARGET send FROM TO | read NAME\n");
    }
    grpc_channel_free(channel);
    return result;
}
