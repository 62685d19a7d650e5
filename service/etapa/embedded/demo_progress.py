"""What the demo remembers of the last seconds, to show rates, trends, and interesting moves."""

from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

from etapa.contracts.outgoing.stage_change_message import StageChangeMessage
from etapa.journey.units import DAY


class Look(NamedTuple):
    """A snapshot of all figures, at a time in seconds of a clock that never goes back."""

    at: float
    touchpoints: int
    customers: Counter[str]
    shop_time: int


class Trend:
    """Compares the latest snapshot with one from some seconds earlier."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._looks: deque[Look] = deque()

    def add(self, look: Look) -> None:
        self._looks.append(look)
        while len(self._looks) > 2 and look.at - self._looks[1].at >= self._seconds:
            self._looks.popleft()

    @property
    def rate(self) -> float:
        """Touchpoints a second."""
        return self._per_second(self._looks[-1].touchpoints - self._looks[0].touchpoints) if self._looks else 0.0

    @property
    def shop_days_per_second(self) -> float:
        """How fast time runs in the shop."""
        return self._per_second(self._looks[-1].shop_time - self._looks[0].shop_time) / DAY if self._looks else 0.0

    @property
    def grown(self) -> dict[str, int]:
        """By how many customers each stage grew or shrank."""
        if not self._looks:
            return {}
        before, now = self._looks[0].customers, self._looks[-1].customers
        return {stage: now[stage] - before[stage] for stage in before.keys() | now.keys()}

    def _per_second(self, difference: float) -> float:
        passed = self._looks[-1].at - self._looks[0].at
        return difference / passed if passed > 0 else 0.0


class Highlights:
    """Picks stage changes at a readable pace, each kind in turn. The latest comes first."""

    def __init__(self, seconds_between: float, kept: int) -> None:
        self._seconds_between = seconds_between
        self._picked: deque[StageChangeMessage] = deque(maxlen=kept)
        self._candidates: dict[tuple[str | None, str], StageChangeMessage] = {}
        self._shown: Counter[tuple[str | None, str]] = Counter()
        self._last_pick: float | None = None

    def offer(self, changes: Sequence[StageChangeMessage], now: float) -> None:
        """If it is time for another one, pick one of these and those offered since the last pick."""
        for change in changes:
            self._candidates[change.source, change.to] = change
        if not self._candidates or (self._last_pick is not None and now - self._last_pick < self._seconds_between):
            return
        # Newcomers are many and say little: they are shown only when there is nothing else.
        kind = min(self._candidates, key=lambda kind: (kind[0] is None, self._shown[kind]))
        self._picked.appendleft(self._candidates[kind])
        self._shown[kind] += 1
        self._candidates.clear()
        self._last_pick = now

    @property
    def picked(self) -> Sequence[StageChangeMessage]:
        return tuple(self._picked)
