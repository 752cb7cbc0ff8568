"""Runs one workload on one started server, and returns what the client told."""

import json
import re
import subprocess
import tempfile

from . import processes
from .indaba_server import BINARY
from .servers import BUILD, CLIENT_CORE

WRK_LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)$", re.MULTILINE)
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class MeasureError(Exception):
    """A run without a result; the text says why."""


def run(server, workload, seconds):
    """The figures of one run as one JSON object, in the shape of `indaba bench --json` or a like one."""
    if workload.kind == "http":
        return {name: wrk(url, headers, seconds, connections=64) for name, (url, headers) in server.http_requests().items()
                if name in ("me", "page")}
    if workload.kind == "django-publish":
        url, headers = server.http_requests()["publish"]
        return {"one": wrk(url, headers, seconds, connections=1, body="x" * 200),
                "many": wrk(url, headers, seconds, connections=32, body="x" * 200)}
    if workload.kind == "sqlite":
        return program([BUILD / "bench_sqlite", "--seconds", seconds], timeout=seconds * 5 + 60)
    return bench(server, workload, seconds)


def bench(server, workload, seconds):
    target = server.target(workload)
    command = [BINARY, "bench", workload.kind, target.url, *target.options, *workload.options, "--json", "--quiet"]
    if workload.kind in ("fanout", "publish"):
        command += [*target.publish, "--warm-up", min(2, seconds / 2)]
    if workload.kind not in ("storm", "reconnect"):  # those last as long as they take
        command += ["--seconds", seconds]
    for pid in target.pids:
        command += ["--server-pid", pid]
    reads = server.database_reads()
    told = program(processes.pinned(command, CLIENT_CORE if server.cores else None), timeout=seconds * 4 + 180)
    if reads is not None and told.get("connections"):
        told["database_reads_per_connection"] = (server.database_reads() - reads) / told["connections"]
    return told


def program(command, timeout):
    command = [str(word) for word in command]
    try:
        done = subprocess.run(command, env=processes.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise MeasureError(f"no result within {timeout:.0f} s") from None
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise MeasureError(f"exit {done.returncode}: {' / '.join(said)}") from None


def wrk(url, headers, seconds, connections, body=None):
    """wrk, closed loop: `connections` requests in flight."""
    threads = min(2, connections)
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", url]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if body is not None:
            script.write(f'wrk.method = "POST"\nwrk.body = "{body}"\n')
            script.flush()
            command += ["-s", script.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds * 3 + 30, check=False)
    rate = re.search(r"^Requests/sec:\s+([\d.]+)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or rate is None:
        raise MeasureError(f"wrk: {(done.stderr or done.stdout).strip()[-300:]}")
    told = {"requests_per_second": float(rate[1])}
    for percent, value, unit in WRK_LATENCY.findall(done.stdout):
        told[f"p{percent}_ms"] = float(value) * MILLISECONDS[unit]
    if refused := re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout):
        raise MeasureError(f"wrk: {refused[1]} answers were errors")
    return told
