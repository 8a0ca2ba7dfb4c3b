// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// streamer is the server of the benchmark's streams (bench/proto).
type streamer struct {
	pb.UnimplementedBenchmarkServiceServer
}

func serveStreams(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("listening %s\n", listener.Addr())
	server := grpc.NewServer()
	pb.RegisterBenchmarkServiceServer(server, streamer{})
	return server.Serve(listener)
}

func payload(size int32) *pb.Payload {
	return &pb.Payload{Body: make([]byte, size)}
}

func (streamer) StreamingCall(stream pb.BenchmarkService_StreamingCallServer) error {
	response := &pb.SimpleResponse{}
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if size := request.GetResponseSize(); int(size) != len(response.GetPayload().GetBody()) {
			response.Payload = payload(size)
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

func (streamer) StreamingFromClient(stream pb.BenchmarkService_StreamingFromClientServer) error {
	for {
		_, err := stream.Recv()
		if err == io.EOF {
			return stream.SendAndClose(&pb.SimpleResponse{})
		}
		if err != nil {
			return err
		}
	}
}

func (streamer) StreamingFromServer(request *pb.SimpleRequest, stream pb.BenchmarkService_StreamingFromServerServer) error {
	response := &pb.SimpleResponse{Payload: payload(request.GetResponseSize())}
	for {
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

// A moment holds CPU seconds of the server and of this process, and seconds.
type moment struct {
	server, client, wall float64
}

type load struct {
	client       pb.BenchmarkServiceClient
	serverClock  int32
	size         int32
	warm, count  int
	moved        int // messages so far
	began, ended moment
}

func seconds(clock int32) float64 {
	var now unix.Timespec
	if err := unix.ClockGettime(clock, &now); err != nil {
		panic(err)
	}
	return float64(now.Nano()) / 1e9
}

func (l *load) now() moment {
	return moment{seconds(l.serverClock), seconds(unix.CLOCK_PROCESS_CPUTIME_ID), seconds(unix.CLOCK_MONOTONIC)}
}

// next counts one message; false: that was the last.
func (l *load) next() bool {
	l.moved++
	if l.moved == l.warm {
		l.began = l.now()
	}
	return l.moved < l.count
}

// loadStreams does what bench/c/stream_client.c does, with the same arguments.
func loadStreams(arguments []string) error {
	var numbers [4]int
	for i := range numbers {
		number, err := strconv.Atoi(arguments[2+i])
		if err != nil {
			return err
		}
		numbers[i] = number
	}
	connection, err := grpc.NewClient(arguments[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	l := &load{
		client: pb.NewBenchmarkServiceClient(connection),
		size:   int32(numbers[0]), warm: numbers[1], count: numbers[2],
		serverClock: int32(^numbers[3]<<3 | 2), // as clock_getcpuclockid() has it
	}
	kinds := map[string]func(context.Context) error{"down": l.down, "up": l.up, "pingpong": l.pingpong}
	kind, known := kinds[arguments[1]]
	if !known {
		return fmt.Errorf("no kind %q", arguments[1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := kind(ctx); err != nil {
		return err
	}
	count := float64(l.count - l.warm)
	fmt.Printf("%.3f %.3f %.1f\n", (l.ended.server-l.began.server)*1e6/count,
		(l.ended.client-l.began.client)*1e6/count, count/(l.ended.wall-l.began.wall))
	return nil
}

func (l *load) check(response *pb.SimpleResponse) error {
	if size := len(response.GetPayload().GetBody()); size != int(l.size) {
		return fmt.Errorf("a message of %d bytes", size)
	}
	return nil
}

func (l *load) down(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := l.client.StreamingFromServer(ctx, &pb.SimpleRequest{ResponseSize: l.size})
	if err != nil {
		return err
	}
	for goesOn := true; goesOn; goesOn = l.next() {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := l.check(response); err != nil {
			return err
		}
	}
	l.ended = l.now()
	cancel()
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled && err != nil {
		return err
	}
	return nil
}

func (l *load) up(ctx context.Context) error {
	stream, err := l.client.StreamingFromClient(ctx)
	if err != nil {
		return err
	}
	request := &pb.SimpleRequest{Payload: payload(l.size)}
	for goesOn := true; goesOn; goesOn = l.next() {
		if err := stream.Send(request); err != nil {
			return err
		}
	}
	_, err = stream.CloseAndRecv()
	l.ended = l.now()
	return err
}

func (l *load) pingpong(ctx context.Context) error {
	stream, err := l.client.StreamingCall(ctx)
	if err != nil {
		return err
	}
	request := &pb.SimpleRequest{ResponseSize: l.size, Payload: payload(l.size)}
	for goesOn := true; goesOn; goesOn = l.next() {
		if err := stream.Send(request); err != nil {
			return err
		}
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := l.check(response); err != nil {
			return err
		}
	}
	l.ended = l.now()
	return stream.CloseSend()
}
