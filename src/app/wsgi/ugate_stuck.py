"""A worker's process that is to be killed: it is asked where it is, and its client is answered where nobody else will."""

import os
import signal

try:
    import ctypes
except ImportError:
    ctypes = None

from ugate_own import DUMP_SIGNAL

# Between asking for the stack and killing; and how much longer on a machine that is too busy to let it be written.
DUMP_SECONDS = 0.1
BUSY_SECONDS = 0.9
STACK_BYTES = 65536
TIMEOUT = (
    b"HTTP/1.1 504 Gateway Timeout\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\n504 Gateway Timeout\n"
)
SYS_PIDFD_GETFD = 438


class Stuck:
    """`title` stands before its stack, and `slot` is that of the request that took too long; None where it is no request."""

    def __init__(self, process, board, words, now, title, slot):
        self._process = process
        self._board = board
        self._words = words
        self._title = title
        self._slot = slot
        self._kill_at = now + DUMP_SECONDS
        # The connection that is answered in its place: descriptor here, number there.
        self._taken = None
        send_signal(process.pid, DUMP_SIGNAL)

    def turn(self, now):
        fd = self._process.stack
        stack = b"" if fd == -1 else os.pread(fd, STACK_BYTES, 0)
        if now >= self._kill_at and (stack or fd == -1 or now >= self._kill_at + BUSY_SECONDS):
            self._kill(stack)

    def _kill(self, stack):
        number = -1 if self._slot is None else self._board.unanswered[self._slot]
        if self._taken is None and number != -1 and self._process.pidfd != -1:
            fd = _take_descriptor(self._process.pidfd, number)
            if fd != -1:
                self._taken = (fd, number)
        send_signal(self._process.pid, signal.SIGKILL)
        if self._title:
            self._words.say(self._title + (" in:\n" + stack.decode("utf-8", "replace") if stack else "; it did not say where\n"))
            self._title = ""

    def gone(self):
        """The process is dead."""
        if self._taken is None:
            return
        fd, number = self._taken
        # Still so now: nothing of an answer was sent.
        if self._board.unanswered[self._slot] == number:
            try:
                os.set_blocking(fd, False)
                os.write(fd, TIMEOUT)
            except OSError:
                pass
        os.close(fd)


def send_signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _take_descriptor(pidfd, number):
    """A copy of another process's descriptor (Linux 5.6, where a parent may trace its child), or -1."""
    try:
        return ctypes.CDLL(None, use_errno=True).syscall(SYS_PIDFD_GETFD, pidfd, number, 0)
    except (OSError, AttributeError):
        return -1
