"""A WSGI application that forks, starts threads and ends its process in requests: what a worker is, and what it is not."""

import atexit
import concurrent.futures
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import parse_qs

LOADED_BY = os.getpid()
executor = concurrent.futures.ThreadPoolExecutor(2)
atexit.register(lambda: say("exit function"))


def say(text):
    print("%s in %d" % (text, os.getpid()), file=sys.stderr, flush=True)


def application(environ, start_response):
    act = globals()["do_" + environ["PATH_INFO"].strip("/").replace("-", "_")]
    value = act({key: values[0] for key, values in parse_qs(environ["QUERY_STRING"]).items()})
    start_response("200 OK", [("Content-Type", "application/json")])
    return value if hasattr(value, "__next__") else [json.dumps(value).encode()]


def wait(pid):
    """The exit status, or minus the signal."""
    status = os.waitpid(pid, 0)[1]
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)


def do_pid(query):
    return os.getpid()


def do_slow(query):
    say("in hand")
    time.sleep(float(query["s"]))
    return os.getpid()


def do_hold(query):
    """Until a file is there."""
    say("in hand")
    while not os.path.exists(query["file"]):
        time.sleep(0.02)
    return os.getpid()


def do_fork_exit(query):
    """The child leaves by SystemExit, whatever it carries."""
    pid = os.fork()
    if pid == 0:
        sys.exit({"none": None, "text": "enough"}[query["code"]] if query["code"].isalpha() else int(query["code"]))
    return wait(pid)


def do_fork_raise(query):
    pid = os.fork()
    if pid == 0:
        raise ValueError("in the child")
    return wait(pid)


def do_fork_return(query):
    """The child answers too."""
    pid = os.fork()
    if pid == 0:
        return "the child"
    return wait(pid)


def do_fork_stream(query):
    def pieces():
        pid = os.fork()
        yield b"the child\n" if pid == 0 else b"%d\n" % wait(pid)
        yield b"the end\n"

    return pieces()


def do_fork_late(query):
    """The child comes back from the app when the parent has answered."""
    if os.fork() == 0:
        time.sleep(0.3)
        say("the child ends")
        return "the child"
    return os.getpid()


def do_fork_exit_function(query):
    pid = os.fork()
    if pid == 0:
        atexit.register(lambda: say("the child's own"))
        sys.exit(4)
    return wait(pid)


def do_daemonize(query):
    """As every recipe has it."""
    read, write = os.pipe()
    first = os.fork()
    if first == 0:
        os.setsid()
        if os.fork() > 0:
            sys.exit(0)
        os.close(read)
        listening = [fd for fd in range(3, 64) if is_listening(fd)]
        os.write(write, json.dumps({"pid": os.getpid(), "listening": listening, "handlers": handlers()}).encode())
        os.close(write)
        sys.exit(0)
    os.close(write)
    status = wait(first)
    with os.fdopen(read) as file:
        return {"status": status, "daemon": json.loads(file.read())}


def is_listening(fd):
    try:
        return os.readlink("/proc/self/fd/%d" % fd).startswith("socket:")
    except OSError:
        return False


def handlers():
    """Signals that would not end this process."""
    names = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
    return [name for name in names if signal.getsignal(getattr(signal, name)) not in (signal.SIG_DFL, signal.default_int_handler)]


def square(number):
    return number * number


def do_multiprocessing(query):
    with multiprocessing.get_context(query["method"]).Pool(2) as pool:
        return pool.map(square, [1, 2, 3])


def do_terminate(query):
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    process.start()
    process.terminate()
    process.join(20)
    alive = process.is_alive()
    process.kill()
    return [alive, process.exitcode]


def do_subprocess(query):
    return subprocess.run([sys.executable, "-c", "print('out'); raise SystemExit(5)"], stdout=subprocess.PIPE).returncode


def do_thread(query):
    def job():
        say("job begins")
        time.sleep(float(query["s"]))
        say("job done")

    thread = threading.Thread(target=job)
    executor.submit(job) if query.get("by") == "executor" else thread.start()
    return os.getpid()


def do_hang_at_exit(query):
    atexit.register(time.sleep, 600)
    return os.getpid()


def do_end(query):
    os._exit(int(query["status"]))


def do_sleep(query):
    time.sleep(float(query["s"]))
    return os.getpid()


def do_shut(query):
    """Shuts down what it listens on, for all workers."""
    for fd in range(3, 64):
        try:
            peer = socket.socket(fileno=os.dup(fd))
        except OSError:
            continue
        if peer.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            peer.shutdown(socket.SHUT_RDWR)
        peer.close()
    return os.getpid()


def do_stdin(query):
    return [os.readlink("/proc/self/fd/0"), sys.stdin.read()]


def do_orphan(query):
    """Its process id."""
    return int(subprocess.run(["sh", "-c", "sleep 0.1 >/dev/null & echo $!"], stdout=subprocess.PIPE).stdout)


def do_there(query):
    """Those that are still there, if only as zombies."""
    return [pid for pid in json.loads(query["pids"]) if os.path.exists("/proc/%d" % pid)]
