// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	pb "google.golang.org/grpc/examples/helloworld/helloworld"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

type greeter struct {
	pb.UnimplementedGreeterServer
	ended   atomic.Int64 // calls that ended before they were answered
	mutex   sync.Mutex
	waiting int
	met     chan struct{} // closed when all have met
}

func serve(address string, flags []string) error {
	security, err := readSecurity(flags)
	if err != nil {
		return err
	}
	network := "tcp"
	if path, isUnix := strings.CutPrefix(address, "unix:"); isUnix {
		network, address = "unix", path
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	if network == "unix" {
		fmt.Printf("listening unix:%s\n", address)
	} else {
		fmt.Printf("listening %s\n", listener.Addr())
	}
	server, listener, err := security.server(listener)
	if err != nil {
		return err
	}
	pb.RegisterGreeterServer(server, &greeter{met: make(chan struct{})})
	return server.Serve(listener)
}

func (g *greeter) SayHello(ctx context.Context, request *pb.HelloRequest) (*pb.HelloReply, error) {
	verb, rest, _ := strings.Cut(request.GetName(), ":")
	number, err := strconv.Atoi(rest)
	if verb == "die" {
		os.Exit(0)
	}
	if verb == "ended" {
		return hello(fmt.Sprint(g.ended.Load()))
	}
	if err != nil {
		return hello(request.GetName())
	}
	switch verb {
	case "code":
		return nil, status.Error(codes.Code(number), errorMessage)
	case "sleep":
		return g.wait(ctx, request.GetName(), time.After(time.Duration(number)*time.Millisecond))
	case "meet":
		return g.meet(ctx, number)
	}
	return hello(request.GetName())
}

func hello(name string) (*pb.HelloReply, error) {
	return &pb.HelloReply{Message: "Hello " + name}, nil
}

func (g *greeter) wait(ctx context.Context, name string, due <-chan time.Time) (*pb.HelloReply, error) {
	select {
	case <-due:
		return hello(name)
	case <-ctx.Done():
		g.ended.Add(1)
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// meet answers when number calls are open at once, each with its client's
// address.
func (g *greeter) meet(ctx context.Context, number int) (*pb.HelloReply, error) {
	g.mutex.Lock()
	met := g.met
	g.waiting++
	if g.waiting == number {
		g.waiting, g.met = 0, make(chan struct{})
		close(met)
	}
	g.mutex.Unlock()
	select {
	case <-met:
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	client, _ := peer.FromContext(ctx)
	return hello(client.Addr.String())
}
