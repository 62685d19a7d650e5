"""What contestants leave behind, and whether it is right: the stages at the end, and each single change."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import msgspec
from confluent_kafka.admin import AdminClient

from bench.contestants.results import ContestError
from bench.servers.place import BenchPlace, everything_in
from bench.workload.book import Stages


class ChangeSeen(msgspec.Struct, frozen=True):
    """The part of a stage change that all implementations must agree on."""

    customer_id: str
    sequence: int
    to: str
    at: str
    rule: str | None


Changes = Mapping[str, Sequence[ChangeSeen]]
"""By customer, in order."""

SETTLE_SECONDS = 20.0
"""How long changes may be on their way after the last touchpoint is done."""


def changes_in(place: BenchPlace, topic: str) -> Changes:
    """Everything that was committed to a topic of stage changes."""
    decode = msgspec.json.Decoder(ChangeSeen).decode
    found: dict[str, list[ChangeSeen]] = {}
    for value in asyncio.run(everything_in(place.kafka, topic, place.partitions)):
        change = decode(value)
        found.setdefault(change.customer_id, []).append(change)
    return found


def settled_changes(place: BenchPlace, topic: str, count: int) -> Changes:
    """The same, as soon as there are `count` of them, or no more to be expected.

    A contestant whose clock follows some time after the touchpoints publishes what its last timers do when the touchpoints are done.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        changes = changes_in(place, topic)
        if sum(map(len, changes.values())) >= count or time.monotonic() > deadline:
            return changes
        time.sleep(1)


def stages_after(changes: Changes) -> Stages:
    return {customer_id: made[-1].to for customer_id, made in changes.items()}


def must_end_so(name: str, book: Stages, found: Stages) -> None:
    """Raises `ContestError` unless every customer ended in the stage that the book says."""
    different = [customer_id for customer_id in book.keys() | found.keys() if book.get(customer_id) != found.get(customer_id)]
    if different:
        one = min(different)
        raise ContestError(
            f"{name} ended with other stages than it should: {len(different)} of {len(book)} customers, such as {one}:"
            f" {found.get(one)}, not {book.get(one)}"
        )


def must_be_the_same(name: str, ours: Changes, theirs: Changes) -> None:
    """Raises `ContestError` unless each change is the one that Etapa published: same customer, number, stage, time and rule."""
    different = [customer_id for customer_id in ours.keys() | theirs.keys() if ours.get(customer_id) != theirs.get(customer_id)]
    if different:
        one = min(different)
        raise ContestError(
            f"{name} published other changes of {len(different)} customers, such as {one}: {theirs.get(one)}, not {ours.get(one)}"
        )


def delete_outputs(place: BenchPlace, name: str) -> None:
    """Delete the topics of a run, which would fill the disk."""
    admin = AdminClient({"bootstrap.servers": place.kafka})
    topics = [topic for topic in admin.list_topics(timeout=30).topics if topic.startswith(f"{name}-")]
    for deleted in admin.delete_topics(topics).values() if topics else ():
        deleted.result(30)
