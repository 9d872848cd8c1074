"""What ugate's code stands on, and an app may change while it is imported: signals, timers, and descriptors."""

import signal

from ugate_own import ignore

# A terminal or systemd sends these to the whole group; only ugate's master decides.
FIRM = ("SIGINT", "SIGHUP", "SIGTSTP", "SIGTERM", "SIGQUIT")
# The app may have its own way with these in workers, and has none in the master.
YIELDED = ("SIGUSR1", "SIGUSR2", "SIGCHLD")
CLOSED = "the app closed descriptors that are ugate's while it was loaded (by os.closerange, as recipes for daemons do?); ugate cannot run it so"


class Ground:
    """To be made before the app is loaded."""

    def __init__(self):
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._wishes = {}
        for name in FIRM + YIELDED[:2]:
            signal.signal(getattr(signal, name), ignore)

    def restore(self):
        """In a worker that has loaded the app itself."""
        for name in FIRM:
            signal.signal(getattr(signal, name), ignore)
        # A client that has left is an error of write(2), not the end of the worker.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def take_back(self):
        """In the master, which has loaded the app for its workers."""
        self.restore()
        for name in YIELDED:
            number = getattr(signal, name)
            wish = signal.getsignal(number)
            # None is a handler that is not Python's, such as one of faulthandler: it disturbs nobody but who waits for children.
            if wish is not None and wish is not ignore:
                self._wishes[number] = wish
            if wish is not None or name == "SIGCHLD":
                signal.signal(number, signal.SIG_DFL if name == "SIGCHLD" else ignore)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(-1)

    def give(self):
        """In a worker that was forked from it: what the app wanted holds where the app runs."""
        for number, wish in self._wishes.items():
            signal.signal(number, wish)
