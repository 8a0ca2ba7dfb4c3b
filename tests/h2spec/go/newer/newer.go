// SPDX-License-Identifier: MIT
// What h2spec's newest commit tests of a server, and 2.2.1, the newest version
// that can be had as a module, does not, or does with the wrong bytes. Written
// anew on h2spec's own packages, and stricter: the GOAWAY must come, with that
// code, and the connection must then close.
//
//	newer PORT      of a server on 127.0.0.1
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/log"
	"github.com/summerwind/h2spec/reporter"
	"github.com/summerwind/h2spec/spec"
	"golang.org/x/net/http2"
)

// A request with a bad representation behind its good fields.
type badBlock struct {
	section, name, desc, bytes string
}

var badBlocks = []badBlock{
	{
		"2.3.3", "Index Address Space",
		"Sends a literal header field with the name of an invalid index",
		// With incremental indexing; the name of entry 200, an empty value.
		"\x7f\x89\x01\x00",
	},
	{
		"5.2", "String Literal Representation",
		"Sends a Huffman-encoded string literal with EOS between two symbols",
		// Without indexing: "x" and "a", EOS, "a"; no padding is left.
		"\x00\x01x\x85\x1f\xff\xff\xff\xe3",
	},
}

func verifyGoAway(conn *spec.Conn, code http2.ErrCode) error {
	event, _ := conn.WaitEventByType(spec.EventGoAwayFrame)
	goAway, ok := event.(spec.GoAwayFrameEvent)
	if !ok || goAway.ErrCode != code {
		actual := "nothing"
		if event != nil {
			actual = event.String()
		}
		return &spec.TestError{
			Expected: []string{fmt.Sprintf(spec.ExpectedGoAwayFrame, code)},
			Actual:   actual,
		}
	}
	return spec.VerifyConnectionClose(conn)
}

func group(section, name string, test *spec.TestCase) *spec.TestGroup {
	tg := &spec.TestGroup{Key: "newer", Section: section, Name: name}
	tg.AddTestCase(test)
	return tg
}

func badBlockGroup(bad badBlock) *spec.TestGroup {
	return group(bad.section, bad.name, &spec.TestCase{
		Desc:        bad.desc,
		Requirement: "The endpoint MUST treat this as a decoding error.",
		Run: func(c *config.Config, conn *spec.Conn) error {
			if err := conn.Handshake(); err != nil {
				return err
			}
			block := conn.EncodeHeaders(spec.CommonHeaders(c))
			conn.WriteHeaders(http2.HeadersFrameParam{
				StreamID:      1,
				EndStream:     true,
				EndHeaders:    true,
				BlockFragment: append(block, bad.bytes...),
			})
			return verifyGoAway(conn, http2.ErrCodeCompression)
		},
	})
}

func pingGroup() *spec.TestGroup {
	return group("6.7", "PING", &spec.TestCase{
		Desc:        "Sends a PING frame of 6 octets on stream 0x0",
		Requirement: "The endpoint MUST treat this as a connection error of type FRAME_SIZE_ERROR.",
		Run: func(c *config.Config, conn *spec.Conn) error {
			if err := conn.Handshake(); err != nil {
				return err
			}
			conn.WriteRawFrame(http2.FramePing, 0, 0, make([]byte, 6))
			return verifyGoAway(conn, http2.ErrCodeFrameSize)
		},
	})
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: newer PORT")
		os.Exit(2)
	}
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	c := &config.Config{
		Host:         "127.0.0.1",
		Port:         port,
		Path:         "/",
		Timeout:      2 * time.Second,
		MaxHeaderLen: 4000,
	}
	all := &spec.TestGroup{Key: "newer", Name: "Cases newer than version 2.2.1"}
	for _, bad := range badBlocks {
		all.AddTestGroup(badBlockGroup(bad))
	}
	all.AddTestGroup(pingGroup())
	all.Test(c)
	log.SetIndentLevel(0)
	reporter.Summary([]*spec.TestGroup{all})
	if all.FailedCount > 0 {
		os.Exit(1)
	}
}
