"""The quick way to read a touchpoint, in C, where it is compiled; without it everything is read by `touchpoint.py`, with the same result."""

from collections.abc import Callable
from typing import Any

Fields = tuple[str, str, str, int, str | None, dict[str, Any] | None, dict[str, Any] | None]
"""Id, customer id, type, time in microseconds since 1970, channel, properties and traits."""

QuickReader = Callable[[bytes, bytes | None, bytes, tuple[str, ...] | None], Fields | None]
"""See `quick_reading.c`."""

quick_reader: QuickReader | None
try:
    from etapa.contracts.incoming.quick_reading import read_quickly
except ImportError:
    quick_reader = None
else:
    quick_reader = read_quickly
