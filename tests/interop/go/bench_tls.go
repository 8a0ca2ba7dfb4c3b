// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	hello_pb "google.golang.org/grpc/examples/helloworld/helloworld"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/peer"
)

// What bench/c/tls_server.c and bench/c/tls_client.c do, with the same arguments.
// TLS is as Go has it when nothing is said.

// tlsGreeter tells about memory and protection, too.
type tlsGreeter struct {
	hello_pb.UnimplementedGreeterServer
}

func (tlsGreeter) SayHello(ctx context.Context, request *hello_pb.HelloRequest) (*hello_pb.HelloReply, error) {
	switch request.GetName() {
	case "memory":
		runtime.GC()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		return &hello_pb.HelloReply{Message: fmt.Sprint(memory.HeapAlloc + memory.StackInuse)}, nil
	case "protection":
		return &hello_pb.HelloReply{Message: protection(ctx)}, nil
	}
	return hello(request.GetName())
}

func protection(ctx context.Context) string {
	client, _ := peer.FromContext(ctx)
	info, isTLS := client.AuthInfo.(credentials.TLSInfo)
	if !isTLS {
		return "none "
	}
	text := tls.VersionName(info.State.Version) + " " + tls.CipherSuiteName(info.State.CipherSuite)
	if info.State.DidResume {
		text += " resumed"
	}
	return text
}

// echo answers with the payload that it was sent.
type echo struct {
	pb.UnimplementedBenchmarkServiceServer
}

func (echo) UnaryCall(_ context.Context, request *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	return &pb.SimpleResponse{Payload: request.GetPayload()}, nil
}

func serveTLS(arguments []string) error {
	var options []grpc.ServerOption
	if len(arguments) == 3 {
		identity, err := credentials.NewServerTLSFromFile(arguments[1], arguments[2])
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(identity))
	}
	listener, err := net.Listen("tcp", arguments[0])
	if err != nil {
		return err
	}
	fmt.Printf("listening %s\n", listener.Addr())
	server := grpc.NewServer(options...)
	hello_pb.RegisterGreeterServer(server, tlsGreeter{})
	pb.RegisterBenchmarkServiceServer(server, echo{})
	return server.Serve(listener)
}

// A tlsLoad is what all commands of the client have.
type tlsLoad struct {
	target      string
	transport   credentials.TransportCredentials
	serverClock int32
	began       moment
}

func trust(roots, version string, resume bool) (credentials.TransportCredentials, error) {
	if roots == "-" {
		return insecure.NewCredentials(), nil
	}
	file, err := os.ReadFile(roots)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(file) {
		return nil, errors.New("no roots")
	}
	if version == "12" {
		config.MaxVersion = tls.VersionTLS12
	}
	if resume {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return credentials.NewTLS(config), nil
}

func loadTLS(arguments []string) error {
	transport, err := trust(arguments[2], arguments[3], arguments[5] == "yes")
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(arguments[4])
	if err != nil {
		return err
	}
	l := &tlsLoad{target: arguments[1], transport: transport,
		serverClock: int32(^pid<<3 | 2)} // as clock_getcpuclockid() has it
	numbers := make([]int, 5)
	for i, text := range arguments[5:] {
		if numbers[i], err = strconv.Atoi(text); err != nil && text != "yes" && text != "no" {
			return err
		}
	}
	switch {
	case arguments[0] == "calls" && len(arguments) == 10:
		return l.calls(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])
	case arguments[0] == "connect" && len(arguments) == 7:
		return l.connect(numbers[1])
	}
	return errors.New("usage: see bench/c/tls_client.c")
}

func (l *tlsLoad) now() moment {
	return moment{seconds(l.serverClock), seconds(unix.CLOCK_PROCESS_CPUTIME_ID), seconds(unix.CLOCK_MONOTONIC)}
}

func (l *tlsLoad) printCosts(count int) {
	now := l.now()
	fmt.Printf("%.3f %.3f %.1f ", (now.server-l.began.server)*1e6/float64(count),
		(now.client-l.began.client)*1e6/float64(count), float64(count)/(now.wall-l.began.wall))
}

func (l *tlsLoad) open() (*grpc.ClientConn, error) {
	return grpc.NewClient(l.target, grpc.WithTransportCredentials(l.transport))
}

func ask(connection *grpc.ClientConn, name string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	reply, err := hello_pb.NewGreeterClient(connection).SayHello(ctx, &hello_pb.HelloRequest{Name: name})
	return reply.GetMessage(), err
}

// call makes a call of that size.
func call(connection *grpc.ClientConn, size int) error {
	if size == 0 {
		_, err := hello_pb.NewGreeterClient(connection).SayHello(context.Background(),
			&hello_pb.HelloRequest{Name: "world12345"})
		return err
	}
	response, err := pb.NewBenchmarkServiceClient(connection).UnaryCall(context.Background(),
		&pb.SimpleRequest{ResponseSize: int32(size), Payload: payload(int32(size))})
	if err == nil && len(response.GetPayload().GetBody()) != size {
		return errors.New("that is not the payload that was sent")
	}
	return err
}

func (l *tlsLoad) calls(size, connections, calls, warm, count int) error {
	var lines []*grpc.ClientConn
	told := ""
	for range connections {
		connection, err := l.open()
		if err != nil {
			return err
		}
		defer connection.Close()
		if told, err = ask(connection, "protection"); err != nil {
			return err
		}
		lines = append(lines, connection)
	}
	run := func(count int) error {
		var group sync.WaitGroup
		failed := make(chan error, connections*calls)
		left := make(chan struct{}, count)
		for range count {
			left <- struct{}{}
		}
		close(left)
		for i := range connections * calls {
			group.Add(1)
			go func() {
				defer group.Done()
				for range left {
					if err := call(lines[i%connections], size); err != nil {
						failed <- err
						return
					}
				}
			}()
		}
		group.Wait()
		close(failed)
		return <-failed
	}
	if err := run(warm); err != nil {
		return err
	}
	l.began = l.now()
	if err := run(count - warm); err != nil {
		return err
	}
	l.printCosts(count - warm)
	fmt.Println(told)
	return nil
}

func (l *tlsLoad) connect(count int) error {
	resumed := 0
	for i := range count + 1 {
		if i == 1 {
			l.began, resumed = l.now(), 0
		}
		connection, err := l.open()
		if err != nil {
			return err
		}
		told, err := ask(connection, "protection")
		connection.Close()
		if err != nil {
			return err
		}
		if len(told) > 8 && told[len(told)-8:] == " resumed" {
			resumed++
		}
	}
	l.printCosts(count)
	fmt.Println(resumed)
	return nil
}
