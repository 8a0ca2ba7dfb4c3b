# SPDX-License-Identifier: MIT
"""Behind nginx (grpc_pass) and haproxy (proto h2), as Debian has them, on their
defaults but for what a case is about."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import time

from rig import (Failed, Program, account, case, expect, free_port, none_lost,
                 wait_until)

# A client and a server that a proxy stands between.
AROUND = (("c", "go"), ("go", "c"), ("c", "c"))

NGINX = """
daemon off;
pid %(folder)s/nginx.pid;
error_log stderr notice;
worker_processes 1;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    upstream backend { server 127.0.0.1:%(backend)d; %(upstream)s }
    server {
        listen 127.0.0.1:%(port)d http2;
        %(settings)s
        location / { grpc_pass grpc://backend; }
    }
}
"""

HAPROXY = """
global
    log stderr format raw local0 notice
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    %(settings)s
frontend front
    bind 127.0.0.1:%(port)d proto h2
    default_backend back
backend back
    server one 127.0.0.1:%(backend)d proto h2
"""


class Between(Program):
    """A proxy that runs in front of a backend, as nobody."""

    def __init__(self, arguments, port):
        options = {}
        if os.geteuid() == 0:
            options = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        super().__init__(os.path.basename(arguments[0]), arguments, **options)
        self.port = port
        self.target = "127.0.0.1:%d" % port

    def await_open(self):
        def is_open():
            with contextlib.closing(socket.socket()) as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        wait_until(is_open, 10, "%s does not listen: %s", self.name,
                   " | ".join(self.errors))

    def discard(self):
        # nginx has workers, which end with it when it is asked to end.
        if self.process.poll() is None:
            self.send(signal.SIGTERM)
            try:
                self.wait_end(5)
            except Failed:
                pass
        super().discard()


def find(program):
    path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")
    expect(path, "%s is missing: tests/deps peers", program)
    return path


def configured(rig, text, **values):
    folder = rig.folder()
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    path = folder / "configuration"
    path.write_text(text % {"folder": folder, **values})
    return path, folder


def nginx(rig, backend, settings="", upstream=""):
    port = free_port()
    path, folder = configured(rig, NGINX, port=port, backend=backend.port,
                              settings=settings, upstream=upstream)
    program = rig.add(Between([find("nginx"), "-e", "stderr", "-p", folder,
                               "-c", path], port))
    program.await_open()
    return program


def haproxy(rig, backend, settings=""):
    port = free_port()
    path, _ = configured(rig, HAPROXY, port=port, backend=backend.port,
                         settings=settings)
    program = rig.add(Between([find("haproxy"), "-db", "-f", path], port))
    program.await_open()
    return program


PROXIES = {"nginx": nginx, "haproxy": haproxy}


# How many large calls of all kinds may be open at a time. In haproxy 2.6 several
# come to a standstill, with any client and server (grpc-go's own, too): all
# streams of a connection share one buffer, and one that is full holds up all.
LARGE_AT_A_TIME = {"nginx": 8, "haproxy": 1}


def all_kinds(name):
    @case(name + "/kinds", 4, AROUND)
    def run(rig, client_language, server_language):
        """All four kinds of calls, small and large, not one of them lost."""
        server = rig.server(server_language)
        between = PROXIES[name](rig, server)
        small = rig.load(client_language, between.target)
        slow = rig.client(client_language, between.target, concurrency=4,
                          messages=5, sleep_ms=200, calls=2, tag="slow")
        calls = slow.join() + small.finish()
        at_a_time = LARGE_AT_A_TIME[name]
        for kind in ("mixed",) if at_a_time > 1 else (
                "unary", "server", "client", "bidi"):
            large = rig.client(client_language, between.target, kind=kind,
                               concurrency=at_a_time, size=200000, messages=4,
                               calls=3, tag="large-" + kind)
            calls += large.join()
        account(calls, [server], client_language == "c")
        none_lost(calls)
    return run


def backend_restarts(name):
    @case(name + "/restart", 5, AROUND)
    def run(rig, client_language, server_language):
        """The backend is drained, is away for a moment, and comes back. What the
        proxy answers meanwhile is its own, and told; before and after, not one
        call is lost."""
        server = rig.server(server_language)
        between = PROXIES[name](rig, server)
        client = rig.load(client_language, between.target)
        time.sleep(0.7)
        left = time.monotonic()
        server.drain()
        server.expect_end(10)
        time.sleep(0.3)
        second = rig.restart(server)
        back = wait_until(lambda: [
            call for call in client.calls()
            if call.code == "OK" and call.start > left + 0.4], 20,
            "no call succeeds after the restart")[0].end
        time.sleep(1)
        calls = client.finish()
        account(calls, [server, second], False)
        for call in calls:
            if call.code != "OK":
                expect(call.code in ("UNAVAILABLE", "INTERNAL", "CANCELLED"),
                       "another code: %s", call)
                expect(left <= call.end and call.start <= back + 0.2,
                       "lost, though the backend was there: %s", call)
        good = [call for call in calls if call.code == "OK" and
                call.start > back]
        expect(len(good) > 30, "only %d calls after the restart", len(good))
    return run


for each in PROXIES:
    all_kinds(each)
    backend_restarts(each)


@case("nginx/requests", 5, AROUND)
def requests(rig, client_language, server_language):
    """nginx sends GOAWAY with the n-th request of a connection, and answers no
    later one: not one unary call is lost, for those are not processed."""
    server = rig.server(server_language)
    between = nginx(rig, server, settings="keepalive_requests 50;",
                    upstream="keepalive 8;")
    client = rig.load(client_language, between.target, kind="unary",
                      wait_for_ready="none", sleep_most_ms=10, pace_ms=5)
    time.sleep(10 if rig.is_long else 3)
    calls = client.finish()
    account(calls, [server], client_language == "c")
    none_lost(calls)
    expect(len(calls) > 500, "only %d calls", len(calls))


@case("nginx/requests/streams", 5, AROUND)
def requests_streams(rig, client_language, server_language):
    """The same with streams."""
    server = rig.server(server_language)
    between = nginx(rig, server, settings="keepalive_requests 50;")
    client = rig.load(client_language, between.target, wait_for_ready="none",
                      sleep_most_ms=10, pace_ms=5)
    time.sleep(10 if rig.is_long else 3)
    calls = client.finish()
    account(calls, [server], client_language == "c")
    none_lost(calls)


@case("nginx/reload", 5, AROUND)
def reload(rig, client_language, server_language):
    """nginx is told to read its configuration again (SIGHUP): the old worker says
    GOAWAY and finishes what it has, a new one takes the next connection. Not one
    call is lost."""
    server = rig.server(server_language)
    between = nginx(rig, server)
    client = rig.load(client_language, between.target, wait_for_ready="none")
    slow = rig.client(client_language, between.target, concurrency=4,
                      messages=5, sleep_ms=150, tag="slow")
    for turn in range(8 if rig.is_long else 3):
        time.sleep(0.8)
        between.send(signal.SIGHUP)
        between.wait_for("gracefully shutting down", 5, between.errors,
                         turn + 1)
    time.sleep(0.8)
    calls = client.finish() + slow.finish()
    account(calls, [server], client_language == "c")
    none_lost(calls)


@case("nginx/idle", 5, AROUND)
def nginx_idle(rig, client_language, server_language):
    """nginx closes connections that are idle for a second."""
    server = rig.server(server_language)
    between = nginx(rig, server, settings="keepalive_timeout 1s;")
    client = rig.client(client_language, between.target, calls=3, pace_ms=1500)
    calls = client.join(15)
    account(calls, [server], client_language == "c")
    none_lost(calls)


@case("haproxy/idle", 5, AROUND)
def haproxy_idle(rig, client_language, server_language):
    """haproxy closes connections that are idle for a second."""
    server = rig.server(server_language)
    between = haproxy(rig, server, settings="timeout http-keep-alive 1s")
    client = rig.client(client_language, between.target, calls=3, pace_ms=1500)
    calls = client.join(15)
    account(calls, [server], client_language == "c")
    none_lost(calls)


@case("haproxy/stop", 5, AROUND)
def haproxy_stop(rig, client_language, server_language):
    """haproxy stops softly (SIGUSR1) and another one takes its place: calls that
    wait for ready are not lost."""
    server = rig.server(server_language)
    between = haproxy(rig, server)
    client = rig.load(client_language, between.target, wait_for_ready="all")
    time.sleep(0.7)
    between.send(signal.SIGUSR1)
    between.wait_end(10)
    path = between.process.args[-1]
    another = rig.add(Between([find("haproxy"), "-db", "-f", path],
                              between.port))
    another.await_open()
    before = len(client.calls())
    wait_until(lambda: len(client.calls()) > before + 50, 10,
               "calls do not go on with the new proxy")
    calls = client.finish()
    account(calls, [server], client_language == "c")
    none_lost(calls)


