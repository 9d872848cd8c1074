"""One request: a uwsgi packet in, the app called as PEP 3333 says, its answer out."""

import os
import time

from ugate_answer import Answer, as_bytes
from ugate_body import Body
from ugate_connection import ClientGone, lift, linger, send
from ugate_errors import Errors
from ugate_file import FileWrapper
from ugate_packet import BadPacket, BadVar, parse_length, read_packet
from ugate_text import describe, trace_of

# The vars name a SCRIPT_NAME that is still part of PATH_INFO: nginx.conf has said so since before uWSGI had `manage-script-name`.
MANAGE_PATH_INFO = 30
PING = 100
PONG = b"\x64\x00\x00\x01"
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n\r\n400 Bad Request\n"
# How much of what else a refused peer sends is read before the close, so that it gets to see its answer.
REFUSED_BYTES = 65536


class Handler:
    """Serves connection after connection of one thread: one request each. `packet_seconds`: in which a peer that is not our router has to send its packet."""

    def __init__(self, app, is_multithread, is_multiprocess, board, slot, report, packet_seconds, own):
        self._app = app
        self._own = own
        # The connection in hand.
        self.fd = -1
        self._board = board
        self._slot = slot
        self._report = report
        self._packet_seconds = packet_seconds
        self._nothing = Body(-1, b"", 0)
        self._errors = Errors(own.words)
        wsgi = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": self._errors,
            "wsgi.multithread": is_multithread,
            "wsgi.multiprocess": is_multiprocess,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
        }
        self._wsgi = wsgi
        self._base = {"SCRIPT_NAME": "", "PATH_INFO": "", "QUERY_STRING": "", **wsgi}

    def serve(self, fd, frames):
        """Serves the connection `fd` and closes it. Never raises. `frames`: see Answer. Returns True when a request was served."""
        if fd < 3:
            fd = lift(fd)
        self.fd = fd
        try:
            return self._serve(fd, frames)
        except ClientGone:
            # Before there was a request.
            return False
        except BadPacket as error:
            self._report.log("warn", "app-bad-packet", "a request was no uwsgi packet: %s" % error, {})
            return False
        except BadVar as error:
            self._report.log("warn", "app-bad-packet", "a request has a bad var: %s" % error, {})
            return False
        except OSError:
            # The other side went away before or while it sent the packet.
            return False
        except BaseException as error:
            # A fault of ours, or what a signal handler of the app's has thrown in here.
            self._report.log("error", "internal", "a worker failed at a request: %s" % describe(error), {})
            return True
        finally:
            self.fd = -1
            try:
                os.close(fd)
            except OSError:
                # The app closed what is not its own.
                pass

    def _serve(self, fd, frames):
        board, slot = self._board, self._slot
        environ = self._base.copy()
        packet = read_packet(fd, environ, None if frames else self._packet_seconds)
        if packet is None:
            return False
        modifier, held = packet
        if modifier != 0 and not self._obey(modifier, environ, fd, frames):
            return False
        if not frames:
            # No var of whoever that is takes the place of one of these.
            environ.update(self._wsgi)
        length = environ.get("CONTENT_LENGTH")
        if length:
            try:
                length = parse_length(length)
            except BadVar:
                send(fd, REFUSED)
                linger(fd, REFUSED_BYTES)
                raise
        body = environ["wsgi.input"] = Body(fd, held[:length], length) if length else self._nothing
        scheme = environ.get("HTTPS")
        if scheme and (scheme[0] == "1" or scheme[:2].lower() == "on"):
            environ["wsgi.url_scheme"] = "https"
        method = environ.get("REQUEST_METHOD")
        if not method:
            method = environ["REQUEST_METHOD"] = "GET"
        board.set_line(slot, method + " " + (environ.get("REQUEST_URI") or environ["PATH_INFO"]))
        board.unanswered[slot] = fd
        board.started[slot] = time.monotonic()
        answer = Answer(fd, method == "HEAD", frames, board, slot)
        is_whole = False
        try:
            is_whole = self._call(environ, answer, frames)
        finally:
            if self._own.is_forked:
                self._own.leave()
            missing = body.over() if length else 0
            board.requests[slot] += 1
            board.started[slot] = 0.0
            board.unanswered[slot] = -1
        if is_whole and missing > 0:
            linger(fd, missing)
        return True

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

    def _call(self, environ, answer, frames):
        """Returns True when the client has got an answer, whole as far as we know."""
        result = None
        is_whole = True
        try:
            result = self._app(environ, answer.start_response)
            kind = type(result)
            if kind is list or kind is tuple:
                answer.whole(result[0] if len(result) == 1 and type(result[0]) is bytes else b"".join(map(as_bytes, result)))
            elif kind is FileWrapper:
                answer.file(result)
            elif kind is bytes:
                # Against PEP 3333, which would have each byte sent by itself, as a number; uWSGI sends it as it is.
                answer.whole(result)
            else:
                answer.iterate(result)
            problem = answer.finish()
            if problem is not None:
                self._report.log("warn", *problem, {"request": self._board.line(self._slot)})
        except BaseException as error:
            is_whole = self._failed(error, answer, frames)
        try:
            close = getattr(result, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            is_whole = self._failed(error, answer, frames) and is_whole
        return is_whole

    def _failed(self, error, answer, frames):
        """Ends the answer and tells why. Returns True when the client has got one."""
        if self._own.is_forked:
            self._own.leave(error)
        request = self._board.line(self._slot)
        gone = _gone(error)
        is_whole = answer.is_over or not answer.is_begun
        try:
            # First the answer: a log that nobody reads must not hold it up.
            answer.fail()
        except ClientGone as other:
            gone = gone or other
        if gone is not None:
            self._board.unanswered[self._slot] = -1
            # Our own router tells it as well.
            self._report.log("debug" if frames else "info", "client-left", str(gone), {"request": request})
            return False
        try:
            self._errors.write("the app failed at %s\n%s" % (request, trace_of(error)))
            self._errors.flush()
            self._report.log("error", "app-error", "the app failed: %s" % describe(error), {"request": request})
        except BaseException as other:
            words = "the app failed: %s (and %s when that was to be told)" % (type(error).__name__, type(other).__name__)
            self._report.log("error", "app-error", words, {"request": request})
        return is_whole


def _gone(error):
    """The ClientGone that `error` is, or comes from: frameworks wrap it in their own."""
    seen = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ClientGone):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None
