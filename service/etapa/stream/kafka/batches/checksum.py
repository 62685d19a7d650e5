"""The checksum of record batches: by the processor's own instruction where that is possible, otherwise as aiokafka works it out."""

import struct
from typing import Final

from aiokafka.record.util import calc_crc32c

__all__ = ["CHECKSUM", "CHECKSUM_AT", "CHECKSUM_FROM", "crc32c"]

CHECKSUM: Final = struct.Struct(">I")
CHECKSUM_AT: Final = 17
"""Where it is in a batch of message format 2."""
CHECKSUM_FROM: Final = CHECKSUM_AT + CHECKSUM.size
"""From where on to the end of the batch it is worked out."""

try:
    from etapa.stream.kafka.batches.quick_checksum import crc32c
except ImportError:
    crc32c = calc_crc32c
