// SPDX-License-Identifier: MIT
// Files in a directory of the test's own. Nothing here waits.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop/loop_file.h"

static char file_test_dir[] = "/tmp/cgrpc_file_XXXXXX";

static int file_test_setup(void **state)
{
    (void)state;
    return mkdtemp(file_test_dir) == NULL || chdir(file_test_dir) != 0;
}

static int file_test_teardown(void **state)
{
    (void)state;
    return chdir("/") != 0 || rmdir(file_test_dir) != 0;
}

static void file_test_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

// A heap that looks at what is given back: file_test_secret may not be in it.
static const char file_test_secret[] = "secret";

struct file_test_heap {
    struct test_heap counted;
    grpc_allocator allocator;
    bool leaks;
};

static void *file_test_allocate(void *user, void *pointer, size_t old_size,
                                size_t new_size)
{
    struct file_test_heap *heap = user;
    if (old_size > 0 && memmem(pointer, old_size, file_test_secret,
                               sizeof file_test_secret - 1) != NULL) {
        heap->leaks = true;
    }
    return heap->counted.allocator.allocate(heap->counted.allocator.user,
                                            pointer, old_size, new_size);
}

static void file_test_heap_init(struct file_test_heap *heap)
{
    test_heap_init(&heap->counted);
    heap->allocator = (grpc_allocator){file_test_allocate, heap};
    heap->leaks = false;
}

static void file_test_expect(const char *path, size_t max, const void *expected,
                             size_t size)
{
    struct file_test_heap heap;
    file_test_heap_init(&heap);
    char *data = NULL;
    size_t got = 0;
    assert_int_equal(loop_file_read(path, max, &heap.allocator, &data, &got),
                     0);
    assert_int_equal(got, size);
    assert_memory_equal(data, expected, size);
    assert_int_equal(data[size], '\0');
    loop_file_free(data, got, &heap.allocator);
    assert_true(test_heap_is_clean(&heap.counted));
    assert_false(heap.leaks);
}

static void file_test_refused(const char *path, size_t max, int error)
{
    struct file_test_heap heap;
    file_test_heap_init(&heap);
    char *data = NULL;
    size_t size = 0;
    assert_int_equal(loop_file_read(path, max, &heap.allocator, &data, &size),
                     error);
    assert_null(data);
    assert_true(test_heap_is_clean(&heap.counted));
    assert_false(heap.leaks);
}

static void test_loop_file__is_read_whole(void **state)
{
    (void)state;
    static const char content[] = "a secret\0of\nlines";
    file_test_write("file", content, sizeof content - 1);
    file_test_expect("file", LOOP_FILE_MAX, content, sizeof content - 1);
    file_test_write("file", "", 0);
    file_test_expect("file", LOOP_FILE_MAX, "", 0);
    file_test_expect("file", 0, "", 0);
    assert_int_equal(unlink("file"), 0);
}

// A file whose size is known is read in memory of that size, without a copy.
static void test_loop_file__known_size_is_one_allocation(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    static char content[100000];
    char *data = NULL;
    size_t size = 0;
    file_test_write("file", content, sizeof content);
    assert_int_equal(
        loop_file_read("file", LOOP_FILE_MAX, &heap.allocator, &data, &size),
        0);
    assert_int_equal(heap.calls, 1);
    assert_int_equal(heap.peak_bytes, sizeof content + 1);
    loop_file_free(data, size, &heap.allocator);
    loop_file_free(NULL, 0, &heap.allocator);
    assert_true(test_heap_is_clean(&heap));
    assert_int_equal(unlink("file"), 0);
}

static void test_loop_file__size_has_a_bound(void **state)
{
    (void)state;
    static char content[10001] = "secret";
    file_test_write("file", content, sizeof content);
    file_test_expect("file", sizeof content, content, sizeof content);
    file_test_refused("file", sizeof content - 1, EFBIG);
    file_test_refused("file", 0, EFBIG);
    // One that does not end is given up as soon as that shows.
    file_test_refused("/dev/zero", 100000, EFBIG);
    file_test_refused("/dev/zero", 0, EFBIG);
    assert_int_equal(unlink("file"), 0);
}

static void test_loop_file__missing_and_odd_ones_are_told(void **state)
{
    (void)state;
    file_test_refused("none", LOOP_FILE_MAX, ENOENT);
    file_test_refused("none/file", LOOP_FILE_MAX, ENOENT);
    file_test_refused(".", LOOP_FILE_MAX, EISDIR);
    file_test_write("file", "", 0);
    file_test_refused("file/file", LOOP_FILE_MAX, ENOTDIR);
    if (geteuid() != 0) {
        assert_int_equal(chmod("file", 0), 0);
        file_test_refused("file", LOOP_FILE_MAX, EACCES);
    }
    assert_int_equal(unlink("file"), 0);
}

// A pipe gives what it has. Nobody waits for one that is quiet.
static void test_loop_file__pipe_is_read_without_waiting(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    file_test_expect("pipe", LOOP_FILE_MAX, "", 0);
    int reader = open("pipe", O_RDONLY | O_NONBLOCK);
    int writer = open("pipe", O_WRONLY | O_NONBLOCK);
    assert_true(reader != -1 && writer != -1);
    file_test_refused("pipe", LOOP_FILE_MAX, EAGAIN);
    static char content[20000] = "secret";
    assert_int_equal(write(writer, content, sizeof content), sizeof content);
    file_test_refused("pipe", LOOP_FILE_MAX, EAGAIN);
    assert_int_equal(write(writer, content, sizeof content), sizeof content);
    assert_int_equal(close(writer), 0);
    // Grown in steps, of which none leaves the secret behind.
    file_test_expect("pipe", LOOP_FILE_MAX, content, sizeof content);
    file_test_expect("pipe", LOOP_FILE_MAX, "", 0);
    assert_int_equal(close(reader), 0);
    assert_int_equal(unlink("pipe"), 0);
}

#if defined(__linux__)
// A file that says its size is 0, and has some.
static void test_loop_file__content_without_a_size(void **state)
{
    (void)state;
    struct stat found;
    assert_int_equal(stat("/proc/self/status", &found), 0);
    assert_int_equal(found.st_size, 0);
    struct test_heap heap;
    test_heap_init(&heap);
    char *data = NULL;
    size_t size = 0;
    assert_int_equal(loop_file_read("/proc/self/status", LOOP_FILE_MAX,
                                    &heap.allocator, &data, &size),
                     0);
    assert_true(size > 10 && strlen(data) == size);
    assert_int_equal(data[size - 1], '\n');
    loop_file_free(data, size, &heap.allocator);
    assert_true(test_heap_is_clean(&heap));
}
#endif

// The file changes between the look at its size and the read: the allocator is
// called in between, and does it.
struct file_test_changer {
    struct test_heap counted;
    grpc_allocator allocator;
    off_t size; // that the file gets
    bool done;
};

static void *file_test_change(void *user, void *pointer, size_t old_size,
                              size_t new_size)
{
    struct file_test_changer *changer = user;
    if (!changer->done) {
        changer->done = true;
        assert_int_equal(truncate("file", changer->size), 0);
    }
    return changer->counted.allocator.allocate(changer->counted.allocator.user,
                                               pointer, old_size, new_size);
}

static void test_loop_file__grows_and_shrinks_as_it_is_read(void **state)
{
    (void)state;
    static const off_t sizes[] = {0, 1, 4999, 5000, 5001, 5002, 10003, 60000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        static char content[5000] = "x";
        file_test_write("file", content, sizeof content);
        struct file_test_changer changer = {.size = sizes[i]};
        test_heap_init(&changer.counted);
        changer.allocator = (grpc_allocator){file_test_change, &changer};
        char *data = NULL;
        size_t size = 0;
        assert_int_equal(
            loop_file_read("file", 60000, &changer.allocator, &data, &size), 0);
        assert_int_equal(size, sizes[i]);
        assert_int_equal(data[0], size > 0 ? 'x' : '\0');
        assert_int_equal(data[size], '\0');
        loop_file_free(data, size, &changer.allocator);
        assert_true(test_heap_is_clean(&changer.counted));
    }
    struct file_test_changer changer = {.size = 60001};
    test_heap_init(&changer.counted);
    changer.allocator = (grpc_allocator){file_test_change, &changer};
    file_test_write("file", "x", 1);
    char *data = NULL;
    size_t size = 0;
    assert_int_equal(
        loop_file_read("file", 60000, &changer.allocator, &data, &size), EFBIG);
    assert_true(test_heap_is_clean(&changer.counted));
    assert_int_equal(unlink("file"), 0);
}

static void test_loop_file__no_memory(void **state)
{
    (void)state;
    size_t fail_at = 0;
    int error;
    do {
        struct file_test_heap heap;
        file_test_heap_init(&heap);
        heap.counted.fail_at = ++fail_at;
        char *data = NULL;
        size_t size = 0;
        static char content[20000] = "secret";
        int fds[2];
        assert_int_equal(mkfifo("pipe", 0600), 0);
        fds[0] = open("pipe", O_RDONLY | O_NONBLOCK);
        fds[1] = open("pipe", O_WRONLY | O_NONBLOCK);
        assert_int_equal(write(fds[1], content, sizeof content),
                         sizeof content);
        assert_int_equal(close(fds[1]), 0);
        error = loop_file_read("pipe", LOOP_FILE_MAX, &heap.allocator, &data,
                               &size);
        loop_file_free(data, size, &heap.allocator);
        assert_true(error == (fail_at <= 5 ? ENOMEM : 0));
        assert_true(test_heap_is_clean(&heap.counted));
        assert_false(heap.leaks);
        assert_int_equal(close(fds[0]), 0);
        assert_int_equal(unlink("pipe"), 0);
    } while (error == ENOMEM);
}

// Stamps.

static void file_test_is_same(const char *path,
                              const struct loop_file_stamp *before,
                              bool expected)
{
    struct loop_file_stamp after;
    assert_int_equal(loop_file_stamp(path, &after), 0);
    assert_int_equal(loop_file_is_same(before, &after), expected);
    assert_int_equal(loop_file_is_same(&after, before), expected);
}

static void test_loop_file__stamp_tells_versions_apart(void **state)
{
    (void)state;
    struct loop_file_stamp stamp;
    file_test_write("file", "one", 3);
    assert_int_equal(loop_file_stamp("file", &stamp), 0);
    assert_int_equal(stamp.size, 3);
    file_test_is_same("file", &stamp, true);
    // Another time of the content alone.
    const struct timespec times[2] = {{.tv_sec = 1},
                                      {.tv_sec = 1, .tv_nsec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, "file", times, 0), 0);
    file_test_is_same("file", &stamp, false);
    assert_int_equal(loop_file_stamp("file", &stamp), 0);
    assert_true(stamp.modified_ns == UINT64_C(1000000001));
    file_test_is_same("file", &stamp, true);
    // Another size.
    file_test_write("file", "four", 4);
    assert_int_equal(utimensat(AT_FDCWD, "file", times, 0), 0);
    file_test_is_same("file", &stamp, false);
    // Another file of the same size and time.
    assert_int_equal(loop_file_stamp("file", &stamp), 0);
    file_test_write("other", "FOUR", 4);
    assert_int_equal(utimensat(AT_FDCWD, "other", times, 0), 0);
    assert_int_equal(rename("other", "file"), 0);
    file_test_is_same("file", &stamp, false);
    assert_int_equal(unlink("file"), 0);
}

// The way in which Kubernetes replaces all files of a folder at once.
static void test_loop_file__stamp_follows_links(void **state)
{
    (void)state;
    static const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    static const char *const files[] = {"v1/key", "v2/key"};
    assert_int_equal(mkdir("v1", 0700) | mkdir("v2", 0700), 0);
    for (size_t i = 0; i < 2; i++) {
        file_test_write(files[i], i == 0 ? "old" : "new", 3);
        assert_int_equal(utimensat(AT_FDCWD, files[i], times, 0), 0);
    }
    assert_int_equal(symlink("v1", "..data"), 0);
    assert_int_equal(symlink("..data/key", "key"), 0);
    struct loop_file_stamp stamp;
    assert_int_equal(loop_file_stamp("key", &stamp), 0);
    assert_int_equal(stamp.size, 3);
    file_test_expect("key", LOOP_FILE_MAX, "old", 3);
    assert_int_equal(symlink("v2", "..data_tmp"), 0);
    assert_int_equal(rename("..data_tmp", "..data"), 0);
    file_test_is_same("key", &stamp, false);
    file_test_expect("key", LOOP_FILE_MAX, "new", 3);
    assert_int_equal(unlink("key") | unlink("..data"), 0);
    assert_int_equal(unlink(files[0]) | unlink(files[1]), 0);
    assert_int_equal(rmdir("v1") | rmdir("v2"), 0);
}

static void test_loop_file__stamp_of_none_is_told(void **state)
{
    (void)state;
    struct loop_file_stamp stamp;
    const struct loop_file_stamp none = {0};
    memset(&stamp, 1, sizeof stamp);
    assert_int_equal(loop_file_stamp("none", &stamp), ENOENT);
    assert_true(loop_file_is_same(&stamp, &none));
}

// Each member counts.
static void test_loop_file__stamps_are_compared_whole(void **state)
{
    (void)state;
    const struct loop_file_stamp one = {1, 1, 1, 1, 1};
    static const struct loop_file_stamp others[] = {
        {2, 1, 1, 1, 1}, {1, 2, 1, 1, 1}, {1, 1, 2, 1, 1},
        {1, 1, 1, 2, 1}, {1, 1, 1, 1, 2},
    };
    assert_true(loop_file_is_same(&one, &one));
    for (size_t i = 0; i < 5; i++) {
        assert_false(loop_file_is_same(&one, &others[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop_file__is_read_whole),
        cmocka_unit_test(test_loop_file__known_size_is_one_allocation),
        cmocka_unit_test(test_loop_file__size_has_a_bound),
        cmocka_unit_test(test_loop_file__missing_and_odd_ones_are_told),
        cmocka_unit_test(test_loop_file__pipe_is_read_without_waiting),
#if defined(__linux__)
        cmocka_unit_test(test_loop_file__content_without_a_size),
#endif
        cmocka_unit_test(test_loop_file__grows_and_shrinks_as_it_is_read),
        cmocka_unit_test(test_loop_file__no_memory),
        cmocka_unit_test(test_loop_file__stamp_tells_versions_apart),
        cmocka_unit_test(test_loop_file__stamp_follows_links),
        cmocka_unit_test(test_loop_file__stamp_of_none_is_told),
        cmocka_unit_test(test_loop_file__stamps_are_compared_whole),
    };
    return cmocka_run_group_tests(tests, file_test_setup, file_test_teardown);
}
