"""Checks a run in which customers move between partitions: nobody is at two places or at none, and what each customer's touchpoints caused.

In which order a customer's touchpoints were judged is read from its own state, which remembers their ids in that order. Where nothing depends on
the time, everything else must follow from that: every change, every trigger, and the state itself.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.campaign_trigger import encode_campaign_trigger
from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.outgoing.stage_change import decode_stage_change, encode_stage_change
from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.forwarding import is_forwarding
from etapa.contracts.stored.state import decode_state
from etapa.contracts.stored.transfer import ANNOUNCER, Sent, StateMoved, TopicLayout, Transfer, decode_transfer
from etapa.journey.engine.facts.customer import DIGEST_BYTES, Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import triggers_of
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.judging.repeats import digest_of
from etapa.sources.decoding import SourceDecoder
from etapa.stream.protocol.records import Record
from tests.simulation.checking.checker import mark_of
from tests.simulation.checking.standing import committed_customers, committed_ledger, ledger_against_states
from tests.simulation.machines.memory_log import Committed, MemoryBroker


class _Wanted(NamedTuple):
    """A touchpoint that should be judged, and where it was sent first: the offset, and the position in the record."""

    partition: int
    place: tuple[int, int]
    touchpoint: Touchpoint


class PlacesChecker:
    """Watches all partitions of a run, commit by commit."""

    def __init__(
        self, program: Program, brokers: Sequence[MemoryBroker], find: Callable[[str], None], decoder: SourceDecoder | None = None
    ) -> None:
        """`decoder`: the source that the records go through, if any."""
        self._decoder = decoder
        self._program = program
        self._brokers = brokers
        self._find = find
        self._states: dict[str, dict[int, bytes]] = {}
        """Where each customer lives according to the logs. More than one place is wrong."""
        self._forgotten: set[str] = set()
        """Who may be nowhere."""
        self._committed: list[Committed] = []
        """Of all partitions, in the order in which they became visible."""
        self._taken: dict[int, dict[int, int]] = {}
        """The highest number taken in at each place from each other."""
        self._read: dict[int, dict[int, Transfer]] = {}
        """Of each partition of `transfers`, by offset."""

    def watch(self, place: int) -> None:
        """Look at every commit of a partition."""
        broker = self._brokers[place]
        noted = broker.on_commit

        def on_commit(committed: Committed) -> None:
            if noted is not None:
                noted(committed)
            self._note(place, committed)

        broker.on_commit = on_commit

    def has_news(self, place: int, records: Sequence[Record]) -> bool:
        """Whether a record of `transfers` was not taken in before."""
        taken = self._taken.get(place, {})
        transfers = [decode_transfer(record.value) for record in records]
        return any(one.sender == ANNOUNCER or one.number > taken.get(one.sender, 0) for one in transfers)

    def sent(self) -> Mapping[str, int]:
        """How many transfers of each kind were sent."""
        return Counter(type(transfer.sent).__name__ for broker in self._brokers for transfer in self._sent_to(broker.number))

    def violations(self, touchpoints: Sequence[Sequence[Record]], layout: TopicLayout, wall: int, *, exact: bool) -> list[str]:
        """Everything that is wrong at the end. `exact`: nothing depends on the time."""
        wanted, letters = self._wanted(touchpoints, wall)
        wrong = self._wrong_letters(letters)
        changes = self._by_customer(changes=True)
        triggers = self._by_customer(changes=False)
        for customer_id, by_place in sorted(self._states.items()):
            home = partition_of(customer_id, layout.partitions)
            if list(by_place) != [home]:
                wrong.append(f"{customer_id} lives at {sorted(by_place)}, its home is {home}")
                continue
            customer = decode_state(by_place[home], customer_id, mark_of(self._brokers[home].committed[-1]).in_common())
            wrong += self._wrong_order(customer, wanted.get(customer_id, {}))
            wrong += _wrong_chain(customer, changes.get(customer_id, []))
            if exact and not wrong:
                wrong += self._wrong_result(customer, wanted[customer_id], changes.get(customer_id, []), triggers.get(customer_id, []))
        versions = {self._program.version: self._program}
        wrong += ledger_against_states(committed_ledger(self._brokers), committed_customers(self._brokers), versions)
        if wanted.keys() != self._states.keys():
            wrong.append(f"there are {sorted(self._states)}, and should be {sorted(wanted)}")
        return wrong

    def _note(self, place: int, committed: Committed) -> None:
        """Nobody may be at two places, counting those on their way, nor at none."""
        self._committed.append(committed)
        concerned = set()
        for outgoing in committed.transaction.states:
            customer_id, value = (outgoing.key or b"").decode(), outgoing.value or b""
            concerned.add(customer_id)
            self._states.setdefault(customer_id, {}).pop(place, None)
            if not value:
                self._forgotten.add(customer_id)
            elif not is_forwarding(value):
                self._states[customer_id][place] = value
        moving = mark_of(committed).moving
        taken = self._taken.setdefault(place, {})
        for sender, number in ({} if moving is None else moving.taken).items():
            taken[sender] = max(number, taken.get(sender, 0))
        under_way = self._under_way()
        for customer_id in sorted(concerned | under_way.keys()):
            places = sorted(self._states.get(customer_id, {}))
            if len(places) + under_way[customer_id] not in self.allowed(customer_id):
                self._find(f"{customer_id} is at {places} after a commit of {place}, and {under_way[customer_id]} times on the way")

    def allowed(self, customer_id: str) -> Sequence[int]:
        """At how many places somebody may be, counting those on the way, who ever had a state."""
        return (0, 1) if customer_id in self._forgotten else (1,)

    def who_moves(self, sent: Sent) -> str | None:
        """Whose state was sent; none if it was something else."""
        return sent.customer_id if isinstance(sent, StateMoved) else None

    def _under_way(self) -> Counter[str]:
        """Customers whose state was sent, as readers see `transfers`, and not taken in."""
        found: Counter[str] = Counter()
        for broker in self._brokers:
            taken, seen = self._taken.get(broker.number, {}), set()
            for transfer in self._sent_to(broker.number):
                name = transfer.sender, transfer.number
                who = self.who_moves(transfer.sent)
                if who is not None and transfer.number > taken.get(transfer.sender, 0) and name not in seen:
                    seen.add(name)
                    found[who] += 1
        return found

    def _sent_to(self, place: int) -> list[Transfer]:
        """All that was sent to a place and committed, repeats included."""
        entries = self._brokers[place].transfers[place].entries
        read = self._read.setdefault(place, {})
        for entry in entries:
            if entry.status == "committed" and entry.record.offset not in read:
                read[entry.record.offset] = decode_transfer(entry.record.value)
        return list(read.values())

    def _wanted(
        self, touchpoints: Sequence[Sequence[Record]], wall: int
    ) -> tuple[dict[str, dict[bytes, _Wanted]], Counter[tuple[int, int, str]]]:
        """Touchpoints of each customer by digest, and the dead letters."""
        wanted: dict[str, dict[bytes, _Wanted]] = {}
        letters: Counter[tuple[int, int, str]] = Counter()
        for partition, records in enumerate(touchpoints):
            for record in records:
                for number, item in enumerate(self._items_of(record, wall)):
                    if isinstance(item, Rejected):
                        letters[partition, record.offset, item.reason] += 1
                    elif item.type == "boom":
                        letters[partition, record.offset, "evaluation_failed"] += 1
                    else:
                        found = _Wanted(partition, (record.offset, number), item)
                        wanted.setdefault(item.customer_id, {}).setdefault(digest_of(item.id), found)
        return wanted, letters

    def _items_of(self, record: Record, wall: int) -> Iterator[Touchpoint | Rejected]:
        limits = TouchpointLimits()
        if self._decoder is None:
            yield decode_touchpoint(record.key, record.value, limits, wall)
            return
        for item in self._decoder.items(record.key, record.value, record.headers, wall, wall + limits.max_ahead):
            if isinstance(item, Touchpoint | Rejected):
                yield item

    def _wrong_letters(self, wanted: Counter[tuple[int, int, str]]) -> list[str]:
        published: Counter[tuple[int, int, str]] = Counter()
        for broker in self._brokers:
            for outgoing in broker.dead_letters:
                letter = decode_dead_letter(outgoing.key, outgoing.value, outgoing.headers)
                published[letter.partition, letter.offset, letter.reason] += 1
        return [] if published == wanted else [f"dead letters differ: missing {wanted - published}, too many {published - wanted}"]

    def _by_customer(self, *, changes: bool) -> Mapping[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for committed in self._committed:
            for one in committed.transaction.stage_changes if changes else committed.transaction.campaign_triggers:
                found.setdefault((one.key or b"").decode(), []).append(one.value or b"")
        return found

    def _wrong_order(self, customer: Customer, wanted: Mapping[bytes, "_Wanted"]) -> list[str]:
        """Each touchpoint was judged once; those of one partition in their order."""
        judged = _digests(customer)
        if sorted(judged) != sorted(wanted):
            names = [wanted[each].touchpoint.id if each in wanted else each.hex() for each in judged]
            return [f"{customer.id}: judged {names}, of {sorted(one.touchpoint.id for one in wanted.values())}"]
        last: dict[int, tuple[int, int]] = {}
        for each in judged:
            partition, place, touchpoint = wanted[each]
            if self._came_twice(touchpoint.id):
                continue
            if place < last.get(partition, place):
                return [f"{customer.id}: {touchpoint.id} of partition {partition} was judged after offset {last[partition][0]}"]
            last[partition] = place
        return []

    def _came_twice(self, touchpoint_id: str) -> bool:
        """Of a touchpoint that was sent twice, perhaps to two partitions, either copy may have been judged."""
        name = json.dumps(touchpoint_id).encode()
        return sum(name in (record.value or b"") for broker in self._brokers for record in broker.touchpoints) > 1

    def _wrong_result(
        self,
        customer: Customer,
        wanted: Mapping[bytes, "_Wanted"],
        changes: list[bytes],
        triggers: list[bytes],
    ) -> list[str]:
        """Judge the touchpoints again in the same order, in one place."""
        again: Customer | None = None
        want_changes, want_triggers = [], []
        journey = self._program.journey
        for each in _digests(customer):
            touched = touch(self._program, again, wanted[each].touchpoint)
            again = touched.customer
            want_changes += [encode_stage_change(change, journey.id, journey.version)[1] for change in touched.changes]
            want_triggers += [encode_campaign_trigger(one, journey.id, journey.version)[1] for one in triggers_of(touched.changes)]
        if again is None:
            return []
        return [
            f"{what} of {customer.id} differ: want {wants!r}, there is {got!r}"
            for what, wants, got in (("changes", want_changes, changes), ("triggers", want_triggers, triggers), ("states", again, customer))
            if wants != got
        ]


def _digests(customer: Customer) -> list[bytes]:
    recent = customer.recent
    return [recent[start : start + DIGEST_BYTES] for start in range(0, len(recent), DIGEST_BYTES)]


def _wrong_chain(customer: Customer, changes: Sequence[bytes]) -> list[str]:
    """Sequences have no gap over all places, and each change goes on where the one before ended."""
    found = [decode_stage_change(value) for value in changes]
    if [change.sequence for change in found] != list(range(1, customer.sequence + 1)):
        return [f"{customer.id} has changes {[change.sequence for change in found]}, and counts {customer.sequence}"]
    for before, after in pairwise(found):
        if after.source != before.to:
            return [f"{customer.id}: change {after.sequence} is from {after.source}, the one before led to {before.to}"]
    return []
