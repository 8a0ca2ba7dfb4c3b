#!/bin/sh
# SPDX-License-Identifier: MIT
# grpc.h alone, under the strictest flags a user may have, as C and as C++.
. tests/lib.sh

strict='-Wall -Wextra -Wundef -Wshadow -Wconversion -pedantic-errors -Werror'
printf '#include "grpc.h"\n#include "grpc.h"\nint main(void) { return 0; }\n' \
    >"$work/alone.c"
cat >"$work/use.cc" <<'END'
#include "grpc.h"
int main()
{
    grpc_str name = GRPC_STR("name");
    grpc_arena arena = grpc_arena();
    return grpc_str_z("name").size == name.size && arena.newest == nullptr &&
                   grpc_version() != nullptr
               ? 0
               : 1;
}
END
cp "$work/alone.c" "$work/alone.cc"

as() { # COMPILER FLAG... FILE
    # shellcheck disable=SC2086
    "$@" $strict -Idist -fsyntax-only
}
for compiler in "$CC" clang; do
    for standard in c99 c11 c17; do
        check "$compiler, $standard" as "$compiler" "-std=$standard" \
            -Wstrict-prototypes -Wold-style-definition "$work/alone.c"
    done
done
for compiler in g++ clang++; do
    for standard in c++11 c++17 c++20; do
        check "$compiler, $standard" as "$compiler" "-std=$standard" \
            "$work/alone.cc"
    done
done
links() {
    g++ -std=c++11 -Wall -Wextra -Werror -pedantic-errors -Idist \
        -o "$work/use" "$work/use.cc" "$BUILD/libcgrpc.a" $LIBRARY_LIBS \
        -lpthread &&
        "$work/use"
}
check "a C++ program links" links
finish
