// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// rawCodec leaves messages as they are: any method, any bytes.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(message any) ([]byte, error) {
	return *message.(*[]byte), nil
}

func (rawCodec) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = append([]byte(nil), data...)
	return nil
}

// soakMessage is the n-th message of that size, as tests/soak/soak.c has it.
func soakMessage(n, size int) []byte {
	message := make([]byte, size)
	for i := range message {
		message[i] = byte((i+n%251)*7%251 + 1)
	}
	return message
}

func soakNumber(md metadata.MD, key string) int {
	values := md.Get(key)
	if len(values) == 0 {
		return 0
	}
	number, _ := strconv.Atoi(values[0])
	return number
}

func soakMany(stream grpc.ServerStream, count, size int) error {
	for n := 0; n < count; n++ {
		message := soakMessage(n, size)
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
	return nil
}

// soakReceive hands on each request, until there are no more.
func soakReceive(stream grpc.ServerStream, each func(*[]byte) error) error {
	for {
		var message []byte
		err := stream.RecvMsg(&message)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = each(&message)
		}
		if err != nil {
			return err
		}
	}
}

func soakHandle(_ any, stream grpc.ServerStream) error {
	md, _ := metadata.FromIncomingContext(stream.Context())
	act := md.Get("soak-act")
	if len(act) != 1 {
		return status.Error(codes.InvalidArgument, "no act")
	}
	if trace := md.Get("soak-trace-bin"); len(trace) != 1 || trace[0] != "\x00\xff\x01" {
		return status.Error(codes.DataLoss, "another trace")
	}
	if err := stream.SetHeader(metadata.Pairs("soak-header", act[0])); err != nil {
		return err
	}
	stream.SetTrailer(metadata.Pairs("soak-trailer-bin", "\x00\x01"))
	delay := time.Duration(soakNumber(md, "soak-delay")) * time.Millisecond
	defer time.Sleep(delay)
	switch act[0] {
	case "echo":
		return soakReceive(stream, func(message *[]byte) error {
			return stream.SendMsg(message)
		})
	case "many":
		return soakMany(stream, soakNumber(md, "soak-count"), soakNumber(md, "soak-size"))
	case "sink":
		count := 0
		err := soakReceive(stream, func(*[]byte) error {
			count++
			return nil
		})
		if err != nil {
			return err
		}
		reply := []byte(strconv.Itoa(count))
		return stream.SendMsg(&reply)
	case "fail":
		return soakReceive(stream, func(*[]byte) error {
			return status.Error(codes.FailedPrecondition, "soak")
		})
	}
	<-stream.Context().Done()
	return stream.Context().Err()
}

// soak serves tests/soak/soak.c.
func soak(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	server := grpc.NewServer(
		grpc.ForceServerCodec(rawCodec{}), grpc.UnknownServiceHandler(soakHandle))
	return server.Serve(listener)
}
