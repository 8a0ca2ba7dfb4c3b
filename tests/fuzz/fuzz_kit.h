// SPDX-License-Identifier: MIT
// What the fuzz targets share. A target is one function from bytes to nothing:
// it stops the process when something is wrong. libFuzzer calls it, and
// replay.c, which only goes through files.

#ifndef TESTS_FUZZ_FUZZ_KIT_H
#define TESTS_FUZZ_FUZZ_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/linkage.h"
#include "base/view.h"
#include "tests/support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// FUZZ_CHECK is an assertion that no flag leaves out.
#define FUZZ_CHECK(condition) \
 ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

static inline void fuzz_fail(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    abort();
}

// fuzz_trace: FUZZ_TRACE is set in the environment; a target then says what it
// sees, to find out about an input that fails.
static inline bool fuzz_trace(void)
{
    static int known = -1;
    if (known < 0) {
        known = getenv("FUZZ_TRACE") != NULL;
    }
    return known == 1;
}

// ---- Input ------------------------------------------------------------------

// fuzz_byte takes one byte; 0 when there is none left.
static inline uint8_t fuzz_byte(struct view *input)
{
    if (input->size == 0) {
        return 0;
    }
    uint8_t byte = input->data[0];
    *input = view_skip(*input, 1);
    return byte;
}

static inline uint32_t fuzz_word16(struct view *input)
{
    uint32_t high = fuzz_byte(input);
    return high << 8 | fuzz_byte(input);
}

// fuzz_take takes up to n bytes.
static inline struct view fuzz_take(struct view *input, size_t n)
{
    n = n < input->size ? n : input->size;
    struct view taken = view_of(input->data, n);
    *input = view_skip(*input, n);
    return taken;
}

// fuzz_copy makes an exact copy on the heap, so that reading beyond it, or
// after it is freed, is found.
static inline uint8_t *fuzz_copy(struct view bytes)
{
    uint8_t *copy = malloc(bytes.size + (bytes.size == 0));
    FUZZ_CHECK(copy != NULL);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return copy;
}

// ---- Cuts -------------------------------------------------------------------

// Sizes of the pieces that an input is cut into, from one byte: 0 whole, 1
// single bytes, else of random size, the larger the byte the larger.
struct fuzz_cut {
    uint64_t random;
    uint8_t how;
};

static inline struct fuzz_cut fuzz_cut_of(uint8_t how)
{
    return (struct fuzz_cut){.random = how, .how = how};
}

// fuzz_cut_next is the size of the next piece of left bytes, at least 1.
static inline size_t fuzz_cut_next(struct fuzz_cut *cut, size_t left)
{
    if (cut->how == 0 || left <= 1) {
        return left;
    }
    if (cut->how == 1) {
        return 1;
    }
    size_t piece = 1 + test_random(&cut->random) % (cut->how * 2u);
    return piece < left ? piece : left;
}

// ---- Digest -----------------------------------------------------------------

// A digest of all that was seen, to hold two runs against each other (FNV-1a).
static inline uint64_t fuzz_digest(uint64_t digest, struct view bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        digest = (digest ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    }
    return digest;
}

static inline uint64_t fuzz_digest_number(uint64_t digest, uint64_t number)
{
    for (int i = 0; i < 8; i++, number >>= 8) {
        digest = (digest ^ (number & 0xff)) * UINT64_C(0x100000001b3);
    }
    return digest;
}

#define FUZZ_DIGEST UINT64_C(0xcbf29ce484222325)

#endif
