# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by ./run: TLS in both matrices, and what only TLS has: connections that
# must not come about, sessions that are resumed, logs of keys (README.md).
#
# A transport is tcp, unix, or one of these with a version of TLS: tls-1.2, and
# mtls-1.2, in which the server demands a certificate of its clients.

mtls_cases='ok large'
suite_mtls_cases='empty_unary large_unary ping_pong'
tls_peer=      # certificates of grpc-go's module
tls_certs=     # certificates of ../certs.sh
tls_client=()  # flags
tls_server=()
tls_seen=      # what a row has seen of its connection

# ---- building ---------------------------------------------------------------

# The official test certificates are a part of grpc-go's module.
tls_build()
{
    local go
    go=$("$here/find-go") || return 1
    tls_peer=$(cd "$here/go" && "$go" list -m -f '{{.Dir}}' \
        google.golang.org/grpc)/testdata
    [ -f "$tls_peer/server1.pem" ] || die "grpc-go's test certificates are missing"
    tls_certs=$out/certs
    if [ ! -f "$tls_certs/.done" ] ||
        [ "$here/../certs.sh" -nt "$tls_certs/.done" ]; then
        "$here/../certs.sh" "$tls_certs" || die 'no certificates'
        touch "$tls_certs/.done"
    fi
}

# ---- flags ------------------------------------------------------------------

# is_ours LANGUAGE
is_ours()
{
    [ "$1" = c ] || [ "$1" = c3 ]
}

# tls_set CLIENT SERVER TRANSPORT sets the flags of both. A peer has its default
# versions, and so have we for TLS 1.3, the highest; TLS 1.2 is asked for.
tls_set()
{
    tls_client=()
    tls_server=()
    case $3 in *tls-*) ;; *) return ;; esac
    tls_client=(--use_tls=true "--ca_file=$tls_peer/ca.pem"
        --server_host_override=foo.test.google.fr)
    tls_server=(--use_tls=true "--tls_cert_file=$tls_peer/server1.pem"
        "--tls_key_file=$tls_peer/server1.key")
    case $3 in
    mtls-*)
        tls_client+=("--tls_cert_file=$tls_peer/x509/client1_cert.pem"
            "--tls_key_file=$tls_peer/x509/client1_key.pem")
        tls_server+=("--client_ca_file=$tls_peer/x509/client_ca_cert.pem")
        ;;
    esac
    case $3 in *tls-1.2) ;; *) return ;; esac
    ! is_ours "$1" || tls_client+=(--tls_version=1.2)
    ! is_ours "$2" || tls_server+=(--tls_version=1.2)
}

# ---- what was seen ----------------------------------------------------------

# tls_field FILE NUMBER prints a field of the last identity in a program's output.
tls_field()
{
    sed -n 's/^identity //p' "$1" | tail -n 1 | cut -d , -f "$2"
}

# tls_judge TRANSPORT: were all peers that anybody saw those that they should be,
# and the version as well? Sets tls_seen; false, and the reason is in $work/why.
tls_judge()
{
    local version=${1#*tls-} client=nobody bad
    tls_seen=
    case $1 in
    tls-*) ;;
    mtls-*) client=test-client1 ;;
    *) return 0 ;;
    esac
    version="(TLS ${version/./\\.}|\?),(h2|\?)"
    bad=$({
        grep '^identity ' "$work/why" |
            grep -Ev "^identity $version,\*\.test\.google\.com,(full|resumed),"
        grep '^identity ' "$work/server.log" |
            grep -Ev "^identity $version,$client,(full|resumed),"
    })
    if [ -n "$bad" ]; then
        echo "not the connection that was wanted: $bad" >>"$work/why"
        return 1
    fi
    tls_tell "$work/why" "$work/server.log"
    # (grpc-go's own programs of the suite do not look.)
    [ -n "$tls_seen" ] || [ -n "$peers_only" ] || {
        echo 'nobody has seen the connection' >>"$work/why"
        return 1
    }
}

# tls_tell CLIENT_LOG SERVER_LOG sets tls_seen to which TLS it was, and who has
# seen that.
tls_tell()
{
    local role file library version=TLS seen who=
    for role in client server; do
        file=$1
        [ $role = client ] || file=$2
        library=$(tls_field "$file" 6)
        [ -z "$library" ] || who="$who${who:+, }$role $library"
        seen=$(tls_field "$file" 1)
        case $seen in TLS*) version=$seen ;; esac
    done
    tls_seen=${who:+$version: $who}
}

# ---- connections that must not come about -----------------------------------

# await_words WORDS FILE: until the file has them, for a while.
await_words()
{
    local tries=0
    until [ -z "$1" ] || [ $tries -gt 100 ] || tls_plain <"$2" | grep -Fq -- "$1"; do
        sleep 0.02
        tries=$((tries + 1))
    done
}

# tls_plain takes out what is another each time.
tls_plain()
{
    sed -E -e 's/127\.0\.0\.1:[0-9]+/PEER/g' -e 's/; gave up after [0-9]+ ms$//'
}

# tls_says LANGUAGE FILE WORDS: does it? Our words are a line as it stands.
tls_says()
{
    local exact=
    ! is_ours "$1" || exact=x
    [ -z "$3" ] || tls_plain <"$2" | grep -Fq$exact -- "$3" || {
        printf '%s does not say: %s\n' "$1" "$3" >>"$work/why"
        return 1
    }
}

# tls_row NAME CLIENT SERVER CLIENT_FLAGS SERVER_FLAGS CLIENT_SAYS SERVER_SAYS: one
# call, which ends as the client says; flags come behind those of TLS, so that they
# count. What a peer says has to be in its output, what we say is a line of it.
tls_row()
{
    local name=$2-to-$3/call/$1 status=0
    is_wanted "$name" || return
    tls_set "$2" "$3" tls-default
    # shellcheck disable=SC2206 # words
    tls_client+=($4)
    # shellcheck disable=SC2206
    tls_server+=($5)
    : >"$work/server.log"
    : >"$work/why"
    if ! start_server "$3" 127.0.0.1:0; then
        echo 'the server did not start' >"$work/why"
        report "$name" 1
        return
    fi
    run_client "$2" show >"$work/why" || status=1
    await_words "$7" "$work/server.log"
    stop_server
    tls_says "$2" "$work/why" "$6" && tls_says "$3" "$work/server.log" "$7" ||
        status=1
    tls_seen=${7#log }
    ! is_ours "$2" || tls_seen=${6% }
    report "$name" $status
}

# tls_server_rows SERVER: ours, and clients of grpc-go and the C core.
tls_server_rows()
{
    local server=$1 log='log TLS with PEER:' refused unknown
    local clients="--client_ca_file=$tls_peer/x509/client_ca_cert.pem"
    local stranger="--tls_cert_file=$tls_certs/client-other.crt --tls_key_file=$tls_certs/client-other.key"
    tls_row unknown-ca go "$server" "--ca_file=$tls_certs/other-ca.crt" '' \
        'x509: certificate signed by unknown authority' \
        "$log the peer sent alert 42, bad_certificate"
    tls_row other-name go "$server" --server_host_override=foo.example.com '' \
        'x509: certificate is valid for *.test.google.fr, waterzooi.test.google.be, *.test.youtube.com, not foo.example.com' \
        "$log the peer sent alert 42, bad_certificate"
    tls_row plain-client go "$server" --use_tls=false '' \
        'error reading server preface: EOF' \
        "$log the peer sends plain text: HTTP/2 without TLS"
    tls_row plain-client python "$server" --use_tls=false '' 'Socket closed' \
        "$log the peer sends plain text: HTTP/2 without TLS"
    tls_row plain-server go "$server" '' --use_tls=false \
        'tls: first record does not look like a TLS handshake' ''
    tls_row no-alpn go "$server" --no_alpn '' \
        'remote error: tls: no application protocol' \
        "$log the peer does not agree on HTTP/2 (ALPN \"h2\")"
    tls_row no-alpn-allowed go "$server" --no_alpn --allow_no_alpn=true OK ''
    if [ "$server" = c3 ]; then
        tls_row tls-1.3-only go "$server" --tls_version=1.2 --tls_version=1.3 \
            'remote error: tls: protocol version not supported' \
            "$log there is no common version: the peer does not speak TLS 1.3 [-0x6E80]"
        # (An alert that mbedTLS encrypts with the wrong key: README.md.)
        refused='local error: tls: bad record MAC'
        unknown='Unwrap failed (TSI_DATA_CORRUPTED)'
    else
        tls_row tls-1.2-only go "$server" --tls_version=1.3 --tls_version=1.2 \
            'remote error: tls: handshake failure' \
            "$log there is no common cipher suite, or the client speaks TLS 1.3 alone [-0x7380]"
        refused='remote error: tls: handshake failure'
        unknown='TLSV1_ALERT_UNKNOWN_CA'
    fi
    tls_row no-certificate go "$server" '' "$clients" "$refused" \
        "$log the client has shown no certificate [-0x7480]"
    tls_row other-client-ca python "$server" "$stranger" "$clients" "$unknown" \
        "$log the client's certificate is of an unknown authority [flags 0x8]"
}

# tls_bad_certificates CLIENT: ours, and servers whose certificate will not do.
tls_bad_certificates()
{
    local name words ours
    ours="--ca_file=$tls_certs/ca.crt --server_host_override=localhost"
    while read -r name words; do
        tls_row "$name" "$1" go "$ours" \
            "--tls_cert_file=$tls_certs/$name.crt --tls_key_file=$tls_certs/$name.key" \
            "UNAVAILABLE TLS with PEER: $words" ''
    done <<'END'
expired the server's certificate has expired [flags 0x1]
not-yet the server's certificate is not valid yet [flags 0x200]
other-name the certificate is for other.example, not for localhost
END
}

# tls_client_rows CLIENT: ours, and a server of grpc-go.
tls_client_rows()
{
    local client=$1 failed_with='UNAVAILABLE TLS with PEER:' alert
    local clients="--client_ca_file=$tls_peer/x509/client_ca_cert.pem"
    local stranger="--tls_cert_file=$tls_certs/client-other.crt --tls_key_file=$tls_certs/client-other.key"
    tls_bad_certificates "$client"
    tls_row unknown-ca "$client" go "--ca_file=$tls_certs/other-ca.crt" '' \
        "$failed_with the server's certificate is of an unknown authority [flags 0x8]" ''
    tls_row other-address "$client" go --server_host_override=192.168.1.4 '' \
        "$failed_with the certificate is for *.test.google.fr, not for 192.168.1.4" ''
    tls_row address "$client" go --server_host_override=192.168.1.3 '' 'OK ' ''
    tls_row no-alpn "$client" go '' --no_alpn \
        "$failed_with the peer does not agree on h2 by ALPN" ''
    tls_row no-alpn-allowed "$client" go --allow_no_alpn=true --no_alpn 'OK ' ''
    tls_row plain-server "$client" go '' --use_tls=false \
        "$failed_with the peer sends plain text: HTTP/2 without TLS" ''
    tls_row plain-client "$client" go --use_tls=false '' \
        'UNAVAILABLE connection to PEER closed: the peer closed the connection before HTTP/2 began, as one that speaks TLS does' ''
    tls_row tls-1.2-only "$client" go '' --tls_version=1.2 'OK ' ''
    if [ "$client" = c3 ]; then
        tls_row tls-1.3-only "$client" go '' --tls_version=1.3 'OK ' ''
        tls_row no-tls-1.3 "$client" go --tls_version=1.3 --tls_version=1.2 \
            "$failed_with the peer sent alert 70, protocol_version: it wants another version than TLS 1.3" ''
        alert='116, certificate_required'
    else
        tls_row tls-1.3-only "$client" go '' --tls_version=1.3 \
            "$failed_with the peer sent alert 70, protocol_version: it wants another version than TLS 1.2" ''
        alert='40, handshake_failure: there is no version (here: TLS 1.2), cipher suite or curve in common, or it wants a certificate'
    fi
    tls_row no-certificate "$client" go '' "$clients" \
        "$failed_with the peer sent alert $alert" ''
    tls_row other-client-ca "$client" go "$stranger" "$clients" \
        "$failed_with the peer sent alert 48, unknown_ca" ''
}

# ---- sessions that are resumed ----------------------------------------------

# tls_resume CLIENT SERVER TRANSPORT: two connections with the same credentials;
# the second one's handshake goes on from the first one's, as both say.
tls_resume()
{
    local name=$1-to-$2/$3/resume status=0 log side
    is_wanted "$name" || return
    tls_set "$1" "$2" "$3"
    : >"$work/server.log"
    : >"$work/why"
    if start_server "$2" 127.0.0.1:0; then
        run_client "$1" resume >"$work/why" || status=1
        stop_server
    else
        status=1
    fi
    tls_judge "$3" || status=1
    for log in why server.log; do
        side=$(sed -n 's/^identity //p' "$work/$log" | cut -d , -f 4 | tr '\n' ' ')
        [ "$side" = 'full resumed ' ] || {
            echo "handshakes in $log: $side" >>"$work/why"
            status=1
        }
    done
    report "$name" $status
}

# ---- logs of keys -----------------------------------------------------------

# tls_key_log CLIENT SERVER TRANSPORT: both write a log of keys, and what both have
# a label for they say the same of: with our log a capture can be decrypted.
tls_key_log()
{
    local name=$1-to-$2/$3/key-log status=0 labels
    is_wanted "$name" || return
    tls_set "$1" "$2" "$3"
    tls_client+=("--tls_key_log_file=$work/client.keys")
    tls_server+=("--tls_key_log_file=$work/server.keys")
    rm -f "$work"/*.keys
    : >"$work/server.log"
    : >"$work/why"
    if start_server "$2" 127.0.0.1:0; then
        run_client "$1" ok >"$work/why" || status=1
        stop_server
    else
        status=1
    fi
    tls_judge "$3" || status=1
    labels='CLIENT_RANDOM'
    [ "${3#*tls-}" = 1.2 ] ||
        labels='CLIENT_HANDSHAKE_TRAFFIC_SECRET SERVER_HANDSHAKE_TRAFFIC_SECRET
            CLIENT_TRAFFIC_SECRET_0 SERVER_TRAFFIC_SECRET_0'
    local label
    for label in $labels; do
        grep "^$label " "$work/client.keys" >"$work/one" &&
            grep "^$label " "$work/server.keys" | cmp -s - "$work/one" || {
            echo "the logs do not have the same $label" >>"$work/why"
            status=1
        }
    done
    report "$name" $status
}

# ---- what only TLS has ------------------------------------------------------

tls_matrix()
{
    local ours version
    for ours in c:1.2 c3:1.3 c3:1.2; do
        version=tls-${ours#*:}
        ours=${ours%:*}
        job tls_resume $ours go $version
        job tls_resume go $ours $version
        job tls_resume $ours $ours $version
        job tls_key_log $ours go $version
        job tls_key_log go $ours $version
    done
    for ours in c c3; do
        job tls_server_rows $ours
        job tls_client_rows $ours
    done
}
