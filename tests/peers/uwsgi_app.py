"""A WSGI application that reads and writes its connection by uWSGI's own module: WebSockets, and bodies in chunks."""

import hashlib
import json

import uwsgi


def application(environ, start_response):
    route = {"/echo": echo, "/count": count, "/chunked": chunked, "/body": body}.get(environ["PATH_INFO"])
    if route is None:
        start_response("404 Not Found", [("Content-Length", "0")])
        return []
    return route(environ, start_response)


def echo(environ, start_response):
    """Sends back every message until the client closes."""
    uwsgi.websocket_handshake(environ["HTTP_SEC_WEBSOCKET_KEY"], environ.get("HTTP_ORIGIN", ""))
    try:
        while True:
            uwsgi.websocket_send_binary(uwsgi.websocket_recv())
    except OSError:
        return []


def count(environ, start_response):
    """Sends three messages and ends, as an app does that has nothing more to say."""
    uwsgi.websocket_handshake(environ["HTTP_SEC_WEBSOCKET_KEY"], environ.get("HTTP_ORIGIN", ""))
    for number in range(3):
        uwsgi.websocket_send(str(number))
    return []


def chunked(environ, start_response):
    """Reads the chunks of a body one by one and tells of each."""
    sizes, digest = [], hashlib.sha256()
    while True:
        chunk = uwsgi.chunked_read()
        if not chunk:
            break
        sizes.append(len(chunk))
        digest.update(chunk)
    return answer(environ, start_response, {"sizes": sizes, "sha256": digest.hexdigest()})


def body(environ, start_response):
    """Reads a body of a known length."""
    content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return answer(environ, start_response, {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()})


def answer(environ, start_response, said):
    said["vars"] = {key: environ[key] for key in ("CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING") if key in environ}
    text = json.dumps(said).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]
