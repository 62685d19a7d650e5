"""Laws of sources: whatever a record holds, it is a touchpoint, skipped, or a dead letter, and the same one every time."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etapa.contracts.rejected import LONGEST_DETAIL, Rejected
from etapa.contracts.touchpoint import read_touchpoint
from etapa.contracts.touchpoint_message import TouchpointLimits
from etapa.sources import presets
from etapa.sources.loading import load_source
from etapa.sources.mapping import Mapper
from etapa.sources.outcome import Mapped, SkippedRecord

LIMITS = TouchpointLimits(max_bytes=20_000)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=8
)


def mapper_of(name: str) -> Mapper:
    source = load_source(presets.text_of(name), name).source
    assert source is not None
    return Mapper(source)


MAPPERS = {name: mapper_of(name) for name in presets.names()}


def damaged(record: Any, data: st.DataObject) -> Any:
    """The record with some of what is in it replaced by anything."""
    if isinstance(record, dict):
        return {key: data.draw(values) if data.draw(st.integers(0, 7)) == 0 else damaged(value, data) for key, value in record.items()}
    if isinstance(record, list):
        return [damaged(value, data) for value in record]
    return record


@pytest.mark.parametrize("name", presets.names())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_whatever_a_record_holds_it_has_an_outcome(name: str, data: st.DataObject) -> None:
    mapper = MAPPERS[name]
    given_record = data.draw(st.sampled_from([trial.given for trial in mapper.source.trials]))
    record = damaged(given_record, data) if data.draw(st.booleans()) else data.draw(values)
    outcomes = mapper.outcomes(record, LIMITS)
    assert outcomes
    assert outcomes == mapper.outcomes(record, LIMITS)
    for outcome in outcomes:
        if isinstance(outcome, Mapped):
            assert read_touchpoint(outcome.json, LIMITS, None) == outcome.touchpoint
        elif isinstance(outcome, Rejected):
            assert len(outcome.detail) <= LONGEST_DETAIL
        else:
            assert isinstance(outcome, SkippedRecord)
            assert outcome.rule
