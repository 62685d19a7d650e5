"""How many records to ask the consumer for at once."""

_SLICE = 2_000
"""Records taken from the consumer's buffer at a time, at most."""


class SliceSize:
    """How many records to take from the consumer's buffer, so that the limit on bytes is kept.

    Their size is not known before, and those that were compressed well may be hundreds of times as large as what was
    fetched. So the first are taken by ones and twos, and then as many as fit when they are like those before.
    """

    def __init__(self) -> None:
        self._most = 1
        self._mean = 1
        """Bytes of a record, as those taken last had them, or larger ones before."""

    def fitting(self, room: int) -> int:
        """Records that should fit into so many bytes; one at least."""
        return max(1, min(self._most, room // self._mean))

    def took(self, count: int, size: int) -> None:
        """So many were taken, of so many bytes together."""
        self._most = min(_SLICE, 2 * self._most)
        # That some were small does not say that the next are: what was learned of large ones is forgotten slowly.
        self._mean = max(1, size // count, self._mean * 3 // 4)
