"""What is this process's own. What the app forks is neither worker nor master: it gets none of it, and ends by itself."""

import atexit
import os
import signal
import threading
import warnings

try:
    import faulthandler
except ImportError:
    faulthandler = None

from ugate_output import flush, identity
from ugate_text import trace_of

DUMP_SIGNAL = signal.SIGURG
HELD = [number for number in signal.Signals if number not in (signal.SIGKILL, signal.SIGSTOP)]


class Own:
    """One for each process: workers that the master forks have a copy of the master's."""

    def __init__(self, words):
        self.words = words
        # True in a process that the app forked from this one, and in those that come of it.
        self.is_forked = False
        # Those that serve connections: each has one in `fd`, or -1.
        self.handlers = []
        self._held = {}
        self._forgets = []
        self._forker = None
        # Signals are held back while a thread forks: one for the child that comes before its handlers are the default would be lost.
        self._masks = {}
        os.register_at_fork(before=self._hold_signals, after_in_parent=self._release_signals, after_in_child=self._forked)

    def hold(self, fd):
        """`fd` is ugate's: not for what the app forks, and not to be closed by the app."""
        self._held[fd] = identity(fd)
        return fd

    def let_go(self, fd):
        """It is about to be closed, or no longer ours."""
        self._held.pop(fd, None)

    def has_all(self):
        """False when one was closed, by whomever."""
        return all(identity(fd) == was for fd, was in self._held.items())

    def in_forked(self, forget):
        """Calls `forget` in what the app forks, which is to take no further part in something."""
        self._forgets.append(forget)

    def fork(self):
        """os.fork() for a process of ugate's. @raises OSError"""
        flush()
        self._forker = threading.get_ident()
        try:
            with warnings.catch_warnings():
                # The app's threads are the app's; a filter that makes errors of warnings would end us.
                warnings.simplefilter("ignore")
                return os.fork()
        finally:
            self._forker = None

    def run(self, work, *arguments):
        """work(*arguments), which is the app's code: what it forks ends here, and only this process returns."""
        try:
            result = work(*arguments)
        except BaseException as error:
            if self.is_forked:
                self.leave(error)
            raise
        if self.is_forked:
            self.leave()
        return result

    def leave(self, error=None):
        """Ends a process that the app forked, by `error` as Python does at its top; never returns."""
        status = 0
        if isinstance(error, SystemExit):
            status = self._status(error.code)
        elif error is not None:
            status = 1
            self.words.say("a process that the app forked failed\n%s" % trace_of(error))
        finish()
        os._exit(status)

    def _status(self, code):
        if code is None:
            return 0
        if isinstance(code, int):
            return code & 0xFF
        self.words.say("%s\n" % code)
        return 1

    def _hold_signals(self):
        self._masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)

    def _release_signals(self):
        signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.pop(threading.get_ident(), ()))

    def _forked(self):
        """Runs in each process that is forked, before os.fork() returns there."""
        if self._forker != threading.get_ident() and not self.is_forked:
            self._disown()
        self._release_signals()

    def _disown(self):
        self.is_forked = True
        held = [fd for fd, was in self._held.items() if identity(fd) == was]
        # In place of the connection, so that nothing reaches the client, and of the listening sockets, so that they end with ugate.
        for fd in held + [handler.fd for handler in self.handlers if handler.fd != -1]:
            _blank(fd)
        for number in signal.Signals:
            if signal.getsignal(number) is ignore:
                signal.signal(number, signal.SIG_DFL)
        if faulthandler is not None and hasattr(faulthandler, "unregister"):
            faulthandler.unregister(DUMP_SIGNAL)
        # What was registered before is for the end of the worker: to give back what this process still uses.
        atexit._clear()
        for forget in self._forgets:
            forget()


def ignore(number, frame):
    """A handler, not SIG_IGN: what the app executes gets its defaults back."""


def finish():
    """What Python does when a program is over: threads that are no daemons and executors first, then exit functions, then what is buffered."""
    _take(threading._shutdown, atexit._run_exitfuncs, flush)


def finish_without_threads():
    """For a process whose threads are not its business: they may never end."""
    _take(atexit._run_exitfuncs, flush)


def _take(*steps):
    for step in steps:
        try:
            step()
        except BaseException:
            # One that fails has said so; the others are still due.
            pass


def _blank(fd):
    try:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, fd, inheritable=False)
        os.close(null)
    except OSError:
        try:
            os.close(fd)
        except OSError:
            pass
