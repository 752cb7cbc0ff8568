#!/usr/bin/python3
"""Measures the search of messages through HTTP: a million messages of natural text on SQLite.

The text is made like natural text (a vocabulary after Zipf's law, messages of 3 to 25 words) and written into the database of a server
that does not run, in many small transactions, so that the index has the shape that it has in life. Words are then chosen by how often
they really occur. The data folder is kept where --data names one, and used again.
"""

import argparse
import bisect
import collections
import itertools
import pathlib
import random
import sqlite3
import tempfile
import time
import urllib.parse

from suite.own_server import Server

ROOT = pathlib.Path(__file__).resolve().parents[1]
ORG, VOCABULARY, BATCH = "bench", 50_000, 500
PUBLIC, PRIVATE = 40, 400
INDEX = """INSERT INTO message_index (rowid, body, places)
  SELECT m.id, m.body, 'o' || r.org_id || ' r' || m.room_id || ' u' || m.author_id || ' b' || (m.id / 65536)
  FROM messages m JOIN rooms r ON r.id = m.room_id WHERE m.id > ?"""


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build/release/indaba"))
    parser.add_argument("--data", type=pathlib.Path, help="a folder that is kept")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=1_000, help="of each kind of search")
    return parser.parse_args()


def token_of(server, name):
    return server.command("token", "create", "--user", name, "--ttl", "12h")


def make_world(server):
    for name in ("anna", "ben"):
        server.command("user", "create", name, "--password-stdin", stdin="correct horse battery\n")
    server.command("org", "create", ORG, "--owner", "anna")
    anna = token_of(server, "anna")
    with server:
        server.request("POST", f"orgs/{ORG}/members", anna, {"username": "ben", "role": "member"})
        for n in range(PUBLIC + PRIVATE):
            server.request("POST", f"orgs/{ORG}/rooms", anna, {"slug": f"room{n}", "private": n >= PUBLIC})


def vocabulary(rng):
    syllables = [a + b for a in "bcdfghklmnprstvw" for b in "aeiou"]
    words = set()
    while len(words) < VOCABULARY:
        words.add("".join(rng.choice(syllables) for _ in range(rng.randint(1, 5))))
    return sorted(words, key=lambda word: (len(word) // 5, rng.random()))


def fill(file, messages):
    """A fifth of all in the public rooms; "hidden" stands in a third of what ben may not see, "often" in half of everything."""
    rng = random.Random(1)
    words = vocabulary(rng)
    weights = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(VOCABULARY)))
    database = sqlite3.connect(file)
    database.execute("PRAGMA synchronous = OFF")
    rooms = [row[0] for row in database.execute("SELECT id FROM rooms ORDER BY id")]
    authors = [row[0] for row in database.execute("SELECT id FROM users ORDER BY id")]
    began = int(time.time() * 1000) - messages * 1000
    for first in range(1, messages + 1, BATCH):
        rows = []
        for id in range(first, min(first + BATCH, messages + 1)):
            text = [words[bisect.bisect(weights, rng.random() * weights[-1])] for _ in range(rng.randint(3, 25))]
            public = rng.random() < 0.2
            if rng.random() < 0.5:
                text.insert(rng.randrange(len(text)), "often")
            if not public and rng.random() < 0.33:
                text.insert(rng.randrange(len(text)), "hidden")
            room = rng.choice(rooms[:PUBLIC] if public else rooms[PUBLIC:])
            rows.append((id, room, rng.choice(authors), id, id, " ".join(text), began + id * 1000))
        database.executemany("INSERT INTO messages (id, room_id, author_id, seq, number, body, created_at)"
                             " VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        database.execute(INDEX, (first - 1,))
        database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def words_of(file):
    """Words that stand in about one message of a thousand."""
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    (total,) = database.execute("SELECT count(*) FROM messages").fetchone()
    counts = collections.Counter()
    for (body,) in database.execute("SELECT body FROM messages WHERE id % 10 = 0"):
        counts.update(set(body.split()))
    share = total / 10 / 1000
    found = sorted(word for word, count in counts.items() if share * 0.8 <= count <= share * 1.25)
    sizes = database.execute("SELECT page_count * page_size / 1e6 FROM pragma_page_count, pragma_page_size").fetchone()
    database.close()
    return found, sizes[0]


def measure(server, name, token, queries):
    times, results, empty = [], 0, 0
    for query in queries:
        path = f"orgs/{ORG}/search?" + urllib.parse.urlencode(query)
        began = time.perf_counter()
        page = server.request("GET", path, token)
        times.append((time.perf_counter() - began) * 1000)
        results += len(page["results"])
        empty += not page["results"] and page["next_cursor"] is not None
    times.sort()
    at = [times[min(len(times) - 1, int(len(times) * part))] for part in (0.5, 0.99)]
    print(f"{name:44} {len(times):6} {results / len(times):8.1f} {at[0]:8.2f} {at[1]:8.2f} {times[-1]:8.2f}"
          + (f"   {empty} pages without a result" if empty else ""), flush=True)


def main():
    wanted = options()
    folder = tempfile.TemporaryDirectory(prefix="indaba-search-")
    data = wanted.data or pathlib.Path(folder.name) / "data"
    server = Server(wanted.binary, data)
    file = data / "indaba.db"
    if not file.exists():
        make_world(server)
        began = time.monotonic()
        fill(file, wanted.messages)
        print(f"{wanted.messages} messages written and indexed in {time.monotonic() - began:.0f} s")
    rare, size = words_of(file)
    print(f"database of {size:.0f} MB; {len(rare)} words in one message of a thousand\n")
    rng = random.Random(2)
    anna, ben = token_of(server, "anna"), token_of(server, "ben")

    def pairs(more=()):
        return [{"q": " ".join([rng.choice(rare), *(more or [rng.choice(rare)])])} for _ in range(wanted.requests)]

    def same(**query):
        return [query] * max(20, wanted.requests // 10)

    with server:
        print(f"{'search':44} {'times':>6} {'results':>8} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}")
        measure(server, "to warm up", anna, pairs()[:200])
        measure(server, "two words, each in 1 of 1,000; owner", anna, pairs())
        measure(server, "the same; sees a fifth of the messages", ben, pairs())
        measure(server, "a word in 1 of 1,000", anna, [{"q": rng.choice(rare)} for _ in range(wanted.requests)])
        measure(server, "the same and a word in every 2nd", anna, pairs(["often"]))
        measure(server, "a word in every 2nd; owner", anna, same(q="often"))
        measure(server, "the same; sees a fifth of the messages", ben, same(q="often"))
        measure(server, "the same, in one room", anna, same(q="often in:room300"))
        measure(server, "the same, by one author, 200 results", anna, same(q="often from:ben", limit=200))
        measure(server, "the same, of the oldest days", anna, same(q="often", before=time.strftime(
            "%Y-%m-%d", time.gmtime(time.time() - wanted.messages + 2 * 86_400))))
        measure(server, "a word in every 4th, none for the caller", ben, same(q="hidden"))
        measure(server, "has:reaction alone, there are none", anna, same(q="has:reaction"))
        measure(server, "two common words, never in this order", anna, same(q='"hidden often hidden often"'))
        measure(server, "the beginning of a word, 2 letters", anna, same(q="of*"))
        measure(server, "the beginning of a word, 5 letters", anna, same(q="hidde*"))
        measure(server, "a word that is nowhere", anna, same(q="nowhereatall"))


if __name__ == "__main__":
    main()
