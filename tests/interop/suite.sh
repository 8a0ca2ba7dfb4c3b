# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by ./run: gRPC's interop suite (README.md), and its HTTP/2 cases
# against a server that misbehaves. One server serves all cases of a pair.

suite_cases='empty_unary large_unary client_compressed_unary
    server_compressed_unary client_streaming client_compressed_streaming
    server_streaming server_compressed_streaming ping_pong half_duplex
    empty_stream custom_metadata status_code_and_message special_status_message
    unimplemented_method unimplemented_service cancel_after_begin
    cancel_after_first_response timeout_on_sleeping_server
    concurrent_large_unary pick_first_unary rpc_soak channel_soak'
http2_cases='goaway rst_after_header rst_during_data rst_after_data ping
    max_streams data_frame_padding no_df_padding_sanity_test'
# Cases that our client knows and cannot run; it says why.
missing_cases='cacheable_unary long_lived_channel orca_per_rpc orca_oob
    max_concurrent_streams_connection_scaling google_default_credentials
    compute_engine_creds compute_engine_channel_credentials
    service_account_creds jwt_token_creds oauth2_auth_token per_rpc_creds'

# ---- building ---------------------------------------------------------------

build_suite_go()
{
    local go module=google.golang.org/grpc/interop
    go=$("$here/find-go") || return 1
    mkdir -p "$out/go-suite"
    (cd "$here/go-suite" && "$go" build -o "$out/go-suite/" \
        $module/client $module/server $module/http2) ||
        die "grpc-go's interop programs cannot be built"
}

build_suite_cpp()
{
    mkdir -p "$out/cpp"
    make -s -C "$here/cpp" OUT="$out/cpp" ||
        die 'the C++ peer cannot be built: tests/deps interop'
}

suite_protos='empty messages test'

suite_generate()
{
    # shellcheck disable=SC2046,SC2086
    (cd "$root" && "${BUILD:-build}/cgrpc-gen" -I "$here/proto" -o "$out" \
        $(printf 'grpc/testing/%s.proto ' $suite_protos)) ||
        die 'cgrpc-gen failed'
}

# build_suite_c FOLDER FLAGS WHAT IS LINKED
build_suite_c()
{
    local common=$3 client server name
    for name in $suite_protos; do
        common="$out/grpc/testing/$name.pb.c $common"
    done
    client="$here/c/grpc_interop_client.c $here/c/grpc_interop_many.c"
    server=$here/c/grpc_interop_server.c
    # shellcheck disable=SC2086
    ${CC:-cc} $2 -o "$1/suite_c_client" $client $common &&
        ${CC:-cc} $2 -o "$1/suite_c_server" $server $common ||
        die 'our programs of the suite do not compile'
}

# ---- the programs -----------------------------------------------------------

# suite_program LANGUAGE ROLE CASE prints the program.
suite_program()
{
    case $1:$2:" ${http2_cases//$'\n'/ } " in
    go:client:*" $3 "*) echo "$out/go-suite/http2" ;;
    go:*) echo "$out/go-suite/$2" ;;
    cpp:*) echo "$out/cpp/suite_$2" ;;
    c:*) echo "$out/suite_c_$2" ;;
    c3:*) echo "$out/mbedtls3/suite_c_$2" ;;
    esac
}

# suite_serve SERVER CASE: becomes a server, which says where it listens. The
# Go server does so in its log alone.
suite_serve()
{
    case $1 in
    rig) exec python3 "$here/python/http2_rig.py" "$2" "${tls_server[@]}" ;;
    go) export GRPC_GO_LOG_SEVERITY_LEVEL=info ;;
    esac
    exec "$(suite_program "$1" server "$2")" --port=0 "${tls_server[@]}"
}

# suite_start SERVER CASE sets server_pid and target, a port.
suite_start()
{
    local tries=0
    : >"$work/server.log"
    (suite_serve "$1" "$2") >"$work/server.log" 2>&1 &
    server_pid=$!
    until target=$(sed -n -e 's/^listening //p' \
        -e 's/.*interop server listening on .*:\([0-9]*\).*/\1/p' \
        "$work/server.log" | head -n 1) && [ -n "$target" ]; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! kill -0 "$server_pid" 2>/dev/null; then
            stop_server
            return 1
        fi
        sleep 0.02
    done
}

# suite_client CLIENT CASE: prints why it failed.
suite_client()
{
    timeout -k 3 $case_seconds "$(suite_program "$1" client "$2")" \
        --server_host=localhost --server_port="$target" --test_case="$2" \
        "${tls_client[@]}" 2>&1
    local status=$?
    case $status in
    124) echo "no end after $case_seconds s" ;;
    12[89] | 1[3-9]?) echo "ended by signal $((status - 128))" ;;
    esac
    return $status
}

# ---- what is left out -------------------------------------------------------

# why_not CLIENT SERVER CASE prints why the pair cannot run the case.
why_not()
{
    case $1:$2:$3 in
    go:*:*compressed* | go:*:concurrent_large_unary | go:*:half_duplex | \
        go:rig:data_frame_padding | go:rig:no_df_padding_sanity_test)
        echo "grpc-go's client has no such case"
        ;;
    *:go:*compressed*)
        echo "grpc-go's server does not look at expect_compressed and response_compressed"
        ;;
    *:go:pick_first_unary) echo "grpc-go's server sends no server_id" ;;
    go:rig:rst_during_data)
        echo "grpc-go's client demands UNKNOWN, where grpc-go gives INTERNAL"
        ;;
    cpp:rig:data_frame_padding)
        echo "this version of the C core takes no padded DATA"
        ;;
    esac
}

leave_out()
{
    echo "left out $1: $2"
    left_out=$((left_out + 1))
}

# is_wanted NAME: it matches the pattern of the command line.
is_wanted()
{
    # shellcheck disable=SC2254
    case $1 in
    $pattern) return 0 ;;
    esac
    return 1
}

# ---- the matrix -------------------------------------------------------------

# suite_case CLIENT NAME CASE TRANSPORT
suite_case()
{
    local status
    suite_client "$1" "$3" >"$work/why"
    status=$?
    if ! kill -0 "$server_pid" 2>/dev/null; then
        echo 'the server did not survive' >>"$work/why"
        status=1
    fi
    [ $status != 0 ] || tls_judge "$4" || status=1
    report "$2" $status
    [ $status = 0 ]
}

# suite_stop SERVER NAME: cgrpc's server ends well, and nothing is left (to say for
# a sanitizer).
suite_stop()
{
    kill -TERM "$server_pid" 2>/dev/null
    wait "$server_pid" 2>/dev/null
    local status=$?
    server_pid=
    is_ours "$1" || return 0
    : >"$work/why"
    report "$2" $status
}

# suite_name CLIENT SERVER SUITE TRANSPORT CASE
suite_name()
{
    case $4 in
    tcp) echo "$1-to-$2/$3/$5" ;;
    *) echo "$1-to-$2/$3/$4/$5" ;;
    esac
}

# suite_set CLIENT SERVER TRANSPORT sets the flags of both.
suite_set()
{
    tls_set "$1" "$2" "$3"
    if [ "$3" != tcp ]; then
        tls_client+=(--use_test_ca=true)
    elif [ "$2" != rig ]; then
        tls_client=(--use_tls=false)
        tls_server=(--use_tls=false)
    fi
}

# suite_pair CLIENT SERVER TRANSPORT CASE...
suite_pair()
{
    local case name why
    suite_set "$1" "$2" "$3"
    for case in "${@:4}"; do
        name=$(suite_name "$1" "$2" suite "$3" "$case")
        is_wanted "$name" || continue
        why=$(why_not "$1" "$2" "$case")
        if [ -n "$why" ]; then
            leave_out "$name" "$why"
            continue
        fi
        if [ -z "$server_pid" ] && ! suite_start "$2" "$case"; then
            echo 'the server did not start' >"$work/why"
            report "$name" 1
            return
        fi
        suite_case "$1" "$name" "$case" "$3" ||
            kill -0 "$server_pid" 2>/dev/null || stop_server
    done
    [ -z "$server_pid" ] ||
        suite_stop "$2" "$(suite_name "$1" "$2" suite "$3" stop)"
}

# http2_case CLIENT NAME CASE TRANSPORT: with a server of its own, which has to
# agree.
http2_case()
{
    local status
    if ! suite_start rig "$3"; then
        echo 'the server did not start' >"$work/why"
        report "$2" 1
        return
    fi
    suite_client "$1" "$3" >"$work/why"
    status=$?
    kill -TERM "$server_pid"
    wait "$server_pid" || status=1
    server_pid=
    sed -n 's/^the client: //p' "$work/server.log" >>"$work/why"
    [ $status != 0 ] || tls_judge "$4" || status=1
    report "$2" $status
}

# http2_client CLIENT (nothing) TRANSPORT CASE...
http2_client()
{
    local case name why
    suite_set "$1" rig "$3"
    for case in "${@:4}"; do
        name=$(suite_name "$1" rig http2 "$3" "$case")
        is_wanted "$name" || continue
        why=$(why_not "$1" rig "$case")
        if [ -n "$why" ]; then
            leave_out "$name" "$why"
        else
            http2_case "$1" "$name" "$case" "$3"
        fi
    done
}

# suite_missing: what our client says of the cases that it cannot run.
suite_missing()
{
    local case name why
    for case in $missing_cases; do
        name=c/suite/$case
        is_wanted "$name" || continue
        why=$("$out/suite_c_client" --test_case="$case" 2>&1)
        if [ $? = 3 ]; then
            leave_out "$name" "${why#"$case" }"
        else
            echo "no reason is given: $why" >"$work/why"
            report "$name" 1
        fi
    done
}
