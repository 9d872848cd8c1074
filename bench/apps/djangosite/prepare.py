"""`python3 -m djangosite.prepare`: makes the database of BENCH_DATABASE and writes the session's cookie, `name=value`, to stdout."""

import os
from datetime import datetime, timedelta, timezone

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djangosite.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model, login  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpRequest  # noqa: E402

from djangosite.models import Article  # noqa: E402

call_command("migrate", run_syncdb=True, verbosity=0)
start = datetime(2026, 1, 1, tzinfo=timezone.utc)
Article.objects.bulk_create(
    Article(
        title=f"Article number {i}",
        author=f"Author {i % 7}",
        text="Some words & <tags> to be escaped. " * 8,
        published=start + timedelta(hours=i),
    )
    for i in range(100)
)
request = HttpRequest()
request.session = SessionStore()
request.session["basket"] = ["apples", "pears", "plums"]
login(request, get_user_model().objects.create_user("reader", password="secret"))
request.session.save()
print(f"{settings.SESSION_COOKIE_NAME}={request.session.session_key}")
