# SPDX-License-Identifier: MIT
"""What a case is made of: programs that are started and ended, lines that they
print, and the account of every call.

A case is a function of one argument, its Rig; it fails by raising. Whatever it
has started through the Rig ends with it.
"""

import contextlib
import fnmatch
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
LANGUAGES = ("c", "go")
PAIRS = (("c", "go"), ("go", "c"), ("c", "c"))

# What an address has to have in its words, when our client tells of a failure.
ADDRESS = r"127\.0\.0\.1:\d+|10\.\d+\.\d+\.\d+:\d+"


class Failed(Exception):
    """The case has not held; in words."""


class LeftOut(Exception):
    """The case cannot run here; in words."""


def expect(holds, text, *values):
    if not holds:
        raise Failed(text % values if values else text)


def wait_until(holds, seconds, text, *values):
    """Waits until holds() is true, and returns what it has returned."""
    end = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        expect(time.monotonic() < end, text, *values)
        time.sleep(0.01)


# ---- Ports ------------------------------------------------------------------

# Below those that the system gives to clients, which could take one of them
# while its server is away, or connect to themselves.
_ports = iter(random.sample(range(20000, 32000), 12000))
_ports_lock = threading.Lock()


def free_port():
    with _ports_lock:
        for port in _ports:
            with contextlib.closing(socket.socket()) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue
    raise Failed("no port is free")


# ---- Programs ---------------------------------------------------------------

class Program:
    """One that runs, and the lines that it has printed, with their fields."""

    def __init__(self, name, arguments, **options):
        self.name = name
        self.lines = []
        self.errors = []
        self.cache = {}
        self.arrived = threading.Condition()
        self.process = subprocess.Popen(
            [str(argument) for argument in arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace", **options)
        self.readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.lines),
                         (self.process.stderr, self.errors))]
        for reader in self.readers:
            reader.start()

    def _read(self, stream, lines):
        for line in stream:
            with self.arrived:
                lines.append(line.rstrip("\n"))
                self.arrived.notify_all()

    def of(self, word):
        """The lines that begin with that word, without it."""
        with self.arrived:
            return [line[len(word) + 1:] for line in self.lines
                    if line.startswith(word + " ")]

    def parsed(self, word, parse):
        """What parse makes of these lines. It sees each of them once."""
        with self.arrived:
            seen, out = self.cache.setdefault(word, [0, []])
            out.extend(parse(line[len(word) + 1:]) for line in self.lines[seen:]
                       if line.startswith(word + " "))
            self.cache[word][0] = len(self.lines)
            return list(out)

    def wait_for(self, pattern, seconds, lines=None, count=1):
        """The count-th line that matches, as a match."""
        expression = re.compile(pattern)

        def found():
            matches = [match for match in map(
                expression.search, self.lines if lines is None else lines)
                if match]
            return matches[count - 1] if len(matches) >= count else None

        end = time.monotonic() + seconds
        with self.arrived:
            while not (match := found()):
                left = end - time.monotonic()
                expect(left > 0, "%s has not said %r within %.1f s; its last "
                       "words: %s", self.name, pattern, seconds,
                       " | ".join((self.lines + self.errors)[-3:]))
                self.arrived.wait(min(left, 0.5))
            return match

    def close_input(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait_end(self, seconds):
        """Its exit status, when all that it has printed is read."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed("%s has not ended within %d s" % (self.name, seconds)) \
                from None
        for reader in self.readers:
            reader.join()
        return status

    def expect_end(self, seconds, text=""):
        status = self.wait_end(seconds)
        expect(status == 0, "%s ended with %d%s: %s", self.name, status, text,
               " | ".join(self.errors[-30:]))

    def discard(self):
        if self.process.poll() is None:
            self.kill()
        for reader in self.readers:
            reader.join()
        for stream in (self.process.stdin, self.process.stdout,
                       self.process.stderr):
            with contextlib.suppress(OSError):
                stream.close()


def flags(options):
    """max_age_ms=1000 as "--max-age-ms 1000"."""
    out = []
    for name, value in options.items():
        out += ["--" + name.replace("_", "-"), str(value)]
    return out


class Server(Program):
    port = 0

    def await_port(self):
        self.port = int(self.wait_for(r"^listening (\d+)", 10)[1])
        self.target = "127.0.0.1:%d" % self.port
        return self

    def begun(self):
        """Each begun call: (id, when, the client's address)."""
        return self.parsed("begin", lambda line: tuple(line.split(" ", 2)))

    def drain(self):
        """As a deployment does it: not one call is lost."""
        self.send(signal.SIGTERM)


class Call:
    def __init__(self, line):
        fields = line.split(" ", 6)
        self.id, self.kind, mode, self.code = fields[:4]
        self.waits = mode == "wait"
        self.start, self.end = float(fields[4]), float(fields[5])
        self.text = fields[6] if len(fields) > 6 else ""

    def __str__(self):
        return "%s (%s, %s) %s after %.3f s: %s" % (
            self.id, self.kind, "waits" if self.waits else "fails fast",
            self.code, self.end - self.start, self.text)


class Client(Program):
    language = ""

    def calls(self):
        return self.parsed("call", Call)

    def failures(self):
        return [call for call in self.calls() if call.code != "OK"]

    def finish(self, seconds=30):
        """Has it make no more calls, and waits for those that it has begun."""
        self.close_input()
        return self.join(seconds)

    def join(self, seconds=30):
        self.expect_end(seconds)
        calls = self.calls()
        done = self.of("done")
        expect(len(done) == 1, "%s has no account", self.name)
        expect(done[0] == "%d %d" % (len(calls), len(calls)),
               "%s has told of %d calls; begun and ended: %s", self.name,
               len(calls), done[0])
        return calls


# ---- The account ------------------------------------------------------------

def account(calls, servers, is_ours, exact=True):
    """What holds of every call, whatever has happened to it: it has one end; one
    that is not OK tells why; one that is OK was processed; none was processed
    twice. servers: all that there were, or None where they have no lines."""
    ids = set()
    for call in calls:
        expect(call.id not in ids, "%s has ended twice", call)
        ids.add(call.id)
        expect(call.code not in ("WRONG", "REFUSED"), "%s", call)
        if call.code != "OK":
            expect(call.text != "", "%s: no cause is told", call)
    if servers is None:
        return
    begun = {}
    for server in servers:
        for call_id, at, _ in server.begun():
            expect(call_id not in begun,
                   "call %s was processed twice, at %s and at %s", call_id,
                   begun.get(call_id), at)
            begun[call_id] = at
    for call in calls:
        expect(call.code != "OK" or call.id in begun,
               "%s: OK, though no server has seen it", call)
    if exact:
        expect(set(begun) <= ids, "a server has seen calls that nobody made")
    if is_ours:
        for call in calls:
            # (That the server has reset a stream is said as grpc-go says it.)
            if call.code == "UNAVAILABLE" and "RST_STREAM" not in call.text:
                expect(re.search(ADDRESS, call.text),
                       "%s: the cause has no address", call)


def none_lost(calls):
    """Not one call is lost."""
    lost = [call for call in calls if call.code != "OK"]
    expect(not lost, "%d of %d calls lost; the first: %s", len(lost),
           len(calls), lost[0] if lost else "")


# ---- Cases ------------------------------------------------------------------

class Case:
    def __init__(self, name, run, seconds, is_long, needs_root, is_ours):
        self.name = name
        self.is_ours = is_ours  # else the peer against itself
        self.run = run
        self.seconds = seconds
        self.is_long = is_long
        self.needs_root = needs_root


CASES = []


def case(name, seconds, pairs=(("", ""),), is_long=False, needs_root=False,
         **arguments):
    """Registers a case for each pair (client, server) of languages, as
    "client-to-server/name"; and the peer against itself, which checks the case.
    seconds: about how long it takes."""
    def register(function):
        peers = {(client and "go", server and "go") for client, server in pairs}
        for client, server in list(pairs) + sorted(peers - set(pairs)):
            def run(rig, client=client, server=server):
                if client and server:
                    function(rig, client, server, **arguments)
                elif client or server:
                    function(rig, client or server, **arguments)
                else:
                    function(rig, **arguments)
            prefix = "-to-".join(filter(None, (client, server)))
            CASES.append(Case("/".join(filter(None, (prefix, name))), run,
                              seconds, is_long, needs_root,
                              (client, server) in pairs))
        return function
    return register


class Rig:
    """What one case has started."""

    def __init__(self, programs, go_peer, name, is_long):
        self.programs = pathlib.Path(programs)
        self.go_peer = go_peer
        self.name = name
        self.is_long = is_long
        self.ends = contextlib.ExitStack()
        self.started = []

    def add(self, program):
        self.started.append(program)
        self.ends.callback(program.discard)
        return program

    def folder(self):
        """A temporary one, which others may read."""
        folder = self.ends.enter_context(tempfile.TemporaryDirectory())
        os.chmod(folder, 0o755)
        return pathlib.Path(folder)

    def _peer(self, language, role, space):
        inside = ["ip", "netns", "exec", space] if space else []
        if language == "go":
            return inside + [self.go_peer, role]
        return inside + [self.programs / ("peers_" + role)]

    def server(self, language, space=None, **options):
        """Starts a server; one at port 0 has a port of its own."""
        options.setdefault("address", "127.0.0.1:%d" % free_port())
        server = self.add(Server(
            "%s server" % language,
            self._peer(language, "server", space) + flags(options)))
        server.options = options
        server.language = language
        return server.await_port()

    def restart(self, server, **options):
        """Another server at the same address."""
        return self.server(server.language, **{**server.options, **options})

    def client(self, language, target, space=None, **options):
        """Starts a client, which calls until Client.finish()."""
        if language == "c" and "," in target:
            target = "ipv4:" + target
        client = self.add(Client(
            "%s client" % language,
            self._peer(language, "client", space) +
            flags({"target": target, **options})))
        client.language = language
        return client

    def load(self, language, target, **options):
        """A client with calls of all kinds at a time, some of which take their
        time; half of the slots wait for ready."""
        return self.client(language, target, **{
            "concurrency": 16, "wait_for_ready": "half", "pace_ms": 20,
            "sleep_most_ms": 40, **options})

    def words(self):
        """What all programs have said last, for a failure."""
        out = []
        for program in self.started:
            told = [line for line in program.lines
                    if not line.startswith(("begin ", "answered ", "cut "))
                    and " OK " not in line]
            out += ["%s: %s" % (program.name, line)
                    for line in told[-12:] + program.errors[-30:]]
        return out


def run_case(one, programs, go_peer, is_long):
    """(outcome, reason, words), with outcome "ok", "FAILED" or "left out"."""
    if one.needs_root and os.geteuid() != 0:
        return "left out", "needs root, for network namespaces", []
    rig = Rig(programs, go_peer, one.name, is_long)
    with rig.ends:
        try:
            one.run(rig)
            return "ok", "", []
        except LeftOut as reason:
            return "left out", str(reason), []
        except Failed as reason:
            return "FAILED", str(reason), rig.words()
        except Exception:  # pylint: disable=broad-except
            return "FAILED", traceback.format_exc(), rig.words()


def choose(pattern, is_long, is_ours):
    return [one for one in CASES if fnmatch.fnmatch(one.name, pattern)
            and (is_long or not one.is_long) and one.is_ours == is_ours]
