#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/security.md stays true: its commands are run, and print what stands behind
# them; it names every option of TLS, the cipher suites that there are, and limits
# with the values that they have.
. tests/lib.sh

document=docs/security.md
if [ -z "$with_tls" ]; then
    echo "ok 1 - the commands of $document # SKIP this build has no mbedTLS"
    echo 1..1
    exit 0
fi
# shellcheck disable=SC2086 # flags
newer=$(echo '#include <mbedtls/version.h>' |
    "$CC" $mbedtls_flags -E -dM -x c - | # 3.6 and 4 have TLS 1.3
    grep '#define MBEDTLS_VERSION_MAJOR *[3-9]')

# The folder that the commands run in: certificates are made as the guide says.
here=$work/here
make_certificates() {
    mkdir "$here" && ln -s "$BUILD" "$here/build" || return 1
    awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 } inside' \
        docs/guide.md >"$work/certificates.sh"
    (cd "$here" && sh -eu "$work/certificates.sh") || return 1
    for file in ca server client; do
        [ -s "$here/$file.crt" ] && [ -s "$here/$file.key" ] || return 1
    done
}

# Writes $work/N.block for each block of commands that this build can run.
split_blocks() {
    awk -v work="$work" -v newer="$newer" '
        /^```console/ { inside = $2 == "" || newer != ""; n += inside; next }
        /^```$/ { inside = 0 }
        inside { print >(work "/" n ".block") }
        END { print n + 0 }' "$document"
}

# free_port: one that nobody listens on.
free_port() {
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

mkfifo "$work/open" || exit 1
running=
end_running() {
    # shellcheck disable=SC2086 # pids
    [ -z "$running" ] || kill $running 2>/dev/null
    for pid in $running; do wait "$pid"; done 2>/dev/null
    running=
}
trap 'end_running; rm -rf "$work"' EXIT

# await FILE: until a server says there that it listens.
await() {
    tries=0
    until grep -aq '^listening\|^ACCEPT' "$1"; do
        tries=$((tries + 1))
        [ "$tries" -le 300 ] || { echo 'no server'; return 1; }
        sleep 0.1
    done
}
# run COMMAND: one line of a block; with & at its end, in the background.
run() {
    case $1 in
    *' &')
        : >"$work/server.log"
        # (openssl s_server goes on while its input is open.)
        (cd "$here" && eval "exec ${1% &}") >"$work/server.log" 2>&1 \
            <>"$work/open" &
        running="$running $!"
        await "$work/server.log"
        ;;
    *)
        echo "> $1"
        (cd "$here" && eval "$1") </dev/null 2>&1
        return 0 # some are to fail
        ;;
    esac
}
# holds BLOCK: its commands print the lines that stand behind them.
holds() {
    port=$(free_port)
    sed "s/50051/$port/g" "$1" >"$work/block"
    sed -n 's/^\$ //p' "$work/block" >"$work/commands"
    : >"$work/server.log"
    while read -r command; do
        run "$command" || return 1
    done <"$work/commands" >"$work/said"
    end_running
    cat "$work/server.log" >>"$work/said"
    cat "$work/said"
    grep -v '^\$ ' "$work/block" >"$work/wanted"
    while read -r line; do
        grep -aqF -e "$line" "$work/said" || { echo "missing: $line"; return 1; }
    done <"$work/wanted"
}

check 'the guide makes certificates' make_certificates
blocks=$(split_blocks)
check 'there are commands' [ "$blocks" -ge 9 ]
i=0
while [ "$i" -lt "$blocks" ]; do
    i=$((i + 1))
    check "$(sed -n 's/^\$ //p' "$work/$i.block" | tail -n 1)" \
        holds "$work/$i.block"
done

# ---- What it says of options and values ----------------------------------------

options_are_there() {
    awk '/^typedef struct grpc_tls_options/ { inside = 1 }
        /^} grpc_tls_options/ { inside = 0 }
        inside' grpc.h | sed 's|//.*||' | tr '\n' ' ' | tr ';' '\n' |
        sed -n 's/.*[ *(]\([a-z_]*\)\( *)(.*\)\{0,1\}$/\1/p' |
        grep -v '^\(self\|allocator\|library\|library_data\|reason_size\)$' \
            >"$work/options"
    [ "$(wc -l <"$work/options")" -ge 15 ] || { cat "$work/options"; return 1; }
    while read -r option; do
        case $option in
        identity | more | more_count) continue ;; # the guide has them
        esac
        grep -q "\`$option\`" "$document" || { echo "missing: $option"; return 1; }
    done <"$work/options"
}
# The suites: names of the sources, in whatever order.
suites_are_there() {
    sed -n '/^\/\/ What RFC 9113 appendix A allows/,/context_suites\[\]/p' \
        tls/tls_mbedtls_context.c | grep -o 'MBEDTLS_TLS[A-Z0-9_]*_SHA[0-9]*' |
        sed 's/^MBEDTLS_//; s/^TLS1_3_/TLS_/' | sort >"$work/suites"
    sed -n 's/^- \(TLS_[A-Z0-9_]*\)$/\1/p' "$document" | sort |
        diff "$work/suites" -
}
values_are_there() {
    handshakes=$(sed -n 's/.*CORE_HANDSHAKES = \([0-9]*\),.*/\1/p' core/limits.h)
    grep -q "^| handshakes at the same time | $handshakes for each server " \
        "$document" &&
        grep -q 'TLS_MBEDTLS_TICKET_SECONDS = 3600,' tls/tls_mbedtls.h &&
        grep -q "a ticket's life, an hour" "$document" &&
        grep -q 'handshake_ms;.*\[10,000\]' grpc.h &&
        grep -q '^| time until a client .* | 10 s, .*limits.handshake_ms' \
            "$document" &&
        grep -q 'connect_timeout_ms;\|is longer; 0: 20 s' grpc.h &&
        grep -q '^| time until a server has | 20 s .*connect_timeout_ms' \
            "$document"
}
check 'every option of TLS is there' options_are_there
check 'the cipher suites are those of the sources' suites_are_there
check 'the limits have their values' values_are_there
finish
