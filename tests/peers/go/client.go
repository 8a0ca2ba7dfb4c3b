// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
)

type client struct {
	stub                     pb.TestServiceClient
	pace, sleep, most, limit time.Duration
	size                     int32
	messages                 int
	tag, kind, wait          string
	calls, slow              uint
	started, ended           atomic.Int64
	stop                     chan struct{}
}

var errWrong = errors.New("OK, but not the replies that it had to bring")

// ---- The four kinds ---------------------------------------------------------

func (c *client) body() *pb.Payload { return payload(c.size) }

func (c *client) check(messages, got int, bytes int64) error {
	if got != messages || bytes != int64(c.messages)*int64(c.size) {
		return errWrong
	}
	return nil
}

func (c *client) unary(ctx context.Context, options ...grpc.CallOption) error {
	reply, err := c.stub.UnaryCall(ctx, &pb.SimpleRequest{Payload: c.body(), ResponseSize: c.size}, options...)
	if err == nil && len(reply.GetPayload().GetBody()) != int(c.size) {
		return errWrong
	}
	return err
}

func (c *client) server(ctx context.Context, options ...grpc.CallOption) error {
	request := &pb.StreamingOutputCallRequest{}
	for i := 0; i < c.messages; i++ {
		request.ResponseParameters = append(request.ResponseParameters, &pb.ResponseParameters{Size: c.size})
	}
	stream, err := c.stub.StreamingOutputCall(ctx, request, options...)
	if err != nil {
		return err
	}
	count, bytes := 0, int64(0)
	for {
		reply, err := stream.Recv()
		if err == io.EOF {
			return c.check(c.messages, count, bytes)
		}
		if err != nil {
			return err
		}
		count++
		bytes += int64(len(reply.GetPayload().GetBody()))
	}
}

func (c *client) client(ctx context.Context, options ...grpc.CallOption) error {
	stream, err := c.stub.StreamingInputCall(ctx, options...)
	if err != nil {
		return err
	}
	for i := 0; i < c.messages; i++ {
		// io.EOF: the call has ended; CloseAndRecv tells how.
		if err := stream.Send(&pb.StreamingInputCallRequest{Payload: c.body()}); err != nil && err != io.EOF {
			return err
		}
	}
	reply, err := stream.CloseAndRecv()
	if err != nil {
		return err
	}
	return c.check(1, 1, int64(reply.GetAggregatedPayloadSize()))
}

func (c *client) bidi(ctx context.Context, options ...grpc.CallOption) error {
	stream, err := c.stub.FullDuplexCall(ctx, options...)
	if err != nil {
		return err
	}
	bytes := int64(0)
	for i := 0; i < c.messages; i++ {
		request := &pb.StreamingOutputCallRequest{
			Payload:            c.body(),
			ResponseParameters: []*pb.ResponseParameters{{Size: c.size}},
		}
		if err := stream.Send(request); err != nil && err != io.EOF {
			return err
		}
		reply, err := stream.Recv()
		if err == io.EOF {
			return errWrong
		}
		if err != nil {
			return err
		}
		bytes += int64(len(reply.GetPayload().GetBody()))
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if _, err := stream.Recv(); err != io.EOF {
		if err == nil {
			return errWrong
		}
		return err
	}
	return c.check(c.messages, c.messages, bytes)
}

// ---- The slots --------------------------------------------------------------

func (c *client) kinds(slot uint) (string, func(context.Context, ...grpc.CallOption) error) {
	names := []string{"unary", "server", "client", "bidi"}
	kinds := []func(context.Context, ...grpc.CallOption) error{c.unary, c.server, c.client, c.bidi}
	for i, name := range names {
		if name == c.kind {
			return name, kinds[i]
		}
	}
	return names[slot%4], kinds[slot%4]
}

// one makes one call and tells how it has ended.
func (c *client) one(slot, number uint) {
	name, run := c.kinds(slot)
	waits := c.wait == "all" || c.wait == "half" && slot/4%2 == 1
	sleep := c.sleep
	if number >= c.slow {
		sleep = 0
	}
	if c.most > sleep {
		sleep += time.Duration(rand.Int63n(int64(c.most - sleep)))
	}
	id := fmt.Sprintf("%s-%d-%d", c.tag, slot, number)
	ctx, cancel := context.WithTimeout(context.Background(), c.limit)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx,
		"peers-id", id, "peers-sleep-ms", fmt.Sprint(sleep.Milliseconds()))
	c.started.Add(1)
	began := now()
	err := run(ctx, grpc.WaitForReady(waits))
	code := "OK"
	message := ""
	if err == errWrong {
		code, message = "WRONG", err.Error()
	} else if err != nil {
		code = codeName(status.Code(err).String())
		message = status.Convert(err).Message()
	}
	mode := map[bool]string{true: "wait", false: "fast"}[waits]
	c.ended.Add(1)
	say("call %s %s %s %s %.6f %.6f %s", id, name, mode, code, began, now(), message)
}

// codeName makes "DEADLINE_EXCEEDED" of "DeadlineExceeded".
func codeName(name string) string {
	var out strings.Builder
	for i, letter := range name {
		if i > 0 && letter >= 'A' && letter <= 'Z' && name != "OK" {
			out.WriteByte('_')
		}
		out.WriteRune(letter)
	}
	return strings.ToUpper(out.String())
}

func (c *client) slot(number uint) {
	for made := uint(0); c.calls == 0 || made < c.calls; made++ {
		select {
		case <-c.stop:
			return
		default:
		}
		c.one(number, made)
		select {
		case <-c.stop:
			return
		case <-time.After(c.pace):
		}
	}
}

// ---- The program ------------------------------------------------------------

func watch(conn *grpc.ClientConn) {
	for state := conn.GetState(); state != connectivity.Shutdown; state = conn.GetState() {
		say("state %.6f %s", now(), state)
		conn.WaitForStateChange(context.Background(), state)
	}
}

// dial knows several addresses, with commas between, as our "ipv4:" does.
func dial(target string, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	addresses := strings.Split(strings.TrimPrefix(target, "ipv4:"), ",")
	if len(addresses) == 1 {
		return grpc.NewClient(target, options...)
	}
	named := manual.NewBuilderWithScheme("peers")
	state := resolver.State{}
	for _, address := range addresses {
		state.Addresses = append(state.Addresses, resolver.Address{Addr: address})
	}
	named.InitialState(state)
	return grpc.NewClient("peers:///peers", append(options, grpc.WithResolvers(named))...)
}

func call(flags *flag.FlagSet, args []string) error {
	target := flags.String("target", "", "")
	kind := flags.String("kind", "mixed", "")
	wait := flags.String("wait-for-ready", "none", "")
	tag := flags.String("tag", "c", "")
	concurrency := flags.Uint("concurrency", 1, "")
	calls := flags.Uint("calls", 0, "")
	pace := flags.Uint("pace-ms", 5, "")
	sleep := flags.Uint("sleep-ms", 0, "")
	most := flags.Uint("sleep-most-ms", 0, "")
	slow := flags.Uint("slow-calls", math.MaxUint, "")
	limit := flags.Uint("timeout-ms", 20000, "")
	size := flags.Uint("size", 100, "")
	messages := flags.Uint("messages", 3, "")
	keepaliveTime := flags.Uint("keepalive-ms", 0, "")
	keepaliveTimeout := flags.Uint("keepalive-timeout-ms", 0, "")
	withoutCalls := flags.Uint("keepalive-without-calls", 0, "")
	idle := flags.Uint("idle-timeout-ms", 0, "")
	_ = flags.Parse(args)
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if *keepaliveTime != 0 {
		options = append(options, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time:                milliseconds(keepaliveTime),
			Timeout:             milliseconds(keepaliveTimeout),
			PermitWithoutStream: *withoutCalls != 0,
		}))
	}
	if *idle != 0 {
		options = append(options, grpc.WithIdleTimeout(milliseconds(idle)))
	}
	conn, err := dial(*target, options...)
	if err != nil {
		return err
	}
	c := &client{
		stub: pb.NewTestServiceClient(conn),
		pace: milliseconds(pace), sleep: milliseconds(sleep), most: milliseconds(most), limit: milliseconds(limit),
		size: int32(*size), messages: int(*messages), tag: *tag, kind: *kind, wait: *wait, calls: *calls, slow: *slow,
		stop: make(chan struct{}),
	}
	onInputEnd(func() { close(c.stop) })
	go watch(conn)
	var slots sync.WaitGroup
	for number := uint(0); number < *concurrency; number++ {
		slots.Add(1)
		go func() {
			defer slots.Done()
			c.slot(number)
		}()
	}
	slots.Wait()
	if err := conn.Close(); err != nil {
		return err
	}
	say("done %d %d", c.started.Load(), c.ended.Load())
	return nil
}
