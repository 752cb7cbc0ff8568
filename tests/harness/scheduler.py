"""`indaba scheduler`, started as an operator starts it, with a clock of its own."""

import contextlib
import glob
import json
import pathlib
import signal
import subprocess
import tempfile
import threading

from .server import BINARY, START_SECONDS, environment

FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")


class Scheduler:
    """`schedule`: the lines of the configuration below [jobs.schedule]."""

    def __init__(self, database_url, schedule="", name="scheduler"):
        self._folder = tempfile.TemporaryDirectory(prefix="indaba-scheduler-")
        self.folder = pathlib.Path(self._folder.name)
        self.name, self.process = name, None
        self.config, self.clock, self.log = (self.folder / file for file in ("indaba.toml", "clock", "log"))
        self.config.write_text(schedule)
        self.env = {"DATABASE_URL": database_url, "INDABA_DATA_DIR": str(self.folder / "data"),
                    "INDABA_AUTH_SIGNING_KEY": "0123456789abcdef" * 4}
        self.move_clock(0)
        if FAKETIME:
            self.env |= {"LD_PRELOAD": FAKETIME[0], "FAKETIME_TIMESTAMP_FILE": str(self.clock), "FAKETIME_CACHE_DURATION": "1",
                         "DONT_FAKE_MONOTONIC": "1"}

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([BINARY, "scheduler", "--config", self.config], env=environment(self.env),
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        late = threading.Timer(START_SECONDS, self.process.kill)
        late.start()
        said = self.process.stdout.readline()
        late.cancel()
        assert said.startswith("scheduling "), f"it says {said!r}:\n{self.log_text()[-2000:]}"
        return self

    def kill(self):
        self.process.kill()
        self._ended()

    def stop(self, seconds=15):
        """As an operator stops it. Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(seconds)
        return self._ended()

    def _ended(self):
        code = self.process.wait()
        self.process.stdout.close()
        self.process = None
        return code

    def signal(self, number):
        self.process.send_signal(number)

    def move_clock(self, seconds):
        self.clock.write_text(f"{seconds:+}\n")

    def close(self):
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.kill()
        self._folder.cleanup()

    def log_text(self):
        return self.log.read_text(errors="replace")

    def log_entries(self):
        return [json.loads(line) for line in self.log_text().splitlines() if line.strip()]
