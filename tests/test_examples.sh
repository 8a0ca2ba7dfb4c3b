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
    : >"$work/bought" # (what the one before has said is not to be waited for)
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

# ---- TLS -----------------------------------------------------------------------

certs=$BUILD/test/certs
make_certs() {
    "${MAKE:-make}" -s --no-print-directory "$certs/.done"
}

# secured FOLDER: its server, with a certificate.
secured() {
    start "$programs/$1/server" 127.0.0.1:0 "$certs/server.crt" \
        "$certs/server.key" "$certs/ca.crt"
}

encryption() {
    secured encryption || return 1
    "$programs/encryption/client" "127.0.0.1:$port" "$certs/ca.crt" \
        >"$work/out" 2>&1 || { cat "$work/out" "$said"; return 1; }
    echo '1220 cents are left' | shows "$work/out" &&
        grep -q '^Ann asks, over TLS 1.[23] with TLS_' "$said" && stop "$pid"
}
# Not with those who ask without TLS, nor in the name of somebody else.
encryption_refuses() {
    secured encryption || return 1
    "$programs/encryption/client" "127.0.0.1:$port" "$certs/other-ca.crt" \
        2>"$work/out" && return 1
    cat "$work/out"
    grep -q '^UNAVAILABLE: .* unknown authority' "$work/out" || return 1
    "$programs/helloworld/client" "127.0.0.1:$port" 2>"$work/out" && return 1
    cat "$work/out"
    grep -q '^UNAVAILABLE: ' "$work/out" && stop "$pid" || return 1
    "$programs/encryption/server" 127.0.0.1:0 "$certs/server.crt" \
        "$certs/client.key" >"$work/out" 2>&1 && return 1
    cat "$work/out"
    grep -q 'the key is not that of the certificate' "$work/out"
}

# knock ARGUMENT...: a client of mutual_tls, and the certificate that it shows.
knock() {
    "$programs/mutual_tls/client" "127.0.0.1:$port" "$certs/ca.crt" "$@" \
        >"$work/out" 2>&1
}
# knock_as NAME
knock_as() { knock "$certs/$1.crt" "$certs/$1.key"; }
mutual_tls() {
    secured mutual_tls && knock_as client-spiffe || {
        cat "$work/out" "$said"
        return 1
    }
    echo 'open to spiffe://test.example/client' | shows "$work/out" &&
        await "$said" '^CN=client knocks: spiffe://test.example/client$' &&
        stop "$pid"
}
mutual_tls_permits() {
    start "$programs/mutual_tls/server" 127.0.0.1:0 "$certs/server.crt" \
        "$certs/server.key" "$certs/ca.crt" spiffe://test.example/other &&
        ! knock_as client-spiffe || return 1
    echo 'PERMISSION_DENIED: you may not come in' | shows "$work/out" &&
        stop "$pid"
}
# refused WORDS NAME|-: the client is not let in, and the server's log says why.
refused() {
    if [ "$2" = - ]; then knock -; else knock_as "$2"; fi && return 1
    cat "$work/out" "$said"
    grep -q '^UNAVAILABLE: ' "$work/out" && await "$said" "^TLS with .*$1"
}
mutual_tls_refuses() {
    secured mutual_tls &&
        refused 'refuses the certificate: CN=client is not of spiffe://' \
            client &&
        refused 'the client has shown no certificate' - &&
        refused 'of an unknown authority' client-other && stop "$pid"
}

# issue NAME: a certificate of the authority in $work/tls with that subject, in
# place of what the server has.
issue() {
    key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    # shellcheck disable=SC2086 # words
    openssl req $key -subj "/CN=$1" -keyout "$work/tls/new.key" \
        -addext subjectAltName=IP:127.0.0.1 -out "$work/tls/new.csr" &&
        openssl x509 -req -in "$work/tls/new.csr" -copy_extensions copy \
            -CA "$certs/ca.crt" -CAkey "$certs/ca.key" -days 9 \
            -out "$work/tls/new.crt" &&
        mv "$work/tls/new.key" "$work/tls/server.key" &&
        mv "$work/tls/new.crt" "$work/tls/server.crt"
}
# sees NAME: a new connection, and whose certificate it gets.
sees() {
    "$programs/reload/client" "127.0.0.1:$port" "$certs/ca.crt" \
        >"$work/out" 2>&1
    echo "flash 1 of CN=$1" | shows "$work/out"
}
# light MS: the server of reload, with a certificate of "first".
light() {
    mkdir -p "$work/tls" && issue first &&
        start "$programs/reload/server" 127.0.0.1:0 "$work/tls/server.crt" \
            "$work/tls/server.key" "$1"
}
# goes_on: the stream that was opened first has a further flash.
goes_on() {
    last=$(tail -n 1 "$work/stream" | sed 's/flash \([0-9]*\) .*/\1/')
    await "$work/stream" "^flash $((last + 1)) of CN=first"
}
reload() {
    : >"$work/stream"
    light 0 && sees first || return 1
    "$programs/reload/client" "127.0.0.1:$port" "$certs/ca.crt" 1000000 20 \
        >"$work/stream" 2>&1 &
    stream=$!
    servers="$servers $stream"
    await "$work/stream" '^flash 1 of CN=first$' && issue second &&
        sees first && kill -HUP "$pid" && await "$said" '^new connections' &&
        sees second && goes_on && echo broken >"$work/tls/server.crt" &&
        kill -HUP "$pid" &&
        await "$said" '^what was read before .*: the certificate cannot be' &&
        sees second && goes_on || return 1
    kill "$stream"
    wait "$stream"
    servers=" $pid"
    stop "$pid"
}
reload_by_itself() {
    light 1 && sees first && issue second && sees second &&
        echo broken >"$work/tls/server.key" && sees second &&
        await "$said" 'what was read before .*: the private key cannot be' &&
        issue third && sees third && stop "$pid"
}

# reads NAME WAY ARGUMENT...: a client of authentication, in what way it gets a
# token, and that it is served under that name.
reads() {
    user=$1
    shift
    "$programs/authentication/client" "127.0.0.1:$port" "$certs/ca.crt" "$@" \
        >"$work/out" 2>&1 || { cat "$work/out" "$said"; return 1; }
    grep -v '^a token' "$work/out" | sort >"$work/pages"
    shows "$work/pages" <<END
page 1 of $user
page 2 of $user
page 3 of $user
END
}
# One token is enough for all of a client's calls.
authentication() {
    secured authentication && reads Ann fetch Ann 1234 &&
        [ "$(grep -c '^a token has come$' "$work/out")" -eq 1 ] &&
        "$programs/authentication/client" "127.0.0.1:$port" "$certs/ca.crt" \
            login Bob 5678 >"$work/token" && reads Bob file "$work/token" &&
        reads spiffe://test.example/client shown "$certs/client-spiffe.crt" \
            "$certs/client-spiffe.key" || return 1
    server_said <<END && stop "$pid"
a token for Ann
a token for Bob
END
}
# reads_not STATUS ROOTS WAY ARGUMENT...: how each of its calls ends.
reads_not() {
    status=$1
    shift
    "$programs/authentication/client" "127.0.0.1:$port" "$@" \
        >"$work/out" 2>&1 && return 1
    cat "$work/out"
    [ "$(grep -c "^$status" "$work/out")" -eq 3 ]
}
authentication_refuses() {
    secured authentication || return 1
    echo nonsense >"$work/token"
    echo 'e30.eyJleHAiOjk5OTk5OTk5OTk5fQ.c2ln' >"$work/forged"
    echo 'e30.eyJleHAiOjEyMzR9.c2ln' >"$work/expired" # {"exp":1234}
    reads_not 'PERMISSION_DENIED: .*not their password' "$certs/ca.crt" \
        fetch Ann 9 &&
        reads_not 'UNAUTHENTICATED: ' "$certs/ca.crt" file "$work/token" &&
        reads_not 'UNAVAILABLE: .*No such file' "$certs/ca.crt" file \
            "$work/no token" &&
        reads_not 'UNAUTHENTICATED: .*the token has expired' "$certs/ca.crt" \
            file "$work/expired" &&
        reads_not 'UNAUTHENTICATED: no token of ours' "$certs/ca.crt" file \
            "$work/forged" &&
        reads_not 'UNAUTHENTICATED: who asks?' "$certs/ca.crt" none &&
        reads_not 'UNAUTHENTICATED: who asks?' "$certs/ca.crt" shown \
            "$certs/client.crt" "$certs/client.key" &&
        reads_not 'UNAUTHENTICATED: .* insecure connection' - fetch Ann 1234 &&
        stop "$pid"
}

# mirrored SERVER CLIENT: the libraries of both.
mirrored() {
    start "$programs/tls_library/server" 127.0.0.1:0 "$1" "$certs" || return 1
    client=$programs/tls_library/client
    target=127.0.0.1:$port
    "$client" "$target" "$2" "$certs" client-spiffe.crt client-spiffe.key \
        >"$work/seen" 2>&1 || { cat "$work/seen" "$said"; return 1; }
    version=$(sed -n '1s/^server \(TLS 1.[23]\): .*/\1/p' "$work/seen")
    shows "$work/seen" <<END || return 1
server $version: CN=localhost, localhost, *.test.example
client $version: CN=client, spiffe://test.example/client, client.test.example
100000 bytes of 100000
END
    "$client" "$target" "$2" "$certs" >"$work/seen" 2>&1 &&
        grep -q "^client $version: nobody\$" "$work/seen" || return 1
    "$client" "$target" "$2" "$certs" client-other.crt client-other.key \
        >"$work/seen" 2>&1 && return 1
    cat "$work/seen"
    # mbedTLS's alert, with TLS 1.3, cannot be read: docs/security.md, section 9.
    case "$1 $version" in
    'mbedtls TLS 1.3') alert='UNAVAILABLE: TLS with ' ;;
    *) alert='UNAVAILABLE: .*alert 48, unknown' ;;
    esac
    grep -q "$alert" "$work/seen" && stop "$pid"
}
# Both are OpenSSL, which does TLS 1.3.
mirrored_13() { mirrored openssl openssl && [ "$version" = 'TLS 1.3' ]; }
have_libssl() { pkg-config --atleast-version=3 libssl 2>/dev/null; }

skip() { # NAME WHY
    cases=$((cases + 1))
    echo "ok $cases - $1 # SKIP $2"
}
tls_suite() { # WORDS
    for name in encryption encryption_refuses mutual_tls mutual_tls_permits \
        mutual_tls_refuses reload reload_by_itself authentication \
        authentication_refuses; do
        if [ -n "$with_tls" ]; then
            check "$1: $name" $name
        else
            skip "$1: $name" 'this build has no mbedTLS'
        fi
    done
    if ! have_libssl; then
        skip "$1: tls_library" 'pkg-config finds no OpenSSL 3 here'
        return
    fi
    check "$1: tls_library, OpenSSL alone" mirrored_13
    if [ -z "$with_tls" ]; then
        skip "$1: tls_library, with mbedTLS" 'this build has none'
        return
    fi
    check "$1: tls_library, OpenSSL and mbedTLS" mirrored openssl mbedtls
    check "$1: tls_library, mbedTLS and OpenSSL" mirrored mbedtls openssl
    check "$1: tls_library, mbedTLS alone" mirrored mbedtls mbedtls
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
    tls_suite "$1"
}

# The programs are built again with other compilers and flags.
builds() { # FOLDER VARIABLE...
    folder=$1
    shift
    "${MAKE:-make}" -s --no-print-directory BUILD="$folder" "$@" examples
}
sanitizers='-fsanitize=address,undefined -fno-sanitize-recover=all'
check 'certificates' make_certs
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
