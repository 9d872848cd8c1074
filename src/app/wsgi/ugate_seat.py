"""The place of one worker, which one process after the other takes; the next one is there before the last has gone."""

import os

# What a crash in a row waits for; the last one is for all that follow. As ugate does with its own children.
PAUSES = (0, 0.25, 0.5, 1, 2, 4, 8, 10)
# A worker that lived shorter has crashed; one that lived so long is well, and what was before is forgotten.
SHORT_LIFE_SECONDS = 1.0
LONG_LIFE_SECONDS = 10.0
# Processes that a place may have at once: one that serves, and one that comes or leaves.
BLOCKS = 2


class Process:
    """A worker's process. `slots` are those of its threads on the scoreboard."""

    def __init__(self, seat, slots):
        self.seat = seat
        self.slots = slots
        self.pid = 0
        self.pidfd = -1
        self.born = 0.0
        self.is_up = False
        # It has served its time and waits for its successor.
        self.is_used_up = False
        # It takes no more requests, and may work until this second.
        self.leave_by = float("inf")
        # Killed before it served, since nobody needs it any more.
        self.is_unwanted = False
        # Where it writes its stack when it is stuck: two that do so at once stay apart.
        self.stack = _stack_file()
        self.stuck = None

    def forked(self, pid, now):
        self.pid = pid
        self.born = now
        self.pidfd = _pidfd_open(pid)

    @property
    def is_leaving(self):
        return self.leave_by != float("inf")

    def close(self):
        for fd in (self.pidfd, self.stack):
            if fd != -1:
                os.close(fd)
        self.pidfd = self.stack = -1


class Seat:
    def __init__(self, number, slots):
        self.id = number
        size = len(slots) // BLOCKS
        self._blocks = [slots[n * size : (n + 1) * size] for n in range(BLOCKS)]
        self.process = None
        # The successor, before it serves.
        self.coming = None
        self.leaving = None
        # When the next one may be forked.
        self.due = 0.0
        self._crashes = 0

    @property
    def processes(self):
        return [process for process in (self.process, self.coming, self.leaving) if process is not None]

    def wants_process(self, now):
        """True when one is to be forked. One that was used up while its predecessor still leaves serves on: there are never more than two."""
        if now < self.due:
            return False
        if self.process is None:
            return self.coming is None
        return self.process.is_used_up and self.coming is None and self.leaving is None

    def make(self):
        """Room for one more."""
        taken = [process.slots for process in self.processes]
        return Process(self, next(block for block in self._blocks if block not in taken))

    def take(self, process):
        if self.process is None:
            self.process = process
        else:
            self.coming = process

    def came_up(self, process):
        """Returns the predecessor, which is to leave; None where there is none."""
        process.is_up = True
        if process is not self.coming:
            return None
        self.leaving, self.process, self.coming = self.process, process, None
        return self.leaving

    def stopped(self, process):
        """It takes no more requests already, by the leave it had."""
        self.leaving, self.process = process, None

    def gone(self, process, now, is_orderly):
        """Returns the seconds until the next one is forked, where one is wanted."""
        lived = now - process.born if process.is_up else 0
        if process is self.leaving:
            self.leaving = None
            return 0
        if process is self.process:
            self.process, self.coming = self.coming, None
        else:
            self.coming = None
        if lived >= LONG_LIFE_SECONDS:
            self._crashes = 0
        # One that was told to leave has served its time. Any other that hardly lived may do so again, whatever its status.
        is_short = not is_orderly and lived < SHORT_LIFE_SECONDS
        pause = PAUSES[min(self._crashes, len(PAUSES) - 1)] if is_short else 0
        self._crashes += is_short
        self.due = now + pause
        return pause


def _pidfd_open(pid):
    """A descriptor that tells when the process ends (Linux, Python 3.9), or -1: then it is asked every tick."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def _stack_file():
    try:
        return os.memfd_create("ugate-stack")
    except (AttributeError, OSError):
        return -1
