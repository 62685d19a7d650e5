"""Customers as they are stored: made-up touchpoints, through the core, into states.

A million customers with ten touchpoints each take the core minutes, so fewer are made, and each of them stands for several, under
ids of their own. States do not hold the id, so theirs are of the same size as if each had been made by itself.
"""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.workload.book import decoded, shipped_program
from bench.workload.touchpoints import made_up
from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.state import encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.partition import Partition
from etapa.journey.units import DAY
from etapa.stream.protocol.records import Applied

HISTORY = 180 * DAY


class Population(NamedTuple):
    """Different customers, and what the marks would say of the versions that they have seen."""

    customers: Sequence[Customer]
    common: InCommon
    touchpoints: int

    @property
    def touchpoints_each(self) -> float:
        return self.touchpoints / len(self.customers)

    def states(self) -> list[bytes]:
        return [encode_state(customer, self.common) for customer in self.customers]

    def many(self, count: int) -> Iterator[Applied]:
        """As many customers as `count`, with ids of nine characters."""
        stored = [(customer.stage, customer.due, state) for customer, state in zip(self.customers, self.states(), strict=True)]
        for number in range(count):
            yield Applied(f"c-{number:07}", *stored[number % len(stored)])

    def by_partition(self, count: int, partitions: int) -> list[list[Applied]]:
        """The same, as Kafka would share them out."""
        halls: list[list[Applied]] = [[] for _ in range(partitions)]
        for one in self.many(count):
            halls[partition_of(one.customer_id, partitions)].append(one)
        return halls


def populate(customers: int, touchpoints_each: int) -> Population:
    """Half a year of a shop with so many customers, up to yesterday. Some of them never come, so there are a few less."""
    program = shipped_program()
    end = time.time_ns() // 1000 - DAY
    partition = Partition(program, None)
    for touchpoint in decoded(made_up(customers * touchpoints_each, customers, end - HISTORY, end)):
        for new in partition.missing([touchpoint.customer_id]):
            partition.admit(new, None)
        partition.take(touchpoint, end + DAY)
    partition.advance(end)
    work = partition.collect()
    return Population(
        list(work.changed.values()), InCommon().with_version(program.version, program.known, program.names), work.applied + work.duplicates
    )
