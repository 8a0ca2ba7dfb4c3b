// SPDX-License-Identifier: MIT
// Whether bytes are UTF-8 as RFC 3629 has it: no overlong forms, no
// surrogates, nothing above U+10FFFF.

#ifndef CODEC_PB_UTF8_H
#define CODEC_PB_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/linkage.h"

// pb_utf8_check is pb_utf8_is_valid for any text.
INTERNAL bool pb_utf8_check(const char *text, size_t size);

// pb_utf8_is_valid: text may be NULL when size is 0. Words of 4 to 16 ASCII
// characters, which most strings are, take two loads that may overlap.
static inline bool pb_utf8_is_valid(const char *text, size_t size)
{
    if (size >= 8 && size <= 16) {
        uint64_t head;
        uint64_t tail;
        memcpy(&head, text, sizeof head);
        memcpy(&tail, text + size - sizeof tail, sizeof tail);
        if (((head | tail) & UINT64_C(0x8080808080808080)) == 0) {
            return true;
        }
    } else if (size >= 4 && size < 8) {
        uint32_t head;
        uint32_t tail;
        memcpy(&head, text, sizeof head);
        memcpy(&tail, text + size - sizeof tail, sizeof tail);
        if (((head | tail) & UINT32_C(0x80808080)) == 0) {
            return true;
        }
    }
    return pb_utf8_check(text, size);
}

#endif
