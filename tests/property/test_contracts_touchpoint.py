"""Laws about input: whatever the bytes, a record is a touchpoint or has a reason why it is not."""

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from etapa.contracts.incoming.placeholder_ids import names_nobody
from etapa.contracts.incoming.rejected import LONGEST_DETAIL, REASONS, Rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint, read_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import decode_dead_letter, encode_dead_letter
from etapa.contracts.rfc3339 import EARLIEST, LATEST, format_time, parse_time
from etapa.journey.engine.facts.touchpoint import Touchpoint

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "schemas" / "touchpoint.schema.json").read_text("utf-8")),
    format_checker=Draft202012Validator.FORMAT_CHECKER,
)
LIMITS = TouchpointLimits(max_bytes=20_000)
WALL = parse_time("2026-12-01T00:00:00Z")
BOUNDED = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Lone surrogates cannot be encoded as UTF-8, so no JSON text contains them.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12)
objects = st.dictionaries(texts, values, max_size=4)
identifiers = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256)
customer_ids = identifiers.filter(lambda text: not names_nobody(text, LIMITS.placeholder_ids))
times = st.integers(EARLIEST, WALL).map(format_time)
touchpoints = st.fixed_dictionaries(
    {"id": identifiers, "customer_id": customer_ids, "type": identifiers.map(lambda text: text[:128]), "occurred_at": times},
    optional={"channel": st.none() | texts, "properties": st.none() | objects, "traits": st.none() | objects},
)


def accounted_for(key: bytes | None, value: bytes | None) -> Touchpoint | Rejected:
    """Decode one record; the result must be publishable."""
    decoded = decode_touchpoint(key, value, LIMITS, WALL)
    if isinstance(decoded, Rejected):
        assert decoded.reason in REASONS
        assert 0 < len(decoded.detail) <= LONGEST_DETAIL
        assert decoded.detail.splitlines() == [decoded.detail]
        letter = decode_dead_letter(*encode_dead_letter(key, value, (), decoded, "touchpoints", 0, 0))
        assert (letter.key, letter.value, letter.reason, letter.detail) == (key, value, decoded.reason, decoded.detail)
    else:
        assert decoded.customer_id.encode() == key
        assert EARLIEST <= decoded.at <= LATEST
        json.dumps([decoded.id, decoded.customer_id, decoded.type, decoded.channel, decoded.properties, decoded.traits], allow_nan=False)
    return decoded


@BOUNDED
@given(touchpoints, st.booleans())
def test_every_touchpoint_of_the_schema_is_taken_with_all_it_says(touchpoint: dict[str, Any], ascii_only: bool) -> None:
    SCHEMA.validate(touchpoint)
    value = json.dumps(touchpoint, ensure_ascii=ascii_only).encode()
    read = accounted_for(touchpoint["customer_id"].encode(), value)
    assert isinstance(read, Touchpoint), read
    assert (read.id, read.customer_id, read.type, read.channel, read.properties, read.traits) == (
        touchpoint["id"],
        touchpoint["customer_id"],
        touchpoint["type"],
        touchpoint.get("channel"),
        touchpoint.get("properties") or {},
        touchpoint.get("traits") or {},
    )
    assert format_time(read.at) == touchpoint["occurred_at"]


@BOUNDED
@given(
    touchpoints,
    st.sampled_from(["id", "customer_id", "type", "occurred_at", "channel", "properties", "traits"]),
    values | st.just("9999-99-99T99:99:99Z") | st.just("x" * 300),
)
def test_what_the_schema_refuses_is_refused(touchpoint: dict[str, Any], name: str, value: Any) -> None:
    changed = touchpoint | {name: value}
    if not SCHEMA.is_valid(changed):
        rejected = read_touchpoint(json.dumps(changed).encode(), LIMITS, WALL)
        assert isinstance(rejected, Rejected)
        assert rejected.reason == "invalid"


@BOUNDED
@given(st.none() | st.binary(max_size=40), st.none() | st.binary(max_size=400))
@example(b"c", b"")
def test_arbitrary_bytes_are_accounted_for(key: bytes | None, value: bytes | None) -> None:
    accounted_for(key, value)


PIECES = rb"""
{ } [ ] , : " \ "id" "customer_id" "type" "occurred_at" "properties" "traits" "2026-11-21T10:00:00Z" "2026-11-21T10:00:00"
NaN -Infinity 1e999 -0 null true \ud800 \u0000
""".split()
json_pieces = st.lists(
    st.sampled_from([*PIECES, b"9" * 30, b"\xff", b"\xed\xa0\x80", b"\x00", b"[" * 200, b'{"a":' * 200, b" \r\n\t"]), max_size=60
).map(b"".join)


@BOUNDED
@given(json_pieces)
def test_scrambled_json_is_accounted_for(value: bytes) -> None:
    accounted_for(b"c", value)


@BOUNDED
@given(touchpoints, st.data())
def test_a_mutated_touchpoint_is_accounted_for(touchpoint: dict[str, Any], data: st.DataObject) -> None:
    value = bytearray(json.dumps(touchpoint, ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(value)))
        end = data.draw(st.integers(start, min(len(value), start + 8)))
        value[start:end] = data.draw(st.binary(max_size=4) | json_pieces)
    accounted_for(touchpoint["customer_id"].encode(), bytes(value))


@BOUNDED
@given(touchpoints, st.integers(0, 3000))
def test_padding_beyond_the_size_limit_is_refused(touchpoint: dict[str, Any], padding: int) -> None:
    value = json.dumps(touchpoint).encode()
    limits = TouchpointLimits(max_bytes=len(value) + 1000)
    read = read_touchpoint(value + b" " * padding, limits, WALL)
    assert isinstance(read, Rejected) == (padding > 1000)
    assert not isinstance(read, Rejected) or read.reason == "too_large"
