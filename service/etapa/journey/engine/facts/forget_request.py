"""A request to forget a customer, as it arrives among the touchpoints."""

import msgspec


class ForgetRequest(msgspec.Struct, frozen=True):
    """Times are microseconds since 1970."""

    customer_id: str
    digest: bytes
    """The id's digest with the installation's key, which proves that the sender knows the key."""
    at: int
    """When it was asked for."""
    until: int
    """From this stream time on, the id may come again, as somebody new."""
