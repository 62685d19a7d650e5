"""Compares the ledger that a view shows with what was published, and with the ledger of the record-by-record run."""

from collections import Counter
from collections.abc import Mapping, Sequence

from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.stored.ledger_page import DENIED_PREFIX, decode_bundle, page_key_of
from etapa.journey.ledger.ledger import JourneyLedger, fold
from etapa.journey.ledger.page import PageKey
from etapa.journey.ledger.periods import KeptPeriods, kept_period, start_of
from tests.simulation.checking.ways import FollowedWays
from tests.simulation.machines.memory_log import MemoryBroker
from tests.simulation.machines.memory_view import MemoryRedis


def ledger_against_changes(broker: MemoryBroker, redis: MemoryRedis, ideals: Mapping[int, Sequence[str]]) -> list[str]:
    """Moves are the published stage changes, one by one, and the ideal way is as these say. `ideals` by version."""
    published: Counter[tuple[str | int | None, ...]] = Counter()
    ways = FollowedWays(published)
    for committed in broker.committed:
        for outgoing in committed.transaction.stage_changes:
            change = decode_stage_change(outgoing.value or b"")
            published["moves", change.source, change.to, change.cause, change.rule] += 1
            ways.moved(change.customer_id, change.source, change.to, change.rule, ideals[change.version])
    counted: Counter[tuple[str | int | None, ...]] = Counter()
    shown = _shown_ledger(redis)
    for _, page in shown.of("moves"):
        for (_, *move), (count, _) in page.cells().items():
            counted["moves", *move] += count
    for _, page in shown.of("ways"):
        for (_, source, to), (followed, on_way, _, steps, deviations) in page.cells().items():
            # What is published does not tell who was forgotten.
            if to is not None:
                for what, number in (("followed", followed), ("on way", on_way), ("steps", steps), ("deviations", deviations)):
                    counted[what, source, to] += number
    for _, page in shown.of("detours"):
        for (_, source, to, rule), (_, times, _, _) in page.cells().items():
            counted["detours", source, to, rule] += times
    wrong = [each for each in {**counted, **published} if counted[each] != published[each]]
    return [f"the ledger has {counted[each]} of {each}, and published were {published[each]}" for each in sorted(wrong, key=repr)]


def ledger_against_reference(reference: JourneyLedger, redis: MemoryRedis, stream_time: int | None) -> list[str]:
    """Every figure equals that of the record-by-record run, in the periods that are to be kept at this stream time."""
    if stream_time is None:
        return [f"nothing was ever read, and the ledger has {sorted(redis.ledger)}"] if redis.ledger else []
    shown = _shown_ledger(redis)
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


def _shown_ledger(redis: MemoryRedis) -> JourneyLedger:
    ledger = JourneyLedger()
    for name, value in redis.ledger.items():
        key = page_key_of(name)
        if key is None:
            assert name.startswith(DENIED_PREFIX), name
            continue
        ledger.merge({PageKey(key.table, period): page for period, page in decode_bundle(key, value).pages().items()})
    return ledger
