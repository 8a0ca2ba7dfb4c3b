# SPDX-License-Identifier: MIT
# Sourced by the tests that are scripts. They run in the root of the tree with
# CC, HOSTCC, BUILD and VERSION set, after `make all examples`.
#
#   check "name of the case" command argument...
#   finish
#
# $work is a folder of the script's own, removed at the end.

# A make that a script runs is not part of the one that runs the script.
unset MAKEFLAGS MFLAGS MAKELEVEL
: "${CC:=cc}" "${HOSTCC:=cc}" "${BUILD:=build}"
root=$(pwd)
case $BUILD in /*) ;; *) BUILD=$root/$BUILD ;; esac
# What the library was built with: $with_gzip and $with_tls, each empty or yes, and
# what programs link with, $LIBRARY_LIBS. (The library is asked, not make: zlib may
# have been installed by the make that runs this.)
. tests/vendor.sh
asked() { nm "$BUILD/libcgrpc.a" 2>/dev/null | grep -q " U $1\$" && echo yes; }
with_gzip=$(asked inflate)
with_tls=$(asked mbedtls_ssl_setup)
LIBRARY_FLAGS="${with_tls:+$mbedtls_flags} ${with_gzip:+-DGRPC_WITH_ZLIB}"
LIBRARY_LIBS="${with_tls:+$mbedtls_libs} ${with_gzip:+-lz}"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cases=0
failures=0

check() {
    cases=$((cases + 1))
    name=$1
    shift
    if "$@" >"$work/check.log" 2>&1; then
        echo "ok $cases - $name"
    else
        echo "not ok $cases - $name"
        sed 's/^/# /' "$work/check.log"
        failures=$((failures + 1))
    fi
}

finish() {
    echo "1..$cases"
    [ "$failures" -eq 0 ] || exit 1
    exit 0
}
