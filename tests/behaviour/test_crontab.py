"""Crontabs mean what they mean to Celery, and what they do when clocks change holds minute by minute."""

import datetime
import os
import pathlib
import subprocess
import zoneinfo

import pytest

from harness.server import BINARY

celery = pytest.importorskip("celery", reason="python3-celery is not installed")
from celery.schedules import crontab  # noqa: E402

TOOL = pathlib.Path(os.environ.get("INDABA_CRONTABTOOL", BINARY.parent / "crontabtool"))
MINUTE = datetime.timedelta(minutes=1)
FIELDS = ((0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, ()), (0, 6, ("sun", "mon", "tue", "wed", "thursday", "Fri", "saturday")))
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/Santiago", "Asia/Tehran",
         "Africa/Johannesburg")

pytestmark = pytest.mark.skipif(not TOOL.exists(), reason=f"{TOOL} is not built (target `crontabtool`)")


def ask(questions):
    """(zone, datetime, text) of each; the next slots, None where the text is refused."""
    lines = "".join(f"{zone} {int(moment.timestamp() * 1000)} {text}\n" for zone, moment, text in questions)
    done = subprocess.run([TOOL], input=lines, capture_output=True, text=True, check=True, timeout=60)
    told = done.stdout.split()
    assert len(told) == len(questions)
    return [None if word == "refused" else datetime.datetime.fromtimestamp(int(word) / 1000, datetime.timezone.utc)
            for word in told]


def random_part(rng, first, last, names):
    def number():
        value = rng.randint(first, last)
        return rng.choice((str(value), names[value])) if names else str(value)

    kind = rng.random()
    if kind < 0.3:
        return number()
    if kind < 0.45:
        return f"*/{rng.randint(1, last)}"
    if kind < 0.5:
        return "*"
    return f"{number()}-{number()}" + (f"/{rng.randint(1, 9)}" if kind > 0.75 else "")


def random_field(rng, first, last, names):
    if rng.random() < 0.35:
        return "*"
    return ",".join(random_part(rng, first, last, names) for _ in range(rng.choice((1, 1, 1, 2, 3))))


def random_text(rng):
    return " ".join(random_field(rng, *field) for field in FIELDS)


def of_celery(text, now=None):
    minute, hour, day, month, weekday = text.split()
    return crontab(minute, hour, weekday, day, month, nowfun=lambda: now)


def next_of_celery(text, after):
    """Of a naive moment. None where Celery refuses it, or finds no day for it."""
    try:
        last, delta, _ = of_celery(text, after).remaining_delta(after)
    except (ValueError, RuntimeError):
        return None
    return (last + delta).replace(tzinfo=datetime.timezone.utc)


def test_the_next_slot_is_celerys(rng, monkeypatch):
    # In UTC, without an application to ask.
    monkeypatch.setattr(crontab, "maybe_make_aware", lambda _, moment: moment)
    monkeypatch.setattr(crontab, "to_local", lambda _, moment: moment)
    questions = []
    for _ in range(10_000):
        moment = datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=rng.randrange(20 * 366 * 86_400))
        questions.append(("UTC", moment.replace(tzinfo=datetime.timezone.utc), random_text(rng)))
    refused = 0
    for (_, moment, text), ours in zip(questions, ask(questions)):
        theirs = next_of_celery(text, moment.replace(tzinfo=None))
        assert ours == theirs, f"\"{text}\" after {moment}"
        refused += ours is None
    assert refused < 1000, "these crontabs say nothing"


@pytest.mark.parametrize("text", [
    "", "*", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 32 * *", "* * 0 * *", "* * * 13 *", "* * * 0 *",
    "-1 * * * *", "a * * * *", "* * * * noday", ", * * * *", "1, * * * *", "*/ * * * *", "*/0 * * * *", "5/2 * * * *",
    "1-2-3 * * * *", "1-60 * * * *", "1-5/ * * * *", "1-5/x * * * *", "** * * * *", "0 0 30 2 *"])
def test_nonsense_is_refused(text):
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    assert ask([("UTC", moment, text)]) == [None]
    assert ask([("Nowhere/Land", moment, "* * * * *")]) == [None]


def changes_of(zone):
    """The hours in which clocks there are changed, for some years."""
    hour = datetime.timedelta(hours=1)
    moment = datetime.datetime(2021, 1, 1, tzinfo=datetime.timezone.utc)
    while moment.year < 2027:
        if moment.astimezone(zone).utcoffset() != (moment + hour).astimezone(zone).utcoffset():
            yield moment
        moment += hour


def slots_around(text, zone, begin, end):
    """All slots of (begin, end], from what is promised and nothing else: minute by minute."""
    fields = of_celery(text)

    def fits(local):
        return (local.minute in fields.minute and local.hour in fields.hour and local.day in fields.day_of_month
                and local.month in fields.month_of_year and local.isoweekday() % 7 in fields.day_of_week)

    slots, shown = set(), set()
    moment = begin - datetime.timedelta(hours=6)
    while moment <= end:
        local, before = moment.astimezone(zone).replace(tzinfo=None), (moment - MINUTE).astimezone(zone).replace(tzinfo=None)
        if len(fields.hour) == 24:
            if fits(local):
                slots.add(moment)
        else:
            if fits(local) and local not in shown:
                slots.add(moment)
            passed_over = before + MINUTE
            while passed_over < local:
                if fits(passed_over):
                    slots.add(moment)
                passed_over += MINUTE
            shown.add(local)
        moment += MINUTE
    return sorted(slot for slot in slots if begin < slot <= end)


@pytest.mark.parametrize("name", ZONES)
def test_no_slot_is_lost_or_doubled_when_clocks_change(name, rng):
    zone = zoneinfo.ZoneInfo(name)
    moments = rng.sample(list(changes_of(zone)), 4) if name != "Africa/Johannesburg" else [
        datetime.datetime(2026, 3, 29, tzinfo=datetime.timezone.utc)]
    for change in moments:
        begin, end = change - datetime.timedelta(hours=3), change + datetime.timedelta(hours=4)
        for _ in range(12):
            text = " ".join([random_field(rng, *FIELDS[0]), random_field(rng, *FIELDS[1]), "*", "*", "*"])
            expected = slots_around(text, zone, begin, end)
            told = ask([(name, begin, text)] + [(name, slot, text) for slot in expected])
            assert told[:-1] == expected, f"\"{text}\" in {name} around {change}"
            assert told[-1] > end
            # From any moment between, too.
            moment = begin + datetime.timedelta(seconds=rng.randrange(7 * 3600))
            later = [slot for slot in expected if slot > moment]
            if later:
                assert ask([(name, moment, text)]) == [later[0]], f"\"{text}\" in {name} after {moment}"
