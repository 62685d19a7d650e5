"""The mark: the last record of every batch in `customer-state`. It says how far the batch got, and who made it."""

from typing import Final, Literal, get_args

import msgspec

from etapa.contracts.stored.versioned import read_versioned
from etapa.errors import EtapaError

MARK_KEY: Final = b"\xffmark"
"""Not UTF-8, so it is no customer's id."""
FORMAT: Final = 1


def is_customer_key(key: bytes) -> bool:
    """Whether a record of `customer-state` is a customer's, and neither a mark nor a page of the ledger: their keys begin with what is not UTF-8."""
    return not key.startswith(b"\xff")


TopicRole = Literal["touchpoints", "customer-state", "stage-changes", "campaign-triggers", "campaign-outcomes", "dead-letters"]
"""What a topic is for, whatever the settings call it."""
TOPIC_ROLES: Final[tuple[TopicRole, ...]] = get_args(TopicRole)
REPLACEABLE_ROLES: Final[tuple[TopicRole, ...]] = ("stage-changes", "campaign-triggers", "campaign-outcomes", "dead-letters")
"""Topics that a worker writes and never needs again: another one in their place lacks what was published before, and nothing else."""


class MarkError(EtapaError):
    """A mark record that this version cannot read."""


class Begun(msgspec.Struct, frozen=True):
    """How much is done of a record that holds several touchpoints: the first `taken` of `of`."""

    taken: int
    of: int
    """If the record holds another number when it is read again, the source has changed, and it is begun anew."""
    dead: bool = False
    """Whether there is a dead letter of the record already."""
    touched: bool = False
    """Whether any of those taken was a touchpoint."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """`through` is the last touchpoint offset dealt with (-1: none), `stream_time` in microseconds since 1970."""

    format: int = FORMAT
    group: str
    partitions: int
    through: int
    stream_time: int | None
    journey: str
    version: int
    zones: str = ""
    """The release of the zone data that local times were worked out with, such as `2026f`."""
    memories: dict[int, bytes] = {}
    """What each version that was ever at work in the partition keeps of a customer: `Customer.known`, which states leave out where it
    is said here. A version keeps the place that it took first. States whose version is not among them say it themselves."""
    topics: dict[TopicRole, str] = {}
    """Kafka's ids of the topics that the batch was read from and written to; missing where the brokers tell none. In a topic with
    another id, the offsets of this one mean nothing."""
    last_change: str | None = None
    """The id of the last stage change that was published up to and with this batch; none when there was none yet, or none in the topic that
    took the place of another."""
    begun: Begun | None = None
    """Of the record after `through`, if the batch ended in the middle of it."""
    replaced: tuple[TopicRole, ...] = ()
    """Topics that took the place of others since the partition began, by an operator's word: they lack what was published before."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Mark).decode


def encode_mark(mark: Mark) -> bytes:
    """The value of the mark record."""
    return _encode(mark)


def decode_mark(value: bytes | None) -> Mark:
    """The mark in a record whose key is `MARK_KEY`. Raises `MarkError`, also when a later version wrote it."""
    if value is None:
        raise MarkError("the mark has no value: something else writes to the customer-state topic")
    return read_versioned(value, _decode, FORMAT, lambda why: MarkError(f"the mark {why}"))
