"""The first Python process: binds, loads, forks, and watches over the workers; talks JSON lines with ugate."""

import gc
import io
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback

try:
    import ctypes
except ImportError:
    ctypes = None

from ugate_loader import LoadError, explain, load, prepare
from ugate_scoreboard import Scoreboard
from ugate_worker import DUMP_SIGNAL, LOAD_FAILED, Report, Worker, end, run_worker

# A terminal or systemd sends these to the whole group; only ugate's master decides. A handler, not SIG_IGN: what the app executes gets its defaults back.
NOT_OURS = ("SIGINT", "SIGHUP", "SIGTSTP", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGQUIT")
TICK_SECONDS = 0.1
IDLE_SECONDS = 1.0
# What a crash in a row waits for; the last one is for all that follow. As ugate does with its own children.
PAUSES = (0, 0.25, 0.5, 1, 2, 4, 8, 10)
# A worker that lived shorter has crashed; one that lived so long is well, and what was before is forgotten.
SHORT_LIFE_SECONDS = 1.0
LONG_LIFE_SECONDS = 10.0
# Between asking a stuck worker for its stack and killing it; and how much longer on a machine that is too busy to let it write one.
DUMP_SECONDS = 0.1
BUSY_SECONDS = 0.9
STACK_BYTES = 65536
# What dying of SIGKILL may take.
REAP_SECONDS = 0.4
TIMEOUT = (
    b"HTTP/1.1 504 Gateway Timeout\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\n504 Gateway Timeout\n"
)
SYS_PIDFD_GETFD = 438


class Seat:
    """The place of one worker, which one process after the other takes."""

    def __init__(self, number, slots):
        self.id = number
        self.slots = slots
        self.pid = 0
        self.pidfd = -1
        self.born = 0.0
        self.due = 0.0
        self.crashes = 0
        self.is_up = False
        # Where the process writes its stack when it is stuck: two that do so at once stay apart.
        self.stack = os.memfd_create("ugate-stack") if hasattr(os, "memfd_create") else -1
        # Why it was killed, and when; the connection that is answered in its place.
        self.stuck = None
        self.title = ""
        self.kill_at = 0.0
        self.taken = None


class Channel:
    """The line to ugate: JSON lines both ways."""

    def __init__(self, fd, rest):
        self.fd = fd
        self._rest = rest

    def send(self, kind, **fields):
        data = json.dumps({"kind": kind, **fields}).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self.fd, data) :]
        except OSError:
            # The reading side tells that ugate is gone.
            pass

    def receive(self):
        """Reads what is there; False when ugate is gone. Called when the descriptor is readable."""
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self._rest += data
        return data != b""

    def messages(self):
        """What was read and is complete."""
        *lines, self._rest = self._rest.split(b"\n")
        return [json.loads(line) for line in lines if line]


class Master:
    def __init__(self, start, channel):
        start["masterPid"] = os.getpid()
        self._start = start
        self._channel = channel
        self._app = None
        self._private = None
        self._shared = []
        threads = max(1, start["threads"])
        self._board = Scoreboard(start["processes"] * threads)
        self._seats = [Seat(n + 1, range(n * threads, (n + 1) * threads)) for n in range(start["processes"])]
        self._reports, self._reports_in = os.pipe()
        self._leave, self._leave_in = os.pipe()
        self._partial = b""
        self._poll = select.poll()
        self._is_ready = False
        self._is_draining = False
        self._deadline = float("inf")

    def run(self):
        """Never returns."""
        try:
            prepare(self._start)
            self._bind()
            if not self._start.get("lazyApps"):
                self._app = self._load()
        except BaseException as error:
            message, trace = explain(error)
            self._give_up(message, trace)
        # What is there now is shared with the workers and never collected: their memory stays common.
        gc.collect()
        gc.freeze()
        self._poll.register(self._channel.fd, select.POLLIN)
        self._poll.register(self._reports, select.POLLIN)
        for seat in self._seats:
            self._fork(seat)
        self._obey()
        while True:
            self._turn()

    def _bind(self):
        first = 3
        if self._start.get("isBound"):
            # Ours alone to accept on, whatever the runtime that bound it made of it.
            self._private = socket.socket(fileno=first)
            self._private.set_inheritable(False)
            self._private.setblocking(True)
            self._private.listen(self._start["backlog"])
            first += 1
        elif self._start.get("path"):
            self._private = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            # Only this user's processes may connect: the protocol knows no other key.
            mask = os.umask(0o177)
            try:
                self._private.bind(self._start["path"])
            except OSError as error:
                raise LoadError("cannot bind %s: %s" % (self._start["path"], error.strerror or error)) from None
            finally:
                os.umask(mask)
            self._private.listen(self._start["backlog"])
        for fd in range(first, first + self._start.get("sockets", 0)):
            listener = socket.socket(fileno=fd)
            listener.set_inheritable(False)
            listener.setblocking(False)
            self._shared.append(listener)
        if self._private is not None and (self._shared or not sys.platform.startswith("linux")):
            self._private.setblocking(False)

    def _load(self):
        """Loads the app here. A thread watches meanwhile whether ugate is still there; it ends before the first fork."""
        is_loaded = threading.Event()

        def watch():
            poll = select.poll()
            poll.register(self._channel.fd, 0)
            while not is_loaded.is_set():
                if poll.poll(0):
                    os._exit(1)
                is_loaded.wait(0.2)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            return load(self._start["app"])
        finally:
            is_loaded.set()
            watcher.join()

    def _give_up(self, message, trace):
        self._channel.send("failed", message=message, traceback=trace)
        self._end_all(LOAD_FAILED)

    def _fork(self, seat):
        for slot in seat.slots:
            self._board.clear(slot)
        if seat.stack != -1:
            os.ftruncate(seat.stack, 0)
            os.lseek(seat.stack, 0, os.SEEK_SET)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(self._channel.fd)
            os.close(self._reports)
            os.close(self._leave_in)
            for other in self._seats:
                if other.pidfd != -1:
                    os.close(other.pidfd)
            report = Report(self._reports_in, seat.id)
            worker = Worker(self._start, self._app, self._private, self._shared, self._board, seat.slots, report, self._leave, seat.stack)
            run_worker(worker, self._start["masterPid"])
        seat.pid = pid
        seat.born = time.monotonic()
        seat.due = 0.0
        seat.is_up = False
        seat.stuck = None
        seat.pidfd = _pidfd_open(pid)
        if seat.pidfd != -1:
            self._poll.register(seat.pidfd, select.POLLIN)

    def _turn(self):
        is_waiting = self._start.get("harakiri") or self._is_draining or any(not seat.pid or seat.pidfd == -1 for seat in self._seats)
        for fd, _ in self._poll.poll((TICK_SECONDS if is_waiting else IDLE_SECONDS) * 1000):
            if fd == self._channel.fd:
                if not self._channel.receive():
                    self._end_all(1)
                self._obey()
            elif fd == self._reports:
                self._hear()
        now = time.monotonic()
        for seat in self._seats:
            if seat.pid:
                if self._start.get("harakiri"):
                    self._check(seat, now)
                self._reap(seat, now)
            if not seat.pid and not self._is_draining and now >= seat.due:
                self._fork(seat)
        if self._is_draining:
            if now >= self._deadline or not any(seat.pid for seat in self._seats):
                self._end_all(0)

    def _obey(self):
        for message in self._channel.messages():
            kind = message.get("kind")
            if kind == "drain":
                self._drain(message.get("mercy", 60))
            elif kind == "stop":
                self._end_all(1)
            elif kind == "status":
                self._channel.send("status", workers=[self._describe(seat) for seat in self._seats])

    def _hear(self):
        *lines, self._partial = (self._partial + os.read(self._reports, 65536)).split(b"\n")
        for line in lines:
            report = json.loads(line)
            kind = report.pop("kind")
            seat = self._seats[report["id"] - 1]
            if kind == "log":
                self._channel.send("log", **{key: report[key] for key in ("level", "code", "message", "details")})
            elif seat.pid != report["pid"]:
                continue
            elif kind == "up":
                seat.is_up = True
                self._channel.send("worker-started", id=seat.id, pid=seat.pid)
                if not self._is_ready and all(other.is_up for other in self._seats):
                    self._is_ready = True
                    self._channel.send("ready", pids=[other.pid for other in self._seats])
            elif kind == "load-failed":
                if not self._is_ready:
                    self._give_up(report["message"], report["traceback"])
                sys.stderr.write(report["traceback"])
                self._log("error", "app-load-failed", "worker %d cannot load the app: %s" % (seat.id, report["message"]), {})

    def _reap(self, seat, now):
        pid, status = os.waitpid(seat.pid, os.WNOHANG)
        if not pid:
            return
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        name = None if code is not None else _signal_name(os.WTERMSIG(status))
        if not self._is_ready and not seat.is_up and not self._is_draining:
            self._give_up("worker %d ended with %s before it was ready" % (seat.id, name or code), "")
        # One that has served its time ends with 0. Any other that hardly lived may do so again.
        lived = now - seat.born if seat.is_up else 0
        if lived >= LONG_LIFE_SECONDS:
            seat.crashes = 0
        is_short = code != 0 and lived < SHORT_LIFE_SECONDS
        pause = PAUSES[min(seat.crashes, len(PAUSES) - 1)] if is_short else 0
        seat.crashes += is_short
        self._release(seat)
        self._channel.send("worker-exit", id=seat.id, pid=pid, code=code, signal=name, pause=pause, isStuck=seat.stuck is not None)
        seat.pid = 0
        seat.due = now + pause

    def _release(self, seat):
        if seat.pidfd != -1:
            self._poll.unregister(seat.pidfd)
            os.close(seat.pidfd)
            seat.pidfd = -1
        if seat.taken is not None:
            fd, number, slot = seat.taken
            seat.taken = None
            # Still so now that the worker is dead: nothing of an answer was sent.
            if self._board.unanswered[slot] == number:
                try:
                    os.set_blocking(fd, False)
                    os.write(fd, TIMEOUT)
                except OSError:
                    pass
            os.close(fd)

    def _check(self, seat, now):
        """Kills a worker whose request takes too long; first it is asked to write down where it is."""
        if seat.stuck is not None:
            stack = b"" if seat.stack == -1 else os.pread(seat.stack, STACK_BYTES, 0)
            if now >= seat.kill_at and (stack or seat.stack == -1 or now >= seat.kill_at + BUSY_SECONDS):
                self._kill(seat, stack)
            return
        for slot in seat.slots:
            started = self._board.started[slot]
            if started and now - started > self._start["harakiri"]:
                seat.stuck = slot
                seat.kill_at = now + DUMP_SECONDS
                request, seconds = self._board.line(slot), round(now - started, 1)
                self._channel.send("harakiri", id=seat.id, pid=seat.pid, request=request, seconds=seconds)
                seat.title = "%s: worker %d (pid %d) is stuck after %s s" % (request, seat.id, seat.pid, seconds)
                _signal(seat.pid, DUMP_SIGNAL)
                return

    def _kill(self, seat, stack):
        number = self._board.unanswered[seat.stuck]
        if seat.taken is None and number != -1 and seat.pidfd != -1:
            fd = _take_descriptor(seat.pidfd, number)
            if fd != -1:
                seat.taken = (fd, number, seat.stuck)
        _signal(seat.pid, signal.SIGKILL)
        if seat.title:
            # In one piece: its neighbours may be stuck as well.
            sys.stderr.write(seat.title + (" in:\n" + stack.decode("utf-8", "replace") if stack else "; it did not say where\n"))
            sys.stderr.flush()
            seat.title = ""

    def _drain(self, mercy):
        """The workers finish what they do and what waits already, and leave."""
        if self._is_draining:
            return
        self._is_draining = True
        self._deadline = time.monotonic() + mercy
        if self._private is not None:
            try:
                self._private.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        os.close(self._leave_in)
        self._leave_in = -1

    def _end_all(self, status):
        for seat in self._seats:
            if seat.pid:
                _signal(seat.pid, signal.SIGKILL)
        # Whoever hears that this process is gone may rely on it that the others are.
        until = time.monotonic() + REAP_SECONDS
        for seat in self._seats:
            while seat.pid and not os.waitpid(seat.pid, os.WNOHANG)[0] and time.monotonic() < until:
                time.sleep(0.005)
        if self._private is not None and not self._start.get("isBound"):
            try:
                os.unlink(self._start["path"])
            except OSError:
                pass
        end(status)

    def _describe(self, seat):
        board = self._board
        busy = sorted((board.started[slot], slot) for slot in seat.slots if board.started[slot])
        since, line = (round(time.monotonic() - busy[0][0], 3), board.line(busy[0][1])) if busy else (None, None)
        requests = sum(board.requests[slot] for slot in seat.slots)
        return {"id": seat.id, "pid": seat.pid, "requests": requests, "running": len(busy), "busy": line, "since": since}

    def _log(self, level, code, message, details):
        self._channel.send("log", level=level, code=code, message=message, details=details)


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number


def _pidfd_open(pid):
    """A descriptor that tells when the process ends (Linux, Python 3.9), or -1: then it is asked every tick."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def _take_descriptor(pidfd, number):
    """A copy of another process's descriptor (Linux 5.6, where a parent may trace its child), or -1."""
    try:
        return ctypes.CDLL(None, use_errno=True).syscall(SYS_PIDFD_GETFD, pidfd, number, 0)
    except (OSError, AttributeError):
        return -1


def _ignore(number, frame):
    pass


class PatientFile(io.FileIO):
    """Waits where a full pipe would refuse: whoever shares it may have made it non-blocking for all, as Node does, and print() then loses what it prints."""

    def write(self, data):
        written = super().write(data)
        while written is None:
            poll = select.poll()
            poll.register(self.fileno(), select.POLLOUT)
            poll.poll()
            written = super().write(data)
        return written


def _patient(stream, fd):
    """Standard output or error as the app gets it: what it prints is seen when it prints it. None where there is none."""
    if stream is None:
        return None
    file = PatientFile(fd, "w", closefd=False)
    file.name = stream.name
    return io.TextIOWrapper(io.BufferedWriter(file), stream.encoding, stream.errors, line_buffering=True)


def main(start, fd, rest):
    channel = Channel(fd, rest)
    if sys.version_info < (3, 8):
        channel.send("failed", message="Python %d.%d is too old: ugate's workers need 3.8" % sys.version_info[:2], traceback="")
        os._exit(LOAD_FAILED)
    for name in NOT_OURS:
        signal.signal(getattr(signal, name), _ignore)
    sys.stdout = sys.__stdout__ = _patient(sys.stdout, 1)
    sys.stderr = sys.__stderr__ = _patient(sys.stderr, 2)
    try:
        Master(start, channel).run()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
