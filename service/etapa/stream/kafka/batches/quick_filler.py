"""The quick way to make records of states, in C, where it is compiled; without it `RecordBuffer.fill` makes them, with the same result."""

from collections.abc import Callable

StateFiller = Callable[[bytes, int, int, int, bool], tuple[bytes, int]]
"""See `state_records.c`."""

quick_filler: StateFiller | None
try:
    from etapa.stream.kafka.batches.state_records import state_records
except ImportError:
    quick_filler = None
else:
    quick_filler = state_records
