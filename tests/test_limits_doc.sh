#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/limits.md names every limit, with the value that it has, and the tests
# that it names exist; no test of an attack is left out.
. tests/lib.sh

# Values may be written with commas.
plain() { tr -d ,; }

# The rows of the document: `name` | value.
sed -n 's/^| `\([a-zA-Z0-9_]*\)` | \([0-9,]*\) |.*/\1 \2/p' docs/limits.md |
    plain | sort >"$work/rows"

options_are_there() {
    awk '/^typedef struct grpc_limits/ { inside = 1 } /^} grpc_limits/ { inside = 0 }
        inside' grpc.h | tr '\n' ' ' | sed 's|  *//  *| |g' | tr ';' '\n' |
        sed 's|^[^[]*\[\([0-9,]*\)\]|= \1 |' | plain >"$work/members"
    # The default of a member stands behind it, in brackets.
    awk '{
            if ($1 == "=" && name != "") { print name, $2; name = "" }
            for (i = 1; i < NF; i++)
                if ($i == "uint32_t") name = $(i + 1)
        }' "$work/members" | sort >"$work/options"
    [ "$(wc -l <"$work/options")" -ge 27 ] || return 1
    grep -v '^H2_' "$work/rows" | diff "$work/options" -
}

constants_are_there() {
    sed -n '/---- Constants ----/,/^};/s/^ *\(H2_LIMIT_[A-Z_]*\) = \([0-9]*\),/\1 \2/p' \
        h2/h2_limits.h >"$work/constants"
    sed -n 's/^ *\(H2_LIMIT_\(DELAYS\|RESET_DEBT\|EMPTY_CONTINUATIONS\)\) = \([0-9]*\),/\1 \3/p' \
        h2/h2_limits.h >>"$work/constants"
    sort "$work/constants" >"$work/constants.sorted"
    grep '^H2_' "$work/rows" | diff "$work/constants.sorted" -
}

tests_are_there() {
    sed -n 's/^static void test_attack__\([a-z0-9_]*\)(.*/\1/p' \
        tests/test_attack_*.c | sort >"$work/tests"
    # What stands in the last column of a row, or in the last paragraph.
    sed -n -e '/^| `\|^| [0-9]/s/.*| \([^|]*\) |$/\1/p' -e '/^What is no attack/,$p' \
        docs/limits.md | grep -o '`[a-z0-9_]*`' | tr -d '`' | sort -u >"$work/named"
    diff "$work/tests" "$work/named"
}

check 'every option is there, with its default' options_are_there
check 'every constant is there, with its value' constants_are_there
check 'the tests are all there, and exist' tests_are_there
finish
