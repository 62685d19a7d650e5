"""Laws of sources: whatever a record holds, it is a touchpoint, skipped, or a dead letter, and the same one every time."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etapa.contracts.incoming.rejected import LONGEST_DETAIL, Rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint import read_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.sources import presets
from etapa.sources.decoding import SourceDecoder
from etapa.sources.file_records import decode_json
from etapa.sources.language.loading import load_source
from etapa.sources.mapping import Mapper
from etapa.sources.record_outcome import Mapped

LIMITS = TouchpointLimits(max_bytes=20_000)
TIGHT = TouchpointLimits(max_bytes=300)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=8
)
often = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def mapper_of(name: str) -> Mapper:
    source = load_source(presets.text_of(name), name).source
    assert source is not None
    return Mapper(source)


MAPPERS = {name: mapper_of(name) for name in presets.names()}


def damaged(record: Any, data: st.DataObject) -> Any:
    """The record with some of its parts replaced by anything."""
    if isinstance(record, dict):
        return {key: data.draw(values) if data.draw(st.integers(0, 7)) == 0 else damaged(value, data) for key, value in record.items()}
    if isinstance(record, list):
        return [damaged(value, data) for value in record]
    return record


def record_bytes(name: str, data: st.DataObject) -> bytes:
    """A record as it may arrive: a damaged one from the tests, any other value, or bytes that are no value."""
    given_record = data.draw(st.sampled_from([trial.given for trial in MAPPERS[name].source.trials]))
    record = damaged(given_record, data) if data.draw(st.booleans()) else data.draw(values)
    written = msgspec.json.encode(record)
    if data.draw(st.integers(0, 5)) == 0:
        at = data.draw(st.integers(0, len(written)))
        written = written[:at] + data.draw(st.binary(max_size=4)) + written[at + data.draw(st.integers(0, 4)) :]
    return written


@pytest.mark.parametrize("name", presets.names())
@often
@given(data=st.data())
def test_whatever_a_record_holds_it_has_an_outcome(name: str, data: st.DataObject) -> None:
    mapper = MAPPERS[name]
    record = decode_json(record_bytes(name, data), mapper.json)
    if isinstance(record, Rejected):
        return
    outcomes = mapper.outcomes(record, LIMITS)
    assert outcomes
    assert outcomes == mapper.outcomes(record, LIMITS)
    for outcome in outcomes:
        if isinstance(outcome, Mapped):
            assert read_touchpoint(outcome.json, mapper.limits(LIMITS), None) == outcome.touchpoint
        elif isinstance(outcome, Rejected):
            assert len(outcome.detail) <= LONGEST_DETAIL
        else:
            assert isinstance(outcome, SkippedRecord)
            assert outcome.rule


@pytest.mark.parametrize("name", presets.names())
@often
@given(data=st.data())
def test_decoding_only_what_a_source_reads_changes_nothing(name: str, data: st.DataObject) -> None:
    mapper = MAPPERS[name]
    given_record = data.draw(st.sampled_from([trial.given for trial in mapper.source.trials]))
    record = damaged(given_record, data)
    try:
        written = msgspec.json.encode(record)
        whole = msgspec.json.decode(written)
    except (msgspec.DecodeError, UnicodeError, OverflowError):
        return
    assert mapper.outcomes(mapper.json.decode(written), LIMITS) == mapper.outcomes(whole, LIMITS)


@pytest.mark.parametrize("name", presets.names())
@pytest.mark.parametrize("limits", [LIMITS, TIGHT], ids=["roomy", "tight"])
@often
@given(data=st.data())
def test_a_worker_makes_of_a_record_what_converting_it_would(name: str, limits: TouchpointLimits, data: st.DataObject) -> None:
    written = record_bytes(name, data)
    items = SourceDecoder(MAPPERS[name], limits).items(b"somebody", written, (), 0, NEVER)
    record = decode_json(written, MAPPERS[name].json)
    if len(written) > limits.max_bytes or isinstance(record, Rejected):
        assert [type(item) for item in items] == [Rejected]
        return
    outcomes = MAPPERS[name].outcomes(record, limits)
    assert len(items) == len(outcomes)
    for item, outcome in zip(items, outcomes, strict=True):
        if isinstance(outcome, Mapped) and outcome.touchpoint.customer_id != "somebody":
            assert isinstance(item, Rejected)
            assert item.reason == "key_mismatch"
            key = outcome.touchpoint.customer_id.encode()
            (own,) = [
                each
                for each, same in zip(SourceDecoder(MAPPERS[name], limits).items(key, written, (), 0, NEVER), outcomes, strict=True)
                if same is outcome
            ]
            assert own == outcome.touchpoint
        else:
            assert item == (outcome.touchpoint if isinstance(outcome, Mapped) else outcome)
            assert isinstance(item, Touchpoint | Rejected | SkippedRecord)
