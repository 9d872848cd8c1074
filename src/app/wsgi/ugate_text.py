"""What clients and apps have said, as it may stand in a log."""

import traceback


def plain(text):
    """`text` without anything that steers a terminal or begins a line: such characters are written as escapes."""
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() else char.encode("unicode_escape").decode() for char in text])


def describe(error):
    """An exception's type, and behind it what it says: that may come from a client, line breaks included."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else "%s.%s" % (kind.__module__, kind.__qualname__)
    try:
        text = str(error)
    except Exception as other:
        text = "(what it says cannot be told: %s)" % type(other).__name__
    # What is no text to UTF-8 stays readable.
    text = text.encode("utf-8", "backslashreplace").decode()
    return "%s: %s" % (name, text) if text else name


def trace_of(error):
    """The traceback without our own frames. Each line is indented and plain: none can be taken for a line of the log."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith("<ugate"):
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace))
    return "".join(["  %s\n" % plain(line) for line in text.rstrip("\n").split("\n")])
