"""What `etapa repartition` does: announces a layout through `transfers`, adds partitions once every place follows it, and tells how far it is.

Everything that it knows it reads from the log: the places' marks, and what was announced to them. So it can be interrupted anywhere, and
run again. The steps are in docs/moving-customers.md.
"""

import asyncio
from collections.abc import Sequence
from typing import Self

import msgspec

from etapa.contracts.stored.mark import Mark
from etapa.contracts.stored.transfer import ANNOUNCER, LayoutAnnounced, TopicLayout, Transfer, decode_transfer, encode_transfer
from etapa.errors import EtapaError
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.errors import log_errors
from etapa.stream.kafka.reading.state_topic import StateTopic
from etapa.stream.kafka.reading.topic_reader import TopicReader
from etapa.stream.protocol.takeover import last_mark


class CannotRepartition(EtapaError):
    """The request cannot be carried out as things are; the message says why, and what would be right."""


class PlaceNow(msgspec.Struct, frozen=True):
    """How far one partition is. Counts are those since it adopted the layout."""

    partition: int
    layout: TopicLayout | None
    """What it follows."""
    left: int = 0
    to_leave: int = 0
    """About how many have to leave in all; once it has finished, those who did. Estimates count people with several ids, who stay."""
    arrived: int = 0
    has_finished: bool = False
    """Whether nobody has to leave it any more."""
    knows_all: bool = False
    """Whether it has heard that from all others, too."""


class MovesNow(msgspec.Struct, frozen=True):
    """The layout that was announced last, and where each partition is."""

    layout: TopicLayout | None
    """None if none ever was."""
    per_second: float | None
    """The pace at each place, as announced last."""
    revision: int
    """That of the last announcement."""
    places: Sequence[PlaceNow]

    @property
    def adopted(self) -> bool:
        """Whether every partition follows the layout."""
        return all(place.layout == self.layout for place in self.places)

    @property
    def finished(self) -> bool:
        """Whether everybody is at home, and every partition knows it."""
        if self.layout is None:
            return True
        return len(self.places) >= self.layout.partitions and self.adopted and all(place.knows_all for place in self.places)


class MovesReader:
    """Reads how far customers' moves are; used with `async with`. It keeps its connections from one look to the next."""

    def __init__(self, cluster: Cluster) -> None:
        settings = cluster.settings
        self._cluster = cluster
        self._states = TopicReader(cluster, settings.topic_customer_state)
        self._transfers = TopicReader(cluster, settings.topic_transfers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._states.__aexit__()
        await self._transfers.__aexit__()

    async def now(self, partitions: int, transfers: int = 0) -> MovesNow:
        """Read the marks of so many partitions; and what so many partitions of `transfers` hold beyond them.

        Without the latter a layout is not seen before the first place follows it. Raises `LogError`, `MarkError` and `TransferError`.
        """
        marks = [await self._mark_of(partition) for partition in range(partitions)]
        moving = [None if mark is None else mark.moving for mark in marks]
        known = [LayoutAnnounced(one.layout, one.per_second, one.revision) for one in moving if one is not None and one.layout is not None]
        for partition in range(transfers):
            done = moving[partition] if partition < partitions else None
            known += await self._announced(partition, 0 if done is None else done.next_transfer)
        last = max(known, key=lambda one: (one.layout.generation, one.revision), default=None)
        layout = None if last is None else last.layout
        places = [place_now(partition, mark, layout) for partition, mark in enumerate(marks)]
        return MovesNow(layout, None if last is None else last.per_second, 0 if last is None else last.revision, places)

    async def _mark_of(self, partition: int) -> Mark | None:
        states = StateTopic(self._cluster, partition, self._states)
        last = await last_mark(states, *await states.state_range())
        return None if last is None else last.mark

    async def _announced(self, partition: int, start: int) -> list[LayoutAnnounced]:
        first, end = await self._transfers.range_of(partition)
        found = []
        async for records in self._transfers.between(partition, max(start, first), end):
            for record in records:
                sent = decode_transfer(record.value).sent
                if isinstance(sent, LayoutAnnounced):
                    found.append(sent)
        return found


def place_now(partition: int, mark: Mark | None, layout: TopicLayout | None) -> PlaceNow:
    """How far a partition with this mark is on the way to a layout."""
    moving = None if mark is None else mark.moving
    if moving is None or layout is None or moving.layout != layout:
        return PlaceNow(partition, None if moving is None else moving.layout)
    taking_part = max(layout.partitions, layout.before)
    ended = set(moving.ended)
    # Nobody is at home in partitions of neither layout; nobody tells them anything.
    knows_all = partition in ended and (partition >= taking_part or ended >= set(range(taking_part)))
    has_finished = partition in ended
    to_leave = moving.left if has_finished else moving.to_leave or 0
    return PlaceNow(partition, layout, moving.left, to_leave, moving.arrived, has_finished, knows_all)


def layout_for(now: MovesNow, to: int, partitions: int) -> TopicLayout:
    """The layout with which `to` partitions are reached: a new one, or the one under way. Raises `CannotRepartition`."""
    layout = now.layout
    current = partitions if layout is None else layout.partitions
    if not now.finished and layout is not None:
        if layout.partitions == to:
            return layout
        raise CannotRepartition(
            f"customers are still moving from {layout.before} to {layout.partitions} partitions: let that finish first"
            f" (`etapa repartition --to {layout.partitions}`)"
        )
    if current == to:
        raise CannotRepartition(f"customers are laid out over {to} partitions already")
    return TopicLayout(1 if layout is None else layout.generation + 1, to, current)


async def announce(cluster: Cluster, announced: LayoutAnnounced, partitions: int, transfers: int) -> None:
    """Tell every place of a layout, or of another pace: first those that do not exist yet, which must hear of nothing before it.

    Raises `LogError`.
    """
    value = encode_transfer(Transfer(sender=ANNOUNCER, number=0, sent=announced))
    topic = cluster.settings.topic_transfers
    with log_errors(f"announcing to {topic}"):
        async with asyncio.timeout(cluster.session_seconds):
            # One that comes twice changes nothing.
            producer = cluster.producer(f"etapa-{cluster.settings.group}-repartition", acks="all")
            try:
                await producer.start()
                for partition in (*range(partitions, transfers), *range(min(partitions, transfers))):
                    await producer.send_and_wait(topic, value, partition=partition)
            finally:
                await producer.stop()
