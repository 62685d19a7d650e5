"""What stage changes say about the ideal way, worked out from each customer's whole way by trying everything."""

import itertools
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from etapa.journey.units import SECOND


class WayStep(NamedTuple):
    """A published stage change, at a time in microseconds since 1970."""

    customer: str
    source: str | None
    to: str
    at: int
    rule: str | None = None
    persona: str | None = None


class Departed(NamedTuple):
    """A detour as a whole: when it began and ended (none: not yet), and whether the customer made it for the first time."""

    source: str
    to: str
    rule: str | None
    persona: str | None
    began: int
    ended: int | None
    is_first: bool


class Ways(NamedTuple):
    """Everything about the steps from `since` (none: the first) to before `ends`."""

    customers: int
    on_way: int
    entered: int
    deviations: int
    detours: dict[tuple[str, str], tuple[int, int, int]]
    """By move: how many began, by how many customers for the first time, and the seconds lost."""


def ways_of(steps: Sequence[WayStep], ideal: Sequence[str], since: int | None, ends: int, persona: str | None = None) -> Ways:
    """The customer's persona is that of the last step, a stage's that of the step, and a detour's that of its beginning."""
    by_customer: dict[str, list[WayStep]] = {}
    for step in steps:
        if step.at < ends:
            by_customer.setdefault(step.customer, []).append(step)
    customers = on_way = entered = deviations = 0
    detours: dict[tuple[str, str], tuple[int, int, int]] = {}
    for own in by_customer.values():
        stages = way_of(own, ideal)
        if persona in (None, own[-1].persona):
            customers += 1
            on_way += bool(stages) and stages == list(ideal[: len(stages)])
        following = own[len(own) - len(stages) :]
        for length, step in enumerate(following, 1):
            if persona in (None, step.persona) and (since is None or step.at >= since):
                entered += 1
                deviations += fewest_repairs(tuple(stages[:length]), tuple(ideal)) - fewest_repairs(
                    tuple(stages[: length - 1]), tuple(ideal)
                )
        for each in detours_of(own, ideal):
            if persona in (None, each.persona):
                times, first, lost = detours.get((each.source, each.to), (0, 0, 0))
                begins_in_it = since is None or each.began >= since
                start = each.began if since is None else max(each.began, since)
                lost += max(0, (ends if each.ended is None else each.ended) // SECOND - start // SECOND)
                detours[each.source, each.to] = times + begins_in_it, first + (begins_in_it and each.is_first), lost
    return Ways(customers, on_way, entered, deviations, {move: each for move, each in detours.items() if each[0] or each[2]})


def way_of(own: Iterable[WayStep], ideal: Sequence[str]) -> list[str]:
    """The stages entered, but for the one where everybody begins if the ideal way begins later."""
    return [step.to for step in own if step.source is not None or step.to in ideal]


@cache
def fewest_repairs(way: tuple[str, ...], ideal: tuple[str, ...]) -> int:
    """The fewest stages to remove or insert until it is a beginning of the ideal way."""
    return min(len(way) + end - 2 * _common(way, ideal[:end]) for end in range(len(ideal) + 1))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The longest common subsequence, by trying all of `one`."""
    for length in range(len(one), 0, -1):
        for places in itertools.combinations(range(len(one)), length):
            rest = iter(other)
            if all(one[place] in rest for place in places):
                return length
    return 0


def detours_of(own: Sequence[WayStep], ideal: Sequence[str]) -> list[Departed]:
    """The detours of one customer. One lasts until a stage is entered that is as far along the ideal way as any before it."""
    found: list[Departed] = []
    place = {stage: number for number, stage in enumerate(ideal)}
    start = 0
    while start < len(own):
        step = own[start]
        furthest = max((place.get(each.to, -1) for each in own[:start]), default=-1)
        if step.source is None or furthest < 0 or place.get(step.to, -1) >= furthest:
            start += 1
            continue
        back = next((number for number in range(start, len(own)) if place.get(own[number].to, -1) >= furthest), None)
        is_first = not any((each.source, each.to) == (step.source, step.to) for each in found)
        ended = None if back is None else own[back].at
        found.append(Departed(step.source, step.to, step.rule, step.persona, step.at, ended, is_first))
        start = len(own) if back is None else back
    return found
