"""A campaign trigger that could not be delivered: the unchanged record with headers that say why and where it came from.

Mirrors `schemas/undelivered-trigger.schema.json`. The headers are appended, so all original headers are still there in their
order; the last of each name counts. As with dead letters of touchpoints, records too large for the topic are cut, and records
that are sent back carry the number of attempts.
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
"""Most characters; a longer detail ends in an ellipsis."""


class Undelivered(msgspec.Struct, frozen=True):
    """Why a trigger was not delivered."""

    reason: UndeliveredReason
    detail: str
    """The result of each request, or what is wrong with the record."""
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
    """A decoded dead letter of delivery."""

    target: str = ""
    """The target's id in the delivery file; empty when there was none."""
    requests: int = 0
    campaign: str = ""
    """Empty if the record does not say."""
    trigger_id: str = ""

    @property
    def kind(self) -> str:
        """Reason, target and campaign, the last two as a checksum: these three select the letters to send back."""
        return f"{self.reason}.{zlib.crc32(f'{self.target}/{self.campaign}'.encode()):08x}"


def decode_undelivered(key: bytes | None, value: bytes | None, headers: Headers) -> UndeliveredTrigger:
    """The dead letter in a record. Raises `DeadLetterError` if a header is missing or makes no sense."""
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
    """The id and the campaign of the trigger; both empty if the record is not a trigger."""
    try:
        trigger = decode_campaign_trigger(value or b"")
    except msgspec.DecodeError:
        # A cut record has its id in a header; the last part of the id is the campaign.
        found = next((text for name, text in headers if name == "ce_id"), None) or b""
        trigger_id = found.decode(errors="replace")
        return trigger_id, trigger_id.rpartition("/")[2]
    return trigger.id, trigger.campaign
