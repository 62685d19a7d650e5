"""What contestants leave behind, and whether it is right: the stages at the end, and each single change."""

import asyncio
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


def changes_in(place: BenchPlace, topic: str) -> Changes:
    """Everything that was committed to a topic of stage changes."""
    decode = msgspec.json.Decoder(ChangeSeen).decode
    found: dict[str, list[ChangeSeen]] = {}
    for value in asyncio.run(everything_in(place.kafka, topic, place.partitions)):
        change = decode(value)
        found.setdefault(change.customer_id, []).append(change)
    return found


def stages_after(changes: Changes) -> Stages:
    return {customer_id: made[-1].to for customer_id, made in changes.items()}


def must_end_so(name: str, book: Stages, found: Stages) -> None:
    """Raises `ContestError` unless every customer ended in the stage that the book says."""
    if book != found:
        different = sum(found.get(customer_id) != stage for customer_id, stage in book.items())
        raise ContestError(f"{name} ended with other stages than it should: {different} of {len(book)} customers, {len(found)} found")


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
