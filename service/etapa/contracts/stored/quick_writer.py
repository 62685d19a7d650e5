"""The quick way to write states, in C, where it is compiled; without it `written_states` writes them, with the same result."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from etapa.contracts.stored.in_common import InCommon
from etapa.journey.engine.facts.customer import Customer

Spell = Callable[[Customer, InCommon], bytes]
"""Spells a customer out."""


class QuickWriter(Protocol):
    """See `quick_state.c`."""

    def start(self, customers: list[Customer], start: int, common: InCommon, numbers: Mapping[str, int], /) -> None:
        """Begin with the customers of a list, from a place in it on. `numbers`: those of names."""

    def add(self, *values: object) -> None:
        """Add the next customer of the list: itself, whether it is usual, its id, its values, whether it moved, and was rescheduled."""

    def finish(self) -> Any:
        """States, stages, timers and the untimed, without the heads of lists: of each, how many texts, and these."""


quick_writer: Callable[[int, tuple[type[msgspec.Struct], ...], Spell], QuickWriter] | None
try:
    from etapa.contracts.stored.quick_state import StateWriter
except ImportError:
    quick_writer = None
else:
    quick_writer = StateWriter
