// SPDX-License-Identifier: MIT
// What the tests share: an allocator that counts and fails on request, and
// small readers and writers of bytes.

#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc.h"

// An allocator over the process heap that counts, checks that every block is
// freed with the size it was allocated with, and fails where told to.
struct test_heap {
    grpc_allocator allocator; // give this one to the code under test
    size_t live_blocks;       // allocated and not yet freed
    size_t live_bytes;
    size_t peak_bytes;
    size_t calls;   // allocations and growths asked for so far
    size_t fail_at; // the call with this number (from 1) fails; 0: none
    bool fail_on;   // and so do all behind it
};

// test_heap_init makes a heap that does not fail.
void test_heap_init(struct test_heap *heap);

// test_heap_is_clean: everything was freed.
bool test_heap_is_clean(const struct test_heap *heap);

// test_unhex turns "82 86 84" (spaces and newlines skipped) into bytes and
// returns how many; the test fails on other characters or over max.
size_t test_unhex(const char *hex, uint8_t *out, size_t max);

// test_random is a small fixed generator: the same seed gives the same run
// everywhere. *state is any value.
uint32_t test_random(uint64_t *state);

// test_read_file returns the whole file, NUL-terminated, to be freed with
// free(); NULL when it cannot be read.
char *test_read_file(const char *path, size_t *out_size);

// test_cert is the path of a file that tests/certs.sh makes ("ca.crt"), below
// the folder that the environment variable TEST_CERTS names. The program ends
// when there is no such file. The path is good for the next 15 calls.
const char *test_cert(const char *name);

#endif
