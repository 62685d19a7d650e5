"""Records of `transfers`, through which partitions hand customers over to each other (docs/moving-customers.md).

MessagePack maps. Partition p of the topic holds what was sent to place p; records have no key.
"""

from collections.abc import Mapping, Sequence
from math import lcm
from typing import Final

import msgspec

from etapa.errors import EtapaError

FORMAT: Final = 1
ANNOUNCER: Final = -1
"""The sender of a new layout, which is no place. What it sends has no number."""


class TransferError(EtapaError):
    """A record of `transfers` that this version cannot read, or that cannot follow the one before."""


class TopicLayout(msgspec.Struct, frozen=True):
    """How customers are laid out over places: by their ids, over so many partitions now, and so many before.

    A layout takes the place of those with lower generations.
    """

    generation: int
    partitions: int
    before: int

    def share_leaving(self, partition: int) -> float:
        """Which share of the customers at home in this partition before has to leave it, if ids are spread evenly."""
        if partition >= self.before:
            return 0.0
        rounds = range(partition, lcm(self.before, self.partitions), self.before)
        return sum(hashed % self.partitions != partition for hashed in rounds) / len(rounds)


class StateMoved(msgspec.Struct, frozen=True, tag="state"):
    """The customer lives at the receiver from now on. `stream_time`: that of the sender."""

    customer_id: str
    state: bytes
    stream_time: int | None
    layout: TopicLayout | None = None
    """In which the customer is at home there."""


class TouchpointForwarded(msgspec.Struct, frozen=True, tag="touchpoint"):
    """A record of `touchpoints`, unchanged, whose customer does not live where it was read; and where that was.

    If a source made the touchpoint, it is in `made`, and the record is for a dead letter only.
    """

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp: int
    partition: int
    offset: int
    layout: TopicLayout | None = None
    """That of the sender, which has no customer of this id in it."""
    made: bytes | None = None
    """See `made_touchpoint`."""
    cut: tuple[int, str] | None = None
    """Set if `value` is only the beginning: the size and the SHA-256 digest (hexadecimal) of the whole."""


class CustomerClaimed(msgspec.Struct, frozen=True, tag="claim"):
    """A touchpoint waits at the sender, which is the customer's home in this layout. Send the customer, or say that you have none."""

    customer_id: str
    layout: TopicLayout


class CustomerUnknown(msgspec.Struct, frozen=True, tag="none"):
    """The answer to a claim in this layout: nobody of this id lives at the sender, nor ever will."""

    customer_id: str
    layout: TopicLayout


class WaysTold(msgspec.Struct, frozen=True, tag="ways"):
    """The sender is the old home of these ids, and the receiver the new one. Whoever has them stays: the way to them leads through the sender."""

    customer_ids: Sequence[str]
    layout: TopicLayout


class CustomersDenied(msgspec.Struct, frozen=True, tag="denied"):
    """Customers who were forgotten at the sender. Entries of the deny list, by name, as they are stored (`contracts.stored.denial`)."""

    entries: Mapping[bytes, bytes]


class PlaceFinished(msgspec.Struct, frozen=True, tag="finished"):
    """Nobody is left at the sender who has to move in this layout, and the ways to all others were told."""

    layout: TopicLayout


class SettlingAsked(msgspec.Struct, frozen=True, tag="settle"):
    """The sender follows this layout, and reads no touchpoints until what it forwarded before has arrived: answer when you read this."""

    layout: TopicLayout
    round: int


class SettlingAnswered(msgspec.Struct, frozen=True, tag="settled"):
    """The answer: everything that the receiver had sent before it asked is taken in here, and what had to go on was sent on."""

    layout: TopicLayout
    round: int


class LayoutAnnounced(msgspec.Struct, frozen=True, tag="layout"):
    """A new layout holds from now on, or customers leave at another pace."""

    layout: TopicLayout
    per_second: float | None = None
    """At most so many customers leave each place in a second: none at all with 0, as many as the worker's options allow without a number."""
    revision: int = 0
    """Of several announcements of one layout, the one with the highest counts: one that comes twice must not bring an earlier pace back."""


class LinkAsked(msgspec.Struct, frozen=True, kw_only=True, tag="link"):
    """The link between `moved` and `kept` looks for `target`, who is asked to meet `other`."""

    target: str
    at: int
    moved: str
    kept: str
    identity: str
    """The id of the link's touchpoint."""
    other: str = ""
    """The least id of the person who asks; empty while that person is looked for."""
    other_is_known: bool = False
    record: TouchpointForwarded
    """In which the link was read, and where."""
    layout: TopicLayout | None = None
    """That of the sender."""


class PersonMoved(msgspec.Struct, frozen=True, kw_only=True, tag="person"):
    """A person moves to whoever `target` is. `linked_ids` and `state` are stored forms; without a state it has had no touchpoint."""

    target: str
    linked_ids: bytes
    state: bytes | None
    stream_time: int | None
    link: LinkAsked
    """Why."""
    layout: TopicLayout | None = None
    """That of the sender."""


class WayProbed(msgspec.Struct, frozen=True, kw_only=True, tag="probe"):
    """Goes wherever touchpoints of this id go, until it comes back to `origin`: whatever was ahead of it has been judged then."""

    customer_id: str
    origin: int
    number: int
    layout: TopicLayout | None = None
    """That of the sender."""


class PersonForgotten(msgspec.Struct, frozen=True, kw_only=True, tag="forgotten"):
    """A person with these ids was forgotten at the sender: addresses of them go, and touchpoints of them change nothing. Times as in a request to forget."""

    digests: Mapping[str, bytes]
    """Each id's digest with the installation's key."""
    at: int
    until: int
    layout: TopicLayout | None = None
    """That of the sender, which has told all places that it knows."""


Sent = (
    StateMoved
    | TouchpointForwarded
    | CustomerClaimed
    | CustomerUnknown
    | WaysTold
    | CustomersDenied
    | PlaceFinished
    | SettlingAsked
    | SettlingAnswered
    | LayoutAnnounced
    | LinkAsked
    | PersonMoved
    | WayProbed
    | PersonForgotten
)


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One record. `number` counts what `sender` has sent to this receiver, from 1."""

    format: int = FORMAT
    sender: int
    number: int
    sent: Sent


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Transfer).decode


def encode_transfer(transfer: Transfer) -> bytes:
    """The record's value."""
    return _encode(transfer)


def decode_transfer(value: bytes | None) -> Transfer:
    """The transfer in a record. Raises `TransferError`."""
    try:
        found = _decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TransferError(f"a record of transfers cannot be read: {error}") from None
    if found.format != FORMAT:
        raise TransferError(f"a record of transfers has format {found.format}; this version reads format {FORMAT}")
    return found
