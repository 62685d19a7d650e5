"""The actual ways of single customers compared with the ideal way: who keeps to it, how well all fit it, and where they leave it.

Memory grows with customers, not with moves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Detour:
    """A move that led customers off the ideal way or back along it. Ended and open detours are counted alike."""

    source: str
    to: str
    rules: Mapping[str | None, int]
    """How often each rule caused it; none: a change of the journey file, or another id of the customer."""
    customers: int
    times: int
    lost: int
    """Microseconds until customers were back where they had left the way, summed over all."""


@dataclass(frozen=True, slots=True)
class WayFigures:
    """The ways of all customers, summed up."""

    customers: int
    on_way: int
    """Customers whose stages so far are exactly the beginning of the ideal way, each once and in order."""
    conformance: float
    """The mean over customers of 1 - (fewest stages to delete or insert to get a beginning of the ideal way) / (stages visited).

    The fitness of optimal alignments with unit costs: Adriansyah, van Dongen, van der Aalst, "Conformance checking using cost-based
    fitness analysis", EDOC 2011.
    """
    detours: Sequence[Detour]
    """The most frequent first; if equally frequent, those that cost the most time first."""
    reached: Mapping[str, int]
    """Customers who have ever been in each stage."""


@dataclass(slots=True)
class _Off:
    """A customer who is off the ideal way: since when, and by which move."""

    since: int
    move: tuple[str, str]


@dataclass(slots=True)
class _Way:
    costs: list[int]
    """The costs of turning the stages visited so far into the first 0, 1, 2, … stages of the ideal way."""
    persona: str | None
    is_shown: bool = False
    """Whether the customer moved in the time shown."""
    gone: int = 0
    furthest: int = -1
    off: _Off | None = None
    reached: int = 0
    """A bit for each stage."""
    detours: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """By move: the count, and the microseconds lost."""


class Ways:
    """Follows stage changes in the order in which they happen to each customer. Times are microseconds since 1970."""

    def __init__(self, ideal: Sequence[str], stages: Sequence[str], since: int | None = None, to: int | None = None) -> None:
        """`ideal`: the stages of the ideal way, in order; may be empty. `stages`: all stages.

        `since`, `to`: count customers who moved from the one instant until before the other, with their ways from the beginning, and
        detours that began then; none: all.
        """
        self._since: Final = since
        self._to: Final = to
        self._ideal: Final = tuple(ideal)
        self._place: Final = {stage: place for place, stage in enumerate(ideal)}
        self._bit: Final = {stage: 1 << place for place, stage in enumerate(stages)}
        self._ways: Final[dict[str, _Way]] = {}
        self._rules: Final[dict[tuple[str, str, str | None], dict[str | None, int]]] = {}
        self._latest = 0

    def left(self, customer_id: str) -> None:
        """A customer turned out to be another, whose way goes on under the other id."""
        self._ways.pop(customer_id, None)

    @property
    def anybody(self) -> bool:
        """Whether there was any customer, in the time shown or before."""
        return bool(self._ways)

    def moved(self, customer_id: str, source: str | None, to: str, at: int, rule: str | None, persona: str | None) -> None:
        """A customer entered a stage. A way belongs to the persona that the customer has at its end."""
        if self._to is not None and at >= self._to:
            return
        is_shown = self._since is None or at >= self._since
        way = self._ways.get(customer_id)
        if way is None:
            way = self._ways[customer_id] = _Way(list(range(len(self._ideal) + 1)), persona)
        way.persona = persona
        way.is_shown = way.is_shown or is_shown
        way.reached |= self._bit.get(to, 0)
        self._latest = max(self._latest, at)
        if source is None and to not in self._place:
            # The stage where everybody begins is not a detour, even if the ideal way begins later.
            return
        way.costs = _one_more(way.costs, self._ideal, to)
        way.gone += 1
        if source is not None and is_shown:
            rules = self._rules.setdefault((source, to, persona), {})
            rules[rule] = rules.get(rule, 0) + 1
        self._follow(way, source, to, at, is_shown=is_shown)

    def _follow(self, way: _Way, source: str | None, to: str, at: int, *, is_shown: bool) -> None:
        place = self._place.get(to, -1)
        if place >= way.furthest and place >= 0:
            if way.off is not None and way.off.move in way.detours:
                way.detours[way.off.move][1] += max(0, at - way.off.since)
            way.off = None
            way.furthest = place
        elif way.off is None and source is not None and way.furthest >= 0:
            way.off = _Off(at, (source, to))
            if is_shown:
                way.detours.setdefault((source, to), [0, 0])[0] += 1

    def rules(self, persona: str | None = None) -> Mapping[tuple[str, str], Mapping[str | None, int]]:
        """How often each rule made each move, for customers of one persona or all."""
        found: dict[tuple[str, str], dict[str | None, int]] = {}
        for (source, to, whose), rules in self._rules.items():
            if persona is None or whose == persona:
                counts = found.setdefault((source, to), {})
                for rule, count in rules.items():
                    counts[rule] = counts.get(rule, 0) + count
        return found

    def figures(self, until: int | None = None, persona: str | None = None) -> WayFigures:
        """The summary, for one persona or all. A customer off the way at `until` (or the latest move, if later) has lost time up to then."""
        end = self._latest if until is None else max(until, self._latest)
        ways = [way for way in self._ways.values() if way.is_shown and (persona is None or way.persona == persona)]
        gone = [way for way in ways if way.gone]
        fits = [1 - min(way.costs) / way.gone for way in gone]
        return WayFigures(
            customers=len(ways),
            on_way=sum(min(way.costs) == 0 for way in gone),
            conformance=sum(fits) / len(fits) if fits else 1.0,
            detours=tuple(self._detours(ways, end, self.rules(persona))),
            reached={stage: sum(bool(way.reached & bit) for way in ways) for stage, bit in self._bit.items()},
        )

    def _detours(self, ways: Sequence[_Way], end: int, rules: Mapping[tuple[str, str], Mapping[str | None, int]]) -> Iterator[Detour]:
        found: dict[tuple[str, str], list[int]] = {}
        for way in ways:
            for move, (times, lost) in way.detours.items():
                still = end - way.off.since if way.off is not None and way.off.move == move else 0
                figures = found.setdefault(move, [0, 0, 0])
                for place, more in enumerate((1, times, lost + still)):
                    figures[place] += more
        for move, (customers, times, lost) in sorted(found.items(), key=lambda each: (-each[1][0], -each[1][2], each[0])):
            yield Detour(*move, rules.get(move, {}), customers, times, lost)


def _one_more(costs: list[int], ideal: Sequence[str], stage: str) -> list[int]:
    """The costs after one more stage: it matches the next of the ideal way, is deleted, or a stage of the ideal way is inserted."""
    following = [costs[0] + 1]
    for place, expected in enumerate(ideal):
        least = min(costs[place + 1], following[place]) + 1
        following.append(min(least, costs[place]) if stage == expected else least)
    return following
