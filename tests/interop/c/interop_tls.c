// SPDX-License-Identifier: MIT

#include "interop_tls.h"

#include <string.h>

#if defined(GRPC_WITH_MBEDTLS)
# include <mbedtls/version.h>
# define TLS_LIBRARY "mbedTLS " MBEDTLS_VERSION_STRING
#else
# define TLS_LIBRARY "no TLS"
#endif

// ---- credentials ------------------------------------------------------------

static void tls_log_key(const char *line, void *self)
{
    struct interop_tls *tls = self;
    fprintf(tls->key_log, "%s\n", line);
    fflush(tls->key_log);
}

static void tls_begin(struct interop_tls *tls, grpc_tls_options *options)
{
    if (tls->tls_version != NULL) {
        options->min_version =
            strcmp(tls->tls_version, "1.3") == 0 ? GRPC_TLS_1_3 : GRPC_TLS_1_2;
        options->max_version = options->min_version;
    }
    options->identity.certificate_file = tls->tls_cert_file;
    options->identity.key_file = tls->tls_key_file;
    options->allow_no_alpn = tls->allow_no_alpn;
    if (tls->tls_key_log_file != NULL) {
        tls->key_log = fopen(tls->tls_key_log_file, "w");
    }
    if (tls->key_log != NULL) {
        options->key_log = tls_log_key;
        options->self = tls;
    }
}

grpc_credentials *interop_tls_client(struct interop_tls *tls)
{
    grpc_tls_options options = {.roots_file = tls->ca_file,
                                .server_name = tls->server_host_override};
    if (!tls->use_tls) {
        return NULL;
    }
    tls_begin(tls, &options);
    return grpc_tls_client(&options);
}

grpc_credentials *interop_tls_server(struct interop_tls *tls)
{
    grpc_tls_options options = {.roots_file = tls->client_ca_file,
                                .clients = tls->client_ca_file != NULL
                                               ? GRPC_CLIENTS_REQUIRED
                                               : GRPC_CLIENTS_UNKNOWN};
    if (!tls->use_tls) {
        return NULL;
    }
    tls_begin(tls, &options);
    return grpc_tls_server(&options);
}

void interop_tls_end(struct interop_tls *tls)
{
    if (tls->key_log != NULL) {
        fclose(tls->key_log);
        tls->key_log = NULL;
    }
}

// ---- what is seen -----------------------------------------------------------

// tls_common_name of a text such as "C=US, O=Example, CN=ann".
static grpc_str tls_common_name(const grpc_identity *identity)
{
    const char *name = strstr(identity->subject, "CN=");
    if (name == NULL) {
        return GRPC_STR("nobody");
    }
    name += 3;
    return (grpc_str){name, strcspn(name, ",")};
}

static void tls_look(struct interop_tls *tls, grpc_call *call)
{
    const grpc_identity *identity = grpc_call_identity(call);
    char seen[sizeof tls->seen];
    if (identity == NULL) {
        return; // it has no connection
    }
    snprintf(seen, sizeof seen, "%s,%s,%.*s,%s,%s," TLS_LIBRARY,
             identity->protocol, identity->alpn,
             GRPC_STR_ARG(tls_common_name(identity)),
             identity->is_resumed ? "resumed" : "full", identity->cipher);
    if (strcmp(seen, tls->seen) != 0) {
        memcpy(tls->seen, seen, sizeof seen);
        fprintf(stderr, "identity %s\n", seen);
    }
}

// A client's call has a connection when a message has come, and no more at its
// end; a server's has one to the end, and may have no message.
static void tls_look_received(grpc_call *call, grpc_str *message, void *self)
{
    (void)message;
    tls_look(self, call);
}

static void tls_look_end(grpc_call *call, const grpc_status *status, void *self)
{
    (void)status;
    tls_look(self, call);
}

grpc_interceptors interop_tls_watch(struct interop_tls *tls)
{
    tls->watch = (grpc_interceptor){
        .received = tls_look_received, .end = tls_look_end, .self = tls};
    tls->watches[0] = &tls->watch;
    return (grpc_interceptors){tls->watches, tls->use_tls ? 1 : 0};
}
