"""A bare WSGI application that tells what it sees, and misbehaves when it is asked to; run by ugate's workers and by real uWSGI."""

import hashlib
import json
import os
import stat
import socket
import sys
import tempfile
import time
from urllib.parse import parse_qs
from wsgiref.validate import validator

LOADED_BY = os.getpid()
hoard = []


def application(environ, start_response):
    name = environ["PATH_INFO"].split("/")[1].replace("-", "_") or "index"
    act = globals().get("do_" + name, do_index)
    value = act(environ, {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"]).items()})
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(value).encode()]


validated = validator(application)


class named:
    """Not a function, and not called `application`."""

    @staticmethod
    def inside(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"inside"]


def do_index(environ, query):
    return "hello"


def do_me(environ, query):
    return {
        "pid": os.getpid(),
        "loadedBy": LOADED_BY,
        "module": __name__,
        "cwd": os.getcwd(),
        "prefix": sys.prefix,
        "variable": os.environ.get("PROBE"),
        "multithread": environ["wsgi.multithread"],
        "multiprocess": environ["wsgi.multiprocess"],
    }


def do_environ(environ, query):
    return {key: value if isinstance(value, (str, bool)) else type(value).__name__ for key, value in environ.items()}


def do_digest(environ, query):
    """In pieces, so that a large body is not held."""
    digest, size = hashlib.sha256(), 0
    while True:
        part = environ["wsgi.input"].read(65536)
        if not part:
            return {"size": size, "sha256": digest.hexdigest()}
        digest.update(part)
        size += len(part)


def do_meet(environ, query):
    """Waits until as many requests as it says are in hand at once, in whatever process or thread; a folder is where they meet."""
    with tempfile.NamedTemporaryFile(dir=query["folder"], delete=False):
        pass
    for _ in range(1000):
        if len(os.listdir(query["folder"])) >= int(query["count"]):
            return os.getpid()
        time.sleep(0.01)
    return "alone"


def do_sleep(environ, query):
    time.sleep(float(query["s"]))
    return os.getpid()


def do_loop(environ, query):
    while True:
        pass


def do_sum(environ, query):
    """In C, with the interpreter's lock in hand."""
    return sum(range(10**12))


def do_hash(environ, query):
    """In C, without the interpreter's lock."""
    return hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2**31 - 1).hex()


def do_flood(environ, query):
    for _ in range(int(query["lines"])):
        print("o" * 100)
        environ["wsgi.errors"].write("e" * 100 + "\n")
    return "flooded"


def do_hoard(environ, query):
    hoard.append(bytearray(int(query["bytes"])))
    return os.getpid()


def do_die(environ, query):
    os._exit(3)


def do_exit(environ, query):
    sys.exit("enough")


def do_abort(environ, query):
    os.abort()


def do_raise(environ, query):
    raise ValueError("not this time")


def do_deaf(environ, query):
    """Closes what it listens on."""
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                peer = socket.socket(fileno=int(name))
                is_listening = peer.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                peer.close() if is_listening else peer.detach()
        except OSError:
            pass
    return os.getpid()


def do_closeall(environ, query):
    """Closes everything, the connection included."""
    os.closerange(3, 256)
    return "nobody hears this"
