"""A stage change as a record, and back."""

import json

import msgspec
import pytest

from etapa.contracts.outgoing.stage_change import ChangeWriter, decode_stage_change, encode_stage_change, stage_change_json
from etapa.contracts.record_body import read_body
from etapa.journey.engine.facts.changes import Clause
from etapa.journey.engine.facts.stage_change import StageChange
from tests.support.stage_changes import stage_change

LOYAL = StageChange(
    customer_id="niño-42",
    sequence=3,
    source="purchase",
    to="loyalty",
    phase="post-purchase",
    at=1_795_255_200_000_000,
    cause="touchpoint",
    rule="loyal-by-frequency",
    because=(Clause("count(purchase, 90d) >= 3", 3), Clause("absent(complaint, 30d)", None)),
    touchpoint_id="e-1",
    channel="whatsapp",
    dwell=864_000_000_000,
)
NEW = stage_change(None, "discovery", at=250_000, touchpoint_id="e-0")


def test_the_value_has_every_field_in_the_order_of_the_contract() -> None:
    _, value, _ = encode_stage_change(LOYAL, "retail", 3)
    assert value.decode() == (
        '{"id":"niño-42/3","customer_id":"niño-42","sequence":3,"from":"purchase","to":"loyalty","phase":"post-purchase",'
        '"at":"2026-11-21T10:00:00Z","cause":"touchpoint","rule":"loyal-by-frequency",'
        '"because":[{"condition":"count(purchase, 90d) >= 3","observed":3},{"condition":"absent(complaint, 30d)","observed":null}],'
        '"touchpoint_id":"e-1","channel":"whatsapp","dwell_seconds":864000.0,"journey":"retail","version":3}'
    )
    assert stage_change_json(LOYAL, "retail", 3) == value


def test_what_is_not_known_is_null_and_never_left_out() -> None:
    new, loyal = (json.loads(stage_change_json(change, "retail", 3)) for change in (NEW, LOYAL))
    assert list(new) == list(loyal)
    assert {name for name, value in new.items() if value is None} == {"from", "phase", "rule", "channel", "dwell_seconds"}
    assert new["at"] == "1970-01-01T00:00:00.250000Z"


@pytest.mark.parametrize("change", [LOYAL, NEW])
def test_the_body_of_a_record_holds_its_key_value_and_headers(change: StageChange) -> None:
    bodies = bytearray(b"before")
    end = ChangeWriter("retail", 3).append_to(bodies, change)
    assert end == len(bodies)
    assert bodies.startswith(b"before")
    key, value, headers = read_body(bytes(bodies[6:]))
    assert (key, value, headers) == encode_stage_change(change, "retail", 3)


def test_the_key_is_the_customer() -> None:
    key, _, _ = encode_stage_change(LOYAL, "retail", 3)
    assert key == "niño-42".encode()


def test_the_headers_are_a_cloud_event_in_binary_mode() -> None:
    _, _, headers = encode_stage_change(LOYAL, "retail", 3)
    assert {name: value.decode() for name, value in headers} == {
        "ce_specversion": "1.0",
        "ce_id": "niño-42/3",
        "ce_type": "etapa.stage-change",
        "ce_source": "etapa/retail",
        "ce_time": "2026-11-21T10:00:00Z",
        "ce_subject": "niño-42",
        "content-type": "application/json",
    }


@pytest.mark.parametrize("change", [LOYAL, NEW])
def test_a_reader_gets_back_what_the_core_said(change: StageChange) -> None:
    message = decode_stage_change(stage_change_json(change, "retail", 3))
    assert message.change() == change
    assert (message.journey, message.version) == ("retail", 3)


def test_what_is_no_stage_change_is_an_error() -> None:
    for value in (b"", b"{}", b"[]", stage_change_json(NEW, "retail", 3).replace(b'"touchpoint"', b'"weather"')):
        with pytest.raises(msgspec.DecodeError):
            decode_stage_change(value)
