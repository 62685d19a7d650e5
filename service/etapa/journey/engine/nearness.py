"""Having customers in the processor's caches before they are judged.

Thousands of customers do not fit into these caches, and each is a dozen objects that point to each other. Read one after the other,
each object is waited for; asked for a few customers ahead of time, they are there when they are read.

A customer is found through its place, which the partition has for each customer in memory (see `kept_customer`).
"""

from typing import Any, Final

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.quick_prefetch import quick_prefetch

AT_ONCE: Final = 4
"""How many customers are asked for together."""

_AHEAD: Final = 8
"""How many customers are there before the next one is judged."""
_QUEUE: Final = 20
"""Before a customer is there, that many after it must have been asked for in part (see `prefetching.c`)."""
_PREFETCH: Final = None if quick_prefetch is None else quick_prefetch.prefetch
_PREFETCH_PLACES: Final = None if quick_prefetch is None else quick_prefetch.prefetch_places
IS_POSSIBLE: Final = quick_prefetch is not None
"""Whether anything can be asked for. If not, finding the customers ahead of time is wasted."""


def learn_layout(place: object, customer: Customer) -> bool:
    """Learn from a place with that customer where places and customers keep what is asked for. Returns whether that is known now."""
    if quick_prefetch is None:
        return False
    return quick_prefetch.learn(place, customer, customer.memory, customer.recent, customer.told, customer.id)


def bring_near(places: list[Any], start: int, position: int) -> int:  # only compiled
    """Have the customers at `position` and a few after it near. Returns to where was asked; nothing before `start`, where the last call ended, is asked for."""
    stop = position + AT_ONCE + _AHEAD
    start = max(start, position - _QUEUE)
    if start < stop:
        prefetch = _PREFETCH
        if prefetch is not None:
            prefetch(places, start, stop)
        return stop
    return start


def bring_all_near(places: list[Any]) -> None:  # only compiled
    """Have the customers of all these places near, now."""
    prefetch = _PREFETCH
    if prefetch is not None:
        prefetch(places, -_QUEUE, len(places))


def bring_places_near(places: list[Any]) -> None:  # only compiled
    """Have the places themselves near."""
    prefetch = _PREFETCH_PLACES
    if prefetch is not None:
        prefetch(places)
