#!/bin/sh
# SPDX-License-Identifier: MIT
# The README shows the programs of examples/helloworld as they are, and names
# commands that exist.
. tests/lib.sh

# block N: the Nth C block of the README.
block() {
    awk -v wanted="$1" '/^```c$/ { n++; inside = n == wanted; next }
        /^```$/ { inside = 0 } inside' README.md
}
same() { # N FILE
    block "$1" >"$work/shown"
    diff -u "$2" "$work/shown"
}
# The commands are those indented by four spaces that begin with make.
targets_exist() {
    sed -n 's/^    make \([a-z]*\).*/\1/p' README.md >"$work/targets"
    [ -s "$work/targets" ] || return 1
    while read -r target; do
        grep -hq "^$target:" Makefile mk/*.mk || {
            echo "make $target: no such target"
            return 1
        }
    done <"$work/targets"
}

check 'the server is the example' same 1 examples/helloworld/server.c
check 'the client is the example' same 2 examples/helloworld/client.c
check 'the targets exist' targets_exist
finish
