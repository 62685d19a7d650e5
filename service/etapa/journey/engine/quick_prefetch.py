"""Asking the processor for objects ahead of time, in C, where it is compiled; without it they come when they are read."""

from collections.abc import Callable
from typing import Any

quick_prefetch: Callable[[list[Any]], None] | None
try:
    from etapa.journey.engine.prefetching import prefetch
except ImportError:
    quick_prefetch = None
else:
    quick_prefetch = prefetch
