"""Says much on standard output and error, and fails where it is asked to."""

import sys


def application(environ, start_response):
    print("out " * 250)
    print("err " * 2000, file=sys.stderr)
    if environ["PATH_INFO"] == "/fails":
        raise RuntimeError("as asked")
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
