from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

def read_records(
    batch: bytes | bytearray | memoryview,
    count: int,
    first_offset: int,
    time: int,
    has_one_time: bool,
    make: Callable[[int, int, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]], _T],
    /,
) -> list[_T] | None: ...
