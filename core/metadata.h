// SPDX-License-Identifier: MIT
// What may be metadata (PROTOCOL-HTTP2.md, Custom-Metadata), name by name.

#ifndef CORE_METADATA_H
#define CORE_METADATA_H

#include <stdbool.h>

#include "base/linkage.h"
#include "base/view.h"

// metadata_check_key: one or more of a-z, 0-9, '_', '-' and '.'.
INTERNAL bool metadata_check_key(struct view key);

// metadata_check_value: printable ASCII, for a key that is not binary.
INTERNAL bool metadata_check_value(struct view value);

// metadata_is_binary: a key whose value is any bytes, sent as base64. It may
// be in upper case.
INTERNAL bool metadata_is_binary(struct view key);

// A bit for each size of a name that gRPC or HTTP/2 uses itself: most others
// need no look at them.
#define METADATA_SIZES                                                        \
 (1 << 2 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | \
  1 << 14 | 1 << 16 | 1 << 17 | 1 << 20 | 1 << 23)

static inline bool metadata_has_known_size(struct view key)
{
    return key.size <= 23 && (METADATA_SIZES >> key.size & 1) != 0;
}

// metadata_is_reserved: a name that HTTP/2 or gRPC uses itself. Users do not set
// it, and do not see it among metadata.
INTERNAL bool metadata_is_reserved(struct view key);

// metadata_trim is the value without the spaces at its ends.
INTERNAL struct view metadata_trim(struct view value);

#endif
