// SPDX-License-Identifier: MIT
// The response headers and trailers of a gRPC call as a client reads them
// (PROTOCOL-HTTP2.md, Responses).

#ifndef CORE_RESPONSE_H
#define CORE_RESPONSE_H

#include <stdbool.h>

#include "base/linkage.h"
#include "base/view.h"
#include "hpack/hpack.h"

// Views point into the block; size 0: the field is missing.
struct response {
    bool is_grpc; // content-type is application/grpc, with or without +codec
    struct view content_type;
    struct view status;   // grpc-status
    struct view message;  // grpc-message, percent-encoded
    struct view details;  // grpc-status-details-bin, base64
    struct view encoding; // grpc-encoding
    bool has_metadata;    // fields of the user's
};

INTERNAL void response_parse(struct response *response,
                             const struct hpack_block *block);

#endif
