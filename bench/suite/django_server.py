"""Django Channels as teams deploy it: uvicorn with two workers, Redis between them, PostgreSQL behind the views."""

import os
import pathlib
import pwd
import shutil
import subprocess
import time

from . import processes
from .servers import PEERS, Server, Target

PYTHON = "/usr/bin/python3"  # Debian's, which has the packages


def postgres_programs():
    for folder in sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "postgres").exists():
            return folder
    return None


class Django(Server):
    name, title, threads = "django", "Django Channels 4, uvicorn ×2, Redis", 2
    kinds = frozenset({"fanout", "idle", "storm", "http", "django-publish"})

    def __init__(self):
        super().__init__()
        self.cookie = ""

    @classmethod
    def missing(cls):
        for name in ("uvicorn", "redis-server"):
            if processes.program(name) is None:
                return f"{name} is not installed: scripts/setup bench"
        if postgres_programs() is None:
            return "PostgreSQL is not installed: scripts/setup bench"
        found = subprocess.run([PYTHON, "-c", "import channels_redis, psycopg2"], capture_output=True, check=False)
        return None if found.returncode == 0 else "channels_redis or psycopg2 is not installed: scripts/setup bench"

    @classmethod
    def version(cls):
        names = ("python3-django", "python3-django-channels", "python3-channels-redis", "uvicorn", "redis-server")
        return ", ".join(processes.debian_version(name).removeprefix("python3-") for name in names)

    def launch(self, workload):
        redis_port, pg_port, self.port = (processes.free_port() for _ in range(3))
        redis = self.spawn(["redis-server", "--port", redis_port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                            "--dir", self.folder])
        redis.wait_for_port(redis_port)
        self._start_postgres(pg_port)
        env = {"REDIS_URL": f"redis://127.0.0.1:{redis_port}/0", "PG_SOCKET": str(self._postgres_folder), "PG_PORT": str(pg_port),
               "DJANGO_SETTINGS_MODULE": "chat.settings", "PYTHONPATH": str(PEERS / "django"), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([PYTHON, PEERS / "django" / "prepare.py"], env=processes.environment(env), capture_output=True, text=True,
                              timeout=120, check=False)
        if done.returncode != 0:
            raise processes.StartError(f"prepare.py: {done.stderr.strip()[-500:]}")
        self.cookie = done.stdout.strip()
        uvicorn = self.spawn([processes.program("uvicorn"), "chat.asgi:application", "--host", "127.0.0.1", "--port", self.port,
                              "--workers", 2, "--no-access-log", "--log-level", "warning", "--ws-ping-interval", 600,
                              "--ws-ping-timeout", 600, "--backlog", 4096], env=env, cwd=PEERS / "django")
        uvicorn.wait_for_port(self.port)
        time.sleep(2)  # the port is open before the workers have imported the application

    def _start_postgres(self, port):
        """PostgreSQL refuses to run as root, so its folder belongs to `postgres` where we are root."""
        programs = postgres_programs()
        self._postgres_folder = self.folder / "postgres"
        self._postgres_folder.mkdir(mode=0o700)
        user = None
        if os.getuid() == 0:
            user = "postgres"
            os.chmod(self.folder, 0o755)
            shutil.chown(self._postgres_folder, user, pwd.getpwnam(user).pw_gid)
        data = self._postgres_folder / "data"
        made = subprocess.run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"], user=user,
                              env=processes.environment(), cwd=self._postgres_folder, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise processes.StartError(f"initdb: {made.stderr.strip()[-500:]}")
        server = self.spawn([programs / "postgres", "-D", data, "-k", self._postgres_folder, "-p", port, "-h", "127.0.0.1"], user=user,
                            cwd=self._postgres_folder)
        server.wait_for_port(port)
        for attempt in range(50):
            made = subprocess.run([programs / "createdb", "-h", self._postgres_folder, "-p", str(port), "-U", "postgres", "bench"],
                                  env=processes.environment(), capture_output=True, text=True, check=False)
            if made.returncode == 0:
                return
            time.sleep(0.1)
        raise processes.StartError(f"createdb: {made.stderr.strip()[-500:]} (attempt {attempt + 1})")

    def stop(self):
        for child in self.running:  # a fast shutdown: SIGTERM waits for whoever is still connected
            if pathlib.Path(child.child.args[0]).name == "postgres":
                child.stop(number=2)
        super().stop()

    def target(self, workload):
        base = f"ws://127.0.0.1:{self.port}/ws"
        # PostgreSQL has no part in a broadcast.
        pids = tuple(pid for child in self.running if "postgres" not in str(child.log.name) for pid in (child.pid, *child.children()))
        return Target(base + "/sub", (), ("--publish-url", base + "/pub", "--publish", "{event}"), pids)

    def http_requests(self):
        headers = {"Cookie": self.cookie}
        base = f"http://127.0.0.1:{self.port}"
        return {"me": (f"{base}/me", headers), "page": (f"{base}/page", headers), "publish": (f"{base}/publish", headers)}
