"""The quick way to write a state, in C, where it is compiled; without it every state is spelled out by `state.py`, with the same result."""

from collections.abc import Callable

StateWriter = Callable[..., bytes | None]
"""See `quick_state.c`."""

quick_writer: StateWriter | None
try:
    from etapa.contracts.stored.quick_state import write_state
except ImportError:
    quick_writer = None
else:
    quick_writer = write_state
