"""Every record of the corpus ends as it must, quickly, and in any mixture all records are accounted for."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from etapa.contracts.incoming.rejected import REASONS, Rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.contracts.rfc3339 import parse_time
from tests.simulation.one_worker.alone import OPTIONS, Alone

WALL = parse_time("2026-12-01T00:00:00Z")
_FIELDS = '"id":"e","customer_id":"c-1","type":"purchase","occurred_at":"2026-01-01T00:00:00Z"'
_WORDS = {
    "FIELDS": _FIELDS,
    "OPEN": "{" + _FIELDS + ',"properties":',
    "CLOSE": "}",
    "AT": '{"id":"e","customer_id":"c-1","type":"t","occurred_at":"',
    "END": '"}',
}
CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("records.yaml").read_text("utf-8"))


def piece(written: Any, before: int) -> bytes:
    if isinstance(written, str):
        return _WORDS.get(written, written).encode()
    times = written.get("times", 1)
    if "numbered" in written:
        return "".join(str(written["numbered"]).replace("%d", str(number)) for number in range(times)).encode()
    if "fill" in written:
        return str(written["fill"]).encode() * int(written["to"] - before)
    return (bytes.fromhex(written["hex"]) if "hex" in written else str(written["text"]).encode()) * int(times)


def record(case: dict[str, Any]) -> tuple[bytes | None, bytes | None]:
    """The key and value of a case."""
    key = case.get("key", {"text": "c-1"})
    if "value" not in case:
        return None if key is None else piece(key, 0), None
    value = b""
    for written in case["value"]:
        value += piece(written, len(value))
    return None if key is None else piece(key, 0), value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_record_ends_as_it_must(case: dict[str, Any]) -> None:
    decoded = decode_touchpoint(*record(case), TouchpointLimits(), WALL)
    assert (decoded.reason if isinstance(decoded, Rejected) else "taken") == case["ends"]


def test_every_reason_that_a_record_can_have_by_itself_is_in_the_corpus() -> None:
    by_other_things = {"evaluation_failed", "from_the_past", "link_cycle", "two_known"}
    assert {case["ends"] for case in CASES} == {"taken", *REASONS} - by_other_things


@pytest.mark.parametrize("seed", range(2))
def test_all_records_of_a_hostile_partition_are_accounted_for_and_their_dead_letters_are_the_originals(seed: int) -> None:
    records = [record(case) for case in CASES if case["name"] != "sixteen mebibytes of zeros"]
    Random(seed).shuffle(records)
    alone = Alone(OPTIONS)
    for key, value in records:
        alone.broker.append(key, value, (("trace", b"\x00\xff"),))
        alone.touch("bystander", id=f"b{alone.broker.end_offset}")
    alone.run(alone.drain())
    batches = alone.told.batches
    assert sum(batch.applied + batch.duplicates + sum(batch.dead_letters.values()) for batch in batches) == 2 * len(records)
    assert alone.told.takeovers == ["assigned"]
    by_offset = {one.offset: one for one in alone.broker.touchpoints}
    letters = [letter for committed in alone.broker.committed for letter in committed.transaction.dead_letters]
    assert len(letters) == sum(sum(batch.dead_letters.values()) for batch in batches) > 50
    for published in letters:
        letter = decode_dead_letter(published.key, published.value, published.headers)
        original = by_offset[letter.offset]
        assert (letter.key, letter.value, tuple(letter.headers)) == (original.key, original.value, tuple(original.headers))
    assert alone.redis.customers["bystander"].stage == "active"
