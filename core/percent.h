// SPDX-License-Identifier: MIT
// The percent encoding of grpc-message (PROTOCOL-HTTP2.md, Responses): every
// byte outside 0x20 to 0x7E, and '%' itself, is %XX. So is a space at the start
// and at the end, where a field may have none (RFC 9113 section 8.2.1).

#ifndef CORE_PERCENT_H
#define CORE_PERCENT_H

#include <stddef.h>

#include "base/linkage.h"
#include "base/view.h"

// percent_encode writes at most max bytes and returns how many. Text that is
// not UTF-8 has each wrong byte replaced by U+FFFD. What does not fit is cut
// at the start of a character.
INTERNAL size_t percent_encode(struct view text, char *out, size_t max);

// percent_decode never fails: an escape that is malformed stays as it is. out
// has room for text.size bytes; returns how many were written.
INTERNAL size_t percent_decode(struct view text, char *out);

#endif
