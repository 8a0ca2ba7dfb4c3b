# SPDX-License-Identifier: MIT
# Sourced by scripts that compile the one file, to be used as
#
#   $CC -std=c11 $vendor_flags ... dist/grpc.c $vendor_libs -lpthread
#
# for a library that can do all. MBEDTLS_ROOT names the folder of an mbedTLS that
# is not the system's: `make interop MBEDTLS3=1` sets it to that of Debian 13, and
# so does `MBEDTLS_ROOT=$(tests/mbedtls3.sh)`, before this is sourced (again).
mbedtls_libs="${MBEDTLS_ROOT:+-L$MBEDTLS_ROOT/lib -Wl,-rpath,$MBEDTLS_ROOT/lib }"
mbedtls_libs="$mbedtls_libs-lmbedtls -lmbedx509 -lmbedcrypto"
mbedtls_flags="-DGRPC_WITH_MBEDTLS${MBEDTLS_ROOT:+ -isystem $MBEDTLS_ROOT/include}"
vendor_flags="-DGRPC_WITH_ZLIB $mbedtls_flags"
vendor_libs="$mbedtls_libs -lz"
