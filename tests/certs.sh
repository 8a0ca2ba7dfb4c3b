#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: tests/certs.sh FOLDER
# Makes the keys and certificates that tests of TLS need, with openssl(1) 3.0.
# No key is kept with the sources. All are PEM and valid from now for 10 years,
# and all keys ECDSA P-256, if nothing else is said. X.crt belongs to X.key.
#
#   ca                the authority that most are of; ca.crl revokes `revoked`
#   intermediate      of ca
#   other-ca          another authority, which nobody trusts
#   both-cas.crt      ca and other-ca
#
# Servers. "The names" are DNS localhost, DNS *.test.example, IP 127.0.0.1, ::1.
#
#   server            the names
#   server-rsa        the names, RSA 2048
#   server-chain.crt  the names, of intermediate: the server's and intermediate
#   server-leaf.crt   the same without intermediate; both have server-chain.key
#   other-name        DNS other.example alone
#   one-name          DNS one.test.example alone
#   expired           the names, valid in 2020
#   not-yet           the names, valid in 2048
#   self-signed       the names
#   cn-only           CN localhost, and no subjectAltName
#   ed25519           the names, with a key of a kind that mbedTLS has not
#   revoked           the names, for servers and for clients
#
# Clients: CN client, no subjectAltName, if nothing else is said.
#
#   client
#   client-rsa        RSA 2048
#   client-chain.crt  of intermediate: the client's and intermediate
#   client-spiffe     URI spiffe://test.example/client, and DNS client.test.example
#   client-two-uris   URI spiffe://test.example/client, spiffe://test.example/other:
#                     no SPIFFE identity, which is the only URI
#   client-other      of other-ca
#
# Other forms.
#
#   server.crt.der, server.key.der, server-rsa.key.der, ca.crt.der, ca.crl.der
#   server-sec1.key        server.key as "EC PRIVATE KEY"
#   server-pkcs1.key       server-rsa.key as "RSA PRIVATE KEY"
#   encrypted.key          server.key, password "secret": "Proc-Type: 4,ENCRYPTED"
#   encrypted-pkcs8.key    the same as PKCS#8, 3DES
#   encrypted-aes.key      the same as PKCS#8, AES-256, for mbedTLS from 3.6 on
set -eu

out=${1:?usage: tests/certs.sh FOLDER}
command -v openssl >/dev/null || {
    echo 'tests/certs.sh: openssl is missing: apt-get install openssl' >&2
    exit 1
}
mkdir -p "$out"
cd "$out"
work=$(mktemp -d ./work.XXXXXX)
trap 'rm -rf "$work"' EXIT

# run COMMAND...: quiet, unless it fails.
run()
{
    "$@" >"$work/log" 2>&1 || {
        echo "tests/certs.sh: failed: $*" >&2
        cat "$work/log" >&2
        exit 1
    }
}

cat >"$work/config" <<END
[req]
distinguished_name = empty
prompt = no
[empty]

[policy]
commonName = optional

# What each authority keeps while it works.
[ca_db]
database = $work/ca.db
serial = $work/ca.serial
new_certs_dir = $work
default_md = sha256
policy = policy
unique_subject = no
[other-ca_db]
database = $work/other-ca.db
serial = $work/other-ca.serial
new_certs_dir = $work
default_md = sha256
policy = policy
unique_subject = no
[intermediate_db]
database = $work/intermediate.db
serial = $work/intermediate.serial
new_certs_dir = $work
default_md = sha256
policy = policy
unique_subject = no

[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash

[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, DNS:*.test.example, IP:127.0.0.1, IP:::1
[other-name]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:other.example
[one-name]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:one.test.example
[cn-only]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
[revoked]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = DNS:localhost, DNS:*.test.example, IP:127.0.0.1, IP:::1

[client]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[client-spiffe]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = URI:spiffe://test.example/client, DNS:client.test.example
[client-two-uris]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = URI:spiffe://test.example/client, URI:spiffe://test.example/other
END

ec='ec -pkeyopt ec_paramgen_curve:P-256'

# root NAME SUBJECT EXTENSIONS: one that signs itself.
root()
{
    # shellcheck disable=SC2086 # words
    run openssl req -x509 -config "$work/config" -extensions "$3" -days 3650 \
        -newkey $ec -nodes -keyout "$1.key" -out "$1.crt" -subj "$2"
}

# issue NAME AUTHORITY SUBJECT EXTENSIONS [FROM TO [KEY]]
issue()
{
    period='-days 3650'
    [ -z "${5:-}" ] || period="-startdate $5 -enddate $6"
    # shellcheck disable=SC2086
    run openssl req -new -config "$work/config" -newkey ${7:-$ec} -nodes \
        -keyout "$1.key" -out "$work/request" -subj "$3"
    # shellcheck disable=SC2086
    run openssl ca -config "$work/config" -name "$2_db" -batch -notext \
        -cert "$2.crt" -keyfile "$2.key" -extensions "$4" $period \
        -in "$work/request" -out "$1.crt"
}

for authority in ca other-ca intermediate; do
    : >"$work/$authority.db"
    echo 01 >"$work/$authority.serial"
done
root ca '/CN=cgrpc test CA' authority
root other-ca '/CN=cgrpc other CA' authority
root self-signed '/CN=localhost' server
issue intermediate ca '/CN=cgrpc test intermediate' authority

issue server ca '/CN=localhost' server
issue server-rsa ca '/CN=localhost' server '' '' rsa:2048
issue server-chain intermediate '/CN=localhost' server
issue other-name ca '/CN=other.example' other-name
issue one-name ca '/CN=one.test.example' one-name
issue expired ca '/CN=localhost' server 20200101000000Z 20210101000000Z
issue not-yet ca '/CN=localhost' server 20480101000000Z 20490101000000Z
issue cn-only ca '/CN=localhost' cn-only
issue ed25519 ca '/CN=localhost' server '' '' ed25519
issue revoked ca '/CN=revoked' revoked

issue client ca '/CN=client' client
issue client-rsa ca '/CN=client' client '' '' rsa:2048
issue client-chain intermediate '/CN=client' client
issue client-spiffe ca '/CN=client' client-spiffe
issue client-two-uris ca '/CN=client' client-two-uris
issue client-other other-ca '/CN=client' client

run openssl ca -config "$work/config" -name ca_db -cert ca.crt -keyfile ca.key \
    -revoke revoked.crt
run openssl ca -config "$work/config" -name ca_db -cert ca.crt -keyfile ca.key \
    -gencrl -crldays 3650 -out ca.crl

cp server-chain.crt server-leaf.crt
cat server-leaf.crt intermediate.crt >server-chain.crt
mv client-chain.crt "$work/leaf"
cat "$work/leaf" intermediate.crt >client-chain.crt
cat ca.crt other-ca.crt >both-cas.crt

for cert in server ca; do
    run openssl x509 -in $cert.crt -outform DER -out $cert.crt.der
done
run openssl crl -in ca.crl -outform DER -out ca.crl.der
for key in server server-rsa; do
    run openssl pkey -in $key.key -outform DER -out $key.key.der
done
run openssl pkey -in server.key -traditional -out server-sec1.key
run openssl pkey -in server-rsa.key -traditional -out server-pkcs1.key
run openssl ec -in server.key -aes256 -passout pass:secret -out encrypted.key
run openssl pkcs8 -topk8 -in server.key -v2 des3 -passout pass:secret \
    -out encrypted-pkcs8.key
run openssl pkcs8 -topk8 -in server.key -v2 aes256 -passout pass:secret \
    -out encrypted-aes.key
