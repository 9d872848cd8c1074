"""A worker: one process of the app, which takes connections while it is not busy, and ends when it is told to, used up, or alone."""

import errno
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
import traceback

try:
    import ctypes
except ImportError:
    ctypes = None
try:
    import faulthandler
except ImportError:
    faulthandler = None

from ugate_connection import borrow
from ugate_loader import explain, load
from ugate_output import flush
from ugate_own import DUMP_SIGNAL, finish
from ugate_request import Handler
from ugate_scoreboard import MUST, STAY

IS_LINUX = sys.platform.startswith("linux")
# How often an idle worker looks up.
LOOK_UP_SECONDS = 1
# A worker that cannot accept says so once in this time: what it wants for may be wanting for hours.
COMPLAINT_SECONDS = 10.0
# Seconds.
SOCKET_TIMEOUT = 4
# Exit status of a worker that could not load the app, of one whose socket the app has closed, and of a process whose descriptors it has
# closed while it was loaded; 0 is one that has served its time.
LOAD_FAILED = 22
DEAF = 23
STRIPPED = 24
PR_SET_PDEATHSIG = 1
SS_DISABLE = 2


class Worker:
    """`app` is None where each worker loads its own (lazy-apps). `slots` are those of its threads on the scoreboard, `stack` the file for where it is stuck."""

    def __init__(self, start, app, private, shared, board, slots, report, leave, stack, own, ground):
        self._start = start
        self._app = app
        self._private = private
        self._shared = shared
        self._board = board
        self._slots = slots
        self._report = report
        # Read end of a pipe: it ends when the workers shall leave.
        self._leave = leave
        self._stack = stack
        self._own = own
        self._ground = ground
        self._is_leaving = False
        # It has served its time, and the master knows.
        self._is_used_up = False
        # It cannot accept any more, by the app's doing.
        self._is_deaf = False
        self._complained = -COMPLAINT_SECONDS
        self._served = 0
        self._most = start.get("maxRequests") or float("inf")
        lifetime = start.get("maxWorkerLifetime") or float("inf")
        # Workers that were born together shall not all be away at once to load the app (lazy-apps).
        self._ends_at = time.monotonic() + lifetime * (1 + 0.05 * (slots[0] // len(slots) % 20))

    def run(self):
        """Returns the exit status."""
        if self._app is not None:
            self._ground.give()
        else:
            try:
                self._app = self._own.run(load, self._start["app"])
            except BaseException as error:
                message, trace = explain(error)
                self._report.tell("load-failed", message=message, traceback=trace)
                return LOAD_FAILED
            self._ground.restore()
            if not self._own.has_all():
                # Nothing is left to tell it by but the status.
                return STRIPPED
        _allow_dumps(self._stack)
        loop = self._accept_both if self._shared or not IS_LINUX else self._accept_private
        if not self._shared and IS_LINUX:
            # An accept that waits does not see that this process shall end.
            self._private.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", LOOK_UP_SECONDS, 0))
        is_multithread, is_multiprocess = len(self._slots) > 1, self._start["processes"] > 1
        limit = self._start.get("socketTimeout") or SOCKET_TIMEOUT
        handlers = [Handler(self._app, is_multithread, is_multiprocess, self._board, slot, self._report, limit, self._own) for slot in self._slots]
        self._own.handlers = handlers
        others = [threading.Thread(target=loop, args=(handler,), daemon=True) for handler in handlers[1:]]
        self._report.tell("up")
        for thread in others:
            thread.start()
        loop(handlers[0])
        for thread in others:
            thread.join()
        return DEAF if self._is_deaf else 0

    def _accept_private(self, handler):
        """Waits in accept, which wakes one worker for one connection. When the master shuts the socket, what waits is still given out, then EINVAL."""
        # Of the class below socket.socket: no second object for each connection. All work is on the descriptor.
        accept = self._private._accept
        serve = handler.serve
        while not self._is_leaving:
            try:
                fd = accept()[0]
            except OSError as error:
                if self._cannot_accept(error):
                    return
                continue
            if serve(fd, True):
                self._count()

    def _accept_both(self, handler):
        """Waits for all sockets. Other processes wait for them too, so each wake may come too late."""
        poll = select.poll()
        listeners = {listener.fileno(): listener for listener in [self._private, *self._shared] if listener is not None}
        for fd in [*listeners, self._leave]:
            poll.register(fd, select.POLLIN)
        is_last = False
        while not self._is_leaving and not is_last:
            ready = [fd for fd, _ in poll.poll(LOOK_UP_SECONDS * 1000)]
            if not ready:
                self._look_up()
            # Whoever was woken for a connection takes it, even when it was the last thing to be heard.
            is_last = self._leave in ready
            for fd in ready:
                if fd in listeners and self._take(listeners[fd], handler) is None:
                    poll.unregister(fd)
        # What the master has shut gives out what waits, and no more.
        while self._private is not None and self._take(self._private, handler):
            pass

    def _take(self, listener, handler):
        """Takes one connection of a listener that does not block: True when there was one, None when there never will be."""
        try:
            fd = listener._accept()[0]
        except OSError as error:
            return None if self._cannot_accept(error) else False
        os.set_blocking(fd, True)
        is_private = listener is self._private
        if not is_private:
            self._limit(fd)
        if handler.serve(fd, is_private):
            self._count()
        return True

    def _limit(self, fd):
        """Outside of the private socket anybody may connect and say nothing."""
        limit = struct.pack("ll", self._start.get("socketTimeout") or SOCKET_TIMEOUT, 0)
        peer = borrow(fd)
        try:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        except OSError:
            pass
        finally:
            peer.detach()

    def _cannot_accept(self, error):
        """True when the socket is of no more use."""
        if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
            self._look_up()
        elif error.errno in (errno.EINVAL, errno.EBADF, errno.ENOTSOCK):
            # Shut down: by the master, which says so, or by the app.
            if error.errno != errno.EINVAL or self._word != MUST:
                self._report.log("error", "app-socket-closed", "the app closed the socket that its worker listens on; another takes its place", {})
                self._is_deaf = True
            self._is_leaving = True
            return True
        elif error.errno not in (errno.ECONNABORTED, errno.EINTR):
            now = time.monotonic()
            if now - self._complained >= COMPLAINT_SECONDS:
                self._complained = now
                self._report.log("error", "app-accept-failed", "a worker cannot accept: %s" % error.strerror, {})
            time.sleep(0.1)
        return False

    @property
    def _word(self):
        return self._board.leave[self._slots[0]]

    def _count(self):
        self._served += 1
        if self._served >= self._most or time.monotonic() > self._ends_at:
            self._retire()

    def _retire(self):
        """Asks for a successor, and leaves when the master lets it: who comes meanwhile shall not wait."""
        if not self._is_used_up:
            self._is_used_up = True
            # Read before it is told: the master gives leave for what it has heard.
            self._is_leaving = self._word != STAY
            self._report.tell("used-up", hasStopped=self._is_leaving)
        elif self._word != STAY:
            self._is_leaving = True

    def _look_up(self):
        if os.getppid() != self._start["masterPid"]:
            self._is_leaving = True
        elif self._is_used_up or time.monotonic() > self._ends_at:
            self._retire()


def _allow_dumps(fd):
    """The master may ask for the stack of every thread before it kills this process: written without the interpreter's help."""
    if not IS_LINUX or fd == -1 or ctypes is None or faulthandler is None:
        return
    try:
        faulthandler.register(DUMP_SIGNAL, file=fd, all_threads=True, chain=False)
        # It gives handlers a stack of their own, 8 KiB, on which a few signals at once overflow: Python's handlers run there too (3.10 and later).
        none = struct.pack("PiN", 0, SS_DISABLE, 0)
        ctypes.CDLL(None).sigaltstack(none, None)
    except (AttributeError, OSError, ValueError, RuntimeError):
        pass


def run_worker(worker, master_pid, words):
    """What the forked process does; never returns."""
    status = 1
    try:
        if not _dies_with(master_pid):
            threading.Thread(target=_watch, args=(master_pid,), daemon=True).start()
        status = worker.run()
    except BaseException:
        words.say(traceback.format_exc())
    finally:
        end(status)


def end(status):
    """Ends this process: as Python would when it has served its time, and at once when something went wrong."""
    try:
        if status == 0:
            finish()
        else:
            flush()
    finally:
        os._exit(status)


def _dies_with(master_pid):
    """The kernel kills this process when the master is gone, whatever code it is in. False where there is no such thing."""
    try:
        if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            return False
    except (OSError, AttributeError):
        return False
    if os.getppid() != master_pid:
        os._exit(1)
    return True


def _watch(master_pid):
    while os.getppid() == master_pid:
        time.sleep(0.5)
    os._exit(1)
