// SPDX-License-Identifier: MIT
// NO_PROXY: which hosts are reached without a proxy. There is no standard; this
// takes what grpc-go takes (Go's package httpproxy), a list with commas of
//
//   *                     every host
//   example.com           that host and all names below it
//   .example.com          the names below it; so does *.example.com
//   10.0.0.1, fe80::1     that address
//   10.0.0.0/8, fe80::/10 these addresses
//   each but * and those with a slash with :port for that port alone; an IPv6
//   address then stands in brackets
//
// "localhost" and loopback addresses are never reached through a proxy. Names
// are compared as they are written: none is looked up, and one that is not ASCII
// matches nothing.

#ifndef CORE_NO_PROXY_H
#define CORE_NO_PROXY_H

#include <stdbool.h>

#include "base/linkage.h"

// no_proxy_covers: the host, a name or an IP address without brackets, is
// reached directly. list: NULL for none. port is decimal, and compared as text.
INTERNAL MUST_CHECK bool no_proxy_covers(const char *list, const char *host,
                                         const char *port);

#endif
