"""A server under measurement: how it is started, what it is, and how it is spoken to.

A peer broadcasts to whoever is connected, without asking who that is; Indaba authenticates each reader, checks its membership, and
numbers or keeps its events. What a workload needs to know is in `Target`.
"""

import dataclasses
import json
import pathlib
import subprocess
import tempfile

from . import processes

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "release"
PEERS = ROOT / "bench" / "peers"
SERVER_CORE, CLIENT_CORE = "0", "1"


@dataclasses.dataclass(frozen=True)
class Target:
    """How `indaba bench` speaks to a server: its command line, but for mode and figures."""

    url: str
    options: tuple[str, ...] = ()  # for readers
    publish: tuple[str, ...] = ()  # for whoever publishes
    pids: tuple[int, ...] = ()


class Server:
    """Base of all: a name, a temporary folder, the processes in it."""

    name = ""
    title = ""
    threads = 1  # pinned to one core where it is 1
    kinds: frozenset[str] = frozenset({"fanout", "idle", "storm"})

    def __init__(self):
        self._folder = None
        self.running: list[processes.Process] = []
        self.port = 0

    @classmethod
    def missing(cls):
        """Why it cannot run on this machine, or nothing."""
        return None

    @classmethod
    def version(cls):
        return ""

    @property
    def folder(self):
        return pathlib.Path(self._folder.name)

    @property
    def cores(self):
        return SERVER_CORE if self.threads == 1 else None

    def spawn(self, command, **options):
        name = pathlib.Path(command[0]).name
        options.setdefault("cores", self.cores)
        child = processes.Process(command, log=self.folder / f"{name}.log", **options)
        self.running.append(child)
        return child

    def start(self, workload=None):
        self._folder = tempfile.TemporaryDirectory(prefix=f"indaba-bench-{self.name}-")
        try:
            self.launch(workload)
        except BaseException:
            self.stop()
            raise
        return self

    def launch(self, workload):
        raise NotImplementedError

    def stop(self):
        for child in reversed(self.running):
            child.stop()
        self.running = []
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def database_reads(self):
        """How many there were since its start, where it tells."""
        return None

    @property
    def pids(self):
        return tuple(pid for child in self.running for pid in (child.pid, *child.children()))

    def target(self, workload):
        """Readers on any path, a publisher on /pub, the event itself as the message: what most peers speak."""
        base = f"ws://127.0.0.1:{self.port}"
        path = "/echo" if workload.kind == "echo" else "/sub"
        return Target(base + path, (), ("--publish-url", base + "/pub", "--publish", "{event}"), self.pids)


class Limit(Server):
    """The bare server of bench/limit."""

    mode = ""
    kinds = frozenset({"fanout", "idle", "storm", "echo"})

    @classmethod
    def missing(cls):
        return None if (BUILD / "bench_limit").exists() else "bench_limit is not built: liburing-dev is missing"

    def launch(self, workload):
        self.port = self.spawn([BUILD / "bench_limit", "--mode", self.mode]).port_told()


class LimitSend(Limit):
    name, title, mode = "limit-send", "limit, one send an event", "send"


class LimitCoalesce(Limit):
    name, title, mode = "limit-coalesce", "limit, coalescing", "coalesce"


class LimitUring(Limit):
    name, title, mode = "limit-uring", "limit, coalescing by io_uring", "uring"


class Beast(Server):
    name, title = "beast", "Boost.Beast, plain"

    @classmethod
    def missing(cls):
        return None if (BUILD / "bench_beast").exists() else "bench_beast is not built"

    @classmethod
    def version(cls):
        return "Boost 1.81"

    def launch(self, workload):
        self.port = self.spawn([BUILD / "bench_beast"]).port_told()


class Node(Server):
    """A server of bench/peers/node."""

    script = ""
    package = ""

    @classmethod
    def missing(cls):
        if processes.program("node") is None:
            return "there is no node"
        if not (PEERS / "node" / "node_modules" / cls.package).is_dir():
            return f"the npm package {cls.package} is not installed: scripts/setup bench"
        return None

    @classmethod
    def version(cls):
        told = json.loads((PEERS / "node" / "node_modules" / cls.package / "package.json").read_text())["version"]
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
        return f"{cls.package} {told}, Node {node}"

    def launch(self, workload):
        self.port = self.spawn(["node", PEERS / "node" / self.script], env={"NODE_ENV": "production"}).port_told()


class Ws(Node):
    name, title, script, package = "ws", "Node `ws`", "ws.mjs", "ws"
    kinds = frozenset({"fanout", "idle", "storm", "echo"})


class UWebSockets(Node):
    name, title, script, package = "uws", "uWebSockets.js", "uws.cjs", "@trufflesuite/uws-js-unofficial"
    kinds = frozenset({"fanout", "idle", "storm", "echo"})

    @classmethod
    def missing(cls):
        if reason := super().missing():
            return reason
        tried = subprocess.run(
            ["node", "-e", f'process.exit(typeof require("{cls.package}").us_socket_local_port === "function" ? 0 : 3)'],
            cwd=PEERS / "node", capture_output=True, check=False)
        return None if tried.returncode == 0 else f"{cls.package} has no binary for this Node (it has them for 16, 18 and 20)"


class SocketIo(Node):
    name, title, script, package = "socketio", "Socket.IO 4", "socketio.mjs", "socket.io"

    def target(self, workload):
        url = f"ws://127.0.0.1:{self.port}/socket.io/?EIO=4&transport=websocket"
        hello = ("--send", "40", "--await", '40{"sid"')
        publish = ("--publish-url", url, "--publish-send", "40", "--publish-await", '40{"sid"', "--publish", '42["publish",{event}]')
        return Target(url, hello, publish, self.pids)


class Nchan(Server):
    name, title = "nchan", "nchan (nginx)"
    MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so"

    @classmethod
    def missing(cls):
        if processes.program("nginx") is None or not pathlib.Path(cls.MODULE).exists():
            return "nginx or its module nchan is not installed: scripts/setup bench"
        return None

    @classmethod
    def version(cls):
        nginx = subprocess.run([processes.program("nginx"), "-v"], capture_output=True, text=True, check=False).stderr
        return f"{nginx.strip().rpartition(' ')[2]}, {processes.debian_version('libnginx-mod-nchan')}"

    def launch(self, workload):
        self.port = processes.free_port()
        text = (PEERS / "nchan" / "nginx.conf.in").read_text()
        values = {"FOLDER": self.folder, "PORT": self.port, "MODULE": self.MODULE, "USER": processes.own_user(), "WORKERS": 1}
        for name, value in values.items():
            text = text.replace("${" + name + "}", str(value))
        (self.folder / "nginx.conf").write_text(text)
        nginx = self.spawn([processes.program("nginx"), "-p", self.folder, "-c", self.folder / "nginx.conf",
                            "-e", self.folder / "error.log"])
        nginx.wait_for_port(self.port)
