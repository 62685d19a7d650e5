"""The quick way to read a touchpoint, in C, where it is compiled; without it everything is read by `touchpoint.py`, with the same result."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, SupportsIndex

from etapa.journey.engine.facts.touchpoint import CustomerPlace

if TYPE_CHECKING:
    from etapa.contracts.incoming.touchpoint_rows import TouchpointRows

Fields = tuple[str, str | CustomerPlace, str, SupportsIndex, str | None, dict[str, Any] | None, dict[str, Any] | None]
"""Id, customer id or who has it, type, time in microseconds since 1970 (an integer), channel, properties and traits."""

QuickReader = Callable[[bytes, bytes | None, bytes, tuple[str, ...] | None], Fields | None]
"""See `quick_reading.c`."""

NewRows = Callable[[bytes, tuple[str, ...] | None, int], "TouchpointRows"]
"""See `touchpoint_rows.c`."""

quick_reader: QuickReader | None
new_rows: NewRows | None
try:
    from etapa.contracts.incoming.quick_reading import read_quickly
    from etapa.contracts.incoming.touchpoint_rows import TouchpointRows
except ImportError:
    quick_reader = new_rows = None
else:
    quick_reader, new_rows = read_quickly, TouchpointRows
