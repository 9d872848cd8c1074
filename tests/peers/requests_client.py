"""What a Python program does with the requests library. Usage: requests_client.py COMMAND URL [ARGUMENT...]; answers in JSON."""

import hashlib
import json
import os
import re
import sys
import threading

import requests

TIMEOUT = 20


def form(url):
    """A Django form: the token of the page goes back with the data, the session counts."""
    session, answers = requests.Session(), []
    for name in ("Ada", "Zoë"):
        page = session.get(f"{url}/form", timeout=TIMEOUT).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page).group(1)
        answers.append(session.post(f"{url}/form", {"csrfmiddlewaretoken": token, "name": name, "times": "3"}, timeout=TIMEOUT).json())
    forged = session.post(f"{url}/form", {"name": "Eve", "times": "1"}, timeout=TIMEOUT).status_code
    return {"answers": answers, "forged": forged}


def login(url):
    """Cookies of a redirect are kept and sent on."""
    session = requests.Session()
    first = session.get(f"{url}/login?user=ada", timeout=TIMEOUT)
    second = session.get(f"{url}/whoami", timeout=TIMEOUT)
    return {"redirects": [answer.status_code for answer in first.history], "first": first.json(), "second": second.json()}


def upload(url, size):
    """A multipart upload, whose digest the server tells."""
    data = os.urandom(int(size))
    answer = requests.post(f"{url}/upload", {"note": "from requests"}, files={"file": ("random.bin", data)}, timeout=TIMEOUT)
    return {"status": answer.status_code, "same": answer.json()["sha256"] == hashlib.sha256(data).hexdigest(), "answer": answer.json()}


def chunked(url, count):
    """A generator as body makes requests send it chunked."""
    parts = [os.urandom(1000 + number) for number in range(int(count))]
    answer = requests.post(f"{url}/digest", data=iter(parts), timeout=TIMEOUT)
    return {"status": answer.status_code, "same": answer.json()["sha256"] == hashlib.sha256(b"".join(parts)).hexdigest()}


def parallel(url, threads, count):
    """Threads with a session each: every answer must belong to its question."""
    wrong, ports = [], []

    def work(thread):
        session = requests.Session()
        mine = set()
        try:
            for number in range(int(count)):
                text = f"{thread}-{number}-" + "x" * (number * 37 % 5000)
                answer = session.post(f"{url}/echo", data=text, timeout=TIMEOUT)
                if answer.status_code != 200 or answer.text != text:
                    wrong.append([thread, number, answer.status_code, answer.text[:100]])
                mine.add(session.get(f"{url}/environ", timeout=TIMEOUT).json()["REMOTE_PORT"])
        except Exception as error:
            wrong.append([thread, repr(error)])
        ports.append(len(mine))

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(int(threads))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {"wrong": wrong, "ports": ports}


def stream(url):
    """When each line of a streamed answer arrived, in seconds from the first."""
    import time

    times, lines = [], []
    with requests.get(f"{url}/stream?n=5&delay=0.4", stream=True, timeout=TIMEOUT) as answer:
        for line in answer.iter_lines(chunk_size=1):
            times.append(time.monotonic())
            lines.append(line.decode())
    return {"lines": lines, "times": [moment - times[0] for moment in times]}


COMMANDS = {"form": form, "login": login, "upload": upload, "chunked": chunked, "parallel": parallel, "stream": stream}

if __name__ == "__main__":
    print(json.dumps(COMMANDS[sys.argv[1]](*sys.argv[2:])))
