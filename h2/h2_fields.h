// SPDX-License-Identifier: MIT
// What makes a header block malformed (RFC 9113 section 8).

#ifndef H2_H2_FIELDS_H
#define H2_H2_FIELDS_H

#include <stdint.h>

#include "base/linkage.h"
#include "hpack/hpack.h"

enum h2_fields_role {
    H2_FIELDS_REQUEST,
    H2_FIELDS_REQUEST_TRAILERS,
    H2_FIELDS_RESPONSE, // informational too
    H2_FIELDS_RESPONSE_TRAILERS,
};

struct h2_fields {
    const char *fault;      // static text; NULL: the block is well formed
    int64_t content_length; // -1: none
    uint16_t status;        // of a response; 0: left out, over the limit
};

// h2_fields_check looks at all fields of a block. When fields were left out
// because of a limit, those that are required may be missing.
INTERNAL struct h2_fields h2_fields_check(const struct hpack_block *block,
                                          enum h2_fields_role role);

#endif
