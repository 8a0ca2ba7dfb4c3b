#!/bin/sh
# SPDX-License-Identifier: MIT
# Each client of examples/ against its server: what both print, and that the
# server ends as it should; as users build them, then with sanitizers.
. tests/lib.sh

# await FILE PATTERN: until a line of the file matches.
await() {
    tries=0
    until grep -q "$2" "$1" 2>/dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ]; then
            echo "waited for \"$2\" in $1:"
            cat "$1"
            return 1
        fi
        sleep 0.1
    done
}

# start PROGRAM ARGUMENT...: a server in the background: $pid, $port, $said.
servers=
started=0
start() {
    started=$((started + 1))
    said=$work/server.$started
    "$@" >"$said" 2>&1 &
    pid=$!
    servers="$servers $pid"
    await "$said" '^listening .*port [1-9]' || return 1
    port=$(sed -n 's/^listening .*port \([1-9][0-9]*\).*/\1/p' "$said")
}
# stop PID: it lets open calls end, and ends with 0.
stop() {
    kill -TERM "$1" || return 1
    wait "$1"
    ended=$?
    servers=$(echo " $servers " | sed "s/ $1 / /")
    [ "$ended" -eq 0 ] || { echo "a server ended with $ended"; return 1; }
}
clean() {
    # shellcheck disable=SC2086 # pids
    [ -z "${servers# }" ] || kill $servers 2>/dev/null
    rm -rf "$work"
}
trap clean EXIT

# shows FILE: the same lines as the standard input.
shows() { diff -u - "$1"; }
# lesson FOLDER PROGRAM: the client's output against the standard input.
lesson() {
    start "$programs/$1/server" 127.0.0.1:0 || return 1
    "$programs/$1/$2" "127.0.0.1:$port" >"$work/out" 2>&1 || {
        echo "the client failed"
        cat "$work/out" "$said"
        return 1
    }
    shows "$work/out"
}
# server_said: what the server printed behind its first line.
server_said() { sed 1d "$said" >"$work/server" && shows "$work/server"; }

order() {
    lesson order client <<END && stop "$pid"
receipt R-0001: 1220 cents
INVALID_ARGUMENT: the order has mistakes
  email: not an address
  lines[0].count: from 1 to 100
  lines[1].article: we do not sell that
END
}

# More messages than there is room for, so that both sides have to wait.
mailbox() {
    start "$programs/mailbox/server" 127.0.0.1:0 || return 1
    client=$programs/mailbox/client
    target=127.0.0.1:$port
    seq 1 20000 >"$work/numbers"
    "$client" "$target" send bob ann <"$work/numbers" >"$work/out" &&
        echo 'sent 20000' | shows "$work/out" &&
        echo hello | "$client" "$target" send ann bob >"$work/out" &&
        "$client" "$target" read ann >"$work/out" &&
        sed 's/^/bob: /' "$work/numbers" | shows "$work/out" &&
        "$client" "$target" read ann >"$work/out" && shows "$work/out" \
        </dev/null &&
        "$client" "$target" read bob >"$work/out" &&
        echo 'ann: hello' | shows "$work/out" && stop "$pid"
}
mailbox_refuses() {
    start "$programs/mailbox/server" 127.0.0.1:0 || return 1
    echo hello | "$programs/mailbox/client" "127.0.0.1:$port" send ann '' \
        2>"$work/out" && return 1
    echo 'RESOURCE_EXHAUSTED: message 1: to nobody' | shows "$work/out" &&
        stop "$pid"
}

chat() {
    start "$programs/chat/server" 127.0.0.1:0 || return 1
    rm -f "$work/ann" "$work/bob" "$work"/*.out
    mkfifo "$work/ann" "$work/bob" || return 1
    client=$programs/chat/client
    "$client" "127.0.0.1:$port" Ann <"$work/ann" >"$work/ann.out" 2>&1 &
    ann=$!
    "$client" "127.0.0.1:$port" Bob <"$work/bob" >"$work/bob.out" 2>&1 &
    bob=$!
    servers="$servers $ann $bob"
    exec 3>"$work/ann" 4>"$work/bob"
    await "$work/ann.out" '^you are in' && await "$work/bob.out" '^you are in' &&
        echo 'Hello?' >&3 && await "$work/bob.out" 'Ann: Hello' &&
        printf 'Hello Ann.\nHow are you?\n' >&4 &&
        await "$work/ann.out" 'How are' && echo 'Fine.' >&3 &&
        await "$work/bob.out" Fine
    talked=$?
    exec 3>&- 4>&-
    wait "$ann" && wait "$bob" || return 1
    servers=" $pid"
    [ "$talked" -eq 0 ] && shows "$work/ann.out" <<END &&
you are in the room
Bob: Hello Ann.
Bob: How are you?
END
        shows "$work/bob.out" <<END && stop "$pid"
you are in the room
Ann: Hello?
Ann: Fine.
END
}

guide() { # client, or async
    lesson route_guide "$1" <<END && stop "$pid"
at 1,1: Market
in the centre: Town hall
in the centre: Market
in the centre: Library
in the centre: Bell tower
in the centre: Theatre
walked 10 blocks, 5 crossings, 4 places
a note: first
a note: first
a note: second
END
}

metadata() {
    lesson metadata client <<END && server_said <<END2 && stop "$pid"
Dear Ann, yes.
header served-by: clerk 7
trailer cost: 3
trace of 4 bytes
UNAUTHENTICATED: who asks?
END
tag polite
tag short
END2
}

deadline() {
    lesson deadline client <<END && await "$said" nobody && stop "$pid" || return 1
hot soup
DEADLINE_EXCEEDED for roast
END
    echo 'kitchen: nobody waits for roast' | server_said
}

cancellation() {
    lesson cancellation client <<END && stop "$pid" || return 1
tick 1
tick 2
tick 3
CANCELLED
tick 1
tick 2
CANCELLED
END
    printf 'the clock stops\nthe clock stops\n' | server_said
}

compression() {
    lesson compression client <<END && server_said <<END2 && stop "$pid"
20000 bytes came back compressed
10 bytes came back as they are
20000 bytes came back compressed
END
20000 bytes came compressed
10 bytes came compressed
20000 bytes came as they are
END2
}
compression_is_missed() {
    start "$programs/compression/server" 127.0.0.1:0 || return 1
    "$programs/compression/client" "127.0.0.1:$port" morse 2>"$work/out" &&
        return 1
    cat "$work/out"
    grep -q '"morse"' "$work/out" && stop "$pid"
}

error_details() {
    lesson error_details client <<END && stop "$pid"
water, 1 more
water, 0 more
RESOURCE_EXHAUSTED: the well is empty
WELL_EMPTY of well.example.org, buckets=2
water, 1 more
END
}

interceptors() {
    lesson interceptors client <<END && server_said <<END2 && stop "$pid"
UNAUTHENTICATED: no token that we know
Ann's letters
Ann's letters
RESOURCE_EXHAUSTED: not so often
END
/interceptors.Safe/Open UNAUTHENTICATED
/interceptors.Safe/Open OK
/interceptors.Safe/Open OK
/interceptors.Safe/Open RESOURCE_EXHAUSTED
END2
}

flow_control() {
    lesson flow_control client <<END && server_said <<END2 && stop "$pid"
200 sips, 3 rests
END
done, with waiting
END2
}

# Bytes of a request and a reply, past a proxy; and streams, both ways.
proxied() {
    start "$programs/helloworld/server" 127.0.0.1:0 && hello=$pid &&
        start "$programs/raw/proxy" 127.0.0.1:0 "127.0.0.1:$port" || return 1
    printf '\n\005world' | "$programs/raw/client" "127.0.0.1:$port" \
        /helloworld.Greeter/SayHello >"$work/out" &&
        printf '\n\013Hello world' | cmp - "$work/out" || return 1
    printf '' | "$programs/raw/client" "127.0.0.1:$port" /a.B/C \
        2>"$work/out" && return 1
    cat "$work/out"
    grep -q '^UNIMPLEMENTED: ' "$work/out" && stop "$pid" && stop "$hello"
}
proxied_streams() {
    start "$programs/mailbox/server" 127.0.0.1:0 && office=$pid &&
        start "$programs/raw/proxy" 127.0.0.1:0 "127.0.0.1:$port" || return 1
    seq 1 20000 >"$work/numbers"
    "$programs/mailbox/client" "127.0.0.1:$port" send bob ann \
        <"$work/numbers" >"$work/out" &&
        "$programs/mailbox/client" "127.0.0.1:$port" read ann >"$work/out" &&
        sed 's/^/bob: /' "$work/numbers" | shows "$work/out" &&
        stop "$pid" && stop "$office"
}

inproc() {
    "$programs/inproc/test" >"$work/out" 2>&1 && shows "$work/out" <<END
take 7: OK, done
take 7: FAILED_PRECONDITION, only 3 are left
take 3: OK, done
take 1: UNAVAILABLE, the in-process server was stopped
END
}

# The system spreads connections by chance: 16 reach two of three threads at
# least. What each has answered is told at the end, and adds up to what was asked.
threads() {
    start "$programs/threads/server" 127.0.0.1:0 3 || return 1
    "$programs/threads/client" "127.0.0.1:$port" 16 2000 >"$work/out" &&
        grep -v '^threads' "$work/out" >"$work/sum" &&
        echo 'sum of squares: 2668667000' | shows "$work/sum" &&
        stop "$pid" || return 1
    cat "$work/out" "$said"
    answered=$(sed -n 's/^threads that answered: //p' "$work/out")
    [ "$answered" -ge 2 ] &&
        [ "$(grep -c '^thread [0-2] answered [1-9]' "$said")" -eq "$answered" ] &&
        [ "$(awk '/ answered / { n += $4 } END { print n }' "$said")" -eq 2000 ]
}

bare_poll() {
    start "$programs/poll/server" 127.0.0.1:0 || return 1
    seq 1 300 | "$programs/poll/client" "127.0.0.1:$port" >"$work/out" &&
        echo 'sum of squares: 9045050' | shows "$work/out" && stop "$pid"
}

# A gauge, and one that asks it, on one loop with its server and a timer.
uv() {
    start "$programs/libuv/server" 127.0.0.1:0 && first=$pid &&
        start "$programs/libuv/server" 127.0.0.1:0 "127.0.0.1:$port" ||
        return 1
    "$programs/libuv/client" "127.0.0.1:$port" >"$work/out" 2>&1 || {
        cat "$work/out" "$said"
        return 1
    }
    shows "$work/out" <<END && stop "$first" && stop "$pid"
the water rises
the water rises
the water rises
END
}
have_libuv() { pkg-config --exists libuv 2>/dev/null; }

# buys ARGUMENT...: a client in the background: $buyer, $work/bought.
buys() {
    "$programs/production/client" "127.0.0.1:$port" "$@" >"$work/bought" 2>&1 &
    buyer=$!
    servers="$servers $buyer"
}
# bought ANSWERED FAILED: how that client ended.
bought() {
    wait "$buyer"
    ended=$?
    servers=$(echo " $servers " | sed "s/ $buyer / /")
    cat "$work/bought" "$said"
    grep -q "^$1 answered, $2 failed\$" "$work/bought" &&
        [ "$ended" -eq "$2" ]
}
# A server is replaced, and its client loses no call.
restart() {
    start "$programs/production/server" 127.0.0.1:0 || return 1
    buys 80
    await "$work/bought" '^channel: READY' && stop "$pid" &&
        grep -q '^draining' "$said" &&
        start "$programs/production/server" "127.0.0.1:$port" &&
        bought 80 0 && stop "$pid" &&
        [ "$(grep -c '^channel: READY' "$work/bought")" -eq 2 ]
}
# A call that is open goes on to its end; but not when that is too far.
drains() {
    start "$programs/production/server" 127.0.0.1:0 || return 1
    buys 1 2000
    await "$work/bought" '^channel: READY' && stop "$pid" && bought 1 0
}
drains_no_longer() {
    start "$programs/production/server" 127.0.0.1:0 1800000 300 || return 1
    buys 1 600000
    await "$work/bought" '^channel: READY' && stop "$pid" && bought 0 1 &&
        grep -q '^UNAVAILABLE: ' "$work/bought"
}
ages() {
    start "$programs/production/server" 127.0.0.1:0 300 || return 1
    buys 40
    bought 40 0 && stop "$pid" &&
        [ "$(grep -c '^channel: READY' "$work/bought")" -ge 3 ]
}
# The server comes late, and the client is told.
comes_back() {
    start "$programs/production/server" 127.0.0.1:0 && stop "$pid" || return 1
    buys 1
    await "$work/bought" '^channel: TRANSIENT_FAILURE, .*refused' &&
        start "$programs/production/server" "127.0.0.1:$port" &&
        kill -HUP "$buyer" && bought 1 0 && stop "$pid"
}

suite() { # WORDS FOLDER
    programs=$2
    check "$1: order" order
    check "$1: mailbox" mailbox
    check "$1: mailbox, a message that is not taken" mailbox_refuses
    check "$1: chat of two" chat
    check "$1: route_guide, blocking" guide client
    check "$1: route_guide, asynchronous" guide async
    check "$1: metadata" metadata
    check "$1: deadline" deadline
    check "$1: cancellation" cancellation
    if [ -n "$with_gzip" ]; then
        check "$1: compression" compression
    else
        cases=$((cases + 1))
        echo "ok $cases - $1: compression # SKIP this build has no zlib"
    fi
    check "$1: compression that does not exist" compression_is_missed
    check "$1: error_details" error_details
    check "$1: interceptors" interceptors
    check "$1: flow_control" flow_control
    check "$1: raw, a proxy" proxied
    check "$1: raw, streams through a proxy" proxied_streams
    check "$1: production, a server is replaced" restart
    check "$1: production, a server drains" drains
    check "$1: production, a server drains no longer" drains_no_longer
    check "$1: production, connections that age" ages
    check "$1: production, a server that comes back" comes_back
    check "$1: inproc, a test of a service" inproc
    check "$1: threads" threads
    check "$1: poll, a bare loop" bare_poll
    if have_libuv; then
        check "$1: libuv" uv
    else
        cases=$((cases + 1))
        echo "ok $cases - $1: libuv # SKIP pkg-config finds no libuv here"
    fi
}

# The programs are built again with other compilers and flags.
builds() { # FOLDER VARIABLE...
    folder=$1
    shift
    "${MAKE:-make}" -s --no-print-directory BUILD="$folder" "$@" examples
}
sanitizers='-fsanitize=address,undefined -fno-sanitize-recover=all'
suite 'plain' "$BUILD/examples"
check 'clang takes them' builds "$BUILD/test/examples-clang" CC=clang \
    CFLAGS='-O1 -Werror'
check 'gcc takes them, sanitized' builds "$BUILD/test/examples-san" CC=gcc \
    CFLAGS="-O1 -g -Werror -DGRPC_DEBUG $sanitizers"
suite 'sanitized' "$BUILD/test/examples-san/examples"

# One against an installed library, as its README tells a user to.
installed() {
    "${MAKE:-make}" -s --no-print-directory install DESTDIR="$work/stage" \
        PREFIX=/usr >"$work/log" 2>&1 || { cat "$work/log"; return 1; }
    mv "$work/stage/usr" "$work/moved" && mkdir "$work/order" &&
        cp examples/order/* examples/lesson.h "$work/order" || return 1
    export PKG_CONFIG_PATH="$work/moved/lib/pkgconfig"
    cd "$work/order" &&
        "$work/moved/bin/cgrpc-gen" -o . order.proto \
            google/rpc/error_details.proto google/protobuf/duration.proto ||
        return 1
    for program in server client; do
        # shellcheck disable=SC2046 # flags
        "$CC" -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror \
            -I. -o $program $program.c order.pb.c google/*/*.pb.c \
            $(pkg-config --cflags --libs cgrpc) \
            -Wl,-rpath,"$work/moved/lib" || return 1
    done
}
installed_runs() {
    mkdir -p "$work/installed" && cp -r "$work/order" "$work/installed" &&
        programs=$work/installed && order
}
installs() { (installed); }
check 'an installed library: order is built' installs
check 'an installed library: order runs' installed_runs
finish
