"""What this process writes by itself: standard output and error as the app gets them, and ugate's own words beside them."""

import fcntl
import io
import os
import select
import sys

# Above what apps and shells use: one that closes "all" descriptors up to some number often stops below.
WORDS_FROM = 200


class PatientFile(io.FileIO):
    """Waits where a full pipe would refuse: whoever shares it may have made it non-blocking for all, as Node does, and print() then loses what it prints."""

    def write(self, data):
        written = super().write(data)
        while written is None:
            _wait(self.fileno())
            written = super().write(data)
        return written


def patient(stream, fd):
    """Standard output or error as the app gets it: what it prints is seen when it prints it. None where there is none."""
    if stream is None:
        return None
    file = PatientFile(fd, "w", closefd=False)
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
                try:
                    left = left[os.write(fd, left) :]
                except BlockingIOError:
                    _wait(fd)
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


def _wait(fd):
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    poll.poll()
