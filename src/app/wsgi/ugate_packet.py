"""The uwsgi packet that begins a request."""

import os
import select
import time

from ugate_connection import Poll, reason

READ_BYTES = 65536
# Of CONTENT_LENGTH: what a file's length can have.
MAX_DIGITS = 18


class BadPacket(Exception):
    """What came is not of the uwsgi protocol."""


class BadVar(Exception):
    """The packet is one, but a var in it cannot be."""


def read_packet(fd, environ, seconds):
    """
    Adds the vars of the packet to `environ`. Returns (modifier1, the first body bytes), or None when nothing came at all.
    `seconds` is what all of it may take, None for a peer that is trusted.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        data = os.read(fd, READ_BYTES)
    except BlockingIOError:
        raise BadPacket("nothing came within %g s" % seconds) from None
    if not data:
        return None
    if len(data) < 4 or len(data) < 4 + (data[1] | data[2] << 8):
        data = _gather(fd, bytearray(data), deadline)
    end = 4 + (data[1] | data[2] << 8)
    text = data[:end].decode("latin-1")
    at = 4
    try:
        # One turn a var, as few steps as can be: key and value are cut from the text that was decoded once.
        while at < end:
            key = at + 2
            stop = key + (data[at] | data[at + 1] << 8)
            value = stop + 2
            at = value + (data[stop] | data[stop + 1] << 8)
            environ[text[key:stop]] = text[value:at]
    except IndexError:
        at = -1
    if at != end:
        raise BadPacket("a var reaches over the end")
    if "" in environ:
        raise BadPacket("a var has an empty key")
    return data[0], data[end:]


def parse_length(text):
    """CONTENT_LENGTH as a number. Python itself would also take signs, underscores, digits of other scripts, and for thousands of them none."""
    if text.isdecimal() and text.isascii() and len(text) <= MAX_DIGITS:
        return int(text)
    raise BadVar("CONTENT_LENGTH is %r" % (text if len(text) <= 40 else text[:40] + "…"))


def _gather(fd, data, deadline):
    """Reads on until the packet that begins with `data` is complete."""
    poll = Poll()
    poll.register(fd, select.POLLIN)
    while len(data) < 4 or len(data) < 4 + (data[1] | data[2] << 8):
        if deadline is not None and not poll.poll(max(0, deadline - time.monotonic()) * 1000):
            raise BadPacket("it came too slowly: %d bytes in all the time there is" % len(data))
        try:
            more = os.read(fd, READ_BYTES)
        except OSError as error:
            raise BadPacket("it broke off after %d bytes: %s" % (len(data), reason(error))) from None
        if not more:
            raise BadPacket("it broke off after %d bytes" % len(data))
        data += more
    return bytes(data)
