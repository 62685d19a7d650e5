"""Laws about output: every message conforms to its schema, and a reader gets back what was meant."""

import contextlib
import json
from pathlib import Path
from typing import get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from etapa.contracts.incoming.rejected import REASONS, Rejected, rejected
from etapa.contracts.outgoing.dead_letter import cut_to, decode_dead_letter, digest_of, encode_dead_letter, letter_size
from etapa.contracts.outgoing.stage_change import decode_stage_change, encode_stage_change, stage_change_json
from etapa.contracts.rfc3339 import EARLIEST, LATEST, format_time, parse_time
from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.mark import Mark, decode_mark, encode_mark
from etapa.contracts.stored.state import StateError, decode_standing, decode_state, encode_state
from etapa.journey.engine.facts.changes import Cause, Clause
from etapa.journey.engine.facts.course import Course
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.outreach import Outreach
from etapa.journey.engine.facts.stage_change import StageChange

SCHEMAS = Path(__file__).parents[2] / "schemas"
BOUNDED = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def validator(message: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{message}.schema.json").read_text("utf-8"))
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


STAGE_CHANGE, DEAD_LETTER = validator("stage-change"), validator("dead-letter")

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
names = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
times = st.integers(EARLIEST, LATEST)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
clauses = st.builds(Clause, condition=texts, observed=scalars)
changes = st.builds(
    StageChange,
    customer_id=texts,
    sequence=st.integers(1, 2**40),
    source=st.none() | names,
    to=names,
    phase=st.none() | names,
    at=times,
    cause=st.sampled_from(get_args(Cause)),
    rule=st.none() | names,
    because=st.lists(clauses, max_size=4),
    touchpoint_id=st.none() | texts,
    channel=st.none() | texts,
    # A double can represent every microsecond of this many seconds, or 272 years.
    dwell=st.none() | st.integers(0, 2**33 * 1_000_000),
)


@BOUNDED
@given(times)
def test_every_time_survives_being_written(at: int) -> None:
    assert parse_time(format_time(at)) == at


@BOUNDED
@given(changes, names, st.integers(1, 10_000))
def test_every_stage_change_keeps_its_schema_and_survives(change: StageChange, journey: str, version: int) -> None:
    key, value, headers = encode_stage_change(change, journey, version)
    STAGE_CHANGE.validate(json.loads(value))
    assert value == stage_change_json(change, journey, version)
    message = decode_stage_change(value)
    assert message.change() == change
    assert (message.journey, message.version) == (journey, version)
    said = {name: text.decode() for name, text in headers}
    assert (said["ce_id"], said["ce_subject"]) == (message.id, key.decode())
    assert parse_time(said["ce_time"]) == change.at


@BOUNDED
@given(
    st.none() | st.binary(max_size=20),
    st.none() | st.binary(max_size=20),
    st.lists(st.tuples(texts | st.just("etapa.reason"), st.binary(max_size=10)), max_size=4),
    st.builds(rejected, st.sampled_from(REASONS), texts),
    names,
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**63 - 1),
)
def test_every_dead_letter_keeps_its_schema_and_gives_the_original_back(
    key: bytes | None,
    value: bytes | None,
    original: list[tuple[str, bytes]],
    why: Rejected,
    topic: str,
    partition: int,
    offset: int,
) -> None:
    sent_key, sent_value, headers = encode_dead_letter(key, value, original, why, topic, partition, offset)
    shown = {
        "key": None if sent_key is None else sent_key.decode(errors="replace"),
        "value": None if sent_value is None else sent_value.decode(errors="replace"),
        "headers": {name: text.decode(errors="replace") for name, text in headers},
    }
    DEAD_LETTER.validate(shown)
    letter = decode_dead_letter(sent_key, sent_value, headers)
    assert (letter.key, letter.value, list(letter.headers)) == (key, value, original)
    assert (letter.reason, letter.detail, letter.topic, letter.partition, letter.offset) == (
        why.reason,
        why.detail,
        topic,
        partition,
        offset,
    )


headers_of_any = st.lists(st.tuples(texts | st.sampled_from(["etapa.reason", "etapa.cut"]), st.binary(max_size=200)), max_size=4)


@BOUNDED
@given(st.none() | st.binary(max_size=500), st.none() | st.binary(max_size=500), headers_of_any, st.integers(0, 3000), st.integers(0, 3000))
def test_a_dead_letter_that_is_cut_fits_and_tells_of_its_original_however_often_it_is_cut(
    key: bytes | None, value: bytes | None, original: list[tuple[str, bytes]], room: int, less: int
) -> None:
    whole = encode_dead_letter(key, value, original, rejected("too_large", "why"), "touchpoints", 3, 17)
    cut = whole
    for bound in (room, min(room, less)):
        smaller = cut_to(*cut, bound)
        if smaller is None:
            assert bound < 700
            return
        cut = smaller
        assert letter_size(*cut) <= bound
        letter = decode_dead_letter(*cut)
        assert letter.cut is not None
        assert (letter.cut.size, letter.cut.sha256) == (len(value or b""), digest_of(value))
        assert ("value" in letter.cut.parts) == (letter.value != value)
        assert (value or b"").startswith(letter.value or b"")
        assert (letter.key == key) == ("key" not in letter.cut.parts)
        assert list(letter.headers) == ([] if "headers" in letter.cut.parts else original)
        assert (letter.reason, letter.detail, letter.offset) == ("too_large", "why", 17)


@BOUNDED
@given(
    st.builds(
        Mark,
        format=st.just(1),
        group=texts,
        partitions=st.integers(1, 1000),
        through=st.integers(-1, 2**63 - 1),
        stream_time=st.none() | times,
        journey=names,
        version=st.integers(1, 1000),
    )
)
def test_every_mark_survives(mark: Mark) -> None:
    assert decode_mark(encode_mark(mark)) == mark


stored = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8)
customers = st.builds(
    Customer,
    version=st.integers(1, 1000),
    id=texts,
    stage=names,
    entered_at=times,
    clock=times,
    first_at=times,
    due=st.none() | times,
    sequence=st.integers(1, 2**40),
    recent=st.binary(max_size=64),
    traits=st.dictionaries(texts, st.tuples(times, stored).map(list), max_size=3),
    remembered=st.dictionaries(names, times | st.lists(stored, max_size=3), max_size=3),
    rule=st.none() | names,
    before=st.none() | st.tuples(names, times, st.none() | names),
    way=st.integers(0, 3)
    | st.builds(
        Course,
        way=st.integers(0, 3),
        persona=st.none() | names,
        ideal=st.integers(0, 2**32 - 1),
        matched=st.binary(max_size=3),
        furthest=st.integers(-1, 200),
        taken=st.binary(max_size=12),
        detour=st.none() | st.tuples(st.none() | names, names, names, st.none() | names),
    ),
    visited=st.integers(0, 2**70),
    outreach=st.none() | st.builds(Outreach, st.dictionaries(names, times, max_size=3), st.lists(times, max_size=3).map(tuple)),
    began=st.dictionaries(names, st.tuples(st.integers(1, 1000), times), max_size=3),
    known=st.binary(min_size=1, max_size=12),
)


@BOUNDED
@given(customers, st.booleans(), st.data())
def test_every_customer_state_survives(customer: Customer, the_mark_tells: bool, data: st.DataObject) -> None:
    memories = {customer.version: customer.known} if the_mark_tells else {customer.version: b"others"}
    told = data.draw(st.permutations(sorted(_names_in(customer))))
    common = InCommon(memories, told[: data.draw(st.integers(0, len(told)))])
    value = encode_state(customer, common)
    assert decode_state(value, customer.id, common) == customer
    assert decode_state(value, customer.id, InCommon(memories, (*common.names, "added later"))) == customer


def _names_in(customer: Customer) -> set[str]:
    detour = customer.way.detour if isinstance(customer.way, Course) else None
    found = {*customer.traits, *customer.remembered(), customer.rule, *(detour or ()), *(customer.before or ())[::2]}
    return {each for each in found if each is not None}


@BOUNDED
@given(customers, st.data())
def test_damaged_states_are_refused_or_read_but_never_a_crash(customer: Customer, data: st.DataObject) -> None:
    value = bytearray(encode_state(customer))
    start = data.draw(st.integers(0, len(value)))
    value[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    with contextlib.suppress(StateError):
        assert decode_state(bytes(value), "c").id == "c"
    with contextlib.suppress(StateError):
        decode_standing(bytes(value))
