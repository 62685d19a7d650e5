"""Touchpoints that each move their customer to another stage, at a constant rate, by a journey that is made for that."""

import threading
import time
from random import Random

import msgspec
from confluent_kafka import Producer

from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.journey.units import SECOND
from etapa.settings import Settings
from tests.faults.trials.scene import Wrong
from tests.faults.trials.waits import Waits

_LONG_AGO = 1_704_067_200 * SECOND
_TICK = 0.02
STEPS_JOURNEY = """
journey: there-and-back
version: 1
stages: [{id: here}, {id: there}]
rules:
  - {id: go, from: here, to: there, when: {event: step}}
  - {id: return, from: there, to: here, when: {event: step}}
"""
"""Every touchpoint moves its customer."""


class Steps:
    """Sends touchpoints at a constant rate, in a thread of its own, by the number of partitions that it has noticed.

    A customer takes a step only when the last one has made its change. So there is one right order, by the old layout and the new.
    """

    def __init__(self, settings: Settings, waits: Waits, *, customers: int, rate: float) -> None:
        """`rate`: touchpoints a second."""
        self.values: list[bytes] = []
        self.held_back = 0
        """How often a customer was passed over because a touchpoint of theirs still waited."""
        self._settings = settings
        self._customers = customers
        self._rate = rate
        self._waits = waits
        self._random = Random(19)
        self._producer = Producer(
            {
                "bootstrap.servers": settings.kafka_bootstrap_servers,
                "linger.ms": 5,
                "acks": "all",
                "enable.idempotence": True,
                "log_level": 2,
            }
        )
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="steps", daemon=True)
        self.error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop sending, and wait until everything is confirmed."""
        self._stopped.set()
        self._thread.join()
        if self._producer.flush(30):
            raise Wrong("some touchpoints were not confirmed")

    def _run(self) -> None:
        try:
            began = looked = time.monotonic()
            layout = self._partitions()
            while not self._stopped.wait(_TICK):
                now = time.monotonic()
                if now - looked >= 1:
                    layout, looked = self._partitions(), now
                for _ in range(int((now - began) * self._rate) - len(self.values)):
                    self._step(layout)
                self._producer.poll(0)
        except BaseException as error:
            self.error = error
            raise

    def _partitions(self) -> int:
        topic = self._settings.topic_touchpoints
        return len(self._producer.list_topics(topic, timeout=10).topics[topic].partitions)

    def _step(self, layout: int) -> None:
        customer = self._random.randrange(self._customers)
        while self._waits.is_waiting(customer):
            self.held_back += 1
            if self._stopped.is_set():
                return
            customer = self._random.randrange(self._customers)
        who, name = f"walker-{customer}", f"t{len(self.values)}"
        at = format_time(_LONG_AGO + len(self.values) * 1000)
        value = msgspec.json.encode({"id": name, "customer_id": who, "type": "step", "occurred_at": at})
        self.values.append(value)
        self._waits.sends(name, customer)
        self._producer.produce(self._settings.topic_touchpoints, value, who.encode(), partition_of(who, layout))
