"""What a sample of touchpoints suggests for a first journey."""

from collections import Counter
from typing import Final

from etapa.drafting.answers import MOST_NAMED, Answers, conversion_among, is_trouble
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.units import DAY, HOUR, MINUTE

MOST_TYPES: Final = 500
MOST_CUSTOMERS: Final = 50_000
MOST_GAPS: Final = 50_000
"""Limits on what is remembered of a sample; beyond them it is still read, but adds nothing new."""

LENGTHS: Final = (
    *(15 * MINUTE, HOUR, 3 * HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY),
    *(30 * DAY, 60 * DAY, 90 * DAY, 180 * DAY, 365 * DAY, 730 * DAY),
)
"""Durations that people use; a measured one is rounded up to the next of them."""

CONSENTS: Final = ("consent", "marketing", "newsletter", "opt_in", "optin", "acepta", "suscrito")


class Sample:
    """A sample of touchpoints, added one by one, in order of time for each customer."""

    def __init__(self) -> None:
        self.types: Counter[str] = Counter()
        self.customers = 0
        self._last: dict[tuple[str, str], int] = {}
        self._gaps: dict[str, list[int]] = {}
        self._known: set[str] = set()
        self._consents: Counter[str] = Counter()

    def add(self, touchpoint: Touchpoint) -> None:
        """Take in one touchpoint."""
        kind = touchpoint.type
        if kind not in self.types and len(self.types) >= MOST_TYPES:
            return
        self.types[kind] += 1
        for name, value in touchpoint.traits.items():
            if isinstance(value, bool) and any(part in name.casefold() for part in CONSENTS):
                self._consents[name] += 1
        customer = touchpoint.customer_id
        if customer not in self._known:
            if len(self._known) >= MOST_CUSTOMERS:
                return
            self._known.add(customer)
            self.customers += 1
        before = self._last.get((customer, kind))
        self._last[customer, kind] = touchpoint.at
        gaps = self._gaps.setdefault(kind, [])
        if before is not None and touchpoint.at > before and len(gaps) < MOST_GAPS:
            gaps.append(touchpoint.at - before)

    def suggests(self, name: str) -> Answers | None:
        """The best guess; None if the sample is empty."""
        if not self.types:
            return None
        by_number = tuple(kind for kind, _ in self.types.most_common())
        # If no name suggests it, the rarest type is taken as the goal that all the others lead to.
        conversion = conversion_among(by_number) or by_number[-1]
        gaps = sorted(self._gaps.get(conversion, ()))
        usual = gaps[len(gaps) // 2] if gaps else 30 * DAY
        slow = gaps[len(gaps) * 9 // 10] if gaps else 120 * DAY
        within = _next_longer(3 * usual)
        return Answers(
            name=name,
            conversion=conversion,
            interest=tuple(kind for kind in by_number if kind != conversion and not is_trouble(kind))[:MOST_NAMED],
            trouble=tuple(kind for kind in by_number if kind != conversion and is_trouble(kind))[:MOST_NAMED],
            regular_within=within,
            silent_after=_next_longer(max(2 * slow, within)),
            consent=next((name for name, _ in self._consents.most_common(1)), None),
        )


def _next_longer(time: int) -> int:
    return next((length for length in LENGTHS if length >= time), LENGTHS[-1])
