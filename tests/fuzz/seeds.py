#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Usage: tests/fuzz/seeds.py FOLDER

Writes first inputs for the fuzz targets, FOLDER/<target>/<hash>: sessions of
HTTP/2, good ones and one for each rule that a peer can break, the examples of
RFC 7541, and what the unit tests contain. The same every time.
"""
import hashlib
import pathlib
import random
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = pathlib.Path(sys.argv[1])

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 5, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 32

MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def write(target, content):
    folder = OUT / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(content).hexdigest()).write_bytes(content)


def frame(kind, flags, stream, payload=b""):
    head = struct.pack(">I", len(payload))[1:]
    return head + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def word(number):
    return struct.pack(">I", number)


def settings(*pairs):
    entries = b"".join(struct.pack(">HI", k, v) for k, v in pairs)
    return frame(SETTINGS, 0, 0, entries)


def literal(name, value, first=0x40):
    name, value = name.encode(), value.encode()
    assert len(name) < 127 and len(value) < 127
    return (bytes([first, len(name)]) + name +
            bytes([len(value)]) + value)


def message(content, flag=0):
    return bytes([flag]) + word(len(content)) + content


def block(*fields, start=b"\x83\x86\x44\x05/a.B/"):
    return start + b"".join(literal(*field) for field in fields)


GRPC = ("content-type", "application/grpc")
TE = ("te", "trailers")
REQUEST = block(GRPC, TE)
RESPONSE = b"\x88" + literal(*GRPC)
TRAILERS = literal("grpc-status", "0")
ALL = END_HEADERS | END_STREAM


# A message with one string.
HELLO = b"\x0a\x05hello"


def call(stream=1, fields=(), content=HELLO, first=REQUEST):
    return (frame(HEADERS, END_HEADERS, stream,
                  first + b"".join(literal(*f) for f in fields)) +
            frame(DATA, END_STREAM, stream, message(content)))


def reply(stream=1, content=HELLO, status="0", text=None):
    trailers = literal("grpc-status", status)
    if text:
        trailers += literal("grpc-message", text)
    return (frame(HEADERS, END_HEADERS, stream, RESPONSE) +
            frame(DATA, 0, stream, message(content)) +
            frame(HEADERS, ALL, stream, trailers))


# ---- What either peer may send, right or wrong --------------------------------

def common(stream_start):
    """Sessions that begin with stream_start, which opens stream 1."""
    start = stream_start
    ping = frame(PING, 0, 0, b"12345678")
    yield b""
    yield ping + ping
    yield frame(PING, ACK, 0, b"12345678")
    yield frame(PING, 0, 1, b"12345678")
    yield frame(PING, 0, 0, b"1234")
    yield settings((1, 0), (3, 1), (4, 100), (5, 20000), (6, 100))
    yield settings((1, 100), (1, 4096)) + start
    yield settings((4, 0)) + start + settings((4, 65535))
    yield settings((4, 0x7fffffff))
    yield settings((4, 0x80000000))
    yield settings((5, 100))
    yield settings((5, 0xffffff))
    yield settings((2, 0))
    yield settings((2, 1))
    yield settings((2, 2))
    yield settings((99, 1), (0, 1))
    yield settings(*[(99, 1)] * 33)
    yield frame(SETTINGS, ACK, 0)
    yield frame(SETTINGS, ACK, 0) * 2
    yield frame(SETTINGS, ACK, 0, b"123456")
    yield frame(SETTINGS, 0, 1)
    yield frame(SETTINGS, 0, 0, b"1234567")
    yield frame(WINDOW_UPDATE, 0, 0, word(0))
    yield frame(WINDOW_UPDATE, 0, 0, word(100000))
    yield frame(WINDOW_UPDATE, 0, 0, word(0x7fffffff)) * 2
    yield frame(WINDOW_UPDATE, 0, 0, b"123")
    yield start + frame(WINDOW_UPDATE, 0, 1, word(0))
    yield start + frame(WINDOW_UPDATE, 0, 1, word(0x7fffffff)) * 2
    yield start + frame(WINDOW_UPDATE, 0, 1, word(1))
    yield frame(WINDOW_UPDATE, 0, 99, word(1))
    yield start + frame(WINDOW_UPDATE, 0, 1, word(0x7fff0000)) + \
        settings((4, 70000))
    yield start + frame(WINDOW_UPDATE, 0, 1, word(0x7fff0000)) + \
        frame(RST_STREAM, 0, 1, word(8)) + settings((4, 0x7fffffff))
    yield start + settings((4, 0x7fffffff)) + settings((4, 0))
    yield frame(GOAWAY, 0, 0, word(0) + word(0))
    yield frame(GOAWAY, 0, 0, word(5) + word(2) + b"bye " * 70)
    yield frame(GOAWAY, 0, 0, word(1) + word(0)) + \
        frame(GOAWAY, 0, 0, word(5) + word(0))
    yield frame(GOAWAY, 0, 0, word(0x7fffffff) + word(0)) + start
    yield frame(GOAWAY, 0, 1, word(0) + word(0))
    yield frame(GOAWAY, 0, 0, word(0))
    yield start + frame(RST_STREAM, 0, 1, word(8))
    yield start + frame(RST_STREAM, 0, 1, word(8)) * 2
    yield start + frame(RST_STREAM, 0, 1, word(8)) + frame(DATA, 0, 1, b"x")
    yield frame(RST_STREAM, 0, 0, word(8))
    yield frame(RST_STREAM, 0, 99, word(8))
    yield frame(RST_STREAM, 0, 1, b"123")
    yield frame(PRIORITY, 0, 1, word(3) + b"\x0f")
    yield frame(PRIORITY, 0, 1, word(1) + b"\x0f")
    yield frame(PRIORITY, 0, 0, word(1) + b"\x0f")
    yield frame(PRIORITY, 0, 1, word(1))
    yield start + frame(PUSH_PROMISE, END_HEADERS, 1, word(2) + b"\x88")
    yield frame(CONTINUATION, END_HEADERS, 1, b"\x88")
    yield frame(0xbb, 0, 0, b"unknown") + start
    yield frame(0xbb, 0xff, 7, b"u" * 300) + ping
    yield frame(DATA, 0, 0, b"x")
    yield frame(DATA, 0, 1, b"x")
    yield frame(DATA, 0, 2, b"x")
    yield start + frame(DATA, 0, 1, message(HELLO)[:4]) + \
        frame(DATA, END_STREAM, 1, message(HELLO)[4:])
    yield start + frame(DATA, PADDED | END_STREAM, 1,
                        b"\x04" + message(b"ab") + b"\0" * 4)
    yield start + frame(DATA, PADDED, 1, b"\x00") + frame(DATA, PADDED, 1,
                                                          b"\x02\0\0")
    yield start + frame(DATA, PADDED, 1, b"\x09ab")
    yield start + frame(DATA, PADDED, 1, b"")
    yield start + frame(DATA, 0, 1, b"") * 3
    yield start + frame(DATA, END_STREAM, 1, b"") + frame(DATA, 0, 1, b"late")
    yield start + frame(DATA, END_STREAM, 1, message(b"z" * 5000))
    yield start + frame(DATA, END_STREAM, 1, message(b"a") + message(b"b"))
    yield start + frame(DATA, END_STREAM, 1, message(b"a", 1))
    yield start + frame(DATA, END_STREAM, 1, message(b"a", 2))
    yield start + frame(DATA, END_STREAM, 1, b"\0" + word(0xffffffff) + b"x")
    yield start + frame(DATA, 0, 1, b"\0" * 16385)
    yield start + frame(DATA, 0, 1, b"\0" + word(30000) + b"y" * 16000) + \
        frame(DATA, END_STREAM, 1, b"y" * 2500)
    yield frame(HEADERS, END_HEADERS, 0, b"\x88")
    yield frame(HEADERS, END_HEADERS, 2, b"\x88")
    yield frame(HEADERS, END_HEADERS | PADDED, 1, b"\x09\x88")
    yield frame(HEADERS, END_HEADERS | PADDED, 1, b"")
    yield frame(HEADERS, END_HEADERS | PRIORITIZED, 1, b"\0\0")
    yield frame(HEADERS, END_HEADERS, 1, b"\xbe")
    yield frame(HEADERS, END_HEADERS, 1, b"\x3f\xff\xff\xff\x7f")
    yield frame(HEADERS, END_HEADERS, 1, b"\x80")


def split_block(whole, count, flags=0, stream=1):
    step = max(1, len(whole) // count)
    pieces = [whole[i:i + step] for i in range(0, len(whole), step)]
    out = b""
    for i, piece in enumerate(pieces):
        last = END_HEADERS if i == len(pieces) - 1 else 0
        if i == 0:
            out += frame(HEADERS, last | flags, stream, piece)
        else:
            out += frame(CONTINUATION, last, stream, piece)
    return out


def bad_requests():
    """Field lists that section 8 or gRPC forbids."""
    yield block()
    yield block(GRPC, ("Upper", "x"))
    yield block(GRPC, ("connection", "close"))
    yield block(GRPC, ("te", "gzip"))
    yield block(GRPC, ("transfer-encoding", "chunked"))
    yield block(GRPC, (":path", "/twice"))
    yield block(GRPC, (":late", "x"))
    yield block(GRPC, ("a b", "x"))
    yield block(GRPC, ("", "x"))
    yield block(GRPC, ("x", "a\r\nb"))
    yield block(GRPC, ("x", "\0"))
    yield block(GRPC, ("x", " space "))
    yield block(GRPC, ("host", "a"), ("host", "b"))
    yield block(GRPC, ("cookie", "a=b"), ("cookie", "c=d"))
    yield block(GRPC, ("grpc-timeout", "10S"))
    yield block(GRPC, ("grpc-timeout", "123456789S"))
    yield block(GRPC, ("grpc-timeout", "0n"))
    yield block(GRPC, ("grpc-encoding", "gzip"))
    yield block(GRPC, ("grpc-encoding", "identity"))
    yield block(GRPC, ("content-length", "10"))
    yield block(GRPC, ("content-length", "10"), ("content-length", "11"))
    yield block(GRPC, ("content-length", "-1"))
    yield block(GRPC, ("content-length", "99999999999999999999"))
    yield block(("content-type", "application/grpc+proto"))
    yield block(("content-type", "text/html"))
    yield block(GRPC, start=b"\x82\x86\x84")
    yield block(GRPC, start=b"\x83\x86")
    yield block(GRPC, start=b"\x83\x84")
    yield block(GRPC, start=b"\x86\x84")
    yield block(GRPC, start=b"\x83\x86\x44\x00")
    yield block(GRPC, start=b"\x83\x86\x44\x01a")
    yield block(GRPC, start=b"\x83\x86\x84" + literal(":authority", "u@h"))
    yield block(GRPC, start=b"\x88\x83\x86\x84")
    yield block(GRPC, start=literal(":method", "CONNECT") +
                literal(":authority", "a"))
    yield block(GRPC, *[("n%d" % i, "v" * 100) for i in range(110)])
    yield block(GRPC, *[("n", "v" * 120) for i in range(150)])


def server_sessions():
    start = frame(HEADERS, END_HEADERS, 1, REQUEST)
    yield from common(start)
    yield call()
    yield b"".join(call(stream) for stream in (1, 3, 5, 7))
    yield call(1) + call(3, first=b"\x83\x86\xbf\xbe") * 2
    yield frame(HEADERS, ALL, 1, REQUEST)
    yield b"".join(call(stream, (("grpc-timeout", "50m"),))
                   for stream in range(1, 60, 2))
    yield call(content=b"\x0a\x7f" + b"h" * 127) + \
        call(3, content=b"\x0a\xf8\x7f" + b"h" * 16376) * 2
    yield call(5) + call(3)
    yield call(1) + start
    yield start + frame(HEADERS, ALL, 1, literal("x", "y"))
    yield start + frame(HEADERS, END_HEADERS, 1, literal("x", "y"))
    yield start + frame(HEADERS, ALL, 1, literal(":status", "200"))
    yield frame(HEADERS, END_HEADERS, 1, block(GRPC, ("content-length", "9"))) + \
        frame(DATA, 0, 1, b"1234") + frame(HEADERS, ALL, 1, literal("x", "y"))
    yield frame(HEADERS, END_HEADERS | PADDED | PRIORITIZED, 1,
                b"\x03" + word(0) + b"\x10" + REQUEST + b"\0\0\0")
    yield frame(HEADERS, END_HEADERS | PRIORITIZED, 1,
                word(1) + b"\x10" + REQUEST)
    yield split_block(REQUEST, 4)
    yield split_block(REQUEST, 8)
    yield split_block(REQUEST, 20)
    yield frame(HEADERS, 0, 1, REQUEST) + frame(PING, 0, 0, b"12345678")
    yield frame(HEADERS, 0, 1, REQUEST) + frame(CONTINUATION, 4, 3, b"")
    yield frame(HEADERS, 0, 1, REQUEST) + frame(CONTINUATION, 4, 1, b"")
    yield b"".join(frame(HEADERS, END_HEADERS, s, b"\x83\x86\x84")
                   for s in range(1, 270, 2))
    yield b"".join(frame(HEADERS, END_HEADERS, s, b"\x83\x86\x84") +
                   frame(RST_STREAM, 0, s, word(8))
                   for s in range(1, 150, 2))
    yield start + frame(DATA, 0, 1, b"\0" + word(90000) + b"m" * 16000) + \
        b"".join(frame(DATA, 0, 1, b"m" * 900) for _ in range(3))
    yield frame(HEADERS, END_HEADERS, 0x7fffffff, REQUEST) + call(1)
    for fields in bad_requests():
        yield frame(HEADERS, ALL, 1, fields)
        yield split_block(fields, 3) + frame(DATA, END_STREAM, 1, b"0123456789")


def client_sessions():
    start = frame(HEADERS, END_HEADERS, 1, RESPONSE)
    yield from common(start)
    yield reply()
    yield b"".join(reply(stream) for stream in (1, 3, 5, 7, 9))
    yield reply(7) + reply(3, status="13", text="a%20b%zz%e2%82%ac") + reply(1)
    yield frame(HEADERS, ALL, 1, RESPONSE + literal("grpc-status", "12") +
                literal("grpc-message", "no"))
    for status in ("100", "103", "204", "304", "404", "503", "99", "1000", "x"):
        head = literal(":status", status)
        yield frame(HEADERS, END_HEADERS, 1, head)
        yield frame(HEADERS, ALL, 1, head)
        yield frame(HEADERS, END_HEADERS, 1, head) * 10
        yield frame(HEADERS, END_HEADERS, 1, head) + reply()
        yield frame(HEADERS, END_HEADERS, 1,
                    head + literal("content-length", "3")) + \
            frame(DATA, END_STREAM, 1, b"abc")
    yield start + frame(HEADERS, END_HEADERS, 1, literal("grpc-status", "0"))
    yield start + frame(HEADERS, ALL, 1, b"\x88")
    yield frame(HEADERS, END_HEADERS, 1,
                RESPONSE + literal("content-length", "9")) + \
        frame(DATA, 0, 1, b"1234") + frame(HEADERS, ALL, 1, TRAILERS)
    yield frame(HEADERS, END_HEADERS, 1, literal(*GRPC))
    yield frame(HEADERS, END_HEADERS, 1, b"\x83\x86\x84")
    yield frame(HEADERS, END_HEADERS, 1, b"\x88\x88")
    yield frame(HEADERS, END_HEADERS, 99, RESPONSE)
    yield split_block(RESPONSE, 5) + frame(DATA, END_STREAM, 1, message(b""))
    yield split_block(RESPONSE, 30)
    yield frame(RST_STREAM, 0, 1, word(7)) + reply(3)
    yield reply(1) + frame(RST_STREAM, 0, 1, word(0))
    yield frame(GOAWAY, 0, 0, word(1) + word(0)) + reply(1)
    yield frame(GOAWAY, 0, 0, word(0x7fffffff) + word(0)) + reply(1) + \
        frame(GOAWAY, 0, 0, word(3) + word(11) + b"too_many_pings")
    yield start + frame(WINDOW_UPDATE, 0, 1, word(1000)) * 3
    yield b"HTTP/1.1 400 Bad Request\r\n\r\n"


def toy_record(kind, content):
    """A record of tests/toy_tls.h."""
    return (struct.pack(">BH", kind, len(content)) +
            bytes(byte ^ 0x5a for byte in content))


def toy_seeds():
    for kind in range(8):
        record = toy_record(kind, b"localhost")
        for flags in (64, 65, 66, 67):
            for cut in (0, 1):
                write("fuzz_core", bytes([flags, cut, 0, 0]) + record)
                write("fuzz_core", bytes([flags, cut, 0, 0]) +
                      toy_record(1, b"h2") + toy_record(2, b"") + record)


# A key that is no secret: the curve's own point.
KEY = bytes.fromhex("30310201010420" + 31 * "00" +
                    "01a00a06082a8648ce3d030107")


def credentials_seeds():
    """Of the certificates of tests/certs.sh, when they are there."""
    target = "fuzz_credentials"
    for flags in range(64):
        write(target, bytes([flags, 0]) + b"\x1e".join(
            [b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----",
             KEY, b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----"]))
    for path in sorted((ROOT / "build/test/certs").glob("*.cr[tl]")):
        content = path.read_bytes()
        if len(content) <= 1900:
            for parts in ([content, KEY, content, content],
                          [b"", b"", content, content]):
                write(target, bytes([len(content) & 61, 0]) +
                      b"\x1e".join(parts)[:4000])


def peer_seeds(target, sessions, is_server):
    """Each session smooth and rough, whole and cut."""
    draw = random.Random(target)
    for session in sessions:
        requests = 0 if is_server else draw.choice((1, 3, 4, 0x2f, 0x57))
        rest = bytes([requests])
        write(target, bytes([0, 0, draw.choice((0, 1, 9)), 0, 0]) + rest +
              session)
        flags = draw.randrange(256) & ~2
        if draw.randrange(8) == 0:
            flags |= 192
        write(target, bytes([draw.randrange(256), flags, draw.randrange(40),
                             draw.choice((0, 0, 5, 12, 30)),
                             draw.randrange(256)]) + rest + session)
        write("fuzz_core", bytes([is_server | draw.choice((0, 0, 4, 8, 12, 16,
                                                           32, 60)),
                                  draw.choice((0, 1, 9, 30)),
                                  draw.choice((0, 0, 0, 40, 70)),
                                  draw.randrange(256)]) + session)
        # Over TLS: as plain text, and as a record.
        write("fuzz_core", bytes([is_server | 192 | draw.choice((0, 4, 8, 16)),
                                  draw.choice((0, 9, 30)),
                                  draw.choice((0, 0, 40, 70)),
                                  draw.randrange(256)]) + session)
        if draw.randrange(8) == 0:
            write("fuzz_core", bytes([is_server | 64, draw.choice((0, 1, 9)),
                                      draw.choice((0, 0, 40)), 0]) +
                  toy_record(3, (MAGIC if is_server else b"") + settings() +
                             session))
    for flags in range(0, 64, 4):
        for stall in ((4, 0), (4, 65535)):
            late = (("grpc-timeout", "20m"),)
            calls = (call(1, late) + call(3, late) + call(5) +
                     frame(RST_STREAM, 0, 3, word(8)) + call(7)
                     if is_server else
                     reply(1) + reply(5) + reply(3, status="5", text="%41"))
            write("fuzz_core", bytes([is_server | flags & ~2, 1 + flags, 0,
                                      flags * 4]) + settings(stall) + calls)
    # Floods.
    for flood in (frame(PING, 0, 0, b"12345678"), settings(),
                  settings((4, 0), (1, 0)), frame(DATA, 0, 1, b""),
                  frame(DATA, PADDED, 1, b"\x01\0"), frame(0xbb, 0, 0),
                  frame(PRIORITY, 0, 1, word(3) + b"\x0f"),
                  frame(WINDOW_UPDATE, 0, 1, word(1)),
                  frame(RST_STREAM, 0, 1, word(8)),
                  frame(DATA, 0, 1, b"d" * 1500),
                  frame(HEADERS, END_HEADERS, 1, REQUEST)):
        for flags in (192, 193, 193 | 8, 194 & ~2):
            start = frame(HEADERS, END_HEADERS, 1,
                          REQUEST if is_server else RESPONSE)
            write("fuzz_core", bytes([is_server | flags & 56, 0, 0,
                                      draw.randrange(256)]) + start +
                  flood * 60)
            for options, first in ((0, b""), (0, start), (3 | 16, start),
                                   (128, start)):
                head = bytes([options, flags, draw.choice((0, 0, 30)), 0,
                              draw.randrange(256), 4])
                write(target, head + bytes([len(first)]) + first + flood)
    hello = settings((3, 100), (4, 65535)) + frame(SETTINGS, ACK, 0) + call()
    for start in (MAGIC + hello, MAGIC + hello[9:], MAGIC[:20] + b"xxxx",
                  b"GET / HTTP/1.1\r\n\r\n", hello, b"", MAGIC):
        for cut in (0, 1, 7):
            write(target, bytes([0, 2 | 32, cut, 0, 0, 3]) + start)


# ---- HPACK ------------------------------------------------------------------

def strings_of(path, pattern):
    text = (ROOT / path).read_text()
    # Literals that stand side by side are one.
    joined = re.sub(r'"\s*\n?\s*"', "", text)
    return [m.group(1) for m in re.finditer(pattern, joined)]


HEX = r'"((?:[0-9a-f]{2}[ ]?)+)"'


def hex_of(path):
    return [bytes.fromhex(text) for text in strings_of(path, HEX)]


def hpack_decode_seeds():
    target = "fuzz_hpack_decode"
    blocks = [b for path in ("tests/test_hpack_vectors.c",
                             "tests/test_hpack_decode.c",
                             "tests/test_hpack_block.c",
                             "tests/test_hpack_encode.c")
              for b in hex_of(path) if 0 < len(b) < 255]
    for i, content in enumerate(blocks):
        head = bytes([0, 0, (0, 1, 5)[i % 3], 0])
        write(target, head + bytes([len(content)]) + content)
    for first in range(0, len(blocks), 3):
        several = b"".join(bytes([len(b)]) + b
                           for b in blocks[first:first + 4])
        for table, limit, cut, fail in ((0, 0, 1, 0), (2, 0, 4, 3),
                                        (3, 2, 0, 0), (5, 4, 2, 0),
                                        (1, 6, 8, 0)):
            write(target, bytes([table, limit, cut, fail]) + several)
    for size in (b"\0\0\0", b"\0\0\x40", b"\0\x10\0", b"\0\0\0\0\x10\0"):
        write(target, b"\0\0\1\0" + b"\x08\x40\x01a\x01b\xbe\xbe\x20" + size +
              b"\x03\x3f\x21\x82" + b"\x05\x20\x3f\x21\x40\x01")


def hpack_pair_seeds():
    draw = random.Random("pair")
    for number in range(60):
        script = bytes([draw.randrange(6), draw.choice((0, 1, 6, 40)),
                        draw.choice((0, 0, 0, 3, 9)), draw.randrange(4)])
        for _ in range(draw.choice((5, 40, 150))):
            kind = draw.randrange(10)
            if kind < 5:
                script += bytes([draw.randrange(128), draw.randrange(256)])
            elif kind < 7:
                size = draw.choice((0, 5, 30, 100))
                script += bytes([128 + draw.randrange(64), size & 31, size])
                script += draw.randbytes(size)
            elif kind < 9:
                script += bytes([193 + 4 * draw.randrange(15)])
            else:
                script += bytes([196 + 8 * draw.randrange(7)])
        write("fuzz_hpack_pair", script)


# ---- Two engines ------------------------------------------------------------

VERBS = ("open headers data last credit want writable reset release keep "
         "control settings flush deliver pass settle").split()


def action(verb, operand=0, side=0, which=0):
    return bytes([VERBS.index(verb) * 2 + side + 32 * which, operand])


def actor_seeds():
    draw = random.Random("actor")
    weights = [6, 4, 8, 4, 8, 3, 2, 1, 1, 2, 0.8, 1, 8, 8, 10, 2]
    for number in range(80):
        script = bytes([draw.randrange(256), 0, draw.randrange(256), 0])
        if number % 8 == 7:
            script = bytes([0, draw.randrange(20), 0, draw.randrange(30)])
        for _ in range(draw.choice((20, 100, 300))):
            verb = draw.choices(VERBS, weights)[0]
            script += action(verb, draw.randrange(256), draw.randrange(2),
                             draw.randrange(8))
        write("fuzz_h2_actor", script)
    call_ = (action("open", 0) + action("last", 0x45) + action("settle") +
             action("headers", 0, 1) + action("data", 0x45, 1) +
             action("headers", 0, 1) + action("settle", 0, 1) +
             action("credit", 128) + action("release") +
             action("release", 0, 1))
    write("fuzz_h2_actor", bytes(4) + call_ * 3)
    for verb in VERBS:
        for side in (0, 1):
            extra = action(verb, 0xff, side) + action(verb, 2, side)
            write("fuzz_h2_actor", bytes(4) + action("open", 0) +
                  action("data", 0x1f) + action("pass", 0x20) + extra +
                  action("settle") + action("data", 0x7f, 1) + extra + call_)


# ---- The rest ---------------------------------------------------------------

def deframe_seeds():
    target = "fuzz_deframe"
    streams = [message(b""), message(b"abc"), message(b"a") * 5,
               message(b"a", 1), message(b"a", 2), message(b"abc")[:-1],
               message(b"abc")[:3], b"\0" + word(20000) + b"z" * 3000,
               message(b"y" * 7000) + message(b""), b"\0" + b"\xff" * 4 + b"a",
               message(b"x" * 9000) + message(b"xy" * 5)]
    for content in streams:
        for head in (b"\0\0\0", b"\0\1\0", b"\1\5\0", b"\2\3\0", b"\3\x40\1",
                     b"\4\xff\2", b"\5\x20\0"):
            write(target, head + content)


def pb_seeds():
    pattern = r'"((?:[0-9a-f]{2} )*[0-9a-f]{2})"'
    for path in ("tests/test_pb_decode.c", "tests/test_pb_map.c",
                 "tests/test_pb_encode.c", "tests/test_pb_message.c"):
        for text in strings_of(path, pattern):
            for kind in range(9):
                write("fuzz_pb_decode", bytes([kind, 0, 0]) +
                      bytes.fromhex(text))
    write("fuzz_pb_decode", b"\5\0\0" + b"\x12\x02" * 150)


def text_seeds():
    plain = r'"([^"\\\n]{1,200})"'
    for path in ("tests/test_target.c", "tests/test_timeout.c",
                 "tests/test_percent.c"):
        for text in strings_of(path, plain):
            write("fuzz_target", text.encode())
    for text in strings_of("tests/test_tunnel.c", r'"((?:HT|ht)TP/[^"]*)"'):
        head = text.replace("\\r", "\r").replace("\\n", "\n").encode()
        for option in (b"\0", b"\2", b"\xff"):
            write("fuzz_proxy", option + head)
    lists = strings_of("tests/test_no_proxy.c", plain)
    for text in strings_of("tests/test_proxy.c", plain):
        write("fuzz_proxy", b"\0" + text.encode() + b"\0example.com:81\0x")
    for i, text in enumerate(lists):
        write("fuzz_proxy", b"\0http://a:b%40@c:1\0" + text.encode() + b"\0" +
              lists[i - 1].encode())
    for path in sorted(ROOT.glob("tests/gen_errors/*.proto")) + \
            sorted(ROOT.glob("tests/proto/*.proto")) + \
            sorted(ROOT.glob("examples/*/*.proto")) + \
            sorted(ROOT.glob("gen/proto/**/*.proto")):
        content = path.read_bytes()
        if len(content) <= 4096:
            write("fuzz_gen", content)
    for path in ("tests/test_gen_parser.c", "tests/test_gen_check.c",
                 "tests/test_gen_resolve.c", "tests/test_gen_names.c",
                 "tests/test_gen_emit.c", "tests/test_gen_lexer.c"):
        for text in strings_of(path, r'"((?:[^"\\\n]|\\.){8,4000})"'):
            content = text.replace("\\n", "\n").replace('\\"', '"').encode()
            write("fuzz_gen", content)
            write("fuzz_gen", b"syntax = 'proto3';\nimport 'u.proto';\n" +
                  content + b"\xff" + b"syntax = 'proto3'; package u; "
                  b"message U { int32 a = 1; } enum V { Z = 0; }")


def tls_seeds():
    # Names with a host each, of every type; URIs are no hosts.
    texts = strings_of("tests/test_tls_name.c", r'"([^"\\\n]{1,200})"')
    for i, text in enumerate(texts):
        name, host = text.encode(), texts[i - 1].encode()
        for type_ in range(4):
            write("fuzz_tls_name", bytes([1, type_, len(name)]) + name + host)
    write("fuzz_tls_name", b"\1\2\4\x7f\0\0\1127.0.0.1")
    # Handshakes with each set of flags, whole, and with a byte changed.
    for flags in range(64):
        write("fuzz_tls_session", bytes([flags | 8, 0]))
        write("fuzz_tls_session", bytes([flags | 8, 7, 0, 20, 1, 0, 200, 1]))
    for text in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n",
                 b"\0\0\0\4\0\0\0\0\0", b"\x15\3\3\0\2\2\x28"):
        for flags in range(2):
            write("fuzz_tls_session", bytes([flags, 1]) + text)


peer_seeds("fuzz_server_bytes", server_sessions(), True)
peer_seeds("fuzz_client_bytes", client_sessions(), False)
hpack_decode_seeds()
hpack_pair_seeds()
actor_seeds()
deframe_seeds()
pb_seeds()
text_seeds()
tls_seeds()
toy_seeds()
credentials_seeds()
