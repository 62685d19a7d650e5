"""Compares the ledger that a view shows with what was published, and with the ledger of the record-by-record run."""

from collections import Counter
from collections.abc import Mapping, Sequence

from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.stored.ledger_page import DENIED_PREFIX, decode_bundle, page_key_of
from etapa.journey.ledger.ledger import JourneyLedger, fold
from etapa.journey.ledger.page import PageKey
from etapa.journey.ledger.periods import KeptPeriods, kept_period, start_of
from tests.simulation.machines.memory_log import MemoryBroker
from tests.simulation.machines.memory_view import MemoryRedis


def ledger_against_changes(broker: MemoryBroker, redis: MemoryRedis, ideals: Mapping[int, Sequence[str]]) -> list[str]:
    """Moves are the published stage changes, one by one, and as many customers are on the ideal way as these say. `ideals` by version."""
    published: Counter[tuple[str | int | None, ...]] = Counter()
    on_way: dict[str, bool] = {}
    for committed in broker.committed:
        for outgoing in committed.transaction.stage_changes:
            change = decode_stage_change(outgoing.value or b"")
            published[change.source, change.to, change.cause, change.rule] += 1
            published["followed",] += change.source is None
            ideal = ideals[change.version]
            # Whoever was forgotten begins anew.
            was = change.source is not None and on_way.get(change.customer_id, False)
            step = (change.source, change.to)
            is_on = (was or change.source is None) and step in zip((None, *ideal), ideal, strict=False)
            published["on way", "led there"] += is_on and not was
            published["on way", "led off"] += was and not is_on
            on_way[change.customer_id] = is_on
    counted: Counter[tuple[str | int | None, ...]] = Counter()
    for _, page in _shown_ledger(redis).of("moves"):
        for (_, *move), (count, _, followed, change_in_number) in page.cells().items():
            counted[tuple(move)] += count
            counted["followed",] += followed
            counted["on way", "led there" if change_in_number > 0 else "led off"] += abs(change_in_number)
    if counted != published:
        more, fewer = sorted((counted - published).items(), key=repr), sorted((published - counted).items(), key=repr)
        return [f"the ledger counts moves that were not published, {more}, or lacks some that were, {fewer}"]
    return []


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
