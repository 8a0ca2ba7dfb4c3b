// SPDX-License-Identifier: MIT
// Assertions state invariants of our own code. Input from a peer, a file or a
// caller of the API never reaches one: it takes an error path.
//
// ASSERT is compiled in when GRPC_DEBUG is defined (the tests and fuzzers) and
// is nothing otherwise: the library never calls abort() in a user's build.

#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#if defined(GRPC_DEBUG)
# include <assert.h>
# define ASSERT(condition) assert(condition)
#else
# define ASSERT(condition) ((void)0)
#endif

#endif
