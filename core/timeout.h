// SPDX-License-Identifier: MIT
// The grpc-timeout header (PROTOCOL-HTTP2.md): 1 to 8 digits and a unit, one
// of H M S m u n. The library counts in milliseconds.

#ifndef CORE_TIMEOUT_H
#define CORE_TIMEOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"

enum { TIMEOUT_TEXT = 10 }; // 8 digits, the unit, a NUL

// timeout_parse gives milliseconds, rounded up: a deadline never comes early.
// False when the text is malformed.
INTERNAL MUST_CHECK bool timeout_parse(struct view text, uint64_t *out_ms);

// timeout_format writes the smallest unit in which ms fits, rounded up, and
// returns the length.
INTERNAL size_t timeout_format(uint64_t ms, char text[TIMEOUT_TEXT]);

#endif
