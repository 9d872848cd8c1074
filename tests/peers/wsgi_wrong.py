"""A WSGI application that breaks the rules of PEP 3333, each way by its name; run by ugate's own workers."""

import ctypes
import io
import json
import os
import signal
import sys
import tempfile
import time

TEXT = [("Content-Type", "text/plain")]
# What some apps keep beyond the end of their request.
kept = {}
closed = []


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/").replace("-", "_")
    if name in HEADS:
        start_response(*HEADS[name])
        return [b"never seen\n"]
    if name in RESULTS:
        start_response("200 OK", TEXT)
        return RESULTS[name]()
    if name in ERRORS:
        raise ERRORS[name]()
    return globals()["do_" + name](environ, start_response)


HEADS = {
    "control": ("200 OK", [("X-Name", "a\x01b")]),
    "delete": ("200 OK", [("X-Name", "a\x7fb")]),
    "status_control": ("200 O\x07K", []),
    "status_long": ("2000 OK", []),
    "status_words": ("fine", []),
    "status_none": (None, []),
    "status_low": ("099 Low", []),
    "interim": ("100 Continue", []),
    "switching": ("101 Switching Protocols", [("Upgrade", "x")]),
    "name_space": ("200 OK", [("X Name", "a")]),
    "name_colon": ("200 OK", [("X-Name:", "a")]),
    "name_empty": ("200 OK", [("", "a")]),
    "name_latin": ("200 OK", [("X-N\xe4me", "a")]),
    "name_break": ("200 OK", [("X\r\nY", "a")]),
    "headers_none": ("200 OK", None),
    "headers_triple": ("200 OK", [("X-Name", "a", "b")]),
    "length_twice": ("200 OK", [("Content-Length", "3"), ("content-length", "4")]),
    "length_huge": ("200 OK", [("Content-Length", "9" * 5000)]),
    "length_negative": ("200 OK", [("Content-Length", "-3")]),
    "length_coded": ("200 OK", [("Content-Length", "3"), ("Transfer-Encoding", "chunked")]),
}


class BadIter:
    def __iter__(self):
        raise RuntimeError("no iterator today")


class BadClose:
    """Iterates well, unless it is told not to."""

    def __init__(self, pieces):
        self._pieces = pieces

    def __iter__(self):
        for piece in self._pieces:
            if piece is None:
                raise KeyError("no piece")
            yield piece

    def close(self):
        raise OSError("cannot be closed")


class NoClose(list):
    @property
    def close(self):
        raise LookupError("close is not there")


async def coroutine():
    return []


def late_text():
    yield b"first"
    yield "second"


RESULTS = {
    "none": lambda: None,
    "number": lambda: 7,
    "true": lambda: True,
    "text": lambda: "text",
    "texts": lambda: ["text"],
    "numbers": lambda: [1, 2],
    "nones": lambda: [None],
    "mapping": lambda: {"key": b"value"},
    "coroutine": coroutine,
    "bad_iter": BadIter,
    "late_text": late_text,
    "bad_close": lambda: BadClose([b"good\n"]),
    "bad_next_and_close": lambda: BadClose([None]),
    "late_next_and_close": lambda: BadClose([b"good\n", None]),
    "no_close": lambda: NoClose([b"good\n"]),
    "bytes": lambda: b"bytes\n",
    "bytearrays": lambda: (bytearray(b"byte"), memoryview(b"arrays\n")),
    "nothing": lambda: iter([]),
}


class Unspeakable(Exception):
    def __str__(self):
        raise ValueError("it has no words")


class Silent(BaseException):
    pass


def recursion():
    return recursion()


def chained():
    """An error that is its own cause's cause."""
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    return one


ERRORS = {
    "breaks": lambda: ValueError("first\n2026-01-01T00:00:00.000Z error FAKE code=fake\x1b[2J"),
    "unspeakable": Unspeakable,
    "silent": Silent,
    "interrupt": KeyboardInterrupt,
    "generator_exit": GeneratorExit,
    "stop": StopIteration,
    "memory": MemoryError,
    "recursion": recursion,
    "chained": chained,
    "emoji": lambda: ValueError("\U0001f600" * 2000),
    "surrogate": lambda: ValueError("\udc80"),
}


def do_facts(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"pid": os.getpid(), "closed": closed}).encode()]


def do_vars(environ, start_response):
    """Whether what PEP 3333 names is what it says."""
    environ["wsgi.errors"].write("")
    start_response("200 OK", TEXT)
    return [repr([environ["wsgi.version"], environ["wsgi.input"].read(), environ["wsgi.url_scheme"], environ["REQUEST_METHOD"]]).encode()]


def do_headless(environ, start_response):
    return [b"no head"]


def do_headless_empty(environ, start_response):
    return []


def do_exc_info_empty(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"begun")
    start_response("500 Late", TEXT, (None, None, None))
    return []


def do_exc_info_wrong(environ, start_response):
    start_response("200 OK", TEXT)(b"begun")
    start_response("500 Late", TEXT, True)
    return []


def do_second_call_behind(environ, start_response):
    yield from ()
    start_response("200 OK", TEXT)
    yield b"begun"
    start_response("200 OK", TEXT)


def do_written_none(environ, start_response):
    start_response("200 OK", TEXT)(b"written")


def do_written_text(environ, start_response):
    start_response("200 OK", TEXT)("text")
    return []


def do_keep(environ, start_response):
    kept["write"] = start_response("200 OK", TEXT)
    kept["start_response"] = start_response
    kept["input"] = environ["wsgi.input"]

    class Closing:
        def __iter__(self):
            return iter([b"kept\n"])

        def close(self):
            kept["write"](b"too late")

    return Closing()


def do_use_kept(environ, start_response):
    """What another request left must not reach this one's client, nor take its body."""
    said = [repr(kept["input"].read(5))]
    for call in (lambda: kept["write"](b"smuggled"), lambda: kept["start_response"]("200 OK", TEXT)):
        try:
            call()
            said.append("done")
        except AssertionError as error:
            said.append(str(error))
    said.append(repr(environ["wsgi.input"].read()))
    start_response("200 OK", TEXT)
    return ["\n".join(said).encode()]


def do_file(environ, start_response):
    """Files that are none, are not what they seem, or cannot be read."""
    start_response("200 OK", TEXT)
    kind = environ["QUERY_STRING"]
    if kind == "proc":
        file = open("/proc/self/stat", "rb")
    elif kind == "text":
        file = io.StringIO("")
    elif kind == "closed":
        file = open(__file__, "rb")
        file.close()
    else:
        file = os.fdopen(os.open(kept.setdefault("path", tempfile.mktemp()), os.O_WRONLY | os.O_CREAT), "rb")
        os.write(file.fileno(), b"unreadable")
        os.unlink(kept["path"])
        os.lseek(file.fileno(), 0, os.SEEK_SET)
    return environ["wsgi.file_wrapper"](file)


def do_body(environ, start_response):
    """A body for whatever status the query names."""
    start_response(environ["QUERY_STRING"] + " Reason", TEXT)
    return (piece for piece in [b"a ", b"body\n"])


def do_empty(environ, start_response):
    start_response("200 OK", TEXT)
    return []


def do_framework(environ, start_response):
    """As frameworks do: the error of a read becomes one of theirs."""
    try:
        environ["wsgi.input"].read()
    except OSError as error:
        raise RuntimeError("the request cannot be read") from error


class Breaking:
    def write(self, text):
        raise RuntimeError("this stream is broken")

    flush = write


def do_stderr(environ, start_response):
    """Puts standard error away in the way of the query, and fails."""
    how = environ["QUERY_STRING"]
    if how == "none":
        sys.stderr = sys.stdout = None
    elif how == "closed":
        sys.stderr = sys.__stderr__
        sys.stderr.close()
    elif how == "broken":
        sys.stderr = sys.stdout = Breaking()
    else:
        os.close(2)
    environ["wsgi.errors"].write("said\n")
    environ["wsgi.errors"].flush()
    raise ValueError("without %s" % how)


def do_held(environ, start_response):
    """A process that was forked lives on for long, and with it what it has inherited: by C, so that nobody hears of it."""
    fate = environ["QUERY_STRING"]
    library = ctypes.PyDLL(None)
    child = library.fork()
    if child == 0:
        library.sleep(60)
        library._exit(0)
    kept.setdefault("children", []).append(child)
    start_response("200 OK", TEXT if fate != "short" else [*TEXT, ("Content-Length", "100")])
    yield b"part\n"
    if fate == "fails":
        raise ValueError("behind the head")


def do_release(environ, start_response):
    for child in kept.pop("children", []):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return do_facts(environ, start_response)


def do_endless(environ, start_response):
    """Goes on until nobody is there."""
    start_response("200 OK", TEXT)

    def pieces():
        try:
            while True:
                yield b"piece\n"
                time.sleep(0.01)
        finally:
            closed.append("endless")

    return pieces()


def do_notes(environ, start_response):
    """Whatever else an exception can say: notes (Python 3.11), a cause, and source lines that it makes up."""
    error = SyntaxError("in\n2026-01-01 made up", ("2026-01-01\x1b[2J", 1, 1, "2026-01-01 code\x1b[2J\n"))
    if hasattr(error, "add_note"):
        error.add_note("noted\n2026-01-01 by a client\x1b[2J")
    raise RuntimeError("\r2026-01-01") from error


def do_sleep(environ, start_response):
    time.sleep(60)


def do_stuck(environ, start_response):
    """Hangs behind its head."""
    start_response("200 OK", TEXT)
    yield b"part\n"
    time.sleep(60)


def do_pieces(environ, start_response):
    start_response("200 OK", TEXT)
    return (b"x" for _ in range(int(environ["QUERY_STRING"])))


def do_lines(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"%d" % sum(1 for line in environ["wsgi.input"])]
