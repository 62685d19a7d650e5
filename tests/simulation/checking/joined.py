"""Checks a run in which links join people at different places: at the end everything is as if their ids had always been one.

Where the stage follows from what is remembered, in whatever order it came, the order in which links and touchpoints met does not matter.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from etapa.contracts.incoming.forget_request import read_request
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.forwarding import decode_forwarding, is_forwarding, sequence_of
from etapa.contracts.stored.ledger_page import LEDGER_PREFIX
from etapa.contracts.stored.linked_ids import read_linked_ids
from etapa.contracts.stored.mark import is_customer_key
from etapa.contracts.stored.state import decode_state
from etapa.contracts.stored.transfer import decode_transfer
from etapa.journey.engine.deny_list import DenyKey
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.judging.repeats import digest_of
from etapa.journey.identity.links import IdLink, Joining, Links
from etapa.journey.identity.people import LinkedIds
from etapa.journey.identity.under import under
from etapa.journey.language.model import LINK
from etapa.sources.decoding import SourceDecoder
from etapa.stream.protocol.records import Record, is_request
from etapa.stream.protocol.waiting import NOT_OURS
from tests.simulation.checking.checker import mark_of
from tests.simulation.checking.judging_order import JudgingOrder, digests_of
from tests.simulation.checking.standing import committed_customers, committed_ledger, ledger_against_states
from tests.simulation.machines.memory_log import Committed, MemoryBroker

LIMITS = TouchpointLimits(takes_links=True)
KEY = DenyKey(b"simulated")
"""With which people are forgotten."""
NOTHING_RENAMED: Final[Mapping[str, str]] = {}
KNOWN = "member"
"""The trait that only known people have."""


class JoinedChecker:
    """Looks at all partitions when a run has come to rest, and watches their stage changes."""

    def __init__(
        self,
        program: Program,
        brokers: Sequence[MemoryBroker],
        renamed: Mapping[str, str] = NOTHING_RENAMED,
        decoder: SourceDecoder | None = None,
        *,
        other: Program | None = None,
    ) -> None:
        """`renamed`: stages that the `other` version of the journey calls otherwise. `decoder`: the source that the records go through, if any."""
        self._decoder = decoder
        self._program = program
        self._versions = {each.version: each for each in (program, other) if each is not None}
        self._renamed = renamed
        self._brokers = brokers
        self._changes: dict[str, list[bytes]] = {}
        self._published: dict[tuple[int, str], int] = {}
        """The number of the last change under an id in each partition."""
        self._order = JudgingOrder()

    def watch(self, broker: MemoryBroker) -> None:
        """Look at every commit of a partition, in the order in which they become visible."""
        noted = broker.on_commit

        def on_commit(committed: Committed) -> None:
            if noted is not None:
                noted(committed)
            self._order.see(committed)
            for one in committed.transaction.stage_changes:
                customer_id, value = (one.key or b"").decode(), one.value or b""
                self._changes.setdefault(customer_id, []).append(value)
                self._published[broker.number, customer_id] = decode_stage_change(value).sequence

        broker.on_commit = on_commit

    def sent(self) -> Mapping[str, int]:
        """How many transfers of each kind were sent."""
        entries = (entry for broker in self._brokers for entry in broker.transfers[broker.number].entries)
        return Counter(type(decode_transfer(entry.record.value).sent).__name__ for entry in entries if entry.status == "committed")

    def letters(self) -> Counter[tuple[int, int, str]]:
        """Dead letters by where the record was, and why."""
        found: Counter[tuple[int, int, str]] = Counter()
        for broker in self._brokers:
            for outgoing in broker.dead_letters:
                letter = decode_dead_letter(outgoing.key, outgoing.value, outgoing.headers)
                found[letter.partition, letter.offset, letter.reason] += 1
        return found

    def violations(self, wall: int, forgotten: AbstractSet[str] = frozenset(), partitions: int | None = None) -> Iterator[str]:
        """Everything that is wrong at the end. `forgotten`: ids of people who were to be forgotten for ever.

        `partitions`: over how many of them the last layout has people at home; none: over all.
        """
        homes = len(self._brokers) if partitions is None else partitions
        letters = self.letters()
        refused = {(partition, offset) for partition, offset, reason in letters if reason in ("two_known", "link_cycle", "not_linked")}
        touchpoints: dict[str, dict[bytes, Touchpoint]] = {}
        links = Links()
        concerned = Concerned(forgotten)
        mentioned: set[str] = set()
        for place, item in self._items(wall):
            if isinstance(item, Rejected):
                if letters.pop((*place, item.reason), 0) != 1:
                    yield f"no dead letter, or several, of {place}: {item.reason}"
            elif item.type != LINK:
                touchpoints.setdefault(item.customer_id, {}).setdefault(digest_of(item.id), item)
                self._order.sent(item, place[0])
            elif place in refused:
                reasons = [letters.pop((*place, reason), 0) for reason in ("two_known", "link_cycle", "not_linked")]
                if sum(reasons) != 1:
                    yield f"the link at {place} has {sum(reasons)} dead letters"
            else:
                joining = links.judge(IdLink(item.at, item.customer_id, item.properties[SAME_AS]))
                if isinstance(joining, Joining):
                    links.take(joining)
            if isinstance(item, Touchpoint) and item.type == LINK:
                concerned.add(item.customer_id, item.properties[SAME_AS])
                mentioned |= {item.customer_id, item.properties[SAME_AS]}
        if letters:
            yield f"dead letters of nothing: {letters}"
        by_kept: dict[str, dict[bytes, Touchpoint]] = {}
        others = touchpoints.keys() - concerned.ids()
        for customer_id in others:
            by_kept.setdefault(links.kept_for(customer_id), {}).update(touchpoints[customer_id])
        yield from self._wrong_people(by_kept, concerned.ids())
        yield from self._wrong_ways(others, links, homes)
        if partitions is not None:
            yield from self._not_at_home(others - mentioned, homes)
        yield from self._left_of(forgotten, concerned.ids())
        yield from self._wrong_numbers(concerned.ids())
        yield from self._order.violations(concerned.ids())
        yield from ledger_against_states(committed_ledger(self._brokers), committed_customers(self._brokers), self._versions)

    def _wrong_numbers(self, concerned: AbstractSet[str]) -> Iterator[str]:
        """Where changes were published under an id, what is stored of it must say so, and they have no gap and no repeat over all places:
        `etapa verify` compares them.
        """
        for customer_id, changes in sorted(self._changes.items()):
            numbers = [decode_stage_change(value).sequence for value in changes]
            if numbers != list(range(1, len(numbers) + 1)) and customer_id not in concerned:
                yield f"changes of {customer_id} have the numbers {numbers}"
        stored = {(place, customer_id): value for place, customer_id, value in self._stored()}
        for (place, customer_id), last in sorted(self._published.items()):
            value = stored.get((place, customer_id))
            told = 0 if value is None else sequence_of(value)
            if told < last and customer_id not in concerned:
                yield f"place {place} published change {last} of {customer_id}, and what is stored there counts {told}"

    def _items(self, wall: int) -> Iterator[tuple[tuple[int, int], Touchpoint | Rejected]]:
        """What was sent, and where it was; without requests, unless they were made by strangers."""
        for broker in self._brokers:
            for record in broker.touchpoints:
                place = broker.number, record.offset
                if not is_request(record.headers):
                    for item in self._items_of(record, wall):
                        yield place, item
                    continue
                request = read_request(record.key, record.value, record.headers)
                if isinstance(request, ForgetRequest) and KEY.digest(request.customer_id) != request.digest:
                    yield place, NOT_OURS

    def _items_of(self, record: Record, wall: int) -> Iterator[Touchpoint | Rejected]:
        if self._decoder is None:
            yield decode_touchpoint(record.key, record.value, LIMITS, wall)
            return
        for item in self._decoder.items(record.key, record.value, record.headers, wall, wall + LIMITS.max_ahead):
            if not isinstance(item, SkippedRecord):
                yield item

    def _left_of(self, forgotten: AbstractSet[str], concerned: AbstractSet[str]) -> Iterator[str]:
        """What is left of the forgotten; and addresses of people who were, or may have been, linked to them, and lead to nobody."""
        stored = {(place, customer_id): value for place, customer_id, value in self._stored()}
        people = {(place, customer_id): person for place, person in self._people() for customer_id in person.ids}
        for place, customer_id in sorted({*stored, *people}):
            if customer_id in forgotten:
                yield f"{customer_id} was forgotten, and place {place} names it"
        for (place, customer_id), value in sorted(stored.items()):
            if customer_id in concerned and is_forwarding(value):
                address = decode_forwarding(value)
                there = address.place, address.customer_id or customer_id
                if there not in stored and there not in people:
                    yield f"{customer_id} has an address at {place} that leads to {there}, which is nobody"

    def _people(self) -> Iterator[tuple[int, LinkedIds]]:
        for broker in self._brokers:
            pages: dict[bytes, bytes] = {}
            for committed in broker.committed:
                for one in committed.transaction.ledger:
                    name = (one.key or b"").removeprefix(LEDGER_PREFIX)
                    if one.value is None:
                        pages.pop(name, None)
                    else:
                        pages[name] = one.value
            for person in read_linked_ids(pages):
                yield broker.number, person

    def _wrong_people(self, by_kept: Mapping[str, Mapping[bytes, Touchpoint]], concerned: AbstractSet[str]) -> Iterator[str]:
        stored = [(place, customer_id, value) for place, customer_id, value in self._stored() if not is_forwarding(value)]
        states = {customer_id: (place, value) for place, customer_id, value in stored if customer_id not in concerned}
        count = Counter(customer_id for _, customer_id, _ in stored)
        doubled = [customer_id for customer_id, places in count.items() if places > 1]
        if doubled:
            yield f"{doubled} are at two places"
        if states.keys() != by_kept.keys():
            yield f"there are {sorted(states)}, and should be {sorted(by_kept)}"
            return
        for customer_id, wanted in sorted(by_kept.items()):
            place, state = states[customer_id]
            customer = decode_state(state, customer_id, mark_of(self._brokers[place].committed[-1]).in_common())
            yield from self._wrong_customer(customer, wanted)
            yield from _wrong_story(customer, self._changes.get(customer_id, []))

    def _wrong_customer(self, customer: Customer, wanted: Mapping[bytes, Touchpoint]) -> Iterator[str]:
        judged = digests_of(customer)
        if sorted(judged) != sorted(wanted):
            yield f"{customer.id}: judged {len(judged)} touchpoints, {len(set(judged))} different ones, of {len(wanted)}"
            return
        again: Customer | None = None
        for each in sorted(wanted.values(), key=lambda touchpoint: touchpoint.at):
            again = touch(self._program, again, under(each, customer.id)).customer
        assert again is not None
        there, want = (
            (self._renamed.get(each.stage, each.stage), each.first_at, each.clock, each.traits, each.remembered())
            for each in (customer, again)
        )
        if there != want:
            yield f"{customer.id} is {there}, and should be {want}"

    def _not_at_home(self, customer_ids: AbstractSet[str], partitions: int) -> Iterator[str]:
        """People whom no link names move to their homes."""
        for place, customer_id, value in self._stored():
            if customer_id in customer_ids and not is_forwarding(value) and place != partition_of(customer_id, partitions):
                yield f"{customer_id} has one id, and lives at {place}, which is not its home"

    def _wrong_ways(self, customer_ids: set[str], links: Links, partitions: int) -> Iterator[str]:
        """From each id's home, addresses must lead to its person."""
        stored = {(place, customer_id): value for place, customer_id, value in self._stored()}
        for customer_id in sorted(customer_ids):
            name, place = customer_id, partition_of(customer_id, partitions)
            value = stored.get((place, name))
            hops = 0
            while value is not None and is_forwarding(value) and hops <= 2 * len(self._brokers):
                address = decode_forwarding(value)
                name, place = address.customer_id or name, address.place
                value = stored.get((place, name))
                hops += 1
            if value is None or is_forwarding(value) or name != links.kept_for(customer_id):
                yield f"the way of {customer_id} leads to {name} at {place}, which is {'nothing' if value is None else 'not its person'}"

    def _stored(self) -> Iterator[tuple[int, str, bytes]]:
        for broker in self._brokers:
            latest: dict[bytes, bytes | None] = {}
            for committed in broker.committed:
                latest.update({one.key or b"": one.value for one in committed.transaction.states})
            for key, value in latest.items():
                if value is not None and is_customer_key(key):
                    yield broker.number, key.decode(), value


def _wrong_story(customer: Customer, changes: Sequence[bytes]) -> Iterator[str]:
    """What is published under an id is one story: no gap, no repeat, and each change goes on where the one before ended."""
    found = [decode_stage_change(value) for value in changes]
    if [change.sequence for change in found] != list(range(1, customer.sequence + 1)):
        yield f"{customer.id} has changes {[change.sequence for change in found]}, and counts {customer.sequence}"
    stage = None
    for change in found:
        if change.source != stage:
            yield f"{customer.id}: change {change.sequence} is from {change.source}, the one before led to {stage}"
        stage = change.to
    if found and stage != customer.stage:
        yield f"{customer.id} is in {customer.stage}, and its changes end in {stage}"


class Concerned:
    """Ids that some link joins, directly or by way of others, to somebody who was to be forgotten; whether it was followed or not."""

    def __init__(self, forgotten: AbstractSet[str]) -> None:
        self._ids = set(forgotten)
        self._links: list[tuple[str, str]] = []

    def add(self, one: str, other: str) -> None:
        self._links.append((one, other))

    def ids(self) -> AbstractSet[str]:
        """All of them."""
        before = -1
        while len(self._ids) != before:
            before = len(self._ids)
            for link in self._links:
                if not self._ids.isdisjoint(link):
                    self._ids.update(link)
        return self._ids


def known(value: bytes) -> bytes:
    """The same touchpoint, of a known person."""
    touchpoint = json.loads(value)
    return json.dumps({**touchpoint, "traits": {**touchpoint.get("traits", {}), KNOWN: "yes"}}).encode()
