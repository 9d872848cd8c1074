"""The line to ugate: JSON lines both ways."""

import json
import os


class Channel:
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

    def log(self, level, code, message, details):
        self.send("log", level=level, code=code, message=message, details=details)

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
