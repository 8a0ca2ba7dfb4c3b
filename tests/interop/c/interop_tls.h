// SPDX-License-Identifier: MIT
// What our programs of both matrices do about TLS: flags, credentials, and what
// they see of their peer (../README.md).

#ifndef TESTS_INTEROP_C_INTEROP_TLS_H
#define TESTS_INTEROP_C_INTEROP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "grpc.h"

struct interop_tls {
    // What the flags say, each by its name; NULL and false: it was not there.
    bool use_tls;
    const char *ca_file;       // a client's
    const char *tls_cert_file; // a server's; a client's for mutual TLS
    const char *tls_key_file;
    const char *client_ca_file; // server: clients must have one's certificate
    const char *server_host_override;
    const char *tls_version; // "1.2" or "1.3": that one alone
    const char *tls_key_log_file;
    bool allow_no_alpn;
    char seen[600]; // the line that was printed last
    FILE *key_log;
    grpc_interceptor watch;
    const grpc_interceptor *watches[1];
};

// INTEROP_TLS_FLAGS are the flags, for a list of struct interop_flag.
#define INTEROP_TLS_FLAGS(of)                                               \
 {.name = "use_tls", .truth = &(of)->use_tls},                              \
     {.name = "ca_file", .text = &(of)->ca_file},                           \
     {.name = "tls_cert_file", .text = &(of)->tls_cert_file},               \
     {.name = "tls_key_file", .text = &(of)->tls_key_file},                 \
     {.name = "client_ca_file", .text = &(of)->client_ca_file},             \
     {.name = "server_host_override", .text = &(of)->server_host_override}, \
     {.name = "tls_version", .text = &(of)->tls_version},                   \
     {.name = "tls_key_log_file", .text = &(of)->tls_key_log_file},         \
 {                                                                          \
  .name = "allow_no_alpn", .truth = &(of)->allow_no_alpn                    \
 }

// Credentials, owned; NULL without TLS.
grpc_credentials *interop_tls_client(struct interop_tls *tls);
grpc_credentials *interop_tls_server(struct interop_tls *tls);

// interop_tls_watch looks at the peer of each call, for the life of tls. When it
// is not that of the call before it is printed on stderr:
//
//     identity TLS 1.2,h2,NAME,full,CIPHER,mbedTLS 2.28.3
//
// NAME is the common name of its certificate, "nobody" without one; "resumed"
// stands for "full" where the handshake went on from that of an older session.
grpc_interceptors interop_tls_watch(struct interop_tls *tls);

// interop_tls_end closes the key log.
void interop_tls_end(struct interop_tls *tls);

#endif
