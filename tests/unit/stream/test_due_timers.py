"""Due timers are a sequence like any other, whatever they were told as."""

import pytest

from etapa.stream.protocol.due_timers import NOTHING_DUE, Due, DueTimers

TOLD = DueTimers(["a", "ñ", "b"], [b"-5", b"1.7637192000000010e+15", b"9"], [b"x", b"", b"\xff"])
EXPECTED = [Due("a", -5, b"x"), Due("ñ", 1_763_719_200_000_001, b""), Due("b", 9, b"\xff")]


def test_each_is_found_by_its_place() -> None:
    assert list(TOLD) == EXPECTED
    assert [TOLD[0], TOLD[-1], TOLD[1:]] == [EXPECTED[0], EXPECTED[2], EXPECTED[1:]]
    assert len(TOLD) == 3
    with pytest.raises(IndexError):
        TOLD[3]


def test_they_are_the_same_as_those_that_they_are_made_of() -> None:
    assert DueTimers.of(EXPECTED, have_states=True) == TOLD
    assert EXPECTED[:2] != TOLD
    assert repr(TOLD) == f"DueTimers({EXPECTED})"


def test_without_states_these_are_empty() -> None:
    bare = DueTimers.of(EXPECTED, have_states=False)
    assert [one.state for one in bare] == [b""] * 3
    assert (TOLD.have_states, bare.have_states, list(NOTHING_DUE)) == (True, False, [])
