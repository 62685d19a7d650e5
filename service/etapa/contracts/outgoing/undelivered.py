"""A campaign trigger that could not be delivered: the record as it was, with headers that say why and where it came from.

Mirrors `schemas/undelivered-trigger.schema.json`. The headers are appended, so whatever the original carried is still there
in its order; the last of each name counts. What does not fit into the topic is cut, and what is sent back carries how often that was
done, both as with dead letters of touchpoints.
"""

import zlib
from typing import Final, Literal, get_args

import msgspec

from etapa.contracts.outgoing.campaign_trigger import decode_campaign_trigger
from etapa.contracts.outgoing.dead_letter import DETAIL, OFFSET, PARTITION, REASON, TOPIC, DeadLetter, DeadLetterError, Headers, taken_apart

UndeliveredReason = Literal["not_a_trigger", "no_target", "refused", "gave_up", "too_old"]
REASONS: Final[tuple[UndeliveredReason, ...]] = get_args(UndeliveredReason)

TARGET: Final = "etapa.target"
REQUESTS: Final = "etapa.requests"
HEADERS: Final = (REASON, DETAIL, TARGET, REQUESTS, TOPIC, PARTITION, OFFSET)

LONGEST_DETAIL: Final = 1_000
"""Characters; a longer detail ends in an ellipsis."""


class Undelivered(msgspec.Struct, frozen=True):
    """Why a trigger was not delivered."""

    reason: UndeliveredReason
    detail: str
    """What each request came to, or what is wrong with the record."""
    target: str = ""
    """The target's id in the delivery file; empty when there was none."""
    requests: int = 0
    """How many requests were made."""


def encode_undelivered(
    key: bytes | None, value: bytes | None, headers: Headers, why: Undelivered, topic: str, partition: int, offset: int
) -> tuple[bytes | None, bytes | None, Headers]:
    """Key, value and headers of the dead letter for a record read at `topic`, `partition`, `offset`."""
    detail = why.detail if len(why.detail) <= LONGEST_DETAIL else why.detail[: LONGEST_DETAIL - 1] + "…"
    added = (
        (REASON, why.reason.encode()),
        (DETAIL, detail.encode("utf-8", "replace")),
        (TARGET, why.target.encode()),
        (REQUESTS, b"%d" % why.requests),
        (TOPIC, topic.encode()),
        (PARTITION, b"%d" % partition),
        (OFFSET, b"%d" % offset),
    )
    return key, value, (*headers, *added)


class UndeliveredTrigger(DeadLetter, frozen=True):
    """A dead letter of delivery taken apart."""

    target: str = ""
    """The target's id in the delivery file; empty when there was none."""
    requests: int = 0
    campaign: str = ""
    """Empty when the record does not say."""
    trigger_id: str = ""

    @property
    def kind(self) -> str:
        """Reason, target and campaign, the last two as a checksum: these three select what is sent back."""
        return f"{self.reason}.{zlib.crc32(f'{self.target}/{self.campaign}'.encode()):08x}"


def decode_undelivered(key: bytes | None, value: bytes | None, headers: Headers) -> UndeliveredTrigger:
    """The dead letter in a record. Raises `DeadLetterError` when a header is missing or makes no sense."""
    told, original, cut = taken_apart(headers, HEADERS, REASONS)
    if not told[REQUESTS].isdecimal():
        raise DeadLetterError(f"not a dead letter: {REQUESTS} is {told[REQUESTS]!r}, not a number")
    trigger_id, campaign = _trigger_of(value, original)
    return UndeliveredTrigger(
        key=key,
        value=value,
        headers=original,
        reason=told[REASON],
        detail=told[DETAIL],
        topic=told[TOPIC],
        partition=int(told[PARTITION]),
        offset=int(told[OFFSET]),
        cut=cut,
        target=told[TARGET],
        requests=int(told[REQUESTS]),
        campaign=campaign,
        trigger_id=trigger_id,
    )


def _trigger_of(value: bytes | None, headers: Headers) -> tuple[str, str]:
    """The id and the campaign of the trigger; both empty when it is none."""
    try:
        trigger = decode_campaign_trigger(value or b"")
    except msgspec.DecodeError:
        # One that is cut has its id in a header, whose last part is the campaign.
        found = next((text for name, text in headers if name == "ce_id"), None) or b""
        trigger_id = found.decode(errors="replace")
        return trigger_id, trigger_id.rpartition("/")[2]
    return trigger.id, trigger.campaign
