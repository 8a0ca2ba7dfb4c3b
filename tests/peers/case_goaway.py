# SPDX-License-Identifier: MIT
"""GOAWAY, refused streams and PINGs, said by ends that choose their words."""

import time

import wire
from rig import account, case, expect, none_lost

CLIENTS = (("c", ""),)
SERVERS = (("", "c"),)


def add_played(rig, language, play, **options):
    """A client whose connections are played, and its server."""
    server = wire.add_server(rig, play)
    client = rig.client(language, server.target, **{"size": 0, "kind": "unary",
                                                    **options})
    return server, client


def finish_played(client, language, server, seconds=10):
    calls = client.join(seconds)
    expect(not server.failures, "%s", server.failures)
    account(calls, None, language == "c")
    return calls


@case("goaway/unprocessed", 1, CLIENTS)
def unprocessed(rig, language):
    """GOAWAY with an error and a last id below the call's: it is sent again over
    another connection, and the debug data is in the log."""
    def play(number, end):
        if number > 0:
            end.serve_rest()
            return
        end.whole_request()
        end.goaway(0, wire.ENHANCE_YOUR_CALM, "peers: too loud")

    server, client = add_played(rig, language, play, calls=2)
    none_lost(finish_played(client, language, server))
    expect(len(server.accepted) == 2, "%d connections", len(server.accepted))
    client.wait_for("log (warning|error) .*ENHANCE_YOUR_CALM.*peers: too loud", 1)


@case("goaway/processed", 1, CLIENTS)
def processed(rig, language):
    """GOAWAY whose last id is the call's, and then the end of the connection:
    nobody knows what has become of the call. It fails, and tells what was said."""
    def play(number, end):
        if number > 0:
            end.serve_rest()
            return
        end.goaway(end.whole_request(), wire.INTERNAL_ERROR,
                   "peers: out of order")

    server, client = add_played(rig, language, play, calls=2)
    calls = finish_played(client, language, server)
    expect(calls[0].code == "UNAVAILABLE" and
           "INTERNAL_ERROR" in calls[0].text and
           "peers: out of order" in calls[0].text, "%s", calls[0])
    expect(calls[1].code == "OK", "%s", calls[1])


@case("goaway/between", 1, CLIENTS)
def between(rig, language):
    """Six calls on one connection and a GOAWAY in the middle of them: those up to
    its last id are answered there, the others over another connection."""
    def play(number, end):
        if number > 0:
            end.serve_rest()
            return
        streams = [end.whole_request() for _ in range(6)]
        end.goaway(streams[2], wire.NO_ERROR, "peers: moving")
        time.sleep(0.1)
        for stream in streams[:3]:
            end.reply(stream)
        end.read_until(wire.GOAWAY)

    server, client = add_played(rig, language, play, calls=1, concurrency=6)
    none_lost(finish_played(client, language, server))
    expect(len(server.accepted) == 2, "%d connections", len(server.accepted))


@case("goaway/stream", 1, CLIENTS)
def stream(rig, language):
    """A stream that has sent messages, above GOAWAY's last id: it was not
    processed, so it is sent again with all of them (gRFC A6)."""
    def play(number, end):
        if number > 0:
            end.serve_rest()
            return
        end.request()
        end.read_until(wire.DATA)
        end.goaway(0, wire.NO_ERROR, "peers: moving")

    server, client = add_played(rig, language, play, kind="client", calls=1)
    none_lost(finish_played(client, language, server))


@case("goaway/load", 3, CLIENTS)
def under_load(rig, language):
    """Connections that answer 30 calls, say GOAWAY behind them, and are closed at
    once, whatever is on its way to them: not one call is lost, for each is
    either answered or left out, and the client can read which."""
    last = [0]

    def play(_, end):
        for _ in range(30):
            stream = end.whole_request()
            if stream is None:
                return
            end.reply(stream)
            last[0] = stream
        end.goaway(stream, wire.NO_ERROR, "peers: thirty are enough")
        end.flush()

    server, client = add_played(rig, language, play, concurrency=24, pace_ms=0)
    time.sleep(2)
    calls = client.finish()
    expect(not server.failures, "%s", server.failures)
    account(calls, None, language == "c")
    none_lost(calls)
    expect(len(server.accepted) > 10, "only %d connections",
           len(server.accepted))


@case("refused/unary", 1, CLIENTS)
def refused(rig, language):
    """REFUSED_STREAM: sent again, once, on the same connection."""
    def play(_, end):
        end.reset(end.whole_request(), wire.REFUSED_STREAM)
        end.serve_rest()

    server, client = add_played(rig, language, play, calls=1)
    none_lost(finish_played(client, language, server))
    expect(len(server.accepted) == 1, "%d connections", len(server.accepted))


@case("refused/twice", 1, CLIENTS)
def refused_twice(rig, language):
    """A server that refuses for ever is not asked for ever."""
    streams = []

    def play(_, end):
        while (one := end.whole_request()) is not None:
            streams.append(one)
            end.reset(one, wire.REFUSED_STREAM)

    server, client = add_played(rig, language, play, calls=1)
    calls = client.join(10)
    expect(not server.failures, "%s", server.failures)
    expect(calls[0].code == "UNAVAILABLE", "%s", calls[0])
    expect("REFUSED_STREAM" in calls[0].text, "%s", calls[0])
    expect(len(streams) == 2, "it was sent %d times", len(streams))


# ---- Our server -------------------------------------------------------------

@case("goaway/of-client", 1, SERVERS)
def of_client(rig, language):
    """A client that leaves with GOAWAY and debug data: the server's log has it."""
    server = rig.server(language)
    end = wire.connect(server.port)
    end.send(wire.HEADERS, wire.END_HEADERS, 1,
             wire.request_headers(server.port, 0, method="FullDuplexCall"))
    server.wait_for("^begin raw", 2)
    end.goaway(0, wire.INTERNAL_ERROR, "peers: cannot go on")
    end.finish()
    server.wait_for("^cut raw", 2)
    server.wait_for("log .*INTERNAL_ERROR.*peers: cannot go on", 2)


def ping(end, count, pause):
    for number in range(count):
        end.send(wire.PING, 0, 0, b"peers%03d" % number)
        time.sleep(pause)


@case("pings/too-many", 1, SERVERS)
def too_many(rig, language):
    """Five PINGs within a second, without a call: all but the first are too
    early, and the third of those is one too many."""
    server = rig.server(language)
    end = wire.connect(server.port)
    ping(end, 5, 0.1)
    acks = 0
    while (frame := end.read()) is not None and frame.kind != wire.GOAWAY:
        acks += frame.kind == wire.PING and frame.flags & wire.ACK
    expect(frame is not None, "there was no GOAWAY")
    _, code, debug = frame.goaway()
    expect((code, debug) == (wire.ENHANCE_YOUR_CALM, "too_many_pings"),
           "it was told %d %r", code, debug)
    expect(acks == 4, "%d PINGs were answered before", acks)
    expect(end.read() is None, "the connection was not closed")
    server.wait_for("log .*too_many_pings", 2)


@case("pings/allowed", 4, SERVERS)
def allowed(rig, language):
    """As many PINGs as the server allows, and more while it sends replies."""
    server = rig.server(language, keepalive_min_ms=300,
                        keepalive_without_calls=1)
    end = wire.connect(server.port)
    ping(end, 8, 0.35)
    for number in range(1, 41, 2):
        end.send(wire.HEADERS, wire.END_HEADERS, number,
                 wire.request_headers(server.port, 0))
        end.send(wire.DATA, wire.END_STREAM, number, bytes(5))
        ping(end, 1, 0)
        frame = end.read_until(wire.HEADERS, lambda frame:
                               frame.flags & wire.END_STREAM)
        expect(frame is not None, "the connection was closed")
    end.close()
