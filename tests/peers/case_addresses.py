# SPDX-License-Identifier: MIT
"""Targets of several addresses, of which some are dead."""

import threading

import space
import wire
from rig import (PAIRS, account, case, expect, free_port, none_lost)

ATTEMPT_DELAY = 0.25  # Happy Eyeballs
LATE = 0.3


def first_call(calls):
    """How long the first call took: it had to wait for the connection."""
    first = min(calls, key=lambda call: call.start)
    return first.end - first.start


def check_delayed(calls):
    took = first_call(calls)
    expect(ATTEMPT_DELAY - 0.02 <= took <= ATTEMPT_DELAY + LATE,
           "the first call took %.3f s; the next address is tried after %.2f s",
           took, ATTEMPT_DELAY)


@case("addresses/refused", 1, PAIRS)
def refused(rig, client_language, server_language):
    """Half of the addresses refuse connections: nobody waits for them."""
    server = rig.server(server_language)
    target = "127.0.0.1:%d,%s,127.0.0.1:%d,%s" % (
        free_port(), server.target, free_port(), server.target)
    client = rig.client(client_language, target, calls=5, concurrency=4)
    calls = client.join()
    account(calls, [server], client_language == "c")
    none_lost(calls)
    took = first_call(calls)
    expect(took <= LATE, "the first call took %.3f s", took)


@case("addresses/all-refused", 1, (("c", ""),))
def all_refused(rig, language):
    """All of them do: a call that fails fast does so, and names each."""
    ports = [free_port(), free_port(), free_port()]
    client = rig.client(language, ",".join("127.0.0.1:%d" % port
                                           for port in ports), calls=1)
    calls = client.join()
    account(calls, [], True)
    expect(calls[0].code == "UNAVAILABLE", "%s", calls[0])
    for port in ports:
        expect(":%d: " % port in calls[0].text, "%d is missing in: %s", port,
               calls[0])
    expect(first_call(calls) <= LATE, "%s", calls[0])


@case("addresses/silent", 1.5, PAIRS)
def silent(rig, client_language, server_language):
    """The first address accepts connections, and never says a word."""
    over = threading.Event()
    rig.ends.callback(over.set)

    def keep(_, sock):
        over.wait(30)
        sock.close()

    mute = wire.add_server(rig, keep, is_http=False)
    server = rig.server(server_language)
    client = rig.client(client_language, mute.target + "," + server.target,
                        calls=5, concurrency=4)
    calls = client.join()
    account(calls, [server], client_language == "c")
    none_lost(calls)
    check_delayed(calls)


@case("addresses/silent-alone", 21, (("c", ""),), is_long=True)
def silent_alone(rig, language):
    """It is the only one: the attempt is over after 20 s, and says so."""
    over = threading.Event()
    rig.ends.callback(over.set)
    mute = wire.add_server(rig, lambda _, sock: over.wait(60), is_http=False)
    client = rig.client(language, mute.target, calls=1, timeout_ms=60000)
    calls = client.join(40)
    account(calls, [], True)
    expect(calls[0].code == "UNAVAILABLE" and "SETTINGS" in calls[0].text,
           "%s", calls[0])
    took = first_call(calls)
    expect(20 - LATE <= took <= 20 + LATE, "it took %.2f s: %s", took, calls[0])


@case("addresses/swallowed", 2, PAIRS, needs_root=True)
def swallowed(rig, client_language, server_language):
    """Packets to the first address vanish."""
    net = space.add_space(rig)
    server = rig.server(server_language, net.server,
                        address=space.SERVER + ":5000")
    client = rig.client(client_language,
                        "%s:5000,%s:5000" % (space.SWALLOWS, space.SERVER),
                        net.client, calls=5, concurrency=4)
    calls = client.join()
    account(calls, [server], client_language == "c")
    none_lost(calls)
    check_delayed(calls)
