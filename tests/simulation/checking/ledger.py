"""Compares the ledger that a view shows with what was published, and with the ledger of the record-by-record run."""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import reduce
from itertools import chain

from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.stored.ledger_page import DENIED_PREFIX, LINKED_PREFIX, decode_bundle, page_key_of
from etapa.journey.engine.judging.program import Program
from etapa.journey.ledger.ledger import JourneyLedger, fold
from etapa.journey.ledger.page import PageKey
from etapa.journey.ledger.periods import KeptPeriods, kept_period, start_of
from tests.simulation.checking.ways import FollowedWays
from tests.simulation.machines.memory_log import MemoryBroker
from tests.simulation.machines.memory_view import MemoryRedis


def common_stages(versions: Mapping[int, Program]) -> frozenset[str]:
    """The stages that all versions of the journey have."""
    return reduce(frozenset.intersection, (frozenset(program.stages) for program in versions.values()))


def ledger_against_changes(broker: MemoryBroker, redis: MemoryRedis, versions: Mapping[int, Program]) -> list[str]:
    """Moves are the published stage changes, one by one, and what else is counted of them is as these say."""
    frames = {version: program.journey.design.frame for version, program in versions.items()}
    ideals = {version: () if frame is None else frame.ideal for version, frame in frames.items()}
    stages = common_stages(versions)
    published: Counter[tuple[str | int | None, ...]] = Counter()
    ways = FollowedWays(published)
    been: dict[str, set[str]] = {}
    for committed in broker.committed:
        for outgoing in committed.transaction.stage_changes:
            change = decode_stage_change(outgoing.value or b"")
            published["moves", change.source, change.to, change.cause, change.rule] += 1
            if change.source is None:
                # Whoever was forgotten begins anew.
                been[change.customer_id] = set()
            published["first", change.source, change.to] += change.to in stages - been[change.customer_id]
            been[change.customer_id].add(change.to)
            ways.moved(change.customer_id, change.source, change.to, change.rule, ideals[change.version])
    counted = _counted(ledger_shown(redis.ledger), stages)
    wrong = [each for each in {**counted, **published} if counted[each] != published[each]]
    return [f"the ledger has {counted[each]} of {each}, and published were {published[each]}" for each in sorted(wrong, key=repr)]


def _counted(shown: JourneyLedger, stages: AbstractSet[str]) -> Counter[tuple[str | int | None, ...]]:
    counted: Counter[tuple[str | int | None, ...]] = Counter()
    for _, page in shown.of("moves"):
        for (_, *move), (count, _, first) in page.cells().items():
            counted["moves", *move] += count
            if move[1] in stages:
                counted["first", *move[:2]] += first
    for _, page in shown.of("ways"):
        for (_, source, to), (followed, on_way, _, steps, deviations, _) in page.cells().items():
            # What is published does not tell who was forgotten.
            if to is not None:
                for what, number in (("followed", followed), ("on way", on_way), ("steps", steps), ("deviations", deviations)):
                    counted[what, source, to] += number
    for _, page in shown.of("detours"):
        for (_, source, to, rule), (_, times, _, _) in page.cells().items():
            counted["detours", source, to, rule] += times
    return counted


def ledger_against_reference(reference: JourneyLedger, redis: MemoryRedis, stream_time: int | None) -> list[str]:
    """Every figure equals that of the record-by-record run, in the periods that are to be kept at this stream time."""
    if stream_time is None:
        return [f"nothing was ever read, and the ledger has {sorted(redis.ledger)}"] if redis.ledger else []
    shown = ledger_shown(redis.ledger)
    fold(reference, stream_time)
    wrong = [
        f"{key.period} of {key.table} is kept no longer at stream time {stream_time}"
        for key in shown.page_keys()
        if kept_period(start_of(key.period), stream_time) != key.period
    ]
    kept = KeptPeriods(stream_time)
    wrong += [
        f"the record {name.decode()} is to be part of another at stream time {stream_time}"
        for name in redis.ledger
        if (key := page_key_of(name)) is not None and kept.outgrown_record(key.period) is not None
    ]
    pages = dict.fromkeys((*shown.page_keys(), *reference.page_keys()), (shown, reference))
    for key in sorted(pages):
        cells, wanted = (dict(ledger.opened(key).cells()) for ledger in pages[key])
        if cells != wanted:
            wrong.append(f"page {key.table} {key.period} of the ledger differs: want {wanted}, the view has {cells}")
    return wrong


def ledger_shown(*stored: Mapping[bytes, bytes]) -> JourneyLedger:
    """The sum of ledgers of partitions, from their pages by name."""
    ledger = JourneyLedger()
    for name, value in chain.from_iterable(pages.items() for pages in stored):
        key = page_key_of(name)
        if key is None:
            assert name.startswith((DENIED_PREFIX, LINKED_PREFIX)), name
            continue
        ledger.merge({PageKey(key.table, period): page for period, page in decode_bundle(key, value).pages().items()})
    return ledger
