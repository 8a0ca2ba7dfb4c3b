// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"flag"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

type testServer struct {
	pb.UnimplementedTestServiceServer
	begun, answered, cut atomic.Int64
}

// answer is one call.
type answer struct {
	server *testServer
	ctx    context.Context
	id     string
	sleep  time.Duration // before each reply
}

func text(ctx context.Context, key string) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if values := md.Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

func (s *testServer) begin(ctx context.Context) *answer {
	number, _ := strconv.Atoi(text(ctx, "peers-sleep-ms"))
	a := &answer{s, ctx, text(ctx, "peers-id"), time.Duration(number) * time.Millisecond}
	client, _ := peer.FromContext(ctx)
	s.begun.Add(1)
	say("begin %s %.6f %s", a.id, now(), client.Addr)
	return a
}

// wait is over before a reply may be sent, or when the call is.
func (a *answer) wait() error {
	select {
	case <-time.After(a.sleep):
		return a.ctx.Err()
	case <-a.ctx.Done():
		return a.ctx.Err()
	}
}

// end tells how the call has ended: grpc-go knows that it could not answer when
// the context is over or a send has failed.
func (a *answer) end(err error) error {
	if err == nil {
		a.server.answered.Add(1)
		say("answered %s %.6f", a.id, now())
		return nil
	}
	a.server.cut.Add(1)
	say("cut %s %.6f", a.id, now())
	return err
}

func payload(size int32) *pb.Payload {
	return &pb.Payload{Body: make([]byte, size)}
}

func (s *testServer) UnaryCall(ctx context.Context, request *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	a := s.begin(ctx)
	reply := &pb.SimpleResponse{Payload: payload(request.GetResponseSize())}
	return reply, a.end(a.wait())
}

func (s *testServer) StreamingInputCall(stream pb.TestService_StreamingInputCallServer) error {
	a := s.begin(stream.Context())
	sum := 0
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return a.end(err)
		}
		sum += len(request.GetPayload().GetBody())
	}
	if err := a.wait(); err != nil {
		return a.end(err)
	}
	return a.end(stream.SendAndClose(&pb.StreamingInputCallResponse{AggregatedPayloadSize: int32(sum)}))
}

func (s *testServer) StreamingOutputCall(request *pb.StreamingOutputCallRequest, stream pb.TestService_StreamingOutputCallServer) error {
	a := s.begin(stream.Context())
	for _, wanted := range request.GetResponseParameters() {
		if err := a.wait(); err != nil {
			return a.end(err)
		}
		if err := stream.Send(&pb.StreamingOutputCallResponse{Payload: payload(wanted.GetSize())}); err != nil {
			return a.end(err)
		}
	}
	return a.end(a.wait())
}

func (s *testServer) FullDuplexCall(stream pb.TestService_FullDuplexCallServer) error {
	a := s.begin(stream.Context())
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			return a.end(nil)
		}
		if err == nil {
			err = a.wait()
		}
		for _, wanted := range request.GetResponseParameters() {
			if err == nil {
				err = stream.Send(&pb.StreamingOutputCallResponse{Payload: payload(wanted.GetSize())})
			}
		}
		if err != nil {
			return a.end(err)
		}
	}
}

func serve(flags *flag.FlagSet, args []string) error {
	address := flags.String("address", "127.0.0.1:0", "several, with commas between")
	maxIdle := flags.Uint("max-idle-ms", 0, "")
	maxAge := flags.Uint("max-age-ms", 0, "")
	maxAgeGrace := flags.Uint("max-age-grace-ms", 0, "")
	keepaliveTime := flags.Uint("keepalive-ms", 0, "")
	keepaliveTimeout := flags.Uint("keepalive-timeout-ms", 0, "")
	keepaliveMin := flags.Uint("keepalive-min-ms", 0, "")
	withoutCalls := flags.Uint("keepalive-without-calls", 0, "")
	maxStreams := flags.Uint("max-streams", 0, "")
	_ = flags.Parse(args)
	// 0 is grpc-go's own word for its defaults.
	options := []grpc.ServerOption{
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle:     milliseconds(maxIdle),
			MaxConnectionAge:      milliseconds(maxAge),
			MaxConnectionAgeGrace: milliseconds(maxAgeGrace),
			Time:                  milliseconds(keepaliveTime),
			Timeout:               milliseconds(keepaliveTimeout),
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime:             milliseconds(keepaliveMin),
			PermitWithoutStream: *withoutCalls != 0,
		}),
	}
	if *maxStreams != 0 {
		options = append(options, grpc.MaxConcurrentStreams(uint32(*maxStreams)))
	}
	server := grpc.NewServer(options...)
	tests := &testServer{}
	pb.RegisterTestServiceServer(server, tests)
	onInputEnd(func() { os.Exit(0) })
	ended := make(chan error)
	addresses := strings.Split(*address, ",")
	for i, each := range addresses {
		listener, err := net.Listen("tcp", each)
		if err != nil {
			return err
		}
		go func() { ended <- server.Serve(listener) }()
		if i == len(addresses)-1 {
			say("listening %d", listener.Addr().(*net.TCPAddr).Port)
		}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		say("draining %.6f", now())
		server.GracefulStop()
		say("done %d %d %d", tests.begun.Load(), tests.answered.Load(), tests.cut.Load())
		os.Exit(0)
	}()
	if err := <-ended; err != nil {
		return err
	}
	select {} // until GracefulStop has returned
}
