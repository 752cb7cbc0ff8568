"""Backup while running, verify, restore; and what clients are told after a restore."""

import os

import pytest

from harness.client import User, make_org, rows
from harness.socket import Socket
from harness.sse import EventStream

pytestmark = pytest.mark.embedded


async def test_a_restore_brings_everything_back_in_new_epochs(own_server, tmp_path):
    server = own_server()
    root = User(server, "root")
    org = await make_org(root, slug="acme")
    for n in range(5):
        await org.notify(n=n)
    (await root.post(f"{org.path}/tasks", {"title": "kept"})).expect(201)
    before = (await root.get(f"events?stream={org.notifications}&since=0")).json
    epoch, head = (before["streams"][org.notifications][name] for name in ("epoch", "head"))
    file = tmp_path / "backup"
    server.command("backup", file).expect(0)
    assert file.stat().st_size > 0 and file.stat().st_mode & 0o077 == 0
    await org.notify(n="after the backup")
    (await root.get("me")).expect(200)
    server.command("backup", "verify", file).expect(0)
    assert server.command("restore", file).code != 0, "a restore under a running server is refused"
    assert server.stop() == 0

    server.command("restore", file, "--dry-run").expect(0)
    server.command("restore", file).expect(0)
    server.start()
    root.sign_in()
    after = (await root.get(f"events?stream={org.notifications}&since=0")).expect(200).json
    assert after["results"] == before["results"]
    assert after["streams"][org.notifications]["head"] == head
    assert after["streams"][org.notifications]["epoch"] != epoch
    assert [row["title"] for row in rows((await root.get(f"{org.path}/tasks")).json)] == ["kept"]

    # Whoever was ahead (or anywhere) in the old epoch is told so; silence would be a gap.
    async with await Socket.open(server, f"/ws/{org.notifications}", root,
                                 query={"since": head + 1, "epoch": epoch}) as socket:
        await socket.expect("subscribed", head=head)
        await socket.expect("reset", reason="epoch_changed", head=head)
        await org.notify(n="in the new life")
        (event,) = await socket.events(1)
        assert event["seq"] == head + 1
    query = f"stream={org.notifications}&since={head}&epoch={epoch}"
    async with await EventStream.open(server, query, root) as stream:
        await stream.expect("subscribed")
        _, reset, _ = await stream.expect("reset")
        assert reset["reason"] == "epoch_changed"
    page = (await root.get("events?" + query)).expect(200).json
    assert [reset["reason"] for reset in page["reset"]] == ["epoch_changed"]


def test_a_damaged_or_foreign_file_is_not_restored(own_server, tmp_path):
    server = own_server()
    file = tmp_path / "backup"
    server.command("backup", file).expect(0)
    assert server.stop() == 0
    whole = file.read_bytes()
    broken = tmp_path / "broken"
    for case, content in {
        "cut": whole[: len(whole) // 2], "empty": b"", "foreign": os.urandom(len(whole)),
    }.items():
        broken.write_bytes(content)
        assert server.command("backup", "verify", broken).code != 0, case
        assert server.command("restore", broken).code != 0, case
    assert server.command("backup", "verify", tmp_path / "missing").code != 0
    server.start()
    User(server, "root").sign_in()


def test_a_backup_works_without_a_server_too(own_server, tmp_path):
    server = own_server(start=False)
    server.command("backup", tmp_path / "b").expect(0)
    server.command("backup", "verify", tmp_path / "b").expect(0)


def test_a_backup_does_not_overwrite_a_file(own_server, tmp_path):
    server = own_server()
    file = tmp_path / "precious"
    file.write_text("precious")
    done = server.command("backup", file)
    assert done.code != 0 and file.read_text() == "precious"
