"""How long a test may take, and how long what it waits for."""

import os

#: By how much a machine that is busy with other things may be later than the product promises: the time of a shared machine
#: decides no test. `INDABA_TEST_PATIENCE=1` holds an idle one to every promise.
PATIENCE = float(os.environ.get("INDABA_TEST_PATIENCE", "4"))


def within(seconds):
    """@within(120): an async test's time limit, where 60 s are not enough."""
    def mark(function):
        function.seconds = seconds
        return function
    return mark


def promised(seconds):
    """How long a test waits for what the product promises within `seconds`. Never so long that another mechanism would have
    done it as well: for a time that the product lets pass by itself, `10 + promised(1)`, with patience for what comes after it."""
    return seconds * PATIENCE
