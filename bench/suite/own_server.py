"""A server of a measurement's own, on a data folder that may be kept."""

import http.client
import json
import os
import re
import subprocess


class Server:
    """One that is asked over one kept connection, by a personal token."""

    def __init__(self, binary, data):
        self.binary, self.data = binary, data

    def command(self, *arguments, stdin=""):
        done = subprocess.run([self.binary, *arguments, "--data", str(self.data)], input=stdin, text=True,
                              capture_output=True, check=True)
        return done.stdout.strip()

    def __enter__(self):
        env = {**os.environ, "RATE_LIMITS_ENABLED": "false", "INDABA_LOG_LEVEL": "warning"}
        self.process = subprocess.Popen([self.binary, "serve", "--listen", "127.0.0.1:0", "--data", str(self.data)],
                                        stdout=subprocess.PIPE, env=env, text=True)
        for line in self.process.stdout:
            if found := re.match(r"^listening on http://.+:(\d+)\s*$", line):
                self.port = int(found[1])
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port)
                return self
        raise SystemExit("the server did not start")

    def __exit__(self, *_):
        self.connection.close()
        self.process.terminate()
        self.process.wait()

    def request(self, method, path, token, body=None):
        headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
        self.connection.request(method, "/api/v1/" + path, body and json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text) if text else None
