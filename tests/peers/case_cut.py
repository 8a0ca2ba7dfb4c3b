# SPDX-License-Identifier: MIT
"""Connections that are cut without a word: from one moment on all packets
vanish, and no end is told."""

import time

import proxy
import space
from rig import PAIRS, account, case, expect, none_lost, wait_until

LATE = 0.7


def held_call(rig, client_language, net, sleep, **options):
    """A client with a call that its server holds for so long; the next takes no
    time."""
    return rig.client(client_language, space.SERVER + ":5000", net.client,
                      kind="unary", calls=2, slow_calls=1, timeout_ms=60000,
                      sleep_ms=int(sleep * 1000), **options)


@case("cut/keepalive-of-client", 15, (("c", "go"), ("c", "c")),
      needs_root=True)
def of_client(rig, client_language, server_language):
    """A client asks 10 s after it has heard something last, and knows 2 s later.
    Its next call is kept, for it waits until the network is back."""
    net = space.add_space(rig)
    server = rig.server(server_language, net.server,
                        address=space.SERVER + ":5000")
    client = held_call(rig, client_language, net, 60, keepalive_ms=10000,
                       keepalive_timeout_ms=2000, wait_for_ready="all",
                       pace_ms=100)
    begun = server.wait_for(r"^begin \S+ (\S+)", 5)
    time.sleep(0.5)
    net.cut()
    wait_until(client.calls, 20, "the call goes on for ever")
    time.sleep(0.7)
    net.heal()
    calls = client.join(20)
    account(calls, [server], client_language == "c")
    held, after = calls
    expect(held.code == "UNAVAILABLE" and "keepalive" in held.text, "%s", held)
    took = held.end - float(begun[1])
    expect(12 - LATE / 2 <= took <= 12 + LATE,
           "found out after %.2f s, and not after 12: %s", took, held)
    expect(after.code == "OK", "%s", after)


@case("cut/keepalive-of-server", 6, (("go", "c"), ("c", "c")),
      needs_root=True)
def of_server(rig, client_language, server_language):
    """A server asks 1 s after it has heard something last, and knows 1 s later;
    what it has heard last may be the answer to the question before."""
    net = space.add_space(rig)
    server = rig.server(server_language, net.server,
                        address=space.SERVER + ":5000", keepalive_ms=1000,
                        keepalive_timeout_ms=1000)
    held_call(rig, client_language, net, 60)
    server.wait_for("^begin", 5)
    time.sleep(2.5)
    expect(not server.of("cut"), "a healthy connection was cut")
    net.cut()
    cut = time.monotonic()
    told = server.wait_for(r"^cut \S+ (\S+)", 10)
    took = float(told[1]) - cut
    expect(1 - LATE / 2 <= took <= 2 + LATE,
           "found out after %.2f s, and not after 1 to 2", took)
    server.wait_for("log .*keepalive", 2)


@case("cut/no-keepalive", 16, PAIRS, needs_root=True)
def without(rig, client_language, server_language):
    """Without keepalive nobody finds out; when the network is back after 13 s the
    call goes on as if nothing had been."""
    net = space.add_space(rig)
    server = rig.server(server_language, net.server,
                        address=space.SERVER + ":5000")
    client = held_call(rig, client_language, net, 14)
    server.wait_for("^begin", 5)
    time.sleep(0.5)
    net.cut()
    time.sleep(13)
    expect(not client.calls() and not server.of("cut"),
           "somebody has found out: %s", [str(call) for call in client.calls()])
    net.heal()
    calls = client.join(20)
    account(calls, [server], client_language == "c")
    none_lost(calls)


@case("cut/swallowed", 14, (("c", "go"), ("c", "c")))
def swallowed(rig, client_language, server_language):
    """A proxy that takes all and passes nothing on, so that TCP sees nothing
    wrong: only the PING finds it out."""
    server = rig.server(server_language)
    way = proxy.add_proxy(rig, server.port, lambda n: proxy.Cut(
        "server", lambda kind, flags, stream: kind == proxy.HEADERS,
        "swallow") if n == 0 else None)
    client = rig.client(client_language, way.target, kind="unary", calls=2,
                        timeout_ms=60000, keepalive_ms=10000,
                        keepalive_timeout_ms=1000, pace_ms=100)
    calls = client.join(20)
    account(calls, [server], client_language == "c")
    held, after = calls
    expect(held.code == "UNAVAILABLE" and "keepalive" in held.text, "%s", held)
    took = held.end - held.start
    expect(11 - LATE / 2 <= took <= 11 + LATE,
           "found out after %.2f s, and not after 11: %s", took, held)
    expect(after.code == "OK", "%s", after)


@case("pings/too-many-of-client", 60, (("c", "go"), ("c", "c")), is_long=True)
def too_many(rig, client_language, server_language):
    """A client that asks every 10 s, and a server that allows it once in 5 min:
    the fourth PING is one too many. The client is told, asks only every 20 s
    from then on, and loses no call that it had not sent."""
    server = rig.server(server_language)
    client = rig.client(client_language, server.target, kind="unary", calls=1,
                        keepalive_ms=10000, timeout_ms=120000,
                        sleep_ms=100000)
    calls = client.join(130)
    account(calls, [server], client_language == "c")
    expect(calls[0].code == "UNAVAILABLE" and
           "too_many_pings" in calls[0].text, "%s", calls[0])
    took = calls[0].end - calls[0].start
    expect(39 <= took <= 43, "it took %.2f s: %s", took, calls[0])
    client.wait_for("log (warning|error) .*too_many_pings", 1)
