"""A PostgreSQL 15 of the tests' own, and a PgBouncer 1.18 in transaction mode before it.

`INDABA_TEST_DATABASE=postgres` runs every server of the tests on it: each data folder gets a database, through PgBouncer.
`INDABA_TEST_DATABASE=postgres-direct` leaves PgBouncer out. Both end with the tests, by their own process ids.
"""

import atexit
import contextlib
import functools
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
PGBOUNCER = pathlib.Path("/usr/sbin/pgbouncer")
WANTED = os.environ.get("INDABA_TEST_DATABASE", "sqlite")


def installed():
    return (BIN / "postgres").exists() and PGBOUNCER.exists()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _as_unprivileged():
    """PostgreSQL and PgBouncer refuse to run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}


class Postgres:
    """`settings`: more of the server's, name=value. `behind`: another one that this follows as its standby."""

    def __init__(self, settings=(), behind=None):
        self.settings = list(settings)
        self._folder = tempfile.TemporaryDirectory(prefix="indaba-postgres-")
        self.folder = pathlib.Path(self._folder.name)
        self.port, self.bouncer_port = free_port(), free_port()
        self.server = self.bouncer = None
        self._made = 0
        if os.getuid() == 0:
            import shutil
            shutil.chown(self.folder, "postgres", "postgres")
        if behind is None:
            self._run("initdb", "-D", self.folder / "data", "-U", "indaba", "-A", "trust", "-E", "UTF8",
                      "--locale=C.UTF-8", "-N")
        else:
            self._run("pg_basebackup", "-D", self.folder / "data", "-h", "127.0.0.1", "-p", str(behind.port),
                      "-U", "indaba", "-R", "-X", "stream", "-c", "fast")
        self.start()
        self.start_bouncer()

    @staticmethod
    def _run(program, *arguments):
        subprocess.run([BIN / program, *arguments], check=True, capture_output=True, cwd="/", timeout=120, **_as_unprivileged())

    def start(self):
        self.server = self._spawn([
            BIN / "postgres", "-D", self.folder / "data", "-p", str(self.port), "-h", "127.0.0.1", "-k", self.folder,
            "-c", "max_connections=300", "-c", "shared_buffers=64MB",
            *(word for setting in self.settings for word in ("-c", setting))])
        self._wait_for(self.port)

    def start_bouncer(self):
        users, ini = self.folder / "users.txt", self.folder / "pgbouncer.ini"
        users.write_text('"indaba" ""\n')
        ini.write_text(
            f"[databases]\n* = host=127.0.0.1 port={self.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.bouncer_port}\nunix_socket_dir = {self.folder}\nauth_type = trust\nauth_file = {users}\n"
            "pool_mode = transaction\nmax_client_conn = 1000\ndefault_pool_size = 20\nserver_idle_timeout = 5\n"
            "autodb_idle_timeout = 5\nserver_login_retry = 1\n")
        self.bouncer = self._spawn([PGBOUNCER, "-q", ini])
        self._wait_for(self.bouncer_port)

    def _spawn(self, command):
        return subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, cwd="/", **_as_unprivileged())

    def until_it_answers(self):
        self._wait_for(self.port)

    def _wait_for(self, port, seconds=20):
        deadline = time.monotonic() + seconds
        while subprocess.run([BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "indaba",
                              "-d", "postgres"], check=False).returncode != 0:
            assert time.monotonic() < deadline, f"nothing answers on port {port}"
            time.sleep(0.05)

    def create_database(self):
        self._made += 1
        name = f"test_{self._made}"
        self.sql(f"CREATE DATABASE {name}")
        return name

    def url(self, database, bouncer=True):
        # By its Unix socket: in a container the program refuses an address on the loopback, for good reasons.
        return f"postgres://indaba@/{database}?host={self.folder}&port={self.bouncer_port if bouncer else self.port}"

    def sql(self, text, database="postgres"):
        """As the superuser; the rows as text, columns separated by |."""
        done = subprocess.run([BIN / "psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(self.port), "-U",
                               "indaba", "-d", database, "-c", text], check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextlib.contextmanager
    def holding(self, text, database):
        """A transaction that ran this, and stands still."""
        psql = subprocess.Popen(
            [BIN / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "indaba",
             "-d", database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            psql.stdin.write(f"SET lock_timeout = '30s'; BEGIN; {text};\n\\echo held\n")
            psql.stdin.flush()
            while (line := psql.stdout.readline()) != "held\n":
                assert line, f"{text} did not come to be held"
            yield
        finally:
            psql.kill()
            psql.wait()

    def freeze(self, number):
        """SIGSTOP or SIGCONT, for it and all that belongs to it."""
        group = [self.server.pid, *map(int, subprocess.run(
            ["pgrep", "-P", str(self.server.pid)], capture_output=True, text=True, check=False).stdout.split())]
        for pid in group:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def promote(self):
        self._run("pg_ctl", "promote", "-w", "-D", self.folder / "data")

    def stop(self, number=signal.SIGINT):
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(number)
            self.server.wait(20)

    def stop_bouncer(self, number=signal.SIGTERM):
        if self.bouncer is not None and self.bouncer.poll() is None:
            self.bouncer.send_signal(number)
            self.bouncer.wait(20)

    def close(self):
        self.stop_bouncer()
        self.stop(signal.SIGQUIT)  # at once: nothing of it is wanted any more
        self._folder.cleanup()


@functools.cache
def shared():
    """The one that all servers of a run share."""
    one = Postgres()
    atexit.register(one.close)
    return one


_databases = {}


def url_for(data):
    """The database of a data folder: the same folder, the same database."""
    if WANTED == "sqlite":
        return None
    return shared().url(name_of(data), bouncer=WANTED == "postgres")


def name_of(data):
    if WANTED == "sqlite":
        return None
    if data not in _databases:
        _databases[data] = shared().create_database()
    return _databases[data]
