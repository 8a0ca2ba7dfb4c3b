#!/bin/sh
# SPDX-License-Identifier: MIT
# make install and uninstall: what lands where, and programs built from the
# installed tree alone, by pkg-config and by CMake, also after it was moved.
. tests/lib.sh

installs() { # DESTDIR VARIABLE...
    destination=$1
    shift
    "${MAKE:-make}" --no-print-directory install DESTDIR="$destination" "$@"
}
removes() {
    destination=$1
    shift
    "${MAKE:-make}" --no-print-directory uninstall DESTDIR="$destination" "$@"
}
# The sources of a program, away from the tree.
consumer() {
    mkdir "$1" &&
        cp tests/two_files/main.c examples/helloworld/helloworld.proto \
            tests/consumer/CMakeLists.txt "$1"
}
says_hello() { # COMMAND...
    said=$("$@") && echo "$said" && [ "$said" = 'Hello two files' ]
}

stage=$work/stage
check "make install" installs "$stage" PREFIX=/usr

list() { (cd "$1" && find . ! -type d | sort); }
expected() {
    {
        cat <<END
./usr/bin/cgrpc-gen
./usr/include/cgrpc/grpc.h
./usr/lib/cmake/cgrpc/cgrpcConfig.cmake
./usr/lib/cmake/cgrpc/cgrpcConfigVersion.cmake
./usr/lib/libcgrpc.a
./usr/lib/libcgrpc.so
./usr/lib/libcgrpc.so.${VERSION%%.*}
./usr/lib/libcgrpc.so.$VERSION
./usr/lib/pkgconfig/cgrpc.pc
./usr/share/man/man1/cgrpc-gen.1
END
        (cd gen/proto && find . -name '*.proto' |
            sed 's|^\.|./usr/share/cgrpc/proto|')
    } | sort
}
check_list() {
    list "$stage" >"$work/list"
    expected | diff - "$work/list"
}
check "the files that belong there, and no others" check_list
no_paths() { ! grep -rlF -e "$root" -e "$stage" "$stage/usr/lib/pkgconfig" \
    "$stage/usr/lib/cmake" "$stage/usr/include"; }
check "no path of the build in them" no_paths
well_known() {
    for proto in any duration empty field_mask struct timestamp wrappers; do
        [ -f "$stage/usr/share/cgrpc/proto/google/protobuf/$proto.proto" ] ||
            return 1
    done
    for proto in code error_details status; do
        [ -f "$stage/usr/share/cgrpc/proto/google/rpc/$proto.proto" ] ||
            return 1
    done
}
check "the well-known types are there" well_known

# From here on the tree is used where it was moved to.
moved=$work/moved
mv "$stage/usr" "$moved"
export PKG_CONFIG_PATH="$moved/lib/pkgconfig"
unset CGRPC_PROTO_PATH
by_pkg_config() { # FOLDER FLAG...
    folder=$1
    shift
    (cd "$folder" &&
        "$(pkg-config --variable=generator cgrpc)" helloworld.proto &&
        # shellcheck disable=SC2046 # flags
        "$CC" -std=c11 -o program main.c helloworld.pb.c \
            $(pkg-config --cflags "$@" cgrpc) \
            $(pkg-config --libs "$@" cgrpc)) || return 1
}
shared_program() {
    consumer "$work/pc" && by_pkg_config "$work/pc" &&
        readelf -d "$work/pc/program" | grep 'NEEDED.*libcgrpc\.so\.' &&
        says_hello env LD_LIBRARY_PATH="$moved/lib" "$work/pc/program"
}
check "pkg-config, shared" shared_program
static_program() {
    rm "$moved"/lib/libcgrpc.so* && consumer "$work/pcs" &&
        by_pkg_config "$work/pcs" --static && says_hello "$work/pcs/program"
}
cp -a "$moved" "$work/both"
check "pkg-config --static" static_program
rm -rf "$moved" && mv "$work/both" "$moved"
version_told() { [ "$(pkg-config --modversion cgrpc)" = "$VERSION" ]; }
check "pkg-config tells the version" version_told

imports_found() {
    mkdir "$work/imports" && cd "$work/imports" && cat >late.proto <<'END' &&
syntax = "proto3";
package late;
import "google/protobuf/timestamp.proto";
import "google/rpc/error_details.proto";
message Late {
  google.protobuf.Timestamp at = 1;
  google.rpc.RetryInfo retry = 2;
}
END
        "$moved/bin/cgrpc-gen" late.proto &&
        "$moved/bin/cgrpc-gen" google/protobuf/timestamp.proto \
            google/protobuf/duration.proto google/rpc/error_details.proto &&
        "$CC" -std=c11 -Wall -Wextra -Werror -I. -I"$moved/include/cgrpc" \
            -c late.pb.c google/protobuf/timestamp.pb.c \
            google/protobuf/duration.pb.c google/rpc/error_details.pb.c
}
imports() { (imports_found); }
check "the moved generator finds the well-known types" imports

by_cmake() {
    consumer "$work/cm" &&
        cmake -S "$work/cm" -B "$work/cm/build" -DCMAKE_C_COMPILER="$CC" \
            -DCMAKE_PREFIX_PATH="$moved" -DCMAKE_C_STANDARD=11 &&
        cmake --build "$work/cm/build" &&
        says_hello "$work/cm/build/shared" && says_hello "$work/cm/build/static"
}
check "CMake, shared and static, with the generator" by_cmake
newer_refused() {
    consumer "$work/new" &&
        sed -i 's/find_package(cgrpc 0.1/find_package(cgrpc 0.99/' \
            "$work/new/CMakeLists.txt" &&
        ! cmake -S "$work/new" -B "$work/new/build" \
            -DCMAKE_PREFIX_PATH="$moved"
}
check "CMake refuses a version that is not there" newer_refused

other_folders() {
    set -- "$work/other" PREFIX=/opt/c libdir=/opt/c/lib/x86_64-linux-gnu \
        datadir=/opt/c/data
    installs "$@" && [ -f "$work/other/opt/c/lib/x86_64-linux-gnu/libcgrpc.a" ] &&
        PKG_CONFIG_PATH=$work/other/opt/c/lib/x86_64-linux-gnu/pkgconfig \
            pkg-config --cflags cgrpc | grep -F "/other/opt/c/lib/x86_64-linux-gnu/pkgconfig/../../../include" &&
        removes "$@" && [ -z "$(list "$work/other")" ]
}
check "other folders" other_folders

gone() {
    mv "$moved" "$stage/usr" && touch "$stage/usr/lib/keep" &&
        removes "$stage" PREFIX=/usr &&
        [ "$(list "$stage")" = ./usr/lib/keep ] &&
        [ ! -d "$stage/usr/include/cgrpc" ] && [ ! -d "$stage/usr/share/cgrpc" ]
}
check "make uninstall removes that and nothing else" gone
finish
