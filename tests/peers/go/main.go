// SPDX-License-Identifier: MIT

// Command peer is grpc-go on its defaults, but for what its flags say, as the
// server or the client of tests/peers (../README.md says what it prints):
//
//	peer server --address 127.0.0.1:0 ...
//	peer client --target 127.0.0.1:1,127.0.0.1:2 ...
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/grpclog"
)

var lines sync.Mutex

// say writes one line at once. Line ends in the text become spaces.
func say(format string, values ...any) {
	text := strings.NewReplacer("\n", " ", "\r", " ").Replace(fmt.Sprintf(format, values...))
	lines.Lock()
	defer lines.Unlock()
	if _, err := os.Stdout.WriteString(text + "\n"); err != nil {
		os.Exit(3) // nobody listens any more
	}
}

// now is seconds of the machine's monotonic clock, which all programs of a case
// share.
func now() float64 {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &at); err != nil {
		fail(err)
	}
	return float64(at.Sec) + float64(at.Nsec)/1e9
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

// onInputEnd calls ended when who has started the program wants it to end, or is
// gone.
func onInputEnd(ended func()) {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		ended()
	}()
}

// logLines has grpc-go's own log among the lines.
type logLines struct{ level string }

func (l logLines) Write(text []byte) (int, error) {
	say("log %s %.6f %s", l.level, now(), text)
	return len(text), nil
}

func milliseconds(count *uint) time.Duration {
	return time.Duration(*count) * time.Millisecond
}

func main() {
	roles := map[string]func(*flag.FlagSet, []string) error{"server": serve, "client": call}
	if len(os.Args) < 2 || roles[os.Args[1]] == nil {
		fail(fmt.Errorf("usage: peer server|client --flag value ..."))
	}
	grpclog.SetLoggerV2(grpclog.NewLoggerV2WithVerbosity(
		logLines{"info"}, logLines{"warning"}, logLines{"error"}, 0))
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	if err := roles[os.Args[1]](flags, os.Args[2:]); err != nil {
		fail(err)
	}
}
