#!/bin/sh
# SPDX-License-Identifier: MIT
# The guide shows the examples as they are: each block of code stands, line by
# line, in the file that is named in front of it; and its commands name programs
# that are built.
. tests/lib.sh

guide=${GUIDE:-docs/guide.md}

# Writes $work/N.block and $work/N.file for each block of C or of .proto.
split_guide() {
    awk -v work="$work" '
        /^From \[/ {
            match($0, /\[[^]]*\]/)
            file = substr($0, RSTART + 1, RLENGTH - 2)
        }
        /^```(c|proto)$/ {
            n++
            inside = 1
            print file >(work "/" n ".file")
            file = ""
            next
        }
        /^```$/ { inside = 0 }
        inside { print >(work "/" n ".block") }
        END { print n + 0 }' "$guide"
}
# stands FILE BLOCK: the lines of the block are lines of the file, in one piece.
stands() {
    awk -v block="$2" '
        BEGIN { while ((getline line <block) > 0) wanted[++n] = line }
        { have[NR] = $0 }
        END {
            for (i = 1; n > 0 && i + n - 1 <= NR; i++) {
                for (k = 1; k <= n && have[i + k - 1] == wanted[k]; k++)
                    ;
                if (k > n) exit 0
            }
            exit 1
        }' "$1"
}
blocks_stand() {
    wrong=0
    i=0
    while [ "$i" -lt "$blocks" ]; do
        i=$((i + 1))
        file=$(cat "$work/$i.file")
        if [ ! -f "$file" ]; then
            echo "block $i: no file \"$file\" is named in front of it"
            wrong=1
        elif ! stands "$file" "$work/$i.block"; then
            echo "block $i is not in $file:"
            cat "$work/$i.block"
            wrong=1
        fi
    done
    return "$wrong"
}
# The commands name programs of examples/, without what is built beside them.
commands_exist() {
    grep -o 'build/examples/[a-z_]*/[a-z]*' "$guide" | sort -u >"$work/named"
    [ -s "$work/named" ] || return 1
    while read -r program; do
        source=${program#build/}.c
        [ -f "$source" ] || { echo "$program: there is no $source"; return 1; }
    done <"$work/named"
}
# Files that are linked to are there.
links_exist() {
    grep -o '](\.*[^)#]*)' "$guide" | sed 's/^](\(.*\))$/\1/' |
        sort -u >"$work/links"
    while read -r link; do
        [ -e "docs/$link" ] || { echo "$link: there is no such file"; return 1; }
    done <"$work/links"
}
# Every lesson is linked to, shown or run in the guide.
lessons_are_there() {
    for folder in examples/*/; do
        grep -q "${folder%/}" "$guide" || { echo "$folder is missing"; return 1; }
    done
}

blocks=$(split_guide)
check 'there are blocks' [ "$blocks" -gt 20 ]
check 'each block is in the file it names' blocks_stand
check 'the programs exist' commands_exist
check 'the links lead somewhere' links_exist
check 'each lesson is taught' lessons_are_there
finish
