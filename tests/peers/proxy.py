# SPDX-License-Identifier: MIT
"""A TCP proxy that cuts connections where it is told to.

It reads the frames of HTTP/2 that pass, so that a cut can be put in the middle
of one of them, and knows nothing else about them.
"""

import contextlib
import select
import socket
import struct
import threading
import time

import rig

DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7
END_STREAM, ACK = 1, 1
PREFACE_SIZE = 24


class Cut:
    """Cut in the middle of the first frame from that end ("client", "server")
    that matches(kind, flags, stream) accepts; how: "reset", "close" or
    "swallow". matches None: in the middle of the client's preface."""

    def __init__(self, end, matches, how="reset"):
        self.end = end
        self.matches = matches
        self.how = how


# Cut before the first byte.
AT_ONCE = Cut("client", None)


class Frames:
    """The frames of one direction."""

    def __init__(self, is_client):
        self.at = 0  # of the bytes that have passed
        self.next = PREFACE_SIZE if is_client else 0  # start of the next frame
        self.head = b""

    def pass_through(self, data, cut):
        """How many of these bytes are in front of the cut; None: all, and the
        cut is further on."""
        start = self.at
        end = start + len(data)
        if cut is not None and cut.matches is None:
            self.at = end
            return min(len(data), PREFACE_SIZE // 2)
        while self.next < end:
            taken = max(self.next + len(self.head) - start, 0)
            self.head += data[taken:taken + 9 - len(self.head)]
            if len(self.head) < 9:
                break
            size = int.from_bytes(self.head[:3], "big")
            kind, flags = self.head[3], self.head[4]
            stream = int.from_bytes(self.head[5:9], "big")
            first, self.next, self.head = self.next, self.next + 9 + size, b""
            if cut is not None and cut.matches(kind, flags, stream):
                return max(first + (9 + size) // 2 - start, 0)
        self.at = end
        return None


def reset(sock):
    """Closes with RST."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
    sock.close()


class Proxy:
    """Listens for clients; each of their connections is passed on to port.
    plan(n) is the Cut of the n-th connection, or None. idle: seconds without a
    byte after which a connection is ended, with idle_how."""

    def __init__(self, port, plan=lambda n: None, idle=None, idle_how="close"):
        self.upstream = port
        self.plan = plan
        self.idle = idle
        self.idle_how = idle_how
        self.cuts = []  # when
        self.connections = 0
        self.sockets = set()
        self.is_closed = False
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = rig.free_port()
        self.target = "127.0.0.1:%d" % self.port
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.is_closed = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in list(self.sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while not self.is_closed:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            cut = self.plan(self.connections)
            self.connections += 1
            threading.Thread(target=self._serve, args=(client, cut),
                             daemon=True).start()

    def _serve(self, client, cut):
        if cut is AT_ONCE:
            self.cuts.append(time.monotonic())
            reset(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream))
        except OSError:
            reset(client)
            return
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets.add(sock)
        try:
            how = self._pass(client, server, cut)
        except OSError:
            how = "reset"
        for sock in (client, server):
            self.sockets.discard(sock)
            if how == "reset":
                reset(sock)
            else:
                sock.close()

    def _pass(self, client, server, cut):
        """Passes bytes on until the connection has to end; returns how."""
        ends = {client: ("client", server, Frames(True)),
                server: ("server", client, Frames(False))}
        heard = list(ends)
        if cut is not None and cut.matches is None:
            # A server may speak first: the client would be ready then.
            heard = [client]
        while True:
            ready, _, _ = select.select(heard, [], [], self.idle)
            if not ready:
                self.cuts.append(time.monotonic())
                return self.idle_how
            for sock in ready:
                name, other, frames = ends[sock]
                data = sock.recv(65536)
                if not data:
                    return "close"
                mine = cut if cut is not None and cut.end == name else None
                size = frames.pass_through(data, mine)
                other.sendall(data if size is None else data[:size])
                if size is not None:
                    # What was sent before is seen before.
                    time.sleep(0.05)
                    self.cuts.append(time.monotonic())
                    if cut.how == "swallow":
                        return self._swallow(client, server)
                    return cut.how

    def _swallow(self, client, server):
        """Reads on, and passes nothing on, until one end has closed."""
        while True:
            ready, _, _ = select.select([client, server], [], [])
            for sock in ready:
                if not sock.recv(65536):
                    return "close"


def add_proxy(rig_of_case, *arguments, **options):
    proxy = Proxy(*arguments, **options)
    rig_of_case.ends.callback(proxy.close)
    return proxy
