#!/bin/sh
# SPDX-License-Identifier: MIT
# Two files, the generated pair and a short program in an otherwise empty
# folder: every compiler and machine we claim makes a client and a server of it
# without a warning, and they talk.
. tests/lib.sh

folder=$work/empty
mkdir "$folder"
cp dist/grpc.c dist/grpc.h tests/two_files/main.c "$folder" &&
    "$BUILD/cgrpc-gen" -I examples/helloworld -o "$folder" helloworld.proto ||
    exit 1

# builds COMPILER FLAG...: a program out/COMPILER... that says hello, run
# with $run in front.
builds() {
    program=$work/program
    rm -f "$program"
    # shellcheck disable=SC2086 # libraries, or nothing
    (cd "$folder" && "$@" -std=c11 -Wall -Wextra -Wpedantic -Wconversion \
        -Werror -o "$program" ./*.c $libraries) || return 1
    # shellcheck disable=SC2086 # a command with arguments, or nothing
    timeout 120 $run "$program" >"$work/said" || return 1
    cat "$work/said"
    [ "$(cat "$work/said")" = 'Hello two files' ]
}

run=
libraries=
check "native" builds "$CC"
check "native, -O2" builds "$CC" -O2
check "native, -O3" builds "$CC" -O3
check "native, -Os" builds "$CC" -Os
check "clang" builds clang -O2
check "without threads" builds "$CC" -DGRPC_NO_THREADS
check "with assertions and sanitizers" builds "$CC" -g -DGRPC_DEBUG \
    -fsanitize=address,undefined -fno-sanitize-recover=all
# What a feature needs is linked with, and used.
uses() { nm -D "$program" | grep " U $1\$"; }
with_zlib() {
    libraries=-lz
    builds "$@" -DGRPC_WITH_ZLIB && uses inflate
}
with_mbedtls() {
    libraries=$mbedtls_libs
    # shellcheck disable=SC2086 # flags
    builds "$@" $mbedtls_flags && uses mbedtls_ssl_setup
}
with_both() {
    libraries=$vendor_libs
    # shellcheck disable=SC2086
    builds "$@" $vendor_flags && uses mbedtls_ssl_setup && uses inflate
}
if [ -n "$with_gzip" ]; then
    check "with zlib" with_zlib "$CC" -O2
    check "clang, with zlib" with_zlib clang -O2
else
    echo "# with zlib: not tried, for the library was built without"
fi
if [ -n "$with_tls" ]; then
    check "with mbedTLS" with_mbedtls "$CC" -O2
    check "with mbedTLS, without threads" with_mbedtls "$CC" -O2 \
        -DGRPC_NO_THREADS
    check "clang, with mbedTLS" with_mbedtls clang -O2
else
    echo "# with mbedTLS: not tried, for the library was built without"
fi
if [ -n "$with_gzip" ] && [ -n "$with_tls" ]; then
    check "with zlib and mbedTLS" with_both "$CC" -Os
fi
libraries=
# shellcheck disable=SC2086 # a compiler and its flags
[ "$(uname -m)" != x86_64 ] || check "32 bit" builds $M32 -O2
check "musl, static" builds musl-gcc -static -O2
run=qemu-s390x-static
check "s390x, big endian" builds s390x-linux-gnu-gcc -static -O2
run=

# The name says what the file promises: nothing of the C library's heap or
# threads is needed when both are given up.
no_threads() {
    "$CC" -std=c11 -O2 -DGRPC_NO_THREADS -c -o "$work/plain.o" "$folder/grpc.c" &&
        ! nm -u "$work/plain.o" | grep -E ' (pthread_|getaddrinfo)'
}
check "GRPC_NO_THREADS needs neither threads nor a resolver" no_threads

same_bytes() {
    # shellcheck disable=SC2046 # the list in the file itself
    awk -v version="$VERSION" -f tools/amalgamate.awk \
        $(sed -n 's|^//   \([a-z0-9]*/[a-z0-9_]*\.c\)$|\1|p' dist/grpc.c) |
        cmp - dist/grpc.c && cmp grpc.h dist/grpc.h
}
check "the two files come out the same each time" same_bytes
lines_compile() {
    # shellcheck disable=SC2046
    awk -v version="$VERSION" -v lines=1 -f tools/amalgamate.awk \
        $(sed -n 's|^//   \([a-z0-9]*/[a-z0-9_]*\.c\)$|\1|p' dist/grpc.c) \
        >"$work/lines.c" &&
        "$CC" -std=c11 -I. -c -o "$work/lines.o" "$work/lines.c" &&
        grep -q '^#line [0-9]* "core/' "$work/lines.c"
}
check "#line on request" lines_compile
finish
