"""Aligns two lists of changes, so that a reader sees at once what is missing, what came instead, and what was not expected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from etapa.journey.language.model import ExpectedChange

Actual = TypeVar("Actual")

MOST_CELLS: Final = 1_000_000
"""The most comparisons. Longer lists are simply paired place by place."""


@dataclass(frozen=True, slots=True)
class Row(Generic[Actual]):
    """An expected change and the actual one in its place; either may be missing."""

    expected: ExpectedChange | None
    actual: Actual | None
    differs: bool


def side_by_side(expected: Sequence[ExpectedChange], actual: Sequence[Actual], seen: Sequence[ExpectedChange]) -> list[Row[Actual]]:
    """The alignment with the fewest differences. `seen` holds, for each actual change, what a test would have to say to expect it.

    Changes with the same time or the same stage share a row; each of the others gets its own row.
    """
    equal = 0
    while equal < min(len(expected), len(seen)) and expected[equal] == seen[equal]:
        equal += 1
    rows = [Row(left, right, differs=False) for left, right in zip(expected[:equal], actual[:equal], strict=True)]
    return rows + _pair(expected[equal:], actual[equal:], seen[equal:])


def _pair(expected: Sequence[ExpectedChange], actual: Sequence[Actual], seen: Sequence[ExpectedChange]) -> list[Row[Actual]]:
    if len(expected) * len(seen) > MOST_CELLS:
        return _place_by_place(expected, actual, seen)
    costs = _costs(expected, seen)
    rows: list[Row[Actual]] = []
    left = right = 0
    while left < len(expected) and right < len(seen):
        both = _difference(expected[left], seen[right])
        if costs[left][right] == both + costs[left + 1][right + 1]:
            rows.append(Row(expected[left], actual[right], differs=both > 0))
            left, right = left + 1, right + 1
        elif costs[left][right] == 2 + costs[left + 1][right]:
            rows.append(Row(expected[left], None, differs=True))
            left += 1
        else:
            rows.append(Row(None, actual[right], differs=True))
            right += 1
    rows += [Row(each, None, differs=True) for each in expected[left:]]
    rows += [Row(None, each, differs=True) for each in actual[right:]]
    return rows


def _costs(expected: Sequence[ExpectedChange], seen: Sequence[ExpectedChange]) -> list[list[int]]:
    """The cost of aligning the rests of both lists, from each place in the one and each place in the other."""
    costs = [[2 * (len(seen) - right) for right in range(len(seen) + 1)]]
    for left in reversed(expected):
        after = costs[-1]
        row = [after[-1] + 2]
        for right in range(len(seen) - 1, -1, -1):
            row.append(min(_difference(left, seen[right]) + after[right + 1], 2 + after[right], 2 + row[-1]))
        costs.append(row[::-1])
    return costs[::-1]


def _difference(expected: ExpectedChange, seen: ExpectedChange) -> int:
    """The cost of a pair: nothing for the same change, little for the same time or the same stage, otherwise more than two gaps."""
    if expected == seen:
        return 0
    return 3 if expected.at == seen.at or expected.to == seen.to else 5


def _place_by_place(expected: Sequence[ExpectedChange], actual: Sequence[Actual], seen: Sequence[ExpectedChange]) -> list[Row[Actual]]:
    rows = []
    for place in range(max(len(expected), len(seen))):
        left = expected[place] if place < len(expected) else None
        right = seen[place] if place < len(seen) else None
        rows.append(Row(left, None if right is None else actual[place], differs=left != right))
    return rows
