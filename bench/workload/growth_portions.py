"""Touchpoints of however many customers, cheaply made: one after the other in stream time, a millisecond apart."""

import random
from collections.abc import Iterable, Iterator

from bench.workload.touchpoints import CHANNELS, TYPES, KeyAndValue
from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.journey.units import DAY, SECOND

STEP = SECOND // 1000


class PortionedShop:
    """Gives portions of touchpoints. Each begins where the one before ended, by the time they occurred."""

    def __init__(self, start: int) -> None:
        self._rnd = random.Random(20)
        self._at = start
        self._number = 0

    def everyone(self, customers: Iterable[int], kind: str | None = None) -> Iterator[KeyAndValue]:
        """A touchpoint of each of these customers, in this order: of `kind`, or of what a shop sees."""
        for customer in customers:
            self._at += STEP
            yield self._touchpoint(f"c-{customer:07}", kind or self._rnd.choices(_KINDS, _WEIGHTS)[0], self._at)

    def anyone(self, count: int, customers: int) -> Iterator[KeyAndValue]:
        """So many touchpoints, each of one of so many customers."""
        return self.everyone(self._rnd.randrange(customers) for _ in range(count))

    def half_from_one(self, count: int, customers: int) -> Iterator[KeyAndValue]:
        """As `anyone`, but every other touchpoint is of the same customer."""
        return self.everyone(0 if number % 2 else self._rnd.randrange(customers) for number in range(count))

    def in_one_second(self, customers: Iterable[int], kind: str) -> Iterator[KeyAndValue]:
        """A touchpoint of each of these customers, all at the same time."""
        at = self._at
        for customer in customers:
            yield self._touchpoint(f"c-{customer:07}", kind, at)

    def after(self, time: int, partitions: int) -> Iterator[KeyAndValue]:
        """One touchpoint in every partition, so much later."""
        self._at += time
        waiting = set(range(partitions))
        for number in range(100 * partitions):
            customer_id = f"late-{number}"
            if (partition := partition_of(customer_id, partitions)) in waiting:
                waiting.remove(partition)
                yield self._touchpoint(customer_id, "page_view", self._at)

    def _touchpoint(self, customer_id: str, kind: str, at: int) -> KeyAndValue:
        self._number += 1
        number = self._number
        value = (
            f'{{"id":"{number * 2654435761 % 2**64:016x}-{number}","customer_id":"{customer_id}","type":"{kind}","occurred_at":'
            f'"{format_time(at)}","channel":"{CHANNELS[number % 5]}","properties":{{"url":"https://shop.example/catalogue/sku-{number % 5000:05}",'
            f'"referrer":"https://search.example/","product":"sku-{number % 5000:05}","amount":{number % 200}.5,"rating":{number % 5 + 1}}}}}'
        )
        return KeyAndValue(customer_id.encode(), value.encode())


_KINDS, _WEIGHTS = list(TYPES), list(TYPES.values())

IN_STAGE = 7 * DAY
"""The shipped journey's rule `starts-to-use`: so long after a purchase a customer moves on by the clock."""
