// SPDX-License-Identifier: MIT
// Who the peer of a call is: asked for where a handler wants to know, so that a
// connection at rest keeps nothing for it.

#include "base/arena.h"
#include "core/call.h"
#include "core/conn.h"
#include "core/conn_secure.h"
#include "core/credentials.h"
#include "loop/loop_socket.h"
#include "tls/tls_name.h"

// Its address is the key under which a call keeps the answer.
static const char identity_key = 0;

// identity_of_plain is of a connection without TLS.
static void identity_of_plain(const struct conn *conn,
                              const struct socket_address *peer,
                              grpc_identity *identity)
{
    *identity = (grpc_identity){
        .level = GRPC_INSECURE,
        .protocol = "none",
        .cipher = "",
        .alpn = "",
        .subject = "",
    };
    if (conn->in_process) {
        identity->level = GRPC_PRIVATE;
        identity->protocol = "inproc";
    } else if (conn->is_local) {
        identity->protocol = "local";
        identity->level =
            socket_address_is_unix(peer) ? GRPC_PRIVATE : GRPC_INSECURE;
    }
}

// identity_add_spiffe: false without memory.
static bool identity_add_spiffe(grpc_identity *identity, grpc_arena *arena)
{
    grpc_str id;
    identity->spiffe_id = "";
    if (tls_name_spiffe(identity->names, identity->name_count, &id)) {
        identity->spiffe_id = arena_copy_text(arena, view_of(id.data, id.size));
    }
    return identity->spiffe_id != NULL;
}

// identity_ask fills in all that is known; false without memory.
static bool identity_ask(struct conn *conn, grpc_arena *arena,
                         grpc_identity *identity)
{
    struct socket_address peer;
    conn_peer(conn, &peer);
    if (conn->secure == NULL) {
        identity_of_plain(conn, &peer, identity);
    } else if (secure_identify(conn->secure->session, arena, identity) !=
               GRPC_OK) {
        return false;
    } else {
        identity->level = GRPC_PRIVATE;
    }
    if (socket_address_is_unix(&peer)) {
        identity->has_process = socket_peer_process(
            conn->source.fd, &identity->uid, &identity->gid, &identity->pid);
    }
    return identity_add_spiffe(identity, arena);
}

const grpc_identity *grpc_call_identity(grpc_call *call)
{
    if (call == NULL) {
        return NULL;
    }
    grpc_identity *identity = grpc_call_value(call, &identity_key);
    if (identity != NULL || call->conn == NULL) {
        return identity;
    }
    identity = arena_alloc(&call->arena, sizeof *identity);
    if (identity == NULL || !identity_ask(call->conn, &call->arena, identity) ||
        grpc_call_set_value(call, &identity_key, identity) != GRPC_OK) {
        return NULL;
    }
    return identity;
}
