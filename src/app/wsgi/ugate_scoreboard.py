"""What every worker is doing, in memory that the master sees: no message, no lock, a few stores a request."""

import mmap

from ugate_text import plain

LINE_BYTES = 240
# To a worker: serve on until you have a successor; leave when you have served your time; leave when nothing waits any more.
STAY, MAY, MUST = 0, 1, 2


class Scoreboard:
    """One slot for each thread of each worker. A store into one of the views is one aligned word: readers never see half of it."""

    def __init__(self, slots):
        self._slots = slots
        self._view(mmap.mmap(-1, slots * (40 + LINE_BYTES)))

    def _view(self, bytes_):
        slots = self._slots
        memory = memoryview(bytes_)
        # Monotonic second at which the current request began; 0.0 when idle. Written last, so the line fits to it.
        self.started = memory[: slots * 8].cast("d")
        # Requests since the worker began.
        self.requests = memory[slots * 8 : slots * 16].cast("Q")
        # The connection while nothing of the answer was sent, else -1: what the master may answer itself when it kills the worker.
        self.unanswered = memory[slots * 16 : slots * 24].cast("q")
        self._lengths = memory[slots * 24 : slots * 32].cast("Q")
        # The master's word in the first slot of a worker.
        self.leave = memory[slots * 32 : slots * 40].cast("Q")
        self._lines = memory[slots * 40 :]

    def detach(self):
        """From here on this process writes into memory of its own."""
        self._view(bytearray(self._slots * (40 + LINE_BYTES)))

    def clear(self, slot):
        self.started[slot] = 0.0
        self.requests[slot] = 0
        self.unanswered[slot] = -1
        self.leave[slot] = STAY

    def set_line(self, slot, line):
        """The request line, as text of latin-1."""
        line = line[:LINE_BYTES].encode("latin-1", "replace")
        at = slot * LINE_BYTES
        self._lines[at : at + len(line)] = line
        self._lengths[slot] = len(line)

    def line(self, slot):
        """The same, as it may stand in a log: it is the client's."""
        at = slot * LINE_BYTES
        return plain(bytes(self._lines[at : at + self._lengths[slot]]).decode("latin-1"))
