"""Who is in a campaign's holdout group: that follows from both ids, so every worker finds the same at any time."""

from hashlib import blake2b


def control_group_number(campaign_id: str, customer_id: str) -> int:
    """A number of 64 bits that depends on both ids and nothing else, evenly spread, and different in every campaign.

    BLAKE2b of 8 bytes over the UTF-8 bytes of the campaign's id, a zero byte and the customer's id, read as big-endian.
    """
    return int.from_bytes(blake2b(f"{campaign_id}\0{customer_id}".encode(), digest_size=8).digest())


def control_group_bound(share: float) -> int:
    """Customers whose number is below it are in a holdout group of that share (0 to 1). A larger share only adds customers."""
    return round(share * 2**64)
