"""The ideal way: whether a customer has entered exactly its first stages so far, how well its way fits, and where it leaves it.

What the ledger counts of a stage change follows from the change and a few bytes of the customer's state.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, final
from zlib import crc32

from etapa.journey.engine.facts.course import BEFORE, OFF, ON, UNKNOWN, Course, Departure, DetourKey, Way
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.known_step import KnownStep
from etapa.journey.engine.judging.compiled_rule import CompiledRule
from etapa.journey.engine.judging.repeats import digest_of
from etapa.journey.engine.judging.visits import newly_counted, no_longer_counted
from etapa.journey.ledger.tables import Counted
from etapa.journey.units import SECOND

MOST_DETOURS: Final = 16
"""A customer's first different detours; further ones count as often as they happen, but in no number of customers."""

MOST_STEPS: Final = 8192
"""Different steps that are kept."""

_DIGEST_BYTES: Final = 6

_ON_WAY: Final = (0, 0, 0, 1, 0, 0)
"""One more step along the ideal way."""


@final
class CompiledWay:
    """The ideal way of a journey. Each change is judged by the way that was in force when it was published.

    If the file's ideal way changes, customers who were off the old one are taken for such as came to their stage along the new one, but
    stay off it.
    """

    __slots__ = ("_bytes", "_counts", "_courses", "_detours", "_first", "_length", "_mark", "_next", "_place", "_steps")

    def __init__(self, ideal: Sequence[str]) -> None:
        """`ideal`: its stages, in order; none: the journey has no ideal way, but personas."""
        self._length: Final = len(ideal)
        self._first: Final = ideal[0] if ideal else ""
        self._next: Final = dict(pairwise(ideal))
        self._place: Final = {stage: place for place, stage in enumerate(ideal)}
        self._mark: Final = crc32("\n".join(ideal).encode())
        # Nearly all steps have been taken by another customer before, and customers whose ways are alike share the object.
        self._steps: Final[dict[tuple[Way, str | None, str | None, str, str | None], KnownStep]] = {}
        # What steps have in common is one object each, so that it is mostly in the processor's caches.
        self._courses: Final[dict[Way, Way]] = {}
        self._detours: Final[dict[DetourKey, DetourKey]] = {}
        self._counts: Final[dict[tuple[Counted, ...], tuple[Counted, ...]]] = {}
        self._bytes: Final[dict[bytes, bytes]] = {}

    def lead(
        self, customer: Customer, *, persona: str | None, source: str | None, at: int, rule: CompiledRule | None
    ) -> tuple[Counted, ...]:
        """Keep what a published change into the customer's stage does to its way. Returns what the ledger counts of it; see `entered`."""
        last = customer.step
        known = None
        if rule is not None and isinstance(last, KnownStep) and last.after is customer.way and last.of is self and last.to is source:
            known = last
            step = known.next(rule.place, persona)
            if step is not None:
                customer.step, customer.way = step, step.after
                return step.counted(at)
        step = self._taken(customer.way, persona, source, customer.stage, None if rule is None else rule.id)
        if known is not None and rule is not None:
            known.lead_to(step, rule.place, persona)
        customer.step, customer.way = step, step.after
        return step.counted(at)

    def entered(
        self, before: Way, *, persona: str | None, source: str | None, to: str, at: int, rule: str | None
    ) -> tuple[Way, tuple[Counted, ...]]:
        """`Customer.way` after a published change, and what the ledger counts of it. `before`: the same before it; `source` none: the customer is new."""
        step = self._taken(before, persona, source, to, rule)
        return step.after, step.counted(at)

    def _taken(self, before: Way, persona: str | None, source: str | None, to: str, rule: str | None) -> KnownStep:
        """See `entered`."""
        taken = (before, persona, source, to, rule)
        step = self._steps.get(taken)
        if step is None:
            if len(self._steps) >= MOST_STEPS:
                self._forget_steps()
            step = self._step(before, persona, source, to, rule)
            step.after = self._courses.setdefault(step.after, step.after)
            step.counts = self._counts.setdefault(step.counts, step.counts)
            self._steps[taken] = step
        return step

    def _forget_steps(self) -> None:
        for each in self._steps.values():
            each.forget_what_is_next()
        self._steps.clear()
        self._courses.clear()
        self._detours.clear()
        self._counts.clear()
        self._bytes.clear()

    def _step(self, before: Way, persona: str | None, source: str | None, to: str, rule: str | None) -> KnownStep:
        """See `entered`."""
        was = way_of(before)
        way = self._after(was, source, to) if self._length else was
        step = KnownStep(self, way if persona is None else _course(way, persona), to, persona)
        if was == ON and way == ON and isinstance(before, int) and persona is None:
            step.counts = (("ways", (None, source, to), _ON_WAY),)
            return step
        steps, deviations = (0, 0) if way in (UNKNOWN, BEFORE) or not self._length else (1, 0)
        if way == OFF and self._length:
            deviations = self._go_astray(step, before, persona, source, to, rule)
        elif way == OFF and isinstance(before, Course):
            step.after = _course(OFF, persona, before.ideal, before.matched, before.furthest, before.taken, before.detour)
        counted_for = persona if source is None else persona_of(before)
        on_before, on_after = int(was == ON), int(way == ON)
        if counted_for != persona:
            followed = int(was != UNKNOWN)
            step.counts = (
                ("ways", (counted_for, source, to), (-followed, -on_before, -1, 0, 0, 0)),
                ("ways", (persona, source, to), (followed, on_after, 1, steps, deviations, 0)),
            )
        else:
            followed = int(source is None and way != UNKNOWN)
            if followed or steps or on_after != on_before:
                step.counts = (("ways", (persona, source, to), (followed, on_after - on_before, 0, steps, deviations, 0)),)
        return step

    def _after(self, way: int, source: str | None, to: str) -> int:
        if source is None:
            if to == self._first:
                return ON
            return OFF if to in self._place else BEFORE
        if way == ON:
            return ON if self._next.get(source) == to else OFF
        if way == BEFORE:
            return ON if to == self._first else OFF
        return way

    def _go_astray(self, step: KnownStep, before: Way, persona: str | None, source: str | None, to: str, rule: str | None) -> int:
        """Complete the step of a customer who is off the ideal way afterwards. Returns whether it deviates from the way, as 0 or 1.

        The cost of the best alignment of a way with a beginning of the ideal one, where a move on one side alone costs 1, grows by 0 or 1
        with each stage; a change deviates if it grows. It follows from the longest common subsequences with all beginnings, which take a
        bit for each stage (Allison and Dix, "A bit-string longest-common-subsequence algorithm", 1986).
        """
        past = before if isinstance(before, Course) else None
        detour = None if past is None or past.detour is None else self._detours.setdefault(past.detour, past.detour)
        taken = b"" if past is None else past.taken
        if past is not None and past.way == OFF and past.ideal == self._mark:
            matched, furthest = int.from_bytes(past.matched, "little"), past.furthest
        else:
            step.ended, detour = detour, None
            furthest = -1 if source is None else self._place.get(source, -1)
            matched = (1 << (furthest + 1)) - 1
        place = self._place.get(to, -1)
        more = self._matched_with(matched, place)
        if place >= furthest and place >= 0:
            if detour is not None:
                step.ended, detour = detour, None
            furthest = place
        elif detour is None and source is not None and furthest >= 0:
            left = (persona, source, to, rule)
            detour = step.began = self._detours.setdefault(left, left)
            digest = digest_of(f"{source}\n{to}")
            if not _has(taken, digest) and len(taken) < MOST_DETOURS * _DIGEST_BYTES:
                taken += digest
                step.is_new = 1
        stored = more.to_bytes((self._length + 7) // 8, "little")
        stored, taken = self._bytes.setdefault(stored, stored), self._bytes.setdefault(taken, taken)
        step.after = _course(OFF, persona, self._mark, stored, furthest, taken, detour)
        return 1 + self._shortest(more) - self._shortest(matched)

    def _matched_with(self, matched: int, place: int) -> int:
        """The bits after one more stage, which is the one at that place; -1: none of the ideal way."""
        if place < 0 or matched >> place & 1:
            return matched
        above = matched >> (place + 1)
        # The next bit above it moves down to it.
        return (matched | 1 << place) & ~((above & -above) << (place + 1))

    def _shortest(self, matched: int) -> int:
        """The cost of the best alignment, minus the number of stages entered."""
        cost = least = 0
        for place in range(self._length):
            cost += -1 if matched >> place & 1 else 1
            least = min(least, cost)
        return least


def way_of(course: Way) -> int:
    """`UNKNOWN`, `BEFORE`, `ON` or `OFF`."""
    return course if isinstance(course, int) else course.way


def persona_of(course: Way) -> str | None:
    """The persona for which a customer is counted."""
    # By its place, because reading a named tuple's field is not compiled.
    return course[1] if isinstance(course, tuple) else None


def departed(course: Way, stage: str, at: int, visited: Sequence[str]) -> Departure:
    """A customer is forgotten in that stage, or turns out to be another: it is counted no longer. `visited`: the stages where it has been."""
    way = way_of(course)
    counts: list[Counted] = []
    if isinstance(course, Course) and course.detour is not None:
        counts.append(_returned(course.detour, at))
    counts.append(("ways", (persona_of(course), stage, None), (-int(way != UNKNOWN), -int(way == ON), -1, 0, 0, 0)))
    counts += no_longer_counted(visited, persona_of(course))
    return Departure(at, counts)


def returned_to(persona: str | None, stage: str, at: int) -> Departure:
    """A customer is counted in that stage again, under an id that was no longer used."""
    return Departure(at, [("ways", (persona, stage, None), (0, 0, 1, 0, 0, 0))])


def been_in(visited: Sequence[str], persona: str | None, at: int) -> Departure:
    """A customer turns out to have been in these stages under another id."""
    return Departure(at, newly_counted(visited, persona))


def _course(
    way: int,
    persona: str | None,
    ideal: int = 0,
    matched: bytes = b"",
    furthest: int = -1,
    taken: bytes = b"",
    detour: DetourKey | None = None,
) -> Course:
    """The same as `Course`, without the function that makes named tuples, which is not compiled."""
    return tuple.__new__(Course, (way, persona, ideal, matched, furthest, taken, detour))


def _returned(detour: DetourKey, at: int) -> Counted:
    return "detours", detour, (0, 0, 1, at // SECOND)


def _has(digests: bytes, digest: bytes) -> bool:
    return any(digests[start : start + _DIGEST_BYTES] == digest for start in range(0, len(digests), _DIGEST_BYTES))
