"""A state that is written quickly has the bytes that it has when it is spelled out, or it is declined."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.workload.book import decoded, shipped_program
from bench.workload.touchpoints import made_up
from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.quick_writer import quick_writer
from etapa.contracts.stored.state import decode_state, encode_state, spelled_out
from etapa.journey.engine.facts.course import OFF, ON, Course
from etapa.journey.engine.facts.customer import FORMAT, Customer
from etapa.journey.engine.facts.instant import END_OF_TIME, LONG_AGO
from etapa.journey.engine.facts.outreach import Outreach
from etapa.journey.engine.judging.classify import touch
from etapa.journey.units import DAY

pytestmark = pytest.mark.skipif(quick_writer is None, reason="there is no quick way where it is not compiled")

MANY = settings(max_examples=200)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.integers(0, 300).map("x".__mul__)
names = st.sampled_from(["buys", "persona", "niño", "loyalty"]) | texts
limits = [0, 31, 32, 127, 128, 255, 256, 2**16 - 1, 2**16, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1]
integers = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(
    [sign * each - below for each in limits for sign in (1, -1) for below in (0, 1)]
)
times = st.integers(-62_135_596_800_000_000, END_OF_TIME)
scalars = st.none() | st.booleans() | integers | st.integers(2**63, 2**64 - 1) | st.floats() | texts | st.binary(max_size=300)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=20) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(texts, inner, max_size=20),
    max_leaves=20,
)
courses = st.builds(
    Course,
    way=st.integers(0, 3),
    persona=st.none() | names,
    ideal=st.just(0) | st.integers(0, 2**32 - 1),
    matched=st.just(b"") | st.binary(max_size=3),
    furthest=st.just(-1) | st.integers(-1, 200),
    taken=st.just(b"") | st.binary(max_size=12),
    detour=st.none() | st.tuples(st.none() | names, names, names, st.none() | names),
)
customers = st.builds(
    Customer,
    version=st.integers(1, 2**20),
    stage=names,
    due=st.none() | times,
    entered_at=times,
    clock=times,
    first_at=times,
    sequence=st.integers(1, 2**40),
    recent=st.binary(max_size=300),
    remembered=st.dictionaries(names, times | st.just(LONG_AGO) | values, max_size=20),
    rule=st.none() | names,
    before=st.none() | st.tuples(names, times, st.none() | names),
    way=st.integers(0, 3) | courses,
    visited=st.integers(0, 200) | st.integers(0, 2**70),
    traits=st.dictionaries(names, st.tuples(times, values).map(list), max_size=20),
    outreach=st.none() | st.builds(Outreach, st.dictionaries(names, times, max_size=3), st.lists(times, max_size=3).map(tuple)),
)
commons = st.lists(names, unique=True, max_size=128).map(lambda told: InCommon({}, told))


def quickly(customer: Customer, common: InCommon) -> bytes | None:
    assert quick_writer is not None
    outreach = None if customer.outreach is None else msgspec.msgpack.encode(customer.outreach)
    written: bytes | None = quick_writer(
        FORMAT,
        common.numbers,
        *(customer.version, customer.stage, customer.due, customer.entered_at, customer.clock, customer.first_at, customer.sequence),
        *(
            customer.recent,
            customer.memory,
            customer.keys,
            customer.rule,
            customer.before,
            customer.way,
            customer.visited,
            customer.traits,
            outreach,
        ),
    )
    return written


@MANY
@given(customers, commons)
def test_whatever_a_customer_is_like_it_is_written_alike(customer: Customer, common: InCommon) -> None:
    with contextlib.suppress(OverflowError, TypeError):
        careful = spelled_out(customer, common)
        assert quickly(customer, common) in (careful, None)
        assert encode_state(customer, common) == careful


def test_customers_of_the_shipped_journey_are_written_quickly() -> None:
    program = shipped_program()
    common = InCommon().with_version(program.version, program.known, program.names)
    held: dict[str, Customer] = {}
    start = 1_795_255_200_000_000
    for touchpoint in decoded(made_up(2_000, 100, start, start + 90 * DAY)):
        customer = held[touchpoint.customer_id] = touch(program, held.get(touchpoint.customer_id), touchpoint).customer
        written = quickly(customer, common)
        assert written == spelled_out(customer, common)
        assert decode_state(written, customer.id, common) == customer
    ways = {each.way.detour is None if isinstance(each.way, Course) else None for each in held.values()}
    assert ways == {True, False, None}
    assert any(each.outreach for each in held.values())


def someone(**different: Any) -> Customer:
    told = {"version": 1, "stage": "new", "due": None, "entered_at": 5, "clock": 5, "first_at": 0, "sequence": 1, **different}
    return Customer(**told)


def test_the_numbers_of_one_mark_are_not_taken_for_those_of_another() -> None:
    customer = someone(remembered={"a": 5, "b": [7]})
    for common in [InCommon({}, names) for names in (("a", "b"), ("b", "a"), (), ("c", "a"), [*map(str, range(127)), "a", "b"])] * 2:
        assert quickly(customer, common) == spelled_out(customer, common)


NESTED: list[Any] = []
for _ in range(40):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    "odd",
    [
        someone(remembered={"a": 2**63}),
        someone(remembered={"a": [2**63]}),
        someone(remembered={"a": True}),
        someone(remembered={"a": NESTED}),
        someone(remembered={"a": {1: 2}}),
        someone(traits={"a": [7, 2**64 - 1]}),
        someone(visited=2**63),
        someone(remembered={"a": [msgspec.Raw(b"\xc0")]}),
    ],
)
def test_what_is_unusual_is_declined_and_spelled_out(odd: Customer) -> None:
    assert quickly(odd, InCommon()) is None
    assert encode_state(odd) == spelled_out(odd, InCommon())


def test_what_cannot_be_encoded_is_refused_as_when_it_is_spelled_out() -> None:
    for broken in (someone(stage="\ud800"), someone(remembered={"a": ["\ud800"]}), someone(remembered={"a": [2**64]})):
        with pytest.raises((UnicodeEncodeError, OverflowError)):
            encode_state(broken)


def test_a_customer_on_the_ideal_way_takes_no_more_than_its_persona() -> None:
    on, off = someone(way=Course(ON, "student")), someone(way=Course(OFF, "student", 7, b"\x01", 0, b"digest"))
    common = InCommon({}, ("student",))
    assert len(encode_state(on, common)) == len(encode_state(someone(), common)) + 2
    assert decode_state(encode_state(off, common), "", common) == off


def test_a_wrong_number_of_arguments_is_refused() -> None:
    assert quick_writer is not None
    with pytest.raises(TypeError, match="takes 18 arguments, not 1"):
        quick_writer(FORMAT)
