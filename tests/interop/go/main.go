// SPDX-License-Identifier: MIT

// Command peer is grpc-go on its defaults, as the server or the client of the
// interop matrix (see ../README.md for what both sides agree on).
//
//	peer server ADDRESS [FLAG...]      127.0.0.1:0, unix:PATH; prints where it listens
//	peer client TARGET CASE [FLAG...]  exit status 0 when the case passes
//
// with the flags of tls.go,
// or of the benchmark's streams:
//
//	peer streams ADDRESS
//	peer stream TARGET KIND SIZE WARM COUNT SERVER_PID
//
// or of the benchmark over TLS (bench_tls.go):
//
//	peer tls-server ADDRESS [CERTIFICATE KEY]
//	peer tls-client calls|connect TARGET ...
//
// or of others:
//
//	peer soak ADDRESS        the server of tests/soak; prints its port
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) >= 2 && args[0] == "server":
		return serve(args[1], args[2:])
	case len(args) == 2 && args[0] == "soak":
		return soak(args[1])
	case len(args) >= 3 && args[0] == "client":
		return runCase(args[1], args[2], args[3:])
	case len(args) == 2 && args[0] == "streams":
		return serveStreams(args[1])
	case len(args) == 7 && args[0] == "stream":
		return loadStreams(args[1:])
	case (len(args) == 2 || len(args) == 4) && args[0] == "tls-server":
		return serveTLS(args[1:])
	case len(args) > 7 && args[0] == "tls-client":
		return loadTLS(args[1:])
	}
	return fmt.Errorf("usage: peer server ADDRESS | client TARGET CASE | streams ADDRESS | stream TARGET ...")
}

// errorMessage is what a call that was told to fail says. It holds UTF-8 of
// two, three and four bytes, newlines, a percent sign, and one that must not
// be taken for an escape.
const errorMessage = "naïve café: 100 % (%41)\nsecond line: 5 €\r\n\t😀 end"
