"""The sockets that workers accept on: a private one that routers come to, and those of `socket`, which other generations share."""

import os
import select
import socket
import sys

from ugate_loader import LoadError

FIRST = 3


class Sockets:
    def __init__(self):
        self.private = None
        self.shared = []
        self._has_made = False

    def open(self, start):
        """@raises LoadError"""
        first = FIRST
        if start.get("isBound"):
            # Ours alone to accept on, whatever the runtime that bound it made of it.
            self.private = socket.socket(fileno=first)
            self.private.set_inheritable(False)
            self.private.setblocking(True)
            self.private.listen(start["backlog"])
            first += 1
        elif start.get("path"):
            self.private = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            # Only this user's processes may connect: the protocol knows no other key.
            mask = os.umask(0o177)
            try:
                self.private.bind(start["path"])
            except OSError as error:
                raise LoadError("cannot bind %s: %s" % (start["path"], error.strerror or error)) from None
            finally:
                os.umask(mask)
            self._has_made = True
            self.private.listen(start["backlog"])
        for fd in range(first, first + start.get("sockets", 0)):
            listener = socket.socket(fileno=fd)
            listener.set_inheritable(False)
            listener.setblocking(False)
            self.shared.append(listener)
        if self.private is not None and (self.shared or not sys.platform.startswith("linux")):
            self.private.setblocking(False)

    @property
    def fds(self):
        return [listener.fileno() for listener in [self.private, *self.shared] if listener is not None]

    def is_shut(self):
        """True when nobody can accept on the private one any more, by shutdown(2)."""
        if self.private is None:
            return False
        hangup = getattr(select, "POLLRDHUP", select.POLLHUP)
        poll = select.poll()
        poll.register(self.private.fileno(), hangup)
        return any(event & (hangup | select.POLLHUP) for _, event in poll.poll(0))

    def shut(self):
        """The private one takes nothing more; what waits there is still given out."""
        if self.private is not None:
            try:
                self.private.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def remove(self, start):
        if self._has_made:
            try:
                os.unlink(start["path"])
            except OSError:
                pass
