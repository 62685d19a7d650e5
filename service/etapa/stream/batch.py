"""What a batch is made of: touchpoints that wait to be judged, and the records and customers that come out of judging them."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

import msgspec

from etapa.contracts.campaign_trigger import encode_campaign_trigger
from etapa.contracts.dead_letter import encode_dead_letter
from etapa.contracts.rejected import Rejected
from etapa.contracts.stage_change import encode_stage_change
from etapa.contracts.state import NO_MEMORIES, Memories, encode_state
from etapa.contracts.touchpoint import TouchpointLimits, decode_touchpoint
from etapa.journey.engine.campaigns import triggers_of
from etapa.journey.engine.customer import Customer
from etapa.journey.engine.touchpoint import StageChange, Touchpoint
from etapa.stream.ports import Applied, Outgoing, Record

Pause = Callable[[], Awaitable[object]]
"""Lets others run. Awaited every few milliseconds of work."""


class Waiting(msgspec.Struct, frozen=True):
    """Records that were read and not yet judged, and beside each what it holds."""

    records: Sequence[Record] = ()
    items: Sequence[Touchpoint | Rejected] = ()

    def without_first(self, count: int) -> "Waiting":
        """What is left when the first `count` have been dealt with."""
        return NOTHING_WAITING if count == len(self.records) else Waiting(self.records[count:], self.items[count:])

    def with_rejected(self, position: int, reason: Rejected) -> "Waiting":
        """The same, but that what is at `position` cannot be used."""
        return Waiting(self.records, [*self.items[:position], reason, *self.items[position + 1 :]])


NOTHING_WAITING = Waiting()


PAUSE_BYTES = 128 * 1024
"""Bytes after which reading pauses, however few records they are. The worst that anybody can write takes 15 ms then, not half a second."""


async def decode(records: Sequence[Record], limits: TouchpointLimits, wall: int, pause_every: int, pause: Pause) -> Waiting:
    """Read touchpoints out of records. `wall` is the wall clock in microseconds."""
    items: list[Touchpoint | Rejected] = []
    for start in range(0, len(records), pause_every):
        for some in _portions(records[start : start + pause_every]):
            items += [decode_touchpoint(record.key, record.value, limits, wall) for record in some]
            await pause()
    return Waiting(records, items)


def _portions(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """The records in order, cut wherever `PAUSE_BYTES` have come together."""
    sizes = [len(record.value) if record.value else 0 for record in records]
    if sum(sizes) <= PAUSE_BYTES:
        yield records
        return
    first = size = 0
    for position, one in enumerate(sizes, start=1):
        size += one
        if size >= PAUSE_BYTES:
            yield records[first:position]
            first, size = position, 0
    if first < len(records):
        yield records[first:]


class Encoded(msgspec.Struct, frozen=True):
    """What judging came to, ready for the log and for the view."""

    stage_changes: Sequence[Outgoing]
    campaign_triggers: Sequence[Outgoing]
    states: Sequence[tuple[bytes, bytes]]
    applied: Sequence[Applied]


async def encode(
    changes: Sequence[StageChange],
    changed: Mapping[str, Customer],
    journey: str,
    version: int,
    pause_every: int,
    pause: Pause,
    memories: Memories = NO_MEMORIES,
) -> Encoded:
    """Encode stage changes with what campaigns made of them, and customers. Nothing may change the customers before this is done.

    `memories`: what the mark of the batch says of them.
    """
    stage_changes: list[Outgoing] = []
    campaign_triggers: list[Outgoing] = []
    for start in range(0, len(changes), pause_every):
        some = changes[start : start + pause_every]
        stage_changes += [Outgoing(*encode_stage_change(change, journey, version)) for change in some]
        campaign_triggers += [Outgoing(*encode_campaign_trigger(trigger, journey, version)) for trigger in triggers_of(some)]
        await pause()
    states: list[tuple[bytes, bytes]] = []
    applied: list[Applied] = []
    for count, (customer_id, customer) in enumerate(changed.items(), start=1):
        state = encode_state(customer, memories)
        states.append((customer_id.encode(), state))
        applied.append(Applied(customer_id, customer.stage, customer.due, state))
        if count % pause_every == 0:
            await pause()
    return Encoded(stage_changes, campaign_triggers, states, applied)


def dead_letters(unusable: Sequence[tuple[Record, Rejected]], topic: str, partition: int) -> list[Outgoing]:
    """The dead letters for records that could not be used: the originals, with the reason beside them."""
    return [
        Outgoing(*encode_dead_letter(record.key, record.value, record.headers, reason, topic, partition, record.offset))
        for record, reason in unusable
    ]


def stage_deltas(changes: Sequence[StageChange]) -> dict[str, int]:
    """By how many customers each stage grew or shrank; stages that did neither are left out."""
    deltas: Counter[str] = Counter()
    for change in changes:
        deltas[change.to] += 1
        if change.source is not None:
            deltas[change.source] -= 1
    return {stage: delta for stage, delta in deltas.items() if delta}
