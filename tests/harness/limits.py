"""How long a test may take."""


def within(seconds):
    """@within(120): an async test's time limit, where 60 s are not enough."""
    def mark(function):
        function.seconds = seconds
        return function
    return mark
