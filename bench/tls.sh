# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by bench/run: what TLS costs, beside grpc-go; README.md says how it is
# measured. It fails when a small call of 10x100 costs our server more than a sixth
# of what it costs grpc-go's.

# The mbedTLS libraries that there are, such as mbedTLS-2.28.3: the system's, and
# Debian 13's if that is newer. tls_root[LIBRARY] is where it is; empty: the
# system's. tls_libraries has OpenSSL besides (examples/tls_library).
declare -A tls_root tls_protection tls_memory tls_sealing tls_parts
tls_mbedtls= tls_libraries=

# A row: SERVER TLS. SERVER is one of tls_libraries, or go; TLS the highest version,
# 12 or 13, or none.
tls_rows=()
tls_shapes='1x1-0 10x100-0 1x100-1024 1x1-1048576' # connections x calls - bytes
tls_sizes='100 1024 16384'                          # of records
if [ $rounds = 1 ]; then
    tls_clients=cgrpc tls_connects=50 tls_idle=200
else
    tls_clients='cgrpc go' tls_connects=300 tls_idle=400
fi

# ---- Building ---------------------------------------------------------------

# tls_name ROOT: the mbedTLS there, by its header.
tls_name()
{
    printf '#include <mbedtls/version.h>\nMBEDTLS_VERSION_STRING\n' |
        ${CC:-cc} ${1:+-isystem "$1/include"} -E -P - |
        sed -n '$s/"\(.*\)"/mbedTLS-\1/p'
}

tls_find()
{
    local root_of_new name
    name=$(tls_name '')
    [ -n "$name" ] || die 'mbedTLS is missing: apt-get install libmbedtls-dev'
    tls_mbedtls=$name
    tls_root[$name]=
    if [ "$(tls_highest "$name")" = 12 ]; then
        root_of_new=$("$root/tests/mbedtls3.sh") ||
            die 'there is no mbedTLS 3.6 (MBEDTLS3_ROOT may name one)'
        name=$(tls_name "$root_of_new")
        tls_mbedtls="$tls_mbedtls $name"
        tls_root[$name]=$root_of_new
    fi
    tls_libraries="$tls_mbedtls $(openssl version | cut -d ' ' -f 1,2 | tr ' ' -)"
}

# tls_highest LIBRARY: of TLS.
tls_highest()
{
    case $1 in
    mbedTLS-2.*) echo 12 ;;
    *) echo 13 ;;
    esac
}

# tls_build_one LIBRARY: its programs, in build/bench/tls-LIBRARY.
tls_build_one()
{
    local to=$out/tls-$1 name flags
    local MBEDTLS_ROOT=${tls_root[$1]:-} mbedtls_flags mbedtls_libs \
        vendor_flags vendor_libs
    # shellcheck source=tests/vendor.sh
    . "$root/tests/vendor.sh"
    case $1 in
    OpenSSL-*)
        mbedtls_flags="-DBENCH_OPENSSL -I$root/examples/tls_library"
        mbedtls_libs='-lssl -lcrypto'
        ;;
    esac
    flags="-std=c11 -O2 -g $mbedtls_flags -I$root/dist -I$out"
    mkdir -p "$to"
    # shellcheck disable=SC2086 # words
    ${CC:-cc} $flags -c -o "$to/grpc.o" "$root/dist/grpc.c" ||
        die "the library does not compile with $1"
    for name in tls_server tls_client; do
        # shellcheck disable=SC2086
        ${CC:-cc} $flags -o "$to/$name" "$here/c/$name.c" \
            "$out/helloworld.pb.c" "$out/streams.pb.c" "$to/grpc.o" \
            $mbedtls_libs -lpthread || die "$name does not compile with $1"
    done
    case $1 in
    mbedTLS-*)
        # shellcheck disable=SC2086
        ${CC:-cc} $flags -o "$to/tls_ciphers" "$here/c/tls_ciphers.c" \
            $mbedtls_libs || die "tls_ciphers does not compile with $1"
        ;;
    esac
}

# tls_add_rows SERVER
tls_add_rows()
{
    tls_rows+=("$1 12")
    [ "$(tls_highest "$1")" = 12 ] || tls_rows+=("$1 13")
}

# tls_build: all that is needed; tls_newest drives the servers.
tls_build()
{
    local library
    tls_find
    for library in $tls_libraries; do
        tls_build_one "$library"
        tls_add_rows "$library"
    done
    tls_newest=${tls_mbedtls##* }
    tls_add_rows go
    tls_rows+=("$tls_newest none" 'go none')
    tls_certs=$out/certs
    [ -f "$tls_certs/ca.crt" ] || "$root/tests/certs.sh" "$tls_certs" ||
        die 'certificates cannot be made'
}

# ---- Servers and clients ----------------------------------------------------

# tls_command SERVER TLS: sets command.
tls_command()
{
    command=("$out/tls-$1/tls_server" 127.0.0.1:0)
    [ "$1" != go ] || command=("$out/go_peer" tls-server 127.0.0.1:0)
    [ "$2" = none ] ||
        command+=("$tls_certs/server.crt" "$tls_certs/server.key")
}

tls_start()
{
    local command
    tls_command "$1" "$2"
    start "tls-$1" "${command[@]}"
}

# tls_load CLIENT COMMAND TLS ARGUMENT...: has a client call the server of pid and
# port. CLIENT is one of tls_libraries, or go.
tls_load()
{
    local load=("$out/tls-$1/tls_client") what=$2 tls=$3 roots=$tls_certs/ca.crt
    [ "$1" != go ] || load=("$out/go_peer" tls-client)
    [ "$tls" != none ] || roots=-
    shift 3
    timeout 300 taskset -c 1 "${load[@]}" "$what" "127.0.0.1:$port" "$roots" \
        "$tls" "$pid" "$@" || die "the client failed: $what $tls $*"
}

# ---- Calls ------------------------------------------------------------------

# tls_count SHAPE: how many calls are counted in a round.
tls_count()
{
    case $1 in
    1x1-0) echo $((5000 * seconds)) ;;
    10x100-0) echo $((100000 * seconds)) ;;
    *-1024) echo $((20000 * seconds)) ;;
    *) echo $((100 * seconds)) ;;
    esac
}

# tls_measure ROW SHAPE CLIENT: a line more in its file.
tls_measure()
{
    local server=${1% *} tls=${1#* } by=$3 count warm shape=${2%-*}
    count=$(tls_count "$2")
    warm=$((count / 10))
    [ "$by" = go ] || by=$tls_newest
    pid=${server_pid[tls-$server-${tls/1?/1}]}
    port=${server_port[tls-$server-${tls/1?/1}]}
    tls_load "$by" calls "$tls" "${2#*-}" "${shape%x*}" "${shape#*x}" $warm \
        $((warm + count)) >>"$out/tls.${1/ /-}.$2.$3" || exit 1
}

# tls_servers start|stop: all of them. A server's TLS is one for 12 and 13.
tls_servers()
{
    local row key
    for row in "${tls_rows[@]}"; do
        key=tls-${row% *}-${row#* }
        key=${key/%1?/1}
        if [ "$1" = stop ]; then
            [ -z "${server_pid[$key]:-}" ] || stop "${server_pid[$key]}"
            server_pid[$key]=
        elif [ -z "${server_pid[$key]:-}" ]; then
            tls_start "${row% *}" "${row#* }"
            server_pid[$key]=$pid server_port[$key]=$port
        fi
    done
}

tls_calls()
{
    local row shape client round file key
    rm -f "$out"/tls.*
    tls_servers start
    for ((round = 1; round <= rounds; round++)); do
        for shape in $tls_shapes; do
            for client in $tls_clients; do
                for row in "${tls_rows[@]}"; do
                    tls_measure "$row" "$shape" "$client"
                done
            done
        done
    done
    tls_servers stop
    for row in "${tls_rows[@]}"; do
        for shape in $tls_shapes; do
            for client in $tls_clients; do
                key=tls-${row/ /-}-$shape-$client
                file=$out/tls.${row/ /-}.$shape.$client
                cpu[$key]=$(middle 1 "$file")
                cpu[$key-client]=$(middle 2 "$file")
                rate[$key]=$(middle 3 "$file")
                tls_protection[$row]=$(sed -n '1s/^[^ ]* [^ ]* [^ ]* //p' "$file")
            done
        done
    done
    rm -f "$out"/tls.*
}

# ---- Handshakes -------------------------------------------------------------

# tls_connect NAME SERVER CLIENT TLS RESUME: what a connection costs both sides, in
# microseconds; resumed-NAME how many were resumed.
tls_connect()
{
    local line
    tls_start "$2" "$4"
    line=$(tls_load "$3" connect "$4" "$5" $tls_connects) || exit 1
    stop $pid
    # shellcheck disable=SC2086 # words
    set -- "$1" $line
    cpu[connect-$1]=$2
    cpu[connect-$1-client]=$3
    calls_of[connect-$1]=$5
}

# tls_handshakes: servers of all kinds with grpc-go's client, clients of all kinds
# with grpc-go's server.
tls_handshakes()
{
    local row peer tls resume
    for row in "${tls_rows[@]}"; do
        peer=${row% *} tls=${row#* }
        for resume in no yes; do
            [ "$tls-$resume" != none-yes ] || continue
            tls_connect "server-$peer-$tls-$resume" "$peer" go "$tls" $resume
            tls_connect "client-$peer-$tls-$resume" go "$peer" "$tls" $resume
        done
    done
}

# tls_per_second SIDE PEER TLS RESUME: handshakes per CPU second: what a connection
# costs more than one without TLS.
tls_per_second()
{
    local suffix= plain=$2
    [ "$1" = server ] || suffix=-client
    [ "$plain" = go ] || plain=$tls_newest
    [ "$4" = no ] || [ "${calls_of[connect-$1-$2-$3-$4]}" -gt 0 ] || {
        echo -
        return
    }
    awk -v all="${cpu[connect-$1-$2-$3-$4$suffix]}" \
        -v plain="${cpu[connect-$1-$plain-none-no$suffix]}" \
        'BEGIN { printf "%.0f\n", 1e6 / (all - plain) }'
}

# ---- Memory -----------------------------------------------------------------

tls_idle_memory()
{
    local row
    for row in "${tls_rows[@]}"; do
        tls_start "${row% *}" "${row#* }"
        tls_memory[$row]=$(tls_load "$tls_newest" idle "${row#* }" $tls_idle) ||
            exit 1
        stop $pid
    done
}

# ---- Ciphers ----------------------------------------------------------------

# tls_ciphers: nanoseconds to seal a record, of each of the sizes.
tls_ciphers()
{
    local library name rest size per_second
    for library in $tls_mbedtls; do
        while read -r name rest; do
            tls_sealing[${library/-/ }, $name]=$rest
            # shellcheck disable=SC2086 # words
        done < <(taskset -c 0 "$out/tls-$library/tls_ciphers" $tls_sizes)
    done
    for name in aes-128-gcm chacha20-poly1305; do
        rest=
        for size in $tls_sizes; do
            per_second=$(taskset -c 0 openssl speed -seconds 1 -evp $name \
                -bytes "$size" 2>/dev/null | sed -n '$s/.* \([0-9.]*\)k$/\1/p')
            rest="$rest $(awk -v k="$per_second" -v n="$size" \
                'BEGIN { printf "%.1f", n / k * 1e6 }')"
        done
        tls_sealing[$(openssl version | cut -d ' ' -f 1,2), $name]=$rest
    done
}

# ---- Instructions -----------------------------------------------------------

# tls_parts_of FILE: "OURS VENDOR REST": the program, mbedTLS, the C library.
tls_parts_of()
{
    callgrind_annotate --threshold=100 --show=Ir --auto=no "$1" | awk '
        /^ *[0-9,]+ \(/ && !/PROGRAM TOTALS/ {
            gsub(",", "", $1)
            if (/\[.*\/libmbed[^]]*\]$/) vendor += $1
            else if (/\[.*\/tls_[a-z]*\]$/) ours += $1
            else rest += $1
        }
        END { printf "%d %d %d\n", ours, vendor, rest }'
}

# tls_count_side LIBRARY SIDE CALLS: so many at a time.
tls_count_side()
{
    local calls few=2000 many=6000 command name=tls-$1-$2-$3 tls file load
    [ "$3" = 1 ] || { few=10000 && many=30000; }
    tls=$(tls_highest "$1")
    for calls in $few $many; do
        file=$out/callgrind.$name.$calls
        tls_command "$1" "$tls"
        [ "$2" = client ] || counted "$file" "${command[@]}"
        start counted "${command[@]}"
        load=("$out/tls-$1/tls_client")
        if [ "$2" = client ]; then
            counted "$file" "${load[@]}"
            load=("${command[@]}")
        fi
        timeout 300 taskset -c 1 "${load[@]}" calls "127.0.0.1:$port" \
            "$tls_certs/ca.crt" "$tls" $pid 0 1 "$3" 1 "$calls" >/dev/null ||
            die "the client failed under callgrind: $name"
        stop $pid
    done
    per_call "$name" $few $many
    tls_parts[$name]=$(paste -d ' ' \
        <(tls_parts_of "$out/callgrind.$name.$many") \
        <(tls_parts_of "$out/callgrind.$name.$few") |
        awk -v n=$((many - few)) '{
            printf "%.0f of ours, %.0f of mbedTLS, %.0f of the C library\n",
                ($1 - $4) / n, ($2 - $5) / n, ($3 - $6) / n
        }')
}

tls_count_all()
{
    local library side calls
    for library in $tls_mbedtls; do
        for side in server client; do
            for calls in $loads; do
                tls_count_side "$library" $side "$calls"
            done
        done
    done
}

tls_print_instructions()
{
    local library side calls name
    for library in $tls_mbedtls; do
        for side in server client; do
            for calls in $loads; do
                name=tls-$library-$side-$calls
                echo "$side, TLS by ${library/-/ }, 1x$calls:" \
                    "${instructions[$name]} instructions per call:" \
                    "${tls_parts[$name]}"
            done
        done
    done
}

# ---- Tables -----------------------------------------------------------------

# tls_title SERVER TLS
tls_title()
{
    local tls="TLS 1.${2#1}"
    [ "$2" != none ] || tls='no TLS'
    if [ "$1" = go ]; then
        printf '| grpc-go, %s ' "$tls"
    elif [ "$2" = none ]; then
        printf '| cgrpc, %s ' "$tls"
    else
        printf '| cgrpc, %s, %s ' "${1/-/ }" "$tls"
    fi
}

tls_print_calls()
{
    local row shape key
    echo "Client: ${1/cgrpc/cgrpc with ${tls_newest/-/ }}"
    echo
    echo '| server | small 1x1 | small 10x100 | 1 KiB 1x100 | 1 MiB 1x1 |'
    echo '|---|---|---|---|---|'
    for row in "${tls_rows[@]}"; do
        # shellcheck disable=SC2086 # words
        tls_title $row
        for shape in $tls_shapes; do
            key=tls-${row/ /-}-$shape-$1
            awk -v s="${cpu[$key]}" -v c="${cpu[$key-client]}" \
                -v r="${rate[$key]}" 'BEGIN {
                    p = s < 20 ? 2 : s < 200 ? 1 : 0
                    printf "| %.*f + %.*f (%.*f) ", p, s, p, c, s < 200 ? 1 : 2,
                        r / 1000
                }'
        done
        echo '|'
    done
    echo
}

tls_print_handshakes()
{
    local row peer tls
    echo 'Handshakes per CPU second, ECDSA P-256, beside grpc-go:'
    echo
    echo '| | server | server, resumed | client | client, resumed |'
    echo '|---|---|---|---|---|'
    for row in "${tls_rows[@]}"; do
        peer=${row% *} tls=${row#* }
        [ "$tls" != none ] || continue
        tls_title "$peer" "$tls"
        printf '| %s | %s | %s | %s |\n' \
            "$(tls_per_second server "$peer" "$tls" no)" \
            "$(tls_per_second server "$peer" "$tls" yes)" \
            "$(tls_per_second client "$peer" "$tls" no)" \
            "$(tls_per_second client "$peer" "$tls" yes)"
    done
    echo
}

# tls_print_memory: a cgrpc server tells of three sums, grpc-go's of one.
tls_print_memory()
{
    local row resident ours sessions heap
    echo "Memory of a server for each of $tls_idle connections at rest, bytes:"
    echo
    echo '| | resident | in use | ours: connection | ours: session | TLS library |'
    echo '|---|---|---|---|---|---|'
    for row in "${tls_rows[@]}"; do
        # shellcheck disable=SC2086 # words
        tls_title $row
        read -r resident ours sessions heap <<<"${tls_memory[$row]}"
        if [ "${row% *}" = go ]; then
            echo "| $resident | $ours | | | |"
        else
            echo "| $resident | $heap | $ours | $sessions |" \
                "$((heap - ours - sessions)) |"
        fi
    done
    echo
}

tls_print_ciphers()
{
    local name size
    echo 'To seal one record, nanoseconds (MB/s):'
    echo
    echo '| | 100 B | 1 KiB | 16 KiB |'
    echo '|---|---|---|---|'
    printf '%s\n' "${!tls_sealing[@]}" | sort | while read -r name; do
        printf '| %s ' "$name"
        paste -d ' ' <(tr ' ' '\n' <<<"$tls_sizes") \
            <(tr -s ' ' '\n' <<<"${tls_sealing[$name]# }") |
            while read -r size ns; do
                awk -v n="$size" -v t="$ns" \
                    'BEGIN { printf "| %.0f (%.0f) ", t, n / t * 1000 }'
            done
        echo '|'
    done
    echo
}

# tls_verdict: the bound.
tls_verdict()
{
    local row tls
    for row in "${tls_rows[@]}"; do
        tls=${row#* }
        [ "${row% *}" != go ] && [ "$tls" != none ] || continue
        # shellcheck disable=SC2086
        echo "$(tls_title $row) ${cpu[tls-${row/ /-}-10x100-0-cgrpc]}" \
            "${cpu[tls-go-$tls-10x100-0-cgrpc]}"
    done | awk '
        {
            ratio = $(NF - 1) / $NF
            over += ratio > 1 / 6
            $NF = $(NF - 1) = $1 = ""
            printf "small 10x100,%s: %.3f of the server CPU of grpc-go\n", $0, ratio
        }
        END {
            print over ? "OVER: more than a sixth" : "all are at most a sixth"
            exit over > 0
        }'
}

tls_print()
{
    local row client
    echo 'TLS: CPU microseconds per call of the server and of the client (calls per'
    echo 'second, thousands)'
    echo
    for client in $tls_clients; do
        tls_print_calls "$client"
    done
    for row in "${tls_rows[@]}"; do
        # shellcheck disable=SC2086 # words
        echo "$(tls_title $row)| ${tls_protection[$row]} |"
    done
    echo
    tls_print_handshakes
    tls_print_memory
    tls_print_ciphers
    tls_verdict
}

tls_time()
{
    tls_calls
    tls_handshakes
    tls_idle_memory
    tls_ciphers
}
