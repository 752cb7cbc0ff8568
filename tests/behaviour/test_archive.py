"""What an archive promises beside its files (test_exports.py): nothing goes that stands in none of them."""

import time


def ended(server, task, status, seconds=10):
    deadline = time.monotonic() + seconds
    while task not in (listing := server.command("jobs", "list", "--status", status).expect(0).out):
        assert time.monotonic() < deadline, server.command("jobs", "list").out
        time.sleep(0.1)
    return listing


def test_a_process_without_a_folder_archives_nothing_and_deletes_nothing(own_server):
    server = own_server(users=())
    server.command("jobs", "enqueue", "archive-logs").expect(0)
    assert "archive_not_set" in ended(server, "archive-logs", "scheduled")


def test_a_process_with_a_folder_does_not_delete_what_was_not_archived(own_server, tmp_path):
    server = own_server(env={"INDABA_ARCHIVE_DIR": str(tmp_path / "archive")}, users=())
    server.command("jobs", "enqueue", "trim-events").expect(0)
    assert "archive_set" in ended(server, "trim-events", "failed")
