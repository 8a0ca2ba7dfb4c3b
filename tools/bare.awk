# SPDX-License-Identifier: MIT
# Prints a C file without comments and without what stands in strings and
# character constants; line numbers stay.
{
    out = ""
    n = length($0)
    for (i = 1; i <= n; i++) {
        c = substr($0, i, 1)
        two = substr($0, i, 2)
        if (block) {
            if (two == "*/") {
                block = 0
                i++
            }
        } else if (quote != "") {
            if (c == "\\") {
                i++
            } else if (c == quote) {
                quote = ""
                out = out c
            }
        } else if (two == "//") {
            break
        } else if (two == "/*") {
            block = 1
            i++
        } else {
            if (c == "\"" || c == "'") {
                quote = c
            }
            out = out c
        }
    }
    quote = ""
    print out
}
