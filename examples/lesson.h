// What the examples share, so that each shows its own idea and little else:
// the end of a server's main() and the end of a client's.

#ifndef EXAMPLES_LESSON_H
#define EXAMPLES_LESSON_H

#include <signal.h>
#include <stdio.h>

#include "grpc.h"

static grpc_server *lesson_server;

static inline void lesson_stop(int number)
{
    (void)number;
    grpc_server_stop(lesson_server); // safe here; lets open calls end
}

// serve runs a server until SIGINT or SIGTERM, frees it, and returns what
// main() returns. added is what adding its services has returned.
static inline int serve(grpc_server *server, grpc_result added,
                        const char *address)
{
    if (added != GRPC_OK ||
        grpc_server_listen(server, address, NULL) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(server));
        grpc_server_free(server);
        return 1;
    }
    lesson_server = server;
    signal(SIGINT, lesson_stop);
    signal(SIGTERM, lesson_stop);
    printf("listening on %s, port %u\n", address,
           (unsigned)grpc_server_port(server));
    fflush(stdout);
    grpc_result result = grpc_server_run(server);
    if (result != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(server));
    }
    grpc_server_free(server);
    return result == GRPC_OK ? 0 : 1;
}

// failed says why a call failed, and whether it did.
static inline int failed(const grpc_status *status)
{
    if (status->code != GRPC_OK) {
        fprintf(stderr, "%s: %s\n", grpc_code_name(status->code),
                status->message);
    }
    return status->code != GRPC_OK;
}

#endif
