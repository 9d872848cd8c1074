"""The line to ugate: JSON lines both ways."""

import json
import os


def line_of(**message):
    """A message as a line of JSON. What is no text to UTF-8 (names of files, what clients sent) becomes `?`: not every reader takes half a surrogate pair."""
    return json.dumps(message, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


class Channel:
    def __init__(self, fd, rest):
        self.fd = fd
        self._rest = rest

    def send(self, kind, **fields):
        data = line_of(kind=kind, **fields)
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
