// Lesson: mutual TLS. Clients, too, prove who they are.
// server [address [certificate key roots [friend]]]
#include <string.h>

#include "lesson.h"
#include "mutual_tls.pb.h"

static const char domain[] = "spiffe://test.example/";

// from_our_domain is asked in the handshake, when a client's certificate has been
// found to be good: who is refused here never makes a call.
static grpc_result from_our_domain(const grpc_identity *client, char *reason,
                                   size_t reason_size, void *self)
{
    (void)self;
    if (strncmp(client->spiffe_id, domain, sizeof domain - 1) == 0) {
        return GRPC_OK;
    }
    snprintf(reason, reason_size, "%s is not of %s", client->subject, domain);
    return GRPC_EINVAL;
}

// open_door: TLS says who the client is. What they may do, you decide.
static void open_door(grpc_call *call, const mutual_tls_Knock *knock,
                      void *self)
{
    const char *friend = self;
    (void)knock;
    const grpc_identity *client = grpc_call_identity(call);
    if (client == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    printf("%s knocks: %s\n", client->subject, client->spiffe_id);
    fflush(stdout);
    if (strcmp(client->spiffe_id, friend) != 0) {
        grpc_call_fail(call, GRPC_PERMISSION_DENIED, "you may not come in");
        return;
    }
    mutual_tls_Opened opened = {.to = grpc_str_z(client->spiffe_id)};
    mutual_tls_Door_Open_reply(call, &opened);
}

// It tells what clients are refused for.
static void on_log(void *file, grpc_log_level level, const char *text)
{
    (void)level;
    fprintf(file, "%s\n", text);
    fflush(file);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "localhost:50051";
    const char *friend = argc > 5 ? argv[5] : "spiffe://test.example/client";
    const grpc_tls_options tls = {
        .identity =
            {
                .certificate_file = argc > 2 ? argv[2] : "server.crt",
                .key_file = argc > 3 ? argv[3] : "server.key",
            },
        // A client must have a certificate that leads to one of the roots.
        .clients = GRPC_CLIENTS_REQUIRED,
        .roots_file = argc > 4 ? argv[4] : "ca.crt",
        .verify = from_our_domain,
    };
    grpc_loop *loop = grpc_loop_new(&(grpc_loop_options){
        .log = on_log,
        .log_user = stdout,
        .log_level = GRPC_LOG_INFO,
    });
    grpc_server *server = grpc_server_new(&(grpc_server_options){
        .loop = loop,
        .credentials = grpc_tls_server(&tls),
    });
    grpc_result added = mutual_tls_Door_serve(
        server, &(mutual_tls_Door){.Open = open_door}, (void *)friend);
    int result = serve(server, added, address);
    grpc_loop_free(loop);
    return result;
}
