#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: tests/mbedtls3.sh
# Prints the folder of an mbedTLS 3.6 that has include/ and lib/: MBEDTLS3_ROOT,
# or else Debian 13's packages, which are unpacked below the user's cache
# (XDG_CACHE_HOME) the first time. They need no newer C library than Debian 12
# has. Nothing is installed, and the system's apt keeps its lists: a second apt
# with folders of its own asks the mirror that the system's uses, and checks
# signatures with Debian's keyring.
set -eu

suite=trixie
packages='libmbedtls-dev libmbedtls21 libmbedx509-7 libmbedcrypto16'
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die()
{
    echo "tests/mbedtls3.sh: $*" >&2
    echo 'tests/mbedtls3.sh: MBEDTLS3_ROOT may name the folder of one instead' >&2
    exit 1
}

if [ -n "${MBEDTLS3_ROOT:-}" ]; then
    [ -f "$MBEDTLS3_ROOT/include/mbedtls/ssl.h" ] ||
        die "there is no mbedTLS in $MBEDTLS3_ROOT"
    echo "$MBEDTLS3_ROOT"
    exit 0
fi

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    die 'this is no Debian system, whose packages could be used'
machine=$(dpkg --print-architecture)
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/cgrpc
root=$cache/mbedtls-$suite-$machine
if [ -f "$root/.done" ]; then
    echo "$root"
    exit 0
fi
[ -f $keyring ] || die "$keyring is missing: apt-get install debian-archive-keyring"

mkdir -p "$cache"
# (Two at a time would each make one; the first that is ready stays.)
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The mirror that the system itself is from, by apt's sources in their two forms,
# has its other suites too.
own=$(. /etc/os-release && echo "${VERSION_CODENAME:-none}")
sources= parts=
eval "$(apt-config shell sources Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
site=$({
    cat "$sources" "$parts"*.list | awk -v own="$own" '
        $1 == "deb" {
            at = 2
            if ($2 ~ /^\[/) { while ($at !~ /\]$/ && at < NF) at++; at++ }
            if ($(at + 1) == own || $(at + 1) == "stable") print $at
        }'
    for file in "$parts"*.sources; do
        cat "$file" && echo
    done | awk -v own="$own" '
        /^#/ { next }
        tolower($1) == "uris:" { uri = $2 }
        tolower($1) == "suites:" {
            for (i = 2; i <= NF; i++) found += $i == own || $i == "stable"
        }
        NF == 0 { if (found) print uri; found = 0 }'
} 2>/dev/null | head -n 1)
[ -n "$site" ] || die "apt's sources name no mirror of Debian"

mkdir -p "$work/none" "$work/state/lists/partial" "$work/cache/archives/partial"
: >"$work/status"
echo "deb [signed-by=$keyring] $site $suite main" >"$work/sources"
cat >"$work/config" <<END
Dir::Etc::main "/dev/null";
Dir::Etc::parts "$work/none";
Dir::Etc::sourcelist "$work/sources";
Dir::Etc::sourceparts "$work/none";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "$work/none";
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
APT::Architecture "$machine";
APT::Architectures { "$machine"; };
END
# How the system reaches its mirror is its own affair (proxies, dates). Root gives
# nothing up to another user, who could not write here.
apt-config dump | grep -E '^Acquire::' | grep -v '^Acquire::IndexTargets' \
    >>"$work/config"
[ "$(id -u)" -ne 0 ] || echo 'APT::Sandbox::User "root";' >>"$work/config"

# apt COMMAND...: quiet, unless it fails.
apt()
{
    APT_CONFIG=$work/config "$@" >"$work/log" 2>&1 || {
        tail -n 20 "$work/log" >&2
        die "failed: $*"
    }
}
apt apt-get -q update -o APT::Update::Error-Mode=any
mkdir "$work/packages" "$work/files" "$work/root"
# shellcheck disable=SC2086 # words
(cd "$work/packages" && apt apt-get -q download $packages)
for package in "$work"/packages/*.deb; do
    dpkg-deb -x "$package" "$work/files"
done
mv "$work/files/usr/include" "$work/root/include"
mv "$work"/files/usr/lib/*/ "$work/root/lib"
[ -f "$work/root/include/mbedtls/ssl.h" ] && [ -f "$work/root/lib/libmbedtls.so" ] ||
    die 'the packages do not hold what they used to'
touch "$work/root/.done"
mv -T "$work/root" "$root" 2>/dev/null || [ -f "$root/.done" ] ||
    die "cannot write $root"
echo "$root"
