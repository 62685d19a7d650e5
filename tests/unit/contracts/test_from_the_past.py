"""Clocks at zero: touchpoints from before a journey's `accept_from` are refused."""

import asyncio
import io
import json

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint import JsonDecoder
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import parse_time
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise, load_journey
from etapa.rehearsal.summary import Summary, simulate
from etapa.stream.protocol.batch import decode
from etapa.stream.protocol.records import Record

START = parse_time("2026-12-01T00:00:00Z")
HEAD = "journey: t\nversion: 1\nstages: [{id: a}]\nrules: []\n"


def value(at: str) -> bytes:
    return json.dumps({"id": "e", "customer_id": "c-1", "type": "t", "occurred_at": at}).encode()


@pytest.mark.parametrize(
    ("written", "taken", "refused"),
    [
        ("", "2000-01-01T00:00:00Z", "1999-12-31T23:59:59.999999Z"),
        ("", "2000-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("accept_from: 2026-03-01T00:00:00+01:00\n", "2026-02-28T23:00:00Z", "2026-02-28T22:59:59Z"),
        ("accept_from: 1950-01-01T00:00:00Z\n", "1950-01-01T00:00:00Z", "1949-12-31T00:00:00Z"),
    ],
)
def test_a_touchpoint_from_before_is_refused_in_words(written: str, taken: str, refused: str) -> None:
    journey = journey_or_raise(HEAD + written, "t.yaml")
    records = [Record(number, 0, b"c-1", value(at)) for number, at in enumerate((taken, refused))]

    async def pause() -> None:
        pass

    read = asyncio.run(decode(records, JsonDecoder(TouchpointLimits()), START, 10, pause, journey.accept_from)).items
    assert isinstance(read[0], Touchpoint)
    assert isinstance(read[1], Rejected)
    assert read[1].reason == "from_the_past"
    assert "(accept_from)" in read[1].detail


def test_simulate_takes_none_either_and_says_so() -> None:
    journey = journey_or_raise(HEAD, "t.yaml")
    summary = Summary(journey)
    lines = io.BytesIO(value("1970-01-01T00:00:00Z") + b"\n" + value("2026-01-01T00:00:00Z"))
    assert len(list(simulate(compile_journey(journey), journey, lines, summary=summary))) == 1
    assert summary.rejected == {"from_the_past": 1}
    assert "from_the_past" in [finding.kind for finding in summary.findings]


@pytest.mark.parametrize("text", ["2026-01-01", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "1", "today"])
def test_a_time_in_a_journey_file_has_an_offset_and_is_there(text: str) -> None:
    errors = [str(finding) for finding in load_journey(HEAD + f"accept_from: {text}\n", "t.yaml").findings if finding.severity == "error"]
    assert len(errors) == 1
    assert "expected a time with an offset, such as 2026-12-01T00:00:00Z" in errors[0]


def test_what_is_finer_than_a_microsecond_is_cut() -> None:
    journey = journey_or_raise(HEAD + "campaigns_from: 2026-01-01T00:00:00.1234569Z\n", "t.yaml")
    assert journey.campaigns_from == parse_time("2026-01-01T00:00:00.123456Z")
