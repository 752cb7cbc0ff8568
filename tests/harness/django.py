"""The Django project of examples/django/, served by daphne, as somebody runs it beside Indaba."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from . import redis

PROJECT = pathlib.Path(__file__).resolve().parents[2] / "examples" / "django"
SECRET = "the secret key of a Django site"
NEEDED = ("django", "channels", "channels_redis", "daphne", "rest_framework", "rest_framework_simplejwt")

# Ten times a second would be bursts: so one message after the other, each at its own moment, or at once where it is late.
PACED = """
import asyncio, json, logging, time
from channels.layers import get_channel_layer

class Dropped(logging.Handler):
    count = 0
    def emit(self, record):
        self.count += "over capacity" in record.getMessage()

async def main():
    layer, dropped = get_channel_layer(), Dropped()
    log = logging.getLogger("channels_redis.core")
    log.addHandler(dropped)
    log.setLevel(logging.INFO)
    log.propagate = False
    began = time.monotonic()
    for number in range({count}):
        early = began + number / {rate} - time.monotonic()
        if early > 0.001:
            await asyncio.sleep(early)
        await layer.group_send({group!r}, {{**{message!r}, "number": number}})
    print(json.dumps({{"said": {count}, "took": time.monotonic() - began, "dropped": dropped.count}}))

asyncio.run(main())
"""


def installed():
    return all(importlib.util.find_spec(name) for name in NEEDED)


class Django:
    def __init__(self, layer, redis_url, database_url=""):
        self._folder = tempfile.TemporaryDirectory(prefix="indaba-django-")
        folder = pathlib.Path(self._folder.name)
        self.log_path = folder / "django.log"
        self.port = redis.free_port()
        self._admin = None
        self.env = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "example.settings", "DJANGO_SECRET_KEY": SECRET,
                    "EXAMPLE_LAYER": layer, "PUBSUB_REDIS_URL": redis_url, "EXAMPLE_SQLITE": str(folder / "db.sqlite3"),
                    "EXAMPLE_DATABASE_URL": database_url, "PYTHONDONTWRITEBYTECODE": "1"}
        self.manage("migrate", "-v", "0")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port), "example.asgi:application"],
                cwd=PROJECT, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < deadline, f"Django does not answer:\n{self.log_path.read_text()}"
            time.sleep(0.1)

    def manage(self, *arguments, stdin=""):
        done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=PROJECT, env=self.env, input=stdin,
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def shell(self, text):
        """Python inside the project; what it prints."""
        return self.manage("shell", "-c", text)

    def create_user(self, name, password="pass", staff=False):
        """Its number."""
        return int(self.shell("from django.contrib.auth.models import User\n"
                              f"print(User.objects.create_user({name!r}, password={password!r}, is_staff={staff}).pk)"))

    def say(self, group, message, times=1):
        """group_send(), by unmodified Django."""
        if self._admin is None:
            self.create_user("admin", staff=True)
            self._admin = "Token " + self.drf_token("admin")
        return self.call("POST", f"/api/groups/{group}/", {"message": message, "times": times}, token=self._admin)

    def keep_saying(self, group, message, rate, seconds):
        """group_send() at a steady rate, by a process of its own of the same site. What it tells: `said`, each with its `number`; how
        long that `took`; and how many the layer has `dropped` because an inbox was full."""
        return json.loads(self.shell(PACED.format(group=group, message=message, rate=rate, count=int(rate * seconds))))

    def _answers(self):
        try:
            return self.call("GET", "/alive/", raw=True) == b"ok"
        except OSError:
            return False

    def call(self, method, path, body=None, token=None, raw=False):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = token
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method, headers=headers,
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = answer.read()
        return told if raw else json.loads(told)

    def jwt(self, name, password="pass"):
        return self.call("POST", "/api/token/", {"username": name, "password": password})["access"]

    def drf_token(self, name, password="pass"):
        return self.call("POST", "/api/token-auth/", {"username": name, "password": password})["token"]

    def ws_url(self, group):
        return f"ws://127.0.0.1:{self.port}/ws/groups/{group}/"

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
