"""`wsgi.input`."""

import os

from ugate_connection import ClientGone, reason

# What is read ahead for lines and small pieces, and at most at once for big ones.
AHEAD_BYTES = 65536
CHUNK_BYTES = 1 << 20


class Body:
    """
    The request's body: ends where CONTENT_LENGTH says. `left` bytes were not asked for yet; of them, those of `_held` from `_at` on are here.
    Each byte is copied as often as the app asks for it, however small its pieces come or are taken.
    """

    __slots__ = ("_at", "_fd", "_held", "_length", "left")

    def __init__(self, fd, held, length):
        self._fd = fd
        self._held = held
        self._at = 0
        self._length = length
        self.left = length

    def read(self, size=-1):
        """At most `size` bytes, less only at the end; all that is left without `size`."""
        if size is None or size < 0 or size > self.left:
            size = self.left
        if size == 0:
            return b""
        at = self._at
        here = len(self._held) - at
        if here < size:
            if size >= AHEAD_BYTES:
                return self._read_through(size)
            parts = []
            missing = size
            while here < missing:
                if here:
                    parts.append(self._take(here))
                    missing -= here
                self._receive()
                here = len(self._held)
            parts.append(self._take(missing))
            return b"".join(parts)
        return self._take(size)

    def readline(self, size=-1):
        """Up to and with the next line feed, or `size` bytes, or the end."""
        limit = self.left if size is None or size < 0 else min(size, self.left)
        parts = None
        while limit:
            if self._at == len(self._held):
                self._receive()
            end = self._held.find(b"\n", self._at, self._at + limit) + 1
            part = self._take((end or min(len(self._held), self._at + limit)) - self._at)
            limit -= len(part)
            if end or not limit:
                return part if parts is None else bytes(parts + part)
            if parts is None:
                parts = bytearray()
            parts += part
        return b""

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

    @property
    def missing(self):
        """What has not come yet."""
        return self.left - len(self._held) + self._at

    def over(self):
        """The request is over: whoever kept this object reads nothing of the descriptor's next owner. Returns what has not come."""
        missing = self.missing
        self._fd = -1
        self._held = b""
        self._at = self.left = 0
        return missing

    def _take(self, size):
        """The next `size` bytes of those that are here."""
        at = self._at
        self._at = at + size
        self.left -= size
        return self._held[at : at + size]

    def _receive(self):
        """Waits for the next bytes; all that were here are taken."""
        try:
            part = os.read(self._fd, min(self.left, AHEAD_BYTES))
        except OSError as error:
            raise self._broken(reason(error)) from error
        if not part:
            raise self._broken("%d of its %d bytes are missing" % (self.left, self._length))
        self._held = part
        self._at = 0

    def _read_through(self, size):
        """The same as `read` for more than is read ahead: filled where it will lie, so that small pieces cost no more than big ones."""
        parts = [self._held[self._at :]]
        missing = size - len(parts[0])
        while missing:
            chunk = bytearray(min(missing, CHUNK_BYTES))
            with memoryview(chunk) as view:
                filled = 0
                while filled < len(chunk):
                    try:
                        count = os.readv(self._fd, [view[filled:]])
                    except OSError as error:
                        raise self._broken(reason(error)) from error
                    if not count:
                        raise self._broken("%d of its %d bytes are missing" % (missing - filled, self._length))
                    filled += count
            missing -= len(chunk)
            parts.append(chunk)
        self._held = b""
        self._at = 0
        self.left -= size
        return b"".join(parts)

    def _broken(self, why):
        """What came in vain is gone: a read that is tried again must not go on behind it."""
        self._held = b""
        self._at = 0
        self._fd = -1
        return ClientGone("the request body broke off: %s" % why)
