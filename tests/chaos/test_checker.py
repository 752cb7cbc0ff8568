"""The checker can fail: in a history that is well it finds nothing, and each planted mistake has its name."""

import pytest

from chaos.checker import KEPT, check
from chaos.history import ACKED, REJECTED, History, Publish, Reading, Revocation, text_of

STREAM, OTHER = "orgs/acme/topics/a", "orgs/other/topics/b"


class Planted:
    """Ten events of one publisher, one after the other, read whole by two readers."""

    def __init__(self):
        self.history = History()
        self.texts = [text_of(STREAM, "p", n) for n in range(1, 11)]
        for n, text in enumerate(self.texts, 1):
            publish = Publish(STREAM, "p", text, began=float(n))
            publish.ack(n, at=n + 0.5)
            self.history.publishes.append(publish)
        self.history.logs = {STREAM: list(self.texts), OTHER: []}
        self.history.epochs = {STREAM: "e", OTHER: "f"}
        self.readers = [self.reader(f"r{n}", range(1, 11)) for n in range(2)]

    def reader(self, name, seqs, since=0, whole=True):
        reading = Reading(name, STREAM, since, whole)
        reading.epochs.add("e")
        for seq in seqs:
            reading.take(seq, self.texts[seq - 1], at=seq + 0.6, connection=1)
        self.history.readings.append(reading)
        return reading

    def publish(self, name, number, outcome, acks=(), began=20.0):
        publish = Publish(STREAM, name, text_of(STREAM, name, number), began)
        publish.outcome, publish.acks, publish.ended = outcome, list(acks), began + 0.5
        self.history.publishes.append(publish)
        return publish

    def names(self):
        return set(check(self.history).counts)


@pytest.fixture
def planted():
    return Planted()


def test_a_run_in_which_all_is_well_has_no_anomaly(planted):
    planted.publish("q", 1, REJECTED)
    planted.reader("from the middle", range(6, 11), since=5)
    planted.reader("went early", range(1, 4), whole=False)
    planted.history.presence.append(("node 0", {"anna"}, {"anna"}))
    assert planted.names() == set(), str(check(planted.history))


def test_an_unknown_publish_may_be_there_once_or_not_at_all(planted):
    planted.publish("q", 1, "unknown")
    there = planted.publish("q", 2, "unknown")
    planted.history.logs[STREAM].append(there.text)
    for reader in planted.readers:
        reader.take(11, there.text, 11.0, 1)
    assert planted.names() == set()


def test_a_lost_event(planted):
    planted.publish("q", 1, ACKED, acks=[11])
    assert planted.names() == {"lost-write"}


def test_an_event_at_another_place_than_was_said(planted):
    planted.history.publishes[4].acks = [4]
    assert planted.names() >= {"inconsistent-offset"}


def test_two_answers_to_one_key(planted):
    planted.history.publishes[4].acks = [5, 6]
    assert planted.names() == {"inconsistent-offset"}


def test_an_event_twice_in_the_log(planted):
    planted.history.logs[STREAM].append(planted.texts[0])
    for reader in planted.readers:
        reader.take(11, planted.texts[0], 11.0, 1)
    assert planted.names() == {"duplicate"}


def test_a_refused_event_in_the_log(planted):
    refused = planted.publish("q", 1, REJECTED)
    planted.history.logs[STREAM].append(refused.text)
    planted.readers[0].take(11, refused.text, 11.0, 1)
    assert planted.names() == {"aborted-read", "unseen"}


def test_an_event_that_nobody_sent(planted):
    ghost = text_of(STREAM, "ghost", 1)
    planted.readers[0].take(11, ghost, 11.0, 1)
    assert planted.names() == {"phantom-read"}


def test_an_event_that_appears_when_all_have_stopped(planted):
    late = planted.publish("q", 1, "unknown")
    planted.history.later = {STREAM: [*planted.texts, late.text]}
    assert planted.names() == {"late-write"}


def test_a_log_that_changes(planted):
    planted.history.later = {STREAM: [*planted.texts[:8], planted.texts[9], planted.texts[8]]}
    assert planted.names() == {"inconsistent-read"}


def test_a_publisher_whose_order_is_turned(planted):
    one, two = planted.publish("q", 1, ACKED, [12], began=20.0), planted.publish("q", 2, ACKED, [11], began=21.0)
    planted.history.logs[STREAM] += [two.text, one.text]
    for reader in planted.readers:
        reader.take(11, two.text, 22.0, 1)
        reader.take(12, one.text, 22.0, 1)
    assert planted.names() == {"nonmonotonic-send"}


def test_racing_publishes_may_come_in_any_order(planted):
    one, two = planted.publish("q", 1, ACKED, [12], began=20.0), planted.publish("q", 2, ACKED, [11], began=20.1)
    planted.history.logs[STREAM] += [two.text, one.text]
    for reader in planted.readers:
        reader.take(11, two.text, 22.0, 1)
        reader.take(12, one.text, 22.0, 1)
    assert planted.names() == set()


def test_a_gap(planted):
    planted.reader("skips", [1, 2, 4, 5, 6, 7, 8, 9, 10])
    assert planted.names() == {"poll-skip"}


def test_a_gap_at_the_beginning(planted):
    planted.reader("skips", range(7, 11), since=5)
    assert planted.names() == {"poll-skip"}


def test_a_repeat(planted):
    planted.reader("repeats", [1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    assert planted.names() == {"nonmonotonic-poll"}


def test_a_reorder(planted):
    planted.reader("reorders", [1, 2, 4, 3, 5, 6, 7, 8, 9, 10])
    assert planted.names() == {"poll-skip", "nonmonotonic-poll"}


def test_a_reader_that_stays_behind(planted):
    planted.reader("stays behind", range(1, 9))
    assert planted.names() == {"unseen"}


def test_another_content_for_one_place(planted):
    reading = planted.reader("differs", range(1, 10))
    reading.take(10, planted.texts[3], 11.0, 1)
    assert planted.names() == {"inconsistent-read"}


def test_an_event_of_another_organisation(planted):
    reading = planted.reader("leaks", range(1, 10))
    reading.take(10, text_of(OTHER, "p", 1), 11.0, 1)
    assert planted.names() == {"cross-tenant-read"}


def test_a_reset_that_nothing_called_for(planted):
    planted.readers[0].resets.append("ahead")
    assert planted.names() == {"reset"}


def test_another_epoch(planted):
    planted.readers[0].epochs.add("e2")
    assert planted.names() == {"reset"}


def revoked(planted, ended_at, bound=1.0, seqs=range(1, 6), returned_at=6.0):
    reading = planted.reader("revoked", seqs, whole=False)
    revocation = Revocation(reading, returned_at, bound)
    revocation.ended_at = ended_at
    planted.history.revocations.append(revocation)
    return reading


def test_who_is_sent_away_in_time_is_well(planted):
    revoked(planted, ended_at=6.4)
    assert planted.names() == set()


def test_an_event_after_the_revocation(planted):
    revoked(planted, ended_at=6.4, seqs=range(1, 9))
    assert planted.names() == {"read-after-revocation"}


def test_an_old_event_that_comes_late_is_none_of_those(planted):
    reading = revoked(planted, ended_at=6.4)
    reading.take(6, planted.texts[5], 30.0, 1)  # sent at 6, before the access ended
    assert planted.names() == set()


@pytest.mark.parametrize("ended_at", [None, 7.5])
def test_a_revocation_that_is_late(planted, ended_at):
    revoked(planted, ended_at)
    assert planted.names() == {"late-revocation"}


def test_a_node_that_cannot_know_must_fall_silent(planted):
    revoked(planted, ended_at=None)
    planted.history.revocations[0].told = False
    assert planted.names() == set()
    planted.history.readings[-1].take(6, planted.texts[5], 8.0, 1)
    planted.history.readings[-1].take(7, planted.texts[6], 8.0, 1)
    planted.history.readings[-1].take(8, planted.texts[7], 8.5, 1)
    assert planted.names() == {"read-after-revocation"}


def test_nodes_that_do_not_agree_who_is_there(planted):
    planted.history.presence.append(("node 1", {"anna", "ghost"}, {"anna"}))
    assert planted.names() == {"presence-split"}


def test_what_is_no_event_has_its_own_name(planted):
    planted.history.troubles.append(("crash", "node 1 ended with -11"))
    assert planted.names() == {"crash"}


def test_many_of_one_kind_are_counted_and_few_are_shown(planted):
    planted.reader("repeats", [1] * (KEPT + 31))
    found = check(planted.history)
    assert found.counts["nonmonotonic-poll"] == KEPT + 30
    assert len([anomaly for anomaly in found.kept if anomaly.name == "nonmonotonic-poll"]) == KEPT
    assert f"nonmonotonic-poll: {KEPT + 30} in all" in str(found)
