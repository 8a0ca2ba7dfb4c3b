// SPDX-License-Identifier: MIT
// The TLS session of one connection, and the cipher text that waits on either
// side of it. It knows no socket: conn_secure.h has that.
//
//   secure_new         secure_begin            OK, and the peer will do
//   ----------> WAITING ----------> HANDSHAKE ----------------> OPEN
//                                       |                     |      \ close_notify
//                                       v                     v       v
//                                    FAILED <-----------------+     ENDED
//
// Invariants:
//   1. There is a session but in WAITING, in FAILED when it never began, and
//      after secure_shut.
//   2. A connection becomes OPEN only when secure_check has found that its peer
//      will do, whether or not the library has asked for that.

#ifndef CORE_SECURE_H
#define CORE_SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "core/credentials.h"
#include "grpc.h"

enum secure_state {
    SECURE_WAITING,
    SECURE_HANDSHAKE,
    SECURE_OPEN,
    SECURE_ENDED,
    SECURE_FAILED,
};

// Cipher text that waits: owned; NULL when there is none.
struct secure_bytes {
    uint8_t *data;
    uint32_t size; // of the allocation
    uint32_t used; // taken from its beginning
};

struct secure {
    const grpc_allocator *allocator;
    struct grpc_credentials *credentials; // held
    struct credentials_context *context;  // held from the beginning
    void *session;
    grpc_tls_peer peer; // what the session is told
    char *reason;       // why the peer will not do; SECURE_REASON bytes, owned
    struct secure_bytes input;  // from the peer, not dealt with yet
    struct secure_bytes output; // for the peer
    uint8_t state;              // enum secure_state
    bool checked;               // by secure_check, with success
};

// secure_new: credentials without a fault, which it holds. server_name is a
// client's, borrowed. NULL without memory.
INTERNAL MUST_CHECK struct secure *secure_new(
    const grpc_allocator *allocator, struct grpc_credentials *credentials,
    const char *server_name);
INTERNAL void secure_free(struct secure *secure);

// secure_shut gives back what the session took, but output that still waits: it
// is over, and nothing but that is of use. What secure_reason said is gone.
INTERNAL void secure_shut(struct secure *secure);

// secure_begin begins the session, with what the credentials are now; false
// without memory.
INTERNAL MUST_CHECK bool secure_begin(struct secure *secure,
                                      struct grpc_loop *loop);

// secure_handshake is one step: results as grpc_tls_library's. GRPC_OK: OPEN.
INTERNAL MUST_CHECK grpc_result secure_handshake(struct secure *secure,
                                                 grpc_tls_io *io);

// secure_read puts as much plain text into data as there is, and room for it and
// for what the session answers. GRPC_OK, GRPC_MORE: there may be more. GRPC_AGAIN:
// there was less. Others: as GRPC_AGAIN, and it is ENDED or FAILED now.
INTERNAL MUST_CHECK grpc_result secure_read(struct secure *secure,
                                            grpc_tls_io *io, uint8_t *data,
                                            size_t room, size_t *out_size);

// secure_write makes one record of the beginning of data; *used of it. False:
// it has failed.
INTERNAL MUST_CHECK bool secure_write(struct secure *secure, grpc_tls_io *io,
                                      struct view data, size_t *used);

// secure_finish puts out what tells the peer that nothing follows.
INTERNAL void secure_finish(struct secure *secure, grpc_tls_io *io);

// secure_reason is why it has failed: borrowed for its life.
INTERNAL const char *secure_reason(const struct secure *secure);

// secure_identify: GRPC_ENOMEM, or who the peer is. What that points to is in the
// arena, or lives as long as the session.
INTERNAL MUST_CHECK grpc_result secure_identify(const struct secure *secure,
                                                grpc_arena *arena,
                                                grpc_identity *identity);

// secure_has_name: the peer's certificate is for that host, too, or is not looked
// at. GRPC_EINVAL: it is not. GRPC_ENOMEM.
INTERNAL MUST_CHECK grpc_result secure_has_name(const struct secure *secure,
                                                const char *host);

// secure_keep adds to bytes that wait; false without memory. secure_waits is what
// waits, secure_take takes of its beginning.
INTERNAL MUST_CHECK bool secure_keep(struct secure *secure,
                                     struct secure_bytes *bytes,
                                     struct view added);
INTERNAL struct view secure_waits(const struct secure_bytes *bytes);
INTERNAL void secure_take(struct secure *secure, struct secure_bytes *bytes,
                          size_t size);

#endif
