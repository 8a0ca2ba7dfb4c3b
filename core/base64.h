// SPDX-License-Identifier: MIT
// Base64 (RFC 4648 section 4) for metadata whose keys end in "-bin": sent
// without padding, received with or without (PROTOCOL-HTTP2.md, Binary-Header).

#ifndef CORE_BASE64_H
#define CORE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/linkage.h"
#include "base/view.h"

// base64_encoded_size is what size bytes become, without padding.
static inline size_t base64_encoded_size(size_t size)
{
    return size / 3 * 4 + (size % 3 == 0 ? 0 : size % 3 + 1);
}

// base64_decoded_max is the most that so many characters become.
static inline size_t base64_decoded_max(size_t size)
{
    return size / 4 * 3 + size % 4 * 3 / 4;
}

// base64_encode writes base64_encoded_size(bytes.size) characters.
INTERNAL void base64_encode(struct view bytes, char *out);

// base64_decode writes at most base64_decoded_max(text.size) bytes. False: not
// base64. Bits that are left over do not matter, as in Go.
INTERNAL MUST_CHECK bool base64_decode(struct view text, char *out,
                                       size_t *out_size);

#endif
