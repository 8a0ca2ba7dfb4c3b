// SPDX-License-Identifier: MIT
// A view is a run of bytes that somebody else owns. Who owns them, and until
// when they stay, is said where a view is passed or returned.

#ifndef BASE_VIEW_H
#define BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// view: borrowed bytes; data may be NULL only when size is 0.
struct view {
    const uint8_t *data;
    size_t size;
};

// VIEW makes a view of a string literal, without its NUL.
#define VIEW(literal) view_of("" literal, sizeof(literal) - 1)

// VIEW_IS compares a view with a string literal; VIEW_STARTS looks at its start.
// The literal's length is a constant, so that a compiler needs no call.
#define VIEW_IS(text, literal)          \
 ((text).size == sizeof(literal) - 1 && \
  memcmp((text).data, literal, sizeof(literal) - 1) == 0)
#define VIEW_STARTS(text, literal)      \
 ((text).size >= sizeof(literal) - 1 && \
  memcmp((text).data, literal, sizeof(literal) - 1) == 0)

static inline struct view view_of(const void *data, size_t size)
{
    return (struct view){.data = (const uint8_t *)data, .size = size};
}

// view_equal compares in time that depends on the content.
static inline bool view_equal(struct view a, struct view b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline uint8_t view_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

// view_equal_names: names of hosts have no case (RFC 4343).
static inline bool view_equal_names(struct view a, struct view b)
{
    bool is_equal = a.size == b.size;
    for (size_t i = 0; is_equal && i < a.size; i++) {
        is_equal = view_lower(a.data[i]) == view_lower(b.data[i]);
    }
    return is_equal;
}

static inline bool view_starts_with(struct view text, struct view prefix)
{
    return text.size >= prefix.size &&
           (prefix.size == 0 ||
            memcmp(text.data, prefix.data, prefix.size) == 0);
}

// view_skip drops the first n bytes; n is at most text.size. Nothing is added
// to a NULL pointer, which C does not allow even for 0.
static inline struct view view_skip(struct view text, size_t n)
{
    return (struct view){
        .data = n > 0 ? text.data + n : text.data,
        .size = text.size - n,
    };
}

#endif
