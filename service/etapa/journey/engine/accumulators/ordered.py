"""The accumulator of a sequence: whether its steps were taken in order, and when the latest such run began.

Only one question is ever asked: do touchpoints match the steps, in order and all within the window? They do exactly when the
run with the latest first touchpoint still lies in the window. So it is enough to know, for each number of steps, the latest
beginning of a run that took them; every touchpoint updates these. Touchpoints themselves are kept only because of late ones,
which are inserted in their place, and then the beginnings are computed again.
"""

from bisect import bisect_right
from typing import Any, Final

from etapa.journey.engine.accumulators.accumulator import Accumulator, accumulator_key, match_definition
from etapa.journey.engine.accumulators.matching import compile_where
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.accumulators.window import forget_before
from etapa.journey.engine.facts.customer import Memory
from etapa.journey.engine.facts.instant import LONG_AGO
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.model import ANY_TYPE, Match

EXACT: Final = 256
_MERGED: Final = 4
_MISPLACED: Final = 5
MOST_STEPS: Final = 63
"""The limit, because steps are bits of a stored integer."""


class _Step:
    __slots__ = ("bit", "types", "where")

    def __init__(self, bit: int, match: Match) -> None:
        self.bit: Final = bit
        self.types: Final = None if ANY_TYPE in match.types else frozenset(match.types)
        self.where: Final = compile_where(match.where)


class OrderedSteps(Accumulator):
    """Entry: [beginnings, beginnings before the times, times, steps], and beyond 256 also [latest merged time, latest of those misplaced].

    `beginnings[k]` is when the latest run through the first k + 1 steps began. The bits of `steps` say which steps each
    touchpoint matches. Beyond 256 touchpoints the oldest are merged into the second list. A late touchpoint that is older than the latest of
    these is treated as if it had occurred after them; until that one leaves the window, the result may be wrong.
    """

    __slots__ = ("steps", "times_at", "within")

    def __init__(self, steps: tuple[Match, ...], within: int) -> None:
        if len(steps) > MOST_STEPS:
            raise ValueError(f"a sequence has at most {MOST_STEPS} steps, not {len(steps)}")
        key = accumulator_key("sequence", [match_definition(step) for step in steps], within)
        super().__init__(key, tuple(sorted({kind for step in steps for kind in step.types})))
        self.steps: Final = [_Step(1 << place, step) for place, step in enumerate(steps)]
        self.within: Final = within
        self.times_at: Final = 2
        """Where in an entry its times are."""

    def watches(self) -> list[Watch]:
        return [watch for step in self.steps if step.where is not None for watch in step.where.watches()]

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        matched = self._matched(touchpoint)
        at = touchpoint.at
        gone = now - self.within
        if not matched or at <= gone:
            return
        entry = memory[self.place]
        if entry is None:
            none_begun = [LONG_AGO] * len(self.steps)
            entry = memory[self.place] = [none_begun, none_begun.copy(), [], []]
        beginnings, before, times, steps = entry[:_MERGED]
        if len(entry) > _MERGED and at < entry[_MERGED]:
            entry[_MISPLACED] = entry[_MERGED]
        forget_before(gone, times, steps)
        if not times or at >= times[-1]:
            times.append(at)
            steps.append(matched)
            move_on(beginnings, at, matched)
        else:
            place = bisect_right(times, at)
            times.insert(place, at)
            steps.insert(place, matched)
            beginnings[:] = before
            for time, each in zip(times, steps, strict=True):
                move_on(beginnings, time, each)
        if len(times) > EXACT:
            merged = times.pop(0)
            move_on(before, merged, steps.pop(0))
            entry[_MERGED:] = [max(merged, entry[_MERGED]), entry[_MISPLACED]] if len(entry) > _MERGED else [merged, LONG_AGO]

    def united(self, kept: Any, other: Any, now: int) -> Any:
        gone = now - self.within
        before = [max(each) for each in zip(kept[1], other[1], strict=True)]
        # A stable sort: at equal times those of `kept` come first.
        both = sorted([each for entry in (kept, other) for each in zip(entry[2], entry[3], strict=True) if each[0] > gone], key=_time_of)
        merged: int = max([entry[_MERGED] for entry in (kept, other) if len(entry) > _MERGED], default=LONG_AGO)
        # What was merged of one may have come after touchpoints of the other.
        misplaced = merged
        while len(both) > EXACT:
            at, matched = both.pop(0)
            move_on(before, at, matched)
            merged = max(merged, at)
        beginnings = before.copy()
        for at, matched in both:
            move_on(beginnings, at, matched)
        united = [beginnings, before, [at for at, _ in both], [matched for _, matched in both]]
        return united if merged == LONG_AGO else [*united, merged, misplaced]

    def began(self, memory: Memory) -> int:
        """When the latest run through all the steps began; `LONG_AGO` if there was none."""
        entry = memory[self.place]
        return LONG_AGO if entry is None else entry[0][-1]

    def is_exact(self, memory: Memory, now: int) -> bool:
        """Whether no touchpoint in the window was put after those that it came before."""
        entry = memory[self.place]
        return entry is None or len(entry) <= _MERGED or bool(entry[_MISPLACED] <= now - self.within)

    def _matched(self, touchpoint: Touchpoint) -> int:
        matched = 0
        for step in self.steps:
            if (step.types is None or touchpoint.type in step.types) and (step.where is None or step.where.admits(touchpoint)):
                matched |= step.bit
        return matched


def move_on(beginnings: list[int], at: int, matched: int) -> None:
    """Let a touchpoint at `at`, later than all before, take the steps it matches. Last step first, so that it takes only one per run."""
    for step in range(len(beginnings) - 1, -1, -1):
        if matched >> step & 1:
            begun = at if step == 0 else beginnings[step - 1]
            if begun > beginnings[step]:
                beginnings[step] = begun


def _time_of(touchpoint: tuple[int, int]) -> int:
    return touchpoint[0]
