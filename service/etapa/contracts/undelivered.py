"""A campaign trigger that could not be delivered: the record as it was, with headers that say why and where it came from.

Mirrors `schemas/undelivered-trigger.schema.json`. The headers are appended, so whatever the original carried is still there
in its order; the last of each name counts.
"""

from collections.abc import Sequence
from typing import Final, Literal, get_args

import msgspec

Headers = Sequence[tuple[str, bytes]]

UndeliveredReason = Literal["not_a_trigger", "no_target", "refused", "gave_up"]
REASONS: Final[tuple[UndeliveredReason, ...]] = get_args(UndeliveredReason)

REASON: Final = "etapa.reason"
DETAIL: Final = "etapa.detail"
TARGET: Final = "etapa.target"
REQUESTS: Final = "etapa.requests"
TOPIC: Final = "etapa.topic"
PARTITION: Final = "etapa.partition"
OFFSET: Final = "etapa.offset"
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
