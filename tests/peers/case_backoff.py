# SPDX-License-Identifier: MIT
"""Backoff, as a server sees it: 1 s, and then 1.6 times longer each time, up to
a fifth more or less."""

import re
import struct
import socket
import time

import wire
from rig import case, expect, free_port

WAITS = ((1.0, 1.0), (1.6 * 0.8, 1.6 * 1.2), (2.56 * 0.8, 2.56 * 1.2),
         (4.096 * 0.8, 4.096 * 1.2))
LATE = 0.25  # on a busy machine
SECONDS = 10.5
CLIENTS = (("c", ""),)


def check_waits(times):
    """When attempts began: four or five of them fit into the time."""
    expect(4 <= len(times) <= 5, "%d attempts in %.1f s: %s", len(times),
           SECONDS, times)
    waits = [after - before for before, after in zip(times, times[1:])]
    for wait, (least, most) in zip(waits, WAITS):
        # A late one makes the next wait shorter by as much.
        expect(least - LATE <= wait <= most + LATE,
               "attempts after %s s, of which %.2f is not within %.2f and %.2f",
               ["%.2f" % each for each in waits], wait, least, most)


def waiting_client(rig, language, target):
    """A call that waits for ready, and gives up when the time is over."""
    return rig.client(language, target, kind="unary", calls=1,
                      wait_for_ready="all", timeout_ms=int(SECONDS * 1000))


def check_waiting(client, why):
    calls = client.join(SECONDS + 5)
    expect(len(calls) == 1 and calls[0].code == "DEADLINE_EXCEEDED", "%s",
           calls[0])
    expect(client.language != "c" or re.search(why, calls[0].text),
           "the deadline does not tell why there was no connection: %s",
           calls[0])


def backoff_to(name, play, why):
    @case("backoff/" + name, SECONDS + 0.5, CLIENTS)
    def run(rig, language):
        server = wire.add_server(rig, play, is_http=False)
        client = waiting_client(rig, language, server.target)
        check_waiting(client, why)
        check_waits(server.accepted)
    return run


def closes(_, sock):
    sock.close()


def resets(_, sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def rejects(_, sock):
    """HTTP/2 that is over before it has begun: GOAWAY stands before SETTINGS."""
    end = wire.End(sock)
    end.goaway(0, wire.NO_ERROR, "peers: not today")
    end.serve_rest()
    end.close()


# (What has not been read when a socket is closed makes it a reset.)
backoff_to("closes", closes, "closed the connection|reset by peer")
backoff_to("resets", resets, "reset by peer")
backoff_to("not-http2", rejects, "SETTINGS")


@case("backoff/refused", SECONDS + 0.5, CLIENTS)
def refused(rig, language):
    """Nobody listens: what the client tells in its log is all that is seen."""
    client = waiting_client(rig, language, "127.0.0.1:%d" % free_port())
    check_waiting(client, "refused")
    told = [line.split()[1] for line in client.of("log")
            if "refused" in line and line.startswith("warning")]
    check_waits([float(at) for at in told])


@case("backoff/reset", 4, CLIENTS)
def forgotten(rig, language):
    """A connection that has become ready, and is lost, is tried again at once:
    the failures before it do not count any more."""
    def play(number, sock):
        if number > 0:
            end = wire.End(sock)
            end.file.read(len(wire.PREFACE))
            end.send(wire.SETTINGS, 0, 0)
            end.reply(end.whole_request())
            time.sleep(0.05)
        sock.close()

    server = wire.add_server(rig, play, is_http=False)
    client = rig.client(language, server.target, kind="unary", size=0, calls=4,
                        wait_for_ready="all", pace_ms=300)
    calls = client.join(10)
    expect(all(call.code == "OK" for call in calls), "%s", calls[-1])
    first, *others = [call.end - call.start for call in calls]
    expect(0.9 <= first <= 1 + LATE, "the first call took %.2f s", first)
    expect(max(others) <= LATE, "a later one took %.2f s", max(others))
