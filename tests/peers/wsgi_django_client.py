"""What a person does with the Django project of embedded-django.test.ts. Usage: wsgi_django_client.py COMMAND URL [ARGUMENT...]; answers in JSON."""

import json
import re
import sys
import threading

import requests

TIMEOUT = 20


def token(page):
    return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text).group(1)


def admin(url):
    """Logs in, is sent on, adds a product with the admin's form, finds it, and logs out."""
    session = requests.Session()
    asked = session.get(f"{url}/admin/shop/product/", timeout=TIMEOUT)
    form = {"csrfmiddlewaretoken": token(asked), "username": "admin", "password": "only for tests", "next": "/admin/shop/product/"}
    entered = session.post(asked.url, form, timeout=TIMEOUT)
    page = session.get(f"{url}/admin/shop/product/add/", timeout=TIMEOUT)
    added = session.post(page.url, {"csrfmiddlewaretoken": token(page), "name": "Käse & Brot", "price": "3"}, timeout=TIMEOUT)
    left = session.get(f"{url}/admin/logout/", timeout=TIMEOUT)
    again = session.get(f"{url}/admin/shop/product/", timeout=TIMEOUT)
    return {
        "asked": asked.url[len(url) :],
        "entered": [answer.status_code for answer in entered.history] + [entered.url[len(url) :]],
        "added": "was added successfully" in added.text and "Käse &amp; Brot" in added.text,
        "left": left.status_code,
        "again": again.url[len(url) :],
        "style": requests.get(f"{url}/static/admin/css/base.css", timeout=TIMEOUT).headers["Content-Type"],
    }


def shop(url, threads, count):
    """Customers at once, each with a session: every order is kept, once."""
    wrong = []

    def work(thread):
        session = requests.Session()
        try:
            for number in range(int(count)):
                page = session.get(f"{url}/order", timeout=TIMEOUT)
                form = {"csrfmiddlewaretoken": token(page), "name": f"{thread}-{number}", "price": "1"}
                answer = session.post(f"{url}/order", form, timeout=TIMEOUT)
                if answer.status_code != 200 or answer.json() != {"name": f"{thread}-{number}", "mine": number + 1}:
                    wrong.append([thread, number, answer.status_code, answer.text[:200]])
        except Exception as error:
            wrong.append([thread, repr(error)])

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(int(threads))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {"wrong": wrong, "forged": requests.post(f"{url}/order", {"name": "x", "price": "1"}, timeout=TIMEOUT).status_code}


COMMANDS = {"admin": admin, "shop": shop}

if __name__ == "__main__":
    print(json.dumps(COMMANDS[sys.argv[1]](*sys.argv[2:])))
