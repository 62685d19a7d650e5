"""Checks a finished run against what must be true of it, whatever happened on the way.

The reference is the record-by-record run of the same touchpoints through the core. It takes only one thing from the live
run: the stream time that each mark names, because the wall clock moved it. If no touchpoint is later than the journey's
grace, it does not need even that, and the result must be what each customer's own touchpoints give.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from etapa.contracts.incoming.forget_request import read_request
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.campaign_outcome import encode_campaign_outcome
from etapa.contracts.outgoing.campaign_trigger import encode_campaign_trigger
from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.outgoing.stage_change import decode_stage_change, encode_stage_change
from etapa.contracts.stored.ledger_page import LEDGER_PREFIX, is_page_key
from etapa.contracts.stored.mark import MARK_KEY, Mark, decode_mark
from etapa.contracts.stored.state import decode_standing, encode_state
from etapa.journey.engine.deny_list import DenyKey, DenyList
from etapa.journey.engine.facts.changes import CampaignOutcome
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import triggers_of
from etapa.journey.engine.judging.classify import run_and_note, touch
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.partition import Partition
from etapa.journey.ledger.ledger import JourneyLedger, enter
from etapa.sources.decoding import SourceDecoder
from etapa.stream.protocol.records import Outgoing, Record, is_request
from etapa.stream.protocol.waiting import Item
from tests.simulation.checking.ledger import ledger_against_changes, ledger_against_reference, ledger_shown
from tests.simulation.checking.standing import customers_shown, ledger_against_states
from tests.simulation.machines.memory_log import Committed, MemoryBroker
from tests.simulation.machines.memory_view import MemoryRedis


@dataclass(frozen=True)
class Expectations:
    """What the checker must know of the run."""

    program: Program
    limits: TouchpointLimits
    wall: int
    """The wall clock at the end of the run."""
    on_time: bool
    """Whether no touchpoint came later than the grace."""
    poisonous: Callable[[Touchpoint], bool]
    """Whether judging a touchpoint raises."""
    versions: Mapping[int, Program] = field(default_factory=dict)
    """Other versions of the journey that workers may have run; every mark says which."""
    source: SourceDecoder | None = None
    """What records go through before they are touchpoints."""
    forget_key: DenyKey | None = None
    """Of workers that can be asked to forget customers."""
    publish: bool = True
    """Whether changes that came of that were published."""


@dataclass
class ExpectedHistory:
    """What should have come out, per customer and in order."""

    changes: dict[str, list[bytes]] = field(default_factory=dict)
    triggers: dict[str, list[bytes]] = field(default_factory=dict)
    outcomes: dict[str, list[bytes]] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    dead_letters: list[tuple[int, str]] = field(default_factory=list)
    ledger: JourneyLedger = field(default_factory=JourneyLedger)

    def add_unusable(self, piece: "_Piece") -> None:
        """A record has one dead letter, for the first thing wrong with it."""
        if isinstance(piece.item, Rejected) and not (self.dead_letters and self.dead_letters[-1][0] == piece.offset):
            self.dead_letters.append((piece.offset, piece.item.reason))

    def add(self, program: Program, changes: Sequence[StageChange], outcomes: Sequence[CampaignOutcome]) -> None:
        for change in changes:
            _, value, _ = encode_stage_change(change, program.journey.id, program.journey.version)
            self.changes.setdefault(change.customer_id, []).append(value)
        for trigger in triggers_of(changes):
            _, value, _ = encode_campaign_trigger(trigger, program.journey.id, program.journey.version)
            self.triggers.setdefault(trigger.customer_id, []).append(value)
        for outcome in outcomes:
            _, value, _ = encode_campaign_outcome(outcome, program.journey.id, program.journey.version)
            self.outcomes.setdefault(outcome.customer_id, []).append(value)


def violations(broker: MemoryBroker, redis: MemoryRedis, expected: Expectations) -> list[str]:
    """Everything that is wrong after a drained run, one line each. Empty if all invariants hold."""
    versions = expected.versions or {expected.program.version: expected.program}
    return [
        *_chain_of_marks(broker),
        *_sequences(broker, whole=expected.publish, returning=expected.forget_key is not None),
        *_against_reference(broker, redis, expected),
        *_rebuilt_view(broker, redis),
        *ledger_against_changes(broker, redis, versions),
        *ledger_against_states(
            ledger_shown(redis.ledger), customers_shown(broker, redis).values(), versions, all_published=expected.publish
        ),
        *([f"{broker.hanging} transactions are left hanging"] if broker.hanging else []),
    ]


def mark_of(committed: Committed) -> Mark:
    """The mark of a transaction."""
    return decode_mark(committed.transaction.mark_value)


def record_by_record(records: Sequence[Record], batches: Sequence[Committed], expected: Expectations) -> ExpectedHistory:
    """Put the records one by one through a partition of the core; between them stream time advances as the marks say."""
    run = _RecordByRecord(expected)
    waiting = list(reversed(_pieces(records, expected)))
    for batch in batches:
        mark = mark_of(batch)
        named = [(one.key or b"").decode() for one in batch.transaction.states]
        letters = frozenset(decode_dead_letter(one.key, one.value, one.headers).offset for one in batch.transaction.dead_letters)
        run.go_on_with(mark.version)
        while waiting and waiting[-1].is_done(mark):
            run.take(waiting.pop(), mark, letters)
        if mark.stream_time is not None:
            run.advance(mark.stream_time, named)
        run.reclassify(named)
    run.reference.dead_letters += [(piece.offset, "never read") for piece in reversed(waiting)]
    return run.reference


class _RecordByRecord:
    def __init__(self, expected: Expectations) -> None:
        self.reference = ExpectedHistory()
        self._expected = expected
        self._denied = None if expected.forget_key is None else DenyList(expected.forget_key, {})
        self._partition = Partition(expected.program, None, denied=self._denied)

    def go_on_with(self, version: int) -> None:
        """The worker that committed the next batch ran this version of the journey."""
        if version != self._partition.program.version:
            self._begin_with(self._expected.versions[version], self.reference.customers)

    def take(self, piece: "_Piece", mark: Mark, letters: frozenset[int]) -> None:
        item = piece.item
        if isinstance(item, ForgetRequest):
            self._forget(piece, item)
            return
        if not isinstance(item, Touchpoint):
            self.reference.add_unusable(piece)
            return
        for customer_id in self._partition.missing([item.customer_id]):
            self._partition.admit(customer_id, None)
        if self._expected.poisonous(item) and (mark.stream_time is None or self._was_tried(piece, item, mark.stream_time, letters)):
            self.reference.add_unusable(_Piece(piece.offset, piece.number, _POISON))
            return
        assert mark.stream_time is not None, "touchpoints were processed, and the mark has no stream time"
        # Touchpoints ahead of the wall clock were taken at its time, which is then the time of the mark.
        self._partition.take(item, mark.stream_time)
        self._collect()

    def _was_tried(self, piece: "_Piece", item: Touchpoint, stream_time: int, letters: frozenset[int]) -> bool:
        """Whether the worker tried a touchpoint that cannot be judged: not while its customer was forgotten. `letters`: the batch's, by offset."""
        # Its stream time then lay between the mark's and its own: the wall clock may have held it back, and the batch was judged again without it.
        at_the_earliest, at_the_latest = (not self._partition.denies(item, wall) for wall in (stream_time, self._expected.wall))
        return at_the_earliest if at_the_earliest == at_the_latest else piece.offset in letters

    def _forget(self, piece: "_Piece", request: ForgetRequest) -> None:
        for customer_id in self._partition.missing([request.customer_id]):
            self._partition.admit(customer_id, None)
        if not self._partition.forget_customer(request):
            self.reference.add_unusable(_Piece(piece.offset, piece.number, rejected("invalid", "")))
        self._collect()

    def advance(self, stream_time: int, named: Sequence[str]) -> None:
        """Advance stream time. Timers at the very microsecond where a batch ended may be left to the next, perhaps of another version."""
        customers = self.reference.customers
        self._partition.advance(stream_time - 1)
        self._collect()
        at = stream_time - self._partition.program.grace
        left = {customer_id for customer_id, customer in customers.items() if customer.due == at}.difference(named)
        if left:
            self._begin_with(self._partition.program, customers.keys() - left)
        self._partition.advance(stream_time)
        self._collect()
        for customer_id in left:
            self._partition.admit(customer_id, customers[customer_id])

    def reclassify(self, named: Sequence[str]) -> None:
        """Customers in the batch that nothing else touched were carried over on request."""
        for customer_id in named:
            customer = self.reference.customers.get(customer_id)
            if customer is not None and customer.version < self._partition.program.version:
                self._partition.reclassify(customer_id, publish=self._expected.publish)
                self._collect()

    def _begin_with(self, program: Program, customer_ids: Iterable[str]) -> None:
        self._partition = Partition(program, self._partition.stream_time, denied=self._denied)
        for customer_id in customer_ids:
            self._partition.admit(customer_id, self.reference.customers[customer_id])

    def _collect(self) -> None:
        work = self._partition.collect()
        assert work.tally is not None
        # By hours for the whole run; old figures are folded when they are compared.
        enter(self.reference.ledger, work.tally, 0)
        self.reference.add(self._partition.program, work.changes, work.outcomes)
        self.reference.customers.update(work.changed)
        for customer_id in work.erased:
            self.reference.customers.pop(customer_id, None)


def by_own_touchpoints(records: Sequence[Record], stream_time: int | None, expected: Expectations) -> ExpectedHistory:
    """Put each customer's own touchpoints through the core: no partition, and no stream time except at the very end."""
    reference = ExpectedHistory()
    for piece in _pieces(records, expected):
        item = piece.item
        if not isinstance(item, Touchpoint):
            reference.add_unusable(piece)
            continue
        touched = touch(expected.program, reference.customers.get(item.customer_id), item)
        reference.customers[item.customer_id] = touched.customer
        reference.add(expected.program, touched.changes, touched.outcomes)
    if stream_time is not None:
        for customer in reference.customers.values():
            happened = run_and_note(expected.program, customer, stream_time - expected.program.grace)
            reference.add(expected.program, happened.changes, happened.outcomes)
    return reference


_POISON = Rejected("evaluation_failed", "")


@dataclass(frozen=True)
class _Piece:
    """The value at one path of a record."""

    offset: int
    number: int
    item: Item

    def is_done(self, mark: Mark) -> bool:
        """Whether it belongs to the batch of the mark, or to one before."""
        begun = 0 if mark.begun is None or self.offset != mark.through + 1 else mark.begun.taken
        return self.offset <= mark.through or self.number < begun


def _pieces(records: Sequence[Record], expected: Expectations) -> list[_Piece]:
    return [_Piece(record.offset, number, item) for record in records for number, item in enumerate(_read(record, expected))]


def _read(record: Record, expected: Expectations) -> list[Item]:
    source, wall = expected.source, expected.wall
    if is_request(record.headers):
        return [read_request(record.key, record.value, record.headers)]
    items: list[Item]
    if source is None:
        items = [decode_touchpoint(record.key, record.value, expected.limits, wall)]
    else:
        items = [*source.items(record.key, record.value, record.headers, wall, wall + source.max_ahead)]
    if expected.forget_key is not None:
        # What cannot be judged is not judged at all while its customer is forgotten.
        return items
    return [_POISON if isinstance(item, Touchpoint) and expected.poisonous(item) else item for item in items]


def _against_reference(broker: MemoryBroker, redis: MemoryRedis, expected: Expectations) -> list[str]:
    stream_time = mark_of(broker.committed[-1]).stream_time if broker.committed else None
    reference = record_by_record(broker.touchpoints, broker.committed, expected)
    wrong = _compare("record by record", reference, broker, redis)
    wrong += ledger_against_reference(reference.ledger, redis, stream_time)
    if expected.on_time and not wrong:
        wrong = _compare("by their own touchpoints", by_own_touchpoints(broker.touchpoints, stream_time, expected), broker, redis)
    return wrong


def _compare(name: str, reference: ExpectedHistory, broker: MemoryBroker, redis: MemoryRedis) -> list[str]:
    changes = [change for committed in broker.committed for change in committed.transaction.stage_changes]
    triggers = [trigger for committed in broker.committed for trigger in committed.transaction.campaign_triggers]
    wrong = [
        *_compare_by_customer(f"changes ({name})", reference.changes, changes),
        *_compare_by_customer(f"triggers ({name})", reference.triggers, triggers),
        *_compare_by_customer(f"outcomes ({name})", reference.outcomes, broker.outcomes),
    ]
    letters = [_origin(letter.key, letter.value, letter.headers, broker) for letter in broker.dead_letters]
    if letters != reference.dead_letters:
        wrong.append(f"dead letters differ: want {reference.dead_letters}, published {letters}")
    # States leave out what the marks say. They are compared with it spelled out, since marks get to say more with time.
    want_states = {one.id: encode_state(one) for one in reference.customers.values()}
    got = customers_shown(broker, redis)
    got_states = {customer_id: encode_state(customer) for customer_id, customer in got.items()}
    for customer_id in sorted(want_states.keys() | redis.customers.keys()):
        if want_states.get(customer_id) != got_states.get(customer_id):
            found = got.get(customer_id)
            wrong.append(f"state of {customer_id} differs ({name}): want {reference.customers.get(customer_id)}, the view has {found}")
    for customer_id, shown in sorted(redis.customers.items()):
        customer = reference.customers.get(customer_id)
        if customer is not None and (shown.stage, shown.due) != (customer.stage, customer.due):
            wrong.append(f"the view shows {customer_id} as {shown.stage}, due {shown.due}")
    if sum(redis.counts().values()) != len(want_states):
        wrong.append(f"the view counts {redis.counts()}, there are {len(want_states)} customers")
    return wrong


def _compare_by_customer(what: str, wanted: Mapping[str, Sequence[bytes]], published: Sequence[Outgoing]) -> list[str]:
    wrong = []
    by_customer: dict[str, list[bytes]] = {}
    for outgoing in published:
        assert outgoing.key is not None
        assert outgoing.value is not None
        by_customer.setdefault(outgoing.key.decode(), []).append(outgoing.value)
    for customer_id in sorted(wanted.keys() | by_customer.keys()):
        want, got = wanted.get(customer_id, []), by_customer.get(customer_id, [])
        if want != got:
            pairs = enumerate(zip(want, got, strict=False))
            at = next((position for position, (one, other) in pairs if one != other), min(len(want), len(got)))
            wrong.append(f"{what} of {customer_id} differ at {at}: want {_shown(want, at)}, published {_shown(got, at)}")
    return wrong


def _origin(key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]], broker: MemoryBroker) -> tuple[int, str]:
    """Where a dead letter came from and why, if it is the unchanged original record."""
    letter = decode_dead_letter(key, value, headers)
    original = next((record for record in broker.touchpoints if record.offset == letter.offset), None)
    if letter.partition != broker.number:
        return letter.offset, f"of partition {letter.partition}"
    if original is None or (original.key, original.value, tuple(original.headers)) != (letter.key, letter.value, tuple(letter.headers)):
        return letter.offset, "not the original"
    return letter.offset, letter.reason


def _chain_of_marks(broker: MemoryBroker) -> list[str]:
    wrong = []
    through, stream_time = -1, None
    for committed in broker.committed:
        mark = mark_of(committed)
        if mark.through < through or (stream_time is not None and (mark.stream_time is None or mark.stream_time < stream_time)):
            wrong.append(f"the mark at {committed.state_offset} goes back: {mark}, after through {through} and stream time {stream_time}")
        if committed.transaction.next_offset != mark.through + 1:
            wrong.append(f"the group's offset {committed.transaction.next_offset} does not follow {mark}")
        through, stream_time = mark.through, mark.stream_time
    if broker.committed and broker.group_offset != through + 1 and not broker.group_offset_moved:
        wrong.append(f"the group's offset is {broker.group_offset}, the last mark is through {through}")
    return wrong


def _sequences(broker: MemoryBroker, *, whole: bool, returning: bool) -> list[str]:
    """`returning`: customers may have been forgotten, and begin anew. `whole`: every change was published. Otherwise customers may have moved in between, but the sequence numbers still have no gap."""
    wrong = []
    last: dict[str, tuple[int, str | None]] = {}
    for committed in broker.committed:
        for outgoing in committed.transaction.stage_changes:
            assert outgoing.value is not None
            change = decode_stage_change(outgoing.value)
            sequence, stage = last.get(change.customer_id, (0, None))
            if returning and change.sequence == 1 and change.source is None:
                sequence, stage = 0, None
            if change.sequence != sequence + 1 or (whole and change.source != stage):
                wrong.append(f"change {change.id} from {change.source} follows {change.customer_id}/{sequence} to {stage}")
            last[change.customer_id] = change.sequence, change.to
    return wrong


def _rebuilt_view(broker: MemoryBroker, redis: MemoryRedis) -> list[str]:
    """Compare a view rebuilt from the compacted topic with the one that was kept."""
    broker.compact()
    states: dict[str, bytes] = {}
    pages: dict[bytes, bytes | None] = {}
    through = -1
    for record in broker.committed_states(0, broker.stable_end()):
        if record.key == MARK_KEY:
            through = decode_mark(record.value).through
        elif is_page_key(record.key):
            pages[record.key[len(LEDGER_PREFIX) :]] = record.value
        elif record.value is None:
            states.pop(record.key.decode(), None)
        else:
            states[record.key.decode()] = record.value
    kept = {customer_id: customer.state for customer_id, customer in redis.customers.items()}
    wrong = []
    if states != kept:
        wrong.append(f"a rebuilt view has other states: {sorted(states.items() ^ kept.items(), key=repr)}")
    if {name: page for name, page in pages.items() if page is not None} != redis.ledger:
        wrong.append(
            f"a rebuilt ledger has {sorted(pages)}, the one that was kept {sorted(redis.ledger)}, or they differ in what these hold"
        )
    shown = Counter(decode_standing(state).stage for state in states.values())
    if dict(shown) != redis.counts():
        wrong.append(f"a rebuilt view counts {dict(shown)}, the one that was kept {redis.counts()}")
    if redis.mark is not None and redis.mark.through != through:
        wrong.append(f"a rebuilt view is through {through}, the one that was kept says {redis.mark.through}")
    return wrong


def _shown(values: Sequence[bytes], position: int) -> str:
    return values[position].decode() if position < len(values) else "nothing"
