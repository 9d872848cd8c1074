"""What this process writes by itself: standard output and error as the app gets them, and ugate's own words beside them."""

import fcntl
import io
import os
import select
import sys

# Above what apps and shells use: one that closes "all" descriptors up to some number often stops below.
WORDS_FROM = 200


# How long a reader is waited for that takes nothing, in seconds.
PATIENCE = 1.0
# PIPE_BUF of Linux: what poll(2) promises room for in a pipe.
PIECE = 4096


class Outlet:
    """A descriptor that others write to as well, and that nobody may read: a write waits a second for room at most, so that no request ends in
    a log. From then on what finds no room is lost, until there is some, and then it is told how much that was."""

    def __init__(self, fd):
        self.fd = fd
        self._lost = 0

    def write(self, data):
        """How many bytes were taken; those that are lost count. Raises OSError when nothing can be written."""
        if not _has_room(self.fd, 0 if self._lost else PATIENCE):
            self._lost += len(data)
            return len(data)
        if self._lost:
            words = b"\nugate: %d bytes of output were lost: they were not taken in time\n" % self._lost
            if self._write(words):
                self._lost = 0
        return self._write(data[:PIECE])

    def _write(self, piece):
        try:
            return os.write(self.fd, piece)
        except BlockingIOError:
            # Somebody else had the room.
            return 0


def _has_room(fd, seconds):
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))


class PatientFile(io.FileIO):
    """Takes what is printed where a full pipe would refuse: whoever shares it may have made it non-blocking for all, as Node does."""

    def __init__(self, fd):
        super().__init__(fd, "w", closefd=False)
        self._outlet = Outlet(fd)

    def write(self, data):
        view = memoryview(data).cast("B")
        written = 0
        while not written and view:
            written = self._outlet.write(view)
        return written


def patient(stream, fd):
    """Standard output or error as the app gets it: what it prints is seen when it prints it. None where there is none."""
    if stream is None:
        return None
    file = PatientFile(fd)
    file.name = stream.name
    return io.TextIOWrapper(io.BufferedWriter(file), stream.encoding, stream.errors, line_buffering=True)


def flush():
    """Never raises, whatever the app has made of the two."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


class Words:
    """Standard error as ugate's own code writes to it, whatever the app makes of `sys.stderr` and of descriptor 2."""

    def __init__(self):
        self._files = [(2, identity(2))]
        try:
            fd = fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, WORDS_FROM)
            self._files.insert(0, (fd, identity(fd)))
        except (OSError, ValueError):
            pass
        self._outlets = {fd: Outlet(fd) for fd, _ in self._files}

    @property
    def fd(self):
        """A descriptor that is still what it was, or -1. Numbers that the app has closed may be files of its own by now."""
        return next((fd for fd, was in self._files if was is not None and identity(fd) == was), -1)

    def say(self, text):
        """In one piece where that fits: its neighbours may speak as well. Never raises."""
        fd = self.fd
        left = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while left and fd != -1:
                left = left[self._outlets[fd].write(left) :]
        except OSError:
            # Nobody is there to read it.
            pass


def identity(fd):
    """Which file a descriptor is; None where it is closed."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_rdev)
