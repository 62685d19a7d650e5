"""The most memory that a worker takes, by the formula in `docs/operations.md`."""

from etapa.settings import Settings
from tests.faults.trials.measures import MEBIBYTE

_IDLE = 80 * MEBIBYTE
_CUSTOMER = 3 * 1024
"""A customer of the shipped journey in memory; stored, it takes an eighth of that or less."""
_RECORD = 6 * 1024
"""A touchpoint in a batch, with everything made from it until it is shown: objects, changes, states, and the records of both."""
_COPIES = 8
"""How many copies of a batch's bytes may exist: as read, parsed, as dead letters, and on their way to Kafka, each twice."""
_FETCH_COPIES = 2
"""A response as it arrived, and in parts."""
_LARGEST_ANSWER = 50 * MEBIBYTE


_UNPACKED_COPIES = 2
"""A compressed batch, while it is assembled from its parts."""


def memory_bound(settings: Settings, partitions: int, *, compressed: bool = False) -> int:
    """Bytes for a worker with so many partitions; `compressed`: whether their touchpoints are."""
    batch = _COPIES * settings.batch_bytes + _RECORD * settings.batch_records
    fetched = min(_LARGEST_ANSWER, partitions * max(settings.batch_bytes, settings.max_touchpoint_bytes))
    unpacked = _UNPACKED_COPIES * settings.max_unpacked_bytes if compressed else 0
    return _IDLE + partitions * (settings.customers_in_memory * _CUSTOMER + batch + unpacked) + _FETCH_COPIES * fetched
