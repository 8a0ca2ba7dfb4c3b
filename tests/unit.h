// SPDX-License-Identifier: MIT
// The first include of every unit test. The same test source serves both
// forms of the library: on the split tree it links with the object files; with
// TEST_AMALGAMATION it includes the one file, whose internals are static and
// visible here.

#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#if defined(TEST_AMALGAMATION)
# include "grpc.c"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support.h"

#endif
