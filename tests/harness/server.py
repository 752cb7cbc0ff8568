"""The program under test, started as an operator starts it."""

import contextlib
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time

from . import postgres
from .limits import promised

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("INDABA_BINARY", ROOT / "build/release/indaba"))
START_SECONDS = float(os.environ.get("INDABA_TEST_START_SECONDS", "20"))
READY = re.compile(r"^listening on (https?)://(.+):(\d+)\s*$")
WORKING = re.compile(r"^working on (.+)$")

# What the machine of the tester has in its environment must not change what is tested.
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")


def environment(extra=None):
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    env.update(extra or {})
    return env


class CommandResult:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def expect(self, code=0):
        assert self.code == code, f"exit {self.code}, not {code}\nout: {self.out}\nerr: {self.err}"
        return self


def run(*arguments, data=None, stdin="", env=None, timeout=60, cwd=None):
    """Runs one `indaba` command to its end."""
    command = [str(BINARY), *map(str, arguments)]
    if data is not None:
        command += ["--data", str(data)]
    done = subprocess.run(command, input=stdin, env=environment(env), capture_output=True, text=True,
                          timeout=timeout, cwd=cwd, check=False)
    return CommandResult(done)


class Server:
    """One `indaba serve`. `data` outlives it: start() again continues with the same folder."""

    subcommand = "serve"
    several = False  # nodes behind one address

    def __init__(self, data=None, env=None, arguments=(), wrapper=(), listen="127.0.0.1:0"):
        if data is None:
            self._folder = tempfile.TemporaryDirectory(prefix="indaba-test-")
            data = pathlib.Path(self._folder.name) / "data"
        self.data = pathlib.Path(data)
        self.env = {"INDABA_AUTH_REGISTRATION": "open", **(env or {})}
        url = postgres.url_for(str(self.data))
        self.database = postgres.name_of(str(self.data))  # None: embedded
        if url is not None and "DATABASE_URL" not in self.env:
            # A few connections a server: tests have many servers.
            self.env = {"INDABA_DATABASE_WRITERS": "2", "INDABA_DATABASE_READERS": "2", "DATABASE_URL": url,
                        **self.env}
        self.arguments = list(arguments)
        self.wrapper = list(wrapper)
        self.listen = listen
        self.log_path = self.data.parent / (self.data.name + ".log")
        self.process = None
        self.host, self.port, self.scheme = "127.0.0.1", 0, "http"
        self.stdout_lines = []
        self.start_seconds = 0.0
        self._lines = None

    # -- life

    def start(self, wait=True):
        listening = ["--listen", self.listen] if self.listen else []
        command = [*self.wrapper, str(BINARY), self.subcommand, *listening, "--data", str(self.data), *self.arguments]
        log = open(self.log_path, "ab")  # the child keeps it
        self._lines = queue.Queue()
        began = time.monotonic()
        self.process = subprocess.Popen(command, env=environment(self.env), stdout=subprocess.PIPE,
                                        stderr=log, stdin=subprocess.DEVNULL, text=True)
        log.close()
        threading.Thread(target=self._collect, args=(self.process.stdout, self._lines), daemon=True).start()
        if wait:
            self.wait_ready()
            self.start_seconds = time.monotonic() - began
        return self

    @staticmethod
    def _collect(pipe, lines):
        for line in pipe:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    def wait_ready(self, seconds=START_SECONDS):
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not ready after {seconds} s; log:\n{self.log_tail()}") from None
            if line is None:
                code = self.process.wait()
                raise AssertionError(f"exited with {code} before it was ready; log:\n{self.log_tail()}")
            self.stdout_lines.append(line)
            if self.subcommand == "worker" and WORKING.match(line):
                return self
            found = READY.match(line)
            if found:
                self.scheme, self.host, self.port = found[1], found[2], int(found[3])
                return self

    def stop(self, seconds=promised(10) + 5):
        """As an operator stops it. Returns the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "did not stop"
        self.process = None
        return code

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait()
        self.process = None

    def signal(self, number):
        self.process.send_signal(number)

    @property
    def pid(self):
        """A wrapper (prlimit) becomes the program, so that it has their id."""
        return self.process.pid

    def close(self):
        self.kill()
        folder = getattr(self, "_folder", None)
        if folder is not None:
            folder.cleanup()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    # -- what it says

    @property
    def url(self):
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def ws_url(self):
        return self.url.replace("http", "ws", 1)

    def log_text(self):
        with contextlib.suppress(FileNotFoundError):
            return self.log_path.read_text(errors="replace")
        return ""

    def log_tail(self, lines=30):
        return "\n".join(self.log_text().splitlines()[-lines:])

    def log_entries(self):
        return [json.loads(line) for line in self.log_text().splitlines() if line.strip()]

    # -- commands beside it or before it

    def command(self, *arguments, stdin="", **options):
        return run(*arguments, data=self.data, stdin=stdin, env=self.env, **options)

    def create_user(self, name, password="correct horse battery", superuser=False):
        flags = ["--superuser"] if superuser else []
        return self.command("user", "create", name, "--password-stdin", *flags, stdin=password + "\n").expect(0)

    # -- measures

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class ManyNodes(Server):
    """Several nodes on one database and one Redis. Each time that the address is asked for, it is the next node's."""

    several = True

    def __init__(self, redis_url, others=1, **options):
        self._ports, self._turn = [], 0
        ports = [postgres.free_port() for _ in range(others + 1)]
        super().__init__(listen=f"127.0.0.1:{ports[0]}", **options)
        # A page of one node may talk to all of them, as behind one public address.
        origins = ",".join(f"http://{name}:{port}" for port in ports for name in ("127.0.0.1", "localhost"))
        self.env |= {"REDIS_URL": redis_url, "INDABA_SERVER_ALLOWED_ORIGINS": origins}
        self.others = [Server(env=self.env, arguments=options.get("arguments", ()), listen=f"127.0.0.1:{port}")
                       for port in ports[1:]]

    @property
    def port(self):
        self._turn += 1
        return self._ports[self._turn % len(self._ports)]

    @port.setter
    def port(self, port):
        self._ports = [port]

    def start(self, wait=True):
        super().start(wait)
        for node in self.others:
            node.env = self.env
            self._ports.append(node.start().port)
        return self

    def log_text(self):
        return super().log_text() + "".join(node.log_text() for node in self.others)

    def stop(self, seconds=promised(10) + 5):
        codes = [node.stop(seconds) for node in self.others] + [super().stop(seconds)]
        return max(codes, key=lambda code: code != 0)

    def close(self):
        for node in self.others:
            node.close()
        super().close()


class Worker(Server):
    """One `indaba worker`."""

    subcommand = "worker"

    def __init__(self, **options):
        super().__init__(listen="", **options)
