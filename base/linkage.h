// SPDX-License-Identifier: MIT
// Linkage of everything that is not public.
//
// The library is written as many files and shipped as one. In the split tree
// a name shared between files is external and hidden; in the amalgamation
// (which defines GRPC_AMALGAMATION) the same declaration is static, so that a
// link sees grpc_ names alone.
//
//   INTERNAL       a function declared in an internal header
//   INTERNAL_DATA  a constant table declared in an internal header; the
//                  declaration carries its size, because C forbids a static
//                  declaration of unknown size
//   INTERNAL_DEFINE stands before the definition of such a table
//   MUST_CHECK     the result may not be ignored
//   PRINTF_LIKE    argument positions of a format and its first argument
//   NOINLINE       a detour: it is not made a part of its callers, on which it
//                  would weigh, and which can so be made parts of theirs

#ifndef BASE_LINKAGE_H
#define BASE_LINKAGE_H

#if defined(__GNUC__) || defined(__clang__)
# define MUST_CHECK __attribute__((warn_unused_result))
# define PRINTF_LIKE(text, first) \
  __attribute__((__format__(__printf__, text, first)))
# define MAYBE_UNUSED __attribute__((unused))
# define NOINLINE     __attribute__((noinline))
# define LIKELY(x)    __builtin_expect(!!(x), 1)
# define UNLIKELY(x)  __builtin_expect(!!(x), 0)
# define BASE_HIDDEN  __attribute__((visibility("hidden")))
#else
# define MUST_CHECK
# define PRINTF_LIKE(text, first)
# define MAYBE_UNUSED
# define NOINLINE
# define LIKELY(x)   (x)
# define UNLIKELY(x) (x)
# define BASE_HIDDEN
#endif

#if defined(GRPC_AMALGAMATION)
# define INTERNAL        MAYBE_UNUSED static
# define INTERNAL_DATA   MAYBE_UNUSED static
# define INTERNAL_DEFINE MAYBE_UNUSED static
#else
# define INTERNAL      BASE_HIDDEN
# define INTERNAL_DATA BASE_HIDDEN extern
# define INTERNAL_DEFINE
#endif

#endif
