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
from etapa.contracts.stored.packed_texts import PackedTexts
from etapa.contracts.stored.quick_writer import QuickWriter, quick_writer
from etapa.contracts.stored.spelled_state import spelled_out
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.contracts.stored.written_states import WrittenStates, spelled_states, write_states
from etapa.journey.engine.facts.course import OFF, ON, Course
from etapa.journey.engine.facts.customer import FORMAT, Customer
from etapa.journey.engine.facts.instant import END_OF_TIME, LONG_AGO
from etapa.journey.engine.facts.outreach import STRUCTS, Held, OpenGoal, Outreach
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
sequences = st.integers(1, 2**40)
held = st.builds(Held, names, sequences, st.none() | names, names, times, st.none() | texts)
goals = st.builds(
    OpenGoal,
    *(names, sequences, times, times, st.booleans(), st.booleans(), st.lists(st.floats(), max_size=3).map(tuple), st.booleans()),
    *(st.none() | names, st.none() | texts),
)
outreaches = st.builds(
    Outreach,
    st.dictionaries(names, times, max_size=3),
    *(st.lists(each, max_size=3).map(tuple) for each in (times, held, goals)),
    st.dictionaries(names, st.integers(0, 3), max_size=3),
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
    outreach=st.none() | outreaches,
)
commons = st.lists(names, unique=True, max_size=128).map(lambda told: InCommon({}, told))


def alike(customers: list[Customer], common: InCommon) -> WrittenStates:
    """All of them, written at once, as they are when they are spelled out."""
    written = write_states(customers, 0, len(customers), common)
    assert written == spelled_states(customers, common)
    return written


class Asked:
    """Stands for what spells customers out, and counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, customer: Customer, common: InCommon) -> bytes:
        self.times += 1
        return spelled_out(customer, common)


@MANY
@given(customers, commons)
def test_whatever_a_customer_is_like_it_is_written_alike(customer: Customer, common: InCommon) -> None:
    with contextlib.suppress(OverflowError, TypeError):
        careful = spelled_out(customer, common)
        assert encode_state(customer, common) == careful


@MANY
@given(st.lists(customers, max_size=12), st.lists(st.tuples(st.booleans(), st.booleans()), min_size=12), commons, st.integers(0, 12))
def test_all_of_a_list_are_written_in_order_and_of_each_what_has_changed(
    some: list[Customer], changed: list[tuple[bool, bool]], common: InCommon, start: int
) -> None:
    for number, customer in enumerate(some):
        customer.moved, customer.rescheduled = changed[number]
        customer.id = f"ñ{number}" * number
    with contextlib.suppress(OverflowError, TypeError):
        assert write_states(some, start, len(some), common) == spelled_states(some[start:], common)
        alike(some, common)


def test_customers_of_the_shipped_journey_are_written_quickly() -> None:
    program = shipped_program()
    common = InCommon().with_version(program.version, program.known, program.names)
    held: dict[str, Customer] = {}
    asked = Asked()
    assert quick_writer is not None
    writer = quick_writer(FORMAT, STRUCTS, asked)
    start = 1_795_255_200_000_000
    for touchpoint in decoded(made_up(2_000, 100, start, start + 90 * DAY)):
        customer = held[touchpoint.customer_id] = touch(program, held.get(touchpoint.customer_id), touchpoint).customer
        assert decode_state(encode_state(customer, common), customer.id, common) == customer
    some = list(held.values())
    assert add_all(writer, some, common) == alike(some, common)
    assert asked.times == 0
    ways = {each.way.detour is None if isinstance(each.way, Course) else None for each in held.values()}
    assert ways == {True, False, None}
    assert any(each.outreach and each.outreach.goals for each in held.values())


def add_all(writer: QuickWriter, some: list[Customer], common: InCommon) -> WrittenStates:
    """What the quick way gives for them, all of whom are taken for usual ones."""
    writer.start(some, 0, common, common.numbers)
    for one in some:
        writer.add(
            *(one, True, one.id, one.version, one.stage, one.due, one.entered_at, one.clock, one.first_at, one.sequence, one.recent),
            *(one.memory, one.keys, one.rule, one.stage_before, one.entered_at_before, one.rule_before, one.way, one.visited),
            *(one.told, one.trait_places, one.outreach, one.moved, one.rescheduled),
        )
    told = writer.finish()
    return WrittenStates(*map(PackedTexts, told[::2], told[1::2]))


def someone(**different: Any) -> Customer:
    told = {"version": 1, "stage": "new", "due": None, "entered_at": 5, "clock": 5, "first_at": 0, "sequence": 1, **different}
    return Customer(**told)


def test_the_numbers_of_one_mark_are_not_taken_for_those_of_another() -> None:
    customer = someone(remembered={"a": 5, "b": [7]})
    for common in [InCommon({}, names) for names in (("a", "b"), ("b", "a"), (), ("c", "a"), [*map(str, range(127)), "a", "b"])] * 2:
        assert encode_state(customer, common) == spelled_out(customer, common)


NESTED: list[Any] = []
for _ in range(40):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    "odd",
    [
        someone(remembered={"a": 2**63}),
        someone(remembered={"a": True}),
        someone(remembered={"a": NESTED}),
        someone(remembered={"a": {1: 2}}),
        someone(visited=2**63),
        someone(remembered={"a": [msgspec.Raw(b"\xc0")]}),
        someone(outreach=Outreach({}, (), goals=(msgspec.Raw(b"\xc0"),))),  # type: ignore[arg-type]
    ],
)
def test_what_is_unusual_is_declined_and_spelled_out(odd: Customer) -> None:
    assert quick_writer is not None
    asked = Asked()
    written = add_all(quick_writer(FORMAT, STRUCTS, asked), [someone(), odd, someone()], InCommon())
    assert written == spelled_states([someone(), odd, someone()], InCommon())
    assert asked.times == 1


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64 - 1])
def test_numbers_of_64_bits_such_as_digests_are_written_quickly(number: int) -> None:
    assert quick_writer is not None
    asked = Asked()
    large = someone(remembered={"a": [0, [5], [number]]}, traits={"a": [5, number]}, outreach=Outreach({"a": number}, ()))
    written = add_all(quick_writer(FORMAT, STRUCTS, asked), [large], InCommon())
    assert written == spelled_states([large], InCommon())
    assert asked.times == 0


def test_what_cannot_be_encoded_is_refused_as_when_it_is_spelled_out() -> None:
    for broken in (someone(stage="\ud800"), someone(remembered={"a": ["\ud800"]}), someone(remembered={"a": [2**64]})):
        with pytest.raises((UnicodeEncodeError, OverflowError)):
            encode_state(broken)


def test_a_customer_on_the_ideal_way_takes_no_more_than_its_persona() -> None:
    on, off = someone(way=Course(ON, "student")), someone(way=Course(OFF, "student", 7, b"\x01", 0, b"digest"))
    common = InCommon({}, ("student",))
    assert len(encode_state(on, common)) == len(encode_state(someone(), common)) + 2
    assert decode_state(encode_state(off, common), "", common) == off


def test_what_an_error_left_behind_is_not_written_with_the_next_customers() -> None:
    broken = [someone(id="a"), someone(id="b", stage="\ud800"), someone(id="c")]
    with pytest.raises(UnicodeEncodeError):
        write_states(broken, 0, 3, InCommon())
    assert [key for key, _ in alike([someone(id="d")], InCommon()).pairs()] == [b"d"]


def test_arguments_that_are_missing_are_refused() -> None:
    assert quick_writer is not None
    with pytest.raises(TypeError, match="function takes exactly 3 arguments"):
        quick_writer(FORMAT)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="expected up to 4 structs of up to 16 fields, found"):
        quick_writer(FORMAT, STRUCTS * 2, spelled_out)
    with pytest.raises(AttributeError, match="__struct_fields__"):
        quick_writer(FORMAT, (Customer,), spelled_out)  # type: ignore[arg-type]
    writer = quick_writer(FORMAT, STRUCTS, spelled_out)
    with pytest.raises(ValueError, match="add comes after start"):
        writer.add(*[None] * 24)
    writer.start([], 0, InCommon(), {})
    with pytest.raises(TypeError, match="add takes 24 arguments, not 1"):
        writer.add(None)
    writer.add(None, True, 5, *[None] * 21)
    with pytest.raises(TypeError, match="not an id, a stage or a time"):
        writer.finish()
