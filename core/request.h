// SPDX-License-Identifier: MIT
// The request headers of a gRPC call as a server reads them
// (PROTOCOL-HTTP2.md, Requests). HTTP/2's own rules were checked before.

#ifndef CORE_REQUEST_H
#define CORE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"
#include "hpack/hpack.h"

struct request {
    const struct hpack_field *path;
    uint64_t timeout_ms; // UINT64_MAX: none
    bool has_content_type;
    uint8_t hosts; // host headers seen
    // The refusal, when there is one:
    uint16_t http_status; // 200 unless refused on HTTP's terms
    grpc_code code;       // GRPC_OK: not refused
    const char *reason;   // static text
    struct view detail;   // quoted behind the reason; may be empty
    bool tell_encodings;  // the answer lists what we can decompress
};

// request_parse reads the fields of a block.
INTERNAL void request_parse(struct request *request,
                            const struct hpack_block *block);

#endif
