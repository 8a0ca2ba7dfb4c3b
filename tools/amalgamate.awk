# SPDX-License-Identifier: MIT
# Writes the library as one file.
#
#   awk -v version=0.1.0 [-v lines=1] -f tools/amalgamate.awk SOURCE... >grpc.c
#
# Run in the root of the tree. The sources come out in the order given, each
# internal header in front of its first user, once. grpc.h stays a file of its
# own. lines=1 adds #line directives, so that a debugger shows the split tree.
# Nothing of the time or the machine goes in: the same tree gives the same
# bytes.

BEGIN {
    if (ARGC < 2 || version == "") {
        fail("usage: awk -v version=N -f amalgamate.awk SOURCE...")
    }
    prologue()
    for (i = 1; i < ARGC; i++) {
        inline_file(ARGV[i])
    }
    exit 0
}

function fail(text)
{
    print "amalgamate: " text | "cat >&2"
    close("cat >&2")
    exit 1
}

function prologue(    i)
{
    print "// SPDX-License-Identifier: MIT"
    print "//"
    print "// cgrpc " version ": the whole library in one file. Compile it as it"
    print "// is, beside grpc.h; link with -lpthread where threads need it. gzip"
    print "// needs zlib: define GRPC_WITH_ZLIB and link with -lz. TLS needs"
    print "// mbedTLS, 2.28 or newer: define GRPC_WITH_MBEDTLS and link with"
    print "// -lmbedtls -lmbedx509 -lmbedcrypto. Only grpc_ names leave the object"
    print "// file."
    print "//"
    print "// Made by `make dist` from the files below: change those, not this."
    print "//"
    for (i = 1; i < ARGC; i++) {
        print "//   " ARGV[i]
    }
    print ""
    print "// The system headers show what the event loop needs."
    print "#if !defined(_GNU_SOURCE)"
    print "# define _GNU_SOURCE 1"
    print "#endif"
    print "#define GRPC_AMALGAMATION 1"
    print ""
    print "// Accessors of headers that no source happens to use."
    print "#if defined(__clang__)"
    print "# pragma clang diagnostic ignored \"-Wunused-function\""
    print "#endif"
    print ""
    print "#include \"grpc.h\""
}

function quoted(line,    parts)
{
    split(line, parts, /["<>]/)
    return parts[2]
}

function is_own_include(line)
{
    return line ~ /^[ \t]*#[ \t]*include[ \t]*"/
}

# 1 for the start of a condition, -1 for its end.
function nesting(line)
{
    return line ~ /^[ \t]*#[ \t]*if/ ? 1 : line ~ /^[ \t]*#[ \t]*endif/ ? -1 : 0
}

# Brings the headers of a file. One that stands inside an #if would be missing
# outside of it; the guard of a header counts as one level.
function inline_headers(path, guard,    line, number, depth, status, name)
{
    while ((status = (getline line < path)) > 0) {
        number++
        depth += nesting(line)
        if (!is_own_include(line)) {
            continue
        }
        name = quoted(line)
        if (name == "grpc.h" || name in inlined) {
            continue
        }
        if (depth > guard) {
            fail(path ":" number ": " name " is included inside an #if")
        }
        inline_file(name)
    }
    close(path)
    if (status < 0) {
        fail("cannot read " path)
    }
    if (depth != 0) {
        fail(path ": #if and #endif do not match")
    }
}

# True for a line that does not go out: an include that came already, a second
# empty line, the licence.
function is_dropped(line, number, depth, guard)
{
    if (number == 1 && line ~ /SPDX-License-Identifier/) {
        return 1
    }
    if (line ~ /^[ \t]*#[ \t]*include[ \t]*</ && depth <= guard) {
        if (quoted(line) in system_seen) {
            return 1
        }
        system_seen[quoted(line)] = 1
    }
    return is_own_include(line) || (line == "" && blank)
}

function inline_file(path,    line, number, depth, guard, stale)
{
    inlined[path] = 1
    guard = path ~ /\.h$/ ? 1 : 0
    inline_headers(path, guard)
    if (!blank) {
        print ""
    }
    print "// ---- " path " " substr(dashes(), 1, 70 - length(path))
    print ""
    blank = 1
    stale = 1
    while ((getline line < path) > 0) {
        number++
        sub(/\r$/, "", line)
        depth += nesting(line)
        if (is_dropped(line, number, depth, guard)) {
            stale = 1
            continue
        }
        if (lines && stale) {
            print "#line " number " \"" path "\""
        }
        stale = 0
        blank = line == ""
        print line
    }
    close(path)
}

function dashes()
{
    return "----------------------------------------------------------------------"
}
