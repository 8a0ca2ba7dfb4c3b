// SPDX-License-Identifier: MIT
// Writing messages in protobuf's binary format, in one pass from the last byte
// to the first, so that each length is known when it is due. Fields stand in
// the order of their numbers, unknown ones behind them.

#ifndef CODEC_PB_ENCODE_H
#define CODEC_PB_ENCODE_H

#include "base/linkage.h"
#include "grpc.h"

// pb_encode is the encode of a grpc_codec; type is a grpc_message. It writes
// the message in front of what the buffer holds, and leaves
// GRPC_BUFFER_HEADROOM bytes free in front of it. On failure the buffer holds
// what it held and *reason is static text: GRPC_EINVAL (a string that is not
// UTF-8, NULL data with a size), GRPC_ELIMIT (more than 2 GiB or limit_bytes,
// nested too deep), GRPC_ENOMEM.
INTERNAL MUST_CHECK grpc_result pb_encode(const void *type, const void *message,
                                          grpc_buffer *buffer,
                                          const char **reason);

#endif
