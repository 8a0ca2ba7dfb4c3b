#!/bin/sh
# SPDX-License-Identifier: MIT
# The TLS library of examples/tls_library, alone: sessions that are joined in
# memory (tests/tls_library). What cgrpc makes of it tests/test_examples.sh tries.
. tests/lib.sh

if ! pkg-config --atleast-version=3 libssl 2>/dev/null; then
    echo 'ok 1 - sessions # SKIP pkg-config finds no OpenSSL 3 here'
    echo 1..1
    exit 0
fi
certs=$BUILD/test/certs
make_certs() { "${MAKE:-make}" -s --no-print-directory "$certs/.done"; }

builds() {
    # shellcheck disable=SC2046,SC2086 # flags
    "$CC" -std=c11 -O1 -g -Wall -Wextra -Wpedantic -Wconversion -Wshadow \
        -Werror -fsanitize=address,undefined -fno-sanitize-recover=all \
        -Iexamples/tls_library -I"$root" $(pkg-config --cflags libssl) \
        -o "$work/sessions" tests/tls_library/sessions.c "$BUILD/libcgrpc.a" \
        $(pkg-config --libs libssl libcrypto) $LIBRARY_LIBS -lpthread
}
# sessions CASE: how it ended.
sessions() {
    grep -v "^ok" "$work/said"
    grep -qxF "$1" "$work/said"
}
check 'certificates' make_certs
check 'it is built' builds
"$work/sessions" "$certs" >"$work/said" 2>&1
check 'it goes on to its end, and leaks nothing' [ $? -eq 0 ]
sed -n 's/^\(not \)\{0,1\}ok \([0-9]*\) - \(.*\)/\2 \3/p' "$work/said" \
    >"$work/names"
check 'there are cases' [ "$(wc -l <"$work/names")" -ge 19 ]
while read -r number name; do
    check "$name" sessions "ok $number - $name"
done <"$work/names"
finish
