# SPDX-License-Identifier: MIT
"""Servers that are killed, drained, and that grow old, under load."""

import random
import time

from rig import PAIRS, account, case, expect, none_lost, wait_until

# What a program may need to notice something, on a busy machine.
NOTICE = 0.3


@case("kill", 4, PAIRS)
def kill(rig, client_language, server_language):
    """SIGKILL, and a new server 0.7 s later. A call that was on its way when the
    server died may fail, for nobody knows whether it was processed. All others
    that wait for ready are kept; those that do not fail until the channel has
    connected again, which it does after the first backoff, 1 s."""
    server = rig.server(server_language)
    client = rig.load(client_language, server.target)
    time.sleep(0.8)
    killed = time.monotonic()
    server.kill()
    time.sleep(0.7)
    second = rig.restart(server)
    started = time.monotonic()
    wait_until(lambda: [call for call in client.calls() if call.code == "OK"
                        and call.start > killed + NOTICE and not call.waits],
               8, "no call succeeds after the restart")
    time.sleep(0.6)
    calls = client.finish()
    account(calls, [server, second], client_language == "c")
    check_kill(calls, killed, started)
    second.drain()
    second.expect_end(5)


# When the channel tries again after the first attempt has failed: 1 s, and then
# 1.6 s and 2.56 s later, these up to a fifth more.
RETRIES = (1.0, 1.0 + 1.92, 1.0 + 1.92 + 3.07)


def check_kill(calls, killed, started):
    failed = [call for call in calls if call.code != "OK"]
    for call in failed:
        expect(call.code == "UNAVAILABLE", "another code: %s", call)
        expect(call.end >= killed, "failed before the server was killed: %s",
               call)
        if call.waits:
            expect(call.start <= killed + NOTICE / 3 and
                   call.end <= killed + NOTICE,
                   "waits for ready, and was lost %.3f s after the kill: %s",
                   call.start - killed, call)
    kept = [call for call in calls if call.waits and
            call.start < killed + 0.7 < call.end]
    expect(len(kept) >= 4, "only %d calls have waited for the restart",
           len(kept))
    refused = [call for call in failed if not call.waits and
               call.start > killed + NOTICE]
    expect(len(refused) >= 4, "only %d calls failed fast", len(refused))
    back = min(call.end for call in calls if call.code == "OK" and
               call.end > killed + 0.7)
    due = min(retry for retry in RETRIES if retry >= started - killed)
    expect(back - killed <= due + 2 * NOTICE,
           "the channel was back after %.2f s, not after its backoff of %.2f s",
           back - killed, due)
    late = [call for call in failed if call.start > back + 0.02]
    expect(not late, "failed when the channel was back: %s",
           late[0] if late else "")


@case("kill/often", 60, PAIRS, is_long=True)
def kill_often(rig, client_language, server_language):
    """Twenty kills; the server is away for up to two seconds each time."""
    servers = [rig.server(server_language)]
    client = rig.load(client_language, servers[0].target)
    kills = []
    for _ in range(20):
        time.sleep(random.uniform(0.2, 1))
        kills.append(time.monotonic())
        servers[-1].kill()
        time.sleep(random.uniform(0, 2))
        servers.append(rig.restart(servers[-1]))
        back = time.monotonic()
        wait_until(lambda: [call for call in client.calls() if call.code == "OK"
                            and call.start > back and not call.waits],
                   10, "no call succeeds after the restart")
    calls = client.finish()
    account(calls, servers, client_language == "c")
    for call in calls:
        if call.code == "OK":
            continue
        expect(call.code == "UNAVAILABLE", "another code: %s", call)
        expect(not call.waits or any(
            call.start <= kill + NOTICE / 3 and
            kill <= call.end <= kill + NOTICE for kill in kills),
               "waits for ready, and was lost without a kill: %s", call)
    servers[-1].drain()
    servers[-1].expect_end(5)


def check_drained(server, seconds=10):
    """It ended by itself, and gave every call that it began its answer."""
    server.expect_end(seconds)
    begun, answered, cut = map(int, server.of("done")[0].split())
    expect(begun == answered and cut == 0,
           "%s began %d calls, answered %d and cut %d", server.name, begun,
           answered, cut)


@case("drain/two", 5, PAIRS)
def drain_two(rig, client_language, server_language):
    """Two servers, drained and started again in turns: not one call is lost,
    whether it waits for ready or not."""
    servers = [rig.server(server_language), rig.server(server_language)]
    everyone = list(servers)
    target = ",".join(server.target for server in servers)
    client = rig.load(client_language, target)
    slow = rig.client(client_language, target, concurrency=4, tag="slow",
                      messages=4, sleep_ms=150)
    time.sleep(0.5)
    for turn in range(8 if rig.is_long else 4):
        number = turn % 2
        before = len(servers[1 - number].begun())
        servers[number].drain()
        check_drained(servers[number])
        wait_until(lambda: len(servers[1 - number].begun()) > before + 20, 3,
                   "calls do not go on to the other server")
        servers[number] = rig.restart(servers[number])
        everyone.append(servers[number])
        time.sleep(0.3)
    calls = client.finish() + slow.finish()
    account(calls, everyone, client_language == "c")
    none_lost(calls)
    expect(len(calls) > 200, "only %d calls", len(calls))


@case("drain/one", 4, PAIRS)
def drain_one(rig, client_language, server_language):
    """One server, drained, and a new one at its place as soon as the port is
    free: calls that wait for ready are not lost."""
    servers = [rig.server(server_language)]
    client = rig.load(client_language, servers[0].target,
                      wait_for_ready="all")
    for _ in range(6 if rig.is_long else 2):
        time.sleep(0.5)
        servers[-1].drain()
        check_drained(servers[-1])
        servers.append(rig.restart(servers[-1]))
        before = len(client.calls())
        wait_until(lambda: len(client.calls()) > before + 20, 5,
                   "calls do not go on with the new server")
    calls = client.finish()
    account(calls, servers, client_language == "c")
    none_lost(calls)


@case("drain/grace", 2, (("go", "c"), ("c", "c")))
def drain_grace(rig, client_language, server_language):
    """A server that is given 0.5 s for what is open: a call of 0.3 s is answered,
    one of 10 s is cut and told so."""
    server = rig.server(server_language, grace_ms=500)
    clients = [rig.client(client_language, server.target, kind="bidi", calls=1,
                          messages=1, sleep_ms=sleep, tag=str(sleep))
               for sleep in (300, 10000)]
    wait_until(lambda: len(server.begun()) == 2, 5, "no call has begun")
    drained = time.monotonic()
    server.drain()
    short, long = [client.join(10)[0] for client in clients]
    server.expect_end(5)
    account([short, long], [server], client_language == "c")
    expect(short.code == "OK", "%s", short)
    expect(long.code == "UNAVAILABLE", "%s", long)
    took = long.end - drained
    expect(0.5 - 0.05 <= took <= 0.5 + NOTICE, "cut after %.2f s: %s", took,
           long)
    expect(server.of("done") == ["2 1 1"], "the server's account: %s",
           server.of("done"))


def connections(server):
    """How many connections its calls came over."""
    return len({address for _, _, address in server.begun()})


@case("age", 6, PAIRS)
def age(rig, client_language, server_language):
    """Connections that live one second, more or less a tenth, under load: not
    one call is lost. The slow ones are open when theirs comes to its end."""
    server = rig.server(server_language, max_age_ms=1000)
    client = rig.load(client_language, server.target, wait_for_ready="none")
    slow = rig.client(client_language, server.target, concurrency=4,
                      tag="slow", messages=5, sleep_ms=300)
    time.sleep(20 if rig.is_long else 5)
    calls = client.finish() + slow.finish()
    account(calls, [server], client_language == "c")
    none_lost(calls)
    # Two clients; 5 s hold at least four lives of 1.1 s each.
    expect(connections(server) >= (2 * 18 if rig.is_long else 2 * 4),
           "only %d connections", connections(server))
    server.drain()
    check_drained(server)


@case("age/grace", 4, PAIRS)
def age_grace(rig, client_language, server_language):
    """A call that outlives the age and the grace is cut, and says why."""
    server = rig.server(server_language, max_age_ms=1000, max_age_grace_ms=500)
    client = rig.client(client_language, server.target, kind="bidi", calls=1,
                        messages=1, sleep_ms=10000)
    start = time.monotonic()
    calls = client.join(10)
    lived = time.monotonic() - start
    account(calls, [server], client_language == "c")
    expect(calls[0].code == "UNAVAILABLE", "%s", calls[0])
    # (grpc-go then waits another second and more for the client to close.)
    most = 2.2 if server_language == "c" else 5
    expect(1.4 <= lived <= most, "it lived for %.2f s: %s", lived, calls[0])
    wait_until(lambda: len(server.of("cut")) == 1, 2,
               "the handler was not told")


@case("idle", 5, PAIRS)
def idle(rig, client_language, server_language):
    """A server that closes idle connections after half a second, and a client
    that calls each second: not one call is lost."""
    server = rig.server(server_language, max_idle_ms=500)
    client = rig.client(client_language, server.target, calls=4, kind="unary",
                        pace_ms=1000)
    calls = client.join(10)
    account(calls, [server], client_language == "c")
    none_lost(calls)
    expect(connections(server) == 4, "%d connections for 4 calls",
           connections(server))


# ---- Programs that wait for their calls -------------------------------------

def blocking(name, **ends):
    @case("blocking/" + name, 3, (("c", "go"), ("c", "c")))
    def run(rig, client_language, server_language):
        """A program that makes a call, does something else for a while, and makes
        the next one. Meanwhile its server has ended the connection, and nobody
        has looked: the call has to find out, for nothing was sent yet."""
        server = rig.server(server_language, **ends)
        client = rig.client(client_language, server.target, blocking=1,
                            calls=3, pace_ms=1000)
        calls = client.join(10)
        account(calls, [server], client_language == "c")
        none_lost(calls)
        expect(connections(server) == 3, "%d connections for 3 calls",
               connections(server))
    return run


blocking("idle", max_idle_ms=300)


@case("blocking/restart", 3, (("c", "go"), ("c", "c")))
def blocking_restart(rig, client_language, server_language):
    """The same, when the server was drained and started again meanwhile."""
    server = rig.server(server_language)
    client = rig.client(client_language, server.target, blocking=1, calls=2,
                        pace_ms=2000)
    wait_until(client.calls, 5, "no call has ended")
    server.drain()
    # (Both servers close without waiting when there are no calls.)
    time.sleep(0.3)
    server.kill()
    second = rig.restart(server)
    calls = client.join(10)
    account(calls, [server, second], client_language == "c")
    none_lost(calls)
