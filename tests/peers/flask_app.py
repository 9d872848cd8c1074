"""A Flask application with one page for each thing that a router must carry, served by real uWSGI."""

import hashlib
import io
import os
import time

from flask import Flask, Response, jsonify, redirect, request, send_file, session, url_for

app = application = Flask(__name__)
app.secret_key = "only for tests"

FILE = bytes(range(256)) * 400
START = time.time()


def read_body():
    """The body as it comes; uWSGI hands over a chunked one that nobody decoded by a call of its own."""
    if request.headers.get("Transfer-Encoding", "").lower() == "chunked" and not request.content_length:
        import uwsgi

        while chunk := uwsgi.chunked_read():
            yield chunk
    else:
        while chunk := request.stream.read(65536):
            yield chunk


@app.get("/")
def index():
    return "hello from flask\n"


@app.route("/form", methods=["GET", "POST"])
def form():
    if request.method == "POST":
        return jsonify(form=request.form.to_dict(flat=False), args=request.args.to_dict(flat=False))
    return '<form method="post"><input name="name"><input type="submit"></form>'


@app.post("/upload")
def upload():
    file = request.files["file"]
    digest, size = hashlib.sha256(), 0
    while chunk := file.stream.read(65536):
        digest.update(chunk)
        size += len(chunk)
    return jsonify(name=file.filename, size=size, sha256=digest.hexdigest(), fields=request.form.to_dict())


@app.route("/echo", methods=["POST", "PUT", "PATCH", "DELETE"])
def echo():
    return Response(b"".join(read_body()), mimetype="application/octet-stream")


@app.post("/digest")
def digest():
    sha, size = hashlib.sha256(), 0
    for chunk in read_body():
        sha.update(chunk)
        size += len(chunk)
    return jsonify(size=size, sha256=sha.hexdigest(), length=request.environ.get("CONTENT_LENGTH"))


@app.get("/stream")
def stream():
    count, delay = int(request.args.get("n", 5)), float(request.args.get("delay", 0.05))

    def lines():
        for number in range(count):
            yield f"line {number}\n"
            time.sleep(delay)

    return Response(lines(), mimetype="text/plain")


@app.get("/zipped")
def zipped():
    """Asks the router to compress; `order` puts Content-Encoding before or behind that wish."""
    fields = [("uWSGI-Encoding", "gzip"), ("ETag", '"v1"')]
    if order := request.args.get("order"):
        fields.insert(0 if order == "before" else len(fields), ("Content-Encoding", "identity"))
    return Response((f"line {number} of a page\n" for number in range(1000)), headers=fields, mimetype="text/plain")


@app.get("/events")
def events():
    """Server-sent events, compressed by the router, each with the time it was written."""

    def written():
        for number in range(9):
            yield f"data: {number} {time.time()}\n\n"
            time.sleep(0.3)

    return Response(written(), headers={"uWSGI-Encoding": "gzip"}, mimetype="text/event-stream")


@app.get("/login")
def login():
    session["user"] = request.args.get("user", "nobody")
    response = redirect(url_for("whoami"))
    response.set_cookie("first", "1")
    response.set_cookie("second", "two words", httponly=True)
    return response


@app.get("/whoami")
def whoami():
    session["visits"] = session.get("visits", 0) + 1
    return jsonify(user=session.get("user"), visits=session["visits"], cookies={k: v for k, v in request.cookies.items() if k != "session"})


@app.route("/redirect", methods=["GET", "POST"])
def redirected():
    return redirect(request.args.get("to", "/"), int(request.args.get("code", 302)))


@app.get("/cached")
def cached():
    response = Response("cached page\n", mimetype="text/plain")
    response.set_etag("v1")
    response.last_modified = START
    return response.make_conditional(request)


@app.get("/file")
def file():
    return send_file(io.BytesIO(FILE), mimetype="application/octet-stream", etag="file", last_modified=START, conditional=True)


@app.get("/bytes/<int:size>")
def pattern(size):
    return Response((bytes(range(251)) * (size // 251 + 1))[:size], mimetype="application/octet-stream")


PIXELS = '<svg xmlns="http://www.w3.org/2000/svg" width="3" height="3"><!-- {} --></svg>'


@app.get("/assets")
def assets():
    """A page with 100 parts: 40 images, 30 scripts that count themselves, 30 styles of one element each."""
    head = [f'<link rel="stylesheet" href="/asset/{n}.css">' for n in range(30)] + ["<script>window.ran = 0</script>"]
    body = [f'<i id="i{n}"></i><script src="/asset/{n}.js"></script>' for n in range(30)] + [f'<img src="/asset/{n}.svg">' for n in range(40)]
    page = f'<!doctype html><title>assets</title><link rel="icon" href="data:,">{"".join(head + body)}'
    return Response(page, mimetype="text/html", headers={"X-Remote-Port": request.environ["REMOTE_PORT"]})


@app.get("/asset/<int:n>.<kind>")
def asset(n, kind):
    """Of many sizes; every third without a length, every fifth piece by piece, all with an ETag to ask again by."""
    filler = "x" * (n * n * 97 % 60000)
    text, mimetype = {
        "css": (f"/* {filler} */ #i{n} {{ display: block; width: 7px }}", "text/css"),
        "js": (f"/* {filler} */ window.ran += 1", "text/javascript"),
        "svg": (PIXELS.format(filler), "image/svg+xml"),
    }[kind]
    pieces = [text[at : at + 9000] for at in range(0, len(text), 9000)] if n % 5 == 0 else [text]
    response = Response(iter(pieces) if n % 3 == 0 or n % 5 == 0 else text, mimetype=mimetype)
    response.headers["X-Remote-Port"] = request.environ["REMOTE_PORT"]
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(f"{kind}{n}")
    return response.make_conditional(request)


@app.get("/large-headers")
def large_headers():
    response = Response("large\n", mimetype="text/plain")
    for number in range(int(request.args.get("n", 10))):
        response.headers.add(f"X-Large-{number}", "v" * int(request.args.get("size", 1000)))
    return response


@app.route("/environ", methods=["GET", "POST", "OPTIONS", "REPORT"])
def environ():
    return jsonify({key: value for key, value in request.environ.items() if isinstance(value, str)})


@app.get("/sleep")
def sleep():
    time.sleep(float(request.args.get("s", 1)))
    return f"slept in {os.getpid()}\n"


@app.route("/status/<int:code>")
def status(code):
    return Response("" if code in (204, 304) else f"status {code}\n", status=code, mimetype="text/plain")
