#!/bin/sh
# SPDX-License-Identifier: MIT
# Loops in several threads share nothing: ThreadSanitizer has nothing to say of
# two servers on one port, with clients in two more threads, that are stopped
# from elsewhere; nor of examples/threads, which a signal stops.
. tests/lib.sh

sanitizer='-fsanitize=thread -g -O1 -fno-omit-frame-pointer'
export TSAN_OPTIONS='exitcode=66'

# builds PROGRAM SOURCE GENERATED FLAG...: by gcc, whose sanitizer needs nothing more.
builds() {
    program=$1
    source=$2
    generated=$3
    shift 3
    # shellcheck disable=SC2086 # flags
    gcc -std=c11 -Wall -Wextra -Wconversion -Wshadow -Werror $sanitizer \
        -Idist -I"$work" "$@" -o "$work/$program" "$source" "$generated" \
        "$work/grpc.o" $LIBRARY_LIBS -lpthread
}
build_all() {
    "$BUILD/cgrpc-gen" -I tests/proto -o "$work" stream.proto &&
        "$BUILD/cgrpc-gen" -I examples/threads -o "$work" threads.proto &&
        # shellcheck disable=SC2086 # flags
        gcc -std=c11 $sanitizer -DGRPC_DEBUG \
            $LIBRARY_FLAGS -c -o "$work/grpc.o" dist/grpc.c &&
        builds threads tests/threads/threads.c "$work/stream.pb.c" &&
        builds server examples/threads/server.c "$work/threads.pb.c" &&
        builds client examples/threads/client.c "$work/threads.pb.c" -Iexamples
}

# Of two threads that do share a number, it has. (Some kernels place memory
# where this sanitizer does not look for it; then the place is asked for.)
wrap=
notices() {
    for wrap in '' "setarch $(uname -m) -R"; do
        # shellcheck disable=SC2086 # a command with arguments, or nothing
        $wrap "$work/threads" race >"$work/race" 2>&1
        status=$?
        grep -q 'unexpected memory mapping' "$work/race" || break
    done
    cat "$work/race"
    [ "$status" -eq 66 ] && grep -q 'data race' "$work/race"
}

calls() {
    # shellcheck disable=SC2086
    timeout 600 $wrap "$work/threads"
}

example() {
    # shellcheck disable=SC2086
    $wrap "$work/server" 127.0.0.1:0 3 >"$work/said" 2>&1 &
    server=$!
    tries=0
    until port=$(sed -n 's/^listening .*port \([0-9]*\).*/\1/p' "$work/said") &&
        [ -n "$port" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || break
        sleep 0.1
    done
    # shellcheck disable=SC2086
    timeout 300 $wrap "$work/client" "127.0.0.1:$port" 16 2000
    asked=$?
    kill -TERM "$server"
    wait "$server"
    ended=$?
    cat "$work/said"
    [ "$asked" -eq 0 ] && [ "$ended" -eq 0 ]
}

check 'it builds' build_all
check 'a race is noticed' notices
check 'two servers and two clients' calls
check 'examples/threads' example
finish
