// SPDX-License-Identifier: MIT
// What the interop server and client of every language agree on; README.md
// tells the rest.

#ifndef TESTS_INTEROP_C_INTEROP_H
#define TESTS_INTEROP_C_INTEROP_H

// INTEROP_ERROR is what a call that was told to fail says. It holds UTF-8 of
// two, three and four bytes, newlines, a percent sign, and one that must not
// be taken for an escape.
#define INTEROP_ERROR                      \
 "na\xC3\xAFve caf\xC3\xA9: 100 % (%41)\n" \
 "second line: 5 \xE2\x82\xAC\r\n"         \
 "\t\xF0\x9F\x98\x80 end"

enum { INTEROP_CALLS_AT_ONCE = 100, INTEROP_LARGE_BYTES = 1 << 20 };

#endif
