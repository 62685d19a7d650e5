"""A stage change that is written quickly has the bytes that it has when it is written slowly, or it is declined."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.workload.book import decoded, shipped_program
from bench.workload.touchpoints import made_up
from etapa.contracts.outgoing.quick_change_writer import quick_change_writer
from etapa.contracts.outgoing.stage_change import ChangeWriter, _pieces_of_move, stage_change_json
from etapa.contracts.record_body import body_of, read_body
from etapa.journey.engine.facts.changes import Clause
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import BEGINNING_OF_TIME, END_OF_TIME
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.judging.classify import touch
from etapa.journey.units import DAY, SECOND

pytestmark = pytest.mark.skipif(quick_change_writer is None, reason="there is no quick way where it is not compiled")

MANY = settings(max_examples=200)
START = 1_795_255_200_000_000
WRITER = ChangeWriter("retail", 7)

texts = (
    st.text(max_size=8)
    | st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
    | st.sampled_from(["\x7f", "\x00", "é", "\ud800"])
)
powers = [10**power for power in range(19)]
micros = st.integers(0, 10**15) | st.sampled_from([each + more for each in powers for more in (-1, 0, 1)])
numbers = st.integers() | micros.map(lambda each: each / SECOND) | st.floats()
clauses = st.builds(
    Clause,
    texts,
    st.none() | st.booleans() | numbers | texts,
    exact=st.sampled_from([True, True, True, False]),
    off_by_at_most=st.sampled_from([None, None, None, 2, 0.5]),
)
changes = st.builds(
    StageChange,
    customer_id=texts,
    sequence=st.integers(0, 2**40),
    source=st.none() | texts,
    to=texts,
    phase=st.none() | texts,
    at=st.integers(BEGINNING_OF_TIME, END_OF_TIME) | st.integers(BEGINNING_OF_TIME // SECOND, END_OF_TIME // SECOND).map(SECOND.__mul__),
    cause=st.sampled_from(["touchpoint", "timer", "journey", "link"]),
    rule=st.none() | texts,
    because=st.lists(clauses, max_size=3) | st.lists(clauses, max_size=3).map(tuple),
    touchpoint_id=st.none() | texts,
    channel=st.none() | texts,
    dwell=st.none() | micros | st.integers(-(10**18), 10**18),
)


def quickly(change: StageChange) -> bytes | None:
    """The body of its record; none if it is declined."""
    assert quick_change_writer is not None
    told = (change.customer_id, change.sequence, change.at, change.touchpoint_id, change.dwell, change.because)
    channel = msgspec.json.encode(change.channel)
    move = (change.source, change.to, change.phase, change.cause, change.rule)
    bodies = bytearray(b"before")
    end = quick_change_writer(bodies, *told, channel, b',"journey":"retail","version":7}', WRITER._around, _pieces_of_move, *move)
    assert len(bodies) == (end if end >= 0 else len(b"before"))
    assert bodies.startswith(b"before")
    return bytes(bodies[len(b"before") :]) if end >= 0 else None


def body(change: StageChange) -> bytes:
    bodies = bytearray()
    assert WRITER.append_to(bodies, change) == len(bodies)
    return bytes(bodies)


def change(**different: Any) -> StageChange:
    told: dict[str, Any] = {
        "customer_id": "c-1",
        "sequence": 3,
        "source": "new",
        "to": "buyer",
        "phase": None,
        "at": START,
        "cause": "touchpoint",
        "rule": "buys",
        "because": (Clause("event(purchase)", "purchase"),),
        "touchpoint_id": "e-1",
        "channel": "web",
        "dwell": 5 * SECOND,
        **different,
    }
    return StageChange(**told)


@MANY
@given(changes)
@example(change(at=BEGINNING_OF_TIME))
@example(change(at=END_OF_TIME))
@example(change(dwell=10**15 - 1))
@example(change(because=(Clause('trait persona = "a\\b"', '"é"'), Clause("c", 0.1 + 0.2))))
@example(change(because=(Clause("c", 123456789.0123456),)))
def test_whatever_a_change_is_like_it_is_written_alike(change: StageChange) -> None:
    with contextlib.suppress(UnicodeEncodeError):
        slow = WRITER.record(change)
        assert slow[1] == stage_change_json(change, "retail", 7)
        assert body(change) == body_of(*slow)
        assert read_body(body(change)) == slow


def test_changes_of_the_shipped_journey_are_written_quickly() -> None:
    program = shipped_program()
    held: dict[str, Customer] = {}
    told: list[StageChange] = []
    for touchpoint in decoded(made_up(2_000, 100, START, START + 90 * DAY)):
        touched = touch(program, held.get(touchpoint.customer_id), touchpoint)
        held[touchpoint.customer_id] = touched.customer
        told += touched.changes
    assert len(told) > 400
    for each in told:
        assert quickly(each) == body_of(*WRITER.record(each))


def test_the_same_move_is_known_again_and_another_is_not_taken_for_it() -> None:
    moves = [("a", "b", None, "timer", "r"), ("b", "a", None, "timer", "r"), ("a", "b", "p", "timer", "r"), ("a", "b", None, "timer", None)]
    for source, to, phase, cause, rule in moves * 3:
        each = change(source=source, to=to, phase=phase, cause=cause, rule=rule)
        assert read_body(body(each))[1] == stage_change_json(each, "retail", 7)


def test_conditions_are_known_again_and_others_are_not_taken_for_them_however_many_there_are() -> None:
    conditions = [f"count(view, {number}d) >= 3" for number in range(2_000)]
    for _ in range(2):
        for one, other in zip(conditions, reversed(conditions), strict=True):
            each = change(because=(Clause(one, 3), Clause(other, None), Clause(one, "é")))
            assert quickly(each) == body_of(*WRITER.record(each))


def test_times_and_lengths_of_stay_are_written_quickly_wherever_they_lie() -> None:
    for number in range(3_000):
        at = BEGINNING_OF_TIME + (END_OF_TIME - BEGINNING_OF_TIME) // 3_000 * number
        each = change(at=at, dwell=1_000 + number * 7_919 * SECOND // 23)
        assert quickly(each) == body_of(*WRITER.record(each))


ODD: dict[str, dict[str, Any]] = {
    "an id beyond ASCII": {"customer_id": "niño"},
    "an id with a quote": {"customer_id": 'c"1'},
    "an id with a control character": {"touchpoint_id": "e\x1f"},
    "a number below zero": {"sequence": -1},
    "a time after the end of time": {"at": END_OF_TIME + 1},
    "a stay shorter than a millisecond": {"dwell": 999},
    "a stay below zero": {"dwell": -1},
    "a stay with more digits than are exact": {"dwell": 10**15},
    "a value that is not exact": {"because": (Clause("c", 1, exact=False),)},
    "a value that is off by something": {"because": (Clause("c", 1, off_by_at_most=1),)},
    "a large integer": {"because": (Clause("c", 2**63),)},
    "no number": {"because": (Clause("c", float("nan")),)},
    "a minus zero": {"because": (Clause("c", -0.0),)},
    "a control character in a reason": {"because": (Clause("c\n", 1),)},
    "reasons that are no list": {"because": {}},
}


@pytest.mark.parametrize("what", ODD)
def test_what_is_unusual_is_declined(what: str) -> None:
    assert quickly(change(**ODD[what])) is None


def test_what_cannot_be_written_is_refused_as_when_it_is_written_slowly() -> None:
    with pytest.raises(OverflowError, match="outside the years 1 to 9999"):
        body(change(at=END_OF_TIME + 1))
    for broken in (change(customer_id="\ud800"), change(because=(Clause("\ud800", 1),))):
        with pytest.raises(UnicodeEncodeError):
            body(broken)


class Reason:
    """Has what a reason has, but keeps it elsewhere."""

    condition, observed, exact, off_by_at_most = "c", 1, True, None


def test_reasons_that_keep_their_fields_elsewhere_are_declined_between_those_that_do_not() -> None:
    usual = change(because=(Clause("c", 1),))
    assert quickly(usual) is not None
    assert quickly(change(because=(Reason(),))) is None
    assert quickly(change(because=({},))) is None
    assert quickly(usual) == body_of(*WRITER.record(usual))


def test_wrong_arguments_are_refused() -> None:
    assert quick_change_writer is not None
    with pytest.raises(TypeError, match="takes 16 arguments, not 1"):
        quick_change_writer("c-1")
    told = ("c-1", 1, START, None, None, (), b"null", b"}")
    with pytest.raises(TypeError, match="a pair of bytes"):
        quick_change_writer(bytearray(), *told, WRITER._around, lambda *_: b"", "a", "b", "c", "d", "e")
    for bodies, around in ((b"", WRITER._around), (bytearray(), WRITER._around[1:]), (bytearray(), (None,) * 4)):
        with pytest.raises(TypeError, match="a bytearray, and the pieces of the headers as 4 bytes"):
            quick_change_writer(bodies, *told, around, _pieces_of_move, "a", "b", "c", "d", "e")
