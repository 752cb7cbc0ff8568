"""Starting a server as an operator would, on a core of its own, and ending exactly what was started."""

import contextlib
import ctypes
import os
import pathlib
import pwd
import queue
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

LISTENING = re.compile(r"listening on \w+://(\S+):(\d+)")
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")


class StartError(Exception):
    """A server that could not be brought up; the text says why."""


def environment(extra=None):
    """What the machine of the operator has set must not change what is measured."""
    return {**{name: os.environ[name] for name in _INHERITED if name in os.environ}, **(extra or {})}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _before_exec():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.suppress(OSError):  # a server must not outlive a runner that was killed
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def pinned(command, cores):
    return list(command) if cores is None else ["taskset", "-c", cores, *command]


class Process:
    """One child and its log. Its standard output is read for the line that tells its port."""

    def __init__(self, command, *, log, cores=None, env=None, cwd=None, user=None):
        self.log = pathlib.Path(log)
        self._lines = queue.Queue()
        with open(self.log, "ab") as stderr:
            self.child = subprocess.Popen(pinned([str(word) for word in command], cores), env=environment(env), cwd=cwd, user=user,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True,
                                          preexec_fn=_before_exec)
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        for line in self.child.stdout:
            self._lines.put(line)
        self._lines.put(None)

    @property
    def pid(self):
        return self.child.pid

    def port_told(self, seconds=30):
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise StartError(f"not listening after {seconds} s: {self.log_tail()}") from None
            if line is None:
                raise StartError(f"ended with {self.child.wait()} before it listened: {self.log_tail()}")
            if found := LISTENING.search(line):
                return int(found[2])

    def wait_for_port(self, port, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                raise StartError(f"ended with {self.child.returncode} before it listened: {self.log_tail()}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.05)
        raise StartError(f"not listening on {port} after {seconds} s: {self.log_tail()}")

    def log_tail(self, lines=10):
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def children(self):
        """The processes below this one, workers of nginx or uvicorn."""
        found, todo = [], [self.pid]
        while todo:
            parent = todo.pop()
            with contextlib.suppress(OSError):
                for task in pathlib.Path(f"/proc/{parent}/task").iterdir():
                    todo += [int(word) for word in (task / "children").read_text().split()]
            if parent != self.pid:
                found.append(parent)
        return found

    def stop(self, seconds=15, number=signal.SIGTERM):
        below = self.children()
        if self.child.poll() is None:
            self.child.send_signal(number)
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        for pid in below:  # those that their parent left behind, if any
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def program(name):
    """Its path, where the machine has it."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def debian_version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f=${Package} ${Version}", package], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def own_user():
    return pwd.getpwuid(os.getuid()).pw_name
