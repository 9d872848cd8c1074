"""One connection by its bare descriptor, which is what makes it quick: writing to it, and the ways to end it."""

import errno
import fcntl
import os
import select
import socket
import struct
import time

try:
    import ctypes
except ImportError:
    ctypes = None

# How long an answer waits for the rest of a body that the app did not want: without that, the answer's end would be lost in a reset.
LINGER_SECONDS = 2.0
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
END_AT_CLOSE = struct.pack("ii", 0, 0)
# A struct sockaddr of the family AF_UNSPEC: connecting to it resets.
NOWHERE = bytes(16)
# As they are before the app is loaded: what it puts in their place (gevent's monkey) is not for us.
Peer = socket.SocketType
Poll = select.poll


class ClientGone(ConnectionError):
    """Nobody reads the answer, or sends the rest of the body, any more."""


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
        raise ClientGone("the client went away: %s" % reason(error)) from error


def reason(error):
    """Why a read or write failed, in words."""
    # So the kernel calls the end of SO_RCVTIMEO and SO_SNDTIMEO.
    is_late = error.errno in (errno.EAGAIN, errno.EWOULDBLOCK)
    return "it was silent, or took nothing, for too long" if is_late else error.strerror


def borrow(fd):
    """A socket object for a descriptor that stays whose it is: to be detached."""
    # All arguments are given: each that is not costs a question to the kernel. Which family it is does not matter here.
    peer = Peer(socket.AF_INET, socket.SOCK_STREAM, 0, fd)
    if peer.gettimeout() is not None:
        # The app has said socket.setdefaulttimeout(), which has made it non-blocking just now.
        peer.settimeout(None)
    return peer


def lift(fd):
    """The same connection above the standard streams: where the app has closed one of those, what is written there would go to this client."""
    try:
        lifted = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    except OSError:
        return fd
    try:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, fd)
        if null > 2:
            os.close(null)
    except OSError:
        os.close(fd)
    return lifted


def shut(fd, how=socket.SHUT_WR):
    """Ends the connection also where a forked process holds it too: for such, a close ends nothing."""
    try:
        peer = borrow(fd)
        try:
            peer.shutdown(how)
        finally:
            peer.detach()
    except OSError:
        # The other side was quicker.
        pass


def reset_at_close(fd, is_on):
    """From now on the end of this process, by whatever, resets the connection (TCP), until that is switched off: for answers that the close ends."""
    try:
        peer = borrow(fd)
        try:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE if is_on else END_AT_CLOSE)
        finally:
            peer.detach()
    except OSError:
        pass


def reset(fd):
    """Ends it at once: by a reset where there is such a thing (TCP), so that nobody takes what was sent for complete."""
    try:
        if ctypes is not None and ctypes.CDLL(None).connect(fd, NOWHERE, len(NOWHERE)) == 0:
            return
        peer = Peer(fileno=fd)
        is_unix = peer.family == getattr(socket, "AF_UNIX", None)
        peer.detach()
    except (OSError, AttributeError):
        return
    if is_unix:
        shut(fd, socket.SHUT_RDWR)
    else:
        reset_at_close(fd, True)


def linger(fd, missing):
    """Ends the answer and throws away the rest of the body, `missing` bytes: a close with unread bytes is a reset, which may overtake the answer."""
    shut(fd)
    deadline = time.monotonic() + LINGER_SECONDS
    poll = Poll()
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
