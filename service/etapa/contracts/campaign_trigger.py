"""The core's `Trigger` as a record of `campaign-triggers`, and back. Mirrors `schemas/campaign-trigger.schema.json`.

The JSON has the fields below in this order, none ever missing. The headers follow the CloudEvents binding for Kafka
in binary mode, so that a consumer can route and drop repeats without parsing the value.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from etapa.contracts.rfc3339 import OffsetTime, microseconds_of, moment_of, time_bytes
from etapa.journey.engine.touchpoint import Trigger

TYPE: Final = "etapa.campaign-trigger"


class CampaignTriggerMessage(msgspec.Struct, frozen=True, rename={"source": "from"}):
    """A campaign trigger as it is published. `id` is the same whenever and wherever it is worked out; `at` is in UTC."""

    id: str
    campaign: str
    customer_id: str
    stage_change_id: str
    at: OffsetTime
    source: str | None
    to: str
    holdout: bool
    payload: Mapping[str, Any] | None
    journey: str
    version: int

    def trigger(self) -> Trigger:
        """What the core said. Raises `ValueError` when `stage_change_id` does not end in a sequence number."""
        return Trigger(
            campaign=self.campaign,
            customer_id=self.customer_id,
            sequence=int(self.stage_change_id.rpartition("/")[2]),
            at=microseconds_of(self.at),
            source=self.source,
            to=self.to,
            holdout=self.holdout,
            payload=self.payload,
        )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(CampaignTriggerMessage).decode
_SPECVERSION: Final = ("ce_specversion", b"1.0")
_TYPE: Final = ("ce_type", TYPE.encode())
_CONTENT_TYPE: Final = ("content-type", b"application/json")


def trigger_id(trigger: Trigger) -> str:
    """`customer_id/sequence/campaign`: its idempotency key. Neither a sequence nor a campaign's id has a slash in it."""
    return f"{trigger.customer_id}/{trigger.sequence}/{trigger.campaign}"


def encode_campaign_trigger(trigger: Trigger, journey: str, version: int) -> tuple[bytes, bytes, Sequence[tuple[str, bytes]]]:
    """Key, value and headers of the record that announces a trigger of this version of this journey."""
    moment = moment_of(trigger.at)
    key = trigger.customer_id.encode()
    headers = (
        _SPECVERSION,
        ("ce_id", trigger_id(trigger).encode()),
        _TYPE,
        ("ce_source", b"etapa/" + journey.encode()),
        ("ce_time", time_bytes(moment)),
        ("ce_subject", key),
        _CONTENT_TYPE,
    )
    return key, _encode(_message(trigger, moment, journey, version)), headers


def campaign_trigger_json(trigger: Trigger, journey: str, version: int) -> bytes:
    """The value alone: one line of JSON without a line end."""
    return _encode(_message(trigger, moment_of(trigger.at), journey, version))


def decode_campaign_trigger(value: bytes) -> CampaignTriggerMessage:
    """A published trigger. Raises `msgspec.DecodeError` when `value` is not one."""
    return _decode(value)


def _message(trigger: Trigger, moment: datetime, journey: str, version: int) -> CampaignTriggerMessage:
    return CampaignTriggerMessage(
        trigger_id(trigger),
        trigger.campaign,
        trigger.customer_id,
        f"{trigger.customer_id}/{trigger.sequence}",
        moment,
        trigger.source,
        trigger.to,
        trigger.holdout,
        trigger.payload,
        journey,
        version,
    )
