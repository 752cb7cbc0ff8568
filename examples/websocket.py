#!/usr/bin/env python3
"""Follows a stream over a WebSocket, reconnects, and goes on where it was.

    examples/websocket.py [STREAM]        python3 -m pip install websockets   (or: apt install python3-websockets)

The place in the stream is (epoch, seq). It is taken from `subscribed` and moved by every event; whoever keeps it on disk goes
on after a restart of the program as well.
"""

import asyncio
import json
import os
import pathlib
import random
import sys
import urllib.request

import websockets

URL = os.environ.get("INDABA_URL", "http://127.0.0.1:8080")
USER = os.environ.get("INDABA_USER", "anna")
STOP = {1000, 1002, 1003, 1007, 1009, 4000, 4003, 4004}  # coming back would change nothing


def password() -> str:
    demo = pathlib.Path(__file__).resolve().parent.parent / "data" / "demo-password"
    return os.environ.get("INDABA_PASSWORD") or demo.read_text().strip()


def access_token() -> str:
    request = urllib.request.Request(
        f"{URL}/api/v1/auth/token",
        data=json.dumps({"username": USER, "password": password()}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["access"]


class Reader:
    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.epoch: str | None = None
        self.seq = 0
        self.come_back_after = 1.0

    async def follow(self, socket) -> None:
        start = {"since": self.seq, "epoch": self.epoch} if self.epoch else {"last": 20}
        await socket.send(json.dumps({"type": "subscribe", "stream": self.stream, "ref": "1", **start}))
        async for text in socket:
            frame = json.loads(text)
            kind = frame["type"]
            if kind == "subscribed":
                self.epoch, self.seq = frame["epoch"], frame["since"]
            elif kind == "reset":
                print("some events are gone, fetch the state anew:", text)
                self.epoch, self.seq = frame["epoch"], frame["head"]
            elif kind == "goodbye":
                self.come_back_after = frame["reconnect_after_ms"] / 1000 or self.come_back_after
            elif kind in ("error", "unsubscribed"):
                sys.exit(f"refused: {text}")
            elif frame.get("stream") == self.stream:
                if "seq" in frame:
                    if frame["seq"] <= self.seq:
                        continue  # near a reconnect an event may come twice
                    self.seq = frame["seq"]
                print(text, flush=True)

    async def run(self) -> None:
        address = URL.replace("http", "ws", 1) + "/ws"
        token = access_token()
        while True:
            try:
                async with websockets.connect(address, subprotocols=["indaba.v1", "Bearer", token]) as socket:
                    await self.follow(socket)
                    code = socket.close_code
            except (OSError, websockets.WebSocketException) as trouble:
                closed = isinstance(trouble, websockets.ConnectionClosed)
                code = trouble.rcvd.code if closed and trouble.rcvd else None
            if code in STOP:
                sys.exit(f"closed with {code}")
            if code == 4001:
                token = access_token()
            elif code == 4029:
                self.come_back_after = 30.0
            await asyncio.sleep(self.come_back_after * random.uniform(1, 1.5))
            self.come_back_after = min(self.come_back_after * 2, 30.0) if code is None else 1.0


if __name__ == "__main__":
    try:
        asyncio.run(Reader(sys.argv[1] if len(sys.argv) > 1 else "orgs/demo/notifications").run())
    except KeyboardInterrupt:
        pass
