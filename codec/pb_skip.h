// SPDX-License-Identifier: MIT
// Stepping over fields that no table knows.

#ifndef CODEC_PB_SKIP_H
#define CODEC_PB_SKIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"

// pb_skip returns the byte behind the field whose tag was read and whose value
// starts at p; NULL when it is cut short or malformed, or when its groups nest
// deeper than depth_max.
INTERNAL MUST_CHECK const uint8_t *pb_skip(const uint8_t *p, const uint8_t *end,
                                           uint32_t tag, size_t depth_max);

#endif
