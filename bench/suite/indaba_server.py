"""Indaba as the one under test: an organisation with a member, a topic that keeps its events and one that keeps none."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import subprocess

from . import processes
from .servers import BUILD, Server, Target

BINARY = pathlib.Path(os.environ.get("INDABA_BINARY", BUILD / "indaba"))
NAME, SECRET = "anna", "correct horse battery"
KEPT, MISSED = 200, 10  # events that are there from the start; of them, those that returning clients lack
DURABLE, EPHEMERAL = "orgs/bench/topics/kept", "orgs/bench/topics/live"


class Indaba(Server):
    """`indaba serve` on its embedded database. Defaults throughout, but for the limits that count by time, user and address."""

    name, title = "indaba", "Indaba"
    kinds = frozenset({"fanout", "idle", "storm", "publish", "reconnect", "http"})

    def __init__(self):
        super().__init__()
        self.pinned = True
        self.data = None

    @classmethod
    def missing(cls):
        return None if BINARY.exists() else "indaba is not built: scripts/build"

    @classmethod
    def version(cls):
        done = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=False)
        return done.stdout.strip().rpartition(" ")[2]

    @property
    def cores(self):
        return super().cores if self.pinned else None

    def launch(self, workload):
        self.pinned = workload is None or workload.pinned
        self.data = self.folder / "data"
        self.run_command("user", "create", NAME, "--password-stdin", "--superuser", stdin=SECRET + "\n")
        env = {"RATE_LIMITS_ENABLED": "false", "INDABA_LOG_LEVEL": "error"}
        if self.pinned:
            env["INDABA_SERVER_LOOPS"] = "1"
        if workload is not None and workload.compressed:
            env["INDABA_WS_COMPRESSION"] = "true"
        self.serve(env)
        self.prepare(workload)
        if workload is not None and workload.cold:
            self.running.pop().stop()
            self.serve(env)

    def serve(self, env):
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--data", self.data]
        self.port = self.spawn(command, env=env).port_told()

    def prepare(self, workload):
        token = self.token()
        self.call("POST", "orgs", {"slug": "bench", "name": "Bench"}, token)
        for stream, durable in ((DURABLE, True), (EPHEMERAL, False)):
            self.call("PUT", stream, {"durable": durable, "client_publish": "members"}, token)
        if workload is not None and (workload.kind == "http" or workload.cold):
            events = [{"type": "tick", "data": {"number": n, "pad": "x" * 200}} for n in range(KEPT)]
            self.call("POST", DURABLE + "/events", events, token)

    def run_command(self, *words, stdin=""):
        done = subprocess.run([BINARY, *words, "--data", self.data], input=stdin, env=processes.environment(), capture_output=True,
                              text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise processes.StartError(f"indaba {' '.join(words[:2])}: {done.stderr.strip()}")
        return done.stdout.strip()

    def call(self, method, path, body=None, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        with contextlib.closing(connection):
            connection.request(method, f"/api/v1/{path}", json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            told = answer.read()
        if answer.status >= 300:
            raise processes.StartError(f"{method} {path}: {answer.status} {told[:300].decode(errors='replace')}")
        return json.loads(told) if told else None

    def database_reads(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        found = re.search(r"^indaba_db_reads_total (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else None

    def token(self):
        """A fresh access token: a JWT, verified at each handshake."""
        return self.call("POST", "auth/token", {"username": NAME, "password": SECRET})["access"]

    def target(self, workload):
        stream = DURABLE if workload.durable else EPHEMERAL
        options = ["--token", self.token(), "--stream", stream]
        if workload.cold:  # a client is there when it has the last of what it missed
            url = f"ws://127.0.0.1:{self.port}/ws/{DURABLE}?since={KEPT - MISSED}"
            return Target(url, ("--token", self.token(), "--await", f'"seq":{KEPT},'), (), self.pids)
        if workload.compressed:
            options.append("--compress")
        publish = ()
        if workload.kind == "publish":
            frame = f'{{"type":"publish","stream":"{stream}","event":"tick","dedupe_key":"{{uuid}}","data":{{event}}}}'
            publish = ("--publish", frame)
        return Target(f"ws://127.0.0.1:{self.port}", tuple(options), publish, self.pids)

    def http_requests(self):
        """What `wrk` asks for, by the name of the figure."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        base = f"http://127.0.0.1:{self.port}/api/v1"
        return {"me": (f"{base}/me", headers), "page": (f"{base}/events?stream={DURABLE}&last=50", headers)}
