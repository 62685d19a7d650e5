"""The mark: the last record of every batch in `customer-state`. It says how far the batch got, and who made it."""

from typing import Final, Literal, get_args

import msgspec

from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.transfer import TopicLayout
from etapa.contracts.stored.versioned import read_versioned
from etapa.errors import EtapaError

MARK_KEY: Final = b"\xffmark"
"""Not UTF-8, so it cannot be a customer's id."""
FORMAT: Final = 1


def is_customer_key(key: bytes) -> bool:
    """Whether a record of `customer-state` is a customer's. Keys of marks and ledger pages begin with bytes that are not UTF-8."""
    return not key.startswith(b"\xff")


TopicRole = Literal["touchpoints", "customer-state", "stage-changes", "campaign-triggers", "campaign-outcomes", "dead-letters", "transfers"]
"""What a topic is for, whatever its name in the settings. There is no topic `transfers` where customers never moved."""
TOPIC_ROLES: Final[tuple[TopicRole, ...]] = get_args(TopicRole)
REPLACEABLE_ROLES: Final[tuple[TopicRole, ...]] = ("stage-changes", "campaign-triggers", "campaign-outcomes", "dead-letters")
"""Topics that a worker only writes: a new one in their place lacks what was published before, and nothing else."""


class MarkError(EtapaError):
    """A mark record that this version cannot read."""


class Begun(msgspec.Struct, frozen=True):
    """Progress within a record that holds several touchpoints: the first `taken` of `of` are done."""

    taken: int
    of: int
    """If the record holds another number when it is read again, the source has changed, and the record is started over."""
    dead: bool = False
    """Whether the record already has a dead letter."""
    touched: bool = False
    """Whether any item taken was a touchpoint."""


class MovingMark(msgspec.Struct, frozen=True):
    """The progress of moving customers: the second half of a mark where there is a topic `transfers`."""

    next_transfer: int
    """The offset of the first record of `transfers` that is not done."""
    sent: dict[int, int] = {}
    """The number of the last transfer sent to each place."""
    taken: dict[int, int] = {}
    """The number of the last transfer taken in from each place."""
    layout: TopicLayout | None = None
    ended: tuple[int, ...] = ()
    """Places of the layout before where nobody is left who has to move."""
    per_second: float | None = None
    """The pace at which customers leave, as announced."""
    revision: int = 0
    """That of the announcement."""
    to_leave: int | None = None
    """About how many have to leave in all: a share of the customers that there were at first."""
    left: int = 0
    """How many have left since the layout was adopted."""
    arrived: int = 0
    """How many have arrived since then."""
    settled: int = 0
    """The generation of the last layout in which everything has arrived that was forwarded before."""
    follows_links: bool = False
    """Whether links join people here. Once they did, they go on doing so."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """`through` is the last processed offset of `touchpoints` (-1: none); `stream_time` is in microseconds since 1970."""

    format: int = FORMAT
    group: str
    partitions: int
    through: int
    stream_time: int | None
    journey: str
    version: int
    zones: str = ""
    """The release of the zone data that local times were computed with, such as `2026f`."""
    memories: dict[int, bytes] = {}
    """`Customer.known` of each version that ever processed the partition. States of these versions omit it; other states contain it.
    A version keeps its position."""
    names: tuple[str, ...] = ()
    """Names to which states refer by their place in here. It only grows, and is bounded (see `in_common`)."""
    topics: dict[TopicRole, str] = {}
    """Kafka's ids of the topics that the batch was read from and written to; missing if the brokers report none. Offsets mean
    nothing in a topic with another id."""
    last_change: str | None = None
    """The id of the last stage change published up to and including this batch; none if there is none yet, or none in a topic that
    replaced another."""
    begun: Begun | None = None
    """Progress within the record after `through`, if the batch ended in the middle of it."""
    replaced: tuple[TopicRole, ...] = ()
    """Topics that replaced others by an operator's decision since the partition began: they lack what was published before."""
    moving: MovingMark | None = None
    """None where no customers move."""

    def in_common(self) -> InCommon:
        """What states up to this mark leave out."""
        return InCommon(self.memories, self.names)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Mark).decode


def encode_mark(mark: Mark) -> bytes:
    """The value of the mark record."""
    return _encode(mark)


def decode_mark(value: bytes | None) -> Mark:
    """The mark in a record whose key is `MARK_KEY`. Raises `MarkError`, also if a later version wrote it."""
    if value is None:
        raise MarkError("the mark has no value: something else writes to the customer-state topic")
    return read_versioned(value, _decode, FORMAT, lambda why: MarkError(f"the mark {why}"))
