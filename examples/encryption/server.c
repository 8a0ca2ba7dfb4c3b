// Lesson: TLS. Nobody on the way can read or change what is said.
// server [address [certificate key]]
#include "encryption.pb.h"
#include "lesson.h"

static void balance(grpc_call *call, const encryption_Account *account,
                    void *self)
{
    (void)self;
    // How this call has come. Handlers need not ask: without TLS no client gets
    // here. NULL: without memory, or the client has gone.
    const grpc_identity *client = grpc_call_identity(call);
    if (client != NULL) {
        printf("%s asks, over %s with %s\n", account->owner.data,
               client->protocol, client->cipher);
        fflush(stdout);
    }
    encryption_Bank_Balance_reply(call, &(encryption_Money){.cents = 1220});
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "localhost:50051";
    // The files are read here. If that fails, the server does not listen, and
    // says why.
    const grpc_tls_options tls = {
        .identity =
            {
                .certificate_file = argc > 2 ? argv[2] : "server.crt",
                .key_file = argc > 3 ? argv[3] : "server.key",
            },
    };
    grpc_server *server = grpc_server_new(&(grpc_server_options){
        .credentials = grpc_tls_server(&tls), // the server frees them
    });
    grpc_result added = encryption_Bank_serve(
        server, &(encryption_Bank){.Balance = balance}, NULL);
    return serve(server, added, address);
}
