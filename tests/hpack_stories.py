#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Unpacks the public HPACK stories for tests/test_hpack_stories.c.

usage: hpack_stories.py ARCHIVE DIRECTORY

ARCHIVE is a tar file (plain or compressed) of http2jp/hpack-test-case: JSON
files named <encoder>/story_<number>.json. Each becomes one file
DIRECTORY/<encoder>-story_<number>.story in the format that the test reads; see
the head of that test.
"""

import json
import os
import posixpath
import sys
import tarfile

INITIAL_LIMIT = 4096


def escape(text):
    """Keeps printable ASCII except the backslash; \\xx for other bytes."""
    out = []
    for byte in text.encode("utf-8"):
        plain = 0x21 <= byte <= 0x7E and byte != 0x5C
        out.append(chr(byte) if plain else "\\%02x" % byte)
    return "".join(out)


def convert(story):
    """Returns the lines of one story."""
    limit = INITIAL_LIMIT
    for case in story["cases"]:
        wanted = case.get("header_table_size", limit)
        if wanted != limit:
            limit = wanted
            yield "limit %d" % limit
        yield "block %s" % case["wire"]
        for header in case["headers"]:
            for name, value in header.items():
                yield "field %s %s" % (escape(name), escape(value))


def main(arguments):
    if len(arguments) != 3:
        sys.exit(__doc__)
    archive, directory = arguments[1:]
    os.makedirs(directory, exist_ok=True)
    count = 0
    with tarfile.open(archive) as tar:
        for member in tar:
            folder, base = posixpath.split(member.name)
            encoder = posixpath.basename(folder)
            stem, extension = posixpath.splitext(base)
            if not member.isfile() or extension != ".json":
                continue
            story = json.load(tar.extractfile(member))
            path = os.path.join(directory, "%s-%s.story" % (encoder, stem))
            with open(path, "w", encoding="ascii", newline="\n") as out:
                out.writelines(line + "\n" for line in convert(story))
            count += 1
    if count == 0:
        sys.exit("no story in " + archive)
    print("%d stories in %s" % (count, directory))


if __name__ == "__main__":
    main(sys.argv)
