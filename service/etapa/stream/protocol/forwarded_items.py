"""What becomes of the items of a batch that are for another place: marked, so that they are forwarded in their turn.

A record that is read with a source may hold many touchpoints, and another partition may have another version of the source. So what is forwarded is the
touchpoint that was made, and of the record no more than a dead letter needs.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.outgoing.dead_letter import Cut
from etapa.contracts.stored.made_touchpoint import decode_made, encode_made
from etapa.contracts.stored.transfer import TopicLayout, TouchpointForwarded
from etapa.journey.engine.deny_list import DenyList
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.stream.protocol.batch import Pause, decode
from etapa.stream.protocol.records import IncomingTransfer, Record
from etapa.stream.protocol.waiting import Item, Waiting

MOST_SENT_ALONG: Final = 16 * 1024
"""Bytes of a record's value that are sent along with a touchpoint that a source made of it. The record may have made hundreds of them."""
UNSENDABLE: Final = rejected("invalid", "the customer lives in another partition, to which half a character and the like cannot be sent")


class LivesElsewhere(SkippedRecord, frozen=True, gc=False, kw_only=True):
    """A touchpoint, or a request to forget its customer, that is to be forwarded to another place."""

    rule: str = ""
    place: int
    touchpoint: Touchpoint | ForgetRequest
    made: bytes | None = None
    """The touchpoint as bytes, if a source made it."""


class ForgetElsewhere(ForgetRequest, frozen=True, gc=False, kw_only=True):
    """A request to forget a customer who has left: the address goes, and the request is forwarded to it."""

    place: int
    touchpoint: ForgetRequest


def elsewhere(
    item: Touchpoint | ForgetRequest, place: int, denied: DenyList | None, *, has_left: bool, is_made: bool = False
) -> LivesElsewhere | ForgetElsewhere | Rejected:
    """Mark what is to be forwarded. `is_made`: a source made it."""
    if is_made and isinstance(item, Touchpoint):
        made = encode_made(item)
        return UNSENDABLE if made is None else LivesElsewhere(place=place, touchpoint=item, made=made)
    if has_left and isinstance(item, ForgetRequest) and denied is not None and denied.is_ours(item):
        return ForgetElsewhere(item.customer_id, item.digest, item.at, item.until, place=place, touchpoint=item)
    return LivesElsewhere(place=place, touchpoint=item)


def as_read(item: Item) -> Item:
    """The same without a mark: where the customer lives may change until it is judged."""
    return item.touchpoint if isinstance(item, LivesElsewhere | ForgetElsewhere) else item


def sent_along(
    record: Record, origin: tuple[int, int], layout: TopicLayout | None = None, made: bytes | None = None, *, is_needed: bool = True
) -> TouchpointForwarded:
    """A record that was read first at `origin`, as it is forwarded. Unless it `is_needed`, no more than the beginning of its value."""
    value, cut = record.value, None
    if record.cut is not None and "value" in record.cut.parts:
        # It was forwarded before.
        cut = record.cut.size, record.cut.sha256
    elif not is_needed and value is not None and len(value) > MOST_SENT_ALONG:
        cut = len(value), sha256(value).hexdigest()
        value = value[:MOST_SENT_ALONG]
    return TouchpointForwarded(record.key, value, record.headers, record.timestamp, *origin, layout, made, cut)


def record_in(sent: TouchpointForwarded) -> Record:
    """The record as it was read first, or its beginning."""
    cut = None if sent.cut is None else Cut(["value"], *sent.cut)
    return Record(sent.offset, sent.timestamp, sent.key, sent.value, sent.headers, cut)


async def read_forwarded(
    run: Sequence[IncomingTransfer], decoder: Decoder, wall: int, pause_every: int, pause: Pause, earliest: int
) -> Waiting:
    """What was forwarded, each touchpoint beside its record; `decoder` and what follows it as in `decode`. Raises `TransferError`."""
    sent = [each.transfer.sent for each in run if isinstance(each.transfer.sent, TouchpointForwarded)]
    records = list(map(record_in, sent))
    # Sources are not asked again.
    plain = decoder_within(decoder.limits) if decoder.makes_several else decoder
    whole = [record for record, one in zip(records, sent, strict=True) if one.made is None]
    read = iter((await decode(whole, plain, wall, pause_every, pause, earliest)).items)
    items: list[Item] = []
    for count, one in enumerate(sent, start=1):
        items.append(next(read) if one.made is None else decode_made(one.made))
        if count % pause_every == 0:
            await pause()
    return Waiting(records, items)
