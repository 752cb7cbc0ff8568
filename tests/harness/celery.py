"""A real Celery 5 beside the program under test: its app (tests/celery_app), a worker process, and what `celery` prints."""

import contextlib
import importlib.util
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

APP = pathlib.Path(__file__).resolve().parents[1] / "celery_app"


def installed():
    return all(importlib.util.find_spec(name) for name in ("celery", "redis"))


def environment(redis):
    return {"PATH": os.environ["PATH"], "SHOP_BROKER": redis.tcp_url + "/0", "PYTHONDONTWRITEBYTECODE": "1",
            "C_FORCE_ROOT": "1", "HOME": os.environ.get("HOME", "/tmp")}


def app(redis):
    """The team's app, in this process: who calls tasks."""
    os.environ["SHOP_BROKER"] = redis.tcp_url + "/0"
    spec = importlib.util.spec_from_file_location("shop", APP / "shop.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["shop"] = module
    spec.loader.exec_module(module)
    # A result that is let go of would look for a Redis that is gone, for long.
    from celery.result import AsyncResult  # noqa: PLC0415: what needs Celery needs it here
    AsyncResult.__del__ = lambda self: None
    return module


def command(redis, *words, timeout=20):
    """What one `celery -A shop …` prints."""
    done = subprocess.run([sys.executable, "-m", "celery", "-A", "shop", *words], cwd=APP, env=environment(redis),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)
    return done.stdout + done.stderr


class Process:
    """A `celery …` that runs until it is closed, with what it prints."""

    def __init__(self, redis, *words):
        self._folder = tempfile.TemporaryDirectory(prefix="indaba-celery-")
        self.path = pathlib.Path(self._folder.name) / "output"
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen([sys.executable, "-u", "-m", "celery", "-A", "shop", *words], cwd=APP,
                                            env=environment(redis), stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def text(self):
        return self.path.read_text(errors="replace")

    def wait_for(self, words, seconds=20):
        deadline = time.monotonic() + seconds
        while words not in self.text():
            assert self.process.poll() is None and time.monotonic() < deadline, f"no {words!r} in:\n{self.text()}"
            time.sleep(0.05)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Worker(Process):
    """An unmodified worker of the team's own queue."""

    def __init__(self, redis, *words):
        # One child: what runs, runs alone.
        super().__init__(redis, "worker", "-Q", "celery", "-P", "prefork", "-c", "1", "-n", "python@%h", "-l", "INFO",
                         *words)
        self.wait_for("ready.")


def later(seconds, function, *args):
    timer = threading.Timer(seconds, function, args)
    timer.daemon = True
    timer.start()
    return timer
