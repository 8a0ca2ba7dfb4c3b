// SPDX-License-Identifier: MIT

#include "tests/support.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Each block is preceded by its size, so that a wrong old size is noticed.
struct support_head {
    size_t size;
    size_t mark;
};

static const size_t support_mark = (size_t)0x5ca1ab1e;

static struct support_head *support_check(void *pointer, size_t old_size)
{
    struct support_head *head = (struct support_head *)pointer - 1;
    assert(head->mark == support_mark);
    assert(head->size == old_size);
    return head;
}

static void support_free(struct test_heap *heap, void *pointer, size_t old_size)
{
    if (pointer == NULL) {
        return;
    }
    struct support_head *head = support_check(pointer, old_size);
    assert(heap->live_blocks > 0);
    heap->live_blocks--;
    heap->live_bytes -= old_size;
    head->mark = 0;
    free(head);
}

static void *support_allocate(void *user, void *pointer, size_t old_size,
                              size_t new_size)
{
    struct test_heap *heap = user;
    if (new_size == 0) {
        support_free(heap, pointer, old_size);
        return NULL;
    }
    assert((pointer == NULL) == (old_size == 0));
    heap->calls++;
    if (heap->fail_at != 0 &&
        (heap->calls == heap->fail_at ||
         (heap->fail_on && heap->calls > heap->fail_at))) {
        return NULL;
    }
    // A growth always moves, so that a stale pointer is found.
    struct support_head *head = malloc(sizeof *head + new_size);
    if (head == NULL) {
        return NULL;
    }
    *head = (struct support_head){.size = new_size, .mark = support_mark};
    memset(head + 1, 0xa5, new_size);
    if (pointer != NULL) {
        memcpy(head + 1, pointer, old_size < new_size ? old_size : new_size);
        support_free(heap, pointer, old_size);
    }
    heap->live_blocks++;
    heap->live_bytes += new_size;
    if (heap->live_bytes > heap->peak_bytes) {
        heap->peak_bytes = heap->live_bytes;
    }
    return head + 1;
}

void test_heap_init(struct test_heap *heap)
{
    *heap = (struct test_heap){
        .allocator = {.allocate = support_allocate, .user = heap},
    };
}

bool test_heap_is_clean(const struct test_heap *heap)
{
    return heap->live_blocks == 0 && heap->live_bytes == 0;
}

static int support_nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

size_t test_unhex(const char *hex, uint8_t *out, size_t max)
{
    size_t size = 0;
    while (*hex != '\0') {
        if (*hex == ' ' || *hex == '\n') {
            hex++;
            continue;
        }
        int high = support_nibble(hex[0]);
        int low = support_nibble(hex[1]);
        assert(high >= 0 && low >= 0 && size < max);
        out[size++] = (uint8_t)(high << 4 | low);
        hex += 2;
    }
    return size;
}

uint32_t test_random(uint64_t *state)
{
    // splitmix64
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) >> 32);
}

const char *test_cert(const char *name)
{
    static char paths[16][512];
    static size_t last;
    last = (last + 1) % (sizeof paths / sizeof *paths);
    char *path = paths[last];
    const char *folder = getenv("TEST_CERTS");
    int size = snprintf(path, sizeof *paths, "%s/%s",
                        folder != NULL ? folder : "build/test/certs", name);
    assert(size > 0 && (size_t)size < sizeof *paths);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr,
                "%s is missing: `make build/test/certs/.done` makes it, and "
                "TEST_CERTS is its folder (see tests/certs.sh)\n",
                path);
        exit(1);
    }
    fclose(file);
    return path;
}

char *test_read_file(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    size_t size = 0;
    size_t capacity = 4096;
    char *text = malloc(capacity);
    while (text != NULL) {
        size += fread(text + size, 1, capacity - 1 - size, file);
        if (size < capacity - 1) {
            break;
        }
        capacity *= 2;
        char *grown = realloc(text, capacity);
        if (grown == NULL) {
            free(text);
        }
        text = grown;
    }
    fclose(file);
    if (text != NULL) {
        text[size] = '\0';
        *out_size = size;
    }
    return text;
}
