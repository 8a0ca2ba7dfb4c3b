// SPDX-License-Identifier: MIT

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "loop/loop_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"

enum { LOOP_FILE_FIRST = 4096 }; // for a file that does not know its size

// What has been read so far. It is never resized in place: an allocator would
// leave the old bytes behind.
struct file_bytes {
    const grpc_allocator *allocator;
    char *data;
    size_t size;
    size_t capacity; // one more than the file is expected to have
};

static void file_bytes_drop(struct file_bytes *bytes)
{
    if (bytes->data != NULL) {
        alloc_wipe(bytes->data, bytes->capacity);
        alloc_free(bytes->allocator, bytes->data, bytes->capacity);
    }
}

// file_bytes_move: with ENOMEM the bytes are where they were.
static int file_bytes_move(struct file_bytes *bytes, size_t capacity)
{
    ASSERT(capacity > bytes->size);
    char *data = alloc_new(bytes->allocator, capacity);
    if (data == NULL) {
        return ENOMEM;
    }
    if (bytes->size > 0) {
        memcpy(data, bytes->data, bytes->size);
    }
    file_bytes_drop(bytes);
    bytes->data = data;
    bytes->capacity = capacity;
    return 0;
}

// file_bytes_begin: a size of 0 may be that of a file which is made as it is
// read (Linux's /proc).
static int file_bytes_begin(struct file_bytes *bytes, int fd, size_t max)
{
    struct stat found;
    if (fstat(fd, &found) != 0) {
        return errno;
    }
    size_t size = LOOP_FILE_FIRST < max ? LOOP_FILE_FIRST : max;
    if (S_ISREG(found.st_mode) && found.st_size > 0) {
        if ((uint64_t)found.st_size > max) {
            return EFBIG;
        }
        size = (size_t)found.st_size;
    }
    return file_bytes_move(bytes, size + 1);
}

static int file_read_once(int fd, struct file_bytes *bytes, bool *out_is_end)
{
    ssize_t got;
    do {
        got =
            read(fd, bytes->data + bytes->size, bytes->capacity - bytes->size);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return errno;
    }
    bytes->size += (size_t)got;
    *out_is_end = got == 0;
    return 0;
}

// file_bytes_grow: there is room for more, as long as that may come.
static int file_bytes_grow(struct file_bytes *bytes, size_t max)
{
    if (bytes->size > max) {
        return EFBIG;
    }
    if (bytes->size < bytes->capacity) {
        return 0;
    }
    size_t half = max / 2;
    return file_bytes_move(bytes, bytes->capacity > half ? max + 1
                                                         : bytes->capacity * 2);
}

static int file_read_all(int fd, struct file_bytes *bytes, size_t max)
{
    bool is_end = false;
    int error = file_bytes_begin(bytes, fd, max);
    while (error == 0 && !is_end) {
        error = file_read_once(fd, bytes, &is_end);
        if (error == 0 && !is_end) {
            error = file_bytes_grow(bytes, max);
        }
    }
    if (error == 0 && bytes->capacity != bytes->size + 1) {
        error = file_bytes_move(bytes, bytes->size + 1);
    }
    return error;
}

int loop_file_read(const char *path, size_t max,
                   const grpc_allocator *allocator, char **out_data,
                   size_t *out_size)
{
    ASSERT(max < SIZE_MAX);
    // Not blocking: a pipe that nobody writes to would stop the whole loop.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd == -1) {
        return errno;
    }
    struct file_bytes bytes = {.allocator = allocator};
    int error = file_read_all(fd, &bytes, max);
    (void)close(fd);
    if (error != 0) {
        file_bytes_drop(&bytes);
        return error;
    }
    bytes.data[bytes.size] = '\0';
    *out_data = bytes.data;
    *out_size = bytes.size;
    return 0;
}

void loop_file_free(char *data, size_t size, const grpc_allocator *allocator)
{
    if (data != NULL) {
        alloc_wipe(data, size);
        alloc_free(allocator, data, size + 1);
    }
}

static uint64_t file_ns(struct timespec time)
{
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) +
           (uint64_t)time.tv_nsec;
}

int loop_file_stamp(const char *path, struct loop_file_stamp *stamp)
{
    struct stat found;
    *stamp = (struct loop_file_stamp){0};
    if (stat(path, &found) != 0) {
        return errno;
    }
    *stamp = (struct loop_file_stamp)
    {
        .device = (uint64_t)found.st_dev, .inode = (uint64_t)found.st_ino,
        .size = (uint64_t)found.st_size,
#if defined(__APPLE__)
        .modified_ns = file_ns(found.st_mtimespec),
        .changed_ns = file_ns(found.st_ctimespec),
#else
        .modified_ns = file_ns(found.st_mtim),
        .changed_ns = file_ns(found.st_ctim),
#endif
    };
    return 0;
}

bool loop_file_is_same(const struct loop_file_stamp *a,
                       const struct loop_file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->size == b->size && a->modified_ns == b->modified_ns &&
           a->changed_ns == b->changed_ns;
}
