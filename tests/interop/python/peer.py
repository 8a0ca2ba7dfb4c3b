# SPDX-License-Identifier: MIT
"""Google's C core (grpcio) on its defaults, as the server or the client of
the interop matrix (see ../README.md for what both sides agree on).

    peer.py STUBS server ADDRESS [FLAG...]      127.0.0.1:0, unix:PATH; prints where
    peer.py STUBS client TARGET CASE [FLAG...]  exit status 0 when the case passes

STUBS is the folder with the generated helloworld_pb2.py. The flags are those of
read_flags.
"""

import argparse
import concurrent.futures
import os
import sys
import threading
import time

sys.path.insert(0, sys.argv[1])

import grpc  # noqa: E402
import helloworld_pb2 as messages  # noqa: E402
import helloworld_pb2_grpc as stubs  # noqa: E402

PATIENCE = 20
MEETING = 100

# What a call that was told to fail says. It holds UTF-8 of two, three and
# four bytes, newlines, a percent sign, and one that must not be taken for an
# escape.
ERROR_MESSAGE = "naïve café: 100 % (%41)\nsecond line: 5 €\r\n\t😀 end"

CODES = {code.value[0]: code for code in grpc.StatusCode}


def read_flags(words):
    parser = argparse.ArgumentParser()
    parser.add_argument("--use_tls", choices=["true", "false"])
    parser.add_argument("--ca_file")  # a client's
    parser.add_argument("--tls_cert_file")  # a client's for mutual TLS
    parser.add_argument("--tls_key_file")
    parser.add_argument("--client_ca_file")  # clients must have one of it
    parser.add_argument("--server_host_override")
    return parser.parse_args(words)


def content(path):
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


class Greeter(stubs.GreeterServicer):
    def __init__(self):
        self.seen = None
        self.lock = threading.Lock()
        self.ended = 0  # calls that ended before they were answered
        self.waiting = 0
        self.met = threading.Event()

    def SayHello(self, request, context):
        self.look(context.auth_context())
        verb, _, rest = request.name.partition(":")
        if verb == "die":
            os._exit(0)
        if verb == "ended":
            return hello(str(self.ended))
        if verb == "code":
            context.abort(CODES[int(rest)], ERROR_MESSAGE)
        if verb == "sleep":
            self.wait(context, int(rest) / 1000)
        if verb == "meet":
            return self.meet(context, int(rest))
        return hello(request.name)

    def look(self, identity):
        """Prints who the client is, unless it is that of the call before; the
        version of TLS is not told."""
        if identity.get("transport_security_type") != [b"ssl"]:
            return
        name = identity.get("x509_common_name", [b"nobody"])[0].decode()
        resumed = identity.get("ssl_session_reused") == [b"true"]
        seen = "identity ?,?,%s,%s,?,grpcio %s" % (
            name, "resumed" if resumed else "full", grpc.__version__)
        with self.lock:
            if seen != self.seen:
                print(seen, file=sys.stderr, flush=True)
            self.seen = seen

    def wait(self, context, seconds):
        over = threading.Event()
        if not context.add_callback(over.set) or over.wait(seconds):
            with self.lock:
                self.ended += 1

    def meet(self, context, number):
        """Answers when number calls are open at once, each with its client's
        address."""
        with self.lock:
            met = self.met
            self.waiting += 1
            if self.waiting == number:
                self.waiting, self.met = 0, threading.Event()
                met.set()
        met.wait(PATIENCE)
        return hello(context.peer())


def hello(name):
    return messages.HelloReply(message="Hello " + name)


def open_port(server, address, flags):
    if flags.use_tls != "true":
        return server.add_insecure_port(address)
    pair = content(flags.tls_key_file), content(flags.tls_cert_file)
    return server.add_secure_port(address, grpc.ssl_server_credentials(
        [pair], content(flags.client_ca_file),
        flags.client_ca_file is not None))


def serve(address, flags):
    # Each call that waits holds a thread: the pool is part of the program.
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=MEETING + 4)
    server = grpc.server(pool)
    stubs.add_GreeterServicer_to_server(Greeter(), server)
    port = open_port(server, address, flags)
    server.start()
    if not address.startswith("unix:"):
        address = "127.0.0.1:%d" % port
    print("listening", address, flush=True)
    server.wait_for_termination()


class Wrong(Exception):
    pass


def say(stub, name, seconds=PATIENCE):
    """The reply to name without its "Hello "."""
    reply = stub.SayHello(messages.HelloRequest(name=name), timeout=seconds)
    return ungreet(reply)


def ungreet(reply):
    if not reply.message.startswith("Hello "):
        raise Wrong("a reply that is no greeting: %.80r" % reply.message)
    return reply.message[len("Hello "):]


def expect_echo(stub, name):
    greeted = say(stub, name)
    if greeted != name:
        raise Wrong("%d characters came back for %d: %.80r"
                    % (len(greeted), len(name), greeted))


def expect_code(want, call):
    try:
        call()
    except grpc.RpcError as error:
        if error.code() != want:
            raise Wrong("%s instead of %s: %s"
                        % (error.code(), want, error.details()))
        if not error.details():
            raise Wrong("%s without a message" % want)
        return error.details()
    raise Wrong("OK instead of %s" % want)


def check_ok(channel, stub):
    for name in ("world", "", "Jörg 😀"):
        expect_echo(stub, name)


def check_concurrent(channel, stub):
    request = messages.HelloRequest(name="meet:%d" % MEETING)
    calls = [stub.SayHello.future(request, timeout=PATIENCE)
             for _ in range(MEETING)]
    addresses = {ungreet(call.result()) for call in calls}
    if len(addresses) != 1:
        raise Wrong("calls came from more than one connection: %s"
                    % ", ".join(sorted(addresses)))


def check_large(channel, stub):
    expect_echo(stub, bytes(ord("a") + (i * 7 + i // 251) % 26
                            for i in range(1 << 20)).decode())


def check_codes(channel, stub):
    for number in range(1, 17):
        message = expect_code(CODES[number],
                              lambda: say(stub, "code:%d" % number))
        if message != ERROR_MESSAGE:
            raise Wrong("%s came with the message %r"
                        % (CODES[number], message))


def check_unknown(channel, stub):
    for path in ("/helloworld.Greeter/NoSuch", "/helloworld.NoSuch/SayHello"):
        method = channel.unary_unary(
            path,
            request_serializer=messages.HelloRequest.SerializeToString,
            response_deserializer=messages.HelloReply.FromString)
        request = messages.HelloRequest(name="world")
        expect_code(grpc.StatusCode.UNIMPLEMENTED,
                    lambda: method(request, timeout=PATIENCE))
    expect_echo(stub, "world")


def check_deadline(channel, stub):
    expect_echo(stub, "world")
    began = time.monotonic()
    expect_code(grpc.StatusCode.DEADLINE_EXCEEDED,
                lambda: say(stub, "sleep:5000", seconds=0.05))
    took = time.monotonic() - began
    if not 0.045 <= took <= 2:
        raise Wrong("it took %.3f s" % took)
    await_ended(stub)


def await_ended(stub):
    """Waits until the server says that the handler knows, too."""
    until = time.monotonic() + 3
    while time.monotonic() < until:
        if int(say(stub, "ended")) > 0:
            return
        time.sleep(0.02)
    raise Wrong("the handler was not told that its call ended")


def check_restart(channel, stub):
    expect_echo(stub, "world")
    expect_code(grpc.StatusCode.UNAVAILABLE, lambda: say(stub, "die"))
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return expect_echo(stub, "world")
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            if time.monotonic() > until:
                raise Wrong("it did not come back: %s" % error.details())
        time.sleep(0.05)


def check_show(channel, stub):
    """Passes however its call ends, and says how."""
    try:
        say(stub, "world")
        print("OK")
    except grpc.RpcError as error:
        print(error.code().name, error.details())


CASES = {
    "ok": check_ok,
    "concurrent": check_concurrent,
    "large": check_large,
    "codes": check_codes,
    "unknown": check_unknown,
    "deadline": check_deadline,
    "restart": check_restart,
    "show": check_show,
}


def connect(target, flags):
    if flags.use_tls != "true":
        return grpc.insecure_channel(target)
    name = flags.server_host_override
    return grpc.secure_channel(
        target,
        grpc.ssl_channel_credentials(content(flags.ca_file),
                                     content(flags.tls_key_file),
                                     content(flags.tls_cert_file)),
        [("grpc.ssl_target_name_override", name)] if name else [])


def run_case(target, name, flags):
    with connect(target, flags) as channel:
        CASES[name](channel, stubs.GreeterStub(channel))


def main(arguments):
    try:
        if len(arguments) >= 2 and arguments[0] == "server":
            return serve(arguments[1], read_flags(arguments[2:]))
        if len(arguments) >= 3 and arguments[0] == "client":
            return run_case(arguments[1], arguments[2],
                            read_flags(arguments[3:]))
    except Wrong as wrong:
        return str(wrong)
    except grpc.RpcError as error:
        return "%s: %s" % (error.code(), error.details())
    return __doc__


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]))
