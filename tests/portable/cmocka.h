// SPDX-License-Identifier: MIT
// The part of cmocka that our unit tests use, in one header. It stands in for
// the library where there is none: on 32 bit, musl and big-endian machines,
// which the tests are cross-compiled for. Prints TAP.

#ifndef TESTS_PORTABLE_CMOCKA_H
#define TESTS_PORTABLE_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uintmax_t LargestIntegralType;

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
    int (*setup)(void **state);
    int (*teardown)(void **state);
    void *initial_state;
};

#define cmocka_unit_test(f) \
 {                          \
#  f, f, NULL, NULL, NULL   \
 }
#define cmocka_unit_test_setup(f, s) \
 {                                   \
#  f, f, s, NULL, NULL               \
 }
#define cmocka_unit_test_teardown(f, t) \
 {                                      \
#  f, f, NULL, t, NULL                  \
 }
#define cmocka_unit_test_setup_teardown(f, s, t) \
 {                                               \
#  f, f, s, t, NULL                              \
 }
#define cmocka_unit_test_prestate(f, state) \
 {                                          \
#  f, f, NULL, NULL, state                  \
 }
#define cmocka_unit_test_prestate_setup_teardown(f, s, t, state) \
 {                                                               \
#  f, f, s, t, state                                             \
 }

enum { PORTABLE_FAILED = 1, PORTABLE_SKIPPED = 2 };

static jmp_buf portable_end;

_Noreturn static inline void portable_leave(int how)
{
    longjmp(portable_end, how);
}

static inline void portable_assert(int good, const char *text, const char *file,
                                   int line)
{
    if (!good) {
        printf("# %s:%d: %s\n", file, line, text);
        portable_leave(PORTABLE_FAILED);
    }
}

static inline void portable_compare(LargestIntegralType a,
                                    LargestIntegralType b, int same,
                                    const char *file, int line)
{
    if ((a == b) != same) {
        printf("# %s:%d: %#jx %s %#jx\n", file, line, a, same ? "!=" : "==", b);
        portable_leave(PORTABLE_FAILED);
    }
}

static inline void portable_bytes(const void *a, const void *b, size_t size,
                                  int same, const char *file, int line)
{
    portable_assert((memcmp(a, b, size) == 0) == same, "bytes", file, line);
}

static inline void portable_strings(const char *a, const char *b, int same,
                                    const char *file, int line)
{
    if ((strcmp(a, b) == 0) != same) {
        printf("# %s:%d: \"%s\" and \"%s\"\n", file, line, a, b);
        portable_leave(PORTABLE_FAILED);
    }
}

#define assert_true(c)  portable_assert(!!(c), #c, __FILE__, __LINE__)
#define assert_false(c) portable_assert(!(c), "not " #c, __FILE__, __LINE__)
#define assert_null(p)  portable_assert((p) == NULL, #p, __FILE__, __LINE__)
#define assert_non_null(p) \
 portable_assert((p) != NULL, "not NULL: " #p, __FILE__, __LINE__)
#define assert_ptr_equal(a, b)                                         \
 portable_assert((const void *)(a) == (const void *)(b), #a " == " #b, \
                 __FILE__, __LINE__)
#define assert_ptr_not_equal(a, b)                                     \
 portable_assert((const void *)(a) != (const void *)(b), #a " != " #b, \
                 __FILE__, __LINE__)
#define assert_int_equal(a, b)                                           \
 portable_compare((LargestIntegralType)(a), (LargestIntegralType)(b), 1, \
                  __FILE__, __LINE__)
#define assert_int_not_equal(a, b)                                       \
 portable_compare((LargestIntegralType)(a), (LargestIntegralType)(b), 0, \
                  __FILE__, __LINE__)
#define assert_memory_equal(a, b, size) \
 portable_bytes(a, b, size, 1, __FILE__, __LINE__)
#define assert_memory_not_equal(a, b, size) \
 portable_bytes(a, b, size, 0, __FILE__, __LINE__)
#define assert_string_equal(a, b) portable_strings(a, b, 1, __FILE__, __LINE__)
#define assert_string_not_equal(a, b) \
 portable_strings(a, b, 0, __FILE__, __LINE__)
#define assert_in_range(value, low, high)                                      \
 portable_assert((LargestIntegralType)(value) >= (LargestIntegralType)(low) && \
                     (LargestIntegralType)(value) <=                           \
                         (LargestIntegralType)(high),                          \
                 #value " in range", __FILE__, __LINE__)
#define assert_return_code(code, error) \
 portable_assert((code) >= 0, #code, __FILE__, __LINE__)
#define skip() portable_leave(PORTABLE_SKIPPED)
#define fail() portable_assert(0, "failed", __FILE__, __LINE__)
#define fail_msg(...)                     \
 (printf("# " __VA_ARGS__), printf("\n"), \
  portable_assert(0, "failed", __FILE__, __LINE__))
#define print_message printf
#define print_error   printf

// Returns 0, PORTABLE_FAILED or PORTABLE_SKIPPED.
static inline int portable_run_one(const struct CMUnitTest *test, void *shared)
{
    void *state = test->initial_state != NULL ? test->initial_state : shared;
    if (test->setup != NULL && test->setup(&state) != 0) {
        return PORTABLE_FAILED;
    }
    int how = setjmp(portable_end);
    if (how == 0) {
        test->test(&state);
    }
    if (test->teardown != NULL && test->teardown(&state) != 0) {
        return PORTABLE_FAILED;
    }
    return how;
}

static inline int portable_run(const struct CMUnitTest *tests, size_t count,
                               int (*setup)(void **), int (*teardown)(void **))
{
    int failed = 0;
    void *state = NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..%zu\n", count);
    if (setup != NULL && setup(&state) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        int how = portable_run_one(&tests[i], state);
        failed += how == PORTABLE_FAILED;
        printf("%s %zu%s %s\n", how == PORTABLE_FAILED ? "not ok" : "ok", i + 1,
               how == PORTABLE_SKIPPED ? " # SKIP" : " -", tests[i].name);
    }
    if (teardown != NULL && teardown(&state) != 0) {
        return -1;
    }
    return failed;
}

#define cmocka_run_group_tests(tests, setup, teardown) \
 portable_run(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
 cmocka_run_group_tests(tests, setup, teardown)

#endif
