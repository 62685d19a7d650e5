"""The quick way to make records of bodies, in C, where it is compiled; without it `record_buffer.py` makes them, with the same result."""

from collections.abc import Callable

Frames = Callable[[bytes | bytearray, list[int], int, int, int], tuple[bytes, int]]
"""See `quick_frames.c`."""

quick_frames: Frames | None
try:
    from etapa.stream.kafka.batches.quick_frames import frames
except ImportError:
    quick_frames = None
else:
    quick_frames = frames
