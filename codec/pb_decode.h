// SPDX-License-Identifier: MIT
// Reading messages of protobuf's binary format, driven by the tables of
// generated code.
//
// What is read is proto3 in full: numbers are truncated to their type, repeated
// scalars are taken packed or not whatever their kind, a message that comes
// twice is merged, of a oneof the last member stays, of a map the last entry
// per key. Unknown fields, and fields with a wire type that is not theirs, are
// kept as bytes in their order; in a map's entry they are dropped.

#ifndef CODEC_PB_DECODE_H
#define CODEC_PB_DECODE_H

#include "base/linkage.h"
#include "grpc.h"

// pb_decode is the decode of a grpc_codec; type is a grpc_message. It fills
// *message. All that it points to is in the arena and shares
// nothing with data. On failure *message is undefined and *reason static text:
// GRPC_EFORMAT, GRPC_ENOMEM, or GRPC_ELIMIT when the arena's limit was met.
INTERNAL MUST_CHECK grpc_result pb_decode(const void *type, void *message,
                                          grpc_arena *arena, grpc_str data,
                                          const char **reason);

#endif
