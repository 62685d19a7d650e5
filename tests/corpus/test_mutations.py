"""The corpus, cut up and recombined: every result is accepted or refused, and nothing else happens."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etapa.contracts.incoming.rejected import LONGEST_DETAIL, REASONS, Rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import decode_dead_letter, encode_dead_letter
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import load_journey
from tests.corpus import test_journeys, test_records

SHORT = 4_000
BOUNDED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
VALUES = [value for _, value in map(test_records.record, test_records.CASES) if value and len(value) <= SHORT]
TEXTS = [text for text in map(test_journeys.text_of, test_journeys.CASES) if 0 < len(text) <= SHORT]


@BOUNDED
@given(st.data())
def test_mutated_records_are_accounted_for(data: st.DataObject) -> None:
    value = bytearray(data.draw(st.sampled_from(VALUES)))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(value)))
        end = data.draw(st.integers(start, min(len(value), start + 40)))
        other = data.draw(st.sampled_from(VALUES))
        begin = data.draw(st.integers(0, len(other)))
        value[start:end] = other[begin : begin + data.draw(st.integers(0, 40))] + data.draw(st.binary(max_size=3))
    decoded = decode_touchpoint(b"c-1", bytes(value), TouchpointLimits(), test_records.WALL)
    if isinstance(decoded, Rejected):
        assert decoded.reason in REASONS
        assert 0 < len(decoded.detail) <= LONGEST_DETAIL
        letter = decode_dead_letter(*encode_dead_letter(b"c-1", bytes(value), (), decoded, "touchpoints", 0, 0))
        assert letter.value == bytes(value)


@BOUNDED
@given(st.data())
def test_mutated_journey_files_are_taken_or_refused(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 60)))
        other = data.draw(st.sampled_from(TEXTS))
        begin = data.draw(st.integers(0, len(other)))
        text = text[:start] + other[begin : begin + data.draw(st.integers(0, 60))] + data.draw(st.text(max_size=2)) + text[end:]
    loaded = load_journey(text, "mutated.yaml")
    assert (loaded.journey is None) == any(finding.severity == "error" for finding in loaded.findings)
    if loaded.journey is not None:
        compile_journey(loaded.journey)
