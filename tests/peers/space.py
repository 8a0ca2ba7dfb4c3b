# SPDX-License-Identifier: MIT
"""Network namespaces: a client's and a server's, and a router between the two
that can be told to drop all that passes, without a word to either."""

import itertools
import os
import subprocess

import rig

_numbers = itertools.count()

CLIENT, SERVER = "10.200.1.2", "10.200.2.2"
# An address of the server's network at which nobody is: what is sent to it goes
# out, and nothing comes back.
SWALLOWS = "10.200.2.99"


def ip(*arguments):
    result = subprocess.run(["ip", *arguments], capture_output=True, text=True,
                            check=False)
    if result.returncode != 0:
        raise rig.Failed("ip %s: %s" % (" ".join(arguments),
                                        result.stderr.strip()))


class Space:
    def __init__(self):
        stem = "peers-%d-%d-" % (os.getpid(), next(_numbers))
        self.client, self.router, self.server = (
            stem + end for end in ("client", "router", "server"))

    def build(self):
        for name in (self.client, self.router, self.server):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        for name, near, net in ((self.client, "to-client", "10.200.1"),
                                (self.server, "to-server", "10.200.2")):
            ip("link", "add", "out", "netns", name, "type", "veth", "peer",
               "name", near, "netns", self.router)
            ip("-n", name, "address", "add", net + ".2/24", "dev", "out")
            ip("-n", name, "link", "set", "out", "up")
            ip("-n", self.router, "address", "add", net + ".1/24", "dev", near)
            ip("-n", self.router, "link", "set", near, "up")
            ip("-n", name, "route", "add", "default", "via", net + ".1")
        ip("-n", self.router, "neighbor", "add", SWALLOWS, "lladdr",
           "02:00:00:00:00:99", "dev", "to-server", "nud", "permanent")
        self.heal()

    def _forward(self, digit):
        ip("netns", "exec", self.router, "sh", "-c",
           "echo %d >/proc/sys/net/ipv4/ip_forward" % digit)

    def cut(self):
        """From now on the router drops everything."""
        self._forward(0)

    def heal(self):
        self._forward(1)

    def remove(self):
        for name in (self.client, self.router, self.server):
            subprocess.run(["ip", "netns", "del", name], check=False,
                           capture_output=True)


def add_space(rig_of_case):
    space = Space()
    rig_of_case.ends.callback(space.remove)
    space.build()
    return space


def remove_stale():
    """What a run that was killed has left."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True,
                            text=True, check=False).stdout
    for name in (line.split()[0] for line in listed.splitlines() if line):
        parts = name.split("-")
        if parts[0] == "peers" and len(parts) == 4 and \
                not os.path.exists("/proc/" + parts[1]):
            subprocess.run(["ip", "netns", "del", name], check=False)
