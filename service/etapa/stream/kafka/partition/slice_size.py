"""How many records to take from the consumer at once."""

_SLICE = 2_000
"""Records taken from the consumer's buffer at a time, at most."""


class SliceSize:
    """How many records to take from the consumer's buffer, so as to stay within the limit on bytes.

    Their size is not known in advance, and well compressed records may be hundreds of times as large as the data
    fetched. So it starts with one or two records, and then takes as many as fit if they are like the previous ones.
    """

    def __init__(self) -> None:
        self._most = 1
        self._mean = 1
        """Bytes per record: the mean of those taken last, or of larger ones before."""

    def fitting(self, room: int) -> int:
        """How many records should fit into `room` bytes; at least one."""
        return max(1, min(self._most, room // self._mean))

    def took(self, count: int, size: int) -> None:
        """Note that `count` records of `size` bytes in total were taken."""
        self._most = min(_SLICE, 2 * self._most)
        # Small records do not mean that the next ones are small: large sizes are forgotten slowly.
        self._mean = max(1, size // count, self._mean * 3 // 4)
