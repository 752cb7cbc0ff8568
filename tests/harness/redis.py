"""A Redis 7 of the tests' own: on a free port, with its files in a folder that goes with it. Ends by its own process id."""

import pathlib
import signal
import socket
import subprocess
import tempfile
import time

SERVER = pathlib.Path("/usr/bin/redis-server")


def installed():
    return SERVER.exists()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Redis:
    """`with Redis() as redis:` or start() and close(). `configuration` is lines of redis.conf."""

    def __init__(self, configuration=""):
        self._folder = tempfile.TemporaryDirectory(prefix="indaba-redis-")
        self.folder = pathlib.Path(self._folder.name)
        self.port = free_port()
        self.configuration = configuration
        self.process = None
        self.start()

    def start(self):
        file = self.folder / "redis.conf"
        file.write_text(f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\nunixsocket {self.socket}\nsave \"\"\n"
                        f"appendonly no\n{self.configuration}\n")
        self.process = subprocess.Popen([SERVER, file], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not self.answers():
            assert time.monotonic() < deadline, f"no Redis answers on port {self.port}"
            time.sleep(0.02)

    @property
    def socket(self):
        return self.folder / "redis.sock"

    @property
    def url(self):
        # By its Unix socket: in a container the program refuses an address on the loopback, for good reasons.
        return f"unix://{self.socket}"

    @property
    def tcp_url(self):
        return f"redis://127.0.0.1:{self.port}"

    def ask(self, *words):
        """The bytes that it answers to one command, as they are on the wire (up to 64 KiB)."""
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
            return connection.recv(65536)

    def answers(self):
        try:
            return self.ask("PING").startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def flush(self):
        self.ask("FLUSHALL")

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.stop(signal.SIGKILL)

    def stop(self, number=signal.SIGTERM):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)

    def restart(self):
        self.kill()
        self.start()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.resume()
        self.kill()
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
