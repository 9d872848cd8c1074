"""A Django project in one file: forms with CSRF, sessions, uploads, conditional answers; served by real uWSGI."""

import hashlib
import os
import time

import django
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.staticfiles.views import serve
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

APPS = ["admin", "auth", "contenttypes", "sessions", "messages", "staticfiles"]

settings.configure(
    ALLOWED_HOSTS=["*"],
    # uWSGI is started in a folder of its own, which goes away with it.
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.abspath("admin.sqlite3"), "OPTIONS": {"timeout": 20}}},
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[f"django.contrib.{app}" for app in APPS],
    MIDDLEWARE=[
        "django.middleware.http.ConditionalGetMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    # Tables are made as the models are: replaying the migrations takes seconds.
    MIGRATION_MODULES={app: None for app in APPS},
    # The one for production is slow by design.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for tests",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    SESSION_SERIALIZER="django.contrib.sessions.serializers.JSONSerializer",
    STATIC_URL="/static/",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    USE_TZ=True,
)
django.setup()


def make_database():
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections
    from django.db.backends.signals import connection_created

    # Nothing here must survive a power cut, and waiting for the disk takes seconds.
    connection_created.connect(lambda connection, **_: connection.cursor().execute("PRAGMA synchronous = OFF"), weak=False)
    call_command("migrate", run_syncdb=True, verbosity=0)
    User.objects.create_superuser("admin", "admin@example.com", "only for tests")
    # The workers are forked from here, and SQLite does not like to be.
    connections.close_all()


make_database()


class GreetingForm(forms.Form):
    name = forms.CharField(max_length=40)
    times = forms.IntegerField(min_value=1, max_value=9)


def index(request):
    return HttpResponse("hello from django\n", content_type="text/plain")


def form(request):
    if request.method != "POST":
        return HttpResponse(f'<form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">{GreetingForm().as_p()}</form>')
    greeting = GreetingForm(request.POST)
    if not greeting.is_valid():
        return JsonResponse(greeting.errors, status=422)
    request.session["greeted"] = request.session.get("greeted", 0) + 1
    return JsonResponse({**greeting.cleaned_data, "greeted": request.session["greeted"]})


@csrf_exempt
def upload(request):
    digest = hashlib.sha256()
    file = request.FILES["file"]
    for chunk in file.chunks():
        digest.update(chunk)
    return JsonResponse({"name": file.name, "size": file.size, "sha256": digest.hexdigest(), "fields": request.POST.dict()})


@csrf_exempt
def echo(request):
    return HttpResponse(request.read(), content_type="application/octet-stream")


def stream(request):
    def lines():
        for number in range(int(request.GET.get("n", 5))):
            yield f"line {number}\n"
            time.sleep(float(request.GET.get("delay", 0.05)))

    return StreamingHttpResponse(lines(), content_type="text/plain")


def login(request):
    request.session["user"] = request.GET.get("user", "nobody")
    response = HttpResponseRedirect("/whoami")
    response.set_cookie("first", "1")
    response.set_cookie("second", "two words", httponly=True)
    return response


def whoami(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    cookies = {key: value for key, value in request.COOKIES.items() if key != "sessionid"}
    return JsonResponse({"user": request.session.get("user"), "visits": request.session["visits"], "cookies": cookies})


def redirected(request):
    return HttpResponseRedirect(request.GET.get("to", "/"))


def cached(request):
    return HttpResponse("cached page\n", content_type="text/plain")


def file(request):
    return FileResponse(open(__file__, "rb"), as_attachment=True, filename="app.py")


def environ(request):
    return JsonResponse({key: value for key, value in request.META.items() if isinstance(value, str)})


def sleep(request):
    time.sleep(float(request.GET.get("s", 1)))
    return HttpResponse(f"slept in {os.getpid()}\n")


def status(request, code):
    return HttpResponse("" if code in (204, 304) else f"status {code}\n", status=code)


urlpatterns = [
    path("", index),
    path("form", form),
    path("upload", upload),
    path("echo", echo),
    path("stream", stream),
    path("login", login),
    path("whoami", whoami),
    path("redirect", redirected),
    path("cached", cached),
    path("file", file),
    path("environ", environ),
    path("sleep", sleep),
    path("status/<int:code>", status),
    path("favicon.ico", status, {"code": 204}),
    path("admin/", admin.site.urls),
    path("static/<path:path>", serve, {"insecure": True}),
]

application = get_wsgi_application()
