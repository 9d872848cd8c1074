"""The first Python process: binds, loads, forks, and watches over the workers; talks JSON lines with ugate."""

import gc
import json
import os
import select
import signal
import sys
import threading
import time
import traceback

try:
    import faulthandler
except ImportError:
    faulthandler = None

from ugate_channel import Channel
from ugate_ground import CLOSED, Ground
from ugate_loader import explain, load, prepare
from ugate_orphans import inherits_orphans, reap_orphans
from ugate_output import Words, patient
from ugate_own import Own, finish_without_threads
from ugate_report import Report
from ugate_scoreboard import MAY, MUST, STAY, Scoreboard
from ugate_seat import BLOCKS, Seat
from ugate_sockets import Sockets
from ugate_status import describe
from ugate_stuck import Stuck, send_signal
from ugate_worker import DEAF, LOAD_FAILED, STRIPPED, Worker, run_worker

TICK_SECONDS = 0.1
IDLE_SECONDS = 1.0
# What dying of SIGKILL may take.
REAP_SECONDS = 0.4
# How much longer than its mercy a drain may take: to ask for stacks, and to kill.
KILL_SECONDS = 1.2
# What requests have that still run when the app has shut the socket of all workers down: nobody else is served meanwhile.
SHUT_SECONDS = 1.0
# What is always left for the app's own exit functions in this process.
END_SECONDS = 0.5


class Master:
    def __init__(self, start, channel, words):
        start["masterPid"] = os.getpid()
        self._start = start
        self._channel = channel
        self._words = words
        self._own = Own(words)
        self._ground = Ground()
        self._app = None
        self._sockets = Sockets()
        size = max(1, start["threads"]) * BLOCKS
        self._board = Scoreboard(start["processes"] * size)
        self._seats = [Seat(n + 1, range(n * size, (n + 1) * size)) for n in range(start["processes"])]
        self._reports, self._reports_in = os.pipe()
        os.set_blocking(self._reports, False)
        self._leave, self._leave_in = os.pipe()
        self._partial = b""
        self._poll = select.poll()
        self._inherits_orphans = False
        self._is_ready = False
        self._is_draining = False
        self._deadline = float("inf")
        # What a drain ends with.
        self._status = 0
        for fd in (channel.fd, self._reports, self._reports_in, self._leave, self._leave_in):
            self._own.hold(fd)
        self._own.in_forked(self._board.detach)

    def run(self):
        """Never returns."""
        try:
            prepare(self._start)
            self._sockets.open(self._start)
            for fd in self._sockets.fds:
                self._own.hold(fd)
            if not self._start.get("lazyApps"):
                self._app = self._own.run(self._load)
        except BaseException as error:
            message, trace = explain(error)
            self._give_up(message, trace)
        if self._app is not None:
            self._ground.take_back()
            if not self._own.has_all():
                self._strip()
        self._inherits_orphans = inherits_orphans()
        # What is there now is shared with the workers and never collected: their memory stays common.
        gc.collect()
        gc.freeze()
        self._poll.register(self._channel.fd, select.POLLIN)
        self._poll.register(self._reports, select.POLLIN)
        self._obey()
        while True:
            self._turn()

    def _load(self):
        """Loads the app here. A thread watches meanwhile whether ugate is still there; it ends before the first fork."""
        is_loaded = threading.Event()

        def watch():
            poll = select.poll()
            poll.register(self._channel.fd, 0)
            while not is_loaded.is_set():
                for _, event in poll.poll(0):
                    if event & select.POLLNVAL:
                        self._strip()
                    os._exit(1)
                is_loaded.wait(0.2)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            return load(self._start["app"])
        finally:
            is_loaded.set()
            watcher.join()

    def _strip(self):
        """Nothing is left to tell it by but the status."""
        self._words.say(CLOSED + "\n")
        os._exit(STRIPPED)

    def _give_up(self, message, trace):
        self._channel.send("failed", message=message, traceback=trace)
        self._end_all(LOAD_FAILED)

    @property
    def _processes(self):
        return [process for seat in self._seats for process in seat.processes]

    def _fork(self, seat, now):
        process = seat.make()
        for slot in process.slots:
            self._board.clear(slot)
        # One that has served its time stops at once, since the next is forked in a moment; not where that has to load the app, or has no room.
        self._board.leave[process.slots[0]] = STAY if self._start.get("lazyApps") or seat.processes else MAY
        try:
            pid = self._own.fork()
        except OSError as error:
            process.close()
            pause = seat.gone(process, now, False)
            self._channel.log("error", "app-fork-failed", "a worker cannot be forked: %s" % error.strerror, {"worker": seat.id, "pause": "%ss" % pause})
            return
        if pid == 0:
            self._become(process)
        process.forked(pid, now)
        if process.pidfd != -1:
            self._poll.register(process.pidfd, select.POLLIN)
        seat.take(process)

    def _become(self, process):
        for fd in (self._channel.fd, self._reports, self._leave_in):
            self._own.let_go(fd)
            os.close(fd)
        for other in self._processes:
            other.close()
        report = Report(self._reports_in, process.seat.id)
        sockets = self._sockets
        worker = Worker(
            self._start, self._app, sockets.private, sockets.shared, self._board, process.slots, report, self._leave, process.stack, self._own, self._ground
        )
        run_worker(worker, self._start["masterPid"], self._words)

    def _turn(self):
        is_waiting = self._start.get("harakiri") or self._is_draining or any(seat.process is None for seat in self._seats)
        is_waiting = is_waiting or any(process.pidfd == -1 or process.is_leaving or process.is_used_up for process in self._processes)
        for fd, _ in self._poll.poll((TICK_SECONDS if is_waiting else IDLE_SECONDS) * 1000):
            if fd == self._channel.fd:
                if not self._channel.receive():
                    self._end_all(1)
                self._obey()
            elif fd == self._reports:
                self._hear()
        now = time.monotonic()
        for seat in self._seats:
            for process in seat.processes:
                self._check(process, now)
                self._reap(process, now)
            if not self._is_draining and seat.wants_process(now):
                self._fork(seat, now)
        if self._inherits_orphans:
            reap_orphans(process.pid for process in self._processes)
        if self._is_draining and (not self._processes or now >= self._deadline + KILL_SECONDS):
            self._end_all(self._status)

    def _obey(self):
        for message in self._channel.messages():
            kind = message.get("kind")
            if kind == "drain":
                self._drain(message.get("mercy", 60))
            elif kind == "stop":
                self._end_all(1)
            elif kind == "status":
                self._channel.send("status", workers=[line for seat in self._seats for line in describe(seat, self._board, self._is_draining)])

    def _hear(self):
        try:
            self._partial += os.read(self._reports, 65536)
        except BlockingIOError:
            return
        *lines, self._partial = self._partial.split(b"\n")
        for line in lines:
            report = json.loads(line)
            kind = report.pop("kind")
            seat = self._seats[report["id"] - 1]
            process = next((process for process in seat.processes if process.pid == report["pid"]), None)
            if kind == "log":
                self._channel.log(report["level"], report["code"], report["message"], report["details"])
            elif process is None:
                continue
            elif kind == "up":
                self._came_up(process)
            elif kind == "used-up":
                # Leave that was given while it asked holds as well: it goes with its next look at it.
                self._used_up(process, report["hasStopped"] or self._board.leave[process.slots[0]] != STAY)
            elif kind == "load-failed":
                if not self._is_ready:
                    self._give_up(report["message"], report["traceback"])
                self._words.say(report["traceback"])
                self._cannot_load(seat, report["message"])

    def _came_up(self, process):
        seat = process.seat
        old = seat.came_up(process)
        if old is not None:
            self._may_leave(old)
            old.leave_by = time.monotonic() + self._start["mercy"]
        self._channel.send("worker-started", id=seat.id, pid=process.pid)
        if not self._is_ready and all(seat.process is not None and seat.process.is_up for seat in self._seats):
            self._is_ready = True
            self._channel.send("ready", pids=[seat.process.pid for seat in self._seats])

    def _may_leave(self, process):
        """Who must leave already still must."""
        slot = process.slots[0]
        self._board.leave[slot] = max(self._board.leave[slot], MAY)

    def _used_up(self, process, has_stopped):
        process.is_used_up = True
        if has_stopped:
            process.leave_by = min(self._deadline, time.monotonic() + self._start["mercy"])
            if process is process.seat.process and process.seat.leaving is None:
                process.seat.stopped(process)

    def _reap(self, process, now):
        try:
            pid, status = os.waitpid(process.pid, os.WNOHANG)
            if not pid:
                return
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
            name = None if code is not None else _signal_name(os.WTERMSIG(status))
        except ChildProcessError:
            # Somebody else has waited for it: a thread of the app's. How it ended is not to be known any more.
            code = name = None
        # Its last words come first: they say whether it was to end.
        self._hear()
        seat = process.seat
        if not process.is_up and not self._is_draining:
            self._not_up(seat, name or code)
        request = next((self._board.line(slot) for slot in process.slots if self._board.started[slot]), None)
        if code == DEAF and self._start.get("isBound") and not self._is_draining and self._sockets.is_shut():
            # For good, and for all: only ugate can make another.
            self._status = DEAF
            self._drain(SHUT_SECONDS)
        # It was told to, and nobody waits for its answer. Else it is the app's doing, also with status 0.
        is_orderly = code == 0 and request is None and (self._is_draining or process.is_leaving)
        pause = seat.gone(process, now, is_orderly)
        if process.pidfd != -1:
            self._poll.unregister(process.pidfd)
        if process.stuck is not None:
            process.stuck.gone()
        process.close()
        following = seat.process
        if following is not None and not seat.coming and not seat.leaving and not following.is_used_up and not self._start.get("lazyApps"):
            self._may_leave(following)
        self._channel.send(
            "worker-exit",
            id=seat.id,
            pid=process.pid,
            code=code,
            signal=name,
            request=request,
            pause=pause,
            isOrderly=is_orderly or process.is_unwanted or process.stuck is not None,
        )

    def _not_up(self, seat, status):
        """A worker has ended before it was ready."""
        if not self._is_ready:
            self._give_up(CLOSED if status == STRIPPED else "worker %d ended with %s before it was ready" % (seat.id, status), "")
        if status == STRIPPED:
            self._cannot_load(seat, CLOSED)

    def _cannot_load(self, seat, why):
        self._channel.log("error", "app-load-failed", "worker %d cannot load the app: %s" % (seat.id, why), {})

    def _check(self, process, now):
        """Kills a worker whose request takes too long, or its end; first it is asked to write down where it is."""
        if process.stuck is not None:
            return process.stuck.turn(now)
        limit = self._start.get("harakiri")
        for slot in process.slots if limit else ():
            started = self._board.started[slot]
            if started and now - started > limit:
                request, seconds = self._board.line(slot), round(now - started, 1)
                self._channel.send("harakiri", id=process.seat.id, pid=process.pid, request=request, seconds=seconds)
                title = "worker %d (pid %d) is stuck after %s s at %s" % (process.seat.id, process.pid, seconds, request)
                process.stuck = Stuck(process, self._board, self._words, now, title, slot)
                return None
        if now >= min(process.leave_by, self._deadline):
            self._lose_patience(process, now)

    def _lose_patience(self, process, now):
        seat = process.seat
        request = next((self._board.line(slot) for slot in process.slots if self._board.started[slot]), None)
        what = "its requests" if request is not None else "its threads or exit functions"
        details = {"worker": seat.id, "pid": process.pid, **({"request": request} if request is not None else {})}
        self._channel.log("warn", "app-mercy-over", "a worker was to end and %s take too long: it is killed" % what, details)
        title = "worker %d (pid %d) does not end" % (seat.id, process.pid)
        process.stuck = Stuck(process, self._board, self._words, now, title, None)

    def _drain(self, mercy):
        """The workers finish what they do and what waits already, and leave. A second one may be in more of a hurry."""
        self._deadline = min(self._deadline, time.monotonic() + mercy)
        if self._is_draining:
            return
        self._is_draining = True
        for process in self._processes:
            self._board.leave[process.slots[0]] = MUST
        for seat in self._seats:
            if seat.coming is not None:
                seat.coming.is_unwanted = True
                send_signal(seat.coming.pid, signal.SIGKILL)
        self._sockets.shut()
        self._own.let_go(self._leave_in)
        os.close(self._leave_in)

    def _end_all(self, status):
        for process in self._processes:
            send_signal(process.pid, signal.SIGKILL)
        # Whoever hears that this process is gone may rely on it that the others are.
        until = time.monotonic() + REAP_SECONDS
        for process in self._processes:
            while _is_there(process.pid) and time.monotonic() < until:
                time.sleep(0.005)
        self._sockets.remove(self._start)
        if status == 0:
            self._finish()
        os._exit(status)

    def _finish(self):
        """The app's exit functions run here too, since it was loaded here; they have what is left of the mercy."""
        if faulthandler is not None and self._words.fd != -1:
            seconds = max(END_SECONDS, min(self._deadline - time.monotonic(), threading.TIMEOUT_MAX))
            faulthandler.dump_traceback_later(seconds, exit=True, file=self._words.fd)
        finish_without_threads()


def _is_there(pid):
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    except ChildProcessError:
        return False


def _signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number


def main(start, fd, rest):
    channel = Channel(fd, rest)
    if sys.version_info < (3, 8):
        channel.send("failed", message="Python %d.%d is too old: ugate's workers need 3.8" % sys.version_info[:2], traceback="")
        os._exit(LOAD_FAILED)
    words = Words()
    sys.stdout = sys.__stdout__ = patient(sys.stdout, 1)
    sys.stderr = sys.__stderr__ = patient(sys.stderr, 2)
    try:
        Master(start, channel, words).run()
    except BaseException:
        words.say(traceback.format_exc())
        os._exit(1)
