"""Starts a command whose stderr is a pipe, socket or terminal that nobody reads: `stuck_stderr.py pipe|socket|terminal COMMAND…`.

Says the command's pid on a line of stdout. Told `fill` on stdin it fills that stderr to the brim, and says `filled`; told `read` it lets
it flow, to our stdout, until the command has ended: then the last line is `ended CODE`, and how others that share it find the
descriptor. When stdin ends the command is killed.
"""

import os
import pty
import select
import socket
import subprocess
import sys
import termios


def fill(fd):
    os.set_blocking(fd, False)
    try:
        while True:
            os.write(fd, b"." * 1024 + b"\n")
    except BlockingIOError:
        pass
    os.set_blocking(fd, True)


def make(kind):
    if kind == "pipe":
        return os.pipe()
    if kind == "socket":
        return [end.detach() for end in socket.socketpair()]
    return pty.openpty()


def main(kind, command):
    ours, theirs = make(kind)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs)
    print(child.pid, flush=True)
    reads = False
    while True:
        ready = select.select([0, ours] if reads else [0], [], [], 0.02)[0]
        if 0 in ready:
            told = os.read(0, 100)
            if not told:
                child.kill()
                return
            reads = told == b"read\n"
            if kind == "terminal":
                # ^Q and ^S
                termios.tcflow(theirs, termios.TCOON if reads else termios.TCOOFF)
            if not reads:
                fill(theirs)
                print("filled", flush=True)
        if ours in ready:
            os.write(1, os.read(ours, 65536))
        elif child.poll() is not None and reads:
            break
    print("\nended %d %s" % (child.returncode, "blocking" if os.get_blocking(theirs) else "non-blocking"), flush=True)
    os.read(0, 1)


main(sys.argv[1], sys.argv[2:])
