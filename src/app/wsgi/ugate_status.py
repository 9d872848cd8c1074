"""What ugate is told of the workers when it asks."""

import time


def describe(seat, board, is_draining):
    """One line for each process of a place, or one for none."""
    if not seat.processes:
        return [{"id": seat.id, "pid": 0, "state": "dead", "requests": 0, "running": 0, "busy": None, "since": None}]
    return [_describe_process(process, board, is_draining) for process in seat.processes]


def _describe_process(process, board, is_draining):
    slots = process.slots
    busy = sorted((board.started[slot], slot) for slot in slots if board.started[slot])
    since, line = (round(time.monotonic() - busy[0][0], 3), board.line(busy[0][1])) if busy else (None, None)
    state = "leaving" if process.is_leaving or is_draining else "ready" if process.is_up else "starting"
    requests = sum(board.requests[slot] for slot in slots)
    return {"id": process.seat.id, "pid": process.pid, "state": state, "requests": requests, "running": len(busy), "busy": line, "since": since}
