"""What the figures were taken on."""

import dataclasses
import os
import pathlib
import platform
import subprocess
import time


@dataclasses.dataclass(frozen=True)
class Machine:
    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    system: str
    compiler: str
    commit: str
    when: str


def _first(path, key):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return ""


def _system():
    told = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return told.get("PRETTY_NAME", "").strip('"')


def _said(*command, cwd=None):
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else ""


def describe():
    root = pathlib.Path(__file__).resolve().parents[2]
    commit = _said("git", "rev-parse", "--short", "HEAD", cwd=root)
    if commit and _said("git", "status", "--porcelain", "--untracked-files=no", "--", "src", "bench", cwd=root):
        commit += " with changes"
    return Machine(cpu=_first("/proc/cpuinfo", "model name"), cores=len(os.sched_getaffinity(0)),
                   memory_gib=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1), kernel=platform.release(),
                   system=_system(), compiler=_said("g++", "--version"), commit=commit,
                   when=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()))
