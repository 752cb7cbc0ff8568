"""What the clients of a run wrote down. The checker knows nothing else, and nothing here knows the server.

An event's content is one text, "<stream>|<publisher>|<number>": which stream it was meant for, and that nobody else sent it. Times are
those of the clients' one monotonic clock.
"""

import array
import sys

ACKED, REJECTED, UNKNOWN = "acked", "rejected", "unknown"


def text_of(stream, publisher, number):
    return f"{stream}|{publisher}|{number}"


class Publish:
    """One event that somebody wanted to publish, over all its attempts.

    acked: `acks` says at which seqs, one an answer. rejected: every answer said that it is not stored. unknown: some attempt had no
    answer, or one that did not know; it may be there once.
    """

    __slots__ = ("acks", "began", "ended", "outcome", "publisher", "stream", "text")

    def __init__(self, stream, publisher, text, began):
        self.stream, self.publisher, self.text, self.began = stream, publisher, sys.intern(text), began
        self.outcome, self.acks, self.ended = UNKNOWN, [], None

    def ack(self, seq, at):
        self.outcome, self.ended = ACKED, at
        self.acks.append(seq)


class Reading:
    """One logical reader of a stream over all its connections: what the application was given, as it was given.

    `since`: it was promised all that comes after. `whole`: at the end it must have everything.
    """

    def __init__(self, name, stream, since=0, whole=True):
        self.name, self.stream, self.since, self.whole = name, stream, since, whole
        self.seqs, self.texts = array.array("q"), []
        self.times, self.connections = array.array("d"), array.array("q")
        self.resets, self.epochs = [], set()

    def take(self, seq, text, at, connection):
        self.seqs.append(seq)
        self.texts.append(sys.intern(text) if isinstance(text, str) else repr(text))
        self.times.append(at)
        self.connections.append(connection)

    @property
    def last(self):
        return self.seqs[-1] if self.seqs else self.since


class Revocation:
    """Somebody's access ended while they read. `bound`: how many seconds later nothing may reach them.

    `told`: they must be sent away by then. A node that hears of nothing cannot know; it must fall silent all the same.
    """

    def __init__(self, reading, returned_at, bound, told=True):
        self.reading, self.returned_at, self.bound, self.told = reading, returned_at, bound, told
        self.ended_at = None  # when the reader was sent away


class History:
    def __init__(self):
        self.publishes, self.readings, self.revocations = [], [], []
        self.logs = {}  # stream -> texts by seq - 1, when the faults were over
        self.later = {}  # the same, read again some seconds after
        self.epochs = {}  # stream -> the one that it began with
        self.presence = []  # (node, who it says is online, who is)
        self.troubles = []  # (name, sentence): what is no event: a crash, a silent health path
