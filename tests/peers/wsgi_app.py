"""A WSGI application that does each thing of PEP 3333 once, and most of what it forbids; run by ugate's own workers."""

import gzip
import hashlib
import io
import json
import os
import sys
import tempfile
import time
from wsgiref.validate import validator

TEXT = [("Content-Type", "text/plain")]
HERE = os.path.abspath(__file__)
# Per process.
closed = []


class Closing:
    """An iterable that tells when it is closed."""

    def __init__(self, name, pieces):
        self._name = name
        self._pieces = iter(pieces)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._pieces)

    def close(self):
        closed.append(self._name)


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/").replace("-", "_") or "index"
    return globals()["do_" + name](environ, start_response)


def answer(start_response, value, fields=()):
    start_response("200 OK", [("Content-Type", "application/json"), *fields])
    return [json.dumps(value).encode()]


def query(environ, name, default="0"):
    return dict(pair.split("=", 1) for pair in environ["QUERY_STRING"].split("&") if "=" in pair).get(name, default)


def do_index(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"hello\n"]


def do_environ(environ, start_response):
    kinds = {key: value if isinstance(value, (str, bool)) else type(value).__name__ for key, value in environ.items()}
    return answer(start_response, {**kinds, "name": __name__, "cwd": os.getcwd(), "pid": os.getpid(), "argv": sys.argv, "os": dict(os.environ)})


def do_pid(environ, start_response):
    return answer(start_response, {"pid": os.getpid(), "parent": os.getppid(), "name": __name__, "closed": closed})


def do_read(environ, start_response):
    """Reads its body in the way that the query names."""
    body, how, size = environ["wsgi.input"], query(environ, "how"), int(query(environ, "size", "-1"))
    if how == "all":
        parts = [body.read()]
    elif how == "size":
        parts = list(iter(lambda: body.read(size), b""))
    elif how == "line":
        parts = list(iter(lambda: body.readline(size), b""))
    elif how == "lines":
        parts = body.readlines()
    else:
        parts = list(body)
    parts += [body.read(), body.read(5), body.readline()]
    return answer(start_response, [part.decode("latin-1") for part in parts])


def do_digest(environ, start_response):
    sha, size = hashlib.sha256(), 0
    while True:
        part = environ["wsgi.input"].read(100_000)
        if not part:
            return answer(start_response, {"size": size, "sha256": sha.hexdigest()})
        size += len(part)
        sha.update(part)


def do_large(environ, start_response):
    start_response("200 OK", TEXT)
    hold = float(query(environ, "hold"))
    return Closing("large", (time.sleep(hold * number) or b"x" * 1_000_000 for number in range(int(query(environ, "n")))))


def do_stream(environ, start_response):
    """Pieces with pauses, and empty ones, which are no reason to send anything."""

    def pieces():
        start_response("200 OK", TEXT)
        for number in range(3):
            yield b""
            yield b"piece %d\n" % number
            time.sleep(0.15)

    return Closing("stream", pieces())


def do_write(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"written ")
    write(b"first, ")
    return Closing("write", [b"then ", b"given\n"])


def do_list(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"one ", b"two ", b"three\n"]


def do_status(environ, start_response):
    start_response(query(environ, "code") + " Some Reason", TEXT)
    return [b"a body\n"]


def do_sized(environ, start_response):
    """Announces one length and gives another."""
    start_response("200 OK", [*TEXT, ("Content-Length", query(environ, "length"))])
    return iter([b"12345", b"67890"])


def do_error_first(environ, start_response):
    raise ValueError("before start_response")


def do_error_headless(environ, start_response):
    start_response("200 OK", TEXT)
    raise ValueError("behind start_response")


def do_error_late(environ, start_response):
    fields = [("Content-Length", "100")] if query(environ, "length") == "1" else []
    start_response("200 OK", [*TEXT, *fields])

    def pieces():
        yield b"the first half"
        raise ValueError("in the middle")

    return Closing("error_late", pieces())


def do_exc_info(environ, start_response):
    start_response("200 OK", [*TEXT, ("X-First", "1")])
    try:
        raise ValueError("shown to nobody")
    except ValueError:
        start_response("503 Later", TEXT, sys.exc_info())
    return [b"replaced\n"]


def do_exc_info_late(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"the first half"
    try:
        raise ValueError("behind the head")
    except ValueError:
        start_response("503 Later", TEXT, sys.exc_info())
    yield b"never seen"


def do_twice(environ, start_response):
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return []


def do_nothing(environ, start_response):
    return [b"no start_response\n"]


def do_exit(environ, start_response):
    sys.exit(3)


BAD = {
    "bytes": ("200 OK", [(b"X-Name", "value")]),
    "number": ("200 OK", [("X-Name", 7)]),
    "break": ("200 OK", [("X-Name", "value\r\nX-Other: smuggled")]),
    "lonely": ("200 OK", [("X-Name", "value\nX-Other: smuggled")]),
    "wide": ("200 OK", [("X-Name", "snowman \u2603")]),
    "pair": ("200 OK", ["X-Name"]),
    "status": ("OK", []),
    "status-number": (200, []),
    "length": ("200 OK", [("Content-Length", "many")]),
}


def do_bad(environ, start_response):
    start_response(*BAD[query(environ, "what")])
    return [b"never seen\n"]


def do_text(environ, start_response):
    start_response("200 OK", TEXT)
    return ["text, not bytes\n"]


def do_file(environ, start_response):
    """Files of several kinds by wsgi.file_wrapper."""
    kind = query(environ, "kind")
    fields = list(TEXT)
    if kind == "memory":
        file = io.BytesIO(b"memory\n" * 1000)
    elif kind == "gzip":
        path = os.path.join(tempfile.mkdtemp(), "zipped")
        with gzip.open(path, "wb") as zipped:
            zipped.write(b"unzipped\n" * 1000)
        file = gzip.open(path)
        os.unlink(path)
        os.rmdir(os.path.dirname(path))
    else:
        file = open(HERE, "rb")
        if kind == "tail":
            file.seek(100)
        if kind == "part":
            fields.append(("Content-Length", "50"))
    start_response("200 OK", fields)
    return environ["wsgi.file_wrapper"](file, 1000)


def do_sleep(environ, start_response):
    time.sleep(float(query(environ, "s")))
    return answer(start_response, {"pid": os.getpid()})


def do_spin(environ, start_response):
    """Stuck in C with the lock of the interpreter in hand: no Python code can interrupt it."""
    sum(range(10**12))


def do_say(environ, start_response):
    print("said on stdout")
    environ["wsgi.errors"].write("said on wsgi.errors\n")
    return do_index(environ, start_response)


validated = validator(application)


def make():
    return lambda environ, start_response: answer(start_response, "made")


async def asynchronous(scope, receive, send):
    pass
