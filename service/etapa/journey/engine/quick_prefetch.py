"""Asking the processor for customers ahead of time, in C, where it is compiled; without it they come when they are read."""

from typing import Any, Protocol


class QuickPrefetch(Protocol):
    """See `prefetching.c`."""

    def prefetch(self, places: list[Any], start: int, stop: int, /) -> int:
        """Have what the places from `start` to before `stop` hold near soon, and begin with those after. Returns how many customers that were.

        A negative `start` begins with the first.
        """

    def prefetch_places(self, places: list[Any], /) -> None:
        """Have these places themselves near soon."""

    def learn(self, place: object, customer: object, /, *parts: object) -> bool:
        """Learn from an example where places keep customers, and these what is asked for of them. Returns whether that is known now."""


quick_prefetch: QuickPrefetch | None
try:
    from etapa.journey.engine import prefetching
except ImportError:
    quick_prefetch = None
else:
    quick_prefetch = prefetching
