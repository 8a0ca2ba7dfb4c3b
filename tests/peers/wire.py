# SPDX-License-Identifier: MIT
"""Ends of HTTP/2 that do what no library would do: a server whose connections
are played by a function, and a client. They know no HPACK but literals."""

import contextlib
import fcntl
import socket
import struct
import termios
import threading
import time

import rig

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = \
    0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM = \
    0, 1, 2, 7, 11

# :status 200 and content-type application/grpc; grpc-status 0.
RESPONSE_HEADERS = b"\x88\x0f\x10\x10application/grpc"
TRAILERS = b"\x00\x0bgrpc-status\x010"
# A SimpleResponse with an empty payload: what a call of size 0 expects.
REPLY = b"\x00\x00\x00\x00\x02\x0a\x00"


class Frame:
    def __init__(self, kind, flags, stream, content):
        self.kind, self.flags, self.stream, self.content = \
            kind, flags, stream, content
        self.at = time.monotonic()

    def goaway(self):
        """(last id, code, debug data)"""
        last, code = struct.unpack(">II", self.content[:8])
        return last, code, self.content[8:].decode(errors="replace")


class End:
    """One end of a connection."""

    def __init__(self, sock):
        sock.settimeout(30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.file = sock.makefile("rb")

    def send(self, kind, flags, stream, content=b""):
        self.sock.sendall(struct.pack(">I", len(content))[1:] +
                          bytes([kind, flags]) + struct.pack(">I", stream) +
                          content)

    def read(self):
        """The next frame, None at the end. SETTINGS and PING are answered."""
        with contextlib.suppress(OSError):
            head = self.file.read(9)
            if len(head) < 9:
                return None
            size = int.from_bytes(head[:3], "big")
            frame = Frame(head[3], head[4], int.from_bytes(head[5:], "big"),
                          self.file.read(size))
            if frame.kind in (SETTINGS, PING) and not frame.flags & ACK:
                self.send(frame.kind, ACK, 0,
                          frame.content if frame.kind == PING else b"")
            return frame
        return None

    def read_until(self, kind, matches=lambda frame: True):
        """The next frame of that kind, without those in between."""
        while (frame := self.read()) is not None:
            if frame.kind == kind and matches(frame):
                return frame
        return None

    def request(self):
        """Waits for a request's headers; returns the stream."""
        frame = self.read_until(HEADERS)
        return None if frame is None else frame.stream

    def whole_request(self):
        """Waits for a request to its end; returns the stream."""
        while (frame := self.read()) is not None:
            if frame.kind in (DATA, HEADERS) and frame.flags & END_STREAM:
                return frame.stream
        return None

    def reply(self, stream):
        self.send(HEADERS, END_HEADERS, stream, RESPONSE_HEADERS)
        self.send(DATA, 0, stream, REPLY)
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, TRAILERS)

    def goaway(self, last, code, debug=""):
        self.send(GOAWAY, 0, 0, struct.pack(">II", last, code) +
                  debug.encode())

    def reset(self, stream, code):
        self.send(RST_STREAM, 0, stream, struct.pack(">I", code))

    def serve_rest(self):
        """Answers every request until the client is gone."""
        while (stream := self.whole_request()) is not None:
            self.reply(stream)

    def flush(self):
        """Waits until the other system has all that was sent; until then, it
        would be lost by a reset."""
        left = bytearray(4)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            fcntl.ioctl(self.sock, termios.TIOCOUTQ, left)
            if not any(left):
                return
            time.sleep(0.0001)

    def finish(self):
        """Sends no more, and reads what still comes."""
        self.sock.shutdown(socket.SHUT_WR)
        while self.file.read(4096):
            pass
        self.close()

    def close(self):
        """At once. What has come and was not read makes it a reset."""
        self.file.close()
        self.sock.close()


class Server:
    """Each connection is played by play(n, end), in a thread of its own, after
    the SETTINGS; n counts connections from 0."""

    def __init__(self, play, is_http=True):
        self.play = play
        self.is_http = is_http
        self.accepted = []  # when
        self.failures = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = rig.free_port()
        self.target = "127.0.0.1:%d" % self.port
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.accepted.append(time.monotonic())
            threading.Thread(target=self._play, daemon=True,
                             args=(len(self.accepted) - 1, sock)).start()

    def _play(self, number, sock):
        if not self.is_http:
            self.play(number, sock)
            return
        end = End(sock)
        try:
            if end.file.read(len(PREFACE)) == PREFACE:
                end.send(SETTINGS, 0, 0)
                self.play(number, end)
        except OSError:
            pass  # the client is gone
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append(error)
        end.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def add_server(rig_of_case, play, **options):
    server = Server(play, **options)
    rig_of_case.ends.callback(server.close)
    return server


def literal(name, value):
    return (b"\x00" + bytes([len(name)]) + name.encode() +
            bytes([len(value)]) + value.encode())


def connect(port):
    """A client that has sent its SETTINGS."""
    end = End(socket.create_connection(("127.0.0.1", port)))
    end.sock.sendall(PREFACE)
    end.send(SETTINGS, 0, 0)
    return end


def request_headers(port, sleep_ms, call_id="raw", method="UnaryCall"):
    """Of a call that the server answers after sleep_ms."""
    return (b"\x83\x86" +
            literal(":path", "/grpc.testing.TestService/" + method) +
            literal(":authority", "127.0.0.1:%d" % port) +
            literal("content-type", "application/grpc") +
            literal("te", "trailers") + literal("peers-id", call_id) +
            literal("peers-sleep-ms", str(sleep_ms)))
