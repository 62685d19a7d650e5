"""What is read quickly is what is read carefully: the same touchpoint, down to the types of its values, or it is declined."""

import json
import random
import sys
from operator import index
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.workload.book import shipped_program
from bench.workload.touchpoints import made_up
from etapa.contracts.incoming.decoder import keyed
from etapa.contracts.incoming.quick_reader import Fields, quick_reader
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint import JsonDecoder
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import format_time, parse_time
from etapa.contracts.stored.state import encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.judging.classify import touch
from etapa.journey.language.properties_read import properties_read
from etapa.journey.units import DAY

pytestmark = pytest.mark.skipif(quick_reader is None, reason="there is no quick way where it is not compiled")

LIMITS = TouchpointLimits(max_bytes=4_000)
WALL = parse_time("2026-12-01T00:00:00Z")
LATEST = WALL + LIMITS.max_ahead
USUAL = bytes(chr(code) in JsonDecoder(LIMITS).usual_beginnings for code in range(128))
MANY = settings(max_examples=1_000)

texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30) | st.text(max_size=5)
decimals = st.tuples(st.integers(-(10**17), 10**17), st.integers(0, 20)).map(lambda parts: float(f"{parts[0]}e-{parts[1]}"))
values = st.none() | st.booleans() | st.integers() | decimals | st.floats(allow_nan=False) | texts | st.lists(st.integers(), max_size=1)
objects = st.dictionaries(texts, values, max_size=5)
times = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999).map(format_time) | st.sampled_from(
    [
        "2024-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2000-02-29T23:59:59.1Z",
        "2026-04-31T00:00:00Z",
        "2026-11-21T10:00:60Z",
        "0000-01-01T00:00:00Z",
    ]
)
identifiers = texts | st.sampled_from(["", "c-1", "0", "null", "$link", "x" * 128, "x" * 129, "x" * 256, "x" * 257])
messages = st.fixed_dictionaries(
    {"id": identifiers, "customer_id": identifiers, "type": identifiers, "occurred_at": times},
    optional={"channel": st.none() | identifiers, "properties": st.none() | objects, "traits": st.none() | objects, "other": values},
)
spacing = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n")])


def carefully(key: bytes, value: bytes) -> Any:
    return keyed(JsonDecoder(LIMITS)._carefully(value, WALL, LATEST), key)


def quickly(key: bytes, value: bytes) -> Fields | None:
    assert quick_reader is not None
    return quick_reader(value, key, USUAL, None)


def see_that_both_agree(key: bytes, value: bytes) -> None:
    careful = carefully(key, value)
    assert repr(JsonDecoder(LIMITS).decode(key, value, (), WALL, LATEST)) == repr(careful)
    narrow = JsonDecoder(LIMITS, ("amount",)).decode(key, value, (), WALL, LATEST)
    assert narrow == careful if isinstance(careful, Rejected) else not isinstance(narrow, Rejected)
    fields = quickly(key, value)
    if fields is not None and index(fields[3]) <= LATEST and len(value) <= LIMITS.max_bytes:
        assert not isinstance(careful, Rejected), careful
        assert repr(careful._fields()) == repr((*fields[:5], fields[5] or {}, fields[6] or {}))


@MANY
@given(messages, spacing, st.booleans(), st.randoms(use_true_random=False))
@example({"id": "e", "customer_id": "c", "type": "t", "occurred_at": "2026-01-01T00:00:00Z"}, (",", ":"), True, random.Random(1))
def test_whatever_is_written_is_read_alike(
    message: dict[str, Any], separators: tuple[str, str], ascii_only: bool, rnd: random.Random
) -> None:
    fields = list(message.items())
    rnd.shuffle(fields)
    value = json.dumps(dict(fields), ensure_ascii=ascii_only, separators=separators).encode("utf-8", "surrogatepass")
    see_that_both_agree(message["customer_id"].encode("utf-8", "surrogatepass"), value)


@MANY
@given(st.integers(0, 199), st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3), st.integers(0, 3)), min_size=1, max_size=3))
def test_whatever_is_broken_is_read_alike(which: int, changes: list[tuple[int, bytes, int]]) -> None:
    sent = SENT[which]
    value = bytearray(sent.value)
    for place, written, removed in changes:
        value[place : place + removed] = written
    see_that_both_agree(sent.key, bytes(value))


@MANY
@given(st.integers(0, 199), st.integers(0, 400), st.sampled_from(list('"\\,:{}[]0123456789.-+eEtfn\x00\x1f\x7f\x80 ')))
def test_whatever_sign_is_in_the_wrong_place_is_read_alike(which: int, place: int, sign: str) -> None:
    sent = SENT[which]
    value = sent.value
    see_that_both_agree(sent.key, value[:place] + sign.encode("latin-1") + value[place:])
    see_that_both_agree(sent.key, value[:place] + sign.encode("latin-1") + value[place + 1 :])


SENT = list(made_up(200, 40, WALL - 30 * DAY, WALL))


def test_usual_touchpoints_are_read_quickly() -> None:
    assert [sent for sent in SENT if quickly(sent.key, sent.value) is None] == []


def message(**changes: str) -> bytes:
    """A touchpoint, each field as JSON."""
    fields = {"id": '"e-1"', "customer_id": '"c-1"', "type": '"visit"', "occurred_at": '"2026-11-21T10:00:00Z"', **changes}
    return ("{" + ",".join(f'"{name}":{written}' for name, written in fields.items()) + "}").encode()


ODD = {
    "a character beyond ASCII": message(id='"é"'),
    "an escape": message(id=r'"\u0061"'),
    "a nested value": message(properties='{"a":[]}'),
    "an exponent": message(properties='{"a":1e5}'),
    "more digits than are exact": message(properties='{"a":1234567890.123456}'),
    "a minus zero": message(properties='{"a":-0}'),
    "a leading zero": message(properties='{"a":01}'),
    "an unknown field": message(other="1"),
    "a field that comes twice": message()[:-1] + b',"id":"e-2"}',
    "a missing field": b'{"id":"e-1","customer_id":"c-1","type":"visit"}',
    "a time in another zone": message(occurred_at='"2026-11-21T10:00:00+01:00"'),
    "more decimals than microseconds": message(occurred_at='"2026-11-21T10:00:00.1234567Z"'),
    "a day that there is not": message(occurred_at='"2026-02-29T10:00:00Z"'),
    "no time": message(occurred_at="null"),
    "a link": message(type='"$link"'),
    "a placeholder": message(customer_id='"0"'),
    "another key": message(customer_id='"c-2"'),
    "something after it": message() + b"{}",
    "a comma at the end": message()[:-1] + b",}",
    "nothing": b"",
}


@pytest.mark.parametrize("what", ODD)
def test_what_needs_a_second_look_is_declined(what: str) -> None:
    assert quickly(b"c-1", ODD[what]) is None
    see_that_both_agree(b"c-1", ODD[what])


def test_each_beginning_of_a_touchpoint_is_declined() -> None:
    value = SENT[0].value
    assert [length for length in range(len(value)) if quickly(SENT[0].key, value[:length]) is not None] == []


def test_only_the_properties_that_are_asked_for_are_kept_and_all_are_checked() -> None:
    assert quick_reader is not None
    value = message(properties='{"a":1,"b":"x","a":2.5,"c":null}')
    wanted = {("a",): {"a": 2.5}, ("c", "b", "慡"): {"b": "x", "c": None}, ("d",): None, (): None, None: {"a": 2.5, "b": "x", "c": None}}
    assert {names: fields[5] for names in wanted if (fields := quick_reader(value, None, USUAL, names))} == wanted
    for broken in ('{"a":1,"b":"\\q"}', '{"b":01}', '{"b":[1]}', '{"b":9223372036854775808}', '{"b" 1}', '{"b":tru}'):
        assert quick_reader(message(properties=broken), None, USUAL, ("a",)) is None


def test_a_journey_judges_alike_without_the_properties_that_it_does_not_read() -> None:
    program = shipped_program()
    read: list[list[tuple[Any, bytes]]] = []
    for properties in (None, properties_read(program.journey)):
        decoder = JsonDecoder(LIMITS, properties)
        customers: dict[str, Customer] = {}
        read.append([])
        for sent in SENT * 3:
            touchpoint = decoder.decode(sent.key, sent.value, (), WALL, LATEST)
            assert not isinstance(touchpoint, Rejected)
            touched = touch(program, customers.get(touchpoint.customer_id), touchpoint)
            customers[touchpoint.customer_id] = touched.customer
            read[-1].append((list(touched.changes), encode_state(touched.customer)))
    assert read[0] == read[1]
    assert sum(len(changes) for changes, _ in read[0]) > 50


def test_no_memory_is_kept_of_what_was_read_or_declined() -> None:
    assert quick_reader is not None
    read = [*((sent.key, sent.value) for sent in SENT), *((b"c-1", value) for value in ODD.values())]
    names = ("amount", "price")
    for key, value in read * 3:
        quickly(key, value)
    blocks, references = sys.getallocatedblocks(), [sys.getrefcount(each) for each in (*names, None, True)]
    for key, value in read * 50:
        quickly(key, value)
        quick_reader(value, key, USUAL, names)
    assert sys.getallocatedblocks() - blocks < 200
    assert max(sys.getrefcount(each) - before for each, before in zip((*names, None, True), references, strict=True)) < 200


def test_wrong_arguments_are_an_error() -> None:
    assert quick_reader is not None
    anything: Any = quick_reader
    for arguments in [("text", None, USUAL, None), (b"", "key", USUAL, None), (b"", None, b"", None), (b"", None, USUAL, ["a"]), ()]:
        with pytest.raises(TypeError):
            anything(*arguments)
