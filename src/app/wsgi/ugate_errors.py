"""`wsgi.errors`, which takes what it is given whatever the app has made of its standard error."""

import sys


class Errors:
    """Standard error as the app has it now; ugate's own where the app has put it away, closed it or broken it."""

    def __init__(self, words):
        self._words = words

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("wsgi.errors takes str, not %s" % type(text).__name__)
        try:
            sys.stderr.write(text)
        except Exception:
            self._words.say(text)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        try:
            sys.stderr.flush()
        except Exception:
            # Ours keeps nothing back.
            pass

    def __getattr__(self, name):
        return getattr(sys.stderr, name)
