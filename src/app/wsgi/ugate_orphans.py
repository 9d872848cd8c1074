"""What a process that is process 1, or stands in for it (PR_SET_CHILD_SUBREAPER), owes to the orphans it is given: to wait for them."""

import os

try:
    import ctypes
except ImportError:
    ctypes = None

PR_GET_CHILD_SUBREAPER = 37


def reap_orphans(own):
    """Waits for children that have ended and are none of `own`, process ids. For a process that inherits orphans."""
    own = set(own)
    while True:
        try:
            # Looked at before it is taken: one of ours is waited for where it is known.
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None or ended.si_pid in own:
                return
            os.waitpid(ended.si_pid, os.WNOHANG)
        except (AttributeError, ChildProcessError):
            return


def inherits_orphans():
    """True where the orphans of this process's descendants become its children."""
    if os.getpid() == 1:
        return True
    if ctypes is None:
        return False
    try:
        is_reaper = ctypes.c_int(0)
        return ctypes.CDLL(None).prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(is_reaper), 0, 0, 0) == 0 and is_reaper.value == 1
    except (OSError, AttributeError):
        return False
