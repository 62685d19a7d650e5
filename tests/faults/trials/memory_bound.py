"""How much memory a worker takes at most, as `docs/operations.md` puts it down."""

from etapa.settings import Settings
from tests.faults.trials.measures import MEBIBYTE

_IDLE = 80 * MEBIBYTE
_CUSTOMER = 3 * 1024
"""In memory, of the shipped journey: what is stored of it has an eighth of that or less."""
_RECORD = 6 * 1024
"""A touchpoint of a batch, with what is made of it until it is shown: objects, changes, states, and the records of both."""
_COPIES = 8
"""How often the bytes of a batch may be there: as they were read, taken apart, as dead letters, and on their way to Kafka, twice over."""
_FETCH_COPIES = 2
"""An answer as it arrived, and in parts."""
_LARGEST_ANSWER = 50 * MEBIBYTE


_UNPACKED_COPIES = 2
"""A compressed batch, while it is put together out of its parts."""


def memory_bound(settings: Settings, partitions: int, *, compressed: bool = False) -> int:
    """Bytes for a worker that has so many partitions; `compressed`: their touchpoints are."""
    batch = _COPIES * settings.batch_bytes + _RECORD * settings.batch_records
    fetched = min(_LARGEST_ANSWER, partitions * max(settings.batch_bytes, settings.max_touchpoint_bytes))
    unpacked = _UNPACKED_COPIES * settings.max_unpacked_bytes if compressed else 0
    return _IDLE + partitions * (settings.customers_in_memory * _CUSTOMER + batch + unpacked) + _FETCH_COPIES * fetched
