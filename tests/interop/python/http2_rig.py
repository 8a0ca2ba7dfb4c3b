#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A server that misbehaves: the HTTP/2 cases of gRPC's interop suite.

    http2_rig.py CASE [--use_tls=true --tls_cert_file=F --tls_key_file=F]

prints "listening PORT", and serves until SIGTERM.
On SIGTERM it says what its clients did wrong, and its exit status is 1 if that
is anything. Frames are put together by hand, because a library would refuse to
send some of them. It knows no HPACK: of a request it needs no header, and its
own headers are written without compression.
"""

import argparse
import collections
import signal
import socket
import ssl
import struct
import sys
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = \
    0, 1, 3, 4, 6, 7, 8
CONTINUATION = 9
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4
NO_ERROR = 0

# :status 200, content-type application/grpc; grpc-status 0
RESPONSE_HEADERS = b"\x88\x0f\x10\x10application/grpc"
TRAILERS = b"\x00\x0bgrpc-status\x010"

FRAME = 16384


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def large_reply():
    """The reply of large_unary, a SimpleResponse, with its prefix."""
    body = bytes(314159)
    payload = b"\x12" + varint(len(body)) + body
    message = b"\x0a" + varint(len(payload)) + payload
    return b"\x00" + struct.pack(">I", len(message)) + message


REPLY = large_reply()


class Stream:
    def __init__(self, window):
        self.window = window
        self.frames = collections.deque()  # (content, padding) to be sent
        self.after = None  # called when they are


class Connection:
    """One client's connection; rig.case says what is done with a request."""

    def __init__(self, rig, sock):
        self.rig = rig
        self.sock = sock
        self.file = sock.makefile("rb")
        self.window = 65535
        self.initial_window = 65535
        self.streams = {}
        self.requests = 0
        self.pings = set()  # payloads that wait for their ACK
        self.pinged = 0
        self.when_answered = None  # called when no PING waits

    # -- sending --

    def send(self, kind, flags, stream_id, payload):
        self.sock.sendall(
            struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) +
            struct.pack(">I", stream_id) + payload)

    def headers(self, stream_id):
        self.send(HEADERS, END_HEADERS, stream_id, RESPONSE_HEADERS)

    def trailers(self, stream_id):
        del self.streams[stream_id]
        self.send(HEADERS, END_HEADERS | END_STREAM, stream_id, TRAILERS)

    def reset(self, stream_id):
        del self.streams[stream_id]
        self.send(RST_STREAM, 0, stream_id, struct.pack(">I", NO_ERROR))

    def ping(self):
        self.pinged += 1
        payload = struct.pack(">Q", self.pinged)
        self.pings.add(payload)
        self.send(PING, 0, 0, payload)

    def data(self, stream_id, content, after, size=FRAME, padding=None,
             between=lambda: None):
        """Sends content as the windows allow, in frames of that size."""
        stream = self.streams[stream_id]
        stream.between = between
        stream.after = after
        for start in range(0, len(content), size):
            stream.frames.append((content[start:start + size], padding))
        self.pump(stream_id)

    def pump(self, stream_id):
        stream = self.streams[stream_id]
        while stream.frames:
            content, padding = stream.frames[0]
            flags = 0
            if padding is not None:
                flags = PADDED
                content = bytes([padding]) + content + bytes(padding)
            if len(content) > min(self.window, stream.window):
                return
            stream.frames.popleft()
            self.window -= len(content)
            stream.window -= len(content)
            self.send(DATA, flags, stream_id, content)
            stream.between()
        after, stream.after = stream.after, None
        if after is not None:
            after()

    # -- receiving --

    def read(self, size):
        data = self.file.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def run(self):
        if self.read(len(PREFACE)) != PREFACE:
            self.rig.blame("no preface of HTTP/2")
            return
        self.send(SETTINGS, 0, 0, self.rig.case.settings)
        handlers = {DATA: self.on_data, HEADERS: self.on_headers,
                    RST_STREAM: self.on_reset, SETTINGS: self.on_settings,
                    PING: self.on_ping, GOAWAY: self.on_goaway,
                    WINDOW_UPDATE: self.on_window_update}
        while True:
            head = self.read(9)
            size = int.from_bytes(head[:3], "big")
            kind, flags = head[3], head[4]
            stream_id = int.from_bytes(head[5:], "big")
            payload = self.read(size)
            if kind == CONTINUATION or size > FRAME:
                self.rig.blame(f"a frame of type {kind} and {size} bytes")
            if kind in handlers:
                handlers[kind](flags, stream_id, payload)

    def on_headers(self, flags, stream_id, _):
        self.streams[stream_id] = Stream(self.initial_window)
        self.rig.case.on_open(self)
        if flags & END_STREAM:
            self.on_request(stream_id)

    def on_data(self, flags, stream_id, payload):
        if payload:
            credit = struct.pack(">I", len(payload))
            self.send(WINDOW_UPDATE, 0, 0, credit)
            if not flags & END_STREAM:
                self.send(WINDOW_UPDATE, 0, stream_id, credit)
        if flags & END_STREAM and stream_id in self.streams:
            self.on_request(stream_id)

    def on_request(self, stream_id):
        self.requests += 1
        self.rig.requests += 1
        self.rig.case.on_request(self, stream_id)

    def on_reset(self, _, stream_id, payload):
        self.streams.pop(stream_id, None)
        code = int.from_bytes(payload, "big")
        self.rig.blame(f"RST_STREAM of stream {stream_id} with code {code}")

    def on_settings(self, flags, _, payload):
        if flags & ACK:
            return
        for at in range(0, len(payload), 6):
            name, value = struct.unpack_from(">HI", payload, at)
            if name == INITIAL_WINDOW_SIZE:
                for stream in self.streams.values():
                    stream.window += value - self.initial_window
                self.initial_window = value
        self.send(SETTINGS, ACK, 0, b"")

    def on_ping(self, flags, _, payload):
        if not flags & ACK:
            self.send(PING, ACK, 0, payload)
            return
        if payload not in self.pings:
            self.rig.blame("the ACK of a PING that was not sent")
        self.pings.discard(payload)
        if not self.pings and self.when_answered is not None:
            answered, self.when_answered = self.when_answered, None
            answered()

    def on_goaway(self, _, stream_id, payload):
        code = int.from_bytes(payload[4:8], "big")
        if code != NO_ERROR:
            self.rig.blame(f"GOAWAY with code {code}: {payload[8:]!r}")

    def on_window_update(self, _, stream_id, payload):
        credit = int.from_bytes(payload, "big")
        if stream_id == 0:
            self.window += credit
        elif stream_id in self.streams:
            self.streams[stream_id].window += credit
        for each in list(self.streams):
            self.pump(each)


# ---- cases ------------------------------------------------------------------


class Case:
    """Answers as a good server does."""

    settings = b""
    connections = 1  # that a client makes
    requests = (1, 1)  # at least, at most

    def __init__(self, rig):
        self.rig = rig

    def on_open(self, connection):
        pass

    def on_request(self, connection, stream_id):
        self.answer(connection, stream_id)

    def answer(self, connection, stream_id, **shape):
        connection.headers(stream_id)
        connection.data(stream_id, REPLY,
                        lambda: self.on_sent(connection, stream_id), **shape)

    def on_sent(self, connection, stream_id):
        connection.trailers(stream_id)


class Goaway(Case):
    connections = 2
    requests = (2, 2)

    def on_sent(self, connection, stream_id):
        connection.trailers(stream_id)
        if self.rig.requests == 1:
            connection.send(GOAWAY, 0, 0,
                            struct.pack(">II", stream_id, NO_ERROR))
        elif connection.requests > 1:
            self.rig.blame("a call on the connection that got GOAWAY")


class RstAfterHeader(Case):
    def on_request(self, connection, stream_id):
        connection.headers(stream_id)
        connection.reset(stream_id)


class RstDuringData(Case):
    def on_request(self, connection, stream_id):
        connection.headers(stream_id)
        connection.data(stream_id, REPLY[:FRAME * 2],
                        lambda: connection.reset(stream_id))


class RstAfterData(Case):
    def on_sent(self, connection, stream_id):
        connection.reset(stream_id)


class Ping(Case):
    """A PING between all frames; the trailers wait for the last ACK."""

    def on_request(self, connection, stream_id):
        connection.ping()
        connection.headers(stream_id)
        connection.ping()
        connection.data(stream_id, REPLY,
                        lambda: self.on_sent(connection, stream_id),
                        between=connection.ping)

    def on_sent(self, connection, stream_id):
        connection.when_answered = lambda: connection.trailers(stream_id)


class MaxStreams(Case):
    settings = struct.pack(">HI", MAX_CONCURRENT_STREAMS, 1)
    requests = (11, 16)

    def on_open(self, connection):
        if len(connection.streams) > 1:
            self.rig.blame("more than one stream is open")


class DataFramePadding(Case):
    def on_request(self, connection, stream_id):
        self.answer(connection, stream_id, size=5, padding=255)


class NoPadding(Case):
    def on_request(self, connection, stream_id):
        self.answer(connection, stream_id, size=5)


CASES = {
    "goaway": Goaway,
    "rst_after_header": RstAfterHeader,
    "rst_during_data": RstDuringData,
    "rst_after_data": RstAfterData,
    "ping": Ping,
    "max_streams": MaxStreams,
    "data_frame_padding": DataFramePadding,
    "no_df_padding_sanity_test": NoPadding,
}


# ---- the rig ----------------------------------------------------------------


class Rig:
    def __init__(self, flags):
        self.case = CASES[flags.case](self)
        self.tls = None
        if flags.use_tls:
            self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.tls.set_alpn_protocols(["h2"])
            self.tls.load_cert_chain(flags.tls_cert_file, flags.tls_key_file)
        self.faults = []
        self.requests = 0
        self.threads = []

    def blame(self, fault):
        if fault not in self.faults:
            self.faults.append(fault)

    def secure(self, sock):
        if self.tls is None:
            return sock
        sock = self.tls.wrap_socket(sock, server_side=True)
        print("identity %s,%s,nobody,%s,%s,Python's ssl" % (
            sock.version().replace("v", " "), sock.selected_alpn_protocol(),
            "resumed" if sock.session_reused else "full", sock.cipher()[0]),
              flush=True)
        return sock

    def serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock = self.secure(sock)
            Connection(self, sock).run()
        except (EOFError, ConnectionError):
            pass
        except Exception as error:  # pylint: disable=broad-except
            self.blame(f"the rig broke: {error!r}")
        sock.close()

    def accept(self, listener):
        while True:
            sock, _ = listener.accept()
            thread = threading.Thread(target=self.serve, args=[sock],
                                      daemon=True)
            self.threads.append(thread)
            thread.start()

    def judge(self):
        for thread in self.threads:
            thread.join(5)
            if thread.is_alive():
                self.blame("a connection that its client does not close")
        if len(self.threads) != self.case.connections:
            self.blame(f"{len(self.threads)} connections instead of "
                       f"{self.case.connections}")
        least, most = self.case.requests
        if not least <= self.requests <= most:
            self.blame(f"{self.requests} calls instead of {least} to {most}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--use_tls", choices=["true", "false"])
    parser.add_argument("--tls_cert_file")
    parser.add_argument("--tls_key_file")
    flags = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    rig = Rig(flags)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=rig.accept, args=[listener], daemon=True).start()
    print(f"listening {listener.getsockname()[1]}", flush=True)
    signal.sigwait([signal.SIGTERM])
    rig.judge()
    for fault in rig.faults:
        print(f"the client: {fault}", flush=True)
    sys.exit(1 if rig.faults else 0)


main()
