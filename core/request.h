// SPDX-License-Identifier: MIT
// The request headers of a gRPC call as a server reads them
// (PROTOCOL-HTTP2.md, Requests). HTTP/2's own rules were checked before.

#ifndef CORE_REQUEST_H
#define CORE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "core/compress.h"
#include "grpc.h"
#include "hpack/hpack.h"

struct request {
    const struct hpack_field *path;
    struct view authority; // may be empty
    struct view user_agent;
    bool has_metadata;   // other fields, which are the user's
    uint64_t timeout_ms; // UINT64_MAX: none
    bool has_content_type;
    uint8_t hosts;    // host headers seen
    int8_t encoding;  // of the messages; see call.h
    bool has_accepts; // the client says what it takes:
    uint32_t accepts; // a bit for each encoding
    // The refusal, when there is one:
    uint16_t http_status; // 200 unless refused on HTTP's terms
    grpc_code code;       // GRPC_OK: not refused
    const char *reason;   // static text
    struct view detail;   // quoted behind the reason; may be empty
    bool tell_encodings;  // the answer lists what we can decompress
};

// request_parse reads the fields of a block.
INTERNAL void request_parse(struct request *request,
                            const struct hpack_block *block,
                            const struct compress_registry *compress);

#endif
