// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	pb "google.golang.org/grpc/examples/helloworld/helloworld"
	"google.golang.org/grpc/status"
)

const patience = 20 * time.Second

type client struct {
	target     string
	options    []grpc.DialOption
	connection *grpc.ClientConn
	greeter    pb.GreeterClient
}

func runCase(target, name string, flags []string) error {
	cases := map[string]func(*client) error{
		"ok":         checkOK,
		"concurrent": checkConcurrent,
		"large":      checkLarge,
		"codes":      checkCodes,
		"unknown":    checkUnknown,
		"deadline":   checkDeadline,
		"restart":    checkRestart,
		"show":       checkShow,
		"resume":     checkResume,
	}
	check, known := cases[name]
	if !known {
		return fmt.Errorf("no case %q", name)
	}
	security, err := readSecurity(flags)
	if err != nil {
		return err
	}
	options, err := security.options(name == "resume")
	if err != nil {
		return err
	}
	c := &client{target: target, options: options}
	if err := c.connect(); err != nil {
		return err
	}
	defer func() { c.connection.Close() }()
	return check(c)
}

func (c *client) connect() error {
	connection, err := grpc.NewClient(c.target, c.options...)
	if err != nil {
		return err
	}
	c.connection, c.greeter = connection, pb.NewGreeterClient(connection)
	return nil
}

// say is the reply to name without its "Hello ".
func (c *client) say(name string, limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	reply, err := c.greeter.SayHello(ctx, &pb.HelloRequest{Name: name})
	if err != nil {
		return "", err
	}
	greeted, isGreeting := strings.CutPrefix(reply.GetMessage(), "Hello ")
	if !isGreeting {
		return "", fmt.Errorf("a reply that is no greeting: %.80q", reply.GetMessage())
	}
	return greeted, nil
}

func (c *client) expectEcho(name string) error {
	greeted, err := c.say(name, patience)
	if err == nil && greeted != name {
		err = fmt.Errorf("%d bytes came back for %d: %.80q", len(greeted), len(name), greeted)
	}
	return err
}

func expectCode(err error, want codes.Code) error {
	if got := status.Code(err); got != want {
		return fmt.Errorf("%v instead of %v: %v", got, want, err)
	}
	if status.Convert(err).Message() == "" {
		return fmt.Errorf("%v without a message", want)
	}
	return nil
}

func checkOK(c *client) error {
	for _, name := range []string{"world", "", "Jörg 😀"} {
		if err := c.expectEcho(name); err != nil {
			return err
		}
	}
	return nil
}

func checkConcurrent(c *client) error {
	const calls = 100
	type outcome struct {
		address string
		err     error
	}
	outcomes := make(chan outcome, calls)
	for range calls {
		go func() {
			address, err := c.say(fmt.Sprintf("meet:%d", calls), patience)
			outcomes <- outcome{address, err}
		}()
	}
	first := <-outcomes
	for range calls - 1 {
		next := <-outcomes
		if first.err == nil && next != first {
			first = next
			if first.err == nil {
				first.err = fmt.Errorf("calls came from more than one connection")
			}
		}
	}
	return first.err
}

func checkLarge(c *client) error {
	name := make([]byte, 1<<20)
	for i := range name {
		name[i] = byte('a' + (i*7+i/251)%26)
	}
	return c.expectEcho(string(name))
}

func checkCodes(c *client) error {
	for code := codes.Code(1); code <= 16; code++ {
		_, err := c.say(fmt.Sprintf("code:%d", code), patience)
		if err := expectCode(err, code); err != nil {
			return err
		}
		if got := status.Convert(err).Message(); got != errorMessage {
			return fmt.Errorf("%v came with the message %q", code, got)
		}
	}
	return nil
}

func checkUnknown(c *client) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, path := range []string{"/helloworld.Greeter/NoSuch", "/helloworld.NoSuch/SayHello"} {
		err := c.connection.Invoke(ctx, path, &pb.HelloRequest{Name: "world"}, &pb.HelloReply{})
		if err := expectCode(err, codes.Unimplemented); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return c.expectEcho("world")
}

func checkDeadline(c *client) error {
	if err := c.expectEcho("world"); err != nil {
		return err
	}
	began := time.Now()
	_, err := c.say("sleep:5000", 50*time.Millisecond)
	took := time.Since(began)
	if err := expectCode(err, codes.DeadlineExceeded); err != nil {
		return err
	}
	if took < 45*time.Millisecond || took > 2*time.Second {
		return fmt.Errorf("it took %v", took)
	}
	return c.awaitEnded()
}

// awaitEnded waits until the server says that the handler knows, too.
func (c *client) awaitEnded() error {
	for began := time.Now(); time.Since(began) < 3*time.Second; time.Sleep(20 * time.Millisecond) {
		greeted, err := c.say("ended", patience)
		if err != nil {
			return err
		}
		if ended, _ := strconv.Atoi(greeted); ended > 0 {
			return nil
		}
	}
	return fmt.Errorf("the handler was not told that its call ended")
}

func checkRestart(c *client) error {
	if err := c.expectEcho("world"); err != nil {
		return err
	}
	_, err := c.say("die", patience)
	if err := expectCode(err, codes.Unavailable); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < patience; time.Sleep(50 * time.Millisecond) {
		if err = c.expectEcho("world"); err == nil {
			return nil
		}
		if err := expectCode(err, codes.Unavailable); err != nil {
			return err
		}
	}
	return fmt.Errorf("it did not come back: %w", err)
}

// checkShow passes however its call ends, and says how.
func checkShow(c *client) error {
	_, err := c.say("world", patience)
	fmt.Println(strings.ToUpper(status.Code(err).String()), status.Convert(err).Message())
	return nil
}

// checkResume makes two connections, with the same credentials.
func checkResume(c *client) error {
	if err := c.expectEcho("world"); err != nil {
		return err
	}
	c.connection.Close()
	if err := c.connect(); err != nil {
		return err
	}
	return c.expectEcho("again")
}
