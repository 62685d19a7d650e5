"""What a batch consists of: touchpoints waiting to be judged, and the records and customers that result."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, final

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.forget_request import read_request
from etapa.contracts.incoming.rejected import Rejected, from_the_past, rejected
from etapa.contracts.outgoing.campaign_outcome import encode_campaign_outcome
from etapa.contracts.outgoing.customer_moved import encode_customer_moved
from etapa.contracts.outgoing.dead_letter import encode_dead_letter
from etapa.contracts.stored.forwarding import NO_STAGE, ForwardingAddress, encode_forwarding, is_placeholder
from etapa.contracts.stored.in_common import NOTHING_IN_COMMON, InCommon
from etapa.contracts.stored.transfer import TopicLayout
from etapa.contracts.stored.written_states import WrittenStates, write_states
from etapa.journey.engine.facts.change_counts import Move
from etapa.journey.engine.facts.changes import CampaignOutcome
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import BEGINNING_OF_TIME
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.model import Journey
from etapa.stream.protocol.records import Applied, Outgoing, Record, is_request
from etapa.stream.protocol.records_in_batches import Records, RecordsInBatches
from etapa.stream.protocol.stored_customers import ShownCustomers, StateRecords
from etapa.stream.protocol.waiting import Item, Waiting

if TYPE_CHECKING:
    from etapa.contracts.incoming.touchpoint_rows import TouchpointRows

Pause = Callable[[], Awaitable[object]]
"""Gives other tasks a turn. Awaited every few milliseconds of work."""


PAUSE_BYTES: Final = 128 * 1024
"""Bytes after which decoding pauses, however few records they are. The worst possible input then takes 15 ms, not half a second."""


async def decode(
    records: Records,
    decoder: Decoder,
    wall: int,
    pause_every: int,
    pause: Pause,
    earliest: int = BEGINNING_OF_TIME,
    *,
    in_rows: bool = False,
) -> Waiting:
    """Decode records into touchpoints. `wall` is the wall clock in microseconds.

    "Too far in the future" is measured from the record's timestamp if that is later: our clock may be slow, and a record that
    is here was sent before now. If the topic stamps on append, the timestamp is the broker's. Touchpoints before `earliest` are rejected.
    `in_rows`: touchpoints may wait as rows, where the core is compiled.
    """
    items: list[Item | None] = []
    rows = decoder.rows(len(records)) if in_rows else None
    in_place = records if rows is not None and isinstance(records, RecordsInBatches) else None
    whole = [] if in_place is not None else records if isinstance(records, list) else list(records)
    while len(items) < len(records):
        if rows is not None and in_place is not None:
            _decode_in_place(in_place, items, rows, decoder, wall, pause_every, earliest)
        else:
            _decode_some(whole, items, rows, decoder, wall, pause_every, earliest)
        await pause()
    return Waiting(whole if in_place is None else in_place, items, rows)


def _decode_some(
    records: list[Record],
    items: list[Item | None],
    rows: "TouchpointRows | None",
    decoder: Decoder,
    wall: int,
    most: int,
    earliest: int,
) -> None:
    """Decode the next records, until there are `most` of them or they add up to `PAUSE_BYTES`."""
    size = 0
    # As one object for all records: from a whole number, compiled code would make one for each.
    usual_latest: Any = wall + decoder.max_ahead
    bounded_by: Any = earliest
    for position in range(len(items), min(len(items) + most, len(records))):
        record = records[position]
        if rows is None:
            items.append(_item_in(record, decoder, wall, earliest))
        else:  # only compiled
            is_usual = record.cut is None and not record.headers and record.timestamp <= wall
            if is_usual and decoder.add_row(rows, record.key, record.value, usual_latest, bounded_by):
                items.append(None)
            else:
                rows.leave_out()
                items.append(_item_in(record, decoder, wall, earliest))
        size += record.size()
        if size >= PAUSE_BYTES:
            return


def _decode_in_place(  # only compiled
    records: RecordsInBatches,
    items: list[Item | None],
    rows: "TouchpointRows",
    decoder: Decoder,
    wall: int,
    most: int,
    earliest: int,
) -> None:
    """The same for records that are left in their batches."""
    size = count = 0
    while count < most and size < PAUSE_BYTES and len(items) < len(records):
        stretch, number = records.at(len(items))
        batch, added = stretch.batch, 0
        if batch is not None:
            stop = batch.until_request(number, min(stretch.stop, number + most - count))
            added = decoder.add_rows(rows, batch.content, batch.places, number, stop, wall, earliest, PAUSE_BYTES - size)
            size += batch.size(number, number + added)
        items += [None] * added
        if not added:
            record = stretch.record(number)
            rows.leave_out()
            items.append(_item_in(record, decoder, wall, earliest))
            size += record.size()
            added = 1
        count += added


def _item_in(record: Record, decoder: Decoder, wall: int, earliest: int) -> Item:
    """What a record holds, as an object."""
    cut = record.cut
    if cut is not None and "value" in cut.parts:
        return rejected("too_large", f"more than {decoder.max_bytes} bytes")
    if record.headers and is_request(record.headers):
        return read_request(record.key, record.value, record.headers)
    now = max(wall, record.timestamp)
    item = decoder.decode(record.key, record.value, record.headers, now, now + decoder.max_ahead)
    return from_the_past(earliest) if isinstance(item, Touchpoint) and item.at < earliest else item


@final
class Encoded:
    """The results of judging, encoded for the log and for the view."""

    __slots__ = ("_portions", "applied", "campaign_outcomes", "states")

    def __init__(self) -> None:
        self.campaign_outcomes: Final[list[Outgoing]] = []
        self._portions: Final[list[WrittenStates]] = []
        self.states: Final = StateRecords(self._portions, [])
        self.applied: Final = ShownCustomers(self._portions, [])

    def add_outcomes(self, outcomes: Sequence[CampaignOutcome], journey: str, version: int) -> None:
        """Add the outcomes of campaigns' goals."""
        for outcome in outcomes:
            self.campaign_outcomes.append(Outgoing(*encode_campaign_outcome(outcome, journey, version)))

    def add_customers(self, customers: list[Customer], start: int, stop: int, common: InCommon) -> None:
        """Add customers as they are now: those from `start` to before `stop`. All of them come before whatever else is added."""
        self._portions.append(write_states(customers, start, stop, common))

    def add_erased(self, customer_ids: Iterable[str]) -> None:
        """Add tombstones of customers who were forgotten."""
        for customer_id in customer_ids:
            self.states.append(Outgoing(customer_id.encode(), None))
            self.applied.append(Applied(customer_id, "", None, None))


async def encode(
    changed: Mapping[str, Customer],
    journey: str,
    version: int,
    pause_every: int,
    pause: Pause,
    common: InCommon = NOTHING_IN_COMMON,
    outcomes: Sequence[CampaignOutcome] = (),
    erased: Iterable[str] = (),
) -> Encoded:
    """Encode outcomes of goals, and customers.

    Nothing may change the customers before this is done. `common` is what the mark of the batch says.
    """
    encoded = Encoded()
    for start in range(0, len(outcomes), pause_every):
        encoded.add_outcomes(outcomes[start : start + pause_every], journey, version)
        await pause()
    customers = list(changed.values())
    for start in range(0, len(customers), pause_every):
        encoded.add_customers(customers, start, min(start + pause_every, len(customers)), common)
        await pause()
    encoded.add_erased(erased)
    return encoded


def dead_letters(unusable: Sequence[tuple[Record, Rejected]], topic: str, partition: int) -> list[Outgoing]:
    """The dead letters for records that could not be used: the originals, with the reason."""
    return [
        Outgoing(*encode_dead_letter(record.key, record.value, record.headers, reason, topic, partition, record.offset, record.cut))
        for record, reason in unusable
    ]


def customer_moved(customer_id: str, address: ForwardingAddress, journey: Journey, generation: int) -> Outgoing:
    """The control record for `stage-changes` that says where the customer's changes go on."""
    kept_as = address.customer_id or customer_id
    return Outgoing(*encode_customer_moved(customer_id, address.sequence, address.place, kept_as, journey.id, journey.version, generation))


def stage_deltas(moves: Mapping[Move, int], in_silence: Sequence[tuple[str, str]] = (), left: Sequence[str] = ()) -> dict[str, int]:
    """By how many customers each stage grew or shrank; unchanged stages are left out.

    `in_silence`: moves that were not published, as (from, to); those between partitions are from or to no stage.
    `left`: the stages of customers who were forgotten.
    """
    deltas: dict[str, int] = {}
    for source, to in in_silence:
        deltas[to] = deltas.get(to, 0) + 1
        deltas[source] = deltas.get(source, 0) - 1
    for stage in left:
        deltas[stage] = deltas.get(stage, 0) - 1
    for (source_or_none, to, _), number in moves.items():
        deltas[to] = deltas.get(to, 0) + number
        if source_or_none is not None:
            deltas[source_or_none] = deltas.get(source_or_none, 0) - number
    return {stage: delta for stage, delta in deltas.items() if delta and stage != NO_STAGE}


def leave_addresses(
    left: Mapping[str, ForwardingAddress], journey: Journey, encoded: Encoded, layout: TopicLayout | None
) -> list[Outgoing]:
    """Write the addresses of those who left in place of their states. Returns what is said of it in `stage-changes`."""
    for customer_id, address in left.items():
        value = encode_forwarding(address)
        encoded.states.append(Outgoing(customer_id.encode(), value))
        encoded.applied.append(Applied(customer_id, NO_STAGE, None, value))
    generation = 0 if layout is None else layout.generation
    return [
        customer_moved(customer_id, address, journey, generation)
        for customer_id, address in left.items()
        if address.sequence and not is_placeholder(customer_id, address)
    ]
