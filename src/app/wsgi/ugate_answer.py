"""The answer to one request, as PEP 3333 lets the app give it: head, pieces, end."""

import errno
import os

from ugate_connection import ClientGone, reason, reset, reset_at_close, send, shut
from ugate_header import check_head, explain_head

# From here on, gathering costs less than copying.
GATHER_BYTES = 65536
# What sendfile says of the client, and not of the file.
GONE = (errno.EPIPE, errno.ECONNRESET, errno.ECONNABORTED, errno.ENOTCONN, errno.EAGAIN, errno.ETIMEDOUT)
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n\r\nInternal Server Error\n"


class Answer:
    """The answer to one request. `frames`: the other side is our router, and is told by chunks where an answer without a length ends."""

    __slots__ = ("_board", "_extra", "_fd", "_frames", "_head", "_is_chunked", "_is_framed", "_is_head", "_left", "_no_body", "_resets", "_slot", "is_begun", "is_over")

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
        # Those that were more.
        self._extra = 0
        self._no_body = False
        self._is_chunked = False
        # The head says where the body ends.
        self._is_framed = False
        # The close says it: until the body is complete, any close is a reset.
        self._resets = False
        self.is_begun = False
        # Nothing more is sent, by whoever still holds this.
        self.is_over = False

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
            raise explain_head(status, headers) from None
        self._left, self._is_framed = check_head(status, headers, text)
        code = status[:3]
        self._no_body = self._is_head or code == "204" or code == "304"
        self._is_chunked = self._frames and not self._is_framed and not self._no_body
        self._head = head
        return self.write

    def write(self, data):
        """The next piece of the body, sent at once; the first one with the head."""
        if type(data) is not bytes:
            data = as_bytes(data)
        if self.is_over:
            raise AssertionError("write() was called behind the end of the answer")
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
                self._extra += len(data) - self._left
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
                if error.errno not in GONE:
                    # The file cannot be read.
                    raise
                raise ClientGone("the client went away: %s" % reason(error)) from error
            if sent == 0:
                break
            offset += sent
            size -= sent
            self._left -= sent

    def iterate(self, pieces):
        try:
            pieces = iter(pieces)
        except TypeError:
            if hasattr(pieces, "__iter__"):
                raise
            raise TypeError("the app returned %s; it is to be an iterable of bytes" % type(pieces).__name__) from None
        write = self.write
        for piece in pieces:
            if piece:
                write(piece)
                if self._no_body:
                    break

    def finish(self):
        """Ends a complete answer. Returns what is wrong with it, as a code and words, or None."""
        if not self.is_begun:
            self.whole(b"")
        if self._is_chunked:
            send(self._fd, b"0\r\n\r\n")
        self.is_over = True
        missing = 0 if self._no_body else self._left or 0
        if self._resets:
            reset_at_close(self._fd, False)
        # Our router sees from the framing that all has come; others, and it where the framing is the app's or less came, from the end.
        if missing or not self._frames or (self._is_framed and self._left is None):
            shut(self._fd)
        if self._extra:
            return "app-long-answer", "the answer went %d bytes beyond its Content-Length; they were left out" % self._extra
        return ("app-short-answer", "the answer ended %d bytes before its Content-Length" % missing) if missing else None

    def fail(self):
        """The app gives no more. Before the head the client is told; behind it the answer is cut off, so that nobody takes it for complete."""
        if self.is_over:
            return
        self.is_over = True
        if self.is_begun:
            reset(self._fd)
            return
        self.is_begun = True
        self._board.unanswered[self._slot] = -1
        send(self._fd, FAILED)
        if not self._frames:
            shut(self._fd)

    def _measure(self, size):
        """The body has `size` bytes: said, unless the app has said something. A HEAD is told what a GET would be, where the app gave that."""
        if self._is_framed or (self._no_body and not (self._is_head and size)):
            return
        self._head += b"Content-Length: %d\r\n" % size
        self._left = size
        self._is_framed = True
        self._is_chunked = False

    def _begin(self):
        if self._head is None:
            raise AssertionError("the app gave an answer without calling start_response")
        self._board.unanswered[self._slot] = -1
        self.is_begun = True
        if not (self._frames or self._is_framed or self._no_body):
            self._resets = True
            reset_at_close(self._fd, True)
        return self._head


def as_bytes(data):
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise TypeError("the app gave %s as a piece of its body; only bytes can be sent" % type(data).__name__)
