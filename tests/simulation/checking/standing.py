"""Compares sums of the ledger with the states of all customers: who is where, has been where, is on the ideal way or on a detour."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from etapa.contracts.stored.forwarding import is_forwarding
from etapa.contracts.stored.in_common import NOTHING_IN_COMMON, InCommon
from etapa.contracts.stored.ledger_page import LEDGER_PREFIX
from etapa.contracts.stored.mark import decode_mark, is_customer_key
from etapa.contracts.stored.state import decode_state
from etapa.journey.engine.facts.course import ON, UNKNOWN, Course
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.judging.ideal_way import persona_of, way_of
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.judging.visits import stages_in
from etapa.journey.ledger.ledger import JourneyLedger
from tests.simulation.checking.ledger import common_stages, ledger_shown
from tests.simulation.machines.memory_log import MemoryBroker
from tests.simulation.machines.memory_view import MemoryRedis

Counts = Counter[tuple[str | int | None, ...]]


def ledger_against_states(
    ledger: JourneyLedger, customers: Iterable[Customer], versions: Mapping[int, Program], *, all_published: bool = True
) -> Sequence[str]:
    """For each persona, all that was ever counted adds up to how customers stand now. `all_published`: no move was kept quiet."""
    stages = common_stages(versions)
    told, counted = _told_by_states(customers, versions, stages), _counted(ledger, stages)
    if not all_published:
        for counts in (told, counted):
            for key in [key for key in counts if key[0] == "in"]:
                del counts[key]
    wrong = [each for each in {**told, **counted} if told[each] != counted[each]]
    return [f"by the ledger there are {counted[each]} {each}, and by the states {told[each]}" for each in sorted(wrong, key=repr)]


def committed_ledger(brokers: Iterable[MemoryBroker]) -> JourneyLedger:
    """The sum of the ledgers that partitions have committed."""
    return ledger_shown(*[_latest(broker, ledger=True) for broker in brokers])


def committed_customers(brokers: Iterable[MemoryBroker]) -> Iterable[Customer]:
    """The customers whom partitions have committed last, without those who went away."""
    found: dict[str, Customer] = {}
    for broker in brokers:
        common = _common_of(broker)
        for key, state in _latest(broker, ledger=False).items():
            if is_customer_key(key) and not is_forwarding(state):
                found[key.decode()] = decode_state(state, key.decode(), common)
    return found.values()


def customers_shown(broker: MemoryBroker, redis: MemoryRedis) -> Mapping[str, Customer]:
    """The customers in the view, which has followed the broker to its end."""
    common = _common_of(broker)
    return {
        customer_id: decode_state(one.state, customer_id, common) for customer_id, one in redis.customers.items() if one.state is not None
    }


def _common_of(broker: MemoryBroker) -> InCommon:
    return decode_mark(broker.committed[-1].transaction.mark_value).in_common() if broker.committed else NOTHING_IN_COMMON


def _latest(broker: MemoryBroker, *, ledger: bool) -> dict[bytes, bytes]:
    latest: dict[bytes, bytes | None] = {}
    for committed in broker.committed:
        records = committed.transaction.ledger if ledger else committed.transaction.states
        latest.update({(one.key or b"").removeprefix(LEDGER_PREFIX): one.value for one in records})
    return {key: value for key, value in latest.items() if value is not None}


def _told_by_states(customers: Iterable[Customer], versions: Mapping[int, Program], stages: frozenset[str]) -> Counts:
    told: Counts = Counter()
    for customer in customers:
        persona, way = persona_of(customer.way), way_of(customer.way)
        told["in", persona, customer.stage] += 1
        for stage in stages.intersection(stages_in(customer.visited, versions[customer.version].stages)):
            told["been in", persona, stage] += 1
        told["followed", persona] += way != UNKNOWN
        told["on the way", persona] += way == ON
        if isinstance(customer.way, Course) and customer.way.detour is not None:
            told["on a detour", *customer.way.detour] += 1
    return told


def _counted(ledger: JourneyLedger, stages: frozenset[str]) -> Counts:
    counted: Counts = Counter()
    for _, page in ledger.of("moves"):
        for (persona, source, to, *_), (count, _, first) in page.cells().items():
            counted["in", persona, to] += count
            if source is not None:
                counted["in", persona, source] -= count
            if to in stages:
                counted["been in", persona, to] += first
    for _, page in ledger.of("ways"):
        for (persona, stage, _), (followed, on_way, joined, _, _, been) in page.cells().items():
            counted["followed", persona] += followed
            counted["on the way", persona] += on_way
            if stage is not None:
                counted["in", persona, stage] += joined
            if stage in stages:
                counted["been in", persona, stage] += been
    for _, page in ledger.of("detours"):
        for detour, (_, times, ended, _) in page.cells().items():
            counted["on a detour", *detour] += times - ended
    return counted
