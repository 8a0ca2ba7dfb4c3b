#!/bin/sh
# SPDX-License-Identifier: MIT
# What the libraries show to a linker: grpc_ names that grpc.h declares, and
# none that Google's C core has (tests/ccore_symbols.txt).
. tests/lib.sh

static=$BUILD/libcgrpc.a
shared=$BUILD/libcgrpc.so
nm -g --defined-only "$static" | awk 'NF == 3 { print $3 }' | sort -u \
    >"$work/static"
nm -gD --defined-only "$shared" | awk 'NF == 3 { print $3 }' | sort -u \
    >"$work/shared"
# A function is declared as name(, a table as "extern const type name;".
tr '\n' ' ' <grpc.h | sed 's/GRPC_API/\
GRPC_API/g' | sed -n 's/^GRPC_API extern [^;]*[ *]\(grpc_[a-z0-9_]*\);.*/\1/p
t
s/^GRPC_API [^(;]*[ *]\(grpc_[a-z0-9_]*\)(.*/\1/p' | sort -u >"$work/declared"

some() { [ "$(wc -l <"$work/static")" -gt 20 ]; }
check "the static library defines something" some
prefixed() { ! grep -v '^grpc_' "$work/static"; }
check "only grpc_ names are global" prefixed
foreign() { ! comm -12 "$work/static" tests/ccore_symbols.txt | grep .; }
check "none of them is the C core's" foreign
declared() { diff "$work/declared" "$work/static"; }
check "they are what grpc.h declares" declared
alike() { diff "$work/static" "$work/shared"; }
check "the shared library exports the same" alike
soname() {
    readelf -d "$shared" | grep "SONAME.*\[libcgrpc.so.${VERSION%%.*}\]"
}
check "the soname has the major version" soname
needs() {
    ! readelf -d "$shared" | grep NEEDED | grep -vE "\[(libc|libpthread${with_gzip:+\
|libz}${with_tls:+|libmbedtls|libmbedx509|libmbedcrypto})\."
}
check "the shared library needs the C library alone, zlib for gzip, mbedTLS" needs
data() {
    ! size -A "$static" |
        grep -E '^\.(data|bss|data\.rel|data\.rel\.local) +[1-9]'
}
check "no mutable globals" data
finish
