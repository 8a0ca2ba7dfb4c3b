// What both programs share: arguments, and a peer in words.

#ifndef EXAMPLES_TLS_LIBRARY_SEEN_H
#define EXAMPLES_TLS_LIBRARY_SEEN_H

#include <string.h>

#include "openssl_tls.h"

// library_named: "openssl" or, as NULL, the one that cgrpc was built with.
static inline const grpc_tls_library *library_named(const char *name)
{
    return strcmp(name, "mbedtls") == 0 ? NULL : &openssl_tls;
}

// in is the path of a file.
static inline const char *in(const char *folder, const char *file,
                             grpc_arena *arena)
{
    return grpc_arena_printf(arena, "%s/%s", folder, file).data;
}

// seen is what a certificate and the connection tell of the peer.
static inline const char *seen(const grpc_identity *peer, grpc_arena *arena)
{
    if (peer == NULL) {
        return "nothing";
    }
    grpc_str text = grpc_arena_printf(arena, "%s: %s%s", peer->protocol,
                                      peer->certificate.size == 0 ? "nobody"
                                      : peer->is_verified         ? ""
                                                          : "unverified ",
                                      peer->subject);
    for (size_t i = 0; i < peer->name_count && text.data != NULL; i++) {
        if (peer->names[i].type == GRPC_NAME_DNS ||
            peer->names[i].type == GRPC_NAME_URI) {
            text = grpc_arena_printf(arena, "%s, %s", text.data,
                                     peer->names[i].value.data);
        }
    }
    return text.data != NULL ? text.data : "no memory";
}

#endif
