"""One request: a uwsgi packet in, the app called as PEP 3333 says, its answer out. All on the bare descriptor, which is what makes it quick."""

import io
import os
import select
import socket
import stat
import struct
import sys
import time
import traceback

READ_BYTES = 65536
# From here on, gathering costs less than copying.
GATHER_BYTES = 65536
# How long an answer waits for the rest of a body that the app did not want: without that, the answer's end would be lost in a reset.
LINGER_SECONDS = 2.0
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n\r\nInternal Server Error\n"
# The vars name a SCRIPT_NAME that is still part of PATH_INFO: nginx.conf has said so since before uWSGI had `manage-script-name`.
MANAGE_PATH_INFO = 30
PING = 100
PONG = b"\x64\x00\x00\x01"


class ClientGone(ConnectionError):
    """Nobody reads the answer, or sends the rest of the body, any more."""


class BadPacket(Exception):
    """What came is not of the uwsgi protocol."""


def send(fd, *parts):
    """Writes all of `parts`, which are bytes."""
    try:
        if len(parts) > 1:
            left = sum(map(len, parts)) - os.writev(fd, parts)
            data = b"".join(parts) if left else b""
        else:
            data = parts[0]
            left = len(data) - os.write(fd, data)
        if left:
            view = memoryview(data)
            while left:
                left -= os.write(fd, view[-left:])
    except OSError as error:
        raise ClientGone("the client went away: %s" % error.strerror) from error


class Body:
    """`wsgi.input`: ends where CONTENT_LENGTH says. `left` bytes were not asked for yet, of which `held` are here."""

    __slots__ = ("_fd", "_held", "_length", "left")

    def __init__(self, fd, held, length):
        self._fd = fd
        self._held = held
        self._length = length
        self.left = length

    def read(self, size=-1):
        """At most `size` bytes, less only at the end; all that is left without `size`."""
        if size is None or size < 0 or size > self.left:
            size = self.left
        if size == 0:
            return b""
        held = self._held
        if len(held) >= size:
            self._held = held[size:]
            self.left -= size
            return held[:size]
        parts = [held]
        missing = size - len(held)
        while missing:
            part = self._receive(min(missing, 1 << 20))
            missing -= len(part)
            parts.append(part)
        self._held = b""
        self.left -= size
        return b"".join(parts)

    @property
    def missing(self):
        """What has not come yet."""
        return self.left - len(self._held)

    def readline(self, size=-1):
        limit = self.left if size is None or size < 0 else min(size, self.left)
        parts = []
        while limit:
            if not self._held:
                self._held = self._receive(min(self.left, READ_BYTES))
            end = self._held.find(b"\n", 0, limit) + 1
            part = self._held[: end or limit]
            self._held = self._held[len(part) :]
            self.left -= len(part)
            limit -= len(part)
            parts.append(part)
            if end:
                break
        return b"".join(parts)

    def readlines(self, hint=-1):
        lines, size = [], 0
        for line in self:
            lines.append(line)
            size += len(line)
            if hint is not None and 0 < hint <= size:
                break
        return lines

    def __iter__(self):
        return iter(self.readline, b"")

    def _receive(self, size):
        try:
            part = os.read(self._fd, size)
        except OSError as error:
            raise ClientGone("the request body broke off: %s" % error.strerror) from error
        if not part:
            raise ClientGone("the request body broke off before its %d bytes were complete" % self._length)
        return part


class FileWrapper:
    """`wsgi.file_wrapper`: sent by the kernel when it is a real file, and nobody wrapped it further."""

    def __init__(self, filelike, block_size=65536):
        self.filelike = filelike
        self.block_size = block_size
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return iter(lambda: self.filelike.read(self.block_size), b"")

    def region(self):
        """(descriptor, offset, bytes) of a real file, else None. By type: a GzipFile has a descriptor too, of other bytes."""
        if type(self.filelike) not in (io.BufferedReader, io.BufferedRandom, io.FileIO):
            return None
        try:
            fd = self.filelike.fileno()
            status = os.fstat(fd)
            offset = self.filelike.tell()
        except (OSError, ValueError):
            return None
        return (fd, offset, max(0, status.st_size - offset)) if stat.S_ISREG(status.st_mode) else None


class Answer:
    """The answer to one request. `frames`: the other side is our router, and is told by chunks where an answer without a length ends."""

    __slots__ = ("_fd", "_board", "_frames", "_head", "_is_chunked", "_is_framed", "_is_head", "_left", "_no_body", "_slot", "is_begun", "is_cut", "is_done")

    def __init__(self, fd, is_head, frames, board, slot):
        self._fd = fd
        self._is_head = is_head
        self._frames = frames
        self._board = board
        self._slot = slot
        # Status line and fields, without the empty line.
        self._head = None
        # Body bytes still allowed by Content-Length; None when there is none.
        self._left = None
        self._no_body = False
        self._is_chunked = False
        # The app said itself where the body ends.
        self._is_framed = False
        self.is_begun = False
        self.is_done = False
        self.is_cut = False

    def start_response(self, status, headers, exc_info=None):
        if exc_info is not None:
            try:
                if self.is_begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self._head is not None:
            raise AssertionError("start_response was called a second time without exc_info")
        if type(headers) is not list:
            headers = list(headers)
        try:
            text = "HTTP/1.1 " + status + "\r\n" + "".join([name + ": " + value + "\r\n" for name, value in headers])
            head = text.encode("latin-1")
        except (TypeError, ValueError):
            raise _why(status, headers) from None
        lines = len(headers) + 1
        if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
            raise _why(status, headers)
        code = status[:3]
        if len(code) != 3 or not code.isdecimal() or status[3:4] not in ("", " "):
            raise ValueError("start_response: the status is %r, not like '200 OK'" % status)
        lower = text.lower()
        at = lower.find("\r\ncontent-length: ")
        self._left = None
        if at != -1:
            length = text[at + 18 : text.index("\r", at + 18)].strip()
            if not length.isdecimal():
                raise ValueError("start_response: Content-Length is %r" % length)
            self._left = int(length)
        self._no_body = self._is_head or code in ("204", "304") or code[0] == "1"
        self._is_framed = at != -1 or "\r\ntransfer-encoding: " in lower
        self._is_chunked = self._frames and not self._is_framed and not self._no_body
        self._head = head
        return self.write

    def write(self, data):
        """The next piece of the body, sent at once; the first one with the head."""
        if type(data) is not bytes:
            data = _as_bytes(data)
        if not self.is_begun:
            head = self._begin()
            if self._is_chunked:
                head += b"Transfer-Encoding: chunked\r\n"
            head += b"\r\n"
            if self._no_body or not data:
                return send(self._fd, head)
        elif self._no_body or not data:
            return None
        else:
            head = b""
        if self._is_chunked:
            return send(self._fd, head + b"%x\r\n" % len(data), data, b"\r\n")
        if self._left is not None:
            # More than was announced would be taken for the next answer.
            if len(data) > self._left:
                data = data[: self._left]
            self._left -= len(data)
        send(self._fd, head + data) if len(data) < GATHER_BYTES else send(self._fd, head, data)

    def whole(self, data):
        """All of the body, known from the start: with its length, in one piece."""
        if not self.is_begun and self._head is not None:
            self._measure(len(data))
        self.write(data)

    def file(self, wrapper):
        region = wrapper.region()
        if region is None or self._head is None or self.is_begun:
            return self.iterate(wrapper)
        fd, offset, size = region
        self._measure(size)
        if self._left is None or self._no_body:
            return self.iterate(wrapper)
        self.write(b"")
        size = min(size, self._left)
        while size:
            try:
                sent = os.sendfile(self._fd, fd, offset, min(size, 1 << 30))
            except OSError as error:
                raise ClientGone("the client went away: %s" % error.strerror) from error
            if sent == 0:
                break
            offset += sent
            size -= sent
            self._left -= sent

    def iterate(self, pieces):
        write = self.write
        for piece in pieces:
            if piece:
                write(piece)
                if self._no_body:
                    break

    def finish(self):
        """Returns what is wrong with the answer, or None."""
        if not self.is_begun:
            self.whole(b"")
        if self._is_chunked:
            send(self._fd, b"0\r\n\r\n")
        self.is_done = True
        if self._left and not self._no_body:
            return "the answer ended %d bytes before its Content-Length" % self._left
        return None

    def _measure(self, size):
        """The body has `size` bytes: said, unless the app has said something. A HEAD is told what a GET would be."""
        if self._is_framed or (self._no_body and not self._is_head):
            return
        self._head += b"Content-Length: %d\r\n" % size
        self._left = size
        self._is_chunked = False

    def _begin(self):
        if self._head is None:
            raise AssertionError("the app gave an answer without calling start_response")
        self._board.unanswered[self._slot] = -1
        self.is_begun = True
        return self._head


def _as_bytes(data):
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise TypeError("the app gave %s as a piece of its body; only bytes can be sent" % type(data).__name__)


def _why(status, headers):
    """What is wrong with the arguments of start_response, in words."""
    if not isinstance(status, str):
        return TypeError("start_response: the status is %r, not a str" % (status,))
    for field in headers:
        if not isinstance(field, (tuple, list)) or len(field) != 2:
            return TypeError("start_response: the header %r is not a pair of name and value" % (field,))
        for text in field:
            if not isinstance(text, str):
                return TypeError("start_response: %r in the header %r is not a str" % (text, field))
    for text in [status] + [text for field in headers for text in field]:
        if any(char in text for char in "\r\n\0"):
            return ValueError("start_response: %r holds a line break or NUL" % text)
        if any(char > "\xff" for char in text):
            return ValueError("start_response: %r cannot be sent as latin-1" % text)
    return ValueError("start_response: bad status or headers")


def read_packet(fd, environ):
    """Adds the vars of the packet to `environ`. Returns (modifier1, the first body bytes), or None when nothing came at all."""
    data = os.read(fd, READ_BYTES)
    if not data:
        return None
    while len(data) < 4 or len(data) < 4 + (data[1] | data[2] << 8):
        more = os.read(fd, READ_BYTES)
        if not more:
            raise BadPacket("it broke off after %d bytes" % len(data))
        data += more
    end = 4 + (data[1] | data[2] << 8)
    text = data[:end].decode("latin-1")
    at = 4
    try:
        # One turn a var, as few steps as can be: key and value are cut from the text that was decoded once.
        while at < end:
            key = at + 2
            stop = key + (data[at] | data[at + 1] << 8)
            value = stop + 2
            at = value + (data[stop] | data[stop + 1] << 8)
            environ[text[key:stop]] = text[value:at]
    except IndexError:
        at = -1
    if at != end:
        raise BadPacket("a var reaches over the end")
    if "" in environ:
        raise BadPacket("a var has an empty key")
    return data[0], data[end:]


class Handler:
    """Serves connection after connection of one thread: one request each."""

    def __init__(self, app, is_multithread, is_multiprocess, board, slot, report):
        self._app = app
        self._board = board
        self._slot = slot
        self._report = report
        self._nothing = Body(-1, b"", 0)
        self._base = {
            "SCRIPT_NAME": "",
            "PATH_INFO": "",
            "QUERY_STRING": "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": is_multithread,
            "wsgi.multiprocess": is_multiprocess,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
        }

    def serve(self, fd, frames):
        """Serves the connection `fd` and closes it. Never raises. `frames`: see Answer. Returns True when a request was served."""
        board, slot = self._board, self._slot
        try:
            environ = self._base.copy()
            packet = read_packet(fd, environ)
            if packet is None:
                return False
            modifier, held = packet
            if modifier != 0 and not self._obey(modifier, environ, fd, frames):
                return False
            length = environ.get("CONTENT_LENGTH")
            if length:
                if not (length.isdecimal() and length.isascii()):
                    raise BadPacket("CONTENT_LENGTH is %r" % length)
                body = Body(fd, held[: int(length)], int(length))
            else:
                body = self._nothing
            environ["wsgi.input"] = body
            scheme = environ.get("HTTPS")
            if scheme and (scheme[0] == "1" or scheme[:2].lower() == "on"):
                environ["wsgi.url_scheme"] = "https"
            method = environ.setdefault("REQUEST_METHOD", "GET")
            board.set_line(slot, method + " " + (environ.get("REQUEST_URI") or environ["PATH_INFO"]))
            board.unanswered[slot] = fd
            board.started[slot] = time.monotonic()
            answer = Answer(fd, method == "HEAD", frames, board, slot)
            try:
                self._call(environ, answer, fd)
            finally:
                board.requests[slot] += 1
                board.started[slot] = 0.0
                board.unanswered[slot] = -1
            if body.left and not answer.is_cut:
                _linger(fd, body)
            return True
        except ClientGone:
            return True
        except BadPacket as error:
            self._report.log("warn", "app-bad-packet", "a request was no uwsgi packet: %s" % error, {})
            return False
        except OSError:
            # The other side went away before or while it sent the packet.
            return False
        finally:
            try:
                os.close(fd)
            except OSError:
                # The app closed what is not its own.
                pass

    def _obey(self, modifier, environ, fd, is_ours):
        """What a modifier1 asks for; False when it was no request. Our own router passes on any that options name: there is one app only."""
        if modifier == PING:
            os.write(fd, PONG)
            return False
        if modifier == MANAGE_PATH_INFO:
            script, path = environ["SCRIPT_NAME"], environ["PATH_INFO"]
            if script and path.startswith(script):
                environ["PATH_INFO"] = path[len(script) :]
        elif not is_ours:
            raise BadPacket("modifier1 is %d; there is an app for 0 and %d only" % (modifier, MANAGE_PATH_INFO))
        return True

    def _call(self, environ, answer, fd):
        result = None
        try:
            try:
                result = self._app(environ, answer.start_response)
                kind = type(result)
                if kind is list or kind is tuple:
                    answer.whole(result[0] if len(result) == 1 and type(result[0]) is bytes else b"".join(map(_as_bytes, result)))
                elif kind is FileWrapper:
                    answer.file(result)
                else:
                    answer.iterate(result)
                problem = answer.finish()
                if problem is not None:
                    self._report.log("warn", "app-short-answer", problem, {"request": self._board.line(self._slot)})
            finally:
                close = getattr(result, "close", None)
                if close is not None:
                    close()
        except ClientGone:
            self._board.unanswered[self._slot] = -1
            raise
        except BaseException as error:
            self._failed(error, answer, fd)

    def _failed(self, error, answer, fd):
        """Before the head the client is told; behind it the answer is cut off, so that nobody takes it for complete."""
        line = self._board.line(self._slot)
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename.startswith("<ugate"):
            trace = trace.tb_next
        text = "".join(traceback.format_exception(type(error), error, trace))
        try:
            sys.stderr.write("%s: the app failed\n%s" % (line, text))
            sys.stderr.flush()
        except (OSError, ValueError):
            pass
        self._report.log("error", "app-error", "the app failed: %s" % text.strip().splitlines()[-1], {"request": line})
        if answer.is_done:
            return
        if answer.is_begun:
            answer.is_cut = True
            _reset(fd)
        else:
            self._board.unanswered[self._slot] = -1
            send(fd, FAILED)


def _reset(fd):
    """Makes the close that follows a reset where there is such a thing (TCP)."""
    peer = socket.socket(fileno=fd)
    try:
        if peer.family != getattr(socket, "AF_UNIX", None):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    finally:
        peer.detach()


def _linger(fd, body):
    """Ends the answer and throws away the rest of the body: a close with unread bytes is a reset, which may overtake the answer."""
    missing = body.missing
    if missing <= 0:
        return
    peer = socket.socket(fileno=fd)
    try:
        peer.shutdown(socket.SHUT_WR)
    except OSError:
        return
    finally:
        peer.detach()
    deadline = time.monotonic() + LINGER_SECONDS
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    try:
        while missing > 0 and poll.poll(max(0, deadline - time.monotonic()) * 1000):
            part = os.read(fd, 1 << 18)
            if not part:
                return
            missing -= len(part)
    except OSError:
        # Whoever sent it has what it wanted.
        pass
