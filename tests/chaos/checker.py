"""Reads what the clients wrote down and names what must not be.

The names are those of Jepsen's checkers where there is one:

    lost-write            acknowledged, and not in the log
    inconsistent-offset   acknowledged at one place and found at another, or two acknowledgements of one key
    duplicate             twice in the log
    aborted-read          in the log or read, though every answer had said that it is not stored
    phantom-read          read, and never sent by anybody
    late-write            appeared after the publishers had stopped
    nonmonotonic-send     two events of one publisher, the second sent after the first was acknowledged, in the wrong order
    poll-skip             a reader was given a later event before an earlier one: a gap
    nonmonotonic-poll     a reader was given an earlier event after a later one, or one twice
    inconsistent-read     a reader was given another content for a place than the log has
    reset                 a reader was told that its position is no longer good, and it was
    unseen                a reader never got an event that it was promised
    cross-tenant-read     an event reached a reader of another stream
    read-after-revocation an event that was sent when access had ended long enough reached the reader all the same
    late-revocation       the reader was not sent away in time
    presence-split        a node says that somebody is online who is not, or the other way
"""

import collections

from chaos.history import ACKED, REJECTED

KEPT = 20  # of each name; all are counted


class Anomaly(collections.namedtuple("Anomaly", "name what")):
    __slots__ = ()

    def __str__(self):
        return f"{self.name}: {self.what}"


class Found:
    def __init__(self):
        self.counts, self.kept = collections.Counter(), []

    def add(self, name, what):
        self.counts[name] += 1
        if self.counts[name] <= KEPT:
            self.kept.append(Anomaly(name, what))

    def __str__(self):
        lines = [str(anomaly) for anomaly in self.kept]
        lines += [f"… {name}: {count} in all" for name, count in self.counts.items() if count > KEPT]
        return "\n".join(lines)


def check(history):
    found = Found()
    for name, what in history.troubles:
        found.add(name, what)
    check_logs(history, found)
    check_order_of_publishers(history, found)
    attempted = {publish.text for publish in history.publishes}
    refused = {publish.text for publish in history.publishes if publish.outcome == REJECTED}
    for reading in history.readings:
        check_reading(reading, history, found)
        check_contents(reading, history, attempted, refused, found)
    for revocation in history.revocations:
        check_revocation(revocation, history, found)
    for node, told, true in history.presence:
        if told != true:
            found.add("presence-split", f"{node} says that {sorted(told)} are online; {sorted(true)} are")
    return found


def check_logs(history, found):
    places = {}  # (stream, text) -> seq
    for stream, log in history.logs.items():
        for seq, text in enumerate(log, 1):
            if (stream, text) in places:
                found.add("duplicate", f"{text} is {places[stream, text]} and {seq} of {stream}")
            places.setdefault((stream, text), seq)
        later = history.later.get(stream, log)
        for seq in range(min(len(log), len(later)), max(len(log), len(later))):
            found.add("late-write", f"seq {seq + 1} of {stream}: {len(log)} events, and {len(later)} some seconds later")
        if log != later[:len(log)]:
            found.add("inconsistent-read", f"the log of {stream} is another one some seconds later")
    for publish in history.publishes:
        place = places.get((publish.stream, publish.text))
        if len(set(publish.acks)) > 1:
            found.add("inconsistent-offset", f"{publish.text} was acknowledged as {publish.acks}")
        if publish.outcome == ACKED and place is None:
            found.add("lost-write", f"{publish.text} was acknowledged as {publish.acks[0]} of {publish.stream}")
        elif publish.outcome == ACKED and place != publish.acks[0]:
            found.add("inconsistent-offset", f"{publish.text} was acknowledged as {publish.acks[0]} and is {place}")
        elif publish.outcome == REJECTED and place is not None:
            found.add("aborted-read", f"{publish.text} was refused and is {place} of {publish.stream}")


def check_order_of_publishers(history, found):
    """Publishers send one thing after the other; those who race with themselves are publishers of one event each."""
    last = {}
    for publish in sorted((p for p in history.publishes if p.outcome == ACKED), key=lambda p: p.began):
        before = last.get((publish.stream, publish.publisher))
        if before is not None and before.ended <= publish.began and before.acks[0] >= publish.acks[0]:
            found.add("nonmonotonic-send", f"{publish.text} is {publish.acks[0]}, and {before.text}, sent before it, {before.acks[0]}")
        if before is None or publish.acks[0] > before.acks[0]:
            last[publish.stream, publish.publisher] = publish


def check_reading(reading, history, found):
    last = reading.since
    for seq, at in zip(reading.seqs, reading.connections, strict=True):
        if seq > last + 1:
            found.add("poll-skip", f"{reading.name} got {seq} after {last} of {reading.stream}, by its connection {at}")
        elif seq <= last:
            found.add("nonmonotonic-poll", f"{reading.name} got {seq} after {last} of {reading.stream}, by its connection {at}")
        last = max(last, seq)
    for reset in reading.resets:
        found.add("reset", f"{reading.name}: {reset}")
    if reading.epochs - {history.epochs.get(reading.stream)}:
        found.add("reset", f"{reading.name} was told of the epochs {sorted(reading.epochs)} of {reading.stream}")
    head = len(history.logs.get(reading.stream, ()))
    if reading.whole and last < head:
        found.add("unseen", f"{reading.name} has {reading.stream} to {last}, and {head} is its head")


def check_contents(reading, history, attempted, refused, found):
    log = history.logs.get(reading.stream, ())
    for seq, text in zip(reading.seqs, reading.texts, strict=True):
        if 0 < seq <= len(log) and log[seq - 1] == text and text not in refused:
            continue
        if not text.startswith(reading.stream + "|"):
            found.add("cross-tenant-read", f"{reading.name} reads {reading.stream} and got {text}")
        elif text not in attempted:
            found.add("phantom-read", f"{reading.name} got {text} as {seq}")
        elif text in refused:
            found.add("aborted-read", f"{reading.name} got {text}, which was refused")
        else:
            there = log[seq - 1] if 0 < seq <= len(log) else "nothing"
            found.add("inconsistent-read", f"{reading.name} got {text} as {seq} of {reading.stream}; the log has {there}")


def check_revocation(revocation, history, found):
    reading = revocation.reading
    limit = revocation.returned_at + revocation.bound
    if revocation.told and (revocation.ended_at is None or revocation.ended_at > limit):
        ended = "not at all" if revocation.ended_at is None else f"after {revocation.ended_at - revocation.returned_at:.1f} s"
        found.add("late-revocation", f"{reading.name} was sent away {ended}, not within {revocation.bound} s")
    if not reading.seqs or reading.times[-1] <= limit:
        return
    began = {publish.text: publish.began for publish in history.publishes if publish.stream == reading.stream}
    for text, at in zip(reading.texts, reading.times, strict=True):
        if at > limit and began.get(text, 0) > limit:
            found.add("read-after-revocation", f"{reading.name} got {text} {at - revocation.returned_at:.1f} s after its access had ended")
