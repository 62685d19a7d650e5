"""The partition of a customer, as the Java client's default partitioner computes it, so that all producers agree.

Source of the algorithm: MurmurHash2 by Austin Appleby, 32 bits, with the seed that Kafka's Java client uses.
"""

from struct import unpack_from

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_32_BITS = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The hash as an unsigned 32-bit integer."""
    length = len(data)
    words, rest = divmod(length, 4)
    digest = _SEED ^ length
    for word in unpack_from(f"<{words}I", data):
        mixed = word * _MULTIPLIER & _32_BITS
        mixed = (mixed ^ mixed >> 24) * _MULTIPLIER & _32_BITS
        digest = (digest * _MULTIPLIER & _32_BITS) ^ mixed
    if rest:
        digest = (digest ^ int.from_bytes(data[-rest:], "little")) * _MULTIPLIER & _32_BITS
    digest = (digest ^ digest >> 13) * _MULTIPLIER & _32_BITS
    return digest ^ digest >> 15


def partition_of(customer_id: str, count: int) -> int:
    """The partition of a customer when its topic has `count` partitions."""
    return (murmur2(customer_id.encode()) & 0x7FFFFFFF) % count
