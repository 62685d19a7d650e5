"""When the end of what may be read is said to stand still."""

from etapa.journey.units import SECOND
from etapa.stream.kafka.partition.stable_end import STANDS_STILL, StableEnd


def told(*answers: tuple[int, int | None, int | None]) -> list[int | None]:
    """What is told of answers that come every second: where we read, up to where committed records may be read, and the end."""
    found: list[int | None] = []
    stable_end = StableEnd(found.append)
    for second, (position, stable, end) in enumerate(answers):
        stable_end.look(position, stable, end, second * SECOND)
    return found


LONG = STANDS_STILL // SECOND + 1


def test_it_is_told_once_when_it_has_stood_still_for_long_enough_and_again_when_it_moves_on() -> None:
    assert told(*[(5, 5, 9)] * (LONG - 1)) == []
    assert told((5, 5, 5), *[(5, 5, 9)] * (2 * LONG)) == [SECOND]
    assert told(*[(5, 5, 9)] * LONG, (9, 9, 9)) == [0, None]
    assert told(*[(5, 5, 9)] * LONG, *[(9, 9, 12)] * LONG) == [0, None, LONG * SECOND]


def test_transactions_that_follow_each_other_are_none_that_hangs() -> None:
    assert told(*[(number, number, number + 3) for number in range(3 * LONG)]) == []


def test_nothing_behind_it_nothing_known_and_something_left_to_read_are_no_wait() -> None:
    assert told(*[(5, 5, 5)] * LONG) == told(*[(0, None, None)] * LONG) == told(*[(3, 5, 9)] * LONG) == []
    assert told(*[(5, 5, 9)] * (LONG - 1), (4, 5, 9), *[(5, 5, 9)] * (LONG - 1)) == []
