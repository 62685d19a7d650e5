"""Having customers in the processor's caches before they are judged.

Thousands of customers do not fit into these caches, and each is a dozen objects that point to each other. Read one after the other,
each object is waited for; asked for together, those of several customers come in the same time.
"""

from typing import Any, Final

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.quick_prefetch import quick_prefetch

AT_ONCE: Final = 16
"""How many customers are asked for together. Many more would push each other out of the nearest cache before they are judged."""

_PREFETCH: Final = quick_prefetch
IS_POSSIBLE: Final = quick_prefetch is not None
"""Whether anything can be asked for. If not, finding the customers ahead of time is wasted."""


def bring_near(customers: list[Customer]) -> None:  # only compiled
    """Ask for the customers, and for what touchpoints and timers read of them. Nothing depends on it but speed."""
    prefetch = _PREFETCH
    if prefetch is None:
        return
    prefetch(customers)
    parts: list[Any] = []
    for customer in customers:
        parts.append(customer.memory)
        parts.append(customer.recent)
        parts.append(customer.told)
    prefetch(parts)
