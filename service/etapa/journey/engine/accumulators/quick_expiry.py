"""The quick way to forget windows that are over, in C, where it is compiled; without it `expiring.py` does, with the same result."""

from collections.abc import Callable
from typing import Any

quick_forget: Callable[[list[Any], bytes, int], int | None] | None
try:
    from etapa.journey.engine.accumulators.expiry import forget
except ImportError:
    quick_forget = None
else:
    quick_forget = forget
