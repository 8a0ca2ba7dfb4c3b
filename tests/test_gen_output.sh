#!/bin/sh
# SPDX-License-Identifier: MIT
# cgrpc-gen as a program: what it writes compiles without a warning, what it
# refuses it refuses with the right words, and it leaves nothing half written.
. tests/lib.sh

generator=$BUILD/cgrpc-gen
protos=$root/gen/proto
strict='-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
    -Wundef -Wcast-qual -Werror'

# compiles DIRECTORY HEADER-DIRECTORY: every .pb.c as C11, every .pb.h as C99
# and C++11.
compiles() {
    find "$1" -name '*.pb.c' | sort >"$work/list"
    [ -s "$work/list" ] || return 1
    while read -r file; do
        for compiler in "$CC" clang; do
            # shellcheck disable=SC2086
            $compiler -std=c11 $strict -Wstrict-prototypes \
                -Wmissing-prototypes -I. -I"$2" -fsyntax-only "$file" ||
                return 1
        done
        printf '#include "%s"\n#include "%s"\n' "${file%.c}.h" \
            "${file%.c}.h" >"$work/header.c"
        cp "$work/header.c" "$work/header.cc"
        # shellcheck disable=SC2086
        $CC -std=c99 $strict -I. -I"$2" -fsyntax-only "$work/header.c" &&
            g++ -std=c++11 $strict -I. -I"$2" -fsyntax-only \
                "$work/header.cc" || return 1
    done <"$work/list"
}

samples() {
    "$generator" -I tests/proto -o "$work/samples" tests/proto/*.proto &&
        compiles "$work/samples" "$work/samples"
}
check "samples compile" samples

wellknown() {
    (cd "$protos" && find google -name '*.proto' ! -name descriptor.proto) |
        sort >"$work/names"
    # shellcheck disable=SC2046
    "$generator" --proto-path "$protos" -o "$work/known" \
        $(cat "$work/names") && compiles "$work/known" "$work/known"
}
check "well-known types compile" wellknown

example() {
    "$generator" -I examples/helloworld -o "$work/hello" \
        examples/helloworld/helloworld.proto &&
        compiles "$work/hello" "$work/hello"
}
check "the example compiles" example

is_deterministic() {
    "$generator" -I tests/proto -o "$work/again" tests/proto/*.proto &&
        diff -r "$work/samples" "$work/again" &&
        ! grep -r "$(printf '\r')" "$work/again"
}
check "the output is the same again" is_deterministic

calls() {
    # shellcheck disable=SC2086
    $CC -std=c11 $strict -fsanitize=address,undefined -I. -I"$work/samples" \
        -o "$work/calls" tests/gen_calls/calls.c \
        "$work/samples/stream.pb.c" && "$work/calls"
}
check "what is called for each kind of method" calls

# clang ends a program that calls a function as what it is not.
exact_types() {
    clang -std=c11 -O1 -flto -fuse-ld=gold -fvisibility=hidden \
        -fsanitize=cfi-icall -I. -I"$work/samples" -o "$work/exact" \
        tests/gen_calls/calls.c "$work/samples/stream.pb.c" &&
        "$work/exact" &&
        sed 's/(grpc_call \*, const stream_Text \*,/(grpc_call *, const void *,/' \
            "$work/samples/stream.pb.c" >"$work/inexact.c" &&
        clang -std=c11 -O1 -flto -fuse-ld=gold -fvisibility=hidden \
            -fsanitize=cfi-icall -I. -I"$work/samples" -o "$work/inexact" \
            tests/gen_calls/calls.c "$work/inexact.c" &&
        ! "$work/inexact"
}
check "functions are called as what they are" exact_types

installed_include() {
    "$generator" --include '<cgrpc/grpc.h>' -I tests/proto -o "$work/other" \
        gen_imported.proto &&
        grep -qx '#include <cgrpc/grpc.h>' "$work/other/gen_imported.pb.h" &&
        "$generator" --include=my/grpc.h -I tests/proto -o "$work/other" \
            gen_imported.proto &&
        grep -qx '#include "my/grpc.h"' "$work/other/gen_imported.pb.h"
}
check "--include" installed_include

public_import() {
    grep -qx '#include "gen_imported.pb.h"' "$work/samples/gen_features.pb.h"
}
check "an import is included" public_import

comments() {
    grep -qx '// Color has an alias and the smallest number.' \
        "$work/samples/gen_features.pb.h" &&
        grep -qx '    // like a rose' "$work/samples/gen_features.pb.h" &&
        grep -qx '    // Look looks.' "$work/samples/gen_features.pb.h"
}
check "comments are kept" comments

# refuses FILE: the first error is the one in the first line of the file.
refuses() {
    expected=$(sed -n '1s|^// ||p' "$1")
    proto=$(basename "$1")
    (cd tests/gen_errors && "$generator" --proto-path ../../gen/proto \
        -o "$work/refused" "$proto") >"$work/said" 2>&1
    [ $? -eq 1 ] || return 1
    echo "expected: $expected"
    echo "said: $(sed -n 1p "$work/said")"
    [ "$(sed -n 1p "$work/said")" = "$expected" ]
}
for file in tests/gen_errors/*.proto; do
    check "refused: $(basename "$file" .proto)" refuses "$file"
done

nothing_left() {
    [ -z "$(find "$work/refused" -type f 2>/dev/null)" ]
}
check "what is refused leaves no files" nothing_left

# A second file that fails must not leave the first one behind.
all_or_nothing() {
    mkdir -p "$work/half/in" "$work/half/out/b.pb.h" &&
        printf 'syntax = "proto3";\nmessage A {}\n' >"$work/half/in/a.proto" &&
        printf 'syntax = "proto3";\nmessage B {}\n' >"$work/half/in/b.proto" &&
        ! "$generator" -I "$work/half/in" -o "$work/half/out/x" \
            "$work/half/in/a.proto" "$work/half/in/none.proto" &&
        [ ! -e "$work/half/out/x" ] &&
        ! "$generator" -I "$work/half/in" -o "$work/half/out" \
            "$work/half/in/b.proto" &&
        [ -z "$(find "$work/half/out" -type f)" ]
}
check "nothing is half written" all_or_nothing

usage() { # STATUS ARGUMENT...
    wanted=$1
    shift
    "$generator" "$@"
    [ $? -eq "$wanted" ]
}
check "--version" usage 0 --version
check "--help" usage 0 --help
check "no file" usage 2
check "unknown option" usage 2 --frobnicate a.proto
check "option without a value" usage 2 a.proto -I
check "no such file" usage 1 none.proto
check "no .proto file" usage 1 grpc.h
check "a file outside -I" usage 1 -I tests/proto \
    "$root/examples/helloworld/helloworld.proto"
check "a full disk" usage 1 -I tests/proto -o /dev/full gen_imported.proto

# Every file of a public collection is read. Those that are refused are refused
# for proto2; code is made for all the others, and some of it is compiled. The
# generator says only so many errors at once, so that the refused ones are taken
# out in rounds.
collection() { # NAME STEP
    archive=../shared/data/$1.tar.xz
    if [ ! -e "$archive" ]; then
        echo "no public data here"
        return 0
    fi
    mkdir -p "$work/public"
    for each in "$archive" ../shared/data/googleapis.tar.xz; do
        [ -d "$work/public/$(basename "$each" .tar.xz)" ] ||
            tar xf "$each" -C "$work/public" || return 1
    done
    list=$work/$1.list
    out=$work/public/out-$1
    (cd "$work/public/$1" && find . -name '*.proto') | sed 's|^\./||' |
        sort >"$list"
    rounds=0
    # shellcheck disable=SC2046
    until (cd "$work/public/$1" && "$generator" -I . -I ../googleapis \
        --proto-path "$protos" -o "$out" $(cat "$list")) >"$work/said" 2>&1; do
        grep -v -e 'a proto2 file' -e 'this file is proto2' \
            -e 'and [0-9]* more errors' "$work/said" && return 1
        rounds=$((rounds + 1))
        [ "$rounds" -lt 20 ] || return 1
        sed 's|:.*||' "$work/said" | sort -u >"$work/refused.list"
        comm -23 "$list" "$work/refused.list" >"$list.new"
        mv "$list.new" "$list"
    done
    echo "code for $(wc -l <"$list") files of $1"
    "$generator" --proto-path "$protos" -o "$out" $(cat "$work/names") ||
        return 1
    awk -v step="$2" 'NR % step == 0' "$list" | while read -r proto; do
        # shellcheck disable=SC2086
        $CC -std=c11 $strict -I. -I"$out" \
            -I"$work/public/out-googleapis" -fsyntax-only \
            "$out/${proto%.proto}.pb.c" || return 1
    done
}
check "googleapis" collection googleapis 200
check "grpc-proto" collection grpc-proto 1
check "opentelemetry-proto" collection opentelemetry-proto 1
finish
