"""The quick way to write a stage change, in C, where it is compiled; without it `stage_change.py` writes all of them, with the same result."""

from collections.abc import Callable

QuickChangeWriter = Callable[..., int]
"""See `quick_change.c`."""

quick_change_writer: QuickChangeWriter | None
try:
    from etapa.contracts.outgoing.quick_change import append_change
except ImportError:
    quick_change_writer = None
else:
    quick_change_writer = append_change
