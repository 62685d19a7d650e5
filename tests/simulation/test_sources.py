"""Records through a source in the worker: the same as touchpoints converted beforehand, each counted, even if a worker dies inside one."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.schemas import SchemaNeeded, SchemaReader, SchemasAway
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.mark import Begun
from etapa.journey.units import DAY
from etapa.registry.schema_readers import JsonReader
from etapa.sources.decoding import SourceDecoder
from etapa.sources.record_outcome import Mapped
from etapa.stream.protocol.intake import Intake
from etapa.stream.protocol.tenures import inflow
from tests.simulation.one_worker.alone import OPTIONS, START, Alone
from tests.simulation.worlds.sourced import TEXT, SourcedWorld, source_decoder

DECODER = source_decoder()
SOURCED = msgspec.structs.replace(OPTIONS, decoder=DECODER)


def visits(number: int) -> list[tuple[bytes, bytes]]:
    """Records of three customers, each with several touchpoints days apart, so that timers fire in between."""
    records = []
    for visit in range(number):
        customer = f"c{visit % 3}"
        batch = [
            {
                "id": f"{visit}-{place}",
                "customer_id": customer,
                "type": ("purchase", "view", "complaint")[(visit + place) % 3],
                "occurred_at": format_time(START - 400 * DAY + (visit * 7 + place) * DAY),
            }
            for place in range(visit % 5 + 1)
        ]
        records.append((customer.encode(), json.dumps({"batch": batch}).encode()))
    return records


def published(alone: Alone) -> tuple[list[Any], list[Any], dict[str, Any]]:
    transactions = [committed.transaction for committed in alone.broker.committed]
    changes = [(one.key, one.value) for each in transactions for one in each.stage_changes]
    triggers = [(one.key, one.value) for each in transactions for one in each.campaign_triggers]
    return changes, triggers, {customer_id: customer.state for customer_id, customer in alone.redis.customers.items()}


@pytest.mark.parametrize("bounds", [{}, {"max_records": 1}, {"max_records": 2, "max_fired": 1}, {"max_timers": 1}])
def test_a_source_in_the_worker_gives_to_the_byte_what_converting_first_gives(bounds: dict[str, int]) -> None:
    records = visits(40)
    sourced, converted = Alone(msgspec.structs.replace(SOURCED, **bounds)), Alone()
    for key, value in records:
        sourced.broker.append(key, value, (), sourced.now())
        for outcome in DECODER.mapper.outcomes(json.loads(value), TouchpointLimits()):
            assert isinstance(outcome, Mapped)
            converted.broker.append(key, outcome.json, (), converted.now())
    sourced.run(sourced.drain())
    converted.run(converted.drain())
    assert published(sourced) == published(converted)
    assert len(published(sourced)[0]) > 40


def test_a_worker_that_dies_in_the_middle_of_a_record_leaves_the_rest_of_it_and_no_more() -> None:
    alone = Alone(msgspec.structs.replace(SOURCED, max_records=2))
    (key, value), *others = visits(5)[4:] + visits(4)
    alone.broker.append(key, value, (), alone.now())
    for other in others:
        alone.broker.append(*other, (), alone.now())
    alone.run(alone.work_until(lambda: len(alone.broker.committed) >= 1))
    mark = alone.last_mark()
    assert mark is not None
    assert mark.begun is not None
    taken = mark.begun.taken
    assert (mark.through, mark.begun.of, 0 < taken < 5) == (-1, 5, True)
    before = len(alone.told.batches)
    alone.process.kill()
    alone.worker()
    alone.run(alone.drain())
    after = alone.told.batches[before:]
    assert sum(batch.applied for batch in after) == 5 - taken + 1 + 2 + 3 + 4
    assert sum(batch.duplicates for batch in alone.told.batches) == 0


def test_a_record_that_another_source_reads_otherwise_is_begun_again_and_what_was_taken_is_a_duplicate() -> None:
    alone = Alone(msgspec.structs.replace(SOURCED, max_records=2))
    batch = json.loads(visits(5)[4][1])["batch"]
    record = {"batch": batch, "new": [*batch, {**batch[0], "id": "one-more"}]}
    alone.broker.append(b"c1", json.dumps(record).encode(), (), alone.now())
    alone.run(alone.work_until(lambda: len(alone.broker.committed) >= 1))
    mark = alone.last_mark()
    assert mark is not None
    assert mark.begun is not None
    taken = mark.begun.taken
    before = len(alone.told.batches)
    alone.worker(msgspec.structs.replace(SOURCED, decoder=source_decoder(TEXT.replace("each: batch", "each: new"))))
    alone.run(alone.drain())
    after = alone.told.batches[before:]
    assert (sum(one.duplicates for one in after), sum(one.applied for one in after)) == (taken, 6 - taken)


def test_every_record_is_touchpoints_skipped_or_one_dead_letter_and_the_counts_add_up() -> None:
    alone = Alone(msgspec.structs.replace(SOURCED, max_records=3))
    good = json.loads(visits(5)[4][1])["batch"]
    records: list[tuple[bytes | None, bytes | None]] = [
        (b"c1", json.dumps({"batch": good}).encode()),
        (b"c1", json.dumps({"batch": [{"type": "ping"}, {"type": "ping"}]}).encode()),
        (b"c1", json.dumps({"batch": []}).encode()),
        (b"c1", json.dumps({"batch": [{"type": "ping"}, *({**one, "id": f"again {one['id']}"} for one in good), {}, 5, {}]}).encode()),
        (b"c2", json.dumps({"batch": good[:1]}).encode()),
        (None, json.dumps({"batch": good[:1]}).encode()),
        (b"c1", b"nonsense"),
        (b"c1", b"\0\0\0\0\7avro"),
        (b"c1", None),
    ]
    for key, value in records:
        alone.broker.append(key, value, (("trace", b"1"),), alone.now())
    alone.run(alone.drain())
    letters = [decode_dead_letter(one.key, one.value, one.headers) for one in alone.broker.dead_letters]
    assert [(letter.offset, letter.reason) for letter in letters] == [
        (3, "invalid"),
        (4, "key_mismatch"),
        (5, "key_mismatch"),
        (6, "not_json"),
        (7, "not_json"),
        (8, "invalid"),
    ]
    assert [(letter.key, letter.value, list(letter.headers)) for letter in letters] == [
        (*records[letter.offset], [("trace", b"1")]) for letter in letters
    ]
    assert "framed for a schema registry" in letters[4].detail
    counts = [batch.source for batch in alone.told.batches if batch.source is not None]
    outcomes = {name: sum(one.records.get(name, 0) for one in counts) for name in ("touchpoints", "skipped", "dead_letter")}
    assert outcomes == {"touchpoints": 1, "skipped": 2, "dead_letter": 6}
    skipped = {rule: sum(one.skipped.get(rule, 0) for one in counts) for rule in ("skip 1: type", "`batch` is empty")}
    assert skipped == {"skip 1: type": 3, "`batch` is empty": 1}
    assert sum(one.rejected for one in counts) == 3 + 5
    assert sum(batch.applied + batch.duplicates for batch in alone.told.batches) == 5 + 5


def test_a_record_of_ten_thousand_is_worked_off_in_batches_of_bounded_size() -> None:
    alone = Alone(msgspec.structs.replace(SOURCED, max_records=500))
    batch = [{"id": f"e{n}", "customer_id": "c", "type": "view", "occurred_at": format_time(START - DAY + n)} for n in range(6_000)]
    for _ in range(2):
        alone.broker.append(b"c", json.dumps({"batch": batch}).encode(), (), alone.now())
    alone.run(alone.drain())
    assert max(one.arrivals.count for one in alone.told.batches) == 500
    assert sum(one.applied + one.duplicates for one in alone.told.batches) == 12_000


@pytest.mark.parametrize("seed", range(40))
def test_worlds_with_a_source_hold_every_invariant(seed: int) -> None:
    assert SourcedWorld(seed).run().violations == []


def test_a_touchpoint_that_is_passed_over_in_the_middle_of_a_record_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(decoder: Decoder, begun: Begun | None, next_offset: int) -> Intake:
        return Intake(decoder, None if begun is None else msgspec.structs.replace(begun, taken=begun.taken + 1), next_offset)

    monkeypatch.setattr(inflow, "Intake", careless)
    assert any(SourcedWorld(seed).run().violations for seed in range(40))


def test_a_source_reads_a_record_without_its_key_for_whoever_looks_for_the_customer() -> None:
    decoder: SourceDecoder = source_decoder()
    (_, value), (_, other) = visits(2)
    found = decoder.read(value, None, START)
    assert getattr(found, "customer_id", None) == "c0"
    both = {"batch": json.loads(value)["batch"] + json.loads(other)["batch"]}
    assert getattr(decoder.read(json.dumps(both).encode(), None, START), "reason", None) == "invalid"


class ShelfThatGoesAway:
    """Schemas of a registry that is unavailable until told otherwise, and has no schema 9."""

    def __init__(self) -> None:
        self.is_away = True
        self.known: set[int] = set()
        self.asked = 0

    def reader(self, number: int) -> SchemaReader | Rejected:
        if number not in self.known:
            raise SchemaNeeded(number)
        return rejected("invalid", "the registry has no schema 9") if number == 9 else JsonReader()

    def fetch(self, number: int) -> None:
        raise NotImplementedError

    async def learn(self, number: int) -> None:
        self.asked += 1
        if self.is_away:
            raise SchemasAway(number, "connection refused")
        self.known.add(number)


def test_a_partition_waits_for_a_registry_that_is_away_and_makes_no_dead_letters_of_it() -> None:
    shelf = ShelfThatGoesAway()
    alone = Alone(msgspec.structs.replace(OPTIONS, decoder=SourceDecoder(DECODER.mapper, TouchpointLimits(), shelf)))
    records = visits(6)
    for place, (key, value) in enumerate(records):
        # A blank, so that it is not taken for JSON, which needs no schema.
        alone.broker.append(key, (b"\0\0\0\0" + bytes([7 + place % 2]) + b" " + value) if place else value, (), alone.now())
    alone.broker.append(b"c0", b"\0\0\0\0\x09" + b"whatever", (), alone.now())
    worker = alone.task

    async def scenario() -> None:
        running = asyncio.get_running_loop().create_task(worker.run())
        await alone.until(lambda: shelf.asked > 5)
        assert not worker.ready
        assert worker.trouble == "schemas_away: schema 8 cannot be loaded: connection refused"
        assert alone.told.takeovers[-1] == "schemas_away"
        assert not alone.broker.committed
        shelf.is_away = False
        await alone.until(lambda: worker.ready and alone.drained())
        worker.request_stop()
        await running

    alone.run(scenario())
    applied = sum(batch.applied for batch in alone.told.batches)
    assert applied == sum(len(json.loads(value)["batch"]) for _, value in records)
    assert [reason for batch in alone.told.batches for reason in batch.dead_letters] == ["invalid"]
