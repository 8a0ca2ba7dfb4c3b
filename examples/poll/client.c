// Lesson: a client inside somebody else's loop, here a bare poll(), with many
// calls at the same time. client [target] <numbers
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "lesson.h"
#include "poll.pb.h"

struct asker {
    grpc_channel *channel;
    int open; // calls that have not ended
    long long sum;
    int result;
    bool at_end; // of the input
    size_t typed;
    char text[64];
};

static void on_square(grpc_call *call, const grpc_status *status,
                      const poll_Number *square, void *self)
{
    struct asker *asker = self;
    (void)call;
    asker->open--;
    if (failed(status)) {
        asker->result = 1;
    } else {
        asker->sum += square->value;
    }
}

static void ask(struct asker *asker, long long value)
{
    poll_Number number = {.value = value};
    if (poll_Squares_Square_start(asker->channel, &number, on_square, asker,
                                  NULL) == NULL) {
        fprintf(stderr, "%s\n", grpc_channel_error(asker->channel));
        asker->result = 1;
        return;
    }
    asker->open++; // it goes out while others are still on their way
}

// read_numbers reads a byte, and asks when a number is whole.
static void read_numbers(struct asker *asker)
{
    char byte;
    if (read(STDIN_FILENO, &byte, 1) != 1) {
        asker->at_end = true;
    } else if (byte == '\n') {
        asker->text[asker->typed] = '\0';
        asker->typed = 0;
        ask(asker, atoll(asker->text));
    } else if (asker->typed < sizeof asker->text - 1) {
        asker->text[asker->typed++] = byte;
    }
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "127.0.0.1:50051";
    grpc_loop *loop = grpc_loop_new(NULL);
    struct asker asker = {
        .channel =
            grpc_channel_new(target, &(grpc_channel_options){.loop = loop}),
    };
    struct pollfd fds[] = {
        {.fd = grpc_loop_fd(loop), .events = POLLIN},
        {.fd = STDIN_FILENO, .events = POLLIN},
    };
    while (!asker.at_end || asker.open > 0) {
        fds[1].fd = asker.at_end ? -1 : STDIN_FILENO;
        if (poll(fds, 2, grpc_loop_timeout(loop)) < 0) {
            perror("poll");
            return 1;
        }
        if (fds[1].revents != 0) {
            read_numbers(&asker);
        }
        if (grpc_loop_step(loop, 0) != GRPC_OK) { // does what is due
            fprintf(stderr, "%s\n", grpc_loop_error(loop));
            return 1;
        }
    }
    printf("sum of squares: %lld\n", asker.sum);
    grpc_channel_free(asker.channel);
    grpc_loop_free(loop);
    return asker.result;
}
