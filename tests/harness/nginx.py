"""An nginx of the tests' own before several nodes: on a free port, in a folder that goes with it. Ends by its own process id."""

import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from harness.postgres import free_port

PROGRAM = shutil.which("nginx", path="/usr/sbin:/usr/bin")

CONFIGURATION = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 20000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  upstream app {{ {servers} keepalive 64; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_connect_timeout 2s; proxy_read_timeout 3600s; proxy_send_timeout 3600s;
    }}
  }}
}}
"""


def installed():
    return PROGRAM is not None


class Nginx:
    """`servers`: what has a `port`. It has what a caller needs of a server: `host`, `port`, `url`, `ws_url`."""

    def __init__(self, servers):
        self._folder = tempfile.TemporaryDirectory(prefix="indaba-nginx-")
        folder = pathlib.Path(self._folder.name)
        self.host, self.port = "127.0.0.1", free_port()
        upstream = " ".join(f"server 127.0.0.1:{server.port} max_fails=1 fail_timeout=2s;" for server in servers)
        (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=self.port, servers=upstream))
        self.process = subprocess.Popen([PROGRAM, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not (folder / "nginx.pid").exists():
            assert self.process.poll() is None and time.monotonic() < deadline, (folder / "error.log").read_text()
            time.sleep(0.02)

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self):
        return f"ws://{self.host}:{self.port}"

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
