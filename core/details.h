// SPDX-License-Identifier: MIT
// Status details: google.rpc.Status as bytes, with the user's own generated
// types in it (google/rpc/status.proto).

#ifndef CORE_DETAILS_H
#define CORE_DETAILS_H

#include <stdbool.h>

#include "base/linkage.h"
#include "grpc.h"

// details_encode is an encoded google.rpc.Status in the arena; list ends with a
// type that is NULL. data is NULL without memory, or when one of them cannot be
// encoded.
INTERNAL grpc_str details_encode(grpc_arena *arena, grpc_code code,
                                 grpc_str text, const grpc_detail *list);

// details_contradict: they name another code than the status does, which a client
// has to check (PROTOCOL-HTTP2.md, Status-Details). Bytes that cannot be decoded
// name none. It takes memory in the arena.
INTERNAL bool details_contradict(grpc_arena *arena, grpc_str details,
                                 grpc_code code);

#endif
