"""Where workers tell the master something: a line of JSON each, small enough to stay whole."""

import os

from ugate_channel import line_of

# What a pipe takes in one piece from several writers.
REPORT_BYTES = 4096


class Report:
    def __init__(self, fd, worker_id):
        self._fd = fd
        self._id = worker_id

    def tell(self, kind, **fields):
        line = self._line(kind, fields)
        while len(line) > REPORT_BYTES:
            longest = max((key for key in fields if isinstance(fields[key], str)), key=lambda key: len(fields[key]))
            # The end of a traceback tells most, and of all else the beginning.
            cut = len(fields[longest]) // 4 + 1
            fields[longest] = fields[longest][cut:] if longest == "traceback" else fields[longest][:-cut]
            line = self._line(kind, fields)
        try:
            os.write(self._fd, line)
        except OSError:
            # The master is gone, and this worker soon.
            pass

    def _line(self, kind, fields):
        return line_of(kind=kind, id=self._id, pid=os.getpid(), **fields)

    def log(self, level, code, message, details):
        self.tell("log", level=level, code=code, message=message[:500], details={**details, "worker": self._id})
