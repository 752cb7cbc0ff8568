"""A team's Celery, as somebody has it beside Indaba: one app, a few tasks. Where Redis is, the environment says."""

import os
import time

from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded

app = Celery("shop", broker=os.environ["SHOP_BROKER"], backend=os.environ["SHOP_BROKER"])
app.conf.update(worker_send_task_events=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True,
                task_routes={"communityhub.*": {"queue": "indaba"}, "test.*": {"queue": "indaba"}})


@app.task
def add(x, y=0):
    return x + y


@app.task
def echo(*args, **kwargs):
    return {"args": args, "kwargs": kwargs}


@app.task
def lookup(name):
    raise KeyError(name)


@app.task(bind=True, max_retries=3)
def flaky(self, times):
    if self.request.retries < times:
        raise self.retry(countdown=0.2, exc=ValueError(f"attempt {self.request.retries}"))
    return self.request.retries


@app.task
def now():
    return time.time()


@app.task
def sleepy(seconds):
    try:
        time.sleep(seconds)
    except SoftTimeLimitExceeded:
        return "asked to stop"
    return "slept"


@app.task(bind=True)
def note(self, value):
    """Says in which order things ran."""
    self.app.backend.client.rpush("shop.notes", value)


@app.task(bind=True, acks_late=True)
def patient(self, seconds):
    """Lets go of its message when it has ended, and not before."""
    self.app.backend.client.rpush("shop.notes", str(self.request.get("redelivered")))
    time.sleep(seconds)
    return "slept"
