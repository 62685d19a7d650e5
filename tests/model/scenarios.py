"""Scenarios of customers who move, from the smallest that shows anything to those that take minutes."""

from collections.abc import Mapping
from typing import Final

from tests.model.moving import MovingScenario, Touch


def _records(text: str) -> tuple[Touch, ...]:
    """Such as `a1 b1 a2'`: the apostrophe marks a producer that has gone over to the new layout."""
    return tuple(Touch(word[0], int(word[1]), word.endswith("'")) for word in text.split())


def _scenario(
    touchpoints: list[str],
    old: set[int],
    homes: Mapping[str, tuple[int, int]],
    *,
    crashes: int = 1,
    repeats: int = 1,
    then: Mapping[str, int] | None = None,
    added: frozenset[int] = frozenset(),
) -> MovingScenario:
    """`homes`: before and after."""
    return MovingScenario(
        tuple(_records(text) for text in touchpoints),
        frozenset(old),
        tuple((customer, before) for customer, (before, _) in homes.items()),
        tuple((customer, after) for customer, (_, after) in homes.items()),
        crashes,
        repeats,
        then=tuple((then or {}).items()),
        added=added,
    )


SMALL: Final[Mapping[str, MovingScenario]] = {
    "there and back": _scenario(["a1 a2 a3", ""], {0, 1}, {"a": (0, 1)}, crashes=0, repeats=0, then={"a": 0}),
    "there and back, while a place is added": _scenario(
        ["a1 a2 a3", "", ""], {0, 1}, {"a": (0, 1)}, crashes=0, repeats=0, then={"a": 0}, added=frozenset({2})
    ),
    "there, and on to a place that is added": _scenario(
        ["a1 a2", "", ""], {0, 1}, {"a": (0, 1)}, crashes=0, repeats=0, then={"a": 2}, added=frozenset({2})
    ),
    "one more place": _scenario(["a1 a2", "a3' a4'"], {0}, {"a": (0, 1)}),
    "one place fewer": _scenario(["a2' a3'", "a1"], {0, 1}, {"a": (1, 0)}, repeats=0),
    "two change places": _scenario(["a1", "b1 a2'"], {0, 1}, {"a": (0, 1), "b": (1, 0)}, repeats=0),
}
"""Each is searched within seconds."""
LARGE: Final[Mapping[str, MovingScenario]] = {
    "there and back, with a crash": _scenario(["a1 a2 a3", ""], {0, 1}, {"a": (0, 1)}, repeats=0, then={"a": 0}),
    "back, and on to a place that is added": _scenario(
        ["a1 b1 a2 b2", "", ""], {0, 1}, {"a": (0, 1), "b": (0, 1)}, crashes=0, repeats=0, then={"a": 2, "b": 0}, added=frozenset({2})
    ),
    "two crashes": _scenario(["a1 a2", "a3' a4'"], {0}, {"a": (0, 1)}, crashes=2),
    "one place fewer, repeated": _scenario(["a3' a4'", "a1 a2"], {0, 1}, {"a": (1, 0)}),
    "two change places, both late": _scenario(["a1 b2'", "b1 a2'"], {0, 1}, {"a": (0, 1), "b": (1, 0)}, repeats=0),
    "two places become three": _scenario(["a1 b2'", "b1", "a2'"], {0, 1}, {"a": (0, 2), "b": (1, 0)}, crashes=0, repeats=0),
}
"""These take minutes: `make model`."""
