"""The latest moves on the map: the newest of each kind, in the time shown, of one persona or all."""

from typing import Any

from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.map.recent import MOST, RecentMoves
from tests.support.stage_changes import stage_change


def _moved(at: int, source: str | None = "a", to: str = "b", **others: Any) -> StageChange:
    return stage_change(source, to, at=at, **others)


def _ats(found: RecentMoves, persona: str | None = None) -> dict[tuple[str, str], list[int]]:
    return {move: [change.at for change in changes] for move, changes in found.latest(persona).items()}


def test_only_the_newest_are_kept_whatever_order_they_come_in() -> None:
    found = RecentMoves()
    for at in (3, 9, 1, 7, 8, 2, 6, 4):
        found.moved(_moved(at))
    found.moved(_moved(5, to="c"))
    assert MOST == 5
    assert _ats(found) == {("a", "b"): [9, 8, 7, 6, 4], ("a", "c"): [5]}


def test_new_customers_have_not_moved() -> None:
    found = RecentMoves()
    found.moved(_moved(1, source=None))
    assert _ats(found) == {}


def test_only_the_time_shown_counts() -> None:
    found = RecentMoves(since=3, to=5)
    for at in range(8):
        found.moved(_moved(at))
    assert _ats(found) == {("a", "b"): [4, 3]}


def test_a_persona_has_latest_moves_of_its_own() -> None:
    found = RecentMoves()
    for at in range(10):
        found.moved(_moved(at, persona="student" if at < 2 else None))
    assert _ats(found, "student") == {("a", "b"): [1, 0]}
    assert _ats(found) == {("a", "b"): [9, 8, 7, 6, 5]}
