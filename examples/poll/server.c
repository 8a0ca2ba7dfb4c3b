// Lesson: a server inside somebody else's loop, here a bare poll(), beside a
// descriptor of the program's own. server [address]
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "poll.pb.h"

// What this program had to wait for already: the signals, in a pipe.
static int signals[2];

static void on_signal(int number)
{
    char byte = (char)number;
    if (write(signals[1], &byte, 1) < 0) {
        return; // the pipe is full of signals
    }
}

static void square(grpc_call *call, const poll_Number *number, void *self)
{
    (void)self;
    if (number->value > 3000000000 || number->value < -3000000000) {
        grpc_call_fail(call, GRPC_OUT_OF_RANGE, "too large");
        return;
    }
    poll_Number reply = {.value = number->value * number->value};
    poll_Squares_Square_reply(call, &reply);
}

// work is the loop that the program had anyway; grpc_loop_fd() stands for all
// descriptors of cgrpc, and grpc_loop_timeout() for all its timers.
static int work(grpc_server *server)
{
    grpc_loop *loop = grpc_server_loop(server);
    struct pollfd fds[] = {
        {.fd = grpc_loop_fd(loop), .events = POLLIN},
        {.fd = signals[0], .events = POLLIN},
    };
    while (!grpc_server_is_stopped(server)) {
        int ready = poll(fds, 2, grpc_loop_timeout(loop));
        if (ready > 0 && fds[1].revents != 0) {
            char byte;
            if (read(signals[0], &byte, 1) == 1) {
                grpc_server_stop(server); // lets open calls end
            }
        }
        if (grpc_loop_step(loop, 0) != GRPC_OK) { // does what is due
            fprintf(stderr, "%s\n", grpc_loop_error(loop));
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "localhost:50051";
    grpc_server *server = grpc_server_new(NULL);
    if (poll_Squares_serve(server, &(poll_Squares){.Square = square}, NULL) !=
            GRPC_OK ||
        grpc_server_listen(server, address, NULL) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(server));
        grpc_server_free(server);
        return 1;
    }
    if (pipe(signals) != 0) {
        perror("pipe");
        return 1;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    printf("listening on %s, port %u\n", address,
           (unsigned)grpc_server_port(server));
    fflush(stdout);
    int result = work(server);
    grpc_server_free(server);
    return result;
}
