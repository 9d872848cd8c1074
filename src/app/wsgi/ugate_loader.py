"""Finds the app: `pkg.mod`, `pkg.mod:callable`, `file.py`, `file.py:callable`, by uWSGI's rules and with errors that help."""

import glob
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import site
import sys
import traceback

DEFAULT_CALLABLES = ("application", "app")
# Modules that exist only inside uWSGI, and those that come with it.
OF_UWSGI = ("uwsgi", "uwsgidecorators", "uwsgidsl")


class LoadError(Exception):
    """The app cannot be loaded, and the message alone says why."""


def prepare(start):
    """The working directory and sys.path, before any code of the user's runs."""
    if start.get("chdir"):
        try:
            os.chdir(start["chdir"])
        except OSError as error:
            raise LoadError("chdir %s: %s" % (start["chdir"], error.strerror)) from None
    sys.argv = ["ugate"]
    found = [match for path in start.get("pythonPath") or [] for match in sorted(glob.glob(path)) or [path]]
    own = [os.path.abspath(path) for path in found] + [_directory()]
    home = _activate(start["home"]) if start.get("home") else []
    sys.path[:] = own + home + [path for path in sys.path if path not in ("", *own, *home)]


def _directory():
    try:
        return os.getcwd()
    except OSError as error:
        raise LoadError("the working directory is gone (%s): --chdir names another" % error.strerror) from None


def _activate(home):
    """The packages of a virtual environment that has no interpreter of its own (one that has is started by it)."""
    home = os.path.abspath(home)
    if os.path.realpath(sys.prefix) == os.path.realpath(home):
        return []
    version = "python%d.%d" % sys.version_info[:2]
    packages = os.path.join(home, "lib", version, "site-packages")
    if not os.path.isdir(packages):
        there = sorted(os.path.basename(path) for path in glob.glob(os.path.join(home, "lib", "python*")))
        hint = "it has %s" % ", ".join(there) if there else "it is no virtual environment"
        raise LoadError("home %s has no lib/%s/site-packages: %s" % (home, version, hint))
    before = set(sys.path)
    site.addsitedir(packages)
    sys.prefix = sys.exec_prefix = home
    return [path for path in sys.path if path not in before]


def load(app):
    """The callable that `app` ({kind, name or path, callable}) names. Whatever the user's code raises passes through."""
    text = app["path"] if app["kind"] == "file" else app["name"]
    name, colon, said = text.rpartition(":")
    if not colon or "/" in said:
        name, said = text, ""
    if app["kind"] == "file" and os.path.exists(text):
        name, said = text, ""
    is_file = app["kind"] == "file" or name.endswith(".py")
    module = _load_file(name) if is_file else _load_module(name)
    found = _find(module, name, app.get("callable") or said)
    asked = found if inspect.isroutine(found) or inspect.isclass(found) else getattr(found, "__call__", None)
    if inspect.iscoroutinefunction(asked):
        raise LoadError("%s: %s is asynchronous (an ASGI app?); ugate runs WSGI apps" % (name, _name_of(found)))
    return found


def _load_module(name):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # A module that the app itself misses is the app's error, and comes with its traceback.
        if error.name is None or not (name + ".").startswith(error.name + "."):
            raise
        part = "" if error.name == name else " (there is no %s)" % error.name
        looked = ", ".join(sys.path[:3])
        raise LoadError("no module named %s%s; looked in %s and behind; --chdir or --pythonpath say where it is" % (name, part, looked)) from None


def _load_file(path):
    path = os.path.abspath(path) if os.path.exists(path) else path
    if not os.path.isfile(path):
        raise LoadError("no file %s (working directory: %s)" % (path, os.getcwd()))
    name = "uwsgi_file_" + (path[:-3] if path.endswith(".py") else path).replace(".", "_").replace("/", "_")
    # Last, so that a file's neighbours can be imported and hide nothing.
    if os.path.dirname(path) not in sys.path:
        sys.path.append(os.path.dirname(path))
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def _find(module, name, said):
    if said:
        is_factory = said.endswith("()")
        found = module
        for part in (said[:-2] if is_factory else said).split("."):
            found = getattr(found, part, None)
        if is_factory and callable(found):
            found = found()
        if callable(found):
            return found
        what = "`%s` of %s is no callable" % (said, name) if found is not None else "%s has no `%s`" % (name, said)
    else:
        for candidate in DEFAULT_CALLABLES:
            if callable(getattr(module, candidate, None)):
                return getattr(module, candidate)
        what = "%s has no callable `application` nor `app`" % name
    others = sorted(key for key, value in vars(module).items() if not key.startswith("_") and callable(value) and not inspect.isclass(value))
    hint = "it has %s: --callable says which" % ", ".join(others[:20]) if others else "it has no callable at all"
    raise LoadError("%s; %s" % (what, hint))


def _name_of(found):
    return getattr(found, "__qualname__", None) or type(found).__name__


def explain(error):
    """The last line and the whole traceback (without the frames of ugate and of import itself) of what `load` raised."""
    if isinstance(error, LoadError):
        return str(error), ""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(("<ugate", "<frozen importlib", importlib.__file__)):
        trace = trace.tb_next
    last = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()[-1]
    if isinstance(error, ModuleNotFoundError) and error.name in OF_UWSGI:
        last += " (uWSGI gives its apps this module, ugate has none: take the import out, or let the app go on at ImportError; "
        last += "what stands in for it is told in docs/guide/from-uwsgi.md)"
    elif isinstance(error, ModuleNotFoundError):
        # There may be several Pythons, each with packages of its own.
        last += " (in %s, Python %d.%d; --home says which one)" % (sys.executable, *sys.version_info[:2])
    return last, "".join(traceback.format_exception(type(error), error, trace))
