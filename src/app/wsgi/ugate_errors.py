"""`wsgi.errors`, which takes what it is given whatever the app has made of its standard error."""

import sys

from ugate_output import write_all

STDERR = 2


class Errors:
    """Standard error as the app has it now; the bare descriptor where the app has put it away, closed it or broken it."""

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("wsgi.errors takes str, not %s" % type(text).__name__)
        try:
            sys.stderr.write(text)
        except Exception:
            write_all(STDERR, text)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        try:
            sys.stderr.flush()
        except Exception:
            # The descriptor keeps nothing back.
            pass

    def __getattr__(self, name):
        return getattr(sys.stderr, name)
