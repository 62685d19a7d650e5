"""What is accepted as a touchpoint, and what is refused with which reason."""

import json
from typing import Any

import pytest

from etapa.contracts.incoming.rejected import LONGEST_DETAIL, Rejected
from etapa.contracts.incoming.touchpoint import DEEPEST, JsonDecoder, decode_touchpoint, read_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import EARLIEST, LATEST, parse_time
from etapa.journey.engine.facts.touchpoint import Touchpoint

LIMITS = TouchpointLimits()
WALL = parse_time("2026-12-01T00:00:00Z")
GOOD: dict[str, Any] = {"id": "e-1", "customer_id": "c-42", "type": "purchase", "occurred_at": "2026-11-21T10:00:00Z"}


def text_of(**changed: Any) -> str:
    """A good touchpoint with some fields changed; `...` leaves a field out."""
    return json.dumps({name: value for name, value in {**GOOD, **changed}.items() if value is not ...})


def with_raw(name: str, raw: str) -> bytes:
    """A good touchpoint with one more field, written exactly as given."""
    return f'{text_of()[:-1]}, "{name}": {raw}}}'.encode("utf-8", "surrogatepass")


def read(value: bytes | str) -> Touchpoint:
    touchpoint = read_touchpoint(value.encode() if isinstance(value, str) else value, LIMITS, WALL)
    assert isinstance(touchpoint, Touchpoint), touchpoint
    return touchpoint


def refused(value: bytes | str | None, wall: int | None = WALL) -> Rejected:
    rejected = read_touchpoint(value.encode() if isinstance(value, str) else value, LIMITS, wall)
    assert isinstance(rejected, Rejected), rejected
    assert 0 < len(rejected.detail) <= LONGEST_DETAIL
    return rejected


def test_every_field_arrives() -> None:
    value = text_of(channel="whatsapp", properties={"amount": 120.5, "lines": [{"sku": "A"}]}, traits={"persona": "student"})
    assert decode_touchpoint(b"c-42", value.encode(), LIMITS, WALL) == Touchpoint(
        id="e-1",
        customer_id="c-42",
        type="purchase",
        at=1_795_255_200_000_000,
        channel="whatsapp",
        properties={"amount": 120.5, "lines": [{"sku": "A"}]},
        traits={"persona": "student"},
    )


def test_optional_fields_may_be_missing_or_null() -> None:
    assert read(text_of(channel=None, properties=None, traits=None)) == read(text_of())
    assert read(text_of()).properties == {}


def test_unknown_fields_are_ignored() -> None:
    assert read(text_of(session={"deep": [1, 2]}, schema="v7")) == read(text_of())


def test_the_last_of_repeated_keys_counts() -> None:
    assert read(with_raw("type", '"visit"')).type == "visit"
    assert read(with_raw("properties", '{"a": 1, "a": 2}')).properties == {"a": 2}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-21T10:00:00+00:00", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:00:00-00:00", "2026-11-21T10:00:00Z"),
        ("2026-11-21t10:00:00z", "2026-11-21T10:00:00Z"),
        ("2026-11-21 10:00:00Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21T06:00:00-04:00", "2026-11-21T10:00:00Z"),
        ("2026-11-21T15:30:00+0530", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:00:00.5Z", "2026-11-21T10:00:00.500000Z"),
        ("2026-11-21T10:00:00.1234564999Z", "2026-11-21T10:00:00.123456Z"),
        ("2026-11-21T10:00:00.1234565Z", "2026-11-21T10:00:00.123457Z"),
        ("2026-11-21T10:00:00.9999999Z", "2026-11-21T10:00:01Z"),
    ],
)
def test_times_are_read_to_the_microsecond(written: str, meant: str) -> None:
    assert read(text_of(occurred_at=written)).at == parse_time(meant)


def test_the_first_and_the_last_time_there_is() -> None:
    assert read(text_of(occurred_at="0001-01-01T00:00:00Z")).at == EARLIEST
    last = read_touchpoint(text_of(occurred_at="9999-12-31T23:59:59.999999Z").encode(), LIMITS, None)
    assert isinstance(last, Touchpoint)
    assert last.at == LATEST


@pytest.mark.parametrize("written", ["2026-11-21T10:00:00", "2026-11-21T10:00:00.5"])
def test_a_time_without_an_offset_is_refused_and_told_what_is_right(written: str) -> None:
    rejected = refused(text_of(occurred_at=written))
    assert rejected == Rejected("invalid", "occurred_at has no offset; write it as RFC 3339 with one, such as 2026-11-21T10:00:00Z")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "yesterday",
        "2026-11-21",
        "2026-11-21T10:00Z",
        "20261121T100000Z",
        "2026-11-21T10:00:00,5Z",
        "2026-11-21T10:00:00+01",
        "2026-11-21T10:00:00+24:00",
        "2026-02-30T10:00:00Z",
        "2026-11-21T24:00:00Z",
        "2016-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
        "1795255200",
    ],
)
def test_what_is_no_time_is_refused_and_told_what_is_right(written: str) -> None:
    rejected = refused(text_of(occurred_at=written))
    assert rejected.reason == "invalid"
    assert rejected.detail.startswith("occurred_at ")
    assert rejected.detail.endswith("time with an offset, such as 2026-11-21T10:00:00Z")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("2026-11-21", "is a day without a time; write a time"),
        ("2026-02-30T10:00:00Z", "names a day or a time that does not exist; write an RFC 3339 time"),
        ("2026-11-21 24:00:00+01:00", "names a day or a time that does not exist; write an RFC 3339 time"),
        ("21.11.2026 10:00", "is not an RFC 3339 time"),
    ],
)
def test_a_day_alone_and_one_that_does_not_exist_are_told_apart(written: str, words: str) -> None:
    assert refused(text_of(occurred_at=written)).detail == f"occurred_at {words} with an offset, such as 2026-11-21T10:00:00Z"


def test_a_number_that_is_too_large_is_told_in_words() -> None:
    assert refused(b'{"id":"1","customer_id":"c","type":"p","occurred_at":"2026-11-21T10:00:00Z","properties":{"a":1e999}}') == Rejected(
        "invalid", "a number is too large: numbers reach to about 1.8e308"
    )


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-10:00"])
def test_a_time_that_utc_cannot_write_is_refused(written: str) -> None:
    assert refused(text_of(occurred_at=written), wall=None).reason == "invalid"


@pytest.mark.parametrize("name", list(GOOD))
def test_each_required_field_is_required(name: str) -> None:
    assert refused(text_of(**{name: ...})) == Rejected("invalid", f"{name} is missing")


@pytest.mark.parametrize("name", [*GOOD, "channel", "properties", "traits"])
@pytest.mark.parametrize("wrong", [17, 1.5, True, ["x"], "text", {"a": 1}, None])
def test_a_field_of_the_wrong_type_is_named(name: str, wrong: Any) -> None:
    right = {"channel": (str, type(None)), "properties": (dict, type(None)), "traits": (dict, type(None))}.get(name, (str,))
    if isinstance(wrong, right) and name != "occurred_at":
        read(text_of(**{name: wrong}))
    else:
        rejected = refused(text_of(**{name: wrong}))
        assert rejected.reason == "invalid"
        assert name in rejected.detail


@pytest.mark.parametrize(("name", "longest"), [("id", 256), ("customer_id", 256), ("type", 128), ("channel", 128)])
def test_texts_are_bounded_in_characters(name: str, longest: int) -> None:
    read(text_of(**{name: "ñ" * longest}))
    assert refused(text_of(**{name: "ñ" * (longest + 1)})).detail == f"{name} has more than {longest} characters"


@pytest.mark.parametrize("name", ["id", "type"])
def test_required_texts_are_not_empty(name: str) -> None:
    assert refused(text_of(**{name: ""})) == Rejected("invalid", f"{name} is empty")


def test_all_wrong_fields_are_named_at_once() -> None:
    rejected = refused(text_of(id=1, customer_id=..., occurred_at=1767604800, channel=7, properties=[], traits={"n": 2**70}))
    assert rejected.detail.split("; ") == [
        "id is a number",
        'write it as text, in quotes, such as "42"',
        "customer_id is missing",
        "occurred_at is a number (apparently of seconds since 1970)",
        "write it as RFC 3339 text with an offset, such as 2026-11-21T10:00:00Z",
        "channel is a number",
        "it must be text, or be left out",
        "properties is a list",
        "it must be an object, or be left out",
        "an integer in traits does not fit 64 bits",
    ]


def test_a_field_by_another_name_is_pointed_at() -> None:
    rejected = refused(text_of(customer_id=..., customerId="c-42", occurred_at=..., occurredAt="2026-01-05T09:20:00Z"))
    assert rejected.detail == (
        "customer_id is missing: there is customerId; is customer_id meant?; occurred_at is missing: there is occurredAt; is occurred_at meant?"
    )


@pytest.mark.parametrize("value", ["null", "[]", '"x"', "17", "true"])
def test_json_that_is_no_object_is_invalid(value: str) -> None:
    assert refused(value).reason == "invalid"


def test_a_record_without_a_value_is_invalid() -> None:
    assert refused(None).reason == "invalid"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"   ",
        b"{",
        b"hello",
        b"\xef\xbb\xbf" + text_of().encode(),
        text_of().encode() + b" x",
        text_of().encode() + text_of().encode(),
        text_of().encode("utf-16"),
        with_raw("channel", "'web'"),
        with_raw("properties", '{"a": 01}'),
        with_raw("properties", '{"a": .5}'),
        with_raw("properties", '{"a": 1,}'),
        with_raw("channel", '"a\nb"'),
        with_raw("channel", '"NaN'),
    ],
)
def test_what_is_not_json_is_told_so(value: bytes) -> None:
    assert refused(value).reason == "not_json"


@pytest.mark.parametrize("name", ["id", "customer_id", "type", "channel", "somewhere_else"])
@pytest.mark.parametrize("raw", ["\xff", "\ud800"])
def test_what_is_not_utf8_is_told_so(name: str, raw: str) -> None:
    value = with_raw(name, f'"{raw}"') if raw == "\ud800" else with_raw(name, '"?"').replace(b'"?"', b'"\xff"')
    rejected = refused(value)
    assert rejected.reason == "not_json"
    assert "not UTF-8" in rejected.detail


@pytest.mark.parametrize("name", ["id", "customer_id", "type", "channel", "somewhere_else"])
@pytest.mark.parametrize("escaped", [r"\ud800", r"\udc00", r"\ud800A", r"\udc00\ud800"])
def test_half_a_character_is_refused_because_no_key_could_hold_it(name: str, escaped: str) -> None:
    assert refused(with_raw(name, f'"{escaped}"')).reason == "not_json"


def test_characters_beyond_the_basic_plane_may_be_escaped() -> None:
    assert read(with_raw("customer_id", r'"\ud83d\ude00"')).customer_id == "😀"
    assert read(with_raw("somewhere_else", r'"\ud83d\ude00"')) == read(text_of())


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("template", ['{"amount": %s}', '{"deep": [1, {"amount": %s}]}'])
def test_not_a_number_is_invalid_and_told_what_is_right(literal: str, template: str) -> None:
    rejected = refused(with_raw("properties", template % literal))
    assert rejected == Rejected("invalid", "NaN and Infinity are not JSON; leave the field out or write null")


def test_nan_inside_a_text_is_a_text() -> None:
    assert read(text_of(properties={"note": "NaN, Infinity"})).properties == {"note": "NaN, Infinity"}


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9223372036854775808", "-9223372036854775809", "1" * 400, "1" * 5000])
@pytest.mark.parametrize("name", ["properties", "traits"])
@pytest.mark.parametrize("template", ['{"n": %s}', '{"a": {"n": %s}}', '{"a": {}, "b": {"c": ["x", 2, [%s]]}}'])
def test_a_number_that_64_bits_cannot_hold_is_invalid(number: str, name: str, template: str) -> None:
    assert refused(with_raw(name, template % number)).reason == "invalid"


@pytest.mark.parametrize("number", ["9223372036854775807", "-9223372036854775808", "-0", "-0.0", "1e-400", "1E5", "1.7e308"])
def test_every_number_that_64_bits_can_hold_is_taken(number: str) -> None:
    assert read(with_raw("properties", f'{{"n": {number}, "deep": [{number}]}}')).properties["n"] == json.loads(number)


def nested(depth: int, opening: str, closing: str) -> str:
    return opening * depth + closing * depth


def test_nesting_is_taken_up_to_the_bound_and_no_deeper() -> None:
    inner = DEEPEST - 2  # inside the touchpoint, inside properties
    read(with_raw("properties", f'{{"a": {nested(inner, "[", "]")}}}'))
    assert (
        refused(with_raw("properties", f'{{"a": {nested(inner + 1, "[", "]")}}}')).detail
        == "objects and arrays are nested more than 32 deep"
    )


def test_some_flat_touchpoints_after_a_nested_one_the_next_is_expected_to_be_flat() -> None:
    decoder = JsonDecoder(LIMITS)
    decoder.read(with_raw("properties", '{"a": [1]}'), WALL, LATEST)
    until_then = decoder._perhaps_nested
    assert 0 < until_then <= 1000
    for _ in range(until_then):
        decoder.read(text_of().encode(), WALL, LATEST)
    assert decoder._perhaps_nested == 0


def test_what_is_read_after_a_nested_touchpoint_is_read_as_always() -> None:
    flat, deep = text_of(properties={"n": 1}), text_of(properties={"lines": [1]}, traits={"vip": True})
    too_large = text_of(properties={"lines": [2**63]})
    too_deep = with_raw("properties", f'{{"a": {nested(DEEPEST, "[", "]")}}}').decode()
    values = [
        flat,
        deep,
        flat,
        too_large,
        too_deep,
        text_of(extra=1),
        text_of(extra=[1]),
        "[]",
        deep,
        *[flat] * 100,
        text_of(properties=[]),
    ]
    decoder = JsonDecoder(LIMITS)
    assert [decoder.read(value.encode(), WALL, decoder.latest(WALL)) for value in values] == [
        read_touchpoint(value.encode(), LIMITS, WALL) for value in values
    ]


def test_many_brackets_side_by_side_are_no_nesting() -> None:
    read(text_of(properties={"lines": [{"sku": str(number), "tags": ["[", "{"]} for number in range(500)]}))


def test_brackets_inside_texts_are_no_nesting() -> None:
    read(text_of(properties={"note": "[{" * 5000, 'a "quoted" [[[': '\\"[[[' * 20}, other='"[' * 50))


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":[', '["]",'])
@pytest.mark.parametrize(
    "around", ["%s", '{"id": %s', '{"properties": {"a": %s', '{"extra": %s', '{"id": "\\\\", "extra": %s', '{"x": "\\"", "y": %s']
)
def test_endless_nesting_cannot_hurt(opening: str, around: str) -> None:
    assert refused(around % (opening * 20_000)).reason == "invalid"


def test_unclosed_texts_full_of_escapes_are_read_in_linear_time() -> None:
    # Quadratic time would mean hours here.
    assert refused("[" * 40 + '"' + '\\"' * 500_000).reason == "invalid"
    assert refused('{"a": "' + '\\"[{' * 250_000).reason == "not_json"


def test_a_value_over_the_size_limit_is_refused_unread() -> None:
    value = text_of(note="x" * 1000).encode()
    assert isinstance(read_touchpoint(value, TouchpointLimits(max_bytes=len(value)), WALL), Touchpoint)
    rejected = read_touchpoint(value, TouchpointLimits(max_bytes=len(value) - 1), WALL)
    assert rejected == Rejected("too_large", f"more than {len(value) - 1} bytes")


@pytest.mark.parametrize("key", [None, b"", b"c-43", b"C-42", b"c-42 ", b"\xff"])
def test_a_key_that_is_not_the_customer_id_is_refused(key: bytes | None) -> None:
    rejected = decode_touchpoint(key, text_of().encode(), LIMITS, WALL)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "key_mismatch"


def test_the_key_is_the_customer_id_in_utf8() -> None:
    value = text_of(customer_id="niño").encode()
    assert isinstance(decode_touchpoint("niño".encode(), value, LIMITS, WALL), Touchpoint)
    assert isinstance(decode_touchpoint("niño".encode("latin-1"), value, LIMITS, WALL), Rejected)


def test_a_touchpoint_may_be_ahead_of_the_clock_by_the_limit_and_no_more() -> None:
    value = text_of().encode()
    at = read(value).at
    limits = TouchpointLimits(max_ahead=60_000_000)
    assert isinstance(read_touchpoint(value, limits, at - 60_000_000), Touchpoint)
    rejected = read_touchpoint(value, limits, at - 60_000_001)
    assert rejected == Rejected("from_the_future", "occurred_at is 60 s ahead of the clock; at most 60 s are accepted")
    assert isinstance(read_touchpoint(value, limits, None), Touchpoint)


def test_details_quote_no_customer_data() -> None:
    secret = "hunter2"
    bad = [
        text_of(id=secret * 100),
        text_of(occurred_at=secret),
        text_of(properties=secret),
        text_of(customer_id=[secret]),
        text_of()[:-1] + f', "{secret}": {secret}}}',
        text_of(properties={secret: 2**70}),
        text_of(properties={secret: {secret: 2**70}}),
        secret,
    ]
    for value in bad:
        assert secret not in refused(value).detail
    mismatch = decode_touchpoint(secret.encode(), text_of().encode(), LIMITS, WALL)
    assert isinstance(mismatch, Rejected)
    assert secret not in mismatch.detail
