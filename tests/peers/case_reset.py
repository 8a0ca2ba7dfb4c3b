# SPDX-License-Identifier: MIT
"""Connections that are reset in the middle of each phase, and idle ones that a
proxy closes."""

import proxy
from proxy import Cut, DATA, END_STREAM, HEADERS, SETTINGS
from rig import PAIRS, account, case, expect, none_lost, wait_until

# phase: where the connection is cut, whether a call was sent by then, whether
# the server had it whole (and so has to begin it).
PHASES = {
    "connect": (proxy.AT_ONCE, False, False),
    "preface": (Cut("client", None), False, False),
    "settings": (Cut("server", lambda kind, flags, stream: kind == SETTINGS),
                 False, False),
    "request": (Cut("client", lambda kind, flags, stream: kind == HEADERS),
                True, False),
    "request-data": (Cut("client", lambda kind, flags, stream: kind == DATA),
                     True, False),
    "headers": (Cut("server", lambda kind, flags, stream:
                    kind == HEADERS and not flags & END_STREAM), True, True),
    "data": (Cut("server", lambda kind, flags, stream: kind == DATA),
             True, True),
    "trailers": (Cut("server", lambda kind, flags, stream:
                     kind == HEADERS and flags & END_STREAM), True, True),
}


def reset_in(phase):
    @case("reset/" + phase, 2.5, PAIRS)
    def run(rig, client_language, server_language):
        """RST on a client's first connection, and none later. A call that was
        never sent is kept if it waits for ready; any other one fails, and the
        next one has a new connection."""
        cut, was_sent, was_whole = PHASES[phase]
        server = rig.server(server_language)
        ways, clients = [], []
        for wait in ("none", "all"):
            ways.append(proxy.add_proxy(
                rig, server.port, lambda n: cut if n == 0 else None))
            clients.append(rig.client(
                client_language, ways[-1].target, kind="unary", calls=2,
                pace_ms=1400, size=3000, wait_for_ready=wait, tag=wait))
        calls = []
        for way, client in zip(ways, clients):
            calls += client.join(10)
            expect(len(way.cuts) == 1, "the proxy has cut %d connections",
                   len(way.cuts))
            expect(way.connections == 2, "there were %d connections",
                   way.connections)
        account(calls, [server], client_language == "c")
        check_reset(calls, was_sent)
        check_server(server, calls, was_whole)
    return run


def check_reset(calls, was_sent):
    for call in calls:
        is_first = call.id.endswith("-0")
        may_live = not is_first or (call.waits and not was_sent)
        expect(call.code == ("OK" if may_live else "UNAVAILABLE"), "%s", call)


def check_server(server, calls, was_whole):
    """It has begun what it had whole, and each has got its end."""
    begun = [call_id for call_id, _, _ in server.begun()]
    good = [call.id for call in calls if call.code == "OK"]
    whole = {call.id for call in calls} if was_whole else set(good)
    expect(set(begun) >= whole, "the server has not seen %s",
           sorted(whole - set(begun)))
    wait_until(lambda: len(server.of("answered")) + len(server.of("cut")) ==
               len(begun), 2, "a handler was not told that its call is over")
    server.drain()
    server.expect_end(5)


for name in PHASES:
    reset_in(name)


def closed_idle(how):
    @case("idle-proxy/" + how, 3, PAIRS)
    def run(rig, client_language, server_language):
        """A proxy ends connections that are idle for 0.3 s: nobody notices."""
        server = rig.server(server_language)
        way = proxy.add_proxy(rig, server.port, idle=0.3, idle_how=how)
        client = rig.client(client_language, way.target, calls=4, pace_ms=700)
        calls = client.join(10)
        account(calls, [server], client_language == "c")
        none_lost(calls)
        expect(way.connections == 4, "there were %d connections",
               way.connections)
    return run


closed_idle("close")
closed_idle("reset")


def closed_unseen(how):
    @case("blocking/proxy-" + how, 3, (("c", "go"), ("c", "c")))
    def run(rig, client_language, server_language):
        """A proxy ends an idle connection, without GOAWAY, while nobody looks:
        the next call has not been sent when that is found out."""
        server = rig.server(server_language)
        way = proxy.add_proxy(rig, server.port, idle=0.3, idle_how=how)
        client = rig.client(client_language, way.target, blocking=1, calls=3,
                            pace_ms=800)
        calls = client.join(10)
        account(calls, [server], client_language == "c")
        none_lost(calls)
    return run


closed_unseen("close")
closed_unseen("reset")
